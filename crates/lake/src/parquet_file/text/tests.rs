//! What this encoder writes is what the general reader reads.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, StringViewArray};
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use datafusion::parquet::file::metadata::PageIndexPolicy;
use proptest::prelude::*;

use super::super::{
    Diverse, GROUP_BYTES_MAX, Gathered, LEVEL_FAST, LEVEL_SMALL, PAGE_ROWS, ParquetFile, ROW_GROUP_ROWS,
    STATISTICS_BYTES,
};
use super::*;

const COLUMN: &str = "FolderPath";

/// A file of one filled column of text, written in parts of so many rows.
fn written(texts: &[String], part_rows: usize, zstd_level: i32) -> Bytes {
    let table = model::tables::find("DeviceProcessEvents").unwrap();
    let at = table.position(COLUMN).unwrap();
    let columns = |texts: &[String]| {
        let mut columns: Vec<Option<ArrayRef>> =
            vec![None; crate::schema::stored_schema(table).fields().len()];
        columns[at] = Some(Arc::new(StringViewArray::from_iter_values(texts)));
        columns
    };
    let mut file = ParquetFile::new(table, &Diverse::of(&columns(texts)), zstd_level, 0).unwrap();
    for part in texts.chunks(part_rows.max(1)) {
        file.write(&columns(part), part.len()).unwrap();
    }
    file.finish().unwrap()
}

fn reader(file: &Bytes) -> ParquetRecordBatchReaderBuilder<Bytes> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options).unwrap()
}

fn read(file: &Bytes) -> Vec<String> {
    let mut texts = Vec::new();
    for batch in reader(file).build().unwrap() {
        let batch = batch.unwrap();
        let column = batch.column_by_name(COLUMN).unwrap();
        assert_eq!(column.null_count(), 0);
        let column =
            datafusion::arrow::compute::cast(column, &datafusion::arrow::datatypes::DataType::Utf8View)
                .unwrap();
        texts.extend(column.as_string_view().iter().map(|text| text.unwrap_or_default().to_owned()));
    }
    texts
}

/// Every page's bounds, and the chunk's, hold what is in the page, and Bloom filters know it.
fn check_statistics(file: &Bytes, texts: &[String]) {
    let built = reader(file);
    let metadata = built.metadata().clone();
    let at = built.parquet_schema().columns().iter().position(|column| column.name() == COLUMN).unwrap();
    for (group, texts) in texts.chunks(ROW_GROUP_ROWS).enumerate() {
        let chunk = metadata.row_group(group).column(at);
        let statistics = chunk.statistics().unwrap();
        let (low, high) = (statistics.min_bytes_opt().unwrap(), statistics.max_bytes_opt().unwrap());
        assert!(texts.iter().all(|text| low <= text.as_bytes() && text.as_bytes() <= high));
        assert_eq!(chunk.num_values(), texts.len() as i64);
        let ColumnIndexMetaData::BYTE_ARRAY(index) = &metadata.column_index().unwrap()[group][at] else {
            panic!("no page index");
        };
        let mut rows: Vec<i64> = metadata.offset_index().unwrap()[group][at]
            .page_locations()
            .iter()
            .map(|page| page.first_row_index)
            .collect();
        rows.push(texts.len() as i64);
        for (page, rows) in rows.windows(2).enumerate() {
            let (low, high) = (index.min_value(page).unwrap(), index.max_value(page).unwrap());
            let texts = &texts[rows[0] as usize..rows[1] as usize];
            assert!(texts.iter().all(|text| low <= text.as_bytes() && text.as_bytes() <= high));
        }
    }
}

fn check(texts: &[String], part_rows: usize) {
    for level in [LEVEL_FAST, LEVEL_SMALL] {
        let file = written(texts, part_rows, level);
        assert!(read(&file) == texts, "{} rows at level {level}", texts.len());
        check_statistics(&file, texts);
    }
    let all = order(texts.len());
    let some = all.iter().copied().filter(|row| row % 3 == 1).collect();
    for order in [all, some] {
        let file = written_ordered(texts, part_rows, &order);
        let ordered: Vec<String> = order.iter().map(|row| texts[*row as usize].clone()).collect();
        assert!(read(&file) == ordered, "{} of {} rows in another order", order.len(), texts.len());
        check_statistics(&file, &ordered);
    }
}

/// Every second row, backwards, and then the others.
fn order(rows: usize) -> Vec<u32> {
    let rows = rows as u32;
    (0..rows).rev().filter(|row| row % 2 == 0).chain((0..rows).filter(|row| row % 2 == 1)).collect()
}

/// A file of one filled column, whose rows came in batches of so many and in another order. Empty batches have no texts.
fn written_ordered(texts: &[String], batch_rows: usize, order: &[u32]) -> Bytes {
    let table = model::tables::find("DeviceProcessEvents").unwrap();
    let at = table.position(COLUMN).unwrap();
    let (mut parts, mut starts) = (Vec::new(), vec![0]);
    for batch in texts.chunks(batch_rows.max(1)) {
        let is_empty = batch.iter().all(String::is_empty);
        parts.push((!is_empty).then(|| StringArray::from_iter_values(batch)));
        starts.push(starts[starts.len() - 1] + batch.len() as u32);
    }
    let columns = crate::schema::stored_schema(table).fields().len();
    let mut sample: Vec<Option<ArrayRef>> = vec![None; columns];
    sample[at] = Some(Arc::new(StringArray::from_iter_values(texts)));
    let mut gathered: Vec<Option<Gathered>> = (0..columns).map(|_| None).collect();
    gathered[at] = Some(Gathered::Texts(Texts { parts, starts: starts.into() }));
    let mut file = ParquetFile::new(table, &Diverse::of(&sample), LEVEL_FAST, 0).unwrap();
    for rows in order.chunks(ROW_GROUP_ROWS) {
        file.write_ordered(&gathered, rows).unwrap();
    }
    file.finish().unwrap()
}

