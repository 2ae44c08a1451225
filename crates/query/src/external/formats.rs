//! How files elsewhere are packed and laid out.

use std::io::{Cursor, Read};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringViewBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use model::Kind;
use serde_json::Value;

const BATCH_ROWS: usize = 8_192;

/// How the records of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Values between such bytes, in quotes where they have to be.
    Separated(u8),
    /// A line is a record of one value.
    Lines,
    /// The file is a record of one value.
    Raw,
    /// Objects behind each other, or in an array.
    Json,
}

impl Format {
    /// By the name in the query.
    pub fn of_name(name: &str) -> Option<Format> {
        Some(match name.to_ascii_lowercase().as_str() {
            "csv" => Format::Separated(b','),
            "tsv" => Format::Separated(b'\t'),
            "scsv" => Format::Separated(b';'),
            "psv" => Format::Separated(b'|'),
            "txt" => Format::Lines,
            "raw" => Format::Raw,
            "json" | "multijson" | "jsonl" | "ndjson" => Format::Json,
            _ => return None,
        })
    }

    /// By the end of an address, without what says how the file is packed.
    fn of_uri(uri: &str) -> Format {
        let path = path_of(uri);
        let path = path.strip_suffix(".gz").or_else(|| path.strip_suffix(".zip")).unwrap_or(&path);
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        Format::of_name(extension).unwrap_or(Format::Separated(b','))
    }
}

/// What is expected of a file.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Names, and the kinds that values become later.
    pub columns: Vec<(String, Kind)>,
    /// By the end of the address where none is said.
    pub format: Option<Format>,
    pub skips_first: bool,
}

impl Layout {
    pub fn schema(&self) -> SchemaRef {
        let field = |(name, _): &(String, Kind)| Field::new(name, DataType::Utf8View, true);
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }
}

fn path_of(uri: &str) -> String {
    uri.split(['?', '#', ';']).next().unwrap_or_default().to_ascii_lowercase()
}

/// Decompresses what the address says is compressed.
pub(crate) fn unpack(uri: &str, body: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, String> {
    let path = path_of(uri);
    if path.ends_with(".gz") {
        return bounded(flate2::read::MultiGzDecoder::new(Cursor::new(body)), bytes_max);
    }
    if !path.ends_with(".zip") {
        return if body.len() > bytes_max { Err(too_large(bytes_max)) } else { Ok(body) };
    }
    let damaged = |error: zip::result::ZipError| format!("the archive cannot be read: {error}");
    let mut archive = zip::ZipArchive::new(Cursor::new(body)).map_err(damaged)?;
    let mut unpacked = Vec::new();
    for at in 0..archive.len() {
        let file = archive.by_index(at).map_err(damaged)?;
        if file.is_file() {
            unpacked.extend(bounded(file, bytes_max - unpacked.len())?);
            if unpacked.last().is_some_and(|last| *last != b'\n') {
                unpacked.push(b'\n');
            }
        }
        if unpacked.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
    }
    Ok(unpacked)
}

fn bounded(reader: impl Read, bytes_max: usize) -> Result<Vec<u8>, String> {
    let mut unpacked = Vec::new();
    let read = reader.take(bytes_max as u64 + 1).read_to_end(&mut unpacked);
    read.map_err(|error| format!("the file cannot be decompressed: {error}"))?;
    if unpacked.len() > bytes_max { Err(too_large(bytes_max)) } else { Ok(unpacked) }
}

fn too_large(bytes_max: usize) -> String {
    format!("the file has more than {bytes_max} bytes")
}

/// The rows of a file.
pub(crate) fn read(layout: &Layout, uri: &str, bytes: &[u8]) -> Result<Vec<RecordBatch>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut rows = Rows::new(layout);
    let skipped = usize::from(layout.skips_first);
    match layout.format.unwrap_or_else(|| Format::of_uri(uri)) {
        Format::Separated(delimiter) => {
            let mut reader = csv::ReaderBuilder::new();
            let mut reader = reader.has_headers(false).flexible(true).delimiter(delimiter).from_reader(bytes);
            for record in reader.byte_records().skip(skipped) {
                let record = record.map_err(|error| format!("a record cannot be read: {error}"))?;
                rows.push(|at| record.get(at).map(|value| String::from_utf8_lossy(value)));
            }
        }
        Format::Lines => {
            let text = String::from_utf8_lossy(bytes);
            for line in text.lines().skip(skipped) {
                rows.push(|at| (at == 0).then_some(line.into()));
            }
        }
        Format::Raw => {
            let text = String::from_utf8_lossy(bytes);
            rows.push(|at| (at == 0).then_some((*text).into()));
        }
        Format::Json => {
            let mut left = skipped;
            for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
                let value = value.map_err(|error| format!("the JSON cannot be read: {error}"))?;
                let records = if let Value::Array(items) = value { items } else { vec![value] };
                for record in records {
                    if left > 0 {
                        left -= 1;
                        continue;
                    }
                    rows.push(|at| match record.get(&layout.columns[at].0)? {
                        Value::Null => None,
                        Value::String(text) => Some(text.as_str().into()),
                        other => Some(other.to_string().into()),
                    });
                }
            }
        }
    }
    rows.finish()
}

