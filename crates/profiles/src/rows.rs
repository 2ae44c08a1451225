//! One batch of events as the folds look at it: columns, the device and the time of each row, and rows that say
//! the same put together before any profile is touched.

use std::collections::HashMap;
use std::hash::Hash;

use datafusion::arrow::array::{
    Array, BooleanArray, Int64Array, RecordBatch, StringViewArray, TimestampNanosecondArray,
};
use foldhash::fast::RandomState;
use model::{DeviceId, Table, Ticks};

use crate::sample::DeviceKey;

/// Texts of events are hashed several times for each row.
pub(crate) type FastMap<K, V> = HashMap<K, V, RandomState>;

/// A batch of a table whose rows happened on devices.
pub(crate) struct Rows<'a> {
    pub table: &'static Table,
    batch: &'a RecordBatch,
    pub devices: Vec<Device>,
    /// Those with a time and a device; others say nothing of anybody.
    rows: Vec<Seen>,
}

/// A device of a batch.
pub(crate) struct Device {
    pub id: DeviceId,
    pub key: DeviceKey,
    /// Of its rows in the batch.
    pub span: Span,
}

/// When something was first and last seen, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first: i64,
    pub last: i64,
}

/// One row: where it is in the batch, when it happened, and on which device of the batch.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub row: usize,
    pub at: i64,
    pub device: u32,
}

impl Span {
    pub(crate) fn at(time: i64) -> Span {
        Span { first: time, last: time }
    }

    pub(crate) fn include(&mut self, other: Span) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// Whether the rows of a table happened on devices that report.
pub fn is_of_devices(table: &'static Table) -> bool {
    table.name.starts_with("Device") && table.time_column().is_some()
}

impl<'a> Rows<'a> {
    /// None when the table's rows do not happen on devices.
    pub fn of(table: &'static Table, batch: &'a RecordBatch) -> Option<Rows<'a>> {
        if !is_of_devices(table) {
            return None;
        }
        let ids = text_of(batch, "DeviceId")?;
        let times = batch.column_by_name("Timestamp")?.as_any().downcast_ref::<TimestampNanosecondArray>()?;
        let mut known: FastMap<&str, Option<u32>> = FastMap::default();
        let mut devices: Vec<Device> = Vec::new();
        let mut rows = Vec::with_capacity(batch.num_rows());
        let mut previous: (&str, Option<u32>) = ("", None);
        for row in 0..batch.num_rows() {
            if times.is_null(row) || ids.is_null(row) {
                continue;
            }
            let (text, at) = (ids.value(row), Ticks::from_unix_nanos(times.value(row)).0);
            // Rows of one device follow each other, as a rule.
            if text != previous.0 {
                let device = *known.entry(text).or_insert_with(|| {
                    let id = DeviceId::parse(text)?;
                    devices.push(Device { key: DeviceKey::of(&id), id, span: Span::at(at) });
                    Some(devices.len() as u32 - 1)
                });
                previous = (text, device);
            }
            let Some(device) = previous.1 else { continue };
            devices[device as usize].span.include(Span::at(at));
            rows.push(Seen { row, at, device });
        }
        Some(Rows { table, batch, devices, rows })
    }

    pub fn iter(&self) -> impl Iterator<Item = Seen> + '_ {
        self.rows.iter().copied()
    }

    pub fn device(&self, index: u32) -> &Device {
        &self.devices[index as usize]
    }

    /// The texts of a column; every one is empty when the batch lacks it.
    pub fn text(&self, column: &str) -> Texts<'a> {
        Texts(text_of(self.batch, column).filter(|column| column.null_count() < column.len()))
    }

    pub fn long(&self, column: &str) -> Longs<'a> {
        Longs(self.batch.column_by_name(column).and_then(|column| column.as_any().downcast_ref()))
    }

    pub fn truth(&self, column: &str) -> Truths<'a> {
        Truths(self.batch.column_by_name(column).and_then(|column| column.as_any().downcast_ref()))
    }
}

/// A column of texts that need not be there.
#[derive(Clone, Copy)]
pub(crate) struct Texts<'a>(Option<&'a StringViewArray>);

impl<'a> Texts<'a> {
    pub fn at(&self, row: usize) -> &'a str {
        match self.0 {
            Some(column) if column.is_valid(row) => column.value(row),
            _ => "",
        }
    }

    pub fn is_absent(&self) -> bool {
        self.0.is_none()
    }
}

/// A column of numbers that need not be there.
#[derive(Clone, Copy)]
pub(crate) struct Longs<'a>(Option<&'a Int64Array>);

impl Longs<'_> {
    pub fn at(&self, row: usize) -> Option<i64> {
        self.0.filter(|column| column.is_valid(row)).map(|column| column.value(row))
    }
}

/// A column of truth values that need not be there.
#[derive(Clone, Copy)]
pub(crate) struct Truths<'a>(Option<&'a BooleanArray>);

impl Truths<'_> {
    pub fn at(&self, row: usize) -> Option<bool> {
        self.0.filter(|column| column.is_valid(row)).map(|column| column.value(row))
    }
}

fn text_of<'a>(batch: &'a RecordBatch, column: &str) -> Option<&'a StringViewArray> {
    batch.column_by_name(column)?.as_any().downcast_ref()
}

/// Rows put together by what they are about. Most rows of a batch say again what others said.
pub(crate) struct Groups<K, G> {
    index: FastMap<K, usize>,
    groups: Vec<(K, G)>,
    /// The group of the last row: neighbours are often about the same.
    last: usize,
}

impl<K: Copy + Eq + Hash, G> Groups<K, G> {
    pub fn new() -> Groups<K, G> {
        Groups { index: FastMap::default(), groups: Vec::new(), last: 0 }
    }

    /// The group of that key, made when there is none.
    pub fn of(&mut self, key: K, new: impl FnOnce() -> G) -> &mut G {
        if self.groups.get(self.last).is_none_or(|(last, _)| *last != key) {
            self.last = *self.index.entry(key).or_insert_with(|| {
                self.groups.push((key, new()));
                self.groups.len() - 1
            });
        }
        &mut self.groups[self.last].1
    }

    pub fn into_groups(self) -> impl Iterator<Item = (K, G)> {
        self.groups.into_iter()
    }
}
