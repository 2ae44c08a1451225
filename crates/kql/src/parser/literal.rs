//! Literals: strings, numbers with and without unit, and `type(text)`.

use super::{Parser, shortened};
use crate::Span;
use crate::ast::{Arg, BinaryOp, Call, Expr, ExprKind, Ident, Literal, ScalarType};
use crate::lexer::TokenKind;
use crate::literals::{
    parse_bool, parse_datetime, parse_decimal, parse_guid, parse_long, parse_real, parse_timespan, unescape,
};

/// What a token of digits stands for; `None` when out of range or no number at all.
pub(super) fn number(text: &str) -> Option<Literal> {
    let is_hex = text.starts_with("0x") || text.starts_with("0X");
    if is_hex || text.bytes().all(|byte| byte.is_ascii_digit()) {
        return parse_long(text).map(|value| Literal::Long(Some(value)));
    }
    if text.ends_with(|c: char| c.is_ascii_digit()) {
        return parse_real(text).map(|value| Literal::Real(Some(value)));
    }
    parse_timespan(text).map(|ticks| Literal::Timespan(Some(ticks)))
}

/// The name in front of a typed literal, the type it means, and the text in brackets and quotes.
fn typed_parts(token: &str) -> (&str, ScalarType, &str) {
    let (name, rest) = token.split_once('(').unwrap_or((token, ""));
    let name = name.trim_end();
    let ty = ScalarType::from_name(name).unwrap_or(ScalarType::Dynamic);
    let text = rest.strip_suffix(')').unwrap_or(rest).trim();
    let is_quoted = text.len() >= 2 && text.starts_with(['"', '\'']) && text.ends_with(&text[..1]);
    (name, ty, if is_quoted { &text[1..text.len() - 1] } else { text })
}

/// The value of `type(text)`; the error says what `text` should have been.
fn typed(ty: ScalarType, text: &str) -> Result<Literal, &'static str> {
    let is_null = text == "null";
    fn value<T>(is_null: bool, parsed: Option<T>, expected: &'static str) -> Result<Option<T>, &'static str> {
        if is_null { Ok(None) } else { parsed.map(Some).ok_or(expected) }
    }
    let small = || parse_long(text).and_then(|long| i32::try_from(long).ok());
    Ok(match ty {
        ScalarType::Bool => Literal::Bool(value(is_null, parse_bool(text), "`true` or `false`")?),
        ScalarType::Int => Literal::Int(value(is_null, small(), "a whole number of 32 bits")?),
        ScalarType::Long => Literal::Long(value(is_null, parse_long(text), "a whole number of 64 bits")?),
        ScalarType::Real => Literal::Real(value(is_null, parse_real(text), "a number")?),
        ScalarType::Decimal => Literal::Decimal(value(is_null, parse_decimal(text), "a decimal number")?),
        ScalarType::DateTime => {
            let is_null = is_null || text.is_empty();
            Literal::DateTime(value(
                is_null,
                parse_datetime(text),
                "a date and time such as `2024-05-06T07:08:09Z`",
            )?)
        }
        ScalarType::Timespan => Literal::Timespan(value(
            is_null,
            parse_timespan(text),
            "a length of time such as `1.02:03:04` or `5m`",
        )?),
        ScalarType::Guid => Literal::Guid(value(is_null, parse_guid(text), "a guid")?),
        ScalarType::String | ScalarType::Dynamic => return Err("a literal"),
    })
}

/// The value of a quoted string token. The error is the place of a wrong escape in the token.
fn string_value(token: &str) -> Result<(String, bool), usize> {
    let body = token.trim_start_matches(['h', 'H', '@']);
    let prefix = &token[..token.len() - body.len()];
    let is_obfuscated = prefix.contains(['h', 'H']);
    let mark = if body.starts_with("```") || body.starts_with("~~~") { 3 } else { 1 };
    let inside = body.get(mark..body.len().saturating_sub(mark)).unwrap_or("");
    let value = if mark == 3 {
        inside.to_string()
    } else if prefix.contains('@') {
        let quote = &body[..1];
        inside.replace(&quote.repeat(2), quote)
    } else {
        unescape(inside).map_err(|at| at + prefix.len() + mark)?
    };
    Ok((value, is_obfuscated))
}

impl Parser<'_> {
    /// Takes one string token: its value and whether it is to be hidden.
    pub(super) fn string_token(&mut self) -> (String, bool) {
        let span = self.bump().span;
        string_value(self.slice(span)).unwrap_or_else(|at| {
            let start = span.start + at;
            let message =
                "unknown escape in this string, a backslash is written `\\\\`, or `@` in front of the string";
            self.complain(crate::Span::new(start, start + 1), message);
            (String::new(), false)
        })
    }

    /// A string; strings that follow each other are one.
    pub(super) fn string_literal(&mut self) -> (String, bool) {
        let (mut value, mut is_obfuscated) = self.string_token();
        while self.peek() == TokenKind::String {
            let (more, is_hidden) = self.string_token();
            value.push_str(&more);
            is_obfuscated |= is_hidden;
        }
        (value, is_obfuscated)
    }

    pub(super) fn string(&mut self) -> ExprKind {
        let (value, is_obfuscated) = self.string_literal();
        ExprKind::Literal(Literal::String { value, is_obfuscated })
    }

    pub(super) fn number(&mut self) -> ExprKind {
        let span = self.bump().span;
        let text = self.slice(span);
        match number(text) {
            Some(literal) => ExprKind::Literal(literal),
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.complain(span, "this number does not fit into 64 bits");
                ExprKind::Error
            }
            None => {
                self.complain(
                    span,
                    format!("`{}` is neither a number nor a length of time", shortened(text)),
                );
                ExprKind::Error
            }
        }
    }

    /// `type(text)`, which the lexer gives as one token.
    pub(super) fn typed_literal(&mut self) -> ExprKind {
        let span = self.bump().span;
        match self.typed_value(self.slice(span)) {
            Ok(literal) => ExprKind::Literal(literal),
            Err(message) => self.time_today(span).unwrap_or_else(|| {
                self.complain(span, message);
                ExprKind::Error
            }),
        }
    }

    /// `datetime(8:00 AM)` is a time of the day on which the query runs: `startofday(now()) + 8h`.
    fn time_today(&self, span: Span) -> Option<ExprKind> {
        let (_, ty, text) = typed_parts(self.slice(span));
        // The first day there is, so that what is left is the time.
        let time = parse_datetime(&format!("0001-01-01 {text}")).filter(|_| ty == ScalarType::DateTime)?;
        let expr = |kind| Expr { kind, span };
        let call = |name: &str, args: Vec<Expr>| {
            let name = Ident { name: name.to_owned(), span };
            let args = args.into_iter().map(|value| Arg { name: None, value }).collect();
            expr(ExprKind::Call(Call { name, args }))
        };
        let today = call("startofday", vec![call("now", Vec::new())]);
        let time = expr(ExprKind::Literal(Literal::Timespan(Some(time))));
        Some(ExprKind::Binary { op: BinaryOp::Add, left: Box::new(today), right: Box::new(time) })
    }

    /// The value of the token of a typed literal.
    pub(super) fn typed_value(&self, token: &str) -> Result<Literal, String> {
        let (name, ty, text) = typed_parts(token);
        typed(ty, text)
            .map_err(|expected| format!("`{name}({})` is not valid, expected {expected}", shortened(text)))
    }
}
