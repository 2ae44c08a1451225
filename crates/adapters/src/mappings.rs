//! Which event becomes which row: one entry a channel and event id, in one module a family of tables.

use crate::cache::ProcessCache;
use crate::draft::{Draft, Move};
use crate::event::{Channel, Event};
use crate::json::Json;

mod device_events;
mod file;
mod image_load;
mod logon;
mod network;
mod process;
mod registry;

/// How events of one kind become rows.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub channel: Channel,
    pub event_id: i64,
    /// In channels that many providers share, the one whose id this is.
    provider: Option<&'static str>,
    pub table: &'static str,
    /// Empty when the event's own values decide it.
    pub action: &'static str,
    pub moves: &'static [&'static [Move]],
    /// Fields with the GUID of the initiating process.
    pub initiating_guid: &'static [&'static str],
    /// What is no plain move.
    pub refine: fn(&mut Draft<'_, '_>),
    /// What needs or changes the processes known of the device.
    pub relate: fn(&mut Draft<'_, '_>, &mut ProcessCache),
}

/// Every mapping, by family.
static FAMILIES: &[&[Mapping]] = &[
    process::MAPPINGS,
    network::MAPPINGS,
    file::MAPPINGS,
    registry::MAPPINGS,
    image_load::MAPPINGS,
    logon::MAPPINGS,
    device_events::SYSMON,
    device_events::SECURITY,
    device_events::OTHERS,
];

pub(crate) fn find(event: &Event<'_>) -> Option<&'static Mapping> {
    let mapping = find_id(event.known_channel()?, event.event_id)?;
    let is_theirs = mapping
        .provider
        .is_none_or(|provider| event.provider.is_empty() || event.provider.eq_ignore_ascii_case(provider));
    is_theirs.then_some(mapping)
}

pub(crate) fn find_id(channel: Channel, event_id: i64) -> Option<&'static Mapping> {
    let mappings = FAMILIES.iter().flat_map(|family| family.iter());
    mappings.into_iter().find(|mapping| mapping.event_id == event_id && mapping.channel == channel)
}

const fn mapping(channel: Channel, event_id: i64, table: &'static str, action: &'static str) -> Mapping {
    Mapping {
        channel,
        event_id,
        provider: None,
        table,
        action,
        moves: &[],
        initiating_guid: &["ProcessGuid"],
        refine: |_| {},
        relate: |_, _| {},
    }
}

impl Mapping {
    const fn moves(self, moves: &'static [&'static [Move]]) -> Mapping {
        Mapping { moves, ..self }
    }

    const fn initiating_guid(self, fields: &'static [&'static str]) -> Mapping {
        Mapping { initiating_guid: fields, ..self }
    }

    const fn written_by(self, provider: &'static str) -> Mapping {
        Mapping { provider: Some(provider), ..self }
    }

    const fn refine(self, refine: fn(&mut Draft<'_, '_>)) -> Mapping {
        Mapping { refine, ..self }
    }

    const fn relate(self, relate: fn(&mut Draft<'_, '_>, &mut ProcessCache)) -> Mapping {
        Mapping { relate, ..self }
    }
}

/// Notes the import hash, which has no column.
fn note_imphash(draft: &mut Draft<'_, '_>) {
    let hashes = draft.event.get("Hashes").or_else(|| draft.event.get("Hash"));
    draft.note_text("Imphash", hashes.and_then(|text| crate::values::hash(text, "IMPHASH", 32)));
}

/// Notes the event type that a collector lost, where the event id leaves one only.
fn restore_event_type(draft: &mut Draft<'_, '_>, kind: &'static str) {
    if draft.event.get("EventType").is_none() {
        draft.note("EventType", Json::text(kind));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn entries_are_unique_and_name_tables_and_columns_that_exist() {
        let mut seen = HashSet::new();
        for mapping in FAMILIES.iter().flat_map(|family| family.iter()) {
            let kind = (mapping.channel as u8, mapping.event_id);
            assert!(seen.insert(kind), "{:?}/{} is mapped twice", mapping.channel, mapping.event_id);
            let table = model::tables::find(mapping.table);
            let table = table.unwrap_or_else(|| panic!("{} is no table", mapping.table));
            for column in mapping.moves.iter().flat_map(|block| block.iter()).map(|entry| entry.column) {
                let is_known = table.position(column).is_some() || column.starts_with("InitiatingProcess");
                assert!(is_known, "{column} is not a column of {}", table.name);
            }
        }
    }
}
