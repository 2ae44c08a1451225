//! Results without a bound on their rows, sent while they are found.
//!
//! A task of its own drives the query and hands over pieces of the body. When nobody reads them any more, it ends,
//! and with it the query.

mod arrow;
mod lines;

use std::convert::Infallible;
use std::pin::pin;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use futures::stream;
use model::Kind;
use model::Permission::AdvancedHuntingRead;
use query::{Asked, Meter, Part, Running, Windows};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::super::Access::Needs;
use super::super::{Bounds, Routes};
use super::answer::Told;
use super::asking::{Question, asked, tables};
use super::cursor::Cursor;
use super::{answer, failure, timespan};
use crate::body::JsonObject;
use crate::ctx::{Ctx, DECIDED_FOR};
use crate::error::{ApiError, code};
use crate::streams::OpenStream;

/// How often a stream says how far it is, while no rows come.
const PROGRESS: Duration = Duration::from_secs(2);
/// A client that takes nothing for this long is given up.
const STALLED: Duration = Duration::from_secs(60);
/// Bytes of one piece of the body, about.
const PIECE_BYTES: usize = 128 << 10;
/// Pieces that wait for the client.
const PIECES: usize = 2;
/// So that proxies pass pieces on as they come.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(super) fn routes(routes: &mut Routes) {
    routes
        .post("/api/hunting/stream", Needs(AdvancedHuntingRead), stream)
        .summary("Runs a hunting query and sends its rows as they are found, however many.")
        .bounds(Bounds::Hunting);
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Lines,
    Arrow,
}

const LINES: &str = "application/x-ndjson";
const ARROW: &str = "application/vnd.apache.arrow.stream";

impl Media {
    fn of(headers: &HeaderMap) -> Result<Media, ApiError> {
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
        let mut named = accept.split(',').filter_map(|range| {
            match range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
                ARROW => Some(Media::Arrow),
                LINES | "application/ndjson" | "application/jsonl" | "application/json" => Some(Media::Lines),
                "*/*" | "application/*" | "" => Some(Media::Lines),
                _ => None,
            }
        });
        let message = format!("'Accept' takes {LINES} or {ARROW}.");
        named.next().ok_or_else(|| ApiError::new(code::NOT_ACCEPTABLE, message))
    }

    fn name(self) -> &'static str {
        match self {
            Media::Lines => LINES,
            Media::Arrow => ARROW,
        }
    }
}

/// Writes a stream in one of its forms, into memory that is taken piece by piece.
trait Writer: Send {
    fn begin(&mut self, head: &Head) -> Result<(), ArrowError>;
    fn rows(&mut self, batch: &RecordBatch) -> Result<(), ArrowError>;
    /// What `note` says is about the stream and not part of the result.
    fn note(&mut self, kind: &str, note: &Value) -> Result<(), ArrowError>;
    /// Closes what was written.
    fn end(&mut self) -> Result<(), ArrowError>;
    fn take(&mut self) -> Vec<u8>;
}

/// What stands in front of the rows.
struct Head {
    columns: Vec<(String, Kind)>,
    /// Whether the query can go on later, up to which sequence, and why it cannot.
    note: Value,
}

async fn stream(ctx: Ctx, headers: HeaderMap, mut body: JsonObject) -> Result<Response, ApiError> {
    let media = Media::of(&headers)?;
    let open = ctx.open_stream()?;
    let cursor = body.take_text("Cursor")?;
    let span = body.take_text("Timespan")?;
    let mut question = Question::of_body(body)?;
    let mut asked = asked(&ctx, &question).await?;
    let from = match cursor {
        None => None,
        Some(text) => {
            let message = "'Cursor' is not one of this query in this tenant.";
            let refused = || ApiError::new(code::INVALID_INPUT, message);
            let (now, position) = Cursor::of(&text, &asked, &ctx).ok_or_else(refused)?;
            asked.now = now;
            Some(position)
        }
    };
    if let Some(span) = span {
        question.times = Some(timespan::read(Some(&span), asked.now)?);
    }
    asked.times = question.times;

    let fresh = ctx.clone();
    let last = asked.tables.last_sequence().unwrap_or(0);
    let windows = Windows::new(from, last, Box::new(move || tables(&fresh)));
    let running = ctx.engine().open_resumable(asked.clone(), windows).await;
    let running = running.map_err(|error| failure::of_query(error, &question.text))?;
    if let (Some(_), Err(reason)) = (from, running.resumable()) {
        let message = format!("The query cannot go on from a cursor: {reason}.");
        return Err(ApiError::new(code::INVALID_INPUT, message));
    }
    if running.columns().iter().any(|(name, _)| name.starts_with(lines::PREFIX)) {
        let message = format!("Names of columns that begin with '{}' are the stream's own.", lines::PREFIX);
        return Err(ApiError::new(code::BAD_REQUEST, message));
    }
    let resumable = match running.resumable() {
        Ok(until) => json!({ "resumable": true, "sequence": until }),
        Err(reason) => json!({ "resumable": false, "reason": reason }),
    };
    let head = Head { columns: running.columns().to_vec(), note: resumable };
    let writer: Box<dyn Writer> = match media {
        Media::Lines => Box::new(lines::Lines::default()),
        Media::Arrow => Box::new(arrow::Arrow::new(&head)?),
    };
    let (sender, receiver) = mpsc::channel(PIECES);
    let decided = Instant::now();
    tokio::spawn(Driver { ctx, asked, writer, sender, decided, _open: open }.drive(running, head));
    let pieces = stream::unfold(receiver, async |mut receiver| {
        let piece: Vec<u8> = receiver.recv().await?;
        Some((Ok::<_, Infallible>(Bytes::from(piece)), receiver))
    });
    let headers = [(CONTENT_TYPE, media.name()), (BUFFERING, "no")];
    let mut response = (headers, Body::from_stream(pieces)).into_response();
    response.extensions_mut().insert(question.audited());
    Ok(response)
}

