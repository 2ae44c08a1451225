//! Rule and row to hit or no hit, for each family of log sources, on rows as adapters make them and on rows of
//! our own sensor, which hold columns only.

use detections::RuleSet;
use serde_json::{Value, json};

use crate::{hits, row};

/// A rule for a log source with one selection, all of whose fields must match.
fn rule(logsource: &str, selection: &str) -> String {
    let sources: String =
        logsource.split_whitespace().map(|part| format!("    {}\n", part.replace('=', ": "))).collect();
    let fields: String = selection.lines().map(|line| format!("        {}\n", line.trim())).collect();
    format!(
        "title: t\nlogsource:\n{sources}detection:\n    selection:\n{fields}    condition: selection\nlevel: low\n"
    )
}

#[track_caller]
fn check(logsource: &str, selection: &str, table: &str, columns: Value, expected: bool) {
    let yaml = rule(logsource, selection);
    let loaded = RuleSet::from_yaml(&[("t.yml", &yaml)]);
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.skipped, []);
    let row = row(table, columns);
    assert_eq!(!hits(&loaded.rules, &row).is_empty(), expected, "{yaml}\n{:?}", row.to_json());
}

const PROCESS: &str = "product=windows category=process_creation";

fn native_process() -> Value {
    json!({
        "DeviceName": "pc1.corp.example", "ActionType": "ProcessCreated",
        "FileName": "powershell.exe", "FolderPath": r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
        "SHA1": "aa11", "SHA256": "bb22", "MD5": "cc33", "ProcessId": 4711, "LogonId": 999,
        "ProcessCommandLine": "powershell.exe -enc AAAA", "ProcessIntegrityLevel": "High",
        "ProcessVersionInfoOriginalFileName": "PowerShell.EXE",
        "AccountDomain": "corp", "AccountName": "alice",
        "InitiatingProcessFileName": "winword.exe",
        "InitiatingProcessFolderPath": r"c:\program files\microsoft office\winword.exe",
        "InitiatingProcessCommandLine": "winword.exe /n a.docm",
        "InitiatingProcessParentFileName": "explorer.exe",
    })
}

#[test]
fn process_creation_of_native_rows() {
    for (selection, expected) in [
        (r"Image|endswith: '\powershell.exe'", true),
        (r"image|ENDSWITH: '\x'".replace("ENDSWITH", "endswith").as_str(), false),
        (r"IMAGE|endswith: '\POWERSHELL.exe'", true),
        (r"ParentImage|endswith: '\WINWORD.EXE'", true),
        (r"GrandParentImage|endswith: '\explorer.exe'", true),
        ("CommandLine|contains: ' -Enc '", true),
        ("CommandLine|contains: 'nothing of this'", false),
        (r"User: 'CORP\Alice'", true),
        ("User|startswith: 'corp'", true),
        ("Hashes|contains: 'SHA1=AA11,MD5=CC33'", true),
        ("Hashes|contains: 'IMPHASH='", false),
        ("LogonId: '0x3e7'", true),
        ("IntegrityLevel: 'high'", true),
        ("OriginalFileName: 'PowerShell.EXE'", true),
        ("ParentCommandLine|endswith: 'a.docm'", true),
        ("Company: null", true),
        ("ProcessId: 4711", true),
        ("Computer|endswith: 'corp.example'", true),
    ] {
        check(PROCESS, selection, "DeviceProcessEvents", native_process(), expected);
    }
}

#[test]
fn a_row_goes_only_to_the_rules_of_its_log_sources() {
    let selection = r"Image|endswith: '\powershell.exe'";
    for (logsource, expected) in [
        ("category=process_creation", true),
        ("product=windows", true),
        ("product=linux category=process_creation", false),
        ("product=windows category=process_access", false),
        ("product=windows service=security", false),
    ] {
        check(logsource, selection, "DeviceProcessEvents", native_process(), expected);
    }
}

