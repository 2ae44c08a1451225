//! Hot rows to Parquet files, sorted, one file for each tenant, table and day.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use datafusion::arrow::compute::{concat, take};
use datafusion::arrow::datatypes::{Int64Type, TimestampNanosecondType};
use foldhash::fast::RandomState;
use model::lake::DataFile;
use model::time::TICKS_PER_DAY;
use model::{Table, TenantId, Ticks};

use crate::LakeError;
use crate::parquet_file::{LEVEL_FAST, ParquetFile, ROW_GROUP_ROWS};
use crate::schema::{SCHEMA_VERSION, SEQUENCE_COLUMN, stored_schema};
use crate::state::HotBatch;
use crate::verified::checksums;

/// A file ready to be written.
pub(crate) struct Encoded {
    pub file: DataFile,
    pub bytes: Bytes,
    /// The index of its terms. What a flush writes has none: it is merged soon.
    pub index: Option<Bytes>,
}

/// Sorts hot rows into files. Work for a thread that may block.
pub(crate) fn encode_files(
    hot: &[(TenantId, Arc<HotBatch>)],
    now: Ticks,
    new_name: &dyn Fn() -> String,
) -> Result<Vec<Encoded>, LakeError> {
    let mut groups: BTreeMap<(TenantId, &'static str), Vec<&HotBatch>> = BTreeMap::new();
    for (tenant, batch) in hot {
        groups.entry((*tenant, batch.table.name)).or_default().push(batch);
    }
    let mut encoded = Vec::new();
    for ((tenant, _), batches) in groups {
        let Some(table) = batches.first().map(|batch| batch.table) else { continue };
        let columns = concatenated(table, &batches)?;
        for DayOrder { day, rows, times, sequences } in day_orders(table, &columns) {
            let bytes = encode_file(table, &columns, &rows)?;
            let file = DataFile {
                tenant,
                table: table.name.to_owned(),
                day,
                path: format!("{tenant}/{}/{day}/{}.parquet", table.name, new_name()),
                rows: rows.len() as i64,
                bytes: bytes.len() as i64,
                first_time: times.map(|(first, _)| first),
                last_time: times.map(|(_, last)| last),
                first_sequence: sequences.0,
                last_sequence: sequences.1,
                schema_version: SCHEMA_VERSION,
                checksums: checksums(&bytes),
                index_bytes: None,
                level: 0,
                added: now,
                removed: None,
            };
            encoded.push(Encoded { file, bytes, index: None });
        }
    }
    Ok(encoded)
}

/// The columns of all batches put together; none for those that hold nothing.
fn concatenated(table: &'static Table, batches: &[&HotBatch]) -> Result<Vec<Option<ArrayRef>>, LakeError> {
    let is_filled = |at: usize| {
        at >= table.columns.len()
            || batches.iter().any(|batch| batch.filled.get(at).is_none_or(|filled| *filled))
    };
    let columns = (0..stored_schema(table).fields().len()).map(|at| {
        if !is_filled(at) {
            return Ok(None);
        }
        let arrays: Vec<&dyn Array> = batches.iter().map(|batch| batch.batch.column(at).as_ref()).collect();
        Ok::<_, LakeError>(Some(concat(&arrays)?))
    });
    columns.collect()
}

/// The rows of one day in the order of a file, with their first and last time and sequence.
struct DayOrder {
    day: i64,
    rows: Vec<u32>,
    /// In ticks; none when no row has a time.
    times: Option<(i64, i64)>,
    sequences: (i64, i64),
}

/// What rows are sorted by.
struct Key {
    /// Rows without a time count as day 0.
    day: i32,
    device: u32,
    nanos: Option<i64>,
    sequence: i64,
    row: u32,
}

impl Key {
    fn compare(&self, other: &Key) -> Ordering {
        let key = |key: &Key| (key.day, key.device, key.nanos, key.sequence);
        key(self).cmp(&key(other))
    }
}

/// Sorts rows by day, device, time and sequence, and cuts at the days.
fn day_orders(table: &'static Table, columns: &[Option<ArrayRef>]) -> Vec<DayOrder> {
    let column = |name| table.position(name).and_then(|at| columns[at].as_ref());
    let at_of = |name| stored_schema(table).index_of(name).ok().and_then(|at| columns[at].clone());
    let Some(sequences) = at_of(SEQUENCE_COLUMN) else { return Vec::new() };
    let sequences = sequences.as_primitive::<Int64Type>();
    let times = column("Timestamp").map(|times| times.as_primitive::<TimestampNanosecondType>());
    let devices = device_ranks(column("DeviceId"), sequences.len());

    let mut keys: Vec<Key> = Vec::with_capacity(sequences.len());
    for (row, device) in devices.into_iter().enumerate() {
        let nanos = times.filter(|times| times.is_valid(row)).map(|times| times.value(row));
        let day = nanos.map_or(0, |nanos| Ticks::from_unix_nanos(nanos).0.div_euclid(TICKS_PER_DAY));
        let sequence = sequences.value(row);
        keys.push(Key { day: day as i32, device, nanos, sequence, row: row as u32 });
    }
    keys.sort_unstable_by(Key::compare);
    keys.chunk_by(|a, b| a.day == b.day).map(day_order).collect()
}

fn day_order(keys: &[Key]) -> DayOrder {
    let nanos = || keys.iter().filter_map(|key| key.nanos);
    let ticks = |nanos: i64| Ticks::from_unix_nanos(nanos).0;
    let sequences = || keys.iter().map(|key| key.sequence);
    DayOrder {
        day: keys.first().map_or(0, |key| key.day.into()),
        rows: keys.iter().map(|key| key.row).collect(),
        times: nanos().min().zip(nanos().max()).map(|(first, last)| (ticks(first), ticks(last))),
        sequences: (sequences().min().unwrap_or(0), sequences().max().unwrap_or(0)),
    }
}

/// The place of each row's device among the sorted devices.
fn device_ranks(devices: Option<&ArrayRef>, rows: usize) -> Vec<u32> {
    let Some(devices) = devices.and_then(|devices| devices.as_string_view_opt()) else {
        return vec![0; rows];
    };
    let mut numbers: HashMap<&str, u32, RandomState> = HashMap::default();
    let numbered: Vec<u32> = (0..rows)
        .map(|row| {
            let next = numbers.len() as u32;
            *numbers.entry(devices.value(row)).or_insert(next)
        })
        .collect();
    let mut sorted: Vec<(&str, u32)> = numbers.into_iter().collect();
    sorted.sort_unstable();
    let mut ranks = vec![0; sorted.len()];
    for (rank, (_, number)) in sorted.iter().enumerate() {
        ranks[*number as usize] = rank as u32;
    }
    numbered.into_iter().map(|number| ranks[number as usize]).collect()
}

fn encode_file(
    table: &'static Table,
    columns: &[Option<ArrayRef>],
    rows: &[u32],
) -> Result<Bytes, LakeError> {
    let mut file = ParquetFile::new(table, columns, LEVEL_FAST)?;
    for rows in rows.chunks(ROW_GROUP_ROWS) {
        let order = UInt32Array::from(rows.to_vec());
        let sorted = columns.iter().map(|column| column.as_ref().map(|array| take(array, &order, None)));
        let sorted: Vec<Option<ArrayRef>> = sorted.map(Option::transpose).collect::<Result<_, _>>()?;
        file.write(&sorted, rows.len())?;
    }
    file.finish()
}
