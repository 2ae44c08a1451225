//! User groups and their members.

use axum::response::Response;
use serde_json::{Value, json};
use store::UserGroup;
use uuid::Uuid;

use super::users::user_ids;
use super::{changed, description, id_of, name, needed_name, removed, whole};
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::ApiError;
use crate::list;

/// Members that are listed.
const MEMBERS_MAX: u32 = 10_000;

fn shown(group: &UserGroup) -> Value {
    json!({ "id": group.id, "name": group.name, "description": group.description })
}

pub(super) async fn list(ctx: Ctx) -> Result<Response, ApiError> {
    whole(ctx.store().user_groups().await?.iter().map(shown).collect())
}

async fn find(ctx: &Ctx, id: &str) -> Result<UserGroup, ApiError> {
    let found = ctx.store().user_group(id_of("User group", id)?).await?;
    found.ok_or_else(|| ApiError::resource_not_found("User group", id))
}

pub(super) async fn read(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let group = find(&ctx, &id).await?;
    let mut body = shown(&group);
    body["members"] = json!(ctx.store().members(group.id, MEMBERS_MAX).await?);
    list::json(&body)
}

pub(super) async fn create(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let name = needed_name(&mut body, "name")?;
    let description = description(&mut body)?.unwrap_or_default();
    let group = UserGroup { id: Uuid::new_v4(), name, description };
    ctx.store().create_user_group(&group).await?;
    changed(&shown(&group), shown(&group))
}

pub(super) async fn update(ctx: Ctx, Param(id): Param, mut body: JsonObject) -> Result<Response, ApiError> {
    let (name, description) = (name(&mut body, "name")?, description(&mut body)?);
    let mut group = find(&ctx, &id).await?;
    group.name = name.unwrap_or(group.name);
    group.description = description.unwrap_or(group.description);
    ctx.store().change_user_group(&group).await?;
    changed(&shown(&group), shown(&group))
}

pub(super) async fn delete(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let group = find(&ctx, &id).await?;
    ctx.store().delete_user_group(group.id).await?;
    removed(&group.id.to_string())
}

pub(super) async fn add_members(
    ctx: Ctx,
    Param(id): Param,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let users = user_ids(&mut body)?;
    let group = find(&ctx, &id).await?;
    ctx.store().add_members(group.id, &users).await?;
    changed(&shown(&group), json!({ "users": users }))
}

pub(super) async fn remove_members(
    ctx: Ctx,
    Param(id): Param,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let users = user_ids(&mut body)?;
    let group = find(&ctx, &id).await?;
    ctx.store().remove_members(group.id, &users).await?;
    changed(&shown(&group), json!({ "users": users }))
}
