//! Alerts: read by everyone who works on them, changed by analysts.

mod reference;

use std::collections::BTreeSet;

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use model::Permission::{AlertRead, AlertReadWrite, FileRead, IpRead, MachineRead, UrlRead, UserRead};
use model::alert::Alert;
use model::{AlertId, host_of};
use profiles::domain_id;
use store::{ALERT_TYPE, AlertChange, AlertScope, MACHINE_TYPE, StoreError};

use super::Access::Needs;
use super::Routes;
use super::domains::{DOMAIN_TYPE, Domain};
use super::files::FILE_TYPE;
use super::ips::{IP_TYPE, Ip};
use super::users::USER_TYPE;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::limits::Limit;
use crate::list::{self, ListRequest, memory};

const COMMENT_BYTES_MAX: usize = 32 << 10;
pub(super) const ASSIGNED_TO_BYTES_MAX: usize = 1 << 10;
const BATCHES: Limit = Limit::of_caller(10, 500);
const REFERENCES: Limit = Limit::of_caller(15, 900);
/// Alerts of one batch.
const BATCH_MAX: usize = 1_000;

/// Names of determinations that the documentation uses besides those in answers.
pub(super) const DETERMINATION_ALIASES: &[(&str, &str)] = &[
    ("ConfirmedActivity", "ConfirmedUserActivity"),
    ("NotMalicious", "Clean"),
    ("CompromisedAccount", "CompromisedUser"),
    ("NoEnoughDataToValidate", "InsufficientData"),
];

pub(super) fn routes(routes: &mut Routes) {
    routes.get("/api/alerts", Needs(AlertRead), list).summary("Lists alerts.").lists(&ALERT_TYPE);
    routes.get("/api/alerts/$count", Needs(AlertRead), count).summary("Counts alerts.").counts(&ALERT_TYPE);
    routes
        .get("/api/alerts/{id}", Needs(AlertRead), read)
        .summary("Reads an alert with its evidence.")
        .gives(&ALERT_TYPE);
    routes
        .patch("/api/alerts/{id}", Needs(AlertReadWrite), update)
        .summary("Changes status, owner or verdict of an alert, or comments on it.")
        .takes(r#"{"status":"Resolved","assignedTo":"soc@contoso.example","classification":"TruePositive","determination":"Malware","comment":"cleaned"}"#)
        .gives(&ALERT_TYPE);
    routes
        .post("/api/alerts/batchUpdate", Needs(AlertReadWrite), batch_update)
        .summary("Changes several alerts the same way, all or none.")
        .limit(BATCHES)
        .takes(
            r#"{"alertIds":["da638795421310442210_-1184907216"],"status":"InProgress","comment":"looking"}"#,
        );
    routes
        .post("/api/alerts/createAlertByReference", Needs(AlertReadWrite), reference::create)
        .summary("Makes an alert of an event that hunting found.")
        .limit(REFERENCES)
        .takes(reference::EXAMPLE)
        .gives(&ALERT_TYPE);
    routes
        .get("/api/alerts/{id}/files", Needs(FileRead), files)
        .summary("Lists the files in the evidence of an alert.")
        .lists(&FILE_TYPE);
    routes
        .get("/api/alerts/{id}/ips", Needs(IpRead), ips)
        .summary("Lists the addresses in the evidence of an alert.")
        .lists(&IP_TYPE);
    routes
        .get("/api/alerts/{id}/domains", Needs(UrlRead), domains)
        .summary("Lists the hosts in the evidence of an alert.")
        .lists(&DOMAIN_TYPE);
    routes
        .get("/api/alerts/{id}/machine", Needs(MachineRead), machine)
        .summary("Reads the machine of an alert.")
        .gives(&MACHINE_TYPE);
    routes
        .get("/api/alerts/{id}/user", Needs(UserRead), user)
        .summary("Reads the user that an alert is about.")
        .gives(&USER_TYPE);
    routes
        .get("/api/alerts/{id}/history", Needs(AlertRead), history)
        .summary("Lists who changed what of an alert.")
        .lists(&memory::HISTORY_TYPE);
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &ALERT_TYPE, &uri)?;
    let page = ctx.store().list_alerts(AlertScope::All, &list.query, list.page()).await;
    list.answer(&ctx, "Alerts", page)
}

async fn count(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let query = list::count_query(&ALERT_TYPE, &uri)?;
    Ok(list::count(ctx.store().alert_count(AlertScope::All, query.filter.as_ref()).await?))
}

async fn read(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let alert = alert(&ctx, &id).await?;
    list::single(&ctx, "Alerts", &ALERT_TYPE, &uri, &alert)
}

async fn update(
    ctx: Ctx,
    Param(id): Param,
    uri: Uri,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let change = AlertChange { expected: list::expected(&headers)?, ..change(&ctx, body)? };
    let alert = alert(&ctx, &id).await?;
    let alert = ctx.store().update_alert(&alert.id, &change).await.map_err(not_there)?;
    list::single(&ctx, "Alerts", &ALERT_TYPE, &uri, &alert)
}

async fn batch_update(ctx: Ctx, mut body: JsonObject) -> Result<StatusCode, ApiError> {
    let ids = body.take_texts("alertIds", BATCH_MAX)?.filter(|ids| !ids.is_empty());
    let ids = ids.ok_or_else(|| ApiError::missing("alertIds"))?;
    let change = change(&ctx, body)?;
    let ids: BTreeSet<_> = ids.into_iter().map(|id| AlertId(id.trim().to_ascii_lowercase())).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    ctx.store().update_alerts(&ids, &change).await.map_err(not_there)?;
    Ok(StatusCode::OK)
}

