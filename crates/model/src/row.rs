//! One event as a row of a declared table, between the edge and the lake.

use serde_json::{Map, Value};

use crate::tables::{Kind, Table};
use crate::time::Ticks;

/// One value of a row. The column's [`Kind`] says which variants it may hold.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Cell {
    #[default]
    Null,
    Bool(bool),
    /// `int` and `long`.
    Long(i64),
    Real(f64),
    Time(Ticks),
    /// `string`, `guid`, and `dynamic` as JSON text.
    Text(String),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Cell {
        Cell::Long(number)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Cell {
        Cell::Bool(value)
    }
}

impl From<Ticks> for Cell {
    fn from(time: Ticks) -> Cell {
        Cell::Time(time)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Null, Into::into)
    }
}

/// One row: a table and one cell for each of its columns, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub table: &'static Table,
    pub cells: Vec<Cell>,
}

/// Why a value cannot be stored in its column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    #[error("'{column}' is not a column of {table}{}", nearest(.suggestion))]
    UnknownColumn { table: &'static str, column: String, suggestion: Option<&'static str> },
    #[error("column '{column}' takes {}, not {given}", expected(*.kind))]
    WrongKind { column: &'static str, kind: Kind, given: String },
    #[error("column 'Timestamp' is missing; it takes {}", expected(Kind::DateTime))]
    MissingTimestamp,
}

impl RowError {
    /// A short word for counting refusals by reason.
    pub fn code(&self) -> &'static str {
        match self {
            RowError::UnknownColumn { .. } => "UnknownColumn",
            RowError::WrongKind { .. } => "WrongType",
            RowError::MissingTimestamp => "MissingTimestamp",
        }
    }
}

fn nearest(suggestion: &Option<&'static str>) -> String {
    suggestion.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "true or false",
        Kind::Int => "a 32-bit integer",
        Kind::Long => "a 64-bit integer",
        Kind::Real | Kind::Decimal => "a number",
        Kind::DateTime => "an ISO 8601 time such as 2024-05-06T07:08:09.1234567Z",
        Kind::TimeSpan => "a time span in 100 ns ticks",
        Kind::Guid => "a GUID as text",
        Kind::String => "text",
        Kind::Dynamic => "JSON",
    }
}

impl Row {
    /// A row with every cell null.
    pub fn new(table: &'static Table) -> Row {
        Row { table, cells: vec![Cell::Null; table.columns.len()] }
    }

    /// Sets a column that the program names itself. A name that is not declared is a defect of the caller:
    /// it stops a debug build and is left out of the row otherwise.
    pub fn set(&mut self, column: &str, cell: impl Into<Cell>) {
        let position = self.table.position(column);
        debug_assert!(position.is_some(), "{column} is not a column of {}", self.table.name);
        if let Some(position) = position {
            self.cells[position] = cell.into();
        }
    }

    /// The cell of a column; null when the table has no such column.
    pub fn get(&self, column: &str) -> &Cell {
        self.table.position(column).map_or(&Cell::Null, |position| &self.cells[position])
    }

    /// The text of a column; empty when it is null or not text.
    pub fn text(&self, column: &str) -> &str {
        match self.get(column) {
            Cell::Text(text) => text,
            _ => "",
        }
    }

    /// When it happened, for tables that say so.
    pub fn timestamp(&self) -> Option<Ticks> {
        match self.get("Timestamp") {
            Cell::Time(time) => Some(*time),
            _ => None,
        }
    }

    /// Reads a row from a JSON object keyed by column name. Column names match exactly; a null or absent
    /// value is null; text that holds JSON is taken as it is by a `dynamic` column.
    pub fn from_json(table: &'static Table, object: Map<String, Value>) -> Result<Row, RowError> {
        let mut row = Row::new(table);
        for (name, value) in object {
            let Some(position) = table.position(&name) else {
                let suggestion = table.columns.iter().map(|c| c.name).find(|c| c.eq_ignore_ascii_case(&name));
                return Err(RowError::UnknownColumn { table: table.name, column: name, suggestion });
            };
            row.cells[position] = Cell::from_json(&table.columns[position], value)?;
        }
        if table.time_column().is_some() && row.timestamp().is_none() {
            return Err(RowError::MissingTimestamp);
        }
        Ok(row)
    }

    /// The row as a JSON object, nulls left out: what [`Row::from_json`] reads.
    pub fn to_json(&self) -> Map<String, Value> {
        let cells = self.table.columns.iter().zip(&self.cells);
        let filled = cells.filter(|(_, cell)| **cell != Cell::Null);
        filled.map(|(column, cell)| (column.name.to_owned(), cell.to_json())).collect()
    }
}

