//! Splits the text of an option into words, quoted strings and signs.

use crate::error::{Fault, shown};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    /// A name, keyword, number, date, GUID: anything that is not quoted.
    Word(&'a str),
    /// The string between the quotes.
    Quoted(String),
    Open,
    Close,
    OpenSquare,
    CloseSquare,
    Comma,
    Slash,
    Colon,
    End,
}

/// A token and the bytes it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Spanned<'a> {
    pub(crate) token: Token<'a>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The tokens of the text; the last is [`Token::End`].
///
/// A plus sign outside quotes counts as a blank: clients encode their blanks twice.
pub(crate) fn lex(text: &str) -> Result<Vec<Spanned<'_>>, Fault> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        if first == '+' || first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let (token, len) = token(&text[start..], first).map_err(|fault| fault.at(start))?;
        tokens.push(Spanned { token, start, end: start + len });
        start += len;
    }
    tokens.push(Spanned { token: Token::End, start, end: start });
    Ok(tokens)
}

/// The token at the start of the text, and its length.
fn token(text: &str, first: char) -> Result<(Token<'_>, usize), Fault> {
    let sign = match first {
        '\'' | '"' => return quoted(text, first),
        first if first == '-' || is_word(first) => {
            let word = word(text);
            return Ok((Token::Word(word), word.len()));
        }
        '(' => Token::Open,
        ')' => Token::Close,
        '[' => Token::OpenSquare,
        ']' => Token::CloseSquare,
        ',' => Token::Comma,
        '/' => Token::Slash,
        ':' => Token::Colon,
        '=' | '<' | '>' | '!' | '&' | '|' => {
            let message = format!("unexpected {}", shown(&first.to_string()));
            return Err(
                Fault::new(message).hint("operators are words: eq, ne, gt, ge, lt, le, in, and, or, not")
            );
        }
        _ => return Err(Fault::new(format!("unexpected {}", shown(&first.to_string())))),
    };
    Ok((sign, first.len_utf8()))
}

/// A string in single or double quotes; the quote doubled stands for itself.
fn quoted(text: &str, quote: char) -> Result<(Token<'_>, usize), Fault> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, char)) = chars.next() {
        if char == '\0' {
            return Err(Fault::new("a string cannot hold a NUL character"));
        }
        if char == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return Ok((Token::Quoted(value), at + 1));
        }
        value.push(char);
    }
    Err(Fault::new("the string that starts here has no closing quote")
        .hint("write a quote inside a string twice, such as 'it''s'"))
}

fn word(text: &str) -> &str {
    let is_literal = text.starts_with(|first: char| first.is_ascii_digit());
    let is_part = |char| is_word(char) || char == '.' || char == '-' || (is_literal && char == ':');
    let len = text.find(|char| !is_part(char)).unwrap_or(text.len());
    &text[..len + offset_len(&text[..len], &text[len..])]
}

/// How much of what follows a word is the offset of its time: `+hh:mm`, or ` hh:mm` where the plus sign was
/// decoded. No other expression has a number after a time, so this takes nothing from anyone.
fn offset_len(word: &str, rest: &str) -> usize {
    let is_time = word.contains(':') && word.ends_with(|last: char| last.is_ascii_digit());
    let is_offset = matches!(
        rest.as_bytes(),
        [b'+' | b' ', h1, h2, b':', m1, m2, ..] if [h1, h2, m1, m2].iter().all(|digit| digit.is_ascii_digit())
    );
    let ends = |rest: &str| !rest.starts_with(|next: char| is_word(next) || matches!(next, ':' | '.' | '-'));
    if is_time && is_offset && ends(&rest[6..]) { 6 } else { 0 }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$' | '@')
}
