//! What people say of a webhook: where to, and which changes.

use std::collections::BTreeMap;

use odata::{Filter, Limits};
use serde::{Deserialize, Serialize};
use store::changed_type;

use crate::WebhookError;
use crate::message::Format;
use crate::outside::Creator;

/// The kinds of entities in the change feed.
pub const KINDS: &[&str] = &["alert", "incident", "indicator", "investigation", "machine", "machine action"];

const VERSION: u32 = 1;
const URL_BYTES_MAX: usize = 2_048;
const DESCRIPTION_BYTES_MAX: usize = 1_024;

/// What is stored of a webhook besides its secret and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    pub(crate) version: u32,
    pub url: String,
    pub description: String,
    pub kinds: Vec<String>,
    /// What an entity of a kind has to pass: a filter of OData.
    pub filters: BTreeMap<String, String>,
    pub format: Format,
    pub created_by: String,
    pub creator: Creator,
}

impl Subscription {
    /// Of every change of those kinds, in the standard form.
    pub fn new(url: String, kinds: Vec<String>, created_by: String, creator: Creator) -> Subscription {
        let (description, filters, format) = (String::new(), BTreeMap::new(), Format::default());
        Subscription { version: VERSION, url, description, kinds, filters, format, created_by, creator }
    }

    pub(crate) fn read(id: &str, body: &str) -> Result<Subscription, WebhookError> {
        let read: Option<Subscription> = serde_json::from_str(body).ok();
        let read = read.filter(|read| read.version == VERSION);
        read.ok_or_else(|| WebhookError::Unreadable { id: id.to_owned() })
    }

    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Says what is wrong with it; kinds are in their canonical form after this.
    pub(crate) fn check(&mut self) -> Result<(), WebhookError> {
        let invalid = |message: String| Err(WebhookError::Invalid(message));
        if self.url.len() > URL_BYTES_MAX {
            return invalid(format!("'url' is longer than {URL_BYTES_MAX} bytes."));
        }
        if self.description.len() > DESCRIPTION_BYTES_MAX {
            return invalid(format!("'description' is longer than {DESCRIPTION_BYTES_MAX} bytes."));
        }
        if self.kinds.is_empty() {
            return invalid(format!("'kinds' takes one or more of {}.", KINDS.join(", ")));
        }
        for kind in &mut self.kinds {
            *kind = kind_named(kind)?.to_owned();
        }
        self.kinds.sort_unstable();
        self.kinds.dedup();
        let filters = std::mem::take(&mut self.filters);
        for (kind, filter) in filters {
            let kind = kind_named(&kind)?;
            if !self.kinds.iter().any(|known| known == kind) {
                return invalid(format!("'filters' has a filter of {kind}, which is not of 'kinds'."));
            }
            parse(kind, &filter)?;
            self.filters.insert(kind.to_owned(), filter);
        }
        Ok(())
    }

    /// The filter of a kind, where it has one.
    pub(crate) fn filter(&self, kind: &str) -> Result<Option<Filter>, WebhookError> {
        self.filters.get(kind).map(|text| parse(kind, text)).transpose()
    }
}

/// The kind of that name, in any letter case, with or without blanks, also in the plural.
fn kind_named(name: &str) -> Result<&'static str, WebhookError> {
    let plain = |name: &str| name.replace(' ', "").to_lowercase();
    let wanted = plain(name);
    let found = KINDS.iter().find(|kind| {
        let kind = plain(kind);
        kind == wanted || wanted.strip_suffix('s') == Some(&kind)
    });
    let wrong = || {
        let name: String = name.chars().take(60).collect();
        format!("'{name}' is not a kind of entity; valid: {}.", KINDS.join(", "))
    };
    found.copied().ok_or_else(|| WebhookError::Invalid(wrong()))
}

fn parse(kind: &str, text: &str) -> Result<Filter, WebhookError> {
    let invalid = |reason: String| WebhookError::Invalid(format!("The filter of {kind}: {reason}"));
    let of = changed_type(kind).ok_or_else(|| invalid("there is no such kind.".to_owned()))?;
    let query = odata::parse(of, &[("$filter", text)], Limits::new(1));
    let query = query.map_err(|error| invalid(error.to_string()))?;
    query.filter.ok_or_else(|| invalid("it is empty.".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(kinds: &[&str], filters: &[(&str, &str)]) -> Subscription {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let filters = filters.iter().map(|(kind, filter)| ((*kind).to_owned(), (*filter).to_owned()));
        let new = Subscription::new("https://a.example".into(), kinds, "me".into(), Creator::default());
        Subscription { filters: filters.collect(), ..new }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let no_filters: &[(&str, &str)] = &[];
        for (kinds, filters, wrong) in [
            (&["Alerts", "machineAction", "alert"][..], no_filters, None),
            (&["alert"], &[("ALERT", "severity eq 'High'")], None),
            (&[], no_filters, Some("'kinds' takes one or more")),
            (&["alarm"], no_filters, Some("'alarm' is not a kind")),
            (&["alert"], &[("machine", "id eq 'a'")], Some("not of 'kinds'")),
            (&["alert"], &[("alert", "severity eq")], Some("The filter of alert")),
            (&["alert"], &[("alert", "colour eq 'red'")], Some("colour")),
        ] {
            let mut subscription = subscription(kinds, filters);
            let checked = subscription.check().map_err(|error| error.to_string());
            match wrong {
                None => checked.unwrap(),
                Some(wrong) => assert!(checked.as_ref().is_err_and(|e| e.contains(wrong)), "{checked:?}"),
            }
            if wrong.is_none() {
                assert!(subscription.kinds.iter().all(|kind| KINDS.contains(&kind.as_str())));
            }
        }
    }

    #[test]
    fn every_kind_has_a_type() {
        assert!(KINDS.iter().all(|kind| changed_type(kind).is_some()));
    }
}
