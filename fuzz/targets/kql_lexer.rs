//! Tokens of any text stand in order, inside the text, and on its characters.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut end = 0;
    for token in kql::tokens(text) {
        assert!(token.span.start >= end && token.span.start <= token.span.end);
        end = token.span.end;
        assert!(text.get(token.span.start..token.span.end).is_some());
    }
    assert_eq!(end, text.len());
});
