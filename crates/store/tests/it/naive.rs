//! What a query means, written down once more and as plainly as possible, on the JSON of entities.

use std::cmp::Ordering;

use odata::{CompareOp, EntityType, Filter, Kind, Property, Query, TextFn, Value};
use serde_json::Value as Json;

/// The ids of the entities that pass the query, in its order; `default` orders when it says nothing.
pub(crate) fn ids(
    entities: &[Json],
    query: &Query,
    entity: &EntityType,
    default: (&str, bool),
) -> Vec<String> {
    let mut order: Vec<(Property, bool)> = Vec::new();
    for asked in &query.order {
        if order.iter().all(|(property, _)| property != asked.property) {
            order.push((*asked.property, asked.descending));
        }
    }
    if order.is_empty() {
        order.push((*entity.property(default.0).unwrap(), default.1));
    }
    order.push((*entity.property("id").unwrap(), order.last().unwrap().1));
    let mut found: Vec<_> = entities
        .iter()
        .filter(|entity| query.filter.as_ref().is_none_or(|filter| passes(filter, entity, None)))
        .collect();
    found.sort_by(|one, other| {
        let by = |(property, descending): &(Property, bool)| {
            let ordering = sort_key(property, one).cmp(&sort_key(property, other));
            if *descending { ordering.reverse() } else { ordering }
        };
        order.iter().map(by).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    });
    found.iter().map(|entity| entity["id"].as_str().unwrap().to_owned()).collect()
}

/// Whether an entity passes; inside a lambda, whether the element does.
fn passes(filter: &Filter, entity: &Json, element: Option<&Json>) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(|part| passes(part, entity, element)),
        Filter::Or(parts) => parts.iter().any(|part| passes(part, entity, element)),
        Filter::Not(inner) => !passes(inner, entity, element),
        Filter::Compare { property, op, value } => {
            compares(property, *op, value, &subject(property, entity, element))
        }
        Filter::In { property, values } => {
            let subject = subject(property, entity, element);
            values.iter().any(|value| compares(property, CompareOp::Eq, value, &subject))
        }
        Filter::Text { function, property, value } => {
            let subject = subject(property, entity, element);
            let Some(text) = subject.as_str().map(lower) else { return false };
            match function {
                TextFn::Contains => text.contains(&lower(value)),
                TextFn::StartsWith => text.starts_with(&lower(value)),
                TextFn::EndsWith => text.ends_with(&lower(value)),
            }
        }
        Filter::Any { property, test } => {
            let elements = entity[property.name].as_array().unwrap();
            elements
                .iter()
                .any(|element| test.as_ref().is_none_or(|test| passes(test, entity, Some(element))))
        }
    }
}

fn subject(property: &Property, entity: &Json, element: Option<&Json>) -> Json {
    match element {
        Some(Json::Object(members)) => members[property.name].clone(),
        Some(text) => text.clone(),
        None => entity[property.name].clone(),
    }
}

fn compares(property: &Property, op: CompareOp, value: &Value, subject: &Json) -> bool {
    let ordering = match (value, subject) {
        (Value::Null, subject) => {
            return match op {
                CompareOp::Eq => subject.is_null(),
                CompareOp::Ne => !subject.is_null(),
                _ => false,
            };
        }
        (_, Json::Null) => return op == CompareOp::Ne,
        (Value::String(value), Json::String(text)) if property.kind == Kind::Enum => {
            let place = |name: &str| property.values.iter().position(|member| *member == name).unwrap();
            place(text).cmp(&place(value))
        }
        (Value::String(value), Json::String(text)) => lower(text).cmp(&lower(value)),
        (Value::DateTime(ticks), Json::String(text)) => odata::parse_datetime(text).unwrap().cmp(ticks),
        (Value::Int(value), Json::Number(number)) => number.as_i64().unwrap().cmp(value),
        (Value::Bool(value), Json::Bool(truth)) => truth.cmp(value),
        other => panic!("{other:?}"),
    };
    match op {
        CompareOp::Eq => ordering.is_eq(),
        CompareOp::Ne => ordering.is_ne(),
        CompareOp::Gt => ordering.is_gt(),
        CompareOp::Ge => ordering.is_ge(),
        CompareOp::Lt => ordering.is_lt(),
        CompareOp::Le => ordering.is_le(),
    }
}

/// Null first; of the parts of the key only one is in use for a property.
fn sort_key(property: &Property, entity: &Json) -> Option<(i64, String)> {
    match &entity[property.name] {
        Json::Null => None,
        Json::Bool(truth) => Some((i64::from(*truth), String::new())),
        Json::Number(number) => Some((number.as_i64().unwrap(), String::new())),
        Json::String(text) => Some(match property.kind {
            Kind::Enum => {
                let place = property.values.iter().position(|member| member == text);
                (place.unwrap() as i64, String::new())
            }
            Kind::DateTime => (odata::parse_datetime(text).unwrap(), String::new()),
            _ => (0, lower(text)),
        }),
        other => panic!("{} is {other}", property.name),
    }
}

fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}
