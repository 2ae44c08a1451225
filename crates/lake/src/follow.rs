//! Reading the lake by sequence: how profiles, detections and exports see every row.

use std::sync::Arc;

use model::lake::DataFile;

use crate::TenantLake;
use crate::scan::Scan;
use crate::state::TenantState;

/// So many times as many rows as a read hands out are decoded for it, at most.
const READ_AGAIN: i64 = 4;

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
        let end = end_of_read(position, &behind).unwrap_or(state.flushed_sequence);
        behind.retain(|file| file.first_sequence <= end);
        Scan::new(self, behind, Vec::new(), position, end, true)
    }
}

/// How far one read of files goes. Sequences of one flush interleave across its files, and those of merged files span
/// several: a read may need some rows of many files, which are read again by the next one. It goes on to where that is
/// little beside what it hands out, and no further, since only then the follower's position moves.
fn end_of_read(position: i64, behind: &[Arc<DataFile>]) -> Option<i64> {
    let mut ends: Vec<i64> = behind.iter().map(|file| file.last_sequence).collect();
    ends.sort_unstable();
    let mut begun: Vec<(i64, i64)> = behind.iter().map(|file| (file.first_sequence, file.rows)).collect();
    begun.sort_unstable();
    let mut begun = begun.into_iter().peekable();
    let mut read = 0i64;
    let is_worth_it = |end: &i64| {
        while let Some((_, rows)) = begun.next_if(|(first, _)| first <= end) {
            read = read.saturating_add(rows);
        }
        read <= (end - position).saturating_mul(READ_AGAIN)
    };
    let last = ends.last().copied();
    ends.into_iter().find(is_worth_it).or(last)
}

#[cfg(test)]
mod tests {
    use model::{TenantId, Ticks};
    use uuid::Uuid;

    use super::*;

    fn file(first_sequence: i64, last_sequence: i64, rows: i64) -> Arc<DataFile> {
        Arc::new(DataFile {
            tenant: TenantId(Uuid::from_u128(1)),
            table: "DeviceEvents".to_owned(),
            day: 1,
            path: first_sequence.to_string(),
            rows,
            bytes: rows,
            first_time: None,
            last_time: None,
            first_sequence,
            last_sequence,
            schema_version: 1,
            checksums: Vec::new(),
            index_bytes: None,
            level: 0,
            added: Ticks(0),
            removed: None,
        })
    }

    #[test]
    fn a_read_ends_where_little_is_read_again() {
        let end = |position, files: &[Arc<DataFile>]| end_of_read(position, files);
        assert_eq!(end(0, &[]), None);
        let flushed = [file(1, 90, 60), file(5, 100, 40), file(101, 200, 100)];
        assert_eq!(end(0, &flushed), Some(90), "ten rows of the second file are left for the next read");
        assert_eq!(end(90, &flushed[1..]), Some(100));
        assert_eq!(end(100, &flushed[2..]), Some(200));
        // Each file reaches into the next one.
        let chain: Vec<_> = (0..50).map(|at| file(at * 100 + 1, at * 100 + 150, 100)).collect();
        assert_eq!(end(0, &chain), Some(150));
        // Rows of all days came at the same time: none is read out before the others are, almost.
        let days: Vec<_> = (0..50).map(|at| file(1 + at, 4_951 + at, 100)).collect();
        assert_eq!(end(0, &days), Some(4_951));
        let slow: Vec<_> = (1..=10).map(|at| file(1, at * 100, 100)).collect();
        assert_eq!(end(0, &slow), Some(300), "a read of 1,000 rows is worth 300 of them");
        assert_eq!(end(300, &slow[3..]), Some(500));
    }
}
