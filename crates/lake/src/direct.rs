//! Files that are written from their beginning on, past the page cache.
//!
//! What the log and the flushes write is read again seldom, and never soon: in the page cache it costs a copy, a page
//! to be found and given back for every 4 KiB, and the place of what is read. So whole blocks go to the disk from one
//! small buffer, where the file system offers that (`O_DIRECT`), and only the ends of what is made durable together
//! pass through the cache. What is in the file is the same either way.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Offsets, lengths and addresses of direct writes are multiples of this: as much as any usual disk asks for.
const BLOCK: usize = 4096;
/// Bytes handed to the disk at a time, at most.
const BUFFER_BYTES_MAX: usize = 1 << 20;
/// Less than this goes through the page cache: the disk is not the cost of it.
const DIRECT_BYTES_MIN: usize = 64 << 10;

/// A file that grows at its end.
pub(crate) struct GrowingFile {
    file: File,
    /// The same file, written past the page cache; none where that is not offered.
    direct: Option<File>,
    /// Bytes of the file that are written.
    length: u64,
    /// What comes after them, as far from a multiple of `BLOCK` in memory as in the file.
    buffer: Vec<u8>,
    /// Where in the buffer the first block begins, and how much there is from there on.
    first_block: usize,
    room: usize,
    held: usize,
}

impl GrowingFile {
    /// Begins a file. One of that name is emptied, unless it has to be new.
    pub fn create(path: &Path, is_new: bool) -> io::Result<GrowingFile> {
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).create_new(is_new).open(path)?;
        Ok(GrowingFile::of(file, path, 0))
    }

    /// Goes on with a file after its first bytes; what is behind them is cut off, durably.
    pub fn reopen(path: &Path, length: u64) -> io::Result<GrowingFile> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.sync_all()?;
        Ok(GrowingFile::of(file, path, length))
    }

    fn of(file: File, path: &Path, length: u64) -> GrowingFile {
        GrowingFile {
            file,
            direct: open_direct(path),
            length,
            buffer: Vec::new(),
            first_block: 0,
            room: 0,
            held: 0,
        }
    }

    /// Writes all parts, one after the other.
    pub fn append(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        self.make_room(parts.iter().map(|part| part.len()).sum());
        let written = self.append_parts(parts);
        self.held = 0;
        written
    }

    fn make_room(&mut self, bytes: usize) {
        let wanted = (self.lead() + bytes).next_multiple_of(BLOCK).min(BUFFER_BYTES_MAX);
        if self.room < wanted {
            self.buffer = vec![0; wanted + BLOCK];
            self.first_block = self.buffer.as_ptr().align_offset(BLOCK);
            self.room = wanted;
        }
    }

    fn append_parts(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        for mut part in parts.iter().copied() {
            while !part.is_empty() {
                let at = self.lead() + self.held;
                let (now, later) = part.split_at(part.len().min(self.room - at));
                let to = self.first_block + at;
                self.buffer[to..to + now.len()].copy_from_slice(now);
                self.held += now.len();
                part = later;
                if at + now.len() == self.room {
                    self.write_held()?;
                }
            }
        }
        self.write_held()
    }

    /// Bytes between the last multiple of `BLOCK` and the end of what is written.
    fn lead(&self) -> usize {
        (self.length % BLOCK as u64) as usize
    }

    fn write_held(&mut self) -> io::Result<()> {
        let start = self.first_block + self.lead();
        let held = &self.buffer[start..start + self.held];
        let (head, blocks, tail) = match &self.direct {
            Some(_) if held.len() >= DIRECT_BYTES_MIN => {
                let (head, rest) = held.split_at((BLOCK - self.lead()) % BLOCK);
                let (blocks, tail) = rest.split_at(rest.len() / BLOCK * BLOCK);
                (head, blocks, tail)
            }
            _ => (held, &held[..0], &held[..0]),
        };
        let mut at = self.length;
        for (part, is_direct) in [(head, false), (blocks, true), (tail, false)] {
            if part.is_empty() {
                continue;
            }
            if is_direct && let Some(direct) = &self.direct {
                match write_at(direct, part, at) {
                    // The disk has larger blocks, or the file system says only now that it does not offer this.
                    Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                        self.direct = None;
                        write_at(&self.file, part, at)?;
                    }
                    written => written?,
                }
            } else {
                write_at(&self.file, part, at)?;
            }
            at += part.len() as u64;
        }
        self.length = at;
        self.held = 0;
        Ok(())
    }

    /// Returns when everything appended survives power loss.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Cuts the file back to a length.
    pub fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.length = length;
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn open_direct(path: &Path) -> Option<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flag = rustix::fs::OFlags::DIRECT.bits() as i32;
    OpenOptions::new().write(true).custom_flags(flag).open(path).ok()
}

