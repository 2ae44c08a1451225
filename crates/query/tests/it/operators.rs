//! Tabular and scalar operators.

use expect_test::expect;

use crate::harness::check;

#[test]
fn where_project_extend() {
    check(
        "DeviceProcessEvents | where FileName =~ 'POWERSHELL.exe' and ProcessCommandLine has '-EncodedCommand' | project Timestamp, DeviceName, n = ProcessId + 1",
        expect![[r#"
            Timestamp:datetime | DeviceName:string | n:long
            2024-05-06T10:00:00.1234567Z | pc1.corp | 101"#]],
    );
    check(
        "print a = 1 | extend b = a + 1, a = a * 10 | extend c = strcat(tostring(a), '-', tostring(b))",
        expect![[r#"
            a:long | b:long | c:string
            10 | 2 | 10-2"#]],
    );
}

#[test]
fn old_names_are_read_and_shown_as_written() {
    check(
        "NetworkCommunicationEvents | where MachineId in ('d1') and EventTime > datetime(2024-05-06) | summarize ConnectionsCount=count() by MachineId",
        expect![[r#"
            MachineId:string | ConnectionsCount:long
            d1 | 2"#]],
    );
}

#[test]
fn times() {
    check(
        "DeviceProcessEvents | where Timestamp > ago(1d) | project Timestamp, age = now() - Timestamp, hour = bin(Timestamp, 1h)",
        expect![[r#"
            Timestamp:datetime | age:timespan | hour:datetime
            2024-05-07T09:00:00.0000000Z | 03:00:00 | 2024-05-07T09:00:00.0000000Z"#]],
    );
    check(
        "DeviceProcessEvents | where Timestamp between (datetime(2024-05-06T10:30) .. 30m) | count",
        expect![[r#"
            Count:long
            2"#]],
    );
    check(
        "DeviceProcessEvents | where ingestion_time() > datetime(2024-05-07T10:59:59) | count",
        expect![[r#"
            Count:long
            4"#]],
    );
    check(
        "print datetime(0001-01-01), datetime(9999-12-31T23:59:59.9999999Z), datetime(2024-03-01) - 1tick",
        expect![[r#"
            print_0:datetime | print_1:datetime | print_2:datetime
            0001-01-01T00:00:00.0000000Z | 9999-12-31T23:59:59.9999999Z | 2024-02-29T23:59:59.9999999Z"#]],
    );
}

#[test]
fn nulls() {
    check(
        "DeviceNetworkEvents | where RemotePort != 443 | project RemoteIP, RemotePort",
        expect![[r#"
        RemoteIP:string | RemotePort:int
        198.51.100.8 | 80
        10.0.0.1 | "#]],
    );
    check(
        "DeviceNetworkEvents | where not(RemotePort == 443) | count",
        expect![[r#"
        Count:long
        2"#]],
    );
    check(
        "DeviceNetworkEvents | where RemotePort !in (443, 80) | count",
        expect![[r#"
        Count:long
        1"#]],
    );
    check(
        "DeviceNetworkEvents | extend p = RemotePort + 1 | project RemotePort, p, isnull(p), isempty(RemoteUrl)",
        expect![[r#"
            RemotePort:int | p:long | Column1:bool | Column2:bool
            443 | 444 | false | true
            80 | 81 | false | true
             |  | true | true"#]],
    );
    check(
        "print int(null) == 1, int(null) != 1, int(null) == int(null), 1/0, 1.0/0",
        expect![[r#"
        print_0:bool | print_1:bool | print_2:bool | print_3:long | print_4:real
        false | true |  |  | Infinity"#]],
    );
}

#[test]
fn dynamic_values() {
    check(
        "DeviceProcessEvents | extend f = parse_json(AdditionalFields) | where f.a.b[1] == 2 | project f.a.b[0], f.text, tostring(f.a), missing = f.x.y",
        expect![[r#"
            f_a_b_0:dynamic | f_text:dynamic | f_a:string | missing:dynamic
            1 | x y | {"b":[1,2]} | "#]],
    );
    check(
        "print d = dynamic({'a':[1,'x',{'k':null}]}) | project d.a[1], d.a[-1], d['a'][0]",
        expect![[r#"
        d_a_1:dynamic | d_a:dynamic | d_a_0:dynamic
        x | {"k":null} | 1"#]],
    );
    check(
        "DeviceRegistryEvents | project RegistryKey, AdditionalFields | extend d = parse_json(AdditionalFields).Details",
        expect![[r#"
            RegistryKey:string | AdditionalFields:string | d:dynamic
            HKEY_LOCAL_MACHINE\SOFTWARE\X | {"Details":"DWORD (0x00000001)"} | DWORD (0x00000001)"#]],
    );
    check(
        "DeviceRegistryEvents | take 1 | project-away Device*, Registry*, Initiating*, Previous*, App*, Is*",
        expect![[r#"
            Timestamp:datetime | ActionType:string | ReportId:long | TimeGenerated:datetime
            2024-05-06T10:00:00.0000000Z |  |  | 2024-05-06T10:00:00.0000000Z"#]],
    );
}

#[test]
fn sort_top_take_distinct_count() {
    check(
        "DeviceProcessEvents | sort by ProcessId | project ProcessId",
        expect![[r#"
        ProcessId:long
        200
        101
        100
    "#]],
    );
    check(
        "DeviceProcessEvents | order by ProcessId asc, FileName | project ProcessId, FileName",
        expect![[r#"
            ProcessId:long | FileName:string
             | bash
            100 | powershell.exe
            101 | cmd.exe
            200 | PowerShell.exe"#]],
    );
    check(
        "DeviceProcessEvents | top 2 by Timestamp | project FileName",
        expect![[r#"
        FileName:string
        bash
        PowerShell.exe"#]],
    );
    check("DeviceProcessEvents | take 0 | project FileName", expect!["FileName:string"]);
    check(
        "DeviceProcessEvents | distinct DeviceId | sort by DeviceId asc",
        expect![[r#"
        DeviceId:string
        d1
        d2
        d3"#]],
    );
    check(
        "DeviceProcessEvents | count",
        expect![[r#"
        Count:long
        4"#]],
    );
}

#[test]
fn let_functions_and_views() {
    check(
        "let since = ago(2d); let shells = dynamic(['cmd.exe','powershell.exe']); let Shells = DeviceProcessEvents | where Timestamp > since and FileName in~ (shells); Shells | summarize n = count() by DeviceId | sort by DeviceId asc",
        expect![[r#"
            DeviceId:string | n:long
            d1 | 2
            d2 | 1"#]],
    );
    check(
        "let f = (a:long, b:long = 10) { a * b }; print f(2), f(2, 3)",
        expect![[r#"
        print_0:long | print_1:long
        20 | 6"#]],
    );
    check(
        "let T = (name:string) { DeviceProcessEvents | where DeviceName startswith name }; T('pc') | count",
        expect![[r#"
            Count:long
            3"#]],
    );
    check(
        "let f = (T:(DeviceId:string), d:string) { T | where DeviceId == d | count }; DeviceProcessEvents | invoke f('d1')",
        expect![[r#"
            Count:long
            2"#]],
    );
    check(
        "let ids = DeviceProcessEvents | where AccountName == 'ann' | distinct DeviceId; DeviceNetworkEvents | where DeviceId in (ids) | count",
        expect![[r#"
            Count:long
            2"#]],
    );
    check(
        "let newest = toscalar(DeviceProcessEvents | summarize max(Timestamp)); DeviceProcessEvents | where Timestamp == newest | project FileName",
        expect![[r#"
            FileName:string
            bash"#]],
    );
    check(
        "let m = materialize(DeviceProcessEvents | project DeviceId); m | union m | count",
        expect![[r#"
        Count:long
        8"#]],
    );
}

#[test]
fn union_of_tables() {
    check(
        "union withsource=Source DeviceProcessEvents, (DeviceNetworkEvents | extend ProcessId = 'text') | where DeviceId == 'd2' | project Source, ProcessId_long, ProcessId_string, RemoteIP | sort by Source asc",
        expect![[r#"
            Source:string | ProcessId_long:long | ProcessId_string:string | RemoteIP:string
            DeviceProcessEvents | 200 |  | 
            union_arg1 |  | text | 10.0.0.1"#]],
    );
    check(
        "union isfuzzy=true NoSuchTable, DeviceNetworkEvents | count",
        expect![[r#"
        Count:long
        3"#]],
    );
    check(
        "union Device*Events | summarize count()",
        expect![[r#"
        count_:long
        8"#]],
    );
}

#[test]
fn datatable_range_print() {
    check(
        "datatable(a:long, b:string, t:datetime)[1, 'x', datetime(2024-01-01), 2, 'y', datetime(null)] | where a > 1",
        expect![[r#"
            a:long | b:string | t:datetime
            2 | y | "#]],
    );
    check(
        "range x from 1 to 10 step 3",
        expect![[r#"
        x:long
        1
        4
        7
        10"#]],
    );
    check(
        "print 1, 'a', b = true, 1.5, 2h, guid(74be27de-1e4e-49d9-b579-fe0b331d3642)",
        expect![[r#"
        print_0:long | print_1:string | b:bool | print_3:real | print_4:timespan | print_5:guid
        1 | a | true | 1.5 | 02:00:00 | 74be27de-1e4e-49d9-b579-fe0b331d3642"#]],
    );
}

#[test]
fn columns_are_moved_renamed_and_dropped() {
    check(
        "datatable(a1:long, b:long, a10:long, a2:long)[1,2,3,4] | project-reorder a* granny-asc",
        expect![[r#"
            a1:long | a2:long | a10:long | b:long
            1 | 4 | 3 | 2"#]],
    );
    check(
        "datatable(a:long, b:long)[1,2] | project-rename c = a | project-away b",
        expect![[r#"
        c:long
        1"#]],
    );
    check(
        "datatable(a:long, b:long)[1,2] | project-keep b",
        expect![[r#"
        b:long
        2"#]],
    );
}

#[test]
fn in_lists_and_has_lists() {
    check(
        "DeviceProcessEvents | where FileName in ('cmd.exe', 'bash') | count",
        expect![[r#"
        Count:long
        2"#]],
    );
    check(
        "DeviceProcessEvents | where FileName !in~ ('CMD.exe', 'powershell.EXE') | project FileName",
        expect![[r#"
            FileName:string
            bash"#]],
    );
    check(
        "DeviceProcessEvents | where ProcessCommandLine has_any ('whoami', 'curl') | count",
        expect![[r#"
        Count:long
        2"#]],
    );
    check(
        "DeviceProcessEvents | where ProcessCommandLine has_all ('curl', 'bash') | count",
        expect![[r#"
        Count:long
        1"#]],
    );
    check(
        "DeviceProcessEvents | where * has 'whoami' | count",
        expect![[r#"
        Count:long
        1"#]],
    );
    check(
        "DeviceProcessEvents | where ProcessCommandLine matches regex @'https?://\\d+' | count",
        expect![[r#"
            Count:long
            1"#]],
    );
    check(
        "DeviceProcessEvents | where ProcessId in (100, 200, int(null)) | count",
        expect![[r#"
        Count:long
        2"#]],
    );
}

#[test]
fn arithmetic() {
    check(
        "print -14 % 12, 7 / 2, -7 / 2, 7.0 / 2, 2 * 1h, 1h / 10m, 1d + 2h, 0x10",
        expect![[r#"
        print_0:long | print_1:long | print_2:long | print_3:real | print_4:timespan | print_5:real | print_6:timespan | print_7:long
        10 | 3 | -3 | 3.5 | 02:00:00 | 6.0 | 1.02:00:00 | 16"#]],
    );
    check(
        "print bin(-7, 5), bin(7.5, 2), bin(1h + 1s, 1h), 9223372036854775807 + 1",
        expect![[r#"
        print_0:long | print_1:real | print_2:timespan | print_3:long
        -10 | 6.0 | 01:00:00 | -9223372036854775808"#]],
    );
}
