//! Tabular and scalar operators.

use expect_test::expect;

use crate::harness::check;

#[test]
fn where_project_extend() {
    check(
        "DeviceProcessEvents | where FileName =~ 'POWERSHELL.exe' and ProcessCommandLine has '-EncodedCommand' | project Timestamp, DeviceName, n = ProcessId + 1",
        expect![[""]],
    );
    check(
        "print a = 1 | extend b = a + 1, a = a * 10 | extend c = strcat(tostring(a), '-', tostring(b))",
        expect![[""]],
    );
}

#[test]
fn old_names_are_read_and_shown_as_written() {
    check(
        "NetworkCommunicationEvents | where MachineId in ('d1') and EventTime > datetime(2024-05-06) | summarize ConnectionsCount=count() by MachineId",
        expect![[""]],
    );
}

#[test]
fn times() {
    check(
        "DeviceProcessEvents | where Timestamp > ago(1d) | project Timestamp, age = now() - Timestamp, hour = bin(Timestamp, 1h)",
        expect![[""]],
    );
    check(
        "DeviceProcessEvents | where Timestamp between (datetime(2024-05-06T10:30) .. 30m) | count",
        expect![[""]],
    );
    check(
        "DeviceProcessEvents | where ingestion_time() > datetime(2024-05-07T10:59:59) | count",
        expect![[""]],
    );
    check(
        "print datetime(0001-01-01), datetime(9999-12-31T23:59:59.9999999Z), datetime(2024-03-01) - 1tick",
        expect![[""]],
    );
}

#[test]
fn nulls() {
    check("DeviceNetworkEvents | where RemotePort != 443 | project RemoteIP, RemotePort", expect![[""]]);
    check("DeviceNetworkEvents | where not(RemotePort == 443) | count", expect![[""]]);
    check("DeviceNetworkEvents | where RemotePort !in (443, 80) | count", expect![[""]]);
    check(
        "DeviceNetworkEvents | extend p = RemotePort + 1 | project RemotePort, p, isnull(p), isempty(RemoteUrl)",
        expect![[""]],
    );
    check("print int(null) == 1, int(null) != 1, int(null) == int(null), 1/0, 1.0/0", expect![[""]]);
}

#[test]
fn dynamic_values() {
    check(
        "DeviceProcessEvents | extend f = parse_json(AdditionalFields) | where f.a.b[1] == 2 | project f.a.b[0], f.text, tostring(f.a), missing = f.x.y",
        expect![[""]],
    );
    check("print d = dynamic({'a':[1,'x',{'k':null}]}) | project d.a[1], d.a[-1], d['a'][0]", expect![[""]]);
    check(
        "DeviceRegistryEvents | project RegistryKey, AdditionalFields | extend d = parse_json(AdditionalFields).Details",
        expect![[""]],
    );
    check(
        "DeviceRegistryEvents | take 1 | project-away Device*, Registry*, Initiating*, Previous*, App*, Is*",
        expect![[""]],
    );
}

#[test]
fn sort_top_take_distinct_count() {
    check("DeviceProcessEvents | sort by ProcessId | project ProcessId", expect![[""]]);
    check(
        "DeviceProcessEvents | order by ProcessId asc, FileName | project ProcessId, FileName",
        expect![[""]],
    );
    check("DeviceProcessEvents | top 2 by Timestamp | project FileName", expect![[""]]);
    check("DeviceProcessEvents | take 0 | project FileName", expect![[""]]);
    check("DeviceProcessEvents | distinct DeviceId | sort by DeviceId asc", expect![[""]]);
    check("DeviceProcessEvents | count", expect![[""]]);
}

#[test]
fn let_functions_and_views() {
    check(
        "let since = ago(2d); let shells = dynamic(['cmd.exe','powershell.exe']); let Shells = DeviceProcessEvents | where Timestamp > since and FileName in~ (shells); Shells | summarize n = count() by DeviceId | sort by DeviceId asc",
        expect![[""]],
    );
    check("let f = (a:long, b:long = 10) { a * b }; print f(2), f(2, 3)", expect![[""]]);
    check(
        "let T = (name:string) { DeviceProcessEvents | where DeviceName startswith name }; T('pc') | count",
        expect![[""]],
    );
    check(
        "let f = (T:(DeviceId:string), d:string) { T | where DeviceId == d | count }; DeviceProcessEvents | invoke f('d1')",
        expect![[""]],
    );
    check(
        "let ids = DeviceProcessEvents | where AccountName == 'ann' | distinct DeviceId; DeviceNetworkEvents | where DeviceId in (ids) | count",
        expect![[""]],
    );
    check(
        "let newest = toscalar(DeviceProcessEvents | summarize max(Timestamp)); DeviceProcessEvents | where Timestamp == newest | project FileName",
        expect![[""]],
    );
    check("let m = materialize(DeviceProcessEvents | project DeviceId); m | union m | count", expect![[""]]);
}

#[test]
fn union_of_tables() {
    check(
        "union withsource=Source DeviceProcessEvents, (DeviceNetworkEvents | extend ProcessId = 'text') | where DeviceId == 'd2' | project Source, ProcessId_long, ProcessId_string, RemoteIP | sort by Source asc",
        expect![[""]],
    );
    check("union isfuzzy=true NoSuchTable, DeviceNetworkEvents | count", expect![[""]]);
    check("union Device*Events | summarize count()", expect![[""]]);
}

#[test]
fn datatable_range_print() {
    check(
        "datatable(a:long, b:string, t:datetime)[1, 'x', datetime(2024-01-01), 2, 'y', datetime(null)] | where a > 1",
        expect![[""]],
    );
    check("range x from 1 to 10 step 3", expect![[""]]);
    check("print 1, 'a', b = true, 1.5, 2h, guid(74be27de-1e4e-49d9-b579-fe0b331d3642)", expect![[""]]);
}

#[test]
fn columns_are_moved_renamed_and_dropped() {
    check(
        "datatable(a1:long, b:long, a10:long, a2:long)[1,2,3,4] | project-reorder a* granny-asc",
        expect![[""]],
    );
    check("datatable(a:long, b:long)[1,2] | project-rename c = a | project-away b", expect![[""]]);
    check("datatable(a:long, b:long)[1,2] | project-keep b", expect![[""]]);
}

#[test]
fn in_lists_and_has_lists() {
    check("DeviceProcessEvents | where FileName in ('cmd.exe', 'bash') | count", expect![[""]]);
    check(
        "DeviceProcessEvents | where FileName !in~ ('CMD.exe', 'powershell.EXE') | project FileName",
        expect![[""]],
    );
    check("DeviceProcessEvents | where ProcessCommandLine has_any ('whoami', 'curl') | count", expect![[""]]);
    check("DeviceProcessEvents | where ProcessCommandLine has_all ('curl', 'bash') | count", expect![[""]]);
    check("DeviceProcessEvents | where * has 'whoami' | count", expect![[""]]);
    check(
        "DeviceProcessEvents | where ProcessCommandLine matches regex @'https?://\\d+' | count",
        expect![[""]],
    );
    check("DeviceProcessEvents | where ProcessId in (100, 200, int(null)) | count", expect![[""]]);
}

#[test]
fn arithmetic() {
    check("print -14 % 12, 7 / 2, -7 / 2, 7.0 / 2, 2 * 1h, 1h / 10m, 1d + 2h, 0x10", expect![[""]]);
    check("print bin(-7, 5), bin(7.5, 2), bin(1h + 1s, 1h), 9223372036854775807 + 1", expect![[""]]);
}
