//! Column chunks of text, encoded here and not by the general writer.
//!
//! Most of what a lake writes is text that repeats. The general writer hashes each value for the dictionary, for the
//! Bloom filter, and compares it with the smallest and the largest. Here a value is looked up once, not even that
//! when it is the one before, and the rest is done once for each distinct value of a page. The result is the
//! same format, and any reader reads it.

mod bounds;
mod dictionary;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use datafusion::arrow::array::StringViewArray;
use datafusion::parquet::basic::{Encoding, PageType, Type};
use datafusion::parquet::bloom_filter::Sbbf;
use datafusion::parquet::column::page::{CompressedPage, Page, PageWriter};
use datafusion::parquet::column::writer::ColumnCloseResult;
use datafusion::parquet::file::metadata::{ColumnIndexBuilder, OffsetIndexBuilder};
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use datafusion::parquet::schema::types::ColumnDescPtr;

use self::bounds::Bounds;
use self::dictionary::Dictionary;
use super::chunk::{BEFORE, Chunk};
use super::gathered::{Order, Texts};
use super::{ROW_GROUP_ROWS, chunk, hybrid};
use crate::LakeError;

/// A dictionary that grew beyond this takes no more pages: its values hardly repeat.
const DICTIONARY_BYTES_MAX: usize = 1 << 20;
/// Of a hundred values that are not there, a Bloom filter takes this many for ones that are.
const FALSE_POSITIVES: f64 = 0.05;
/// Room for the levels before the texts of a page that are kept as they are, so that these are not moved for them.
const LEVELS_ROOM: usize = 16;
/// How a column of text is encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextOptions {
    pub zstd_level: i32,
    pub page_rows: usize,
    /// A page of texts as they are ends when it holds this much.
    pub page_bytes: usize,
    /// Whether its values repeat.
    pub has_dictionary: bool,
    pub has_bloom_filter: bool,
    /// Whether each page says its smallest and largest value.
    pub has_page_statistics: bool,
    /// Whether the chunk does.
    pub has_statistics: bool,
}

/// One column of a row group in the making. None of its values is missing.
pub(super) struct TextChunk {
    options: TextOptions,
    /// Whether the column could hold nulls, for which a page then keeps a level for each value.
    is_optional: bool,
    compressor: zstd::bulk::Compressor<'static>,
    /// None when values are written as they are.
    dictionary: Option<Dictionary>,
    /// The dictionary's page, once no more pages refer to it.
    ended_dictionary: Option<Dictionary>,
    bloom_filter: Option<Sbbf>,
    page: PageInTheMaking,
    pages: TrackedWrite<Vec<u8>>,
    made: Made,
}

/// The values of a page: numbers in the dictionary, or texts with their lengths.
#[derive(Default)]
struct PageInTheMaking {
    rows: usize,
    codes: Vec<u32>,
    /// Behind the room for the levels.
    plain: Vec<u8>,
    text_bytes: i64,
    bounds: Bounds,
}

/// What is to be said of the pages that are made.
#[derive(Default)]
struct Made {
    rows: usize,
    text_bytes: i64,
    uncompressed: usize,
    bounds: Bounds,
    pages: Vec<MadePage>,
    /// Those of the pages that refer to the dictionary.
    coded: usize,
}

struct MadePage {
    offset: u64,
    compressed: usize,
    rows: usize,
    text_bytes: i64,
    bounds: Bounds,
}

impl TextChunk {
    pub fn new(options: TextOptions, descriptor: &ColumnDescPtr) -> Result<TextChunk, LakeError> {
        let bloom_filter =
            options.has_bloom_filter.then(|| Sbbf::new_with_ndv_fpp(ROW_GROUP_ROWS as u64, FALSE_POSITIVES));
        Ok(TextChunk {
            options,
            is_optional: descriptor.max_def_level() > 0,
            compressor: zstd::bulk::Compressor::new(options.zstd_level).map_err(LakeError::Compress)?,
            dictionary: options.has_dictionary.then(Dictionary::new),
            ended_dictionary: None,
            bloom_filter: bloom_filter.transpose()?,
            page: PageInTheMaking::default(),
            pages: TrackedWrite::new(Vec::new()),
            made: Made::default(),
        })
    }

    /// The bytes of the pages so far.
    pub fn bytes(&self) -> usize {
        self.pages.bytes_written()
    }

    /// Adds so many rows of empty text.
    pub fn push_empty(&mut self, rows: usize) -> Result<(), LakeError> {
        self.push(&StringViewArray::from_iter_values(std::iter::repeat_n("", rows)))
    }

