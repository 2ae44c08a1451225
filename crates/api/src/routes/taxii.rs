//! Indicators for programs that speak STIX and TAXII 2.1: a bundle, and a collection that is read and added to.

use std::collections::BTreeSet;

use axum::http::header::{ACCEPT, CONTENT_TYPE, LINK};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use model::Permission::TiReadWrite;
use model::Ticks;
use model::indicator::Indicator;
use odata::{Limits, Query};
use serde_json::{Value, json};
use store::{INDICATOR_TYPE, Page, PageRequest, StoreError, Submission, Submitted};
use uuid::Uuid;

use super::Access::Needs;
use super::Routes;
use super::indicators::{NOT_YOURS, owner, submission};
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::limits::Limit;
use crate::list::{self, ListRequest, parameter};
use crate::stix::{self, Given};

const MEDIA: &str = "application/taxii+json;version=2.1";
const STIX: &str = "application/stix+json;version=2.1";
const BUNDLE_EXAMPLE: &str = r#"{"type":"bundle","id":"bundle--2a25c3c8-5d88-4ae9-862a-cc3396442317","objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--26ffb872-1dd9-446e-b6f5-d58527e5b5d2","created":"2024-05-06T07:00:00.000Z","modified":"2024-05-06T07:00:00.000Z","name":"bad address","pattern":"[ipv4-addr:value = '203.0.113.9']","pattern_type":"stix","valid_from":"2024-05-06T07:00:00Z"}]}"#;
const ENVELOPE_EXAMPLE: &str = r#"{"objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--26ffb872-1dd9-446e-b6f5-d58527e5b5d2","created":"2024-05-06T07:00:00.000Z","modified":"2024-05-06T07:00:00.000Z","name":"bad address","pattern":"[ipv4-addr:value = '203.0.113.9']","pattern_type":"stix","valid_from":"2024-05-06T07:00:00Z"}]}"#;
const COLLECTION_ID: &str = "1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10";
const COLLECTION: &str = "/taxii2/api/collections/1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10";
const OBJECTS: &str = "/taxii2/api/collections/1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10/objects";
const OBJECT: &str = "/taxii2/api/collections/1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10/objects/{id}";
const MANIFEST: &str = "/taxii2/api/collections/1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10/manifest";

const BATCHES: Limit = Limit::of_caller(30, 1_500);
const OBJECTS_MAX: usize = 500;
const PAGE: u64 = 1_000;
/// Ids of one call.
const IDS_MAX: usize = 100;
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
        .summary("Lists the indicators that changed after `added_after`, the oldest first, as STIX 2.1; `limit`, `next`, `match[id]`, `match[type]`.");
    routes
        .post(OBJECTS, needed, add)
        .summary("Adds or changes the indicators of an envelope of STIX 2.1.")
        .limit(BATCHES)
        .takes(ENVELOPE_EXAMPLE);
    routes.get(OBJECT, needed, one_object).summary("Reads one indicator as STIX 2.1.");
    routes
        .get(MANIFEST, needed, manifest)
        .summary("Lists ids and versions of the indicators, without what they say.");
}

