//! What the lake asks of the SQL catalog that lists its files. The state store implements it.

use std::future::Future;
use std::pin::Pin;

use model::lake::{CatalogChange, CatalogState, Policies};

use crate::LakeError;

pub type CatalogFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, LakeError>> + Send + 'a>>;

/// The SQL catalog.
pub trait Catalog: Send + Sync {
    fn load(&self) -> CatalogFuture<'_, CatalogState>;
    /// Makes a change, all of it or nothing.
    fn commit(&self, change: CatalogChange) -> CatalogFuture<'_, ()>;
    /// What every tenant says about deleting rows, as it is now.
    fn policies(&self) -> CatalogFuture<'_, Policies>;
}
