//! Lists and single entities as OData writes them.

pub(crate) mod memory;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderName, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use odata::{EntityType, Limits, Property, Query};
use percent_encoding::percent_decode;
use serde::Serialize;
use serde_json::{Map, Value};
use store::{Page, PageRequest, StoreError, Written};

use crate::ctx::Ctx;
use crate::error::{ApiError, code, sentence};

const TOP_MAX: u64 = 10_000;
/// Items of a page that carry more than themselves.
const EXPANDED_PAGE_MAX: u64 = 1_000;
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");
/// About how many headers an answer has.
const HEADERS: usize = 12;
const PREFER: HeaderName = HeaderName::from_static("prefer");
const SKIP_TOKEN: &str = "$skiptoken";
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const MAX_PAGE_SIZE: &str = "odata.maxpagesize";

/// What a request asks of a list, and how to ask for the next page of it.
pub(crate) struct ListRequest {
    pub query: Query,
    cursor: Option<String>,
    page_size: u64,
    /// The URL of the list with the client's options, but for the cursor.
    url: String,
    has_options: bool,
    /// The size of pages that the client prefers.
    preferred: Option<u64>,
}

#[derive(Serialize)]
struct ListBody<T> {
    #[serde(rename = "@odata.context")]
    context: String,
    #[serde(rename = "@odata.count", skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink", skip_serializing_if = "Option::is_none")]
    next_link: Option<String>,
}

impl ListRequest {
    pub fn read(ctx: &Ctx, entity: &'static EntityType, uri: &Uri) -> Result<ListRequest, ApiError> {
        let mut pairs = Vec::new();
        let mut kept = Vec::new();
        let mut cursor = None;
        for (raw, name, value) in options(uri) {
            if name.trim().eq_ignore_ascii_case(SKIP_TOKEN) {
                cursor = Some(value);
            } else {
                kept.push(raw);
                pairs.push((name, value));
            }
        }
        let query = odata::parse(entity, &pairs, Limits::new(TOP_MAX))?;
        let page_max = if query.expand.is_empty() { TOP_MAX } else { EXPANDED_PAGE_MAX };
        let preferred = ctx.preferred_page();
        let page_size = ctx.config().page_size.min(preferred.unwrap_or(u64::MAX)).clamp(1, page_max);
        let path = uri.path().trim_end_matches('/');
        let query_text = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
        let url = format!("{}{path}{query_text}", ctx.config().base_url);
        Ok(ListRequest { query, cursor, page_size, url, has_options: !kept.is_empty(), preferred })
    }

    /// A member of the items that is no property is answered, too, unless others were asked for.
    pub fn also(&mut self, name: &'static str) {
        if !self.query.expand.contains(&name) && self.query.select.is_empty() {
            self.query.expand.push(name);
        }
    }

    /// A size of pages, or the smaller one that the client prefers.
    pub fn page_max(&self, size: u64) -> u64 {
        size.min(self.preferred.unwrap_or(u64::MAX)).max(1)
    }

    pub fn page(&self) -> PageRequest<'_> {
        PageRequest { limit: self.page_size, cursor: self.cursor.as_deref() }
    }

    /// The page of items that carry more than themselves, whatever was asked for.
    pub fn expanded_page(&self) -> PageRequest<'_> {
        PageRequest { limit: self.page_size.min(EXPANDED_PAGE_MAX), cursor: self.cursor.as_deref() }
    }

    /// A page, and the address of the next one.
    pub fn next_of<T>(
        &self,
        page: Result<Page<T>, StoreError>,
    ) -> Result<(Page<T>, Option<String>), ApiError> {
        let page = page.map_err(list_error)?;
        let joint = if self.has_options { '&' } else { '?' };
        let next = page.next.as_ref().map(|cursor| format!("{}{joint}{SKIP_TOKEN}={cursor}", self.url));
        Ok((page, next))
    }

    /// The answer with one page of the set of that name, of the size that the client prefers.
    pub fn answer<T: Serialize>(
        &self,
        ctx: &Ctx,
        set: &str,
        page: Result<Page<T>, StoreError>,
    ) -> Result<Response, ApiError> {
        let mut response = self.answer_whole(ctx, set, page)?;
        let applied = self.preferred.map(|size| HeaderValue::from_str(&format!("{MAX_PAGE_SIZE}={size}")));
        if let Some(Ok(applied)) = applied {
            response.headers_mut().insert(PREFERENCE_APPLIED, applied);
        }
        Ok(response)
    }

    /// The answer with a list that has one page, whatever the client prefers.
    pub fn answer_whole<T: Serialize>(
        &self,
        ctx: &Ctx,
        set: &str,
        page: Result<Page<T>, StoreError>,
    ) -> Result<Response, ApiError> {
        let (page, next_link) = self.next_of(page)?;
        let context = format!("{}/api/$metadata#{set}", ctx.config().base_url);
        if self.query.select.is_empty() {
            json(&ListBody { context, count: page.count, value: page.items, next_link })
        } else {
            let items = page.items.iter().map(|item| selected(item, &self.query));
            let value = items.collect::<Result<Vec<_>, _>>()?;
            json(&ListBody { context, count: page.count, value, next_link })
        }
    }
}