#[test]
fn process_creation_prefers_the_source_value() {
    let mut columns = native_process();
    columns["AdditionalFields"] = json!({
        "SourceProvider": "Microsoft-Windows-Sysmon", "SourceEventId": 1,
        "SourceChannel": "Microsoft-Windows-Sysmon/Operational", "SourceRecordId": 7,
        "Hashes": "SHA1=AA11,IMPHASH=DD44", "User": r"CORP\Alice.Original", "CurrentDirectory": r"C:\Users\alice\",
    });
    for (logsource, selection, expected) in [
        (PROCESS, "Hashes|contains: 'IMPHASH=DD44'", true),
        (PROCESS, r"User: 'CORP\Alice.Original'", true),
        (PROCESS, r"CurrentDirectory|startswith: 'C:\Users\'", true),
        ("product=windows service=sysmon", "EventID: 1", true),
        ("product=windows service=sysmon", "Provider_Name: Microsoft-Windows-Sysmon", true),
        ("product=windows service=sysmon", "Channel|endswith: 'Sysmon/Operational'", true),
        ("product=windows service=security", "EventID: 1", false),
    ] {
        check(logsource, selection, "DeviceProcessEvents", columns.clone(), expected);
    }
}

#[test]
fn process_creation_of_security_4688() {
    let columns = |twin: Value| {
        json!({
            "ActionType": "ProcessCreated", "FolderPath": r"C:\Windows\System32\reg.exe", "FileName": "reg.exe",
            "ProcessId": 7256, "AccountDomain": "corp", "AccountName": "alice",
            "AdditionalFields": {"SourceChannel": "Security", "SourceEventId": "4688", "NewProcessId": "0x1c58",
                                 "AlsoRecordedBy": twin},
        })
    };
    let table = "DeviceProcessEvents";
    let alone = columns(Value::Null);
    check(PROCESS, r"Image|endswith: '\reg.exe'", table, alone.clone(), true);
    check("product=windows service=security", "EventID: 4688", table, alone.clone(), true);
    check("product=windows service=security", r"NewProcessName|endswith: '\reg.exe'", table, alone, true);
    let second = columns(json!("Microsoft-Windows-Sysmon"));
    check(PROCESS, r"Image|endswith: '\reg.exe'", table, second.clone(), false);
    check("product=windows service=security", "EventID: 4688", table, second, true);
}

