//! One plan while it runs: its rows, and what it has read so far.

use std::ops::Add;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;

use crate::QueryError;
use crate::grouped::by_repeats;
use crate::meter::Meter;
use crate::metered::{Metered, metered};
use crate::one_of::by_views;
use crate::turns::in_turns;

/// How often what was read is compared with what may be, while no row comes.
const LOOK: Duration = Duration::from_millis(200);

/// What was read from tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Rows that came out of files and memory, before any condition that files could not answer.
    pub rows: u64,
    /// Bytes of data files.
    pub bytes: u64,
}

impl Add for Scanned {
    type Output = Scanned;

    fn add(self, other: Scanned) -> Scanned {
        Scanned { rows: self.rows + other.rows, bytes: self.bytes + other.bytes }
    }
}

pub(crate) struct Reading {
    meter: Arc<Meter>,
    rows: SendableRecordBatchStream,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.meter.end();
    }
}

impl Reading {
    pub async fn start(
        state: &SessionState,
        plan: &LogicalPlan,
        meter: &Arc<Meter>,
    ) -> Result<Reading, QueryError> {
        let plan = metered(state.create_physical_plan(plan).await?)?;
        let plan = in_turns(by_repeats(by_views(plan)?)?)?;
        let rows = execute_stream(plan.clone(), state.task_ctx())?;
        meter.begin(plan);
        Ok(Reading { meter: meter.clone(), rows })
    }

    /// Some more rows; `check` is told what the query read, now and then, and may end it.
    pub async fn next(
        &mut self,
        check: impl Fn(Scanned) -> Result<(), QueryError>,
    ) -> Result<Option<RecordBatch>, QueryError> {
        loop {
            let Ok(next) = tokio::time::timeout(LOOK, self.rows.next()).await else {
                check(self.meter.scanned())?;
                continue;
            };
            let Some(batch) = next.transpose()? else {
                check(self.meter.scanned())?;
                return Ok(None);
            };
            if batch.num_rows() > 0 {
                check(self.meter.scanned())?;
                return Ok(Some(batch));
            }
        }
    }

    /// All rows up to a bound, and whether there are more.
    pub async fn gather(
        &mut self,
        rows_max: usize,
        bytes_max: usize,
        held: &MemoryReservation,
        check: impl Fn(Scanned) -> Result<(), QueryError>,
    ) -> Result<(Vec<RecordBatch>, bool), QueryError> {
        let mut gathered = Gathered::default();
        while let Some(batch) = self.next(&check).await? {
            if gathered.rows >= rows_max {
                return Ok((gathered.batches, true));
            }
            gathered.add(batch, rows_max, bytes_max, held)?;
            if gathered.is_cut {
                return Ok((gathered.batches, true));
            }
        }
        Ok((gathered.batches, false))
    }
}

/// What a plan has read so far.
pub(crate) fn scanned(plan: &Arc<dyn ExecutionPlan>) -> Scanned {
    let mut scanned = Scanned::default();
    let mut left = vec![plan];
    while let Some(plan) = left.pop() {
        if let Some(table) = plan.downcast_ref::<Metered>() {
            scanned.rows += table.rows();
            continue;
        }
        let children = plan.children();
        if children.is_empty()
            && let Some(metrics) = plan.metrics()
        {
            let bytes = metrics.sum(|metric| metric.value().name() == "bytes_scanned");
            scanned.rows += metrics.output_rows().unwrap_or(0) as u64;
            scanned.bytes += bytes.map_or(0, |bytes| bytes.as_usize()) as u64;
        }
        left.extend(children);
    }
    scanned
}

/// Rows that are held, with their memory accounted for.
#[derive(Default)]
pub(crate) struct Gathered {
    pub batches: Vec<RecordBatch>,
    pub rows: usize,
    bytes: usize,
    /// A batch had more rows than there was room for.
    pub is_cut: bool,
}

impl Gathered {
    pub fn add(
        &mut self,
        batch: RecordBatch,
        rows_max: usize,
        bytes_max: usize,
        held: &MemoryReservation,
    ) -> Result<(), QueryError> {
        let room = rows_max.saturating_sub(self.rows);
        self.is_cut = batch.num_rows() > room;
        let batch = if self.is_cut { batch.slice(0, room) } else { batch };
        let bytes = batch.get_array_memory_size();
        self.bytes += bytes;
        if self.bytes > bytes_max {
            return Err(QueryError::ResultTooLarge { max_bytes: bytes_max });
        }
        held.try_grow(bytes)?;
        self.rows += batch.num_rows();
        self.batches.push(batch);
        Ok(())
    }
}
