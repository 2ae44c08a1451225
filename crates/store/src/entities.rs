//! The entities that queries can ask for: each property declared once, with its wire name, its kind and the
//! column that repeats it.

use odata::{EntityType, Kind, Property};

/// What may be asked of a machine.
pub static MACHINE_TYPE: EntityType =
    EntityType { name: "machine", properties: &MACHINE_PROPERTIES, expands: &[] };

/// What may be asked of an alert.
pub static ALERT_TYPE: EntityType =
    EntityType { name: "alert", properties: &ALERT_PROPERTIES, expands: &["evidence"] };

pub(crate) static MACHINE: Entity = Entity {
    name: "machine",
    table: "machines",
    strings_table: "machine_strings",
    fields: MACHINE_FIELDS,
    default_order: ("id", false),
};

pub(crate) static ALERT: Entity = Entity {
    name: "alert",
    table: "alerts",
    strings_table: "alert_strings",
    fields: ALERT_FIELDS,
    default_order: ("alertCreationTime", true),
};

const MACHINE_FIELDS: &[Field] = &[
    text("id", "id").required(),
    text("computerDnsName", "computer_dns_name"),
    time("firstSeen", "first_seen").required(),
    time("lastSeen", "last_seen").required(),
    text("osPlatform", "os_platform").required(),
    text("osVersion", "os_version"),
    text("osProcessor", "os_processor"),
    text("version", "version"),
    text("lastIpAddress", "last_ip_address"),
    text("lastExternalIpAddress", "last_external_ip_address"),
    text("agentVersion", "agent_version"),
    number("osBuild", "os_build"),
    choice("healthStatus", "health_status", HEALTH_STATUSES).required(),
    choice("deviceValue", "device_value", &["Normal", "Low", "High"]).required(),
    number("rbacGroupId", "rbac_group_id").required(),
    text("rbacGroupName", "rbac_group_name"),
    choice("riskScore", "risk_score", &["None", "Informational", "Low", "Medium", "High"]).required(),
    text("exposureLevel", "exposure_level"),
    truth("isAadJoined", "is_aad_joined"),
    text("aadDeviceId", "aad_device_id"),
    strings("machineTags"),
    text("onboardingStatus", "onboarding_status").required(),
    text("osArchitecture", "os_architecture"),
    complex("ipAddresses"),
    text("defenderAvStatus", "defender_av_status"),
];

const ALERT_FIELDS: &[Field] = &[
    text("id", "id").required(),
    number("incidentId", "incident_id"),
    number("investigationId", "investigation_id"),
    text("assignedTo", "assigned_to"),
    choice("severity", "severity", &["UnSpecified", "Informational", "Low", "Medium", "High"]).required(),
    choice("status", "status", &["Unknown", "New", "InProgress", "Resolved"]).required(),
    choice("classification", "classification", CLASSIFICATIONS),
    choice("determination", "determination", DETERMINATIONS),
    text("investigationState", "investigation_state"),
    text("detectionSource", "detection_source").required(),
    text("detectorId", "detector_id"),
    text("category", "category").required(),
    text("threatFamilyName", "threat_family_name"),
    text("title", "title").required(),
    text("description", "description").required(),
    time("alertCreationTime", "alert_creation_time").required(),
    time("firstEventTime", "first_event_time"),
    time("lastEventTime", "last_event_time"),
    time("lastUpdateTime", "last_update_time").required(),
    time("resolvedTime", "resolved_time"),
    text("machineId", "machine_id").required(),
    text("computerDnsName", "computer_dns_name"),
    text("rbacGroupName", "rbac_group_name"),
    text("aadTenantId", "aad_tenant_id").required(),
    text("threatName", "threat_name"),
    strings("mitreTechniques"),
    complex("relatedUser"),
    complex("comments"),
    complex("evidence"),
];

const HEALTH_STATUSES: &[&str] = &[
    "Active",
    "Inactive",
    "ImpairedCommunication",
    "NoSensorData",
    "NoSensorDataImpairedCommunication",
    "Unknown",
];

const CLASSIFICATIONS: &[&str] =
    &["Unknown", "TruePositive", "InformationalExpectedActivity", "FalsePositive"];

const DETERMINATIONS: &[&str] = &[
    "NotAvailable",
    "MultiStagedAttack",
    "MaliciousUserActivity",
    "CompromisedUser",
    "Malware",
    "Phishing",
    "UnwantedSoftware",
    "SecurityTesting",
    "LineOfBusinessApplication",
    "ConfirmedUserActivity",
    "Clean",
    "InsufficientData",
    "Other",
    "Apt",
    "SecurityPersonnel",
];

/// One entity and where it is stored.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    /// Holds the elements of the collections of texts.
    pub(crate) strings_table: &'static str,
    pub(crate) fields: &'static [Field],
    /// The property to sort by when nothing is asked for, and whether downwards.
    pub(crate) default_order: (&'static str, bool),
}

/// One property and where it is stored.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) property: Property,
    /// The column that repeats it; none for collections and objects.
    pub(crate) column: Option<&'static str>,
    /// It is never null.
    pub(crate) is_required: bool,
}

impl Entity {
    /// The field of the property of that name, in its canonical case.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.property.name == name)
    }
}

impl Field {
    const fn required(self) -> Field {
        Field { is_required: true, ..self }
    }
}

const fn text(name: &'static str, column: &'static str) -> Field {
    comparable(Property::new(name, Kind::String), column)
}

const fn number(name: &'static str, column: &'static str) -> Field {
    comparable(Property::new(name, Kind::Int64), column)
}

const fn truth(name: &'static str, column: &'static str) -> Field {
    comparable(Property::new(name, Kind::Bool), column)
}

const fn time(name: &'static str, column: &'static str) -> Field {
    comparable(Property::new(name, Kind::DateTime), column)
}

/// A member of an enumeration; `values` in the order that `$orderby` has.
const fn choice(name: &'static str, column: &'static str, values: &'static [&'static str]) -> Field {
    comparable(Property::enumeration(name, values), column)
}

const fn comparable(property: Property, column: &'static str) -> Field {
    Field { property: property.filterable().sortable(), column: Some(column), is_required: false }
}

const fn strings(name: &'static str) -> Field {
    Field { property: Property::new(name, Kind::Strings).filterable(), column: None, is_required: true }
}

const fn complex(name: &'static str) -> Field {
    Field { property: Property::new(name, Kind::Complex), column: None, is_required: false }
}

static MACHINE_PROPERTIES: [Property; MACHINE_FIELDS.len()] = properties(MACHINE_FIELDS);
static ALERT_PROPERTIES: [Property; ALERT_FIELDS.len()] = properties(ALERT_FIELDS);

const fn properties<const N: usize>(fields: &[Field]) -> [Property; N] {
    let mut properties = [Property::new("", Kind::Complex); N];
    let mut at = 0;
    while at < N {
        properties[at] = fields[at].property;
        at += 1;
    }
    properties
}
