//! Turns the steps of a running activity into rows.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use model::{Row, Ticks, tables};
use serde_json::{Value, json};

use crate::account::Account;
use crate::dice::Dice;
use crate::host::{Host, Start};
use crate::process::{Image, Process, file_name};
use crate::scenario::{
    Action, Activity, Choice, FileChange, LogonResult, NetworkResult, Os, Protocol, RegistryChange, SOURCE,
    Scope, Template, World,
};

/// One run of an activity.
pub(crate) struct Run {
    /// The position of the activity in the world.
    pub activity: usize,
    pub host: usize,
    pub roles: BTreeMap<String, usize>,
    pub dice: Dice,
    /// Steps and repeats still in the queue.
    pub pending: u32,
    values: HashMap<String, String>,
    /// Processes by role and name.
    processes: HashMap<(Option<String>, String), Arc<Process>>,
}

impl Run {
    /// Draws the variables of a run.
    pub fn new(
        world: &World,
        hosts: &[Host],
        activity: usize,
        host: usize,
        roles: BTreeMap<String, usize>,
        dice: Dice,
    ) -> Run {
        let (values, processes) = (HashMap::new(), HashMap::new());
        let mut run = Run { activity, host, roles, dice, pending: 0, values, processes };
        for variable in &world.activities[activity].var {
            let Some(choice) = run.dice.pick(world.choices(variable)).cloned() else { continue };
            match choice {
                Choice::Text(text) => {
                    let value = run.fill(hosts, None, &text);
                    run.values.insert(variable.name.clone(), value);
                }
                Choice::Fields(fields) => {
                    for (field, text) in fields {
                        let value = run.fill(hosts, None, &text);
                        run.values.insert(format!("{}.{field}", variable.name), value);
                    }
                }
            }
        }
        run
    }

    fn fill(&mut self, hosts: &[Host], role: Option<&str>, template: &Template) -> String {
        let host = self.host_of(role);
        let Run { values, processes, dice, roles, host: source, .. } = self;
        template.fill(&mut StepScope { values, processes, dice, roles, hosts, source: *source, host, role })
    }

    fn host_of(&self, role: Option<&str>) -> usize {
        role.and_then(|role| self.roles.get(role)).copied().unwrap_or(self.host)
    }
}

struct StepScope<'a> {
    values: &'a HashMap<String, String>,
    processes: &'a HashMap<(Option<String>, String), Arc<Process>>,
    dice: &'a mut Dice,
    roles: &'a BTreeMap<String, usize>,
    hosts: &'a [Host],
    source: usize,
    host: usize,
    role: Option<&'a str>,
}

impl Scope for StepScope<'_> {
    fn variable(&self, name: &str) -> Option<&str> {
        if let Some(value) = self.values.get(name) {
            return Some(value);
        }
        let (host, name) = match name.split_once('.') {
            Some((SOURCE, name)) => (self.source, name),
            Some((role, name)) => (*self.roles.get(role)?, name),
            None => (self.host, name),
        };
        self.hosts.get(host)?.variable(name)
    }

    fn pid(&self, process: &str) -> Option<i64> {
        let started = self.processes.get(&(self.role.map(str::to_owned), process.to_owned()));
        let found = started.or_else(|| self.hosts.get(self.host)?.boot.get(process));
        found.map(|process| process.pid)
    }

    fn dice(&mut self) -> &mut Dice {
        self.dice
    }
}

/// One step about to happen.
pub(crate) struct Stage<'a> {
    pub world: &'a World,
    pub hosts: &'a mut [Host],
    pub run: &'a mut Run,
    pub now: Ticks,
    pub role: Option<&'a str>,
}

impl<'a> Stage<'a> {
    /// The row of a step. Reading the scenario files has made sure that there is one.
    pub fn play(
        world: &'a World,
        hosts: &'a mut [Host],
        run: &'a mut Run,
        step: usize,
        now: Ticks,
    ) -> Option<Row> {
        let activity: &Activity = &world.activities[run.activity];
        let step = activity.step.get(step)?;
        let mut stage = Stage { world, hosts, run, now, role: step.on.as_deref() };
        let row = stage.act(&step.action);
        debug_assert!(row.is_some(), "a step of '{}' made no row", activity.name);
        row
    }

