//! Small files become large ones: which to merge, and merging them.
//!
//! Each file has a level: 0 as a flush wrote it, and one more each time its rows are merged. Files of one tenant,
//! table, day and level are merged when there are enough of them, so a row is rewritten a few times in its life,
//! however many flushes a day has.

mod merge;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::{max, min};
use datafusion::arrow::datatypes::{Int64Type, Schema, TimestampNanosecondType};
use model::lake::DataFile;
use model::{DeviceId, Table, Ticks};

use self::merge::{Input, Merge, Part};
pub(crate) use self::merge::{filled_columns, open_typed};
use crate::LakeError;
use crate::files::Files;
use crate::flush::Encoded;
use crate::parquet_file::{Diverse, LEVEL_SMALL, ParquetFile};
use crate::schema::{SCHEMA_VERSION, SEQUENCE_COLUMN, stored_schema};
use crate::side_by_side::side_by_side;
use crate::terms::{ROWS_PER_BLOCK, TermIndexBuilder};
use crate::verified::checksums;

/// So many files of one level are worth a merge.
const FILES_MERGED_MIN: usize = 8;
/// No merge reads more of them at once.
const FILES_MERGED_MAX: usize = 32;
/// Files of so many rows are not merged again, and no merged one has more.
pub(crate) const FILE_ROWS_MAX: i64 = 1 << 20;
/// Nor are files of so many bytes, and no merged one has many more: it is made in memory.
const FILE_BYTES_MAX: i64 = 128 << 20;
/// So many files of a table without an index are merged whatever else there is to do.
const FILES_URGENT: usize = 96;
/// A day that got no file for so long is merged however few its files are: then all of it has an index.
const SETTLED_TICKS: i64 = 120 * model::time::TICKS_PER_SECOND;
/// Such a merge leaves an indexed file alone that has more than so many times the rows of all smaller ones, so that
/// stragglers do not rewrite a day again and again.
const MUCH_LARGER: i64 = 4;

/// Files to be merged into one or a few.
pub(crate) struct Task {
    pub table: &'static Table,
    pub files: Vec<Arc<DataFile>>,
    /// Whether it is done whatever else there is to do.
    pub is_urgent: bool,
}

impl Task {
    pub fn new(table: &'static Table, files: Vec<Arc<DataFile>>) -> Task {
        Task { table, files, is_urgent: false }
    }

    /// Whether no file is searched row by row until it is done.
    pub fn is_indexed(&self) -> bool {
        self.files.iter().all(|file| file.index_bytes.is_some())
    }
}

/// Whether merges of a table's listed files have waited too long.
pub(crate) fn is_urgent(listed: &[Arc<DataFile>]) -> bool {
    listed.iter().filter(|file| file.index_bytes.is_none()).count() > FILES_URGENT
}

/// What is worth merging now, of one table's listed files.
pub(crate) fn tasks(table: &'static Table, listed: &[Arc<DataFile>], now: Ticks) -> Vec<Task> {
    let mut days: BTreeMap<i64, Vec<&Arc<DataFile>>> = BTreeMap::new();
    let is_small = |file: &&Arc<DataFile>| file.rows < FILE_ROWS_MAX && file.bytes < FILE_BYTES_MAX;
    for file in listed.iter().filter(is_small) {
        days.entry(file.day).or_default().push(file);
    }
    let mut tasks = Vec::new();
    for files in days.values_mut() {
        files.sort_by_key(|file| (file.level, file.first_sequence));
        let is_settled = files.iter().all(|file| file.added.0 + SETTLED_TICKS < now.0);
        if is_settled {
            tasks.extend(settled(table, files));
            continue;
        }
        for level in files.chunk_by(|a, b| a.level == b.level) {
            tasks.extend(batches(table, level, FILES_MERGED_MIN));
        }
    }
    tasks
}

/// The tasks of several tenants in the order in which they are done: those for files without an index first, and one of
/// each tenant in turn.
pub(crate) fn in_turn(tenants: Vec<Vec<Task>>) -> Vec<Task> {
    let in_turn = |mut tasks: Vec<Task>| {
        tasks.sort_by_key(Task::is_indexed);
        tasks.into_iter().enumerate()
    };
    let mut tasks: Vec<(usize, Task)> = tenants.into_iter().flat_map(in_turn).collect();
    tasks.sort_by_key(|(turn, task)| (task.is_indexed(), *turn));
    tasks.into_iter().map(|(_, task)| task).collect()
}

