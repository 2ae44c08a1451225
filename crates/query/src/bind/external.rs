//! `externaldata`: a table that is said to be elsewhere.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field as ArrowField, Schema};
use datafusion::common::{Column, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::ast;

use super::{Bind, Binder, error, kind_of};
use crate::external;
use crate::relation::{Field, Relation};
use crate::typed::engine_type;

impl Binder<'_> {
    pub(super) fn external_data(&mut self, external: &ast::ExternalData) -> Bind<Relation> {
        let mut uris = Vec::with_capacity(external.uris.len());
        for uri in &external.uris {
            uris.push(self.text_of(uri, "externaldata")?);
        }
        let mut fields: Vec<Field> = Vec::with_capacity(external.columns.len());
        for column in &external.columns {
            if fields.iter().any(|field| field.name == column.name.name) {
                let message = format!("'externaldata': column '{}' is given twice", column.name.name);
                return error(column.span, message);
            }
            let kind = kind_of(column.ty);
            fields.push(Field { name: column.name.name.clone(), kind, field: self.names.next() });
        }
        let arrow = fields.iter().map(|field| ArrowField::new(&field.field, engine_type(field.kind), true));
        let schema = Arc::new(Schema::new(arrow.collect::<Vec<_>>()));
        let table = external::refused(schema, refusal(&uris))?;
        let alias = TableReference::bare(self.names.next());
        let scan = LogicalPlanBuilder::scan(alias.clone(), provider_as_source(table), None)?;
        let exprs = fields
            .iter()
            .map(|field| Expr::Column(Column::new(Some(alias.clone()), &field.field)).alias(&field.field));
        let plan = scan.project(exprs.collect::<Vec<_>>())?.build()?;
        Ok(Relation { plan, fields, hidden: Vec::new() })
    }
}

/// Says what would have been read, without what may be secret in an address.
fn refusal(uris: &[String]) -> String {
    let host = |uri: &String| {
        let rest = uri.split_once("://").map_or(uri.as_str(), |(_, rest)| rest);
        let host = rest.split(['/', '?', ';', '#']).next().unwrap_or_default();
        host.rsplit_once('@').map_or(host, |(_, host)| host).to_owned()
    };
    let mut hosts: Vec<String> = uris.iter().map(host).collect();
    hosts.dedup();
    format!("reading from {} is not allowed: this server reads its own lake only", hosts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn a_refusal_names_hosts_and_no_secrets() {
        let uris = ["https://user:pw@example.com/a.csv?sig=x".to_owned(), "h".to_owned()];
        let text = refusal(&uris);
        assert!(text.starts_with("reading from example.com, h is not allowed"), "{text}");
        assert!(!text.contains("pw") && !text.contains("sig"), "{text}");
    }
}
