//! Lines to columns and back: both readers make the same rows.

use datafusion::arrow::array::TimestampNanosecondArray;
use expect_test::{Expect, expect};
use model::{Cell, Row, Ticks, tables};
use proptest::prelude::*;

use super::*;
use crate::batch::rows_from_batch;
use crate::hot::HotBatch;

fn table() -> &'static Table {
    tables::find("DeviceNetworkEvents").unwrap()
}

/// The rows as readers of the lake see them.
fn visible(rows: &Rows) -> Vec<Row> {
    let hot = HotBatch::new(rows.clone(), 1, Ticks(0), 1);
    rows_from_batch(rows.table(), &hot.batch(None).unwrap())
}

fn read(lines: &[&str]) -> (Vec<Row>, Vec<String>) {
    let mut reader = RowsReader::new(table());
    let mut refused = Vec::new();
    for line in lines {
        if let Err(error) = reader.read(line.as_bytes()) {
            refused.push(format!("{}: {error}", error.code()));
        }
    }
    (visible(&reader.into_rows().finish().unwrap()), refused)
}

/// What the reader makes of lines, and that the plain way makes the same of them.
#[track_caller]
fn check(lines: &[&str], expected: Expect) {
    let (rows, refused) = read(lines);
    let plain: Vec<Row> = lines.iter().filter_map(|line| plain(line)).collect();
    assert_eq!(rows, plain);
    let rows = rows.iter().map(|row| serde_json::Value::Object(row.to_json()).to_string());
    expected.assert_eq(&rows.chain(refused).collect::<Vec<_>>().join("\n"));
}

/// The row of a line by way of [`Row::from_json`] alone, with empty text as nothing.
fn plain(line: &str) -> Option<Row> {
    let object = serde_json::from_str(line).ok()?;
    let mut row = Row::from_json(table(), object).ok()?;
    for cell in &mut row.cells {
        if *cell == Cell::Text(String::new()) {
            *cell = Cell::Null;
        }
    }
    Some(row)
}

