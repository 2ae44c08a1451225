//! `externaldata`: a table that is said to be elsewhere.

use datafusion::common::{Column, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::ast::{self, ExprKind, Literal};
use model::Kind;

use super::{Bind, Binder, error, kind_of};
use crate::convert;
use crate::external::{self, Format, Layout};
use crate::relation::{Field, Relation};
use crate::typed::Typed;

/// Files that one table may be made of.
const URIS_MAX: usize = 100;

impl Binder<'_> {
    pub(super) fn external_data(&mut self, external: &ast::ExternalData) -> Bind<Relation> {
        let mut uris = Vec::with_capacity(external.uris.len());
        for uri in &external.uris {
            uris.push(self.text_of(uri, "externaldata")?);
        }
        if uris.len() > URIS_MAX {
            return error(external.span, format!("'externaldata' takes {URIS_MAX} addresses at most"));
        }
        let mut columns: Vec<(String, Kind)> = Vec::with_capacity(external.columns.len());
        let mut fields: Vec<Field> = Vec::with_capacity(external.columns.len());
        for column in &external.columns {
            if fields.iter().any(|field| field.name == column.name.name) {
                let message = format!("'externaldata': column '{}' is given twice", column.name.name);
                return error(column.span, message);
            }
            let kind = kind_of(column.ty);
            columns.push((column.name.name.clone(), kind));
            fields.push(Field { name: column.name.name.clone(), kind, field: self.names.next() });
        }
        let mut layout = Layout { columns, format: None, skips_first: false };
        for property in &external.properties {
            match property.name.name.to_ascii_lowercase().as_str() {
                "format" => {
                    let name = word_of(&property.value);
                    layout.format = name.as_deref().and_then(Format::of_name);
                    if layout.format.is_none() {
                        let message =
                            "'externaldata': the format is one of csv, tsv, scsv, psv, txt, raw, json";
                        return error(property.value.span, message);
                    }
                }
                "ignorefirstrecord" => {
                    layout.skips_first =
                        word_of(&property.value).is_some_and(|word| word.eq_ignore_ascii_case("true"));
                }
                // Those of the compatible service that change nothing here.
                _ => {}
            }
        }
        let files = self.context.external.clone();
        // What may not be read is refused when its rows are, so that the query can be planned.
        let table = external::table(files.unwrap_or_else(external::none), uris, layout)?;
        let alias = TableReference::bare(self.names.next());
        let scan = LogicalPlanBuilder::scan(alias.clone(), provider_as_source(table), None)?;
        let exprs = fields.iter().map(|field| {
            let text = Expr::Column(Column::new(Some(alias.clone()), &field.name));
            convert::to_kind(Typed::new(text, Kind::String), field.kind).expr.alias(&field.field)
        });
        let plan = scan.project(exprs.collect::<Vec<_>>())?.build()?;
        Ok(Relation { plan, fields, hidden: Vec::new() })
    }
}

/// A bare name, a text or a truth.
fn word_of(expr: &ast::Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(ident) => Some(ident.name.clone()),
        ExprKind::Literal(Literal::String { value, .. }) => Some(value.clone()),
        ExprKind::Literal(Literal::Bool(value)) => value.map(|value| value.to_string()),
        _ => None,
    }
}
