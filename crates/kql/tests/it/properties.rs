//! Properties that hold for any text.

use kql::parse;
use proptest::prelude::*;

use crate::assert_prints_and_parses_again;

/// Words and marks of the language, to make texts that are almost queries.
const SOUP: &[&str] = &[
    "T",
    "a",
    "b",
    "x1",
    "['a b']",
    "by",
    "on",
    "and",
    "or",
    "in",
    "in~",
    "!in",
    "has",
    "!has",
    "has_any",
    "between",
    "matches regex",
    "==",
    "=~",
    "!=",
    "<",
    "=",
    "+",
    "-",
    "*",
    "/",
    "..",
    ".",
    ",",
    ",",
    "(",
    "(",
    ")",
    ")",
    "[",
    "]",
    "{",
    "}",
    "|",
    "|",
    "|",
    ";",
    ":",
    "1",
    "2.5",
    "1d",
    "0x1F",
    "'s'",
    "\"t\"",
    "@'v'",
    "h'o'",
    "true",
    "datetime(2024-05-06)",
    "int(null)",
    "real(nan)",
    "dynamic([1, {'a': 2}])",
    "where",
    "project",
    "project-away",
    "make-graph a --> b with T on a",
    "graph-match",
    "(a)-[e*1..3]->(b)",
    "graph-to-table nodes",
    "extend",
    "summarize",
    "count()",
    "count",
    "take",
    "sort by",
    "top",
    "join",
    "kind=inner",
    "$left.a",
    "$right.b",
    "union",
    "isfuzzy=true",
    "withsource=x",
    "let",
    "print",
    "range",
    "from",
    "to",
    "step",
    "datatable",
    "(a: long)",
    "distinct",
    "mv-expand",
    "mv-apply",
    "typeof(long)",
    "parse",
    "with",
    "evaluate",
    "invoke",
    "f",
    "not",
    "render",
    "make-series",
    "search",
    "find",
    "lookup",
    "as",
    "serialize",
    "getschema",
    "asc",
    "nulls first",
    "default",
    "of",
    "limit",
    "view",
    "//c\n",
    "\n",
    "hint.x=1",
    "T*",
    "*x",
];

/// Expressions and queries that are valid by the way they are made.
fn valid_expr() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_string()),
        Just("['b c']".to_string()),
        Just("$left".to_string()),
        any::<i64>().prop_map(|n| if n < 0 { format!("long({n})") } else { n.to_string() }),
        any::<f64>().prop_map(|n| format!("real({n:?})")),
        any::<i64>().prop_map(|n| format!("timespan({})", kql::literals::format_timespan(n))),
        any::<String>().prop_map(|text| kql::literals::quote(&text)),
        Just("dynamic({'k': [1, -2.50, null, @'v\\']})".to_string()),
        Just("datetime(2024-05)".to_string()),
        Just("true".to_string()),
        Just("3min".to_string()),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let operators = prop::sample::select(vec![
            "+",
            "-",
            "*",
            "/",
            "%",
            "==",
            "!=",
            "<",
            ">=",
            "and",
            "or",
            "has",
            "=~",
            "!contains",
            "matches regex",
        ]);
        prop_oneof![
            (inner.clone(), operators, inner.clone())
                .prop_map(|(left, op, right)| format!("{left} {op} {right}")),
            inner.clone().prop_map(|expr| format!("({expr})")),
            inner.clone().prop_map(|expr| format!("-({expr})")),
            inner.clone().prop_map(|expr| format!("({expr}).member")),
            (inner.clone(), inner.clone()).prop_map(|(base, index)| format!("f({base})[{index}]")),
            (inner.clone(), inner.clone()).prop_map(|(left, item)| format!("({left}) in ({item}, 1)")),
            (inner.clone(), inner.clone()).prop_map(|(low, high)| format!("a !between ({low} .. {high})")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("toscalar(T | where {a} | project x = {b})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_text_parses(text in any::<String>()) {
        check_any(&text);
    }

    #[test]
    fn any_soup_parses(words in prop::collection::vec(prop::sample::select(SOUP), 0..40)) {
        check_any(&words.join(" "));
        check_any(&words.concat());
    }

    #[test]
    fn any_query_cut_short_parses(cut in any::<prop::sample::Index>(), query in any::<prop::sample::Index>()) {
        let queries = crate::embedded_corpus::queries();
        let query = query.get(&queries);
        let mut end = cut.index(query.len() + 1);
        while !query.is_char_boundary(end) {
            end -= 1;
        }
        check_any(&query[..end]);
    }

    #[test]
    fn any_query_with_another_spliced_in_parses(
        places in prop::array::uniform4(any::<prop::sample::Index>()),
        which in prop::array::uniform2(any::<prop::sample::Index>()),
    ) {
        let queries = crate::embedded_corpus::queries();
        let words: Vec<Vec<&str>> =
            which.iter().map(|index| index.get(&queries).split_inclusive([' ', '(', ')', ',', '.', '|']).collect()).collect();
        let between = |words: &[&str], from: prop::sample::Index, to: prop::sample::Index| {
            let (a, b) = (from.index(words.len() + 1), to.index(words.len() + 1));
            (a.min(b), a.max(b))
        };
        let (start, end) = between(&words[0], places[0], places[1]);
        let (from, to) = between(&words[1], places[2], places[3]);
        let to = to.min(from + 12);
        let text = [&words[0][..start], &words[1][from..to], &words[0][end.min(start + 12)..]].concat().concat();
        check_any(&text);
    }

    #[test]
    fn valid_expressions_print_and_parse_again(expr in valid_expr()) {
        let text = format!("T | where {expr} | extend x = {expr}");
        let parsed = parse(&text);
        prop_assert!(parsed.diagnostics.is_empty(), "{text}: {:?}", parsed.diagnostics);
        assert_prints_and_parses_again(&text, &parsed.query);
    }
}

#[test]
fn a_search_everywhere_begins_with_a_term_or_a_condition() {
    for (text, is_valid) in [
        ("search kind=case_sensitive \"x\"", true),
        ("search in (T) datetime(2024-05-06)", true),
        ("T | search datetime(2024-05-06)", true),
        ("search kind=default datetime(2024-05-06)", false),
        ("search hint.x=1 5", false),
    ] {
        assert_eq!(parse(text).diagnostics.is_empty(), is_valid, "{text}: {:?}", parse(text).diagnostics);
        check_any(text);
    }
}

/// Parsing does not panic, diagnostics point into the text, and what has none prints and parses
/// again.
fn check_any(text: &str) {
    let parsed = parse(text);
    let index = kql::LineIndex::new(text);
    for diagnostic in &parsed.diagnostics {
        let span = diagnostic.span;
        assert!(
            span.start <= span.end && text.get(span.start..span.end).is_some(),
            "{text:?}: {diagnostic:?}"
        );
        let _position = index.position(span.start);
    }
    if parsed.diagnostics.is_empty() {
        assert_prints_and_parses_again(text, &parsed.query);
    }
}
