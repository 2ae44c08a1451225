//! An Arrow schema as the text that a Delta log describes it with.

use std::collections::{BTreeMap, HashSet};

use datafusion::arrow::datatypes::{DataType, Schema};
use serde::Serialize;

use crate::schema::SEQUENCE_COLUMN;

/// The column whose bounds are in a file's statistics, where the table has it.
pub(super) const TIME_COLUMN: &str = "Timestamp";

#[derive(Serialize)]
struct Struct<'a> {
    r#type: &'static str,
    fields: Vec<Field<'a>>,
}

#[derive(Serialize)]
struct Field<'a> {
    name: &'a str,
    r#type: &'static str,
    nullable: bool,
    metadata: BTreeMap<String, String>,
}

/// The schema as JSON text. Names are unique there without regard to case, so a column that differs from an
/// earlier one by case alone is left out: with both, no reader opens the table. The error is a reason.
pub(super) fn schema_string(schema: &Schema) -> Result<String, String> {
    let mut seen = HashSet::new();
    let mut fields = Vec::new();
    for field in schema.fields() {
        if !seen.insert(field.name().to_lowercase()) {
            continue;
        }
        let r#type = type_name(field.data_type()).ok_or_else(|| {
            format!("column {} of type {} has no type there", field.name(), field.data_type())
        })?;
        fields.push(Field { name: field.name(), r#type, nullable: true, metadata: BTreeMap::new() });
    }
    let schema = Struct { r#type: "struct", fields };
    serde_json::to_string(&schema).map_err(|error| error.to_string())
}

fn type_name(of: &DataType) -> Option<&'static str> {
    Some(match of {
        DataType::Boolean => "boolean",
        DataType::Int8 => "byte",
        DataType::Int32 => "integer",
        DataType::Int64 => "long",
        DataType::Float64 => "double",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string",
        DataType::Timestamp(_, Some(_)) => "timestamp",
        _ => return None,
    })
}

/// Settings of the published table. Readers have to be told which columns have statistics: some take the
/// missing bounds of another column as bounds that nothing lies between, and then find no row.
pub(super) fn configuration(schema: &Schema) -> BTreeMap<String, String> {
    let with_statistics = if has_time(schema) {
        format!("{TIME_COLUMN},{SEQUENCE_COLUMN}")
    } else {
        SEQUENCE_COLUMN.to_owned()
    };
    BTreeMap::from([("delta.dataSkippingStatsColumns".to_owned(), with_statistics)])
}

pub(super) fn has_time(schema: &Schema) -> bool {
    schema.field_with_name(TIME_COLUMN).is_ok()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::schema::file_schema;

    #[track_caller]
    fn check(table: &str, columns: &[&str], expected: Expect) {
        let schema = file_schema(model::tables::find(table).unwrap());
        let text: serde_json::Value = serde_json::from_str(&schema_string(&schema).unwrap()).unwrap();
        let fields = text["fields"].as_array().unwrap();
        let shown = fields.iter().filter(|field| columns.contains(&field["name"].as_str().unwrap()));
        let shown: Vec<String> = shown.map(|field| format!("{} {}", field["name"], field["type"])).collect();
        expected.assert_eq(&shown.join("\n"));
    }

    #[test]
    fn kinds_become_types() {
        let columns = [
            "Timestamp",
            "FileName",
            "FileSize",
            "IsProcessRemoteSession",
            "_sequence",
            "_ingested",
            "_Timestamp_tick",
        ];
        let expected = expect![[r#"
            "Timestamp" "timestamp"
            "FileName" "string"
            "FileSize" "long"
            "IsProcessRemoteSession" "boolean"
            "_sequence" "long"
            "_ingested" "timestamp"
            "_Timestamp_tick" "byte""#]];
        check("DeviceProcessEvents", &columns, expected);
    }

    #[test]
    fn the_second_of_two_names_that_differ_by_case_is_left_out() {
        check("DeviceProcessEvents", &["LogonId", "LogonID"], expect![[r#""LogonId" "long""#]]);
    }

    #[test]
    fn every_declared_table_can_be_published() {
        for table in model::tables::TABLES {
            schema_string(&file_schema(table)).unwrap();
        }
    }
}
