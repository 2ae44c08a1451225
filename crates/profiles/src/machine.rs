//! Devices: what their events say of them. The machine that the API shows is made of it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use model::machine::{DeviceValue, IpAddress, Machine};
use model::{DeviceId, Ticks};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::found::{Known, Profiles};
use crate::merge::{Latest, Merge, kept, offer, raise, value};
use crate::platform::{self, Platform};
use crate::rows::{Groups, Rows, Span};

/// Network adapters of one device that are kept; of more, those with the smallest keys.
const ADAPTERS_MAX: usize = 64;
/// Addresses of one adapter that are kept; of more, the smallest ones.
const ADDRESSES_MAX: usize = 64;
const TAGS_MAX: usize = 100;

/// What is known of a device: each value with the time at which it was said. Its id is that of the device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineProfile {
    name: Option<Name>,
    /// From the device's own record.
    platform: Option<Latest<String>>,
    /// From paths in its events, for devices that sent no record.
    inferred_platform: Option<Latest<Platform>>,
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Name {
    is_qualified: bool,
    length: usize,
    text: String,
}

impl Name {
    fn of(text: &str) -> Option<Name> {
        let text = kept(text)?.trim().trim_end_matches('.').to_lowercase();
        let is_qualified = text.contains('.') && text.parse::<IpAddr>().is_err();
        (!text.is_empty()).then_some(Name { is_qualified, length: text.len(), text })
    }
}

/// An address of an adapter, in an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Address {
    ip: String,
    mac: Option<String>,
    kind: Option<String>,
    status: Option<String>,
}

impl Merge for MachineProfile {
    fn merge(&mut self, other: MachineProfile) {
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
}

pub(crate) fn fold(rows: &Rows<'_>, found: &mut Profiles<MachineProfile>) {
    for device in &rows.devices {
        found.seen(device.id.as_str(), device.span);
    }
    let names = rows.text("DeviceName");
    let mut groups: Groups<(&str, u32), ()> = Groups::new();
    for seen in rows.iter() {
        groups.of((names.at(seen.row), seen.device), || ());
    }
    for ((name, device), ()) in groups.into_groups() {
        raise(&mut of(found, rows, device).name, Name::of(name));
    }
    for (device, inferred) in platform::inferred(rows) {
        raise(&mut of(found, rows, device).inferred_platform, Some(inferred));
    }
    match rows.table.name {
        "DeviceInfo" => {
            for seen in rows.iter() {
                of(found, rows, seen.device).fold_info(rows, seen.row, seen.at);
            }
        }
        "DeviceNetworkInfo" => {
            for seen in rows.iter() {
                of(found, rows, seen.device).fold_adapter(rows, seen.row, seen.at);
            }
        }
        "DeviceNetworkEvents" => fold_connections(rows, found),
        _ => {}
    }
}

fn fold_connections(rows: &Rows<'_>, found: &mut Profiles<MachineProfile>) {
    let local = rows.text("LocalIP");
    let mut groups: Groups<(&str, u32), Span> = Groups::new();
    for seen in rows.iter() {
        let span = Span::at(seen.at);
        groups.of((local.at(seen.row), seen.device), || span).include(span);
    }
    for ((ip, device), span) in groups.into_groups() {
        of(found, rows, device).fold_last_ip(ip, span.last);
    }
}

fn of<'f>(found: &'f mut Profiles<MachineProfile>, rows: &Rows<'_>, device: u32) -> &'f mut MachineProfile {
    let device = rows.device(device);
    found.seen(device.id.as_str(), device.span)
}

impl MachineProfile {
    fn add_adapter(&mut self, key: String, offered: Latest<Vec<Address>>) {
        if self.adapters.get(&key).is_none_or(|present| *present < offered) {
            self.adapters.insert(key, offered);
        }
        while self.adapters.len() > ADAPTERS_MAX {
            self.adapters.pop_last();
        }
    }

