//! Data files that are read at any place by threads that may block: by merges, scans and checks.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::reader::{ChunkReader, Length};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use tokio::runtime::Handle;

use crate::verified::{Pieces, VerifiedReader, VerifiedStore};

/// Bytes of a remote file that are read together.
const WINDOW_BYTES: u64 = 1 << 20;
/// Windows of one remote file that are kept: a row group of usual size, since its columns are read side by side.
const WINDOWS_MAX: usize = 24;

/// A data file, checked on the way when it has checksums.
pub(crate) enum OpenedFile {
    Local(std::fs::File, Option<Arc<Pieces>>),
    Remote(Arc<RemoteFile>),
}

/// A file of an object store. Of large files only what is needed is read.
pub(crate) struct RemoteFile {
    store: Arc<VerifiedStore>,
    path: Path,
    bytes: u64,
    runtime: Handle,
    /// By number; the one used last is at the end.
    windows: Mutex<Vec<(u64, Bytes)>>,
}

impl OpenedFile {
    /// Only for threads that may block, inside a runtime.
    pub fn remote(store: &Arc<VerifiedStore>, path: &str) -> object_store::Result<OpenedFile> {
        let (store, runtime, location) = (store.clone(), Handle::current(), Path::from(path));
        let bytes = match store.known.pieces(path) {
            Some(pieces) => pieces.bytes,
            None => runtime.block_on(store.head(&location))?.size,
        };
        let file = RemoteFile { store, path: location, bytes, runtime, windows: Mutex::default() };
        Ok(OpenedFile::Remote(Arc::new(file)))
    }
}

impl RemoteFile {
    fn read(&self, start: u64, end: u64) -> io::Result<Bytes> {
        self.runtime.block_on(self.store.get_range(&self.path, start..end)).map_err(io::Error::other)
    }

    fn window(&self, number: u64) -> io::Result<Bytes> {
        let mut windows = crate::log::lock(&self.windows);
        if let Some(at) = windows.iter().position(|(other, _)| *other == number) {
            let window = windows.remove(at);
            windows.push(window.clone());
            return Ok(window.1);
        }
        let start = number * WINDOW_BYTES;
        let window = self.read(start, (start + WINDOW_BYTES).min(self.bytes))?;
        if windows.len() >= WINDOWS_MAX {
            windows.remove(0);
        }
        windows.push((number, window.clone()));
        Ok(window)
    }

    /// What is left of the window that holds a place; nothing at the end of the file.
    fn rest_of_window(&self, at: u64) -> io::Result<Bytes> {
        if at >= self.bytes {
            return Ok(Bytes::new());
        }
        let mut window = self.window(at / WINDOW_BYTES)?;
        let skipped = ((at % WINDOW_BYTES) as usize).min(window.len());
        Ok(window.split_off(skipped))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = start.saturating_add(length as u64);
        if end > self.bytes {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} are past the end")));
        }
        if length as u64 > WINDOW_BYTES {
            return Ok(self.read(start, end)?);
        }
        let first = self.rest_of_window(start)?;
        if first.len() >= length {
            return Ok(first.slice(..length));
        }
        let second = self.rest_of_window(start + first.len() as u64)?;
        let mut both = BytesMut::with_capacity(length);
        both.extend_from_slice(&first);
        both.extend_from_slice(&second[..(length - first.len()).min(second.len())]);
        Ok(both.freeze())
    }
}

impl Length for OpenedFile {
    fn len(&self) -> u64 {
        match self {
            OpenedFile::Local(file, _) => Length::len(file),
            OpenedFile::Remote(file) => file.bytes,
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
            OpenedFile::Remote(file) => Box::new(RemoteReader { file: file.clone(), at: start }),
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
            OpenedFile::Remote(file) => file.get_bytes(start, length),
        }
    }
}

/// Reads a remote file from a place on.
struct RemoteReader {
    file: Arc<RemoteFile>,
    at: u64,
}

impl Read for RemoteReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = self.file.rest_of_window(self.at)?;
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use object_store::memory::InMemory;
    use object_store::{ObjectStore, PutPayload};
    use proptest::prelude::*;

    use super::*;

    const FILE_BYTES: usize = 5 * WINDOW_BYTES as usize / 2;

    fn content() -> Vec<u8> {
        (0..FILE_BYTES).map(|at| (at * 31 / 7) as u8).collect()
    }

    fn opened(runtime: &tokio::runtime::Runtime) -> OpenedFile {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        runtime.block_on(store.put(&Path::from("file"), PutPayload::from(content()))).unwrap();
        let store = Arc::new(VerifiedStore { inner: store, known: Arc::default(), cache: None });
        let _inside = runtime.enter();
        OpenedFile::remote(&store, "file").unwrap()
    }

    fn range() -> impl Strategy<Value = Range<usize>> {
        let size = prop_oneof![0..100usize, 0..FILE_BYTES];
        (0..FILE_BYTES, size).prop_map(|(start, size)| start..(start + size).min(FILE_BYTES))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn every_range_of_a_remote_file_is_what_was_written(ranges in proptest::collection::vec(range(), 1..8)) {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let (content, file) = (content(), opened(&runtime));
            for range in ranges {
                let bytes = file.get_bytes(range.start as u64, range.len()).unwrap();
                prop_assert!(bytes == content[range.clone()], "bytes {range:?}");
                let mut read = vec![0; range.len()];
                file.get_read(range.start as u64).unwrap().read_exact(&mut read).unwrap();
                prop_assert!(read == content[range.clone()], "read {range:?}");
            }
            prop_assert_eq!(Length::len(&file), content.len() as u64);
            prop_assert!(file.get_bytes(content.len() as u64 - 1, 2).is_err());
            let mut rest = Vec::new();
            file.get_read(content.len() as u64).unwrap().read_to_end(&mut rest).unwrap();
            prop_assert!(rest.is_empty());
        }
    }
}
