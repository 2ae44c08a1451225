//! Management: users, groups, roles, device groups, apps, consents, signing keys and the audit log.
//!
//! It is an extension of the compatible API, which has no methods for any of it.

mod apps;
mod audit_log;
mod device_groups;
mod keys;
mod partner_apps;
mod roles;
mod user_groups;
mod users;

use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use model::Permission::{AuditLogRead, ManagementRead, ManagementReadWrite};
use model::Ticks;
use model::permission::PERMISSIONS;
use model::role::ROLE_PERMISSIONS;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Access::Needs;
use super::Routes;
use crate::audit::AuditDetail;
use crate::body::JsonObject;
use crate::ctx::Ctx;
use crate::error::{ApiError, code};
use crate::list;

/// Items of a page.
const PAGE: u32 = 1_000;
/// Ids that one call takes.
const IDS_MAX: usize = 1_000;
const NAME_CHARACTERS_MAX: usize = 256;
const DESCRIPTION_BYTES_MAX: usize = 4 << 10;

const USERS: &str = "/api/management/users";
const USER: &str = "/api/management/users/{id}";
const USER_GROUPS: &str = "/api/management/userGroups";
const USER_GROUP: &str = "/api/management/userGroups/{id}";
const ROLES: &str = "/api/management/roles";
const ROLE: &str = "/api/management/roles/{id}";
const DEVICE_GROUPS: &str = "/api/management/deviceGroups";
const DEVICE_GROUP: &str = "/api/management/deviceGroups/{id}";
const APPS: &str = "/api/management/apps";
const APP: &str = "/api/management/apps/{id}";
const PARTNER_APPS: &str = "/api/management/partnerApps";
const PARTNER_APP: &str = "/api/management/partnerApps/{id}";
const KEYS: &str = "/api/management/keys";
const COMMAND_KEYS: &str = "/api/management/commandKeys";

