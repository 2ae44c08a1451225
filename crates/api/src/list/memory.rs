//! Lists that are in memory: the same options mean the same as on stored ones.

use std::cmp::Ordering;

use axum::http::Uri;
use axum::response::Response;
use model::Ticks;
use odata::{CompareOp, EntityType, Filter, Kind, Property, TextFn, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use store::{HistoryEntry, Page, fold};

use super::{ListRequest, object};
use crate::ctx::Ctx;
use crate::error::ApiError;

/// What may be asked of an entry of a history.
pub(crate) static HISTORY_TYPE: EntityType = EntityType {
    name: "history entry",
    properties: &[
        Property::new("sequence", Kind::Int64).filterable().sortable(),
        Property::new("changedTime", Kind::DateTime).filterable().sortable(),
        Property::new("changedBy", Kind::String).filterable().sortable(),
        Property::new("change", Kind::Complex),
    ],
    expands: &[],
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    sequence: i64,
    changed_time: Ticks,
    changed_by: String,
    change: Json,
}

/// The answer with what was changed of an entity.
pub(crate) fn history(ctx: &Ctx, uri: &Uri, entries: Vec<HistoryEntry>) -> Result<Response, ApiError> {
    let entries = entries.into_iter().map(|entry| Entry {
        sequence: entry.sequence,
        changed_time: entry.at,
        changed_by: entry.by,
        change: entry.change,
    });
    answer(ctx, "History", &HISTORY_TYPE, uri, entries.collect())
}

/// The answer with what the options say of a list that has one page.
pub(crate) fn answer<T: Serialize>(
    ctx: &Ctx,
    set: &str,
    entity: &'static EntityType,
    uri: &Uri,
    items: Vec<T>,
) -> Result<Response, ApiError> {
    let list = ListRequest::read(ctx, entity, uri)?;
    let page = page(&list, items)?;
    list.answer_whole(ctx, set, Ok(page))
}

/// The same with pages of so many items, where they are in the order of the key: a page begins behind the last item of
/// the one before. What is sorted by something else, or cut by `$top` or `$skip`, has one page.
pub(crate) fn answer_by_key<T: Serialize>(
    ctx: &Ctx,
    set: &str,
    entity: &'static EntityType,
    uri: &Uri,
    items: Vec<T>,
    (key, size): (&str, u64),
) -> Result<Response, ApiError> {
    let list = ListRequest::read(ctx, entity, uri)?;
    let mut page = page(&list, items)?;
    let query = &list.query;
    if !query.order.is_empty() || query.top.is_some() || query.skip > 0 {
        return list.answer_whole(ctx, set, Ok(page));
    }
    let of = |item: &Map<String, Json>| item.get(key).and_then(Json::as_str).map(fold).unwrap_or_default();
    page.items.sort_by_key(of);
    if let Some(after) = list.page().cursor {
        let after = fold(after);
        page.items.retain(|item| of(item) > after);
    }
    let size = usize::try_from(size.min(list.page_max(size))).unwrap_or(usize::MAX);
    if page.items.len() > size {
        page.items.truncate(size);
        page.next = page.items.last().map(of);
    }
    list.answer(ctx, set, Ok(page))
}

fn page<T: Serialize>(list: &ListRequest, items: Vec<T>) -> Result<Page<Map<String, Json>>, ApiError> {
    let query = &list.query;
    let mut objects = items.iter().map(object).collect::<Result<Vec<_>, _>>()?;
    if let Some(filter) = &query.filter {
        objects.retain(|object| passes(filter, object, None));
    }
    objects.sort_by(|one, other| {
        let by = |order: &odata::Order| {
            let ordering = compared(order.property, one, other);
            if order.descending { ordering.reverse() } else { ordering }
        };
        query.order.iter().map(by).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    });
    let count = query.count.then_some(objects.len() as u64);
    let skip = usize::try_from(query.skip).unwrap_or(usize::MAX);
    let top = query.top.and_then(|top| usize::try_from(top).ok()).unwrap_or(usize::MAX);
    Ok(Page { items: objects.into_iter().skip(skip).take(top).collect(), next: None, count })
}

/// Whether an object passes; inside a lambda, whether the element does.
fn passes(filter: &Filter, object: &Map<String, Json>, element: Option<&Json>) -> bool {
    let subject = |property: &Property| match element {
        Some(Json::Object(members)) => members.get(property.name),
        Some(element) => Some(element),
        None => object.get(property.name),
    };
    match filter {
        Filter::And(parts) => parts.iter().all(|part| passes(part, object, element)),
        Filter::Or(parts) => parts.iter().any(|part| passes(part, object, element)),
        Filter::Not(inner) => !passes(inner, object, element),
        Filter::Compare { property, op, value } => compares(property, *op, value, subject(property)),
        Filter::In { property, values } => {
            values.iter().any(|value| compares(property, CompareOp::Eq, value, subject(property)))
        }
        Filter::Text { function, property, value } => {
            let Some(text) = subject(property).and_then(Json::as_str).map(fold) else { return false };
            match function {
                TextFn::Contains => text.contains(&fold(value)),
                TextFn::StartsWith => text.starts_with(&fold(value)),
                TextFn::EndsWith => text.ends_with(&fold(value)),
            }
        }
        Filter::Any { property, test } => {
            let elements = object.get(property.name).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
            let passes = |element| test.as_ref().is_none_or(|test| passes(test, object, Some(element)));
            elements.iter().any(passes)
        }
    }
}

fn compares(property: &Property, op: CompareOp, value: &Value, subject: Option<&Json>) -> bool {
    let subject = subject.and_then(|subject| key(property, subject));
    let value = match value {
        Value::Null => None,
        Value::String(text) => key(property, &Json::from(text.as_str())),
        Value::Int(number) => Some(Key::Whole(*number)),
        Value::Double(number) => Some(Key::Real(*number)),
        Value::Bool(truth) => Some(Key::Whole(i64::from(*truth))),
        Value::DateTime(ticks) => Some(Key::Whole(*ticks)),
    };
    match (op, subject, value) {
        (CompareOp::Eq, subject, value) => subject == value,
        (CompareOp::Ne, subject, value) => subject != value,
        (op, Some(subject), Some(value)) => {
            let ordering = subject.partial_cmp(&value);
            ordering.is_some_and(|ordering| match op {
                CompareOp::Gt => ordering.is_gt(),
                CompareOp::Ge => ordering.is_ge(),
                CompareOp::Lt => ordering.is_lt(),
                _ => ordering.is_le(),
            })
        }
        _ => false,
    }
}

/// Null comes before every value.
fn compared(property: &Property, one: &Map<String, Json>, other: &Map<String, Json>) -> Ordering {
    let key = |object: &Map<String, Json>| object.get(property.name).and_then(|value| key(property, value));
    key(one).partial_cmp(&key(other)).unwrap_or(Ordering::Equal)
}

/// What values of a property are compared by.
#[derive(Debug, PartialEq, PartialOrd)]
enum Key {
    Whole(i64),
    Real(f64),
    Text(String),
}

fn key(property: &Property, value: &Json) -> Option<Key> {
    match (property.kind, value) {
        (_, Json::Null) => None,
        (Kind::Enum, Json::String(member)) => {
            let place = property.values.iter().position(|known| known == member);
            place.and_then(|place| i64::try_from(place).ok()).map(Key::Whole)
        }
        (Kind::DateTime, Json::String(text)) => odata::parse_datetime(text).map(Key::Whole),
        (_, Json::String(text)) => Some(Key::Text(fold(text))),
        (_, Json::Bool(truth)) => Some(Key::Whole(i64::from(*truth))),
        (Kind::Double, Json::Number(number)) => number.as_f64().map(Key::Real),
        (_, Json::Number(number)) => number.as_i64().map(Key::Whole),
        (_, Json::Array(_) | Json::Object(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static THING: EntityType = EntityType {
        name: "thing",
        properties: &[
            Property::new("name", Kind::String).filterable().sortable(),
            Property::new("size", Kind::Int64).filterable().sortable(),
            Property::new("seen", Kind::DateTime).filterable().sortable(),
            Property::enumeration("level", &["Low", "High"]).filterable().sortable(),
            Property::new("tags", Kind::Strings).filterable(),
        ],
        expands: &[],
    };

    #[test]
    fn filters_find_what_they_say() {
        let things = [
            json!({"name":"Alpha","size":1,"seen":"2024-01-01T00:00:00.0000000Z","level":"High","tags":["a","B"]}),
            json!({"name":null,"size":2,"seen":"2024-01-02T00:00:00.0000000Z","level":"Low","tags":[]}),
        ];
        for (filter, expected) in [
            ("name eq 'ALPHA'", &[0][..]),
            ("name ne 'alpha'", &[1]),
            ("not (name eq 'alpha')", &[1]),
            ("name eq null", &[1]),
            ("size gt 1 or startswith(name,'al')", &[0, 1]),
            ("seen lt 2024-01-01T12:00:00+00:00", &[0]),
            ("level eq 'high'", &[0]),
            ("level in ('Low')", &[1]),
            ("tags/any(t: t eq 'b')", &[0]),
            ("tags/all(t: t eq 'b')", &[1]),
            ("tags/any()", &[0]),
        ] {
            let filter = Filter::parse(&THING, filter).unwrap();
            let found =
                (0..things.len()).filter(|at| passes(&filter, things[*at].as_object().unwrap(), None));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{filter}");
        }
    }
}
