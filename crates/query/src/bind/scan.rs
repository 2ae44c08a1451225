//! `scan`: sequences of rows, step by step.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field as ArrowField, Schema};
use datafusion::common::DFSchema;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::create_physical_expr;
use kql::Span;
use kql::ast::{self, ParamKind};
use model::Kind;

use super::expr::Input;
use super::{Bind, Binder, error, kind_of};
use crate::relation::{Field, Relation};
use crate::scan::{Scan, Step};
use crate::typed::{Typed, engine_type};
use crate::{constant, convert, whole};

/// The name of a column in the row that a step matched last.
pub(super) fn column_of_step(step: &str, column: &str) -> String {
    format!("{step}\u{2}{column}")
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
            if step.is_optional {
                return error(step.span, "'scan' operator: optional steps are not supported yet");
            }
            for at in 0..width {
                let name = column_of_step(&step.name.name, &fields[at].name);
                let kind = fields[at].kind;
                fields.push(Field { name, kind, field: self.names.next() });
                absent.push(absent[at].clone());
            }
        }
        let arrow = |fields: &[Field]| {
            let arrow =
                fields.iter().map(|field| ArrowField::new(&field.field, engine_type(field.kind), true));
            Schema::new(arrow.collect::<Vec<_>>())
        };
        let schema = arrow(&fields);
        let seen = DFSchema::try_from(schema.clone())?;
        let mut told = format!("{} {:?}", declared.len(), scan.match_id.is_some());
        let mut physical = |expr: &Expr| {
            told.push_str(&format!(" {expr}"));
            create_physical_expr(expr, &seen, &ExecutionProps::new(), &Default::default())
        };
        let mut steps = Vec::with_capacity(scan.steps.len());
        for step in &scan.steps {
            let condition = self.predicate(&step.condition, &mut Input::over(&fields))?;
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
                assignments.push((at, physical(&value.expr)?));
            }
            steps.push(Step { condition: physical(&condition)?, assignments, output: step.output });
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
        let result_schema = arrow(&result);
        let values = absent.iter().map(|typed| match typed.literal() {
            Some(value) => Ok(value.clone()),
            None => error(span, "'scan' operator: a default is a constant"),
        });
        let machine = Scan {
            schema: Arc::new(schema),
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
