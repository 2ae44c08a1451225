//! An object store in memory that can be out of reach, lose answers, and counts what it is asked.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

#[derive(Clone, Default)]
pub struct FaultyStore(Arc<Faults>);

#[derive(Default)]
struct Faults {
    inner: InMemory,
    is_down: AtomicBool,
    /// So many writes succeed before the store is out of reach.
    writes_left: AtomicUsize,
    is_counting_down: AtomicBool,
    /// Writes happen and are answered with an error.
    loses_answers: AtomicBool,
    /// The paths of what was read, data files and indexes alone.
    reads: Mutex<Vec<String>>,
}

impl FaultyStore {
    pub fn set_down(&self, is_down: bool) {
        self.0.is_down.store(is_down, Ordering::SeqCst);
        self.0.is_counting_down.store(false, Ordering::SeqCst);
    }

    pub fn go_down_after(&self, writes: usize) {
        self.0.writes_left.store(writes, Ordering::SeqCst);
        self.0.is_counting_down.store(true, Ordering::SeqCst);
    }

    pub fn lose_answers(&self, loses: bool) {
        self.0.loses_answers.store(loses, Ordering::SeqCst);
    }

    /// What was read since the last call.
    pub fn take_reads(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.reads.lock().unwrap())
    }

    /// Every path there is, in order.
    pub async fn paths(&self) -> Vec<String> {
        let found: Vec<_> = self.0.inner.list(None).collect().await;
        let mut paths: Vec<_> = found.into_iter().map(|meta| meta.unwrap().location.to_string()).collect();
        paths.sort_unstable();
        paths
    }

    fn check(&self) -> Result<()> {
        match self.0.is_down.load(Ordering::SeqCst) {
            true => Err(Error::Generic { store: "faulty", source: "out of reach".into() }),
            false => Ok(()),
        }
    }

    fn check_write(&self) -> Result<()> {
        if self.0.is_counting_down.load(Ordering::SeqCst) {
            let less = |left: usize| left.checked_sub(1);
            if self.0.writes_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_err() {
                self.set_down(true);
            }
        }
        self.check()
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

#[async_trait::async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.check_write()?;
        let put = self.0.inner.put_opts(location, payload, options).await?;
        match self.0.loses_answers.swap(false, Ordering::SeqCst) {
            true => Err(Error::Generic { store: "faulty", source: "the answer was lost".into() }),
            false => Ok(put),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.check_write()?;
        self.0.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.check()?;
        if !location.as_ref().contains("/_delta_log/") {
            self.0.reads.lock().unwrap().push(location.to_string());
        }
        self.0.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.check()?;
        self.0.reads.lock().unwrap().push(location.to_string());
        self.0.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.check_write() {
            Ok(()) => self.0.inner.delete_stream(locations),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.check() {
            Ok(()) => self.0.inner.list(prefix),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.check()?;
        self.0.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.check_write()?;
        self.0.inner.copy_opts(from, to, options).await
    }
}
