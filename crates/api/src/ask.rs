//! Questions of routes to the lake: hunting queries of our own.

use query::Answer;
use serde_json::{Map, Value};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::routes::hunting;

/// The rows that a query finds. Its text is the program's: what a caller gave is only in it after it was read as
/// a value.
pub(crate) async fn rows(ctx: &Ctx, query: &str) -> Result<Vec<Map<String, Value>>, ApiError> {
    let answer: Answer = hunting::ask(ctx, query).await?;
    let mut text = Vec::new();
    answer.write_results(&mut text);
    serde_json::from_slice(&text).map_err(|error| ApiError::internal(format!("rows of a query: {error}")))
}

/// The texts of one column of the rows that a query finds.
pub(crate) async fn texts(ctx: &Ctx, query: &str, column: &str) -> Result<Vec<String>, ApiError> {
    let rows = rows(ctx, query).await?;
    let texts = rows.iter().filter_map(|row| row.get(column)?.as_str().map(str::to_owned));
    Ok(texts.collect())
}
