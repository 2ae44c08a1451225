//! Writes rows that come sorted as one Parquet file.
//!
//! Tables are wide and most rows fill a few of their columns. A column that is empty throughout a row group is
//! not encoded again and again: its chunk is made once and copied.

mod chunk;
mod constant;
mod gathered;
mod hybrid;
mod text;

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{
    DataType, Field, Int32Type, Int64Type, Schema, SchemaRef, TimestampNanosecondType,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::types::{ColumnDescPtr, ColumnPath};
use foldhash::fast::RandomState;
use model::{Kind, Table};

use self::chunk::Chunk;
use self::constant::Constants;
use self::gathered::Order;
pub(crate) use self::gathered::{Gathered, Texts};
use self::text::{TextChunk, TextOptions};
use crate::LakeError;
use crate::schema::{SEQUENCE_COLUMN, file_schema};
use crate::side_by_side::side_by_side;
use crate::times::{micros_type, parted, tick_column};

pub(crate) const ROW_GROUP_ROWS: usize = 128 * 1024;
/// A row group of fewer rows ends when it has so many bytes: it is in memory until then.
const GROUP_BYTES_MAX: usize = 64 << 20;
/// Rows of a page, which is left out or read, and its bytes: where rows are long, a block of the index of terms is about
/// one page.
const PAGE_ROWS: usize = 16_384;
const PAGE_BYTES: usize = 256 << 10;
/// The same in files that are rewritten soon: a merge holds a page of each column of dozens of them at once.
const PAGE_ROWS_FAST: usize = 4096;
const PAGE_BYTES_FAST: usize = 1 << 20;
/// Statistics hold no more of a text than this.
const STATISTICS_BYTES: usize = 64;
/// Values looked at to decide how to encode a column.
const SAMPLED: usize = 2048;

/// The zstd level of files that are rewritten soon.
pub(crate) const LEVEL_FAST: i32 = 1;
/// The same for text, which our own encoder writes; the general writer knows no levels below 1.
const LEVEL_FASTER: i32 = -3;
/// The zstd level of files that stay.
pub(crate) const LEVEL_SMALL: i32 = 3;

/// A file in the making.
pub(crate) struct ParquetFile {
    schema: SchemaRef,
    writer: SerializedFileWriter<Vec<u8>>,
    values: ValueWriters,
    constants: Constants,
    /// Of the leaves. Columns are flat: the leaf of a field has its position.
    descriptors: Vec<ColumnDescPtr>,
    columns: Vec<Column>,
    /// How columns of text are encoded that never lack a value; none for those of other kinds.
    texts: Vec<Option<TextOptions>>,
    /// Whether a missing value of the column is empty text; otherwise it is null.
    is_never_null: Vec<bool>,
    group_rows: usize,
    groups: usize,
}

/// For each column whether hardly any of its values repeats.
pub(crate) struct Diverse(Vec<bool>);

impl Diverse {
    /// By some of the rows, column by column; none for a column that is empty there.
    pub fn of(sample: &[Option<ArrayRef>]) -> Diverse {
        Diverse(sample.iter().map(|sample| sample.as_ref().is_some_and(is_diverse)).collect())
    }
}

/// A column of the row group that is being written.
enum Column {
    /// Nothing but empty values so far.
    Empty,
    Writing(Box<ArrowColumnWriter>),
    Text(Box<TextChunk>),
}

/// A column of a row group whose rows are all there.
enum Ended {
    Values(ArrowColumnChunk),
    Text(Chunk),
}

/// What there is to do for a column whose rows are all there.
enum Work<'a> {
    Values(ArrayRef, Box<ArrowColumnWriter>),
    Text(&'a Texts, TextOptions),
}

impl ParquetFile {
    /// Starts a file of about so many bytes.
    pub fn new(
        table: &'static Table,
        Diverse(diverse): &Diverse,
        zstd_level: i32,
        bytes_about: usize,
    ) -> Result<ParquetFile, LakeError> {
        let schema = file_schema(table);
        let properties = properties(table, diverse, zstd_level);
        // Readers of other makers take the types from the file itself; those of our engine would mislead some.
        let options =
            ArrowWriterOptions::new().with_properties(properties.clone()).with_skip_arrow_metadata(true);
        let writer =
            ArrowWriter::try_new_with_options(Vec::with_capacity(bytes_about), schema.clone(), options)?;
        let (writer, _) = writer.into_serialized_writer()?;
        let descriptors = writer.schema_descr().columns().to_vec();
        let columns = schema.fields().iter().map(|_| Column::Empty).collect();
        let mut is_never_null: Vec<bool> = table.columns.iter().map(|c| c.kind.is_never_null()).collect();
        is_never_null.resize(schema.fields().len(), false);
        let mut texts = text_options(table, diverse, zstd_level);
        texts.resize(schema.fields().len(), None);
        let values = ValueWriters::new(&schema, &texts, properties)?;
        Ok(ParquetFile {
            schema,
            writer,
            values,
            constants: Constants::default(),
            descriptors,
            columns,
            texts,
            is_never_null,
            group_rows: 0,
            groups: 0,
        })
    }

    /// Adds rows, column by column as [`crate::schema::stored_schema`] has them; none for a column that is empty in
    /// all of them.
    pub fn write(&mut self, columns: &[Option<ArrayRef>], rows: usize) -> Result<(), LakeError> {
        let columns = &self.with_parted_times(columns)?;
        let mut at = 0;
        while at < rows {
            let taken = (rows - at).min(ROW_GROUP_ROWS - self.group_rows);
            self.write_part(columns, at, taken)?;
            at += taken;
            let bytes: usize = self.columns.iter().map(Column::bytes).sum();
            if self.group_rows == ROW_GROUP_ROWS || bytes >= GROUP_BYTES_MAX {
                self.end_group()?;
            }
        }
        Ok(())
    }

    /// Adds some rows, in the order that is given, as a row group of their own.
    pub fn write_ordered(&mut self, columns: &[Option<Gathered>], order: &[u32]) -> Result<(), LakeError> {
        self.end_group()?;
        let starts = columns.iter().find_map(|column| match column {
            Some(Gathered::Texts(texts)) => Some(&*texts.starts),
            _ => None,
        });
        let order = Order::new(order, starts.unwrap_or_default());
        let values = columns.iter().zip(&self.texts).map(|(column, options)| match (column, options) {
            (Some(Gathered::Texts(_)), Some(_)) | (None, _) => Ok(None),
            (Some(column), _) => Ok::<_, LakeError>(Some(column.take(&order)?)),
        });
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let values = self.with_parted_times(&values)?;

        let mut work = Vec::new();
        let mut writers = self.values.of_group(self.groups)?;
        for (at, values) in values.into_iter().enumerate() {
            let values = values.filter(|values| !is_empty(values, self.is_never_null[at]));
            if let Some(values) = values {
                work.push((
                    at,
                    Work::Values(values, Box::new(general(self.schema.field(at), &mut writers[at])?)),
                ));
            }
        }
        for (at, column) in columns.iter().enumerate() {
            if let (Some(Gathered::Texts(texts)), Some(options)) = (column, self.texts[at])
                && !texts.are_empty()
            {
                work.push((at, Work::Text(texts, options)));
            }
        }
        // The largest first, so that both threads end together.
        work.sort_by_key(|(_, work)| Reverse(work.bytes()));
        let ended = side_by_side(work, |(at, work)| {
            let ended = match work {
                Work::Values(values, mut writer) => {
                    write_column(&mut writer, self.schema.field(at), &values)?;
                    Ended::Values(writer.close()?)
                }
                Work::Text(texts, options) => {
                    let descriptor = &self.descriptors[at];
                    let mut chunk = TextChunk::new(options, descriptor)?;
                    chunk.push_ordered(texts, &order)?;
                    Ended::Text(chunk.close(descriptor.clone())?)
                }
            };
            Ok((at, ended))
        })?;
        let mut columns: Vec<Option<Ended>> = self.columns.iter().map(|_| None).collect();
        ended.into_iter().for_each(|(at, ended)| columns[at] = Some(ended));
        self.append_group(columns, order.len())
    }

    /// Stored columns as those of the file.
    fn with_parted_times(&self, stored: &[Option<ArrayRef>]) -> Result<Vec<Option<ArrayRef>>, LakeError> {
        let mut columns = stored.to_vec();
        columns.resize(self.schema.fields().len(), None);
        for (at, field) in self.schema.fields().iter().enumerate().take(stored.len()) {
            let Some(times) = stored[at].as_ref().filter(|_| *field.data_type() == micros_type()) else {
                continue;
            };
            let (micros, digits) = parted(times)?;
            columns[at] = Some(micros);
            if let Ok(at) = self.schema.index_of(&tick_column(field.name())) {
                columns[at] = digits;
            }
        }
        Ok(columns)
    }

    fn write_part(&mut self, columns: &[Option<ArrayRef>], at: usize, rows: usize) -> Result<(), LakeError> {
        let schema = self.schema.clone();
        let mut unused: Option<Vec<Option<ArrowColumnWriter>>> = None;
        for (position, field) in schema.fields().iter().enumerate() {
            let is_never_null = self.is_never_null[position];
            let given = columns[position].as_ref().map(|array| array.slice(at, rows));
            let given = given.filter(|array| !is_empty(array, is_never_null));
            let empty = |rows| constant::empty(field.data_type(), is_never_null, rows);
            let column = &mut self.columns[position];
            if let (Column::Empty, Some(_), Some(options)) = (&*column, &given, self.texts[position]) {
                let mut chunk = TextChunk::new(options, &self.descriptors[position])?;
                chunk.push_empty(self.group_rows)?;
                *column = Column::Text(Box::new(chunk));
            }
            if let (Column::Empty, Some(_)) = (&*column, &given) {
                let writers = match &mut unused {
                    Some(writers) => writers,
                    None => unused.insert(self.values.of_group(self.groups)?),
                };
                let mut writer = general(field, &mut writers[position])?;
                if self.group_rows > 0 {
                    write_column(&mut writer, field, &empty(self.group_rows))?;
                }
                *column = Column::Writing(Box::new(writer));
            }
            match (column, given) {
                (Column::Empty, _) => {}
                (Column::Writing(writer), given) => {
                    write_column(writer, field, &given.unwrap_or_else(|| empty(rows)))?
                }
                (Column::Text(chunk), None) => chunk.push_empty(rows)?,
                (Column::Text(chunk), Some(texts)) => chunk.push(texts.as_string_view())?,
            }
        }
        self.group_rows += rows;
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), LakeError> {
        if self.group_rows == 0 {
            return Ok(());
        }
        let columns = self.columns.iter_mut().zip(&self.descriptors).map(|(column, descriptor)| {
            Ok::<_, LakeError>(match std::mem::replace(column, Column::Empty) {
                Column::Writing(writer) => Some(Ended::Values(writer.close()?)),
                Column::Text(chunk) => Some(Ended::Text(chunk.close(descriptor.clone())?)),
                Column::Empty => None,
            })
        });
        let columns = columns.collect::<Result<_, _>>()?;
        let rows = std::mem::take(&mut self.group_rows);
        self.append_group(columns, rows)
    }

    /// Adds a row group. A column is none when it is empty there.
    fn append_group(&mut self, columns: Vec<Option<Ended>>, rows: usize) -> Result<(), LakeError> {
        let mut group = self.writer.next_row_group()?;
        for (position, ended) in columns.into_iter().enumerate() {
            let descriptor = &self.descriptors[position];
            match ended {
                Some(Ended::Values(chunk)) => chunk.append_to_row_group(&mut group)?,
                Some(Ended::Text(chunk)) => chunk.append(&mut group, descriptor.clone())?,
                None => {
                    let chunk = self.constants.chunk(descriptor, self.is_never_null[position], rows)?;
                    chunk.append(&mut group, descriptor.clone())?;
                }
            }
        }
        group.close()?;
        self.groups += 1;
        Ok(())
    }

    /// The bytes of the row groups so far.
    pub fn bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<Bytes, LakeError> {
        self.end_group()?;
        self.writer.finish()?;
        Ok(std::mem::take(self.writer.inner_mut()).into())
    }
}

impl Column {
    /// About what its rows take, encoded.
    fn bytes(&self) -> usize {
        match self {
            Column::Empty => 0,
            Column::Writing(writer) => writer.get_estimated_total_bytes(),
            Column::Text(chunk) => chunk.bytes(),
        }
    }
}

impl Work<'_> {
    /// About how much it is.
    fn bytes(&self) -> usize {
        match self {
            Work::Values(values, _) => values.get_buffer_memory_size(),
            Work::Text(texts, _) => texts.bytes(),
        }
    }
}

