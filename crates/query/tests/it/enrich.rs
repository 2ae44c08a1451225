//! What is known of files, beside rows that name them.

use expect_test::expect;

use crate::harness::check;

#[test]
fn files_that_are_known_and_others() {
    check(
        r#"datatable(n:int, SHA1:string) [1, "AA11", 2, "cc33", 3, ""] | invoke FileProfile("SHA1", 1000)
           | project n, SHA1, MD5, GlobalPrevalence, Signer, GlobalFirstSeen | sort by n asc"#,
        expect![[r#"
            n:int | SHA1:string | MD5:string | GlobalPrevalence:int | Signer:string | GlobalFirstSeen:datetime
            1 | AA11 | bb22 | 3 |  | 
            2 | cc33 |  |  |  | 
            3 |  |  |  |  | "#]],
    );
    check(
        r#"datatable(h:string) ["bb22"] | invoke FileProfile(h) | project h, SHA1, GlobalPrevalence"#,
        expect![[r#"
            h:string | SHA1:string | GlobalPrevalence:int
            bb22 |  | 3"#]],
    );
    check(
        r#"print n = 1 | invoke FileProfile(n)"#,
        expect!["error at 1:15: FileProfile() takes a column of strings, not of long"],
    );
    check(
        r#"print n = 1 | invoke FileProfile("SHA1")"#,
        expect!["error at 1:15: 'invoke' operator: Failed to resolve column named 'SHA1'"],
    );
}

#[test]
fn devices_by_their_addresses() {
    check(
        r#"datatable(IP:string)["10.0.0.1", "10.9.9.9"] | invoke DeviceFromIP() | sort by IP asc"#,
        expect![[r#"
            IP:string | DeviceId:string
            10.0.0.1 | d3
            10.9.9.9 | "#]],
    );
    check(
        r#"DeviceFromIP("10.0.0.1", datetime(2024-05-05 12:00))"#,
        expect![[r#"
        IP:string | DeviceId:string
        10.0.0.1 | d1"#]],
    );
    check(
        r#"datatable(a:string)["10.0.0.5"] | invoke DeviceFromIP(a)"#,
        expect![[r#"
        a:string | DeviceId:string | IP:string
        10.0.0.5 | d1 | 10.0.0.5"#]],
    );
    check(
        r#"AssignedIPAddresses("PC1.corp") | project Timestamp, IPAddress, IPType"#,
        expect![[r#"
        Timestamp:datetime | IPAddress:string | IPType:string
        2024-05-06T10:00:00.0000000Z | 10.0.0.5 | Private"#]],
    );
    check(
        r#"AssignedIPAddresses("d1", datetime(2024-05-05 12:00)) | project IPAddress"#,
        expect![[r#"
        IPAddress:string
        10.0.0.1"#]],
    );
    check(
        r#"datatable(DeviceId:string)["d3", "d1"] | invoke SeenBy() | sort by DeviceId asc"#,
        expect![[r#"
        DeviceId:string | SeenBy:dynamic
        d1 | 
        d3 | ["d2"]"#]],
    );
    check(
        r#"AssignedIPAddresses()"#,
        expect!["error at 1:1: AssignedIPAddresses() takes the id or the name of a device"],
    );
    check(
        r#"print IP = 5 | invoke DeviceFromIP()"#,
        expect!["error at 1:16: DeviceFromIP() takes a column of strings, not of long"],
    );
}
