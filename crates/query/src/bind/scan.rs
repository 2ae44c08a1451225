//! `scan`: sequences of rows, step by step.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::create_physical_expr;
use kql::Span;
use kql::ast::{self, ParamKind};
use model::Kind;

use super::expr::Input;
use super::rows::arrow_schema;
use super::{Bind, Binder, error, kind_of};
use crate::operators::balanced;
use crate::relation::{Field, Relation};
use crate::scan::{Reading, Scan, Step};
use crate::typed::Typed;
use crate::{constant, convert, whole};

/// The name of a column in the row that a step matched last.
pub(super) fn column_of_step(step: &str, column: &str) -> String {
    format!("{step}\u{2}{column}")
}

/// An expression, to be calculated over just the columns that it reads.
fn reading(expr: &Expr, seen: &[Field]) -> Bind<Reading> {
    let refs = expr.column_refs();
    let is_read = |field: &Field| refs.iter().any(|column| column.name == field.field);
    let places: Vec<usize> = (0..seen.len()).filter(|at| is_read(&seen[*at])).collect();
    let fields: Vec<Field> = places.iter().map(|at| seen[*at].clone()).collect();
    let schema = arrow_schema(&fields);
    let known = DFSchema::try_from(schema.clone())?;
    let expr = create_physical_expr(expr, &known, &ExecutionProps::new(), &Default::default())?;
    Ok(Reading { places, schema: Arc::new(schema), expr })
}

impl Binder<'_> {
    pub(super) fn scan_steps(&mut self, input: Relation, scan: &ast::Scan, span: Span) -> Bind<Relation> {
        let input = Relation { hidden: Vec::new(), ..input };
        let own = input.fields.clone();
        let mut fields = own.clone();
        let mut absent: Vec<Typed> = own.iter().map(|field| Typed::absent(field.kind)).collect();
        let mut declared: Vec<Field> = Vec::new();
        for param in &scan.declared {
            let ParamKind::Scalar { ty, default } = &param.kind else {
                return error(param.span, "'scan' operator: declares columns of a scalar type");
            };
            if fields.iter().any(|field| field.name == param.name.name) {
                let message = format!("'scan' operator: there is a column '{}' already", param.name.name);
                return error(param.span, message);
            }
            let kind = kind_of(*ty);
            let default = match default {
                Some(default) => constant::fold(convert::to_kind(self.constant(default)?, kind))?,
                None => Typed::absent(kind),
            };
            absent.push(default);
            let field = Field { name: param.name.name.clone(), kind, field: self.names.next() };
            fields.push(field.clone());
            declared.push(field);
        }
        let width = fields.len();
        for step in &scan.steps {
            for at in 0..width {
                let name = column_of_step(&step.name.name, &fields[at].name);
                let kind = fields[at].kind;
                fields.push(Field { name, kind, field: self.names.next() });
                absent.push(absent[at].clone());
            }
        }
        let mut told = format!("{} {:?}", declared.len(), scan.match_id.is_some());
        let mut reading = |expr: &Expr, seen: &[Field]| {
            told.push_str(&format!(" {expr}"));
            reading(expr, seen)
        };
        let mut steps = Vec::with_capacity(scan.steps.len());
        for step in &scan.steps {
            let condition = self.predicate(&step.condition, &mut Input::over(&fields))?;
            // What only the row says is looked at for all rows at once.
            let is_of_row = |part: &&Expr| {
                let own = |name: &str| own.iter().any(|field| field.field == name);
                !part.is_volatile() && part.column_refs().iter().all(|column| own(&column.name))
            };
            let (of_row, of_sequence): (Vec<&Expr>, Vec<&Expr>) =
                datafusion::logical_expr::utils::split_conjunction(&condition)
                    .into_iter()
                    .partition(is_of_row);
            let mut joined = |parts: Vec<&Expr>| -> Bind<Option<Reading>> {
                if parts.is_empty() {
                    return Ok(None);
                }
                let all = balanced(parts.into_iter().cloned().collect(), Expr::and);
                Ok(Some(reading(&all, &fields)?))
            };
            let (of_row, of_sequence) = (joined(of_row)?, joined(of_sequence)?);
            let mut assignments = Vec::with_capacity(step.assignments.len());
            for assignment in &step.assignments {
                let Some(at) = declared.iter().position(|field| field.name == assignment.new.name) else {
                    let message = format!(
                        "'scan' operator: Failed to resolve column named '{}'; declare it first",
                        assignment.new.name
                    );
                    return error(assignment.new.span, message);
                };
                let value = self.expr_of("scan", &assignment.old, &mut Input::over(&fields))?;
                let kind = declared[at].kind;
                let value = if value.kind == kind { value } else { convert::to_kind(value, kind) };
                assignments.push((at, reading(&value.expr, &fields)?));
            }
            let (is_optional, output) = (step.is_optional, step.output);
            steps.push(Step { is_optional, of_row, of_sequence, assignments, output });
        }
        if steps.is_empty() {
            return error(span, "'scan' operator: has no steps");
        }
        let mut result: Vec<Field> = Vec::with_capacity(width + 1);
        for field in fields.iter().take(width) {
            result.push(Field { field: self.names.next(), ..field.clone() });
        }
        if let Some(ident) = &scan.match_id {
            result.push(Field { name: ident.name.clone(), kind: Kind::Long, field: self.names.next() });
        }
        let result_schema = arrow_schema(&result);
        let values = absent.iter().map(|typed| match typed.literal() {
            Some(value) => Ok(value.clone()),
            None => error(span, "'scan' operator: a default is a constant"),
        });
        let machine = Scan {
            absent: values.collect::<Bind<Vec<_>>>()?,
            input_columns: own.len(),
            declared_columns: declared.len(),
            steps,
            result: Arc::new(result_schema.clone()),
            shows_match: scan.match_id.is_some(),
        };
        let exact = input.builder().project(own.iter().map(|field| field.typed().expr))?.build()?;
        let work: whole::Work = Arc::new(move |rows| machine.run(rows));
        let plan = whole::whole(format!("scan {told}"), exact, result_schema, work)?;
        Ok(Relation { plan, fields: result, hidden: Vec::new() })
    }
}
