//! Reads objects of a bundle.

use model::Ticks;
use model::alert::Severity;
use model::indicator::{IndicatorAction, IndicatorType, is_object_id};
use odata::Property;
use serde_json::{Map, Value, json};
use store::INDICATOR_TYPE;

use super::pattern;
use crate::body::JsonObject;
use crate::error::ApiError;

const PATTERN_BYTES_MAX: usize = 32 << 10;
const NAME_BYTES_MAX: usize = 1 << 10;
const TEXT_BYTES_MAX: usize = 32 << 10;
const URL_BYTES_MAX: usize = 4 << 10;
const GROUPS_MAX: usize = 100;
/// What is done on a match when an object does not say it.
const DEFAULT_ACTION: IndicatorAction = IndicatorAction::Alert;
/// So much may the clock of whoever made an object be ahead.
const CLOCKS_SECONDS_MAX: i64 = 600;

/// An object of a bundle.
#[derive(Debug)]
pub(crate) struct Object {
    pub id: String,
    /// Which version it is; later ones replace earlier ones.
    pub modified: Option<Ticks>,
    pub given: Given,
}

/// What an object says.
#[derive(Debug)]
pub(crate) enum Given {
    /// Bodies of indicators, as they are submitted otherwise.
    Indicators(Vec<Map<String, Value>>),
    /// An indicator that holds no more.
    Revoked,
}

/// Reads an object of a bundle.
pub(crate) fn read(mut object: JsonObject, now: Ticks) -> Result<Object, ApiError> {
    if object.take_text("type")?.as_deref() != Some("indicator") {
        return Err(ApiError::invalid("Objects of other types than indicator are not kept."));
    }
    let id = object.take_text("id")?.map(|id| id.trim().to_ascii_lowercase()).filter(|id| is_object_id(id));
    let id = id.ok_or_else(|| ApiError::invalid("'id' takes indicator-- and a UUID."))?;
    let modified = object.take_time("modified")?;
    let given = match object.take_truth("revoked")? {
        Some(true) => Given::Revoked,
        _ => Given::Indicators(indicators(object, &id, now)?),
    };
    Ok(Object { id, modified, given })
}

fn indicators(mut object: JsonObject, id: &str, now: Ticks) -> Result<Vec<Map<String, Value>>, ApiError> {
    let kind = object.take_text("pattern_type")?;
    if kind.as_deref().is_some_and(|kind| kind != "stix") {
        return Err(ApiError::invalid("'pattern_type' takes stix."));
    }
    let text = object.need_text("pattern", PATTERN_BYTES_MAX)?;
    let comparisons = pattern::comparisons(&text).ok_or_else(|| {
        ApiError::invalid(
            "'pattern' takes comparisons such as [ipv4-addr:value = '203.0.113.9'], also several with OR, of \
             addresses, domain-name:value, url:value, hashes of file and of x509-certificate.",
        )
    })?;
    if object.take_time("valid_from")?.is_some_and(|from| from > now.plus_seconds(CLOCKS_SECONDS_MAX)) {
        return Err(ApiError::invalid(
            "'valid_from' takes a time that has come: an indicator holds at once.",
        ));
    }
    let until = object.take_time("valid_until")?;
    if until.is_some_and(|until| until <= now) {
        return Err(ApiError::invalid("'valid_until' takes a time in the future."));
    }
    let says = |text: &String| !text.trim().is_empty();
    let name = object.take_short("name", NAME_BYTES_MAX)?.filter(says);
    let description = object.take_short("description", TEXT_BYTES_MAX)?.filter(says);
    let action: Option<IndicatorAction> = object.take_choice("x_bartizan_action", values("action"), &[])?;
    let severity: Option<Severity> = object.take_choice("x_bartizan_severity", values("severity"), &[])?;
    let shared = json!({
        "action": action.unwrap_or(DEFAULT_ACTION),
        "severity": severity,
        "expirationTime": until,
        "externalId": id,
        "generateAlert": object.take_truth("x_bartizan_generate_alert")?,
        "application": object.take_short("x_bartizan_application", NAME_BYTES_MAX)?,
        "recommendedActions": object.take_short("x_bartizan_recommended_actions", TEXT_BYTES_MAX)?,
        "educateUrl": object.take_short("x_bartizan_educate_url", URL_BYTES_MAX)?,
        "rbacGroupNames": object.take_texts("x_bartizan_rbac_group_names", GROUPS_MAX)?,
        "rbacGroupIds": object.take_texts("x_bartizan_rbac_group_ids", GROUPS_MAX)?,
    });
    let body = |(kind, value): (IndicatorType, String)| {
        let mut body = shared.as_object().cloned().unwrap_or_default();
        let title = name.clone().unwrap_or_else(|| beginning(&value));
        body.insert("description".to_owned(), description.clone().unwrap_or_else(|| title.clone()).into());
        body.insert("title".to_owned(), title.into());
        body.insert("indicatorType".to_owned(), kind.name().into());
        body.insert("indicatorValue".to_owned(), value.into());
        body
    };
    Ok(comparisons.into_iter().map(body).collect())
}

/// So much of a value as is a name.
fn beginning(value: &str) -> String {
    let mut end = value.len().min(NAME_BYTES_MAX);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value[..end].to_owned()
}

fn values(name: &str) -> &'static [&'static str] {
    INDICATOR_TYPE.property(name).map_or(&[], |property: &Property| property.values)
}
