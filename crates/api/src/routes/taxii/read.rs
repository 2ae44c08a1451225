//! What a client asks of the collection, as one question to the store.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Uri;
use model::Ticks;
use model::indicator::{Indicator, is_object_id};
use odata::Limits;
use store::{INDICATOR_TYPE, Page, PageRequest, StoreError};

use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::list::parameter;
use crate::routes::indicators::owner;
use crate::stix;

const PAGE: u64 = 1_000;
/// Ids, and versions, of one call.
const MATCHES_MAX: usize = 100;
/// Indicators that those of a page are told together with.
const SIBLINGS_MAX: usize = 20_000;
const TICKS_OF_VERSION: i64 = 10_000;

/// A page of what changed after a time, the oldest first.
pub(super) async fn page(ctx: &Ctx, uri: &Uri) -> Result<Page<Indicator>, ApiError> {
    let limit = match parameter(uri, "limit") {
        None => PAGE,
        Some(text) => {
            let limit = text.trim().parse().ok().filter(|limit: &u64| *limit > 0);
            limit.ok_or_else(|| ApiError::invalid("'limit' takes a whole number from 1."))?.min(PAGE)
        }
    };
    let ids = matches(uri, "match[id]")?;
    let after = match parameter(uri, "added_after") {
        None => None,
        Some(text) => Some(time("added_after", &text)?),
    };
    let next = parameter(uri, "next");
    let mut conditions: Vec<String> =
        after.map(|after| format!("lastUpdateTime gt {after}")).into_iter().collect();
    let Some(versions) = versions(uri)? else {
        return Ok(Page { items: Vec::new(), next: None, count: None });
    };
    conditions.extend(versions);
    if let Some(ids) = &ids {
        conditions.push(of_ids(ctx, ids.iter().map(String::as_str)));
    }
    let mut page = ask(ctx, &conditions, PageRequest { limit, cursor: next.as_deref() }).await?;
    if let Some(ids) = &ids {
        page.items.retain(|item| ids.contains(&stix::id(ctx.tenant(), item)));
    }
    Ok(page)
}

/// The indicators that are one object; refused when there are none.
pub(super) async fn object(ctx: &Ctx, id: &str, uri: &Uri) -> Result<Page<Indicator>, ApiError> {
    let id = id.trim().to_ascii_lowercase();
    let missing = || ApiError::resource_not_found("Indicator", &id);
    if !is_object_id(&id) {
        return Err(missing());
    }
    let found = of_object(ctx, &id, Vec::new()).await?;
    if found.is_empty() {
        return Err(missing());
    }
    let items = match versions(uri)? {
        None => Vec::new(),
        Some(conditions) if conditions.is_empty() => found,
        Some(conditions) => of_object(ctx, &id, conditions).await?,
    };
    Ok(Page { items, next: None, count: None })
}

async fn of_object(ctx: &Ctx, id: &str, mut conditions: Vec<String>) -> Result<Vec<Indicator>, ApiError> {
    conditions.push(of_ids(ctx, [id].into_iter()));
    let page = ask(ctx, &conditions, PageRequest { limit: PAGE, cursor: None }).await?;
    Ok(page.items.into_iter().filter(|item| stix::id(ctx.tenant(), item) == id).collect())
}

/// The same indicators, and with each one those that came in the same object.
pub(super) async fn with_siblings(ctx: &Ctx, items: Vec<Indicator>) -> Result<Vec<Indicator>, ApiError> {
    let objects: BTreeSet<String> =
        items.iter().filter_map(Indicator::object_id).map(str::to_owned).collect();
    if objects.is_empty() {
        return Ok(items);
    }
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    let siblings = ctx.store().indicators_of_objects(&owner(ctx), ctx.now(), &objects, SIBLINGS_MAX).await?;
    let mut of_object: BTreeMap<String, Vec<Indicator>> = BTreeMap::new();
    for sibling in siblings {
        of_object.entry(sibling.external_id.clone().unwrap_or_default()).or_default().push(sibling);
    }
    let mut all = Vec::new();
    let mut told = BTreeSet::new();
    for item in items {
        if told.contains(&item.id) {
            continue;
        }
        let same = item.object_id().and_then(|id| of_object.remove(id)).unwrap_or_default();
        if !same.iter().any(|sibling| sibling.id == item.id) {
            told.insert(item.id.clone());
            all.push(item);
        }
        for sibling in same {
            told.insert(sibling.id.clone());
            all.push(sibling);
        }
    }
    Ok(all)
}

