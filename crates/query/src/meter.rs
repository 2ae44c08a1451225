//! What a query takes, readable while it runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datafusion::physical_plan::ExecutionPlan;

use crate::Stats;
use crate::cpu::CpuMeter;
use crate::memory::QueryMemory;
use crate::reading::{Scanned, scanned};

pub struct Meter {
    started: Instant,
    waited: Duration,
    pub(crate) cpu: Arc<CpuMeter>,
    memory: Arc<QueryMemory>,
    rows: AtomicU64,
    read: Mutex<Read>,
}

/// By plans that are at their end, and the one that is not.
#[derive(Default)]
struct Read {
    ended: Scanned,
    under_way: Option<Arc<dyn ExecutionPlan>>,
}

impl Meter {
    pub(crate) fn new(waited: Duration, memory: Arc<QueryMemory>) -> Meter {
        Meter {
            started: Instant::now(),
            waited,
            cpu: Arc::default(),
            memory,
            rows: AtomicU64::new(0),
            read: Mutex::default(),
        }
    }

    /// What it took so far.
    pub fn stats(&self) -> Stats {
        Stats {
            elapsed: self.started.elapsed(),
            waited: self.waited,
            cpu: self.cpu.time(),
            memory_peak: self.memory.peak(),
            rows: self.rows.load(Ordering::Relaxed),
            bytes: 0,
            scanned: self.scanned(),
        }
    }

    pub(crate) fn scanned(&self) -> Scanned {
        let read = self.read();
        read.ended + read.under_way.as_ref().map(scanned).unwrap_or_default()
    }

    pub(crate) fn begin(&self, plan: Arc<dyn ExecutionPlan>) {
        let mut read = self.read();
        let before = read.under_way.replace(plan);
        read.ended = read.ended + before.as_ref().map(scanned).unwrap_or_default();
    }

    pub(crate) fn end(&self) {
        let mut read = self.read();
        let before = read.under_way.take();
        read.ended = read.ended + before.as_ref().map(scanned).unwrap_or_default();
    }

    pub(crate) fn give(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    fn read(&self) -> std::sync::MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