struct Rows<'a> {
    layout: &'a Layout,
    columns: Vec<StringViewBuilder>,
    rows: usize,
    batches: Vec<Vec<ArrayRef>>,
}

impl<'a> Rows<'a> {
    fn new(layout: &'a Layout) -> Rows<'a> {
        let columns = layout.columns.iter().map(|_| StringViewBuilder::new()).collect();
        Rows { layout, columns, rows: 0, batches: Vec::new() }
    }

    fn push<'v>(&mut self, value: impl Fn(usize) -> Option<std::borrow::Cow<'v, str>>) {
        for (at, column) in self.columns.iter_mut().enumerate() {
            let is_text = self.layout.columns[at].1 == Kind::String;
            match value(at) {
                // Text is never null, and other kinds have no empty value.
                Some(text) if is_text || !text.is_empty() => column.append_value(text),
                _ if is_text => column.append_value(""),
                _ => column.append_null(),
            }
        }
        self.rows += 1;
        if self.rows == BATCH_ROWS {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.rows > 0 {
            self.rows = 0;
            let arrays = self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
            self.batches.push(arrays.collect());
        }
    }

    fn finish(mut self) -> Result<Vec<RecordBatch>, String> {
        self.cut();
        let schema = self.layout.schema();
        let batches = self.batches.into_iter().map(|arrays| RecordBatch::try_new(schema.clone(), arrays));
        batches.collect::<Result<_, _>>().map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, AsArray};

    use super::*;

    fn layout(format: Option<&str>, skips_first: bool) -> Layout {
        let columns = vec![("a".to_owned(), Kind::String), ("b".to_owned(), Kind::Long)];
        Layout { columns, format: format.map(|name| Format::of_name(name).unwrap()), skips_first }
    }

    #[track_caller]
    fn check(uri: &str, layout: &Layout, text: &str, expected: &[(&str, Option<&str>)]) {
        let batches = read(layout, uri, text.as_bytes()).unwrap();
        let mut found = Vec::new();
        for batch in &batches {
            let (a, b) = (batch.column(0).as_string_view(), batch.column(1).as_string_view());
            for row in 0..batch.num_rows() {
                found.push((a.value(row), b.is_valid(row).then(|| b.value(row))));
            }
        }
        assert_eq!(found, expected, "{uri}");
    }

    #[test]
    fn every_format_is_read() {
        let any = layout(None, false);
        check(
            "https://h/x.csv?sig=1",
            &any,
            "\u{feff}a,1\n\"b,\"\"c\",\n,3\n",
            &[("a", Some("1")), ("b,\"c", None), ("", Some("3"))],
        );
        check("https://h/x.CSV.GZ", &layout(None, true), "h,i\na,1", &[("a", Some("1"))]);
        check("https://h/x.tsv", &any, "a b\t1\n", &[("a b", Some("1"))]);
        check("https://h/x", &layout(Some("psv"), false), "a|1|2", &[("a", Some("1"))]);
        check("https://h/x.txt", &any, "a,1\r\nb\n", &[("a,1", None), ("b", None)]);
        check("https://h/x", &layout(Some("raw"), false), "a\nb", &[("a\nb", None)]);
        let objects = "{\"a\":\"x\",\"b\":1}\n{\"b\":null,\"a\":{\"c\":2}}";
        let expected = [("x", Some("1")), ("{\"c\":2}", None)];
        check("https://h/x.json", &any, objects, &expected);
        check("https://h/x.json", &any, &format!("[{}]", objects.replace('\n', ",")), &expected);
        assert!(read(&any, "https://h/x.json", b"{").is_err());
    }

    #[test]
    fn what_is_packed_is_unpacked_and_no_more_than_may_be() {
        use std::io::Write;
        let text = "a,1\n".repeat(1_000);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(text.as_bytes()).unwrap();
        let gz = gz.finish().unwrap();
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in ["a.csv", "b.csv"] {
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        let archive = archive.finish().unwrap().into_inner();
        assert_eq!(unpack("https://h/x.csv.gz?a", gz.clone(), 4_000).unwrap(), text.as_bytes());
        assert_eq!(unpack("https://h/x.zip", archive.clone(), 8_000).unwrap().len(), 8_000);
        assert!(unpack("https://h/x.csv.gz", gz, 3_999).is_err());
        assert!(unpack("https://h/x.zip", archive, 7_999).is_err());
        assert!(unpack("https://h/x.csv", vec![0; 10], 9).is_err());
        assert!(unpack("https://h/x.zip", b"PK".to_vec(), 9).is_err());
    }
}
