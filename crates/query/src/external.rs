//! `externaldata`: rows of files elsewhere. Whoever hands out the tables says what may be fetched.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;

/// Why rows of elsewhere are not read.
#[derive(Debug, thiserror::Error)]
#[error("externaldata: {0}")]
pub(crate) struct Refused(pub String);

/// A table whose rows are refused when they are read, so that the query can be planned.
pub(crate) fn refused(schema: SchemaRef, reason: String) -> Result<Arc<dyn TableProvider>> {
    let rows = Arc::new(RefusedRows { schema: schema.clone(), reason });
    Ok(Arc::new(StreamingTable::try_new(schema, vec![rows])?))
}

#[derive(Debug)]
struct RefusedRows {
    schema: SchemaRef,
    reason: String,
}

impl PartitionStream for RefusedRows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let refused = DataFusionError::External(Box::new(Refused(self.reason.clone())));
        let failed = futures::stream::once(async move { Err(refused) });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), failed))
    }
}
