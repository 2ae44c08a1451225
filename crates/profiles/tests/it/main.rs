//! Profiles over a store, and over a lake.

mod batches;
mod folding;
mod kinds;
mod machines;
mod rebuilding;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, StringViewArray, TimestampNanosecondArray,
    new_null_array,
};
use datafusion::arrow::datatypes::DataType;
use model::{Cell, DeviceId, Kind, Row, TenantId, Ticks, tables};
use profiles::{Batches, Position};
use serde_json::{Map, Value};
use store::{Generation, ProfileKind, ProfileRow, Store, TenantStore};
use uuid::Uuid;

const ONE: TenantId = TenantId(Uuid::from_u128(1));
const TWO: TenantId = TenantId(Uuid::from_u128(2));

fn device(number: u8) -> DeviceId {
    DeviceId::parse(&format!("{number:02x}").repeat(20)).unwrap()
}

/// A time of one day.
fn at(time: &str) -> Ticks {
    Ticks::parse(&format!("2024-05-06T{time}Z")).unwrap()
}

/// A row of a device at a time of that day, or at a whole timestamp.
fn row(table: &str, number: u8, time: &str, json: Value) -> Row {
    let Value::Object(cells) = json else { panic!("a row is an object") };
    let time = if time.len() > 8 { time.to_owned() } else { format!("2024-05-06T{time}Z") };
    let mut object = Map::from_iter([
        ("Timestamp".to_owned(), time.into()),
        ("DeviceId".to_owned(), device(number).as_str().into()),
    ]);
    object.extend(cells);
    Row::from_json(tables::find(table).unwrap(), object).unwrap()
}

/// The rows as the lake hands them out.
fn batches(rows: &[Row]) -> Batches {
    let mut by_table: BTreeMap<&'static str, Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|row| by_table.entry(row.table.name).or_default().push(row));
    by_table.into_values().map(|rows| (rows[0].table, batch(&rows))).collect()
}

fn batch(rows: &[&Row]) -> RecordBatch {
    let column = |(at, column): (usize, &model::tables::Column)| -> ArrayRef {
        let cells = rows.iter().map(|row| &row.cells[at]);
        let text = |cell: &Cell| if let Cell::Text(text) = cell { Some(text.clone()) } else { None };
        match lake::arrow_type(column.kind) {
            DataType::Utf8View if column.kind == Kind::Dynamic => {
                Arc::new(StringViewArray::from_iter(cells.map(text)))
            }
            // A string is never null: a missing one is empty.
            DataType::Utf8View => {
                Arc::new(StringViewArray::from_iter_values(cells.map(|cell| text(cell).unwrap_or_default())))
            }
            DataType::Timestamp(..) => {
                let nanos = cells.map(|cell| if let Cell::Time(at) = cell { at.unix_nanos() } else { None });
                Arc::new(TimestampNanosecondArray::from_iter(nanos).with_timezone("UTC"))
            }
            DataType::Int64 => {
                let number = |cell: &Cell| if let Cell::Long(number) = cell { Some(*number) } else { None };
                Arc::new(Int64Array::from_iter(cells.map(number)))
            }
            DataType::Boolean => {
                let truth = |cell: &Cell| if let Cell::Bool(truth) = cell { Some(*truth) } else { None };
                Arc::new(BooleanArray::from_iter(cells.map(truth)))
            }
            // Of no kind that profiles read.
            other => new_null_array(&other, rows.len()),
        }
    };
    let table = rows[0].table;
    let columns = table.columns.iter().enumerate().map(column).collect();
    RecordBatch::try_new(lake::declared_schema(table), columns).unwrap()
}

async fn store() -> Store {
    Store::open_in_memory().await.unwrap()
}

/// Folds rows into the profiles in use.
async fn fold(store: &TenantStore, rows: &[Row]) -> Position {
    let from = profiles::position(store).await.unwrap();
    profiles::follow(store, batches(rows), from, from.sequence + 1).await.unwrap()
}

type Dump = (Vec<ProfileRow>, Vec<Value>);

/// Every profile that is in use, and every machine, byte by byte.
async fn dump(store: &TenantStore) -> Dump {
    let mut profiles = Vec::new();
    for kind in ProfileKind::ALL {
        profiles.extend(store.profiles_between(Generation::InUse, kind, "", None, 100_000).await.unwrap());
    }
    let machines = profiles.iter().filter(|row| row.kind == ProfileKind::Machine);
    let ids: Vec<_> = machines.map(|row| DeviceId::parse(&row.id).unwrap()).collect();
    let machines = store.machines_with_ids(&ids).await.unwrap();
    assert_eq!(machines.len() as u64, store.machine_count(None).await.unwrap());
    (profiles, machines.iter().map(|machine| serde_json::to_value(machine).unwrap()).collect())
}