async fn ask(ctx: &Ctx, conditions: &[String], page: PageRequest<'_>) -> Result<Page<Indicator>, ApiError> {
    let filter = conditions.join(" and ");
    let mut options = vec![("$orderby", "lastUpdateTime")];
    if !filter.is_empty() {
        options.push(("$filter", filter.as_str()));
    }
    let query = odata::parse(&INDICATOR_TYPE, &options, Limits::new(PAGE))?;
    let page = ctx.store().list_indicators(&owner(ctx), ctx.now(), &query, page).await;
    page.map_err(|error| match error {
        StoreError::Invalid { what: "cursor of the page", .. } => {
            ApiError::invalid("'next' takes what an answer had as 'next'.")
        }
        error => error.into(),
    })
}

/// The condition that an indicator may have one of those ids of STIX.
fn of_ids<'a>(ctx: &Ctx, ids: impl Iterator<Item = &'a str> + Clone) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let numbers = ids.clone().filter_map(|id| stix::number(ctx.tenant(), id));
    let numbers: Vec<String> = numbers.map(|number| quoted(&number.to_string())).collect();
    let ids: Vec<String> = ids.map(quoted).collect();
    let external = format!("externalId in ({})", ids.join(","));
    if numbers.is_empty() { external } else { format!("({external} or id in ({}))", numbers.join(",")) }
}

/// Conditions on the version and the kind; none when nothing here can pass.
fn versions(uri: &Uri) -> Result<Option<Vec<String>>, ApiError> {
    let lacks = |name: &str, ours: &str| -> Result<bool, ApiError> {
        Ok(matches(uri, name)?.is_some_and(|given| !given.contains(ours)))
    };
    if lacks("match[type]", "indicator")? || lacks("match[spec_version]", "2.1")? {
        return Ok(None);
    }
    let Some(given) = matches(uri, "match[version]")? else { return Ok(Some(Vec::new())) };
    // What an object is now is its first, its last and its only version.
    if given.iter().any(|version| matches!(version.as_str(), "first" | "last" | "all")) {
        return Ok(Some(Vec::new()));
    }
    let mut ways = Vec::new();
    for version in &given {
        let from = time("match[version]", version)?;
        let to = Ticks(from.0 + TICKS_OF_VERSION);
        ways.push(format!("(lastUpdateTime ge {from} and lastUpdateTime lt {to})"));
    }
    Ok(Some(vec![format!("({})", ways.join(" or "))]))
}

/// The texts between commas of a parameter, in small letters.
fn matches(uri: &Uri, name: &str) -> Result<Option<BTreeSet<String>>, ApiError> {
    let Some(text) = parameter(uri, name) else { return Ok(None) };
    let texts: BTreeSet<String> = text.split(',').map(|text| text.trim().to_ascii_lowercase()).collect();
    if texts.len() > MATCHES_MAX {
        return Err(ApiError::invalid(format!("'{name}' takes {MATCHES_MAX} values at most.")));
    }
    Ok(Some(texts))
}

fn time(name: &str, text: &str) -> Result<Ticks, ApiError> {
    let time = odata::parse_datetime(&text.trim().to_ascii_uppercase()).map(Ticks);
    time.ok_or_else(|| ApiError::invalid(format!("'{name}' takes a time such as 2024-05-06T07:00:00Z.")))
}
