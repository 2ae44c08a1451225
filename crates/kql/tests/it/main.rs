//! Whole queries through the parser.

mod bounds;
mod diagnostics;
mod embedded_corpus;
mod properties;
mod shared_corpus;
mod spans;
mod trees;

use kql::ast::Query;

/// The tree of a query that has no errors.
#[track_caller]
fn parsed(text: &str) -> Query {
    let parsed = kql::parse(text);
    assert_eq!(parsed.diagnostics, [], "{text}");
    parsed.query
}

/// Checks that the printed tree parses to the same tree, and prints to the same text.
#[track_caller]
fn assert_prints_and_parses_again(text: &str, query: &Query) {
    let printed = kql::print(query);
    let again = kql::parse(&printed);
    assert_eq!(again.diagnostics, [], "{text}\nwas printed as\n{printed}");
    assert_eq!(spans::without(query), spans::without(&again.query), "{text}\nwas printed as\n{printed}");
    assert_eq!(kql::print(&again.query), printed);
}
