//! Lines to rows, as columns.

use lake::{LineError, Rows, RowsBuilder, RowsReader, StreamError, rows_of_stream};
use model::row::RowError;
use model::{Row, Table};

use super::buffers::Buffers;
use super::bulk::{self, Bulk};
use super::foreign::{self, Foreign};
use super::shipped::{self, Shipped};
use super::{Report, Reserved};
use crate::error::{ApiError, chain, code, sentence};

pub(crate) const LINE_BYTES_MAX: usize = 1 << 20;

/// What the lines of a body are.
pub(crate) enum Lines {
    /// Rows of one table, as JSON objects.
    Rows(&'static Table),
    /// Rows of one table, as batches of columns.
    Arrow(&'static Table),
    /// Events of another product.
    Foreign(Foreign),
    /// Records as a log shipper wraps them.
    Shipped(Shipped),
    /// Items of the bulk protocol.
    Bulk(Bulk),
}

/// Why a line is refused.
#[derive(Debug)]
pub(crate) struct LineRefusal {
    pub code: &'static str,
    pub message: String,
}

/// Rows of one table, and the line of each.
pub(crate) struct Part {
    pub rows: Rows,
    pub lines: Vec<u64>,
}

/// The rows of a body, by table, and what became of the other lines.
pub(crate) struct Decoded {
    pub parts: Vec<Part>,
    pub report: Report,
}

/// Reads the lines of a body. Blank ones count for nothing but the number of the line.
pub(crate) fn decode(
    body: Vec<u8>,
    lines: &Lines,
    reserved: &mut Reserved,
    rows_bytes_max: usize,
    buffers: &Buffers,
) -> Result<Decoded, ApiError> {
    let mut memory = Memory { reserved, bytes: 0, reserved_bytes: 0, bytes_max: rows_bytes_max };
    let decoded = match lines {
        // Their values stay in the body.
        Lines::Arrow(table) => return decode_arrow(body, table, &mut memory),
        Lines::Rows(table) => decode_rows(&body, table, &mut memory),
        Lines::Foreign(foreign) => foreign::decode(&body, foreign, &mut memory),
        Lines::Shipped(shipped) => shipped::decode(&body, shipped, &mut memory),
        Lines::Bulk(bulk) => bulk::decode(&body, bulk, &mut memory),
    };
    buffers.keep(body);
    decoded
}

/// After so many rows it is known how much the others will take.
const SAMPLED_ROWS: usize = 256;

fn decode_rows(body: &[u8], table: &'static Table, memory: &mut Memory) -> Result<Decoded, ApiError> {
    let mut report = Report::default();
    let mut reader = RowsReader::new(table);
    let mut accepted = Vec::new();
    let (mut rest, mut number) = (body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body), 0);
    while !rest.is_empty() {
        number += 1;
        let (bytes, read) = read_first(&mut reader, rest);
        rest = &rest[bytes..];
        match read {
            None => {}
            Some(Ok(())) => {
                memory.take(bytes)?;
                accepted.push(number);
                if accepted.len() == SAMPLED_ROWS {
                    reader.reserve(rest.len() / bytes);
                }
            }
            Some(Err(refusal)) => report.refuse(number, refusal.code, &refusal.message),
        }
    }
    Ok(Decoded { parts: Tables(vec![(reader.into_rows(), accepted)]).into_parts()?, report })
}

/// Reads the first of some lines. Says how many bytes it takes with its end, and what became of it unless it is blank.
fn read_first(reader: &mut RowsReader, lines: &[u8]) -> (usize, Option<Result<(), LineRefusal>>) {
    if let Some(bytes) = reader.read_next(&lines[..lines.len().min(LINE_BYTES_MAX + 1)]) {
        return (bytes, Some(Ok(())));
    }
    let end = memchr::memchr(b'\n', lines).unwrap_or(lines.len());
    let line = lines[..end].trim_ascii();
    let read = match line.len() {
        0 => None,
        bytes if bytes > LINE_BYTES_MAX => Some(Err(too_long(bytes))),
        _ => Some(reader.read(line).map_err(LineRefusal::from)),
    };
    (lines.len().min(end + 1), read)
}

fn decode_arrow(body: Vec<u8>, table: &'static Table, memory: &mut Memory) -> Result<Decoded, ApiError> {
    let (rows, lines, without_time) = rows_of_stream(table, body, |bytes| memory.take(bytes))?;
    let mut report = Report::default();
    let error = RowError::MissingTimestamp;
    without_time.iter().for_each(|line| report.refuse(*line, error.code(), &error.to_string()));
    let parts = if rows.is_empty() { Vec::new() } else { vec![Part { rows, lines }] };
    Ok(Decoded { parts, report })
}

/// Rows of several tables, with the line or record of each.
#[derive(Default)]
pub(super) struct Tables(Vec<(RowsBuilder, Vec<u64>)>);

impl Tables {
    pub fn push(&mut self, row: &Row, number: u64) {
        let known = self.0.iter().position(|(builder, _)| builder.table() == row.table);
        let at = known.unwrap_or_else(|| {
            self.0.push((RowsBuilder::new(row.table), Vec::new()));
            self.0.len() - 1
        });
        self.0[at].0.push(row);
        self.0[at].1.push(number);
    }

    pub fn into_parts(self) -> Result<Vec<Part>, ApiError> {
        let filled = self.0.into_iter().filter(|(builder, _)| !builder.is_empty());
        filled.map(|(builder, lines)| Ok(Part { rows: builder.finish()?, lines })).collect()
    }
}

/// Counts the memory that rows take.
pub(super) struct Memory<'a> {
    reserved: &'a mut Reserved,
    /// What was taken, and how much of it is reserved.
    bytes: usize,
    reserved_bytes: usize,
    bytes_max: usize,
}

/// Memory is reserved in steps of this: rows are many and small.
const STEP_BYTES: usize = 256 << 10;

/// What a row takes beside its texts: its numbers and times, and the ends of its texts.
const ROW_BYTES: usize = 256;

impl Memory<'_> {
    /// Takes what is needed beside rows.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.reserved.grow(bytes)
    }

    /// Takes what a row with so many bytes of text needs.
    pub fn take(&mut self, text_bytes: usize) -> Result<(), ApiError> {
        self.bytes = self.bytes.saturating_add(text_bytes).saturating_add(ROW_BYTES);
        if self.bytes > self.bytes_max {
            let message = format!(
                "The rows of the body take more than {} bytes of memory. Send fewer at once.",
                self.bytes_max
            );
            return Err(ApiError::new(code::BODY_TOO_LARGE, message));
        }
        if self.bytes > self.reserved_bytes {
            let step = (self.bytes - self.reserved_bytes).next_multiple_of(STEP_BYTES);
            let step = step.min(self.bytes_max - self.reserved_bytes);
            self.reserved_bytes += step;
            self.reserved.grow(step)?;
        }
        Ok(())
    }
}

fn too_long(bytes: usize) -> LineRefusal {
    let message = format!("the line has {bytes} bytes; at most {LINE_BYTES_MAX} are read");
    LineRefusal { code: "LineTooLong", message }
}

impl From<LineError> for LineRefusal {
    fn from(error: LineError) -> LineRefusal {
        LineRefusal { code: error.code(), message: error.to_string() }
    }
}

impl From<StreamError> for ApiError {
    fn from(error: StreamError) -> ApiError {
        let code = match &error {
            StreamError::NotAStream(_) => code::INVALID_BODY,
            StreamError::Lake(error) => return ApiError::internal(chain(error)),
            _ => code::INVALID_INPUT,
        };
        ApiError::new(code, sentence(&error.to_string()))
    }
}
