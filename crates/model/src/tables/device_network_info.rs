//! DeviceNetworkInfo: Adapters, addresses, networks of devices.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceNetworkInfo",
    summary: "Adapters, addresses, networks of devices.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("DeviceName", Kind::String, "FQDN of the device."),
        col("NetworkAdapterName", Kind::String, "Adapter name."),
        col("MacAddress", Kind::String, "MAC address of the adapter."),
        col("NetworkAdapterType", Kind::String, "Adapter type."),
        col("NetworkAdapterStatus", Kind::String, "Adapter operational status."),
        col("TunnelType", Kind::String, "Tunnelling protocol."),
        col("ConnectedNetworks", Kind::String, "Networks the adapter is on, JSON array."),
        col("DnsAddresses", Kind::String, "DNS servers, JSON array."),
        col("IPv4Dhcp", Kind::String, "IPv4 DHCP server."),
        col("IPv6Dhcp", Kind::String, "IPv6 DHCP server."),
        col("DefaultGateways", Kind::String, "Default gateways, JSON array."),
        col("IPAddresses", Kind::String, "Addresses of the adapter, JSON array."),
        col(
            "ReportId",
            Kind::Long,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("NetworkAdapterVendor", Kind::String, "Adapter vendor."),
        col("OnboardingStatus", Kind::String, "Whether the device is onboarded."),
        col("NetworkAdapterDnsSuffix", Kind::String, "DNS suffix of the adapter."),
    ],
    index: Index::new(),
};
