//! App registrations, their secrets and consents, and what bounds a grant.

use axum::response::Response;
use identity::PartnerInfo;
use model::access::GrantScope;
use model::permission::PERMISSIONS;
use model::{AppId, Permission, Ticks};
use serde_json::{Value, json};
use store::{App, AppSignIn};

use super::{
    changed, id_of, invalid, name, needed_name, needed_text, partner_apps, removed, texts, time, truth, whole,
};
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::ApiError;
use crate::list;

const SECRETS_MAX: usize = 20;
const SCOPE_ITEMS_MAX: usize = 200;

async fn shown(ctx: &Ctx, app: &App) -> Result<Value, ApiError> {
    let store = ctx.store();
    let sign_in = store.app_sign_in(app.id).await?;
    let secrets = list_of(&store.app_secrets(app.id).await?, |secret| {
        json!({
            "id": secret.id,
            "displayName": secret.display_name,
            "created": secret.created,
            "expires": secret.expires,
        })
    });
    let certificates = list_of(&store.app_certificates(app.id).await?, |certificate| {
        json!({
            "sha256": certificate.sha256,
            "notBefore": certificate.not_before,
            "notAfter": certificate.not_after,
        })
    });
    let delegated = list_of(&store.delegated_grants(app.id).await?, |grant| {
        json!({
            "user": grant.user,
            "permissions": grant.permissions,
            "grantedBy": grant.granted_by,
            "granted": grant.granted,
        })
    });
    let consent = store.grant(app.id).await?.map(|grant| {
        json!({
            "permissions": grant.permissions,
            "grantedBy": grant.granted_by,
            "granted": grant.granted,
            "isOutdated": grant.permissions != app.manifest,
        })
    });
    let redirect_uris = store.redirect_uris(app.id).await?;
    let scope = store.grant_scope(app.id).await?;
    Ok(json!({
        "id": app.id,
        "displayName": app.display_name,
        "created": app.created,
        "permissions": app.manifest,
        "delegatedPermissions": sign_in.delegated,
        "isPublicClient": sign_in.is_public,
        "takesPasswords": sign_in.takes_passwords,
        "isMultiTenant": sign_in.is_multi_tenant,
        "usersConsent": sign_in.users_consent,
        "redirectUris": redirect_uris,
        "certificates": certificates,
        "secrets": secrets,
        "consent": consent,
        "delegatedConsents": delegated,
        "scope": scope,
    }))
}

pub(super) fn list_of<T>(items: &[T], shown: impl Fn(&T) -> Value) -> Value {
    items.iter().map(shown).collect()
}

pub(super) async fn list(ctx: Ctx) -> Result<Response, ApiError> {
    let mut all = Vec::new();
    for app in ctx.store().apps().await? {
        all.push(shown(&ctx, &app).await?);
    }
    whole(all)
}

async fn find(ctx: &Ctx, id: &str) -> Result<App, ApiError> {
    let found = ctx.store().app(AppId(id_of("App", id)?)).await?;
    found.ok_or_else(|| ApiError::resource_not_found("App", id))
}

pub(super) async fn read(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let app = find(&ctx, &id).await?;
    list::json(&shown(&ctx, &app).await?)
}

/// Application permissions in a body, by their names.
fn permissions(body: &mut JsonObject) -> Result<Option<Vec<Permission>>, ApiError> {
    let Some(names) = texts(body, "permissions")? else { return Ok(None) };
    let valid: Vec<&str> = PERMISSIONS.iter().map(|declared| declared.application).collect();
    let found = names.iter().map(|name| {
        Permission::from_application_name(name).ok_or_else(|| unknown("an application", name, &valid))
    });
    found.collect::<Result<_, _>>().map(Some)
}

fn delegated(body: &mut JsonObject) -> Result<Option<Vec<String>>, ApiError> {
    let Some(names) = texts(body, "delegatedPermissions")? else { return Ok(None) };
    let valid: Vec<&str> = PERMISSIONS.iter().filter_map(|declared| declared.delegated).collect();
    let found = names.iter().map(|name| {
        let found = Permission::from_delegated_name(name);
        let found = found.and_then(|permission| permission.declaration().delegated);
        found.map(str::to_owned).ok_or_else(|| unknown("a delegated", name, &valid))
    });
    found.collect::<Result<_, _>>().map(Some)
}

fn unknown(kind: &str, name: &str, valid: &[&str]) -> ApiError {
    let name: String = name.chars().take(60).collect();
    invalid(format!("'{name}' is not {kind} permission; valid: {}.", valid.join(", ")))
}

