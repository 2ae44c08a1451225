//! Rows that already have the shape of a hunting table: exports of hunting results, and the streaming
//! export with its `category` and `properties`.

use model::row::RowError;
use model::tables::{self, COLUMN_ALIASES, TABLE_ALIASES, TABLES};
use model::{Cell, DeviceId, Row, Table};
use serde_json::{Map, Value};

use super::without_type_ending;
use crate::json::{Json, Object, get};
use crate::{Mapped, Refusal};

/// Starts of action types that belong to one table; anything else is decided by the columns.
const ACTION_TABLES: &[(&str, &str)] = &[
    ("ProcessCreated", "DeviceProcessEvents"),
    ("OpenProcess", "DeviceEvents"),
    ("Connection", "DeviceNetworkEvents"),
    ("InboundConnection", "DeviceNetworkEvents"),
    ("ListeningConnection", "DeviceNetworkEvents"),
    ("NetworkSignatureInspected", "DeviceNetworkEvents"),
    ("DnsConnectionInspected", "DeviceNetworkEvents"),
    ("HttpConnectionInspected", "DeviceNetworkEvents"),
    ("SslConnectionInspected", "DeviceNetworkEvents"),
    ("FileCreated", "DeviceFileEvents"),
    ("FileModified", "DeviceFileEvents"),
    ("FileDeleted", "DeviceFileEvents"),
    ("FileRenamed", "DeviceFileEvents"),
    ("RegistryKey", "DeviceRegistryEvents"),
    ("RegistryValue", "DeviceRegistryEvents"),
    ("ImageLoaded", "DeviceImageLoadEvents"),
    ("LdapSearch", "DeviceEvents"),
    ("MailItemsAccessed", "CloudAppEvents"),
    ("Directory Services replication", "IdentityDirectoryEvents"),
];

/// Members that may name the table.
const TABLE_NAMES: [&str; 3] = ["Type", "$table", "TableName"];

/// The table of rows that fit several equally well.
const FALLBACK: &str = "DeviceEvents";

pub(super) fn matches(object: &Object<'_>) -> bool {
    let has = |key| get(object, key).is_some();
    let is_streamed = matches!(get(object, "properties"), Some(Json::Object(_)))
        && matches!(get(object, "category"), Some(Json::Text(category)) if category.starts_with("AdvancedHunting-"));
    // An EventID is a Windows event, whatever else it holds.
    is_streamed || (has("ActionType") && !has("EventID") && (has("Timestamp") || has("TimeGenerated")))
}

/// Makes a row of the table the record belongs to. `report_id` is used when it has none of its own.
pub(crate) fn map(mut object: Object<'_>, report_id: i64) -> Result<Mapped, Refusal> {
    let mut named = None;
    if let Some(Json::Text(category)) = get(&object, "category") {
        named = category.strip_prefix("AdvancedHunting-").and_then(find_table);
        if let Some(at) = object.iter().position(|(key, _)| key == "properties")
            && let Json::Object(properties) = object.swap_remove(at).1
        {
            object = properties;
        }
    }
    let mut members = members(object);
    let text = |key: &str| members.get(key).and_then(Value::as_str).unwrap_or_default();
    let naming = TABLE_NAMES.into_iter().find(|key| find_table(text(key)).is_some());
    let named = named.or_else(|| find_table(text(naming?)));
    let action = text("ActionType");
    let by_action = || {
        ACTION_TABLES.iter().find(|(start, _)| action.starts_with(start)).and_then(|(_, t)| tables::find(t))
    };
    let found = named.or_else(by_action).or_else(|| best_fit(&members));
    if let Some(naming) = naming {
        members.shift_remove(naming);
    }
    let Some(table) = found else {
        return Ok(Mapped::Unmapped { kind: "ActionType without a table".to_owned() });
    };
    fill(table, members, report_id)
}

fn find_table(name: &str) -> Option<&'static Table> {
    let alias = TABLE_ALIASES.iter().find(|(old, _)| *old == name).map(|(_, new)| *new);
    tables::find(alias.unwrap_or(name)).filter(|table| table.time_column().is_some())
}

/// The members that hold something, under current column names.
fn members(object: Object<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    for (key, value) in object {
        if matches!(&value, Json::Null) || matches!(&value, Json::Text(text) if text.is_empty()) {
            continue;
        }
        let plain = without_type_ending(&key);
        let alias = COLUMN_ALIASES.iter().find(|(old, _)| *old == plain).map(|(_, new)| *new);
        let name = alias.unwrap_or(plain).to_owned();
        members.entry(name).or_insert_with(|| Value::from(value));
    }
    members
}

/// The table that has a column for most members.
fn best_fit(members: &Map<String, Value>) -> Option<&'static Table> {
    let fit = |table: &'static Table| members.keys().filter(|key| table.position(key).is_some()).count();
    let candidates = TABLES
        .iter()
        .copied()
        .filter(|table| table.position("Timestamp").is_some() && table.position("ActionType").is_some());
    candidates.max_by_key(|table| (fit(table), table.name == FALLBACK))
}

fn fill(table: &'static Table, members: Map<String, Value>, report_id: i64) -> Result<Mapped, Refusal> {
    let mut row = Row::new(table);
    let mut unknown = Map::new();
    for (name, value) in members {
        match table.position(&name) {
            Some(at) => row.cells[at] = Cell::from_json(&table.columns[at], value).map_err(refusal)?,
            None => {
                unknown.insert(name, value);
            }
        }
    }
    if row.timestamp().is_none() {
        return Err(Refusal::bad_time("Timestamp", None));
    }
    // A device id of another service is not one of ours unless it has the form; the caller assigns it then.
    if let Some(at) = table.position("DeviceId")
        && DeviceId::parse(row.text("DeviceId")).is_none()
    {
        row.cells[at] = Cell::Null;
    }
    if let Some(at) = table.position("DeviceName") {
        row.cells[at] = Some(row.text("DeviceName").to_lowercase()).filter(|name| !name.is_empty()).into();
    }
    if let Some(at) = table.position("ReportId")
        && row.cells[at] == Cell::Null
        && table.columns[at].kind == model::Kind::Long
    {
        row.cells[at] = Cell::Long(report_id);
    }
    if !unknown.is_empty()
        && let Some(at) = table.position("AdditionalFields")
    {
        row.cells[at] = Cell::Text(with_unknown(row.text("AdditionalFields"), unknown));
    }
    Ok(Mapped::Row(Box::new(row)))
}

/// AdditionalFields with the members no column takes; fields that are there already win.
fn with_unknown(additional: &str, unknown: Map<String, Value>) -> String {
    let mut fields = match serde_json::from_str(additional) {
        Ok(Value::Object(fields)) => fields,
        _ if additional.is_empty() => Map::new(),
        _ => Map::from_iter([("AdditionalFields".to_owned(), Value::from(additional))]),
    };
    for (name, value) in unknown {
        fields.entry(name).or_insert(value);
    }
    Value::Object(fields).to_string()
}

fn refusal(error: RowError) -> Refusal {
    match error {
        RowError::WrongKind { column: "Timestamp", given, .. } => {
            Refusal::bad_time("Timestamp", Some(given.trim_matches('"')))
        }
        RowError::WrongKind { column, kind, given } => Refusal::BadValue {
            field: column.into(),
            expected: format!("a value of type {}, not {given}", kind.name()).into(),
        },
        other => Refusal::BadValue { field: "row".into(), expected: other.to_string().into() },
    }
}
