//! Schemas: of declared entities, and of examples.

use odata::{EntityType, Kind, Property};
use serde_json::{Map, Value, json};

/// The name of an entity's schema: `alert` is `Alert`, `file statistics` is `FileStatistics`.
pub(super) fn name(entity: &EntityType) -> String {
    let words = entity.name.split(' ').map(|word| {
        let mut word = word.to_owned();
        if let Some(first) = word.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        word
    });
    words.collect()
}

pub(super) fn of_entity(entity: &EntityType) -> Value {
    let properties =
        entity.properties.iter().map(|property| (property.name.to_owned(), of_property(property)));
    let properties: Map<String, Value> = properties.collect();
    json!({ "type": "object", "properties": properties })
}

/// Any property may be null, as in an answer of the compatible API.
fn of_property(property: &Property) -> Value {
    match property.kind {
        Kind::String => json!({ "type": ["string", "null"] }),
        Kind::Enum => {
            let members: Vec<Value> =
                property.values.iter().map(|member| json!(member)).chain([Value::Null]).collect();
            json!({ "enum": members })
        }
        Kind::Int64 => json!({ "type": ["integer", "null"], "format": "int64" }),
        Kind::Double => json!({ "type": ["number", "null"] }),
        Kind::Bool => json!({ "type": ["boolean", "null"] }),
        Kind::DateTime => json!({ "type": ["string", "null"], "format": "date-time" }),
        Kind::Strings => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Objects => {
            let members =
                property.elements.iter().map(|member| (member.name.to_owned(), of_property(member)));
            let members: Map<String, Value> = members.collect();
            json!({ "type": "array", "items": { "type": "object", "properties": members } })
        }
        Kind::Complex if property.is_list => json!({ "type": "array", "items": { "type": "object" } }),
        Kind::Complex => json!({}),
    }
}

/// What answers like an example are: any member of an object may be null, as with entities.
pub(super) fn of_answer(example: &Value) -> Value {
    match example {
        Value::Array(items) => {
            let items = items.first().map_or(json!({}), of_answer);
            json!({ "type": "array", "items": items })
        }
        Value::Object(members) => {
            let properties = members.iter().map(|(name, value)| {
                let mut schema = of_answer(value);
                if let Some(kind) = schema.get("type").cloned() {
                    schema["type"] = json!([kind, "null"]);
                }
                (name.clone(), schema)
            });
            json!({ "type": "object", "properties": properties.collect::<Map<_, _>>() })
        }
        other => of_example(other),
    }
}

/// What things like an example are. Members that it does not have may be there.
pub(super) fn of_example(example: &Value) -> Value {
    match example {
        Value::Null => json!({}),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(number) if number.is_f64() => json!({ "type": "number" }),
        Value::Number(_) => json!({ "type": "integer" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Array(items) => {
            let items = items.first().map_or(json!({}), of_example);
            json!({ "type": "array", "items": items })
        }
        Value::Object(members) => {
            let properties = members.iter().map(|(name, value)| (name.clone(), of_example(value)));
            json!({ "type": "object", "properties": properties.collect::<Map<_, _>>() })
        }
    }
}
