//! How the antivirus programs of devices stand, as far as their events say so.
//!
//! Versions and modes are from the latest row of `DeviceTvmInfoGathering` that has them, scans from `DeviceEvents`. A
//! device that said nothing of either is not listed; what it did not say is empty, null or `Unknown`.

use std::collections::BTreeMap;

use axum::http::Uri;
use axum::response::Response;
use model::Permission::MachineRead;
use model::{DeviceId, Ticks};
use odata::{EntityType, Kind, Property};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Access::Needs;
use super::Routes;
use crate::ask;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::limits::Limit;
use crate::list::{memory, parameter};

/// Devices that one question to the lake is about; of more, those with the smallest ids.
const DEVICES_MAX: usize = 50_000;
const PAGE: u64 = 10_000;
const PAGE_MAX: u64 = 200_000;

const fn text(name: &'static str) -> Property {
    Property::new(name, Kind::String).filterable().sortable()
}

const fn time(name: &'static str) -> Property {
    Property::new(name, Kind::DateTime).filterable().sortable()
}

pub(crate) static AV_TYPE: EntityType = EntityType {
    name: "device antivirus health",
    properties: &[
        text("id"),
        text("machineId"),
        text("computerDnsName"),
        text("osKind"),
        text("osPlatform"),
        text("osVersion"),
        text("avMode"),
        text("avSignatureVersion"),
        text("avEngineVersion"),
        text("avPlatformVersion"),
        time("lastSeenTime"),
        text("quickScanResult"),
        text("quickScanError"),
        time("quickScanTime"),
        text("fullScanResult"),
        text("fullScanError"),
        time("fullScanTime"),
        time("dataRefreshTimestamp"),
        time("avEngineUpdateTime"),
        time("avSignatureUpdateTime"),
        time("avPlatformUpdateTime"),
        text("avIsSignatureUpToDate"),
        text("avIsEngineUpToDate"),
        text("avIsPlatformUpToDate"),
        time("avSignaturePublishTime"),
        text("rbacGroupName"),
        Property::new("rbacGroupId", Kind::Int64).filterable().sortable(),
    ],
    expands: &[],
};

/// The health of a device's antivirus program, on the wire.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    id: String,
    machine_id: String,
    computer_dns_name: String,
    os_kind: String,
    os_platform: String,
    os_version: String,
    av_mode: String,
    av_signature_version: String,
    av_engine_version: String,
    av_platform_version: String,
    last_seen_time: Option<Ticks>,
    quick_scan_result: String,
    quick_scan_error: String,
    quick_scan_time: Option<Ticks>,
    full_scan_result: String,
    full_scan_error: String,
    full_scan_time: Option<Ticks>,
    data_refresh_timestamp: Option<Ticks>,
    av_engine_update_time: Option<Ticks>,
    av_signature_update_time: Option<Ticks>,
    av_platform_update_time: Option<Ticks>,
    av_is_signature_up_to_date: String,
    av_is_engine_up_to_date: String,
    av_is_platform_up_to_date: String,
    av_signature_publish_time: Option<Ticks>,
    rbac_group_name: String,
    rbac_group_id: i64,
}

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/deviceavinfo", Needs(MachineRead), list)
        .summary("Lists how the antivirus programs of devices stand, of those that said something of it; pages of `pageSize` items.")
        .lists(&AV_TYPE)
        .limit(Limit::of_caller(30, 1_000));
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let size = page_size(&uri)?;
    let mut found: BTreeMap<String, Health> = BTreeMap::new();
    for row in ask::rows(&ctx, &states()).await? {
        let health = of(&mut found, &row);
        health.heard(time_in(&row, "Timestamp"));
        health.take_state(&fields(&row));
    }
    for row in ask::rows(&ctx, &scans()).await? {
        let health = of(&mut found, &row);
        health.heard(time_in(&row, "Timestamp"));
        health.take_scan(&row);
    }
    let ids: Vec<DeviceId> = found.keys().filter_map(|id| DeviceId::parse(id)).collect();
    let mut listed = Vec::new();
    // What is no machine yet, or is out of reach, is not listed.
    for machine in ctx.store().machines_with_ids(&ids).await? {
        let Some(mut health) = found.remove(machine.id.as_str()) else { continue };
        health.id = machine.id.to_string();
        health.machine_id = machine.id.to_string();
        health.computer_dns_name = machine.computer_dns_name.unwrap_or_default();
        health.os_kind = kind_of(&machine.os_platform).to_owned();
        health.os_platform = machine.os_platform;
        health.os_version = machine.os_version.unwrap_or_default();
        health.last_seen_time = Some(machine.last_seen);
        health.rbac_group_id = machine.rbac_group_id;
        health.rbac_group_name = machine.rbac_group_name.unwrap_or_default();
        listed.push(health);
    }
    memory::answer_by_key(&ctx, "DeviceAvInfo", &AV_TYPE, &uri, listed, ("id", size))
}

