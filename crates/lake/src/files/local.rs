//! Files in a folder that survive power loss.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Existing;

/// Synced under another name first, which the store does not list, and then given its own.
pub(super) fn put_whole(folder: &Path, file: &Path, bytes: &[u8], existing: Existing) -> io::Result<bool> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push("#0");
    let unfinished = PathBuf::from(unfinished);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut written = fs::File::create(&unfinished)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    match existing {
        Existing::Replace => fs::rename(&unfinished, file)?,
        Existing::Keep => {
            let linked = fs::hard_link(&unfinished, file);
            fs::remove_file(&unfinished)?;
            match linked {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
                linked => linked?,
            }
        }
    }
    sync_folders(folder, file)?;
    Ok(true)
}

/// Makes the names above a file durable, up to the folder of all files.
pub(super) fn sync_folders(folder: &Path, file: &Path) -> io::Result<()> {
    for parent in file.ancestors().skip(1).take_while(|parent| parent.starts_with(folder)) {
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}
