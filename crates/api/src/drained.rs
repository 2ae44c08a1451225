//! Bodies that nobody read to their end. Over HTTP/2 a body that is dropped resets its stream, and many clients then
//! tell of a broken connection and not of the answer: so what is left of a refused body is read past, inside bounds. Over
//! HTTP/1.1 the connection is closed behind the answer, which a client that keeps it learns when its next call fails: so a
//! small body is read past there, too.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::Version;
use axum::http::header::EXPECT;
use futures::{Stream, StreamExt};

/// What is read past at the most.
const BYTES_MAX: usize = 64 << 20;
const TIME_MAX: Duration = Duration::from_secs(10);
/// Over HTTP/1.1 a connection of its own costs less than a larger body that nobody wants.
const SMALL_BYTES_MAX: u64 = 64 << 10;

/// The request with a body that is read past when it is dropped, where that is better than the end of the connection.
pub(crate) fn drained(request: Request) -> Request {
    let is_wanted = request.version() == Version::HTTP_2 || is_small_and_sent(&request);
    if request.body().is_end_stream() || !is_wanted {
        return request;
    }
    request.map(|body| Body::from_stream(Drained(Some(body.into_data_stream()))))
}

/// Whether a body says that it is small, and comes unasked: one that waits for `100 Continue` may never be sent.
fn is_small_and_sent(request: &Request) -> bool {
    let is_small = request.body().size_hint().exact().is_some_and(|bytes| bytes <= SMALL_BYTES_MAX);
    is_small && !request.headers().contains_key(EXPECT)
}

/// The parts of a body, until there are no more.
struct Drained(Option<BodyDataStream>);

impl Stream for Drained {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(parts) = &mut self.0 else { return Poll::Ready(None) };
        let part = parts.poll_next_unpin(cx);
        if matches!(part, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        part
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(parts) = self.0.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(TIME_MAX, read_past(parts)));
        }
    }
}

async fn read_past(mut parts: BodyDataStream) {
    let mut left = BYTES_MAX;
    while let Some(Ok(part)) = parts.next().await {
        match left.checked_sub(part.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::stream;

    use super::*;

    /// A body of so many parts of a KiB, and how many of them were read.
    fn body(parts: usize) -> (Body, Arc<AtomicUsize>) {
        let read = Arc::new(AtomicUsize::new(0));
        let counted = read.clone();
        let parts = stream::iter(0..parts).map(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok::<_, std::io::Error>(Bytes::from(vec![0; 1024]))
        });
        (Body::from_stream(parts), read)
    }

    async fn read_after_drop(version: Version, parts: usize) -> usize {
        let (body, read) = body(parts);
        let request = Request::builder().version(version).body(body).unwrap();
        drop(drained(request));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        read.load(Ordering::SeqCst)
    }

    #[test]
    fn small_bodies_are_read_past_over_every_version() {
        let is_read_past = |version, bytes: u64, expect: Option<&str>| {
            let mut request = Request::builder().version(version);
            if let Some(expect) = expect {
                request = request.header(EXPECT, expect);
            }
            let request = drained(request.body(Body::from(vec![0; bytes as usize])).unwrap());
            // A body from a stream no longer says how long it is.
            request.body().size_hint().exact().is_none()
        };
        for (version, bytes, expect, expected) in [
            (Version::HTTP_11, 0, None, false),
            (Version::HTTP_11, 2, None, true),
            (Version::HTTP_11, SMALL_BYTES_MAX, None, true),
            (Version::HTTP_11, SMALL_BYTES_MAX + 1, None, false),
            (Version::HTTP_11, 2, Some("100-continue"), false),
            (Version::HTTP_2, SMALL_BYTES_MAX + 1, Some("100-continue"), true),
        ] {
            assert_eq!(is_read_past(version, bytes, expect), expected, "{version:?} {bytes} {expect:?}");
        }
    }

    #[tokio::test]
    async fn what_is_left_of_a_body_is_read_past_inside_bounds() {
        assert_eq!(read_after_drop(Version::HTTP_2, 3).await, 3);
        assert_eq!(read_after_drop(Version::HTTP_11, 3).await, 0);
        let more = BYTES_MAX / 1024 + 100;
        assert!(read_after_drop(Version::HTTP_2, more).await <= BYTES_MAX / 1024 + 1);
    }
}
