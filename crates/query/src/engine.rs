//! Running bound queries, inside bounds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::object_store::ObjectStore;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use kql::{Diagnostic, Span};
use model::{Kind, Ticks};
use tokio::sync::Semaphore;

use crate::bind::{Answers, BindFailure, Bound, Subquery, Tables, bind};
use crate::functions::Context;
use crate::relation::{Field, Relation};
use crate::whole::Planner;
use crate::{GeoDatabase, QueryError};

/// Tables inside one query that may be read before it.
const SUBQUERIES_MAX: usize = 64;

/// Bounds of a query and of all queries together.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Memory all running queries share, in bytes; what does not fit is spilled to disk or refused.
    pub memory_bytes: usize,
    /// Disk space for spilling, in bytes.
    pub spill_bytes: u64,
    /// Threads one query runs on.
    pub threads: usize,
    /// Queries that run at the same time; more are refused with [`QueryError::Busy`].
    pub queries_max: usize,
    /// How long a query may run.
    pub deadline: Duration,
    /// Rows of a result; it is cut off behind them.
    pub rows_max: usize,
    /// Bytes of a result in memory.
    pub result_bytes_max: usize,
    /// Memory for what files say about themselves, in bytes: a query reads the footer of a file that is not in it.
    pub footer_bytes: usize,
    /// Where addresses are, for `geo_info_from_ip_address`; without it the function knows no address.
    pub geo: Option<Arc<GeoDatabase>>,
}

impl Default for EngineConfig {
    fn default() -> EngineConfig {
        EngineConfig {
            memory_bytes: 2 << 30,
            spill_bytes: 16 << 30,
            threads: std::thread::available_parallelism().map_or(2, |threads| threads.get()),
            queries_max: 16,
            deadline: Duration::from_secs(200),
            rows_max: 100_000,
            result_bytes_max: 124 << 20,
            footer_bytes: 128 << 20,
            geo: None,
        }
    }
}

/// Whether tables inside a query that must be known before it are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Tables,
    /// They count as empty.
    Nothing,
}

/// Runs queries over the tables it is handed.
pub struct Engine {
    config: EngineConfig,
    runtime: Arc<RuntimeEnv>,
    running: Semaphore,
    refused: AtomicU64,
}

/// A finished query.
#[derive(Debug)]
pub struct Answer {
    /// Names and kinds of the columns, in order.
    pub columns: Vec<(String, Kind)>,
    pub batches: Vec<RecordBatch>,
    pub stats: Stats,
    /// More rows were found than a result may have.
    pub truncated: bool,
}

/// What a query took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    pub elapsed: Duration,
    /// Rows in the result.
    pub rows: usize,
    /// Memory of the result, in bytes.
    pub bytes: usize,
    /// Memory of all queries at the end of this one, in bytes.
    pub memory_bytes: usize,
}

