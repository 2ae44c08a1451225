//! Column chunks without values, made once for a type and a number of rows.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringViewArray, new_null_array};
use datafusion::arrow::datatypes::DataType;
use datafusion::parquet::basic::{Encoding, PageType, Type};
use datafusion::parquet::column::page::{CompressedPage, Page, PageWriter};
use datafusion::parquet::column::writer::ColumnCloseResult;
use datafusion::parquet::file::metadata::{ColumnIndexBuilder, OffsetIndexBuilder};
use datafusion::parquet::file::statistics::Statistics;
use datafusion::parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use datafusion::parquet::schema::types::ColumnDescPtr;

use super::chunk::{BEFORE, Chunk};
use super::text::{TextChunk, TextOptions};
use super::{ROW_GROUP_ROWS, chunk, hybrid};
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
    page_bytes: usize::MAX,
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
    /// By the type of their values, whether these are never null, and the number of rows.
    made: Vec<((Type, bool, usize), Chunk)>,
}

impl Constants {
    /// The chunk of a column of so many rows.
    pub fn chunk(
        &mut self,
        descriptor: &ColumnDescPtr,
        is_never_null: bool,
        rows: usize,
    ) -> Result<&Chunk, LakeError> {
        let wanted = (descriptor.physical_type(), is_never_null, rows);
        let at = match self.made.iter().position(|(known, _)| *known == wanted) {
            Some(at) => at,
            None => {
                let chunk = match is_never_null {
                    true => empty_texts(descriptor, rows)?,
                    false => nulls(descriptor, rows)?,
                };
                self.made.push((wanted, chunk));
                self.made.len() - 1
            }
        };
        Ok(&self.made[at].1)
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

    let encodings = [(PageType::DATA_PAGE, Encoding::PLAIN, 1)];
    let metadata =
        chunk::metadata(descriptor.clone(), &encodings, rows, (page.uncompressed_size, compressed))
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
