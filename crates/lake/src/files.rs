//! The object store that holds the Parquet files.

use std::io::{Read, Write};
use std::path::{self as fs_path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::reader::{ChunkReader, Length};
use futures::TryStreamExt;
use model::lake::DataFile;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use crate::LakeError;
use crate::verified::{Damage, Known, Pieces, VerifiedReader, VerifiedStore, find_damage};

/// Where files are, and how to make a written one survive power loss.
#[derive(Clone)]
pub struct Files {
    /// Checks what is read of data files.
    store: Arc<VerifiedStore>,
    /// Set for a local folder: its files are synced after they are written, as the store itself does not.
    folder: Option<PathBuf>,
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
        Ok(Files { folder: Some(folder), ..Files::remote(Arc::new(store.with_automatic_cleanup(true))) })
    }

    /// Any object store whose writes are durable when they return.
    pub fn remote(store: Arc<dyn ObjectStore>) -> Files {
        Files { store: Arc::new(VerifiedStore { inner: store, known: Arc::default() }), folder: None }
    }

    /// The checksums by which files are checked when they are read.
    pub(crate) fn known(&self) -> &Known {
        &self.store.known
    }

    /// Where a file is damaged, if it is.
    pub(crate) async fn find_damage(&self, file: &DataFile) -> Result<Vec<Damage>, LakeError> {
        find_damage(&self.store, file).await.map_err(file_error("verify", &file.path))
    }

    pub fn store(&self) -> Arc<dyn ObjectStore> {
        self.store.clone()
    }

    /// Writes a file; it is whole and durable when this returns.
    pub(crate) async fn put(&self, path: &str, bytes: Bytes) -> Result<(), LakeError> {
        let payload = PutPayload::from_bytes(bytes);
        self.store.put(&Path::from(path), payload).await.map_err(file_error("write", path))?;
        let Some(folder) = self.folder.clone() else { return Ok(()) };
        let file = folder.join(path);
        let synced = tokio::task::spawn_blocking(move || {
            std::fs::File::open(&file)?.sync_all()?;
            // The new names in the folders above it, too.
            sync_folders(&folder, &file)
        });
        let synced = synced.await.map_err(|error| LakeError::Task(error.to_string()))?;
        synced.map_err(|source| LakeError::Log { doing: "sync a data file", source })
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
            let work = move || put_whole_locally(&folder, &file, &bytes, existing);
            let written = tokio::task::spawn_blocking(work).await;
            let written = written.map_err(|error| LakeError::Task(error.to_string()))?;
            let source = |error| object_store::Error::Generic { store: "folder", source: Box::new(error) };
            return written.map_err(|error| file_error("write the whole", path)(source(error)));
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
            None => {
                let read = tokio::runtime::Handle::current().block_on(self.read(path));
                Ok(OpenedFile::Read(read?))
            }
        }
    }

    /// Removes a file, if it is there.
    pub(crate) async fn remove(&self, path: &str) -> Result<(), LakeError> {
        match self.store.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(file_error("remove", path)(error)),
        }
    }

    pub(crate) async fn list(&self) -> Result<Vec<String>, LakeError> {
        let paths = self.store.list(None).map_ok(|meta| meta.location.to_string());
        paths.try_collect().await.map_err(file_error("list", ""))
    }
}

/// A data file that can be read at any place: in the file system, checked on the way, or read whole.
pub(crate) enum OpenedFile {
    Local(std::fs::File, Option<Arc<Pieces>>),
    Read(Bytes),
}

impl Length for OpenedFile {
    fn len(&self) -> u64 {
        match self {
            OpenedFile::Local(file, _) => Length::len(file),
            OpenedFile::Read(bytes) => Length::len(bytes),
        }
    }
}

impl ChunkReader for OpenedFile {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(match self {
            OpenedFile::Local(file, Some(pieces)) => {
                let file = file.get_read(pieces.widened(&(start..start)).start)?;
                Box::new(VerifiedReader::new(file, pieces.clone(), start)?)
            }
            OpenedFile::Local(file, None) => Box::new(file.get_read(start)?),
            OpenedFile::Read(bytes) => Box::new(bytes.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match self {
            OpenedFile::Local(file, Some(pieces)) => {
                let range = start..start + length as u64;
                let widened = pieces.widened(&range);
                let bytes = file.get_bytes(widened.start, (widened.end - widened.start) as usize)?;
                pieces
                    .check(widened.start, &bytes)
                    .map_err(|damage| ParquetError::External(Box::new(damage)))?;
                let skipped = (start - widened.start) as usize;
                if bytes.len() < skipped + length {
                    return Err(ParquetError::EOF(format!("{length} bytes at {start} are past the end")));
                }
                Ok(bytes.slice(skipped..skipped + length))
            }
            OpenedFile::Local(file, None) => file.get_bytes(start, length),
            OpenedFile::Read(bytes) => bytes.get_bytes(start, length),
        }
    }
}

/// Synced under another name first, which the store does not list, and then given its own.
fn put_whole_locally(
    folder: &fs_path::Path,
    file: &fs_path::Path,
    bytes: &[u8],
    existing: Existing,
) -> std::io::Result<bool> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push("#0");
    let unfinished = PathBuf::from(unfinished);
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut written = std::fs::File::create(&unfinished)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    match existing {
        Existing::Replace => std::fs::rename(&unfinished, file)?,
        Existing::Keep => {
            let linked = std::fs::hard_link(&unfinished, file);
            std::fs::remove_file(&unfinished)?;
            match linked {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
                linked => linked?,
            }
        }
    }
    sync_folders(folder, file)?;
    Ok(true)
}

/// Makes the names above a file durable, up to the folder of all files.
fn sync_folders(folder: &fs_path::Path, file: &fs_path::Path) -> std::io::Result<()> {
    for parent in file.ancestors().skip(1).take_while(|parent| parent.starts_with(folder)) {
        std::fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

fn file_error(doing: &'static str, path: &str) -> impl Fn(object_store::Error) -> LakeError {
    let path = path.to_owned();
    move |source| LakeError::File { doing, path: path.clone(), source }
}
