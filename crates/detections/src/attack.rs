//! ATT&CK tags of rules: techniques, and the tactic as the compatible API spells alert categories.

/// The category of an alert whose rule names no tactic.
pub(crate) const DEFAULT_CATEGORY: &str = "SuspiciousActivity";

/// Tag and category. Newer editions of ATT&CK divide defense evasion into stealth and defense impairment.
static TACTICS: &[(&str, &str)] = &[
    ("initial-access", "InitialAccess"),
    ("execution", "Execution"),
    ("persistence", "Persistence"),
    ("privilege-escalation", "PrivilegeEscalation"),
    ("defense-evasion", "DefenseEvasion"),
    ("stealth", "DefenseEvasion"),
    ("defense-impairment", "DefenseEvasion"),
    ("credential-access", "CredentialAccess"),
    ("discovery", "Discovery"),
    ("lateral-movement", "LateralMovement"),
    ("collection", "Collection"),
    ("exfiltration", "Exfiltration"),
    ("command-and-control", "CommandAndControl"),
    ("impact", "Impact"),
];

/// The category that the first tactic of the tags stands for.
pub(crate) fn category(tags: &[String]) -> &'static str {
    let tactic = |tag: &String| {
        let name = strip_attack(tag)?.to_ascii_lowercase().replace('_', "-");
        TACTICS.iter().find(|(tactic, _)| *tactic == name).map(|(_, category)| *category)
    };
    tags.iter().find_map(tactic).unwrap_or(DEFAULT_CATEGORY)
}

/// The techniques of the tags, as `T1059` and `T1059.001`, each once and in the order of the tags.
pub(crate) fn techniques(tags: &[String]) -> Vec<String> {
    let mut techniques = Vec::new();
    for name in tags.iter().filter_map(|tag| strip_attack(tag)) {
        let technique = name.to_ascii_uppercase();
        if is_technique(&technique) && !techniques.contains(&technique) {
            techniques.push(technique);
        }
    }
    techniques
}

fn strip_attack(tag: &str) -> Option<&str> {
    let (prefix, name) = tag.split_at_checked("attack.".len())?;
    prefix.eq_ignore_ascii_case("attack.").then_some(name)
}

fn is_technique(name: &str) -> bool {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let Some(number) = name.strip_prefix('T') else { return false };
    match number.split_once('.') {
        Some((technique, part)) => digits(technique, 4) && digits(part, 3),
        None => digits(number, 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tags: &[&str], expected_category: &str, expected_techniques: &[&str]) {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        assert_eq!(category(&tags), expected_category);
        assert_eq!(techniques(&tags), expected_techniques);
    }

    #[test]
    fn tags_become_a_category_and_techniques() {
        check(&["attack.t1059.001", "attack.execution"], "Execution", &["T1059.001"]);
        check(&["attack.credential_access", "attack.t1003", "attack.T1003"], "CredentialAccess", &["T1003"]);
        check(&["attack.stealth", "attack.persistence", "attack.g0016"], "DefenseEvasion", &[]);
        check(&["cve.2021-44228", "attack.t10590", "attack.s0002"], DEFAULT_CATEGORY, &[]);
        check(&[], DEFAULT_CATEGORY, &[]);
    }
}
