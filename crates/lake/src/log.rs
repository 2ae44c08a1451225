//! The write-ahead log: one writer, groups of frames, one sync a group, then the answers.
//!
//! Segments are named `<number>.log`. A segment is closed with a sync before the next one begins, so only the
//! last one can end in a cut-off write; damage anywhere else is reported, never skipped.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use model::lake::CatalogState;
use model::{Clock, TenantId};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info, warn};

use crate::LakeError;
use crate::disk::{Disk, LogFile};
use crate::frame::{Found, Frame, Header, Payload, read_frame, write_head};
use crate::hot::HotBatch;
use crate::rows::Rows;
use crate::state::State;

/// Calls that may wait for the writer before more are held back.
const QUEUE_MAX: usize = 1024;
/// A group is synced at the latest when it holds this much.
const GROUP_BYTES_MAX: usize = 32 << 20;
/// Producers remembered for each tenant; the one unused for longest is forgotten first.
const PRODUCERS_MAX: usize = 10_000;

/// What the caller of an append learns, once the rows are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The sequences of the rows; nothing was added when `duplicate`.
    pub first_sequence: i64,
    pub last_sequence: i64,
    /// The producer sent this sequence before: its rows are in the lake already.
    pub duplicate: bool,
}

pub(crate) struct Append {
    pub tenant: TenantId,
    pub producer: Option<(String, i64)>,
    pub parts: Vec<Rows>,
    pub payload: Payload,
    pub reply: oneshot::Sender<Result<Appended, LakeError>>,
}

pub(crate) enum Job {
    Append(Box<Append>),
    /// Starts a new segment; answers with the number of the last closed one.
    Rotate(oneshot::Sender<Result<u64, LakeError>>),
}

/// What a flush must write down so that retries are still recognised after the log is gone.
pub(crate) type Producers = Arc<std::sync::Mutex<HashMap<(TenantId, String), Mark>>>;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub sequence: i64,
    /// Counts uses, to forget the producer that was unused for longest.
    used: u64,
}

pub(crate) fn segment_name(segment: u64) -> String {
    format!("{segment:012}.log")
}

pub(crate) fn segment_number(name: &str) -> Option<u64> {
    name.strip_suffix(".log")?.parse().ok()
}

pub(crate) struct Writer {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    state: Arc<State>,
    producers: Producers,
    next_sequence: HashMap<TenantId, i64>,
    file: Box<dyn LogFile>,
    segment: u64,
    length: u64,
    uses: u64,
    /// Set when it is not known what the disk holds: nothing more is accepted until a restart reads it again.
    stopped: bool,
}

impl Writer {
    /// Reads the segments that the catalog does not cover yet, publishes their rows, and opens the last one.
    pub fn recover(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        state: Arc<State>,
        catalog: &CatalogState,
    ) -> Result<Writer, LakeError> {
        let producers = catalog.producers.iter();
        let producers =
            producers.map(|p| ((p.tenant, p.producer.clone()), Mark { sequence: p.sequence, used: 0 }));
        let producers: Producers = Arc::new(std::sync::Mutex::new(producers.collect()));
        let next_sequence = catalog.sequences.iter().map(|(tenant, last)| (*tenant, last + 1)).collect();
        let low_water = catalog.log_segment.max(1) as u64;

        let names = disk.list().map_err(log_error("list the segments"))?;
        let mut segments: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
        segments.sort_unstable();
        for old in segments.iter().filter(|segment| **segment < low_water) {
            disk.remove(&segment_name(*old)).map_err(log_error("remove a flushed segment"))?;
        }
        segments.retain(|segment| *segment >= low_water);
        let last = segments.last().copied();

        let placeholder: Box<dyn LogFile> = Box::new(NoFile);
        let mut writer = Writer {
            disk,
            clock,
            state,
            producers,
            next_sequence,
            file: placeholder,
            segment: last.unwrap_or(low_water),
            length: 0,
            uses: 0,
            stopped: false,
        };
        for segment in &segments {
            writer.replay(*segment, Some(*segment) == last)?;
        }
        let name = segment_name(writer.segment);
        writer.file = match last {
            Some(_) => writer.disk.reopen(&name, writer.length),
            None => writer.disk.create(&name),
        }
        .map_err(log_error("open the last segment"))?;
        Ok(writer)
    }

    pub fn producers(&self) -> Producers {
        self.producers.clone()
    }

