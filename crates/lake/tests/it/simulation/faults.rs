//! Disk, object store and catalog that fail from a seed: now and then for a moment, and at once when the power goes.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use lake::{Catalog, CatalogFuture, Disk, LakeError, LogFile};
use model::lake::{CatalogChange, CatalogState, Policies};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: i64) -> i64 {
        (self.next() % end.max(1) as u64) as i64
    }

    pub fn within(&mut self, range: Range<i64>) -> i64 {
        range.start + self.below(range.end - range.start)
    }

    pub fn is(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }
}

/// What becomes of a write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    /// It fails, and nothing was written.
    Failed,
    /// The power goes while it is under way; it may have been done.
    Cut {
        done: bool,
    },
}

/// The power of one run of the program, shared by all it writes to.
#[derive(Clone, Debug)]
pub struct Power(Arc<Mutex<PowerState>>);

#[derive(Debug)]
struct PowerState {
    dice: Dice,
    /// Writes until the power goes; none while it stays.
    left: Option<i64>,
    is_off: bool,
    /// How many of a hundred writes to the object store fail for a moment.
    failing: i64,
}

impl Power {
    pub fn new(seed: u64, failing: i64) -> Power {
        let dice = Dice::new(seed);
        Power(Arc::new(Mutex::new(PowerState { dice, left: None, is_off: false, failing })))
    }

    /// The power goes at the `writes`-th write from now.
    pub fn goes_after(&self, writes: i64) {
        self.0.lock().unwrap().left = Some(writes);
    }

    pub fn turn_off(&self) {
        self.0.lock().unwrap().is_off = true;
    }

    pub fn is_off(&self) -> bool {
        self.0.lock().unwrap().is_off
    }

    fn write(&self, may_fail: bool) -> Fate {
        let mut state = self.0.lock().unwrap();
        if state.is_off {
            return Fate::Cut { done: false };
        }
        if let Some(left) = &mut state.left {
            *left -= 1;
            if *left <= 0 {
                state.is_off = true;
                return Fate::Cut { done: state.dice.is(50) };
            }
        }
        let failing = state.failing;
        if may_fail && state.dice.is(failing) { Fate::Failed } else { Fate::Done }
    }
}

fn gone() -> io::Error {
    io::Error::other("the power is off")
}

/// A disk whose writes need power.
pub struct PoweredDisk<D> {
    pub inner: D,
    pub power: Power,
    /// Nothing is ever synced, and every sync is answered for: what a program does that acknowledges before it
    /// syncs. A bug that the simulation has to find.
    pub is_lying: bool,
}

impl<D: Disk> PoweredDisk<D> {
    fn file(&self, file: Box<dyn LogFile>) -> Box<dyn LogFile> {
        Box::new(PoweredFile { inner: file, power: self.power.clone(), is_lying: self.is_lying })
    }
}

impl<D: Disk> Disk for PoweredDisk<D> {
    fn list(&self) -> io::Result<Vec<String>> {
        if self.power.is_off() { Err(gone()) } else { self.inner.list() }
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        if self.power.is_off() { Err(gone()) } else { self.inner.read(name) }
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        match self.power.write(false) {
            Fate::Cut { done: false } => Err(gone()),
            Fate::Cut { done: true } => self.inner.create(name).and(Err(gone())),
            _ => self.inner.create(name).map(|file| self.file(file)),
        }
    }

    fn reopen(&self, name: &str, length: u64) -> io::Result<Box<dyn LogFile>> {
        match self.power.write(false) {
            Fate::Cut { done: false } => Err(gone()),
            Fate::Cut { done: true } => self.inner.reopen(name, length).and(Err(gone())),
            _ => self.inner.reopen(name, length).map(|file| self.file(file)),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match self.power.write(false) {
            Fate::Cut { done: false } => Err(gone()),
            Fate::Cut { done: true } => self.inner.remove(name).and(Err(gone())),
            _ => self.inner.remove(name),
        }
    }
}

struct PoweredFile {
    inner: Box<dyn LogFile>,
    power: Power,
    is_lying: bool,
}

impl LogFile for PoweredFile {
    fn append(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        match self.power.write(false) {
            Fate::Cut { done: false } => Err(gone()),
            // Somewhere in the middle.
            Fate::Cut { done: true } => {
                let bytes = parts.concat();
                self.inner.append(&[&bytes[..bytes.len() * 2 / 3]]).and(Err(gone()))
            }
            _ => self.inner.append(parts),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.power.write(false) {
            Fate::Cut { done: false } => Err(gone()),
            Fate::Cut { done: true } => self.inner.sync().and(Err(gone())),
            _ if self.is_lying => Ok(()),
            _ => self.inner.sync(),
        }
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        match self.power.write(false) {
            Fate::Cut { done: false } => Err(gone()),
            Fate::Cut { done: true } => self.inner.truncate(length).and(Err(gone())),
            _ => self.inner.truncate(length),
        }
    }
}

/// A catalog whose commits need power.
pub struct PoweredCatalog<C>(pub C, pub Power);

fn catalog_gone(doing: &'static str) -> LakeError {
    LakeError::Catalog { doing, message: "the power is off".to_owned() }
}

impl<C: Catalog> Catalog for PoweredCatalog<C> {
    fn load(&self) -> CatalogFuture<'_, CatalogState> {
        if self.1.is_off() {
            return Box::pin(async { Err(catalog_gone("load")) });
        }
        self.0.load()
    }

    fn commit(&self, change: CatalogChange) -> CatalogFuture<'_, ()> {
        let error = catalog_gone("commit");
        match self.1.write(true) {
            Fate::Done => self.0.commit(change),
            Fate::Failed | Fate::Cut { done: false } => Box::pin(async { Err(error) }),
            Fate::Cut { done: true } => {
                let commit = self.0.commit(change);
                Box::pin(async { commit.await.and(Err(error)) })
            }
        }
    }

    fn policies(&self) -> CatalogFuture<'_, Policies> {
        if self.1.is_off() {
            return Box::pin(async { Err(catalog_gone("read policies")) });
        }
        self.0.policies()
    }
}

/// An object store whose writes need power and fail now and then.
#[derive(Debug)]
pub struct PoweredStore {
    pub inner: Arc<dyn ObjectStore>,
    pub power: Power,
    /// Objects are answered for and never written: a bug that the simulation has to find.
    pub is_lying: bool,
}

impl fmt::Display for PoweredStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoweredStore({})", self.inner)
    }
}

fn store_error(text: &'static str) -> object_store::Error {
    object_store::Error::Generic { store: "simulated", source: text.into() }
}

impl PoweredStore {
    fn check(&self) -> Result<()> {
        if self.power.is_off() { Err(store_error("the power is off")) } else { Ok(()) }
    }
}

#[async_trait::async_trait]
impl ObjectStore for PoweredStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.power.write(true) {
            Fate::Done if self.is_lying && location.as_ref().ends_with(".parquet") => {
                Ok(PutResult { e_tag: None, version: None })
            }
            Fate::Done => self.inner.put_opts(location, payload, options).await,
            Fate::Failed => Err(store_error("failed for a moment")),
            Fate::Cut { done } => {
                if done {
                    self.inner.put_opts(location, payload, options).await?;
                }
                Err(store_error("the power is off"))
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.check()?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.check()?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.check()?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.power.write(true) {
            Fate::Done => self.inner.delete_stream(locations),
            _ => futures::stream::iter([Err(store_error("failed for a moment"))]).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.check() {
            Ok(()) => self.inner.list(prefix),
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.check()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.check()?;
        self.inner.copy_opts(from, to, options).await
    }
}
