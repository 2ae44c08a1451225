//! One simulated device and what it keeps between events.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use model::time::TICKS_PER_SECOND;
use model::{Row, Table, Ticks};

use crate::account::Account;
use crate::dice::Dice;
use crate::digest;
use crate::disk::Memory;
use crate::process::{BootProcess, Image, Process};
use crate::scenario::{Integrity, Os, Profile, Scope, World};

pub(crate) struct Host {
    pub index: usize,
    pub device_id: String,
    pub fqdn: String,
    pub ip: Ipv4Addr,
    /// The position of its profile in the world.
    pub profile: usize,
    pub os: Os,
    pub user: String,
    pub boot: BTreeMap<String, Arc<Process>>,
    pub dice: Dice,
    pub memory: Memory,
    variables: BTreeMap<&'static str, String>,
    last_pid: i64,
    processes: u64,
    last_report: i64,
}

/// A process about to start.
pub(crate) struct Start {
    pub path: String,
    pub command: String,
    /// The parent's when absent.
    pub account: Option<String>,
    pub integrity: Option<Integrity>,
    pub cwd: Option<String>,
    pub content: Option<String>,
    pub pid: Option<i64>,
}

impl Host {
    /// `number` counts the devices of the same profile from 0; the device remembers up to `rows_max` events.
    pub fn new(
        world: &World,
        (seed, index): (u64, usize),
        (profile, number): (usize, usize),
        start: Ticks,
        rows_max: usize,
    ) -> Host {
        let Profile { host, network, os, is_administered, .. } = &world.profiles[profile];
        let company = &world.company;
        let name = format!("{host}{:02}", number + 1);
        let fqdn = format!("{name}.{}", company.domain);
        let people = if *is_administered { &company.admins } else { &company.users };
        let user = people.get(index % people.len().max(1)).map(|user| user.name.clone()).unwrap_or_default();
        let address = format!("{network}.{}.{}", (number / 200) % 250, 10 + number % 200);
        let ip = address.parse().unwrap_or(Ipv4Addr::LOCALHOST);
        let account = Account::find(company, *os, &fqdn, &user);
        let variables = BTreeMap::from([
            ("device", name),
            ("fqdn", fqdn.clone()),
            ("ip", ip.to_string()),
            ("user", user.clone()),
            ("sid", account.sid.unwrap_or_default()),
            ("domain", company.domain.clone()),
            ("netbios", company.netbios.clone()),
        ]);
        let mut dice = Dice::new(seed, 1, index as u64);
        let last_pid = dice.between(600, 900) * 4;
        let mut host = Host {
            index,
            device_id: digest::hex("device", &format!("{seed} {index}"), 40),
            fqdn,
            ip,
            profile,
            os: *os,
            user,
            boot: BTreeMap::new(),
            dice,
            memory: Memory::new(rows_max),
            variables,
            last_pid,
            processes: 0,
            last_report: 0,
        };
        host.boot_up(world, start);
        host
    }

    fn boot_up(&mut self, world: &World, start: Ticks) {
        let mut time = start.plus_seconds(-self.dice.between(4 * 3_600, 9 * 86_400));
        for boot in &world.profiles[self.profile].boot {
            time = Ticks(time.0 + self.dice.between(TICKS_PER_SECOND / 20, 3 * TICKS_PER_SECOND));
            let mut scope = BootScope { variables: &self.variables, dice: &mut self.dice };
            let start = Start {
                path: boot.path.fill(&mut scope),
                command: boot.command.fill(&mut scope),
                account: Some(boot.account.fill(&mut scope)),
                integrity: None,
                cwd: None,
                content: None,
                pid: boot.pid,
            };
            let parent = boot.parent.as_ref().and_then(|name| self.boot.get(name)).cloned();
            let process = self.start(world, parent.as_deref(), start, time);
            self.boot.insert(boot.name.clone(), process);
        }
    }

    /// Starts a process.
    pub fn start(
        &mut self,
        world: &World,
        parent: Option<&Process>,
        start: Start,
        now: Ticks,
    ) -> Arc<Process> {
        let named = start.account.map(|name| Account::find(&world.company, self.os, &self.fqdn, &name));
        let inherited = || parent.map(|parent| parent.account.clone());
        let root = if self.os == Os::Windows { "system" } else { "root" };
        let mut account = named
            .or_else(inherited)
            .unwrap_or_else(|| Account::find(&world.company, self.os, &self.fqdn, root));
        if let Some(integrity) = start.integrity {
            account.integrity = Some(integrity.name());
        }
        if start.integrity == Some(Integrity::High) {
            account.elevation = "TokenElevationTypeFull";
        }
        self.processes += 1;
        let program = world.programs.get(&crate::process::file_name(&start.path).to_lowercase());
        Arc::new(Process {
            pid: start.pid.unwrap_or_else(|| self.next_pid()),
            unique_id: (((self.index as u64 + 1) << 40) + self.processes).to_string(),
            image: Image::new(start.path, program, start.content.as_deref()),
            command: start.command,
            cwd: start.cwd,
            created: now,
            account,
            os: self.os,
            parent: parent.map(Process::as_parent),
        })
    }

    /// Ids count up and begin again, past those of boot processes.
    fn next_pid(&mut self) -> i64 {
        let (step, first, last) = match self.os {
            Os::Windows => (4, 8_000, 65_000),
            Os::Linux => (1, 20_000, 4_190_000),
        };
        self.last_pid += step * self.dice.between(1, 9);
        if self.last_pid > last {
            self.last_pid = first;
        }
        self.last_pid
    }

    /// A row that says which device, when, and the how-manieth of the device.
    pub fn row(&mut self, table: &'static Table, now: Ticks) -> Row {
        self.last_report += 1;
        let mut row = Row::new(table);
        row.set("Timestamp", now);
        row.set("DeviceId", self.device_id.as_str());
        row.set("DeviceName", self.fqdn.as_str());
        row.set("ReportId", self.last_report);
        row
    }

    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub fn boot_processes(&self) -> impl Iterator<Item = BootProcess> {
        self.boot.values().map(|process| BootProcess {
            device_id: self.device_id.clone(),
            process_id: process.pid,
            created: process.created,
            path: process.image.path.clone(),
        })
    }
}

struct BootScope<'a> {
    variables: &'a BTreeMap<&'static str, String>,
    dice: &'a mut Dice,
}

impl Scope for BootScope<'_> {
    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    fn pid(&self, _process: &str) -> Option<i64> {
        None
    }

    fn dice(&mut self) -> &mut Dice {
        self.dice
    }
}
