mod archives;
mod load;
mod matching;
mod own_rules;
mod raise;

use detections::RuleSet;
use model::{Row, tables};
use serde_json::{Value, json};

/// A row of a table from the JSON of its columns; it gets a time when it has none.
#[track_caller]
fn row(table: &str, mut columns: Value) -> Row {
    let object = columns.as_object_mut().unwrap();
    object.entry("Timestamp").or_insert_with(|| json!("2024-05-06T07:08:09.1234567Z"));
    Row::from_json(tables::find(table).unwrap(), object.clone()).unwrap()
}

/// The titles of the rules that a row matches.
fn hits(rules: &RuleSet, row: &Row) -> Vec<String> {
    rules.evaluate(row).into_iter().map(|meta| meta.title.clone()).collect()
}