#[test]
fn pages_row_groups_and_dictionaries_end_where_they_should() {
    let repeated: Vec<String> =
        (0..ROW_GROUP_ROWS + 2 * PAGE_ROWS + 7).map(|row| format!("text {}", row / 300 % 90)).collect();
    check(&repeated, 50_000);
    let alone: Vec<String> =
        (0..PAGE_ROWS + 1).map(|row| format!("{row} of a kind, and longer than a view")).collect();
    check(&alone, 10_000);
    // Longer than a page, a dictionary and statistics take.
    let long: Vec<String> = (0..2_000).map(|row| format!("{}{}", "ä".repeat(700), row % 1_700)).collect();
    check(&long, 999);
    // Repeats at first and not at all later.
    let late: Vec<String> =
        (0..60_000).map(|row| if row < 45_000 { "same".to_owned() } else { format!("{row:0100}") }).collect();
    check(&late, 20_000);
    check(&vec!["one".to_owned(); PAGE_ROWS], PAGE_ROWS);
}

/// Rows of much text do not pile up in memory until there are enough of them for a row group.
#[test]
fn row_groups_of_many_bytes_end_early() {
    const ROWS: usize = 1_000;
    let table = model::tables::find("DeviceProcessEvents").unwrap();
    let mut columns: Vec<Option<ArrayRef>> = vec![None; crate::schema::stored_schema(table).fields().len()];
    // A generator of numbers by Marsaglia: such text hardly compresses.
    let mut state = 1u32;
    let texts = (0..ROWS).map(|_| {
        let next = (0..5_000).map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            char::from_u32(0x80 + state % 0x700).unwrap_or_default()
        });
        next.collect::<String>()
    });
    columns[table.position(COLUMN).unwrap()] = Some(Arc::new(StringViewArray::from_iter_values(texts)));
    let part_bytes = ROWS * 10_000 / 2;
    let parts = GROUP_BYTES_MAX / part_bytes + 1;
    for level in [LEVEL_FAST, LEVEL_SMALL] {
        let mut file = ParquetFile::new(table, &Diverse::of(&columns), level, 0).unwrap();
        (0..parts).for_each(|_| file.write(&columns, ROWS).unwrap());
        let groups: Vec<i64> = reader(&file.finish().unwrap())
            .metadata()
            .row_groups()
            .iter()
            .map(|group| group.num_rows())
            .collect();
        assert_eq!((groups.len(), groups.iter().sum()), (2, (parts * ROWS) as i64), "level {level}");
    }
}

#[test]
fn a_bloom_filter_knows_every_value() {
    let table = model::tables::find("DeviceProcessEvents").unwrap();
    let at = table.position("FileName").unwrap();
    let texts: Vec<String> = (0..3_000).map(|row| format!("file{}.exe", row % 700)).collect();
    let mut columns: Vec<Option<ArrayRef>> = vec![None; crate::schema::stored_schema(table).fields().len()];
    columns[at] = Some(Arc::new(StringViewArray::from_iter_values(&texts)));
    let mut file = ParquetFile::new(table, &Diverse::of(&columns), LEVEL_FAST, 0).unwrap();
    file.write(&columns, texts.len()).unwrap();
    let file = file.finish().unwrap();
    let built = reader(&file);
    let leaf =
        built.parquet_schema().columns().iter().position(|column| column.name() == "FileName").unwrap();
    let filter = built.get_row_group_column_bloom_filter(0, leaf).unwrap().unwrap();
    assert!(texts.iter().all(|text| filter.check(text.as_str())));
    let strangers = (0..1_000).filter(|number| filter.check(format!("other{number}").as_str())).count();
    assert!(strangers < 150, "{strangers} of 1000");
}

#[test]
fn bounds_are_cut_at_characters() {
    let mut bounds = Bounds::default();
    let text = |last: char| format!("{}{last}{}", "a".repeat(STATISTICS_BYTES - 1), "z".repeat(9));
    bounds.extend(&text('ä'));
    let ((low, low_is_exact), (high, high_is_exact)) = bounds.cut();
    assert_eq!((low, low_is_exact), ("a".repeat(STATISTICS_BYTES - 1).into_bytes(), false));
    assert_eq!((high, high_is_exact), (format!("{}b", "a".repeat(STATISTICS_BYTES - 2)).into_bytes(), false));
    // Nothing of as many bytes is larger.
    let largest = "\u{10ffff}".repeat(20);
    bounds.extend(&largest);
    assert_eq!(bounds.cut().1, (largest.into_bytes(), true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_texts_read_back(
        texts in proptest::collection::vec(prop_oneof![
            "[a-c]{0,2}", "\\PC{0,20}", "[a-z]{60,70}", Just("the same as ever".to_owned()),
        ], 0..3_000),
        repeats in 1usize..40,
        part_rows in 1usize..5_000,
    ) {
        let texts: Vec<String> = texts.iter().flat_map(|text| std::iter::repeat_n(text.clone(), repeats)).collect();
        prop_assume!(texts.iter().any(|text| !text.is_empty()));
        check(&texts, part_rows);
    }
}
