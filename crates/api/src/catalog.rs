//! The state store as the catalog of the lake.

use lake::{Catalog, CatalogFuture, LakeError};
use model::lake::{CatalogChange, CatalogState, Policies};
use store::{Store, StoreError};

/// Lists the lake's files in the state store.
pub struct StoreCatalog(pub Store);

impl Catalog for StoreCatalog {
    fn load(&self) -> CatalogFuture<'_, CatalogState> {
        Box::pin(async { self.0.lake_state().await.map_err(failed("read the state")) })
    }

    fn commit(&self, change: CatalogChange) -> CatalogFuture<'_, ()> {
        Box::pin(async move { self.0.commit_lake(&change).await.map_err(failed("record a change")) })
    }

    fn policies(&self) -> CatalogFuture<'_, Policies> {
        Box::pin(async { self.0.lake_policies().await.map_err(failed("read what may be deleted")) })
    }
}

fn failed(doing: &'static str) -> impl FnOnce(StoreError) -> LakeError {
    move |error| LakeError::Catalog { doing, message: crate::error::chain(&error) }
}
