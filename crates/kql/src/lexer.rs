//! Cuts a query text into tokens; blanks and comments are left out.

use logos::{FilterResult, Lexer, Logos};

use crate::Span;

/// A token and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

/// What a token is. Keywords are names: which they are, depends on the place.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Blanks, comments, and lines that begin with `#`, which are directives for the client. Left out
    /// by [`tokens`].
    #[regex(r"[\p{White_Space}\u{feff}\u{200b}]+")]
    #[regex(r"//[^\n]*", allow_greedy = true)]
    #[regex(r"#[^\n]*", directive, allow_greedy = true)]
    Blank,
    #[regex(r"[A-Za-z_$][A-Za-z0-9_]*")]
    Name,
    /// Digits with a fraction, exponent, unit or letters behind them: numbers, timespans, and names
    /// that begin with a digit.
    #[regex(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?[A-Za-z0-9_]*")]
    Number,
    /// A whole string literal, whatever its form.
    #[regex(r#"[hH]?"([^"\\\r\n]|\\[^\r\n])*""#)]
    #[regex(r"[hH]?'([^'\\\r\n]|\\[^\r\n])*'")]
    #[regex(r#"([hH]?@|@[hH])"([^"\r\n]|"")*""#)]
    #[regex(r"([hH]?@|@[hH])'([^'\r\n]|'')*'")]
    #[regex(r"[hH]?```", |lexer| closed_by(lexer, "```"))]
    #[regex(r"[hH]?~~~", |lexer| closed_by(lexer, "~~~"))]
    String,
    /// A string literal without its closing quote, up to the end of the line.
    #[regex(r#"[hH]?"([^"\\\r\n]|\\[^\r\n])*\\?"#, priority = 2)]
    #[regex(r"[hH]?'([^'\\\r\n]|\\[^\r\n])*\\?", priority = 2)]
    #[regex(r#"([hH]?@|@[hH])"([^"\r\n]|"")*"#, priority = 2)]
    #[regex(r"([hH]?@|@[hH])'([^'\r\n]|'')*", priority = 2)]
    UnclosedString,
    /// `datetime(2024-05-06)`, `int(5)` and the like, from the type's name to the parenthesis. Made
    /// by [`tokens`], because what is inside does not follow the rules for tokens.
    Typed,
    #[token("(")]
    OpenParen,
    #[token(")")]
    CloseParen,
    #[token("[")]
    OpenBracket,
    #[token("]")]
    CloseBracket,
    #[token("{")]
    OpenBrace,
    #[token("}")]
    CloseBrace,
    #[token("|")]
    Pipe,
    #[token(";")]
    Semicolon,
    #[token(",")]
    Comma,
    #[token(":")]
    Colon,
    #[token("..")]
    DotDot,
    #[token(".")]
    Dot,
    #[token("=>")]
    Arrow,
    #[token("==")]
    EqualEqual,
    #[token("=~")]
    EqualTilde,
    #[token("=")]
    Equal,
    #[token("!=")]
    #[token("<>")]
    NotEqual,
    #[token("!~")]
    NotTilde,
    #[token("!")]
    Bang,
    #[token("<=")]
    LessOrEqual,
    #[token("<")]
    Less,
    #[token(">=")]
    GreaterOrEqual,
    #[token(">")]
    Greater,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("%")]
    Percent,
    #[token("~")]
    Tilde,
    #[token("&&")]
    AndAnd,
    #[token("||")]
    OrOr,
    /// A character that begins no token.
    Unknown,
    /// Behind the last token.
    End,
}

/// Extends a raw string to its closing mark; without one it ends with its opening mark.
fn closed_by(lexer: &mut Lexer<'_, TokenKind>, mark: &str) -> FilterResult<(), ()> {
    match lexer.remainder().find(mark) {
        Some(at) => {
            lexer.bump(at + mark.len());
            FilterResult::Emit(())
        }
        None => FilterResult::Error(()),
    }
}

/// A `#` begins a line; further on in a line it is an error.
fn directive(lexer: &mut Lexer<'_, TokenKind>) -> FilterResult<(), ()> {
    let before = lexer.source().get(..lexer.span().start).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let begins_line = before.get(line_start..).is_some_and(|text| text.trim().is_empty());
    if begins_line { FilterResult::Emit(()) } else { FilterResult::Error(()) }
}

/// Types whose literals are written `type(text)`.
const LITERAL_TYPES: &[&str] = &[
    "bool", "boolean", "int", "long", "real", "double", "decimal", "datetime", "date", "timespan", "time",
    "guid", "uuid", "uniqueid",
];

/// All tokens of a text, with [`TokenKind::End`] behind them.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = TokenKind::lexer(text);
    let mut tokens = Vec::new();
    while let Some(next) = lexer.next() {
        let mut kind = next.unwrap_or(TokenKind::Unknown);
        let mut span = lexer.span();
        if kind == TokenKind::Blank {
            continue;
        }
        if kind == TokenKind::Name
            && LITERAL_TYPES.contains(&lexer.slice())
            && let Some(length) = typed_literal_length(lexer.remainder())
        {
            lexer.bump(length);
            span.end += length;
            kind = TokenKind::Typed;
        }
        tokens.push(Token { kind, span: Span::new(span.start, span.end) });
    }
    tokens.push(Token { kind: TokenKind::End, span: Span::new(text.len(), text.len()) });
    tokens
}

/// The length of `(text)` at the start of `rest`. Text with parentheses in it is an expression, not
/// the text of a literal.
fn typed_literal_length(rest: &str) -> Option<usize> {
    let inside = rest.trim_start().strip_prefix('(')?;
    let end = inside.find(['(', ')', '|', ';', '[', '{'])?;
    inside[end..].starts_with(')').then(|| rest.len() - inside.len() + end + 1)
}
