//! Functions that a tenant saves for its queries.

use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use model::Permission::{HuntingFunctionRead, HuntingFunctionReadWrite};
use model::hunting::HuntingFunction;
use odata::{EntityType, Kind, Property};
use query::{Asked, EmptyTables, SavedFunction, find_function};
use tracing::info;

use super::super::Access::Needs;
use super::super::Routes;
use super::asking::functions;
use super::failure;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::list::{self, ListRequest};

const FUNCTIONS: &str = "HuntingFunctions";
const FUNCTIONS_MAX: i64 = 1_000;
const NAME_BYTES_MAX: usize = 100;
const DESCRIPTION_BYTES_MAX: usize = 4 << 10;
const PARAMETERS_BYTES_MAX: usize = 4 << 10;
const BODY_BYTES_MAX: usize = 64 << 10;

static FUNCTION_TYPE: EntityType = EntityType {
    name: "hunting function",
    properties: &[
        Property::new("name", Kind::String),
        Property::new("description", Kind::String),
        Property::new("parameters", Kind::String),
        Property::new("body", Kind::String),
        Property::new("created", Kind::DateTime),
        Property::new("createdBy", Kind::String),
        Property::new("lastUpdated", Kind::DateTime),
        Property::new("lastUpdatedBy", Kind::String),
    ],
    expands: &[],
};

pub(super) fn routes(routes: &mut Routes) {
    const LIST: &str = "/api/hunting/functions";
    const ONE: &str = "/api/hunting/functions/{name}";
    routes.get(LIST, Needs(HuntingFunctionRead), all).summary("Lists saved functions.").lists(&FUNCTION_TYPE);
    routes.get(ONE, Needs(HuntingFunctionRead), one).summary("Reads a saved function.").gives(&FUNCTION_TYPE);
    routes
        .put(ONE, Needs(HuntingFunctionReadWrite), put)
        .summary("Saves a function, which queries then can call.")
        .takes(r#"{"description":"the last day","parameters":"","body":"DeviceEvents | where Timestamp > ago(1d)"}"#)
        .gives(&FUNCTION_TYPE);
    routes.delete(ONE, Needs(HuntingFunctionReadWrite), delete).summary("Deletes a saved function.");
}

async fn all(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &FUNCTION_TYPE, &uri)?;
    let functions = ctx.store().hunting_functions().await?;
    list.answer_whole(&ctx, FUNCTIONS, Ok(list::whole(&list, functions)))
}

async fn one(ctx: Ctx, Param(name): Param, uri: Uri) -> Result<Response, ApiError> {
    let function = ctx.store().hunting_function(&name).await?;
    let function = function.ok_or_else(|| ApiError::resource_not_found("Hunting function", &name))?;
    list::single(&ctx, FUNCTIONS, &FUNCTION_TYPE, &uri, &function)
}

async fn put(ctx: Ctx, Param(name): Param, uri: Uri, body: JsonObject) -> Result<Response, ApiError> {
    let function = read(&ctx, name, body)?;
    check(&ctx, &function).await?;
    let put = ctx.store().put_hunting_function(&function, FUNCTIONS_MAX).await?;
    let message = format!("There are {FUNCTIONS_MAX} saved functions; no more are taken.");
    let function = put.ok_or_else(|| ApiError::new(code::INVALID_INPUT, message))?;
    info!(tenant = %ctx.tenant(), function = function.name, by = ctx.author(), "saved a hunting function");
    list::single(&ctx, FUNCTIONS, &FUNCTION_TYPE, &uri, &function)
}

async fn delete(ctx: Ctx, Param(name): Param) -> Result<Response, ApiError> {
    let function = ctx.store().hunting_function(&name).await?;
    let function = function.ok_or_else(|| ApiError::resource_not_found("Hunting function", &name))?;
    ctx.store().delete_hunting_function(&function.name).await?;
    info!(tenant = %ctx.tenant(), function = name, by = ctx.author(), "deleted a hunting function");
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn read(ctx: &Ctx, name: String, mut body: JsonObject) -> Result<HuntingFunction, ApiError> {
    let mut text = |member: &str, bytes_max: usize| {
        let text = body.take_text(member)?.unwrap_or_default();
        if text.len() > bytes_max {
            let message = format!("'{member}' takes {bytes_max} bytes of text at most.");
            return Err(ApiError::new(code::INVALID_INPUT, message));
        }
        Ok(text)
    };
    let description = text("description", DESCRIPTION_BYTES_MAX)?;
    let parameters = text("parameters", PARAMETERS_BYTES_MAX)?;
    let body = text("body", BODY_BYTES_MAX)?;
    let is_name = name.len() <= NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    let message = if !is_name {
        format!("The name of a function takes 1 to {NAME_BYTES_MAX} letters, digits and '_', no digit first.")
    } else if model::tables::find(&name).is_some() || find_function(&name).is_some() {
        format!("{name} is a table or a function of the language already.")
    } else if body.trim().is_empty() {
        "'body' takes a query: statements, the last of which is the result.".to_owned()
    } else {
        let (now, by) = (ctx.now(), ctx.author());
        let (created, created_by) = (now, by.clone());
        let (last_updated, last_updated_by) = (now, by);
        return Ok(HuntingFunction {
            name,
            description,
            parameters,
            body,
            created,
            created_by,
            last_updated,
            last_updated_by,
        });
    };
    Err(ApiError::new(code::INVALID_INPUT, message))
}

/// Reads the function, and plans a query that calls it where it takes nothing.
async fn check(ctx: &Ctx, function: &HuntingFunction) -> Result<(), ApiError> {
    let HuntingFunction { name, parameters, body, .. } = function.clone();
    let saved = SavedFunction { name, parameters, body };
    saved.check().map_err(|diagnostics| failure::invalid(&diagnostics, &saved.body))?;
    let Some(call) = saved.call() else { return Ok(()) };
    let mut known = functions(ctx.store(), &saved.body).await?;
    known.retain(|other| other.name != saved.name);
    known.push(saved);
    let tables = std::sync::Arc::new(EmptyTables::declared());
    let asked = Asked::new(&call, tables, ctx.now());
    let asked = Asked { asker: ctx.asker(), functions: known.into(), ..asked };
    let described = ctx.engine().describe_asked(&asked).await;
    described.map(drop).map_err(|error| failure::of_query(error, &call))
}
