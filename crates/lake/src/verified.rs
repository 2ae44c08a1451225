//! What is read of a data file is what was written: every piece is under a checksum that the catalog keeps.
//!
//! Parquet's own pages carry none, and a flipped bit in them would be served as somebody's command line. A file is
//! cut into pieces of 64 KiB; reads are widened to whole pieces and checked before anything of them is handed out.

mod cache;
mod store;

use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use model::lake::DataFile;
use object_store::path::Path;
use object_store::{ObjectStoreExt, Result};

pub(crate) use self::cache::PieceCache;
pub(crate) use self::store::VerifiedStore;

/// Bytes of a piece; the last one of a file may have fewer.
pub const PIECE_BYTES: usize = 64 << 10;

/// The CRC-32 of each piece.
pub fn checksums(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks(PIECE_BYTES).map(crc32fast::hash).collect()
}

/// A piece that is not what was written.
#[derive(Debug, thiserror::Error)]
#[error("file {path} is damaged between bytes {start} and {end}")]
pub struct Damage {
    pub path: String,
    pub start: u64,
    pub end: u64,
}

/// The checksums of one file.
#[derive(Debug)]
pub(crate) struct Pieces {
    path: String,
    pub bytes: u64,
    checksums: Vec<u32>,
}

impl Pieces {
    /// None for files that were written without checksums.
    pub fn of(file: &DataFile) -> Option<Pieces> {
        let bytes = u64::try_from(file.bytes).ok()?;
        let is_whole = file.checksums.len() as u64 == bytes.div_ceil(PIECE_BYTES as u64);
        (is_whole && !file.checksums.is_empty()).then(|| Pieces {
            path: file.path.clone(),
            bytes,
            checksums: file.checksums.clone(),
        })
    }

    /// The whole pieces that a range touches.
    pub fn widened(&self, range: &Range<u64>) -> Range<u64> {
        let piece = PIECE_BYTES as u64;
        range.start / piece * piece..(range.end.div_ceil(piece) * piece).min(self.bytes)
    }

    /// Checks whole pieces that begin at `start`.
    pub fn check(&self, start: u64, bytes: &[u8]) -> std::result::Result<(), Damage> {
        let first = (start / PIECE_BYTES as u64) as usize;
        let damaged =
            |start: u64, length: usize| Damage { path: self.path.clone(), start, end: start + length as u64 };
        for (at, piece) in bytes.chunks(PIECE_BYTES).enumerate() {
            if self.checksums.get(first + at) != Some(&crc32fast::hash(piece)) {
                return Err(damaged(start + (at * PIECE_BYTES) as u64, piece.len()));
            }
        }
        Ok(())
    }
}

/// The checksums of all files that are listed, and of those that are not purged yet.
#[derive(Debug, Default)]
pub(crate) struct Known(RwLock<HashMap<String, Arc<Pieces>>>);

impl Known {
    pub fn add<'a>(&self, files: impl IntoIterator<Item = &'a DataFile>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for pieces in files.into_iter().filter_map(Pieces::of) {
            known.insert(pieces.path.clone(), Arc::new(pieces));
        }
    }

    pub fn forget<'a>(&self, files: impl IntoIterator<Item = &'a DataFile>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for file in files {
            known.remove(&file.path);
        }
    }

    pub fn pieces(&self, path: &str) -> Option<Arc<Pieces>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

/// Reads a file piece by piece, from a place on.
pub(crate) struct VerifiedReader<R> {
    file: R,
    pieces: Arc<Pieces>,
    /// What was checked and not handed out yet.
    ready: io::Cursor<Vec<u8>>,
    /// Where the next piece begins.
    next: u64,
}

impl<R: Read> VerifiedReader<R> {
    /// `file` has to be at the beginning of the piece that holds `start`.
    pub fn new(file: R, pieces: Arc<Pieces>, start: u64) -> io::Result<VerifiedReader<R>> {
        let piece = pieces.widened(&(start..start)).start;
        let mut reader = VerifiedReader { file, pieces, ready: io::Cursor::new(Vec::new()), next: piece };
        reader.fill()?;
        reader.ready.set_position(start - piece);
        Ok(reader)
    }

    fn fill(&mut self) -> io::Result<()> {
        let length = self.pieces.bytes.saturating_sub(self.next).min(PIECE_BYTES as u64);
        let mut piece = vec![0; length as usize];
        self.file.read_exact(&mut piece)?;
        self.pieces.check(self.next, &piece).map_err(io::Error::other)?;
        self.next += length;
        self.ready = io::Cursor::new(piece);
        Ok(())
    }
}

impl<R: Read> Read for VerifiedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ready.position() as usize >= self.ready.get_ref().len() && self.next < self.pieces.bytes {
            self.fill()?;
        }
        self.ready.read(out)
    }
}

/// Bytes that are read at a time to check a file: whole pieces.
const CHECKED_BYTES: u64 = 64 * PIECE_BYTES as u64;

/// Reads a whole file through a store and says where it is damaged, if it is.
pub(crate) async fn find_damage(store: &VerifiedStore, file: &DataFile) -> Result<Vec<Damage>> {
    let path = Path::from(file.path.as_str());
    let length = store.inner.head(&path).await?.size;
    let mut damages = Vec::new();
    let damage = |start, end| Damage { path: file.path.clone(), start, end };
    if length != file.bytes as u64 {
        damages.push(damage(length.min(file.bytes as u64), length.max(file.bytes as u64)));
    }
    let Some(pieces) = Pieces::of(file) else { return Ok(damages) };
    let mut start = 0;
    while start < length {
        let end = (start + CHECKED_BYTES).min(length);
        let read = store.inner.get_range(&path, start..end).await?;
        for piece in read.chunks(PIECE_BYTES) {
            damages.extend(pieces.check(start, piece).err());
            start += piece.len() as u64;
        }
        if start < end {
            damages.push(damage(start, end));
            break;
        }
    }
    Ok(damages)
}
