//! Indicators as STIX 2.1 has them.
//!
//! A pattern that is read is one comparison, or several of which one has to hold: each is an indicator of its own, and they
//! are one object again when they are told. What STIX has no property for is in custom ones, which begin with
//! `x_bartizan_`.

mod pattern;
mod read;

use std::collections::HashMap;

use model::indicator::Indicator;
use model::{TenantId, Ticks};
use serde_json::{Map, Value, json};
use uuid::{Builder, Uuid};

pub(crate) use read::{Given, Object, read};

const ID_PREFIX: &str = "indicator--";
/// The variant of a UUID leaves as many bits of its second half.
const NUMBER_BITS: u32 = 62;

/// Indicators as STIX objects, in their order. Those that came as one object, and still say the same, are one.
pub(crate) fn objects(tenant: TenantId, indicators: &[Indicator]) -> Vec<Value> {
    struct Told {
        said: Map<String, Value>,
        comparisons: Vec<String>,
        created: Ticks,
        modified: Ticks,
    }
    let mut told: Vec<Told> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for indicator in indicators {
        let said = said(tenant, indicator);
        let key = Value::Object(said.clone()).to_string();
        let comparison = pattern::comparison(indicator.indicator_type, &indicator.indicator_value);
        let (created, modified) = (indicator.creation_time, indicator.last_update_time);
        match known.get(&key).and_then(|at| told.get_mut(*at)) {
            Some(object) => {
                object.comparisons.push(comparison);
                object.created = object.created.min(created);
                object.modified = object.modified.max(modified);
            }
            None => {
                known.insert(key, told.len());
                told.push(Told { said, comparisons: vec![comparison], created, modified });
            }
        }
    }
    let whole = |mut object: Told| {
        let of = [
            ("created", time(object.created)),
            ("modified", time(object.modified)),
            ("valid_from", time(object.created)),
            ("pattern", format!("[{}]", object.comparisons.join(" OR "))),
        ];
        object.said.extend(of.map(|(name, text)| (name.to_owned(), text.into())));
        Value::Object(object.said)
    };
    told.into_iter().map(whole).collect()
}

/// What an object says besides its pattern and its times.
fn said(tenant: TenantId, indicator: &Indicator) -> Map<String, Value> {
    let mut said = Map::new();
    let mut put = |name: &str, value: Value| said.insert(name.to_owned(), value);
    put("type", "indicator".into());
    put("spec_version", "2.1".into());
    put("id", id(tenant, indicator).into());
    put("name", indicator.title.clone().into());
    put("description", indicator.description.clone().into());
    put("pattern_type", "stix".into());
    if let Some(expires) = indicator.expiration_time {
        put("valid_until", time(expires).into());
    }
    put("x_bartizan_action", json!(indicator.action));
    put("x_bartizan_generate_alert", indicator.generate_alert.into());
    if let Some(severity) = &indicator.severity {
        put("x_bartizan_severity", json!(severity));
    }
    for (name, text) in [
        ("x_bartizan_application", &indicator.application),
        ("x_bartizan_recommended_actions", &indicator.recommended_actions),
        ("x_bartizan_educate_url", &indicator.educate_url),
    ] {
        if let Some(text) = text {
            put(name, text.clone().into());
        }
    }
    for (name, texts) in [
        ("x_bartizan_rbac_group_names", &indicator.rbac_group_names),
        ("x_bartizan_rbac_group_ids", &indicator.rbac_group_ids),
    ] {
        if !texts.is_empty() {
            put(name, json!(texts));
        }
    }
    said
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
    match indicator.object_id() {
        Some(id) => id.to_owned(),
        None => format!("{ID_PREFIX}{}", uuid_of(tenant, indicator.id.parse().unwrap_or_default())),
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

/// To the millisecond, as times of objects are.
pub(crate) fn time(at: Ticks) -> String {
    let text = at.to_string();
    match text.split_once('.') {
        Some((seconds, fraction)) => format!("{seconds}.{}Z", &fraction[..fraction.len().min(3)]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_number() {
        let (one, two) = (TenantId(Uuid::from_u128(1 << 100)), TenantId(Uuid::from_u128(2 << 100)));
        for at in [0, 1, 4_711, (1 << NUMBER_BITS) - 1] {
            let id = format!("{ID_PREFIX}{}", uuid_of(one, at));
            assert_eq!((number(one, &id), number(two, &id)), (Some(at), None));
            assert!(model::indicator::is_object_id(&id), "{id}");
        }
        assert_eq!(number(one, "indicator--nonsense"), None);
    }

    #[test]
    fn times_have_milliseconds() {
        assert_eq!(time(Ticks::parse("2024-05-06T07:00:00.1239999Z").unwrap()), "2024-05-06T07:00:00.123Z");
    }
}
