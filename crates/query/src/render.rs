//! Results as the JSON of a hunting answer.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Decimal256Type, Float64Type, Int32Type, Int64Type};
use model::{Kind, Ticks};

use crate::{Answer, convert};

/// Writes rows as JSON objects, keyed by column name in column order.
pub struct RowWriter {
    columns: Vec<(String, Kind)>,
}

impl RowWriter {
    pub fn new(columns: &[(String, Kind)]) -> RowWriter {
        let key = |name: &String| format!("{}:", crate::json::quote(name));
        RowWriter { columns: columns.iter().map(|(name, kind)| (key(name), *kind)).collect() }
    }

    pub fn write(&self, batch: &RecordBatch, row: usize, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, (key, kind)) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key.as_bytes());
            write_value(*kind, batch.column(at), row, out);
        }
        out.push(b'}');
    }
}

impl Answer {
    /// Appends the rows as a JSON array of objects, keyed by column name in column order.
    pub fn write_results(&self, out: &mut Vec<u8>) {
        let rows = RowWriter::new(&self.columns);
        out.push(b'[');
        let mut first_row = true;
        for batch in &self.batches {
            for row in 0..batch.num_rows() {
                if !first_row {
                    out.push(b',');
                }
                first_row = false;
                rows.write(batch, row, out);
            }
        }
        out.push(b']');
    }

    /// One value as text, the way `tostring` shows it; for tables on a terminal and tests.
    pub fn text_at(&self, batch: &RecordBatch, column: usize, row: usize) -> String {
        let mut json = Vec::new();
        write_value(self.columns[column].1, batch.column(column), row, &mut json);
        match serde_json::from_slice(&json) {
            Ok(serde_json::Value::String(text)) => text,
            Ok(serde_json::Value::Null) => String::new(),
            _ => String::from_utf8_lossy(&json).into_owned(),
        }
    }
}

fn write_value(kind: Kind, array: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    if array.is_null(row) {
        out.extend_from_slice(if kind == Kind::String { b"\"\"" } else { b"null" });
        return;
    }
    match (kind, array.data_type()) {
        (Kind::Bool, _) => {
            let text: &[u8] = if array.as_boolean().value(row) { b"true" } else { b"false" };
            out.extend_from_slice(text);
        }
        (Kind::Int, _) => write_display(array.as_primitive::<Int32Type>().value(row), out),
        (Kind::Long, _) => write_display(array.as_primitive::<Int64Type>().value(row), out),
        (Kind::DateTime, _) => write_quoted(Ticks(array.as_primitive::<Int64Type>().value(row)), out),
        (Kind::TimeSpan, _) => {
            write_quoted(kql::literals::format_timespan(array.as_primitive::<Int64Type>().value(row)), out);
        }
        (Kind::Decimal, _) => {
            write_quoted(crate::decimal::format(array.as_primitive::<Decimal256Type>().value(row)), out)
        }
        (Kind::Real, _) => {
            let number = array.as_primitive::<Float64Type>().value(row);
            let text = convert::format_real(number);
            if number.is_finite() { out.extend_from_slice(text.as_bytes()) } else { write_quoted(text, out) }
        }
        (Kind::Dynamic, DataType::Utf8View) => {
            let text = array.as_string_view().value(row);
            // What was looked into without a full parse may turn out not to be JSON.
            match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => out.extend_from_slice(text.as_bytes()),
                Err(_) => write_text(text, out),
            }
        }
        (_, DataType::Utf8View) => write_text(array.as_string_view().value(row), out),
        (_, DataType::Utf8) => write_text(array.as_string::<i32>().value(row), out),
        _ => out.extend_from_slice(b"null"),
    }
}

fn write_display(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    use std::io::Write;
    // Writing to memory does not fail.
    let _ = write!(out, "{value}");
}

fn write_quoted(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    out.push(b'"');
    write_display(value, out);
    out.push(b'"');
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // A string always serializes.
    let _ = serde_json::to_writer(out, text);
}