    fn act(&mut self, action: &Action) -> Option<Row> {
        match action {
            Action::Process { .. } => self.process(action),
            Action::Network { .. } => self.network(action),
            Action::File { .. } => self.file(action),
            Action::Registry { .. } => self.registry(action),
            Action::Logon { .. } => self.logon(action),
            Action::ImageLoad { process, path } => {
                let image = Image::new(self.fill(path), None, None);
                let program = self.world.programs.get(&image.file_name().to_lowercase());
                let mut row = self.row("DeviceImageLoadEvents", "ImageLoaded", process)?;
                Image::new(image.path, program, None).fill(&mut row);
                Some(row)
            }
            Action::Dns { process, query, answers } => {
                let query = self.fill(query);
                let answers: Vec<Value> = answers
                    .iter()
                    .map(|answer| json!({ "DnsQueryType": "A", "Result": self.fill(answer) }))
                    .collect();
                let mut row = self.row("DeviceEvents", "DnsQueryResponse", process)?;
                let fields = json!({ "DnsQueryString": query, "DnsQueryResult": answers });
                row.set("AdditionalFields", fields.to_string());
                Some(row)
            }
            Action::Service { process, service, path, account, start } => {
                let fields = json!({
                    "ServiceName": self.fill(service),
                    "ServiceAccount": self.fill(account),
                    "ServiceStartType": start,
                    "ServiceType": "user mode service",
                });
                let path = self.fill(path);
                let mut row = self.row("DeviceEvents", "ServiceInstalled", process)?;
                row.set("FileName", file_name(&path));
                row.set("FolderPath", path.as_str());
                row.set("AdditionalFields", fields.to_string());
                Some(row)
            }
            Action::ProcessAccess { process, target, access } => {
                let target = self.find(target)?;
                let mut row = self.row("DeviceEvents", "OpenProcessApiCall", process)?;
                target.image.fill(&mut row);
                target.fill_target(&mut row);
                let fields = json!({ "GrantedAccess": format!("{access:#x}"), "DesiredAccess": access });
                row.set("AdditionalFields", fields.to_string());
                Some(row)
            }
        }
    }

    fn process(&mut self, action: &Action) -> Option<Row> {
        let Action::Process { parent, name, path, command, account, integrity, cwd, content } = action else {
            return None;
        };
        let start = Start {
            path: self.fill(path),
            command: self.fill(command),
            account: account.as_ref().map(|text| self.fill(text)),
            integrity: *integrity,
            cwd: cwd.as_ref().map(|text| self.fill(text)),
            content: content.as_ref().map(|text| self.fill(text)),
            pid: None,
        };
        let parent_process = self.find(parent)?;
        let mut row = self.row("DeviceProcessEvents", "ProcessCreated", parent)?;
        let host = self.run.host_of(self.role);
        let process = self.hosts[host].start(self.world, Some(&parent_process), start, self.now);
        process.fill_created(&mut row);
        if let Some(name) = name {
            self.run.processes.insert((self.role.map(str::to_owned), name.clone()), process);
        }
        Some(row)
    }

    fn network(&mut self, action: &Action) -> Option<Row> {
        let Action::Network { process, ip, port, url, protocol, result } = action else { return None };
        let remote = self.fill(ip);
        let url = url.as_ref().map(|text| self.fill(text));
        let host = &self.hosts[self.run.host_of(self.role)];
        let local = host.ip.to_string();
        let (low, high) = if host.os == Os::Windows { (49_152, 65_535) } else { (32_768, 60_999) };
        let ephemeral = self.run.dice.between(low, high);
        let (kind, local_port, remote_port) = match result {
            NetworkResult::Success => ("ConnectionSuccess", ephemeral, i64::from(*port)),
            NetworkResult::Failed => ("ConnectionFailed", ephemeral, i64::from(*port)),
            NetworkResult::Inbound => ("InboundConnectionAccepted", i64::from(*port), ephemeral),
        };
        let mut row = self.row("DeviceNetworkEvents", kind, process)?;
        row.set("RemoteIPType", ip_type(&remote));
        row.set("RemoteIP", remote);
        row.set("RemotePort", remote_port);
        row.set("RemoteUrl", url);
        row.set("LocalIPType", ip_type(&local));
        row.set("LocalIP", local);
        row.set("LocalPort", local_port);
        row.set("Protocol", if *protocol == Protocol::Tcp { "Tcp" } else { "Udp" });
        Some(row)
    }

    fn file(&mut self, action: &Action) -> Option<Row> {
        let Action::File { process, path, change, previous, url, content } = action else { return None };
        let kind = match change {
            FileChange::Created => "FileCreated",
            FileChange::Modified => "FileModified",
            FileChange::Deleted => "FileDeleted",
            FileChange::Renamed => "FileRenamed",
        };
        let path = self.fill(path);
        let previous = previous.as_ref().map(|text| self.fill(text));
        let url = url.as_ref().map(|text| self.fill(text));
        let content = content.as_ref().map(|text| self.fill(text));
        let mut row = self.row("DeviceFileEvents", kind, process)?;
        let program = self.world.programs.get(&file_name(&path).to_lowercase());
        Image::new(path, program, content.as_deref()).fill(&mut row);
        if let Some(previous) = previous {
            row.set("PreviousFileName", file_name(&previous));
            row.set("PreviousFolderPath", previous.as_str());
        }
        row.set("FileOriginUrl", url);
        Some(row)
    }

