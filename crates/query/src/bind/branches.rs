//! Operators that give several tables, or none: `fork`, `facet`, `consume`.
//!
//! An answer holds one table. It is the first one; the others are planned, so that what is wrong with them is
//! told, and not run.

use datafusion::logical_expr::lit;
use kql::Span;
use kql::ast;

use super::{Bind, Binder, error};
use crate::relation::Relation;
use crate::typed::Typed;

impl Binder<'_> {
    pub(super) fn fork(
        &mut self,
        input: Relation,
        branches: &[ast::ForkBranch],
        span: Span,
    ) -> Bind<Relation> {
        let mut tables = Vec::with_capacity(branches.len());
        for branch in branches {
            tables.push(self.body(input.clone(), &branch.body)?);
        }
        match tables.into_iter().next() {
            Some(first) => Ok(first),
            None => error(span, "'fork' operator: has no branches"),
        }
    }

    /// A table of values and their counts for each column.
    pub(super) fn facet(&mut self, input: Relation, facet: &ast::Facet, span: Span) -> Bind<Relation> {
        let mut tables = Vec::with_capacity(facet.by.len());
        for ident in &facet.by {
            let field = self.column(&input, ident, "facet")?.clone();
            let count = self.names.next();
            let counted = datafusion::functions_aggregate::expr_fn::count(lit(1i64));
            let column = format!("count_{}", field.name);
            let result = vec![(column, Typed::column(&count, model::Kind::Long))];
            let keys = vec![(field.name.clone(), field.typed())];
            tables.push(self.aggregated(input.clone(), keys, vec![(counted, count)], result)?);
        }
        if !facet.with.is_empty() {
            self.body(input, &facet.with)?;
        }
        match tables.into_iter().next() {
            Some(first) => Ok(first),
            None => error(span, "'facet' operator: needs a column"),
        }
    }

    fn body(&mut self, mut relation: Relation, operators: &[ast::Operator]) -> Bind<Relation> {
        let outer = self.scope.clone();
        for operator in operators {
            self.step(operator.span)?;
            relation = self.apply(relation, operator)?;
        }
        self.scope = outer;
        Ok(relation)
    }

    /// Reads the rows and gives none, and no columns.
    pub(super) fn consume(&mut self, input: Relation) -> Bind<Relation> {
        let plan = input.builder().filter(lit(false))?.build()?;
        Ok(Relation { plan, fields: Vec::new(), hidden: Vec::new() })
    }
}
