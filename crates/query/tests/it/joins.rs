//! `join`.

use expect_test::expect;

use crate::harness::check;

#[test]
fn kinds() {
    let left = "datatable(k:string, a:long)['x',1,'x',2,'y',3,'z',4]";
    let right = "datatable(k:string, b:long)['x',10,'x',20,'y',30,'w',40]";
    for (kind, expected) in [
        (
            "innerunique",
            expect![[r#"
            k:string | count_:long
            x | 2
            y | 1"#]],
        ),
        (
            "inner",
            expect![[r#"
            k:string | a:long | k1:string | b:long
            x | 1 | x | 10
            x | 1 | x | 20
            x | 2 | x | 10
            x | 2 | x | 20
            y | 3 | y | 30"#]],
        ),
        (
            "leftouter",
            expect![[r#"
            k:string | a:long | k1:string | b:long
            x | 1 | x | 10
            x | 1 | x | 20
            x | 2 | x | 10
            x | 2 | x | 20
            y | 3 | y | 30
            z | 4 |  | "#]],
        ),
        (
            "rightouter",
            expect![[r#"
            k:string | a:long | k1:string | b:long
             |  | w | 40
            x | 1 | x | 10
            x | 1 | x | 20
            x | 2 | x | 10
            x | 2 | x | 20
            y | 3 | y | 30"#]],
        ),
        (
            "fullouter",
            expect![[r#"
            k:string | a:long | k1:string | b:long
             |  | w | 40
            x | 1 | x | 10
            x | 1 | x | 20
            x | 2 | x | 10
            x | 2 | x | 20
            y | 3 | y | 30
            z | 4 |  | "#]],
        ),
        (
            "leftanti",
            expect![[r#"
            k:string | a:long
            z | 4"#]],
        ),
        (
            "leftsemi",
            expect![[r#"
            k:string | a:long
            x | 1
            x | 2
            y | 3"#]],
        ),
        (
            "rightanti",
            expect![[r#"
            k:string | b:long
            w | 40"#]],
        ),
        (
            "rightsemi",
            expect![[r#"
            k:string | b:long
            x | 10
            x | 20
            y | 30"#]],
        ),
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
        expect![[r#"
            FileName:string | RemoteIP:string | DeviceId1:string
            powershell.exe | 198.51.100.7 | d1
            powershell.exe | 198.51.100.8 | d1"#]],
    );
    check(
        "let T = DeviceProcessEvents; T | join kind=inner T on DeviceId | count",
        expect![[r#"
        Count:long
        6"#]],
    );
    check(
        "DeviceProcessEvents | join kind=leftouter (DeviceNetworkEvents | project DeviceId, RemoteIP) on DeviceId | where isempty(RemoteIP) | project DeviceName, RemoteIP",
        expect![[r#"
            DeviceName:string | RemoteIP:string
            srv1.corp | "#]],
    );
}

#[test]
fn keys_of_different_kinds() {
    check(
        "datatable(a:int)[1,2] | join kind=inner (datatable(b:long)[2,3]) on $left.a == $right.b",
        expect![[r#"
            a:int | b:long
            2 | 2"#]],
    );
    check(
        "datatable(a:string)['1'] | join kind=inner (datatable(a:long)[1]) on a",
        expect![
            "error at 1:70: 'join' operator: keys of the kinds string and long cannot be equal; convert one"
        ],
    );
}
