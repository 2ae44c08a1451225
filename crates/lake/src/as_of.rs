//! The lake as it was.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, col, lit};
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use model::Ticks;
use model::lake::{AsOf, DataFile};

use crate::LakeError;
use crate::provider::LakeTable;
use crate::schema::{INGESTED_COLUMN, SEQUENCE_COLUMN};
use crate::state::{TableFiles, TenantState};

/// Refuses a time that cannot be answered for.
pub(crate) fn check(as_of: AsOf, now: Ticks, grace: Duration) -> std::result::Result<(), LakeError> {
    let grace = i64::try_from(grace.as_nanos() / 100).unwrap_or(i64::MAX);
    let earliest = Ticks(now.0.saturating_sub(grace).max(0));
    match as_of {
        AsOf::Time(time) if time < earliest => Err(LakeError::TooEarly { time, earliest }),
        _ => Ok(()),
    }
}

/// The files that hold what was there, and maybe more.
pub(crate) fn select(as_of: AsOf, state: TenantState) -> TenantState {
    let AsOf::Time(time) = as_of else { return state };
    // A merged file made later has the rows of files that were listed then, or that a flush wrote since: those are
    // read in its place.
    let is_chosen = |file: &DataFile| {
        (file.level == 0 || file.added <= time) && file.removed.is_none_or(|removed| removed > time)
    };
    let chosen = state.files.into_iter().map(|(table, files)| {
        let all = files.listed.iter().chain(&files.removed);
        let listed = all.filter(|file| is_chosen(file)).cloned().collect();
        (table, Arc::new(TableFiles { listed, removed: Vec::new() }))
    });
    TenantState { files: chosen.collect(), ..state }
}

fn filter(as_of: AsOf) -> Expr {
    match as_of {
        AsOf::Time(time) => {
            let nanos = ScalarValue::TimestampNanosecond(time.unix_nanos(), Some("UTC".into()));
            col(Column::new_unqualified(INGESTED_COLUMN)).lt_eq(lit(nanos))
        }
        AsOf::Sequence(sequence) => col(Column::new_unqualified(SEQUENCE_COLUMN)).lt_eq(lit(sequence)),
    }
}

/// A table without the rows that came later.
pub(crate) struct PastTable {
    table: LakeTable,
    as_of: AsOf,
}

impl PastTable {
    pub fn new(table: LakeTable, as_of: AsOf) -> PastTable {
        PastTable { table, as_of }
    }
}

impl fmt::Debug for PastTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PastTable({:?}, {:?})", self.table, self.as_of)
    }
}

#[async_trait::async_trait]
impl TableProvider for PastTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        let all: Vec<usize> = (0..schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let own = match self.as_of {
            AsOf::Time(_) => INGESTED_COLUMN,
            AsOf::Sequence(_) => SEQUENCE_COLUMN,
        };
        let own = schema.index_of(own)?;
        let mut read = wanted.clone();
        if !read.contains(&own) {
            read.push(own);
        }
        let mut filters = filters.to_vec();
        filters.push(filter(self.as_of));
        let scan = self.table.scan(session, Some(&read), &filters, None).await?;
        let scanned = DFSchema::try_from(scan.schema())?;
        let predicate = session.create_physical_expr(filter(self.as_of), &scanned)?;
        let filtered = Arc::new(FilterExec::try_new(predicate, scan)?);
        let columns = wanted.iter().enumerate().map(|(at, column)| {
            let name = schema.field(*column).name();
            (Arc::new(PhysicalColumn::new(name, at)) as _, name.clone())
        });
        Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), filtered)?))
    }
}
