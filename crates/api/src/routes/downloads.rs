//! Links by which a result is read without a token, for a while.

use std::net::SocketAddr;

use actions::Followed;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{Extensions, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use model::audit::{AuditEntry, Verdict};
use serde_json::json;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::Access::Open;
use super::Routes;
use crate::ctx::{Outside, Param};
use crate::error::ApiError;

const PATH: &str = "/downloads/{token}";
const PART_BYTES: usize = 64 << 10;
/// What clients of the compatible API look for.
const EXPIRED: &str = "Signature not valid in the specified key time frame";

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get(PATH, Open, download)
        .summary("Reads the result of an action by a link, which is the permission.");
}

async fn download(
    outside: Outside,
    Param(token): Param,
    extensions: Extensions,
) -> Result<Response, ApiError> {
    let found = outside.state().actions.follow_link(&token).await?;
    let Some(Followed { tenant, package, file }) = found else {
        return Ok((StatusCode::FORBIDDEN, [(CONTENT_TYPE, "text/plain")], EXPIRED).into_response());
    };
    // Whoever has the link is who may follow it: the record says from where, and its maker stands with the same object.
    let address = extensions.get::<ConnectInfo<SocketAddr>>().map(|connected| connected.0.ip());
    let entry = AuditEntry {
        actor: "the holder of a link".to_owned(),
        app: None,
        user: None,
        address: address.map(|address| address.to_string()),
        action: format!("GET {PATH}"),
        object: Some(package.action.to_string()),
        verdict: Verdict::Allowed,
        status: None,
        request: Uuid::new_v4().to_string(),
        detail: Some(json!({ "command": package.index, "sha256": package.sha256, "bytes": package.bytes })),
    };
    // What cannot be written down is not handed out.
    outside.state().store.tenant(tenant).audit(&entry, outside.state().clock.now()).await?;
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
