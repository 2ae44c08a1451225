//! Signing keys. They are of the server and not of a tenant: the tenant that was made first looks after them.

use axum::response::Response;
use serde_json::{Value, json};

use super::{changed, whole};
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};

async fn check(ctx: &Ctx) -> Result<(), ApiError> {
    if ctx.is_operator().await? {
        return Ok(());
    }
    let message = "Signing keys are of the whole server: the first tenant looks after them.";
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
