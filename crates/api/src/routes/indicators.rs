//! Indicators: values to match, submitted one by one or in batches.

mod read;

use axum::http::{StatusCode, Uri};
use axum::response::Response;
use model::Permission::{TiReadWrite, TiReadWriteAll};
use serde::Serialize;
use serde_json::Value;
use store::{INDICATOR_TYPE, IndicatorOwner, StoreError, Submission, Submitted};

pub(super) use read::submission;

use super::Access::Needs;
use super::Routes;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::limits::Limit;
use crate::list::{self, ListRequest};

const BATCHES: Limit = Limit::of_caller(30, 1_500);
/// Indicators of one call.
const BATCH_MAX: usize = 500;
const EXAMPLE: &str = r#"{"indicatorValue":"203.0.113.9","indicatorType":"IpAddress","action":"Block","title":"bad address","description":"from a feed","severity":"Medium","expirationTime":"2030-01-01T00:00:00Z"}"#;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/indicators", Needs(TiReadWrite), list)
        .summary("Lists the active indicators: all with `Ti.ReadWrite.All`, else those that the app made.")
        .lists(&INDICATOR_TYPE);
    routes
        .get("/api/indicators/$count", Needs(TiReadWrite), count)
        .summary("Counts the active indicators.")
        .counts(&INDICATOR_TYPE);
    routes
        .get("/api/indicators/{id}", Needs(TiReadWrite), get)
        .summary("Reads an indicator.")
        .gives(&INDICATOR_TYPE);
    routes
        .post("/api/indicators", Needs(TiReadWrite), submit)
        .summary("Adds an indicator, or changes the one of the same type and value.")
        .takes(EXAMPLE)
        .gives(&INDICATOR_TYPE);
    routes
        .post("/api/indicators/import", Needs(TiReadWrite), import)
        .summary("Adds or changes up to 500 indicators; says of each what became of it.")
        .limit(BATCHES)
        .takes(r#"{"Indicators":[{"indicatorValue":"203.0.113.9","indicatorType":"IpAddress","action":"Block","title":"bad address","description":"from a feed"}]}"#)
        .answers(r#"{"@odata.context":"","value":[{"id":"1","indicator":"203.0.113.9","isFailed":false,"failureReason":null}]}"#);
    routes
        .post("/api/indicators/batchDelete", Needs(TiReadWrite), batch_delete)
        .summary("Removes up to 500 indicators, all or none.")
        .limit(BATCHES)
        .takes(r#"{"IndicatorIds":["1","2"]}"#);
    routes.delete("/api/indicators/{id}", Needs(TiReadWrite), delete).summary("Removes an indicator.");
}

/// What became of one indicator of an import, on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    id: Option<String>,
    indicator: String,
    is_failed: bool,
    failure_reason: Option<String>,
}

/// Whose indicators the caller sees.
pub(super) fn owner(ctx: &Ctx) -> IndicatorOwner {
    // Users have one permission for all of them.
    if !ctx.is_app() || ctx.may(TiReadWriteAll) {
        IndicatorOwner::Anyone
    } else {
        IndicatorOwner::Only(ctx.owner())
    }
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &INDICATOR_TYPE, &uri)?;
    let page = ctx.store().list_indicators(&owner(&ctx), ctx.now(), &list.query, list.page()).await;
    list.answer(&ctx, "Indicators", page)
}

async fn count(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let query = list::count_query(&INDICATOR_TYPE, &uri)?;
    let count = ctx.store().indicator_count(&owner(&ctx), ctx.now(), query.filter.as_ref()).await?;
    Ok(list::count(count))
}

async fn get(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let found = ctx.store().indicator(&owner(&ctx), id.trim()).await?;
    let indicator = found.ok_or_else(|| ApiError::resource_not_found("Indicator", &id))?;
    list::single(&ctx, "Indicators", &INDICATOR_TYPE, &uri, &indicator)
}

async fn submit(ctx: Ctx, uri: Uri, body: JsonObject) -> Result<Response, ApiError> {
    let submission = read::submission(&ctx, body)?;
    let mut answers = ctx.store().submit_indicators(&owner(&ctx), ctx.now(), &[submission]).await?;
    match answers.pop() {
        Some(Submitted::Stored(indicator)) => {
            list::single(&ctx, "Indicators", &INDICATOR_TYPE, &uri, &*indicator)
        }
        _ => Err(ApiError::new(code::FORBIDDEN, NOT_YOURS)),
    }
}

pub(super) const NOT_YOURS: &str =
    "The indicator is there and was made by another app; Ti.ReadWrite.All changes it.";

async fn import(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let given = match body.take("Indicators")? {
        Some(Value::Array(given)) => given,
        Some(_) => return Err(ApiError::invalid("'Indicators' has to be a list.")),
        None => return Err(ApiError::missing("Indicators")),
    };
    if given.len() > BATCH_MAX {
        let message = format!("'Indicators' has more than {BATCH_MAX} items.");
        return Err(ApiError::new(code::BATCH_TOO_LARGE, message));
    }
    let mut answers: Vec<Imported> = Vec::with_capacity(given.len());
    let (mut submissions, mut places): (Vec<Submission>, Vec<usize>) = (Vec::new(), Vec::new());
    for (at, item) in given.into_iter().enumerate() {
        let read = match item {
            Value::Object(members) => {
                let value = members.iter().find(|(name, _)| name.eq_ignore_ascii_case("indicatorValue"));
                let value = value.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned();
                (value, read::submission(&ctx, JsonObject::of(members)))
            }
            _ => (String::new(), Err(ApiError::invalid("An indicator has to be an object."))),
        };
        let (indicator, submission) = read;
        let failure_reason = submission.as_ref().err().map(|error| error.message().to_owned());
        answers.push(Imported { id: None, indicator, is_failed: failure_reason.is_some(), failure_reason });
        if let Ok(submission) = submission {
            submissions.push(submission);
            places.push(at);
        }
    }
    let submitted = ctx.store().submit_indicators(&owner(&ctx), ctx.now(), &submissions).await?;
    for (at, submitted) in places.into_iter().zip(submitted) {
        match submitted {
            Submitted::Stored(indicator) => answers[at].id = Some(indicator.id),
            Submitted::NotYours => {
                answers[at].is_failed = true;
                answers[at].failure_reason = Some(NOT_YOURS.to_owned());
            }
        }
    }
    list::collection(&ctx, "microsoft.windowsDefenderATP.api.ImportIndicatorResult", &answers)
}

async fn batch_delete(ctx: Ctx, mut body: JsonObject) -> Result<StatusCode, ApiError> {
    let ids = body.take_texts("IndicatorIds", BATCH_MAX)?.filter(|ids| !ids.is_empty());
    let mut ids = ids.ok_or_else(|| ApiError::missing("IndicatorIds"))?;
    if let Some(id) = ids.iter().find(|id| id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit())) {
        let id: String = id.chars().take(60).collect();
        return Err(ApiError::invalid(format!("'{id}' is not the id of an indicator: ids are numbers.")));
    }
    ids.sort_unstable();
    ids.dedup();
    ctx.store().remove_indicators(&owner(&ctx), &ids).await.map_err(not_there)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(ctx: Ctx, Param(id): Param) -> Result<StatusCode, ApiError> {
    let id = id.trim().to_owned();
    ctx.store().remove_indicators(&owner(&ctx), &[id]).await.map_err(not_there)?;
    Ok(StatusCode::NO_CONTENT)
}

fn not_there(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound { id, .. } => ApiError::resource_not_found("Indicator", &id),
        error => error.into(),
    }
}
