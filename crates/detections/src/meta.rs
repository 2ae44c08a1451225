//! What is known about a rule besides its logic.

use model::alert::Severity;
use rsigma_parser::{Level, SigmaRule, Status};
use serde::Serialize;

use crate::{attack, fnv};

/// A rule as people see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleMeta {
    /// The rule's own id; for a rule without one, a GUID made from its title and conditions.
    pub id: String,
    pub title: String,
    pub description: String,
    pub author: Option<String>,
    pub severity: Severity,
    pub status: Option<String>,
    /// The tags as they are in the file.
    pub tags: Vec<String>,
    /// ATT&CK techniques, such as `T1059.001`.
    pub techniques: Vec<String>,
    /// The tactic, as the compatible API spells alert categories.
    pub category: String,
    pub references: Vec<String>,
    pub falsepositives: Vec<String>,
    /// The licence the rule's file names; a set of rules may state its licence elsewhere.
    pub license: Option<String>,
}

impl RuleMeta {
    pub(crate) fn of(rule: &SigmaRule) -> RuleMeta {
        RuleMeta {
            id: rule.id.clone().unwrap_or_else(|| id_from_content(rule)),
            title: rule.title.clone(),
            description: rule.description.as_deref().unwrap_or_default().trim_end().to_owned(),
            author: rule.author.clone(),
            severity: rule.level.map_or(Severity::UnSpecified, severity),
            status: rule.status.map(|status| status_name(status).to_owned()),
            tags: rule.tags.clone(),
            techniques: attack::techniques(&rule.tags),
            category: attack::category(&rule.tags).to_owned(),
            references: rule.references.clone(),
            falsepositives: rule.falsepositives.clone(),
            license: rule.license.clone(),
        }
    }
}

/// The compatible API has no level above high.
fn severity(level: Level) -> Severity {
    match level {
        Level::Informational => Severity::Informational,
        Level::Low => Severity::Low,
        Level::Medium => Severity::Medium,
        Level::High | Level::Critical => Severity::High,
    }
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Stable => "stable",
        Status::Test => "test",
        Status::Experimental => "experimental",
        Status::Deprecated => "deprecated",
        Status::Unsupported => "unsupported",
    }
}

fn id_from_content(rule: &SigmaRule) -> String {
    let conditions = rule.detection.condition_strings.join("\n");
    let half = |salt: &[u8]| u128::from(fnv::hash(&[salt, rule.title.as_bytes(), conditions.as_bytes()]));
    uuid::Builder::from_custom_bytes((half(b"high") << 64 | half(b"low")).to_be_bytes())
        .into_uuid()
        .to_string()
}
