//! One device's profile: what its rows say of it.
//!
//! Taking rows in is idempotent and does not depend on their order: first and last seen are extremes, the
//! name is the fullest one, and everything else is the latest value by the time of its row.

use std::collections::BTreeMap;
use std::net::IpAddr;

use model::machine::{DeviceValue, IpAddress, Machine};
use model::{Cell, DeviceId, Row, Ticks};
use serde_json::Value;

use super::latest::{Latest, offer, raise, value};

/// Network adapters of one device that are kept; of more, those with the smallest keys.
const ADAPTERS_MAX: usize = 64;
const TAGS_MAX: usize = 100;

/// What is known of a device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profile {
    id: DeviceId,
    first_seen: i64,
    last_seen: i64,
    name: Option<Name>,
    /// From the device's own record.
    platform: Option<Latest<String>>,
    /// From paths in its events, for devices that sent no record.
    inferred_platform: Option<Latest<&'static str>>,
    os_version: Option<Latest<String>>,
    version: Option<Latest<String>>,
    os_build: Option<Latest<i64>>,
    os_architecture: Option<Latest<String>>,
    agent_version: Option<Latest<String>>,
    external_ip: Option<Latest<String>>,
    tags: Option<Latest<Vec<String>>>,
    onboarding_status: Option<Latest<String>>,
    is_aad_joined: Option<Latest<bool>>,
    aad_device_id: Option<Latest<String>>,
    exposure_level: Option<Latest<String>>,
    asset_value: Option<Latest<String>>,
    /// IPv4 addresses win over IPv6 ones of the same time.
    last_ip: Option<Latest<(bool, String)>>,
    adapters: BTreeMap<String, Latest<Vec<Address>>>,
}

/// Names are ordered by how full they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    is_qualified: bool,
    length: usize,
    text: String,
}

impl Name {
    fn of(text: &str) -> Option<Name> {
        let text = text.trim().trim_end_matches('.').to_lowercase();
        let is_qualified = text.contains('.') && text.parse::<IpAddr>().is_err();
        (!text.is_empty()).then_some(Name { is_qualified, length: text.len(), text })
    }
}

/// An address of an adapter, in an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Address {
    ip: String,
    mac: Option<String>,
    kind: Option<String>,
    status: Option<String>,
}

impl Profile {
    pub fn new(id: DeviceId, seen: Ticks) -> Profile {
        Profile {
            id,
            first_seen: seen.0,
            last_seen: seen.0,
            name: None,
            platform: None,
            inferred_platform: None,
            os_version: None,
            version: None,
            os_build: None,
            os_architecture: None,
            agent_version: None,
            external_ip: None,
            tags: None,
            onboarding_status: None,
            is_aad_joined: None,
            aad_device_id: None,
            exposure_level: None,
            asset_value: None,
            last_ip: None,
            adapters: BTreeMap::new(),
        }
    }

    /// The profile behind a stored machine. When each of its values was said is not stored: they count as
    /// said when the device was last seen, so later rows replace them and earlier ones do not.
    pub fn of_stored(machine: &Machine) -> Profile {
        let at = machine.last_seen.0;
        let latest = |text: &Option<String>| text.clone().map(|value| Latest { at, value });
        let mut profile = Profile::new(machine.id.clone(), machine.first_seen);
        profile.last_seen = at;
        profile.name = machine.computer_dns_name.as_deref().and_then(Name::of);
        match inferable(&machine.os_platform) {
            // What may have been inferred gives way to any record.
            Some(platform) => profile.inferred_platform = Some(Latest { at, value: platform }),
            None if machine.os_platform == "Unknown" => {}
            None => profile.platform = Some(Latest { at, value: machine.os_platform.clone() }),
        }
        profile.os_version = latest(&machine.os_version);
        profile.version = latest(&machine.version);
        profile.os_build = machine.os_build.map(|value| Latest { at, value });
        profile.os_architecture = latest(&machine.os_architecture);
        profile.agent_version = latest(&machine.agent_version);
        profile.external_ip = latest(&machine.last_external_ip_address);
        if !machine.machine_tags.is_empty() {
            profile.tags = Some(Latest { at, value: machine.machine_tags.clone() });
        }
        profile.onboarding_status = Some(Latest { at, value: machine.onboarding_status.clone() });
        profile.is_aad_joined = machine.is_aad_joined.map(|value| Latest { at, value });
        profile.aad_device_id = latest(&machine.aad_device_id);
        profile.exposure_level = latest(&machine.exposure_level);
        profile.asset_value = match machine.device_value {
            DeviceValue::Normal => None,
            other => Some(Latest { at, value: format!("{other:?}") }),
        };
        profile.last_ip = machine.last_ip_address.clone().map(|ip| Latest { at, value: (is_ipv4(&ip), ip) });
        for stored in &machine.ip_addresses {
            // An address without an adapter is the last address, which is kept above.
            let Some(mac) = stored.mac_address.clone() else { continue };
            let adapter = profile.adapters.entry(mac).or_insert(Latest { at, value: Vec::new() });
            adapter.value.push(Address {
                ip: stored.ip_address.clone(),
                mac: stored.mac_address.clone(),
                kind: stored.kind.clone(),
                status: stored.operational_status.clone(),
            });
        }
        profile
    }

