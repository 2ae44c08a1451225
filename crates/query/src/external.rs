//! `externaldata`: rows of files elsewhere. Whoever makes the engine says what may be fetched.

mod formats;

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt, TryStreamExt};

pub(crate) use self::formats::{Format, Layout};

/// Fetches files for `externaldata`, inside bounds of its own.
pub trait ExternalFiles: Send + Sync {
    /// Whether an address may be asked at all, or why not. Asks nobody.
    fn check(&self, uri: &str) -> std::result::Result<(), String>;

    fn fetch<'a>(&'a self, uri: &'a str) -> BoxFuture<'a, std::result::Result<Vec<u8>, String>>;

    /// Bytes of a file once it is decompressed.
    fn unpacked_bytes_max(&self) -> usize;
}

/// Why rows of elsewhere are not read.
#[derive(Debug, thiserror::Error)]
#[error("externaldata: {0}")]
pub(crate) struct Refused(pub String);

impl Refused {
    fn error(reason: impl Into<String>) -> DataFusionError {
        DataFusionError::External(Box::new(Refused(reason.into())))
    }
}

/// The rows of files, as text in every column, one file after the other.
pub(crate) fn table(
    files: Arc<dyn ExternalFiles>,
    uris: Vec<String>,
    layout: Layout,
) -> Result<Arc<dyn TableProvider>> {
    let schema = layout.schema();
    let rows = ExternalRows { files, uris, layout, schema: schema.clone() };
    Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(rows)])?))
}

struct ExternalRows {
    files: Arc<dyn ExternalFiles>,
    uris: Vec<String>,
    layout: Layout,
    schema: SchemaRef,
}

impl fmt::Debug for ExternalRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalRows({} files)", self.uris.len())
    }
}

impl PartitionStream for ExternalRows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (files, layout) = (self.files.clone(), self.layout.clone());
        let pool = context.memory_pool().clone();
        let batches = stream::iter(self.uris.clone()).then(move |uri| {
            let (files, layout) = (files.clone(), layout.clone());
            let held = MemoryConsumer::new("externaldata").register(&pool);
            async move {
                files.check(&uri).map_err(Refused::error)?;
                let body = files.fetch(&uri).await.map_err(Refused::error)?;
                held.try_grow(body.len())?;
                let bytes_max = files.unpacked_bytes_max();
                let read = SpawnedTask::spawn_blocking(move || {
                    let unpacked = formats::unpack(&uri, body, bytes_max).map_err(Refused::error)?;
                    held.try_grow(2 * unpacked.len())?;
                    let batches = formats::read(&layout, &uri, &unpacked).map_err(Refused::error)?;
                    Ok::<_, DataFusionError>((batches, held))
                });
                let read =
                    read.await.map_err(|error| Refused::error(format!("reading ended early: {error}")))?;
                let (batches, held) = read?;
                // The memory is held until the last batch of the file was given.
                let held = Arc::new(held);
                Ok::<_, DataFusionError>(stream::iter(batches).map(move |batch| {
                    let _held = &held;
                    Ok(batch)
                }))
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches.try_flatten()))
    }
}

/// Where nothing may be fetched.
pub(crate) fn none() -> Arc<dyn ExternalFiles> {
    Arc::new(Nothing)
}

struct Nothing;

impl ExternalFiles for Nothing {
    fn check(&self, uri: &str) -> std::result::Result<(), String> {
        Err(format!("reading from {} is not allowed: this server reads its own lake only", host_of(uri)))
    }

    fn fetch<'a>(&'a self, uri: &'a str) -> BoxFuture<'a, std::result::Result<Vec<u8>, String>> {
        Box::pin(async move { Err(self.check(uri).err().unwrap_or_default()) })
    }

    fn unpacked_bytes_max(&self) -> usize {
        0
    }
}

/// Whom an address asks, without what may be secret in it.
pub(crate) fn host_of(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let host = rest.split(['/', '?', ';', '#']).next().unwrap_or_default();
    host.rsplit_once('@').map_or(host, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_hosts_and_no_secrets() {
        let refused = none().check("https://user:pw@example.com/a.csv?sig=x").unwrap_err();
        assert!(refused.starts_with("reading from example.com is not allowed"), "{refused}");
        assert!(!refused.contains("pw") && !refused.contains("sig"), "{refused}");
        assert_eq!(host_of("h"), "h");
    }
}
