//! The retired pull of detections: a bare list of flat objects, one for each item of evidence.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Uri;
use axum::response::Response;
use model::Permission::AlertRead;
use model::alert::{Alert, AlertEvidence, EntityType, Severity};
use model::machine::Machine;
use model::{AlertId, DeviceId, Ticks};
use odata::{CompareOp, Filter, Order, Query};
use serde_json::{Value, json};
use store::{ALERT_TYPE, AlertScope, PageRequest};

use super::Access::Needs;
use super::Routes;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::list::{self, parameter};

const LIMIT_MAX: u64 = 10_000;
/// Alerts that are looked at in one go.
const PAGE: u64 = 1_000;
/// How far back a call without parameters looks.
const DEFAULT_SECONDS: i64 = 2 * 3_600;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/exporter/api/alerts", Needs(AlertRead), pull)
        .summary("Pulls detections, as the retired SIEM interface did: parameters `sinceTimeUtc`, `untilTimeUtc`, `ago`, `limit`, `machinegroups`, `DeviceCreatedMachineTags`, `CloudCreatedMachineTags`.")
        .answers(r#"[{"AlertId":"da1_1","AlertPart":0,"LastProcessedTimeUtc":"2024-05-06T07:00:00.0000000Z"}]"#);
}

async fn pull(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let now = ctx.now();
    let time = |name: &str| match parameter(&uri, name) {
        None => Ok(None),
        Some(text) => {
            let time = odata::parse_datetime(&text).map(Ticks);
            time.map(Some).ok_or_else(|| {
                ApiError::invalid(format!("'{name}' takes a time such as 2024-05-06T07:00:00Z."))
            })
        }
    };
    let ago = parameter(&uri, "ago").map(|text| duration(&text)).transpose()?;
    let since = time("sinceTimeUtc")?.or(ago.map(|seconds| now.plus_seconds(-seconds)));
    let since = since.unwrap_or(now.plus_seconds(-DEFAULT_SECONDS));
    let until = time("untilTimeUtc")?.unwrap_or(now);
    let limit = match parameter(&uri, "limit") {
        None => LIMIT_MAX,
        Some(text) => {
            let limit = text.trim().parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
            limit.ok_or_else(|| {
                ApiError::invalid(format!("'limit' takes a whole number from 1 to {LIMIT_MAX}."))
            })?
        }
    };
    let named = |wanted: &[&str]| -> BTreeSet<String> {
        let options = list::options(&uri);
        let options = options.filter(|(_, name, _)| wanted.iter().any(|w| name.eq_ignore_ascii_case(w)));
        options.map(|(.., value)| store::fold(value.trim())).collect()
    };
    let groups = named(&["machinegroups"]);
    let tags = named(&["DeviceCreatedMachineTags", "CloudCreatedMachineTags"]);
    let is_asked = |alert: &Alert, machine: Option<&Machine>| {
        let has_tag = |machine: &Machine| machine.machine_tags.iter().any(|t| tags.contains(&store::fold(t)));
        let group = alert.rbac_group_name.as_deref().map(store::fold);
        (groups.is_empty() || group.is_some_and(|group| groups.contains(&group)))
            && (tags.is_empty() || machine.is_some_and(has_tag))
    };

    // What is not asked for does not count, so there may be much to look at: the time for the request bounds it.
    let query = query(since, until)?;
    let mut detections = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let request = PageRequest { limit: PAGE.min(limit), cursor: cursor.as_deref() };
        let page = ctx.store().list_alerts(AlertScope::All, &query, request).await?;
        let devices: BTreeSet<DeviceId> = page.items.iter().map(|alert| alert.machine_id.clone()).collect();
        let devices: Vec<DeviceId> = devices.into_iter().collect();
        let machines = ctx.store().machines_with_ids(&devices).await?;
        let machines: BTreeMap<_, _> = machines.iter().map(|machine| (&machine.id, machine)).collect();
        let ids: Vec<AlertId> = page.items.iter().map(|alert| alert.id.clone()).collect();
        let reports = ctx.store().alert_reports(&ids).await?;
        for alert in &page.items {
            let machine = machines.get(&alert.machine_id).copied();
            if is_asked(alert, machine) {
                detections.extend(parts(alert, machine, reports.get(&alert.id).copied()));
            }
        }
        cursor = page.next;
        if cursor.is_none() || detections.len() as u64 >= limit {
            break;
        }
    }
    detections.truncate(limit as usize);
    list::json(&detections)
}

/// Alerts that changed in that time, the latest first.
fn query(since: Ticks, until: Ticks) -> Result<Query, ApiError> {
    let property = ALERT_TYPE.property("lastUpdateTime");
    let property = property.ok_or_else(|| ApiError::internal("alerts have no time of update"))?;
    let compare = |op, time: Ticks| Filter::Compare { property, op, value: odata::Value::DateTime(time.0) };
    Ok(Query {
        filter: Some(Filter::And(vec![compare(CompareOp::Gt, since), compare(CompareOp::Le, until)])),
        order: vec![Order { property, descending: true }],
        expand: vec!["evidence"],
        ..Query::default()
    })
}

