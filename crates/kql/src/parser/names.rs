//! Names, bracketed names, and patterns with `*`.

use super::{Parser, shortened};
use crate::Span;
use crate::ast::{ColumnPattern, Ident};
use crate::lexer::TokenKind;

impl Parser<'_> {
    /// How many tokens the name at this place takes: `name` or `['name']`; none when there is none.
    pub(super) fn name_width(&self, ahead: usize) -> usize {
        match self.peek_at(ahead) {
            TokenKind::Name => 1,
            TokenKind::Number if self.is_number_a_name(self.span_at(ahead)) => 1,
            TokenKind::OpenBracket
                if self.peek_at(ahead + 1) == TokenKind::String
                    && self.peek_at(ahead + 2) == TokenKind::CloseBracket =>
            {
                3
            }
            _ => 0,
        }
    }

    /// A name may begin with digits, unless that makes it a number or a timespan.
    fn is_number_a_name(&self, span: Span) -> bool {
        let text = self.slice(span);
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_plain && super::literal::number(text).is_none() && text.bytes().any(|byte| !byte.is_ascii_digit())
    }

    /// A name; `what` says in the diagnostic what it is to name.
    pub(super) fn name(&mut self, what: &str) -> Ident {
        let start = self.here().start;
        match self.name_width(0) {
            0 => {
                self.expected(what);
                Ident { name: String::new(), span: Span::new(start, start) }
            }
            1 => {
                let span = self.bump().span;
                Ident { name: self.slice(span).to_string(), span }
            }
            _ => {
                self.bump();
                let (name, _) = self.string_token();
                self.bump();
                let span = self.since(start);
                if name.is_empty() {
                    self.complain(span, "a name cannot be empty");
                }
                Ident { name, span }
            }
        }
    }

    /// A name with its dots, such as `hint.strategy`, as one.
    pub(super) fn dotted_name(&mut self) -> Ident {
        let mut name = self.name("a name");
        while self.peek() == TokenKind::Dot && self.peek_at(1) == TokenKind::Name {
            self.bump();
            let part = self.bump().span;
            name.name.push('.');
            name.name.push_str(self.slice(part));
            name.span = name.span.to(part);
        }
        name
    }

    /// Whether the tokens here make a name with `*` in it, and how many they are.
    pub(super) fn wildcard_width(&self) -> usize {
        let is_part =
            |ahead| matches!(self.peek_at(ahead), TokenKind::Star | TokenKind::Name | TokenKind::Number);
        let mut width = 0;
        let mut has_star = false;
        while is_part(width) && (width == 0 || self.touches_next(width - 1)) {
            has_star |= self.peek_at(width) == TokenKind::Star;
            width += 1;
        }
        if has_star { width } else { 0 }
    }

    /// A name with `*` in it, as text.
    pub(super) fn wildcard(&mut self, width: usize) -> Ident {
        let start = self.here().start;
        self.bump_many(width);
        let span = self.since(start);
        Ident { name: self.slice(span).to_string(), span }
    }

    /// A column's name or a pattern for several.
    pub(super) fn column_pattern(&mut self) -> ColumnPattern {
        match self.wildcard_width() {
            0 => {
                let name = self.name("a column");
                if self.peek() == TokenKind::Dot || self.peek() == TokenKind::OpenParen {
                    let text = shortened(&name.name);
                    self.fail(
                        self.here(),
                        format!("expected the name of a column, but `{text}` is part of an expression"),
                    );
                }
                ColumnPattern { name, is_wildcard: false }
            }
            width => ColumnPattern { name: self.wildcard(width), is_wildcard: true },
        }
    }
}