/// Merges of a day that gets no more files: of those that have no index, and of those that are not much larger than all
/// smaller ones which are merged.
fn settled(table: &'static Table, files: &mut [&Arc<DataFile>]) -> Vec<Task> {
    files.sort_by_key(|file| file.rows);
    let mut smaller = 0;
    let is_merged = |file: &&&Arc<DataFile>| {
        let is_taken = file.index_bytes.is_none() || smaller == 0 || file.rows <= MUCH_LARGER * smaller;
        smaller += if is_taken { file.rows } else { 0 };
        is_taken
    };
    let mut merged: Vec<&Arc<DataFile>> = files.iter().filter(is_merged).copied().collect();
    merged.sort_by_key(|file| std::cmp::Reverse(file.rows));
    batches(table, &merged, 1)
}

/// Cuts files to merges of at least `files_min` files and at most as many rows and bytes as a file may have. A file of its
/// own is written again only for the index that it lacks.
fn batches(table: &'static Table, files: &[&Arc<DataFile>], files_min: usize) -> Vec<Task> {
    let mut tasks = Vec::new();
    let (mut taken, mut rows, mut bytes) = (Vec::new(), 0, 0);
    for file in files {
        let is_large = rows + file.rows > FILE_ROWS_MAX || bytes + file.bytes > FILE_BYTES_MAX;
        if taken.len() >= FILES_MERGED_MAX || (is_large && !taken.is_empty()) {
            tasks.push(Task::new(table, std::mem::take(&mut taken)));
            (rows, bytes) = (0, 0);
        }
        taken.push(Arc::clone(file));
        (rows, bytes) = (rows + file.rows, bytes + file.bytes);
    }
    if taken.len() >= files_min {
        tasks.push(Task::new(table, taken));
    }
    tasks.retain(|task| task.files.len() > 1 || !task.is_indexed());
    tasks
}

/// Writes the rows of files into new files of the next level, those of a device left out. Work for a thread that
/// may block.
pub(crate) fn merge_files(
    files: &Files,
    task: &Task,
    without: Option<&DeviceId>,
    now: Ticks,
    new_name: &dyn Fn() -> String,
) -> Result<Vec<Encoded>, LakeError> {
    let Some(first) = task.files.first() else { return Ok(Vec::new()) };
    let inputs = task.files.iter().map(|file| Input::open(files, task.table, file, task.files.len()));
    let mut merge = Merge::new(task.table, inputs.collect::<Result<_, _>>()?)?;
    let level = task.files.iter().map(|file| file.level).max().unwrap_or(0) + 1;
    // What is merged takes no more room than its sources, as a rule.
    let bytes: usize = task.files.iter().map(|file| usize::try_from(file.bytes).unwrap_or(0)).sum();
    let mut encoded = Vec::new();
    let mut output: Option<Output> = None;
    let mut next = merge.next(without)?;
    while let Some(part) = next {
        let mut writing = match output.take() {
            Some(writing) => writing,
            None => Output::start(task.table, &part.columns, bytes)?,
        };
        next = writing.write(&part, task.is_urgent, || merge.next(without))?;
        if writing.is_full() {
            encoded.push(writing.finish(first, level, now, new_name)?);
        } else {
            output = Some(writing);
        }
    }
    if let Some(writing) = output {
        encoded.push(writing.finish(first, level, now, new_name)?);
    }
    Ok(encoded)
}

/// A piece of work on a part, and the next part when it reads that.
type Work<'a> = Box<dyn FnOnce() -> Result<Option<Part>, LakeError> + Send + 'a>;

/// A merged file in the making, and what the catalog will say of it.
struct Output {
    table: &'static Table,
    file: ParquetFile,
    index: TermIndexBuilder,
    rows: i64,
    times: Option<(i64, i64)>,
    sequences: Option<(i64, i64)>,
}

impl Output {
    fn start(
        table: &'static Table,
        sample: &[Option<ArrayRef>],
        bytes_about: usize,
    ) -> Result<Output, LakeError> {
        let file = ParquetFile::new(table, &Diverse::of(sample), LEVEL_SMALL, bytes_about)?;
        let index = TermIndexBuilder::new(ROWS_PER_BLOCK);
        Ok(Output { table, file, index, rows: 0, times: None, sequences: None })
    }

    /// Adds rows. The ones behind them are read meanwhile, or after it by the same thread, and are returned.
    fn write(
        &mut self,
        part: &Part,
        is_alone: bool,
        read: impl FnOnce() -> Result<Option<Part>, LakeError> + Send,
    ) -> Result<Option<Part>, LakeError> {
        self.rows += part.rows as i64;
        if let Some(times) = self.table.time_column().and_then(|at| part.columns[at].as_ref()) {
            let times = times.as_primitive::<TimestampNanosecondType>();
            self.times = widened(self.times, min(times).zip(max(times)));
        }
        let sequences = stored_schema(self.table).index_of(SEQUENCE_COLUMN)?;
        if let Some(sequences) = part.columns[sequences].as_ref() {
            let sequences = sequences.as_primitive::<Int64Type>();
            debug_assert_eq!(sequences.null_count(), 0);
            self.sequences = widened(self.sequences, min(sequences).zip(max(sequences)));
        }
        let Output { table, file, index, .. } = self;
        // Beside a flood a merge takes one processor and the memory of one thread.
        if is_alone {
            file.write(&part.columns, part.rows)?;
            add_blocks(index, table, part)?;
            return read();
        }
        let encode: Work = Box::new(|| file.write(&part.columns, part.rows).map(|()| None));
        // About as much work as to encode them.
        let index_and_read: Work = Box::new(|| {
            add_blocks(index, table, part)?;
            read()
        });
        Ok(side_by_side(vec![encode, index_and_read], |work| work())?.pop().flatten())
    }