#[cfg(not(target_os = "linux"))]
fn open_direct(_: &Path) -> Option<File> {
    None
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Append(Vec<usize>),
        /// To this part in a thousand of its length.
        Truncate(u64),
        Reopen(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let size = prop_oneof![0..200usize, 3000..6000usize, 60_000..140_000usize, 1_000_000..2_500_000usize];
        prop_oneof![
            6 => proptest::collection::vec(size, 0..5).prop_map(Step::Append),
            1 => (0..=1000u64).prop_map(Step::Truncate),
            1 => (0..=1000u64).prop_map(Step::Reopen),
        ]
    }

    /// Files are made in the folder of the project's build, which is seldom in memory as that of temporary files may be.
    fn folder() -> tempfile::TempDir {
        tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn the_file_is_what_was_appended(steps in proptest::collection::vec(step(), 1..8), is_direct: bool) {
            let folder = folder();
            let path = folder.path().join("file");
            let mut file = GrowingFile::create(&path, true).unwrap();
            let mut expected: Vec<u8> = Vec::new();
            let cut = |expected: &mut Vec<u8>, part: u64| {
                expected.truncate((expected.len() as u64 * part / 1000) as usize);
                expected.len() as u64
            };
            for step in steps {
                match step {
                    Step::Append(sizes) => {
                        let from = expected.len();
                        let parts: Vec<Vec<u8>> = sizes
                            .iter()
                            .enumerate()
                            .map(|(part, size)| (0..*size).map(|at| (from + part + at * 31 / 7) as u8).collect())
                            .collect();
                        file.append(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
                        parts.iter().for_each(|part| expected.extend_from_slice(part));
                    }
                    Step::Truncate(part) => file.truncate(cut(&mut expected, part)).unwrap(),
                    Step::Reopen(part) => file = GrowingFile::reopen(&path, cut(&mut expected, part)).unwrap(),
                }
                if !is_direct {
                    file.direct = None;
                }
                file.sync().unwrap();
                prop_assert!(std::fs::read(&path).unwrap() == expected);
            }
        }
    }

    #[test]
    fn one_that_has_to_be_new_is_not_taken_over() {
        let folder = folder();
        let path = folder.path().join("file");
        GrowingFile::create(&path, true).unwrap().append(&[b"one"]).unwrap();
        assert!(GrowingFile::create(&path, true).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        GrowingFile::create(&path, false).unwrap().append(&[b"2"]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"2");
    }

    /// Most file systems refuse a direct write from an odd address; what would be one is then written the ordinary way.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_refused_direct_write_is_made_the_other_way() {
        let folder = folder();
        let path = folder.path().join("file");
        let mut file = GrowingFile::create(&path, true).unwrap();
        let bytes: Vec<u8> = (0..300_000u32).map(|at| (at / 7) as u8).collect();
        file.append(&[&bytes[..BLOCK]]).unwrap();
        // Nothing in the buffer is where a direct write has to be from now on.
        file.make_room(BUFFER_BYTES_MAX);
        (file.first_block, file.room) = (file.first_block.wrapping_sub(1) % BLOCK, file.room - BLOCK);
        file.append(&[&bytes[BLOCK..]]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}
