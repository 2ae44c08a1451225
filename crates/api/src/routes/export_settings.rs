//! Settings of streaming. There is nothing yet that streams, so that there are none, and one that is asked for is refused.

use axum::response::Response;
use model::Permission::{ManagementRead, ManagementReadWrite};
use serde_json::Value;

use super::Access::Needs;
use super::Routes;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::list;

const ID_BYTES_MAX: usize = 128;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/dataexportsettings", Needs(ManagementRead), list)
        .summary("Lists settings of streaming: none, as nothing streams yet.")
        .answers(r#"{"@odata.context":"","value":[]}"#);
    routes
        .post("/api/dataexportsettings", Needs(ManagementReadWrite), put)
        .summary("Would make a setting of streaming; refused with `StreamingNotAvailable`, as nothing streams yet.")
        .takes(r#"{"id":"archive","eventHubProperties":null,"storageAccountProperties":null,"logs":[{"category":"AdvancedHunting-DeviceProcessEvents","enabled":true}]}"#);
    routes
        .delete("/api/dataexportsettings/{id}", Needs(ManagementReadWrite), delete)
        .summary("Would delete a setting of streaming; there is none.");
}

async fn list(ctx: Ctx) -> Result<Response, ApiError> {
    list::collection::<Value>(&ctx, "DataExportSettings", &[])
}

async fn put(_: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    body.need_text("id", ID_BYTES_MAX)?;
    if !matches!(body.take("logs")?, Some(Value::Array(_))) {
        return Err(ApiError::missing("logs"));
    }
    let message = "This server streams events to nowhere yet. What changes can be followed at \
                   /api/changes and by webhooks, and events can be read by /api/hunting/stream.";
    Err(ApiError::new(code::STREAMING_NOT_AVAILABLE, message))
}

async fn delete(_: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    Err(ApiError::resource_not_found("Data export setting", &id))
}
