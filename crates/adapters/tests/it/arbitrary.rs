//! Whatever bytes come in, the mapper answers.

use adapters::{Mapped, Mapper};
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::fixtures::assert_valid;

const KEYS: &[&str] = &[
    "EventID",
    "Channel",
    "Hostname",
    "EventTime",
    "@timestamp",
    "UtcTime",
    "SourceName",
    "Provider",
    "Computer",
    "TimeGenerated",
    "TimeCreated",
    "EventData",
    "SyslogMessage",
    "winlog",
    "event_data",
    "event_id",
    "log_name",
    "ActionType",
    "Timestamp",
    "DeviceName",
    "Type",
    "category",
    "properties",
    "ProcessGuid",
    "ProcessId",
    "Image",
    "User",
    "Hashes",
    "Hash",
    "TargetObject",
    "Details",
    "EventType",
    "SourceIp",
    "DestinationIp",
    "Initiated",
    "Protocol",
    "QueryResults",
    "PipeName",
    "TargetFilename",
    "Contents",
    "LogonType",
    "IpAddress",
    "IpPort",
    "SubStatus",
    "TargetUserName",
    "SubjectUserName",
    "NewProcessId",
    "Name",
    "TaskContent",
    "ServiceFileName",
    "ContextInfo",
    "Payload",
    "RecordNumber",
    "AccountType",
    "AdditionalFields",
    "ReportId",
    "GrantedAccess",
];

const TEXTS: &[&str] = &[
    "",
    "-",
    "Security",
    "System",
    "Microsoft-Windows-Sysmon/Operational",
    "Microsoft-Windows-Sysmon",
    "Microsoft-Windows-PowerShell/Operational",
    "2024-03-05 08:00:00.123",
    "1066-01-01",
    "0x1f",
    "4688",
    "4624",
    "host.corp",
    "C:\\a\\b.exe",
    "CORP\\a",
    "a@B",
    "MD5=0CC175B9C0F1B6A831C399E269772661,X",
    "HKLM\\a\\b",
    "DWORD (0x00000001)",
    "QWORD (0x1-0xfffffffff)",
    "::ffff:1.2.3.4",
    "type:  5 x;::1;",
    " \"x\"",
    "&lt;a&gt;&#xD800;",
    "<Event><System><EventID>1</EventID></System></Event>",
    "<EventData><Data Name=\"a\">b</Data></EventData>",
    "{\"a\":{}}",
    "{0a1b2c3d-0000-0000-0000-000000000001}",
    "AdvancedHunting-DeviceEvents",
    "LdapSearch",
    "\u{0}\u{1F600}é",
    "%%14592",
    "false",
    "\"",
    "a:b:c",
    "User = x\\y",
    "CommandInvocation(a",
    "tcp",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0i64..30).prop_map(Value::from),
        prop::sample::select(TEXTS).prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 24, 6, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from), object(inner)]
    })
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let key = prop_oneof![9 => prop::sample::select(KEYS).prop_map(str::to_owned), 1 => "\\PC{0,8}"];
    prop::collection::vec((key, value), 0..16).prop_map(|members| Value::Object(Map::from_iter(members)))
}

/// Events that get as far as a mapping.
fn event() -> impl Strategy<Value = Value> {
    let channel = prop::sample::select(&TEXTS[2..7]);
    let id = prop_oneof![
        0i64..30,
        prop::sample::select(
            &[4624i64, 4625, 4648, 4657, 4672, 4688, 4697, 4698, 4732, 4769, 5145, 5156, 7045, 4103][..]
        ),
    ];
    (object(value()), channel, id).prop_map(|(mut object, channel, id)| {
        for (key, value) in [
            ("Channel", Value::from(channel)),
            ("EventID", id.into()),
            ("Hostname", "h".into()),
            ("@timestamp", "2024-03-05".into()),
        ] {
            object[key] = value;
        }
        object
    })
}

fn map(mapper: &mut Mapper, line: &[u8]) {
    match mapper.map(line) {
        Ok(Mapped::Row(row)) => assert_valid(&row),
        Ok(Mapped::Unmapped { kind }) => assert!(!kind.is_empty()),
        Ok(Mapped::Merged) => panic!("a line is an event of its own"),
        Err(refusal) => assert!(!refusal.code().is_empty() && !refusal.to_string().is_empty()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes(line: Vec<u8>) {
        map(&mut Mapper::default(), &line);
    }

    #[test]
    fn any_event_like_objects(objects in prop::collection::vec(prop_oneof![object(value()), event()], 1..6)) {
        let mut mapper = Mapper::default();
        for object in objects {
            map(&mut mapper, object.to_string().as_bytes());
        }
    }

    #[test]
    fn any_cut_of_a_line(at in 0usize..4000, nth in 0usize..36) {
        let line = include_str!("../fixtures/nxlog_sysmon.jsonl").lines().nth(nth).unwrap_or_default();
        map(&mut Mapper::default(), &line.as_bytes()[..at.min(line.len())]);
    }
}
