//! Bytes kept in a folder under their digest: packages of actions and files of the library.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use model::TenantId;
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

use crate::ActionError;

/// Why bytes were not kept.
#[derive(Debug)]
pub enum NotKept {
    TooLarge,
    /// The digest is another one.
    Other,
    /// They stopped coming.
    CutOff(String),
    Io(io::Error),
}

/// Files of one tenant that a sweep looks at.
const SWEPT_MAX: usize = 50_000;

/// A folder with one folder for each tenant.
#[derive(Debug)]
pub(crate) struct Contents {
    folder: PathBuf,
    /// Shared by who makes something that names a content; alone by who removes one that nothing names.
    naming: RwLock<()>,
}

/// Bytes that are on the disk and have no name yet: dropped, they are gone.
pub(crate) struct Staged {
    part: Unfinished,
    kept: PathBuf,
    pub bytes: u64,
}

impl Contents {
    /// Removes what was being written when the program ended.
    pub fn new(folder: PathBuf) -> Contents {
        let tenants = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let files = tenants.filter_map(|tenant| std::fs::read_dir(tenant.path()).ok()).flatten().flatten();
        for file in files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "part"))
        {
            drop(Unfinished(file));
        }
        Contents { folder, naming: RwLock::new(()) }
    }

    /// To be held while contents are looked up and what names them is written.
    pub async fn naming(&self) -> RwLockReadGuard<'_, ()> {
        self.naming.read().await
    }

    /// To be held while it is found out that nothing names a content, and it is removed.
    pub async fn removing(&self) -> RwLockWriteGuard<'_, ()> {
        self.naming.write().await
    }

    /// Where the bytes of that digest are, or would be.
    pub fn path(&self, tenant: TenantId, sha256: &str) -> PathBuf {
        self.folder.join(tenant.to_string()).join(sha256)
    }

    /// Takes bytes as they come. They are on the disk when this returns.
    pub async fn stage<E: std::fmt::Display>(
        &self,
        tenant: TenantId,
        sha256: &str,
        bytes_max: u64,
        parts: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<Staged, NotKept> {
        let folder = self.folder.join(tenant.to_string());
        fs::create_dir_all(&folder).await.map_err(NotKept::Io)?;
        let unfinished = Unfinished(folder.join(format!("{}.part", Uuid::new_v4())));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(&unfinished.0).await.map_err(NotKept::Io)?;
        let mut digest = Context::new(&SHA256);
        let mut count = 0u64;
        let mut parts = std::pin::pin!(parts);
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| NotKept::CutOff(error.to_string()))?;
            count += part.len() as u64;
            if count > bytes_max {
                return Err(NotKept::TooLarge);
            }
            digest.update(&part);
            file.write_all(&part).await.map_err(NotKept::Io)?;
        }
        let found: String = digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if found != sha256 {
            return Err(NotKept::Other);
        }
        file.sync_all().await.map_err(NotKept::Io)?;
        Ok(Staged { part: unfinished, kept: folder.join(sha256), bytes: count })
    }

    /// Gives bytes the name of their digest; in place when this returns.
    pub async fn place(&self, staged: Staged) -> io::Result<()> {
        fs::rename(&staged.part.0, &staged.kept).await?;
        sync_folder(staged.kept.parent().unwrap_or(&self.folder)).await
    }

    pub async fn has(&self, tenant: TenantId, sha256: &str) -> bool {
        fs::try_exists(self.path(tenant, sha256)).await.unwrap_or(false)
    }

    /// The digests of what is kept, by tenant.
    pub async fn kept(&self) -> io::Result<Vec<(TenantId, String)>> {
        let mut kept = Vec::new();
        let mut tenants = match fs::read_dir(&self.folder).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(kept),
            tenants => tenants?,
        };
        while let Some(of) = tenants.next_entry().await? {
            let Some(tenant) = of.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let mut files = fs::read_dir(of.path()).await?;
            while let Some(file) = files.next_entry().await? {
                let name = file.file_name().to_str().map(str::to_owned);
                let digest = name.filter(|name| name.len() == 64);
                kept.extend(digest.map(|digest| (tenant, digest)));
                if kept.len() >= SWEPT_MAX {
                    return Ok(kept);
                }
            }
        }
        Ok(kept)
    }

    /// Opens the bytes of that digest.
    pub async fn open(&self, tenant: TenantId, sha256: &str) -> Result<fs::File, ActionError> {
        let opened = fs::File::open(self.path(tenant, sha256)).await;
        opened.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => ActionError::NotFound { what: "content", id: sha256.to_owned() },
            _ => ActionError::Io { doing: "open what is kept", source },
        })
    }

    pub async fn remove(&self, tenant: TenantId, sha256: &str) {
        // What cannot be removed stays, and does no harm.
        let _ = fs::remove_file(self.path(tenant, sha256)).await;
    }
}

/// Removed when it did not become more.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder).await?.sync_all().await
}
