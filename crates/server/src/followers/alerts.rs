//! Alerts on their way to the store.

use std::collections::BTreeMap;

use model::alert::Alert;
use model::time::TICKS_PER_SECOND;
use store::{EVIDENCE_MAX, RaisedAlert};

/// Hits of one rule on one device whose events are not further apart make one alert.
pub(super) const WINDOW_TICKS: i64 = 3_600 * TICKS_PER_SECOND;

/// What rules raised for some rows. Hits that the store would put into one alert are put together here, so
/// that a rule which matches everything does not make a write of each row.
#[derive(Default)]
pub(super) struct Raised(BTreeMap<(String, String), Vec<OfEvent>>);

/// An alert, and the `ReportId` of the event that names it.
type OfEvent = (Alert, Option<i64>);

impl Raised {
    pub fn add(&mut self, alert: Alert, rule_id: &str, report_id: Option<i64>) {
        let key = (rule_id.to_owned(), alert.machine_id.as_str().to_owned());
        let alerts = self.0.entry(key).or_default();
        match alerts.iter_mut().rev().find(|(open, _)| is_near(open, &alert)) {
            Some((open, report)) => {
                if alert.first_event_time < open.first_event_time {
                    *report = report_id;
                }
                extend(open, alert);
            }
            None => alerts.push((alert, report_id)),
        }
    }

    /// In the order of rules, devices and events.
    pub fn into_alerts(self) -> Vec<RaisedAlert> {
        let mut raised = Vec::new();
        for ((rule_id, _), mut alerts) in self.0 {
            alerts.sort_by_key(|(alert, _)| alert.first_event_time);
            let of_rule = alerts.into_iter().map(|(alert, report_id)| RaisedAlert {
                alert,
                rule_id: rule_id.clone(),
                report_id,
            });
            raised.extend(of_rule);
        }
        raised
    }
}

fn is_near(open: &Alert, alert: &Alert) -> bool {
    let (Some(first), Some(last)) = (open.first_event_time, open.last_event_time) else { return false };
    let (Some(from), Some(to)) = (alert.first_event_time, alert.last_event_time) else { return false };
    from.0 <= last.0.saturating_add(WINDOW_TICKS) && to.0 >= first.0.saturating_sub(WINDOW_TICKS)
}

/// The earlier event names the alert, as it would have if it had come first.
fn extend(open: &mut Alert, mut other: Alert) {
    if other.first_event_time < open.first_event_time {
        std::mem::swap(open, &mut other);
    }
    open.last_event_time = open.last_event_time.max(other.last_event_time);
    for evidence in other.evidence {
        if open.evidence.len() >= EVIDENCE_MAX {
            break;
        }
        if !open.evidence.contains(&evidence) {
            open.evidence.push(evidence);
        }
    }
}
