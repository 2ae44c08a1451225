//! Reading the lake by sequence: how profiles, detections and exports see every row.

use std::sync::Arc;

use model::lake::DataFile;

use crate::TenantLake;
use crate::scan::Scan;
use crate::state::TenantState;

impl TenantLake {
    /// The rows with a sequence above `position`, about `rows_max` of them and `bytes_max` of their memory at most from
    /// the hot buffer, in order of acceptance. Rows that were flushed before the follower read them come from their
    /// files, in no order that means anything: only when the last of them was handed out, every row up to the scan's
    /// position was.
    pub fn read_after(&self, position: i64, rows_max: usize, bytes_max: usize) -> Scan {
        let state = self.lake.0.state.snapshot(self.tenant);
        if position < state.flushed_sequence {
            return self.read_files_after(position, &state);
        }
        let (mut taken, mut rows, mut bytes, mut end, mut more) = (Vec::new(), 0, 0, position, false);
        // Batches of one append share its place; they are handed out together.
        for hot in state.hot.iter().filter(|hot| hot.first_sequence > position) {
            if rows >= rows_max || bytes >= bytes_max {
                more = true;
                break;
            }
            rows += hot.rows.len();
            bytes += hot.bytes;
            end = end.max(hot.last_sequence);
            taken.push(hot.clone());
        }
        Scan::new(self, Vec::new(), taken, position, end, more)
    }

    fn read_files_after(&self, position: i64, state: &TenantState) -> Scan {
        let all = state.files.values().flat_map(|files| files.listed.iter());
        let mut behind: Vec<Arc<DataFile>> =
            all.filter(|file| file.last_sequence > position).cloned().collect();
        behind.sort_by_key(|file| file.first_sequence);
        let mut end = behind.first().map_or(state.flushed_sequence, |file| file.last_sequence);
        let mut taken = Vec::new();
        for file in behind {
            // Sequences of one flush interleave across its files, and those of merged files span several: all files
            // that reach into what was taken belong to it.
            if file.first_sequence > end && !taken.is_empty() {
                break;
            }
            end = end.max(file.last_sequence);
            taken.push(file);
        }
        Scan::new(self, taken, Vec::new(), position, end, true)
    }
}
