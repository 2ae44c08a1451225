//! The form of Graph: a time range beside the query, and names in camelCase.

use axum::response::Response;
use model::Permission::ThreatHuntingRead;

use super::super::Access::Needs;
use super::super::{Bounds, Routes};
use super::answer::Form;
use super::asking::Question;
use super::{run, timespan};
use crate::body::JsonObject;
use crate::ctx::Ctx;
use crate::error::ApiError;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .post("/v1.0/security/runHuntingQuery", Needs(ThreatHuntingRead), run_graph)
        .summary("Runs a hunting query over a time range.")
        .takes(r#"{"Query":"DeviceEvents | count","Timespan":"P7D"}"#)
        .bounds(Bounds::Hunting);
}

async fn run_graph(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let span = body.take_text("Timespan")?;
    let times = timespan::read(span.as_deref(), ctx.now())?;
    let question = Question { times: Some(times), ..Question::of_body(body)? };
    let base = &ctx.config().base_url;
    let context = format!("{base}/v1.0/$metadata#microsoft.graph.security.huntingQueryResults");
    run(&ctx, question, Form::Graph(context)).await
}