    /// Takes in a row of this device.
    pub fn fold(&mut self, row: &Row, time: Ticks) {
        let at = time.0;
        self.first_seen = self.first_seen.min(at);
        self.last_seen = self.last_seen.max(at);
        raise(&mut self.name, Name::of(row.text("DeviceName")));
        match row.table.name {
            "DeviceInfo" => self.fold_info(row, at),
            "DeviceNetworkInfo" => self.fold_adapter(row, at),
            "DeviceNetworkEvents" => self.fold_last_ip(row.text("LocalIP"), at),
            _ => {}
        }
        offer(&mut self.inferred_platform, at, inferred_platform(row));
    }

    /// Takes in what another profile of the same device has taken in.
    pub fn merge(&mut self, other: Profile) {
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        raise(&mut self.name, other.name);
        raise(&mut self.platform, other.platform);
        raise(&mut self.inferred_platform, other.inferred_platform);
        raise(&mut self.os_version, other.os_version);
        raise(&mut self.version, other.version);
        raise(&mut self.os_build, other.os_build);
        raise(&mut self.os_architecture, other.os_architecture);
        raise(&mut self.agent_version, other.agent_version);
        raise(&mut self.external_ip, other.external_ip);
        raise(&mut self.tags, other.tags);
        raise(&mut self.onboarding_status, other.onboarding_status);
        raise(&mut self.is_aad_joined, other.is_aad_joined);
        raise(&mut self.aad_device_id, other.aad_device_id);
        raise(&mut self.exposure_level, other.exposure_level);
        raise(&mut self.asset_value, other.asset_value);
        raise(&mut self.last_ip, other.last_ip);
        other.adapters.into_iter().for_each(|(key, addresses)| self.add_adapter(key, addresses));
    }

    fn add_adapter(&mut self, key: String, offered: Latest<Vec<Address>>) {
        if self.adapters.get(&key).is_none_or(|present| *present < offered) {
            self.adapters.insert(key, offered);
        }
        while self.adapters.len() > ADAPTERS_MAX {
            self.adapters.pop_last();
        }
    }

    fn fold_info(&mut self, row: &Row, at: i64) {
        let text = |column| Some(row.text(column)).filter(|text| !text.is_empty()).map(str::to_owned);
        offer(&mut self.platform, at, text("OSPlatform"));
        offer(&mut self.os_version, at, text("OSVersion"));
        offer(&mut self.version, at, text("OSVersionInfo"));
        offer(&mut self.os_architecture, at, text("OSArchitecture"));
        offer(&mut self.agent_version, at, text("ClientVersion"));
        offer(&mut self.external_ip, at, text("PublicIP"));
        offer(&mut self.onboarding_status, at, text("OnboardingStatus"));
        offer(&mut self.aad_device_id, at, text("AadDeviceId"));
        offer(&mut self.exposure_level, at, text("ExposureLevel"));
        offer(&mut self.asset_value, at, text("AssetValue"));
        if let Cell::Long(build) = row.get("OSBuild") {
            offer(&mut self.os_build, at, Some(*build));
        }
        if let Cell::Bool(is_joined) = row.get("IsAzureADJoined") {
            offer(&mut self.is_aad_joined, at, Some(*is_joined));
        }
        offer(&mut self.tags, at, Some(tags(row)));
    }

    fn fold_adapter(&mut self, row: &Row, at: i64) {
        let text = |column| Some(row.text(column)).filter(|text| !text.is_empty()).map(str::to_owned);
        let mac = text("MacAddress");
        let Some(key) = mac.clone().or_else(|| text("NetworkAdapterName")) else { return };
        let (kind, status) = (text("NetworkAdapterType"), text("NetworkAdapterStatus"));
        let mut ips = addresses(row.text("IPAddresses"));
        ips.sort_unstable();
        ips.dedup();
        ips.iter().for_each(|ip| self.fold_last_ip(ip, at));
        let new = |ip: String| Address { ip, mac: mac.clone(), kind: kind.clone(), status: status.clone() };
        let offered = Latest { at, value: ips.into_iter().map(new).collect() };
        self.add_adapter(key, offered);
    }

    fn fold_last_ip(&mut self, text: &str, at: i64) {
        if let Some(ip) = reachable(text) {
            offer(&mut self.last_ip, at, Some((ip.is_ipv4(), ip.to_string())));
        }
    }