    fn replay(&mut self, segment: u64, is_last: bool) -> Result<(), LakeError> {
        let bytes = self.disk.read(&segment_name(segment)).map_err(log_error("read a segment"))?;
        let (mut at, mut rows) = (0usize, 0usize);
        loop {
            match read_frame(&bytes[at..]) {
                Found::End => break,
                Found::Frame { frame, bytes } => {
                    at += bytes;
                    rows += self.replay_frame(*frame, segment)?;
                }
                Found::Broken { reason } if is_last => {
                    let dropped = bytes.len() - at;
                    warn!(segment, offset = at, dropped, %reason, "cutting off an unfinished write");
                    break;
                }
                // What was acknowledged is never cut off, also not by a version that cannot read it.
                Found::Broken { reason } | Found::Unreadable { reason } => {
                    return Err(LakeError::Damaged { segment, offset: at as u64, reason });
                }
            }
        }
        self.segment = segment;
        self.length = at as u64;
        info!(segment, rows, "replayed a log segment");
        Ok(())
    }

    fn replay_frame(&mut self, frame: Frame, segment: u64) -> Result<usize, LakeError> {
        let Header { tenant, producer, first_sequence, ingested, .. } = frame.header;
        let mut next = first_sequence;
        let mut hot = Vec::with_capacity(frame.parts.len());
        for part in frame.parts {
            let rows = part.len() as i64;
            hot.push((tenant, HotBatch::new(part, next, ingested, segment)));
            next += rows;
        }
        self.remember(tenant, producer);
        self.next_sequence.insert(tenant, next);
        self.state.publish(hot);
        Ok((next - first_sequence) as usize)
    }

    fn remember(&mut self, tenant: TenantId, producer: Option<(String, i64)>) {
        let Some((producer, sequence)) = producer else { return };
        self.uses += 1;
        let mut marks = lock(&self.producers);
        marks.insert((tenant, producer), Mark { sequence, used: self.uses });
        if marks.len() > PRODUCERS_MAX && self.uses.is_multiple_of(1_000) {
            forget_oldest(&mut marks, tenant);
        }
    }