pub(super) fn routes(routes: &mut Routes) {
    let (read, write) = (Needs(ManagementRead), Needs(ManagementReadWrite));
    routes.get("/api/management/permissions", read, permissions).summary("Lists what can be granted.");

    routes.get(USERS, read, users::list).summary("Lists users.");
    routes.post(USERS, write, users::create).summary("Adds a user; a password that is made is told once.");
    routes.get(USER, read, users::read).summary("Reads a user with groups and role permissions.");
    routes.patch(USER, write, users::update).summary("Changes, disables or promotes a user.");
    routes.delete(USER, write, users::delete).summary("Removes a user.");
    routes
        .post("/api/management/users/{id}/revokeSessions", write, users::revoke_sessions)
        .summary("Ends every sign-in of a user and takes his tokens back.");
    routes
        .post("/api/management/users/{id}/removeSecondFactors", write, users::remove_factors)
        .summary("Takes the second factors of a user away who has lost them, and ends every sign-in.");
    routes
        .post("/api/management/users/{id}/removeFederations", write, users::remove_federations)
        .summary("Forgets what outside providers call a user, and ends every sign-in.");

    routes
        .get("/api/management/users/{id}/sessions", read, users::sessions)
        .summary("Lists where a user is signed in.");
    routes.post("/api/management/sessions/{id}/end", write, users::end_session).summary("Ends one sign-in.");

    routes.get(USER_GROUPS, read, user_groups::list).summary("Lists user groups.");
    routes.post(USER_GROUPS, write, user_groups::create).summary("Adds a user group.");
    routes.get(USER_GROUP, read, user_groups::read).summary("Reads a user group with its members.");
    routes.patch(USER_GROUP, write, user_groups::update).summary("Renames a user group.");
    routes.delete(USER_GROUP, write, user_groups::delete).summary("Removes a user group.");
    routes
        .post("/api/management/userGroups/{id}/addMembers", write, user_groups::add_members)
        .summary("Puts users into a group.");
    routes
        .post("/api/management/userGroups/{id}/removeMembers", write, user_groups::remove_members)
        .summary("Takes users out of a group.");

    routes.get(ROLES, read, roles::list).summary("Lists roles and who has them.");
    routes.post(ROLES, write, roles::create).summary("Adds a role.");
    routes.get(ROLE, read, roles::read).summary("Reads a role.");
    routes.patch(ROLE, write, roles::update).summary("Changes a role that is not built in.");
    routes.delete(ROLE, write, roles::delete).summary("Removes a role that is not built in.");
    routes
        .post("/api/management/roles/{id}/assign", write, roles::assign)
        .summary("Gives a role to user groups.");
    routes
        .post("/api/management/roles/{id}/unassign", write, roles::unassign)
        .summary("Takes a role from user groups.");

    routes.get(DEVICE_GROUPS, read, device_groups::list).summary("Lists device groups by rank.");
    routes.post(DEVICE_GROUPS, write, device_groups::create).summary("Adds a device group.");
    routes.get(DEVICE_GROUP, read, device_groups::read).summary("Reads a device group; 0 is the unassigned.");
    routes.patch(DEVICE_GROUP, write, device_groups::update).summary("Changes a device group.");
    routes.delete(DEVICE_GROUP, write, device_groups::delete).summary("Removes a device group.");

    routes.get(APPS, read, apps::list).summary("Lists apps.");
    routes.post(APPS, write, apps::create).summary("Registers an app; its first secret is told once.");
    routes.get(APP, read, apps::read).summary("Reads an app with its consent.");
    routes.patch(APP, write, apps::update).summary("Renames an app or changes what it asks for.");
    routes.delete(APP, write, apps::delete).summary("Removes an app.");
    routes
        .post("/api/management/apps/{id}/addSecret", write, apps::add_secret)
        .summary("Adds a secret; it is told once.");
    routes
        .post("/api/management/apps/{id}/removeSecret", write, apps::remove_secret)
        .summary("Removes a secret.");
    routes
        .post("/api/management/apps/{id}/consent", write, apps::consent)
        .summary("Grants an app what it asks for now.");
    routes.post("/api/management/apps/{id}/revoke", write, apps::revoke).summary("Takes a consent back.");
    routes
        .put("/api/management/apps/{id}/scope", write, apps::set_scope)
        .summary("Bounds a grant to device groups, actions, networks and hours, of a partner's app too.");

    routes
        .get(PARTNER_APPS, read, partner_apps::list)
        .summary("Lists the apps of other tenants that were let in.");
    routes.get(PARTNER_APP, read, partner_apps::read).summary("Reads such an app with its consent.");
    routes
        .delete(PARTNER_APP, write, partner_apps::delete)
        .summary("Shuts such an app out: its consents and sign-ins end.");

    routes
        .post("/api/management/apps/{id}/addRedirectUri", write, apps::add_redirect_uri)
        .summary("Lets an app send users back to an address.");
    routes
        .post("/api/management/apps/{id}/removeRedirectUri", write, apps::remove_redirect_uri)
        .summary("Takes such an address away.");
    routes
        .post("/api/management/apps/{id}/addCertificate", write, apps::add_certificate)
        .summary("Lets an app prove itself by a certificate.");
    routes
        .post("/api/management/apps/{id}/removeCertificate", write, apps::remove_certificate)
        .summary("Takes a certificate away.");

    routes.get(KEYS, read, keys::list).summary("Lists the signing keys.");
    routes
        .post("/api/management/keys/rotate", write, keys::rotate)
        .summary("Signs with a new key from now on.");
    routes
        .post("/api/management/keys/{id}/revoke", write, keys::revoke)
        .summary("Refuses what a key signed, from now on.");

    routes
        .get(COMMAND_KEYS, read, keys::list_command_keys)
        .summary("Lists the keys that sign commands for devices.");
    routes
        .post("/api/management/commandKeys/rotate", write, keys::rotate_command_key)
        .summary("Signs commands for devices with a new key from now on; they take those of the old one for a while.")
        .takes(r#"{"OverlapSeconds":86400}"#);

    routes
        .get("/api/management/auditLog", Needs(AuditLogRead), audit_log::list)
        .summary("Lists records of the audit log.");
}

/// What apps can be granted, and what roles can hold.
async fn permissions(_: Ctx) -> Result<Response, ApiError> {
    let permissions = PERMISSIONS.iter().map(|declared| {
        let needed = model::role::needed_for(declared.permission);
        json!({
            "application": declared.application,
            "delegated": declared.delegated,
            "summary": declared.summary,
            "rolePermissions": needed.iter().map(|role| role.name()).collect::<Vec<_>>(),
            "isTenantWide": model::role::is_tenant_wide(declared.permission),
        })
    });
    let roles = ROLE_PERMISSIONS.iter().map(|role| json!({ "name": role.name, "summary": role.summary }));
    list::json(&json!({
        "permissions": permissions.collect::<Vec<_>>(),
        "rolePermissions": roles.collect::<Vec<_>>(),
    }))
}

fn whole<T: Serialize>(items: Vec<T>) -> Result<Response, ApiError> {
    list::json(&json!({ "value": items }))
}

/// The answer to a change, whose detail goes into the audit log.
fn changed(body: &impl Serialize, detail: Value) -> Result<Response, ApiError> {
    let mut response = list::json(body)?;
    response.extensions_mut().insert(AuditDetail(detail));
    Ok(response.into_response())
}

/// The answer to a removal.
fn removed(id: &str) -> Result<Response, ApiError> {
    changed(&json!({ "id": id }), Value::Null)
}

fn invalid(message: String) -> ApiError {
    ApiError::new(code::INVALID_INPUT, message)
}

/// An id in a path.
fn id_of(entity: &str, text: &str) -> Result<Uuid, ApiError> {
    Uuid::parse_str(text).map_err(|_| ApiError::resource_not_found(entity, text))
}

/// The ids in a member of a body; none when it is missing.
fn ids(body: &mut JsonObject, member: &str) -> Result<Option<Vec<Uuid>>, ApiError> {
    let Some(value) = body.take(member)? else { return Ok(None) };
    let message = || invalid(format!("'{member}' takes a list of at most {IDS_MAX} ids."));
    let texts: Vec<Uuid> = serde_json::from_value(value).map_err(|_| message())?;
    if texts.len() > IDS_MAX { Err(message()) } else { Ok(Some(texts)) }
}

fn needed_ids(body: &mut JsonObject, member: &str) -> Result<Vec<Uuid>, ApiError> {
    let missing = || ApiError::new(code::MISSING_PARAMETER, format!("The required '{member}' is missing."));
    ids(body, member)?.filter(|ids| !ids.is_empty()).ok_or_else(missing)
}

/// A list of names in a member of a body.
fn texts(body: &mut JsonObject, member: &str) -> Result<Option<Vec<String>>, ApiError> {
    let Some(value) = body.take(member)? else { return Ok(None) };
    let message = || invalid(format!("'{member}' takes a list of at most {IDS_MAX} texts."));
    let texts: Vec<String> = serde_json::from_value(value).map_err(|_| message())?;
    if texts.len() > IDS_MAX { Err(message()) } else { Ok(Some(texts)) }
}

/// A short printable name; none when it is missing.
fn name(body: &mut JsonObject, member: &str) -> Result<Option<String>, ApiError> {
    let Some(text) = body.take_text(member)? else { return Ok(None) };
    let text = text.trim();
    let is_name = !text.is_empty()
        && text.chars().count() <= NAME_CHARACTERS_MAX
        && !text.chars().any(char::is_control);
    let message = format!("'{member}' takes 1 to {NAME_CHARACTERS_MAX} printable characters.");
    if is_name { Ok(Some(text.to_owned())) } else { Err(invalid(message)) }
}

fn needed_name(body: &mut JsonObject, member: &str) -> Result<String, ApiError> {
    let missing = || ApiError::new(code::MISSING_PARAMETER, format!("The required '{member}' is missing."));
    name(body, member)?.ok_or_else(missing)
}

fn needed_text(body: &mut JsonObject, member: &str) -> Result<String, ApiError> {
    let missing = || ApiError::new(code::MISSING_PARAMETER, format!("The required '{member}' is missing."));
    body.take_text(member)?.filter(|text| !text.is_empty()).ok_or_else(missing)
}

fn description(body: &mut JsonObject) -> Result<Option<String>, ApiError> {
    let text = body.take_text("description")?;
    match text {
        Some(text) if text.len() > DESCRIPTION_BYTES_MAX => {
            Err(invalid(format!("'description' takes at most {DESCRIPTION_BYTES_MAX} bytes.")))
        }
        text => Ok(text),
    }
}

fn truth(body: &mut JsonObject, member: &str) -> Result<Option<bool>, ApiError> {
    match body.take(member)? {
        None => Ok(None),
        Some(Value::Bool(truth)) => Ok(Some(truth)),
        Some(_) => Err(invalid(format!("'{member}' takes true or false."))),
    }
}

fn time(body: &mut JsonObject, member: &str) -> Result<Option<Ticks>, ApiError> {
    let Some(text) = body.take_text(member)? else { return Ok(None) };
    let message = || invalid(format!("'{member}' takes a time such as 2030-01-31T00:00:00Z."));
    Ticks::parse(&text).map(Some).ok_or_else(message)
}

/// The option of that name in the query string.
fn option(uri: &Uri, name: &str) -> Option<String> {
    list::options(uri).find(|(_, own, _)| own.eq_ignore_ascii_case(name)).map(|(_, _, value)| value)
}
