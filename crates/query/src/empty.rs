//! Tables without rows, for planning queries where there is no lake.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use model::lake::AsOf;
use model::{Kind, Table, tables};

use crate::Tables;
use crate::bind::INGESTED_COLUMN;
use crate::typed::engine_type;

/// Tables that have columns and no rows, at any time.
#[derive(Clone)]
pub struct EmptyTables(Arc<[&'static Table]>);

impl EmptyTables {
    /// The declared tables of the product.
    pub fn declared() -> EmptyTables {
        EmptyTables(tables::TABLES.into())
    }

    pub fn of(tables: Vec<&'static Table>) -> EmptyTables {
        EmptyTables(tables.into())
    }
}

impl Tables for EmptyTables {
    fn table(&self, table: &'static Table) -> Arc<dyn TableProvider> {
        let stored = |kind| match kind {
            Kind::DateTime => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Kind::Decimal => DataType::Float64,
            kind => engine_type(kind),
        };
        let columns = table.columns.iter().map(|column| (column.name, column.kind));
        let columns = columns.chain([(INGESTED_COLUMN, Kind::DateTime)]);
        let fields: Vec<Field> = columns.map(|(name, kind)| Field::new(name, stored(kind), true)).collect();
        Arc::new(EmptyTable::new(Arc::new(Schema::new(fields))))
    }

    fn declared(&self) -> &[&'static Table] {
        &self.0
    }

    fn as_of(&self, _: AsOf) -> Result<Arc<dyn Tables>, String> {
        Ok(Arc::new(self.clone()))
    }
}
