//! Running bound queries, inside bounds.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::object_store::ObjectStore;
use datafusion::prelude::SessionConfig;
use kql::{Diagnostic, Span};
use model::{Kind, Ticks};

use crate::admission::{Admission, Asker, Permit, Places};
use crate::bind::{Answers, BindFailure, Bound, Subquery, Surroundings, Tables, bind};
use crate::cpu::measure_tasks;
use crate::external::ExternalFiles;
use crate::functions::Context;
use crate::memory::{QueryMemory, SharedMemory};
use crate::meter::Meter;
use crate::reading::{Reading, Scanned};
use crate::relation::{Field, Relation};
use crate::saved::SavedFunction;
use crate::whole::Planner;
use crate::window::Window;
use crate::{GeoDatabase, QueryError, Running};

/// Tables inside one query that may be read before it.
const SUBQUERIES_MAX: usize = 64;

/// Bounds of a query and of all queries together.
#[derive(Clone)]
pub struct EngineConfig {
    /// Memory all running queries share, in bytes; what does not fit is spilled to disk or refused.
    pub memory_bytes: usize,
    /// Memory of one query, in bytes.
    pub query_memory_bytes: usize,
    /// Disk space for spilling, in bytes.
    pub spill_bytes: u64,
    /// Threads one query runs on.
    pub threads: usize,
    /// Queries that run at the same time; more wait.
    pub queries_max: usize,
    /// Of these, queries of one tenant.
    pub tenant_queries_max: usize,
    /// Of these, queries of one app.
    pub app_queries_max: usize,
    /// Queries that wait at the same time; more are refused with [`QueryError::Busy`].
    pub waiting_max: usize,
    /// How long a query waits before it is refused.
    pub patience: Duration,
    /// How long a query may run.
    pub deadline: Duration,
    /// Rows of a result; it is cut off behind them.
    pub rows_max: usize,
    /// Bytes of a result in memory.
    pub result_bytes_max: usize,
    /// Rows that a query may read from tables.
    pub scanned_rows_max: u64,
    /// Bytes of files that a query may read.
    pub scanned_bytes_max: u64,
    /// Memory for what files say about themselves, in bytes: a query reads the footer of a file that is not in it.
    pub footer_bytes: usize,
    /// Where addresses are, for `geo_info_from_ip_address`; without it the function knows no address.
    pub geo: Option<Arc<GeoDatabase>>,
    /// What fetches files for `externaldata`; without it none are read.
    pub external: Option<Arc<dyn ExternalFiles>>,
}

impl Default for EngineConfig {
    fn default() -> EngineConfig {
        EngineConfig {
            memory_bytes: 2 << 30,
            query_memory_bytes: 1 << 30,
            spill_bytes: 16 << 30,
            threads: std::thread::available_parallelism().map_or(2, |threads| threads.get()),
            queries_max: 16,
            tenant_queries_max: 12,
            app_queries_max: 8,
            waiting_max: 64,
            patience: Duration::from_secs(10),
            deadline: Duration::from_secs(200),
            rows_max: 100_000,
            result_bytes_max: 124 << 20,
            scanned_rows_max: 10_000_000_000,
            scanned_bytes_max: 1 << 40,
            footer_bytes: 128 << 20,
            geo: None,
            external: None,
        }
    }
}

/// Whether tables inside a query that must be known before it are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    Tables,
    /// They count as empty.
    Nothing,
}

/// Runs queries over the tables it is handed.
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

/// What all queries have together.
pub(crate) struct Shared {
    pub config: EngineConfig,
    runtime: Arc<RuntimeEnv>,
    memory: Arc<SharedMemory>,
    pub admission: Arc<Admission>,
}

/// A query: what is asked, of which tables, when and on whose account.
#[derive(Clone)]
pub struct Asked {
    pub text: Arc<str>,
    pub tables: Arc<dyn Tables>,
    /// The one instant that `now()` and `ago()` mean.
    pub now: Ticks,
    pub asker: Asker,
    /// Functions that the query may call besides its own.
    pub functions: Arc<[SavedFunction]>,
    /// Rows with a `Timestamp` before the first of these or after the second are not there.
    pub times: Option<(Ticks, Ticks)>,
}

impl Asked {
    pub fn new(text: &str, tables: Arc<dyn Tables>, now: Ticks) -> Asked {
        let functions = Arc::new([]);
        Asked { text: text.into(), tables, now, asker: Asker::default(), functions, times: None }
    }
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
    /// How long it waited before that for others to end.
    pub waited: Duration,
    /// Processor time of all threads it ran on.
    pub cpu: Duration,
    /// The most memory it held at one time, in bytes.
    pub memory_peak: usize,
    /// Rows in the result.
    pub rows: u64,
    /// Memory of the result, in bytes.
    pub bytes: usize,
    pub scanned: Scanned,
}

