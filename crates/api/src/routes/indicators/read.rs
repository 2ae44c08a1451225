//! Reads an indicator from a body.

use std::net::IpAddr;

use model::Ticks;
use model::indicator::{Indicator, IndicatorAction, IndicatorType, SourceType};
use odata::Property;
use profiles::domain_id;
use store::{INDICATOR_TYPE, Submission};

use crate::body::JsonObject;
use crate::ctx::Ctx;
use crate::error::ApiError;

const VALUE_BYTES_MAX: usize = 4 << 10;
const TITLE_BYTES_MAX: usize = 1 << 10;
const TEXT_BYTES_MAX: usize = 32 << 10;
const GROUPS_MAX: usize = 100;

/// What a body submits. Properties that answers have and nobody sets are ignored.
pub(in crate::routes) fn submission(ctx: &Ctx, mut body: JsonObject) -> Result<Submission, ApiError> {
    let indicator_type: Option<IndicatorType> =
        body.take_choice("indicatorType", values("indicatorType"), &[])?;
    let indicator_type = indicator_type.ok_or_else(|| ApiError::missing("indicatorType"))?;
    let action: Option<IndicatorAction> =
        body.take_choice("action", values("action"), &[("Allow", "Allowed")])?;
    let action = action.ok_or_else(|| ApiError::missing("action"))?;
    let indicator_value = body.need_text("indicatorValue", VALUE_BYTES_MAX)?.trim().to_owned();
    check_value(indicator_type, &indicator_value)?;
    let generate_alert = body.take_truth("generateAlert")?;
    if action == IndicatorAction::Audit && generate_alert == Some(false) {
        return Err(ApiError::invalid("'generateAlert' has to be true for the action Audit."));
    }
    let alerts =
        matches!(action, IndicatorAction::Audit | IndicatorAction::Alert | IndicatorAction::AlertAndBlock);
    let (by, name, now) = (ctx.owner(), ctx.author(), ctx.now());
    let indicator = Indicator {
        id: String::new(),
        indicator_value,
        indicator_type,
        action,
        application: body.take_short("application", TITLE_BYTES_MAX)?,
        source: name.clone(),
        source_type: if ctx.is_app() { SourceType::AadApp } else { SourceType::User },
        created_by: by.clone(),
        created_by_display_name: Some(ctx.display_name().to_owned()).filter(|name| !name.is_empty()),
        created_by_source: Some(name),
        last_updated_by: None,
        creation_time: now,
        expiration_time: expiration(&mut body, now)?,
        last_update_time: now,
        severity: body.take_choice("severity", values("severity"), &[])?,
        title: body.need_text("title", TITLE_BYTES_MAX)?,
        description: body.need_text("description", TEXT_BYTES_MAX)?,
        recommended_actions: body.take_short("recommendedActions", TEXT_BYTES_MAX)?,
        rbac_group_names: body.take_texts("rbacGroupNames", GROUPS_MAX)?.unwrap_or_default(),
        rbac_group_ids: body.take_texts("rbacGroupIds", GROUPS_MAX)?.unwrap_or_default(),
        generate_alert: generate_alert.unwrap_or(alerts),
        educate_url: body.take_short("educateUrl", VALUE_BYTES_MAX)?,
        external_id: body.take_short("externalId", TITLE_BYTES_MAX)?,
    };
    Ok(Submission { indicator, by })
}

/// An indicator that has expired already would not be there.
fn expiration(body: &mut JsonObject, now: Ticks) -> Result<Option<Ticks>, ApiError> {
    match body.take_time("expirationTime")? {
        Some(time) if time <= now => Err(ApiError::invalid("'expirationTime' takes a time in the future.")),
        time => Ok(time),
    }
}

fn values(name: &str) -> &'static [&'static str] {
    INDICATOR_TYPE.property(name).map_or(&[], |property: &Property| property.values)
}

/// That a value is of its type.
fn check_value(kind: IndicatorType, value: &str) -> Result<(), ApiError> {
    let digits = |count: usize| value.len() == count && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (is_valid, takes) = match kind {
        IndicatorType::FileSha1 => (digits(40), "the 40 hexadecimal digits of a SHA-1"),
        IndicatorType::FileSha256 => (digits(64), "the 64 hexadecimal digits of a SHA-256"),
        IndicatorType::FileMd5 => (digits(32), "the 32 hexadecimal digits of an MD5"),
        IndicatorType::CertificateThumbprint => {
            (digits(40), "the 40 hexadecimal digits of a certificate's SHA-1")
        }
        IndicatorType::IpAddress => (value.parse::<IpAddr>().is_ok(), "one IPv4 or IPv6 address, no range"),
        IndicatorType::DomainName => (domain_id(value).is_some(), "a name such as cdn.fabrikam.example"),
        IndicatorType::Url => (is_url(value), "a URL such as https://fabrikam.example/a"),
    };
    if is_valid {
        return Ok(());
    }
    let value: String = value.chars().take(100).collect();
    Err(ApiError::invalid(format!("'{value}' is not a value of {}, which takes {takes}.", kind.name())))
}

/// A URL, whose scheme may be missing.
fn is_url(value: &str) -> bool {
    let host = model::host_of(value);
    let is_host = domain_id(host).is_some() || host.parse::<IpAddr>().is_ok() || value.contains("://[");
    is_host && !value.chars().any(|char| char.is_control() || char.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_their_types() {
        let sha1 = "a".repeat(40);
        for (kind, value, is_valid) in [
            (IndicatorType::FileSha1, sha1.as_str(), true),
            (IndicatorType::FileSha1, "abc", false),
            (IndicatorType::FileSha256, sha1.as_str(), false),
            (IndicatorType::CertificateThumbprint, sha1.as_str(), true),
            (IndicatorType::IpAddress, "10.0.0.5", true),
            (IndicatorType::IpAddress, "2001:db8::1", true),
            (IndicatorType::IpAddress, "10.0.0.0/8", false),
            (IndicatorType::DomainName, "a.example", true),
            (IndicatorType::DomainName, "http://a.example", false),
            (IndicatorType::Url, "http://a.example/?b=c&d='e'", true),
            (IndicatorType::Url, "http://a/?b=c", true),
            (IndicatorType::Url, "no url", false),
        ] {
            assert_eq!(check_value(kind, value).is_ok(), is_valid, "{} {value}", kind.name());
        }
    }
}
