//! A lake in a folder of its own, with a store beside it.

use std::sync::{Arc, Mutex};

use lake::{Catalog, CatalogFuture, Files, FolderDisk, Lake, LakeConfig, Parts, Rows, Scan, TenantLake};
use model::lake::{CatalogChange, CatalogState, Policies};
use model::{Row, SystemClock};
use store::TenantStore;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{ONE, store};

pub struct World {
    pub lake: Lake,
    pub store: TenantStore,
    /// Removed with the value.
    _folder: TempDir,
}

/// A catalog that lives as long as its lake.
#[derive(Default)]
struct MemoryCatalog(Mutex<CatalogState>);

impl Catalog for MemoryCatalog {
    fn load(&self) -> CatalogFuture<'_, CatalogState> {
        let state = self.0.lock().unwrap().clone();
        Box::pin(async move { Ok(state) })
    }

    fn commit(&self, change: CatalogChange) -> CatalogFuture<'_, ()> {
        self.0.lock().unwrap().files.extend(change.added);
        Box::pin(async { Ok(()) })
    }

    fn policies(&self) -> CatalogFuture<'_, Policies> {
        Box::pin(async { Ok(Policies::default()) })
    }
}

impl World {
    pub async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let parts = Parts {
            config: LakeConfig::default(),
            catalog: Arc::new(MemoryCatalog::default()),
            files: Files::local(folder.path().join("lake")).unwrap(),
            disk: Arc::new(FolderDisk::open(folder.path().join("log")).unwrap()),
            clock: Arc::new(SystemClock),
            new_name: Box::new(|| Uuid::now_v7().to_string()),
        };
        let lake = Lake::open(parts).await.unwrap();
        World { lake, store: store().await.tenant(ONE), _folder: folder }
    }

    pub fn events(&self) -> TenantLake {
        self.lake.tenant(ONE)
    }

    pub async fn append(&self, rows: &[Row]) {
        self.events().append(Rows::of(rows).unwrap(), None).await.unwrap();
    }

    /// Follows as the server does, up to the last row.
    pub async fn follow(&self) {
        loop {
            let from = profiles::position(&self.store).await.unwrap();
            let mut read = self.events().read_after(from.sequence, 16, usize::MAX);
            let batches = batches(&mut read).await;
            profiles::follow(&self.store, batches, from, read.position()).await.unwrap();
            if !read.has_more() {
                return;
            }
        }
    }
}

/// What is left of a read.
pub async fn batches(read: &mut Scan) -> profiles::Batches {
    let mut batches = profiles::Batches::new();
    while let Some(batch) = read.next().await.unwrap() {
        batches.push(batch);
    }
    batches
}
