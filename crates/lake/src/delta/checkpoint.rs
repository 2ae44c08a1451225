//! Checkpoints: the whole state as one Parquet file, so that readers need not replay every commit.
//!
//! A row is an action, as a line of a commit is; both directions go through those lines.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::{LineDelimitedWriter, ReaderBuilder};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::arrow::{ArrowWriter, ProjectionMask};
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;

use super::action::{Action, Add, Remove, parse_lines};
use super::state::Published;
use crate::LakeError;

/// Rows decoded at a time.
const BATCH_ROWS: usize = 4096;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = || DataType::Utf8;
    Arc::new(Schema::new(vec![
        group("txn", &[("appId", text()), ("version", DataType::Int64), ("lastUpdated", DataType::Int64)]),
        group(
            "add",
            &[
                ("path", text()),
                ("partitionValues", map()),
                ("size", DataType::Int64),
                ("modificationTime", DataType::Int64),
                ("dataChange", DataType::Boolean),
                ("stats", text()),
            ],
        ),
        group(
            "remove",
            &[
                ("path", text()),
                ("deletionTimestamp", DataType::Int64),
                ("dataChange", DataType::Boolean),
                ("extendedFileMetadata", DataType::Boolean),
                ("partitionValues", map()),
                ("size", DataType::Int64),
            ],
        ),
        group(
            "metaData",
            &[
                ("id", text()),
                ("format", structure(&[("provider", text()), ("options", map())])),
                ("schemaString", text()),
                ("partitionColumns", DataType::List(Arc::new(Field::new("element", text(), true)))),
                ("configuration", map()),
                ("createdTime", DataType::Int64),
            ],
        ),
        group("protocol", &[("minReaderVersion", DataType::Int32), ("minWriterVersion", DataType::Int32)]),
    ]))
});

fn group(name: &str, fields: &[(&str, DataType)]) -> Field {
    Field::new(name, structure(fields), true)
}

fn structure(fields: &[(&str, DataType)]) -> DataType {
    let fields = fields.iter().map(|(name, of)| Field::new(*name, of.clone(), true));
    DataType::Struct(Fields::from_iter(fields))
}

fn map() -> DataType {
    let entry = DataType::Struct(Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, true),
    ]));
    DataType::Map(Arc::new(Field::new("key_value", entry, false)), false)
}

/// The state as a checkpoint. Also returns how many actions it holds. Work for a thread that may block.
pub(super) fn encode(state: &Published) -> Result<(Bytes, usize), LakeError> {
    let mut decoder = ReaderBuilder::new(SCHEMA.clone()).with_batch_size(BATCH_ROWS).build_decoder()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, SCHEMA.clone(), Some(properties))?;
    let actions = actions(state);
    for rows in actions.chunks(BATCH_ROWS) {
        decoder.serialize(rows)?;
        if let Some(batch) = decoder.flush()? {
            writer.write(&batch)?;
        }
    }
    writer.close()?;
    Ok((bytes.into(), actions.len()))
}

fn actions(state: &Published) -> Vec<Action> {
    // What a checkpoint repeats is no change of data.
    let add =
        |add: &Add| Action { add: Some(Add { data_change: false, ..add.clone() }), ..Action::default() };
    let remove = |remove: &Remove| Action {
        remove: Some(Remove { data_change: false, ..remove.clone() }),
        ..Action::default()
    };
    let mut actions = vec![
        Action { protocol: state.protocol.clone(), ..Action::default() },
        Action { meta_data: state.meta.clone(), ..Action::default() },
    ];
    actions.extend(state.files.values().map(add));
    actions.extend(state.removed.values().map(remove));
    actions
}

/// The actions of a checkpoint, of this publisher or another. Work for a thread that may block.
pub(super) fn decode(bytes: Bytes) -> Result<Vec<Action>, LakeError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let known = ["add", "remove", "metaData", "protocol"];
    let root = builder.parquet_schema().root_schema();
    let roots: Vec<usize> = root
        .get_fields()
        .iter()
        .enumerate()
        .filter(|(_, field)| known.contains(&field.name()))
        .map(|(at, _)| at)
        .collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let mut actions = Vec::new();
    for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()? {
        actions.extend(actions_of(&batch?)?);
    }
    Ok(actions)
}

fn actions_of(batch: &RecordBatch) -> Result<Vec<Action>, LakeError> {
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    let lines = writer.into_inner();
    parse_lines(&lines).map_err(|error| ArrowError::JsonError(error.to_string()).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::action::{Format, MetaData, Protocol};
    use super::*;

    fn state(files: usize) -> Published {
        let add = |at: usize| Add {
            path: format!("739939/{at}.parquet"),
            partition_values: BTreeMap::new(),
            size: at as i64,
            modification_time: 5,
            data_change: false,
            stats: Some(format!("{{\"numRecords\":{at}}}")),
        };
        let removed = Remove {
            path: "739939/old.parquet".to_owned(),
            deletion_timestamp: Some(9),
            data_change: false,
            extended_file_metadata: Some(true),
            partition_values: Some(BTreeMap::new()),
            size: Some(7),
        };
        Published {
            protocol: Some(Protocol { min_reader_version: 1, min_writer_version: 2 }),
            meta: Some(MetaData {
                id: "1".to_owned(),
                format: Format { provider: "parquet".to_owned(), options: BTreeMap::new() },
                schema_string: "{\"type\":\"struct\"}".to_owned(),
                partition_columns: Vec::new(),
                configuration: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
                created_time: None,
            }),
            files: (0..files).map(add).map(|add| (add.path.clone(), add)).collect(),
            removed: BTreeMap::from([(removed.path.clone(), removed)]),
            ..Published::default()
        }
    }

    #[test]
    fn a_checkpoint_is_the_state() {
        for files in [0, 1, BATCH_ROWS * 2 + 1] {
            let state = state(files);
            let (bytes, count) = encode(&state).unwrap();
            assert_eq!(count, files + 3);
            let mut read = Published::default();
            decode(bytes).unwrap().into_iter().try_for_each(|action| read.apply(action)).unwrap();
            assert_eq!(read, state);
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        assert!(decode(Bytes::from_static(b"PAR1 nothing PAR1")).is_err());
    }
}