    fn fold_info(&mut self, rows: &Rows<'_>, row: usize, at: i64) {
        let text = |column| kept(rows.text(column).at(row)).map(str::to_owned);
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
        offer(&mut self.os_build, at, rows.long("OSBuild").at(row));
        offer(&mut self.is_aad_joined, at, rows.truth("IsAzureADJoined").at(row));
        offer(&mut self.tags, at, Some(tags(rows, row)));
    }

    fn fold_adapter(&mut self, rows: &Rows<'_>, row: usize, at: i64) {
        let text = |column| kept(rows.text(column).at(row)).map(str::to_owned);
        let mac = text("MacAddress");
        let Some(key) = mac.clone().or_else(|| text("NetworkAdapterName")) else { return };
        let (kind, status) = (text("NetworkAdapterType"), text("NetworkAdapterStatus"));
        let mut ips = addresses(rows.text("IPAddresses").at(row));
        ips.iter().for_each(|ip| self.fold_last_ip(ip, at));
        ips.sort_unstable();
        ips.dedup();
        ips.truncate(ADDRESSES_MAX);
        let new = |ip: String| Address { ip, mac: mac.clone(), kind: kind.clone(), status: status.clone() };
        let offered = Latest { at, value: ips.into_iter().map(new).collect() };
        self.add_adapter(key, offered);
    }

    fn fold_last_ip(&mut self, text: &str, at: i64) {
        if let Some(ip) = reachable(text) {
            offer(&mut self.last_ip, at, Some((ip.is_ipv4(), ip.to_string())));
        }
    }
}

impl Known<MachineProfile> {
    /// The machine this makes. Its risk follows from alerts and is for the store to fill in.
    pub fn machine(&self, id: DeviceId) -> Machine {
        let profile = &self.profile;
        let platform = value(&profile.platform);
        let platform = platform.or_else(|| value(&profile.inferred_platform).map(|name| name.to_string()));
        let mut ip_addresses: Vec<IpAddress> = profile.adapters.values().flat_map(shown_addresses).collect();
        let last_ip = value(&profile.last_ip).map(|(_, ip)| ip);
        if ip_addresses.is_empty() {
            let alone = |ip: &String| IpAddress {
                ip_address: ip.clone(),
                mac_address: None,
                kind: None,
                operational_status: None,
            };
            ip_addresses.extend(last_ip.iter().map(alone));
        }
        let new = Machine::new(id, Ticks(self.span.first));
        let os_architecture = value(&profile.os_architecture);
        Machine {
            computer_dns_name: profile.name.as_ref().map(|name| name.text.clone()),
            last_seen: Ticks(self.span.last),
            os_platform: platform.unwrap_or(new.os_platform),
            os_version: value(&profile.os_version),
            os_processor: os_architecture.as_deref().and_then(processor).map(str::to_owned),
            version: value(&profile.version),
            last_ip_address: last_ip,
            last_external_ip_address: value(&profile.external_ip),
            agent_version: value(&profile.agent_version),
            os_build: value(&profile.os_build),
            device_value: match value(&profile.asset_value).as_deref() {
                Some("Low") => DeviceValue::Low,
                Some("High") => DeviceValue::High,
                _ => DeviceValue::Normal,
            },
            exposure_level: value(&profile.exposure_level),
            is_aad_joined: value(&profile.is_aad_joined),
            aad_device_id: value(&profile.aad_device_id),
            machine_tags: value(&profile.tags).unwrap_or_default(),
            onboarding_status: value(&profile.onboarding_status).unwrap_or(new.onboarding_status),
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

/// Tags set by hand, by rules and in the registry, each once.
fn tags(rows: &Rows<'_>, row: usize) -> Vec<String> {
    let mut tags = Vec::new();
    for column in ["DeviceManualTags", "DeviceDynamicTags"] {
        let text = rows.text(column).at(row);
        match serde_json::from_str(text) {
            Ok(Value::Array(list)) => {
                tags.extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            _ => tags.push(text.to_owned()),
        }
    }
    tags.push(rows.text("RegistryDeviceTag").at(row).to_owned());
    tags.retain(|tag| kept(tag).is_some_and(|tag| !tag.trim().is_empty()));
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
