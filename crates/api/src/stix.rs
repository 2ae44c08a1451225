//! Indicators as STIX 2.1 has them.
//!
//! A pattern that is read is one comparison, or several of which one has to hold: each is an indicator of its own. What
//! STIX has no property for is in custom ones, which begin with `x_bartizan_`.

use model::indicator::{Indicator, IndicatorType};
use model::{TenantId, Ticks};
use serde_json::{Map, Value, json};
use uuid::{Builder, Uuid};

use crate::body::JsonObject;
use crate::error::ApiError;

const ID_PREFIX: &str = "indicator--";
/// Comparisons of one pattern.
const COMPARISONS_MAX: usize = 100;
const PATTERN_BYTES_MAX: usize = 32 << 10;
/// What is done on a match when an object does not say it.
const DEFAULT_ACTION: &str = "Alert";
/// The variant of a UUID leaves as many bits of its second half.
const NUMBER_BITS: u32 = 62;

/// An indicator as a STIX object.
pub(crate) fn object(tenant: TenantId, indicator: &Indicator) -> Value {
    let mut object = json!({
        "type": "indicator",
        "spec_version": "2.1",
        "id": id(tenant, indicator),
        "created": time(indicator.creation_time),
        "modified": time(indicator.last_update_time),
        "name": indicator.title,
        "description": indicator.description,
        "pattern": pattern(indicator.indicator_type, &indicator.indicator_value),
        "pattern_type": "stix",
        "valid_from": time(indicator.creation_time),
        "x_bartizan_action": indicator.action,
    });
    if let Some(severity) = &indicator.severity {
        object["x_bartizan_severity"] = json!(severity);
    }
    if let Some(expires) = indicator.expiration_time {
        object["valid_until"] = time(expires).into();
    }
    object
}

/// A bundle of objects.
pub(crate) fn bundle(objects: Vec<Value>) -> Value {
    let mut bundle = json!({ "type": "bundle", "id": format!("bundle--{}", Uuid::new_v4()) });
    if !objects.is_empty() {
        bundle["objects"] = objects.into();
    }
    bundle
}

/// The id that its maker gave, or one that follows from the tenant and the number.
pub(crate) fn id(tenant: TenantId, indicator: &Indicator) -> String {
    match &indicator.external_id {
        Some(id) if is_id(id) => id.clone(),
        _ => format!("{ID_PREFIX}{}", uuid_of(tenant, indicator.id.parse().unwrap_or_default())),
    }
}

/// The number of the indicator that has that id by its number.
pub(crate) fn number(tenant: TenantId, id: &str) -> Option<u64> {
    let uuid = Uuid::parse_str(id.strip_prefix(ID_PREFIX)?).ok()?;
    let number = uuid.as_u64_pair().1 & ((1 << NUMBER_BITS) - 1);
    (uuid == uuid_of(tenant, number)).then_some(number)
}

fn uuid_of(tenant: TenantId, number: u64) -> Uuid {
    let (of_tenant, _) = tenant.0.as_u64_pair();
    Builder::from_random_bytes(Uuid::from_u64_pair(of_tenant, number).into_bytes()).into_uuid()
}

fn is_id(text: &str) -> bool {
    text.strip_prefix(ID_PREFIX).is_some_and(|id| Uuid::parse_str(id).is_ok())
}

/// To the millisecond, as times of objects are.
pub(crate) fn time(at: Ticks) -> String {
    let text = at.to_string();
    match text.split_once('.') {
        Some((seconds, fraction)) => format!("{seconds}.{}Z", &fraction[..fraction.len().min(3)]),
        None => text,
    }
}

/// What is observed: the type of an indicator and the object path that is compared.
static PATHS: [(IndicatorType, &str); 8] = [
    (IndicatorType::IpAddress, "ipv4-addr:value"),
    (IndicatorType::IpAddress, "ipv6-addr:value"),
    (IndicatorType::DomainName, "domain-name:value"),
    (IndicatorType::Url, "url:value"),
    (IndicatorType::FileSha1, "file:hashes.'SHA-1'"),
    (IndicatorType::FileSha256, "file:hashes.'SHA-256'"),
    (IndicatorType::FileMd5, "file:hashes.MD5"),
    (IndicatorType::CertificateThumbprint, "x509-certificate:hashes.'SHA-1'"),
];

fn pattern(kind: IndicatorType, value: &str) -> String {
    let is_v6 = kind == IndicatorType::IpAddress && value.contains(':');
    let of_kind = PATHS.iter().filter(|(known, _)| *known == kind);
    let path = of_kind.map(|(_, path)| *path).find(|path| !is_v6 || path.starts_with("ipv6"));
    let value = value.replace('\\', "\\\\").replace('\'', "\\'");
    format!("[{} = '{value}']", path.unwrap_or_default())
}

/// What an object of a bundle is.
#[derive(Debug)]
pub(crate) enum Given {
    /// Bodies of indicators, as they are submitted otherwise.
    Indicators(Vec<Map<String, Value>>),
    /// An indicator that holds no more.
    Revoked(String),
    /// Something that is no indicator: it says nothing here.
    Other,
}

