//! Alerts: read by everyone who works on them, changed by analysts.

use axum::http::Uri;
use axum::response::Response;
use model::AlertId;
use model::Permission::{AlertRead, AlertReadWrite};
use model::alert::Alert;
use serde::de::DeserializeOwned;
use store::{ALERT_TYPE, AlertChange, AlertScope, StoreError};

use super::Access::Needs;
use super::Routes;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::list::{self, ListRequest};

const COMMENT_BYTES_MAX: usize = 32 << 10;
const COMMENTS_MAX: usize = 1_000;
const ASSIGNED_TO_BYTES_MAX: usize = 1 << 10;

/// Names of determinations that the documentation uses besides those in answers.
const DETERMINATION_ALIASES: &[(&str, &str)] =
    &[("ConfirmedActivity", "ConfirmedUserActivity"), ("NotMalicious", "Clean")];

pub(super) fn routes(routes: &mut Routes) {
    routes.get("/api/alerts", Needs(AlertRead), list).summary("Lists alerts.");
    routes.get("/api/alerts/$count", Needs(AlertRead), count).summary("Counts alerts.");
    routes.get("/api/alerts/{id}", Needs(AlertRead), read).summary("Reads an alert with its evidence.");
    routes
        .patch("/api/alerts/{id}", Needs(AlertReadWrite), update)
        .summary("Changes status, owner or verdict of an alert, or comments on it.");
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

async fn update(ctx: Ctx, Param(id): Param, uri: Uri, body: JsonObject) -> Result<Response, ApiError> {
    let change = change(&ctx, body)?;
    let alert = alert(&ctx, &id).await?;
    if change.comment.is_some() && alert.comments.len() >= COMMENTS_MAX {
        let message = format!("The alert has {COMMENTS_MAX} comments; it takes no more.");
        return Err(ApiError::new(code::INVALID_INPUT, message));
    }
    let changed = ctx.store().update_alert(&alert.id, &change).await;
    let alert = changed.map_err(|error| match error {
        StoreError::NotFound { .. } => ApiError::resource_not_found("Alert", &id),
        error => error.into(),
    })?;
    list::single(&ctx, "Alerts", &ALERT_TYPE, &uri, &alert)
}

/// Ids are written in lower case; clients may write them otherwise.
async fn alert(ctx: &Ctx, id: &str) -> Result<Alert, ApiError> {
    let mut found = ctx.store().alert(&AlertId(id.to_owned())).await?;
    if found.is_none() && id.bytes().any(|byte| byte.is_ascii_uppercase()) {
        found = ctx.store().alert(&AlertId(id.to_ascii_lowercase())).await?;
    }
    found.ok_or_else(|| ApiError::resource_not_found("Alert", id))
}

/// What a body asks for. Properties it does not know are ignored, but one that it knows has to be there.
fn change(ctx: &Ctx, mut body: JsonObject) -> Result<AlertChange, ApiError> {
    let change = AlertChange {
        status: choice(&mut body, "status", &["New", "InProgress", "Resolved"], &[])?,
        assigned_to: text(&mut body, "assignedTo", ASSIGNED_TO_BYTES_MAX)?,
        classification: choice(&mut body, "classification", members("classification"), &[])?,
        determination: choice(&mut body, "determination", members("determination"), DETERMINATION_ALIASES)?,
        // An empty comment says nothing.
        comment: text(&mut body, "comment", COMMENT_BYTES_MAX)?.filter(|comment| !comment.trim().is_empty()),
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

/// The members of an enumeration, as declared for queries.
fn members(property: &str) -> &'static [&'static str] {
    ALERT_TYPE.property(property).map_or(&[], |property| property.values)
}

fn choice<T: DeserializeOwned>(
    body: &mut JsonObject,
    name: &str,
    valid: &[&str],
    aliases: &[(&str, &str)],
) -> Result<Option<T>, ApiError> {
    let Some(given) = body.take_text(name)? else { return Ok(None) };
    let given = given.trim();
    let alias =
        aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(given)).map(|(_, member)| *member);
    let member = alias.or_else(|| valid.iter().copied().find(|member| member.eq_ignore_ascii_case(given)));
    let member = member.ok_or_else(|| {
        let given: String = given.chars().take(60).collect();
        let message = format!("'{given}' is not a value of {name}; valid: {}.", valid.join(", "));
        ApiError::new(code::INVALID_INPUT, message)
    })?;
    let value = serde_json::from_value(member.into());
    value.map(Some).map_err(|error| ApiError::internal(format!("{member} of {name}: {error}")))
}

fn text(body: &mut JsonObject, name: &str, bytes_max: usize) -> Result<Option<String>, ApiError> {
    let text = body.take_text(name)?;
    match text {
        Some(text) if text.len() > bytes_max => {
            Err(ApiError::new(code::INVALID_INPUT, format!("'{name}' is longer than {bytes_max} bytes.")))
        }
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use model::alert::{AlertStatus, Classification, Determination};

    use super::*;

    fn read<T: DeserializeOwned>(name: &str, value: &str) -> Option<T> {
        let mut body = JsonObject::parse(serde_json::json!({ name: value }).to_string().as_bytes()).unwrap();
        let valid = if name == "status" { &["New", "InProgress", "Resolved"] } else { members(name) };
        choice(&mut body, name, valid, DETERMINATION_ALIASES).unwrap()
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
