//! Arrow IPC: rows as record batches. Notes are batches without rows, in whose custom metadata they stand, as JSON
//! under `bartizan.` and their kind.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::arrow::ipc::{
    Buffer, FieldNode, KeyValue, KeyValueArgs, MessageBuilder, MessageHeader, MetadataVersion,
    RecordBatchBuilder,
};
use flatbuffers::FlatBufferBuilder;
use model::Kind;
use query::{interchange, interchange_schema};
use serde_json::Value;

use super::{Head, Writer};
use crate::error::ApiError;

/// Begins every message, in front of its length.
const CONTINUATION: [u8; 4] = [0xff; 4];
const ALIGNMENT: usize = 8;

pub(super) struct Arrow {
    columns: Vec<(String, Kind)>,
    schema: SchemaRef,
    writer: StreamWriter<Vec<u8>>,
}

impl Arrow {
    pub fn new(head: &Head) -> Result<Arrow, ApiError> {
        let schema = interchange_schema(&head.columns);
        let metadata = [("bartizan.schema".to_owned(), head.note.to_string())];
        let schema = SchemaRef::new(Schema::new_with_metadata(schema.fields().clone(), metadata.into()));
        let writer = StreamWriter::try_new(Vec::new(), &schema)
            .map_err(|error| ApiError::internal(format!("cannot begin a stream: {error}")))?;
        Ok(Arrow { columns: head.columns.clone(), schema, writer })
    }
}

impl Writer for Arrow {
    /// The writer wrote the schema when it was made.
    fn begin(&mut self, _: &Head) -> Result<(), ArrowError> {
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.writer.write(&interchange(batch, &self.columns, &self.schema)?)
    }

    fn note(&mut self, kind: &str, note: &Value) -> Result<(), ArrowError> {
        let message = message(&self.schema, &format!("bartizan.{kind}"), &note.to_string());
        self.writer.get_mut().extend_from_slice(&message);
        Ok(())
    }

    fn end(&mut self) -> Result<(), ArrowError> {
        self.writer.finish()
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.get_mut())
    }
}

/// A batch without rows that has something to say.
fn message(schema: &Schema, key: &str, value: &str) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let nodes = builder.create_vector(&vec![FieldNode::new(0, 0); schema.fields().len()]);
    let buffers: usize = schema.fields().iter().map(|field| buffers_of(field.data_type())).sum();
    let buffers = builder.create_vector(&vec![Buffer::new(0, 0); buffers]);
    let batch = {
        let mut batch = RecordBatchBuilder::new(&mut builder);
        batch.add_length(0);
        batch.add_nodes(nodes);
        batch.add_buffers(buffers);
        batch.finish().as_union_value()
    };
    let (key, value) = (builder.create_string(key), builder.create_string(value));
    let pair = KeyValue::create(&mut builder, &KeyValueArgs { key: Some(key), value: Some(value) });
    let metadata = builder.create_vector(&[pair]);
    let message = {
        let mut message = MessageBuilder::new(&mut builder);
        message.add_version(MetadataVersion::V5);
        message.add_header_type(MessageHeader::RecordBatch);
        message.add_header(batch);
        message.add_bodyLength(0);
        message.add_custom_metadata(metadata);
        message.finish()
    };
    builder.finish(message, None);
    let written = builder.finished_data();
    let padded = written.len().next_multiple_of(ALIGNMENT);
    let mut bytes = Vec::with_capacity(padded + ALIGNMENT);
    bytes.extend_from_slice(&CONTINUATION);
    bytes.extend_from_slice(&(padded as u32).to_le_bytes());
    bytes.extend_from_slice(written);
    bytes.resize(padded + ALIGNMENT, 0);
    bytes
}

/// Validity and values; texts have offsets too.
fn buffers_of(data_type: &DataType) -> usize {
    if matches!(data_type, DataType::LargeUtf8) { 3 } else { 2 }
}
