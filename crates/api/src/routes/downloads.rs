//! Links by which a result is read without a token, for a while.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::Access::Open;
use super::Routes;
use crate::ctx::{Outside, Param};
use crate::error::ApiError;

const PART_BYTES: usize = 64 << 10;
/// What clients of the compatible API look for.
const EXPIRED: &str = "Signature not valid in the specified key time frame";

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/downloads/{token}", Open, download)
        .summary("Reads the result of an action by a link, which is the permission.");
}

async fn download(outside: Outside, Param(token): Param) -> Result<Response, ApiError> {
    let found = outside.state().actions.follow_link(&token).await?;
    let Some((package, file)) = found else {
        return Ok((StatusCode::FORBIDDEN, [(CONTENT_TYPE, "text/plain")], EXPIRED).into_response());
    };
    let mut response = content(file, package.bytes);
    let kind = if package.name.ends_with(".zip") { "application/zip" } else { "application/gzip" };
    let name: String = package
        .name
        .chars()
        .map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' })
        .collect();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename={name}")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// The answer with a file, read as it is sent.
pub(super) fn content(file: File, bytes: u64) -> Response {
    let parts = stream::unfold(file, |mut file| async move {
        let mut part = vec![0; PART_BYTES];
        match file.read(&mut part).await {
            Ok(0) => None,
            Ok(count) => {
                part.truncate(count);
                Some((Ok(Bytes::from(part)), file))
            }
            Err(error) => Some((Err(error), file)),
        }
    });
    ([(CONTENT_LENGTH, bytes)], Body::from_stream(parts)).into_response()
}
