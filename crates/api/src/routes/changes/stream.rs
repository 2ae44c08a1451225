//! Changes as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use futures::stream;
use model::Permission;
use tokio::time::Instant;

use super::{bounds, kinds, needs_of, sequence, since, told};
use crate::ctx::{Ctx, DECIDED_FOR};
use crate::error::ApiError;
use crate::streams::OpenStream;

const LAST_EVENT_ID: &str = "last-event-id";
/// How long a change waits to be sent, at most.
const POLL: Duration = Duration::from_millis(250);
/// Proxies end connections on which nothing is sent.
const QUIET_MAX: Duration = Duration::from_secs(15);
/// Then the client begins anew where it stands, with a token that still works.
const STREAM_MAX: Duration = Duration::from_secs(3_000);
/// Changes that are read at a time.
const READ_MAX: u64 = 100;

/// Where a client stands in the feed.
struct Follower {
    ctx: Ctx,
    kinds: Vec<&'static str>,
    /// What it takes to see these kinds.
    needs: Vec<Permission>,
    since: i64,
    /// Events that are made and not sent yet.
    ready: VecDeque<Bytes>,
    sent: Instant,
    ends: Instant,
    /// When it was last asked whether the caller may have this.
    decided: Instant,
    _open: OpenStream,
}

pub(super) async fn follow(ctx: Ctx, uri: Uri, headers: HeaderMap) -> Result<Response, ApiError> {
    let kinds = kinds(&ctx, &uri)?;
    let header = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let from = match header {
        Some(text) => Some(sequence(text)?),
        None => since(&uri)?,
    };
    let since = match from {
        Some(from) => {
            bounds(&ctx, from).await?;
            from
        }
        // Without a place to begin at, what changes from now on.
        None => ctx.store().change_bounds().await?.0,
    };
    let open = ctx.open_stream()?;
    let now = Instant::now();
    let left = ctx.token_seconds().map_or(STREAM_MAX, Duration::from_secs);
    // Tells the client how soon to come again, and that it is heard.
    let greeting = Bytes::from_static(b"retry: 1000\n: following\n\n");
    let follower = Follower {
        ctx,
        needs: needs_of(&kinds),
        kinds,
        since,
        ready: VecDeque::from([greeting]),
        sent: now,
        ends: now + left.min(STREAM_MAX),
        decided: now,
        _open: open,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(events)).into_response())
}

impl Follower {
    /// The next event; none when the stream is over. A failure ends it: the client comes again where it stands.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.sent = Instant::now();
                return Some(event);
            }
            if Instant::now() >= self.ends {
                return None;
            }
            if let Err(error) = self.ask_again().await {
                tracing::debug!("a stream of changes ends: {}", error.message());
                return None;
            }
            if let Err(error) = self.read().await {
                tracing::warn!("a stream of changes ended: {}", error.message());
                return None;
            }
            if !self.ready.is_empty() {
                continue;
            }
            if self.sent.elapsed() >= QUIET_MAX {
                self.ready.push_back(Bytes::from_static(b": quiet\n\n"));
                continue;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn ask_again(&mut self) -> Result<(), ApiError> {
        if self.decided.elapsed() >= DECIDED_FOR {
            self.ctx.still_allowed(&self.needs).await?;
            self.decided = Instant::now();
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<(), ApiError> {
        let changes = self.ctx.store().changes_after(self.since, &self.kinds, READ_MAX).await?;
        for change in &changes {
            let told = told(&self.ctx, change).await?;
            let event = format!("id: {}\nevent: {}\ndata: {told}\n\n", change.sequence, change.kind);
            self.ready.push_back(Bytes::from(event));
            self.since = change.sequence;
        }
        Ok(())
    }
}
