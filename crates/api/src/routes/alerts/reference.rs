//! Alerts that somebody makes of an event.

use actions::{ActionError, Request};
use axum::http::Uri;
use axum::response::Response;
use model::alert::{Alert, AlertStatus, Severity};
use model::tables::TABLES;
use model::{AlertId, DeviceId, Row, Table, Ticks};
use sensor_proto::Order;
use serde_json::Value;
use store::{ALERT_TYPE, RaisedAlert};
use tracing::debug;

use crate::body::JsonObject;
use crate::ctx::Ctx;
use crate::error::{ApiError, code};
use crate::{ask, list};

pub(super) const EXAMPLE: &str = r#"{"machineId":"1e5bc9d7e413ddd7902c2932e418702b84d0cc07","severity":"Low","title":"example","description":"what was found","recommendedAction":"nothing","eventTime":"2024-05-06T07:00:00.1234567Z","reportId":"20776","category":"Exploit"}"#;

const TITLE_BYTES_MAX: usize = 1 << 10;
const TEXT_BYTES_MAX: usize = 32 << 10;

const CATEGORIES: &[&str] = &[
    "General",
    "CommandAndControl",
    "Collection",
    "CredentialAccess",
    "DefenseEvasion",
    "Discovery",
    "Exfiltration",
    "Exploit",
    "Execution",
    "InitialAccess",
    "LateralMovement",
    "Malware",
    "Persistence",
    "PrivilegeEscalation",
    "Ransomware",
    "SuspiciousActivity",
];

/// Which event, and what to say of it.
struct Reference {
    device: DeviceId,
    time: Ticks,
    report: i64,
    severity: Severity,
    title: String,
    description: String,
    recommended: String,
    category: String,
}

pub(super) async fn create(ctx: Ctx, uri: Uri, body: JsonObject) -> Result<Response, ApiError> {
    let reference = Reference::read(body)?;
    let row = reference.event(&ctx).await?;
    let (alert, rule_id) = (reference.alert(&ctx, &row), format!("reference:{}", reference.title));
    let raised = RaisedAlert { alert, rule_id, report_id: Some(reference.report) };
    let alert = investigated(&ctx, ctx.store().add_alert(&raised).await?).await?;
    list::single(&ctx, "Alerts", &ALERT_TYPE, &uri, &alert)
}

/// The alert, with the investigation that is begun for it where its device takes one now.
async fn investigated(ctx: &Ctx, alert: Alert) -> Result<Alert, ApiError> {
    let machine = ctx.store().machine(&alert.machine_id).await?;
    let Some(machine) = machine.filter(|_| alert.investigation_id.is_none()) else { return Ok(alert) };
    let request = Request {
        order: Order::Investigate,
        comment: format!("For alert {}.", alert.id),
        title: None,
        requestor: ctx.author(),
        actor: ctx.actor(),
        source: "PublicApi".to_owned(),
        external_id: None,
        idempotency_key: None,
        deadline_seconds: None,
    };
    match ctx.actions().investigate(&machine, &request, Some(alert.id.to_string())).await {
        Ok(_) => Ok(ctx.store().alert(&alert.id).await?.unwrap_or(alert)),
        Err(ActionError::Store(error)) => Err(error.into()),
        Err(refusal) => {
            debug!(alert = %alert.id, %refusal, "no investigation begins for an alert");
            Ok(alert)
        }
    }
}

