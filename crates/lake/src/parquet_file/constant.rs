//! Column chunks without values, made once for a type and a number of rows.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, StringViewArray, new_null_array};
use datafusion::arrow::datatypes::DataType;
use datafusion::parquet::basic::{CompressionCodec, Encoding, EncodingMask, PageType, Type};
use datafusion::parquet::column::page::{CompressedPage, Page, PageWriter};
use datafusion::parquet::column::writer::ColumnCloseResult;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use datafusion::parquet::file::statistics::Statistics;
use datafusion::parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use datafusion::parquet::schema::types::ColumnDescPtr;

use super::text::{BEFORE, TextChunk, TextOptions};
use super::{ROW_GROUP_ROWS, hybrid};
use crate::LakeError;

/// Rows of a column that hold nothing.
pub(super) fn empty(data_type: &DataType, is_never_null: bool, rows: usize) -> ArrayRef {
    if is_never_null {
        return Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n("", rows)));
    }
    new_null_array(data_type, rows)
}

/// How a text column without any text is encoded.
const EMPTY_TEXTS: TextOptions = TextOptions {
    zstd_level: LEVEL,
    page_rows: ROW_GROUP_ROWS,
    has_dictionary: true,
    has_bloom_filter: false,
    has_page_statistics: true,
    has_statistics: true,
};
/// There is nothing to compress.
const LEVEL: i32 = 1;

/// The chunks of one file so far.
#[derive(Default)]
pub(super) struct Constants {
    made: Vec<(DataType, bool, usize, Chunk)>,
}

/// An encoded column chunk, in a file of its own.
pub(super) struct Chunk {
    file: Bytes,
    close: ColumnCloseResult,
}

impl Constants {
    /// The chunk of a column of that type and so many rows.
    pub fn chunk(
        &mut self,
        data_type: &DataType,
        descriptor: &ColumnDescPtr,
        is_never_null: bool,
        rows: usize,
    ) -> Result<&Chunk, LakeError> {
        let is_it = |(known, known_never_null, known_rows, _): &(DataType, bool, usize, Chunk)| {
            known == data_type && *known_never_null == is_never_null && *known_rows == rows
        };
        let at = match self.made.iter().position(is_it) {
            Some(at) => at,
            None => {
                let chunk = match is_never_null {
                    true => empty_texts(descriptor, rows)?,
                    false => nulls(descriptor, rows)?,
                };
                self.made.push((data_type.clone(), is_never_null, rows, chunk));
                self.made.len() - 1
            }
        };
        Ok(&self.made[at].3)
    }
}

fn empty_texts(descriptor: &ColumnDescPtr, rows: usize) -> Result<Chunk, LakeError> {
    let mut chunk = TextChunk::new(EMPTY_TEXTS, descriptor)?;
    chunk.push_empty(rows)?;
    chunk.close(descriptor.clone())
}

/// One page that says of all rows at once that they are null.
fn nulls(descriptor: &ColumnDescPtr, rows: usize) -> Result<Chunk, LakeError> {
    let mut body = Vec::new();
    hybrid::write_levels(rows, 0, &mut body);
    let page = Page::DataPage {
        buf: zstd::bulk::compress(&body, LEVEL).map_err(LakeError::Compress)?.into(),
        num_values: rows as u32,
        encoding: Encoding::PLAIN,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    };
    let mut file = TrackedWrite::new(BEFORE.to_vec());
    let page = SerializedPageWriter::new(&mut file).write_page(CompressedPage::new(page, body.len()))?;
    let (file, at) = (file.into_inner()?, BEFORE.len() as i64);
    let compressed = file.len() - BEFORE.len();

    let counted = PageEncodingStats { page_type: PageType::DATA_PAGE, encoding: Encoding::PLAIN, count: 1 };
    let metadata = ColumnChunkMetaData::builder(descriptor.clone())
        .set_compression_codec(CompressionCodec::ZSTD)
        .set_encodings_mask(EncodingMask::new_from_encodings([Encoding::PLAIN, Encoding::RLE].iter()))
        .set_page_encoding_stats(vec![counted])
        .set_total_compressed_size(compressed as i64)
        .set_total_uncompressed_size(page.uncompressed_size as i64)
        .set_num_values(rows as i64)
        .set_data_page_offset(at)
        .set_statistics(statistics(descriptor.physical_type(), rows as u64));
    let mut column_index = ColumnIndexBuilder::new(descriptor.physical_type());
    column_index.append(true, Vec::new(), Vec::new(), rows as i64);
    let mut offset_index = OffsetIndexBuilder::new();
    offset_index.append_row_count(rows as i64);
    offset_index.append_offset_and_size(at, page.compressed_size as i32);
    let close = ColumnCloseResult {
        bytes_written: compressed as u64,
        rows_written: rows as u64,
        bloom_filter: None,
        column_index: Some(column_index.build()?),
        offset_index: Some(offset_index.build()),
        metadata: metadata.build()?,
    };
    Ok(Chunk::new(file.into(), close))
}

