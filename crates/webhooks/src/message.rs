//! What is sent of a change, in the form that the receiver takes.

use model::Ticks;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Change, ChangeKind};

/// Longer messages are sent without the entity.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
const TITLE_CHARS_MAX: usize = 300;
/// Fields of ServiceNow are cut by it where they are longer.
const SHORT_CHARS_MAX: usize = 160;
const LONG_CHARS_MAX: usize = 4_000;
/// Who says it.
const SOURCE: &str = "Bartizan";

/// Whose form messages have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Format {
    /// The change with the entity, as Standard Webhooks has it.
    #[default]
    Standard,
    /// A text for an incoming webhook of Slack.
    Slack,
    /// A card for a workflow of Teams.
    Teams,
    /// A row for a table API of ServiceNow, such as that of incidents.
    #[serde(rename = "serviceNow")]
    ServiceNow,
}

/// The message of a change. `entity` is none when it is gone.
pub(crate) fn of_change(format: Format, change: &Change, entity: Option<&Value>, now: Ticks) -> String {
    match format {
        Format::Standard => {
            let message = standard(change, json!(entity), now).to_string();
            if message.len() <= MESSAGE_BYTES_MAX {
                return message;
            }
            let mut message = standard(change, Value::Null, now);
            message["data"]["isCut"] = true.into();
            message.to_string()
        }
        Format::Slack => json!({ "text": line(change, entity) }).to_string(),
        Format::Teams => card(change, entity).to_string(),
        Format::ServiceNow => row(change, entity).to_string(),
    }
}

/// Says that changes were forgotten before they were sent.
pub(crate) fn of_gap(format: Format, since: i64, oldest: i64, now: Ticks) -> String {
    let text = format!("Changes {} to {} are not kept any more and were not sent.", since + 1, oldest - 1);
    match format {
        Format::Standard => {
            json!({ "type": "feed.gap", "timestamp": now, "data": { "since": since, "oldest": oldest } })
                .to_string()
        }
        Format::Slack => json!({ "text": text }).to_string(),
        Format::Teams => teams(&[text]).to_string(),
        Format::ServiceNow => json!({ "short_description": text, "correlation_display": SOURCE }).to_string(),
    }
}

fn standard(change: &Change, entity: Value, now: Ticks) -> Value {
    let Change { sequence, kind, id, change } = change;
    json!({
        "type": format!("{}.{}", camel(kind), change.name()),
        "timestamp": now,
        "data": { "sequence": sequence, "kind": kind, "id": id, "change": change.name(), "entity": entity },
    })
}

/// `machine action` as `machineAction`.
fn camel(kind: &str) -> String {
    let mut words = kind.split(' ');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        text + &head.to_uppercase() + tail
    })
}

/// A change in a line for people.
fn line(change: &Change, entity: Option<&Value>) -> String {
    let of = |name: &str| {
        let text = entity.and_then(|entity| entity.get(name)).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
            .map(|text| text.chars().take(TITLE_CHARS_MAX).collect::<String>())
    };
    let title =
        ["title", "incidentName", "computerDnsName", "indicatorValue", "type"].into_iter().find_map(of);
    let what = match change.change {
        ChangeKind::Created => "new",
        ChangeKind::Updated => "changed",
        ChangeKind::Deleted => "deleted",
    };
    let mut line = format!("{} {} ({what})", change.kind, change.id);
    if let Some(title) = title {
        line += &format!(": {title}");
    }
    for name in ["severity", "status", "state"] {
        if let Some(value) = of(name) {
            line += &format!(", {name} {value}");
        }
    }
    line
}

/// A change as a row of a ticket. What a thing is called in both systems is its id here: a rule of the import that
/// coalesces on `correlation_id` has one ticket of each alert, whatever comes twice.
fn row(change: &Change, entity: Option<&Value>) -> Value {
    let of =
        |name: &str| entity.and_then(|entity| entity.get(name)).and_then(Value::as_str).unwrap_or_default();
    // 1 is the highest of both, 3 the lowest.
    let urgency = match of("severity") {
        "High" => "1",
        "Medium" => "2",
        _ => "3",
    };
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    // States of the table of incidents: new, in progress, resolved.
    let state = match (change.change, of("status")) {
        (ChangeKind::Deleted, _) | (_, "Resolved") => "6",
        (_, "InProgress") => "2",
        _ => "1",
    };
    json!({
        "short_description": cut(&line(change, entity), SHORT_CHARS_MAX),
        "description": cut(of("description"), LONG_CHARS_MAX),
        "urgency": urgency,
        "impact": urgency,
        "state": state,
        "assigned_to": of("assignedTo"),
        "cmdb_ci": of("computerDnsName"),
        "correlation_id": change.id,
        "correlation_display": SOURCE,
    })
}

fn card(change: &Change, entity: Option<&Value>) -> Value {
    teams(&[line(change, entity)])
}

fn teams(lines: &[String]) -> Value {
    let blocks = lines.iter().map(|line| json!({ "type": "TextBlock", "text": line, "wrap": true }));
    let content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks.collect::<Vec<_>>(),
    });
    let kind = "application/vnd.microsoft.card.adaptive";
    json!({ "type": "message", "attachments": [{ "contentType": kind, "content": content }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: &str) -> Change {
        Change { sequence: 7, kind: kind.to_owned(), id: "da1".to_owned(), change: ChangeKind::Created }
    }

    #[test]
    fn each_format_has_its_form() {
        let alert = json!({ "title": "Odd", "severity": "High", "status": "New" });
        let of = |format| -> Value {
            let text = of_change(format, &change("alert"), Some(&alert), Ticks(0));
            serde_json::from_str(&text).unwrap()
        };
        let standard = of(Format::Standard);
        assert_eq!((&standard["type"], &standard["data"]["entity"]), (&json!("alert.created"), &alert));
        let line = "alert da1 (new): Odd, severity High, status New";
        assert_eq!(of(Format::Slack), json!({ "text": line }));
        let teams = of(Format::Teams);
        assert_eq!(teams["attachments"][0]["content"]["body"][0]["text"], line);
        let row = of(Format::ServiceNow);
        assert_eq!(
            (&row["correlation_id"], &row["urgency"], &row["state"]),
            (&json!("da1"), &json!("1"), &json!("1"))
        );
        assert_eq!(row["short_description"], line);
        assert_eq!(serde_json::to_value(Format::ServiceNow).unwrap(), "serviceNow");
        let action = of_change(Format::Standard, &change("machine action"), None, Ticks(0));
        assert!(action.contains("machineAction.created") && action.contains(r#""entity":null"#));
    }

    #[test]
    fn what_is_too_long_comes_without_the_entity() {
        let long = json!({ "title": "x".repeat(MESSAGE_BYTES_MAX) });
        let text = of_change(Format::Standard, &change("alert"), Some(&long), Ticks(0));
        let message: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&message["data"]["entity"], &message["data"]["isCut"]), (&Value::Null, &json!(true)));
    }
}
