//! The steps of an activity: one event each.

use serde::Deserialize;

use super::Template;

/// One event, some time after the one before it.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "toml::Table")]
pub(crate) struct Step {
    /// Seconds from the step before.
    pub after: f64,
    /// The part of `after` and `every` that chance may add or take away.
    pub jitter: f64,
    pub repeat: u32,
    /// Seconds between repeats.
    pub every: f64,
    /// Whether the next step follows the first repeat instead of the last.
    pub is_background: bool,
    /// The role whose device it happens on; the activity's own device when absent.
    pub on: Option<String>,
    pub action: Action,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Timing {
    #[serde(default = "one_second")]
    after: f64,
    #[serde(default = "a_third")]
    jitter: f64,
    #[serde(default = "once")]
    repeat: u32,
    #[serde(default = "one_second")]
    every: f64,
    #[serde(default)]
    background: bool,
    on: Option<String>,
}

/// What happens. Process names are those given by `as` earlier in the activity, or of boot processes.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Action {
    Process {
        parent: String,
        /// The name that later steps know it by.
        #[serde(rename = "as")]
        name: Option<String>,
        path: Template,
        command: Template,
        /// The parent's when absent.
        account: Option<Template>,
        integrity: Option<Integrity>,
        cwd: Option<Template>,
        /// What the file's digests follow from, when not from its name and version.
        content: Option<Template>,
    },
    Network {
        process: String,
        ip: Template,
        port: i32,
        url: Option<Template>,
        #[serde(default)]
        protocol: Protocol,
        #[serde(default)]
        result: NetworkResult,
    },
    File {
        process: String,
        path: Template,
        #[serde(default)]
        change: FileChange,
        /// The path before a rename.
        previous: Option<Template>,
        /// Where the file came from.
        url: Option<Template>,
        content: Option<Template>,
    },
    Registry {
        process: String,
        key: Template,
        #[serde(default)]
        change: RegistryChange,
        value: Option<Template>,
        kind: Option<String>,
        data: Option<Template>,
    },
    Logon {
        account: Template,
        logon_type: String,
        #[serde(default)]
        result: LogonResult,
        protocol: Option<String>,
        process: String,
        from_ip: Option<Template>,
        from_device: Option<Template>,
        is_admin: Option<bool>,
    },
    ImageLoad {
        process: String,
        path: Template,
    },
    Dns {
        process: String,
        query: Template,
        #[serde(default)]
        answers: Vec<Template>,
    },
    Service {
        process: String,
        service: Template,
        path: Template,
        account: Template,
        start: String,
    },
    ProcessAccess {
        process: String,
        target: String,
        access: u32,
    },
}

/// How much Windows trusts a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Integrity {
    Low,
    Medium,
    High,
    System,
}

impl Integrity {
    pub fn name(self) -> &'static str {
        match self {
            Integrity::Low => "Low",
            Integrity::Medium => "Medium",
            Integrity::High => "High",
            Integrity::System => "System",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Protocol {
    #[default]
    Tcp,
    Udp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NetworkResult {
    #[default]
    Success,
    Failed,
    Inbound,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileChange {
    #[default]
    Created,
    Modified,
    Deleted,
    Renamed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RegistryChange {
    #[default]
    ValueSet,
    ValueDeleted,
    KeyCreated,
    KeyDeleted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogonResult {
    #[default]
    Success,
    Failed,
}

impl Action {
    /// The processes it names.
    pub fn processes(&self) -> Vec<&str> {
        match self {
            Action::Process { parent, .. } => vec![parent],
            Action::ProcessAccess { process, target, .. } => vec![process, target],
            Action::Network { process, .. }
            | Action::File { process, .. }
            | Action::Registry { process, .. }
            | Action::Logon { process, .. }
            | Action::ImageLoad { process, .. }
            | Action::Dns { process, .. }
            | Action::Service { process, .. } => vec![process],
        }
    }

    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Action::Process { path, command, account, cwd, content, .. } => {
                [path, command].into_iter().chain(account).chain(cwd).chain(content).collect()
            }
            Action::Network { ip, url, .. } => [ip].into_iter().chain(url).collect(),
            Action::File { path, previous, url, content, .. } => {
                [path].into_iter().chain(previous).chain(url).chain(content).collect()
            }
            Action::Registry { key, value, data, .. } => [key].into_iter().chain(value).chain(data).collect(),
            Action::Logon { account, from_ip, from_device, .. } => {
                [account].into_iter().chain(from_ip).chain(from_device).collect()
            }
            Action::ImageLoad { path, .. } => vec![path],
            Action::Dns { query, answers, .. } => [query].into_iter().chain(answers).collect(),
            Action::Service { service, path, account, .. } => vec![service, path, account],
            Action::ProcessAccess { .. } => Vec::new(),
        }
    }
}

/// The keys of a step that say when and where; the others belong to its action.
const TIMING: &[&str] = &["after", "jitter", "repeat", "every", "background", "on"];

impl TryFrom<toml::Table> for Step {
    type Error = toml::de::Error;

    fn try_from(table: toml::Table) -> Result<Step, toml::de::Error> {
        let (timing, action): (toml::Table, toml::Table) =
            table.into_iter().partition(|(key, _)| TIMING.contains(&key.as_str()));
        let Timing { after, jitter, repeat, every, background, on } = timing.try_into()?;
        let action = action.try_into()?;
        Ok(Step { after, jitter, repeat, every, is_background: background, on, action })
    }
}

fn one_second() -> f64 {
    1.0
}

fn a_third() -> f64 {
    0.33
}

fn once() -> u32 {
    1
}
