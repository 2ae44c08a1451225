//! Hot rows to Parquet files, sorted, one file for each tenant, table and day.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, cast::AsArray};
use datafusion::arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use datafusion::arrow::datatypes::{Int64Type, TimestampNanosecondType};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;
use model::time::TICKS_PER_DAY;
use model::{Table, TenantId, Ticks};

use crate::LakeError;
use crate::catalog::DataFile;
use crate::schema::{SCHEMA_VERSION, SEQUENCE_COLUMN, stored_schema};
use crate::state::HotBatch;

const ROW_GROUP_ROWS: usize = 128 * 1024;

/// A file ready to be written.
pub(crate) struct Encoded {
    pub file: DataFile,
    pub bytes: Bytes,
}

/// Sorts hot rows into files. Work for a thread that may block.
pub(crate) fn encode_files(
    hot: &[(TenantId, Arc<HotBatch>)],
    new_name: &dyn Fn() -> String,
) -> Result<Vec<Encoded>, LakeError> {
    let mut groups: BTreeMap<(TenantId, &'static str), (&'static Table, Vec<&RecordBatch>)> = BTreeMap::new();
    for (tenant, batch) in hot {
        let group = groups.entry((*tenant, batch.table.name)).or_insert((batch.table, Vec::new()));
        group.1.push(&batch.batch);
    }
    let mut encoded = Vec::new();
    for ((tenant, _), (table, batches)) in groups {
        let rows = concat_batches(&stored_schema(table), batches)?;
        for (day, rows) in split_by_day(table, &rows)? {
            encoded.push(encode_file(tenant, table, day, &rows, new_name)?);
        }
    }
    Ok(encoded)
}

/// Sorts by day, device and time, then cuts at the days. Rows without a time count as day 0.
fn split_by_day(table: &'static Table, rows: &RecordBatch) -> Result<Vec<(i64, RecordBatch)>, LakeError> {
    let days = days(table, rows);
    let mut keys = vec![days.clone() as ArrayRef];
    keys.extend(
        ["DeviceId", "Timestamp", SEQUENCE_COLUMN].iter().filter_map(|c| rows.column_by_name(c)).cloned(),
    );
    let keys: Vec<SortColumn> = keys.into_iter().map(|values| SortColumn { values, options: None }).collect();
    let order = lexsort_to_indices(&keys, None)?;
    let sorted = take_record_batch(rows, &order)?;
    let days = datafusion::arrow::compute::take(days.as_ref(), &order, None)?;
    let days = days.as_primitive::<Int64Type>();

    let mut parts = Vec::new();
    let mut start = 0;
    for at in 1..=days.len() {
        if at == days.len() || days.value(at) != days.value(start) {
            parts.push((days.value(start), sorted.slice(start, at - start)));
            start = at;
        }
    }
    Ok(parts)
}

fn days(table: &'static Table, rows: &RecordBatch) -> Arc<Int64Array> {
    let times = table.time_column().map(|at| rows.column(at).as_primitive::<TimestampNanosecondType>());
    let day = |row| {
        let nanos = times.filter(|times| times.is_valid(row))?.value(row);
        Some(Ticks::from_unix_nanos(nanos).0.div_euclid(TICKS_PER_DAY))
    };
    Arc::new((0..rows.num_rows()).map(|row| day(row).unwrap_or(0)).collect::<Vec<i64>>().into())
}

fn encode_file(
    tenant: TenantId,
    table: &'static Table,
    day: i64,
    rows: &RecordBatch,
    new_name: &dyn Fn() -> String,
) -> Result<Encoded, LakeError> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties(table)))?;
    writer.write(rows)?;
    writer.close()?;

    let times = table.time_column().map(|at| rows.column(at).as_primitive::<TimestampNanosecondType>());
    let times = times.map(|times| times.iter().flatten().map(|nanos| Ticks::from_unix_nanos(nanos).0));
    let sequences = rows.column_by_name(SEQUENCE_COLUMN).map(|c| c.as_primitive::<Int64Type>());
    let sequences = sequences.map(|column| column.iter().flatten());
    let file = DataFile {
        tenant,
        table: table.name.to_owned(),
        day,
        path: format!("{tenant}/{}/{day}/{}.parquet", table.name, new_name()),
        rows: rows.num_rows() as i64,
        bytes: bytes.len() as i64,
        first_time: times.clone().and_then(Iterator::min),
        last_time: times.and_then(Iterator::max),
        first_sequence: sequences.clone().and_then(Iterator::min).unwrap_or(0),
        last_sequence: sequences.and_then(Iterator::max).unwrap_or(0),
        schema_version: SCHEMA_VERSION,
    };
    Ok(Encoded { file, bytes: bytes.into() })
}

/// Columns that are looked up by a single value, so that a Bloom filter pays.
fn is_looked_up(column: &str) -> bool {
    ["DeviceId", "FileName"].contains(&column)
        || ["SHA1", "SHA256", "MD5", "RemoteIP"].iter().any(|suffix| column.ends_with(suffix))
}

fn properties(table: &'static Table) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page);
    for column in table.columns.iter().filter(|column| is_looked_up(column.name)) {
        builder = builder.set_column_bloom_filter_enabled(ColumnPath::from(column.name), true);
    }
    builder.build()
}
