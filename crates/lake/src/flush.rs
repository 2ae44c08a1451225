//! Hot rows to Parquet files, sorted, one file for each tenant, table and day.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{Int64Type, TimestampNanosecondType};
use foldhash::fast::RandomState;
use model::lake::DataFile;
use model::time::TICKS_PER_DAY;
use model::{Table, TenantId, Ticks};

use crate::LakeError;
use crate::hot::HotBatch;
use crate::parquet_file::{Diverse, Gathered, LEVEL_FAST, ParquetFile, ROW_GROUP_ROWS, Texts};
use crate::schema::{SCHEMA_VERSION, SEQUENCE_COLUMN, stored_schema};
use crate::verified::checksums;

/// About what a row takes in a file.
const ROW_BYTES: usize = 128;

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
        let Some(largest) = batches.iter().max_by_key(|batch| batch.rows.len()) else { continue };
        let (table, diverse) = (largest.table, Diverse::of(largest.rows.columns()));
        let columns = gathered(table, &batches)?;
        for DayOrder { day, rows, times, sequences } in day_orders(table, &columns) {
            let bytes = encode_file(table, &diverse, &columns, &rows)?;
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

/// The columns of all batches; none for those that hold nothing.
fn gathered(table: &'static Table, batches: &[&HotBatch]) -> Result<Vec<Option<Gathered>>, LakeError> {
    let mut starts = vec![0];
    starts.extend(batches.iter().scan(0, |end, batch| {
        *end += batch.rows.len() as u32;
        Some(*end)
    }));
    let starts: Arc<[u32]> = starts.into();
    let columns = (0..stored_schema(table).fields().len()).map(|at| {
        let declared = table.columns.get(at);
        if declared.is_some() && batches.iter().all(|batch| batch.rows.columns()[at].is_none()) {
            return Ok(None);
        }
        if declared.is_some_and(|column| column.kind.is_never_null()) {
            let part = |batch: &&HotBatch| batch.rows.columns()[at].as_ref()?.as_string_opt().cloned();
            let parts = batches.iter().map(part).collect();
            return Ok(Some(Gathered::Texts(Texts { parts, starts: starts.clone() })));
        }
        let arrays: Vec<ArrayRef> = batches.iter().map(|batch| batch.column(at)).collect();
        let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
        Ok::<_, LakeError>(Some(Gathered::Values(concat(&arrays)?)))
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

/// Sorts rows by day, device, time and sequence, and cuts at the days. The numbers of rows ascend as their sequences do.
fn day_orders(table: &'static Table, columns: &[Option<Gathered>]) -> Vec<DayOrder> {
    let column = |name| stored_schema(table).index_of(name).ok().and_then(|at| columns[at].as_ref());
    let Some(Gathered::Values(sequences)) = column(SEQUENCE_COLUMN) else { return Vec::new() };
    let sequences = sequences.as_primitive::<Int64Type>();
    let times = match column("Timestamp") {
        Some(Gathered::Values(times)) => times.as_primitive_opt::<TimestampNanosecondType>(),
        _ => None,
    };
    let time = |row: usize| times.filter(|times| times.is_valid(row)).map(|times| times.value(row));
    let devices = match column("DeviceId") {
        Some(Gathered::Texts(devices)) => device_ranks(devices),
        _ => vec![0; sequences.len()],
    };

    // What rows of a day are sorted by, as one number: that is several times as fast as by its parts.
    let mut days: BTreeMap<i64, Vec<u128>> = BTreeMap::new();
    for (row, device) in devices.into_iter().enumerate() {
        let nanos = time(row);
        // Rows without a time count as day 0, and come first.
        let day = nanos.map_or(0, |nanos| Ticks::from_unix_nanos(nanos).0.div_euclid(TICKS_PER_DAY));
        let time = nanos.map_or(0, |nanos| (nanos as u64 ^ 1 << 63).saturating_add(1));
        days.entry(day).or_default().push(u128::from(device) << 96 | u128::from(time) << 32 | row as u128);
    }
    let day_order = |(day, mut keys): (i64, Vec<u128>)| {
        keys.sort_unstable();
        let rows: Vec<u32> = keys.into_iter().map(|key| key as u32).collect();
        let times = || rows.iter().filter_map(|row| time(*row as usize));
        let ticks = |nanos: i64| Ticks::from_unix_nanos(nanos).0;
        let numbers = || rows.iter().map(|row| sequences.value(*row as usize));
        let times = times().min().zip(times().max()).map(|(first, last)| (ticks(first), ticks(last)));
        let sequences = (numbers().min().unwrap_or(0), numbers().max().unwrap_or(0));
        DayOrder { day, rows, times, sequences }
    };
    days.into_iter().map(day_order).collect()
}

/// The place of each row's device among the sorted devices.
fn device_ranks(devices: &Texts) -> Vec<u32> {
    let mut numbers: HashMap<&str, u32, RandomState> = HashMap::default();
    let numbered = devices.iter().map(|device| {
        let next = numbers.len() as u32;
        *numbers.entry(device).or_insert(next)
    });
    let numbered: Vec<u32> = numbered.collect();
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
    diverse: &Diverse,
    columns: &[Option<Gathered>],
    rows: &[u32],
) -> Result<Bytes, LakeError> {
    let mut file = ParquetFile::new(table, diverse, LEVEL_FAST, rows.len() * ROW_BYTES)?;
    for rows in rows.chunks(ROW_GROUP_ROWS) {
        file.write_ordered(columns, rows)?;
    }
    file.finish()
}
