//! Numbers about the lake for whoever watches it.

use metrics::{counter, gauge};
use model::lake::DataFile;
use model::time::TICKS_PER_SECOND;

use crate::{Lake, LakeError, log};

impl Lake {
    /// Sets the gauges to what is now; for the moment at which they are read.
    pub fn measure(&self) {
        let shared = &self.0;
        let stats = self.stats();
        gauge!("bartizan_lake_hot_rows").set(stats.hot_rows as f64);
        gauge!("bartizan_lake_hot_bytes").set(stats.hot_bytes as f64);
        let oldest = shared.state.oldest_hot().map_or(0, |oldest| shared.clock.now().0 - oldest.0);
        gauge!("bartizan_lake_oldest_hot_seconds").set(oldest.max(0) as f64 / TICKS_PER_SECOND as f64);
        let waiting =
            log::lock(&shared.jobs).as_ref().map_or(0, |jobs| jobs.max_capacity() - jobs.capacity());
        gauge!("bartizan_lake_waiting_appends").set(waiting as f64);
        let (mut listed, mut replaced) = (Held::default(), Held::default());
        for tenant in self.tenants() {
            for files in shared.state.snapshot(tenant).files.values() {
                files.listed.iter().for_each(|file| listed.add(file));
                files.removed.iter().for_each(|file| replaced.add(file));
            }
        }
        for (state, held) in [("listed", listed), ("replaced", replaced)] {
            gauge!("bartizan_lake_files", "state" => state).set(held.files as f64);
            gauge!("bartizan_lake_file_bytes", "state" => state).set(held.bytes as f64);
        }
    }
}

#[derive(Default)]
struct Held {
    files: u64,
    bytes: i64,
}

impl Held {
    fn add(&mut self, file: &DataFile) {
        self.files += 1;
        self.bytes += file.bytes + file.index_bytes.unwrap_or(0);
    }
}

/// Counts an append that was refused.
pub(crate) fn refused(error: &LakeError) {
    let reason = match error {
        LakeError::Busy => "busy",
        LakeError::NoSpace => "no_space",
        LakeError::Stopped => "stopped",
        LakeError::TooLarge { .. } => "too_large",
        _ => "failed",
    };
    counter!("bartizan_lake_refused_total", "reason" => reason).increment(1);
}
