//! Webhooks: addresses that changes are sent to.

use std::collections::BTreeMap;

use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use model::Permission::{ChangeRead, ManagementRead, ManagementReadWrite};
use serde_json::{Value, json};
use webhooks::{Creator, Format, KINDS, Subscription, Webhook, WebhookChange, WebhookError};

use super::Access::Needs;
use super::Routes;
use super::changes::needed_for;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::list::{self, parameter};

const URL_BYTES_MAX: usize = 2_048;
const DESCRIPTION_BYTES_MAX: usize = 1_024;
const FORMATS: &[&str] = &["standard", "slack", "teams", "serviceNow"];
const SEQUENCES_MAX: usize = 1_000;

pub(super) fn routes(routes: &mut Routes) {
    routes.get("/api/webhooks", Needs(ManagementRead), list).summary("Lists webhooks and how they stand.");
    routes
        .post("/api/webhooks", Needs(ManagementReadWrite), create)
        .summary("Makes a webhook of what changes from now on; tells its secret this once.")
        .takes(r#"{"url":"https://hooks.contoso.example/bartizan","kinds":["alert","machine action"],"filters":{"alert":"severity eq 'High'"},"format":"standard","description":"to the SOAR"}"#);
    routes
        .get("/api/webhooks/{id}", Needs(ManagementRead), read)
        .summary("Reads a webhook and how it stands.");
    routes
        .patch("/api/webhooks/{id}", Needs(ManagementReadWrite), change)
        .summary("Changes a webhook, or enables it again; it sends what the caller may read from then on.")
        .takes(r#"{"enabled":true,"kinds":["alert"]}"#);
    routes
        .delete("/api/webhooks/{id}", Needs(ManagementReadWrite), delete)
        .summary("Deletes a webhook with what it has not sent.");
    routes
        .post("/api/webhooks/{id}/rotateSecret", Needs(ManagementReadWrite), rotate)
        .summary("Gives a webhook another secret, and tells it this once; for a day messages are signed by the one before as well.");
    routes
        .get("/api/webhooks/{id}/deadLetters", Needs(ManagementRead), dead_letters)
        .summary("Lists messages that could not be sent, 100 at most, after the number `after`.");
    routes
        .post("/api/webhooks/{id}/replay", Needs(ManagementReadWrite), replay)
        .summary("Sends messages again that could not be sent: those of `sequences`, or all.")
        .takes(r#"{"sequences":[4711]}"#);
}

async fn list(ctx: Ctx) -> Result<Response, ApiError> {
    let webhooks = ctx.webhooks().list().await?;
    list::collection(&ctx, "Webhooks", &webhooks.iter().map(shown).collect::<Vec<_>>())
}

async fn read(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    list::json(&shown(&ctx.webhooks().get(&id).await?))
}

async fn create(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let url = body.need_text("url", URL_BYTES_MAX)?;
    let kinds = body.take_texts("kinds", KINDS.len())?.ok_or_else(|| ApiError::missing("kinds"))?;
    let mut subscription = Subscription::new(url, kinds, ctx.author(), creator(&ctx));
    if let Some(filters) = filters(&mut body)? {
        subscription.filters = filters;
    }
    if let Some(format) = body.take_choice::<Format>("format", FORMATS, &[])? {
        subscription.format = format;
    }
    subscription.description = body.take_short("description", DESCRIPTION_BYTES_MAX)?.unwrap_or_default();
    let (asked, made) = (ctx.clone(), ctx.webhooks());
    let checked = made.checked(subscription)?;
    may_read(&asked, &checked.kinds)?;
    let made = made.create(checked).await?;
    let mut told = shown(&made.webhook);
    told["secret"] = made.secret.into();
    let mut response = list::json(&told)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

async fn change(ctx: Ctx, Param(id): Param, mut body: JsonObject) -> Result<Response, ApiError> {
    let change = WebhookChange {
        url: body.take_short("url", URL_BYTES_MAX)?,
        description: body.take_short("description", DESCRIPTION_BYTES_MAX)?,
        kinds: body.take_texts("kinds", KINDS.len())?,
        filters: filters(&mut body)?,
        format: body.take_choice("format", FORMATS, &[])?,
        is_enabled: body.take_truth("enabled")?,
    };
    let webhooks = ctx.webhooks();
    let changed = webhooks.changed(&id, change, creator(&ctx)).await?;
    may_read(&ctx, &changed.subscription.kinds)?;
    list::json(&shown(&webhooks.put(changed).await?))
}

async fn delete(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    ctx.webhooks().delete(&id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn rotate(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    list::json(&json!({ "id": id.to_lowercase(), "secret": ctx.webhooks().rotate(&id).await? }))
}

async fn dead_letters(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let after = match parameter(&uri, "after") {
        None => i64::MIN,
        Some(text) => {
            let after = text.trim().parse().ok();
            after.ok_or_else(|| ApiError::invalid("'after' takes the number of a change."))?
        }
    };
    let letters = ctx.webhooks().dead_letters(&id, after).await?;
    // What a message says is for those who may read its kind, and not for all who manage webhooks.
    let letters = letters.iter().map(|letter| {
        json!({
            "sequence": letter.sequence,
            "failedTime": letter.failed,
            "attempts": letter.attempts,
            "error": letter.error,
            "isReplayed": letter.is_replayed,
        })
    });
    list::collection(&ctx, "DeadLetters", &letters.collect::<Vec<_>>())
}

async fn replay(ctx: Ctx, Param(id): Param, mut body: JsonObject) -> Result<Response, ApiError> {
    let wrong = || ApiError::invalid(format!("'sequences' takes a list of 1 to {SEQUENCES_MAX} numbers."));
    let sequences = match body.take("sequences")? {
        None => None,
        Some(Value::Array(list)) if (1..=SEQUENCES_MAX).contains(&list.len()) => {
            let numbers: Option<Vec<i64>> = list.iter().map(Value::as_i64).collect();
            Some(numbers.ok_or_else(wrong)?)
        }
        Some(_) => return Err(wrong()),
    };
    let count = ctx.webhooks().replay(&id, sequences.as_deref()).await?;
    list::json(&json!({ "replayed": count }))
}

/// Fails unless the caller may read changes of those kinds: what is sent is sent in his name.
fn may_read(ctx: &Ctx, kinds: &[String]) -> Result<(), ApiError> {
    ctx.whole_tenant()?;
    let needed = kinds.iter().filter_map(|kind| needed_for(kind)).chain([ChangeRead]);
    match needed.into_iter().find(|needed| !ctx.may(*needed)) {
        None => Ok(()),
        Some(needed) => {
            let message = format!("A webhook of these kinds needs {}.", needed.application_name());
            Err(ApiError::new(code::FORBIDDEN, message))
        }
    }
}

fn creator(ctx: &Ctx) -> Creator {
    let actions::JobCaller { app, user } = ctx.job_caller();
    Creator { app, user }
}

fn filters(body: &mut JsonObject) -> Result<Option<BTreeMap<String, String>>, ApiError> {
    let wrong =
        || ApiError::invalid("'filters' takes an object with a filter for each kind: {\"alert\": \"...\"}.");
    match body.take("filters")? {
        None => Ok(None),
        Some(Value::Object(members)) => {
            let text = |(kind, value): (String, Value)| Some((kind, value.as_str()?.to_owned()));
            members.into_iter().map(text).collect::<Option<_>>().map(Some).ok_or_else(wrong)
        }
        Some(_) => Err(wrong()),
    }
}

fn shown(webhook: &Webhook) -> Value {
    let Webhook { id, subscription, created, is_enabled, progress, dead_letters } = webhook;
    json!({
        "id": id,
        "url": subscription.url,
        "description": subscription.description,
        "kinds": subscription.kinds,
        "filters": subscription.filters,
        "format": subscription.format,
        "createdBy": subscription.created_by,
        "createdTime": created,
        "enabled": is_enabled,
        "position": progress.position,
        "failedAttempts": progress.attempts,
        "nextAttemptTime": (progress.attempts > 0).then_some(progress.next_attempt),
        "lastSuccessTime": progress.last_success,
        "lastError": Some(&progress.last_error).filter(|error| !error.is_empty()),
        "deadLetters": dead_letters,
    })
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> ApiError {
        match error {
            WebhookError::Store(error) => error.into(),
            WebhookError::NotFound(id) => ApiError::resource_not_found("Webhook", &id),
            WebhookError::Invalid(message) => ApiError::invalid(message),
            WebhookError::Full(_) => ApiError::invalid(format!("{error}.")),
            WebhookError::Unavailable { .. } => ApiError::unavailable(error.to_string()),
            WebhookError::Unreadable { .. } => ApiError::internal(error.to_string()),
        }
    }
}
