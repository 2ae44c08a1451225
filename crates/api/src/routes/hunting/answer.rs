//! Whole answers, in the forms of the endpoints.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use model::Kind;
use query::{Answer, Stats};
use serde_json::{Value, json};

use crate::ctx::Ctx;
use crate::error::ApiError;

/// Says that there are more rows than a result may have.
const TRUNCATED: HeaderName = HeaderName::from_static("bartizan-truncated");
const TICKS_PER_SECOND: f64 = 1e7;

/// How an answer is laid out.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Plain,
    WithStats(Told),
    /// As Graph has it, under this context.
    Graph(String),
}

/// How much is told of what a query took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    All,
    /// Nothing that depends on rows out of the caller's reach: scans go through those too.
    Result,
}

impl Told {
    pub fn to(ctx: &Ctx) -> Told {
        if ctx.reaches_all() { Told::All } else { Told::Result }
    }
}

/// Writes the answer beside the async threads: a result can be large.
pub(super) async fn written(answer: Answer, form: Form) -> Result<Response, ApiError> {
    let is_truncated = answer.truncated;
    let body = tokio::task::spawn_blocking(move || write(&answer, &form));
    let body = body.await.map_err(|error| ApiError::internal(format!("cannot write a result: {error}")))?;
    let mut response = ([(CONTENT_TYPE, "application/json")], body).into_response();
    if is_truncated {
        response.headers_mut().insert(TRUNCATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn write(answer: &Answer, form: &Form) -> Vec<u8> {
    let mut results = Vec::new();
    answer.write_results(&mut results);
    let mut body = Vec::with_capacity(results.len() + 4096);
    let head = match form {
        Form::Plain => format!("{{\"Schema\":{},\"Results\":", schema(&answer.columns)),
        Form::WithStats(told) => {
            let (stats, schema) = (stats(&answer.stats, results.len(), *told), schema(&answer.columns));
            format!("{{\"Stats\":{stats},\"Schema\":{schema},\"Results\":")
        }
        Form::Graph(context) => {
            let column = |(name, kind): &(String, Kind)| json!({ "name": name, "type": kind.wire_name() });
            let schema: Value = answer.columns.iter().map(column).collect();
            format!("{{\"@odata.context\":{},\"schema\":{schema},\"results\":", json!(context))
        }
    };
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(&results);
    body.push(b'}');
    body
}

pub(super) fn schema(columns: &[(String, Kind)]) -> Value {
    columns.iter().map(|(name, kind)| json!({ "Name": name, "Type": kind.wire_name() })).collect()
}

/// What was measured. What is not measured is left out rather than made up.
pub(super) fn stats(stats: &Stats, result_bytes: usize, told: Told) -> Value {
    let time = |time: std::time::Duration| {
        let ticks = (time.as_secs_f64() * TICKS_PER_SECOND) as i64;
        kql::literals::format_timespan(ticks).to_string()
    };
    let mut answer = json!({
        "ExecutionTime": stats.elapsed.as_secs_f64(),
        "dataset_statistics": [{ "table_row_count": stats.rows, "table_size": result_bytes }],
    });
    if told == Told::All {
        answer["resource_usage"] = json!({
            "cpu": { "total cpu": time(stats.cpu) },
            "memory": { "peak_per_node": stats.memory_peak },
        });
        answer["input_dataset_statistics"] = json!({
            "rows": { "scanned": stats.scanned.rows },
            "bytes": { "scanned": stats.scanned.bytes },
        });
    }
    answer
}
