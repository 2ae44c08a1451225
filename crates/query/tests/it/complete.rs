//! What an editor is offered at a place, marked by `^` in the text.

use std::sync::Arc;

use model::Ticks;
use query::{Completion, Editing, EmptyTables, ItemKind, SavedFunction};

fn at(text: &str) -> Completion {
    let offset = text.find('^').expect("a mark");
    let text = text.replacen('^', "", 1);
    let saved = SavedFunction {
        name: "Suspicious".to_owned(),
        parameters: "days: long".to_owned(),
        body: "DeviceProcessEvents | where Timestamp > ago(days * 1d)".to_owned(),
    };
    let editing = Editing {
        text: text.into(),
        offset,
        tables: Arc::new(EmptyTables::declared()),
        functions: Arc::new([saved]),
        now: Ticks::parse("2024-05-07T12:00:00Z").unwrap(),
    };
    editing.complete()
}

#[track_caller]
fn check(text: &str, offered: &[&str], not_offered: &[&str]) {
    let completion = at(text);
    let labels: Vec<&str> = completion.items.iter().map(|item| item.label.as_str()).collect();
    for label in offered {
        assert!(labels.contains(label), "{text}: no {label} in {labels:?}");
    }
    for label in not_offered {
        assert!(!labels.contains(label), "{text}: {label} is offered");
    }
    if offered.is_empty() && not_offered.is_empty() {
        assert!(labels.is_empty(), "{text}: {labels:?}");
    }
}

#[test]
fn a_query_begins_with_a_table_or_a_name() {
    check("^", &["DeviceEvents", "Suspicious", "let", "union", "print"], &["where", "FileName"]);
    check("Device^", &["DeviceEvents", "DeviceInfo"], &["EmailEvents", "print"]);
    check("let x = 5; ^", &["x", "DeviceEvents"], &["where"]);
    check("let x = 5;\nlet f = (a: long) { a };\n^\n| where", &["x", "f"], &[]);
    check("let t = ^", &["DeviceEvents", "ago"], &[]);
    check("DeviceEvents | join (^", &["DeviceInfo"], &["where"]);
    check("DeviceEvents | join kind=inner (^", &["DeviceInfo"], &["where"]);
    check("union Device^", &["DeviceInfo"], &[]);
    check("union DeviceEvents, ^", &["DeviceInfo"], &[]);
    check("print n = toscalar(^", &["DeviceInfo"], &["where"]);
}

#[test]
fn an_operator_stands_behind_a_pipe() {
    check("DeviceEvents | ^", &["where", "summarize", "project-away"], &["DeviceEvents", "ago", "FileName"]);
    check("DeviceEvents | proj^", &["project", "project-away"], &["where"]);
    check("DeviceEvents | project-a^", &["project-away"], &["project"]);
    check("DeviceEvents | where x == | ^", &["where"], &[]);
    check("DeviceEvents | join (DeviceInfo | ^) on DeviceId", &["where"], &["DeviceInfo"]);
    check("DeviceEvents | mv-apply x = AdditionalFields on (^", &["where"], &["DeviceInfo"]);
}

#[test]
fn columns_are_those_of_the_rows_that_reach_the_place() {
    check(
        "DeviceEvents | where ^",
        &["FileName", "ActionType", "ago", "Suspicious"],
        &["LogonType", "count"],
    );
    check("DeviceEvents | project a = FileName | where ^", &["a"], &["FileName"]);
    check(
        "DeviceEvents | summarize n = count() by ActionType | where ^",
        &["n", "ActionType"],
        &["FileName"],
    );
    check("DeviceEvents | summarize ^", &["count", "dcount", "FileName", "by"], &[]);
    check("DeviceEvents | extend a = strcat(File^", &["FileName"], &["ActionType"]);
    check("DeviceEvents | project FileName, Acti^ | take 5", &["ActionType"], &["FileName"]);
    check("DeviceEvents | project-away ^", &["FileName"], &["strcat"]);
    check("let t = DeviceLogonEvents | project LogonType; t | where ^", &["LogonType", "t"], &["FileName"]);
    check("Suspicious(3) | where ^", &["ProcessCommandLine"], &[]);
    check(
        "DeviceEvents | join (DeviceLogonEvents | where ^) on DeviceId",
        &["LogonType"],
        &["ProcessVersionInfoCompanyName"],
    );
    check("DeviceEvents | where DeviceId in ((DeviceInfo | where ^", &["OSPlatform"], &["FileName"]);
    check("let f = (a: long) { DeviceInfo | where ^ };", &["OSPlatform"], &[]);
}