    /// The machine this makes. Its risk follows from alerts and is for the store to fill in.
    pub fn machine(&self) -> Machine {
        let platform = value(&self.platform);
        let platform = platform.or_else(|| value(&self.inferred_platform).map(str::to_owned));
        let mut ip_addresses: Vec<IpAddress> = self.adapters.values().flat_map(shown_addresses).collect();
        let last_ip = value(&self.last_ip).map(|(_, ip)| ip);
        if ip_addresses.is_empty() {
            let alone = |ip: &String| IpAddress {
                ip_address: ip.clone(),
                mac_address: None,
                kind: None,
                operational_status: None,
            };
            ip_addresses.extend(last_ip.iter().map(alone));
        }
        let new = Machine::new(self.id.clone(), Ticks(self.first_seen));
        let os_architecture = value(&self.os_architecture);
        Machine {
            computer_dns_name: self.name.as_ref().map(|name| name.text.clone()),
            last_seen: Ticks(self.last_seen),
            os_platform: platform.unwrap_or(new.os_platform),
            os_version: value(&self.os_version),
            os_processor: os_architecture.as_deref().and_then(processor).map(str::to_owned),
            version: value(&self.version),
            last_ip_address: last_ip,
            last_external_ip_address: value(&self.external_ip),
            agent_version: value(&self.agent_version),
            os_build: value(&self.os_build),
            device_value: match value(&self.asset_value).as_deref() {
                Some("Low") => DeviceValue::Low,
                Some("High") => DeviceValue::High,
                _ => DeviceValue::Normal,
            },
            exposure_level: value(&self.exposure_level),
            is_aad_joined: value(&self.is_aad_joined),
            aad_device_id: value(&self.aad_device_id),
            machine_tags: value(&self.tags).unwrap_or_default(),
            onboarding_status: value(&self.onboarding_status).unwrap_or(new.onboarding_status),
            os_architecture,
            ip_addresses,
            ..new
        }
    }
}

fn shown_addresses(adapter: &Latest<Vec<Address>>) -> impl Iterator<Item = IpAddress> {
    adapter.value.iter().map(|address| IpAddress {
        ip_address: address.ip.clone(),
        mac_address: address.mac.clone(),
        kind: address.kind.clone(),
        operational_status: address.status.clone(),
    })
}

fn processor(architecture: &str) -> Option<&'static str> {
    let architecture = architecture.to_ascii_lowercase();
    if architecture.contains("arm") {
        Some("arm64")
    } else if architecture.contains("64") {
        Some("x64")
    } else {
        ["32", "86"].iter().any(|bits| architecture.contains(bits)).then_some("x86")
    }
}

fn inferable(platform: &str) -> Option<&'static str> {
    ["Windows", "Linux", "macOS"].into_iter().find(|name| *name == platform)
}

/// The operating system as paths and accounts betray it.
fn inferred_platform(row: &Row) -> Option<&'static str> {
    if !row.text("RegistryKey").is_empty() {
        return Some("Windows");
    }
    let domains = ["AccountDomain", "InitiatingProcessAccountDomain"];
    if domains.iter().any(|column| row.text(column).eq_ignore_ascii_case("nt authority")) {
        return Some("Windows");
    }
    let paths = ["InitiatingProcessFolderPath", "FolderPath"];
    paths.iter().find_map(|column| platform_of_path(row.text(column)))
}

fn platform_of_path(path: &str) -> Option<&'static str> {
    let bytes = path.as_bytes();
    match bytes {
        [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic() => Some("Windows"),
        [b'\\', ..] => Some("Windows"),
        [b'/', ..] => {
            let is_mac = ["/Applications/", "/System/", "/Library/", "/Users/", "/private/"]
                .iter()
                .any(|start| path.starts_with(start));
            Some(if is_mac { "macOS" } else { "Linux" })
        }
        _ => None,
    }
}

/// Tags set by hand, by rules and in the registry, each once.
fn tags(row: &Row) -> Vec<String> {
    let mut tags = Vec::new();
    for column in ["DeviceManualTags", "DeviceDynamicTags"] {
        match serde_json::from_str(row.text(column)) {
            Ok(Value::Array(list)) => {
                tags.extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            _ => tags.extend(Some(row.text(column).to_owned())),
        }
    }
    tags.push(row.text("RegistryDeviceTag").to_owned());
    tags.retain(|tag| !tag.trim().is_empty());
    tags.sort_unstable();
    tags.dedup();
    tags.truncate(TAGS_MAX);
    tags
}

/// The addresses in a JSON array of texts or of objects with an `IPAddress`.
fn addresses(json: &str) -> Vec<String> {
    let Ok(Value::Array(list)) = serde_json::from_str(json) else { return Vec::new() };
    let text = |entry: &Value| entry.as_str().or_else(|| entry.get("IPAddress")?.as_str()).map(str::to_owned);
    list.iter().filter_map(text).filter(|text| text.parse::<IpAddr>().is_ok()).collect()
}

/// An address under which others can reach the device; an IPv4 address inside an IPv6 one is taken out.
fn reachable(text: &str) -> Option<IpAddr> {
    let ip = text.parse::<IpAddr>().ok()?.to_canonical();
    let is_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    (!is_local && !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast()).then_some(ip)
}

fn is_ipv4(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4())
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
