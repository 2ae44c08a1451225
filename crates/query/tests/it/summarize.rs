//! `summarize` and the aggregates.

use expect_test::expect;

use crate::harness::check;

#[test]
fn counts_by_keys() {
    check("DeviceProcessEvents | summarize count() by DeviceName | top 5 by count_", expect![[""]]);
    check(
        "DeviceProcessEvents | summarize count(), dcount(FileName), countif(ProcessId > 100) by bin(Timestamp, 1d) | sort by Timestamp asc",
        expect![[""]],
    );
    check("DeviceProcessEvents | summarize by AccountName | sort by AccountName asc", expect![[""]]);
}

#[test]
fn without_rows() {
    check(
        "DeviceProcessEvents | where false | summarize count(), sum(ProcessId), max(FileName), max(ProcessId), make_set(FileName), avg(ProcessId)",
        expect![[""]],
    );
    check("DeviceProcessEvents | where false | summarize count() by DeviceId", expect![[""]]);
}

#[test]
fn numbers() {
    check(
        "datatable(x:long)[1,2,3,4] | summarize sum(x), avg(x), min(x), max(x), stdev(x), sumif(x, x > 2), total = sum(x) * 2",
        expect![[""]],
    );
    check("datatable(x:timespan)[1h,2h] | summarize avg(x), sum(x), max(x)", expect![[""]]);
}

#[test]
fn arg_max_takes_the_whole_row() {
    check(
        "DeviceProcessEvents | summarize arg_max(Timestamp, FileName, ProcessId) by DeviceId | sort by DeviceId asc",
        expect![[""]],
    );
    check(
        "DeviceProcessEvents | summarize arg_min(Timestamp, *) by DeviceId | sort by DeviceId asc | project DeviceId, Timestamp, FileName, AccountName, AdditionalFields",
        expect![[""]],
    );
    check("DeviceProcessEvents | summarize latest = arg_max(Timestamp, FileName)", expect![[""]]);
    check(
        "DeviceNetworkEvents | summarize arg_max(RemotePort, RemoteIP), n = count() by DeviceId | sort by DeviceId asc",
        expect![[""]],
    );
}

#[test]
fn sets_and_lists() {
    check(
        "DeviceProcessEvents | sort by Timestamp asc | summarize make_list(FileName), make_set(AccountName) by DeviceId | sort by DeviceId asc",
        expect![[""]],
    );
    check(
        "datatable(x:long)[1,1,2,3] | summarize make_set(x, 2), make_list_if(x, x > 1), take_any(x) | project array_length(set_x), list_x",
        expect![[""]],
    );
    check(
        "DeviceProcessEvents | summarize any(DeviceName) by DeviceId | where DeviceId == 'd2'",
        expect![[""]],
    );
}
