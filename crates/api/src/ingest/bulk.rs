//! Bodies of the bulk protocol to rows, with a note of each item.

use std::ops::ControlFlow;

use adapters::{BulkItem, Mapped, Refusal, Said, read_bulk};

use super::foreign::collect;
use super::items::{ITEMS_MAX, SharedItems};
use super::lines::{Decoded, Memory};
use super::lock;
use super::mappers::SharedMapper;
use crate::error::{ApiError, code};

/// What an item and its answer may take beside the names that its sender gave it.
const ITEM_BYTES: usize = 512;

/// A body of items, and what it is read with.
pub(crate) struct Bulk {
    pub mapper: SharedMapper,
    /// What the request says of documents that do not say it themselves; the kind is the index.
    pub said: Said<'static>,
    /// Becomes what the body holds.
    pub items: SharedItems,
}

/// Reads the items of a body, all of them or none.
pub(super) fn decode(body: &[u8], bulk: &Bulk, memory: &mut Memory) -> Result<Decoded, ApiError> {
    // Lines whose events are still coming and the names of items are kept beside the body.
    memory.reserve(body.len().saturating_mul(3))?;
    memory.reserve(memchr::memchr_iter(b'\n', body).count().min(ITEMS_MAX) * ITEM_BYTES)?;
    let mut mapper = lock(&bulk.mapper);
    let mut decoded = collect(memory, |give| {
        let mut is_full = false;
        let mut take = |item: BulkItem<'_>| match lock(&bulk.items).push(&item) {
            true => ControlFlow::Continue(()),
            false => {
                is_full = true;
                ControlFlow::Break(())
            }
        };
        // Each item gets an answer, also when there is no room for all of the rows.
        let mut has_room = true;
        let mut noted = |number: u64, outcome: Result<Mapped, Refusal>| {
            lock(&bulk.items).note(number, &outcome);
            has_room = has_room && give(number, outcome).is_continue();
            ControlFlow::Continue(())
        };
        read_bulk(&mut mapper, body, &bulk.said, &mut take, &mut noted)?;
        if is_full {
            let message = format!("The body holds more than {ITEMS_MAX} items. Send fewer at once.");
            return Err(ApiError::new(code::BODY_TOO_LARGE, message));
        }
        Ok(())
    })?;
    decoded.report.items = Some(bulk.items.clone());
    Ok(decoded)
}
