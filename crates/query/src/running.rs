//! A query whose rows are taken part by part.

use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::array::RecordBatch;
use datafusion::execution::memory_pool::MemoryConsumer;
use model::Kind;
use model::lake::AsOf;

use crate::bind::Tables;
use crate::engine::{Asked, Planning, Reads, Session, Shared, shown};
use crate::meter::Meter;
use crate::reading::{Gathered, Reading};
use crate::relation::Relation;
use crate::window::{Windows, not_windowed};
use crate::{Position, QueryError};

/// What comes next of a running query.
#[derive(Debug)]
pub enum Part {
    Rows(RecordBatch),
    /// Every row up to here was given: the query can go on from here later.
    Reached(Position),
}

/// Ends when it is dropped: the engine stops at its next step.
pub struct Running {
    shared: Arc<Shared>,
    asked: Asked,
    session: Session,
    planning: Planning,
    columns: Vec<(String, Kind)>,
    reading: Option<Reading>,
    windows: Result<Windows, String>,
    /// When the part under way has to be at its end.
    due: Instant,
}

impl Running {
    /// Plans the query and starts it.
    pub(crate) async fn open(shared: &Arc<Shared>, asked: Asked) -> Result<Running, QueryError> {
        Running::start(shared, asked, None).await
    }

    async fn start(
        shared: &Arc<Shared>,
        asked: Asked,
        windows: Option<Windows>,
    ) -> Result<Running, QueryError> {
        let session = shared.session(asked.asker).await?;
        let due = Instant::now() + shared.config.deadline;
        let planning = Planning::new(shared, &asked)?;
        let mut running = Running {
            shared: shared.clone(),
            asked,
            session,
            planning,
            columns: Vec::new(),
            reading: None,
            windows: windows.ok_or_else(|| "it was not asked to be".to_owned()),
            due,
        };
        let meter = running.session.meter.clone();
        in_time(shared, &meter, due, running.plan_first()).await?;
        Ok(running)
    }

    async fn plan_first(&mut self) -> Result<(), QueryError> {
        if self.windows.is_ok() {
            match self.plan_window().await? {
                None => return Ok(()),
                Some(reason) => self.windows = Err(reason),
            }
        }
        let tables = self.asked.tables.clone();
        let relation = self.planning.plan(&self.session, &*tables, Reads::Tables, None).await?;
        self.read(relation).await
    }

    /// Starts the next window, or says why the query has none.
    async fn plan_window(&mut self) -> Result<Option<String>, QueryError> {
        let Ok(windows) = &mut self.windows else { return Ok(None) };
        if let Some(reason) = windows.refusal(self.planning.query(), self.asked.tables.as_ref()) {
            return Ok(Some(reason));
        }
        let Some(window) = windows.open() else { return Ok(None) };
        let past: Arc<dyn Tables> = match windows.tables(&self.asked).as_of(AsOf::Sequence(windows.until())) {
            Ok(past) => past,
            Err(reason) => return Ok(Some(reason)),
        };
        let relation = self.planning.plan(&self.session, &*past, Reads::Tables, Some(window)).await?;
        if let Some(reason) = not_windowed(&relation.plan) {
            return Ok(Some(reason.to_owned()));
        }
        self.due = Instant::now() + self.shared.config.deadline;
        self.read(relation).await?;
        Ok(None)
    }

    async fn read(&mut self, relation: Relation) -> Result<(), QueryError> {
        self.columns = relation.columns_shown();
        self.reading =
            Some(Reading::start(&self.session.state, &shown(relation)?, &self.session.meter).await?);
        Ok(())
    }

    /// Names and kinds of the columns, in order.
    pub fn columns(&self) -> &[(String, Kind)] {
        &self.columns
    }

    /// The sequence up to which rows are read, when the query can go on later from any [`Part::Reached`]; or
    /// why it cannot.
    pub fn resumable(&self) -> Result<i64, &str> {
        self.windows.as_ref().map(Windows::until).map_err(String::as_str)
    }

    /// What it takes.
    pub fn meter(&self) -> Arc<Meter> {
        self.session.meter.clone()
    }

    /// Some more rows; none at the end.
    pub async fn next(&mut self) -> Result<Option<Part>, QueryError> {
        let (shared, meter, due) = (self.shared.clone(), self.session.meter.clone(), self.due);
        in_time(&shared, &meter, due, self.next_part()).await
    }

    async fn next_part(&mut self) -> Result<Option<Part>, QueryError> {
        loop {
            if let Some(reading) = &mut self.reading {
                if let Some(batch) = reading.next(|scanned| self.shared.check(scanned)).await? {
                    self.session.meter.give(batch.num_rows());
                    return Ok(Some(Part::Rows(batch)));
                }
                self.reading = None;
                return match &mut self.windows {
                    Ok(windows) => Ok(Some(Part::Reached(windows.close()))),
                    Err(_) => Ok(None),
                };
            }
            if self.windows.as_ref().ok().is_none_or(Windows::is_done) {
                return Ok(None);
            }
            // The first window was planned, so that this one can be.
            if let Some(reason) = self.plan_window().await? {
                return Err(QueryError::Changed { reason });
            }
        }
    }

    /// All rows up to a bound, and whether there are more.
    pub(crate) async fn gather(&mut self, rows_max: usize) -> Result<(Vec<RecordBatch>, bool), QueryError> {
        let pool = self.session.state.runtime_env().memory_pool.clone();
        let held = MemoryConsumer::new("result").register(&pool);
        let mut gathered = Gathered::default();
        while let Some(part) = self.next().await? {
            let Part::Rows(batch) = part else { continue };
            if gathered.rows >= rows_max {
                gathered.is_cut = true;
            } else {
                gathered.add(batch, rows_max, self.shared.config.result_bytes_max, &held)?;
            }
            if gathered.is_cut {
                break;
            }
        }
        Ok((gathered.batches, gathered.is_cut))
    }
}

/// Does a step, measured and inside the time that is left.
async fn in_time<T>(
    shared: &Shared,
    meter: &Meter,
    due: Instant,
    step: impl Future<Output = Result<T, QueryError>>,
) -> Result<T, QueryError> {
    let seconds = shared.config.deadline.as_secs();
    let timed = meter.cpu.measure(tokio::time::timeout_at(due.into(), step)).await;
    timed.map_err(|_| QueryError::TimedOut { seconds }).flatten()
}

impl crate::Engine {
    /// Runs a query whose rows are taken part by part and that can go on later, if it is one of those that can;
    /// [`Running::resumable`] tells.
    pub async fn open_resumable(&self, asked: Asked, windows: Windows) -> Result<Running, QueryError> {
        Running::start(&self.shared, asked, Some(windows)).await
    }
}