impl Cell {
    /// Reads the value of one column from JSON.
    pub fn from_json(column: &'static crate::tables::Column, value: Value) -> Result<Cell, RowError> {
        let wrong = |value: &Value| {
            let mut given = value.to_string();
            if given.len() > 64 {
                given.truncate((0..=64).rev().find(|at| given.is_char_boundary(*at)).unwrap_or(0));
                given.push_str("...");
            }
            RowError::WrongKind { column: column.name, kind: column.kind, given }
        };
        Ok(match (column.kind, value) {
            (_, Value::Null) => Cell::Null,
            (Kind::Bool, Value::Bool(value)) => Cell::Bool(value),
            (Kind::Bool, Value::Number(n)) if n.as_i64() == Some(0) || n.as_i64() == Some(1) => {
                Cell::Bool(n.as_i64() == Some(1))
            }
            (Kind::Int, Value::Number(n)) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {
                Cell::Long(n.as_i64().unwrap_or_default())
            }
            (Kind::Long | Kind::TimeSpan, Value::Number(n)) if n.as_i64().is_some() => {
                Cell::Long(n.as_i64().unwrap_or_default())
            }
            (Kind::Long | Kind::TimeSpan, Value::String(text)) => match text.parse() {
                Ok(number) => Cell::Long(number),
                Err(_) if text.is_empty() => Cell::Null,
                Err(_) => return Err(wrong(&Value::String(text))),
            },
            (Kind::Int, Value::String(text)) => match text.parse::<i32>() {
                Ok(number) => Cell::Long(number.into()),
                Err(_) if text.is_empty() => Cell::Null,
                Err(_) => return Err(wrong(&Value::String(text))),
            },
            (Kind::Real | Kind::Decimal, Value::Number(n)) => Cell::Real(n.as_f64().unwrap_or(f64::NAN)),
            (Kind::DateTime, Value::String(text)) => match Ticks::parse(&text) {
                Some(time) if time.unix_nanos().is_some() => Cell::Time(time),
                None if text.is_empty() => Cell::Null,
                _ => return Err(wrong(&Value::String(text))),
            },
            (Kind::String | Kind::Guid, Value::String(text)) => Cell::Text(text),
            // The compatible service lists AdditionalFields as text here and as dynamic there.
            (Kind::String, value @ (Value::Object(_) | Value::Array(_))) => Cell::Text(value.to_string()),
            (Kind::Dynamic, Value::String(text)) => Cell::Text(text),
            (Kind::Dynamic, value) => Cell::Text(value.to_string()),
            (_, value) => return Err(wrong(&value)),
        })
    }

    pub fn to_json(&self) -> Value {
        match self {
            Cell::Null => Value::Null,
            Cell::Bool(value) => Value::Bool(*value),
            Cell::Long(number) => Value::from(*number),
            Cell::Real(number) => Value::from(*number),
            Cell::Time(time) => Value::String(time.to_string()),
            Cell::Text(text) => Value::String(text.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(json: &str, expected: Expect) {
        let table = crate::tables::find("DeviceNetworkEvents").unwrap();
        let object = serde_json::from_str(json).unwrap();
        let text = match Row::from_json(table, object) {
            Ok(row) => Value::Object(row.to_json()).to_string(),
            Err(error) => format!("{}: {error}", error.code()),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn reads_and_writes_the_same_row() {
        check(
            r#"{"RemotePort":443,"Timestamp":"2024-01-02T03:04:05Z","DeviceName":"pc1","ReportId":"7","AdditionalFields":{"a":1}}"#,
            expect![[
                r#"{"Timestamp":"2024-01-02T03:04:05.0000000Z","DeviceName":"pc1","RemotePort":443,"ReportId":7,"AdditionalFields":"{\"a\":1}"}"#
            ]],
        );
    }

    #[test]
    fn refuses_with_the_column_and_what_it_takes() {
        check(
            r#"{"Timestamp":"2024-01-02T03:04:05Z","remoteip":"::1"}"#,
            expect![
                "UnknownColumn: 'remoteip' is not a column of DeviceNetworkEvents; did you mean 'RemoteIP'?"
            ],
        );
        check(
            r#"{"Timestamp":"yesterday"}"#,
            expect![[
                r#"WrongType: column 'Timestamp' takes an ISO 8601 time such as 2024-05-06T07:08:09.1234567Z, not "yesterday""#
            ]],
        );
        check(
            r#"{"Timestamp":"2024-01-02T03:04:05Z","RemotePort":4294967296}"#,
            expect!["WrongType: column 'RemotePort' takes a 32-bit integer, not 4294967296"],
        );
        check(
            r#"{"DeviceName":"pc1"}"#,
            expect![
                "MissingTimestamp: column 'Timestamp' is missing; it takes an ISO 8601 time such as 2024-05-06T07:08:09.1234567Z"
            ],
        );
        check(
            r#"{"Timestamp":"1066-10-14T00:00:00Z"}"#,
            expect![[
                r#"WrongType: column 'Timestamp' takes an ISO 8601 time such as 2024-05-06T07:08:09.1234567Z, not "1066-10-14T00:00:00Z""#
            ]],
        );
    }
}
