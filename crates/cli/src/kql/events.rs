//! Recorded events as rows, for trying queries on them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use adapters::{Input, Mapped, Mapper};
use anyhow::{Context, bail};
use model::{Cell, DeviceId, Row, TenantId, Ticks};

use crate::ingest::batches::{Batch, Batcher, Content};
use crate::ingest::sources;

/// Rows that are held at most.
const ROWS_MAX: usize = 2_000_000;
/// The device of records that name none.
const DEVICE: &str = "recorded";

/// The rows of the events in files, folders and archives, and the time of the latest. Each recording is moved in time
/// so that it ends with the latest: queries mostly look at the last days.
pub(super) fn rows_of(paths: &[PathBuf]) -> anyhow::Result<(Vec<Row>, Ticks)> {
    let (found, problems) = sources::find(paths);
    if let Some(problem) = problems.first() {
        bail!("{problem}");
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut ends = Vec::new();
    for source in found {
        // What a mapper remembers of processes belongs to one recording.
        let (mut mapper, mut batcher) = (Mapper::default(), Batcher::new(Content::Recognised));
        let mut take = |batch: Batch| {
            let Some(format) = batch.format else { return true };
            let input = Input { body: &batch.body, device: DEVICE };
            format.read(&mut mapper, &input, &mut |_, outcome| {
                if let Ok(Mapped::Row(row)) = outcome {
                    rows.push(with_device(*row));
                }
                std::ops::ControlFlow::Continue(())
            });
            rows.len() < ROWS_MAX
        };
        let read = sources::each_member(&source.path, &Arc::default(), &mut |member| {
            batcher.read(member.reader, &mut take)
        });
        batcher.finish(&mut take);
        read.map(drop).or_else(padded).with_context(|| source.path.display().to_string())?;
        if rows.len() >= ROWS_MAX {
            bail!("the events make more than {ROWS_MAX} rows");
        }
        ends.push(rows.len());
    }
    let latest = rows.iter().filter_map(time_of).max().context("the files hold no events")?;
    let mut rest = rows.as_mut_slice();
    let mut start = 0;
    for end in ends {
        let (recording, others) = rest.split_at_mut(end - start);
        move_to(recording, latest);
        (rest, start) = (others, end);
    }
    Ok((rows, latest))
}

fn time_of(row: &Row) -> Option<Ticks> {
    match row.table.time_column().map(|at| &row.cells[at]) {
        Some(Cell::Time(time)) => Some(*time),
        _ => None,
    }
}

/// Moves rows in time so that the last of them is at `end`.
fn move_to(rows: &mut [Row], end: Ticks) {
    let Some(last) = rows.iter().filter_map(time_of).max() else { return };
    for cell in rows.iter_mut().flat_map(|row| &mut row.cells) {
        if let Cell::Time(time) = cell {
            time.0 = time.0.saturating_add(end.0 - last.0);
        }
    }
}

/// An archive may end in the middle: what was read of it is there.
fn padded(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::UnexpectedEof { Ok(()) } else { Err(error) }
}

/// The row with the id that its device's name means.
fn with_device(mut row: Row) -> Row {
    let (Some(id), Some(name)) = (row.table.position("DeviceId"), row.table.position("DeviceName")) else {
        return row;
    };
    if let Cell::Text(name) = &row.cells[name] {
        let device = DeviceId::from_name(TenantId(Default::default()), name);
        row.cells[id] = Cell::from(device.as_str());
    }
    row
}
