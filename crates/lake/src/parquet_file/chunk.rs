//! Column chunks that are encoded already.

use std::io::Write;

use bytes::Bytes;
use datafusion::parquet::basic::{CompressionCodec, Encoding, EncodingMask, PageType};
use datafusion::parquet::column::writer::ColumnCloseResult;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, ColumnChunkMetaDataBuilder, PageEncodingStats,
};
use datafusion::parquet::file::writer::SerializedRowGroupWriter;
use datafusion::parquet::schema::types::ColumnDescPtr;

use crate::LakeError;

/// What stands before the first page, so that no page is at 0, which readers take for no page.
pub(super) const BEFORE: &[u8] = b"PAR1";

/// A column chunk in a file of its own.
pub(super) struct Chunk {
    file: Bytes,
    close: ColumnCloseResult,
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

/// What is said of a chunk of zstd pages, with so many pages of each kind and encoding, and its bytes before and after
/// compression.
pub(super) fn metadata(
    descriptor: ColumnDescPtr,
    encodings: &[(PageType, Encoding, usize)],
    rows: usize,
    (uncompressed, compressed): (usize, usize),
) -> ColumnChunkMetaDataBuilder {
    let used = || encodings.iter().filter(|(_, _, pages)| *pages > 0);
    let counted = used().map(|(page_type, encoding, pages)| PageEncodingStats {
        page_type: *page_type,
        encoding: *encoding,
        count: *pages as i32,
    });
    let mask = used().map(|(_, encoding, _)| encoding).chain([&Encoding::RLE]);
    ColumnChunkMetaData::builder(descriptor)
        .set_compression_codec(CompressionCodec::ZSTD)
        .set_encodings_mask(EncodingMask::new_from_encodings(mask))
        .set_page_encoding_stats(counted.collect())
        .set_total_compressed_size(compressed as i64)
        .set_total_uncompressed_size(uncompressed as i64)
        .set_num_values(rows as i64)
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
