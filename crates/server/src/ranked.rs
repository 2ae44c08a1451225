//! Threads that give way to others.
//!
//! All work of a server wants the same processors. Answers to requests come first, writing events to files second, taking
//! events in third, and everything that has time last: merging files, profiles and detections. The system's scheduler does
//! that once the threads have different nice values. Files come before what is to be in them: one thread writes them, and
//! when it falls behind, those that take events in wait for it, and processors for them.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use thread_priority::{ThreadPriority, set_current_thread_priority};
use tokio::runtime::{Builder, Handle, Runtime};
use tracing::warn;

/// The threads behind those that answer requests.
pub(crate) struct Ranked {
    files: Option<Runtime>,
    ingest: Option<Runtime>,
    background: Option<Runtime>,
}

/// What is given to the scheduler, of 100: requests have 50, which is a nice value of 0. These are 9, 13 and 17: far from
/// requests, so that three threads that write files and two that take events in leave them most of a processor.
const FILES: u8 = 26;
const INGEST: u8 = 15;
const BACKGROUND: u8 = 5;

impl Ranked {
    pub fn start() -> anyhow::Result<Ranked> {
        Ok(Ranked {
            files: Some(runtime("files", FILES)?),
            ingest: Some(runtime("ingest", INGEST)?),
            background: Some(runtime("background", BACKGROUND)?),
        })
    }

    /// Where events are written to files.
    pub fn files(&self) -> Handle {
        handle(&self.files)
    }

    /// Where events are taken in.
    pub fn ingest(&self) -> Handle {
        handle(&self.ingest)
    }

    /// Where everything runs that has time.
    pub fn background(&self) -> Handle {
        handle(&self.background)
    }
}

impl Drop for Ranked {
    /// Nobody waits for threads: what they are at was ended or is not needed any more.
    fn drop(&mut self) {
        for runtime in [self.files.take(), self.ingest.take(), self.background.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// There is one until this is dropped.
fn handle(runtime: &Option<Runtime>) -> Handle {
    runtime.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone())
}

fn runtime(name: &'static str, priority: u8) -> anyhow::Result<Runtime> {
    let built = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(name)
        .on_thread_start(move || lower(name, priority))
        .enable_all()
        .build();
    built.with_context(|| format!("cannot start the threads for {name}"))
}

fn lower(name: &str, priority: u8) {
    static IS_SAID: AtomicBool = AtomicBool::new(false);
    let priority = priority.try_into().map(ThreadPriority::Crossplatform);
    let lowered = priority
        .and_then(|priority| set_current_thread_priority(priority).map_err(|error| format!("{error:?}")));
    if let Err(error) = lowered
        && !IS_SAID.swap(true, Ordering::Relaxed)
    {
        warn!(threads = name, error, "cannot give threads a lower rank; all work has the same");
    }
}
