//! Bytes kept in a folder under their digest: packages of actions and files of the library.

use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use model::TenantId;
use tokio::fs;
use tokio::io::AsyncWriteExt;
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

/// A folder with one folder for each tenant.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    folder: PathBuf,
}

impl Contents {
    pub fn new(folder: PathBuf) -> Contents {
        Contents { folder }
    }

    /// Where the bytes of that digest are, or would be.
    pub fn path(&self, tenant: TenantId, sha256: &str) -> PathBuf {
        self.folder.join(tenant.to_string()).join(sha256)
    }

    /// Keeps bytes as they come. They are on the disk when this returns. Answers with how many they are.
    pub async fn keep<E: std::fmt::Display>(
        &self,
        tenant: TenantId,
        sha256: &str,
        bytes_max: u64,
        parts: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<u64, NotKept> {
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
        drop(file);
        fs::rename(&unfinished.0, folder.join(sha256)).await.map_err(NotKept::Io)?;
        sync_folder(&folder).await.map_err(NotKept::Io)?;
        Ok(count)
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
