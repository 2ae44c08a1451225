//! Pipelines and where their rows come from.

use super::Parser;
use super::infix::Level;
use crate::ast::{
    ColumnDecl, DataTable, Expr, ExprKind, ExternalData, Parameter, Pipeline, Print, Range, Source,
};
use crate::lexer::TokenKind;

/// Whether a word before a token of that kind is no name: what follows is what it works on.
pub(super) fn begins_operand(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Name | TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::Star | TokenKind::String
    )
}

impl Parser<'_> {
    pub(super) fn pipeline(&mut self) -> Pipeline {
        self.enter();
        let open = self.open.len();
        let start = self.here().start;
        let (source, mut operators) = match self.source() {
            // What is in parentheses is part of the same pipeline.
            Source::Expr(Expr { kind: ExprKind::Pipeline(inner), .. }) => (inner.source, inner.operators),
            source => (source, Vec::new()),
        };
        loop {
            if self.has_failed {
                self.recover(open);
            }
            if self.eat(TokenKind::Pipe) {
                self.operator(&mut operators);
            } else if self.at_pipeline_end() {
                break;
            }
            if !self.has_failed && self.peek() != TokenKind::Pipe && !self.at_pipeline_end() {
                self.unexpected_word();
            }
        }
        self.leave();
        Pipeline { source, operators, span: self.since(start) }
    }

    pub(super) fn at_pipeline_end(&self) -> bool {
        match self.peek() {
            TokenKind::End | TokenKind::Semicolon => true,
            TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace => !self.open.is_empty(),
            TokenKind::Comma => self.in_list,
            _ => false,
        }
    }

    /// Complains about what stands where an operator should end.
    fn unexpected_word(&mut self) {
        let before = self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map(|token| token.span);
        let is_not = before.is_some_and(|span| self.slice(span) == "not");
        if is_not {
            self.fail(before.unwrap_or_default(), "`not` is a function, write `not(...)`");
        } else {
            self.unexpected();
        }
    }

    fn source(&mut self) -> Source {
        let start = self.here().start;
        let next = self.peek_at(1);
        match self.word() {
            Some("print") if !matches!(next, TokenKind::Equal | TokenKind::Dot | TokenKind::Pipe) => {
                self.bump();
                let columns = if self.at_pipeline_end() {
                    self.expected("an expression");
                    Vec::new()
                } else {
                    self.columns()
                };
                Source::Print(Print { columns, span: self.since(start) })
            }
            Some("range")
                if self.name_width(1) > 0 && self.word_at(1 + self.name_width(1)) == Some("from") =>
            {
                self.range()
            }
            Some("union") if begins_operand(next) => Source::Union(self.union()),
            Some("search") if begins_operand(next) => Source::Search(self.search_everywhere()),
            Some("find") if next == TokenKind::Name || next == TokenKind::String => Source::Find(self.find()),
            Some("datatable") if next == TokenKind::OpenParen => self.datatable(),
            Some("externaldata" | "external_data") if next == TokenKind::OpenParen => self.externaldata(),
            _ if self.at_pipeline_end() => {
                self.expected("an expression");
                Source::Missing
            }
            _ if self.peek() == TokenKind::Pipe => {
                self.complain(self.here(), "a pipeline begins with a table or another source of rows");
                Source::Missing
            }
            _ => Source::Expr(self.binary(Level::Or)),
        }
    }

    /// `datatable` or `externaldata` inside an expression, as a pipeline of its own.
    pub(super) fn table_in_place(&mut self) -> ExprKind {
        let start = self.here().start;
        let source = if self.at_word("datatable") { self.datatable() } else { self.externaldata() };
        let pipeline = Pipeline { source, operators: Vec::new(), span: self.since(start) };
        self.grow(pipeline.span);
        ExprKind::Pipeline(Box::new(pipeline))
    }

    fn range(&mut self) -> Source {
        let start = self.bump().span.start;
        let name = self.name("a column");
        self.expect_word("from");
        let from = self.expr();
        self.expect_word("to");
        let to = self.expr();
        self.expect_word("step");
        let step = self.expr();
        Source::Range(Range { name, from, to, step, span: self.since(start) })
    }

    /// `(name: type, ...)`
    pub(super) fn schema(&mut self) -> Vec<ColumnDecl> {
        self.expect(TokenKind::OpenParen, "`(`");
        let columns = self.column_decls();
        self.expect(TokenKind::CloseParen, "`,` or `)`");
        columns
    }

    fn datatable(&mut self) -> Source {
        let start = self.bump().span.start;
        let columns = self.schema();
        self.expect(TokenKind::OpenBracket, "`[` and the table's values");
        let mut values = Vec::new();
        while !matches!(self.peek(), TokenKind::CloseBracket | TokenKind::End) {
            values.push(self.expr());
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.expect(TokenKind::CloseBracket, "`,` or `]`");
        let span = self.since(start);
        if values.len() % columns.len() != 0 {
            let message = format!("{} values do not fill rows of {} columns", values.len(), columns.len());
            self.complain(span, message);
        }
        Source::DataTable(DataTable { columns, values, span })
    }

    fn externaldata(&mut self) -> Source {
        let start = self.bump().span.start;
        let columns = self.schema();
        self.expect(TokenKind::OpenBracket, "`[` and where the data is");
        let uris = self.comma_separated(Self::expr);
        self.expect(TokenKind::CloseBracket, "`,` or `]`");
        let properties = if self.eat_word("with") { self.property_list() } else { Vec::new() };
        Source::ExternalData(ExternalData { columns, uris, properties, span: self.since(start) })
    }

    /// `(name = value, ...)`
    pub(super) fn property_list(&mut self) -> Vec<Parameter> {
        let mut properties = Vec::new();
        self.expect(TokenKind::OpenParen, "`(`");
        if self.peek() != TokenKind::CloseParen {
            properties = self.comma_separated(Self::parameter);
        }
        self.expect(TokenKind::CloseParen, "`,` or `)`");
        properties
    }

    /// The tables of `union`, `search` and `find`: names, patterns, calls, pipelines in parentheses.
    pub(super) fn tables(&mut self) -> Vec<Expr> {
        self.comma_separated(|parser| match parser.wildcard_width() {
            0 => parser.table(),
            width => {
                let pattern = parser.wildcard(width);
                Expr { kind: ExprKind::Wildcard(pattern.name), span: pattern.span }
            }
        })
    }

    /// A table: a name, a call, or a pipeline in parentheses.
    pub(super) fn table(&mut self) -> Expr {
        match self.peek() {
            TokenKind::Name | TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::Number => {
                self.operand()
            }
            _ => {
                self.expected("a table");
                super::expr::missing(self.here())
            }
        }
    }
}
