//! What became of each item of a body, where each has an answer of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use adapters::{BulkAction, BulkItem, Mapped, Refusal};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

/// Items of one body.
pub(crate) const ITEMS_MAX: usize = 100_000;
/// Reasons are told to so many refused items; the others are told the code.
const REASONS_MAX: usize = 1_000;
const REASON_CHARS_MAX: usize = 300;

pub(crate) type SharedItems = Arc<Mutex<Items>>;

/// The items of a body in their order.
#[derive(Debug, Default)]
pub(crate) struct Items {
    items: Vec<Item>,
    /// By position.
    reasons: HashMap<usize, String>,
}

#[derive(Debug)]
struct Item {
    action: BulkAction,
    index: Box<str>,
    id: Option<Box<str>>,
    outcome: Outcome,
}

/// An item may hold several lines: it is refused when one of them is, and created when one of them is a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// No table takes it.
    Unmapped,
    /// It became a part of what another item made.
    Merged,
    Stored,
    Refused(&'static str),
}

impl Items {
    /// Adds the next item; false when there are too many.
    pub fn push(&mut self, item: &BulkItem<'_>) -> bool {
        if self.items.len() >= ITEMS_MAX {
            return false;
        }
        let id = item.id.as_deref().map(Box::from);
        let (action, index) = (item.action, Box::from(&*item.index));
        self.items.push(Item { action, index, id, outcome: Outcome::Unmapped });
        true
    }

    /// Notes what a record of an item became; items count from 1.
    pub fn note(&mut self, number: u64, outcome: &Result<Mapped, Refusal>) {
        match outcome {
            Ok(Mapped::Row(_)) => self.raise(number, Outcome::Stored),
            Ok(Mapped::Merged) => self.raise(number, Outcome::Merged),
            Ok(Mapped::Unmapped { .. }) => {}
            Err(refusal) => self.refuse(number, refusal.code(), &refusal.to_string()),
        }
    }

    pub fn refuse(&mut self, number: u64, code: &'static str, message: &str) {
        self.raise(number, Outcome::Refused(code));
        let at = position(number);
        if at < self.items.len() && self.reasons.len() < REASONS_MAX {
            let reason = || message.chars().take(REASON_CHARS_MAX).collect();
            self.reasons.entry(at).or_insert_with(reason);
        }
    }

    fn raise(&mut self, number: u64, outcome: Outcome) {
        if let Some(item) = self.items.get_mut(position(number)) {
            item.outcome = item.outcome.max(outcome);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| matches!(item.outcome, Outcome::Refused(_)))
    }

    /// The answer to each item.
    pub fn answers(&self) -> impl Serialize {
        Answers(self, Items::answer)
    }

    /// The same answer to each item, of those that could have been taken.
    pub fn answers_with<'a>(&'a self, status: u16, kind: &'a str, reason: &'a str) -> impl Serialize + 'a {
        Answers(self, move |items: &'a Items, at: usize| match items.items[at].outcome {
            Outcome::Refused(_) => items.answer(at),
            _ => Answer { error: Some(Cause { kind, reason }), ..items.named(at, status) },
        })
    }

    fn answer(&self, at: usize) -> Answer<'_> {
        match self.items[at].outcome {
            Outcome::Stored => Answer { result: Some("created"), ..self.named(at, 201) },
            Outcome::Merged => Answer { result: Some("updated"), ..self.named(at, 200) },
            Outcome::Unmapped => Answer { result: Some("noop"), ..self.named(at, 200) },
            Outcome::Refused(code) => {
                let reason = self.reasons.get(&at).map_or(code, |reason| reason);
                Answer {
                    error: Some(Cause { kind: "document_parsing_exception", reason }),
                    ..self.named(at, 400)
                }
            }
        }
    }

    fn named(&self, at: usize, status: u16) -> Answer<'_> {
        let Item { action, index, id, .. } = &self.items[at];
        Answer { action: action.name(), index, id: id.as_deref(), status, result: None, error: None }
    }
}

fn position(number: u64) -> usize {
    number.checked_sub(1).and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX)
}

struct Answers<'a, F>(&'a Items, F);

impl<'a, F: Fn(&'a Items, usize) -> Answer<'a>> Serialize for Answers<'a, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.items.len()))?;
        for at in 0..self.0.items.len() {
            list.serialize_element(&Named((self.1)(self.0, at)))?;
        }
        list.end()
    }
}

/// An answer under the name of its action.
struct Named<'a>(Answer<'a>);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0.action, &self.0)?;
        map.end()
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip)]
    action: &'static str,
    #[serde(rename = "_index")]
    index: &'a str,
    #[serde(rename = "_id", skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cause<'a>>,
}

#[derive(Serialize)]
struct Cause<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    reason: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(count: usize) -> Items {
        let mut items = Items::default();
        for _ in 0..count {
            let item = BulkItem { action: BulkAction::Create, index: "a".into(), id: None };
            assert!(items.push(&item));
        }
        items
    }

    #[test]
    fn an_item_of_several_lines_is_refused_when_one_of_them_is() {
        let mut items = items(3);
        items.note(1, &Ok(Mapped::Merged));
        items.note(1, &Ok(Mapped::Unmapped { kind: "x".to_owned() }));
        items.note(2, &Err(Refusal::NotJson { reason: "no".to_owned() }));
        items.note(2, &Ok(Mapped::Merged));
        items.refuse(9, "A", "not an item");
        items.refuse(0, "A", "not an item");
        assert!(items.has_errors());
        let answers = serde_json::to_string(&items.answers()).unwrap();
        let expected = concat!(
            r#"[{"create":{"_index":"a","status":200,"result":"updated"}},"#,
            r#"{"create":{"_index":"a","status":400,"error":{"type":"document_parsing_exception","#,
            r#""reason":"the line is not JSON: no"}}},"#,
            r#"{"create":{"_index":"a","status":200,"result":"noop"}}]"#,
        );
        assert_eq!(answers, expected);
        let answers = serde_json::to_value(items.answers_with(429, "busy", "later")).unwrap();
        let statuses: Vec<_> = (0..3).map(|at| answers[at]["create"]["status"].clone()).collect();
        assert_eq!(statuses, [429, 400, 429], "what can never be taken is not sent again");
    }

    #[test]
    fn items_and_reasons_are_bounded() {
        let mut items = items(ITEMS_MAX);
        assert!(!items.push(&BulkItem { action: BulkAction::Index, index: "a".into(), id: None }));
        (1..=ITEMS_MAX as u64).for_each(|number| items.refuse(number, "A", &"x".repeat(1_000)));
        assert_eq!(items.reasons.len(), REASONS_MAX);
        assert_eq!(items.answer(0).error.unwrap().reason.len(), REASON_CHARS_MAX);
        assert_eq!(items.answer(ITEMS_MAX - 1).error.unwrap().reason, "A");
    }
}
