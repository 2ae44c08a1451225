//! Signing keys, and those that sign commands for devices. They are of the server and not of a tenant: the tenant that
//! was made first looks after them.

use axum::response::Response;
use serde_json::{Value, json};

use super::{changed, whole};
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};

/// How long devices take what the old key signed, unless said otherwise, and at most.
const OVERLAP_SECONDS: i64 = 86_400;
const OVERLAP_SECONDS_MAX: i64 = 30 * 86_400;

async fn check(ctx: &Ctx) -> Result<(), ApiError> {
    if ctx.is_operator().await? {
        return Ok(());
    }
    let message = "Keys that sign are of the whole server: the first tenant looks after them.";
    Err(ApiError::new(code::DISALLOWED_OPERATION, message))
}

async fn shown(ctx: &Ctx) -> Result<Vec<Value>, ApiError> {
    let keys = ctx.issuer().signing_keys().await?;
    let keys = keys.into_iter().map(|key| {
        json!({ "id": key.kid, "created": key.created, "retired": key.retired, "isSigning": key.is_signing })
    });
    Ok(keys.collect())
}

pub(super) async fn list(ctx: Ctx) -> Result<Response, ApiError> {
    check(&ctx).await?;
    whole(shown(&ctx).await?)
}

pub(super) async fn rotate(ctx: Ctx) -> Result<Response, ApiError> {
    check(&ctx).await?;
    let kid = ctx.issuer().rotate_signing_key().await?;
    changed(&json!({ "id": kid, "value": shown(&ctx).await? }), json!({ "id": kid }))
}

pub(super) async fn revoke(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    check(&ctx).await?;
    let known = ctx.issuer().signing_keys().await?;
    if known.iter().all(|key| key.kid != id) {
        return Err(ApiError::resource_not_found("Signing key", &id));
    }
    ctx.issuer().retire_signing_key(&id).await?;
    changed(&json!({ "id": id, "value": shown(&ctx).await? }), json!({ "id": id }))
}

fn shown_command_keys(ctx: &Ctx) -> Vec<Value> {
    let rows = ctx.command_keys();
    let last = rows.len().saturating_sub(1);
    let keys = rows.iter().enumerate().map(|(at, key)| {
        json!({
            "id": key.name(),
            "publicKey": key.public_key,
            "created": key.created,
            "acceptedUntil": key.accepted_until,
            "isSigning": at == last,
        })
    });
    keys.collect()
}

pub(super) async fn list_command_keys(ctx: Ctx) -> Result<Response, ApiError> {
    check(&ctx).await?;
    whole(shown_command_keys(&ctx))
}

pub(super) async fn rotate_command_key(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    check(&ctx).await?;
    let given = body.take("OverlapSeconds")?;
    let overlap = given.as_ref().map_or(Some(OVERLAP_SECONDS), Value::as_i64);
    let overlap = overlap.filter(|seconds| (0..=OVERLAP_SECONDS_MAX).contains(seconds));
    let message = format!("'OverlapSeconds' takes a whole number from 0 to {OVERLAP_SECONDS_MAX}.");
    let overlap = overlap.ok_or_else(|| ApiError::new(code::INVALID_INPUT, message))?;
    let made = ctx.rotate_command_key(overlap).await?.name();
    let detail = json!({ "id": made, "overlapSeconds": overlap });
    changed(&json!({ "id": made, "value": shown_command_keys(&ctx) }), detail)
}
