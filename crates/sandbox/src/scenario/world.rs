//! Scenario files read together, their names resolved.

use std::collections::{BTreeMap, HashMap};

use super::{Activity, Choice, Company, File, Profile, Program, SCENARIOS, ScenarioError, Variable, check};

/// A company and what goes on there, read from scenario files and checked.
#[derive(Debug)]
pub struct World {
    pub(crate) company: Company,
    pub(crate) lists: BTreeMap<String, Vec<Choice>>,
    pub(crate) profiles: Vec<Profile>,
    /// By lower-case file name.
    pub(crate) programs: HashMap<String, Program>,
    pub(crate) activities: Vec<Activity>,
}

impl World {
    /// The files that come with the crate.
    pub fn embedded() -> Result<World, ScenarioError> {
        World::read(SCENARIOS)
    }

    /// Reads files of a name and a TOML text each.
    pub fn read(sources: &[(&str, &str)]) -> Result<World, ScenarioError> {
        let mut company = None;
        let mut lists = BTreeMap::new();
        let mut profiles: Vec<Profile> = Vec::new();
        let mut programs = HashMap::new();
        let mut activities: Vec<(String, Activity)> = Vec::new();
        for (name, text) in sources {
            let error = |reason: String| ScenarioError { file: (*name).to_owned(), reason };
            let file: File = toml::from_str(text).map_err(|e| error(e.to_string().trim_end().to_owned()))?;
            if let Some(found) = file.company
                && company.replace(found).is_some()
            {
                return Err(error("there is a second company".to_owned()));
            }
            for (list, choices) in file.list {
                if choices.is_empty() || lists.contains_key(&list) {
                    return Err(error(format!("list '{list}' is empty or not the only one of its name")));
                }
                lists.insert(list, choices);
            }
            for profile in file.profile {
                if profiles.iter().any(|known| known.name == profile.name) {
                    return Err(error(format!("there is a second profile '{}'", profile.name)));
                }
                check::profile(&profile).map_err(error)?;
                profiles.push(profile);
            }
            for program in file.program {
                programs.insert(program.file.to_lowercase(), program);
            }
            for activity in file.activity {
                if activities.iter().any(|(_, known)| known.name == activity.name) {
                    return Err(error(format!("there is a second activity '{}'", activity.name)));
                }
                activities.push(((*name).to_owned(), activity));
            }
        }
        let missing =
            |what: &str| ScenarioError { file: "(all)".to_owned(), reason: format!("there is no {what}") };
        let company = company.ok_or_else(|| missing("company"))?;
        if company.users.is_empty() || company.admins.is_empty() {
            return Err(missing("user or no administrator in the company"));
        }
        if !profiles.iter().any(|profile| profile.share > 0.0) {
            return Err(missing("profile with a share"));
        }
        let mut world = World { company, lists, profiles, programs, activities: Vec::new() };
        for (file, activity) in activities {
            check::activity(&world, &activity).map_err(|reason| ScenarioError {
                file,
                reason: format!("activity '{}': {reason}", activity.name),
            })?;
            world.activities.push(activity);
        }
        Ok(world)
    }

    pub(crate) fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// What a variable may be.
    pub(crate) fn choices<'a>(&'a self, variable: &'a Variable) -> &'a [Choice] {
        let list = variable.from.as_ref().and_then(|name| self.lists.get(name));
        list.map_or(&variable.any, |choices| choices)
    }

    /// Names of the staged attacks.
    pub fn attacks(&self) -> impl Iterator<Item = &str> {
        self.activities.iter().filter(|a| a.attack.is_some()).map(|a| a.name.as_str())
    }
}
