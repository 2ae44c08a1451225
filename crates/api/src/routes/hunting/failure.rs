//! What a query failed of, as an error of the API.

use kql::{Diagnostic, LineIndex};
use model::ErrorKind;
use query::QueryError;
use serde_json::{Value, json};

use crate::error::{ApiError, chain, code, sentence};

/// Mistakes that one answer tells of.
const DETAILS_MAX: usize = 50;
const BUSY_SECONDS: u32 = 5;

pub(super) fn of_query(error: QueryError, text: &str) -> ApiError {
    match &error {
        QueryError::Invalid(diagnostics) => invalid(diagnostics, text),
        _ => match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::TooLarge => {
                ApiError::new(code::BAD_REQUEST, sentence(&error.to_string()))
            }
            ErrorKind::TooManyRequests => {
                ApiError::new(code::TOO_MANY_REQUESTS, sentence(&error.to_string())).retry_after(BUSY_SECONDS)
            }
            ErrorKind::Unavailable => ApiError::unavailable(chain(&error)),
            _ => ApiError::internal(chain(&error)),
        },
    }
}

/// The first mistake in words, and all of them with their places.
pub(super) fn invalid(diagnostics: &[Diagnostic], text: &str) -> ApiError {
    let index = LineIndex::new(text);
    let message = match diagnostics.first() {
        None => "The query cannot be read.".to_owned(),
        Some(first) => {
            let place = index.position(first.span.start);
            let hint = match first.suggestions.as_slice() {
                [] => String::new(),
                names => format!("; did you mean {}?", names.join(" or ")),
            };
            format!("{} (line {}, column {}){hint}", first.message, place.line, place.column)
        }
    };
    ApiError::new(code::BAD_REQUEST, message).with_details(details(diagnostics, text))
}

/// Each mistake with its place, the text it is about, and what may have been meant.
pub(super) fn details(diagnostics: &[Diagnostic], text: &str) -> Value {
    let index = LineIndex::new(text);
    let detail = |diagnostic: &Diagnostic| {
        let place = index.position(diagnostic.span.start);
        let end = diagnostic.span.end.min(text.len());
        let spanned = text.get(diagnostic.span.start..end).unwrap_or_default();
        let name = Some(spanned).filter(|name| is_name(name));
        json!({
            "line": place.line,
            "column": place.column,
            "length": spanned.chars().count(),
            "name": name,
            "message": diagnostic.message,
            "suggestions": diagnostic.suggestions,
        })
    };
    diagnostics.iter().take(DETAILS_MAX).map(detail).collect()
}

fn is_name(text: &str) -> bool {
    text.len() <= 256
        && text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|char| char.is_alphanumeric() || "_-.$".contains(char))
}
