//! Bodies of the bulk protocol of Elasticsearch: lines that say what to do, each with a document behind it.

use std::borrow::Cow;
use std::ops::ControlFlow;

use model::{Ticks, tables};
use serde::Deserialize;

use crate::hec::Text;
use crate::json::{Json, Object, get};
use crate::shipped::{Fault, Reader, Said, TABLE_PREFIX};
use crate::{Refusal, lines};

/// An item of a body, as its sender names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkItem<'a> {
    pub action: BulkAction,
    /// Empty where neither the item nor the request names one.
    pub index: Cow<'a, str>,
    pub id: Option<Cow<'a, str>>,
}

/// What is to be done with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkAction {
    Index,
    Create,
    Update,
    Delete,
}

impl BulkAction {
    pub fn name(self) -> &'static str {
        match self {
            BulkAction::Index => "index",
            BulkAction::Create => "create",
            BulkAction::Update => "update",
            BulkAction::Delete => "delete",
        }
    }
}

/// Takes the next item, whose outcome is still to come; or breaks off.
pub type TakeItem<'a> = dyn FnMut(BulkItem<'_>) -> ControlFlow<()> + 'a;

/// Longer names are refused, as the protocol has it.
const INDEX_BYTES_MAX: usize = 255;
const ID_BYTES_MAX: usize = 512;
/// Names of indexes are in lower case and have no colons.
const TABLE_INDEX_PREFIX: &str = "bartizan-";
const TIME: &str = "@timestamp";

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line<'a> {
    #[serde(borrow)]
    Index(Target<'a>),
    #[serde(borrow)]
    Create(Target<'a>),
    #[serde(borrow)]
    Update(Target<'a>),
    #[serde(borrow)]
    Delete(Target<'a>),
}

/// Members that say how a document would be stored are read and mean nothing here.
#[derive(Deserialize)]
struct Target<'a> {
    #[serde(borrow, rename = "_index")]
    index: Option<Text<'a>>,
    #[serde(borrow, rename = "_id")]
    id: Option<Id<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Id<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Number(i64),
}

/// Reads items; a line that says nothing readable is the fault of the whole body, as what follows it could be
/// anything. `said.kind` is the index of items that name none.
pub(crate) fn read(
    body: &[u8],
    said: &Said<'_>,
    reader: &mut Reader<'_, '_, '_>,
    take: &mut TakeItem<'_>,
) -> Result<ControlFlow<()>, Fault> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut event = 0;
    while let Some(line) = lines.find(|line| !line.is_empty()) {
        let malformed = |reason: String| Fault::Malformed { event, reason };
        let line: Line<'_> = serde_json::from_slice(line).map_err(|error| malformed(error.to_string()))?;
        let item = item(line, &said.kind);
        let document = match item.action {
            BulkAction::Delete => &[],
            _ => {
                let document =
                    lines.next().filter(|line| !line.is_empty() || !lines.clone().all(<[u8]>::is_empty));
                document.ok_or_else(|| malformed("the body ends before its document".to_owned()))?
            }
        };
        let (kind, refusal) = (kind(&item.index), refusal(&item));
        if take(item).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let flow = match refusal {
            Some(refusal) => reader.refuse(refusal),
            None => take_document(
                document,
                Said { device: (&*said.device).into(), time: said.time, kind },
                reader,
            ),
        };
        if flow.is_break() {
            return Ok(flow);
        }
        event += 1;
    }
    if event == 0 { Err(Fault::NoData) } else { Ok(ControlFlow::Continue(())) }
}

fn item<'a>(line: Line<'a>, index: &'a str) -> BulkItem<'a> {
    let (action, target) = match line {
        Line::Index(target) => (BulkAction::Index, target),
        Line::Create(target) => (BulkAction::Create, target),
        Line::Update(target) => (BulkAction::Update, target),
        Line::Delete(target) => (BulkAction::Delete, target),
    };
    let id = target.id.map(|id| match id {
        Id::Text(id) => id,
        Id::Number(id) => id.to_string().into(),
    });
    let named = target.index.map(|index| index.0).filter(|index| !index.is_empty());
    BulkItem { action, index: named.unwrap_or(index.into()), id }
}

/// Why an item is refused whatever its document says.
fn refusal(item: &BulkItem<'_>) -> Option<Refusal> {
    let bad = |field, expected| Some(Refusal::bad_value(field, expected));
    match item.action {
        BulkAction::Update | BulkAction::Delete => bad("action", "index or create: events do not change"),
        _ if item.index.len() > INDEX_BYTES_MAX => bad("_index", "at most 255 bytes"),
        _ if item.id.as_ref().is_some_and(|id| id.len() > ID_BYTES_MAX) => bad("_id", "at most 512 bytes"),
        _ => None,
    }
}

/// What documents of an index are: rows of the table that it names, or whatever their content tells.
fn kind(index: &str) -> Cow<'static, str> {
    let table = index
        .strip_prefix(TABLE_INDEX_PREFIX)
        .and_then(|name| tables::TABLES.iter().find(|table| table.name.eq_ignore_ascii_case(name)));
    match table {
        Some(table) => format!("{TABLE_PREFIX}{}", table.name).into(),
        None => index.to_owned().into(),
    }
}

fn take_document(document: &[u8], said: Said<'_>, reader: &mut Reader<'_, '_, '_>) -> ControlFlow<()> {
    if let Err(refusal) = lines::check_length(document) {
        return reader.refuse(refusal);
    }
    match Json::parse(document) {
        Ok(Json::Object(mut members)) => {
            let said = Said { time: time(&members).or(said.time), ..said };
            if said.kind.starts_with(TABLE_PREFIX) {
                members.retain(|(name, _)| name != TIME);
            }
            reader.take_json(Json::Object(members), document, &said)
        }
        Ok(_) => reader.refuse(Refusal::NotAnEvent { missing: "a JSON object" }),
        Err(reason) => reader.refuse(Refusal::NotJson { reason }),
    }
}

/// The time that shippers give each document.
fn time(document: &Object<'_>) -> Option<Ticks> {
    let time = match get(document, TIME)? {
        Json::Text(text) => Ticks::parse(text.trim()),
        Json::Int(millis) => Ticks::from_unix_millis(*millis),
        _ => None,
    };
    time.filter(|time| time.unix_nanos().is_some())
}
