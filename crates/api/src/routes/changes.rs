//! The change feed: what changed since, and what changes now.

mod stream;

use axum::http::Uri;
use axum::response::Response;
use model::Permission::{self, AlertRead, ChangeRead, IncidentRead, MachineRead, TiReadWriteAll};
use serde_json::{Value, json};
use store::{Change, ChangeKind};

use super::Access::Needs;
use super::Routes;
use crate::ctx::Ctx;
use crate::error::{ApiError, code};
use crate::list::{self, parameter};

/// Changes of one answer.
const PAGE_MAX: u64 = 1_000;

/// A kind of entity in the feed, and what a caller needs to see its changes.
struct Kind {
    name: &'static str,
    needs: Permission,
}

static KINDS: &[Kind] = &[
    Kind { name: "alert", needs: AlertRead },
    Kind { name: "incident", needs: IncidentRead },
    Kind { name: "indicator", needs: TiReadWriteAll },
    Kind { name: "investigation", needs: AlertRead },
    Kind { name: "machine", needs: MachineRead },
    Kind { name: "machine action", needs: MachineRead },
];

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/changes", Needs(ChangeRead), list)
        .summary("Lists what changed after the number `since`, in order, with the entities as they are now; `kind` names kinds between commas.")
        .answers(r#"{"value":[{"sequence":7,"kind":"alert","id":"da1_1","change":"updated","entity":{}}],"since":7,"latest":7}"#);
    routes
        .get("/api/changes/stream", Needs(ChangeRead), stream::follow)
        .summary("Sends changes as they are made, as server-sent events; `Last-Event-ID` or `since` says from where on.");
}

/// What it takes to see changes of a kind.
pub(crate) fn needed_for(kind: &str) -> Option<Permission> {
    KINDS.iter().find(|known| known.name == kind).map(|known| known.needs)
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let kinds = kinds(&ctx, &uri)?;
    let since = since(&uri)?.unwrap_or(0);
    let top = match parameter(&uri, "top").or_else(|| parameter(&uri, "$top")) {
        None => PAGE_MAX,
        Some(text) => {
            let top = text.trim().parse().ok().filter(|top| (1..=PAGE_MAX).contains(top));
            top.ok_or_else(|| ApiError::invalid(format!("'top' takes a whole number from 1 to {PAGE_MAX}.")))?
        }
    };
    let (latest, _) = bounds(&ctx, since).await?;
    let changes = ctx.store().changes_after(since, &kinds, top).await?;
    let is_full = changes.len() as u64 == top;
    // What is not of these kinds is passed over, so that the next call begins behind it.
    let reached = changes.last().filter(|_| is_full).map_or(latest.max(since), |change| change.sequence);
    let mut value = Vec::with_capacity(changes.len());
    for change in &changes {
        value.push(told(&ctx, change).await?);
    }
    let mut body = json!({ "value": value, "since": reached, "latest": latest });
    if is_full && reached < latest {
        // `kinds` reads names without their blanks, too.
        let kinds = kinds.join(",").replace(' ', "");
        let link = format!("{}/api/changes?kind={kinds}&since={reached}&top={top}", ctx.config().base_url);
        body["@odata.nextLink"] = link.into();
    }
    list::json(&body)
}

/// The kinds that are asked for, or all that the caller may see.
fn kinds(ctx: &Ctx, uri: &Uri) -> Result<Vec<&'static str>, ApiError> {
    ctx.whole_tenant()?;
    let may = |kind: &&Kind| ctx.may_as_far(kind.needs);
    let Some(text) = parameter(uri, "kind").filter(|text| !text.trim().is_empty()) else {
        return Ok(KINDS.iter().filter(may).map(|kind| kind.name).collect());
    };
    let find = |name: &str| {
        // `alerts` will do for `alert`.
        let name = name.trim().to_ascii_lowercase();
        let singular = name.strip_suffix('s').unwrap_or(&name);
        let is_named = |kind: &&Kind| kind.name == singular || kind.name.replace(' ', "") == singular;
        let found = KINDS.iter().find(is_named);
        let found = found.ok_or_else(|| {
            let valid: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
            let name: String = name.chars().take(60).collect();
            ApiError::invalid(format!("'{name}' is not a value of kind; valid: {}.", valid.join(", ")))
        })?;
        if ctx.may_as_far(found.needs) {
            return Ok(found.name);
        }
        let needed = found.needs.application_name();
        Err(ApiError::new(code::FORBIDDEN, format!("Changes of {} need {needed}.", found.name)))
    };
    text.split(',').map(find).collect()
}

/// What a caller needs to see changes of these kinds.
fn needs_of(kinds: &[&str]) -> Vec<Permission> {
    KINDS.iter().filter(|kind| kinds.contains(&kind.name)).map(|kind| kind.needs).collect()
}

fn since(uri: &Uri) -> Result<Option<i64>, ApiError> {
    parameter(uri, "since").map(|text| sequence(&text)).transpose()
}

fn sequence(text: &str) -> Result<i64, ApiError> {
    let number = text.trim().parse().ok().filter(|number: &i64| *number >= 0);
    number.ok_or_else(|| ApiError::invalid("'since' takes the number of a change, or 0 for the first."))
}

/// The number of the last change. Refused when changes after `since` are not kept any more.
async fn bounds(ctx: &Ctx, since: i64) -> Result<(i64, i64), ApiError> {
    let (latest, oldest) = ctx.store().change_bounds().await?;
    if since.saturating_add(1) < oldest {
        let message = format!(
            "Changes before {oldest} are not kept any more. List the entities, then follow from {latest} on."
        );
        return Err(ApiError::new(code::GONE, message));
    }
    Ok((latest, oldest))
}

/// A change on the wire, with the entity as it is now; null when it is gone.
async fn told(ctx: &Ctx, change: &Change) -> Result<Value, ApiError> {
    let entity = match change.change {
        ChangeKind::Deleted => None,
        ChangeKind::Created | ChangeKind::Updated => {
            ctx.store().changed_entity(&change.kind, &change.id).await?
        }
    };
    let Change { sequence, kind, id, change } = change;
    Ok(json!({ "sequence": sequence, "kind": kind, "id": id, "change": change.name(), "entity": entity }))
}
