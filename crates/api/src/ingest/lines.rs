//! Lines to rows.

use adapters::Mapped;
use model::row::RowError;
use model::{Cell, Row, Table};
use serde_json::Value;

use super::foreign::{self, Foreign};
use super::{Report, Reserved};
use crate::error::{ApiError, code};

pub(crate) const LINE_BYTES_MAX: usize = 1 << 20;

/// What the lines of a body are.
pub(crate) enum Lines {
    /// Rows of one table, as JSON objects.
    Rows(&'static Table),
    /// Events of another product.
    Foreign(Foreign),
}

/// Why a line is refused.
#[derive(Debug)]
pub(crate) struct LineRefusal {
    pub code: &'static str,
    pub message: String,
}

/// The rows of a body with their lines, and what became of the other lines.
#[derive(Default)]
pub(crate) struct Decoded {
    pub rows: Vec<(u64, Row)>,
    pub report: Report,
}

/// Reads the lines of a body. Blank ones count for nothing but the number of the line.
pub(crate) fn decode(
    body: &[u8],
    lines: &Lines,
    reserved: &mut Reserved,
    rows_bytes_max: usize,
) -> Result<Decoded, ApiError> {
    match lines {
        Lines::Rows(table) => decode_with(body, &mut |line| read_row(table, line), reserved, rows_bytes_max),
        Lines::Foreign(foreign) => foreign::decode(body, foreign, reserved, rows_bytes_max),
    }
}

fn decode_with(
    body: &[u8],
    read: &mut dyn FnMut(&[u8]) -> Result<Mapped, LineRefusal>,
    reserved: &mut Reserved,
    rows_bytes_max: usize,
) -> Result<Decoded, ApiError> {
    let mut decoded = Decoded::default();
    let mut rows_bytes = 0;
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let mapped = if line.len() > LINE_BYTES_MAX { Err(too_long(line.len())) } else { read(line) };
        match mapped {
            Ok(Mapped::Row(row)) => {
                let row_bytes = row.cells.len() * size_of::<Cell>() + line.len();
                rows_bytes += row_bytes;
                if rows_bytes > rows_bytes_max {
                    let message = format!(
                        "The rows of the body take more than {rows_bytes_max} bytes of memory. Send fewer at once."
                    );
                    return Err(ApiError::new(code::BODY_TOO_LARGE, message));
                }
                reserved.grow(row_bytes)?;
                decoded.rows.push((number, *row));
            }
            Ok(Mapped::Unmapped { kind }) => decoded.report.unmapped(&kind),
            Ok(Mapped::Merged) => decoded.report.merged += 1,
            Err(refusal) => decoded.report.refuse(number, refusal.code, &refusal.message),
        }
    }
    Ok(decoded)
}

fn read_row(table: &'static Table, line: &[u8]) -> Result<Mapped, LineRefusal> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => Ok(Mapped::Row(Box::new(Row::from_json(table, object)?))),
        Ok(_) => Err(LineRefusal {
            code: "NotAnObject",
            message: "the line is JSON, but not an object with one member for each column".to_owned(),
        }),
        Err(error) => {
            Err(LineRefusal { code: "InvalidJson", message: format!("the line is not JSON: {error}") })
        }
    }
}

fn too_long(bytes: usize) -> LineRefusal {
    let message = format!("the line has {bytes} bytes; at most {LINE_BYTES_MAX} are read");
    LineRefusal { code: "LineTooLong", message }
}

impl From<RowError> for LineRefusal {
    fn from(error: RowError) -> LineRefusal {
        LineRefusal { code: error.code(), message: error.to_string() }
    }
}

impl From<adapters::Refusal> for LineRefusal {
    fn from(refusal: adapters::Refusal) -> LineRefusal {
        LineRefusal { code: refusal.code(), message: refusal.to_string() }
    }
}
