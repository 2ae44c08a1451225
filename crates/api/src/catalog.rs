//! The state store as the catalog of the lake.

use lake::{Catalog, CatalogFuture, CatalogState, DataFile, Flush, LakeError, ProducerMark};
use store::{FlushCommit, LakeFile, LogPosition, Store, StoreError};

/// Lists the lake's files in the state store.
pub struct StoreCatalog(pub Store);

impl Catalog for StoreCatalog {
    fn load(&self) -> CatalogFuture<'_, CatalogState> {
        Box::pin(async {
            let doing = "read the state";
            let state = self.0.lake_state().await.map_err(failed(doing))?;
            let files = self.0.lake_files().await.map_err(failed(doing))?;
            Ok(CatalogState {
                files: files.into_iter().map(data_file).collect(),
                log_segment: state.log_position.segment,
                producers: state.producers.into_iter().map(lake_mark).collect(),
                sequences: state.sequences,
            })
        })
    }

    fn commit(&self, flush: Flush) -> CatalogFuture<'_, ()> {
        Box::pin(async move {
            let commit = FlushCommit {
                files: flush.files.into_iter().map(lake_file).collect(),
                // Segments are dropped whole, so a position is always the beginning of one.
                log_position: LogPosition { segment: flush.log_segment, offset: 0 },
                producers: flush.producers.into_iter().map(store_mark).collect(),
                sequences: flush.sequences,
            };
            self.0.commit_flush(&commit).await.map_err(failed("record a flush"))
        })
    }
}

fn failed(doing: &'static str) -> impl FnOnce(StoreError) -> LakeError {
    move |error| LakeError::Catalog { doing, message: crate::error::chain(&error) }
}

fn data_file(file: LakeFile) -> DataFile {
    DataFile {
        tenant: file.tenant,
        table: file.table,
        day: file.day,
        path: file.path,
        rows: file.rows,
        bytes: file.bytes,
        first_time: file.first_time,
        last_time: file.last_time,
        first_sequence: file.first_sequence,
        last_sequence: file.last_sequence,
        schema_version: file.schema_version,
    }
}

fn lake_file(file: DataFile) -> LakeFile {
    LakeFile {
        tenant: file.tenant,
        table: file.table,
        day: file.day,
        path: file.path,
        rows: file.rows,
        bytes: file.bytes,
        first_time: file.first_time,
        last_time: file.last_time,
        first_sequence: file.first_sequence,
        last_sequence: file.last_sequence,
        schema_version: file.schema_version,
    }
}

fn lake_mark(mark: store::ProducerMark) -> ProducerMark {
    ProducerMark { tenant: mark.tenant, producer: mark.producer, sequence: mark.sequence }
}

fn store_mark(mark: ProducerMark) -> store::ProducerMark {
    store::ProducerMark { tenant: mark.tenant, producer: mark.producer, sequence: mark.sequence }
}
