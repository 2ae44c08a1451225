//! `pivot(column, aggregate, others...)`: a column for each value of a column.

use datafusion::logical_expr::Expr;
use kql::Span;
use kql::ast::{self, ExprKind};

use super::super::aggregate::Collected;
use super::super::expr::Input;
use super::super::{Bind, Binder, error};
use super::names_columns;
use crate::convert;
use crate::relation::{Field, Relation};
use crate::typed::Typed;

/// Columns that values may become.
const VALUES_MAX: usize = 2_000;

impl Binder<'_> {
    pub(super) fn pivot(&mut self, input: Relation, evaluate: &ast::Evaluate, span: Span) -> Bind<Relation> {
        let args = &evaluate.call.args;
        let Some(ExprKind::Name(ident)) = args.first().map(|arg| &arg.value.kind) else {
            return error(span, "pivot() takes a column, an aggregate, and columns to keep");
        };
        let by = self.column(&input, ident, "evaluate")?.clone();
        if !names_columns(by.kind) {
            return error(ident.span, format!("pivot(): '{}' is dynamic; convert it first", by.name));
        }
        let count = ast::Call { name: ast::Ident { name: "count".to_owned(), span }, args: Vec::new() };
        let count = ast::Expr { kind: ExprKind::Call(count), span };
        let (aggregate, kept) = match args.get(1).map(|arg| &arg.value) {
            Some(aggregate) if matches!(aggregate.kind, ExprKind::Call(_)) => (aggregate, args.get(2..)),
            _ => (&count, args.get(1..)),
        };
        let mut used = vec![by.name.clone()];
        columns_used(aggregate, &mut used);
        let keys: Vec<Field> = match kept.unwrap_or_default() {
            [] => input.fields.iter().filter(|field| !used.contains(&field.name)).cloned().collect(),
            kept => {
                let mut keys = Vec::with_capacity(kept.len());
                for arg in kept {
                    let ExprKind::Name(ident) = &arg.value.kind else {
                        return error(arg.value.span, "pivot(): what is kept are columns");
                    };
                    keys.push(self.column(&input, ident, "evaluate")?.clone());
                }
                keys
            }
        };
        self.is_open |= self.describes && evaluate.schema.is_none();
        let values = self.pivot_values(&input, &by, span)?;
        let mut collected = Collected::default();
        let mut results = Vec::with_capacity(values.len());
        for value in values {
            let rows_of = convert::to_text(by.typed()).expr.eq(Typed::text(&value).expr);
            let mut own = Collected::default();
            let mut scope = Input { collected: Some(&mut own), ..Input::of(&input) };
            let typed = self.expr_of("evaluate", aggregate, &mut scope)?;
            for (expr, field) in own.aggregates {
                collected.aggregates.push((only(expr, rows_of.clone()), field));
            }
            let mut name = value;
            while keys.iter().any(|key| key.name == name) || results.iter().any(|(other, _)| *other == name) {
                name.push('1');
            }
            results.push((name, typed));
        }
        let before: Vec<String> = keys.iter().map(|key| key.name.clone()).collect();
        let keys = keys.into_iter().map(|key| (key.name.clone(), key.typed())).collect();
        let result = self.aggregated(input, keys, collected.aggregates, results)?;
        match &evaluate.schema {
            Some(schema) => self.as_declared(result, &before, schema),
            None => Ok(result),
        }
    }

    /// The different values of a column as texts, sorted, read before the query runs.
    fn pivot_values(&mut self, input: &Relation, by: &Field, span: Span) -> Bind<Vec<String>> {
        let input = Relation { hidden: Vec::new(), ..input.clone() };
        let text = vec![("value".to_owned(), convert::to_text(by.typed()))];
        let texts = input.project(&mut self.names, text)?;
        let plan = texts.builder().distinct()?.build()?;
        let rows = self.read_now(Relation { plan, ..texts }, VALUES_MAX + 1)?;
        let mut values = Vec::new();
        for batch in &rows {
            for row in 0..batch.num_rows() {
                let value = datafusion::common::ScalarValue::try_from_array(batch.column(0), row)?;
                values.extend(value.try_as_str().flatten().map(str::to_owned));
            }
        }
        if values.len() > VALUES_MAX {
            return error(span, format!("pivot(): '{}' has more than {VALUES_MAX} values", by.name));
        }
        values.sort();
        Ok(values)
    }
}

/// An aggregate over the rows of one value.
fn only(expr: Expr, rows_of: Expr) -> Expr {
    match expr {
        Expr::AggregateFunction(mut function) => {
            let filter = match function.params.filter.take() {
                Some(filter) => filter.and(rows_of),
                None => rows_of,
            };
            function.params.filter = Some(Box::new(filter));
            Expr::AggregateFunction(function)
        }
        other => other,
    }
}

fn columns_used(expr: &ast::Expr, names: &mut Vec<String>) {
    match &expr.kind {
        ExprKind::Name(ident) => names.push(ident.name.clone()),
        ExprKind::Call(call) => call.args.iter().for_each(|arg| columns_used(&arg.value, names)),
        ExprKind::Path { base, .. } | ExprKind::Index { base, .. } => columns_used(base, names),
        ExprKind::Binary { left, right, .. } => {
            columns_used(left, names);
            columns_used(right, names);
        }
        ExprKind::And(parts) | ExprKind::Or(parts) => parts.iter().for_each(|part| columns_used(part, names)),
        _ => {}
    }
}
