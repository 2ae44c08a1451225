//! Columns of a file that have one value, as its footer tells: nothing of them has to be read.

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::file::statistics::Statistics as ChunkStatistics;

/// What the footer of a file says of those of the columns that have one text, or nothing, in every row. The engine puts
/// the value in the place of the column.
pub(crate) fn known(schema: &Schema, metadata: &ParquetMetaData, columns: &[usize]) -> Option<Statistics> {
    let rows = usize::try_from(metadata.file_metadata().num_rows()).ok()?;
    let mut known: Option<Statistics> = None;
    for &at in columns {
        if let Some(constant) = constant(schema, metadata, at, rows) {
            let known = known.get_or_insert_with(|| Statistics::new_unknown(schema));
            known.column_statistics[at] = constant;
        }
    }
    known.map(|known| Statistics { num_rows: Precision::Exact(rows), ..known })
}

fn constant(schema: &Schema, metadata: &ParquetMetaData, at: usize, rows: usize) -> Option<ColumnStatistics> {
    let field = schema.field(at);
    let stored = metadata.file_metadata().schema_descr().columns();
    let is_it = |at: usize| stored.get(at).is_some_and(|column| column.name() == field.name());
    // Files have columns at the places they have in the table, as a rule.
    let stored = if is_it(at) { at } else { (0..stored.len()).find(|at| is_it(*at))? };
    let mut value = None;
    for group in metadata.row_groups() {
        let of_group = Value::of(group.column(stored).statistics()?, group.num_rows())?;
        if *value.get_or_insert(of_group) != of_group {
            return None;
        }
    }
    match value? {
        Value::Nothing => {
            Some(ColumnStatistics { null_count: Precision::Exact(rows), ..ColumnStatistics::new_unknown() })
        }
        Value::Text(text) if *field.data_type() == DataType::Utf8View => {
            let text = Precision::Exact(ScalarValue::Utf8View(Some(text.to_owned())));
            Some(ColumnStatistics {
                null_count: Precision::Exact(0),
                min_value: text.clone(),
                max_value: text,
                ..ColumnStatistics::new_unknown()
            })
        }
        Value::Text(_) => None,
    }
}

/// The one value of some rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Nothing,
    Text(&'a str),
}

impl<'a> Value<'a> {
    fn of(statistics: &'a ChunkStatistics, rows: i64) -> Option<Value<'a>> {
        let nulls = statistics.null_count_opt()?;
        if i64::try_from(nulls).is_ok_and(|nulls| nulls == rows) {
            return Some(Value::Nothing);
        }
        let ChunkStatistics::ByteArray(texts) = statistics else { return None };
        let (low, high) = (texts.min_opt()?, texts.max_opt()?);
        // Bounds of long texts are cut.
        let is_one = nulls == 0 && texts.min_is_exact() && texts.max_is_exact() && low == high;
        if is_one { Some(Value::Text(std::str::from_utf8(low.data()).ok()?)) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
    use datafusion::arrow::datatypes::Field;
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::file::properties::WriterProperties;
    use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;

    fn written(columns: Vec<(&str, ArrayRef)>) -> (Schema, ParquetMetaData) {
        let fields: Vec<Field> =
            columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        let schema = Schema::new(fields);
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        let batch = RecordBatch::try_new(Arc::new(schema.clone()), arrays).unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(2))
            .set_statistics_truncate_length(Some(8))
            .build();
        let mut file = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let metadata = SerializedFileReader::new(Bytes::from(file)).unwrap().metadata().clone();
        (schema, metadata)
    }

    #[test]
    fn a_column_of_one_value_is_known() {
        let texts =
            |texts: [Option<&str>; 4]| Arc::new(texts.into_iter().collect::<StringViewArray>()) as ArrayRef;
        let (schema, metadata) = written(vec![
            ("same", texts([Some("a"); 4])),
            ("empty", texts([Some(""); 4])),
            ("nothing", texts([None; 4])),
            ("no_number", Arc::new(Int64Array::from(vec![None; 4]))),
            ("number", Arc::new(Int64Array::from(vec![7; 4]))),
            ("differs_between_groups", texts([Some("a"), Some("a"), Some("b"), Some("b")])),
            ("differs_in_a_group", texts([Some("a"), Some("a"), Some("a"), Some("b")])),
            ("some_are_null", texts([Some("a"), None, Some("a"), Some("a")])),
            ("some_groups_are_null", texts([None, None, Some("a"), Some("a")])),
            (
                "alike_where_cut",
                texts([
                    Some("a long text 1"),
                    Some("a long text 2"),
                    Some("a long text 1"),
                    Some("a long text 1"),
                ]),
            ),
        ]);
        let columns: Vec<usize> = (0..schema.fields().len()).collect();
        let known = known(&schema, &metadata, &columns).unwrap();
        assert_eq!(known.num_rows, Precision::Exact(4));
        let shown = known.column_statistics.iter().zip(schema.fields()).filter_map(|(column, field)| {
            let value = column.min_value.get_value();
            let nulls = column.null_count.get_value()?;
            assert_eq!(column.min_value, column.max_value);
            Some(format!("{} {:?} {nulls}", field.name(), value.map(ToString::to_string)))
        });
        let shown: Vec<String> = shown.collect();
        assert_eq!(shown, ["same Some(\"a\") 0", "empty Some(\"\") 0", "nothing None 4", "no_number None 4"]);
    }

    #[test]
    fn only_the_columns_that_are_asked_for_are_looked_at() {
        let text = Arc::new(StringViewArray::from(vec!["a"])) as ArrayRef;
        let (schema, metadata) = written(vec![("a", text.clone()), ("b", text)]);
        let known = |columns: &[usize]| super::known(&schema, &metadata, columns);
        assert!(known(&[]).is_none());
        let one = known(&[1]).unwrap();
        assert_eq!(one.column_statistics[0], ColumnStatistics::new_unknown());
        let later = Schema::new(vec![Field::new("declared_later", DataType::Utf8View, true)]);
        assert!(super::known(&later, &metadata, &[0]).is_none());
    }
}
