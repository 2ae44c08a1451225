//! `union`: rows of several tables under one set of columns.

use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use kql::Span;
use kql::ast::{self, ExprKind};
use model::Kind;

use super::operator::wildcard_matches;
use super::{Bind, Binder, error};
use crate::relation::Relation;
use crate::typed::Typed;

impl Binder<'_> {
    pub(super) fn union(&mut self, input: Option<Relation>, union: &ast::Union) -> Bind<Relation> {
        let mut legs: Vec<(String, Relation)> = Vec::new();
        if let Some(input) = input {
            legs.push(("union_arg0".to_owned(), input));
        }
        for table in &union.tables {
            let name = match &table.kind {
                ExprKind::Wildcard(pattern) => {
                    for found in self.tables.declared().to_vec() {
                        if !wildcard_matches(pattern, found.name) {
                            continue;
                        }
                        let ident = ast::Ident { name: found.name.to_owned(), span: table.span };
                        let leg = ast::Expr { kind: ExprKind::Name(ident), span: table.span };
                        legs.push((found.name.to_owned(), self.table_expr(&leg)?));
                    }
                    for ident in self.views(pattern, table.span) {
                        legs.push((ident.name.clone(), self.table_name(&ident)?));
                    }
                    continue;
                }
                ExprKind::Name(ident) => ident.name.clone(),
                _ => format!("union_arg{}", legs.len()),
            };
            // `isfuzzy`: tables that do not exist are left out.
            if !(union.is_fuzzy && self.is_missing(table)) {
                legs.push((name, self.table_expr(table)?));
            }
        }
        let source = union.with_source.as_ref().map(|ident| ident.name.clone());
        self.union_of(legs, union.is_inner, source, union.span)
    }

    /// The rows of several tables, which have names.
    pub(super) fn union_of(
        &mut self,
        legs: Vec<(String, Relation)>,
        is_inner: bool,
        source: Option<String>,
        span: Span,
    ) -> Bind<Relation> {
        if legs.is_empty() {
            return error(span, "'union' operator: no table to read");
        }
        let columns = union_columns(&legs, is_inner);
        let mut plan: Option<(LogicalPlanBuilder, Relation)> = None;
        for (name, leg) in self.with_rows(legs, |(_, leg)| &leg.plan) {
            let mut projected = Vec::with_capacity(columns.len() + 1);
            if let Some(source) = &source {
                projected.push((source.clone(), Typed::text(name)));
            }
            for column in &columns {
                let present = leg.field(&column.name).filter(|field| field.kind == column.kind);
                let typed = present.map_or_else(|| Typed::absent(column.kind), |field| field.typed());
                projected.push((column.shown.clone(), typed));
            }
            let leg = Relation { hidden: Vec::new(), ..leg }.project(&mut self.names, projected)?;
            plan = Some(match plan {
                // The fields of the first leg name those of the union.
                None => (LogicalPlanBuilder::from(leg.plan.clone()), leg),
                Some((builder, first)) => (builder.union(leg.plan)?, first),
            });
        }
        match plan {
            Some((builder, first)) => Ok(Relation { plan: builder.build()?, ..first }),
            None => error(span, "'union' operator: no table to read"),
        }
    }
}

impl Binder<'_> {
    /// The legs of a union that may have rows; one of those that have none where all are so. A plan over all tables
    /// takes seconds to make, and most tables of most tenants are empty.
    pub(super) fn with_rows<L>(&self, mut legs: Vec<L>, plan: impl Fn(&L) -> &LogicalPlan) -> Vec<L> {
        let is_first_empty = legs.first().is_some_and(|first| self.has_no_rows(plan(first)));
        let first = is_first_empty.then(|| legs.remove(0));
        legs.retain(|leg| !self.has_no_rows(plan(leg)));
        match first {
            Some(first) if legs.is_empty() => vec![first],
            _ => legs,
        }
    }

    /// Whether a plan takes rows of one table, which has none, one by one.
    fn has_no_rows(&self, plan: &LogicalPlan) -> bool {
        match plan {
            LogicalPlan::TableScan(scan) => self.empty.contains(scan.table_name.table()),
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Window(_) => plan.inputs().iter().all(|input| self.has_no_rows(input)),
            _ => false,
        }
    }

    /// Whether an expression reads a table that does not exist.
    fn is_missing(&self, table: &ast::Expr) -> bool {
        match &table.kind {
            ExprKind::Name(ident) => {
                self.scope.get(&ident.name).is_none() && self.find_table(&ident.name).is_none()
            }
            ExprKind::Pipeline(pipeline) => {
                matches!(&pipeline.source, ast::Source::Expr(expr) if self.is_missing(expr))
            }
            _ => false,
        }
    }
}

struct UnionColumn {
    name: String,
    kind: Kind,
    /// With the kind behind the name where tables differ in it.
    shown: String,
}

fn union_columns(legs: &[(String, Relation)], is_inner: bool) -> Vec<UnionColumn> {
    let mut columns: Vec<UnionColumn> = Vec::new();
    for field in legs.iter().flat_map(|(_, leg)| &leg.fields) {
        if columns.iter().any(|column| column.name == field.name && column.kind == field.kind) {
            continue;
        }
        let column = UnionColumn { name: field.name.clone(), kind: field.kind, shown: field.name.clone() };
        // Columns of one name stand together.
        match columns.iter().rposition(|column| column.name == field.name) {
            Some(at) => columns.insert(at + 1, column),
            None => columns.push(column),
        }
    }
    if is_inner {
        let everywhere = |column: &UnionColumn| {
            legs.iter().all(|(_, leg)| leg.field(&column.name).is_some_and(|field| field.kind == column.kind))
        };
        columns.retain(everywhere);
    }
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    for column in &mut columns {
        if names.iter().filter(|name| **name == column.name).count() > 1 {
            column.shown = format!("{}_{}", column.name, column.kind.name());
        }
    }
    columns
}