fn not_there(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound { id, .. } => ApiError::resource_not_found("Alert", &id),
        error => error.into(),
    }
}

async fn files(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let alert = alert(&ctx, &id).await?;
    let mut files = Vec::new();
    for evidence in &alert.evidence {
        let (sha1, sha256) = (evidence.sha1.as_deref(), evidence.sha256.as_deref());
        if let Some(file) = super::files::file_of(&ctx, sha1, sha256).await?
            && !files.contains(&file)
        {
            files.push(file);
        }
    }
    memory::answer(&ctx, "Files", &FILE_TYPE, &uri, files)
}

async fn ips(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let alert = alert(&ctx, &id).await?;
    let found: BTreeSet<_> = alert.evidence.iter().filter_map(|item| item.ip_address.clone()).collect();
    let ips = found.into_iter().map(|id| Ip { id }).collect();
    memory::answer(&ctx, "Ips", &IP_TYPE, &uri, ips)
}

async fn domains(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let alert = alert(&ctx, &id).await?;
    let hosts = alert.evidence.iter().filter_map(|item| domain_id(host_of(item.url.as_deref()?)));
    let domains = hosts.collect::<BTreeSet<_>>().into_iter().map(|host| Domain { host }).collect();
    memory::answer(&ctx, "Domains", &DOMAIN_TYPE, &uri, domains)
}

async fn machine(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let alert = alert(&ctx, &id).await?;
    let machine = super::machines::machine(&ctx, alert.machine_id.as_str()).await?;
    list::single(&ctx, "Machines", &MACHINE_TYPE, &uri, &machine)
}

async fn user(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let alert = alert(&ctx, &id).await?;
    let related = alert.related_user.as_ref();
    let related = related.ok_or_else(|| ApiError::resource_not_found("User of alert", &id))?;
    let name = profiles::user_id(related.domain_name.as_deref().unwrap_or_default(), &related.user_name);
    let user = super::users::user(&ctx, &name).await?;
    list::single(&ctx, "Users", &USER_TYPE, &uri, &user)
}

async fn history(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let alert = alert(&ctx, &id).await?;
    let entries = ctx.store().entity_history("alert", &alert.id.0).await?;
    memory::history(&ctx, &uri, entries)
}

/// Ids are written in lower case; clients may write them otherwise.
pub(super) async fn alert(ctx: &Ctx, id: &str) -> Result<Alert, ApiError> {
    let mut found = ctx.store().alert(&AlertId(id.to_owned())).await?;
    if found.is_none() && id.bytes().any(|byte| byte.is_ascii_uppercase()) {
        found = ctx.store().alert(&AlertId(id.to_ascii_lowercase())).await?;
    }
    found.ok_or_else(|| ApiError::resource_not_found("Alert", id))
}

/// What a body asks for. Properties it does not know are ignored, but one that it knows has to be there.
pub(super) fn change(ctx: &Ctx, mut body: JsonObject) -> Result<AlertChange, ApiError> {
    let change = AlertChange {
        status: body.take_choice("status", &["New", "InProgress", "Resolved"], &[])?,
        assigned_to: body.take_short("assignedTo", ASSIGNED_TO_BYTES_MAX)?,
        classification: body.take_choice("classification", members("classification"), &[])?,
        determination: body.take_choice("determination", members("determination"), DETERMINATION_ALIASES)?,
        comment: comment(&mut body)?,
        expected: None,
        by: ctx.author(),
        at: ctx.now(),
    };
    let AlertChange { status, assigned_to, classification, determination, comment, .. } = &change;
    let is_empty = status.is_none()
        && assigned_to.is_none()
        && classification.is_none()
        && determination.is_none()
        && comment.is_none();
    if is_empty {
        let message = "There is nothing to change: give one or more of status, assignedTo, classification, \
                       determination, comment.";
        return Err(ApiError::new(code::INVALID_BODY, message));
    }
    Ok(change)
}

/// The comment of a body; an empty one says nothing.
pub(super) fn comment(body: &mut JsonObject) -> Result<Option<String>, ApiError> {
    let comment = body.take_short("comment", COMMENT_BYTES_MAX)?;
    Ok(comment.filter(|comment| !comment.trim().is_empty()))
}

/// The members of an enumeration, as declared for queries.
pub(super) fn members(property: &str) -> &'static [&'static str] {
    ALERT_TYPE.property(property).map_or(&[], |property| property.values)
}

#[cfg(test)]
mod tests {
    use model::alert::{AlertStatus, Classification, Determination};
    use serde::de::DeserializeOwned;

    use super::*;

    fn read<T: DeserializeOwned>(name: &str, value: &str) -> Option<T> {
        let mut body = JsonObject::parse(serde_json::json!({ name: value }).to_string().as_bytes()).unwrap();
        let valid = if name == "status" { &["New", "InProgress", "Resolved"] } else { members(name) };
        body.take_choice(name, valid, DETERMINATION_ALIASES).unwrap()
    }

    #[test]
    fn every_documented_value_is_read_in_any_case() {
        assert_eq!(read("status", "RESOLVED"), Some(AlertStatus::Resolved));
        assert_eq!(read("determination", "NotMalicious"), Some(Determination::Clean));
        assert_eq!(read("determination", "confirmedactivity"), Some(Determination::ConfirmedUserActivity));
        for member in members("determination") {
            assert!(read::<Determination>("determination", &member.to_lowercase()).is_some(), "{member}");
        }
        for member in members("classification") {
            assert!(read::<Classification>("classification", &member.to_uppercase()).is_some(), "{member}");
        }
    }
}
