//! Reading rules from files.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use rsigma_eval::compile_rule;
use rsigma_parser::{Detection, Modifier, SigmaRule, parse_sigma_yaml};
use tracing::debug;

use crate::logsource::Key;
use crate::meta::RuleMeta;
use crate::rules::{Ready, RuleSet};

const RULES_MAX: usize = 50_000;
const FILE_BYTES_MAX: u64 = 1 << 20;
const FOLDER_DEPTH_MAX: usize = 32;

/// What came of loading: the rules that run, and what was left out.
pub struct Loaded {
    pub rules: RuleSet,
    /// Files and rules with something wrong in them.
    pub problems: Vec<LoadProblem>,
    /// Rules that are well formed and yet cannot run here.
    pub skipped: Vec<LoadProblem>,
}

/// One file or rule and what is the matter with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadProblem {
    pub path: PathBuf,
    pub message: String,
}

impl RuleSet {
    /// Loads every `.yml` and `.yaml` file in and below the folders. One bad rule never stops the others; of
    /// two rules with the same id the first stays.
    pub fn load(folders: &[PathBuf]) -> Loaded {
        let mut loader = Loader::default();
        for folder in folders {
            let mut files = Vec::new();
            loader.list(folder, 0, &mut files);
            for file in files {
                if loader.is_full(&file) {
                    break;
                }
                match read_rule_file(&file) {
                    Ok(yaml) => loader.add(&file, &yaml),
                    Err(message) => loader.problem(&file, message),
                }
            }
        }
        loader.finish()
    }

    /// Loads rules from text; the names stand in for paths.
    pub fn from_yaml(rules: &[(&str, &str)]) -> Loaded {
        let mut loader = Loader::default();
        for (name, yaml) in rules {
            if loader.is_full(Path::new(name)) {
                break;
            }
            loader.add(Path::new(name), yaml);
        }
        loader.finish()
    }
}

#[derive(Default)]
struct Loader {
    ready: Vec<Ready>,
    paths: HashMap<String, PathBuf>,
    problems: Vec<LoadProblem>,
    skipped: Vec<LoadProblem>,
    files: usize,
}

impl Loader {
    /// Collects rule files in the order of their names. Links are not followed, so there are no loops.
    fn list(&mut self, folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
        if depth > FOLDER_DEPTH_MAX {
            return self.problem(folder, format!("folders are nested more than {FOLDER_DEPTH_MAX} deep"));
        }
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
            Ok(entries) => entries,
            Err(error) => return self.problem(folder, format!("cannot list the folder: {error}")),
        };
        let mut paths: Vec<PathBuf> = entries.iter().map(|entry| entry.path()).collect();
        paths.sort_unstable();
        for path in paths {
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            if found.is_dir() {
                self.list(&path, depth + 1, files);
            } else if found.is_file() && is_rule_file(&path) && files.len() <= RULES_MAX {
                files.push(path);
            }
        }
    }

    fn is_full(&mut self, path: &Path) -> bool {
        self.files += 1;
        let full = self.files > RULES_MAX || self.ready.len() >= RULES_MAX;
        if full {
            self.problem(
                path,
                format!("more than {RULES_MAX} rules: this file and those after it are left out"),
            );
        }
        full
    }

    fn add(&mut self, path: &Path, yaml: &str) {
        let collection = match parse_sigma_yaml(yaml) {
            Ok(collection) => collection,
            Err(error) => return self.problem(path, error.to_string()),
        };
        for error in collection.errors {
            self.problem(path, error);
        }
        for rule in &collection.correlations {
            self.skip(path, format!("'{}': correlation rules are not run", rule.title));
        }
        for rule in &collection.filters {
            self.skip(path, format!("'{}': filter rules are not run", rule.title));
        }
        for rule in collection.rules {
            self.add_rule(path, &rule);
        }
    }

    fn add_rule(&mut self, path: &Path, rule: &SigmaRule) {
        let key = match Key::of(&rule.logsource) {
            Ok(key) => key,
            Err(reason) => return self.skip(path, format!("'{}': {reason}", rule.title)),
        };
        if rule.detection.named.values().any(has_placeholder) {
            return self.skip(path, format!("'{}': it holds placeholders (modifier 'expand')", rule.title));
        }
        if rule.detection.timeframe.is_some() || rule.detection.conditions.is_empty() {
            return self.skip(path, format!("'{}': it counts events over time", rule.title));
        }
        let meta = RuleMeta::of(rule);
        if let Some(first) = self.paths.get(&meta.id) {
            let message =
                format!("the id {} is that of {} too; this rule is left out", meta.id, first.display());
            return self.problem(path, message);
        }
        match compile_rule(rule) {
            Ok(compiled) => {
                self.paths.insert(meta.id.clone(), path.to_owned());
                self.ready.push(Ready { key, meta, compiled });
            }
            Err(error) => self.problem(path, format!("'{}': {error}", rule.title)),
        }
    }

    fn problem(&mut self, path: &Path, message: String) {
        self.problems.push(LoadProblem { path: path.to_owned(), message });
    }

    fn skip(&mut self, path: &Path, message: String) {
        self.skipped.push(LoadProblem { path: path.to_owned(), message });
    }

    fn finish(self) -> Loaded {
        let (problems, skipped) = (self.problems.len(), self.skipped.len());
        debug!(rules = self.ready.len(), problems, skipped, "rules loaded");
        Loaded { rules: RuleSet::build(self.ready), problems: self.problems, skipped: self.skipped }
    }
}

fn is_rule_file(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|e| e.eq_ignore_ascii_case("yml") || e.eq_ignore_ascii_case("yaml"))
}

fn read_rule_file(path: &Path) -> Result<String, String> {
    let cannot_read = |error: std::io::Error| format!("cannot read the file: {error}");
    let file = fs::File::open(path).map_err(cannot_read)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot_read)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("the file is larger than {FILE_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())
}

fn has_placeholder(detection: &Detection) -> bool {
    match detection {
        Detection::AllOf(items) => items.iter().any(|item| item.field.has_modifier(Modifier::Expand)),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter().any(has_placeholder),
        Detection::ArrayMatch { body, .. } => has_placeholder(body),
        Detection::Conditional { named, .. } => named.values().any(has_placeholder),
        Detection::Keywords(_) => false,
    }
}