/// Reads an object of a bundle.
pub(crate) fn read(mut object: JsonObject) -> Result<Given, ApiError> {
    if object.take_text("type")?.as_deref() != Some("indicator") {
        return Ok(Given::Other);
    }
    let id = object.take_text("id")?.filter(|id| is_id(id));
    let id = id.ok_or_else(|| ApiError::invalid("'id' takes indicator-- and a UUID."))?;
    if object.take_truth("revoked")? == Some(true) {
        return Ok(Given::Revoked(id));
    }
    let kind = object.take_text("pattern_type")?;
    if kind.as_deref().is_some_and(|kind| kind != "stix") {
        return Err(ApiError::invalid("'pattern_type' takes stix."));
    }
    let text = object.need_text("pattern", PATTERN_BYTES_MAX)?;
    let comparisons = comparisons(&text).ok_or_else(|| {
        ApiError::invalid(
            "'pattern' takes comparisons such as [ipv4-addr:value = '203.0.113.9'], also several with OR, of \
             addresses, domain-name:value, url:value, hashes of file and of x509-certificate.",
        )
    })?;
    let name = object.take_text("name")?.filter(|name| !name.trim().is_empty());
    let description = object.take_text("description")?.filter(|text| !text.trim().is_empty());
    let action = object.take("x_bartizan_action")?.unwrap_or_else(|| DEFAULT_ACTION.into());
    let (severity, until) = (object.take("x_bartizan_severity")?, object.take("valid_until")?);
    let body = |(kind, value): (IndicatorType, String)| {
        let title = name.clone().unwrap_or_else(|| value.clone());
        let body = json!({
            "indicatorType": kind.name(),
            "indicatorValue": value,
            "title": title,
            "description": description.clone().unwrap_or(title),
            "action": action,
            "severity": severity,
            "expirationTime": until,
            "externalId": id,
        });
        match body {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    };
    Ok(Given::Indicators(comparisons.into_iter().map(body).collect()))
}

/// The comparisons of a pattern of which one has to hold.
fn comparisons(pattern: &str) -> Option<Vec<(IndicatorType, String)>> {
    let mut rest = pattern.trim();
    let mut found = Vec::new();
    let mut is_open = false;
    loop {
        if !is_open {
            rest = rest.strip_prefix('[')?.trim_start();
            is_open = true;
        }
        let (comparison, after) = comparison(rest)?;
        found.push(comparison);
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix(']') {
            rest = after.trim_start();
            is_open = false;
        }
        if rest.is_empty() && !is_open {
            return Some(found);
        }
        rest = rest.strip_prefix("OR")?.trim_start();
        if found.len() >= COMPARISONS_MAX {
            return None;
        }
    }
}

/// `path = 'value'`, and what follows.
fn comparison(text: &str) -> Option<((IndicatorType, String), &str)> {
    let (path, rest) = text.split_once('=')?;
    let path = path.trim().replace('"', "'");
    // Quotes around a name without a hyphen may be missing or there.
    let path = path.replace("'MD5'", "MD5");
    let (kind, _) = PATHS.iter().find(|(_, known)| *known == path)?;
    let mut chars = rest.trim_start().strip_prefix('\'')?.char_indices();
    let from = rest.len() - rest.trim_start().len() + 1;
    let mut value = String::new();
    loop {
        match chars.next()? {
            (at, '\'') => return Some(((*kind, value), &rest[from + at + 1..])),
            (_, '\\') => value.push(chars.next()?.1),
            (_, char) => value.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_they_are_written() {
        let (v4, name) = (IndicatorType::IpAddress, IndicatorType::DomainName);
        let of = |kind: IndicatorType, value: &str| (kind, value.to_owned());
        for (kind, value) in [
            (v4, "203.0.113.9"),
            (v4, "2001:db8::1"),
            (name, "a.example"),
            (IndicatorType::Url, "http://a/?b='c'\\d=e"),
            (IndicatorType::FileSha256, "ab"),
            (IndicatorType::FileMd5, "cd"),
            (IndicatorType::CertificateThumbprint, "ef"),
        ] {
            assert_eq!(comparisons(&pattern(kind, value)), Some(vec![of(kind, value)]));
        }
        for (pattern, expected) in [
            (
                "[ipv4-addr:value = '1.2.3.4' OR domain-name:value='a.b']",
                vec![of(v4, "1.2.3.4"), of(name, "a.b")],
            ),
            (
                "[url:value = 'x'] OR [file:hashes.\"SHA-1\" = 'y']",
                vec![of(IndicatorType::Url, "x"), of(IndicatorType::FileSha1, "y")],
            ),
            (" [ file:hashes.'MD5' = 'z' ] ", vec![of(IndicatorType::FileMd5, "z")]),
        ] {
            assert_eq!(comparisons(pattern), Some(expected), "{pattern}");
        }
        for pattern in [
            "",
            "[",
            "[ipv4-addr:value = '1.2.3.4'",
            "[ipv4-addr:value = '1.2.3.4' AND url:value = 'x']",
            "[ipv4-addr:value != '1.2.3.4']",
            "[ipv4-addr:value LIKE '1.%']",
            "[ipv4-addr:value = '1.2.3.4'] FOLLOWEDBY [url:value = 'x']",
            "[ipv4-addr:value = '1.2.3.4'] WITHIN 5 SECONDS",
            "[process:name = 'x']",
            "[url:value = 'é",
        ] {
            assert_eq!(comparisons(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn an_id_leads_back_to_its_number() {
        let (one, two) = (TenantId(Uuid::from_u128(1 << 100)), TenantId(Uuid::from_u128(2 << 100)));
        for at in [0, 1, 4_711, (1 << NUMBER_BITS) - 1] {
            let id = format!("{ID_PREFIX}{}", uuid_of(one, at));
            assert_eq!((number(one, &id), number(two, &id)), (Some(at), None));
        }
        assert_eq!(number(one, "indicator--nonsense"), None);
    }

    #[test]
    fn times_have_milliseconds() {
        assert_eq!(time(Ticks::parse("2024-05-06T07:00:00.1239999Z").unwrap()), "2024-05-06T07:00:00.123Z");
    }
}
