//! Hunting: KQL in, rows out.

mod answer;
mod asking;
mod complete;
mod cursor;
mod failure;
mod functions;
mod graph;
mod stream;
mod timespan;

use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use model::Permission::{AdvancedHuntingRead, AdvancedQueryRead};

use self::answer::{Form, Told, written};
use self::asking::{Question, asked};
use super::Access::Needs;
use super::{Bounds, Routes};
use crate::body::JsonObject;
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::list;

const EXAMPLE: &str = r#"{"Query":"DeviceEvents | count"}"#;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .post("/api/advancedqueries/run", Needs(AdvancedQueryRead), run_query)
        .summary("Runs a hunting query.")
        .takes(EXAMPLE)
        .bounds(Bounds::Hunting);
    routes
        .get("/api/advancedqueries", Needs(AdvancedQueryRead), run_key)
        .summary("Runs the hunting query in the parameter `key`.")
        .bounds(Bounds::Hunting);
    routes
        .post("/api/advancedhunting/run", Needs(AdvancedHuntingRead), run_hunting)
        .summary("Runs a hunting query and says what it took.")
        .takes(EXAMPLE)
        .bounds(Bounds::Hunting);
    stream::routes(routes);
    complete::routes(routes);
    functions::routes(routes);
    graph::routes(routes);
}

async fn run_query(ctx: Ctx, body: JsonObject) -> Result<Response, ApiError> {
    run(&ctx, Question::of_body(body)?, Form::Plain).await
}

/// As Power BI asks.
async fn run_key(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    run(&ctx, Question::of_text(list::parameter(&uri, "key"), "key")?, Form::Plain).await
}

async fn run_hunting(ctx: Ctx, body: JsonObject) -> Result<Response, ApiError> {
    run(&ctx, Question::of_body(body)?, Form::WithStats(Told::to(&ctx))).await
}

async fn run(ctx: &Ctx, question: Question, form: Form) -> Result<Response, ApiError> {
    let asked = asked(ctx, &question).await?;
    let answered = match ctx.engine().answer(asked).await {
        Ok(answer) => written(answer, form).await,
        Err(error) => Err(failure::of_query(error, &question.text)),
    };
    let mut response = answered.into_response();
    response.extensions_mut().insert(question.audited());
    Ok(response)
}

/// Runs a query of another route on what the caller may see.
pub(crate) async fn ask(ctx: &Ctx, text: &str) -> Result<query::Answer, ApiError> {
    let question = Question::of_text(Some(text.to_owned()), "Query")?;
    let asked = asked(ctx, &question).await?;
    ctx.engine().answer(asked).await.map_err(|error| failure::of_query(error, text))
}
