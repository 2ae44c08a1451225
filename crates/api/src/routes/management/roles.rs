//! Roles: those that are built in, those that the tenant made, and who has them.

use axum::response::Response;
use model::role::{BUILT_IN_ROLES, BuiltInRole, ROLE_PERMISSIONS, RolePermission, built_in};
use serde_json::{Value, json};
use store::Role;
use uuid::Uuid;

use super::{changed, description, invalid, name, needed_ids, needed_name, removed, texts, whole};
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::list;

fn of_built_in(role: &BuiltInRole) -> Role {
    Role {
        id: role.id.to_owned(),
        name: role.name.to_owned(),
        description: role.description.to_owned(),
        permissions: role.permissions.to_vec(),
    }
}

fn shown(role: &Role, assignments: &[(String, Uuid)]) -> Value {
    let groups: Vec<_> =
        assignments.iter().filter(|(own, _)| *own == role.id).map(|(_, group)| group).collect();
    json!({
        "id": role.id,
        "name": role.name,
        "description": role.description,
        "isBuiltIn": built_in(&role.id).is_some(),
        "permissions": role.permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>(),
        "userGroups": groups,
    })
}

pub(super) async fn list(ctx: Ctx) -> Result<Response, ApiError> {
    let (own, assignments) = (ctx.store().roles().await?, ctx.store().role_assignments().await?);
    let all = BUILT_IN_ROLES.iter().map(of_built_in).chain(own);
    whole(all.map(|role| shown(&role, &assignments)).collect())
}

async fn find(ctx: &Ctx, id: &str) -> Result<Role, ApiError> {
    if let Some(role) = built_in(id) {
        return Ok(of_built_in(role));
    }
    ctx.store().role(id).await?.ok_or_else(|| ApiError::resource_not_found("Role", id))
}

/// A role that can be changed.
async fn find_own(ctx: &Ctx, id: &str) -> Result<Role, ApiError> {
    match built_in(id) {
        Some(role) => {
            let message = format!("The role {} is built in and stays as it is.", role.name);
            Err(ApiError::new(code::CONFLICT, message))
        }
        None => find(ctx, id).await,
    }
}

fn permissions(body: &mut JsonObject) -> Result<Option<Vec<RolePermission>>, ApiError> {
    let Some(names) = texts(body, "permissions")? else { return Ok(None) };
    let mut permissions = Vec::with_capacity(names.len());
    for name in names {
        let found = RolePermission::from_name(&name).filter(|found| *found != RolePermission::Administer);
        let found = found.ok_or_else(|| {
            let valid = ROLE_PERMISSIONS.iter().filter(|d| d.permission != RolePermission::Administer);
            let valid: Vec<_> = valid.map(|declared| declared.name).collect();
            let name: String = name.chars().take(60).collect();
            invalid(format!("'{name}' is not a permission of roles; valid: {}.", valid.join(", ")))
        })?;
        if !permissions.contains(&found) {
            permissions.push(found);
        }
    }
    Ok(Some(permissions))
}

pub(super) async fn read(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let role = find(&ctx, &id).await?;
    list::json(&shown(&role, &ctx.store().role_assignments().await?))
}

pub(super) async fn create(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let name = needed_name(&mut body, "name")?;
    let description = description(&mut body)?.unwrap_or_default();
    let permissions = permissions(&mut body)?.unwrap_or_default();
    let role = Role { id: Uuid::new_v4().to_string(), name, description, permissions };
    ctx.store().create_role(&role).await?;
    changed(&shown(&role, &[]), shown(&role, &[]))
}

pub(super) async fn update(ctx: Ctx, Param(id): Param, mut body: JsonObject) -> Result<Response, ApiError> {
    let (name, description) = (name(&mut body, "name")?, description(&mut body)?);
    let permissions = permissions(&mut body)?;
    let mut role = find_own(&ctx, &id).await?;
    role.name = name.unwrap_or(role.name);
    role.description = description.unwrap_or(role.description);
    role.permissions = permissions.unwrap_or(role.permissions);
    ctx.store().change_role(&role).await?;
    let answer = shown(&role, &ctx.store().role_assignments().await?);
    changed(&answer, answer.clone())
}

pub(super) async fn delete(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let role = find_own(&ctx, &id).await?;
    ctx.store().delete_role(&role.id).await?;
    removed(&role.id)
}

pub(super) async fn assign(ctx: Ctx, Param(id): Param, mut body: JsonObject) -> Result<Response, ApiError> {
    let groups = needed_ids(&mut body, "userGroups")?;
    let role = find(&ctx, &id).await?;
    ctx.store().assign_role(&role.id, &groups).await?;
    changed(&shown(&role, &ctx.store().role_assignments().await?), json!({ "userGroups": groups }))
}

pub(super) async fn unassign(ctx: Ctx, Param(id): Param, mut body: JsonObject) -> Result<Response, ApiError> {
    let groups = needed_ids(&mut body, "userGroups")?;
    let role = find(&ctx, &id).await?;
    ctx.store().unassign_role(&role.id, &groups).await?;
    changed(&shown(&role, &ctx.store().role_assignments().await?), json!({ "userGroups": groups }))
}
