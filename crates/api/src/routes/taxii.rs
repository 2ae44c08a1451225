//! Indicators for programs that speak STIX and TAXII 2.1: a bundle, and a collection that is read and added to.

mod read;
mod take;

use std::collections::HashMap;

use axum::http::header::{ACCEPT, CONTENT_TYPE, LINK};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use model::Permission::TiReadWrite;
use model::Ticks;
use model::indicator::Indicator;
use serde_json::{Value, json};
use store::{INDICATOR_TYPE, Page};
use uuid::Uuid;

use self::read::{object, page, with_siblings};
use self::take::{Taken, remove, take_in};
use super::Access::Needs;
use super::Routes;
use super::indicators::owner;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code, media_type};
use crate::limits::Limit;
use crate::list::{self, ListRequest};
use crate::stix;

const MEDIA: &str = "application/taxii+json;version=2.1";
const STIX: &str = "application/stix+json;version=2.1";
const BUNDLE_EXAMPLE: &str = r#"{"type":"bundle","id":"bundle--2a25c3c8-5d88-4ae9-862a-cc3396442317","objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--26ffb872-1dd9-446e-b6f5-d58527e5b5d2","created":"2024-05-06T07:00:00.000Z","modified":"2024-05-06T07:00:00.000Z","name":"bad address","pattern":"[ipv4-addr:value = '203.0.113.9']","pattern_type":"stix","valid_from":"2024-05-06T07:00:00Z"}]}"#;
const ENVELOPE_EXAMPLE: &str = r#"{"objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--26ffb872-1dd9-446e-b6f5-d58527e5b5d2","created":"2024-05-06T07:00:00.000Z","modified":"2024-05-06T07:00:00.000Z","name":"bad address","pattern":"[ipv4-addr:value = '203.0.113.9']","pattern_type":"stix","valid_from":"2024-05-06T07:00:00Z"}]}"#;
const COLLECTION_ID: &str = "1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10";
const COLLECTION: &str = "/taxii2/api/collections/1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10";
const OBJECTS: &str = "/taxii2/api/collections/1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10/objects";
const OBJECT: &str = "/taxii2/api/collections/1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10/objects/{id}";
const VERSIONS: &str = "/taxii2/api/collections/1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10/objects/{id}/versions";
const MANIFEST: &str = "/taxii2/api/collections/1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10/manifest";

const BATCHES: Limit = Limit::of_caller(30, 1_500);
const ADDED_FIRST: HeaderName = HeaderName::from_static("x-taxii-date-added-first");
const ADDED_LAST: HeaderName = HeaderName::from_static("x-taxii-date-added-last");

pub(super) fn routes(routes: &mut Routes) {
    let needed = Needs(TiReadWrite);
    routes
        .get("/api/indicators/stix", needed, export)
        .summary("Tells active indicators as a bundle of STIX 2.1; the header Link has the next one.")
        .lists_as(&INDICATOR_TYPE, BUNDLE_EXAMPLE)
        .media(STIX);
    routes
        .post("/api/indicators/stix", needed, import)
        .summary("Adds or changes the indicators of a bundle of STIX 2.1; says of each object what became of it.")
        .limit(BATCHES)
        .takes(BUNDLE_EXAMPLE)
        .answers(r#"{"@odata.context":"","value":[{"id":"indicator--26ffb872-1dd9-446e-b6f5-d58527e5b5d2","indicators":["1"],"isFailed":false,"failureReason":null}]}"#);
    routes.get("/taxii2", needed, discovery).summary("Says where the TAXII 2.1 server is.");
    routes.get("/taxii2/api", needed, root).summary("What the TAXII 2.1 server can.");
    routes.get("/taxii2/api/collections", needed, collections).summary("Lists the collections.");
    routes.get(COLLECTION, needed, one_collection).summary("Describes the collection of indicators.");
    routes
        .get(OBJECTS, needed, objects)
        .summary("Lists the indicators that changed after `added_after`, the oldest first, as STIX 2.1; `limit`, `next`, `match[id]`, `match[type]`, `match[version]`, `match[spec_version]`.");
    routes
        .post(OBJECTS, needed, add)
        .summary("Adds or changes the indicators of an envelope of STIX 2.1.")
        .limit(BATCHES)
        .takes(ENVELOPE_EXAMPLE);
    routes.get(OBJECT, needed, one_object).summary("Reads one indicator as STIX 2.1.");
    routes
        .delete(OBJECT, needed, delete)
        .summary("Removes an indicator with all values that it has as one object of STIX.");
    routes.get(VERSIONS, needed, versions).summary("Lists the versions of an indicator: the present one.");
    routes
        .get(MANIFEST, needed, manifest)
        .summary("Lists ids and versions of the indicators, without what they say.");
}

/// Refuses clients that take no answer of TAXII 2.1.
fn acceptable(headers: &HeaderMap) -> Result<(), ApiError> {
    let given: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let is_good = given.iter().flat_map(|value| value.split(',')).any(|range| {
        let range = range.trim().to_ascii_lowercase();
        let kind = range.split(';').next().unwrap_or_default().trim();
        let is_kind = matches!(kind, "*/*" | "application/*" | "application/json" | "application/taxii+json");
        is_kind && is_version(&range)
    });
    if is_good || given.is_empty() {
        return Ok(());
    }
    Err(ApiError::new(code::NOT_ACCEPTABLE, format!("'Accept' takes {MEDIA}.")))
}

/// Whether a media type names no other version of TAXII than ours.
fn is_version(media: &str) -> bool {
    let parameters = media.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut versions = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("version"));
    versions.all(|(_, version)| version.trim().trim_matches('"') == "2.1")
}

