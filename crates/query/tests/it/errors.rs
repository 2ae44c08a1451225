//! What is wrong is said with its place and what would be valid.

use expect_test::expect;
use query::QueryError;

use crate::harness::{check, run};

#[test]
fn unknown_names() {
    check(
        "DeviceProcesEvents | count",
        expect![
            "error at 1:1: Failed to resolve table or column expression named 'DeviceProcesEvents'; nearest: DeviceProcessEvents"
        ],
    );
    check(
        "DeviceProcessEvents\n| project x",
        expect!["error at 2:11: 'project' operator: Failed to resolve scalar expression named 'x'"],
    );
    check(
        "DeviceProcessEvents | where DeviceNam == 'a'",
        expect![
            "error at 1:29: Failed to resolve scalar expression named 'DeviceNam'; nearest: DeviceName, DeviceId"
        ],
    );
    check(
        "DeviceProcessEvents | extend a = tolowr(FileName)",
        expect!["error at 1:34: 'extend' operator: Unknown function: 'tolowr'; nearest: tolower, tolong"],
    );
    check(
        "DeviceProcessEvents | summrize count()",
        expect!["error at 1:23: unknown operator `summrize`; nearest: summarize"],
    );
    check(
        "DeviceProcessEvents | join (DeviceNetworkEvents) on Nope",
        expect!["error at 1:53: 'join' operator: Failed to resolve column named 'Nope'"],
    );
}

#[test]
fn wrong_kinds() {
    check(
        "DeviceProcessEvents | where FileName > 'a'",
        expect!["error at 1:29: '>' does not order strings; use strcmp()"],
    );
    check(
        "DeviceProcessEvents | where Timestamp > '2024-01-01'",
        expect!["error at 1:29: '>' does not take a datetime and a string"],
    );
    check(
        "DeviceProcessEvents | where FileName + 'a' == 'b'",
        expect!["error at 1:29: '+' does not take a string and a string; use strcat() to join strings"],
    );
    check(
        "DeviceProcessEvents | where ProcessId has 'a'",
        expect!["error at 1:29: 'has' takes a string, not a long"],
    );
    check(
        "DeviceProcessEvents | where strlen(FileName)",
        expect!["error at 1:29: a condition must be a bool, not a long"],
    );
    check(
        "DeviceProcessEvents | summarize FileName by DeviceId",
        expect!["error at 1:33: 'summarize' operator: 'FileName' must be inside an aggregate or behind 'by'"],
    );
    check(
        "DeviceProcessEvents | summarize sum(FileName)",
        expect!["error at 1:33: sum(): takes a number or a timespan, not a string"],
    );
    check(
        "DeviceProcessEvents | where FileName matches regex '('",
        expect![[r#"
        error at 1:29: the regular expression is not valid: regex parse error:
            (
            ^
        error: unclosed group"#]],
    );
    check(
        "print strlen()",
        expect!["error at 1:7: strlen(): 0 arguments were given, 1 are taken; usage: strlen(text: string)"],
    );
    check("print a.b", expect!["error at 1:7: Failed to resolve scalar expression named 'a'"]);
}

#[test]
fn syntax() {
    check(
        "DeviceProcessEvents | where",
        expect!["error at 1:28: expected an expression, but the query ends here"],
    );
    check("", expect!["error at 1:1: the query has no tabular expression to run"]);
    check(
        "DeviceProcessEvents | where (FileName == 'a'",
        expect!["error at 1:45: expected `)`, but the query ends here"],
    );
}

#[test]
fn what_is_not_there_yet_says_so() {
    check(
        "DeviceProcessEvents | reduce by FileName",
        expect![[r#"
            Pattern:string | Count:long | Representative:string
            *exe | 3 | PowerShell.exe
            bash | 1 | bash"#]],
    );
    check(
        "externaldata(a:string)['https://example.com/x.csv?sig=secret']",
        expect![
            "error: externaldata: reading from example.com is not allowed: this server reads its own lake only"
        ],
    );
    check(
        "externaldata(a:string)['https://example.com/x.csv'] | where nope == 1",
        expect!["error at 1:61: Failed to resolve scalar expression named 'nope'"],
    );
}

#[test]
fn several_mistakes_are_told_at_once() {
    check(
        "DeviceProcessEvents\n| where FileNam == 'a' and DeviceId has 5 and ProcessId > 1 and tolowr(FileName) == 'b'",
        expect![[r#"
            error at 2:9: Failed to resolve scalar expression named 'FileNam'; nearest: FileName
            error at 2:28: 'has' takes a string, not a long
            error at 2:65: Unknown function: 'tolowr'; nearest: tolower, tolong"#]],
    );
    check(
        "DeviceProcessEvents | project a = nope, FileName, b = strlen(), c = Timestmp",
        expect![[r#"
        error at 1:35: 'project' operator: Failed to resolve scalar expression named 'nope'
        error at 1:55: 'project' operator: strlen(): 0 arguments were given, 1 are taken; usage: strlen(text: string)
        error at 1:69: 'project' operator: Failed to resolve scalar expression named 'Timestmp'; nearest: Timestamp"#]],
    );
    check(
        "DeviceProcessEvents | extend a = nope + 1, b = has | count",
        expect!["error at 1:48: expected an expression, found the keyword `has`"],
    );
    check("let a = 1; let a = 2; print a", expect!["error at 1:16: the name 'a' is declared twice"]);
    check(
        "DeviceInfo | project-reorder DeviceId, OSPlatform, DeviceId",
        expect!["error at 1:52: 'project-reorder' operator: column 'DeviceId' is given twice"],
    );
}

#[test]
fn the_past() {
    check(
        "set query_as_of = 'yesterday'; DeviceInfo | count",
        expect!["error at 1:1: option 'query_as_of' takes a datetime"],
    );
    check(
        "set query_as_of; DeviceInfo | count",
        expect!["error at 1:1: option 'query_as_of' takes a datetime"],
    );
    check(
        "set query_as_of_sequence = 1.5; DeviceInfo | count",
        expect!["error at 1:1: option 'query_as_of_sequence' takes a long"],
    );
    check(
        "DeviceInfo | count; set query_as_of = datetime(2024-05-06)",
        expect!["error at 1:21: the fixtures have no past, not even Time(Ticks(638505504000000000))"],
    );
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
    assert_eq!(run(big).unwrap().stats.rows, 100_000u64);
    assert!(run(big).unwrap().truncated);
}
