//! What becomes of one event, whatever format it came in.

use model::tables;

use crate::cache::{self, ProcessCache};
use crate::draft::Draft;
use crate::event::Event;
use crate::{Mapped, Refusal, mappings};

/// Makes rows of events. Remembers the processes it saw start, to complete later rows; the memory is bounded.
#[derive(Debug)]
pub struct Mapper {
    pub(crate) cache: ProcessCache,
}

impl Default for Mapper {
    fn default() -> Mapper {
        Mapper { cache: ProcessCache::new(cache::BOUNDS) }
    }
}

impl Mapper {
    /// Makes a row of an event of Windows or Sysmon. `source` are the bytes it was read from.
    pub(crate) fn map_event(&mut self, event: &Event<'_>, source: &[u8]) -> Result<Mapped, Refusal> {
        let known = mappings::find(event).and_then(|mapping| Some((mapping, tables::find(mapping.table)?)));
        let Some((mapping, table)) = known else {
            return Ok(Mapped::Unmapped { kind: event.kind() });
        };
        let time = event.time()?;
        let device = event.host.trim().to_lowercase();
        if device.is_empty() {
            return Err(Refusal::bad_value("Computer", "the name of the device, and is missing"));
        }
        let mut draft = Draft::new(table, event, time, &device);
        draft.action(mapping.action);
        for block in mapping.moves {
            draft.fill(block);
        }
        (mapping.refine)(&mut draft);
        draft.complete_initiating(mapping.initiating_guid, &self.cache);
        (mapping.relate)(&mut draft, &mut self.cache);
        Ok(Mapped::Row(Box::new(draft.finish(report_id(event.record_id, source)))))
    }
}

/// The record's own number, or one made from its bytes: positive, 63 bits.
pub(crate) fn report_id(record_id: Option<i64>, source: &[u8]) -> i64 {
    record_id.filter(|id| *id > 0).unwrap_or_else(|| (hash(source) >> 1).max(1) as i64)
}

/// A 64-bit hash that stays the same between versions: folded multiplication of eight bytes at a time.
fn hash(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (words, rest) = bytes.as_chunks();
    let mut state = ODD ^ bytes.len() as u64;
    for word in words {
        let word = u64::from_le_bytes(*word);
        state = fold(state ^ word, ODD).rotate_left(23) ^ word;
    }
    let rest = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    fold(fold(state ^ rest, ODD) ^ ODD, 0xd6e8_feb8_6659_fd93)
}
