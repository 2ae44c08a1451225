//! Users.

use axum::http::Uri;
use axum::response::Response;
use identity::{Secret, UserRights};
use serde::Serialize;
use serde_json::{Value, json};
use store::{User, UserChange};
use uuid::Uuid;

use super::{PAGE, USERS, changed, id_of, name, needed_name, option, removed, truth, whole};
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::ApiError;
use crate::list;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'u> {
    id: Uuid,
    user_principal_name: &'u str,
    display_name: &'u str,
    is_administrator: bool,
    is_disabled: bool,
    created: model::Ticks,
}

impl<'u> From<&'u User> for Shown<'u> {
    fn from(user: &'u User) -> Shown<'u> {
        Shown {
            id: user.id,
            user_principal_name: &user.principal_name,
            display_name: &user.display_name,
            is_administrator: user.is_administrator,
            is_disabled: user.is_disabled,
            created: user.created,
        }
    }
}

pub(super) async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let after = option(&uri, "$skiptoken").unwrap_or_default();
    let users = ctx.store().users_after(&after, PAGE).await?;
    let mut body = json!({ "value": users.iter().map(Shown::from).collect::<Vec<_>>() });
    if let Some(last) = users.last().filter(|_| users.len() == PAGE as usize) {
        let name =
            percent_encoding::utf8_percent_encode(&last.principal_name, percent_encoding::NON_ALPHANUMERIC);
        body["@odata.nextLink"] = format!("{}{USERS}?$skiptoken={name}", ctx.config().base_url).into();
    }
    list::json(&body)
}

/// A user by id or principal name.
async fn find(ctx: &Ctx, id: &str) -> Result<User, ApiError> {
    let found = match Uuid::parse_str(id) {
        Ok(id) => ctx.store().user_by_id(id).await?,
        Err(_) => ctx.store().user_by_name(id).await?,
    };
    found.ok_or_else(|| ApiError::resource_not_found("User", id))
}

pub(super) async fn read(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let user = find(&ctx, &id).await?;
    let membership = ctx.store().membership(user.id).await?;
    let rights = if user.is_administrator {
        UserRights::administrator()
    } else {
        let (groups, unassigned) =
            (ctx.store().device_groups().await?, ctx.store().unassigned_access().await?);
        UserRights::new(&membership, &groups, &unassigned)
    };
    let mut body = serde_json::to_value(Shown::from(&user)).unwrap_or_default();
    let permissions: Vec<_> = rights.permissions().map(|permission| permission.name()).collect();
    body["userGroups"] = json!(ctx.store().user_groups_of(user.id).await?);
    body["rolePermissions"] = json!(permissions);
    body["secondFactors"] = json!(ctx.store().user_factor_kinds(user.id).await?);
    let federations = ctx.store().federations_of(user.id).await?;
    let federations = federations.iter().map(|known| {
        json!({
            "issuer": known.provider,
            "subject": known.subject,
            "groups": known.groups,
            "lastSeen": known.last_seen,
        })
    });
    body["federations"] = federations.collect();
    list::json(&body)
}

pub(super) async fn create(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let principal_name = needed_name(&mut body, "userPrincipalName")?;
    let display_name = name(&mut body, "displayName")?.unwrap_or_else(|| principal_name.clone());
    let is_administrator = truth(&mut body, "isAdministrator")?.unwrap_or_default();
    // Whom a provider of others vouches for has no password.
    let is_federated = truth(&mut body, "isFederated")?.unwrap_or_default();
    let given = body.take_text("password")?.map(Secret::new);
    if is_federated && given.is_some() {
        let problem = "A federated user has no 'password': leave one of the two out.";
        return Err(ApiError::invalid(problem));
    }
    let is_made = given.is_none() && !is_federated;
    let password = match given {
        None if is_made => Some(Secret::random()?),
        given => given,
    };
    let issuer = ctx.issuer();
    let (tenant, name) = (ctx.tenant(), &principal_name);
    let made = issuer.create_user(tenant, name, &display_name, password.clone(), is_administrator);
    let user = made.await?;
    let mut answer = serde_json::to_value(Shown::from(&user)).unwrap_or_default();
    let detail = answer.clone();
    if let Some(password) = password.filter(|_| is_made) {
        answer["password"] = password.expose().into();
    }
    changed(&answer, detail)
}

