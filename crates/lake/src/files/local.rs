//! Files in a folder that survive power loss.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tracing::info;

use super::Existing;
use crate::direct::GrowingFile;

/// What is behind the name of a file that is being written. The store does not list names with such a number.
const UNFINISHED: &str = "#0";

/// Synced under another name first, and then given its own.
pub(super) fn put_whole(folder: &Path, file: &Path, bytes: &[u8], existing: Existing) -> io::Result<bool> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = PathBuf::from(unfinished);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    let written = GrowingFile::create(&unfinished, false).and_then(|mut written| {
        written.append(&[bytes])?;
        written.sync()
    });
    if let Err(error) = written {
        // Its room may be what others wait for.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
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

/// Removes what a crash left under names of files that were being written, in a folder and those in it.
pub(super) fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_unfinished(&entry.path())?;
        } else if is_unfinished(&entry.file_name().to_string_lossy()) {
            info!(path = %entry.path().display(), "removing a file that was not written to its end");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn is_unfinished(name: &str) -> bool {
    let number = name.rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Makes the names above a file durable, up to the folder of all files.
fn sync_folders(folder: &Path, file: &Path) -> io::Result<()> {
    for parent in file.ancestors().skip(1).take_while(|parent| parent.starts_with(folder)) {
        fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}
