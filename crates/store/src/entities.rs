//! The entities that queries can ask for: each property declared once, with its wire name, its kind and the
//! column that repeats it.

mod response;

use odata::{EntityType, Kind, Property};

pub(crate) use response::{INVESTIGATION, MACHINE_ACTION};
pub use response::{INVESTIGATION_TYPE, MACHINE_ACTION_TYPE};

/// What may be asked of a machine.
pub static MACHINE_TYPE: EntityType =
    EntityType { name: "machine", properties: &MACHINE_PROPERTIES, expands: &[] };

/// What may be asked of an alert.
pub static ALERT_TYPE: EntityType =
    EntityType { name: "alert", properties: &ALERT_PROPERTIES, expands: &["evidence"] };

/// What may be asked of an incident.
pub static INCIDENT_TYPE: EntityType =
    EntityType { name: "incident", properties: &INCIDENT_PROPERTIES, expands: &[] };

/// What may be asked of an indicator.
pub static INDICATOR_TYPE: EntityType =
    EntityType { name: "indicator", properties: &INDICATOR_PROPERTIES, expands: &[] };

pub(crate) static MACHINE: Entity = Entity {
    name: "machine",
    table: "machines",
    key: "id",
    strings_table: "machine_strings",
    fields: MACHINE_FIELDS,
    default_order: ("id", false),
    indexed: &[
        "id",
        "computerDnsName",
        "lastSeen",
        "version",
        "lastIpAddress",
        "lastExternalIpAddress",
        "healthStatus",
        "osPlatform",
        "riskScore",
        "deviceValue",
        "exposureLevel",
        "onboardingStatus",
        "aadDeviceId",
        "rbacGroupId",
        "rbacGroupName",
    ],
    pairs: &[],
    passed: &["id", "lastSeen", "riskScore", "healthStatus", "osPlatform", "rbacGroupId"],
    is_counted: true,
};

pub(crate) static ALERT: Entity = Entity {
    name: "alert",
    table: "alerts",
    key: "id",
    strings_table: "alert_strings",
    fields: ALERT_FIELDS,
    default_order: ("alertCreationTime", true),
    indexed: &[
        "id",
        "incidentId",
        "investigationId",
        "assignedTo",
        "severity",
        "status",
        "category",
        "detectionSource",
        "alertCreationTime",
        "lastUpdateTime",
        "lastEventTime",
        "machineId",
        "computerDnsName",
        "rbacGroupName",
    ],
    pairs: &[("status", "severity")],
    passed: &[],
    is_counted: true,
};

pub(crate) static INCIDENT: Entity = Entity {
    name: "incident",
    table: "incidents",
    key: "incidentId",
    strings_table: "incident_strings",
    fields: INCIDENT_FIELDS,
    default_order: ("createdTime", true),
    indexed: &["incidentId", "status", "createdTime", "lastUpdateTime"],
    pairs: &[],
    passed: &[],
    is_counted: true,
};

pub(crate) static INDICATOR: Entity = Entity {
    name: "indicator",
    table: "indicators",
    key: "id",
    strings_table: "indicator_strings",
    fields: INDICATOR_FIELDS,
    default_order: ("id", false),
    indexed: &[
        "id",
        "indicatorValue",
        "indicatorType",
        "action",
        "severity",
        "title",
        "source",
        "externalId",
        "createdBy",
        "creationTimeDateTimeUtc",
        "lastUpdateTime",
        "expirationTime",
    ],
    pairs: &[],
    passed: &[],
    is_counted: true,
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
    objects("ipAddresses", &ADDRESSES, &ADDRESS_PROPERTIES),
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
    text("recommendedAction", "recommended_action"),
    strings("mitreTechniques"),
    complex("relatedUser"),
    objects("comments", &ALERT_COMMENTS, &COMMENT_PROPERTIES),
    objects("evidence", &EVIDENCE, &EVIDENCE_PROPERTIES),
];

