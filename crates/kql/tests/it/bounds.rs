//! Texts that are long, deep or repeat themselves neither overflow the stack nor take long.

use kql::{DEPTH_MAX, TEXT_BYTES_MAX, parse};

/// Parses, prints and drops the tree; gives the first message.
fn message(text: &str) -> String {
    let parsed = parse(text);
    let _printed = kql::print(&parsed.query);
    let _copy = parsed.query.clone();
    parsed.diagnostics.into_iter().next().map_or("no message".to_string(), |diagnostic| diagnostic.message)
}

#[test]
fn nesting_is_bounded() {
    let many = 100_000;
    let deep = format!("nested too deeply, at most {DEPTH_MAX} levels are allowed");
    let openers = ["(", "f(", "a[", "x in (", "dynamic([", "a[(", "f(x=", "-(", "iff(a, "];
    for opener in openers {
        assert_eq!(message(&format!("print {}", opener.repeat(many))), deep, "{opener}");
    }
    assert_eq!(message(&format!("print dynamic({}", "{'a':".repeat(many))), deep);
    let openers = [
        "T | join (",
        "T | mv-apply a on (where ",
        "union (",
        "T | partition by a {",
        "T | where toscalar(",
        "let f = () { ",
    ];
    for opener in openers {
        assert_eq!(message(&opener.repeat(many / 3)), deep, "{opener}");
    }
}

#[test]
fn nesting_up_to_the_bound_is_fine() {
    let depth = DEPTH_MAX / 2 - 2;
    let text = format!("print {}1{}", "f(1 + (".repeat(depth), "))".repeat(depth));
    assert_eq!(message(&text), "no message");
}

#[test]
fn chains_are_bounded() {
    let many = 50_000;
    let long = "the expression is too long, at most 400 operations may follow each other";
    for link in [" + a", ".a", "[0]", " == a", " * a", " has a", " in (a)", " between (a .. a)", ".a()"] {
        assert_eq!(message(&format!("print a{}", link.repeat(many))), long, "{link}");
    }
    assert_eq!(message(&format!("print {}a", "-".repeat(many))), long);
}

#[test]
fn chains_inside_chains_are_bounded() {
    let mut text = "a".to_string();
    for _ in 0..DEPTH_MAX - 5 {
        text = format!("({text}{})", " + a".repeat(50));
    }
    assert_eq!(
        message(&format!("print {text}")),
        "the expression is too long, at most 400 operations may follow each other"
    );
}

#[test]
fn long_lists_are_fine() {
    let many = 50_000;
    for text in [
        format!("T | where a{}", " and a".repeat(many)),
        format!("T | where a{}", " or b and c".repeat(many)),
        format!("T {}", "| where a > 1 ".repeat(many)),
        format!("T | where a in (1{})", ", 1".repeat(many)),
        format!("print f(1{})", ", g(x).y".repeat(many)),
        format!("print {}", "a + b.c, ".repeat(many).trim_end_matches(", ")),
        format!("print {}", "'a' ".repeat(many)),
        format!("print dynamic([1{}])", ", 1".repeat(many)),
        format!("union T{}", ", T".repeat(many)),
        "let x = 1; ".repeat(many),
        format!("datatable(a: long) [{}]", "1, ".repeat(many)),
    ] {
        let start: String = text.chars().take(40).collect();
        assert_eq!(message(&text), "no message", "{start}");
    }
}

#[test]
fn garbage_is_fine() {
    let units = [
        "|", ";", ")", "(]", "```", "'", "T T | ", "x in ", "= ", "int(", "}{", "let ", "!", "#", "é", "a(",
        "|a-", "let f=(", "a*", "\n#", "x:", "```'", "~~~h", "['a'].", "T|x(", "a && ", ";step(", "((a;",
        "//\n", "a //\n", "\n#x\n", ". ",
    ];
    for unit in units {
        let text = unit.repeat(TEXT_BYTES_MAX / unit.len() / 4);
        assert!(parse(&text).diagnostics.len() <= 50, "{unit}");
    }
}

#[test]
fn long_tokens_are_fine() {
    for (begin, unit, end) in [
        ("print '", "x", "'"),
        ("print @'", "''", "'"),
        ("print \"", "\\n", "\""),
        ("print ```", "é", "```"),
        ("print dynamic('", "x", "')"),
        ("print datetime(", "9", ")"),
        ("// ", "x", ""),
        ("", "x", ""),
        ("x | take ", "9", ""),
        ("x", "*", ""),
    ] {
        let text = format!("{begin}{}{end}", unit.repeat(900_000 / unit.len()));
        assert!(parse(&text).diagnostics.len() <= 1, "{begin}");
    }
}

#[test]
fn text_length_is_bounded() {
    assert!(message(&" ".repeat(TEXT_BYTES_MAX + 1)).starts_with("the query is 1048577 bytes long"));
    assert_eq!(message(&" ".repeat(TEXT_BYTES_MAX)), "no message");
}
