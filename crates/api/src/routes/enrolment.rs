//! Who may be a device: tokens to enrol by, and the devices that did.

use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use model::DeviceId;
use model::Permission::DeviceEnrol;
use serde_json::{Value, json};
use store::DeviceKey;
use tracing::info;

use super::Access::Needs;
use super::Routes;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::list;

const TOKENS_MAX: i64 = 1_000;
const VALID_SECONDS: i64 = 86_400;
const VALID_SECONDS_MAX: i64 = 30 * 86_400;
const PAGE: u32 = 1_000;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .post("/api/devicechannel/tokens", Needs(DeviceEnrol), make_tokens)
        .summary("Makes tokens, each of which lets one device enrol.");
    routes
        .get("/api/devicechannel/devices", Needs(DeviceEnrol), devices)
        .summary("Lists the devices that enrolled.");
    routes
        .delete("/api/devicechannel/devices/{device}", Needs(DeviceEnrol), revoke)
        .summary("Makes the key of a device worthless.");
}

async fn make_tokens(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let count = number(&mut body, "Count", 1, TOKENS_MAX)?;
    let valid_seconds = number(&mut body, "ValidSeconds", VALID_SECONDS, VALID_SECONDS_MAX)?;
    let device = body.take_text("DeviceId")?.map(|id| {
        let message = "'DeviceId' takes 40 hexadecimal digits.";
        DeviceId::parse(&id).ok_or_else(|| ApiError::new(code::INVALID_INPUT, message))
    });
    let device = device.transpose()?;
    let count = usize::try_from(count).unwrap_or(1);
    let tokens = ctx.actions().make_tokens(count, valid_seconds, device.as_ref(), &ctx.author()).await?;
    info!(tenant = %ctx.tenant(), count, by = ctx.author(), "made enrolment tokens");
    let mut response =
        list::json(&json!({ "value": tokens, "expires": ctx.now().plus_seconds(valid_seconds) }))?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

async fn devices(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let after = list::options(&uri).find(|(_, name, _)| name.eq_ignore_ascii_case("after"));
    let after = after.map(|(_, _, value)| {
        let message = "'after' takes the id of a device.";
        DeviceId::parse(&value).ok_or_else(|| ApiError::new(code::INVALID_INPUT, message))
    });
    let keys = ctx.store().device_keys(after.transpose()?.as_ref(), PAGE).await?;
    let next = keys
        .last()
        .filter(|_| keys.len() == PAGE as usize)
        .map(|last| format!("{}/api/devicechannel/devices?after={}", ctx.config().base_url, last.device));
    let mut answer = json!({ "value": keys.iter().map(shown).collect::<Vec<_>>() });
    if let Some(next) = next {
        answer["@odata.nextLink"] = next.into();
    }
    list::json(&answer)
}

async fn revoke(ctx: Ctx, Param(device): Param) -> Result<Response, ApiError> {
    let missing = || ApiError::resource_not_found("Device", &device);
    let id = DeviceId::parse(&device).ok_or_else(missing)?;
    if !ctx.store().revoke_device_key(&id, ctx.now()).await? {
        return Err(missing());
    }
    info!(tenant = %ctx.tenant(), device = %id, by = ctx.author(), "revoked the key of a device");
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn shown(key: &DeviceKey) -> Value {
    json!({
        "deviceId": key.device,
        "deviceName": key.name,
        "agent": key.agent,
        "publicKey": key.public_key,
        "enrolled": key.enrolled,
        "lastContact": key.last_contact,
        "revoked": key.revoked,
    })
}

fn number(body: &mut JsonObject, name: &str, usual: i64, max: i64) -> Result<i64, ApiError> {
    let Some(given) = body.take(name)? else { return Ok(usual) };
    let number = given.as_i64().filter(|number| (1..=max).contains(number));
    let message = format!("'{name}' takes a whole number from 1 to {max}.");
    number.ok_or_else(|| ApiError::new(code::INVALID_INPUT, message))
}
