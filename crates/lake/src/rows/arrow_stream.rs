//! An Arrow IPC stream to columns.

use std::panic::{AssertUnwindSafe, catch_unwind};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::compute::{CastOptions, cast_with_options, concat_batches};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc;
use datafusion::arrow::ipc::convert::fb_to_schema;
use datafusion::arrow::ipc::reader::StreamDecoder;
use model::{Kind, Table};

use super::{Rows, row_type};
use crate::LakeError;

/// Why a stream cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("the body is not an Arrow IPC stream: {0}")]
    NotAStream(String),
    #[error("'{column}' is not a column of {table}")]
    UnknownColumn { table: &'static str, column: String },
    #[error("column '{0}' is there twice")]
    Twice(String),
    #[error("column '{column}' takes {takes}, not {given}")]
    WrongType { column: &'static str, takes: &'static str, given: String },
    #[error("a value of column '{column}' does not fit: {reason}")]
    BadValue { column: &'static str, reason: String },
    #[error(transparent)]
    Lake(#[from] LakeError),
}

/// Rows of a table from a stream of batches that have some of its columns. Rows without a time, in a table that has
/// one, are left out; what is returned with the rows says which of the stream's rows, counted from 1, are in them.
/// Values stay where they are in the bytes, unless the rows would keep much more of them than they use. `take` is told how
/// much memory each batch needs before it is made, and may end it.
pub fn rows_of_stream<E: From<StreamError>>(
    table: &'static Table,
    bytes: Vec<u8>,
    mut take: impl FnMut(usize) -> Result<(), E>,
) -> Result<(Rows, Vec<u64>, Vec<u64>), E> {
    // The reader checks offsets and text, but hostile metadata may still break an assumption of its own.
    let read = catch_unwind(AssertUnwindSafe(|| read(table, bytes, &mut take)));
    let malformed = |_| Err(StreamError::NotAStream("it is malformed".to_owned()).into());
    let batch = read.unwrap_or_else(malformed)?;
    let rows = Rows::from_batch(table, &batch).map_err(StreamError::from)?;
    drop(batch);
    let rows = rows.compacted().map_err(StreamError::from)?;
    let time = table.time_column().map(|at| rows.columns[at].clone());
    let has_time: Vec<bool> = match &time {
        None => vec![true; rows.len],
        Some(None) => vec![false; rows.len],
        Some(Some(times)) => (0..rows.len).map(|row| times.is_valid(row)).collect(),
    };
    let numbers =
        |wanted: bool| (1..).zip(&has_time).filter(move |(_, has)| **has == wanted).map(|(at, _)| at);
    let (accepted, refused): (Vec<u64>, Vec<u64>) = (numbers(true).collect(), numbers(false).collect());
    let rows = if refused.is_empty() {
        rows
    } else {
        rows.filter(&BooleanArray::from(has_time)).map_err(StreamError::from)?
    };
    Ok((rows, accepted, refused))
}

fn read<E: From<StreamError>>(
    table: &'static Table,
    bytes: Vec<u8>,
    take: &mut impl FnMut(usize) -> Result<(), E>,
) -> Result<RecordBatch, E> {
    let not_a_stream = |error: ArrowError| StreamError::NotAStream(error.to_string());
    let (schema, length) = check_messages(&bytes)?;
    check_schema(table, &schema)?;
    let mut decoder = StreamDecoder::new();
    let mut batches = Vec::new();
    // What comes behind the end is nothing. Without the mark of the end, the last message would not be looked at when it
    // has no body.
    for mut buffer in [Buffer::from_vec(bytes).slice_with_length(0, length), Buffer::from(END)] {
        while let Some(batch) = decoder.decode(&mut buffer).map_err(not_a_stream)? {
            take(memory(&batch))?;
            batches.push(converted(table, &batch)?);
        }
    }
    let schema = batches.first().map_or(schema.into(), |batch| batch.schema());
    Ok(concat_batches(&schema, &batches).map_err(|error| StreamError::Lake(error.into()))?)
}

const CONTINUATION: [u8; 4] = [0xff; 4];
/// The mark of the end of a stream.
const END: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Follows the messages of a stream: all of them have to be there. Returns what the first one says of the columns, and
/// where the end is, or the mark of it.
fn check_messages(bytes: &[u8]) -> Result<(Schema, usize), StreamError> {
    let cut_off = || StreamError::NotAStream("a message is cut off, or longer than the body".to_owned());
    let no_schema = || StreamError::NotAStream("it does not begin with a schema".to_owned());
    let (mut rest, mut schema) = (bytes, None);
    while !rest.is_empty() {
        // Streams of old writers have no mark before a length.
        let marked = rest.strip_prefix(&CONTINUATION).unwrap_or(rest);
        let (length, after) = marked.split_first_chunk::<4>().ok_or_else(cut_off)?;
        let length = usize::try_from(i32::from_le_bytes(*length)).map_err(|_| cut_off())?;
        if length == 0 {
            break;
        }
        let (message, after) = after.split_at_checked(length).ok_or_else(cut_off)?;
        let message = ipc::root_as_message(message).map_err(|_| cut_off())?;
        if schema.is_none() {
            schema = Some(fb_to_schema(message.header_as_schema().ok_or_else(no_schema)?));
        }
        let body = usize::try_from(message.bodyLength()).map_err(|_| cut_off())?;
        rest = after.get(body..).ok_or_else(cut_off)?;
    }
    Ok((schema.ok_or_else(no_schema)?, bytes.len() - rest.len()))
}

fn check_schema(table: &'static Table, schema: &Schema) -> Result<(), StreamError> {
    let mut seen = vec![false; table.columns.len()];
    for field in schema.fields() {
        let Some(at) = table.position(field.name()) else {
            return Err(StreamError::UnknownColumn { table: table.name, column: field.name().clone() });
        };
        if std::mem::replace(&mut seen[at], true) {
            return Err(StreamError::Twice(field.name().clone()));
        }
        let column = &table.columns[at];
        let (takes, is_taken) = taken_types(column.kind);
        if !is_taken(field.data_type()) {
            let given = field.data_type().to_string();
            return Err(StreamError::WrongType { column: column.name, takes, given });
        }
    }
    Ok(())
}

/// The types that a column takes, in words and as a test. Dictionaries and nested types are left to the sender to
/// resolve: a few bytes of them can stand for any amount.
fn taken_types(kind: Kind) -> (&'static str, fn(&DataType) -> bool) {
    match kind {
        Kind::Bool => ("booleans", |given| *given == DataType::Boolean),
        Kind::Int | Kind::Long | Kind::TimeSpan => ("integers", DataType::is_integer),
        Kind::Real | Kind::Decimal => ("floating-point numbers", DataType::is_floating),
        Kind::DateTime => ("timestamps", |given| matches!(given, DataType::Timestamp(_, _))),
        Kind::String | Kind::Guid | Kind::Dynamic => {
            ("text", |given| matches!(given, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View))
        }
    }
}

/// What a batch takes once its texts lie in one piece: views of text can share their bytes, and the columns of a
/// message lie in one buffer, of which each counts its part.
fn memory(batch: &RecordBatch) -> usize {
    let bytes = |array: &ArrayRef| match array.as_string_view_opt() {
        Some(texts) => {
            texts.views().iter().fold(0usize, |sum, view| sum.saturating_add(*view as u32 as usize))
        }
        None => array.to_data().get_slice_memory_size().unwrap_or(usize::MAX),
    };
    let columns = batch.columns().iter().map(bytes).fold(0usize, usize::saturating_add);
    columns.saturating_add(batch.num_rows().saturating_mul(batch.num_columns().max(1)).saturating_mul(16))
}

fn converted(table: &'static Table, batch: &RecordBatch) -> Result<RecordBatch, StreamError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let Some(column) = table.position(field.name()).map(|at| &table.columns[at]) else { continue };
        let bad =
            |error: ArrowError| StreamError::BadValue { column: column.name, reason: error.to_string() };
        columns.push((column.name, cast_with_options(array, &row_type(column.kind), &strict).map_err(bad)?));
    }
    let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new_with_options(schema.into(), arrays, &options)
        .map_err(|error| StreamError::Lake(error.into()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::StringArray;
    use datafusion::arrow::ipc::writer::StreamWriter;

    use super::*;

    const TABLE: &str = "DeviceProcessEvents";

    fn stream_of(batch: &RecordBatch) -> Vec<u8> {
        let mut stream = Vec::new();
        let mut writer = StreamWriter::try_new(&mut stream, batch.schema_ref()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        stream
    }

    #[test]
    fn columns_that_share_a_message_count_once() {
        let names = ["DeviceId", "DeviceName", "FileName", "FolderPath", "SHA1", "SHA256", "ActionType"];
        let texts: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..1_000).map(|row| format!("{row:080}"))));
        let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let stream = stream_of(&RecordBatch::try_new(schema, vec![texts; names.len()]).unwrap());

        let table = model::tables::find(TABLE).unwrap();
        let mut taken = 0;
        let take = |bytes| {
            taken += bytes;
            Ok::<_, StreamError>(())
        };
        let length = stream.len();
        rows_of_stream(table, stream, take).unwrap();
        assert!(taken > length && taken < 2 * length, "{taken} of {length}");
    }

    /// Its last message has no body: nothing comes behind it with which it would be noticed.
    #[test]
    fn a_stream_may_lack_the_mark_of_its_end() {
        let options = RecordBatchOptions::new().with_row_count(Some(3));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap();
        let whole = stream_of(&batch);
        let unmarked = whole.strip_suffix(END).unwrap().to_vec();
        let table = model::tables::find(TABLE).unwrap();
        for stream in [whole, unmarked] {
            let (rows, accepted, refused) =
                rows_of_stream(table, stream, |_| Ok::<_, StreamError>(())).unwrap();
            assert_eq!((rows.len(), accepted, refused), (0, vec![], vec![1, 2, 3]));
        }
    }
}