#[test]
fn lines_become_rows() {
    check(
        &[
            r#"{"Timestamp":"2024-05-06T07:08:09.1234567Z","DeviceName":"pc1","RemotePort":443,"ReportId":7}"#,
            r#" { "RemotePort" : -1 , "Timestamp" : "2024-05-06" , "RemoteUrl" : "a\"\\\/\u00e4\ud83d\ude00\n" } "#,
            r#"{"Timestamp":"2024-05-06T07:08:09Z","AdditionalFields":{"b":[1, 2.50,{"x":"}\""}]},"ReportId":"12"}"#,
            r#"{"Timestamp":"2024-05-06T07:08:09Z","RemoteIP":null,"DeviceName":"","AdditionalFields":"{}"}"#,
            r#"{"Timestamp":"2024-05-06T07:08:09Z","DeviceName":"one","DeviceName":"two"}"#,
            "{\"Timestamp\":\"2024-05-06T07:08:09Z\",\t\"DeviceName\":\"tab\"}",
        ],
        expect![[r#"
            {"Timestamp":"2024-05-06T07:08:09.1234567Z","DeviceName":"pc1","RemotePort":443,"ReportId":7}
            {"Timestamp":"2024-05-06T00:00:00.0000000Z","RemotePort":-1,"RemoteUrl":"a\"\\/ä😀\n"}
            {"Timestamp":"2024-05-06T07:08:09.0000000Z","ReportId":12,"AdditionalFields":"{\"b\":[1,2.5,{\"x\":\"}\\\"\"}]}"}
            {"Timestamp":"2024-05-06T07:08:09.0000000Z","AdditionalFields":"{}"}
            {"Timestamp":"2024-05-06T07:08:09.0000000Z","DeviceName":"two"}
            {"Timestamp":"2024-05-06T07:08:09.0000000Z","DeviceName":"tab"}"#]],
    );
}

#[test]
fn other_lines_are_refused_with_a_reason() {
    check(
        &[
            "",
            "{",
            "[1]",
            r#"{"Timestamp":"2024-05-06T07:08:09Z","Colour":"red"}"#,
            r#"{"Timestamp":"2024-05-06T07:08:09Z","RemotePort":4294967296}"#,
            r#"{"Timestamp":"2024-05-06T07:08:09Z","RemotePort":01}"#,
            r#"{"Timestamp":"2024-05-06T07:08:09Z","RemoteUrl":"\ud83d"}"#,
            r#"{"DeviceName":"pc1"}"#,
            r#"{"Timestamp":null}"#,
            r#"{"Timestamp":"2024-05-06T07:08:09Z"} x"#,
        ],
        expect![[r#"
            InvalidJson: the line is not JSON: EOF while parsing a value at line 1 column 0
            InvalidJson: the line is not JSON: EOF while parsing an object at line 1 column 1
            NotAnObject: the line is JSON, but not an object with one member for each column
            UnknownColumn: 'Colour' is not a column of DeviceNetworkEvents
            WrongType: column 'RemotePort' takes a 32-bit integer, not 4294967296
            InvalidJson: the line is not JSON: invalid number at line 1 column 51
            InvalidJson: the line is not JSON: unexpected end of hex escape at line 1 column 56
            MissingTimestamp: column 'Timestamp' is missing; it takes an ISO 8601 time such as 2024-05-06T07:08:09.1234567Z
            MissingTimestamp: column 'Timestamp' is missing; it takes an ISO 8601 time such as 2024-05-06T07:08:09.1234567Z
            InvalidJson: the line is not JSON: trailing characters at line 1 column 38"#]],
    );
}

/// Lines that are nearly rows: the members of rows with odd names, values, escapes and blanks.
fn line() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        6 => prop::sample::select(vec!["DeviceName", "RemotePort", "ReportId", "AdditionalFields", "RemoteUrl",
            "IsInitiatingProcessRemoteSession", "InitiatingProcessCreationTime"]).prop_map(str::to_owned),
        1 => "[a-zA-Z\\\\\"]{0,4}",
    ];
    let value = prop_oneof![
        3 => "[ -~äé\u{1}]{0,12}".prop_map(|text| format!("\"{text}\"")),
        3 => any::<String>().prop_map(|text| serde_json::Value::String(text).to_string()),
        2 => any::<i64>().prop_map(|number| number.to_string()),
        2 => any::<i16>().prop_map(|number| number.to_string()),
        1 => "-?[0-9]{1,3}[.eE]?[0-9]{0,2}",
        1 => Just("\"2024-05-06T07:08:09.12Z\"".to_owned()),
        1 => prop::sample::select(vec!["null", "true", "false", "{}", "[]", "{\"a\":[1,\"}\"]}", "[", "tru", "{\"a\":01}",
            "\"\\u00e4\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\x\"", "[1e999]"]).prop_map(str::to_owned),
    ];
    let blank = || prop::sample::select(vec!["", "", "", " ", "\t"]);
    let member = (name, value, blank(), blank(), blank());
    let members = prop::collection::vec(
        member.prop_map(|(name, value, a, b, c)| format!("{a}\"{name}\"{b}:{c}{value}")),
        0..5,
    );
    (members, any::<bool>(), blank(), prop::sample::select(vec!["", "", "", "}", ",", "x"])).prop_map(
        |(mut members, has_time, blank, rest)| {
            if has_time {
                members.insert(0, "\"Timestamp\":\"2024-05-06T07:08:09.1234567Z\"".to_owned());
            }
            format!("{{{}{blank}}}{rest}", members.join(","))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn both_readers_make_the_same_of_any_line(lines in prop::collection::vec(line(), 1..6)) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (rows, refused) = read(&lines);
        let expected: Vec<Row> = lines.iter().filter_map(|line| plain(line)).collect();
        prop_assert_eq!(rows.len() + refused.len(), lines.len());
        prop_assert_eq!(rows, expected);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut reader = RowsReader::new(table());
        let is_row = reader.read(&bytes).is_ok();
        prop_assert_eq!(reader.len(), usize::from(is_row));
    }
}

#[test]
fn rows_of_several_tables_are_parted_and_filtered() {
    let mut rows = Vec::new();
    for number in 0..10i64 {
        let table = ["DeviceNetworkEvents", "DeviceProcessEvents"][(number % 2) as usize];
        let mut row = Row::new(tables::find(table).unwrap());
        row.set("ReportId", number);
        row.set("DeviceName", (number > 4).then(|| format!("pc{number}")));
        rows.push(row);
    }
    let parts = Rows::of(&rows).unwrap();
    let names: Vec<_> = parts.iter().map(|part| (part.table().name, part.len())).collect();
    assert_eq!(names, [("DeviceNetworkEvents", 5), ("DeviceProcessEvents", 5)]);
    let texts = parts[0].texts("DeviceName");
    assert_eq!((0..5).map(|row| texts.get(row)).collect::<Vec<_>>(), ["", "", "", "pc6", "pc8"]);
    assert_eq!(parts[0].texts("NoSuchColumn").get(0), "");

    let kept = parts[1].filter(&vec![true, false, false, false, true].into()).unwrap();
    let kept: Vec<_> = visible(&kept).iter().map(|row| row.text("DeviceName").to_owned()).collect();
    assert_eq!(kept, ["", "pc9"]);
    let renamed = parts[1].clone().with_texts("DeviceName", StringArray::from(vec!["x"; 5])).unwrap();
    assert!(visible(&renamed).iter().all(|row| row.text("DeviceName") == "x"));
    assert!(parts[1].clone().with_texts("ReportId", StringArray::from(vec!["x"; 5])).is_err());
    assert!(parts[1].clone().with_texts("DeviceName", StringArray::from(vec!["x"; 4])).is_err());
}

/// Lines cut at their ends by the reader are read as when each is given alone.
#[test]
fn lines_with_their_ends_are_the_same_rows() {
    let (time, tail) = (r#"{"Timestamp":"2024-05-06T07:08:09Z""#, "not looked at");
    for (line, expected) in [
        (format!("{time},\"RemoteUrl\":\"ä\"}}\n"), true),
        (format!(" {time},\"ReportId\":7 }} \r\n"), true),
        // These are for the other reader.
        (format!("{time}}}"), false),
        (format!("{time}}}\t\n"), false),
        (format!("{time},\n\"ReportId\":7}}\n"), false),
        (format!("{time},\"RemoteUrl\":\"a\nb\"}}\n"), false),
        (format!("{time},\"AdditionalFields\":{{\"a\":\n1}}}}\n"), false),
        ("\n".to_owned(), false),
    ] {
        let mut reader = RowsReader::new(table());
        let text = format!("{line}{}", if expected { tail } else { "" });
        assert_eq!(reader.read_next(text.as_bytes()), expected.then_some(line.len()), "{line:?}");
        assert_eq!(reader.len(), usize::from(expected));
        let rows = visible(&reader.into_rows().finish().unwrap());
        assert_eq!(rows, if expected { vec![plain(&line).unwrap()] } else { Vec::new() }, "{line:?}");
    }
    let mut reader = RowsReader::new(table());
    let bad = [&br#"{"Timestamp":"2024-05-06T07:08:09Z","RemoteUrl":""#[..], b"\xff\"}\n"].concat();
    assert_eq!(reader.read_next(&bad), None);
}

#[test]
fn rows_keep_no_more_than_twice_what_they_use() {
    let table = model::tables::find("DeviceProcessEvents").unwrap();
    let times = TimestampNanosecondArray::from_iter_values(0..100_000).with_timezone("UTC");
    let names = StringArray::from_iter_values((0..100_000).map(|row| format!("tool{row}.exe")));
    let batch = RecordBatch::try_from_iter([
        ("Timestamp", Arc::new(times) as ArrayRef),
        ("FileName", Arc::new(names) as ArrayRef),
    ])
    .unwrap();
    for (at, len, is_copied) in
        [(0, 100_000, false), (40_000, 60_000, false), (500, 1, true), (7, 1_000, true)]
    {
        let rows = Rows::from_batch(table, &batch.slice(at, len)).unwrap();
        let (kept, expected) = (rows.kept(), rows.to_batch().unwrap());
        let rows = rows.compacted().unwrap();
        assert_eq!(rows.kept() < kept, is_copied, "{at} {len}");
        assert!(rows.kept() <= 2 * rows.memory() + SPARE_BYTES);
        assert_eq!(rows.to_batch().unwrap(), expected);
    }
}