impl Engine {
    /// An engine that finds data files in `files`, an object store and the address tables name it by.
    pub fn new(
        config: EngineConfig,
        files: Option<(ObjectStoreUrl, Arc<dyn ObjectStore>)>,
    ) -> Result<Engine, QueryError> {
        let spill = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::OsTmpDirectory)
            .with_max_temp_directory_size(config.spill_bytes);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(config.memory_bytes)))
            .with_disk_manager_builder(spill)
            .with_metadata_cache_limit(config.footer_bytes)
            .build_arc()?;
        if let Some((url, store)) = files {
            runtime.register_object_store(url.as_ref(), store);
        }
        let running = Semaphore::new(config.queries_max);
        Ok(Engine { config, runtime, running, refused: AtomicU64::new(0) })
    }

    /// Runs a query to its end. `now` is the one instant that `now()` and `ago()` mean in it.
    pub async fn run(&self, text: &str, tables: Arc<dyn Tables>, now: Ticks) -> Result<Answer, QueryError> {
        let Ok(_permit) = self.running.try_acquire() else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(QueryError::Busy);
        };
        let started = Instant::now();
        let run = self.run_unbounded(text, tables, now, started);
        match tokio::time::timeout(self.config.deadline, run).await {
            Ok(answer) => answer,
            Err(_) => Err(QueryError::TimedOut { seconds: self.config.deadline.as_secs() }),
        }
    }

    async fn run_unbounded(
        &self,
        text: &str,
        tables: Arc<dyn Tables>,
        now: Ticks,
        started: Instant,
    ) -> Result<Answer, QueryError> {
        let state = self.session();
        let relation = self.plan(&state, text, tables, now, Reads::Tables).await?;
        let columns = relation.fields.iter().map(|field| (field.name.clone(), field.kind)).collect();
        let plan = shown(relation)?;
        let (batches, truncated) = self.collect(&state, plan, self.config.rows_max).await?;
        let stats = Stats {
            elapsed: started.elapsed(),
            rows: batches.iter().map(RecordBatch::num_rows).sum(),
            bytes: batches.iter().map(RecordBatch::get_array_memory_size).sum(),
            memory_bytes: self.runtime.memory_pool.reserved(),
        };
        Ok(Answer { columns, batches, stats, truncated })
    }

    /// The columns a query gives, found by planning and not running it. Tables that would have to be read
    /// before it can be planned count as empty.
    pub async fn describe(
        &self,
        text: &str,
        tables: Arc<dyn Tables>,
        now: Ticks,
    ) -> Result<Vec<(String, Kind)>, QueryError> {
        let state = self.session();
        let plan = async {
            let relation = self.plan(&state, text, tables, now, Reads::Nothing).await?;
            let columns = relation.fields.iter().map(|field| (field.name.clone(), field.kind)).collect();
            state.create_physical_plan(&shown(relation)?).await?;
            Ok(columns)
        };
        match tokio::time::timeout(self.config.deadline, plan).await {
            Ok(columns) => columns,
            Err(_) => Err(QueryError::TimedOut { seconds: self.config.deadline.as_secs() }),
        }
    }

    /// Parses and binds; tables whose rows must be known first are read on the way.
    async fn plan(
        &self,
        state: &SessionState,
        text: &str,
        tables: Arc<dyn Tables>,
        now: Ticks,
        reads: Reads,
    ) -> Result<Relation, QueryError> {
        let parsed = kql::parse(text);
        if !parsed.diagnostics.is_empty() {
            return Err(QueryError::Invalid(parsed.diagnostics));
        }
        let seeds = AtomicU64::new(rand::random());
        let context = Context { now, geo: self.config.geo.clone(), geo_missed: Once::new(), seeds };
        let mut answers = Answers::new();
        loop {
            // Binding may hold values that cannot cross threads: they end before anything is awaited.
            let needs =
                match bind(&parsed.query, tables.as_ref(), &context, &answers, reads == Reads::Nothing) {
                    Ok(Bound::Plan(relation)) => return Ok(relation),
                    Ok(Bound::Needs(needs)) => needs,
                    Err(BindFailure::Diagnostics(diagnostics)) => {
                        return Err(QueryError::Invalid(diagnostics));
                    }
                    Err(BindFailure::Engine(error)) => return Err(error.into()),
                };
            for Subquery { key, plan, rows_max } in needs {
                if answers.len() >= SUBQUERIES_MAX {
                    let message = format!("the query reads more than {SUBQUERIES_MAX} tables as constants");
                    return Err(QueryError::Invalid(vec![Diagnostic::new(
                        Span { start: 0, end: text.len() },
                        message,
                    )]));
                }
                let (rows, truncated) = match reads {
                    Reads::Tables => self.collect(state, plan, rows_max).await?,
                    Reads::Nothing => (Vec::new(), false),
                };
                if truncated && rows_max > 1 {
                    let message =
                        format!("a table used as a list of constants has more than {rows_max} rows");
                    return Err(QueryError::Invalid(vec![Diagnostic::new(
                        Span { start: 0, end: text.len() },
                        message,
                    )]));
                }
                answers.insert(key, rows);
            }
        }
    }

    fn session(&self) -> SessionState {
        let mut config = SessionConfig::new().with_target_partitions(self.config.threads);
        // Rows come in the order of the query or in none; the engine need not keep that of files.
        config.options_mut().execution.parquet.pushdown_filters = false;
        config.options_mut().execution.parquet.schema_force_view_types = true;
        config.options_mut().sql_parser.enable_ident_normalization = false;
        SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(self.runtime.clone())
            .with_default_features()
            .with_query_planner(Arc::new(Planner))
            .build()
    }

    async fn collect(
        &self,
        state: &SessionState,
        plan: LogicalPlan,
        rows_max: usize,
    ) -> Result<(Vec<RecordBatch>, bool), QueryError> {
        let plan = state.create_physical_plan(&plan).await?;
        let stream: SendableRecordBatchStream = execute_stream(plan, state.task_ctx())?;
        gather(stream, rows_max, self.config.result_bytes_max).await
    }
}

async fn gather(
    mut stream: SendableRecordBatchStream,
    rows_max: usize,
    bytes_max: usize,
) -> Result<(Vec<RecordBatch>, bool), QueryError> {
    let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let batch = if rows + batch.num_rows() > rows_max { batch.slice(0, rows_max - rows) } else { batch };
        let seen = rows + batch.num_rows();
        bytes += batch.get_array_memory_size();
        if bytes > bytes_max {
            return Err(QueryError::ResultTooLarge { max_bytes: bytes_max });
        }
        rows = seen;
        if batch.num_rows() > 0 {
            batches.push(batch);
        }
        if rows >= rows_max {
            let more = stream.next().await.transpose()?.is_some_and(|batch| batch.num_rows() > 0);
            return Ok((batches, more));
        }
    }
    Ok((batches, false))
}

/// The plan with exactly the visible columns, in their order.
fn shown(relation: Relation) -> Result<LogicalPlan, QueryError> {
    let exprs: Vec<_> = relation.fields.iter().map(|field: &Field| field.typed().expr).collect();
    Ok(relation.builder().project(exprs)?.build()?)
}