/// The general writer's columns: those that our encoder of text does not take.
struct ValueWriters {
    factory: ArrowRowGroupWriterFactory,
    /// Which fields they are of.
    fields: Vec<usize>,
    all: usize,
}

impl ValueWriters {
    fn new(
        schema: &Schema,
        texts: &[Option<TextOptions>],
        properties: WriterProperties,
    ) -> Result<ValueWriters, LakeError> {
        let fields: Vec<usize> = (0..texts.len()).filter(|at| texts[*at].is_none()).collect();
        let own = Arc::new(schema.project(&fields)?);
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        // A file of those columns alone, of which nothing is kept but what makes writers for them.
        let (_, factory) =
            ArrowWriter::try_new_with_options(std::io::sink(), own, options)?.into_serialized_writer()?;
        Ok(ValueWriters { factory, fields, all: texts.len() })
    }

    /// The writers of a row group, by field.
    fn of_group(&self, group: usize) -> Result<Vec<Option<ArrowColumnWriter>>, LakeError> {
        let mut writers: Vec<_> = (0..self.all).map(|_| None).collect();
        let made = self.factory.create_column_writers(group)?;
        self.fields.iter().zip(made).for_each(|(field, writer)| writers[*field] = Some(writer));
        Ok(writers)
    }
}