/// Takes the rows of a query to the client.
struct Driver {
    ctx: Ctx,
    asked: Asked,
    writer: Box<dyn Writer>,
    sender: mpsc::Sender<Vec<u8>>,
    /// When it was last asked whether the caller may have this.
    decided: Instant,
    _open: OpenStream,
}

/// Why a stream ends before its rows do.
enum Stop {
    /// The client is gone, or takes nothing.
    Unread,
    Failed(ApiError),
}

impl From<ArrowError> for Stop {
    fn from(error: ArrowError) -> Stop {
        Stop::Failed(ApiError::internal(format!("cannot write a stream: {error}")))
    }
}

impl Driver {
    async fn drive(mut self, running: Running, head: Head) {
        let Err(Stop::Failed(error)) = self.rows(running, head).await else { return };
        tracing::debug!(code = error.code().0, "a stream ends early");
        error.log_cause();
        let note = json!({ "code": error.code().0, "message": error.message() });
        // The client is told if it still listens.
        if self.writer.note("error", &note).is_ok() {
            let _ = self.send().await;
        }
    }

    async fn rows(&mut self, mut running: Running, head: Head) -> Result<(), Stop> {
        let meter = running.meter();
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + PROGRESS, PROGRESS);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.writer.begin(&head)?;
        self.send().await?;
        let sender = self.sender.clone();
        loop {
            let part = {
                let mut next = pin!(running.next());
                loop {
                    tokio::select! {
                        biased;
                        () = sender.closed() => return Err(Stop::Unread),
                        part = &mut next => break part,
                        _ = ticks.tick() => {
                            self.ask_again().await?;
                            self.writer.note("progress", &progress(&meter, None, Told::to(&self.ctx)))?;
                            self.send().await?;
                        }
                    }
                }
            };
            self.ask_again().await?;
            match part.map_err(|error| Stop::Failed(failure::of_query(error, &self.asked.text)))? {
                Some(Part::Rows(batch)) => self.batch(&batch).await?,
                Some(Part::Reached(position)) => {
                    let cursor = Cursor::new(&self.asked, &self.ctx, position).write();
                    let told = Told::to(&self.ctx);
                    self.writer.note("progress", &progress(&meter, Some(cursor), told))?;
                    self.send().await?;
                }
                None => {
                    let stats = answer::stats(&meter.stats(), 0, Told::to(&self.ctx));
                    self.writer.note("end", &json!({ "Stats": stats }))?;
                    self.writer.end()?;
                    return self.send().await;
                }
            }
        }
    }

    async fn ask_again(&mut self) -> Result<(), Stop> {
        if self.decided.elapsed() >= DECIDED_FOR {
            self.ctx.still_allowed(&[]).await.map_err(Stop::Failed)?;
            self.decided = Instant::now();
        }
        Ok(())
    }

    async fn batch(&mut self, batch: &RecordBatch) -> Result<(), Stop> {
        let row_bytes = batch.get_array_memory_size() / batch.num_rows().max(1) + 1;
        let rows = (PIECE_BYTES / row_bytes).max(1);
        for start in (0..batch.num_rows()).step_by(rows) {
            self.writer.rows(&batch.slice(start, rows.min(batch.num_rows() - start)))?;
            self.send().await?;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Stop> {
        let piece = self.writer.take();
        if piece.is_empty() {
            return Ok(());
        }
        let sent = tokio::time::timeout(STALLED, self.sender.send(piece)).await;
        sent.map_err(|_| Stop::Unread)?.map_err(|_| Stop::Unread)
    }
}

fn progress(meter: &Meter, cursor: Option<String>, told: Told) -> Value {
    let stats = meter.stats();
    let mut note = json!({ "seconds": stats.elapsed.as_secs_f64(), "rows": stats.rows });
    if told == Told::All {
        note["rowsScanned"] = stats.scanned.rows.into();
        note["bytesScanned"] = stats.scanned.bytes.into();
    }
    if let Some(cursor) = cursor {
        note["cursor"] = cursor.into();
    }
    note
}