    /// Serves jobs until every sender is gone.
    pub fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group: Vec<Append> = Vec::new();
        while let Some(job) = jobs.blocking_recv() {
            let mut bytes = 0;
            let mut rotate = None;
            let mut next = Some(job);
            while let Some(job) = next {
                match job {
                    Job::Append(append) => {
                        bytes += append.payload.bytes;
                        group.push(*append);
                    }
                    Job::Rotate(reply) => {
                        rotate = Some(reply);
                        break;
                    }
                }
                next = if bytes < GROUP_BYTES_MAX { jobs.try_recv().ok() } else { None };
            }
            self.write_group(std::mem::take(&mut group));
            if let Some(reply) = rotate {
                let _ = reply.send(self.rotate());
            }
        }
        if let Err(error) = self.file.sync() {
            error!(%error, "cannot sync the log at shutdown");
        }
    }

    fn write_group(&mut self, group: Vec<Append>) {
        if group.is_empty() {
            return;
        }
        let appends = group.len();
        let mut frames = Vec::new();
        let mut hot = Vec::new();
        let mut replies = Vec::with_capacity(group.len());
        let mut in_group: HashSet<(TenantId, String, i64)> = HashSet::new();
        let sequences_before = self.next_sequence.clone();
        for append in group {
            let Append { tenant, producer, parts, payload, reply } = append;
            if let Some((name, sequence)) = &producer
                && (self.is_duplicate(tenant, name, *sequence)
                    || in_group.contains(&(tenant, name.clone(), *sequence)))
            {
                // The answer waits for the group's sync: the first copy may be in this very group.
                replies.push((
                    reply,
                    Ok(Appended { first_sequence: 0, last_sequence: 0, duplicate: true }),
                    None,
                ));
                continue;
            }
            match self.stage(tenant, &producer, parts, payload, &mut frames, &mut hot) {
                Ok(appended) => {
                    if let Some((name, sequence)) = &producer {
                        in_group.insert((tenant, name.clone(), *sequence));
                    }
                    replies.push((reply, Ok(appended), producer.map(|producer| (tenant, producer))));
                }
                Err(error) => replies.push((reply, Err(error), None)),
            }
        }
        match self.write_durably(&frames) {
            Ok(bytes) => {
                metrics::counter!("bartizan_lake_log_bytes_total").increment(bytes);
                metrics::histogram!("bartizan_lake_group_appends").record(appends as f64);
                self.state.publish(hot);
                for (reply, answer, producer) in replies {
                    if let Some((tenant, producer)) = producer {
                        self.remember(tenant, Some(producer));
                    }
                    let _ = reply.send(answer);
                }
            }
            Err(error) => {
                self.next_sequence = sequences_before;
                warn!(%error, appends, "refused a group of appends");
                let kind = error.kind();
                for (reply, _, _) in replies {
                    let _ = reply.send(Err(match kind {
                        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LakeError::NoSpace,
                        _ if self.stopped => LakeError::Stopped,
                        kind => LakeError::Log { doing: "write", source: kind.into() },
                    }));
                }
            }
        }
    }

    fn is_duplicate(&self, tenant: TenantId, producer: &str, sequence: i64) -> bool {
        let marks = lock(&self.producers);
        marks.get(&(tenant, producer.to_owned())).is_some_and(|mark| sequence <= mark.sequence)
    }

    fn stage(
        &mut self,
        tenant: TenantId,
        producer: &Option<(String, i64)>,
        parts: Vec<Rows>,
        payload: Payload,
        frames: &mut Vec<Staged>,
        hot: &mut Vec<(TenantId, HotBatch)>,
    ) -> Result<Appended, LakeError> {
        let first_sequence = self.next_sequence.get(&tenant).copied().unwrap_or(1);
        let ingested = self.clock.now();
        let mut next = first_sequence;
        let mut staged = Vec::with_capacity(parts.len());
        for part in parts {
            let rows = part.len() as i64;
            staged.push((tenant, HotBatch::new(part, next, ingested, self.segment)));
            next += rows;
        }
        let header = Header {
            tenant,
            producer: producer.clone(),
            first_sequence,
            ingested,
            batches: payload.batches.clone(),
        };
        let mut head = Vec::new();
        write_head(&header, &payload, &mut head)?;
        frames.push(Staged { head, payload });
        hot.append(&mut staged);
        self.next_sequence.insert(tenant, next);
        Ok(Appended { first_sequence, last_sequence: next - 1, duplicate: false })
    }

    /// Writes frames and syncs them. Returns the bytes written.
    fn write_durably(&mut self, frames: &[Staged]) -> io::Result<u64> {
        if self.stopped {
            return Err(io::Error::other("the log stopped after a failed write"));
        }
        if frames.is_empty() {
            return Ok(0);
        }
        let parts: Vec<&[u8]> = frames.iter().flat_map(Staged::parts).collect();
        if let Err(error) = self.file.append(&parts) {
            // Part of the group may be in the file: cut it off, or stop.
            if let Err(cut) = self.file.truncate(self.length).and_then(|()| self.file.sync()) {
                error!(error = %cut, "cannot cut off a failed write; the log stops");
                self.stopped = true;
            }
            return Err(error);
        }
        if let Err(error) = self.file.sync() {
            // After a failed sync nobody knows what the disk holds.
            error!(%error, "cannot sync the log; it stops");
            self.stopped = true;
            return Err(error);
        }
        let bytes = frames.iter().map(|frame| (frame.head.len() + frame.payload.bytes) as u64).sum();
        self.length += bytes;
        Ok(bytes)
    }

    fn rotate(&mut self) -> Result<u64, LakeError> {
        if self.stopped {
            return Err(LakeError::Stopped);
        }
        let closed = self.segment;
        self.file.sync().map_err(log_error("sync a segment"))?;
        self.file = self.disk.create(&segment_name(closed + 1)).map_err(log_error("create a segment"))?;
        self.segment = closed + 1;
        self.length = 0;
        Ok(closed)
    }
}

pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn forget_oldest(marks: &mut HashMap<(TenantId, String), Mark>, tenant: TenantId) {
    let mut used: Vec<u64> =
        marks.iter().filter(|(key, _)| key.0 == tenant).map(|(_, mark)| mark.used).collect();
    if used.len() > PRODUCERS_MAX {
        used.sort_unstable();
        let keep_from = used[used.len() - PRODUCERS_MAX];
        marks.retain(|key, mark| key.0 != tenant || mark.used >= keep_from);
    }
}

/// A frame on its way to the file.
struct Staged {
    head: Vec<u8>,
    payload: Payload,
}

impl Staged {
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.head.as_slice()).chain(self.payload.buffers.iter().map(|part| part.as_slice()))
    }
}

fn log_error(doing: &'static str) -> impl Fn(io::Error) -> LakeError {
    move |source| LakeError::Log { doing, source }
}

pub(crate) fn start(writer: Writer) -> io::Result<(mpsc::Sender<Job>, std::thread::JoinHandle<()>)> {
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    let thread =
        std::thread::Builder::new().name("lake-log".to_owned()).spawn(move || writer.run(receiver))?;
    Ok((sender, thread))
}

/// Stands in while the segments are read, before the last one is opened.
struct NoFile;

impl LogFile for NoFile {
    fn append(&mut self, _: &[&[u8]]) -> io::Result<()> {
        Err(io::Error::other("no segment is open"))
    }

    fn sync(&mut self) -> io::Result<()> {
        Err(io::Error::other("no segment is open"))
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Err(io::Error::other("no segment is open"))
    }
}
