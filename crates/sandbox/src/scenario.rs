//! What scenario files hold: a company, its kinds of device, its programs, and what goes on there.

use std::collections::BTreeMap;

use serde::Deserialize;

mod action;
mod check;
mod template;
mod world;

pub(crate) use action::{
    Action, FileChange, Integrity, LogonResult, NetworkResult, Protocol, RegistryChange, Step,
};
pub(crate) use check::SOURCE;
pub(crate) use template::{Scope, Template};
pub use world::World;

/// The embedded files, one line each.
pub static SCENARIOS: &[(&str, &str)] = &[
    ("company.toml", include_str!("../scenarios/company.toml")),
    ("profiles.toml", include_str!("../scenarios/profiles.toml")),
    ("programs.toml", include_str!("../scenarios/programs.toml")),
    ("office-work.toml", include_str!("../scenarios/office-work.toml")),
    ("windows-upkeep.toml", include_str!("../scenarios/windows-upkeep.toml")),
    ("builds.toml", include_str!("../scenarios/builds.toml")),
    ("phishing-document.toml", include_str!("../scenarios/phishing-document.toml")),
    ("credential-theft.toml", include_str!("../scenarios/credential-theft.toml")),
    ("build-server-compromise.toml", include_str!("../scenarios/build-server-compromise.toml")),
];

/// Why scenario files cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scenario file {file}: {reason}")]
pub struct ScenarioError {
    pub file: String,
    pub reason: String,
}

/// One file. Every part is optional; the parts of all files together make a [`World`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub company: Option<Company>,
    /// Named lists of choices that variables of any activity draw from.
    #[serde(default)]
    pub list: BTreeMap<String, Vec<Choice>>,
    #[serde(default)]
    pub profile: Vec<Profile>,
    #[serde(default)]
    pub program: Vec<Program>,
    #[serde(default)]
    pub activity: Vec<Activity>,
}

/// Who owns the devices.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Company {
    /// The suffix of device names.
    pub domain: String,
    /// The short name in accounts.
    pub netbios: String,
    /// What account SIDs begin with.
    pub sid: String,
    pub public_ip: String,
    pub dns: Vec<String>,
    pub users: Vec<User>,
    /// Accounts that administer servers.
    pub admins: Vec<User>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub name: String,
    /// The end of the SID on Windows, the user id on Linux.
    pub id: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Os {
    Windows,
    Linux,
}

/// A kind of device.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub name: String,
    /// This profile's part of a fleet, against those of the others.
    pub share: f64,
    pub os: Os,
    /// The start of host names; a number follows.
    pub host: String,
    /// The first two parts of addresses.
    pub network: String,
    pub os_platform: String,
    pub os_version: String,
    pub os_build: Option<i64>,
    pub os_revision: Option<String>,
    pub os_version_info: Option<String>,
    pub os_distribution: String,
    pub device_category: String,
    pub device_type: String,
    pub machine_group: String,
    pub join_type: Option<String>,
    pub adapter: String,
    /// Whether its user is one of the company's administrators.
    #[serde(default)]
    pub is_administered: bool,
    pub boot: Vec<Boot>,
}

/// A process that runs from before the simulation begins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Boot {
    pub name: String,
    /// Declared earlier in the same list.
    pub parent: Option<String>,
    pub path: Template,
    pub command: Template,
    pub account: Template,
    /// For processes that have the same id on every device.
    pub pid: Option<i64>,
}

/// Version information of a program, found by file name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Program {
    pub file: String,
    pub company: Option<String>,
    pub product: Option<String>,
    pub description: Option<String>,
    pub version: Option<String>,
    /// The name the program was built under, when it differs from `file`.
    pub original: Option<String>,
    /// `OsVendor` unless said otherwise.
    pub signer: Option<String>,
}

/// Something that goes on at a device: steps in order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activity {
    pub name: String,
    /// Names of the profiles it happens on.
    pub on: Vec<String>,
    /// How often, against the other activities of a profile.
    #[serde(default = "one")]
    pub weight: f64,
    /// The hours (UTC) it belongs to, first and end.
    pub hours: Option<[u8; 2]>,
    /// What is left of the weight in other hours.
    #[serde(default)]
    pub quiet: f64,
    /// When present, the activity is staged at times of its own on one device of the fleet.
    pub attack: Option<Schedule>,
    /// Other devices that take part, by name, each with the profiles it may have.
    #[serde(default)]
    pub role: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub var: Vec<Variable>,
    pub step: Vec<Step>,
}

/// When an attack is staged, in minutes, each drawn between two bounds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schedule {
    /// From the start of the simulation.
    pub first: [f64; 2],
    /// From one run to the next.
    pub every: [f64; 2],
}

/// A value drawn once for a run of an activity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    pub name: String,
    #[serde(default)]
    pub any: Vec<Choice>,
    /// A named list, instead of `any`.
    pub from: Option<String>,
}

/// One of the values a variable may take: a text, or several that belong together as `{name.field}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
pub(crate) enum Choice {
    Text(Template),
    Fields(BTreeMap<String, Template>),
}

impl TryFrom<toml::Value> for Choice {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Choice, String> {
        match value {
            toml::Value::String(text) => Template::parse(&text).map(Choice::Text),
            toml::Value::Table(fields) => {
                let parsed = fields.into_iter().map(|(name, value)| match value {
                    toml::Value::String(text) => Ok((name, Template::parse(&text)?)),
                    other => Err(format!("'{name}' takes text, not {other}")),
                });
                parsed.collect::<Result<_, _>>().map(Choice::Fields)
            }
            other => Err(format!("a choice is text or a table of texts, not {other}")),
        }
    }
}

impl Activity {
    /// The rows one run makes.
    pub fn rows(&self) -> f64 {
        self.step.iter().map(|step| f64::from(step.repeat)).sum()
    }

    /// The weight at an hour of the day.
    pub fn weight_at(&self, hour: i64) -> f64 {
        match self.hours {
            Some([first, end]) if !(i64::from(first)..i64::from(end)).contains(&hour) => {
                self.weight * self.quiet
            }
            _ => self.weight,
        }
    }
}

fn one() -> f64 {
    1.0
}