/// Takes the general writer of a column, which has one unless our encoder of text takes it.
fn general(field: &Field, writer: &mut Option<ArrowColumnWriter>) -> Result<ArrowColumnWriter, LakeError> {
    let missing = || LakeError::Rows(format!("there is no writer for column {}", field.name()));
    writer.take().ok_or_else(missing)
}

fn write_column(writer: &mut ArrowColumnWriter, field: &Field, array: &ArrayRef) -> Result<(), LakeError> {
    for leaf in compute_leaves(field, array)? {
        writer.write(&leaf)?;
    }
    Ok(())
}

/// Whether every value is what a missing one reads as.
fn is_empty(array: &ArrayRef, is_never_null: bool) -> bool {
    if array.null_count() == array.len() {
        return !is_never_null;
    }
    match array.as_string_view_opt() {
        // The length is in the low half of a view.
        Some(texts) => is_never_null && texts.views().iter().all(|view| *view as u32 == 0),
        None => false,
    }
}

/// Columns that are looked up by a single value, so that a Bloom filter pays.
fn has_bloom_filter(column: &str) -> bool {
    ["DeviceId", "FileName"].contains(&column)
        || ["SHA1", "SHA256", "MD5", "RemoteIP"].iter().any(|suffix| column.ends_with(suffix))
}