fn states() -> String {
    format!(
        "DeviceTvmInfoGathering | where AdditionalFields contains '\"Av' \
         | summarize arg_max(Timestamp, AdditionalFields) by DeviceId \
         | order by DeviceId asc | take {DEVICES_MAX}"
    )
}

fn scans() -> String {
    format!(
        "DeviceEvents | where ActionType in ('AntivirusScanCompleted', 'AntivirusScanCancelled', 'AntivirusScanFailed') \
         | extend Fields = parse_json(tostring(AdditionalFields)) \
         | extend Scan = tolower(tostring(Fields.ScanTypeIndex)), Error = tostring(Fields.Error) \
         | where Scan in ('quick', 'full') \
         | summarize arg_max(Timestamp, ActionType, Error) by DeviceId, Scan \
         | order by DeviceId asc | take {}",
        2 * DEVICES_MAX
    )
}

fn of<'f>(found: &'f mut BTreeMap<String, Health>, row: &Map<String, Value>) -> &'f mut Health {
    found.entry(text_in(row, "DeviceId").to_lowercase()).or_insert_with(|| {
        let unknown = || "Unknown".to_owned();
        Health {
            av_is_signature_up_to_date: unknown(),
            av_is_engine_up_to_date: unknown(),
            av_is_platform_up_to_date: unknown(),
            ..Health::default()
        }
    })
}

impl Health {
    fn heard(&mut self, at: Option<Ticks>) {
        self.data_refresh_timestamp = self.data_refresh_timestamp.max(at);
    }

    fn take_state(&mut self, fields: &BTreeMap<String, Value>) {
        let text = |name: &str| match fields.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(value) => value.to_string(),
        };
        let time = |name: &str| odata::parse_datetime(&text(name)).map(Ticks);
        let truth = |name: &str| match text(name).to_lowercase().as_str() {
            "true" | "1" => "True".to_owned(),
            "false" | "0" => "False".to_owned(),
            _ => "Unknown".to_owned(),
        };
        self.av_mode = text("avmode");
        self.av_signature_version = text("avsignatureversion");
        self.av_engine_version = text("avengineversion");
        self.av_platform_version = text("avplatformversion");
        self.av_engine_update_time = time("avengineupdatetime");
        self.av_signature_update_time = time("avsignatureupdatetime");
        self.av_platform_update_time = time("avplatformupdatetime");
        self.av_signature_publish_time = time("avsignaturepublishtime");
        self.av_is_signature_up_to_date = truth("avissignatureuptodate");
        self.av_is_engine_up_to_date = truth("avisengineuptodate");
        self.av_is_platform_up_to_date = truth("avisplatformuptodate");
    }

    fn take_scan(&mut self, row: &Map<String, Value>) {
        let result = text_in(row, "ActionType").trim_start_matches("AntivirusScan").to_owned();
        let (at, error) = (time_in(row, "Timestamp"), text_in(row, "Error").to_owned());
        match text_in(row, "Scan") {
            "quick" => {
                (self.quick_scan_result, self.quick_scan_time, self.quick_scan_error) = (result, at, error);
            }
            "full" => {
                (self.full_scan_result, self.full_scan_time, self.full_scan_error) = (result, at, error);
            }
            _ => {}
        }
    }
}

/// The members of a row's fields, by their names in lower case.
fn fields(row: &Map<String, Value>) -> BTreeMap<String, Value> {
    let parsed = match row.get("AdditionalFields") {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        Some(value) => value.clone(),
        None => Value::Null,
    };
    match parsed {
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect()
        }
        _ => BTreeMap::new(),
    }
}

fn text_in<'r>(row: &'r Map<String, Value>, name: &str) -> &'r str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn time_in(row: &Map<String, Value>, name: &str) -> Option<Ticks> {
    Ticks::parse(text_in(row, name))
}

fn kind_of(platform: &str) -> &'static str {
    let platform = platform.to_lowercase();
    if platform.starts_with("win") {
        "windows"
    } else if platform.contains("mac") {
        "mac"
    } else if platform == "unknown" {
        ""
    } else {
        "linux"
    }
}

fn page_size(uri: &Uri) -> Result<u64, ApiError> {
    let Some(given) = parameter(uri, "pageSize") else { return Ok(PAGE) };
    let size = given.trim().parse().ok().filter(|size| (1..=PAGE_MAX).contains(size));
    size.ok_or_else(|| ApiError::invalid(format!("'pageSize' takes a whole number from 1 to {PAGE_MAX}.")))
}
