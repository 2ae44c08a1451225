//! Operators that put tables together: `join`, `lookup`, `union`, and the ones that look through
//! several: `search`, `find`.

use super::Parser;
use super::source::begins_operand;
use crate::ast::{
    BinaryOp, Expr, ExprKind, Find, FindColumn, Ident, Join, JoinCondition, JoinKind, Lookup, OperatorKind,
    Search, Union,
};
use crate::lexer::TokenKind;

const LOOKUP_KINDS: &[(&str, JoinKind)] = &[("leftouter", JoinKind::LeftOuter), ("inner", JoinKind::Inner)];

impl Parser<'_> {
    pub(super) fn join(&mut self) -> OperatorKind {
        let mut hints = self.parameters(&["kind", "withsource", "isfuzzy"]);
        let kind = self.taken_choice(&mut hints, "kind", JoinKind::NAMES);
        let right = self.table();
        let on = self.join_conditions();
        OperatorKind::Join(Join { kind, hints, right, on })
    }

    pub(super) fn lookup(&mut self) -> OperatorKind {
        let mut hints = self.parameters(&["kind"]);
        let kind = self.taken_choice(&mut hints, "kind", LOOKUP_KINDS);
        let right = self.table();
        let on = self.join_conditions();
        OperatorKind::Lookup(Lookup { kind, hints, right, on })
    }

    /// `on a, $left.b == $right.c`, with commas or `and` between.
    fn join_conditions(&mut self) -> Vec<JoinCondition> {
        if !self.expect_word("on") {
            return Vec::new();
        }
        let mut conditions = Vec::new();
        for expr in self.comma_separated(Self::expr) {
            let parts = match expr.kind {
                ExprKind::And(parts) => parts,
                _ => vec![expr],
            };
            for part in parts {
                conditions.extend(self.join_condition(part));
            }
        }
        conditions
    }

    fn join_condition(&mut self, expr: Expr) -> Option<JoinCondition> {
        let span = expr.span;
        match expr.kind {
            ExprKind::Error => None,
            ExprKind::Name(name) => Some(JoinCondition { left: name.clone(), right: name, span }),
            ExprKind::Binary { op: BinaryOp::Equal, left, right } => {
                let left = self.join_side(*left, "$left")?;
                let right = self.join_side(*right, "$right")?;
                Some(JoinCondition { left, right, span })
            }
            _ => {
                let message = "a join condition is the name of a common column or `$left.a == $right.b`";
                self.complain(span, message);
                None
            }
        }
    }

    /// The column of `$left.column` or `$right.column`.
    fn join_side(&mut self, expr: Expr, side: &str) -> Option<Ident> {
        let span = expr.span;
        if let Some((base, member)) = member_of_name(expr)
            && base == side
        {
            return Some(member);
        }
        self.complain(span, format!("this side of the join condition must be `{side}.` and a column"));
        None
    }

    /// From the word `union` on.
    pub(super) fn union(&mut self) -> Union {
        let start = self.bump().span.start;
        let mut hints = self.parameters(&["kind", "withsource", "with_source", "isfuzzy"]);
        let kinds = [("inner", true), ("outer", false)];
        let is_inner = self.taken_choice(&mut hints, "kind", &kinds).unwrap_or(false);
        let with_source = self.taken_name(&mut hints, "withsource");
        let with_source = with_source.or_else(|| self.taken_name(&mut hints, "with_source"));
        let is_fuzzy = self.taken_flag(&mut hints, "isfuzzy");
        let tables = self.tables();
        Union { is_inner, with_source, is_fuzzy, hints, tables, span: self.since(start) }
    }

    /// From the word `search` on.
    pub(super) fn search(&mut self) -> Search {
        self.search_where(|_| true)
    }

    /// The same at the start of a query, where a condition begins with what makes `search` no name.
    pub(super) fn search_everywhere(&mut self) -> Search {
        self.search_where(begins_operand)
    }

    fn search_where(&mut self, begins: fn(TokenKind) -> bool) -> Search {
        let start = self.bump().span.start;
        let mut params = self.parameters(&["kind"]);
        let kinds = [("default", false), ("case_insensitive", false), ("case_sensitive", true)];
        let is_case_sensitive = self.taken_choice(&mut params, "kind", &kinds).unwrap_or(false);
        let tables = self.tables_in_parens();
        if tables.is_empty() && !begins(self.peek()) {
            self.expected("a term or a condition");
        }
        let predicate = self.search_predicate();
        Search { is_case_sensitive, tables, predicate, span: self.since(start) }
    }

    /// `in (tables)`, if it follows.
    fn tables_in_parens(&mut self) -> Vec<Expr> {
        if !self.eat_word("in") {
            return Vec::new();
        }
        self.expect(TokenKind::OpenParen, "`(`");
        let tables = self.tables();
        self.expect(TokenKind::CloseParen, "`,` or `)`");
        tables
    }

    fn search_predicate(&mut self) -> Expr {
        let in_search = std::mem::replace(&mut self.in_search, true);
        let predicate = self.expr();
        self.in_search = in_search;
        predicate
    }

    /// From the word `find` on.
    pub(super) fn find(&mut self) -> Find {
        let start = self.bump().span.start;
        let mut hints = self.parameters(&["withsource", "with_source", "datascope"]);
        let with_source = self.taken_name(&mut hints, "withsource");
        let with_source = with_source.or_else(|| self.taken_name(&mut hints, "with_source"));
        let tables = self.tables_in_parens();
        self.eat_word("where");
        let predicate = self.search_predicate();
        let project = match self.hyphenated() {
            (word, width) if word == "project-smart" => {
                self.bump_many(width);
                None
            }
            (word, width) if word == "project" => {
                self.bump_many(width);
                Some(self.comma_separated(Self::find_column))
            }
            _ => None,
        };
        Find { with_source, hints, tables, predicate, project, span: self.since(start) }
    }

    fn find_column(&mut self) -> FindColumn {
        let name = self.name("a column");
        let ty = self.eat(TokenKind::Colon).then(|| self.scalar_type());
        FindColumn { name, ty }
    }
}

/// The two names of `base.member`.
fn member_of_name(expr: Expr) -> Option<(String, Ident)> {
    let ExprKind::Path { base, member } = expr.kind else { return None };
    match base.kind {
        ExprKind::Name(Ident { name, .. }) => Some((name, member)),
        _ => None,
    }
}
