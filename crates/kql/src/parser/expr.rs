//! Expressions.

use super::Parser;
use super::infix::{Infix, Level};
use crate::Span;
use crate::ast::{Arg, Call, Expr, ExprKind, Ident, Literal, Pipeline, Source, UnaryOp};
use crate::lexer::TokenKind;

/// Words that begin no expression; as names they need brackets.
const RESERVED: &[&str] = &[
    "and",
    "or",
    "by",
    "in",
    "between",
    "has",
    "has_any",
    "has_all",
    "contains",
    "startswith",
    "endswith",
    "matches",
];

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Expr {
        self.enter();
        let expr = self.binary(Level::Or);
        self.leave();
        expr
    }

    /// An expression of operators that bind at least so tightly.
    pub(super) fn binary(&mut self, level: Level) -> Expr {
        let outer = self.begin_height();
        let mut left = self.operand();
        while let Some((infix, width)) = self.infix() {
            if infix.level() < level {
                break;
            }
            left = match infix {
                Infix::And | Infix::Or => self.chain(left, infix, width),
                _ => {
                    self.bump_many(width);
                    self.applied(left, infix)
                }
            };
        }
        self.end_height(outer);
        left
    }

    /// All operands of a run of `and`, or of `or`.
    fn chain(&mut self, first: Expr, infix: Infix, width: usize) -> Expr {
        let start = first.span;
        let mut operands = vec![first];
        let mut next = Some((infix, width));
        while let Some((found, width)) = next
            && found == infix
        {
            self.bump_many(width);
            operands.push(self.binary(infix.level().tighter()));
            next = self.infix();
        }
        let span = self.since(start.start);
        self.grow(span);
        let kind = if infix == Infix::And { ExprKind::And(operands) } else { ExprKind::Or(operands) };
        Expr { kind, span }
    }

    /// `left` and what is behind the operator.
    fn applied(&mut self, left: Expr, infix: Infix) -> Expr {
        let start = left.span.start;
        let left = Box::new(left);
        let kind = match infix {
            Infix::Binary(op) => {
                let right = Box::new(self.binary(Level::of(op).tighter()));
                ExprKind::Binary { op, left, right }
            }
            Infix::In(op) => ExprKind::In { op, left, list: self.list(op.symbol()) },
            Infix::Between { negated } => {
                self.expect(TokenKind::OpenParen, "`(`");
                let low = Box::new(self.expr());
                self.expect(TokenKind::DotDot, "`..`");
                let high = Box::new(self.expr());
                self.expect(TokenKind::CloseParen, "`)`");
                ExprKind::Between { negated, expr: left, low, high }
            }
            Infix::And | Infix::Or => ExprKind::Error,
        };
        let span = self.since(start);
        self.grow(span);
        Expr { kind, span }
    }

    /// `(value, ...)` behind `in` and its kin.
    fn list(&mut self, op: &str) -> Vec<Expr> {
        if !self.eat(TokenKind::OpenParen) {
            self.expected(&format!("`(` and the values for `{op}`"));
            return Vec::new();
        }
        let in_list = std::mem::replace(&mut self.in_list, true);
        let mut list = Vec::new();
        if self.peek() != TokenKind::CloseParen {
            list = self.comma_separated(Self::pipeline_or_expr);
        }
        self.in_list = in_list;
        self.expect(TokenKind::CloseParen, "`,` or `)`");
        list
    }

    /// An operand with its signs in front and its members and indexes behind.
    pub(super) fn operand(&mut self) -> Expr {
        let outer = self.begin_height();
        let mut signs = Vec::new();
        loop {
            let op = match self.peek() {
                TokenKind::Minus => UnaryOp::Negate,
                TokenKind::Plus => UnaryOp::Plus,
                _ => break,
            };
            signs.push((op, self.bump().span.start));
            if signs.len() > super::HEIGHT_MAX {
                self.grow_to_limit();
            }
        }
        let mut expr = self.primary();
        while matches!(self.peek(), TokenKind::Dot | TokenKind::OpenBracket) {
            expr = self.postfix(expr);
        }
        for (op, start) in signs.into_iter().rev() {
            let span = self.since(start);
            self.grow(span);
            expr = Expr { kind: ExprKind::Unary { op, operand: Box::new(expr) }, span };
        }
        self.end_height(outer);
        expr
    }

    fn grow_to_limit(&mut self) {
        self.height = super::HEIGHT_MAX;
        self.grow(self.here());
    }

    /// `.member`, `.['member']`, `.call()`, `[index]` or `.[index]` behind an expression.
    fn postfix(&mut self, base: Expr) -> Expr {
        let start = base.span.start;
        let base = Box::new(base);
        let kind = if self.eat(TokenKind::Dot) {
            if self.peek() == TokenKind::OpenBracket && self.name_width(0) == 0 {
                return self.postfix(*base);
            }
            let member = self.name("a name behind `.`");
            if self.peek() == TokenKind::OpenParen {
                ExprKind::PathCall { base, call: self.call(member) }
            } else {
                ExprKind::Path { base, member }
            }
        } else {
            self.bump();
            let index = Box::new(self.expr());
            self.expect(TokenKind::CloseBracket, "`]`");
            ExprKind::Index { base, index }
        };
        let span = self.since(start);
        self.grow(span);
        Expr { kind, span }
    }

    fn primary(&mut self) -> Expr {
        let start = self.here().start;
        let kind = match self.peek() {
            TokenKind::String => self.string(),
            TokenKind::Typed => self.typed_literal(),
            TokenKind::Number if self.name_width(0) == 0 => self.number(),
            TokenKind::OpenParen => return self.parenthesised(),
            TokenKind::Star => {
                self.bump();
                ExprKind::Star
            }
            TokenKind::Name => self.word_expr(),
            TokenKind::Bang => {
                self.fail(self.here(), "`!` is not an operator of its own, use `not(...)`");
                ExprKind::Error
            }
            TokenKind::OpenBracket if self.name_width(0) == 0 => {
                self.fail(self.here(), "an array is written `dynamic([...])` or `pack_array(...)`");
                ExprKind::Error
            }
            TokenKind::OpenBracket | TokenKind::Number => self.name_or_call(),
            _ => {
                self.expected("an expression");
                ExprKind::Error
            }
        };
        Expr { kind, span: self.since(start) }
    }

    /// What begins with a plain word: a constant, a table written in place, a name or a call.
    fn word_expr(&mut self) -> ExprKind {
        let word = self.word().unwrap_or("");
        let is_call = self.peek_at(1) == TokenKind::OpenParen;
        match word {
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" if !is_call => {
                self.bump();
                ExprKind::Literal(Literal::Bool(Some(word.eq_ignore_ascii_case("true"))))
            }
            "dynamic" if is_call => self.dynamic(),
            "typeof" if is_call => {
                self.bump_many(2);
                let ty = self.scalar_type();
                self.expect(TokenKind::CloseParen, "`)`");
                ExprKind::TypeOf(ty)
            }
            "string" if is_call => {
                self.fail(
                    self.here(),
                    "a string has no null and no literal of this form, use `''` or `tostring()`",
                );
                ExprKind::Error
            }
            "datatable" | "externaldata" | "external_data" if is_call => self.table_in_place(),
            _ if RESERVED.contains(&word) => {
                self.fail(self.here(), format!("expected an expression, found the keyword `{word}`"));
                ExprKind::Error
            }
            _ => self.name_or_call(),
        }
    }

    fn name_or_call(&mut self) -> ExprKind {
        let name = self.name("a name");
        if self.peek() == TokenKind::OpenParen {
            let call = self.call(name);
            self.grow(call.name.span);
            return ExprKind::Call(call);
        }
        ExprKind::Name(name)
    }

    /// The arguments of a call whose name was just read.
    pub(super) fn call(&mut self, name: Ident) -> Call {
        let mut args = Vec::new();
        if self.expect(TokenKind::OpenParen, "`(`") {
            let in_list = std::mem::replace(&mut self.in_list, true);
            let in_search = self.in_search;
            self.in_search &= name.name == "not";
            if self.peek() != TokenKind::CloseParen {
                args = self.comma_separated(Self::arg);
            }
            self.in_list = in_list;
            self.in_search = in_search;
            self.expect(TokenKind::CloseParen, "`,` or `)`");
        }
        Call { name, args }
    }

    fn arg(&mut self) -> Arg {
        let width = self.name_width(0);
        let is_named = width > 0 && self.peek_at(width) == TokenKind::Equal;
        let name = is_named.then(|| {
            let name = self.name("an argument");
            self.bump();
            name
        });
        Arg { name, value: self.pipeline_or_expr() }
    }

    /// An expression or pipeline in parentheses.
    fn parenthesised(&mut self) -> Expr {
        let start = self.bump().span.start;
        let in_list = std::mem::replace(&mut self.in_list, false);
        let mut expr = self.pipeline_or_expr();
        self.in_list = in_list;
        self.expect(TokenKind::CloseParen, "`)`");
        expr.span = self.since(start);
        expr
    }

    /// An expression, or a pipeline when it has operators or begins like one.
    pub(super) fn pipeline_or_expr(&mut self) -> Expr {
        let pipeline = self.pipeline();
        let span = pipeline.span;
        match pipeline {
            Pipeline { source: Source::Expr(expr), operators, .. } if operators.is_empty() => expr,
            pipeline => {
                self.grow(span);
                Expr { kind: ExprKind::Pipeline(Box::new(pipeline)), span }
            }
        }
    }
}

/// An expression where none was found.
pub(super) fn missing(span: Span) -> Expr {
    Expr { kind: ExprKind::Error, span: Span::new(span.start, span.start) }
}