#[test]
fn a_broken_query_has_columns_too() {
    check("DeviceEvents | where ) nonsense (( | where ^", &["FileName"], &[]);
    check("DeviceEvents | wehre a == 1 | where ^ | summarize", &["FileName"], &[]);
    check("DeviceEvents | project a = FileName | extend b = | where ^", &["a"], &["FileName"]);
    check("let x = ; DeviceEvents | where ^", &["FileName"], &[]);
    check("DeviceEvents | where FileName == \"a\" and ^\n| where \"", &["FileName"], &[]);
}

#[test]
fn behind_a_value_stands_what_joins_values() {
    check("DeviceEvents | where FileName ^", &["has", "contains", "in", "startswith"], &["FileName", "ago"]);
    check("DeviceEvents | where FileName ha^", &["has", "has_any"], &["FileName"]);
    check("DeviceEvents | where FileName == 'a' ^", &["and", "or"], &["FileName"]);
    check("DeviceEvents | where FileName has ^", &["FileName"], &["contains"]);
    check("DeviceEvents | summarize count() ^", &["by"], &[]);
    check("DeviceEvents | sort by Timestamp ^", &["asc", "desc"], &[]);
}

#[test]
fn nothing_is_offered_inside_of_text_and_comments() {
    for text in ["DeviceEvents | where FileName == 'a^b'", "DeviceEvents // a^", "print 12^", "print \"a^"] {
        check(text, &[], &[]);
    }
}

#[test]
fn the_name_at_a_place_is_explained() {
    for (text, kind, detail) in [
        ("Device^Events | take 1", ItemKind::Table, "columns"),
        ("DeviceEvents | wh^ere FileName == 'a'", ItemKind::Operator, "where condition"),
        ("DeviceEvents | where Fil^eName == 'a'", ItemKind::Column, "string"),
        ("DeviceEvents | where Timestamp > ag^o(1d)", ItemKind::Function, "ago("),
        ("DeviceEvents | summarize dc^ount(FileName)", ItemKind::Aggregate, "dcount("),
        ("DeviceEvents | where FileName h^as 'a'", ItemKind::Operator, "text has term"),
        ("let low = 5; print lo^w", ItemKind::Variable, "let low = 5"),
        ("Suspic^ious(3)", ItemKind::Function, "Suspicious(days: long)"),
        ("DeviceEvents | project-a^way FileName", ItemKind::Operator, "project-away"),
    ] {
        let hover = at(text).hover.unwrap_or_else(|| panic!("{text}: nothing"));
        assert_eq!(hover.kind, kind, "{text}: {hover:?}");
        assert!(hover.detail.contains(detail), "{text}: {hover:?}");
    }
    assert_eq!(at("DeviceEvents | where ^ == 1").hover, None);
    assert_eq!(at("DeviceEvents | where Unkn^own == 1").hover, None);
}

#[test]
fn what_an_item_replaces_is_the_whole_name() {
    for (text, start, end) in [
        ("DeviceEvents | where Fil^eName", 21, 29),
        ("Dev^", 0, 3),
        ("a | project-a^way x", 4, 16),
        ("é | ^", 5, 5),
    ] {
        let replaces = at(text).replaces;
        assert_eq!((replaces.start, replaces.end), (start, end), "{text}");
    }
}

#[test]
fn mistakes_of_the_whole_query_are_told() {
    let completion = at("DeviceEvents | where Nope == 1 and ^");
    assert!(!completion.diagnostics.is_empty());
    assert!(at("DeviceEvents | ^take 5").diagnostics.is_empty());
    assert!(at("^").diagnostics.is_empty());
}

#[test]
fn any_place_of_any_text_has_an_answer() {
    let text =
        "let f = (a: long) { a }; DeviceEvents | where é == 'x' and f(1) in ((T | take 5)) // c\n| project [";
    for offset in 0..=text.len() + 2 {
        let editing = Editing {
            text: text.into(),
            offset,
            tables: Arc::new(EmptyTables::declared()),
            functions: Arc::new([]),
            now: Ticks::parse("2024-05-07T12:00:00Z").unwrap(),
        };
        let completion = editing.complete();
        assert!(text.get(completion.replaces.start..completion.replaces.end).is_some());
    }
}
