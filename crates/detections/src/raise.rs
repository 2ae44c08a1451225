//! The alert that a hit becomes.

use model::alert::{Alert, AlertStatus};
use model::{AlertId, Cell, DeviceId, Row, TenantId, Ticks};

use crate::meta::RuleMeta;
use crate::{evidence, fnv};

/// The alert for one row that a rule matched. The same rule and row always give the same id.
pub fn raise(meta: &RuleMeta, row: &Row, tenant: TenantId, device: &DeviceId, created: Ticks) -> Alert {
    let event_time = row.timestamp().unwrap_or(created);
    let device_name = row.text("DeviceName");
    Alert {
        id: alert_id(meta, row, device, event_time),
        incident_id: None,
        investigation_id: None,
        assigned_to: None,
        severity: meta.severity,
        status: AlertStatus::New,
        classification: None,
        determination: None,
        investigation_state: Some("UnsupportedAlertType".to_owned()),
        detection_source: "CustomDetection".to_owned(),
        detector_id: Some(meta.id.clone()),
        category: meta.category.clone(),
        threat_family_name: None,
        title: meta.title.clone(),
        description: describe(meta),
        alert_creation_time: created,
        first_event_time: Some(event_time),
        last_event_time: Some(event_time),
        last_update_time: created,
        resolved_time: None,
        machine_id: device.clone(),
        computer_dns_name: (!device_name.is_empty()).then(|| device_name.to_owned()),
        rbac_group_name: None,
        aad_tenant_id: tenant,
        threat_name: None,
        recommended_action: None,
        mitre_techniques: meta.techniques.clone(),
        related_user: evidence::related_user(row),
        comments: Vec::new(),
        evidence: evidence::of(row, created),
    }
}

/// The number of the event on its device.
pub fn report_id(row: &Row) -> Option<i64> {
    match row.get("ReportId") {
        Cell::Long(number) => Some(*number),
        _ => None,
    }
}

fn alert_id(meta: &RuleMeta, row: &Row, device: &DeviceId, event_time: Ticks) -> AlertId {
    let report_id = match report_id(row) {
        Some(number) => number.to_string(),
        None => row.text("ReportId").to_owned(),
    };
    let parts =
        [meta.id.as_bytes(), device.as_str().as_bytes(), &event_time.0.to_be_bytes(), report_id.as_bytes()];
    let hash = fnv::hash(&parts);
    let folded = (hash >> 32) as u32 ^ hash as u32;
    AlertId(format!("da{}_{}", event_time.0, folded.cast_signed()))
}

/// The rule's description and, as the licences of public rules ask, who wrote it.
fn describe(meta: &RuleMeta) -> String {
    let mut description = meta.description.clone();
    if !description.is_empty() {
        description.push_str("\n\n");
    }
    description.push_str("Sigma rule by ");
    description.push_str(meta.author.as_deref().unwrap_or("an author it does not name"));
    description.push_str(&format!(" ({})", meta.id));
    if let Some(license) = &meta.license {
        description.push_str(&format!(", licence {license}"));
    }
    description
}
