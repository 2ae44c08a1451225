//! Files are told by how they begin.

use adapters::recognise;

#[track_caller]
fn check(head: impl AsRef<[u8]>, expected: Option<&str>) {
    let head = head.as_ref();
    assert_eq!(recognise(head).map(|format| format.name), expected, "{}", String::from_utf8_lossy(head));
}

#[test]
fn each_format_is_told_by_its_beginning() {
    let audit = "type=EOE msg=audit(1714975689.001:7): ";
    let event = "<Event xmlns='x'><System/></Event>";
    check(b"ElfFile\0and so on", Some("evtx"));
    check("{\"EventID\":1}\n", Some("sysmon"));
    check("\u{feff}[\n  {\n    \"event_id\": 1\n  }\n]", Some("sysmon"));
    check(format!("<?xml version='1.0'?><Events>{event}"), Some("sysmon"));
    check(format!("May  6 06:08:09 web-1 sshd: x\nMay  6 06:08:09 web-1 sysmon: {event}"), Some("sysmon"));
    check("{\"time\":1,\"class_uid\":1001,\"unmapped\":{\"EventID\":1}}", Some("ocsf"));
    check("[\n{\"class_uid\":1001", Some("ocsf"));
    check(audit, Some("auditd"));
    check(
        format!("May  6 06:08:09 web-1 sshd: x\nMay  6 06:08:09 web-1 audispd: node=a {audit}"),
        Some("auditd"),
    );
    for other in [
        "",
        "\n\n",
        "{}",
        "[]",
        "{\"a\":1}",
        "read me",
        "<html></html>",
        "May  6 06:08:09 web-1 sshd: x",
        "MZ",
    ] {
        check(other, None);
    }
}
