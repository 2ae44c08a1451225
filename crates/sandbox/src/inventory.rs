//! What a device tells of itself: DeviceInfo and DeviceNetworkInfo.

use model::tables::{self, Table};
use model::{Row, Ticks};
use sensor_proto::{Isolation, Restriction};
use serde_json::json;

use crate::account::Account;
use crate::digest;
use crate::host::Host;
use crate::scenario::{Os, World};

/// Both rows of a device; none if a table is not declared.
pub(crate) fn rows(world: &World, host: &mut Host, now: Ticks) -> Vec<Row> {
    let info = tables::find("DeviceInfo").map(|table| device_info(world, host, table, now));
    let network = tables::find("DeviceNetworkInfo").map(|table| network_info(world, host, table, now));
    info.into_iter().chain(network).collect()
}

fn device_info(world: &World, host: &mut Host, table: &'static Table, now: Ticks) -> Row {
    let mut row = host.row(table, now);
    let profile = &world.profiles[host.profile];
    let account = Account::find(&world.company, host.os, &host.fqdn, &host.user);
    let users = json!([{ "UserName": account.name, "DomainName": account.domain, "Sid": account.sid }]);
    row.set("ClientVersion", concat!("sandbox/", env!("CARGO_PKG_VERSION")));
    row.set("PublicIP", world.company.public_ip.as_str());
    row.set("OSArchitecture", "64-bit");
    row.set("OSPlatform", profile.os_platform.as_str());
    row.set("OSVersion", profile.os_version.as_str());
    row.set("OSBuild", profile.os_build);
    row.set("OsBuildRevision", profile.os_revision.as_deref());
    row.set("OSVersionInfo", profile.os_version_info.as_deref());
    row.set("OSDistribution", profile.os_distribution.as_str());
    row.set("IsAzureADJoined", false);
    row.set("JoinType", profile.join_type.as_deref());
    row.set("LoggedOnUsers", users.to_string());
    row.set("MachineGroup", profile.machine_group.as_str());
    row.set("OnboardingStatus", "Onboarded");
    row.set("AdditionalFields", json!({ "Simulated": true, "Scenario": "sandbox" }).to_string());
    row.set("DeviceCategory", profile.device_category.as_str());
    row.set("DeviceType", profile.device_type.as_str());
    row.set("DeviceSubtype", "Simulated");
    row.set("Model", "Bartizan sandbox");
    row.set("Vendor", "Bartizan");
    row.set("SensorHealthState", "Active");
    row.set("IsInternetFacing", false);
    row.set("IsExcluded", false);
    row.set("IsTransient", false);
    row.set("ExposureLevel", "Low");
    row.set("DeviceDynamicTags", json!(["Simulated"]).to_string());
    let memory = &host.memory;
    if memory.isolation != Isolation::None || memory.restriction != Restriction::Off {
        let isolated = memory.isolation != Isolation::None;
        let status = json!({ "Isolated": isolated, "AppRestricted": memory.restriction == Restriction::On });
        row.set("MitigationStatus", status.to_string());
    }
    row.set("HardwareUuid", guid("hardware", &host.device_id));
    row
}

fn network_info(world: &World, host: &mut Host, table: &'static Table, now: Ticks) -> Row {
    let mut row = host.row(table, now);
    let company = &world.company;
    let profile = &world.profiles[host.profile];
    let [a, b, c, _] = host.ip.octets();
    let gateway = format!("{a}.{b}.{c}.1");
    let address = json!([{ "IPAddress": host.ip.to_string(), "SubnetPrefix": 24, "AddressType": "Private" }]);
    let category = if host.os == Os::Windows { "DomainAuthenticated" } else { "Private" };
    let networks = json!([{
        "Name": company.domain, "Description": company.domain, "IsConnectedToInternet": true, "Category": category,
    }]);
    row.set("NetworkAdapterName", guid("adapter", &host.device_id));
    row.set("MacAddress", mac(&host.device_id));
    row.set("NetworkAdapterType", profile.adapter.as_str());
    row.set("NetworkAdapterStatus", "Up");
    row.set("TunnelType", "None");
    row.set("ConnectedNetworks", networks.to_string());
    row.set("DnsAddresses", json!(company.dns).to_string());
    row.set("IPv4Dhcp", gateway.as_str());
    row.set("DefaultGateways", json!([gateway]).to_string());
    row.set("IPAddresses", address.to_string());
    row.set("NetworkAdapterVendor", "Bartizan");
    row.set("OnboardingStatus", "Onboarded");
    row.set("NetworkAdapterDnsSuffix", company.domain.as_str());
    row
}

/// A locally administered address, which belongs to no maker.
fn mac(device_id: &str) -> String {
    let digits = digest::hex("mac", device_id, 10).to_uppercase();
    let pairs: Vec<&str> = (0..5).map(|at| &digits[2 * at..2 * at + 2]).collect();
    format!("02-{}", pairs.join("-"))
}

fn guid(kind: &str, text: &str) -> String {
    let digits = digest::hex(kind, text, 32);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    format!("{{{}}}", parts.join("-"))
}
