//! What is wrong is said with its place and what would be valid.

use expect_test::expect;
use query::QueryError;

use crate::harness::{check, run};

#[test]
fn unknown_names() {
    check("DeviceProcesEvents | count", expect![[""]]);
    check("DeviceProcessEvents\n| project x", expect![[""]]);
    check("DeviceProcessEvents | where DeviceNam == 'a'", expect![[""]]);
    check("DeviceProcessEvents | extend a = tolowr(FileName)", expect![[""]]);
    check("DeviceProcessEvents | summrize count()", expect![[""]]);
    check("DeviceProcessEvents | join (DeviceNetworkEvents) on Nope", expect![[""]]);
}

#[test]
fn wrong_kinds() {
    check("DeviceProcessEvents | where FileName > 'a'", expect![[""]]);
    check("DeviceProcessEvents | where Timestamp > '2024-01-01'", expect![[""]]);
    check("DeviceProcessEvents | where FileName + 'a' == 'b'", expect![[""]]);
    check("DeviceProcessEvents | where ProcessId has 'a'", expect![[""]]);
    check("DeviceProcessEvents | where strlen(FileName)", expect![[""]]);
    check("DeviceProcessEvents | summarize FileName by DeviceId", expect![[""]]);
    check("DeviceProcessEvents | summarize sum(FileName)", expect![[""]]);
    check("DeviceProcessEvents | where FileName matches regex '('", expect![[""]]);
    check("print strlen()", expect![[""]]);
    check("print a.b", expect![[""]]);
}

#[test]
fn syntax() {
    check("DeviceProcessEvents | where", expect![[""]]);
    check("", expect![[""]]);
    check("DeviceProcessEvents | where (FileName == 'a'", expect![[""]]);
}

#[test]
fn what_is_not_there_yet_says_so() {
    check("DeviceProcessEvents | mv-expand x = parse_json(AdditionalFields)", expect![[""]]);
    check("externaldata(a:string)['https://example.com/x.csv']", expect![[""]]);
}

#[test]
fn bounds() {
    // Each view doubles the last one: it must end in an error, not in the end of memory.
    let mut query = "let a0 = DeviceProcessEvents;".to_owned();
    for level in 1..30 {
        query.push_str(&format!("let a{level} = union a{0}, a{0};", level - 1));
    }
    query.push_str("a29 | count");
    match run(&query) {
        Err(QueryError::Invalid(diagnostics)) => {
            assert!(diagnostics[0].message.contains("expands to more than"), "{diagnostics:?}")
        }
        other => panic!("{other:?}"),
    }
    let deep = format!("print {}1{}", "not(".repeat(150), ")".repeat(150));
    let _ = run(&deep);
    let long = format!("DeviceProcessEvents | where {}", vec!["FileName == 'a'"; 5_000].join(" or "));
    assert!(run(&long).is_ok());
    let big =
        "range x from 1 to 1000000 step 1 | extend s = strcat('aaaaaaaaaaaaaaaaaaaaaaaaaaaaa', tostring(x))";
    assert_eq!(run(big).unwrap().stats.rows, 100_000);
    assert!(run(big).unwrap().truncated);
}
