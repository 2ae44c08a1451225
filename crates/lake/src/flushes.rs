//! When hot rows go to files, and how a flush takes effect: all of it or none.
//!
//! A flush has two parts. Making files takes processors; writing them waits for the disk and for the catalog. While rows
//! come faster than that, the files of the next flush are made while those of this one are written. They take effect in
//! their order: the catalog's mark says up to which segment of the log every row is in a file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::TenantId;
use model::lake::{CatalogChange, DataFile, ProducerMark};
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::flush::{Encoded, encode_files};
use crate::hot::HotBatch;
use crate::log::{self, Job};
use crate::{Lake, LakeError, blocking};

/// The shortest and the longest pause after a flush that failed.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// So many flushes follow each other before others get their turn.
const AT_A_STRETCH: usize = 16;

/// Files that are made and not written yet.
struct Made {
    encoded: Vec<Encoded>,
    change: CatalogChange,
    /// The last segment of the log whose rows they hold.
    closed: u64,
    rows: usize,
    started: Instant,
}

impl Lake {
    /// Flushes when enough is hot or enough time has passed, until the lake is closed.
    pub async fn run_flushes(&self) {
        let mut accepted = self.accepted();
        let mut due = tokio::time::Instant::now() + self.0.config.flush_interval;
        let mut pause = PAUSES.0;
        loop {
            tokio::select! {
                changed = accepted.changed() => if changed.is_err() { return },
                () = tokio::time::sleep_until(due) => {}
            }
            let timed = tokio::time::Instant::now() >= due;
            let full = self.0.state.hot_bytes() >= self.0.config.flush_bytes;
            if (timed && self.0.state.hot_rows() > 0) || full {
                match self.flush().await {
                    Ok(_) => pause = PAUSES.0,
                    Err(LakeError::Stopped) => return,
                    Err(error) => {
                        metrics::counter!("bartizan_lake_flush_errors_total").increment(1);
                        warn!(%error, "cannot flush; trying again");
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(PAUSES.1);
                        due = tokio::time::Instant::now();
                        continue;
                    }
                }
            }
            if timed || full {
                due = tokio::time::Instant::now() + self.0.config.flush_interval;
            }
        }
    }

    /// Writes every row accepted so far to Parquet and drops the log behind it, and goes on for a while as long as
    /// enough is hot for another flush. Returns the rows written.
    pub async fn flush(&self) -> Result<usize, LakeError> {
        let _one_at_a_time = self.0.flushing.lock().await;
        if self.0.state.hot_rows() == 0 {
            return Ok(0);
        }
        let mut rows = 0;
        let mut made = self.make_files(0).await?;
        for _ in 1..AT_A_STRETCH {
            if self.0.state.hot_bytes_after(made.closed) < self.0.config.flush_bytes {
                break;
            }
            // When the first fails the second is nothing: its rows stay hot with those before them.
            let next = self.make_files(made.closed);
            let (committed, next) = tokio::join!(self.commit_flush(made), next);
            rows += committed?;
            made = next?;
        }
        Ok(rows + self.commit_flush(made).await?)
    }

    /// Makes files of the hot rows of every segment above `after`, and closes the last of them.
    async fn make_files(&self, after: u64) -> Result<Made, LakeError> {
        let started = Instant::now();
        let (reply, answer) = oneshot::channel();
        self.send(Job::Rotate(reply)).await?;
        let closed = answer.await.map_err(|_| LakeError::Stopped)??;

        // Marks are read after the rotation: they cover every frame of the closed segments.
        let producers = log::lock(&self.0.producers).iter().map(producer_mark).collect();
        let hot = self.0.state.hot_between(after, closed);
        let sequences = highest_sequences(&hot);
        let rows = hot.iter().map(|(_, batch)| batch.rows.len()).sum();
        let shared = self.0.clone();
        let encoded = blocking(move || encode_files(&hot, shared.clock.now(), &*shared.new_name)).await??;
        let change = CatalogChange {
            added: encoded.iter().map(|encoded| encoded.file.clone()).collect(),
            log_segment: Some(closed as i64 + 1),
            producers,
            sequences,
            ..CatalogChange::default()
        };
        Ok(Made { encoded, change, closed, rows, started })
    }

    async fn commit_flush(&self, made: Made) -> Result<usize, LakeError> {
        let Made { encoded, change, closed, rows, started } = made;
        let files: Vec<DataFile> = change.added.clone();
        let sequences = change.sequences.clone();
        self.commit_files(&encoded, change).await?;
        self.0.files.known().add(&files);
        self.0.state.replace_hot(closed, files, &sequences);
        self.0.flushed.send_replace(());
        self.drop_segments(closed).await?;
        metrics::histogram!("bartizan_lake_flush_seconds").record(started.elapsed().as_secs_f64());
        metrics::counter!("bartizan_lake_flushed_rows_total").increment(rows as u64);
        info!(rows, segment = closed, "flushed");
        Ok(rows)
    }

    async fn drop_segments(&self, closed: u64) -> Result<(), LakeError> {
        let disk = self.0.disk.clone();
        let dropped = blocking(move || {
            let names = disk.list()?;
            let old = |name: &&String| log::segment_number(name).is_some_and(|number| number <= closed);
            names.iter().filter(old).try_for_each(|name| disk.remove(name))
        });
        dropped.await?.map_err(|source| LakeError::Log { doing: "remove flushed segments", source })
    }
}

fn producer_mark((key, mark): (&(TenantId, String), &log::Mark)) -> ProducerMark {
    ProducerMark { tenant: key.0, producer: key.1.clone(), sequence: mark.sequence }
}

fn highest_sequences(hot: &[(TenantId, Arc<HotBatch>)]) -> Vec<(TenantId, i64)> {
    let mut highest = BTreeMap::new();
    for (tenant, batch) in hot {
        let last = highest.entry(*tenant).or_insert(batch.last_sequence);
        *last = batch.last_sequence.max(*last);
    }
    highest.into_iter().collect()
}
