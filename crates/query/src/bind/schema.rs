//! Operators about the columns of a table: `getschema`, `assert-schema`, `project-by-names`.

use kql::Span;
use kql::ast::{self, ExprKind, Literal};
use model::Kind;

use super::operator::wildcard_matches;
use super::{Bind, Binder, error, kind_of};
use crate::relation::{Field, Relation};
use crate::typed::Typed;

impl Binder<'_> {
    /// `getschema`: a row for each column.
    pub(super) fn get_schema(&mut self, input: &Relation) -> Bind<Relation> {
        let columns = [
            ("ColumnName", Kind::String),
            ("ColumnOrdinal", Kind::Long),
            ("DataType", Kind::String),
            ("ColumnType", Kind::String),
        ];
        let rows = input.fields.iter().enumerate().map(|(at, field)| {
            vec![
                Typed::text(&field.name),
                Typed::long(at as i64),
                Typed::text(dotnet_type(field.kind)),
                Typed::text(field.kind.name()),
            ]
        });
        self.values(columns.map(|(name, kind)| (name.to_owned(), kind)).into(), rows.collect())
    }

    /// `assert-schema (a: string, ...)`: the rows as they are, if their columns are these.
    pub(super) fn assert_schema(
        &mut self,
        input: Relation,
        expected: &ast::OutputSchema,
        span: Span,
    ) -> Bind<Relation> {
        let shown = |columns: Vec<(String, Kind)>| {
            let columns = columns.iter().map(|(name, kind)| format!("{name}: {}", kind.name()));
            columns.collect::<Vec<_>>().join(", ")
        };
        let present: Vec<_> = input.fields.iter().map(|field| (field.name.clone(), field.kind)).collect();
        let wanted: Vec<_> =
            expected.columns.iter().map(|column| (column.name.name.clone(), kind_of(column.ty))).collect();
        let agree = match expected.keeps_input {
            true => wanted.iter().all(|column| present.contains(column)),
            false => wanted == present,
        };
        if agree {
            return Ok(input);
        }
        let message = format!(
            "'assert-schema' operator: the columns are ({}), not ({})",
            shown(present),
            shown(wanted)
        );
        error(span, message)
    }

    /// `project-by-names names, dynamic(["a", "b*"])`: columns whose names are values.
    pub(super) fn project_by_names(&mut self, input: Relation, names: &[ast::Expr]) -> Bind<Relation> {
        let mut wanted: Vec<String> = Vec::new();
        for expr in names {
            match &expr.kind {
                ExprKind::Name(ident) if input.field(&ident.name).is_some() => {
                    wanted.push(ident.name.clone())
                }
                ExprKind::Wildcard(pattern) => wanted.push(pattern.clone()),
                ExprKind::Literal(Literal::String { value, .. }) => wanted.push(value.clone()),
                _ if self.is_table(expr) => {
                    let values = self.table_values(expr)?;
                    wanted.extend(values.iter().filter_map(|value| value.literal_text().map(str::to_owned)));
                }
                _ => wanted.extend(self.constant_texts(expr)?),
            }
        }
        let mut fields: Vec<Field> = Vec::new();
        for pattern in wanted {
            let matched = input.fields.iter().filter(|field| wildcard_matches(&pattern, &field.name));
            let new: Vec<Field> = matched.filter(|field| !fields.contains(field)).cloned().collect();
            fields.extend(new);
        }
        Ok(Relation { fields, ..input })
    }

    /// The texts of a constant string or array of strings.
    pub(super) fn constant_texts(&mut self, expr: &ast::Expr) -> Bind<Vec<String>> {
        let value = self.constant(expr)?;
        let texts = match (value.kind, value.literal_text()) {
            (Kind::String, Some(text)) => Some(vec![text.to_owned()]),
            (Kind::Dynamic, Some(json)) => serde_json::from_str::<Vec<String>>(json).ok(),
            _ => None,
        };
        match texts {
            Some(texts) => Ok(texts),
            None => error(expr.span, "a name or an array of names is needed, known before the query runs"),
        }
    }
}

/// The name of a kind's type in .NET.
fn dotnet_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "System.SByte",
        Kind::Int => "System.Int32",
        Kind::Long => "System.Int64",
        Kind::Real => "System.Double",
        Kind::Decimal => "System.Data.SqlTypes.SqlDecimal",
        Kind::DateTime => "System.DateTime",
        Kind::TimeSpan => "System.TimeSpan",
        Kind::Guid => "System.Guid",
        Kind::String => "System.String",
        Kind::Dynamic => "System.Object",
    }
}
