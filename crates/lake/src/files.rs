//! Where data files are: a folder, or an object store.

mod claim;
mod local;
mod opened;
mod remote;
mod upload;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use model::lake::DataFile;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};

pub(crate) use self::opened::OpenedFile;
pub use self::remote::{HiddenText, RemoteConfig};
use crate::LakeError;
use crate::verified::{Damage, Known, PieceCache, VerifiedStore, find_damage};

/// Files written at the same time to an object store, and to a folder.
const WRITTEN_AT_ONCE: (usize, usize) = (8, 1);

/// Where files are, and how to make a written one survive power loss.
#[derive(Clone)]
pub struct Files {
    /// Checks what is read of data files.
    store: Arc<VerifiedStore>,
    /// Set for a local folder: its files are not written by the store, which does not sync them.
    folder: Option<PathBuf>,
    /// What people call the place.
    shown: String,
    /// The lake that they have to be of, when that is to be checked.
    lake: Option<String>,
}

/// What becomes of a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Replace,
}

impl Files {
    /// A folder of the file system, created when it does not exist.
    pub fn local(folder: PathBuf) -> Result<Files, LakeError> {
        let doing = "open the folder";
        std::fs::create_dir_all(&folder).map_err(|source| LakeError::Log { doing, source })?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(file_error(doing, ""))?;
        let files = Files::remote(Arc::new(store.with_automatic_cleanup(true)), 0);
        Ok(Files { shown: folder.display().to_string(), folder: Some(folder), ..files })
    }

    /// Any object store whose writes are durable when they return. Up to `cache_bytes` of what is read are kept in
    /// memory.
    pub fn remote(store: Arc<dyn ObjectStore>, cache_bytes: usize) -> Files {
        let shown = store.to_string();
        let cache = (cache_bytes > 0).then(|| Arc::new(PieceCache::new(cache_bytes)));
        let store = VerifiedStore { inner: store, known: Arc::default(), cache };
        Files { store: Arc::new(store), folder: None, shown, lake: None }
    }

    /// An object store of a provider.
    pub fn open_remote(config: RemoteConfig) -> Result<Files, LakeError> {
        let files = Files::remote(remote::open(&config)?, config.cache_bytes);
        Ok(Files { shown: config.url, ..files })
    }

    /// The same files, which a lake opens only when they are marked as those of the lake of that name, or when there
    /// are none yet: another lake's files would be taken for what a crash left.
    pub fn of_lake(self, lake: String) -> Files {
        Files { lake: Some(lake), ..self }
    }

    /// Whether files lie in a folder, next to the log and the catalog.
    pub(crate) fn is_local(&self) -> bool {
        self.folder.is_some()
    }

    pub(crate) fn written_at_once(&self) -> usize {
        if self.is_local() { WRITTEN_AT_ONCE.1 } else { WRITTEN_AT_ONCE.0 }
    }

    /// Bytes that can still be written, where that is known.
    pub(crate) fn free(&self) -> Option<u64> {
        crate::space::free_bytes(self.folder.as_deref()?).ok()
    }

    /// The checksums by which files are checked when they are read.
    pub(crate) fn known(&self) -> &Known {
        &self.store.known
    }

    pub(crate) fn cache(&self) -> Option<Arc<PieceCache>> {
        self.store.cache.clone()
    }

    /// Where a file is damaged, if it is.
    pub(crate) async fn find_damage(&self, file: &DataFile) -> Result<Vec<Damage>, LakeError> {
        find_damage(&self.store, file).await.map_err(file_error("verify", &file.path))
    }

    pub fn store(&self) -> Arc<dyn ObjectStore> {
        self.store.clone()
    }

    /// What is really stored, whatever was read before.
    pub(crate) fn unchecked(&self) -> Arc<dyn ObjectStore> {
        self.store.inner.clone()
    }

    /// Writes a file; it is whole and durable when this returns.
    pub(crate) async fn put(&self, path: &str, bytes: Bytes) -> Result<(), LakeError> {
        if self.is_local() {
            return self.put_whole(path, bytes, Existing::Replace).await.map(drop);
        }
        let written = upload::upload(&*self.store, &Path::from(path), bytes).await;
        written.map_err(file_error("write", path))
    }

    /// Writes a file that others may look for at any moment: it is there as a whole or not at all, also after
    /// power loss. Returns false when it exists and is to be kept.
    pub(crate) async fn put_whole(
        &self,
        path: &str,
        bytes: Bytes,
        existing: Existing,
    ) -> Result<bool, LakeError> {
        if let Some(folder) = self.folder.clone() {
            let file = folder.join(path);
            let work = move || local::put_whole(&folder, &file, &bytes, existing);
            let written = crate::blocking(work).await?;
            let source = |error| object_store::Error::Generic { store: "folder", source: Box::new(error) };
            return written.map_err(|error| file_error("write", path)(source(error)));
        }
        let mode = match existing {
            Existing::Keep => PutMode::Create,
            Existing::Replace => PutMode::Overwrite,
        };
        let payload = PutPayload::from_bytes(bytes);
        match self.store.put_opts(&Path::from(path), payload, mode.into()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) if existing == Existing::Keep => Ok(false),
            Err(error) => Err(file_error("write", path)(error)),
        }
    }

    pub(crate) async fn read(&self, path: &str) -> Result<Bytes, LakeError> {
        let found = self.store.get(&Path::from(path)).await.map_err(file_error("read", path))?;
        found.bytes().await.map_err(file_error("read", path))
    }

    /// Opens a file to read it on a thread that may block.
    pub(crate) fn open_blocking(&self, path: &str) -> Result<OpenedFile, LakeError> {
        match &self.folder {
            Some(folder) => {
                let file = std::fs::File::open(folder.join(path));
                let file = file.map_err(|source| LakeError::Log { doing: "open a data file", source })?;
                Ok(OpenedFile::Local(file, self.known().pieces(path)))
            }
            None => OpenedFile::remote(&self.store, path).map_err(file_error("open", path)),
        }
    }

    /// Removes what a crash left of files that were being written, where that is not of the store.
    pub(crate) async fn remove_unfinished(&self) -> Result<(), LakeError> {
        let Some(folder) = self.folder.clone() else { return Ok(()) };
        let removed = crate::blocking(move || local::remove_unfinished(&folder)).await?;
        removed.map_err(|source| LakeError::Log { doing: "remove unfinished files", source })
    }

    /// Removes a file, if it is there.
    pub(crate) async fn remove(&self, path: &str) -> Result<(), LakeError> {
        match self.store.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(file_error("remove", path)(error)),
        }
    }

    /// Every file: data, indexes, and what other engines read.
    pub(crate) async fn list(&self) -> Result<Vec<String>, LakeError> {
        let paths = self.store.list(None).map_ok(|meta| meta.location.to_string());
        paths.try_collect().await.map_err(file_error("list", ""))
    }
}

pub(crate) fn file_error(doing: &'static str, path: &str) -> impl Fn(object_store::Error) -> LakeError {
    let path = path.to_owned();
    move |source| LakeError::File { doing, path: path.clone(), source }
}
