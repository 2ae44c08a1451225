//! The detection rules of a server: those that come with the product, and those in the operator's folders.

use std::path::{Path, PathBuf};

use detections::{Loaded, RuleSet};
use tracing::{debug, info, warn};

macro_rules! rules {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../rules/", $name)))),*]
    };
}

/// The product's own rules: name and text of each file.
static BUILT_IN: &[(&str, &str)] = rules![
    "lnx_crontab_from_shell.yml",
    "lnx_download_piped_to_shell.yml",
    "lnx_miner_from_temporary_folder.yml",
    "lnx_persistence_in_cron_or_systemd.yml",
    "lnx_reverse_shell.yml",
    "lnx_shadow_read.yml",
    "win_lsass_dump_by_comsvcs.yml",
    "win_lsass_opened_for_reading.yml",
    "win_office_spawns_encoded_powershell.yml",
    "win_powershell_download_to_profile.yml",
    "win_profile_program_beacons_out.yml",
    "win_registry_hive_saved.yml",
    "win_remote_service_installed.yml",
    "win_remote_service_program.yml",
    "win_run_key_to_profile_program.yml",
    "win_script_host_drops_program_in_profile.yml",
];

/// Loads rules and says what is wrong with those that do not load; none of them stops a start.
pub(crate) fn load(folders: &[PathBuf], with_built_in: bool) -> RuleSets {
    let mut sets = Vec::new();
    if with_built_in {
        sets.push(("built-in".to_owned(), RuleSet::from_yaml(BUILT_IN)));
    }
    if !folders.is_empty() {
        let names: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        sets.push((names.join(", "), RuleSet::load(folders)));
    }
    RuleSets(sets.into_iter().map(|(from, loaded)| said(&from, loaded)).collect())
}

/// Sets of rules asked one after the other.
pub(crate) struct RuleSets(Vec<RuleSet>);

impl RuleSets {
    /// The rules that a row matches, each once: of two rules with the same id the built-in one counts.
    pub fn evaluate(&self, row: &model::Row) -> Vec<&detections::RuleMeta> {
        let mut hits: Vec<&detections::RuleMeta> = Vec::new();
        for set in &self.0 {
            for hit in set.evaluate(row) {
                if !hits.iter().any(|other| other.id == hit.id) {
                    hits.push(hit);
                }
            }
        }
        hits
    }
}

fn said(from: &str, loaded: Loaded) -> RuleSet {
    let shown = |path: &Path| path.display().to_string();
    for problem in &loaded.problems {
        warn!(file = shown(&problem.path), "rule left out: {}", problem.message);
    }
    for skipped in &loaded.skipped {
        debug!(file = shown(&skipped.path), "rule cannot run here: {}", skipped.message);
    }
    let (problems, skipped) = (loaded.problems.len(), loaded.skipped.len());
    info!(from, rules = loaded.rules.len(), problems, skipped, "rules loaded");
    loaded.rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_product_is_built_in_and_loads() {
        let folder = Path::new("../../rules");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut files: Vec<_> = files.map(|name| name.into_string().unwrap()).collect();
        files.retain(|name| name.ends_with(".yml"));
        files.sort();
        assert_eq!(files, BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        let loaded = RuleSet::from_yaml(BUILT_IN);
        assert_eq!((loaded.problems, loaded.skipped), (vec![], vec![]));
        assert_eq!(loaded.rules.len(), files.len());
    }
}
