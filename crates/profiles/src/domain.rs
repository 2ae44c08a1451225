//! Names that devices asked for or talked to.
//!
//! A name counts for the domains above it too: what a device did with `cdn.fabrikam.example` it did with
//! `fabrikam.example`. So a question about a domain needs no list of which suffixes can be registered, and the
//! answer does not change with such a list.

use std::borrow::Cow;
use std::net::IpAddr;

use model::host_of;
use serde::{Deserialize, Serialize};

use crate::found::Profiles;
use crate::merge::Merge;
use crate::rows::{Groups, Rows, Span};
use crate::sample::Sample;

const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
/// Domains above a name that it counts for: those of two, three and four labels.
const PARENT_LABELS_MAX: usize = 4;
/// Longer texts beside an event are not searched for a name.
const FIELDS_BYTES_MAX: usize = 64 << 10;

/// What is known of a domain. Its id is the name in lower case, without a dot at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Whether the name itself was seen, and not only names below it.
    pub is_host: bool,
    pub devices: Sample<()>,
}

impl Merge for Domain {
    fn merge(&mut self, other: Domain) {
        self.is_host |= other.is_host;
        self.devices.merge(other.devices);
    }
}

/// The domain as profiles name it. None for what is no name of a host.
pub fn domain_id(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_of_name = |char: char| char.is_alphanumeric() || char == '-' || char == '_';
        !label.is_empty() && label.len() <= LABEL_BYTES_MAX && label.chars().all(is_of_name)
    };
    let is_name = name.len() <= NAME_BYTES_MAX && name.split('.').all(is_label);
    let name = is_name.then(|| name.to_lowercase())?;
    // The last label of a name has a letter in it; that of an address has none.
    let has_letter = name.rsplit('.').next()?.chars().any(char::is_alphabetic);
    (has_letter && name.parse::<IpAddr>().is_err()).then_some(name)
}

pub(crate) fn fold(rows: &Rows<'_>, found: &mut Profiles<Domain>) {
    let urls = rows.text("RemoteUrl");
    let (actions, fields) = (rows.text("ActionType"), rows.text("AdditionalFields"));
    if urls.is_absent() && fields.is_absent() {
        return;
    }
    let mut groups: Groups<(Source<'_>, u32), Span> = Groups::new();
    let mut see = |source, device, at| groups.of((source, device), || Span::at(at)).include(Span::at(at));
    for seen in rows.iter() {
        let url = urls.at(seen.row);
        if !url.is_empty() {
            see(Source::Url(url), seen.device, seen.at);
        }
        if actions.at(seen.row) == "DnsQueryResponse" {
            see(Source::Fields(fields.at(seen.row)), seen.device, seen.at);
        }
    }
    for ((source, device), span) in groups.into_groups() {
        let Some(name) = source.name() else { continue };
        let key = rows.device(device).key;
        for parent in parents(&name) {
            found.seen(parent, span).devices.add(key, span.last, ());
        }
        let domain = found.seen(&name, span);
        domain.is_host = true;
        domain.devices.add(key, span.last, ());
    }
}

/// Where a row has the name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Source<'a> {
    Url(&'a str),
    /// The JSON object of an answer to a DNS query.
    Fields(&'a str),
}

impl Source<'_> {
    fn name(self) -> Option<String> {
        match self {
            Source::Url(url) => domain_id(host_of(url)),
            Source::Fields(json) => {
                #[derive(Deserialize)]
                struct Fields<'a> {
                    #[serde(rename = "DnsQueryString", borrow)]
                    query: Cow<'a, str>,
                }
                if json.len() > FIELDS_BYTES_MAX {
                    return None;
                }
                let fields: Fields<'_> = serde_json::from_str(json).ok()?;
                domain_id(&fields.query)
            }
        }
    }
}

fn parents(name: &str) -> impl Iterator<Item = &str> {
    let dots = name.rmatch_indices('.').map(|(at, _)| &name[at + 1..]);
    // The first one behind a dot is the top-level domain alone.
    dots.skip(1).take(PARENT_LABELS_MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_out_of_urls_and_fields() {
        for (source, name) in [
            (Source::Url("https://User:pw@CDN.Fabrikam.example:8443/a?b#c"), Some("cdn.fabrikam.example")),
            (Source::Url("fabrikam.example."), Some("fabrikam.example")),
            (Source::Url("fabrikam.example/path"), Some("fabrikam.example")),
            (Source::Url("wpad"), Some("wpad")),
            (Source::Url("http://bücher.example"), Some("bücher.example")),
            (Source::Url("http://203.0.113.9/a"), None),
            (Source::Url("http://[2001:db8::1]/"), None),
            (Source::Url("a..b"), None),
            (Source::Url("a b.example"), None),
            (Source::Url("https://"), None),
            (
                Source::Fields(r#"{"A":1,"DnsQueryString":"_ldap._tcp.corp.example"}"#),
                Some("_ldap._tcp.corp.example"),
            ),
            (Source::Fields(r#"{"DnsQueryString":"\u0061.example"}"#), Some("a.example")),
            (Source::Fields(r#"{"DnsQueryString":7}"#), None),
            (Source::Fields("no JSON"), None),
        ] {
            assert_eq!(source.name().as_deref(), name);
        }
        assert_eq!(domain_id(&format!("{}.example", "a".repeat(64))), None);
        assert_eq!(domain_id(&"a.".repeat(150)), None);
    }

    #[test]
    fn a_name_counts_for_the_domains_above_it() {
        for (name, expected) in [
            ("a.b.c.d.example", &["d.example", "c.d.example", "b.c.d.example"][..]),
            ("fabrikam.example", &[]),
            ("cdn.fabrikam.example", &["fabrikam.example"]),
            ("wpad", &[]),
        ] {
            assert_eq!(parents(name).collect::<Vec<_>>(), expected, "{name}");
        }
    }
}
