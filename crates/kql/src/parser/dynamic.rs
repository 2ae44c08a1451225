//! `dynamic(...)`: JSON with single quotes, all forms of strings and typed literals inside.

use super::Parser;
use crate::ast::{ExprKind, Literal};
use crate::lexer::TokenKind;
use crate::literals::{format_datetime, format_guid, format_timespan, quote};

impl Parser<'_> {
    /// From the word `dynamic` on.
    pub(super) fn dynamic(&mut self) -> ExprKind {
        self.bump_many(2);
        let mut json = String::new();
        if self.peek() == TokenKind::CloseParen {
            json.push_str("null");
        } else {
            self.json_value(&mut json);
        }
        self.expect(TokenKind::CloseParen, "`)`");
        ExprKind::Literal(Literal::Dynamic(json))
    }

    /// Appends a value as JSON text.
    fn json_value(&mut self, json: &mut String) {
        self.enter();
        match self.peek() {
            TokenKind::OpenBracket => self.json_array(json),
            TokenKind::OpenBrace => self.json_object(json),
            TokenKind::String => json.push_str(&quote(&self.string_literal().0)),
            TokenKind::Minus | TokenKind::Plus => {
                if self.bump().kind == TokenKind::Minus {
                    json.push('-');
                }
                self.json_number(json);
            }
            TokenKind::Number => self.json_number(json),
            TokenKind::Typed => {
                let span = self.bump().span;
                match self.typed_value(self.slice(span)) {
                    Ok(literal) => json.push_str(&json_literal(&literal)),
                    Err(message) => self.complain(span, message),
                }
            }
            TokenKind::Name => self.json_word(json),
            _ => self.expected("a constant value"),
        }
        self.leave();
    }

    fn json_array(&mut self, json: &mut String) {
        self.bump();
        json.push('[');
        while !matches!(self.peek(), TokenKind::CloseBracket | TokenKind::End) {
            self.json_value(json);
            if self.peek() != TokenKind::Comma {
                break;
            }
            self.bump();
            json.push(',');
            if self.peek() == TokenKind::CloseBracket {
                self.expected("a value");
            }
        }
        self.expect(TokenKind::CloseBracket, "`,` or `]`");
        json.push(']');
    }

    fn json_object(&mut self, json: &mut String) {
        self.bump();
        json.push('{');
        while !matches!(self.peek(), TokenKind::CloseBrace | TokenKind::End) {
            if self.peek() == TokenKind::String {
                json.push_str(&quote(&self.string_literal().0));
            } else {
                self.expected("a key in quotes");
            }
            self.expect(TokenKind::Colon, "`:`");
            json.push(':');
            self.json_value(json);
            if self.peek() != TokenKind::Comma {
                break;
            }
            self.bump();
            json.push(',');
            if self.peek() == TokenKind::CloseBrace {
                self.expected("a key in quotes");
            }
        }
        self.expect(TokenKind::CloseBrace, "`,` or `}`");
        json.push('}');
    }

    fn json_number(&mut self, json: &mut String) {
        let span = self.here();
        let text = self.slice(span);
        let is_whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if self.peek() != TokenKind::Number {
            self.expected("a number");
        } else if is_whole {
            self.bump();
            let digits = text.trim_start_matches('0');
            json.push_str(if digits.is_empty() { "0" } else { digits });
        } else {
            self.bump();
            match super::literal::number(text) {
                Some(literal) => json.push_str(&json_literal(&literal)),
                None => self.complain(span, "expected a number"),
            }
        }
    }

    fn json_word(&mut self, json: &mut String) {
        match self.word().unwrap_or("") {
            "null" => json.push_str("null"),
            "true" | "True" | "TRUE" => json.push_str("true"),
            "false" | "False" | "FALSE" => json.push_str("false"),
            "dynamic" if self.peek_at(1) == TokenKind::OpenParen => {
                self.bump_many(2);
                self.json_value(json);
                self.expect(TokenKind::CloseParen, "`)`");
                return;
            }
            _ => {
                let message =
                    "`dynamic(...)` holds constants only, use `pack_array()` or `bag_pack()` for others";
                self.fail(self.here(), message);
            }
        }
        self.bump();
    }
}

/// A literal as JSON text: what JSON has no type for becomes a string.
fn json_literal(literal: &Literal) -> String {
    let json = match literal {
        Literal::Bool(value) => value.map(|value| value.to_string()),
        Literal::Int(value) => value.map(|value| value.to_string()),
        Literal::Long(value) => value.map(|value| value.to_string()),
        Literal::Real(value) => value.map(|value| match value.is_finite() {
            true => format!("{value:?}"),
            false => quote(&value.to_string()),
        }),
        Literal::Decimal(value) => value.as_deref().map(quote),
        Literal::DateTime(value) => value.map(|ticks| quote(&format_datetime(ticks))),
        Literal::Timespan(value) => value.map(|ticks| quote(&format_timespan(ticks))),
        Literal::Guid(value) => value.map(|guid| quote(&format_guid(guid))),
        Literal::String { value, .. } => Some(quote(value)),
        Literal::Dynamic(json) => Some(json.clone()),
    };
    json.unwrap_or_else(|| "null".to_string())
}
