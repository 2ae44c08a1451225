//! Device groups: their rules, their ranks, and the user groups that reach them.

use axum::response::Response;
use model::access::{DeviceGroup, DeviceRule, UNASSIGNED_GROUP, UNASSIGNED_GROUP_NAME};
use serde_json::{Value, json};

use super::{changed, description, ids, invalid, name, needed_name, removed, whole};
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::list;

const GROUPS_MAX: usize = 1_000;
const CONDITIONS_MAX: usize = 16;
const VALUES_MAX: usize = 100;
const VALUE_BYTES_MAX: usize = 256;
/// Machines that are put into their groups before the answer; the others follow in the background.
const MACHINES_AT_ONCE: u64 = 500;
const PASSES_AT_ONCE: usize = 4;

fn shown(group: &DeviceGroup) -> Value {
    json!({
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "rank": group.rank,
        "rule": group.rule,
        "userGroups": group.user_groups,
        "ungrouped": group.id == UNASSIGNED_GROUP,
    })
}

/// The group of devices in no other.
async fn unassigned(ctx: &Ctx) -> Result<DeviceGroup, ApiError> {
    Ok(DeviceGroup {
        id: UNASSIGNED_GROUP,
        name: UNASSIGNED_GROUP_NAME.to_owned(),
        description: "Devices that no rule matches.".to_owned(),
        rank: i64::MAX,
        rule: DeviceRule::default(),
        user_groups: ctx.store().unassigned_access().await?,
    })
}

pub(super) async fn list(ctx: Ctx) -> Result<Response, ApiError> {
    let mut groups = ctx.store().device_groups().await?;
    groups.push(unassigned(&ctx).await?);
    whole(groups.iter().map(shown).collect())
}

async fn find(ctx: &Ctx, id: &str) -> Result<DeviceGroup, ApiError> {
    let number = id.parse::<i64>().ok();
    if number == Some(UNASSIGNED_GROUP) {
        return unassigned(ctx).await;
    }
    let found = ctx.store().device_groups().await?.into_iter().find(|group| Some(group.id) == number);
    found.ok_or_else(|| ApiError::resource_not_found("Device group", id))
}

pub(super) async fn read(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    list::json(&shown(&find(&ctx, &id).await?))
}

fn rule(body: &mut JsonObject) -> Result<Option<DeviceRule>, ApiError> {
    let Some(value) = body.take("rule")? else { return Ok(None) };
    let read = serde_json::from_value::<DeviceRule>(value);
    let rule = read.map_err(|error| {
        invalid(format!(
            "'rule' takes a list of conditions such as \
             {{\"property\":\"name\",\"operator\":\"startsWith\",\"values\":[\"srv\"]}}: {error}."
        ))
    })?;
    let is_within = (1..=CONDITIONS_MAX).contains(&rule.0.len())
        && rule.0.iter().all(|condition| {
            (1..=VALUES_MAX).contains(&condition.values.len())
                && condition.values.iter().all(|value| (1..=VALUE_BYTES_MAX).contains(&value.len()))
        });
    if !is_within {
        return Err(invalid(format!(
            "'rule' takes 1 to {CONDITIONS_MAX} conditions, each of 1 to {VALUES_MAX} values of 1 to \
             {VALUE_BYTES_MAX} bytes."
        )));
    }
    Ok(Some(rule))
}

fn rank(body: &mut JsonObject) -> Result<Option<i64>, ApiError> {
    let Some(value) = body.take("rank")? else { return Ok(None) };
    let rank = value.as_i64().filter(|rank| (1..=1_000_000).contains(rank));
    rank.map(Some).ok_or_else(|| invalid("'rank' takes a whole number from 1 to 1000000.".to_owned()))
}

pub(super) async fn create(ctx: Ctx, mut body: JsonObject) -> Result<Response, ApiError> {
    let name = needed_name(&mut body, "name")?;
    let description = description(&mut body)?.unwrap_or_default();
    let missing = || ApiError::new(code::MISSING_PARAMETER, "The required 'rule' is missing.");
    let rule = rule(&mut body)?.ok_or_else(missing)?;
    let (rank, user_groups) = (rank(&mut body)?, ids(&mut body, "userGroups")?.unwrap_or_default());
    let known = ctx.store().device_groups().await?;
    if known.len() >= GROUPS_MAX {
        return Err(invalid(format!("There are {GROUPS_MAX} device groups; no more are taken.")));
    }
    // Behind the others, when nothing is said.
    let last = known.last().map_or(0, |last| last.rank);
    let rank = rank.unwrap_or(last + 1);
    let group = DeviceGroup { id: 0, name, description, rank, rule, user_groups };
    let group = ctx.store().create_device_group(&group).await?;
    regroup(&ctx).await?;
    changed(&shown(&group), shown(&group))
}

pub(super) async fn update(ctx: Ctx, Param(id): Param, mut body: JsonObject) -> Result<Response, ApiError> {
    let (name, description) = (name(&mut body, "name")?, description(&mut body)?);
    let (rule, rank, user_groups) = (rule(&mut body)?, rank(&mut body)?, ids(&mut body, "userGroups")?);
    let mut group = find(&ctx, &id).await?;
    group.user_groups = user_groups.unwrap_or(group.user_groups);
    if group.id == UNASSIGNED_GROUP {
        if name.is_some() || description.is_some() || rule.is_some() || rank.is_some() {
            let message = "Of the unassigned group only 'userGroups' can be changed.";
            return Err(ApiError::new(code::CONFLICT, message));
        }
        ctx.store().set_unassigned_access(&group.user_groups).await?;
        return changed(&shown(&group), shown(&group));
    }
    group.name = name.unwrap_or(group.name);
    group.description = description.unwrap_or(group.description);
    group.rule = rule.unwrap_or(group.rule);
    group.rank = rank.unwrap_or(group.rank);
    ctx.store().change_device_group(&group).await?;
    regroup(&ctx).await?;
    changed(&shown(&group), shown(&group))
}

pub(super) async fn delete(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let group = find(&ctx, &id).await?;
    if group.id == UNASSIGNED_GROUP {
        return Err(ApiError::new(code::CONFLICT, "The unassigned group cannot be removed."));
    }
    ctx.store().delete_device_group(group.id).await?;
    regroup(&ctx).await?;
    removed(&group.id.to_string())
}

async fn regroup(ctx: &Ctx) -> Result<(), ApiError> {
    ctx.store().regroup(MACHINES_AT_ONCE, PASSES_AT_ONCE).await?;
    Ok(())
}
