//! What a tenant says about actions, and the second person's word.

use actions::TAGS_MAX;
use axum::http::Uri;
use axum::response::Response;
use model::Permission::{ActionApprove, ActionManage};
use model::machine_action::ActionKind;
use serde_json::Value;
use store::MACHINE_ACTION_TYPE;
use tracing::info;

use super::Access::Needs;
use super::Routes;
use super::actions::{SET, action, comment_of};
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::list;

const TAG_BYTES_MAX: usize = 200;
const QUOTA_MAX: u64 = 1_000_000;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/machineactions/policy", Needs(ActionManage), read)
        .summary("Reads what is protected from actions, needs approval, and how many there may be.");
    routes
        .put("/api/machineactions/policy", Needs(ActionManage), set)
        .summary("Sets what is protected from actions, needs approval, and how many there may be.");
    routes
        .post("/api/machineactions/{id}/approve", Needs(ActionApprove), approve)
        .summary("Approves an action of somebody else.");
    routes
        .post("/api/machineactions/{id}/reject", Needs(ActionApprove), reject)
        .summary("Turns an action of somebody else down.");
}

async fn read(ctx: Ctx) -> Result<Response, ApiError> {
    list::json(&ctx.actions().policy().await?)
}

async fn set(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let mut policy = ctx.actions().policy().await?;
    if let Some(tags) = texts(&mut body, "protectedTags")? {
        if tags.len() > TAGS_MAX || tags.iter().any(|tag| tag.is_empty() || tag.len() > TAG_BYTES_MAX) {
            return Err(invalid(format!(
                "'protectedTags' takes up to {TAGS_MAX} tags of 1 to {TAG_BYTES_MAX} bytes."
            )));
        }
        policy.protected_tags = tags;
    }
    if let Some(kinds) = texts(&mut body, "approval")? {
        policy.approval = kinds.iter().map(|name| kind_of(name, "approval")).collect::<Result<_, _>>()?;
        policy.approval.sort_unstable();
        policy.approval.dedup();
    }
    match body.take("investigationsNeedApproval")? {
        None => {}
        Some(Value::Bool(needed)) => policy.investigations_need_approval = needed,
        Some(_) => return Err(invalid("'investigationsNeedApproval' takes true or false.".to_owned())),
    }
    if let Some(quota) = quota(&mut body, "actionsPerHour")? {
        policy.actions_per_hour = quota;
    }
    if let Some(quota) = quota(&mut body, "liveResponses")? {
        policy.live_responses = quota;
    }
    ctx.actions().set_policy(&policy).await?;
    info!(tenant = %ctx.tenant(), ?policy, by = ctx.author(), "set the policy of actions");
    list::json(&policy)
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
    let known = action(&ctx, &id).await?;
    // A grant that is bounded to actions approves those alone.
    let ctx = ctx.demand(ActionApprove, Some(known.kind.name())).await?;
    let decided = ctx.actions().approve(known.id, &ctx.actor(), &ctx.author(), &comment, is_approved).await?;
    list::single(&ctx, SET, &MACHINE_ACTION_TYPE, &uri, &decided)
}

/// The type of action of that name.
pub(super) fn kind_of(name: &str, member: &str) -> Result<ActionKind, ApiError> {
    ActionKind::find(name.trim()).ok_or_else(|| {
        let name: String = name.chars().take(60).collect();
        let valid: Vec<&str> = ActionKind::ALL.iter().map(|kind| kind.name()).collect();
        invalid(format!("'{name}' of '{member}' is not the type of an action; valid: {}.", valid.join(", ")))
    })
}

fn texts(body: &mut JsonObject, name: &str) -> Result<Option<Vec<String>>, ApiError> {
    let Some(given) = body.take(name)? else { return Ok(None) };
    let texts =
        given.as_array().map(|items| items.iter().map(|item| item.as_str().map(|t| t.trim().to_owned())));
    let texts: Option<Vec<String>> = texts.and_then(Iterator::collect);
    texts.map(Some).ok_or_else(|| invalid(format!("'{name}' takes a list of texts.")))
}

fn quota(body: &mut JsonObject, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(given) = body.take(name)? else { return Ok(None) };
    let quota = Value::as_u64(&given).filter(|quota| *quota <= QUOTA_MAX);
    quota.map(Some).ok_or_else(|| invalid(format!("'{name}' takes a whole number up to {QUOTA_MAX}.")))
}

pub(super) fn invalid(message: String) -> ApiError {
    ApiError::new(code::INVALID_INPUT, message)
}