const INCIDENT_FIELDS: &[Field] = &[
    number("incidentId", "incident_id").required(),
    number("redirectIncidentId", "redirect_incident_id"),
    text("incidentName", "incident_name").required(),
    time("createdTime", "created_time").required(),
    time("lastUpdateTime", "last_update_time").required(),
    text("assignedTo", "assigned_to"),
    choice("classification", "classification", CLASSIFICATIONS).required(),
    choice("determination", "determination", DETERMINATIONS).required(),
    choice("status", "status", &["Active", "InProgress", "Resolved", "Redirected"]).required(),
    choice("severity", "severity", &["UnSpecified", "Informational", "Low", "Medium", "High"]).required(),
    strings("tags"),
    objects("comments", &INCIDENT_COMMENTS, &COMMENT_PROPERTIES),
];

const INDICATOR_FIELDS: &[Field] = &[
    text("id", "id").required(),
    text("indicatorValue", "indicator_value").required(),
    choice("indicatorType", "indicator_type", INDICATOR_TYPES).required(),
    choice("action", "action", INDICATOR_ACTIONS).required(),
    text("application", "application"),
    text("source", "source").required(),
    choice("sourceType", "source_type", &["User", "AadApp"]).required(),
    text("createdBy", "created_by").required(),
    text("createdByDisplayName", "created_by_display_name"),
    text("createdBySource", "created_by_source"),
    text("lastUpdatedBy", "last_updated_by"),
    time("creationTimeDateTimeUtc", "creation_time").required(),
    time("expirationTime", "expiration_time"),
    time("lastUpdateTime", "last_update_time").required(),
    choice("severity", "severity", &["Informational", "Low", "Medium", "High"]),
    text("title", "title").required(),
    text("description", "description").required(),
    text("recommendedActions", "recommended_actions"),
    strings("rbacGroupNames"),
    strings("rbacGroupIds"),
    truth("generateAlert", "generate_alert").required(),
    text("educateUrl", "educate_url"),
    text("externalId", "external_id"),
];

static ADDRESSES: Collection =
    Collection { table: "machine_addresses", fields: ADDRESS_FIELDS, derived: &[] };

const ADDRESS_FIELDS: &[Field] = &[
    text("ipAddress", "ip_address"),
    text("macAddress", "mac_address"),
    text("type", "type"),
    text("operationalStatus", "operational_status"),
];

static ALERT_COMMENTS: Collection =
    Collection { table: "alert_comments", fields: COMMENT_FIELDS, derived: &[] };
static INCIDENT_COMMENTS: Collection =
    Collection { table: "incident_comments", fields: COMMENT_FIELDS, derived: &[] };

const COMMENT_FIELDS: &[Field] =
    &[text("comment", "comment"), text("createdBy", "created_by"), time("createdTime", "created_time")];

static EVIDENCE: Collection = Collection {
    table: "alert_evidence",
    fields: EVIDENCE_FIELDS,
    derived: &[("host_labels", "url", url_host_labels)],
};

const EVIDENCE_FIELDS: &[Field] = &[
    choice("entityType", "entity_type", &["User", "Process", "File", "Ip", "Url", "Registry"]),
    time("evidenceCreationTime", "evidence_creation_time"),
    text("sha1", "sha1"),
    text("sha256", "sha256"),
    text("fileName", "file_name"),
    text("filePath", "file_path"),
    number("processId", "process_id"),
    text("processCommandLine", "process_command_line"),
    time("processCreationTime", "process_creation_time"),
    number("parentProcessId", "parent_process_id"),
    time("parentProcessCreationTime", "parent_process_creation_time"),
    text("parentProcessFileName", "parent_process_file_name"),
    text("parentProcessFilePath", "parent_process_file_path"),
    text("ipAddress", "ip_address"),
    text("url", "url"),
    text("registryKey", "registry_key"),
    text("registryHive", "registry_hive"),
    text("registryValueType", "registry_value_type"),
    text("registryValue", "registry_value"),
    text("accountName", "account_name"),
    text("domainName", "domain_name"),
    text("userSid", "user_sid"),
    text("aadUserId", "aad_user_id"),
    text("userPrincipalName", "user_principal_name"),
    text("detectionStatus", "detection_status"),
];