    /// Adds texts. Equal neighbours, of which sorted rows have many, are looked up once.
    pub fn push(&mut self, texts: &StringViewArray) -> Result<(), LakeError> {
        let mut before: Option<(u128, &str, u32)> = None;
        for (row, view) in texts.views().iter().enumerate() {
            let text = texts.value(row);
            match &mut self.dictionary {
                None => self.page.push_plain(text, self.options.has_statistics, &mut self.bloom_filter),
                Some(dictionary) => {
                    // The low half of a view is the length and the first bytes; short texts stand in it whole.
                    let known = before.filter(|(known, _, _)| *known as u64 == *view as u64);
                    let known = known.filter(|(_, known, _)| *known == text).map(|(_, _, code)| code);
                    let code = known.unwrap_or_else(|| code(text, dictionary, &mut self.bloom_filter));
                    before = Some((*view, text, code));
                    self.page.push_code(code, dictionary);
                }
            }
            self.end_full_page()?;
        }
        Ok(())
    }

    /// Adds the texts of some rows in their order. They are looked up in that in which they lie in memory.
    pub fn push_ordered(&mut self, texts: &Texts, order: &Order) -> Result<(), LakeError> {
        let codes = match &mut self.dictionary {
            Some(dictionary) => codes(texts, order, dictionary, &mut self.bloom_filter),
            None => None,
        };
        if codes.is_none() {
            self.dictionary = None;
        }
        for (place, row) in order.in_parts.iter().enumerate() {
            match (&codes, &mut self.dictionary) {
                (Some(codes), Some(dictionary)) => self.page.push_code(codes[place], dictionary),
                _ => self.page.push_plain(
                    texts.in_part(*row),
                    self.options.has_statistics,
                    &mut self.bloom_filter,
                ),
            }
            self.end_full_page()?;
        }
        Ok(())
    }

    fn end_full_page(&mut self) -> Result<(), LakeError> {
        let is_full =
            self.page.rows == self.options.page_rows || self.page.plain.len() >= self.options.page_bytes;
        if is_full { self.end_page() } else { Ok(()) }
    }