pub(super) async fn update(ctx: Ctx, Param(id): Param, mut body: JsonObject) -> Result<Response, ApiError> {
    let password = body.take_text("password")?.map(Secret::new);
    let mut change = UserChange {
        display_name: name(&mut body, "displayName")?,
        is_administrator: truth(&mut body, "isAdministrator")?,
        is_disabled: truth(&mut body, "isDisabled")?,
        ..UserChange::default()
    };
    let user = find(&ctx, &id).await?;
    let has_password = password.is_some();
    if let Some(password) = password {
        change.password_hash = Some(ctx.issuer().password_hash(password).await?);
    }
    // Whoever is disabled and enabled again, or has a new password, signs in anew.
    if has_password || change.is_disabled == Some(true) {
        change.tokens_from = Some(ctx.now().plus_seconds(1));
    }
    let user = ctx.store().change_user(user.id, &change).await?;
    if change.tokens_from.is_some() {
        ctx.store().end_sign_ins_of_user(user.id, None, ctx.now()).await?;
    }
    let answer = serde_json::to_value(Shown::from(&user)).unwrap_or_default();
    let mut detail = answer.clone();
    detail["passwordChanged"] = has_password.into();
    changed(&answer, detail)
}

pub(super) async fn delete(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let user = find(&ctx, &id).await?;
    ctx.store().delete_user(user.id).await?;
    removed(&user.id.to_string())
}

pub(super) async fn revoke_sessions(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let user = find(&ctx, &id).await?;
    let change = UserChange { tokens_from: Some(ctx.now().plus_seconds(1)), ..UserChange::default() };
    ctx.store().change_user(user.id, &change).await?;
    let ended = ctx.store().end_sign_ins_of_user(user.id, None, ctx.now()).await?;
    let answer = json!({ "id": user.id, "sessionsEnded": ended });
    changed(&answer, Value::Null)
}

/// Takes the second factors of a user away who has lost them. The next sign-in is by the first factor alone, and what goes
/// on ends.
pub(super) async fn remove_factors(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let user = find(&ctx, &id).await?;
    let removed = ctx.store().remove_user_factors(user.id).await?;
    ctx.store().end_sign_ins_of_user(user.id, None, ctx.now()).await?;
    let answer = json!({ "id": user.id, "secondFactorsRemoved": removed });
    changed(&answer, json!({ "removed": removed }))
}

/// Forgets what providers call a user, who is met anew at the next sign-in there, and ends what goes on.
pub(super) async fn remove_federations(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let user = find(&ctx, &id).await?;
    let removed = ctx.store().remove_federations(user.id).await?;
    ctx.store().end_sign_ins_of_user(user.id, None, ctx.now()).await?;
    let answer = json!({ "id": user.id, "federationsRemoved": removed });
    changed(&answer, json!({ "removed": removed }))
}

/// Where a user is signed in.
pub(super) async fn sessions(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let user = find(&ctx, &id).await?;
    let sign_ins = ctx.store().sign_ins(Some(user.id), ctx.now(), PAGE).await?;
    let shown = sign_ins.iter().map(|sign_in| {
        json!({
            "id": sign_in.id,
            "app": sign_in.app,
            "methods": sign_in.methods,
            "created": sign_in.created,
            "lastUsed": sign_in.last_used,
            "expires": sign_in.expires,
        })
    });
    whole(shown.collect())
}

pub(super) async fn end_session(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let session = id_of("Session", &id)?;
    if !ctx.store().end_sign_in(session, ctx.now()).await? {
        return Err(ApiError::resource_not_found("Session", &id));
    }
    removed(&id)
}

/// The ids of users that a body names by id.
pub(super) fn user_ids(body: &mut JsonObject) -> Result<Vec<Uuid>, ApiError> {
    super::needed_ids(body, "users")
}
