//! Lines to rows, as columns.

use std::sync::PoisonError;

use adapters::Mapped;
use lake::{LineError, Rows, RowsBuilder, RowsReader};
use model::{Row, Table};

use super::mappers::SharedMapper;
use super::{Report, Reserved};
use crate::error::{ApiError, code};

pub(crate) const LINE_BYTES_MAX: usize = 1 << 20;

/// What the lines of a body are.
pub(crate) enum Lines {
    /// Rows of one table, as JSON objects.
    Rows(&'static Table),
    /// Sysmon and Windows events.
    Sysmon(SharedMapper),
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
    body: &[u8],
    lines: &Lines,
    reserved: &mut Reserved,
    rows_bytes_max: usize,
) -> Result<Decoded, ApiError> {
    let mut memory = Memory { reserved, bytes: 0, bytes_max: rows_bytes_max };
    match lines {
        Lines::Rows(table) => decode_rows(body, table, &mut memory),
        Lines::Sysmon(mapper) => {
            let mut mapper = mapper.lock().unwrap_or_else(PoisonError::into_inner);
            decode_mapped(body, &mut |line| Ok(mapper.map(line)?), &mut memory)
        }
    }
}

fn decode_rows(body: &[u8], table: &'static Table, memory: &mut Memory) -> Result<Decoded, ApiError> {
    let mut report = Report::default();
    let mut reader = RowsReader::new(table);
    let mut accepted = Vec::new();
    for (number, line) in lines_of(body) {
        let read = match line.len() {
            bytes if bytes > LINE_BYTES_MAX => Err(too_long(bytes)),
            _ => reader.read(line).map_err(LineRefusal::from),
        };
        match read {
            Ok(()) => {
                memory.take(line.len())?;
                accepted.push(number);
            }
            Err(refusal) => report.refuse(number, refusal.code, &refusal.message),
        }
    }
    Ok(Decoded { parts: parts(vec![(reader.into_rows(), accepted)])?, report })
}

fn decode_mapped(
    body: &[u8],
    map: &mut dyn FnMut(&[u8]) -> Result<Mapped, LineRefusal>,
    memory: &mut Memory,
) -> Result<Decoded, ApiError> {
    let mut report = Report::default();
    let mut tables: Vec<(RowsBuilder, Vec<u64>)> = Vec::new();
    for (number, line) in lines_of(body) {
        let mapped = if line.len() > LINE_BYTES_MAX { Err(too_long(line.len())) } else { map(line) };
        match mapped {
            Ok(Mapped::Row(row)) => {
                memory.take(line.len())?;
                push(&mut tables, &row, number);
            }
            Ok(Mapped::Unmapped { kind }) => report.unmapped(&kind),
            Err(refusal) => report.refuse(number, refusal.code, &refusal.message),
        }
    }
    Ok(Decoded { parts: parts(tables)?, report })
}

fn push(tables: &mut Vec<(RowsBuilder, Vec<u64>)>, row: &Row, line: u64) {
    let known = tables.iter().position(|(builder, _)| builder.table() == row.table);
    let at = known.unwrap_or_else(|| {
        tables.push((RowsBuilder::new(row.table), Vec::new()));
        tables.len() - 1
    });
    tables[at].0.push(row);
    tables[at].1.push(line);
}

fn parts(tables: Vec<(RowsBuilder, Vec<u64>)>) -> Result<Vec<Part>, ApiError> {
    let filled = tables.into_iter().filter(|(builder, _)| !builder.is_empty());
    filled.map(|(builder, lines)| Ok(Part { rows: builder.finish()?, lines })).collect()
}

/// The lines that are not blank, without their ends, and their numbers from 1.
fn lines_of(body: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', body).chain(std::iter::once(body.len()));
    let lines = ends.map(move |end| {
        let line = body[start..end].trim_ascii();
        start = end + 1;
        line
    });
    (1..).zip(lines).filter(|(_, line)| !line.is_empty())
}

/// Counts the memory that rows take.
struct Memory<'a> {
    reserved: &'a mut Reserved,
    bytes: usize,
    bytes_max: usize,
}

/// What a row takes beside its texts: its numbers and times, and the ends of its texts.
const ROW_BYTES: usize = 256;

impl Memory<'_> {
    fn take(&mut self, line_bytes: usize) -> Result<(), ApiError> {
        let bytes = line_bytes + ROW_BYTES;
        self.bytes += bytes;
        if self.bytes > self.bytes_max {
            let message = format!(
                "The rows of the body take more than {} bytes of memory. Send fewer at once.",
                self.bytes_max
            );
            return Err(ApiError::new(code::BODY_TOO_LARGE, message));
        }
        self.reserved.grow(bytes)
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

impl From<adapters::Refusal> for LineRefusal {
    fn from(refusal: adapters::Refusal) -> LineRefusal {
        LineRefusal { code: refusal.code(), message: refusal.to_string() }
    }
}