    fn end_page(&mut self) -> Result<(), LakeError> {
        if self.page.rows == 0 {
            return Ok(());
        }
        let mut page = std::mem::take(&mut self.page);
        let mut body = Vec::with_capacity(LEVELS_ROOM + page.codes.len() * 2);
        if self.is_optional {
            hybrid::write_levels(page.rows, 1, &mut body);
        }
        let (encoding, body) = match &mut self.dictionary {
            Some(dictionary) => {
                dictionary.end_page();
                hybrid::write_codes(&page.codes, dictionary.len(), &mut body);
                self.made.coded += 1;
                (Encoding::RLE_DICTIONARY, &body[..])
            }
            None => {
                let start = LEVELS_ROOM - body.len();
                page.plain[start..LEVELS_ROOM].copy_from_slice(&body);
                (Encoding::PLAIN, &page.plain[start..])
            }
        };
        let compressed = self.compressor.compress(body).map_err(LakeError::Compress)?;
        let data = Page::DataPage {
            buf: Bytes::from(compressed),
            num_values: page.rows as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let data = CompressedPage::new(data, body.len());
        let written = SerializedPageWriter::new(&mut self.pages).write_page(data)?;
        let made = &mut self.made;
        made.rows += page.rows;
        made.text_bytes += page.text_bytes;
        made.uncompressed += written.uncompressed_size;
        made.bounds.extend_by(&page.bounds);
        made.pages.push(MadePage {
            offset: written.offset,
            compressed: written.compressed_size,
            rows: page.rows,
            text_bytes: page.text_bytes,
            bounds: std::mem::take(&mut page.bounds),
        });
        // The room of a page is used for the next one.
        page.codes.clear();
        page.plain.clear();
        self.page = PageInTheMaking { codes: page.codes, plain: page.plain, ..PageInTheMaking::default() };
        if self.dictionary.as_ref().is_some_and(|dictionary| dictionary.bytes() > DICTIONARY_BYTES_MAX) {
            self.ended_dictionary = self.dictionary.take();
        }
        Ok(())
    }

    /// Ends the chunk.
    pub fn close(mut self, descriptor: ColumnDescPtr) -> Result<Chunk, LakeError> {
        self.end_page()?;
        let mut file = TrackedWrite::new(BEFORE.to_vec());
        let mut uncompressed = self.made.uncompressed;
        let dictionary = self.ended_dictionary.take().or_else(|| self.dictionary.take());
        if let Some(dictionary) = &dictionary {
            uncompressed += self.write_dictionary(dictionary, &mut file)?;
        }
        let has_dictionary = dictionary.is_some();
        // A tracked writer counts what it wrote, not what it began with.
        let pages_at = (BEFORE.len() + file.bytes_written()) as i64;
        let mut file = file.into_inner()?;
        let pages = std::mem::replace(&mut self.pages, TrackedWrite::new(Vec::new()));
        file.extend_from_slice(&pages.into_inner()?);

        let compressed = file.len() - BEFORE.len();
        let made = &self.made;
        let plain = made.pages.len() - made.coded;
        let encodings = [
            (PageType::DICTIONARY_PAGE, Encoding::PLAIN, usize::from(has_dictionary)),
            (PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, made.coded),
            (PageType::DATA_PAGE, Encoding::PLAIN, plain),
        ];
        let mut metadata = chunk::metadata(descriptor, &encodings, made.rows, (uncompressed, compressed))
            .set_data_page_offset(pages_at)
            .set_dictionary_page_offset(has_dictionary.then_some(BEFORE.len() as i64))
            .set_unencoded_byte_array_data_bytes(Some(made.text_bytes));
        if self.options.has_statistics {
            metadata = metadata.set_statistics(made.bounds.statistics());
        }
        let close = ColumnCloseResult {
            bytes_written: compressed as u64,
            rows_written: made.rows as u64,
            bloom_filter: self.bloom_filter.take().map(|mut filter| {
                filter.fold_to_target_fpp(FALSE_POSITIVES);
                filter
            }),
            column_index: self.options.has_page_statistics.then(|| self.column_index()).transpose()?,
            offset_index: Some(self.offset_index(pages_at).build()),
            metadata: metadata.build()?,
        };
        Ok(Chunk::new(file.into(), close))
    }

    fn write_dictionary(
        &mut self,
        dictionary: &Dictionary,
        file: &mut TrackedWrite<Vec<u8>>,
    ) -> Result<usize, LakeError> {
        let compressed = self.compressor.compress(dictionary.page()).map_err(LakeError::Compress)?;
        let page = Page::DictionaryPage {
            buf: Bytes::from(compressed),
            num_values: dictionary.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let page = CompressedPage::new(page, dictionary.page().len());
        Ok(SerializedPageWriter::new(file).write_page(page)?.uncompressed_size)
    }

    fn column_index(&self) -> Result<ColumnIndexMetaData, LakeError> {
        let mut index = ColumnIndexBuilder::new(Type::BYTE_ARRAY);
        for page in &self.made.pages {
            let (smallest, largest) = page.bounds.cut();
            index.append(false, smallest.0, largest.0, 0);
        }
        Ok(index.build()?)
    }

    fn offset_index(&self, pages_at: i64) -> OffsetIndexBuilder {
        let mut index = OffsetIndexBuilder::new();
        for page in &self.made.pages {
            index.append_row_count(page.rows as i64);
            index.append_offset_and_size(pages_at + page.offset as i64, page.compressed as i32);
            index.append_unencoded_byte_array_data_bytes(Some(page.text_bytes));
        }
        index
    }
}

impl PageInTheMaking {
    fn push_code(&mut self, code: u32, dictionary: &mut Dictionary) {
        let (bytes, is_first) = dictionary.used(code);
        if is_first {
            self.bounds.extend(dictionary.text(code));
        }
        self.codes.push(code);
        self.text_bytes += bytes as i64;
        self.rows += 1;
    }

    fn push_plain(&mut self, text: &str, has_statistics: bool, bloom_filter: &mut Option<Sbbf>) {
        if has_statistics {
            self.bounds.extend(text);
        }
        if let Some(filter) = bloom_filter {
            filter.insert(text);
        }
        if self.plain.is_empty() {
            self.plain.resize(LEVELS_ROOM, 0);
        }
        self.plain.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.plain.extend_from_slice(text.as_bytes());
        self.text_bytes += text.len() as i64;
        self.rows += 1;
    }
}

/// The number of a text, new or not.
fn code(text: &str, dictionary: &mut Dictionary, bloom_filter: &mut Option<Sbbf>) -> u32 {
    let (code, is_new) = dictionary.code(text);
    if let Some(filter) = bloom_filter.as_mut().filter(|_| is_new) {
        filter.insert(text);
    }
    code
}

/// For each of these rows, in their order, the number of its text; none when the texts hardly repeat after all.
fn codes(
    texts: &Texts,
    order: &Order,
    dictionary: &mut Dictionary,
    bloom_filter: &mut Option<Sbbf>,
) -> Option<Vec<u32>> {
    let mut codes = vec![0; order.len()];
    for (place, row) in &order.ascending {
        codes[*place as usize] = code(texts.in_part(*row), dictionary, bloom_filter);
        if dictionary.bytes() > DICTIONARY_BYTES_MAX {
            return None;
        }
    }
    Some(codes)
}
