//! Statements: `let`, `set`, `declare`, `alias` and queries.

use super::Parser;
use crate::ast::{
    Alias, ColumnDecl, Function, Let, LetValue, Param, ParamKind, Parameters, Query, ScalarType, Set,
    Statement,
};
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn query(&mut self) -> Query {
        Query { statements: self.statements() }
    }

    /// Statements up to the end of the text, or of a function's body.
    fn statements(&mut self) -> Vec<Statement> {
        let open = self.open.len();
        let mut statements = Vec::new();
        loop {
            while self.eat(TokenKind::Semicolon) {}
            let is_end = self.peek() == TokenKind::End || self.peek() == TokenKind::CloseBrace && open > 0;
            if is_end {
                return statements;
            }
            let before = self.at;
            statements.extend(self.statement());
            if !self.has_failed && !self.at_statement_end() {
                self.unexpected();
            }
            if self.has_failed {
                self.recover(open);
                // A query goes on behind what was skipped only if it is not a statement of its own.
                if self.peek() == TokenKind::Pipe || self.at == before {
                    self.skip_one();
                }
            }
        }
    }

    fn at_statement_end(&self) -> bool {
        matches!(self.peek(), TokenKind::Semicolon | TokenKind::End)
            || self.peek() == TokenKind::CloseBrace && !self.open.is_empty()
    }

    /// Passes a token that no statement begins with.
    fn skip_one(&mut self) {
        let is_closer =
            matches!(self.peek(), TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseBrace);
        if is_closer {
            self.at += 1;
        } else {
            self.bump();
        }
    }

    fn statement(&mut self) -> Option<Statement> {
        let start = self.here().start;
        let next = self.peek_at(1);
        let names_next = matches!(next, TokenKind::Name | TokenKind::OpenBracket | TokenKind::Number);
        match self.word() {
            Some("let") if names_next => Some(self.let_statement(start)),
            Some("set") if names_next => Some(self.set_statement(start)),
            Some("alias") if names_next => Some(self.alias_statement(start)),
            Some("declare") if names_next => self.declare_statement(start),
            Some("restrict") if self.word_at(1) == Some("access") => {
                self.fail(self.here(), "`restrict access` is not supported yet");
                None
            }
            _ => {
                self.in_list = false;
                Some(Statement::Expression(self.pipeline()))
            }
        }
    }

    fn let_statement(&mut self, start: usize) -> Statement {
        self.bump();
        let name = self.name("a name to bind");
        self.expect(TokenKind::Equal, "`=`");
        let is_function = self.at_function();
        let value = if is_function {
            LetValue::Function(self.function())
        } else {
            self.in_list = false;
            LetValue::Pipeline(self.pipeline())
        };
        Statement::Let(Let { name, value, span: self.since(start) })
    }

    /// Whether a function follows: `(...) {`, with `view` in front or not.
    fn at_function(&self) -> bool {
        let begin = usize::from(self.at_word("view"));
        if self.peek_at(begin) != TokenKind::OpenParen {
            return false;
        }
        let mut depth = 0_usize;
        for ahead in begin.. {
            match self.peek_at(ahead) {
                TokenKind::OpenParen => depth += 1,
                TokenKind::CloseParen => depth -= 1,
                TokenKind::End | TokenKind::Semicolon | TokenKind::Pipe | TokenKind::OpenBrace => {
                    return false;
                }
                _ => {}
            }
            if depth == 0 {
                return self.peek_at(ahead + 1) == TokenKind::OpenBrace;
            }
        }
        false
    }

    fn function(&mut self) -> Function {
        let start = self.here().start;
        self.enter();
        let is_view = self.eat_word("view");
        let params = self.params();
        let open = self.open.len();
        let mut body = Vec::new();
        if self.expect(TokenKind::OpenBrace, "`{`") {
            body = self.statements();
            if self.eat(TokenKind::CloseBrace) {
                let ends_in_result = matches!(body.last(), Some(Statement::Expression(_)));
                if !ends_in_result {
                    self.complain(self.since(start), "a function's body ends with an expression");
                }
            } else {
                self.expected("`}`");
                self.open.truncate(open);
            }
        }
        self.leave();
        Function { is_view, params, body, span: self.since(start) }
    }

    pub(super) fn params(&mut self) -> Vec<Param> {
        self.expect(TokenKind::OpenParen, "`(`");
        let mut params = Vec::new();
        if self.peek() != TokenKind::CloseParen {
            params = self.comma_separated(Self::param);
        }
        self.expect(TokenKind::CloseParen, "`)`");
        params
    }

    fn param(&mut self) -> Param {
        let start = self.here().start;
        let name = self.name("a parameter");
        if !self.eat(TokenKind::Colon) {
            self.expected("`:` and the parameter's type");
        }
        let kind = if self.eat(TokenKind::OpenParen) {
            let columns = if self.eat(TokenKind::Star) { None } else { Some(self.column_decls()) };
            self.expect(TokenKind::CloseParen, "`)`");
            ParamKind::Table { columns }
        } else {
            let ty = self.scalar_type();
            let default = self.eat(TokenKind::Equal).then(|| self.expr());
            ParamKind::Scalar { ty, default }
        };
        Param { name, kind, span: self.since(start) }
    }

    /// `name: type, ...`
    pub(super) fn column_decls(&mut self) -> Vec<ColumnDecl> {
        self.comma_separated(|parser| {
            let start = parser.here().start;
            let name = parser.name("a column");
            parser.expect(TokenKind::Colon, "`:` and the column's type");
            let ty = parser.scalar_type();
            ColumnDecl { name, ty, span: parser.since(start) }
        })
    }

    /// The name of a type.
    pub(super) fn scalar_type(&mut self) -> ScalarType {
        let span = self.here();
        let Some(word) = self.word() else {
            self.expected("a type");
            return ScalarType::Dynamic;
        };
        self.bump();
        ScalarType::from_name(word).unwrap_or_else(|| {
            self.complain_unknown("type", word, span, ScalarType::NAMES.iter().copied());
            ScalarType::Dynamic
        })
    }

    fn set_statement(&mut self, start: usize) -> Statement {
        self.bump();
        let name = self.name("the name of an option");
        let value = self.eat(TokenKind::Equal).then(|| self.parameter_value());
        Statement::Set(Set { name, value, span: self.since(start) })
    }

    fn alias_statement(&mut self, start: usize) -> Statement {
        self.bump();
        self.expect_word("database");
        let name = self.name("a name");
        self.expect(TokenKind::Equal, "`=`");
        let value = self.expr();
        Statement::Alias(Alias { name, value, span: self.since(start) })
    }

    fn declare_statement(&mut self, start: usize) -> Option<Statement> {
        self.bump();
        if self.at_word("pattern") {
            self.fail(self.here(), "`declare pattern` is not supported yet");
            return None;
        }
        self.expect_word("query_parameters");
        let params = self.params();
        Some(Statement::Parameters(Parameters { params, span: self.since(start) }))
    }
}
