//! Finds what scenario files get wrong, so that nothing can be missing when a step happens.

use std::collections::{BTreeSet, HashSet};

use super::template::Piece;
use super::{Action, Activity, Choice, Profile, Template, World};

/// Variables of a device; those of other devices have the role's name before them.
pub(crate) const DEVICE_VARIABLES: &[&str] = &["device", "fqdn", "ip", "user", "sid", "domain", "netbios"];

/// The role of the device an activity runs on, for templates of steps that happen elsewhere.
pub(crate) const SOURCE: &str = "source";

pub(super) fn profile(profile: &Profile) -> Result<(), String> {
    let name = &profile.name;
    let mut seen = HashSet::new();
    for boot in &profile.boot {
        if let Some(parent) = boot.parent.as_ref().filter(|parent| !seen.contains(parent)) {
            return Err(format!(
                "profile '{name}': '{parent}', the parent of '{}', is not above it",
                boot.name
            ));
        }
        if !seen.insert(&boot.name) {
            return Err(format!("profile '{name}': there is a second boot process '{}'", boot.name));
        }
        for template in [&boot.path, &boot.command, &boot.account] {
            for piece in template.pieces() {
                match piece {
                    Piece::Variable(variable) if !DEVICE_VARIABLES.contains(&variable.as_str()) => {
                        return Err(format!("profile '{name}': there is no variable '{variable}'"));
                    }
                    Piece::Pid(_) => {
                        return Err(format!("profile '{name}': boot processes know no {{pid:}}"));
                    }
                    _ => {}
                }
            }
        }
    }
    if !(profile.share >= 0.0 && profile.share.is_finite()) {
        return Err(format!("profile '{name}': the share is not a positive number"));
    }
    let first_two = format!("{}.0.0", profile.network).parse::<std::net::Ipv4Addr>();
    first_two
        .map_err(|_| format!("profile '{name}': '{}' is not the start of an address", profile.network))?;
    Ok(())
}

pub(super) fn activity(world: &World, activity: &Activity) -> Result<(), String> {
    known_profiles(world, &activity.on)?;
    for (role, profiles) in &activity.role {
        if role == SOURCE {
            return Err(format!("the role name '{SOURCE}' is taken"));
        }
        known_profiles(world, profiles).map_err(|reason| format!("role '{role}': {reason}"))?;
    }
    numbers(activity)?;
    let mut names: BTreeSet<String> = DEVICE_VARIABLES.iter().map(|name| (*name).to_owned()).collect();
    for role in activity.role.keys().map(String::as_str).chain([SOURCE]) {
        names.extend(DEVICE_VARIABLES.iter().map(|name| format!("{role}.{name}")));
    }
    for variable in &activity.var {
        let name = &variable.name;
        if let Some(list) = variable.from.as_ref().filter(|list| !world.lists.contains_key(*list)) {
            return Err(format!("variable '{name}': there is no list '{list}'"));
        }
        let choices = world.choices(variable);
        if choices.is_empty() || (variable.from.is_some() && !variable.any.is_empty()) {
            return Err(format!("variable '{name}' needs 'any' or 'from'"));
        }
        for choice in choices {
            let templates: Vec<&Template> = match choice {
                Choice::Text(text) => vec![text],
                Choice::Fields(fields) => fields.values().collect(),
            };
            for template in templates {
                fields_known(template, &names, &|_| false)
                    .map_err(|reason| format!("variable '{name}': {reason}"))?;
            }
        }
        add_names(name, choices, &mut names);
    }
    steps(world, activity, &names)
}

/// A variable has the fields that all of its choices have.
fn add_names(name: &str, choices: &[Choice], names: &mut BTreeSet<String>) {
    if choices.iter().all(|choice| matches!(choice, Choice::Text(_))) {
        names.insert(name.to_owned());
    } else if let Some(Choice::Fields(fields)) = choices.first() {
        let shared = fields.keys().filter(|field| {
            choices.iter().all(|choice| matches!(choice, Choice::Fields(other) if other.contains_key(*field)))
        });
        names.extend(shared.map(|field| format!("{name}.{field}")));
    }
}

fn known_profiles(world: &World, profiles: &[String]) -> Result<(), String> {
    if profiles.is_empty() {
        return Err("it names no profile".to_owned());
    }
    match profiles.iter().find(|name| world.profile(name).is_none()) {
        Some(name) => Err(format!("there is no profile '{name}'")),
        None => Ok(()),
    }
}

fn numbers(activity: &Activity) -> Result<(), String> {
    let positive = |number: f64| number >= 0.0 && number.is_finite();
    if activity.step.is_empty() {
        return Err("it has no step".to_owned());
    }
    if !positive(activity.weight) || !positive(activity.quiet) {
        return Err("weights are positive numbers".to_owned());
    }
    if activity.hours.is_some_and(|[first, end]| first >= end || end > 24) {
        return Err("hours are a first and an end within 0 and 24".to_owned());
    }
    if let Some(schedule) = activity.attack {
        let ordered = |[low, high]: [f64; 2]| positive(low) && positive(high) && low <= high;
        if !ordered(schedule.first) || !ordered(schedule.every) || schedule.every[0] < 1.0 {
            return Err("an attack needs minutes from low to high, at least one apart".to_owned());
        }
    }
    for (at, step) in activity.step.iter().enumerate() {
        let delays = positive(step.after) && positive(step.every) && (0.0..=1.0).contains(&step.jitter);
        if !delays || !(1..=10_000).contains(&step.repeat) {
            return Err(format!("step {}: delays, jitter or repeat are out of range", at + 1));
        }
    }
    Ok(())
}

fn steps(world: &World, activity: &Activity, names: &BTreeSet<String>) -> Result<(), String> {
    // Processes started so far, with the role they run under.
    let mut started: HashSet<(Option<&str>, &str)> = HashSet::new();
    for (at, step) in activity.step.iter().enumerate() {
        let role = step.on.as_deref();
        let profiles = match role {
            None => &activity.on,
            Some(role) => activity
                .role
                .get(role)
                .ok_or_else(|| format!("step {}: there is no role '{role}'", at + 1))?,
        };
        let runs = |process: &str| {
            started.contains(&(role, process))
                || profiles
                    .iter()
                    .filter_map(|name| world.profile(name))
                    .all(|profile| profile.boot.iter().any(|boot| boot.name == process))
        };
        if let Some(process) = step.action.processes().into_iter().find(|process| !runs(process)) {
            return Err(format!("step {}: no process '{process}' was started before it", at + 1));
        }
        for template in step.action.templates() {
            fields_known(template, names, &runs).map_err(|reason| format!("step {}: {reason}", at + 1))?;
        }
        if let Action::Process { name: Some(name), .. } = &step.action {
            started.insert((role, name));
        }
    }
    Ok(())
}

fn fields_known(
    template: &Template,
    names: &BTreeSet<String>,
    runs: &dyn Fn(&str) -> bool,
) -> Result<(), String> {
    for piece in template.pieces() {
        match piece {
            Piece::Variable(name) | Piece::Encoded(name) if !names.contains(name) => {
                return Err(format!("there is no variable '{name}'"));
            }
            Piece::Pid(process) if !runs(process) => {
                return Err(format!("no process '{process}' was started before it"));
            }
            _ => {}
        }
    }
    Ok(())
}
