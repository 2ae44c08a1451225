//! Hunting: KQL in, rows out.

use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use datafusion::catalog::TableProvider;
use kql::{Diagnostic, LineIndex};
use model::ErrorKind;
use model::Permission::{AdvancedHuntingRead, AdvancedQueryRead};
use model::Table;
use model::lake::AsOf;
use query::{Answer, QueryError};
use serde_json::{Value, json};
use store::TenantStore;

use super::Access::Needs;
use super::{Bounds, Routes};
use crate::body::JsonObject;
use crate::ctx::Ctx;
use crate::error::{ApiError, chain, code, sentence};
use crate::file_profiles;

/// Mistakes that one answer tells of.
const DETAILS_MAX: usize = 50;
const BUSY_SECONDS: u32 = 5;
/// Says that there are more rows than a result may have.
const TRUNCATED: HeaderName = HeaderName::from_static("bartizan-truncated");

pub(super) fn routes(routes: &mut Routes) {
    routes
        .post("/api/advancedqueries/run", Needs(AdvancedQueryRead), run_query)
        .summary("Runs a hunting query.")
        .bounds(Bounds::Hunting);
    routes
        .post("/api/advancedhunting/run", Needs(AdvancedHuntingRead), run_hunting)
        .summary("Runs a hunting query and says what it took.")
        .bounds(Bounds::Hunting);
}

/// The tables of one tenant as they were when the query came.
struct Tables {
    rows: lake::Snapshot,
    store: TenantStore,
}

impl query::Tables for Tables {
    fn table(&self, table: &'static Table) -> Arc<dyn TableProvider> {
        self.rows.table(table)
    }

    fn is_empty(&self, table: &'static Table) -> bool {
        self.rows.is_empty(table)
    }

    fn file_profiles(&self) -> Option<Arc<dyn TableProvider>> {
        file_profiles::table(self.store.clone())
            .inspect_err(|error| tracing::error!("file profiles cannot be read by queries: {error}"))
            .ok()
    }

    /// Profiles have no past: they say what is known now.
    fn as_of(&self, as_of: AsOf) -> Result<Arc<dyn query::Tables>, String> {
        let rows = self.rows.as_of(as_of).map_err(|error| error.to_string())?;
        Ok(Arc::new(Tables { rows, store: self.store.clone() }))
    }
}

async fn run_query(ctx: Ctx, body: JsonObject) -> Result<Response, ApiError> {
    let answer = run(&ctx, body).await?;
    written(answer, false).await
}

async fn run_hunting(ctx: Ctx, body: JsonObject) -> Result<Response, ApiError> {
    let answer = run(&ctx, body).await?;
    written(answer, true).await
}

async fn run(ctx: &Ctx, mut body: JsonObject) -> Result<Answer, ApiError> {
    let text = body.take_text("Query")?.filter(|text| !text.trim().is_empty());
    let missing = || ApiError::new(code::MISSING_PARAMETER, "The required parameter Query is missing.");
    let text = text.ok_or_else(missing)?;
    let rows = ctx.lake().snapshot().explained_by(query::text_condition);
    let tables = Arc::new(Tables { rows, store: ctx.store().clone() });
    ctx.engine().run(&text, tables, ctx.now()).await.map_err(|error| query_error(error, &text))
}

/// Writes the answer beside the async threads: a result can be large.
async fn written(answer: Answer, with_stats: bool) -> Result<Response, ApiError> {
    let is_truncated = answer.truncated;
    let body = tokio::task::spawn_blocking(move || write(&answer, with_stats));
    let body = body.await.map_err(|error| ApiError::internal(format!("cannot write a result: {error}")))?;
    let mut response = ([(CONTENT_TYPE, "application/json")], body).into_response();
    if is_truncated {
        response.headers_mut().insert(TRUNCATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn write(answer: &Answer, with_stats: bool) -> Vec<u8> {
    let columns = answer.columns.iter();
    let schema: Vec<Value> =
        columns.map(|(name, kind)| json!({ "Name": name, "Type": kind.wire_name() })).collect();
    let mut results = Vec::new();
    answer.write_results(&mut results);
    let mut body = Vec::with_capacity(results.len() + 4096);
    body.push(b'{');
    if with_stats {
        let stats = stats(answer, results.len());
        body.extend_from_slice(format!("\"Stats\":{stats},").as_bytes());
    }
    body.extend_from_slice(format!("\"Schema\":{},\"Results\":", Value::from(schema)).as_bytes());
    body.extend_from_slice(&results);
    body.push(b'}');
    body
}

/// What was measured. What is not measured is left out rather than made up.
fn stats(answer: &Answer, result_bytes: usize) -> Value {
    json!({
        "ExecutionTime": answer.stats.elapsed.as_secs_f64(),
        "resource_usage": { "memory": { "peak_per_node": answer.stats.bytes.max(answer.stats.memory_bytes) } },
        "dataset_statistics": [{ "table_row_count": answer.stats.rows, "table_size": result_bytes }],
    })
}

fn query_error(error: QueryError, text: &str) -> ApiError {
    match &error {
        QueryError::Invalid(diagnostics) => invalid(diagnostics, text),
        _ => match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::TooLarge => {
                ApiError::new(code::BAD_REQUEST, sentence(&error.to_string()))
            }
            ErrorKind::TooManyRequests => {
                ApiError::new(code::TOO_MANY_REQUESTS, sentence(&error.to_string())).retry_after(BUSY_SECONDS)
            }
            ErrorKind::Unavailable => ApiError::unavailable(chain(&error)),
            _ => ApiError::internal(chain(&error)),
        },
    }
}

/// The first mistake in words, and all of them with their places.
fn invalid(diagnostics: &[Diagnostic], text: &str) -> ApiError {
    let index = LineIndex::new(text);
    let detail = |diagnostic: &Diagnostic| {
        let place = index.position(diagnostic.span.start);
        let end = index.position(diagnostic.span.end);
        let spanned = text.get(diagnostic.span.start..diagnostic.span.end.min(text.len()));
        let length = if end.line == place.line {
            end.column.saturating_sub(place.column)
        } else {
            spanned.map_or(0, |spanned| spanned.chars().count())
        };
        json!({
            "line": place.line,
            "column": place.column,
            "length": length,
            "message": diagnostic.message,
            "suggestions": diagnostic.suggestions,
        })
    };
    let details: Vec<Value> = diagnostics.iter().take(DETAILS_MAX).map(detail).collect();
    let message = match diagnostics.first() {
        None => "The query cannot be read.".to_owned(),
        Some(first) => {
            let place = index.position(first.span.start);
            let hint = match first.suggestions.as_slice() {
                [] => String::new(),
                names => format!("; did you mean {}?", names.join(" or ")),
            };
            format!("{} (line {}, column {}){hint}", first.message, place.line, place.column)
        }
    };
    ApiError::new(code::BAD_REQUEST, message).with_details(details.into())
}