/// One query under way: its place, its memory, and what it took so far.
pub(crate) struct Session {
    pub state: SessionState,
    pub meter: Arc<Meter>,
    _permit: Permit,
}

impl Engine {
    /// An engine that finds data files in `files`, an object store and the address tables name it by.
    pub fn new(
        config: EngineConfig,
        files: Option<(ObjectStoreUrl, Arc<dyn ObjectStore>)>,
    ) -> Result<Engine, QueryError> {
        measure_tasks();
        let spill = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::OsTmpDirectory)
            .with_max_temp_directory_size(config.spill_bytes);
        let runtime = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(spill)
            .with_metadata_cache_limit(config.footer_bytes)
            .build_arc()?;
        if let Some((url, store)) = files {
            runtime.register_object_store(url.as_ref(), store);
        }
        let memory = Arc::new(SharedMemory::new(config.memory_bytes));
        let admission = Admission::new(Places {
            all: config.queries_max,
            tenant: config.tenant_queries_max,
            app: config.app_queries_max,
            waiting: config.waiting_max,
            patience: config.patience,
        });
        Ok(Engine { shared: Arc::new(Shared { config, runtime, memory, admission }) })
    }

    /// Queries that run now.
    pub fn running(&self) -> usize {
        self.shared.admission.running()
    }

    /// Memory that running queries hold, in bytes.
    pub fn memory_used(&self) -> usize {
        self.shared.memory.used()
    }

    /// Runs a query to its end. `now` is the one instant that `now()` and `ago()` mean in it.
    pub async fn run(&self, text: &str, tables: Arc<dyn Tables>, now: Ticks) -> Result<Answer, QueryError> {
        self.answer(Asked::new(text, tables, now)).await
    }

    /// Runs a query to its end and holds its rows.
    pub async fn answer(&self, asked: Asked) -> Result<Answer, QueryError> {
        let rows_max = self.shared.config.rows_max;
        let mut running = Running::open(&self.shared, asked).await?;
        let (batches, truncated) = running.gather(rows_max).await?;
        let stats = Stats {
            bytes: batches.iter().map(RecordBatch::get_array_memory_size).sum(),
            rows: batches.iter().map(|batch| batch.num_rows() as u64).sum(),
            ..running.meter().stats()
        };
        Ok(Answer { columns: running.columns().to_vec(), batches, stats, truncated })
    }

    /// Runs a query whose rows are taken part by part. It ends when what is returned is dropped.
    pub async fn open(&self, asked: Asked) -> Result<Running, QueryError> {
        Running::open(&self.shared, asked).await
    }

    /// The columns a query gives, found by planning and not running it. Tables that would have to be read
    /// before it can be planned count as empty.
    pub async fn describe(
        &self,
        text: &str,
        tables: Arc<dyn Tables>,
        now: Ticks,
    ) -> Result<Vec<(String, Kind)>, QueryError> {
        self.describe_asked(&Asked::new(text, tables, now)).await
    }

    /// The same for a query that may call saved functions.
    pub async fn describe_asked(&self, asked: &Asked) -> Result<Vec<(String, Kind)>, QueryError> {
        let session = self.shared.session(asked.asker).await?;
        let plan = async {
            let mut planner = Planning::new(&self.shared, asked)?;
            let relation = planner.plan(&session, asked.tables.as_ref(), Reads::Nothing, None).await?;
            let columns = relation.columns_shown();
            session.state.create_physical_plan(&shown(relation)?).await?;
            Ok(columns)
        };
        let seconds = self.shared.config.deadline.as_secs();
        let described = tokio::time::timeout(self.shared.config.deadline, plan).await;
        described.map_err(|_| QueryError::TimedOut { seconds }).flatten()
    }
}

impl Shared {
    /// Waits for a place.
    pub async fn session(&self, asker: Asker) -> Result<Session, QueryError> {
        let came = Instant::now();
        let permit = self.admission.admit(asker).await?;
        let memory = Arc::new(QueryMemory::new(self.config.query_memory_bytes, self.memory.clone()));
        let meter = Arc::new(Meter::new(came.elapsed(), memory.clone()));
        let runtime = RuntimeEnv { memory_pool: memory, ..(*self.runtime).clone() };
        let mut config = SessionConfig::new().with_target_partitions(self.config.threads);
        // Rows come in the order of the query or in none; the engine need not keep that of files.
        config.options_mut().execution.parquet.pushdown_filters = false;
        config.options_mut().execution.parquet.schema_force_view_types = true;
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::new(runtime))
            .with_default_features()
            .with_query_planner(Arc::new(Planner))
            .build();
        Ok(Session { state, meter, _permit: permit })
    }

    /// Refuses what read more than it may.
    pub fn check(&self, scanned: Scanned) -> Result<(), QueryError> {
        let (rows_max, bytes_max) = (self.config.scanned_rows_max, self.config.scanned_bytes_max);
        let is_within = scanned.rows <= rows_max && scanned.bytes <= bytes_max;
        if is_within { Ok(()) } else { Err(QueryError::ScanTooLarge { rows_max, bytes_max }) }
    }
}

