//! What the lake asks of the SQL catalog that lists its files. The state store implements it.

use std::future::Future;
use std::pin::Pin;

use model::TenantId;

use crate::LakeError;

/// One immutable Parquet file of one tenant, table and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    pub tenant: TenantId,
    pub table: String,
    /// Days since 0001-01-01 of the rows' `Timestamp`.
    pub day: i64,
    /// Path in the object store.
    pub path: String,
    pub rows: i64,
    pub bytes: i64,
    /// Ticks of the earliest and latest `Timestamp`.
    pub first_time: Option<i64>,
    pub last_time: Option<i64>,
    pub first_sequence: i64,
    pub last_sequence: i64,
    pub schema_version: i64,
}

/// The last sequence a producer sent that is in the lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerMark {
    pub tenant: TenantId,
    pub producer: String,
    pub sequence: i64,
}

/// What one flush changes, in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Flush {
    pub files: Vec<DataFile>,
    /// Log segments below this one are not needed any more.
    pub log_segment: i64,
    pub producers: Vec<ProducerMark>,
    /// The highest row sequence in files, by tenant.
    pub sequences: Vec<(TenantId, i64)>,
}

/// The catalog's content at start.
#[derive(Clone, Debug, Default)]
pub struct CatalogState {
    pub files: Vec<DataFile>,
    pub log_segment: i64,
    pub producers: Vec<ProducerMark>,
    pub sequences: Vec<(TenantId, i64)>,
}

pub type CatalogFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, LakeError>> + Send + 'a>>;

/// The SQL catalog.
pub trait Catalog: Send + Sync {
    fn load(&self) -> CatalogFuture<'_, CatalogState>;
    /// Adds the files and moves the log's low-water mark: all of it or nothing.
    fn commit(&self, flush: Flush) -> CatalogFuture<'_, ()>;
}
