//! Event log files of Windows: a header of 4 KiB and chunks of 64 KiB, each of which holds records and all
//! that its records refer to.
//!
//! Checksums are not asked for: logs that were copied while Windows wrote to them have stale ones, and what
//! is readable is read. A chunk without its header, the bytes between two records and a record that breaks
//! off are each one refused record.

use std::ops::{ControlFlow, Range};

use memchr::memmem;

use crate::event::Event;
use crate::format::{Format, Framing, Give, Input};
use crate::{Mapped, Mapper, Refusal};

mod binxml;
mod bytes;
mod value;

use bytes::{u32_at, u64_at};

pub(crate) static FORMAT: Format = Format {
    name: "evtx",
    route: "/api/ingest/evtx",
    summary: "Takes the events of one event log file of Windows.",
    framing: Framing::Chunks { header_bytes: FILE_HEADER_BYTES, chunk_bytes: CHUNK_BYTES },
    is_likely: |head| head.starts_with(FILE_MAGIC),
    count,
    read,
};

const FILE_MAGIC: &[u8] = b"ElfFile\0";
const FILE_HEADER_BYTES: usize = 4096;
const CHUNK_MAGIC: &[u8] = b"ElfChnk\0";
const CHUNK_BYTES: usize = 64 << 10;
const CHUNK_HEADER_BYTES: usize = 512;
const RECORD_MAGIC: &[u8] = b"**\0\0";
/// Magic, size, id and time before the binary XML; the size again after it.
const RECORD_HEADER_BYTES: usize = 24;
const RECORD_TRAILER_BYTES: usize = 4;

/// A part of a chunk that counts as one record.
#[derive(Debug, PartialEq)]
enum Piece {
    Record { start: usize, end: usize },
    Damaged { reason: &'static str },
}

fn count(body: &[u8]) -> u64 {
    match chunks(body) {
        Ok(chunks) => chunks.map(|(_, chunk)| pieces(chunk).len() as u64).sum(),
        Err(_) => 1,
    }
}

fn read(mapper: &mut Mapper, input: &Input<'_>, give: &mut Give<'_>) -> ControlFlow<()> {
    let chunks = match chunks(input.body) {
        Ok(chunks) => chunks,
        Err(refusal) => return give(1, Err(refusal)),
    };
    let mut number = 0;
    for (at, chunk) in chunks {
        let mut budget = binxml::Budget::default();
        for piece in pieces(chunk) {
            number += 1;
            let mapped = match piece {
                Piece::Record { start, end } => read_record(mapper, chunk, start..end, &mut budget),
                Piece::Damaged { reason } => {
                    Err(Refusal::Damaged { place: format!("chunk {}", at + 1), reason })
                }
            };
            give(number, mapped)?;
        }
    }
    ControlFlow::Continue(())
}

/// The chunks that hold something, the last one as far as it goes.
fn chunks(body: &[u8]) -> Result<impl Iterator<Item = (usize, &[u8])>, Refusal> {
    if !body.starts_with(FILE_MAGIC) {
        return Err(Refusal::Damaged {
            place: "the file".to_owned(),
            reason: "it does not begin as an event log of Windows does, with ElfFile",
        });
    }
    let chunks = body.get(FILE_HEADER_BYTES..).unwrap_or_default().chunks(CHUNK_BYTES).enumerate();
    Ok(chunks.filter(|(_, chunk)| chunk.iter().any(|byte| *byte != 0)))
}

/// Finds the records of a chunk. Behind the end that the header tells there may be older records, of an
/// earlier turn of the log, and newer ones, where the log was copied before the header was written: those
/// whose ids go on are read.
fn pieces(chunk: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let has_header = chunk.starts_with(CHUNK_MAGIC);
    if !has_header {
        pieces.push(Piece::Damaged { reason: "its header is not one" });
    }
    let told_end = u32_at(chunk, 48).map_or(CHUNK_BYTES, |end| end as usize);
    let is_sane = has_header && (CHUNK_HEADER_BYTES..=CHUNK_BYTES).contains(&told_end);
    let told_end = if is_sane { told_end } else { CHUNK_BYTES };
    let mut at = CHUNK_HEADER_BYTES;
    let mut last_id = None;
    while at < chunk.len() {
        let id = u64_at(chunk, at + 8);
        let goes_on = last_id.is_some_and(|last: u64| id == last.checked_add(1));
        if at >= told_end && !goes_on {
            break;
        }
        if let Some(end) = record_end(chunk, at) {
            pieces.push(Piece::Record { start: at, end });
            (at, last_id) = (end, id);
            continue;
        }
        let next = next_record(chunk, at + 1).filter(|next| *next < told_end);
        let gap = &chunk[at..next.unwrap_or(told_end).min(chunk.len()).max(at)];
        // Room that was never written to is no damage, and a chunk without a header counts as damaged once.
        if has_header && gap.iter().any(|byte| *byte != 0) {
            let is_cut_off = next.is_none() && gap.starts_with(RECORD_MAGIC);
            let reason =
                if is_cut_off { "a record breaks off" } else { "there are bytes that are no record" };
            pieces.push(Piece::Damaged { reason });
        }
        let Some(next) = next else { break };
        at = next;
    }
    if chunk.len() < told_end.min(CHUNK_BYTES) && !matches!(pieces.last(), Some(Piece::Damaged { .. })) {
        pieces.push(Piece::Damaged { reason: "it breaks off" });
    }
    pieces
}

/// Where the record that begins here ends, if one does: its size stands at both of its ends.
fn record_end(chunk: &[u8], at: usize) -> Option<usize> {
    if !chunk.get(at..)?.starts_with(RECORD_MAGIC) {
        return None;
    }
    let size = u32_at(chunk, at + 4)? as usize;
    let is_possible = (RECORD_HEADER_BYTES + RECORD_TRAILER_BYTES..=CHUNK_BYTES).contains(&size);
    let end = at.checked_add(size).filter(|end| is_possible && *end <= chunk.len())?;
    (u32_at(chunk, end - RECORD_TRAILER_BYTES)? as usize == size).then_some(end)
}

fn next_record(chunk: &[u8], from: usize) -> Option<usize> {
    let rest = chunk.get(from..)?;
    memmem::find_iter(rest, RECORD_MAGIC).map(|at| from + at).find(|at| record_end(chunk, *at).is_some())
}

fn read_record(
    mapper: &mut Mapper,
    chunk: &[u8],
    record: Range<usize>,
    budget: &mut binxml::Budget,
) -> Result<Mapped, Refusal> {
    let mut event = Event { event_id: -1, ..Event::default() };
    let id = u64_at(chunk, record.start + 8).unwrap_or_default();
    let xml = record.start + RECORD_HEADER_BYTES..record.end - RECORD_TRAILER_BYTES;
    binxml::read_into(&mut event, chunk, xml, budget)
        .map_err(|reason| Refusal::Damaged { place: format!("record {id}"), reason })?;
    if event.event_id < 0 {
        return Err(Refusal::NotAnEvent { missing: "a usable event id (a number from 0)" });
    }
    event.record_id = event.record_id.or(i64::try_from(id).ok());
    mapper.map_event(&event, &chunk[record])
}