    fn is_full(&self) -> bool {
        self.rows >= FILE_ROWS_MAX || self.file.bytes() as i64 >= FILE_BYTES_MAX
    }

    fn finish(
        self,
        like: &DataFile,
        level: i64,
        now: Ticks,
        new_name: &dyn Fn() -> String,
    ) -> Result<Encoded, LakeError> {
        let (bytes, index) = (self.file.finish()?, self.index.finish());
        let ticks = |nanos: i64| Ticks::from_unix_nanos(nanos).0;
        let (first_sequence, last_sequence) = self.sequences.unwrap_or_default();
        let file = DataFile {
            tenant: like.tenant,
            table: like.table.clone(),
            day: like.day,
            path: format!("{}/{}/{}/{}.parquet", like.tenant, like.table, like.day, new_name()),
            rows: self.rows,
            bytes: bytes.len() as i64,
            first_time: self.times.map(|(first, _)| ticks(first)),
            last_time: self.times.map(|(_, last)| ticks(last)),
            first_sequence,
            last_sequence,
            schema_version: SCHEMA_VERSION,
            checksums: checksums(&bytes),
            index_bytes: Some(index.len() as i64),
            level,
            added: now,
            removed: None,
        };
        Ok(Encoded { file, bytes, index: Some(index) })
    }
}

/// Adds a part to an index, block by block.
fn add_blocks(index: &mut TermIndexBuilder, table: &'static Table, part: &Part) -> Result<(), LakeError> {
    let filled = filled(table, part)?;
    let block = ROWS_PER_BLOCK as usize;
    (0..part.rows)
        .step_by(block)
        .try_for_each(|at| index.add_block(table, &filled.slice(at, block.min(part.rows - at))))
}

