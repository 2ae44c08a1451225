//! Sorted files into one sorted stream of rows.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::{Int64Type, Schema, TimestampNanosecondType};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::file::statistics::Statistics;
use model::lake::DataFile;
use model::{DeviceId, Table};

use crate::LakeError;
use crate::files::{Files, OpenedFile};
use crate::rows::Absent;
use crate::schema::{SEQUENCE_COLUMN, stored_schema, timestamp_type};
use crate::terms::ROWS_PER_BLOCK;
use crate::times::{joined_batch, tick_column};

/// Rows handed on at a time: some blocks of the index.
pub(super) const PART_ROWS: usize = 4 * ROWS_PER_BLOCK as usize;

/// Rows of all inputs that are in memory, about, and of one input at least.
const ROWS_AT_HAND: usize = 2 * PART_ROWS;
const ROWS_READ_MIN: usize = 1024;

/// Rows in order, column by column; none for a column that is empty in all of them.
pub(super) struct Part {
    pub columns: Vec<Option<ArrayRef>>,
    pub rows: usize,
}

/// A file that is read.
pub(super) struct Input {
    reader: ParquetRecordBatchReader,
    /// For each stored column, whether it holds something in the file.
    filled: Vec<bool>,
}

impl Input {
    /// Opens a file that is one of so many.
    pub fn open(
        files: &Files,
        table: &'static Table,
        file: &DataFile,
        of: usize,
    ) -> Result<Input, LakeError> {
        let (opened, metadata) = open_typed(files, table, &file.path)?;
        let (mask, filled) = filled_columns(table, &metadata);
        let builder = ParquetRecordBatchReaderBuilder::<OpenedFile>::new_with_metadata(opened, metadata);
        let rows = (ROWS_AT_HAND / of.max(1)).clamp(ROWS_READ_MIN, PART_ROWS);
        let reader = builder.with_projection(mask).with_batch_size(rows).build()?;
        Ok(Input { reader, filled })
    }
}

/// Opens a file whose columns are to be read with the types of today's schema, but for times: those are as the file
/// has them, for [`joined_batch`].
pub(crate) fn open_typed(
    files: &Files,
    table: &'static Table,
    path: &str,
) -> Result<(OpenedFile, ArrowReaderMetadata), LakeError> {
    let opened = files.open_blocking(path)?;
    let schema = stored_schema(table);
    let metadata = ArrowReaderMetadata::load(&opened, ArrowReaderOptions::new())?;
    let fields = metadata.schema().fields().iter().map(|field| match schema.field_with_name(field.name()) {
        Ok(today) if *today.data_type() != timestamp_type() => today.clone(),
        _ => field.as_ref().clone(),
    });
    let typed = Schema::new(fields.collect::<Vec<_>>());
    let options = ArrowReaderOptions::new().with_schema(typed.into());
    let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)?;
    Ok((opened, metadata))
}

/// The columns of a file that hold something, to read nothing else, and which of the stored ones those are.
pub(crate) fn filled_columns(
    table: &'static Table,
    metadata: &ArrowReaderMetadata,
) -> (ProjectionMask, Vec<bool>) {
    let (schema, present) = (stored_schema(table), metadata.schema());
    let filled_at = |name: &str| {
        let at = present.index_of(name).ok();
        at.filter(|at| is_filled(metadata.metadata(), *at))
    };
    let stored: Vec<_> = schema.fields().iter().map(|field| filled_at(field.name())).collect();
    let digits = schema.fields().iter().map(|field| filled_at(&tick_column(field.name())));
    let filled = stored.iter().map(Option::is_some).collect();
    let roots: Vec<usize> = stored.into_iter().chain(digits).flatten().collect();
    (ProjectionMask::roots(metadata.metadata().file_metadata().schema_descr(), roots), filled)
}

/// Whether statistics leave it open that a column holds something.
fn is_filled(metadata: &ParquetMetaData, column: usize) -> bool {
    metadata.row_groups().iter().any(|group| {
        let chunk = group.column(column);
        let Some(statistics) = chunk.statistics() else { return true };
        if statistics.null_count_opt() == Some(chunk.num_values() as u64) {
            return false;
        }
        match statistics {
            Statistics::ByteArray(texts) => {
                texts.max_opt().is_none_or(|max| !max.data().is_empty()) || texts.null_count_opt() != Some(0)
            }
            _ => true,
        }
    })
}

/// A batch of an input whose rows are on their way out.
struct Slot {
    batch: RecordBatch,
    devices: Option<StringViewArray>,
    times: Option<datafusion::arrow::array::PrimitiveArray<TimestampNanosecondType>>,
    sequences: datafusion::arrow::array::PrimitiveArray<Int64Type>,
}

