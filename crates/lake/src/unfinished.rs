//! Files that are written and that no commit lists yet.
//!
//! In a folder, what a crash left is found by listing: everything in it is of the catalog beside it. An object store
//! can be newer than the catalog, as after a backup of the data folder was put back, and then a list of what the
//! catalog does not know is a list of evidence. So files of an object store are announced before they are written, in
//! a small file beside the log, and only what was announced is ever removed.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{info, warn};

use crate::disk::Disk;
use crate::{Catalog, Files, LakeError, blocking};

/// How announcements are named.
const ENDING: &str = ".files";

/// Files between their writing and their commit.
pub(crate) struct Unfinished {
    disk: Arc<dyn Disk>,
    files: Files,
    next: AtomicU64,
    /// Those that will not be committed any more, as far as is known.
    abandoned: std::sync::Mutex<Vec<Announced>>,
}

/// Files that are about to be written.
pub(crate) struct Announced {
    /// The announcement on the disk, when there is one.
    name: Option<String>,
    paths: Vec<String>,
}

impl Unfinished {
    /// Takes up what an earlier process announced and did not finish.
    pub async fn recover(disk: Arc<dyn Disk>, files: Files) -> Result<Unfinished, LakeError> {
        let from = disk.clone();
        let read = blocking(move || {
            let names = from.list()?.into_iter().filter(|name| name.ends_with(ENDING));
            names.map(|name| Ok((from.read(&name)?, name))).collect::<io::Result<Vec<_>>>()
        });
        let read = read.await?.map_err(error("read announcements"))?;
        let number = |name: &str| name.strip_suffix(ENDING).and_then(|number| number.parse::<u64>().ok());
        let next = read.iter().filter_map(|(_, name)| number(name)).max().map_or(1, |last| last + 1);
        let abandoned =
            read.into_iter().map(|(text, name)| Announced { name: Some(name), paths: lines(&text) });
        let abandoned = std::sync::Mutex::new(abandoned.collect());
        Ok(Unfinished { disk, files, next: AtomicU64::new(next), abandoned })
    }

    /// Writes down which files are about to be written.
    pub async fn announce(&self, paths: Vec<String>) -> Result<Announced, LakeError> {
        if self.files.is_local() || paths.is_empty() {
            return Ok(Announced { name: None, paths });
        }
        let name = format!("{:012}{ENDING}", self.next.fetch_add(1, Ordering::SeqCst));
        let (disk, created) = (self.disk.clone(), name.clone());
        let text: String = paths.iter().map(|path| format!("{path}\n")).collect();
        let written = blocking(move || {
            let mut file = disk.create(&created)?;
            file.append(&[text.as_bytes()])?;
            file.sync()
        });
        let announced = Announced { name: Some(name), paths };
        if let Err(source) = written.await? {
            self.settle(announced).await;
            return Err(error("announce files")(source));
        }
        Ok(announced)
    }

    /// They are committed, or gone.
    pub async fn settle(&self, announced: Announced) {
        let Some(name) = announced.name else { return };
        let disk = self.disk.clone();
        let removed = blocking(move || match disk.remove(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        });
        // What is left says of committed files that they may be removed, and those never are.
        if let Ok(Err(error)) = removed.await {
            warn!(%error, "cannot remove an announcement of files; the next start does");
        }
    }

    /// They will not be committed. In a folder their room is needed at once; an object store is asked later, since
    /// it may be why they were not finished.
    pub async fn abandon(&self, announced: Announced, catalog: &dyn Catalog) {
        crate::log::lock(&self.abandoned).push(announced);
        if self.files.is_local() {
            self.sweep(catalog).await;
        }
    }

    /// Removes abandoned files, but those that the catalog lists: an answer can be lost after its deed was done.
    pub async fn sweep(&self, catalog: &dyn Catalog) {
        let abandoned = std::mem::take(&mut *crate::log::lock(&self.abandoned));
        if abandoned.is_empty() {
            return;
        }
        let mut known = HashSet::new();
        match catalog.load().await {
            Ok(state) => {
                known.extend(state.files.into_iter().flat_map(|file| [file.index_path(), file.path]))
            }
            Err(error) => {
                warn!(%error, "cannot tell which files were never committed; trying again later");
                crate::log::lock(&self.abandoned).extend(abandoned);
                return;
            }
        }
        let mut abandoned = abandoned.into_iter();
        while let Some(announced) = abandoned.next() {
            let unlisted = announced.paths.iter().filter(|path| !known.contains(*path));
            if let Err(error) = self.remove(unlisted).await {
                warn!(%error, "cannot remove files that were never committed; trying again later");
                let mut later = crate::log::lock(&self.abandoned);
                later.push(announced);
                later.extend(abandoned);
                return;
            }
            self.settle(announced).await;
        }
    }

    async fn remove(&self, paths: impl Iterator<Item = &String>) -> Result<(), LakeError> {
        for path in paths {
            info!(%path, "removing a file that was never committed");
            self.files.remove(path).await?;
        }
        Ok(())
    }
}

/// The paths of an announcement. One that was cut off was not followed by any file.
fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let is_ours = |path: &&str| path.ends_with(".parquet") || path.ends_with(".terms");
    whole.lines().filter(is_ours).map(str::to_owned).collect()
}

fn error(doing: &'static str) -> impl Fn(io::Error) -> LakeError {
    move |source| LakeError::Log { doing, source }
}