/// A query that is planned, maybe several times.
pub(crate) struct Planning {
    shared: Arc<Shared>,
    parsed: kql::Parsed,
    context: Context,
    answers: Answers,
    functions: Arc<[SavedFunction]>,
    times: Option<(Ticks, Ticks)>,
}

impl Planning {
    pub fn new(shared: &Arc<Shared>, asked: &Asked) -> Result<Planning, QueryError> {
        let parsed = kql::parse(&asked.text);
        if !parsed.diagnostics.is_empty() {
            return Err(QueryError::Invalid(parsed.diagnostics));
        }
        let seeds = AtomicU64::new(rand::random());
        let (geo, external) = (shared.config.geo.clone(), shared.config.external.clone());
        Ok(Planning {
            shared: shared.clone(),
            parsed,
            context: Context { now: asked.now, geo, external, geo_missed: Once::new(), seeds },
            answers: Answers::new(),
            functions: asked.functions.clone(),
            times: asked.times,
        })
    }

    pub fn query(&self) -> &kql::ast::Query {
        &self.parsed.query
    }

    /// Binds; tables whose rows must be known first are read on the way.
    pub async fn plan(
        &mut self,
        session: &Session,
        tables: &dyn Tables,
        reads: Reads,
        window: Option<Window>,
    ) -> Result<Relation, QueryError> {
        let spans = self.parsed.query.statements.iter().map(kql::ast::Statement::span);
        let whole = spans.reduce(Span::to).unwrap_or_default();
        loop {
            let surroundings = Surroundings {
                tables,
                context: &self.context,
                answers: &self.answers,
                describes: reads == Reads::Nothing,
                functions: &self.functions,
                times: self.times,
                window,
            };
            // Binding may hold values that cannot cross threads: they end before anything is awaited.
            let needs = match bind(&self.parsed.query, surroundings) {
                Ok(Bound::Plan(relation)) => return Ok(relation),
                Ok(Bound::Needs(needs)) => needs,
                Err(BindFailure::Diagnostics(diagnostics)) => return Err(QueryError::Invalid(diagnostics)),
                Err(BindFailure::Engine(error)) => return Err(error.into()),
            };
            for subquery in needs {
                let refused = |message| Err(QueryError::Invalid(vec![Diagnostic::new(whole, message)]));
                if self.answers.len() >= SUBQUERIES_MAX {
                    return refused(format!(
                        "the query reads more than {SUBQUERIES_MAX} tables as constants"
                    ));
                }
                let Subquery { key, plan, rows_max, is_kept } = subquery;
                let read = match reads {
                    Reads::Tables => self.read(session, plan, rows_max).await,
                    Reads::Nothing => Ok((Vec::new(), false)),
                };
                let (rows, truncated) = match read {
                    Ok((_, true)) | Err(QueryError::ResultTooLarge { .. } | QueryError::OutOfMemory)
                        if is_kept =>
                    {
                        self.answers.leave(key);
                        continue;
                    }
                    read => read?,
                };
                if truncated && rows_max > 1 {
                    return refused(format!(
                        "a table used as a list of constants has more than {rows_max} rows"
                    ));
                }
                self.answers.insert(key, rows);
            }
        }
    }

    async fn read(
        &mut self,
        session: &Session,
        plan: LogicalPlan,
        rows_max: usize,
    ) -> Result<(Vec<RecordBatch>, bool), QueryError> {
        let mut reading = Reading::start(&session.state, &plan, &session.meter).await?;
        let held = MemoryConsumer::new("constants").register(&session.state.runtime_env().memory_pool);
        let bytes_max = self.shared.config.result_bytes_max;
        let check = |scanned| self.shared.check(scanned);
        let rows = reading.gather(rows_max, bytes_max, &held, check).await?;
        // The rows stay for as long as the query does.
        self.answers.hold(held);
        Ok(rows)
    }
}

/// The plan with exactly the visible columns, in their order.
pub(crate) fn shown(relation: Relation) -> Result<LogicalPlan, QueryError> {
    let exprs: Vec<_> = relation.fields.iter().map(|field: &Field| field.typed().expr).collect();
    Ok(relation.builder().project(exprs)?.build()?)
}