impl Reference {
    fn read(mut body: JsonObject) -> Result<Reference, ApiError> {
        let device = body.need_text("machineId", TITLE_BYTES_MAX)?;
        let device = DeviceId::parse(device.trim())
            .ok_or_else(|| ApiError::invalid("'machineId' takes 40 hexadecimal digits."))?;
        let report = match body.take("reportId")? {
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(Value::Number(number)) => number.as_i64(),
            Some(_) => None,
            None => return Err(ApiError::missing("reportId")),
        };
        let report = report.ok_or_else(|| ApiError::invalid("'reportId' takes a whole number."))?;
        let severity = body.take_choice("severity", &["Low", "Medium", "High"], &[])?;
        let category: Option<String> = body.take_choice("category", CATEGORIES, &[])?;
        let title = body.need_text("title", TITLE_BYTES_MAX)?;
        let description = body.need_text("description", TEXT_BYTES_MAX)?;
        let recommended = body.need_text("recommendedAction", TEXT_BYTES_MAX)?;
        Ok(Reference {
            device,
            time: body.take_time("eventTime")?.ok_or_else(|| ApiError::missing("eventTime"))?,
            report,
            severity: severity.ok_or_else(|| ApiError::missing("severity"))?,
            title,
            description,
            recommended,
            category: category.ok_or_else(|| ApiError::missing("category"))?,
        })
    }

    /// The event, in whichever table it is.
    async fn event(&self, ctx: &Ctx) -> Result<Row, ApiError> {
        let of_devices = TABLES.iter().filter(|table| {
            table.name.starts_with("Device")
                && ["DeviceId", "ReportId"].iter().all(|column| table.position(column).is_some())
        });
        let condition = format!(
            "where Timestamp == datetime({}) and ReportId == {} and DeviceId == '{}'",
            self.time, self.report, self.device
        );
        let parts: Vec<String> = of_devices
            .map(|table| {
                format!("({} | {condition} | extend Place = '{}' | project Place)", table.name, table.name)
            })
            .collect();
        let found = ask::rows(ctx, &format!("union {} | take 1", parts.join(", "))).await?;
        let name = found.first().and_then(|row| row.get("Place")).and_then(Value::as_str);
        let table: Option<&'static Table> =
            name.and_then(|name| TABLES.iter().copied().find(|table| table.name == name));
        let missing = || {
            let what = format!("with reportId {} at {} of machine", self.report, self.time);
            ApiError::new(code::RESOURCE_NOT_FOUND, format!("The event {what} {} was not found", self.device))
        };
        let table = table.ok_or_else(missing)?;
        let mut rows = ask::rows(ctx, &format!("{} | {condition} | take 1", table.name)).await?;
        let mut row = rows.pop().ok_or_else(missing)?;
        // Queries have columns that are not of the table.
        row.retain(|name, _| table.position(name).is_some());
        Row::from_json(table, row).map_err(|error| ApiError::internal(format!("an event as a row: {error}")))
    }

    fn alert(&self, ctx: &Ctx, row: &Row) -> Alert {
        let now = ctx.now();
        let name = row.text("DeviceName");
        Alert {
            id: AlertId(format!("da{}_{}", now.0, self.number())),
            incident_id: None,
            investigation_id: None,
            assigned_to: None,
            severity: self.severity,
            status: AlertStatus::New,
            classification: None,
            determination: None,
            investigation_state: Some("UnsupportedAlertType".to_owned()),
            detection_source: "Manual".to_owned(),
            detector_id: None,
            category: self.category.clone(),
            threat_family_name: None,
            title: self.title.clone(),
            description: self.description.clone(),
            alert_creation_time: now,
            first_event_time: Some(self.time),
            last_event_time: Some(self.time),
            last_update_time: now,
            resolved_time: None,
            machine_id: self.device.clone(),
            computer_dns_name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            rbac_group_name: None,
            aad_tenant_id: ctx.tenant(),
            threat_name: None,
            recommended_action: Some(self.recommended.clone()),
            mitre_techniques: Vec::new(),
            related_user: detections::related_user(row),
            comments: Vec::new(),
            evidence: detections::evidence(row, now),
        }
    }

    /// Follows from the event and the title: the same call at the same time makes the same id.
    fn number(&self) -> i32 {
        let text = format!("{} {} {} {}", self.device, self.time.0, self.report, self.title);
        let hash = text
            .bytes()
            .fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        hash.cast_signed()
    }
}
