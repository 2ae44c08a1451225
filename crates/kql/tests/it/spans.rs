//! Compares trees without regard to where in the text they came from.

use kql::ast::Query;

/// The debug text of a tree without its spans.
pub fn without(query: &Query) -> String {
    let text = format!("{query:?}").replace("Any(", "Any(span: ");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("span: ") {
        let (before, after) = rest.split_at(at + "span: ".len());
        out.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    }
    out.push_str(rest);
    out
}
