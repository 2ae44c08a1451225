//! Lines of rows: the fast reader and the thorough one take the same lines and make the same rows.
#![no_main]

use lake::RowsReader;
use libfuzzer_sys::fuzz_target;
use model::{Row, tables};
use serde_json::Value;

fuzz_target!(|input: (u8, &[u8])| {
    let (table, line) = input;
    let table = tables::TABLES[usize::from(table) % tables::TABLES.len()];
    let mut reader = RowsReader::new(table);
    let read = reader.read(line);
    if let Ok(Value::Object(object)) = serde_json::from_slice(line) {
        let row = Row::from_json(table, object);
        assert_eq!(read.is_ok(), row.is_ok());
    } else {
        assert!(read.is_err());
    }
    assert_eq!(reader.len(), usize::from(read.is_ok()));
    assert!(reader.into_rows().finish().is_ok());
});
