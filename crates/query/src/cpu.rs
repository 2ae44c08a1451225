//! Processor time of one query, over all threads it runs on.
//!
//! The engine spawns tasks. Each of them, and what drives the query, measures the time of its thread around
//! every step it makes.

use std::any::Any;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::task::{Context, Poll};
use std::time::Duration;

use cpu_time::ThreadTime;
use datafusion::common::runtime::{JoinSetTracer, set_join_set_tracer};
use futures::FutureExt;
use futures::future::BoxFuture;

tokio::task_local! {
    static METER: Arc<CpuMeter>;
}

/// Adds up nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct CpuMeter(AtomicU64);

impl CpuMeter {
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    /// Measures `work` and the tasks it spawns.
    pub async fn measure<T>(self: &Arc<CpuMeter>, work: impl Future<Output = T>) -> T {
        let measured = Measured { meter: self.clone(), inner: Box::pin(work) };
        METER.scope(self.clone(), measured).await
    }

    fn add(&self, before: Duration) {
        let nanos = thread_time().saturating_sub(before).as_nanos();
        self.0.fetch_add(u64::try_from(nanos).unwrap_or(0), Ordering::Relaxed);
    }
}

/// Has the engine's tasks measured, from here on and in the whole process.
pub(crate) fn measure_tasks() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        if set_join_set_tracer(&Tasks).is_err() {
            tracing::warn!(
                "the processor time of queries is that of their first thread: tasks are traced otherwise"
            );
        }
    });
}

struct Measured<F> {
    meter: Arc<CpuMeter>,
    inner: Pin<Box<F>>,
}

impl<F: Future> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = thread_time();
        let polled = self.inner.poll_unpin(context);
        self.meter.add(before);
        polled
    }
}

struct Tasks;

impl JoinSetTracer for Tasks {
    fn trace_future(
        &self,
        future: BoxFuture<'static, Box<dyn Any + Send>>,
    ) -> BoxFuture<'static, Box<dyn Any + Send>> {
        match METER.try_with(Arc::clone) {
            Ok(meter) => async move { meter.measure(future).await }.boxed(),
            Err(_) => future,
        }
    }

    fn trace_block(
        &self,
        work: Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>,
    ) -> Box<dyn FnOnce() -> Box<dyn Any + Send> + Send> {
        match METER.try_with(Arc::clone) {
            Ok(meter) => Box::new(move || {
                let before = thread_time();
                let done = work();
                meter.add(before);
                done
            }),
            Err(_) => work,
        }
    }
}

/// What this thread had of a processor so far; nothing where that cannot be told.
fn thread_time() -> Duration {
    ThreadTime::try_now().map(|time| time.as_duration()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work() -> u64 {
        (0..30_000_000u64).fold(1, |sum, number| std::hint::black_box(sum).wrapping_mul(31) ^ number)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_time_of_tasks_is_counted_and_waiting_is_not() {
        measure_tasks();
        let meter = Arc::new(CpuMeter::default());
        let measured = meter.measure(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut tasks = datafusion::common::runtime::JoinSet::new();
            tasks.spawn(async { work() });
            tasks.spawn_blocking(work);
            while tasks.join_next().await.is_some() {}
            work()
        });
        let alone = ThreadTime::now();
        std::hint::black_box(work());
        let once = alone.elapsed();
        std::hint::black_box(measured.await);
        assert!(meter.time() > 2 * once, "{:?} for three times {once:?}", meter.time());
        let other = Arc::new(CpuMeter::default());
        other.measure(tokio::time::sleep(Duration::from_millis(50))).await;
        assert!(other.time() < once, "{:?}", other.time());
    }
}
