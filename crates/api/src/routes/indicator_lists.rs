//! Plain lists of indicators, for devices such as firewalls: fetched by a token of the list, a value a line.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::stream;
use model::Permission::TiReadWrite;
use model::Ticks;
use model::indicator::Indicator;
use odata::{Limits, Query};
use sensor_proto::digest_hex;
use serde_json::{Value, json};
use store::{INDICATOR_TYPE, IndicatorList, PageRequest, TenantStore};
use tracing::{info, warn};
use uuid::Uuid;

use super::Access::{Needs, Open};
use super::Routes;
use super::indicators::owner;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Outside, Param};
use crate::error::{ApiError, code};
use crate::list;

/// Lists of a tenant.
const LISTS_MAX: i64 = 200;
const NAME_BYTES_MAX: usize = 256;
const FILTER_BYTES_MAX: usize = 4 << 10;
/// Indicators that are read at a time.
const PAGE: u64 = 5_000;
const TOKEN_BYTES: usize = 24;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/indicatorlists", Needs(TiReadWrite), lists)
        .summary("Lists the plain lists of indicators that devices fetch.");
    routes
        .post("/api/indicatorlists", Needs(TiReadWrite), create)
        .summary(
            "Makes a plain list of the active indicators that pass a filter; tells its address this once.",
        )
        .tells_secrets()
        .takes(r#"{"name":"firewall","filter":"indicatorType eq 'IpAddress' and action eq 'Block'"}"#);
    routes
        .delete("/api/indicatorlists/{id}", Needs(TiReadWrite), delete)
        .summary("Deletes a plain list: its address leads nowhere any more.");
    routes
        .get("/lists/{token}", Open, fetch)
        .summary("Reads a plain list of indicators, a value a line; the address is the permission.");
}

async fn lists(ctx: Ctx) -> Result<Response, ApiError> {
    let lists = ctx.store().indicator_lists(&owner(&ctx)).await?;
    list::collection(&ctx, "IndicatorLists", &lists.iter().map(shown).collect::<Vec<_>>())
}

async fn create(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let name = body.need_text("name", NAME_BYTES_MAX)?;
    let filter = body.take_short("filter", FILTER_BYTES_MAX)?.unwrap_or_default();
    query(&filter)?;
    let mut token = [0u8; TOKEN_BYTES];
    aws_lc_rs::rand::fill(&mut token).map_err(|_| ApiError::internal("there is no randomness"))?;
    let token = URL_SAFE_NO_PAD.encode(token);
    let list = IndicatorList {
        tenant: ctx.tenant(),
        id: Uuid::new_v4().to_string(),
        token_hash: digest_hex(token.as_bytes()),
        name,
        filter,
        owner: owner(&ctx),
        created: ctx.now(),
        created_by: ctx.author(),
    };
    if !ctx.store().add_indicator_list(&list, LISTS_MAX).await? {
        return Err(ApiError::invalid(format!("A tenant has {LISTS_MAX} plain lists at most.")));
    }
    info!(tenant = %ctx.tenant(), list = list.id, by = list.created_by, "made a plain list of indicators");
    let mut told = shown(&list);
    told["url"] = format!("{}/lists/{token}", ctx.config().base_url).into();
    let mut response = list::json(&told)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

async fn delete(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let id = id.to_lowercase();
    let lists = ctx.store().indicator_lists(&owner(&ctx)).await?;
    if !lists.iter().any(|list| list.id == id) || !ctx.store().delete_indicator_list(&id).await? {
        return Err(ApiError::resource_not_found("Indicator list", &id));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn fetch(outside: Outside, Param(token): Param) -> Result<Response, ApiError> {
    let state = outside.state();
    let found = state.store.indicator_list_of_token(&digest_hex(token.as_bytes())).await?;
    let list = found.ok_or_else(|| ApiError::new(code::NOT_FOUND, "There is nothing at this path."))?;
    let walk = Walk {
        store: state.store.tenant(list.tenant),
        query: query(&list.filter)?,
        list,
        now: state.clock.now(),
        next: Some(None),
    };
    let lines = stream::try_unfold(walk, |mut walk| async move {
        Ok::<_, std::io::Error>(walk.lines().await?.map(|lines| (lines, walk)))
    });
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// A list on its way out, page by page.
struct Walk {
    store: TenantStore,
    list: IndicatorList,
    query: Query,
    now: Ticks,
    /// The cursor of the next page; none when there is none.
    next: Option<Option<String>>,
}

impl Walk {
    async fn lines(&mut self) -> std::io::Result<Option<Bytes>> {
        let Some(cursor) = self.next.take() else { return Ok(None) };
        let page = PageRequest { limit: PAGE, cursor: cursor.as_deref() };
        let read = self.store.list_indicators(&self.list.owner, self.now, &self.query, page).await;
        let read = read.map_err(|error| {
            warn!(list = self.list.id, error = &error as &dyn std::error::Error, "a plain list was cut off");
            // What the client has is cut off where it sees it.
            std::io::Error::other("the list was cut off")
        })?;
        self.next = read.next.map(Some);
        Ok(Some(read.items.iter().map(line).collect::<String>().into()))
    }
}

/// A value in its line; nothing of one that would not stay in it.
fn line(indicator: &Indicator) -> String {
    let value = indicator.indicator_value.trim();
    if value.is_empty() || value.chars().any(char::is_control) { String::new() } else { format!("{value}\n") }
}

fn query(filter: &str) -> Result<Query, ApiError> {
    let options: &[(&str, &str)] = if filter.trim().is_empty() { &[] } else { &[("$filter", filter)] };
    Ok(odata::parse(&INDICATOR_TYPE, options, Limits::new(PAGE))?)
}

fn shown(list: &IndicatorList) -> Value {
    json!({
        "id": list.id,
        "name": list.name,
        "filter": list.filter,
        "createdBy": list.created_by,
        "createdTime": list.created,
    })
}