/// Text that is searched for words: smallest and largest values say nothing about those.
fn is_prose(column: &str) -> bool {
    column.ends_with("CommandLine") || column == "AdditionalFields"
}

fn properties(table: &'static Table, diverse: &[bool], zstd_level: i32) -> WriterProperties {
    let (page_rows, page_bytes) = page_limits(zstd_level);
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(zstd_level).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(page_rows)
        .set_data_page_size_limit(page_bytes)
        .set_column_index_truncate_length(Some(STATISTICS_BYTES))
        .set_statistics_truncate_length(Some(STATISTICS_BYTES))
        .set_statistics_enabled(EnabledStatistics::Page);
    for (column, is_diverse) in table.columns.iter().zip(diverse) {
        let path = || ColumnPath::from(column.name);
        if has_bloom_filter(column.name) {
            builder = builder.set_column_bloom_filter_enabled(path(), true);
        }
        if is_prose(column.name) {
            builder = builder.set_column_statistics_enabled(path(), EnabledStatistics::Chunk);
        }
        if *is_diverse {
            builder = plain(builder, path(), column.kind);
        }
    }
    let sequence = ColumnPath::from(SEQUENCE_COLUMN);
    builder
        .set_column_dictionary_enabled(sequence.clone(), false)
        .set_column_encoding(sequence, Encoding::DELTA_BINARY_PACKED)
        .build()
}