/// The seconds of `PT10M`, `P1DT2H`.
fn duration(text: &str) -> Result<i64, ApiError> {
    let wrong = || ApiError::invalid("'ago' takes a duration such as PT10M.");
    let rest = text.trim().strip_prefix(['P', 'p']).ok_or_else(wrong)?;
    let (mut seconds, mut number, mut in_time, mut is_empty) = (0i64, String::new(), false, true);
    for char in rest.chars() {
        let unit = match (char.to_ascii_uppercase(), in_time) {
            ('0'..='9', _) => {
                number.push(char);
                continue;
            }
            ('T', false) => {
                in_time = true;
                continue;
            }
            ('W', false) => 7 * 86_400,
            ('D', false) => 86_400,
            ('H', true) => 3_600,
            ('M', true) => 60,
            ('S', true) => 1,
            _ => return Err(wrong()),
        };
        let count: i64 = number.parse().ok().filter(|count| *count < 1_000_000).ok_or_else(wrong)?;
        seconds += count * unit;
        number.clear();
        is_empty = false;
    }
    if is_empty || !number.is_empty() { Err(wrong()) } else { Ok(seconds) }
}

/// An alert as one detection for each item of its evidence.
fn parts(alert: &Alert, machine: Option<&Machine>, report: Option<i64>) -> Vec<Value> {
    let nothing = [AlertEvidence::new(EntityType::File)];
    let evidence = if alert.evidence.is_empty() { &nothing[..] } else { &alert.evidence };
    evidence
        .iter()
        .enumerate()
        .map(|(part, evidence)| detection((alert, machine, report), evidence, part))
        .collect()
}

fn detection(
    (alert, machine, report): (&Alert, Option<&Machine>, Option<i64>),
    evidence: &AlertEvidence,
    part: usize,
) -> Value {
    fn text(text: &Option<String>) -> &str {
        text.as_deref().unwrap_or_default()
    }
    let severity = match alert.severity {
        Severity::UnSpecified => "Informational".into(),
        severity => json!(severity),
    };
    let dns_name = text(&alert.computer_dns_name);
    let (name, domain) = dns_name.split_once('.').unwrap_or((dns_name, ""));
    let full_id = format!("{}:{part}", alert.id);
    let user = alert.related_user.as_ref();
    let mut detection = json!({
        "AlertTime": alert.first_event_time.unwrap_or(alert.alert_creation_time),
        "ComputerDnsName": dns_name,
        "AlertTitle": alert.title,
        "Category": alert.category,
        "Severity": severity,
        "AlertId": alert.id,
        "Actor": "",
        "LinkToWDATP": "",
        "IocName": "",
        "IocValue": "",
        "CreatorIocName": "",
        "CreatorIocValue": "",
        "Sha1": text(&evidence.sha1),
        "FileName": text(&evidence.file_name),
        "FilePath": text(&evidence.file_path),
        "IpAddress": text(&evidence.ip_address),
        "Url": text(&evidence.url),
        "IoaDefinitionId": text(&alert.detector_id),
        "UserName": user.map_or("", |user| user.user_name.as_str()),
        "AlertPart": part,
        "FullId": full_id,
        "LastProcessedTimeUtc": alert.last_update_time,
        "ThreatCategory": "",
        "ThreatFamily": text(&alert.threat_family_name),
        "ThreatName": text(&alert.threat_name),
    });
    let rest = json!({
        "RemediationAction": "",
        "RemediationIsSuccess": null,
        "Source": "EDR",
        "Md5": "",
        "Sha256": text(&evidence.sha256),
        "WasExecutingWhileDetected": null,
        "UserDomain": user.and_then(|user| user.domain_name.as_deref()).unwrap_or_default(),
        "LogOnUsers": "",
        "MachineDomain": domain,
        "MachineName": name,
        "InternalIPv4List": "",
        "InternalIPv6List": "",
        "FileHash": text(&evidence.sha1),
        "DeviceID": alert.machine_id,
        "MachineGroup": text(&alert.rbac_group_name),
        "Description": alert.description,
        // Where a tag was set is not kept.
        "DeviceCreatedMachineTags": "",
        "CloudCreatedMachineTags": machine.map(|machine| machine.machine_tags.join(",")).unwrap_or_default(),
        "CommandLine": text(&evidence.process_command_line),
        "IncidentLinkToWDATP": "",
        "ReportID": report,
        "LinkToMTP": "",
        "IncidentLinkToMTP": "",
        "ExternalId": full_id,
        "IocUniqueId": full_id,
    });
    if let (Value::Object(members), Value::Object(rest)) = (&mut detection, rest) {
        members.extend(rest);
    }
    detection
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_iso_8601() {
        for (text, seconds) in [
            ("PT10M", Some(600)),
            ("P1DT2H3S", Some(93_603)),
            ("p1w", Some(604_800)),
            ("PT", None),
            ("P10M", None),
            ("PT10", None),
            ("10M", None),
        ] {
            assert_eq!(duration(text).ok(), seconds, "{text}");
        }
    }
}
