//! The folder that holds everything: who may use it, and the small files in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use actions::KeyRing;
use anyhow::{Context, bail};
use identity::SealingKey;

/// Says that a folder is ours, and in which layout.
const MARKER: &str = "bartizan-data.json";
const MARKER_TEXT: &str = "{\"product\":\"bartizan\",\"layout\":1}\n";
const LOCK: &str = "lock";
const SEALING_KEY: &str = "sealing.key";
const CHANNEL_KEY: &str = "channel.key";
/// Names the lake to the object store that its files are in.
const LAKE: &str = "lake.id";
/// Says where the state is, when it is not in the folder.
const DATABASE: &str = "database";

/// A data folder that this process alone uses, as long as the value lives.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// Open, and thereby locked.
    _lock: File,
}

impl DataFolder {
    /// Opens a folder, or makes it. A folder with other things in it is left alone. `fresh` removes what a
    /// data folder holds.
    pub fn open(path: &Path, fresh: bool) -> anyhow::Result<DataFolder> {
        let shown = path.display();
        let existed = path.exists();
        make_private_folder(path).with_context(|| format!("cannot make the data folder {shown}"))?;
        let path = fs::canonicalize(path).with_context(|| format!("cannot open the data folder {shown}"))?;
        let is_ours = path.join(MARKER).is_file();
        if existed && !is_ours && !is_empty(&path)? {
            bail!("{shown} is not empty and not a Bartizan data folder; name another one by --data");
        }
        let folder = DataFolder { _lock: lock(&path)?, path };
        if fresh && is_ours {
            folder.clear().with_context(|| format!("cannot empty the data folder {shown}"))?;
        }
        if !folder.file(MARKER).is_file() {
            write_private(&folder.file(MARKER), MARKER_TEXT.as_bytes())?;
        }
        let marker =
            fs::read_to_string(folder.file(MARKER)).context("cannot read the data folder's marker")?;
        if marker.trim() != MARKER_TEXT.trim() {
            bail!("{shown} is in a layout that this version does not know");
        }
        Ok(folder)
    }

    /// Opens a folder that is a data folder already.
    pub fn open_existing(path: &Path) -> anyhow::Result<DataFolder> {
        if !path.join(MARKER).is_file() {
            bail!("{} is not a Bartizan data folder", path.display());
        }
        DataFolder::open(path, false)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The key that signing keys are sealed under, made at the first start.
    pub fn sealing_key(&self) -> anyhow::Result<SealingKey> {
        let path = self.file(SEALING_KEY);
        let shown = path.display();
        match fs::read(&path) {
            Ok(bytes) => {
                let bytes = <[u8; 32]>::try_from(bytes);
                let bytes = bytes.map_err(|_| anyhow::anyhow!("{shown} does not hold a sealing key"))?;
                Ok(SealingKey::new(bytes))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key = SealingKey::random()?;
                write_private(&path, key.expose())?;
                Ok(key)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {shown}")),
        }
    }

    /// The keys that commands for devices are signed by, the first made at the first start. Devices know one from their
    /// enrolment, and those that follow by it.
    pub fn channel_keys(&self) -> anyhow::Result<KeyRing> {
        let path = self.file(CHANNEL_KEY);
        let shown = path.display().to_string();
        KeyRing::open(path).with_context(|| format!("cannot use {shown}"))
    }

    /// The name of the lake, if its files are or were in an object store.
    pub fn lake_name(&self) -> anyhow::Result<Option<String>> {
        self.note(LAKE)
    }

    /// The address of the database that the state was in last, if it is not in the folder.
    pub fn database(&self) -> anyhow::Result<Option<String>> {
        self.note(DATABASE)
    }

    fn note(&self, name: &str) -> anyhow::Result<Option<String>> {
        let path = self.file(name);
        match fs::read_to_string(&path) {
            Ok(name) => Ok(Some(name.trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Gives the lake a name, which it keeps.
    pub fn name_lake(&self, name: &str) -> anyhow::Result<()> {
        write_private(&self.file(LAKE), format!("{name}\n").as_bytes())
    }

    /// Notes where the state is.
    pub fn name_database(&self, address: &str) -> anyhow::Result<()> {
        match self.database()? {
            Some(known) if known == address => Ok(()),
            _ => write_private(&self.file(DATABASE), format!("{address}\n").as_bytes()),
        }
    }

    /// Removes everything but the lock; the marker last, so that what is left of a removal that was cut off
    /// is still known to be ours.
    fn clear(&self) -> std::io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() == LOCK || entry.file_name() == MARKER {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        fs::remove_file(self.file(MARKER))
    }
}

fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(LOCK);
    let opened = OpenOptions::new().create(true).write(true).truncate(false).open(&path);
    let file = opened.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("{} is in use by another Bartizan server", folder.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// Whether there is nothing in a folder but what a new file system or a cut-off start leaves there.
fn is_empty(folder: &Path) -> anyhow::Result<bool> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let name = entry?.file_name();
        if name != "lost+found" && name != LOCK {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A folder that only its owner can look into.
pub(crate) fn make_private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that only its owner can read: whole, or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    store::write_private_file(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_uses_a_folder() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let folder = DataFolder::open(&path, false).unwrap();
        let error = DataFolder::open(&path, false).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
        drop(folder);
        DataFolder::open(&path, false).unwrap();
    }

    #[test]
    fn a_folder_that_has_to_be_there_is_not_made() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let error = DataFolder::open_existing(&path).unwrap_err().to_string();
        assert!(error.contains("not a Bartizan data folder") && !path.exists(), "{error}");
        DataFolder::open(&path, false).unwrap();
        DataFolder::open_existing(&path).unwrap();
    }

    #[test]
    fn a_fresh_start_removes_the_content_of_a_data_folder_and_of_no_other() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let folder = DataFolder::open(&path, true).unwrap();
        let key = folder.sealing_key().unwrap();
        fs::create_dir(folder.file("lake")).unwrap();
        fs::write(folder.file("lake/file"), "x").unwrap();
        drop(folder);
        let folder = DataFolder::open(&path, true).unwrap();
        assert!(!folder.file("lake").exists());
        assert_ne!(folder.sealing_key().unwrap().expose(), key.expose());

        let other = parent.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("precious"), "x").unwrap();
        for fresh in [true, false] {
            let error = DataFolder::open(&other, fresh).unwrap_err().to_string();
            assert!(error.contains("not a Bartizan data folder"), "{error}");
        }
        assert!(other.join("precious").exists());
    }

    #[test]
    fn the_sealing_key_stays_and_is_private() {
        let parent = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&parent.path().join("data"), false).unwrap();
        let key = folder.sealing_key().unwrap();
        assert_eq!(folder.sealing_key().unwrap().expose(), key.expose());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.file(SEALING_KEY)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::write(folder.file(SEALING_KEY), "short").unwrap();
        assert!(folder.sealing_key().is_err());
    }
}