/// The rows and bytes with which a page ends.
fn page_limits(zstd_level: i32) -> (usize, usize) {
    if zstd_level == LEVEL_FAST { (PAGE_ROWS_FAST, PAGE_BYTES_FAST) } else { (PAGE_ROWS, PAGE_BYTES) }
}

/// How our own encoder takes columns of text that never lack a value. Where hardly any value repeats and the file stays,
/// the general writer packs their lengths tighter.
fn text_options(table: &'static Table, diverse: &[bool], zstd_level: i32) -> Vec<Option<TextOptions>> {
    let (page_rows, page_bytes) = page_limits(zstd_level);
    let options = table.columns.iter().zip(diverse.iter().copied()).map(|(column, is_diverse)| {
        let is_ours = column.kind.is_never_null() && (zstd_level == LEVEL_FAST || !is_diverse);
        is_ours.then(|| TextOptions {
            zstd_level: if zstd_level == LEVEL_FAST { LEVEL_FASTER } else { zstd_level },
            page_rows,
            page_bytes,
            has_dictionary: !is_diverse,
            has_bloom_filter: has_bloom_filter(column.name),
            has_page_statistics: !is_prose(column.name),
            has_statistics: !is_prose(column.name) || zstd_level != LEVEL_FAST,
        })
    });
    options.collect()
}

/// A dictionary of values that do not repeat costs and saves nothing.
fn plain(builder: WriterPropertiesBuilder, path: ColumnPath, kind: Kind) -> WriterPropertiesBuilder {
    let encoding = match kind {
        kind if kind.is_text() => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Kind::Int | Kind::Long | Kind::TimeSpan | Kind::DateTime => Encoding::DELTA_BINARY_PACKED,
        _ => Encoding::PLAIN,
    };
    builder.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, encoding)
}

/// Whether hardly any value repeats.
fn is_diverse(sample: &ArrayRef) -> bool {
    let step = (sample.len() / SAMPLED).max(1);
    let sampled = || (0..sample.len()).step_by(step).take(SAMPLED).filter(|row| sample.is_valid(*row));
    match sample.data_type() {
        DataType::Utf8 => differ(sampled().map(|row| sample.as_string::<i32>().value(row))),
        DataType::Utf8View => differ(sampled().map(|row| sample.as_string_view().value(row))),
        DataType::Int32 => differ(sampled().map(|row| sample.as_primitive::<Int32Type>().value(row))),
        DataType::Int64 => differ(sampled().map(|row| sample.as_primitive::<Int64Type>().value(row))),
        DataType::Timestamp(_, _) => {
            differ(sampled().map(|row| sample.as_primitive::<TimestampNanosecondType>().value(row)))
        }
        _ => false,
    }
}

fn differ<T: Eq + Hash>(values: impl Iterator<Item = T>) -> bool {
    let (mut seen, mut count) = (HashSet::<T, RandomState>::default(), 0);
    for value in values {
        seen.insert(value);
        count += 1;
    }
    count >= 256 && seen.len() * 10 > count * 9
}
