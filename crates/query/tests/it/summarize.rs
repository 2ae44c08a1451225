//! `summarize` and the aggregates.

use expect_test::expect;

use crate::harness::check;

#[test]
fn counts_by_keys() {
    check(
        "DeviceProcessEvents | summarize count() by DeviceName | top 5 by count_",
        expect![[r#"
        DeviceName:string | count_:long
        pc1.corp | 2
        pc2.corp | 1
        srv1.corp | 1"#]],
    );
    check(
        "DeviceProcessEvents | summarize count(), dcount(FileName), countif(ProcessId > 100) by bin(Timestamp, 1d) | sort by Timestamp asc",
        expect![[r#"
            Timestamp:datetime | count_:long | dcount_FileName:long | countif_:long
            2024-05-06T00:00:00.0000000Z | 3 | 3 | 2
            2024-05-07T00:00:00.0000000Z | 1 | 1 | 0"#]],
    );
    check(
        "DeviceProcessEvents | summarize by AccountName | sort by AccountName asc",
        expect![[r#"
        AccountName:string

        ann
        bob"#]],
    );
}

#[test]
fn without_rows() {
    check(
        "DeviceProcessEvents | where false | summarize count(), sum(ProcessId), max(FileName), max(ProcessId), make_set(FileName), avg(ProcessId)",
        expect![[r#"
            count_:long | sum_ProcessId:long | max_FileName:string | max_ProcessId:long | set_FileName:dynamic | avg_ProcessId:real
            0 | 0 |  |  | [] | NaN"#]],
    );
    check(
        "DeviceProcessEvents | where false | summarize count() by DeviceId",
        expect!["DeviceId:string | count_:long"],
    );
}

#[test]
fn numbers() {
    check(
        "datatable(x:long)[1,2,3,4] | summarize sum(x), avg(x), min(x), max(x), stdev(x), sumif(x, x > 2), total = sum(x) * 2",
        expect![[r#"
            sum_x:long | avg_x:real | min_x:long | max_x:long | stdev_x:real | sumif_x:long | total:long
            10 | 2.5 | 1 | 4 | 1.2909944487358056 | 7 | 20"#]],
    );
    check(
        "datatable(x:timespan)[1h,2h] | summarize avg(x), sum(x), max(x)",
        expect![[r#"
        avg_x:timespan | sum_x:timespan | max_x:timespan
        01:30:00 | 03:00:00 | 02:00:00"#]],
    );
}

#[test]
fn arg_max_takes_the_whole_row() {
    check(
        "DeviceProcessEvents | summarize arg_max(Timestamp, FileName, ProcessId) by DeviceId | sort by DeviceId asc",
        expect![[r#"
            DeviceId:string | Timestamp:datetime | FileName:string | ProcessId:long
            d1 | 2024-05-06T10:30:00.0000000Z | cmd.exe | 101
            d2 | 2024-05-06T11:00:00.0000000Z | PowerShell.exe | 200
            d3 | 2024-05-07T09:00:00.0000000Z | bash | "#]],
    );
    check(
        "DeviceProcessEvents | summarize arg_min(Timestamp, *) by DeviceId | sort by DeviceId asc | project DeviceId, Timestamp, FileName, AccountName, AdditionalFields",
        expect![[r#"
            DeviceId:string | Timestamp:datetime | FileName:string | AccountName:string | AdditionalFields:string
            d1 | 2024-05-06T10:00:00.1234567Z | powershell.exe | ann | {"a":{"b":[1,2]},"text":"x y"}
            d2 | 2024-05-06T11:00:00.0000000Z | PowerShell.exe | bob | 
            d3 | 2024-05-07T09:00:00.0000000Z | bash |  | "#]],
    );
    check(
        "DeviceProcessEvents | summarize latest = arg_max(Timestamp, FileName)",
        expect![[r#"
        latest:datetime | FileName:string
        2024-05-07T09:00:00.0000000Z | bash"#]],
    );
    check(
        "DeviceNetworkEvents | summarize arg_max(RemotePort, RemoteIP), n = count() by DeviceId | sort by DeviceId asc",
        expect![[r#"
            DeviceId:string | RemotePort:int | RemoteIP:string | n:long
            d1 | 443 | 198.51.100.7 | 2
            d2 |  | 10.0.0.1 | 1"#]],
    );
}

#[test]
fn sets_and_lists() {
    check(
        "DeviceProcessEvents | sort by Timestamp asc | summarize make_list(FileName), make_set(AccountName) by DeviceId | sort by DeviceId asc",
        expect![[r#"
            DeviceId:string | list_FileName:dynamic | set_AccountName:dynamic
            d1 | ["powershell.exe","cmd.exe"] | ["ann"]
            d2 | ["PowerShell.exe"] | ["bob"]
            d3 | ["bash"] | [""]"#]],
    );
    check(
        "datatable(x:long)[1,1,2,3] | summarize make_set(x, 2), make_list_if(x, x > 1), take_any(x) | project array_length(set_x), list_x",
        expect![[r#"
            Column1:long | list_x:dynamic
            2 | [2,3]"#]],
    );
    check(
        "DeviceProcessEvents | summarize any(DeviceName) by DeviceId | where DeviceId == 'd2'",
        expect![[r#"
            DeviceId:string | any_DeviceName:string
            d2 | pc2.corp"#]],
    );
}
