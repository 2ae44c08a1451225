//! What was wrong with an option, in words for the person who wrote it.

use std::fmt;

/// An option that could not be read. It is always the client's mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ODataError {
    /// The option, such as `$filter`.
    pub option: String,
    /// Where in the option's decoded value, in characters from 0.
    pub position: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be valid; may be empty.
    pub hint: String,
}

impl fmt::Display for ODataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.message)?;
        if let Some(position) = self.position {
            write!(f, " at position {position}")?;
        }
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for ODataError {}

/// An error before it is known which option it happened in.
#[derive(Debug)]
pub(crate) struct Fault {
    /// In bytes.
    at: Option<usize>,
    message: String,
    hint: String,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Fault { at: None, message: message.into(), hint: String::new() }
    }

    pub(crate) fn at(self, at: usize) -> Self {
        Fault { at: Some(at), ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Fault { hint: hint.into(), ..self }
    }

    /// Names the option, and counts characters of its `text` where faults count bytes.
    pub(crate) fn within(self, option: &str, text: &str) -> ODataError {
        let position = self.at.map(|at| text.char_indices().take_while(|(start, _)| *start < at).count());
        ODataError { option: option.to_owned(), position, message: self.message, hint: self.hint }
    }
}

/// A client's text as shown in a message: in quotes, on one line and not too long.
pub(crate) fn shown(text: &str) -> String {
    format!("'{}'", cut(text))
}

/// A client's text on one line and not too long.
pub(crate) fn cut(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let clean = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut line: String = text.chars().take(CHARS_MAX).map(clean).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        line.push_str("...");
    }
    line
}
