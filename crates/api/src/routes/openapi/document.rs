//! The document: every route with its permission, parameters, body, answers and examples.

use std::collections::BTreeMap;

use axum::http::Method;
use odata::EntityType;
use serde_json::{Map, Value, json};

use super::schema;
use crate::routes::{Access, Gives, RouteDeclaration, Routes};

pub(super) fn document(routes: &Routes, base_url: &str) -> Value {
    let mut schemas: BTreeMap<String, Value> = BTreeMap::new();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for route in routes.declared() {
        if let Gives::One(entity) | Gives::List(entity) = route.gives {
            schemas.entry(schema::name(entity)).or_insert_with(|| schema::of_entity(entity));
        }
        let method = route.method.as_str().to_lowercase();
        paths.entry(path(route)).or_default().insert(method, operation(route));
    }
    schemas.insert("Error".to_owned(), json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "message", "target"],
            "properties": {
                "code": { "type": "string" },
                "message": { "type": "string" },
                "target": { "type": "string", "description": "The id of the answer, as in x-request-id." },
            },
        } },
    }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bartizan",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A security-operations API, compatible with that of Defender for Endpoint.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": base_url }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Error": {
                "description": "What went wrong.",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
            } },
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        },
    })
}

/// The path with the arguments of its function.
fn path(route: &RouteDeclaration) -> String {
    let path = route.path.replace("findbyip()", "findbyip(ip='{ip}',timestamp={timestamp})");
    let path = path.replace("find()", "find(timestamp={timestamp},key='{key}')");
    path.replace("DownloadLink()", "DownloadLink(index={index})")
}

fn operation(route: &RouteDeclaration) -> Value {
    let mut operation = json!({
        "operationId": id(route),
        "summary": route.summary,
        "tags": [tag(route.path)],
        "parameters": parameters(route),
        "responses": responses(route),
    });
    match route.access {
        Access::Open => operation["security"] = json!([]),
        Access::Needs(permission) => {
            let declared = permission.declaration();
            operation["x-permission"] = json!({
                "application": declared.application,
                "delegated": declared.delegated,
            });
            operation["description"] = format!("Needs {}.", declared.application).into();
        }
        _ => {}
    }
    if route.access != Access::Open {
        let (per_minute, per_hour) = (route.limit.per_minute, route.limit.per_hour);
        operation["x-rate-limit"] = json!({ "perMinute": per_minute, "perHour": per_hour });
    }
    if let Some(takes) = route.takes {
        let example: Value = serde_json::from_str(takes).unwrap_or_default();
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": {
                "schema": schema::of_example(&example),
                "example": example,
            } },
        });
    }
    operation
}

/// Different for every operation, and the same in every version.
fn id(route: &RouteDeclaration) -> String {
    let words = route.path.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(route.method.as_str().to_lowercase())
        .chain(words.map(str::to_lowercase))
        .chain(route.path.contains('$').then(|| "option".to_owned()))
        .collect::<Vec<_>>()
        .join("_")
}

/// The word that tells what a path is about.
fn tag(path: &str) -> &str {
    let mut words = path.split('/').filter(|word| !word.is_empty());
    match words.next() {
        Some("api") => words.next().unwrap_or("api"),
        Some("v1.0") => "graph",
        Some(word) if word.starts_with('{') => "sign-in",
        Some(word) => word,
        None => "status",
    }
}

fn parameters(route: &RouteDeclaration) -> Vec<Value> {
    let shown = path(route);
    let names =
        shown.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name.to_owned()));
    let mut parameters: Vec<Value> = names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let option = |name: &str, kind: &str, text: &str| json!({ "name": name, "in": "query", "description": text, "schema": { "type": kind } });
    match route.gives {
        Gives::List(entity) | Gives::ListAs(entity, _) => {
            parameters.push(option("$filter", "string", &filter(entity)));
            parameters.push(option("$orderby", "string", "Properties, each with asc or desc."));
            parameters.push(option("$top", "integer", "At most so many items, 10,000 or less."));
            parameters.push(option("$skip", "integer", "Passes over so many items."));
            parameters.push(option("$count", "boolean", "Says how many items there are in all."));
            parameters.push(option("$select", "string", "The properties to answer with."));
            if !entity.expands.is_empty() {
                let names = entity.expands.join(", ");
                parameters.push(option("$expand", "string", &format!("Any of: {names}.")));
            }
        }
        Gives::Count(entity) => parameters.push(option("$filter", "string", &filter(entity))),
        Gives::One(_) if route.method == Method::GET => {
            parameters.push(option("$select", "string", "The properties to answer with."));
        }
        _ => {}
    }
    parameters
}

fn filter(entity: &EntityType) -> String {
    let names = entity.properties.iter().filter(|property| property.filter).map(|property| property.name);
    format!("A condition on: {}.", names.collect::<Vec<_>>().join(", "))
}

fn responses(route: &RouteDeclaration) -> Value {
    let json = |schema: Value, example: Value| {
        let mut content = json!({ "schema": schema });
        if !example.is_null() {
            content["example"] = example;
        }
        json!({ "description": route.summary, "content": { (route.media): content } })
    };
    let reference = |entity| json!({ "$ref": format!("#/components/schemas/{}", schema::name(entity)) });
    let success = match route.gives {
        Gives::One(entity) => json(reference(entity), Value::Null),
        Gives::List(entity) => json(
            json!({
                "type": "object",
                "required": ["value"],
                "properties": {
                    "@odata.context": { "type": "string" },
                    "@odata.count": { "type": "integer" },
                    "@odata.nextLink": { "type": "string" },
                    "value": { "type": "array", "items": reference(entity) },
                },
            }),
            Value::Null,
        ),
        Gives::Count(_) => json!({
            "description": route.summary,
            "content": { "text/plain": { "schema": { "type": "string", "pattern": "^[0-9]+$" }, "example": "42" } },
        }),
        Gives::Example(text) | Gives::ListAs(_, text) => {
            let example: Value = serde_json::from_str(text).unwrap_or_default();
            json(schema::of_answer(&example), example)
        }
        Gives::Other => json!({ "description": route.summary }),
    };
    let mut responses = json!({ "2XX": success, "default": { "$ref": "#/components/responses/Error" } });
    if route.access != Access::Open {
        for status in ["401", "403"] {
            responses[status] = json!({ "$ref": "#/components/responses/Error" });
        }
    }
    responses
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_route_is_an_operation_with_an_id_and_readable_examples() {
        let routes = Routes::all();
        let document = document(&routes, "https://bartizan.example");
        let mut ids = HashSet::new();
        for route in routes.declared() {
            let operation = &document["paths"][path(route)][route.method.as_str().to_lowercase()];
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
            assert!(!route.summary.is_empty(), "{}", route.path);
            for text in [
                route.takes,
                if let Gives::Example(text) | Gives::ListAs(_, text) = route.gives {
                    Some(text)
                } else {
                    None
                },
            ] {
                assert!(
                    text.is_none_or(|text| serde_json::from_str::<Value>(text).is_ok()),
                    "{}",
                    route.path
                );
            }
        }
    }
}
