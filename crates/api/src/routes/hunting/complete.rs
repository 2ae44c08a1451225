//! What an editor asks while somebody writes a query.

use axum::response::Response;
use kql::LineIndex;
use model::Permission::AdvancedHuntingRead;
use query::{Editing, EmptyTables, Item, SavedFunction};
use serde_json::{Value, json};

use super::super::Access::Needs;
use super::super::Routes;
use super::failure;
use crate::body::JsonObject;
use crate::ctx::Ctx;
use crate::error::{ApiError, code};
use crate::list;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .post("/api/hunting/complete", Needs(AdvancedHuntingRead), complete)
        .summary("Tells what can stand at a place of a query, and what the name there means.")
        .takes(r#"{"Query":"DeviceEv","Offset":8}"#);
}

async fn complete(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let text = body.take_text("Query")?.unwrap_or_default();
    let invalid =
        || ApiError::new(code::INVALID_INPUT, "'Offset' takes the number of characters before the place.");
    let characters = match body.take("Offset")? {
        None => text.chars().count(),
        Some(number) => {
            let number = number.as_u64().and_then(|number| usize::try_from(number).ok());
            number.filter(|number| *number <= text.chars().count()).ok_or_else(invalid)?
        }
    };
    let offset = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    let functions = ctx.store().hunting_functions().await?.into_iter();
    let saved = functions.map(|function| {
        let (name, parameters, body) = (function.name, function.parameters, function.body);
        SavedFunction { name, parameters, body }
    });
    let editing = Editing {
        text: text.into(),
        offset,
        tables: std::sync::Arc::new(EmptyTables::declared()),
        functions: saved.collect(),
        now: ctx.now(),
    };
    let body = tokio::task::spawn_blocking(move || answer(&editing)).await;
    list::json(&body.map_err(|error| ApiError::internal(format!("cannot complete a query: {error}")))?)
}

fn answer(editing: &Editing) -> Value {
    let (text, completion) = (&editing.text, editing.complete());
    let characters = |end: usize| text.get(..end).map_or(0, |text| text.chars().count());
    let (start, end) = (characters(completion.replaces.start), characters(completion.replaces.end));
    let place = LineIndex::new(text).position(completion.replaces.start);
    json!({
        "replaces": { "offset": start, "length": end - start, "line": place.line, "column": place.column },
        "items": completion.items.iter().map(item).collect::<Value>(),
        "hover": completion.hover.as_ref().map(item),
        "diagnostics": failure::details(&completion.diagnostics, text),
    })
}

fn item(item: &Item) -> Value {
    json!({
        "label": item.label,
        "kind": item.kind.name(),
        "detail": item.detail,
        "documentation": item.documentation,
    })
}