/// Refuses bodies that are something else.
fn readable(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = media_type(headers);
    let is_kind = matches!(kind.as_str(), "" | "application/json" | "application/taxii+json");
    if is_kind && is_version(given) {
        return Ok(());
    }
    Err(ApiError::new(code::UNSUPPORTED_MEDIA_TYPE, format!("'Content-Type' takes {MEDIA}.")))
}

fn taxii(headers: &HeaderMap, status: StatusCode, body: &Value) -> Result<Response, ApiError> {
    acceptable(headers)?;
    let mut response = (status, list::json(body)?).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    Ok(response)
}

async fn discovery(ctx: Ctx, headers: HeaderMap) -> Result<Response, ApiError> {
    let api = format!("{}/taxii2/api/", ctx.config().base_url);
    taxii(&headers, StatusCode::OK, &json!({ "title": "Bartizan", "default": api, "api_roots": [api] }))
}

async fn root(ctx: Ctx, headers: HeaderMap) -> Result<Response, ApiError> {
    let bytes = ctx.config().body_bytes_max;
    let root = json!({ "title": "Indicators", "versions": [MEDIA], "max_content_length": bytes });
    taxii(&headers, StatusCode::OK, &root)
}

fn described() -> Value {
    json!({
        "id": COLLECTION_ID,
        "title": "Indicators",
        "description": "The active indicators: all with Ti.ReadWrite.All, else those that the app made.",
        "alias": "indicators",
        "can_read": true,
        "can_write": true,
        "media_types": [STIX],
    })
}

async fn collections(_: Ctx, headers: HeaderMap) -> Result<Response, ApiError> {
    taxii(&headers, StatusCode::OK, &json!({ "collections": [described()] }))
}

async fn one_collection(_: Ctx, headers: HeaderMap) -> Result<Response, ApiError> {
    taxii(&headers, StatusCode::OK, &described())
}

async fn export(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &INDICATOR_TYPE, &uri)?;
    if !list.query.select.is_empty() || list.query.count {
        return Err(ApiError::invalid(
            "A bundle has whole objects, and does not count them: $select and $count are not for it.",
        ));
    }
    let page = ctx.store().list_indicators(&owner(&ctx), ctx.now(), &list.query, list.page()).await;
    let (page, next) = list.next_of(page)?;
    let items = with_siblings(&ctx, page.items).await?;
    let mut response = list::json(&stix::bundle(stix::objects(ctx.tenant(), &items)))?;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(STIX));
    let next = next.and_then(|url| HeaderValue::from_str(&format!("<{url}>; rel=\"next\"")).ok());
    if let Some(next) = next {
        response.headers_mut().insert(LINK, next);
    }
    Ok(response)
}

