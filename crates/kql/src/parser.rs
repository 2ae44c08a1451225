//! The parser: recursive descent over tokens, with a Pratt loop for expressions.
//!
//! The first error inside an operator or statement puts the parser in a failed state, in which it
//! sees no more tokens, so that every loop ends by itself. [`Parser::recover`] then skips to the
//! next `|`, `;` or closing bracket of the enclosing construct and parsing goes on from there.

mod branches;
mod columns;
mod dynamic;
mod expr;
mod graph;
mod infix;
mod join;
mod literal;
mod names;
mod operator;
mod series;
mod source;
mod statement;

pub(crate) use infix::Level;

use crate::ast::Query;
use crate::lexer::{Token, TokenKind, tokens};
use crate::{Diagnostic, Parsed, Span, nearest};

/// The longest query text, in bytes.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// How deep brackets may nest.
pub const DEPTH_MAX: usize = 200;

/// How high the tree of one expression may grow; long chains of `+` or `.` make it high. `and` and
/// `or` do not, however many.
pub const HEIGHT_MAX: usize = 400;

/// How many diagnostics end the parsing.
const DIAGNOSTICS_MAX: usize = 50;

/// Parses a query text. Whatever the text, there is a tree; without diagnostics it is the whole
/// query.
pub fn parse(text: &str) -> Parsed {
    if text.len() > TEXT_BYTES_MAX {
        let span = Span::new(0, text.len());
        let message = format!("the query is {} bytes long, at most {TEXT_BYTES_MAX} are allowed", text.len());
        return Parsed { query: Query::default(), diagnostics: vec![Diagnostic::new(span, message)] };
    }
    let mut parser = Parser::new(text);
    let query = parser.query();
    Parsed { query, diagnostics: parser.diagnostics }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    /// Index of the next token; the last token is never passed.
    at: usize,
    /// Brackets that are open at this token.
    open: Vec<TokenKind>,
    /// An error was reported and no recovery has happened since.
    has_failed: bool,
    depth: usize,
    /// The height of the tallest expression made so far in the current frame.
    height: usize,
    /// A comma ends the pipeline: it is an argument or an element of a list.
    in_list: bool,
    /// `:` compares a column with a term.
    in_search: bool,
    diagnostics: Vec<Diagnostic>,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Parser<'t> {
        Parser {
            text,
            tokens: tokens(text),
            at: 0,
            open: Vec::new(),
            has_failed: false,
            depth: 0,
            height: 0,
            in_list: false,
            in_search: false,
            diagnostics: Vec::new(),
        }
    }

    // Looking at tokens.

    fn peek(&self) -> TokenKind {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> TokenKind {
        if self.has_failed {
            return TokenKind::End;
        }
        self.tokens.get(self.at + ahead).map_or(TokenKind::End, |token| token.kind)
    }

    /// The span of the next token, even in the failed state.
    fn here(&self) -> Span {
        self.span_at(0)
    }

    fn span_at(&self, ahead: usize) -> Span {
        let end = Span::new(self.text.len(), self.text.len());
        self.tokens.get(self.at + ahead).map_or(end, |token| token.span)
    }

    fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.start..span.end).unwrap_or("")
    }

    /// The text of the token if it is a plain name.
    fn word_at(&self, ahead: usize) -> Option<&'t str> {
        (self.peek_at(ahead) == TokenKind::Name).then(|| self.slice(self.span_at(ahead)))
    }

    fn word(&self) -> Option<&'t str> {
        self.word_at(0)
    }

    fn at_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    /// Whether the token and the one behind it touch.
    fn touches_next(&self, ahead: usize) -> bool {
        self.span_at(ahead).end == self.span_at(ahead + 1).start
    }

    /// From `start` to the end of the last token taken.
    fn since(&self, start: usize) -> Span {
        let end = self
            .at
            .checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(start, |token| token.span.end);
        Span::new(start, end.max(start))
    }

    // Taking tokens.

    fn bump(&mut self) -> Token {
        let token = Token { kind: self.peek(), span: self.here() };
        match token.kind {
            TokenKind::End => return token,
            TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenBrace => {
                self.open.push(token.kind)
            }
            TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => {
                self.open.pop();
            }
            _ => {}
        }
        self.at += 1;
        token
    }

    fn bump_many(&mut self, count: usize) {
        for _ in 0..count {
            self.bump();
        }
    }

    fn eat(&mut self, kind: TokenKind) -> bool {
        let is_next = self.peek() == kind;
        if is_next {
            self.bump();
        }
        is_next
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let is_next = self.at_word(word);
        if is_next {
            self.bump();
        }
        is_next
    }

    fn expect(&mut self, kind: TokenKind, what: &str) -> bool {
        let is_next = self.eat(kind);
        if !is_next {
            self.expected(what);
        }
        is_next
    }

    fn expect_word(&mut self, word: &str) -> bool {
        let is_next = self.eat_word(word);
        if !is_next {
            self.expected(&format!("`{word}`"));
        }
        is_next
    }

    /// Parses things with commas between them.
    fn comma_separated<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut items = vec![item(self)];
        while self.eat(TokenKind::Comma) {
            items.push(item(self));
        }
        items
    }

    // Complaints.

    /// Reports an error that leaves the parser where it is; it goes on.
    fn complain(&mut self, span: Span, message: impl Into<String>) {
        self.complain_with(span, message, Vec::new());
    }

    fn complain_with(&mut self, span: Span, message: impl Into<String>, suggestions: Vec<String>) {
        let diagnostic = Diagnostic { span, message: message.into(), suggestions };
        if self.has_failed || self.diagnostics.contains(&diagnostic) {
            return;
        }
        if self.diagnostics.len() < DIAGNOSTICS_MAX {
            self.diagnostics.push(diagnostic);
        }
        if self.diagnostics.len() >= DIAGNOSTICS_MAX {
            self.give_up();
        }
    }

    /// Complains that `name` is not one of `names`.
    fn complain_unknown<'n>(
        &mut self,
        what: &str,
        name: &str,
        span: Span,
        names: impl IntoIterator<Item = &'n str>,
    ) {
        self.complain_with(span, format!("unknown {what} `{name}`"), nearest(name, names));
    }

    /// Reports an error after which the rest of the operator makes no sense.
    fn fail(&mut self, span: Span, message: impl Into<String>) {
        self.complain(span, message);
        self.has_failed = true;
    }

    fn expected(&mut self, what: &str) {
        let span = self.here();
        let message = match self.peek() {
            TokenKind::UnclosedString => "this string has no closing quote".to_string(),
            TokenKind::Unknown => self.unknown_character(span),
            TokenKind::End => format!("expected {what}, but the query ends here"),
            _ => format!("expected {what}, found `{}`", shortened(self.slice(span))),
        };
        self.fail(span, message);
    }

    fn unknown_character(&self, span: Span) -> String {
        let text = self.slice(span);
        match text {
            "“" | "”" | "„" | "‘" | "’" => {
                format!("`{text}` is a typographic quote, strings need `\"` or `'`")
            }
            _ if text.ends_with("```") || text.ends_with("~~~") => {
                "this string has no closing mark".to_string()
            }
            _ => format!("unexpected character `{}`", shortened(text)),
        }
    }

    /// Complains about a token that nothing can follow up with.
    fn unexpected(&mut self) {
        let span = self.here();
        let text = shortened(self.slice(span));
        match self.peek() {
            TokenKind::UnclosedString | TokenKind::Unknown | TokenKind::End => self.expected("`|` or `;`"),
            TokenKind::Equal => self.fail(span, "unexpected `=`, values are compared with `==`"),
            TokenKind::Name if operator::is_operator(text.as_str()) => {
                self.fail(span, format!("unexpected `{text}`, there is a `|` in front of every operator"));
            }
            _ if self.open.is_empty() && self.is_behind_blank_line() => {
                self.fail(span, format!("unexpected `{text}`, there is a `;` between two queries"));
            }
            _ => self.fail(span, format!("unexpected `{text}`")),
        }
    }

    /// Whether there is an empty line between the last token and the next one.
    fn is_behind_blank_line(&self) -> bool {
        let before = self.at.checked_sub(1).map_or(0, |last| self.tokens[last].span.end);
        let between = self.slice(Span::new(before, self.here().start));
        let lines: Vec<&str> = between.split('\n').collect();
        lines.len() > 2 && lines[1..lines.len() - 1].iter().any(|line| line.trim().is_empty())
    }

    // Recovery and bounds.

    /// Leaves the failed state: skips to the next `|`, `;` or closing bracket outside of what was
    /// opened since `open` brackets were.
    fn recover(&mut self, open: usize) {
        self.has_failed = false;
        loop {
            if self.open.len() > 2 * DEPTH_MAX {
                self.give_up();
            }
            let inside = self.open.get(open..).unwrap_or(&[]);
            match self.peek() {
                TokenKind::End => break,
                TokenKind::Pipe if inside.is_empty() => break,
                TokenKind::Semicolon if !inside.contains(&TokenKind::OpenBrace) && !self.at_step_end() => {
                    break;
                }
                kind @ (TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace) => {
                    let opener = opener_of(kind);
                    match self.open.iter().rposition(|open| *open == opener) {
                        Some(at) if at < open => break,
                        Some(at) => {
                            self.open.truncate(at);
                            self.at += 1;
                        }
                        None => self.at += 1,
                    }
                }
                _ => {
                    self.bump();
                }
            }
        }
        self.open.truncate(open);
    }

    /// Whether the `;` here ends a step of the operator `scan` and not a statement.
    fn at_step_end(&self) -> bool {
        self.word_at(1) == Some("step") || self.peek_at(1) == TokenKind::CloseParen
    }

    /// Counts one level of nesting; [`Self::leave`] must follow. Too deep ends the parsing.
    fn enter(&mut self) {
        self.depth += 1;
        if self.depth > DEPTH_MAX && !self.has_failed {
            self.fail(self.here(), format!("nested too deeply, at most {DEPTH_MAX} levels are allowed"));
            self.give_up();
        }
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Goes to the end: what is left is not worth parsing.
    fn give_up(&mut self) {
        self.at = self.tokens.len().saturating_sub(1);
    }

    /// Begins a frame of its own for [`Self::height`]; gives the height of the frame around it.
    fn begin_height(&mut self) -> usize {
        std::mem::take(&mut self.height)
    }

    fn end_height(&mut self, outer: usize) {
        self.height = self.height.max(outer);
    }

    /// Notes that a node was put on top of the tallest one.
    fn grow(&mut self, span: Span) {
        self.height += 1;
        if self.height > HEIGHT_MAX && !self.has_failed {
            self.fail(
                span,
                format!("the expression is too long, at most {HEIGHT_MAX} operations may follow each other"),
            );
        }
    }
}

fn opener_of(closer: TokenKind) -> TokenKind {
    match closer {
        TokenKind::CloseBracket => TokenKind::OpenBracket,
        TokenKind::CloseBrace => TokenKind::OpenBrace,
        _ => TokenKind::OpenParen,
    }
}

/// The first characters of a token, for a message.
fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 40;
    let text = text.lines().next().unwrap_or("");
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}
