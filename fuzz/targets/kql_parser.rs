//! Any text has a tree; complaints point into it; a query that is printed is read as the same tree again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parsed = kql::parse(text);
    for diagnostic in &parsed.diagnostics {
        assert!(diagnostic.span.start <= diagnostic.span.end && diagnostic.span.end <= text.len());
        kql::position(text, diagnostic.span.start);
    }
    if parsed.diagnostics.is_empty() {
        let printed = kql::print(&parsed.query);
        let again = kql::parse(&printed);
        // What is printed has all its brackets, and so may nest deeper than what was read.
        if again.diagnostics.is_empty() {
            assert_eq!(kql::print(&again.query), printed);
        }
    }
});
