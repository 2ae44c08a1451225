//! Published hunting queries, when the folder that holds them is there.

use std::path::PathBuf;

use kql::{Diagnostic, parse};

use crate::assert_prints_and_parses_again;

/// The records of a file of the shared corpus; none when the folder is absent.
fn records(file: &str) -> Vec<serde_json::Value> {
    let default = "../../../shared";
    let folder = std::env::var_os("BARTIZAN_SHARED").map_or_else(|| PathBuf::from(default), PathBuf::from);
    let path = folder.join("corpus").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!(
            "skipped: {} is absent; set BARTIZAN_SHARED to the folder that holds `corpus`",
            path.display()
        );
        return Vec::new();
    };
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn is_unsupported(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.message.ends_with("is not supported yet"))
}

/// Parses all queries of a file; those without diagnostics must survive printing. At least `share`
/// percent of those without unsupported operators must have no diagnostics.
fn check(file: &str, share: usize) {
    let (mut supported, mut clean) = (0, 0);
    for record in records(file) {
        let query = record["query"].as_str().unwrap_or_default();
        let parsed = parse(query);
        let is_unsupported = is_unsupported(&parsed.diagnostics);
        supported += usize::from(!is_unsupported);
        match parsed.diagnostics.first() {
            None => {
                clean += 1;
                assert_prints_and_parses_again(query, &parsed.query);
            }
            Some(_) if is_unsupported => {}
            Some(first) => {
                let position = kql::position(query, first.span.start);
                eprintln!("{file} {}:{}: {}", position.line, position.column, first.message);
            }
        }
    }
    eprintln!("{file}: {clean} of {supported} queries with supported operators have no diagnostics");
    assert!(clean * 100 >= supported * share, "{file}: only {clean} of {supported} parse");
}

#[test]
fn hunting_queries_parse() {
    check("kql-visible.jsonl", 99);
}

#[test]
fn documentation_examples_parse() {
    check("kql-doc-examples.jsonl", 99);
}

#[test]
fn binding_vectors_are_accepted_or_refused() {
    for record in records("kql-binding-vectors.jsonl") {
        let Some(query) = record["query"].as_str() else { continue };
        let diagnostics = parse(query).diagnostics;
        let is_accepted = diagnostics.is_empty();
        if record["ok"] == true {
            assert!(is_accepted || is_unsupported(&diagnostics), "{query}: {diagnostics:?}");
        } else if record["refused"] == "syntax" {
            assert!(!is_accepted, "{query} should be refused: {}", record["why"]);
        }
    }
}