    fn registry(&mut self, action: &Action) -> Option<Row> {
        let Action::Registry { process, key, change, value, kind, data } = action else { return None };
        let action_type = match change {
            RegistryChange::ValueSet => "RegistryValueSet",
            RegistryChange::ValueDeleted => "RegistryValueDeleted",
            RegistryChange::KeyCreated => "RegistryKeyCreated",
            RegistryChange::KeyDeleted => "RegistryKeyDeleted",
        };
        let key = self.fill(key);
        let value = value.as_ref().map(|text| self.fill(text));
        let data = data.as_ref().map(|text| self.fill(text));
        let mut row = self.row("DeviceRegistryEvents", action_type, process)?;
        row.set("RegistryKey", key);
        let default_kind = data.is_some().then_some("String");
        row.set("RegistryValueType", kind.as_deref().or(default_kind));
        row.set("RegistryValueName", value);
        row.set("RegistryValueData", data);
        Some(row)
    }

    fn logon(&mut self, action: &Action) -> Option<Row> {
        let Action::Logon { account, logon_type, result, protocol, process, from_ip, from_device, is_admin } =
            action
        else {
            return None;
        };
        let name = self.fill(account);
        let from_ip = from_ip.as_ref().map(|text| self.fill(text));
        let from_device = from_device.as_ref().map(|text| self.fill(text));
        let host = &self.hosts[self.run.host_of(self.role)];
        let account = Account::find(&self.world.company, host.os, &host.fqdn, &name);
        let has_session = host.os == Os::Windows && account.logon_id < 1_000 || logon_type == "Interactive";
        let fresh = self.run.dice.between(10_000_000, 900_000_000);
        let port = self.run.dice.between(49_152, 65_535);
        let kind = if *result == LogonResult::Success { "LogonSuccess" } else { "LogonFailed" };
        let mut row = self.row("DeviceLogonEvents", kind, process)?;
        row.set("LogonType", logon_type.as_str());
        row.set("AccountDomain", account.domain);
        row.set("AccountName", account.name);
        row.set("Protocol", protocol.as_deref());
        if *result == LogonResult::Success {
            row.set("AccountSid", account.sid);
            row.set("IsLocalAdmin", *is_admin);
            row.set("LogonId", if has_session { account.logon_id } else { fresh });
        } else {
            row.set("FailureReason", "InvalidUserNameOrPassword");
        }
        row.set("AdditionalFields", json!({ "IsLocalLogon": from_ip.is_none() }).to_string());
        row.set("RemoteDeviceName", from_device);
        if let Some(ip) = from_ip {
            row.set("RemoteIPType", ip_type(&ip));
            row.set("RemoteIP", ip);
            row.set("RemotePort", port);
        }
        Some(row)
    }

    /// A row with the device and the process behind the event.
    fn row(&mut self, table: &str, action_type: &str, process: &str) -> Option<Row> {
        let process = self.find(process)?;
        let host = self.run.host_of(self.role);
        let mut row = self.hosts[host].row(tables::find(table)?, self.now);
        row.set("ActionType", action_type);
        process.fill_initiating(&mut row);
        Some(row)
    }

    fn find(&self, process: &str) -> Option<Arc<Process>> {
        let started = self.run.processes.get(&(self.role.map(str::to_owned), process.to_owned()));
        let host = &self.hosts[self.run.host_of(self.role)];
        started.or_else(|| host.boot.get(process)).cloned()
    }

    fn fill(&mut self, template: &Template) -> String {
        self.run.fill(self.hosts, self.role, template)
    }
}

fn ip_type(ip: &str) -> Option<&'static str> {
    Some(match ip.parse().ok()? {
        IpAddr::V4(ip) if ip.is_loopback() => "Loopback",
        IpAddr::V4(ip) if ip.is_private() => "Private",
        IpAddr::V4(ip) if ip.is_link_local() => "LinkLocal",
        IpAddr::V4(ip) if ip.is_broadcast() => "Broadcast",
        IpAddr::V4(ip) if ip.is_multicast() => "Multicast",
        IpAddr::V6(ip) if ip.is_loopback() => "Loopback",
        IpAddr::V6(ip) if ip.is_unique_local() => "Private",
        IpAddr::V6(ip) if ip.is_unicast_link_local() => "LinkLocal",
        _ => "Public",
    })
}
