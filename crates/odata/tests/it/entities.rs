//! Entities like those of the API, for the tests.

use odata::{EntityType, Kind, Property};

const fn text(name: &'static str) -> Property {
    Property::new(name, Kind::String).filterable().sortable()
}

const fn time(name: &'static str) -> Property {
    Property::new(name, Kind::DateTime).filterable().sortable()
}

const SEVERITIES: &[&str] = &["UnSpecified", "Informational", "Low", "Medium", "High"];

pub static MACHINE: EntityType = EntityType {
    name: "machine",
    properties: &[
        text("id"),
        text("computerDnsName"),
        text("aadDeviceId"),
        text("osPlatform"),
        text("lastIpAddress"),
        time("lastSeen"),
        Property::enumeration("healthStatus", &["Active", "Inactive", "NoSensorData"]).filterable(),
        Property::enumeration("riskScore", &["None", "Low", "Medium", "High"]).filterable(),
        Property::new("rbacGroupId", Kind::Int64).filterable(),
        Property::new("isAadJoined", Kind::Bool).filterable(),
        Property::new("exposureScore", Kind::Double).filterable(),
        Property::new("machineTags", Kind::Strings).filterable(),
        Property::objects("ipAddresses", &ADDRESS),
        text("version"),
        Property::new("agentVersion", Kind::String),
    ],
    expands: &[],
};

pub static ALERT: EntityType = EntityType {
    name: "alert",
    properties: &[
        text("id"),
        Property::new("incidentId", Kind::Int64).filterable(),
        Property::enumeration("severity", SEVERITIES).filterable().sortable(),
        text("assignedTo"),
        time("alertCreationTime"),
        time("lastUpdateTime"),
        text("category"),
        Property::new("cvssV3", Kind::Double).filterable().sortable(),
        Property::new("isFailed", Kind::Bool).filterable(),
        Property::new("evidence", Kind::Complex),
    ],
    expands: &["evidence", "comments"],
};

pub static ACTION: EntityType = EntityType {
    name: "machineAction",
    properties: &[
        text("id"),
        text("machineId"),
        Property::enumeration("type", &["Isolate", "Unisolate", "RunAntiVirusScan"]).filterable(),
        Property::enumeration("status", &["Pending", "InProgress", "Succeeded", "Failed"]).filterable(),
        time("creationDateTimeUtc"),
        time("lastUpdateDateTimeUtc").also_called("lastUpdateTimeUtc"),
    ],
    expands: &[],
};

pub static INDICATOR: EntityType =
    EntityType { name: "indicator", properties: &[text("indicatorValue"), text("title")], expands: &[] };

static ADDRESS: [Property; 4] = [
    Property::new("ipAddress", Kind::String).filterable(),
    Property::enumeration("type", &["Ethernet", "Wireless"]).filterable(),
    Property::new("lastSeen", Kind::DateTime).filterable(),
    Property::new("details", Kind::Complex),
];
