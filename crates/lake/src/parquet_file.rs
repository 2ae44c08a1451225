//! Writes rows that come sorted as one Parquet file.
//!
//! Tables are wide and most rows fill a few of their columns. A column that is empty throughout a row group is
//! not encoded again and again: its chunk is made once and copied.

mod constant;
mod gathered;
mod side_by_side;
mod text;

use std::collections::HashSet;
use std::hash::Hash;

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{
    DataType, Field, Int32Type, Int64Type, SchemaRef, TimestampNanosecondType,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::types::{ColumnDescPtr, ColumnPath};
use foldhash::fast::RandomState;
use model::{Kind, Table};

use self::constant::{Chunk, Constants};
pub(crate) use self::gathered::{Gathered, Texts};
use self::side_by_side::side_by_side;
use self::text::{TextChunk, TextOptions};
use crate::LakeError;
use crate::schema::{SEQUENCE_COLUMN, file_schema};
use crate::terms::ROWS_PER_BLOCK;
use crate::times::{micros_type, parted, tick_column};

pub(crate) const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Rows of a page: what is left out or read. The index of terms names blocks of as many rows.
const PAGE_ROWS: usize = ROWS_PER_BLOCK as usize;
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
    factory: ArrowRowGroupWriterFactory,
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

/// A column of the row group that is being written.
enum Column {
    /// Nothing but empty values so far.
    Empty,
    Writing(Box<ArrowColumnWriter>),
    Text(Box<TextChunk>),
}

impl ParquetFile {
    /// Starts a file of about so many bytes. `sample` are some of its rows, or all of them, column by column; none for
    /// a column that is empty there.
    pub fn new(
        table: &'static Table,
        sample: &[Option<ArrayRef>],
        zstd_level: i32,
        bytes_about: usize,
    ) -> Result<ParquetFile, LakeError> {
        let schema = file_schema(table);
        let properties = properties(table, sample, zstd_level);
        // Readers of other makers take the types from the file itself; those of our engine would mislead some.
        let options =
            ArrowWriterOptions::new().with_properties(properties.clone()).with_skip_arrow_metadata(true);
        let writer =
            ArrowWriter::try_new_with_options(Vec::with_capacity(bytes_about), schema.clone(), options)?;
        let (writer, factory) = writer.into_serialized_writer()?;
        let descriptors = writer.schema_descr().columns().to_vec();
        let columns = schema.fields().iter().map(|_| Column::Empty).collect();
        let constants = Constants::new(properties.compression(&ColumnPath::from("")));
        let mut is_never_null: Vec<bool> = table.columns.iter().map(|c| c.kind.is_never_null()).collect();
        is_never_null.resize(schema.fields().len(), false);
        let mut texts = text_options(table, sample, zstd_level);
        texts.resize(schema.fields().len(), None);
        Ok(ParquetFile {
            schema,
            writer,
            factory,
            constants,
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
            if self.group_rows == ROW_GROUP_ROWS {
                self.end_group()?;
            }
        }
        Ok(())
    }

    /// Adds some rows, in the order that is given, as a row group of their own.
    pub fn write_ordered(&mut self, columns: &[Option<Gathered>], order: &[u32]) -> Result<(), LakeError> {
        self.end_group()?;
        let values = columns.iter().zip(&self.texts).map(|(column, options)| match (column, options) {
            (Some(Gathered::Texts(_)), Some(_)) | (None, _) => Ok(None),
            (Some(column), _) => Ok::<_, LakeError>(Some(column.take(order)?)),
        });
        let values = values.collect::<Result<Vec<_>, _>>()?;
        self.write_part(&self.with_parted_times(&values)?, 0, order.len())?;
        let mut rows = order.to_vec();
        rows.sort_unstable();
        // They are most of the work.
        let texts = columns.iter().enumerate().filter_map(|(at, column)| match (column, self.texts[at]) {
            (Some(Gathered::Texts(texts)), Some(options)) if !texts.are_empty() => Some((at, texts, options)),
            _ => None,
        });
        let texts: Vec<_> = texts.collect();
        let chunks = side_by_side(&texts, |(at, texts, options)| {
            let mut chunk = TextChunk::new(*options, &self.descriptors[*at])?;
            chunk.push_ordered(texts, order, &rows)?;
            Ok(chunk)
        })?;
        for ((at, ..), chunk) in texts.iter().zip(chunks) {
            self.columns[*at] = Column::Text(Box::new(chunk));
        }
        self.end_group()
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
                    None => {
                        let made = self.factory.create_column_writers(self.groups)?;
                        unused.insert(made.into_iter().map(Some).collect())
                    }
                };
                let Some(mut writer) = writers[position].take() else { continue };
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
        let mut group = self.writer.next_row_group()?;
        for (position, column) in self.columns.iter_mut().enumerate() {
            match std::mem::replace(column, Column::Empty) {
                Column::Writing(writer) => writer.close()?.append_to_row_group(&mut group)?,
                Column::Text(chunk) => {
                    let descriptor = &self.descriptors[position];
                    chunk.close(descriptor.clone())?.append(&mut group, descriptor.clone())?;
                }
                Column::Empty => {
                    let data_type = self.schema.field(position).data_type();
                    let chunk =
                        self.constants.chunk(data_type, self.is_never_null[position], self.group_rows)?;
                    chunk.append(&mut group, self.descriptors[position].clone())?;
                }
            }
        }
        group.close()?;
        self.group_rows = 0;
        self.groups += 1;
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<Bytes, LakeError> {
        self.end_group()?;
        self.writer.finish()?;
        Ok(std::mem::take(self.writer.inner_mut()).into())
    }
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

fn properties(table: &'static Table, sample: &[Option<ArrayRef>], zstd_level: i32) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(zstd_level).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_column_index_truncate_length(Some(STATISTICS_BYTES))
        .set_statistics_truncate_length(Some(STATISTICS_BYTES))
        .set_statistics_enabled(EnabledStatistics::Page);
    for (column, sample) in table.columns.iter().zip(sample) {
        let path = || ColumnPath::from(column.name);
        if has_bloom_filter(column.name) {
            builder = builder.set_column_bloom_filter_enabled(path(), true);
        }
        if is_prose(column.name) {
            builder = builder.set_column_statistics_enabled(path(), EnabledStatistics::Chunk);
        }
        if let Some(sample) = sample
            && (column.kind.is_text() || zstd_level == LEVEL_FAST)
            && is_diverse(sample)
        {
            builder = plain(builder, path(), column.kind);
        }
    }
    let sequence = ColumnPath::from(SEQUENCE_COLUMN);
    builder
        .set_column_dictionary_enabled(sequence.clone(), false)
        .set_column_encoding(sequence, Encoding::DELTA_BINARY_PACKED)
        .build()
}

/// How our own encoder takes columns of text that never lack a value. Where hardly any value repeats and the file stays,
/// the general writer packs their lengths tighter.
fn text_options(
    table: &'static Table,
    sample: &[Option<ArrayRef>],
    zstd_level: i32,
) -> Vec<Option<TextOptions>> {
    let options = table.columns.iter().zip(sample).map(|(column, sample)| {
        let is_diverse = sample.as_ref().is_some_and(is_diverse);
        let is_ours = column.kind.is_never_null() && (zstd_level == LEVEL_FAST || !is_diverse);
        is_ours.then(|| TextOptions {
            zstd_level: if zstd_level == LEVEL_FAST { LEVEL_FASTER } else { zstd_level },
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