async fn import(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    if body.take_text("type")?.as_deref() != Some("bundle") {
        return Err(ApiError::invalid("The body has to be a STIX bundle: 'type' takes bundle."));
    }
    let taken = take_in(&ctx, &mut body).await?;
    let value: Vec<Value> = taken.iter().map(Taken::told).collect();
    list::collection(&ctx, "microsoft.windowsDefenderATP.api.ImportStixResult", &value)
}

async fn add(ctx: Ctx, headers: HeaderMap, mut body: JsonObject) -> Result<Response, ApiError> {
    readable(&headers)?;
    acceptable(&headers)?;
    let taken = take_in(&ctx, &mut body).await?;
    let (failed, good): (Vec<&Taken>, Vec<&Taken>) = taken.iter().partition(|taken| taken.failure.is_some());
    let version = stix::time(ctx.now());
    let told = |taken: &&Taken| json!({ "id": taken.id, "version": version, "message": taken.failure });
    let status = json!({
        "id": Uuid::new_v4(),
        "status": "complete",
        "request_timestamp": version,
        "total_count": taken.len(),
        "success_count": good.len(),
        "failure_count": failed.len(),
        "pending_count": 0,
        "failures": failed.iter().map(told).collect::<Vec<_>>(),
    });
    taxii(&headers, StatusCode::ACCEPTED, &status)
}

fn envelope(headers: &HeaderMap, page: &Page<Indicator>, objects: Vec<Value>) -> Result<Response, ApiError> {
    let mut body = json!({});
    if !objects.is_empty() {
        body["objects"] = objects.into();
    }
    if let Some(next) = &page.next {
        body["more"] = true.into();
        body["next"] = next.clone().into();
    }
    let mut response = taxii(headers, StatusCode::OK, &body)?;
    for (name, of) in [(ADDED_FIRST, page.items.first()), (ADDED_LAST, page.items.last())] {
        // To the tick: a client asks for what comes after it.
        let at = of.and_then(|of| HeaderValue::from_str(&of.last_update_time.to_string()).ok());
        if let Some(at) = at {
            response.headers_mut().insert(name, at);
        }
    }
    Ok(response)
}

async fn objects(ctx: Ctx, headers: HeaderMap, uri: Uri) -> Result<Response, ApiError> {
    let page = page(&ctx, &uri).await?;
    let objects = stix::objects(ctx.tenant(), &with_siblings(&ctx, page.items.clone()).await?);
    envelope(&headers, &page, objects)
}

async fn manifest(ctx: Ctx, headers: HeaderMap, uri: Uri) -> Result<Response, ApiError> {
    let page = page(&ctx, &uri).await?;
    let items = with_siblings(&ctx, page.items.clone()).await?;
    let mut added: HashMap<String, Ticks> = HashMap::new();
    for item in &items {
        let last = added.entry(stix::id(ctx.tenant(), item)).or_default();
        *last = item.last_update_time.max(*last);
    }
    let told = |object: &Value| {
        json!({
            "id": object["id"],
            // To the tick: a client asks for what comes after it.
            "date_added": object["id"].as_str().and_then(|id| added.get(id)),
            "version": object["modified"],
            "media_type": STIX,
        })
    };
    let objects = stix::objects(ctx.tenant(), &items);
    envelope(&headers, &page, objects.iter().map(told).collect())
}

async fn one_object(ctx: Ctx, Param(id): Param, headers: HeaderMap, uri: Uri) -> Result<Response, ApiError> {
    let page = object(&ctx, &id, &uri).await?;
    let objects = stix::objects(ctx.tenant(), &page.items);
    envelope(&headers, &page, objects)
}

async fn versions(ctx: Ctx, Param(id): Param, headers: HeaderMap, uri: Uri) -> Result<Response, ApiError> {
    let page = object(&ctx, &id, &uri).await?;
    let objects = stix::objects(ctx.tenant(), &page.items);
    let mut versions: Vec<&Value> = objects.iter().map(|object| &object["modified"]).collect();
    versions.dedup();
    taxii(&headers, StatusCode::OK, &json!({ "versions": versions }))
}

async fn delete(ctx: Ctx, Param(id): Param, headers: HeaderMap) -> Result<Response, ApiError> {
    acceptable(&headers)?;
    remove(&ctx, id.trim()).await?;
    taxii(&headers, StatusCode::OK, &json!({}))
}