/// What a body says of how the app signs users in.
fn sign_in(body: &mut JsonObject, before: &AppSignIn) -> Result<AppSignIn, ApiError> {
    let before = before.clone();
    Ok(AppSignIn {
        delegated: delegated(body)?.unwrap_or(before.delegated),
        is_public: truth(body, "isPublicClient")?.unwrap_or(before.is_public),
        takes_passwords: truth(body, "takesPasswords")?.unwrap_or(before.takes_passwords),
        is_multi_tenant: truth(body, "isMultiTenant")?.unwrap_or(before.is_multi_tenant),
        users_consent: truth(body, "usersConsent")?.unwrap_or(before.users_consent),
    })
}

pub(super) async fn create(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let display_name = needed_name(&mut body, "displayName")?;
    let permissions = permissions(&mut body)?.unwrap_or_default();
    let none = AppSignIn::default();
    let sign_in = sign_in(&mut body, &none)?;
    let (id, secret) = ctx.issuer().register_app(ctx.tenant(), &display_name, &permissions).await?;
    if sign_in != none {
        ctx.store().set_app_sign_in(id, &sign_in).await?;
    }
    let app = find(&ctx, &id.to_string()).await?;
    let mut answer = shown(&ctx, &app).await?;
    let detail = answer.clone();
    answer["secret"] = secret.expose().into();
    changed(&answer, detail)
}

pub(super) async fn update(ctx: Ctx, Param(id): Param, mut body: JsonObject) -> Result<Response, ApiError> {
    let (display_name, permissions) = (name(&mut body, "displayName")?, permissions(&mut body)?);
    let app = find(&ctx, &id).await?;
    let before = ctx.store().app_sign_in(app.id).await?;
    let sign_in = sign_in(&mut body, &before)?;
    if let Some(name) = &display_name {
        ctx.store().rename_app(app.id, name).await?;
    }
    if let Some(permissions) = &permissions {
        ctx.issuer().set_manifest(ctx.tenant(), app.id, permissions).await?;
    }
    if sign_in != before {
        ctx.store().set_app_sign_in(app.id, &sign_in).await?;
    }
    let answer = shown(&ctx, &find(&ctx, &id).await?).await?;
    changed(&answer, answer.clone())
}

pub(super) async fn delete(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let app = find(&ctx, &id).await?;
    ctx.store().delete_app(app.id).await?;
    removed(&app.id.to_string())
}

pub(super) async fn add_secret(
    ctx: Ctx,
    Param(id): Param,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let display_name = name(&mut body, "displayName")?;
    let expires = time(&mut body, "expires")?;
    if expires.is_some_and(|expires: Ticks| expires <= ctx.now()) {
        return Err(invalid("'expires' takes a time that is still to come.".to_owned()));
    }
    let app = find(&ctx, &id).await?;
    let before = ctx.store().app_secrets(app.id).await?;
    if before.len() >= SECRETS_MAX {
        return Err(invalid(format!("An app has at most {SECRETS_MAX} secrets.")));
    }
    let secret = ctx.issuer().new_secret(ctx.tenant(), app.id, display_name.as_deref(), expires).await?;
    let after = ctx.store().app_secrets(app.id).await?;
    let added = after.iter().find(|secret| before.iter().all(|known| known.id != secret.id));
    let detail = json!({
        "id": added.map(|added| added.id),
        "displayName": display_name,
        "expires": expires,
    });
    let mut answer = detail.clone();
    answer["secret"] = secret.expose().into();
    changed(&answer, detail)
}

pub(super) async fn remove_secret(
    ctx: Ctx,
    Param(id): Param,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let secret = id_of("Secret", &needed_text(&mut body, "id")?)?;
    let app = find(&ctx, &id).await?;
    ctx.store().remove_app_secret(app.id, secret).await?;
    changed(&shown(&ctx, &app).await?, json!({ "secret": secret }))
}

/// Consents to all that the app asks for now, for itself and for the users of the tenant.
pub(super) async fn consent(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let app = find(&ctx, &id).await?;
    let by = ctx.author();
    let grant = ctx.issuer().consent(ctx.tenant(), app.id, &by).await?;
    let delegated = ctx.issuer().consent_delegated(ctx.tenant(), app.id, None, &by).await?;
    let detail = json!({ "permissions": grant.permissions, "delegatedPermissions": delegated.permissions });
    changed(&shown(&ctx, &app).await?, detail)
}

