//! The retired pull of detections: a bare list of flat objects, one for each item of evidence.

use axum::http::Uri;
use axum::response::Response;
use model::Permission::AlertRead;
use model::Ticks;
use model::alert::{Alert, AlertEvidence, EntityType, Severity};
use odata::{CompareOp, Filter, Order, Query};
use serde_json::{Value, json};
use store::{ALERT_TYPE, AlertScope, PageRequest};

use super::Access::Needs;
use super::Routes;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::list::{self, parameter};

const LIMIT_MAX: u64 = 10_000;
/// How far back a call without parameters looks.
const DEFAULT_SECONDS: i64 = 2 * 3_600;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/exporter/api/alerts", Needs(AlertRead), pull)
        .summary("Pulls detections, as the retired SIEM interface did: parameters `sinceTimeUtc`, `untilTimeUtc`, `ago`, `limit`, `machinegroups`.")
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
    let groups: Vec<String> = list::options(&uri)
        .filter(|(_, name, _)| name.eq_ignore_ascii_case("machinegroups"))
        .map(|(.., group)| store::fold(&group))
        .collect();

    let query = query(since, until)?;
    let request = PageRequest { limit, cursor: None };
    let alerts = ctx.store().list_alerts(AlertScope::All, &query, request).await?.items;
    let is_asked = |alert: &&Alert| {
        groups.is_empty()
            || alert.rbac_group_name.as_deref().is_some_and(|name| groups.contains(&store::fold(name)))
    };
    let detections = alerts.iter().filter(is_asked).flat_map(parts);
    list::json(&detections.take(limit as usize).collect::<Vec<_>>())
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
fn parts(alert: &Alert) -> Vec<Value> {
    let nothing = [AlertEvidence::new(EntityType::File)];
    let evidence = if alert.evidence.is_empty() { &nothing[..] } else { &alert.evidence };
    evidence.iter().enumerate().map(|(part, evidence)| detection(alert, evidence, part)).collect()
}

fn detection(alert: &Alert, evidence: &AlertEvidence, part: usize) -> Value {
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
        "DeviceCreatedMachineTags": "",
        "CloudCreatedMachineTags": "",
        "CommandLine": text(&evidence.process_command_line),
        "IncidentLinkToWDATP": "",
        "ReportID": null,
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
