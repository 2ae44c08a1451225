//! Operators with several bodies: `fork`, `facet`, and the steps of `scan`.

use super::Parser;
use crate::ast::{Expr, ExprKind, Facet, ForkBranch, OperatorKind, Rename, Scan, ScanOutput, ScanStep};
use crate::lexer::TokenKind;

impl Parser<'_> {
    pub(super) fn fork(&mut self) -> OperatorKind {
        let mut branches = Vec::new();
        loop {
            let width = self.name_width(0);
            let is_named = width > 0 && self.peek_at(width) == TokenKind::Equal;
            if !is_named && self.peek() != TokenKind::OpenParen {
                break;
            }
            let name = is_named.then(|| {
                let name = self.name("a name");
                self.bump();
                name
            });
            branches.push(ForkBranch { name, body: self.body() });
        }
        if branches.is_empty() {
            self.expected("`(` and operators");
        }
        OperatorKind::Fork(branches)
    }

    pub(super) fn facet(&mut self) -> OperatorKind {
        self.expect_word("by");
        let by = self.comma_separated(|parser| parser.name("a column"));
        let with = if self.eat_word("with") { self.body() } else { Vec::new() };
        OperatorKind::Facet(Facet { by, with })
    }

    pub(super) fn project_by_names(&mut self) -> OperatorKind {
        let names = self.comma_separated(|parser| match parser.wildcard_width() {
            0 => parser.expr(),
            width => {
                let pattern = parser.wildcard(width);
                Expr { kind: ExprKind::Wildcard(pattern.name), span: pattern.span }
            }
        });
        OperatorKind::ProjectByNames(names)
    }

    pub(super) fn scan(&mut self) -> OperatorKind {
        let mut hints = self.parameters(&["with_match_id"]);
        let match_id = self.taken_name(&mut hints, "with_match_id");
        let declared = if self.eat_word("declare") { self.params() } else { Vec::new() };
        self.expect_word("with");
        self.expect(TokenKind::OpenParen, "`(`");
        let mut steps = Vec::new();
        while self.at_word("step") {
            steps.push(self.scan_step());
            if !self.eat(TokenKind::Semicolon) {
                break;
            }
        }
        if steps.is_empty() {
            self.expected("`step`");
        }
        self.expect(TokenKind::CloseParen, "`;` or `)`");
        OperatorKind::Scan(Scan { hints, match_id, declared, steps })
    }

    fn scan_step(&mut self) -> ScanStep {
        let start = self.bump().span.start;
        let name = self.name("a step");
        let is_optional = self.eat_word("optional");
        let mut settings = self.parameters(&["output"]);
        let output = self.taken_choice(&mut settings, "output", ScanOutput::NAMES).unwrap_or(ScanOutput::All);
        self.expect(TokenKind::Colon, "`:` and a condition");
        let condition = self.expr();
        let mut assignments = Vec::new();
        if self.eat(TokenKind::Arrow) {
            assignments = self.comma_separated(|parser| {
                let new = parser.name("a column");
                parser.expect(TokenKind::Equal, "`=` and the column's value");
                Rename { new, old: parser.expr() }
            });
        }
        ScanStep { name, is_optional, output, condition, assignments, span: self.since(start) }
    }
}
