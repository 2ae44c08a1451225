//! Investigations: a machine looks for what is malicious on it, and removes it.

use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use model::Permission::{ActionApprove, AlertRead, AlertReadWrite};
use model::investigation::Investigation;
use model::role::RolePermission;
use sensor_proto::Order;
use serde_json::Value;
use store::INVESTIGATION_TYPE;

use super::Access::Needs;
use super::Routes;
use super::actions::{comment_of, request};
use super::machines::machine;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::limits::Limit;
use crate::list::{self, ListRequest};

const SET: &str = "Investigations";
/// The action as grants are bounded to it.
const START: &str = "StartInvestigation";
/// An investigation removes what it finds.
const REMEDIATE: &[RolePermission] = &[RolePermission::RemediateDevices];
const STARTS: Limit = Limit::of_caller(50, 50);
const PREVIEW_STARTS: Limit = Limit::of_caller(5, 5);
const ALERT_BYTES_MAX: usize = 256;
const EXAMPLE: &str = r#"{"Comment":"look","TriggeringAlertId":"da637472900382838869_1364969609"}"#;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/investigations", Needs(AlertRead), list)
        .summary("Lists investigations.")
        .lists(&INVESTIGATION_TYPE);
    routes
        .get("/api/investigations/$count", Needs(AlertRead), count)
        .summary("Counts investigations.")
        .counts(&INVESTIGATION_TYPE);
    routes
        .get("/api/investigations/{id}", Needs(AlertRead), read)
        .summary("Reads an investigation, by its id or that of its alert.")
        .gives(&INVESTIGATION_TYPE);
    routes
        .post("/api/machines/{id}/startInvestigation", Needs(AlertReadWrite), start)
        .summary("Starts an investigation on a machine.")
        .takes(EXAMPLE)
        .gives(&INVESTIGATION_TYPE)
        .limit(STARTS)
        .action(START)
        .roles(REMEDIATE);
    routes
        .post("/api/machines/{id}/InitiateInvestigation", Needs(AlertReadWrite), initiate)
        .summary("Starts an investigation and answers with its number, as in the preview of 2018.")
        .takes(EXAMPLE)
        .answers(r#"{"@odata.context":"","value":1}"#)
        .limit(PREVIEW_STARTS)
        .action(START)
        .roles(REMEDIATE);
    routes
        .post("/api/investigations/{id}/approve", Needs(ActionApprove), approve)
        .summary("Approves an investigation that somebody else asked for.")
        .action(START);
    routes
        .post("/api/investigations/{id}/reject", Needs(ActionApprove), reject)
        .summary("Turns an investigation that somebody else asked for down.")
        .action(START);
}

async fn approve(ctx: Ctx, param: Param, uri: Uri, body: JsonObject) -> Result<Response, ApiError> {
    decide(ctx, param, uri, body, true).await
}

async fn reject(ctx: Ctx, param: Param, uri: Uri, body: JsonObject) -> Result<Response, ApiError> {
    decide(ctx, param, uri, body, false).await
}

async fn decide(
    ctx: Ctx,
    Param(id): Param,
    uri: Uri,
    mut body: JsonObject,
    is_approved: bool,
) -> Result<Response, ApiError> {
    let comment = comment_of(&mut body, true)?;
    let missing = || ApiError::resource_not_found("Investigation", &id);
    // Only what is in reach is decided about.
    let known = ctx.store().investigation(&id).await?.ok_or_else(missing)?;
    let (actor, by) = (ctx.actor(), ctx.author());
    let decided = ctx.actions().approve_investigation(&known.id, &actor, &by, &comment, is_approved).await?;
    list::single(&ctx, SET, &INVESTIGATION_TYPE, &uri, &decided)
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &INVESTIGATION_TYPE, &uri)?;
    let page = ctx.store().list_investigations(&list.query, list.page()).await;
    list.answer(&ctx, SET, page)
}

async fn count(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let query = list::count_query(&INVESTIGATION_TYPE, &uri)?;
    Ok(list::count(ctx.store().investigation_count(query.filter.as_ref()).await?))
}

async fn read(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let found = ctx.store().investigation(&id).await?;
    let found = found.ok_or_else(|| ApiError::resource_not_found("Investigation", &id))?;
    list::single(&ctx, SET, &INVESTIGATION_TYPE, &uri, &found)
}

async fn start(ctx: Ctx, param: Param, headers: HeaderMap, body: JsonObject) -> Result<Response, ApiError> {
    let started = begin(&ctx, param, &headers, body).await?;
    list::created(&ctx, SET, &started)
}

async fn initiate(
    ctx: Ctx,
    param: Param,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let started = begin(&ctx, param, &headers, body).await?;
    let number: i64 =
        started.id.parse().map_err(|_| ApiError::internal("the id of an investigation is not a number"))?;
    list::value(&ctx, "Edm.Int64", &Value::from(number))
}

async fn begin(
    ctx: &Ctx,
    Param(id): Param,
    headers: &HeaderMap,
    mut body: JsonObject,
) -> Result<Investigation, ApiError> {
    let machine = machine(ctx, &id).await?;
    let alert = body.take_text("TriggeringAlertId")?;
    if alert.as_ref().is_some_and(|alert| alert.len() > ALERT_BYTES_MAX) {
        let message = format!("'TriggeringAlertId' is longer than {ALERT_BYTES_MAX} bytes.");
        return Err(ApiError::new(code::INVALID_INPUT, message));
    }
    let request = request(ctx, Order::Investigate, headers, &mut body, true)?;
    Ok(ctx.actions().investigate(&machine, &request, alert).await?)
}
