//! `ipv4_lookup(table, address, network, keys..., return_unmatched)`: rows of a table whose network holds the
//! address; `ipv6_lookup` likewise.

use datafusion::common::JoinType;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::Span;
use kql::ast::{self, ExprKind, Literal};

use super::super::{Bind, Binder, error};
use crate::functions;
use crate::operators::{self, balanced};
use crate::relation::Relation;

impl Binder<'_> {
    pub(super) fn ip_lookup(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        is_in_range: &str,
        span: Span,
    ) -> Bind<Relation> {
        let mut keeps_unmatched = false;
        let mut args = Vec::new();
        for arg in &evaluate.call.args {
            match (&arg.name, &arg.value.kind) {
                (Some(name), ExprKind::Literal(Literal::Bool(Some(flag))))
                    if name.name == "return_unmatched" =>
                {
                    keeps_unmatched = *flag;
                }
                (None, ExprKind::Literal(Literal::Bool(Some(flag)))) if args.len() >= 3 => {
                    keeps_unmatched = *flag
                }
                _ => args.push(&arg.value),
            }
        }
        let usage =
            || format!("{}() takes a table, an address and a column of networks", evaluate.call.name.name);
        let [table, address, network, keys @ ..] = args.as_slice() else { return error(span, usage()) };
        let table = self.table_expr(table)?;
        let mut right = self.renamed(table)?;
        let named = |expr: &ast::Expr| match &expr.kind {
            ExprKind::Name(ident) => Some(ident.clone()),
            _ => None,
        };
        let (Some(address), Some(network)) = (named(address), named(network)) else {
            return error(span, usage());
        };
        let address = self.column(&input, &address, "evaluate")?.typed();
        let network = self.column(&right, &network, "evaluate")?.typed();
        let Some(function) = functions::find(is_in_range) else { return error(span, usage()) };
        let held = function.call(self.context, vec![address, network]);
        let mut conditions = vec![self.at(span, held)?.expr];
        for key in keys {
            let Some(ident) = named(key) else {
                return error(key.span, "a further key is a column of both tables");
            };
            let left_key = self.column(&input, &ident, "evaluate")?.typed();
            let right_key = self.column(&right, &ident, "evaluate")?.typed();
            let equal = operators::equal_or_dropped(left_key, right_key);
            conditions.push(self.at(ident.span, equal)?);
            right.fields.retain(|field| field.name != ident.name);
        }
        let join_type = if keeps_unmatched { JoinType::Left } else { JoinType::Inner };
        let left = Relation { hidden: Vec::new(), ..input };
        let plan = LogicalPlanBuilder::from(left.plan.clone())
            .join_on(right.plan.clone(), join_type, [balanced(conditions, Expr::and)])?
            .build()?;
        self.joined(plan, left, right, join_type)
    }
}
