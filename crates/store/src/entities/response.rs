//! What may be asked of machine actions and investigations.

use odata::{EntityType, Property};

use super::{Entity, Field, choice, complex, list, number, properties, text, time};

/// What may be asked of a machine action.
pub static MACHINE_ACTION_TYPE: EntityType =
    EntityType { name: "machine action", properties: &MACHINE_ACTION_PROPERTIES, expands: &[] };

/// What may be asked of an investigation.
pub static INVESTIGATION_TYPE: EntityType =
    EntityType { name: "investigation", properties: &INVESTIGATION_PROPERTIES, expands: &[] };

pub(crate) static MACHINE_ACTION: Entity = Entity {
    name: "machine action",
    table: "machine_actions",
    key: "id",
    strings_table: "",
    fields: MACHINE_ACTION_FIELDS,
    default_order: ("creationDateTimeUtc", true),
    indexed: &[],
    pairs: &[],
    passed: &[],
    is_counted: false,
};

pub(crate) static INVESTIGATION: Entity = Entity {
    name: "investigation",
    table: "investigations",
    key: "id",
    strings_table: "",
    fields: INVESTIGATION_FIELDS,
    default_order: ("startTime", true),
    indexed: &[],
    pairs: &[],
    passed: &[],
    is_counted: false,
};

const MACHINE_ACTION_FIELDS: &[Field] = &[
    text("id", "id").required(),
    choice("type", "type", ACTION_KINDS).required(),
    text("title", "title"),
    text("scope", "scope"),
    text("requestor", "requestor").required(),
    text("requestorComment", "requestor_comment").required(),
    text("requestSource", "request_source"),
    choice("status", "status", ACTION_STATUSES).required(),
    text("machineId", "machine_id").required(),
    text("computerDnsName", "computer_dns_name"),
    time("creationDateTimeUtc", "creation_time").required(),
    time("lastUpdateDateTimeUtc", "last_update_time").also_called("lastUpdateTimeUtc").required(),
    text("cancellationRequestor", "cancellation_requestor"),
    text("cancellationComment", "cancellation_comment"),
    time("cancellationDateTimeUtc", "cancellation_time"),
    number("errorHResult", "error_h_result").required(),
    text("externalId", "external_id"),
    complex("relatedFileInfo"),
    list("commands"),
    text("troubleshootInfo", "troubleshoot_info"),
];

const INVESTIGATION_FIELDS: &[Field] = &[
    text("id", "id").required(),
    time("startTime", "start_time"),
    time("endTime", "end_time"),
    choice("state", "state", INVESTIGATION_STATES).required(),
    text("cancelledBy", "cancelled_by"),
    text("statusDetails", "status_details"),
    text("machineId", "machine_id").required(),
    text("computerDnsName", "computer_dns_name"),
    text("triggeringAlertId", "triggering_alert_id"),
];

const ACTION_KINDS: &[&str] = &[
    "RunAntiVirusScan",
    "Offboard",
    "LiveResponse",
    "CollectInvestigationPackage",
    "Isolate",
    "Unisolate",
    "StopAndQuarantineFile",
    "RestrictCodeExecution",
    "UnrestrictCodeExecution",
];

const ACTION_STATUSES: &[&str] = &["Pending", "InProgress", "Succeeded", "Failed", "TimeOut", "Cancelled"];

/// All of the compatible API's, so that filters that name any of them are understood.
const INVESTIGATION_STATES: &[&str] = &[
    "Unknown",
    "Terminated",
    "SuccessfullyRemediated",
    "Benign",
    "Failed",
    "PartiallyRemediated",
    "Running",
    "PendingApproval",
    "PendingResource",
    "PartiallyInvestigated",
    "TerminatedByUser",
    "TerminatedBySystem",
    "Queued",
    "InnerFailure",
    "PreexistingAlert",
    "UnsupportedOs",
    "UnsupportedAlertType",
    "SuppressedAlert",
];

static MACHINE_ACTION_PROPERTIES: [Property; MACHINE_ACTION_FIELDS.len()] = properties(MACHINE_ACTION_FIELDS);
static INVESTIGATION_PROPERTIES: [Property; INVESTIGATION_FIELDS.len()] = properties(INVESTIGATION_FIELDS);
