//! The audit log, to be read and kept elsewhere.

use axum::http::Uri;
use axum::response::Response;
use serde_json::json;

use super::{PAGE, invalid, option};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::list;

pub(super) async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let after = match option(&uri, "after") {
        None => 0,
        Some(text) => {
            let number = text.parse::<i64>().ok().filter(|number| *number >= 0);
            number.ok_or_else(|| invalid("'after' takes the sequence of a record.".to_owned()))?
        }
    };
    let records = ctx.store().audit_records(after, PAGE).await?;
    let mut body = json!({ "value": records });
    if let Some(last) = records.last().filter(|_| records.len() == PAGE as usize) {
        let link = format!("{}/api/management/auditLog?after={}", ctx.config().base_url, last.sequence);
        body["@odata.nextLink"] = link.into();
    }
    list::json(&body)
}
