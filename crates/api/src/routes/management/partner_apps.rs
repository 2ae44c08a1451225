//! Apps of other tenants that an administrator let in.

use axum::response::Response;
use identity::PartnerInfo;
use model::AppId;
use serde_json::{Value, json};

use super::apps::list_of;
use super::{changed, id_of, whole};
use crate::ctx::{Ctx, Param};
use crate::error::ApiError;
use crate::list;

const ENTITY: &str = "Partner app";

pub(super) async fn shown(ctx: &Ctx, known: &PartnerInfo) -> Result<Value, ApiError> {
    let store = ctx.store();
    let delegated = list_of(&store.delegated_grants(known.partner.app).await?, |grant| {
        json!({
            "user": grant.user,
            "permissions": grant.permissions,
            "grantedBy": grant.granted_by,
            "granted": grant.granted,
        })
    });
    Ok(json!({
        "id": known.partner.app,
        "displayName": known.app.as_ref().map(|app| &app.display_name),
        "home": known.partner.home,
        "publisher": known.publisher,
        // Closed by its home, it may do nothing here.
        "isOpen": known.is_open,
        "consent": {
            "permissions": known.partner.permissions,
            "grantedBy": known.partner.granted_by,
            "granted": known.partner.granted,
            "isOutdated": known.app.as_ref().is_none_or(|app| app.manifest != known.partner.permissions),
        },
        "delegatedConsents": delegated,
        "scope": store.grant_scope(known.partner.app).await?,
    }))
}

pub(super) async fn list(ctx: Ctx) -> Result<Response, ApiError> {
    let mut all = Vec::new();
    for known in ctx.issuer().partner_apps(ctx.tenant()).await? {
        all.push(shown(&ctx, &known).await?);
    }
    whole(all)
}

pub(super) async fn find(ctx: &Ctx, id: &str) -> Result<PartnerInfo, ApiError> {
    let app = AppId(id_of(ENTITY, id)?);
    let found = ctx.issuer().partner_app(ctx.tenant(), app).await?;
    found.ok_or_else(|| ApiError::resource_not_found(ENTITY, id))
}

pub(super) async fn read(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    list::json(&shown(&ctx, &find(&ctx, &id).await?).await?)
}

/// Shuts it out: consents and sign-ins are gone. What bounded its grant stays, for when it is let in again.
pub(super) async fn delete(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let known = find(&ctx, &id).await?;
    let detail = shown(&ctx, &known).await?;
    if !ctx.store().remove_partner_app(known.partner.app).await? {
        return Err(ApiError::resource_not_found(ENTITY, &id));
    }
    changed(&json!({ "id": known.partner.app }), detail)
}
