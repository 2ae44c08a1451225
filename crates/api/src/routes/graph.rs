//! Alerts and incidents by the paths, names and values of Graph security. They are the same ones.

mod alerts;
mod incidents;
mod native;

use super::Routes;

pub(super) fn routes(routes: &mut Routes) {
    alerts::routes(routes);
    incidents::routes(routes);
}

/// The value of an enumeration as Graph writes it.
fn graph_word(member: &str) -> String {
    let mut word = member.to_owned();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    word
}

static SEVERITIES: &[&str] = &["unknown", "informational", "low", "medium", "high", "unknownFutureValue"];
static CLASSIFICATIONS: &[&str] =
    &["unknown", "falsePositive", "truePositive", "informationalExpectedActivity", "unknownFutureValue"];
static DETERMINATIONS: &[&str] = &[
    "unknown",
    "apt",
    "malware",
    "securityPersonnel",
    "securityTesting",
    "unwantedSoftware",
    "other",
    "multiStagedAttack",
    "compromisedUser",
    "phishing",
    "maliciousUserActivity",
    "clean",
    "insufficientData",
    "confirmedUserActivity",
    "lineOfBusinessApplication",
    "unknownFutureValue",
];