fn taxii(headers: &HeaderMap, status: StatusCode, body: &Value) -> Result<Response, ApiError> {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    let is_good = accept.split(',').any(|range| {
        let range = range.trim().to_ascii_lowercase();
        let (kind, rest) = range.split_once(';').unwrap_or((range.as_str(), ""));
        let is_kind =
            matches!(kind.trim(), "*/*" | "application/*" | "application/json" | "application/taxii+json");
        is_kind
            && (!rest.contains("version=")
                || rest.contains("version=2.1")
                || rest.contains("version=\"2.1\""))
    });
    if !is_good {
        return Err(ApiError::new(code::NOT_ACCEPTABLE, format!("'Accept' takes {MEDIA}.")));
    }
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
    let objects = page.items.iter().map(|indicator| stix::object(ctx.tenant(), indicator));
    let mut response = list::json(&stix::bundle(objects.collect()))?;
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

/// What became of an object.
struct Taken {
    id: String,
    /// Those that it is here.
    indicators: Vec<String>,
    failure: Option<String>,
}

impl Taken {
    fn told(&self) -> Value {
        json!({
            "id": self.id,
            "indicators": self.indicators,
            "isFailed": self.failure.is_some(),
            "failureReason": self.failure,
        })
    }
}

/// Stores the indicators of a body's `objects`. Objects that are no indicators are said to have failed, and so are those of
/// which one indicator is another app's; what else is in such an object is stored.
async fn take_in(ctx: &Ctx, body: &mut JsonObject) -> Result<Vec<Taken>, ApiError> {
    let objects = match body.take("objects")? {
        Some(Value::Array(objects)) => objects,
        Some(_) => return Err(ApiError::invalid("'objects' has to be a list.")),
        None => Vec::new(),
    };
    if objects.len() > OBJECTS_MAX {
        let message = format!("'objects' has more than {OBJECTS_MAX} items.");
        return Err(ApiError::new(code::BATCH_TOO_LARGE, message));
    }
    let mut taken: Vec<Taken> = Vec::with_capacity(objects.len());
    let (mut submissions, mut places): (Vec<Submission>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut revoked = Vec::new();
    for (at, object) in objects.into_iter().enumerate() {
        let id: String =
            object.get("id").and_then(Value::as_str).unwrap_or_default().chars().take(100).collect();
        let read = JsonObject::from_value(object)
            .ok_or_else(|| ApiError::invalid("An object has to be one of JSON."));
        let given = read.and_then(stix::read).and_then(|given| match given {
            Given::Indicators(bodies) => {
                let of = |members| submission(ctx, JsonObject::of(members));
                bodies.into_iter().map(of).collect::<Result<Vec<_>, _>>()
            }
            Given::Revoked(id) => {
                revoked.push((at, id));
                Ok(Vec::new())
            }
            Given::Other => Err(ApiError::invalid("Objects of other types than indicator are not kept.")),
        });
        let failure = given.as_ref().err().map(|error| error.message().to_owned());
        taken.push(Taken { id, indicators: Vec::new(), failure });
        for submission in given.unwrap_or_default() {
            submissions.push(submission);
            places.push(at);
        }
    }
    let submitted = ctx.store().submit_indicators(&owner(ctx), ctx.now(), &submissions).await?;
    for (at, submitted) in places.into_iter().zip(submitted) {
        match submitted {
            Submitted::Stored(indicator) => taken[at].indicators.push(indicator.id),
            Submitted::NotYours => taken[at].failure = Some(NOT_YOURS.to_owned()),
        }
    }
    for (at, id) in revoked {
        let known: Vec<String> = found(ctx, &id).await?.into_iter().map(|indicator| indicator.id).collect();
        ctx.store().remove_indicators(&owner(ctx), &known).await?;
        taken[at].indicators = known;
    }
    Ok(taken)
}

/// The indicators that have that id of STIX.
async fn found(ctx: &Ctx, id: &str) -> Result<Vec<Indicator>, ApiError> {
    if let Some(number) = stix::number(ctx.tenant(), id) {
        let found = ctx.store().indicator(&owner(ctx), &number.to_string()).await?;
        if let Some(found) = found.filter(|found| stix::id(ctx.tenant(), found) == id) {
            return Ok(vec![found]);
        }
    }
    let filter = format!("externalId eq '{}'", id.replace('\'', "''"));
    let query = odata::parse(&INDICATOR_TYPE, &[("$filter", filter.as_str())], Limits::new(PAGE))?;
    let page = PageRequest { limit: PAGE, cursor: None };
    Ok(ctx.store().list_indicators(&owner(ctx), ctx.now(), &query, page).await?.items)
}

/// A page of what changed after a time, the oldest first.
async fn page(ctx: &Ctx, uri: &Uri) -> Result<Page<Indicator>, ApiError> {
    let limit = match parameter(uri, "limit") {
        None => PAGE,
        Some(text) => {
            let limit = text.trim().parse().ok().filter(|limit: &u64| *limit > 0);
            limit.ok_or_else(|| ApiError::invalid("'limit' takes a whole number from 1."))?.min(PAGE)
        }
    };
    let types = parameter(uri, "match[type]");
    if types.is_some_and(|types| types.split(',').all(|kind| kind.trim() != "indicator")) {
        return Ok(Page { items: Vec::new(), next: None, count: None });
    }
    if let Some(ids) = parameter(uri, "match[id]") {
        let ids: BTreeSet<&str> = ids.split(',').map(str::trim).collect();
        if ids.len() > IDS_MAX {
            return Err(ApiError::invalid(format!("'match[id]' takes {IDS_MAX} ids at most.")));
        }
        let mut items = Vec::new();
        for id in ids {
            items.extend(found(ctx, id).await?);
            if items.len() as u64 > PAGE {
                let message =
                    format!("'match[id]' stands for more than {PAGE} indicators: ask for fewer ids.");
                return Err(ApiError::invalid(message));
            }
        }
        return Ok(Page { items, next: None, count: None });
    }
    let after = match parameter(uri, "added_after") {
        None => None,
        Some(text) => {
            let after = odata::parse_datetime(text.trim()).map(Ticks);
            Some(after.ok_or_else(|| {
                ApiError::invalid("'added_after' takes a time such as 2024-05-06T07:00:00Z.")
            })?)
        }
    };
    let filter = after.map(|after| format!("lastUpdateTime gt {after}"));
    let mut options = vec![("$orderby", "lastUpdateTime")];
    if let Some(filter) = &filter {
        options.push(("$filter", filter.as_str()));
    }
    let query: Query = odata::parse(&INDICATOR_TYPE, &options, Limits::new(PAGE))?;
    let next = parameter(uri, "next");
    let page = PageRequest { limit, cursor: next.as_deref() };
    let page = ctx.store().list_indicators(&owner(ctx), ctx.now(), &query, page).await;
    page.map_err(|error| match error {
        StoreError::Invalid { what: "cursor of the page", .. } => {
            ApiError::invalid("'next' takes what an answer had as 'next'.")
        }
        error => error.into(),
    })
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
    let objects = page.items.iter().map(|indicator| stix::object(ctx.tenant(), indicator)).collect();
    envelope(&headers, &page, objects)
}

async fn manifest(ctx: Ctx, headers: HeaderMap, uri: Uri) -> Result<Response, ApiError> {
    let page = page(&ctx, &uri).await?;
    let told = |indicator: &Indicator| {
        let modified = stix::time(indicator.last_update_time);
        json!({
            "id": stix::id(ctx.tenant(), indicator),
            "date_added": indicator.last_update_time,
            "version": modified,
            "media_type": STIX,
        })
    };
    let objects = page.items.iter().map(told).collect();
    envelope(&headers, &page, objects)
}

async fn one_object(ctx: Ctx, Param(id): Param, headers: HeaderMap) -> Result<Response, ApiError> {
    let items = found(&ctx, id.trim()).await?;
    if items.is_empty() {
        return Err(ApiError::resource_not_found("Indicator", &id));
    }
    let objects = items.iter().map(|indicator| stix::object(ctx.tenant(), indicator)).collect();
    envelope(&headers, &Page { items, next: None, count: None }, objects)
}
