//! The object store that engine, followers and merges read data files through.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
    coalesce_ranges,
};

use super::{Damage, Known, PIECE_BYTES, PieceCache, Pieces};

/// Reads of more than this are not kept: a search that reads whole columns would push out what all others need.
const KEPT_BYTES_MAX: usize = 512 << 10;
/// Places that are so near to each other are read together from a store that is far away.
const REMOTE_GAP_BYTES: u64 = 512 << 10;

/// An object store whose reads of data files are checked, and kept when the store is far away.
pub(crate) struct VerifiedStore {
    pub inner: Arc<dyn ObjectStore>,
    pub known: Arc<Known>,
    /// None for a store that is near.
    pub cache: Option<Arc<PieceCache>>,
}

impl fmt::Debug for VerifiedStore {
    /// The inner store may know secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for VerifiedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "verified {}", self.inner)
    }
}

impl VerifiedStore {
    /// What is known of a file: its checksums, or that it checks itself and never changes.
    fn source(&self, location: &Path) -> Option<Source> {
        if let Some(pieces) = self.known.pieces(location.as_ref()) {
            return Some(Source::Pieces(pieces));
        }
        let is_index = location.as_ref().ends_with(".terms");
        (is_index && self.cache.is_some()).then_some(Source::Index)
    }

    /// Reads the pieces that a range touches, and hands out the range.
    async fn read(&self, location: &Path, source: &Source, range: Range<u64>) -> Result<Bytes> {
        let cut_off = || Damage { path: location.to_string(), start: range.start, end: range.end };
        let is_past_end =
            matches!(source, Source::Pieces(pieces) if range.is_empty() || range.end > pieces.bytes);
        if is_past_end {
            // Somebody believes the file to be longer than it was written.
            return Err(damaged(cut_off()));
        }
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let piece = PIECE_BYTES as u64;
        let numbers = range.start / piece..range.end.div_ceil(piece);
        let skipped = (range.start - numbers.start * piece) as usize;
        let bytes = self.read_pieces(location, source, numbers).await?;
        let wanted = skipped + (range.end - range.start) as usize;
        match source {
            Source::Pieces(_) if bytes.len() < wanted => Err(damaged(cut_off())),
            _ => Ok(bytes.slice(skipped.min(bytes.len())..wanted.min(bytes.len()))),
        }
    }

    /// Some pieces of a file: from the cache as far as it has them, the rest by one read.
    async fn read_pieces(&self, location: &Path, source: &Source, numbers: Range<u64>) -> Result<Bytes> {
        let path = location.as_ref();
        let mut found = match &self.cache {
            Some(cache) => cache.get(path, numbers.clone()),
            None => Vec::new(),
        };
        let is_missing = |piece: &Option<Bytes>| piece.is_none();
        let (from, to) = match (found.iter().position(is_missing), found.iter().rposition(is_missing)) {
            (Some(from), Some(to)) => (from, to + 1),
            _ if found.is_empty() => (0, (numbers.end - numbers.start) as usize),
            _ => return Ok(joined(found)),
        };
        let piece = PIECE_BYTES as u64;
        let start = (numbers.start + from as u64) * piece;
        let end = (numbers.start + to as u64) * piece;
        let end = if let Source::Pieces(pieces) = source { end.min(pieces.bytes) } else { end };
        let read = self.read_stored(location, start..end).await?;
        if let Source::Pieces(pieces) = source {
            pieces.check(start, &read).map_err(damaged)?;
        }
        if let Some(cache) = self.cache.as_ref().filter(|_| read.len() <= KEPT_BYTES_MAX) {
            for (at, bytes) in read.chunks(PIECE_BYTES).enumerate() {
                cache.insert(path, numbers.start + (from + at) as u64, bytes);
            }
        }
        if to - from >= found.len() {
            return Ok(read);
        }
        found.splice(from..to, [Some(read)]);
        Ok(joined(found))
    }

    /// What is stored in a range, or in the part of it that is there.
    async fn read_stored(&self, location: &Path, range: Range<u64>) -> Result<Bytes> {
        if self.cache.is_none() {
            // A store that is near opens and reads in one step. What is not whole is looked at below.
            match self.inner.get_ranges(location, std::slice::from_ref(&range)).await {
                Ok(read) => return Ok(read.into_iter().next().unwrap_or_default()),
                Err(error @ object_store::Error::NotFound { .. }) => return Err(error),
                Err(_) => {}
            }
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        self.inner.get_opts(location, options).await?.bytes().await
    }

    async fn read_ranges(
        &self,
        location: &Path,
        source: &Source,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>> {
        let gap = if self.cache.is_some() { REMOTE_GAP_BYTES } else { PIECE_BYTES as u64 };
        coalesce_ranges(ranges, async |range: Range<u64>| self.read(location, source, range).await, gap).await
    }
}

/// How a file is read that is not simply handed through.
enum Source {
    Pieces(Arc<Pieces>),
    /// An index of terms: it has checksums of its own.
    Index,
}

fn damaged(damage: Damage) -> object_store::Error {
    object_store::Error::Generic { store: "lake", source: Box::new(damage) }
}

/// Pieces one after the other, up to the first that is not there.
fn joined(mut found: Vec<Option<Bytes>>) -> Bytes {
    if let [only] = &mut found[..] {
        return only.take().unwrap_or_default();
    }
    let mut bytes = BytesMut::new();
    found.into_iter().map_while(|piece| piece).for_each(|piece| bytes.extend_from_slice(&piece));
    bytes.freeze()
}

/// Whether an answer depends on more than the file and the range.
fn has_conditions(options: &GetOptions) -> bool {
    options.if_match.is_some()
        || options.if_none_match.is_some()
        || options.if_modified_since.is_some()
        || options.if_unmodified_since.is_some()
        || options.version.is_some()
}

#[async_trait::async_trait]
impl ObjectStore for VerifiedStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let source = self.source(location).filter(|_| !options.head);
        let (source, range) = match (source, &options.range) {
            (Some(Source::Pieces(pieces)), range) => {
                let range = match range {
                    None => 0..pieces.bytes,
                    Some(GetRange::Bounded(range)) => range.start..range.end.min(pieces.bytes),
                    Some(GetRange::Offset(start)) => *start..pieces.bytes,
                    Some(GetRange::Suffix(bytes)) => pieces.bytes.saturating_sub(*bytes)..pieces.bytes,
                };
                (Source::Pieces(pieces), range)
            }
            (Some(Source::Index), Some(GetRange::Bounded(range))) => (Source::Index, range.clone()),
            _ => return self.inner.get_opts(location, options).await,
        };
        // A file never changes, so there is nothing to say of it but its length, unless somebody asks.
        let meta = if has_conditions(&options) {
            self.inner.get_opts(location, GetOptions { head: true, range: None, ..options }).await?.meta
        } else {
            let size = if let Source::Pieces(pieces) = &source { pieces.bytes } else { range.end };
            let (last_modified, location) = (Default::default(), location.clone());
            ObjectMeta { location, last_modified, size, e_tag: None, version: None }
        };
        let bytes = self.read(location, &source, range.clone()).await?;
        let range = range.start..range.start + bytes.len() as u64;
        let payload = GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        match self.source(location) {
            Some(source) => self.read_ranges(location, &source, ranges).await,
            None => self.inner.get_ranges(location, ranges).await,
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}