/// Takes every consent back, those of users too, and ends the app's sign-ins.
pub(super) async fn revoke(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let app = find(&ctx, &id).await?;
    let had_grant = ctx.store().grant(app.id).await?.is_some();
    if had_grant {
        ctx.store().remove_grant(app.id).await?;
    }
    let delegated = ctx.store().delegated_grants(app.id).await?;
    for grant in &delegated {
        ctx.store().remove_delegated_grant(app.id, grant.user).await?;
    }
    let ended = ctx.store().end_sign_ins_of_app(app.id, ctx.now()).await?;
    let detail = json!({ "hadConsent": had_grant, "delegated": delegated.len(), "sessionsEnded": ended });
    changed(&shown(&ctx, &app).await?, detail)
}

/// Where an app whose grant is bounded is registered.
enum Registered {
    Here(App),
    Elsewhere(PartnerInfo),
}

pub(super) async fn set_scope(
    ctx: Ctx,
    Param(id): Param,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let mut given = serde_json::Map::new();
    for member in ["deviceGroups", "actions", "networks", "hours"] {
        if let Some(value) = body.take(member)? {
            given.insert(member.to_owned(), value);
        }
    }
    let scope: GrantScope = serde_json::from_value(given.into()).map_err(|error| {
        invalid(format!(
            "The bounds take 'deviceGroups' (ids), 'actions' (names), 'networks' (such as 10.0.0.0/8) and 'hours' \
             (such as {{\"days\":[\"monday\"],\"from\":\"08:00\",\"to\":\"18:00\"}}): {error}."
        ))
    })?;
    let most = [scope.device_groups.len(), scope.actions.len(), scope.networks.len(), scope.hours.len()];
    if most.iter().any(|items| *items > SCOPE_ITEMS_MAX) {
        return Err(invalid(format!("A list of bounds takes at most {SCOPE_ITEMS_MAX} items.")));
    }
    let app = AppId(id_of("App", &id)?);
    let registered = match ctx.store().app(app).await? {
        Some(own) => Registered::Here(own),
        None => Registered::Elsewhere(partner_apps::find(&ctx, &id).await?),
    };
    let known = ctx.store().device_groups().await?;
    let is_known = |id: &i64| *id == model::access::UNASSIGNED_GROUP || known.iter().any(|g| g.id == *id);
    if let Some(unknown) = scope.device_groups.iter().find(|id| !is_known(id)) {
        return Err(invalid(format!("'deviceGroups': there is no device group {unknown}.")));
    }
    ctx.store().put_grant_scope(app, &scope).await?;
    let answer = match &registered {
        Registered::Here(own) => shown(&ctx, own).await?,
        Registered::Elsewhere(partner) => partner_apps::shown(&ctx, partner).await?,
    };
    changed(&answer, json!({ "scope": scope }))
}

pub(super) async fn add_redirect_uri(
    ctx: Ctx,
    Param(id): Param,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let uri = needed_text(&mut body, "uri")?;
    let app = find(&ctx, &id).await?;
    ctx.issuer().add_redirect_uri(ctx.tenant(), app.id, &uri).await?;
    changed(&shown(&ctx, &app).await?, json!({ "uri": uri }))
}

pub(super) async fn remove_redirect_uri(
    ctx: Ctx,
    Param(id): Param,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let uri = needed_text(&mut body, "uri")?;
    let app = find(&ctx, &id).await?;
    if !ctx.store().remove_redirect_uri(app.id, &uri).await? {
        return Err(ApiError::resource_not_found("Redirect URI", &uri));
    }
    changed(&shown(&ctx, &app).await?, json!({ "uri": uri }))
}

pub(super) async fn add_certificate(
    ctx: Ctx,
    Param(id): Param,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let certificate = needed_text(&mut body, "certificate")?;
    let app = find(&ctx, &id).await?;
    let added = ctx.issuer().add_certificate(ctx.tenant(), app.id, certificate.as_bytes()).await?;
    changed(&shown(&ctx, &app).await?, json!({ "sha256": added.sha256 }))
}

pub(super) async fn remove_certificate(
    ctx: Ctx,
    Param(id): Param,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let sha256 = needed_text(&mut body, "sha256")?.to_ascii_lowercase();
    let app = find(&ctx, &id).await?;
    if !ctx.store().remove_app_certificate(app.id, &sha256).await? {
        return Err(ApiError::resource_not_found("Certificate", &sha256));
    }
    changed(&shown(&ctx, &app).await?, json!({ "sha256": sha256 }))
}
