//! The files that live responses draw from.

use actions::NewFile;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use model::Permission::LibraryManage;
use odata::{EntityType, Kind, Property};

use super::Access::Needs;
use super::{Bounds, Routes};
use crate::body;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::list::{self, ListRequest};
use crate::multipart::{self, Part};

const SET: &str = "LibraryFiles";
/// A file of 20 MB and the form around it.
const FORM_BYTES_MAX: usize = 21 << 20;
const TEXT_BYTES_MAX: usize = 4 << 10;

static LIBRARY_FILE_TYPE: EntityType = EntityType {
    name: "library file",
    properties: &[
        Property::new("fileName", Kind::String),
        Property::new("sha256", Kind::String),
        Property::new("description", Kind::String),
        Property::new("creationTime", Kind::DateTime),
        Property::new("lastUpdatedTime", Kind::DateTime),
        Property::new("createdBy", Kind::String),
        Property::new("hasParameters", Kind::Bool),
        Property::new("parametersDescription", Kind::String),
    ],
    expands: &[],
};

pub(super) fn routes(routes: &mut Routes) {
    routes.get("/api/libraryfiles", Needs(LibraryManage), list).summary("Lists the files of the library.");
    routes
        .post("/api/libraryfiles", Needs(LibraryManage), add)
        .summary("Adds a file to the library, as a form with files.")
        .bounds(Bounds::Upload);
    routes
        .delete("/api/libraryfiles/{fileName}", Needs(LibraryManage), delete)
        .summary("Deletes a file of the library.");
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &LIBRARY_FILE_TYPE, &uri)?;
    let files = ctx.actions().library().await?;
    list.answer_whole(&ctx, SET, Ok(list::whole(&list, files)))
}

async fn add(ctx: Ctx, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let content_type =
        parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // The memory of files is that of events, so that both together are bounded.
    let mut reserved = ctx.ingest().budget.reserve();
    let body =
        body::read(body, Vec::new(), FORM_BYTES_MAX, ctx.config(), |bytes| reserved.grow(bytes)).await?;
    let new = read_form(&ctx, &multipart::parse(content_type, &body)?)?;
    let file = ctx.actions().add_file(new).await?;
    list::single(&ctx, SET, &LIBRARY_FILE_TYPE, &Uri::from_static("/"), &file)
}

async fn delete(ctx: Ctx, Param(name): Param) -> Result<Response, ApiError> {
    ctx.actions().delete_file(&name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn read_form(ctx: &Ctx, parts: &[Part<'_>]) -> Result<NewFile, ApiError> {
    let find = |name: &str| parts.iter().find(|part| part.name.eq_ignore_ascii_case(name));
    let file = find("file").or_else(|| parts.iter().find(|part| part.file_name.is_some()));
    let file = file.ok_or_else(|| {
        ApiError::new(code::MISSING_PARAMETER, "The form has no 'file', which is required.")
    })?;
    // Browsers of old sent whole paths.
    let name = file.file_name.as_deref().unwrap_or_default();
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let text = |name: &str| match find(name).map(Part::text).filter(|text| !text.is_empty()) {
        Some(text) if text.len() > TEXT_BYTES_MAX => {
            let message = format!("'{name}' is longer than {TEXT_BYTES_MAX} bytes.");
            Err(ApiError::new(code::INVALID_INPUT, message))
        }
        text => Ok(text),
    };
    let truth = |name: &str| match find(name).map(|part| part.text().to_lowercase()).as_deref() {
        None | Some("" | "false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(ApiError::new(code::INVALID_INPUT, format!("'{name}' takes true or false."))),
    };
    let parameters_description = text("ParametersDescription")?;
    Ok(NewFile {
        name,
        content: Bytes::copy_from_slice(file.content),
        description: text("Description")?,
        has_parameters: truth("HasParameters")? || parameters_description.is_some(),
        parameters_description,
        may_replace: truth("OverrideIfExists")?,
        by: ctx.author(),
    })
}