/// A cursor that is not ours is the client's mistake about an option.
fn list_error(error: StoreError) -> ApiError {
    match &error {
        StoreError::Invalid { what: "cursor of the page", reason } => {
            ApiError::new(code::ODATA, format!("{SKIP_TOKEN}: {}", sentence(reason)))
        }
        _ => error.into(),
    }
}

/// The answer with one entity of the set of that name.
pub(crate) fn single<T: Serialize>(
    ctx: &Ctx,
    set: &str,
    entity: &'static EntityType,
    uri: &Uri,
    item: &T,
) -> Result<Response, ApiError> {
    let pairs: Vec<_> = options(uri).map(|(_, name, value)| (name, value)).collect();
    let query = odata::parse(entity, &pairs, Limits::new(TOP_MAX))?;
    let mut body = Map::new();
    // The name of a type stands for one of it.
    let suffix = if set.contains('.') { "" } else { "/$entity" };
    let context = format!("{}/api/$metadata#{set}{suffix}", ctx.config().base_url);
    body.insert("@odata.context".to_owned(), context.into());
    body.extend(selected(item, &query)?);
    let mut response = json(&body)?;
    if let Ok(tag) = HeaderValue::from_str(&store::etag(item)) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// The same of an entity whose JSON is made already.
pub(crate) fn written<T: Serialize>(
    ctx: &Ctx,
    set: &str,
    entity: &'static EntityType,
    uri: &Uri,
    item: &Written<T>,
) -> Result<Response, ApiError> {
    let members = item.json.strip_prefix('{').filter(|_| uri.query().is_none_or(str::is_empty));
    let Some(members) = members else { return single(ctx, set, entity, uri, &item.entity) };
    let context = format!("{}/api/$metadata#{set}/$entity", ctx.config().base_url);
    let context = serde_json::to_string(&context).map_err(not_json)?;
    let body = ["{\"@odata.context\":", &context, ",", members].concat();
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    // With those that every answer gets.
    headers.reserve(HEADERS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ODATA_VERSION, HeaderValue::from_static("4.0"));
    if let Ok(tag) = HeaderValue::from_str(&item.etag) {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}

/// The answer with one entity of the set of that name, whole, under an ETag.
pub(crate) fn tagged<T: Serialize>(ctx: &Ctx, set: &str, item: &T, tag: &str) -> Result<Response, ApiError> {
    let mut body = Map::new();
    let context = format!("{}/api/$metadata#{set}/$entity", ctx.config().base_url);
    body.insert("@odata.context".to_owned(), context.into());
    body.extend(object(item)?);
    let mut response = json(&body)?;
    if let Ok(tag) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// What an entity has to be like for a change of it, as the header `If-Match` says it.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let tag = value.to_str().unwrap_or_default().trim();
    if tag == "*" {
        return Ok(None);
    }
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let is_tag =
        tag.len() >= 2 && tag.starts_with('"') && tag.ends_with('"') && !tag[1..tag.len() - 1].contains('"');
    if !is_tag {
        return Err(ApiError::invalid("'If-Match' takes * or one ETag, such as \"0123456789abcdef\"."));
    }
    Ok(Some(tag.to_owned()))
}

/// The parameter of that name that is not OData's, in any letter case.
pub(crate) fn parameter(uri: &Uri, name: &str) -> Option<String> {
    options(uri).find(|(_, given, _)| given.trim().eq_ignore_ascii_case(name)).map(|(.., value)| value)
}

/// The answer with a list that is whole and takes no options.
pub(crate) fn collection<T: Serialize>(ctx: &Ctx, set: &str, items: &[T]) -> Result<Response, ApiError> {
    let context = format!("{}/api/$metadata#Collection({set})", ctx.config().base_url);
    json(&serde_json::json!({ "@odata.context": context, "value": items }))
}

/// The plain number that `/$count` answers with.
pub(crate) fn count(count: u64) -> Response {
    ([(CONTENT_TYPE, "text/plain"), (ODATA_VERSION, "4.0")], count.to_string()).into_response()
}

/// The options of a count: only the filter matters.
pub(crate) fn count_query(entity: &'static EntityType, uri: &Uri) -> Result<Query, ApiError> {
    let pairs: Vec<_> = options(uri).map(|(_, name, value)| (name, value)).collect();
    Ok(odata::parse(entity, &pairs, Limits::new(TOP_MAX))?)
}

/// An entity's JSON with the properties that were asked for. What is expanded is asked for, too.
fn selected<T: Serialize>(item: &T, query: &Query) -> Result<Map<String, Value>, ApiError> {
    let mut members = object(item)?;
    let is_asked = |name: &str| {
        query.select.is_empty()
            || query.select.iter().any(|property: &&Property| property.name == name)
            || query.expand.contains(&name)
    };
    members.retain(|name, _| is_asked(name));
    Ok(members)
}

/// An entity's JSON.
pub(crate) fn object<T: Serialize>(item: &T) -> Result<Map<String, Value>, ApiError> {
    match serde_json::to_value(item).map_err(not_json)? {
        Value::Object(members) => Ok(members),
        _ => Err(ApiError::internal("an entity is not a JSON object")),
    }
}

/// The answer with one entity that was made just now.
pub(crate) fn created<T: Serialize>(ctx: &Ctx, set: &str, item: &T) -> Result<Response, ApiError> {
    let mut body = Map::new();
    let context = format!("{}/api/$metadata#{set}/$entity", ctx.config().base_url);
    body.insert("@odata.context".to_owned(), context.into());
    if let Value::Object(members) = serde_json::to_value(item).map_err(not_json)? {
        body.extend(members);
    }
    let mut response = json(&body)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// The answer with one plain value of that type of OData.
pub(crate) fn value(ctx: &Ctx, kind: &str, value: &Value) -> Result<Response, ApiError> {
    let context = format!("{}/api/$metadata#{kind}", ctx.config().base_url);
    json(&serde_json::json!({ "@odata.context": context, "value": value }))
}

pub(crate) fn json(body: &impl Serialize) -> Result<Response, ApiError> {
    let body = serde_json::to_vec(body).map_err(not_json)?;
    let headers = [(CONTENT_TYPE, "application/json"), (ODATA_VERSION, "4.0")];
    Ok((StatusCode::OK, headers, body).into_response())
}

fn not_json(error: serde_json::Error) -> ApiError {
    ApiError::internal(format!("cannot write an answer: {error}"))
}

/// The size of pages that a client prefers: `Prefer: odata.maxpagesize=100`. Preferences that are not known, or cannot be
/// read, are ignored, as the protocol has it.
pub(crate) fn preferred_page(headers: &HeaderMap) -> Option<u64> {
    let given = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let mut preferences = given.flat_map(|value| value.split([',', ';']));
    preferences.find_map(|preference| {
        let (name, size) = preference.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let size = size.trim().trim_matches('"').parse().ok().filter(|size: &u64| *size > 0);
        size.filter(|_| name == MAX_PAGE_SIZE || name == "maxpagesize")
    })
}

/// The options of a query string: as sent, and their decoded names and values.
pub(crate) fn options(uri: &Uri) -> impl Iterator<Item = (&str, String, String)> {
    let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (pair, form_text(name), form_text(value))
    })
}

/// A list so short that it has one page.
pub(crate) fn whole<T>(list: &ListRequest, items: Vec<T>) -> Page<T> {
    let count = list.query.count.then_some(items.len() as u64);
    let skip = usize::try_from(list.query.skip).unwrap_or(usize::MAX);
    let top = list.query.top.and_then(|top| usize::try_from(top).ok()).unwrap_or(usize::MAX);
    Page { items: items.into_iter().skip(skip).take(top).collect(), next: None, count }
}

fn form_text(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes()).decode_utf8_lossy().into_owned()
}
