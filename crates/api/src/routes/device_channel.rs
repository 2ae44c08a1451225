//! What devices call: to enrol, to ask for commands, to answer, to send and get files.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use model::ActionId;
use sensor_proto::{MESSAGE_BYTES_MAX, Message, Poll, Receipts, decode, digest_hex, digests_are_equal};

use super::{Access, Bounds, Routes};
use crate::ctx::{Device, Outside, Param};
use crate::error::{ApiError, code, sentence};
use crate::routes::downloads::content;
use crate::{body, list};

pub(super) fn routes(routes: &mut Routes) {
    routes
        .post("/device/v1/enrol", Access::Open, enrol)
        .summary("Makes a device known, by a token that works once and a signature of the device's key.");
    routes
        .post("/device/v1/poll", Access::Device, poll)
        .summary("Gives a device its commands, as soon as there are some.");
    routes
        .post("/device/v1/receipts", Access::Device, receipts)
        .summary("Takes what a device says about its commands.");
    routes
        .put("/device/v1/uploads/{action}", Access::Device, upload)
        .summary("Takes what a device collected for an action.")
        .bounds(Bounds::Upload);
    routes
        .get("/device/v1/files/{sha256}", Access::Device, file)
        .summary("Gives a device a file of the library that one of its commands names.");
}

async fn enrol(outside: Outside, request: Request) -> Result<Response, ApiError> {
    let body =
        body::read(request.into_body(), Vec::new(), MESSAGE_BYTES_MAX, outside.config(), |_| Ok(())).await?;
    list::json(&outside.state().actions.enrol(&body).await?)
}

async fn poll(device: Device, request: Request) -> Result<Response, ApiError> {
    let poll: Poll = message(&device, request.into_body()).await?;
    list::json(&device.actions.poll(&device.known.key, &poll).await?)
}

async fn receipts(device: Device, request: Request) -> Result<Response, ApiError> {
    let receipts: Receipts = message(&device, request.into_body()).await?;
    device.actions.receive(&device.known.key, &receipts).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn upload(device: Device, Param(id): Param, uri: Uri, request: Request) -> Result<Response, ApiError> {
    let invalid = |message: &str| ApiError::new(code::INVALID_INPUT, message);
    let action: ActionId = id.parse().map_err(|_| ApiError::resource_not_found("Machine action", &id))?;
    let option =
        |name: &str| list::options(&uri).find(|(_, known, _)| known == name).map(|(_, _, value)| value);
    let index = option("index").map(|index| index.parse::<u32>()).transpose();
    let index = index.map_err(|_| invalid("'index' takes the number of a command."))?;
    let name = option("name").ok_or_else(|| invalid("The query has no 'name'."))?;
    let wait = device.config().body_timeout;
    let parts = request.into_body().into_data_stream();
    let parts = parts.map(|part| part.map_err(|error| error.to_string()));
    // A body that stops coming ends the call.
    let parts = futures::stream::unfold(Box::pin(parts), move |mut parts| async move {
        match tokio::time::timeout(wait, parts.next()).await {
            Ok(part) => part.map(|part| (part, parts)),
            Err(_) => Some((Err("it did not arrive in time".to_owned()), parts)),
        }
    });
    let package = device.actions.upload(&device.known, action, index, &name, parts).await?;
    list::json(&serde_json::json!({ "sha256": package.sha256, "bytes": package.bytes }))
}

async fn file(device: Device, Param(sha256): Param) -> Result<Response, ApiError> {
    let file = device.actions.library_content(&device.known.key.device, &sha256).await?;
    let bytes = file.metadata().await.map_err(|error| ApiError::unavailable(error.to_string()))?.len();
    Ok(content(file, bytes))
}

/// The message in a body, if the body is the one that was signed.
async fn message<M: Message>(device: &Device, body: Body) -> Result<M, ApiError> {
    let bytes = body::read(body, Vec::new(), MESSAGE_BYTES_MAX, device.config(), |_| Ok(())).await?;
    if !digests_are_equal(&digest_hex(&bytes), &device.known.digest) {
        return Err(ApiError::new(code::UNAUTHORIZED, "The body is another one than was signed."));
    }
    decode(&bytes).map_err(|error| ApiError::new(code::INVALID_BODY, sentence(&error.to_string())))
}