/// The columns of a part that hold something.
fn filled(table: &'static Table, part: &Part) -> Result<RecordBatch, LakeError> {
    let schema = stored_schema(table);
    let filled = schema.fields().iter().zip(&part.columns);
    let filled = filled.filter_map(|(field, column)| Some((field.clone(), column.clone()?)));
    let (fields, columns): (Vec<_>, Vec<_>) = filled.unzip();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn widened(known: Option<(i64, i64)>, more: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (known, more) {
        (Some(known), Some(more)) => Some((known.0.min(more.0), known.1.max(more.1))),
        (known, more) => known.or(more),
    }
}

#[cfg(test)]
mod tests {
    use model::TenantId;
    use uuid::Uuid;

    use super::*;

    fn file(number: i64, level: i64, rows: i64, added: i64) -> Arc<DataFile> {
        Arc::new(DataFile {
            tenant: TenantId(Uuid::from_u128(1)),
            table: "DeviceEvents".to_owned(),
            day: number / 100,
            path: number.to_string(),
            rows,
            bytes: rows,
            first_time: None,
            last_time: None,
            first_sequence: number,
            last_sequence: number,
            schema_version: SCHEMA_VERSION,
            checksums: Vec::new(),
            index_bytes: None,
            level,
            added: Ticks(added),
            removed: None,
        })
    }

    /// The files of each merge, by number.
    fn merged(files: &[Arc<DataFile>], now: i64) -> Vec<Vec<String>> {
        let table = model::tables::find("DeviceEvents").unwrap();
        let tasks = tasks(table, files, Ticks(now));
        tasks.iter().map(|task| task.files.iter().map(|file| file.path.clone()).collect()).collect()
    }

    #[test]
    fn files_of_a_level_are_merged_when_there_are_enough() {
        let mut files: Vec<_> = (0..7).map(|number| file(number, 0, 1000, 0)).collect();
        assert!(merged(&files, 1).is_empty());
        files.push(file(50, 1, 1000, 0));
        assert!(merged(&files, 1).is_empty(), "the eighth is of another level");
        files.push(file(150, 0, 1000, 0));
        assert!(merged(&files, 1).is_empty(), "the ninth is of another day");
        files.push(file(7, 0, 1000, 0));
        assert_eq!(merged(&files, 1), [["0", "1", "2", "3", "4", "5", "6", "7"]]);
    }

    #[test]
    fn many_files_that_are_searched_row_by_row_are_urgent() {
        let mut files: Vec<_> = (0..FILES_URGENT as i64).map(|number| file(number, 0, 10, 0)).collect();
        let indexed = DataFile { index_bytes: Some(1), ..(*files[0]).clone() };
        files.extend((0..1000).map(|_| Arc::new(indexed.clone())));
        assert!(!is_urgent(&files));
        files.push(file(1, 0, 10, 0));
        assert!(is_urgent(&files));
    }

    #[test]
    fn what_settled_is_merged_however_little_it_is() {
        let files = [file(0, 0, 1000, 0), file(1, 2, 1000, 0), file(100, 0, 1000, 0)];
        assert!(merged(&files, SETTLED_TICKS).is_empty());
        assert_eq!(merged(&files, SETTLED_TICKS + 1), [vec!["0", "1"], vec!["100"]]);
    }

    #[test]
    fn stragglers_do_not_rewrite_what_is_much_larger() {
        let now = SETTLED_TICKS + 1;
        let indexed = |number, rows| {
            let file = file(number, 1, rows, 0);
            Arc::new(DataFile { index_bytes: Some(1), ..(*file).clone() })
        };
        assert!(merged(&[indexed(0, 1000)], now).is_empty());
        assert_eq!(merged(&[indexed(0, 1000), file(1, 0, 10, 0)], now), [["1"]]);
        assert!(merged(&[indexed(0, 1000), indexed(1, 10)], now).is_empty());
        assert_eq!(merged(&[indexed(0, 1000), indexed(1, 200), file(2, 0, 60, 0)], now), [["0", "1", "2"]]);
        assert_eq!(merged(&[indexed(0, 1000), indexed(1, 70), file(2, 0, 60, 0)], now), [["1", "2"]]);
        assert!(merged(&[indexed(0, 600_000), indexed(1, 100_000), indexed(2, 20_000)], now).is_empty());
        assert_eq!(merged(&[indexed(0, 1000), indexed(1, 900), file(2, 0, 10, 0)], now), [["2"]]);
        assert_eq!(
            merged(&[indexed(0, 1000), file(1, 0, 900, 0), file(2, 0, 10, 0)], now),
            [["0", "1", "2"]]
        );
    }

    #[test]
    fn what_has_no_index_is_merged_first_and_every_tenant_in_turn() {
        let table = model::tables::find("DeviceEvents").unwrap();
        let task = |number, is_indexed: bool| {
            let file = file(number, 1, 1000, 0);
            let index_bytes = is_indexed.then_some(1);
            Task::new(table, vec![Arc::new(DataFile { index_bytes, ..(*file).clone() })])
        };
        let first = vec![task(10, true), task(11, false), task(12, false), task(13, true)];
        let tasks = in_turn(vec![first, vec![], vec![task(20, true), task(21, false)]]);
        let numbers: Vec<&str> = tasks.iter().map(|task| task.files[0].path.as_str()).collect();
        assert_eq!(numbers, ["11", "21", "12", "20", "10", "13"]);
    }

    #[test]
    fn full_files_are_left_and_no_merge_is_larger_than_one() {
        let mut files: Vec<_> = (0..9).map(|number| file(number, 0, FILE_ROWS_MAX / 4, 0)).collect();
        files.push(file(20, 1, FILE_ROWS_MAX, 0));
        assert_eq!(merged(&files, 1), [["0", "1", "2", "3"], ["4", "5", "6", "7"]]);
        let indexed = |number, rows| {
            let file = file(number, 1, rows, 0);
            Arc::new(DataFile { index_bytes: Some(1), ..(*file).clone() })
        };
        let large: Vec<_> = (0..9).map(|number| indexed(number, FILE_ROWS_MAX * 2 / 3)).collect();
        assert!(merged(&large, 1).is_empty(), "two of them would be two again");
        assert!(merged(&large, SETTLED_TICKS + 1).is_empty());
    }

    #[test]
    fn files_of_many_bytes_are_full_as_well() {
        let of_bytes = |number, bytes| {
            let file = file(number, 0, 1000, 0);
            Arc::new(DataFile { bytes, ..(*file).clone() })
        };
        let mut files: Vec<_> = (0..9).map(|number| of_bytes(number, FILE_BYTES_MAX / 4)).collect();
        files.push(of_bytes(20, FILE_BYTES_MAX));
        assert_eq!(merged(&files, 1), [["0", "1", "2", "3"], ["4", "5", "6", "7"]]);
    }

    #[test]
    fn a_merge_reads_only_so_many_files_at_once() {
        let files: Vec<_> = (0..75).map(|number| file(number, 0, 10, 0)).collect();
        let sizes: Vec<usize> = merged(&files, 1).iter().map(Vec::len).collect();
        assert_eq!(sizes, [32, 32, 11]);
    }
}
