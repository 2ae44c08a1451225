//! Column chunks without values, made once for a type and a number of rows.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringViewArray, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::column::writer::ColumnCloseResult;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::ColumnChunkMetaData;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::writer::SerializedRowGroupWriter;
use datafusion::parquet::schema::types::ColumnDescPtr;

use crate::LakeError;

/// Rows of a column that hold nothing.
pub(super) fn empty(data_type: &DataType, is_never_null: bool, rows: usize) -> ArrayRef {
    if is_never_null {
        return Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n("", rows)));
    }
    new_null_array(data_type, rows)
}

/// The chunks of one file so far.
pub(super) struct Constants {
    properties: WriterProperties,
    made: Vec<(DataType, bool, usize, Chunk)>,
}

/// An encoded column chunk, in a file of its own.
pub(super) struct Chunk {
    file: Bytes,
    close: ColumnCloseResult,
}

impl Constants {
    pub fn new(compression: Compression) -> Constants {
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_data_page_row_count_limit(super::ROW_GROUP_ROWS)
            .build();
        Constants { properties, made: Vec::new() }
    }

    /// The chunk of a column of that type and so many rows.
    pub fn chunk(
        &mut self,
        data_type: &DataType,
        is_never_null: bool,
        rows: usize,
    ) -> Result<&Chunk, LakeError> {
        let is_it = |(known, known_never_null, known_rows, _): &(DataType, bool, usize, Chunk)| {
            known == data_type && *known_never_null == is_never_null && *known_rows == rows
        };
        let at = match self.made.iter().position(is_it) {
            Some(at) => at,
            None => {
                let chunk = Chunk::make(data_type, is_never_null, rows, self.properties.clone())?;
                self.made.push((data_type.clone(), is_never_null, rows, chunk));
                self.made.len() - 1
            }
        };
        Ok(&self.made[at].3)
    }
}

impl Chunk {
    pub fn new(file: Bytes, close: ColumnCloseResult) -> Chunk {
        Chunk { file, close }
    }

    fn make(
        data_type: &DataType,
        is_never_null: bool,
        rows: usize,
        properties: WriterProperties,
    ) -> Result<Chunk, LakeError> {
        let schema = Arc::new(Schema::new(vec![Field::new("empty", data_type.clone(), true)]));
        let batch = RecordBatch::try_new(schema.clone(), vec![empty(data_type, is_never_null, rows)])?;
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
        writer.write(&batch)?;
        let metadata = writer.finish()?;
        let file: Bytes = std::mem::take(writer.inner_mut()).into();
        let chunk = metadata.row_group(0).column(0).clone();
        let close = ColumnCloseResult {
            bytes_written: chunk.compressed_size() as u64,
            rows_written: rows as u64,
            bloom_filter: None,
            column_index: metadata.column_index().map(|groups| groups[0][0].clone()),
            offset_index: metadata.offset_index().map(|groups| groups[0][0].clone()),
            metadata: chunk,
        };
        Ok(Chunk { file, close })
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