/// Those of so many nulls.
fn statistics(physical: Type, rows: u64) -> Statistics {
    let nulls = Some(rows);
    match physical {
        Type::BOOLEAN => Statistics::boolean(None, None, None, nulls, false),
        Type::INT32 => Statistics::int32(None, None, None, nulls, false),
        Type::INT64 => Statistics::int64(None, None, None, nulls, false),
        Type::INT96 => Statistics::int96(None, None, None, nulls, false),
        Type::FLOAT => Statistics::float(None, None, None, nulls, false),
        Type::DOUBLE => Statistics::double(None, None, None, nulls, false),
        Type::BYTE_ARRAY => Statistics::byte_array(None, None, None, nulls, false),
        Type::FIXED_LEN_BYTE_ARRAY => Statistics::fixed_len_byte_array(None, None, None, nulls, false),
    }
}

impl Chunk {
    pub fn new(file: Bytes, close: ColumnCloseResult) -> Chunk {
        Chunk { file, close }
    }

    /// Copies the chunk into a row group as its next column.
    pub fn append<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        descriptor: ColumnDescPtr,
    ) -> Result<(), LakeError> {
        let close =
            ColumnCloseResult { metadata: renamed(&self.close.metadata, descriptor)?, ..self.close.clone() };
        Ok(group.append_column(&self.file, close)?)
    }
}

/// What is said of a chunk, said of another column.
fn renamed(
    chunk: &ColumnChunkMetaData,
    descriptor: ColumnDescPtr,
) -> Result<ColumnChunkMetaData, ParquetError> {
    let mut builder = ColumnChunkMetaData::builder(descriptor)
        .set_compression_codec(chunk.compression_codec())
        .set_encodings_mask(*chunk.encodings_mask())
        .set_total_compressed_size(chunk.compressed_size())
        .set_total_uncompressed_size(chunk.uncompressed_size())
        .set_num_values(chunk.num_values())
        .set_data_page_offset(chunk.data_page_offset())
        .set_dictionary_page_offset(chunk.dictionary_page_offset())
        .set_unencoded_byte_array_data_bytes(chunk.unencoded_byte_array_data_bytes())
        .set_definition_level_histogram(chunk.definition_level_histogram().cloned());
    if let Some(statistics) = chunk.statistics() {
        builder = builder.set_statistics(statistics.clone());
    }
    if let Some(encodings) = chunk.page_encoding_stats() {
        builder = builder.set_page_encoding_stats(encodings.clone());
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, AsArray, Int64Array};
    use datafusion::arrow::compute::cast;
    use datafusion::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
    use datafusion::parquet::file::metadata::PageIndexPolicy;

    use super::super::{Diverse, LEVEL_FAST, ParquetFile};
    use super::*;
    use crate::schema::{SEQUENCE_COLUMN, stored_schema};

    /// Columns of every kind there is, in row groups of one row, of one page and of several.
    #[test]
    fn columns_that_hold_nothing_read_as_nothing() {
        for (table, rows) in model::tables::TABLES.iter().zip([1, 100, 20_000].iter().cycle()) {
            let schema = stored_schema(table);
            let mut columns: Vec<Option<ArrayRef>> = vec![None; schema.fields().len()];
            let at = schema.index_of(SEQUENCE_COLUMN).unwrap();
            columns[at] = Some(Arc::new(Int64Array::from_iter_values(0..*rows as i64)));
            let mut file = ParquetFile::new(table, &Diverse::of(&columns), LEVEL_FAST, 0).unwrap();
            file.write(&columns, *rows).unwrap();

            let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
            let file = ParquetRecordBatchReaderBuilder::try_new_with_options(file.finish().unwrap(), options)
                .unwrap();
            let metadata = file.metadata().clone();
            let batches: Vec<_> = file.build().unwrap().map(Result::unwrap).collect();
            assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), *rows, "{}", table.name);
            for (at, field) in batches[0].schema().fields().iter().enumerate() {
                let name = format!("{} of {}, {rows} rows", field.name(), table.name);
                let column = table.position(field.name()).map(|column| &table.columns[column]);
                let is_never_null = column.is_some_and(|column| column.kind.is_never_null());
                let nulls = if is_never_null || field.name() == SEQUENCE_COLUMN { 0 } else { *rows };
                let counted: usize = batches.iter().map(|batch| batch.column(at).null_count()).sum();
                assert_eq!(counted, nulls, "{name}");
                let chunk = metadata.row_group(0).column(at);
                assert_eq!(
                    chunk.statistics().and_then(Statistics::null_count_opt),
                    Some(nulls as u64),
                    "{name}"
                );
                if is_never_null {
                    let texts = cast(batches[0].column(at), &DataType::Utf8View).unwrap();
                    assert!(texts.as_string_view().iter().all(|text| text == Some("")), "{name}");
                }
            }
        }
    }
}