#[test]
fn a_file_name_stands_in_for_a_path() {
    let columns = json!({"ActionType": "ProcessCreated", "FileName": "evil.exe",
                         "InitiatingProcessFileName": "System", "InitiatingProcessId": 4});
    check(PROCESS, r"Image|endswith: '\evil.exe'", "DeviceProcessEvents", columns.clone(), true);
    check(PROCESS, "ParentImage: System", "DeviceProcessEvents", columns.clone(), true);
    check(PROCESS, r"Image|contains: 'C:\'", "DeviceProcessEvents", columns, false);
    let folder_only =
        json!({"ActionType": "ProcessCreated", "FileName": "evil.exe", "FolderPath": r"C:\Temp\"});
    check(PROCESS, r"Image: 'C:\Temp\evil.exe'", "DeviceProcessEvents", folder_only, true);
}

#[test]
fn process_creation_on_linux() {
    let linux = "product=linux category=process_creation";
    let columns = json!({"ActionType": "ProcessCreated", "FileName": "bash", "FolderPath": "/usr/bin/bash",
        "ProcessCommandLine": "bash -i", "AccountDomain": "build1", "AccountName": "www-data",
        "AdditionalFields": {"ProcessCurrentWorkingDirectory": "/tmp"}});
    check(linux, "Image|endswith: /bash", "DeviceProcessEvents", columns.clone(), true);
    check(linux, "User: www-data", "DeviceProcessEvents", columns.clone(), true);
    check(linux, "CurrentDirectory: /tmp", "DeviceProcessEvents", columns.clone(), true);
    check(PROCESS, "Image|endswith: /bash", "DeviceProcessEvents", columns.clone(), false);
    check("product=linux service=auditd", "a1: '-i'", "DeviceProcessEvents", columns.clone(), false);
    let mut audited = columns;
    audited["AdditionalFields"] = json!({"SourceProvider": "auditd", "key": "exec"});
    check(
        "product=linux service=auditd",
        "a1: '-i'\ntype: EXECVE",
        "DeviceProcessEvents",
        audited.clone(),
        true,
    );
    check("product=linux service=auditd", "key: exec\ncomm: bash", "DeviceProcessEvents", audited, true);
}

#[test]
fn network_connection_turns_with_its_direction() {
    let network = "product=windows category=network_connection";
    let columns = |action: &str| {
        json!({"ActionType": action, "RemoteIP": "203.0.113.7", "RemotePort": 443, "RemoteUrl": "https://c2.example/a",
               "LocalIP": "10.0.0.5", "LocalPort": 50000, "Protocol": "Tcp", "DeviceName": "pc1",
               "InitiatingProcessFileName": "evil.exe", "InitiatingProcessFolderPath": r"c:\users\a\evil.exe"})
    };
    for (action, selection, expected) in [
        (
            "ConnectionSuccess",
            "Initiated: 'true'\nDestinationIp|cidr: '203.0.113.0/24'\nDestinationPort: 443",
            true,
        ),
        ("ConnectionSuccess", "SourceIp: 10.0.0.5\nSourcePort: 50000\nProtocol|cased: tcp", true),
        ("ConnectionSuccess", r"DestinationHostname: c2.example", true),
        ("ConnectionSuccess", r"Image|endswith: '\evil.exe'", true),
        ("ConnectionSuccess", "DestinationIsIpv6: 'false'", true),
        ("ConnectionSuccess", "Initiated: false", false),
        (
            "InboundConnectionAccepted",
            "Initiated: 'false'\nDestinationIp: 10.0.0.5\nSourceIp: 203.0.113.7",
            true,
        ),
        ("InboundConnectionAccepted", "DestinationPort: 50000\nSourceHostname: c2.example", true),
        ("InboundConnectionAccepted", "Initiated: 'true'", false),
        ("ListeningConnectionCreated", "Protocol: tcp", false),
    ] {
        check(network, selection, "DeviceNetworkEvents", columns(action), expected);
    }
    let mut filtered = columns("ConnectionSuccess");
    filtered["AdditionalFields"] =
        json!({"SourceChannel": "Security", "SourceEventId": 5156, "Direction": "%%14593"});
    check(network, "DestinationPort: 443", "DeviceNetworkEvents", filtered.clone(), false);
    let security = "product=windows service=security";
    check(
        security,
        "EventID: 5156\nDestPort: 443\nDirection: '%%14593'",
        "DeviceNetworkEvents",
        filtered,
        true,
    );
}

#[test]
fn registry_paths_and_data_read_as_sysmon_writes_them() {
    let set = "product=windows category=registry_set";
    let value = |kind: &str, data: &str, key: &str, name: &str| {
        json!({"ActionType": "RegistryValueSet", "RegistryKey": key, "RegistryValueName": name,
               "RegistryValueType": kind, "RegistryValueData": data,
               "InitiatingProcessFolderPath": r"c:\windows\system32\reg.exe"})
    };
    let run = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Run";
    for (selection, columns, expected) in [
        (
            r"TargetObject: 'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run\x'",
            value("String", "a", run, "x"),
            true,
        ),
        (r"TargetObject|endswith: '\Run\(Default)'", value("String", "a", run, ""), true),
        ("Details: 'DWORD (0x0000000a)'", value("Dword", "10", run, "x"), true),
        ("Details: 'DWORD (0x0000000a)'", value("REG_DWORD", "0xA", run, "x"), true),
        ("Details: 'DWORD (0x0000000a)'", value("Dword", "11", run, "x"), false),
        ("Details: 'QWORD (0x00000001-0x00000002)'", value("Qword", "4294967298", run, "x"), true),
        ("Details: 'Binary Data'", value("Binary", "", run, "x"), true),
        ("Details: '(Empty)'", value("String", "", run, "x"), true),
        (r"Details|contains: 'C:\x'", value("String", r"C:\x\y.exe", run, "x"), true),
        ("EventType: SetValue", value("String", "a", run, "x"), true),
        (r"Image|endswith: '\reg.exe'", value("String", "a", run, "x"), true),
        (
            r"TargetObject|startswith: 'HKLM\System\CurrentControlSet\Services\'",
            value("String", "a", r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\svc", "ImagePath"),
            true,
        ),
        (
            r"TargetObject|startswith: 'HKCR\.txt\'",
            value("String", "a", r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes\.txt", "x"),
            true,
        ),
        (
            r"TargetObject|startswith: 'HKU\S-1-5-21-1\'",
            value("String", "a", r"HKEY_USERS\S-1-5-21-1\Software", "x"),
            true,
        ),
    ] {
        check(set, selection, "DeviceRegistryEvents", columns, expected);
    }
    for (action, category, kind, expected) in [
        ("RegistryKeyCreated", "registry_add", "CreateKey", true),
        ("RegistryKeyCreated", "registry_delete", "CreateKey", false),
        ("RegistryKeyDeleted", "registry_delete", "DeleteKey", true),
        ("RegistryValueDeleted", "registry_event", "DeleteValue", true),
        ("RegistryValueSet", "registry_event", "SetValue", true),
        ("RegistryValueSet", "registry_add", "SetValue", false),
    ] {
        let columns = json!({"ActionType": action, "RegistryKey": run, "RegistryValueName": ""});
        let logsource = format!("product=windows category={category}");
        check(&logsource, &format!("EventType: {kind}"), "DeviceRegistryEvents", columns, expected);
    }
    let renamed = json!({"ActionType": "RegistryKeyRenamed", "PreviousRegistryKey": r"HKEY_LOCAL_MACHINE\a",
                         "RegistryKey": r"HKEY_LOCAL_MACHINE\b"});
    let selection = "TargetObject: 'HKLM\\a'\nNewName: 'HKLM\\b'";
    check("product=windows category=registry_rename", selection, "DeviceRegistryEvents", renamed, true);
}

#[test]
fn files_and_images() {
    let columns = |action: &str| {
        json!({"ActionType": action, "FolderPath": r"C:\Users\a\x.exe", "FileName": "x.exe",
               "PreviousFolderPath": r"C:\Users\a\x.txt", "SHA1": "aa11",
               "InitiatingProcessFolderPath": r"c:\windows\explorer.exe",
               "InitiatingProcessAccountDomain": "corp", "InitiatingProcessAccountName": "alice"})
    };
    for (category, action, expected) in [
        ("file_event", "FileCreated", true),
        ("file_event", "FileModified", true),
        ("file_event", "FileDeleted", false),
        ("file_delete", "FileDeleted", true),
        ("file_rename", "FileRenamed", true),
        ("file_change", "FileCreated", false),
    ] {
        let logsource = format!("product=windows category={category}");
        let selection =
            "TargetFilename|endswith: '\\x.exe'\nImage|endswith: '\\explorer.exe'\nUser: 'corp\\alice'";
        check(&logsource, selection, "DeviceFileEvents", columns(action), expected);
    }
    let rename = "product=windows category=file_rename";
    check(rename, "SourceFilename|endswith: .txt", "DeviceFileEvents", columns("FileRenamed"), true);
    let mut stream = columns("FileCreated");
    stream["AdditionalFields"] = json!({"SourceChannel": "Microsoft-Windows-Sysmon/Operational", "SourceEventId": 15,
                                        "Contents": "[ZoneTransfer] HostUrl=http://x", "Hash": "SHA1=AA"});
    let category = "product=windows category=create_stream_hash";
    check(category, "Contents|contains: HostUrl", "DeviceFileEvents", stream.clone(), true);
    check(
        "product=windows category=file_event",
        "Image|contains: explorer",
        "DeviceFileEvents",
        stream,
        false,
    );

    let image = json!({"ActionType": "ImageLoaded", "FolderPath": r"C:\Windows\System32\amsi.dll", "SHA1": "aa11",
                       "InitiatingProcessFolderPath": r"c:\users\a\x.exe"});
    let category = "product=windows category=image_load";
    let selection =
        "ImageLoaded|endswith: '\\amsi.dll'\nImage|endswith: '\\x.exe'\nHashes|contains: SHA1=AA11";
    check(category, selection, "DeviceImageLoadEvents", image, true);
}

#[test]
fn device_events() {
    let event = |action: &str, additional: Value| {
        json!({"ActionType": action, "FolderPath": r"C:\Windows\System32\lsass.exe", "FileName": "lsass.exe",
               "ProcessId": 700, "InitiatingProcessFolderPath": r"c:\temp\x.exe",
               "InitiatingProcessFileName": "x.exe", "AdditionalFields": additional})
    };
    for (category, action, additional, selection, expected) in [
        (
            "process_access",
            "OpenProcessApiCall",
            json!({"DesiredAccess": 5136}),
            "TargetImage|endswith: '\\lsass.exe'\nSourceImage|endswith: '\\x.exe'\nGrantedAccess: '0x1410'",
            true,
        ),
        (
            "process_access",
            "OpenProcessApiCall",
            json!({"GrantedAccess": "0x1410"}),
            "GrantedAccess: '0x1410'",
            true,
        ),
        (
            "process_access",
            "OpenProcessApiCall",
            json!({"DesiredAccess": 1}),
            "GrantedAccess: '0x1410'",
            false,
        ),
        (
            "create_remote_thread",
            "CreateRemoteThreadApiCall",
            json!({"StartFunction": "LoadLibraryA"}),
            "TargetImage|endswith: '\\lsass.exe'\nStartFunction: LoadLibraryA",
            true,
        ),
        ("driver_load", "DriverLoad", json!({"Hashes": "IMPHASH=AA"}), "Hashes|contains: IMPHASH=AA", true),
        (
            "pipe_created",
            "NamedPipeEvent",
            json!({"PipeName": r"\Device\NamedPipe\psexesvc"}),
            r"PipeName: '\psexesvc'",
            true,
        ),
        ("pipe_created", "NamedPipeEvent", json!({"PipeName": r"\psexesvc"}), r"PipeName: '\psexesvc'", true),
        (
            "pipe_created",
            "NamedPipeEvent",
            json!({"FileOperation": "File created"}),
            "EventType: CreatePipe",
            true,
        ),
        (
            "dns_query",
            "DnsQueryResponse",
            json!({"DnsQueryString": "c2.example"}),
            "QueryName|endswith: .example",
            true,
        ),
        (
            "dns_query",
            "DnsQueryResponse",
            json!({"DnsQueryString": "c2.example", "DnsQueryResult": ["203.0.113.7", {"Result": "1.1.1.1"}]}),
            "QueryResults|contains|all:\n    - 203.0.113.7\n    - 1.1.1.1",
            true,
        ),
        (
            "wmi_event",
            "WmiEventConsumer",
            json!({"Destination": "powershell"}),
            "Destination|contains: powershell",
            true,
        ),
        (
            "ps_script",
            "PowerShellScriptBlock",
            json!({"ScriptBlockText": "iex x"}),
            "ScriptBlockText|contains: iex",
            true,
        ),
        (
            "ps_module",
            "PowerShellCommand",
            json!({"Command": "Invoke-Mimikatz"}),
            "Payload|contains: Mimikatz",
            true,
        ),
        (
            "process_tampering",
            "ProcessTampering",
            json!({"Type": "Image is replaced"}),
            "Type: 'Image is replaced'",
            true,
        ),
        ("raw_access_thread", "RawAccessRead", json!({"Device": "x"}), r"Image|endswith: '\x.exe'", true),
        ("file_access", "SensitiveFileRead", json!({}), r"FileName|endswith: '\lsass.exe'", true),
        ("process_termination", "ProcessTerminated", json!({}), r"Image|endswith: '\lsass.exe'", true),
    ] {
        let logsource = format!("product=windows category={category}");
        check(&logsource, selection, "DeviceEvents", event(action, additional), expected);
    }
    check(
        "category=dns",
        "query: a.b",
        "DeviceEvents",
        event("DnsQueryResponse", json!({"QueryName": "a.b"})),
        true,
    );
    let found = event("AntivirusDetection", json!({"ThreatName": "Mimikatz"}));
    check("category=antivirus", "Signature|contains: Mimikatz", "DeviceEvents", found, true);
}

#[test]
fn services_reach_raw_events_and_native_rows() {
    let security = "product=windows service=security";
    let logon = json!({"ActionType": "LogonSuccess", "LogonType": "Network", "AccountName": "bob",
        "AccountDomain": "corp", "RemoteIP": "10.0.0.9", "RemoteDeviceName": "WS9", "Protocol": "NTLM"});
    for (selection, expected) in [
        ("EventID: 4624\nLogonType: 3\nTargetUserName: bob\nIpAddress: 10.0.0.9", true),
        ("WorkstationName: ws9\nAuthenticationPackageName: NTLM", true),
        ("EventID: 4625", false),
        ("LogonType: 10", false),
    ] {
        check(security, selection, "DeviceLogonEvents", logon.clone(), expected);
    }
    let installed = json!({"ActionType": "ServiceInstalled", "FileName": "PSEXESVC.exe",
        "FolderPath": r"C:\Windows\PSEXESVC.exe", "AdditionalFields": {"ServiceName": "PSEXESVC"}});
    let selection = "EventID: 7045\nProvider_Name: 'Service Control Manager'\nServiceName: PSEXESVC\nImagePath|endswith: '\\PSEXESVC.exe'";
    check("product=windows service=system", selection, "DeviceEvents", installed.clone(), true);
    check(security, "EventID: 4697\nServiceFileName|contains: PSEXESVC", "DeviceEvents", installed, true);

    let value = json!({"ActionType": "RegistryValueSet", "RegistryKey": r"HKEY_LOCAL_MACHINE\SOFTWARE\x",
        "RegistryValueName": "y", "RegistryValueData": "z"});
    let selection =
        "EventID: 4657\nObjectName: '\\REGISTRY\\MACHINE\\SOFTWARE\\x'\nObjectValueName: y\nNewValue: z";
    check(security, selection, "DeviceRegistryEvents", value, true);

    let share = json!({"ActionType": "NetworkShareObjectAccessChecked", "FileName": "svcctl", "AdditionalFields": {
        "SourceChannel": "Security", "SourceEventId": 5145, "SourceProvider": "Microsoft-Windows-Security-Auditing",
        "ShareName": r"\\*\IPC$", "SubjectUserName": "bob"}});
    let selection = "EventID: 5145\nShareName: '\\\\\\\\\\*\\\\IPC$'\nRelativeTargetName: svcctl";
    check(security, selection, "DeviceEvents", share.clone(), true);
    check("product=windows service=system", "EventID: 5145", "DeviceEvents", share, false);
}

#[test]
fn keywords_are_looked_for_in_every_text() {
    let yaml = "title: t\nlogsource:\n    product: windows\n    service: powershell\ndetection:\n    keywords:\n        - 'mimikatz'\n    condition: keywords\n";
    let loaded = RuleSet::from_yaml(&[("t.yml", yaml)]);
    let event = |text: &str| {
        let additional = json!({"SourceChannel": "Microsoft-Windows-PowerShell/Operational", "SourceEventId": 4104,
                                "ScriptBlockText": text});
        row("DeviceEvents", json!({"ActionType": "PowerShellScriptBlock", "AdditionalFields": additional}))
    };
    assert_eq!(hits(&loaded.rules, &event("Invoke-Mimikatz -x")), ["t"]);
    assert!(hits(&loaded.rules, &event("Get-Process")).is_empty());
}

#[test]
fn additional_fields_that_are_not_an_object_hold_nothing() {
    for text in ["", "[1]", "{\"Image\":", "null", "\"x\""] {
        let mut columns = native_process();
        columns["AdditionalFields"] = json!(text);
        check(PROCESS, r"Image|endswith: '\powershell.exe'", "DeviceProcessEvents", columns, true);
    }
}
