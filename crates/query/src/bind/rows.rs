//! Rows that are made of all rows of a table at once.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{Field as ArrowField, Schema};

use super::{Bind, Binder};
use crate::relation::{Field, Relation};
use crate::typed::engine_type;
use crate::whole;

impl Binder<'_> {
    /// The columns that `work` makes of all rows of `input`. Equal names over equal inputs mean equal work.
    pub(super) fn over_rows(
        &mut self,
        input: Relation,
        fields: Vec<Field>,
        name: String,
        work: impl Fn(&RecordBatch) -> datafusion::error::Result<Vec<ArrayRef>> + Send + Sync + 'static,
    ) -> Bind<Relation> {
        let exact = input.builder().project(input.fields.iter().map(|field| field.typed().expr))?.build()?;
        let schema = arrow_schema(&fields);
        let shown = Arc::new(schema.clone());
        let work: whole::Work = Arc::new(move |rows| Ok(RecordBatch::try_new(shown.clone(), work(rows)?)?));
        let plan = whole::whole(name, exact, schema, work)?;
        Ok(Relation { plan, fields, hidden: Vec::new() })
    }
}

pub(super) fn arrow_schema(fields: &[Field]) -> Schema {
    let fields = fields.iter().map(|field| ArrowField::new(&field.field, engine_type(field.kind), true));
    Schema::new(fields.collect::<Vec<_>>())
}