/// Nothing for what is longer than a name can be.
fn url_host_labels(url: &str) -> String {
    const NAME_BYTES_MAX: usize = 253;
    let host = model::host_of(url);
    if host.len() > NAME_BYTES_MAX { String::new() } else { model::host_labels(host) }
}

const INDICATOR_TYPES: &[&str] =
    &["FileSha1", "FileSha256", "FileMd5", "CertificateThumbprint", "IpAddress", "DomainName", "Url"];

const INDICATOR_ACTIONS: &[&str] =
    &["Warn", "Block", "Audit", "Alert", "AlertAndBlock", "BlockAndRemediate", "Allowed"];

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
    /// The property that names a row; in its column if there is one, and as text in the column `id`.
    pub(crate) key: &'static str,
    /// Holds the elements of the collections of texts.
    pub(crate) strings_table: &'static str,
    pub(crate) fields: &'static [Field],
    /// The property to sort by when nothing is asked for, and whether downwards.
    pub(crate) default_order: (&'static str, bool),
    /// Properties with an index that begins with them, behind the tenant; that of a property that equals can be asked of
    /// goes on with the default order.
    pub(crate) indexed: &'static [&'static str],
    /// Properties that are often asked for together, with an index of both that goes on with the default order.
    pub(crate) pairs: &'static [(&'static str, &'static str)],
    /// Properties that the index of the default order has behind it: rows that do not pass are passed over without being
    /// read.
    pub(crate) passed: &'static [&'static str],
    /// Whether the database keeps how many there are.
    pub(crate) is_counted: bool,
}

/// One property and where it is stored.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) property: Property,
    /// The column that repeats it; none for collections and objects.
    pub(crate) column: Option<&'static str>,
    /// It is never null.
    pub(crate) is_required: bool,
    /// Where the elements are, for a collection of objects.
    pub(crate) collection: Option<&'static Collection>,
}

/// A collection of objects: a row for each element.
#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) table: &'static str,
    pub(crate) fields: &'static [Field],
    pub(crate) derived: &'static [Derived],
}

/// A column that follows from the text of a member: the column, the member and how.
pub(crate) type Derived = (&'static str, &'static str, fn(&str) -> String);

impl Collection {
    /// The field of the member of that name, in its canonical case.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.property.name == name)
    }
}

impl Entity {
    /// The field of the property of that name, in its canonical case.
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.property.name == name)
    }
}

impl Field {
    const fn also_called(self, alias: &'static str) -> Field {
        Field { property: self.property.also_called(alias), ..self }
    }

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
    Field { property: property.filterable().sortable(), column: Some(column), ..NOWHERE }
}

const fn strings(name: &'static str) -> Field {
    Field { property: Property::new(name, Kind::Strings).filterable(), is_required: true, ..NOWHERE }
}

const fn complex(name: &'static str) -> Field {
    Field { property: Property::new(name, Kind::Complex), ..NOWHERE }
}

/// A collection of objects that nothing is asked of.
const fn list(name: &'static str) -> Field {
    Field { property: Property::list(name), ..NOWHERE }
}

const fn objects(
    name: &'static str,
    collection: &'static Collection,
    elements: &'static [Property],
) -> Field {
    let property = Property::objects(name, elements);
    Field { property, is_required: true, collection: Some(collection), ..NOWHERE }
}

const NOWHERE: Field =
    Field { property: Property::new("", Kind::Complex), column: None, is_required: false, collection: None };

static INCIDENT_PROPERTIES: [Property; INCIDENT_FIELDS.len()] = properties(INCIDENT_FIELDS);
static INDICATOR_PROPERTIES: [Property; INDICATOR_FIELDS.len()] = properties(INDICATOR_FIELDS);
static ADDRESS_PROPERTIES: [Property; ADDRESS_FIELDS.len()] = properties(ADDRESS_FIELDS);
static COMMENT_PROPERTIES: [Property; COMMENT_FIELDS.len()] = properties(COMMENT_FIELDS);
static EVIDENCE_PROPERTIES: [Property; EVIDENCE_FIELDS.len()] = properties(EVIDENCE_FIELDS);

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
