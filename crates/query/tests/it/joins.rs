//! `join`.

use expect_test::expect;

use crate::harness::check;

#[test]
fn kinds() {
    let left = "datatable(k:string, a:long)['x',1,'x',2,'y',3,'z',4]";
    let right = "datatable(k:string, b:long)['x',10,'x',20,'y',30,'w',40]";
    for (kind, expected) in [
        ("innerunique", expect![[""]]),
        ("inner", expect![[""]]),
        ("leftouter", expect![[""]]),
        ("rightouter", expect![[""]]),
        ("fullouter", expect![[""]]),
        ("leftanti", expect![[""]]),
        ("leftsemi", expect![[""]]),
        ("rightanti", expect![[""]]),
        ("rightsemi", expect![[""]]),
    ] {
        // One row a key is arbitrary for innerunique: only its number is shown.
        let end = match kind {
            "innerunique" => "summarize count() by k | sort by k asc",
            "leftanti" | "leftsemi" => "sort by k asc, a asc",
            "rightanti" | "rightsemi" => "sort by k asc, b asc",
            _ => "sort by k asc, a asc, b asc",
        };
        check(&format!("{left} | join kind={kind} ({right}) on k | {end}"), expected);
    }
}

#[test]
fn of_process_and_network_events() {
    check(
        "DeviceProcessEvents | join (DeviceNetworkEvents) on DeviceId, $left.ProcessId == $right.InitiatingProcessId | project FileName, RemoteIP, DeviceId1 | sort by RemoteIP asc",
        expect![[""]],
    );
    check("let T = DeviceProcessEvents; T | join kind=inner T on DeviceId | count", expect![[""]]);
    check(
        "DeviceProcessEvents | join kind=leftouter (DeviceNetworkEvents | project DeviceId, RemoteIP) on DeviceId | where isempty(RemoteIP) | project DeviceName, RemoteIP",
        expect![[""]],
    );
}

#[test]
fn keys_of_different_kinds() {
    check(
        "datatable(a:int)[1,2] | join kind=inner (datatable(b:long)[2,3]) on $left.a == $right.b",
        expect![[""]],
    );
    check("datatable(a:string)['1'] | join kind=inner (datatable(a:long)[1]) on a", expect![[""]]);
}