impl Slot {
    fn new(batch: RecordBatch) -> Result<Slot, LakeError> {
        let devices =
            batch.column_by_name("DeviceId").and_then(|column| column.as_string_view_opt().cloned());
        let times = batch.column_by_name("Timestamp");
        let times = times.and_then(|column| column.as_primitive_opt::<TimestampNanosecondType>().cloned());
        let sequences = batch.column_by_name(SEQUENCE_COLUMN);
        let sequences = sequences.and_then(|column| column.as_primitive_opt::<Int64Type>().cloned());
        let sequences = sequences.ok_or_else(|| LakeError::Rows("a file has no sequences".to_owned()))?;
        Ok(Slot { batch, devices, times, sequences })
    }

    fn device(&self, row: usize) -> &str {
        self.devices.as_ref().map_or("", |devices| devices.value(row))
    }

    fn key(&self, row: usize) -> Key {
        let time = self.times.as_ref().filter(|times| times.is_valid(row)).map(|times| times.value(row));
        Key { device: self.device(row).into(), time, sequence: self.sequences.value(row) }
    }
}

/// What files are sorted by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    device: Box<str>,
    time: Option<i64>,
    sequence: i64,
}

/// The next row of an input.
struct Head {
    key: Key,
    input: usize,
    row: usize,
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> Ordering {
        self.key.cmp(&other.key).then(self.input.cmp(&other.input))
    }
}

/// The merging of inputs.
pub(super) struct Merge {
    table: &'static Table,
    inputs: Vec<Input>,
    /// For each input the slot of its current batch.
    current: Vec<usize>,
    slots: Vec<Slot>,
    heads: BinaryHeap<Reverse<Head>>,
    filled: Vec<bool>,
}

impl Merge {
    pub fn new(table: &'static Table, inputs: Vec<Input>) -> Result<Merge, LakeError> {
        let columns = stored_schema(table).fields().len();
        let filled = (0..columns).map(|at| inputs.iter().any(|input| input.filled[at])).collect();
        let current = vec![0; inputs.len()];
        let mut merge = Merge { table, inputs, current, slots: Vec::new(), heads: BinaryHeap::new(), filled };
        for input in 0..merge.inputs.len() {
            merge.advance(input)?;
        }
        Ok(merge)
    }

    /// Takes up the next batch of an input that has one.
    fn advance(&mut self, input: usize) -> Result<(), LakeError> {
        for batch in self.inputs[input].reader.by_ref() {
            let batch = joined_batch(&batch?)?;
            if batch.num_rows() == 0 {
                continue;
            }
            let slot = Slot::new(batch)?;
            self.heads.push(Reverse(Head { key: slot.key(0), input, row: 0 }));
            self.current[input] = self.slots.len();
            self.slots.push(slot);
            break;
        }
        Ok(())
    }

    /// The next rows, those of a device left out; none at the end.
    pub fn next(&mut self, without: Option<&DeviceId>) -> Result<Option<Part>, LakeError> {
        let mut taken: Vec<(usize, usize)> = Vec::with_capacity(PART_ROWS);
        while taken.len() < PART_ROWS {
            let Some(Reverse(Head { input, row, .. })) = self.heads.pop() else { break };
            let at = self.current[input];
            let slot = &self.slots[at];
            if without.is_none_or(|device| slot.device(row) != device.as_str()) {
                taken.push((at, row));
            }
            if row + 1 < slot.batch.num_rows() {
                self.heads.push(Reverse(Head { key: slot.key(row + 1), input, row: row + 1 }));
            } else {
                self.advance(input)?;
            }
        }
        if taken.is_empty() {
            return Ok(None);
        }
        let part = self.gather(&taken)?;
        self.drop_finished();
        Ok(Some(part))
    }

    fn gather(&self, taken: &[(usize, usize)]) -> Result<Part, LakeError> {
        let schema = stored_schema(self.table);
        let mut columns = Vec::with_capacity(self.filled.len());
        for (at, field) in schema.fields().iter().enumerate() {
            if !self.filled[at] {
                columns.push(None);
                continue;
            }
            let kind = self.table.columns.get(at).map(|column| column.kind);
            // A column that one file has and another has not is empty there.
            let arrays = self.slots.iter().map(|slot| match slot.batch.column_by_name(field.name()) {
                Some(array) => array.clone(),
                None => Absent::new(slot.batch.num_rows()).column(kind, field.data_type()),
            });
            let arrays: Vec<ArrayRef> = arrays.collect();
            let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            columns.push(Some(interleave(&arrays, taken)?));
        }
        Ok(Part { columns, rows: taken.len() })
    }

    /// Drops batches whose rows are all out.
    fn drop_finished(&mut self) {
        let mut is_current = vec![false; self.slots.len()];
        for Reverse(head) in &self.heads {
            is_current[self.current[head.input]] = true;
        }
        let mut moved = vec![0; self.slots.len()];
        let mut kept = 0;
        for (at, is_current) in is_current.iter().enumerate() {
            moved[at] = kept;
            kept += usize::from(*is_current);
        }
        let mut current = is_current.iter();
        self.slots.retain(|_| current.next().is_some_and(|is_current| *is_current));
        for at in &mut self.current {
            *at = moved.get(*at).copied().unwrap_or(0);
        }
    }
}
