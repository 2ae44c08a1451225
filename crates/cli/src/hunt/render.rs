//! The rows of an answer as text.

use std::fmt::Write;

use client::HuntAnswer;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Map, Value};

use super::RowFormat;

/// Lines of one cell in a table; what goes beyond is cut.
const CELL_LINES_MAX: usize = 4;
/// Characters of one cell before it is laid out.
const CELL_CHARS_MAX: usize = 400;

pub(crate) fn rows(answer: &HuntAnswer, format: RowFormat) -> String {
    match format {
        RowFormat::Table => table(answer),
        RowFormat::Json => format!("{:#}\n", Value::from(ordered(answer).collect::<Vec<_>>())),
        RowFormat::Ndjson => ordered(answer).fold(String::new(), |mut text, row| {
            let _ = writeln!(text, "{row}");
            text
        }),
        RowFormat::Csv => csv(answer),
    }
}

/// The rows with their properties in the order of the columns.
fn ordered(answer: &HuntAnswer) -> impl Iterator<Item = Value> {
    answer.results.iter().map(|row| {
        let pairs = answer.schema.iter().map(|field| {
            let value = row.get(&field.name).cloned().unwrap_or_default();
            (field.name.clone(), value)
        });
        Value::Object(pairs.collect::<Map<_, _>>())
    })
}

fn table(answer: &HuntAnswer) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(answer.schema.iter().map(|field| field.name.as_str()));
    for row in &answer.results {
        let cells = answer.schema.iter().map(|field| cell(row.get(&field.name)));
        let mut cells = comfy_table::Row::from(cells.collect::<Vec<_>>());
        cells.max_height(CELL_LINES_MAX);
        table.add_row(cells);
    }
    let rows = answer.results.len();
    format!("{table}\n{rows} {}\n", if rows == 1 { "row" } else { "rows" })
}

fn cell(value: Option<&Value>) -> String {
    let text = plain(value);
    // What would move the cursor or colour the terminal is not printed as it is.
    let text = text.chars().map(|char| if char.is_control() && char != '\n' { ' ' } else { char });
    let cut: String = text.take(CELL_CHARS_MAX + 1).collect();
    match cut.char_indices().nth(CELL_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &cut[..end]),
        None => cut,
    }
}

/// A value without the quotes of JSON; null is empty.
fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// As RFC 4180 has it, with plain line ends.
fn csv(answer: &HuntAnswer) -> String {
    let mut text = String::new();
    let header: Vec<String> = answer.schema.iter().map(|field| quoted(&field.name)).collect();
    let _ = writeln!(text, "{}", header.join(","));
    for row in &answer.results {
        let cells: Vec<String> =
            answer.schema.iter().map(|field| quoted(&plain(row.get(&field.name)))).collect();
        let _ = writeln!(text, "{}", cells.join(","));
    }
    text
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> HuntAnswer {
        let answer = json!({
            "Schema": [{ "Name": "Name", "Type": "String" }, { "Name": "Count", "Type": "Int64" }],
            "Results": [{ "Count": 2, "Name": "a,\"b\"" }, { "Name": "\u{1b}[31mred", "Count": null }],
        });
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn rows_keep_the_order_of_the_columns() {
        assert_eq!(
            rows(&answer(), RowFormat::Ndjson),
            "{\"Name\":\"a,\\\"b\\\"\",\"Count\":2}\n{\"Name\":\"\\u001b[31mred\",\"Count\":null}\n"
        );
        assert_eq!(rows(&answer(), RowFormat::Csv), "Name,Count\n\"a,\"\"b\"\"\",2\n\u{1b}[31mred,\n");
        let json: Value = serde_json::from_str(&rows(&answer(), RowFormat::Json)).unwrap();
        assert_eq!(json[0]["Count"], 2);
    }

    #[test]
    fn a_table_is_cut_and_free_of_control_characters() {
        let mut answer = answer();
        answer.results[0]["Name"] = "x".repeat(10_000).into();
        let table = rows(&answer, RowFormat::Table);
        assert!(table.contains("Name") && table.ends_with("2 rows\n"), "{table}");
        assert!(table.len() < 6_000 && !table.contains('\u{1b}'), "{table}");
    }
}
