//! The disk as the log sees it, so that faults can be simulated.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use crate::direct::GrowingFile;

/// A folder of log segments.
pub trait Disk: Send + Sync {
    /// File names in the folder.
    fn list(&self) -> io::Result<Vec<String>>;
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    /// Creates an empty file; its name is durable when this returns.
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>>;
    /// Opens an existing file to append after its first `length` bytes; what lies behind is cut off, durably.
    fn reopen(&self, name: &str, length: u64) -> io::Result<Box<dyn LogFile>>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Bytes that can still be written, where that is known.
    fn free(&self) -> Option<u64> {
        None
    }
}

/// An open segment.
pub trait LogFile: Send {
    /// Writes all parts, one after the other.
    fn append(&mut self, parts: &[&[u8]]) -> io::Result<()>;
    /// Returns when everything appended survives power loss.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file back to a length.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

/// A folder of the file system.
pub struct FolderDisk {
    folder: PathBuf,
}

impl FolderDisk {
    /// Opens the folder, creating it when it does not exist.
    pub fn open(folder: PathBuf) -> io::Result<FolderDisk> {
        fs::create_dir_all(&folder)?;
        Ok(FolderDisk { folder })
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}

impl Disk for FolderDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.folder.join(name))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let file = GrowingFile::create(&self.folder.join(name), true)?;
        self.sync_folder()?;
        Ok(Box::new(file))
    }

    fn reopen(&self, name: &str, length: u64) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(GrowingFile::reopen(&self.folder.join(name), length)?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn free(&self) -> Option<u64> {
        crate::space::free_bytes(&self.folder).ok()
    }
}

impl LogFile for GrowingFile {
    fn append(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        GrowingFile::append(self, parts)
    }

    fn sync(&mut self) -> io::Result<()> {
        GrowingFile::sync(self)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        GrowingFile::truncate(self, length)
    }
}
