//! What becomes of events that are there: how long they are kept, what is kept whatever that says, and the deletion of
//! what is known of one device.

use axum::http::Uri;
use axum::response::Response;
use lake::Deleted;
use model::Permission::{LakeRead, LakeReadWrite};
use model::lake::LegalHold;
use model::{DeviceId, Table, Ticks};
use odata::{EntityType, Kind, Property};
use serde::Serialize;
use serde_json::Value;
use tracing::info;

use super::Access::Needs;
use super::Routes;
use super::events::find_table;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::limits::Limit;
use crate::list::{self, ListRequest};

const DAYS_MAX: i64 = 36_500;
/// Each goes through every file.
const DELETIONS: Limit = Limit::of_caller(10, 100);
const HOLDS_MAX: usize = 1_000;
const NAME_BYTES_MAX: usize = 100;
const REASON_BYTES_MAX: usize = 4 << 10;
/// Stands for every table that has no rule of its own.
const DEFAULT: &str = "default";

const RULES: &str = "RetentionRules";
static RULE_TYPE: EntityType = EntityType {
    name: "retention rule",
    properties: &[Property::new("table", Kind::String), Property::new("days", Kind::Int64)],
    expands: &[],
};

const HOLDS: &str = "LegalHolds";
static HOLD_TYPE: EntityType = EntityType {
    name: "legal hold",
    properties: &[
        Property::new("name", Kind::String),
        Property::new("table", Kind::String),
        Property::new("reason", Kind::String),
        Property::new("created", Kind::DateTime),
    ],
    expands: &[],
};

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/lake/retention", Needs(LakeRead), rules)
        .summary("Lists how long rows are kept, by table.");
    routes
        .get("/api/lake/retention/{table}", Needs(LakeRead), rule)
        .summary("Reads the rule of a table, or `default`.");
    routes
        .put("/api/lake/retention/{table}", Needs(LakeReadWrite), set_rule)
        .summary("Sets how many days rows of a table are kept.");
    routes
        .delete("/api/lake/retention/{table}", Needs(LakeReadWrite), remove_rule)
        .summary("Takes the rule of a table away.");
    routes.get("/api/lake/holds", Needs(LakeRead), holds).summary("Lists legal holds.");
    routes.get("/api/lake/holds/{name}", Needs(LakeRead), hold).summary("Reads a legal hold.");
    routes
        .put("/api/lake/holds/{name}", Needs(LakeReadWrite), add_hold)
        .summary("Keeps a table, or every table, from being deleted.");
    routes
        .delete("/api/lake/holds/{name}", Needs(LakeReadWrite), release_hold)
        .summary("Releases a legal hold.");
    routes
        .delete("/api/lake/devices/{device}", Needs(LakeReadWrite), delete_device)
        .limit(DELETIONS)
        .summary("Deletes every row of a device.");
}

/// How long rows are kept, on the wire.
#[derive(Serialize)]
struct Rule {
    table: String,
    days: i64,
}

/// What is kept, on the wire.
#[derive(Debug, PartialEq, Serialize)]
struct Hold {
    name: String,
    /// Null for every table.
    table: Option<String>,
    reason: String,
    created: Ticks,
}

async fn rules(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &RULE_TYPE, &uri)?;
    list.answer_whole(&ctx, RULES, Ok(list::whole(&list, all_rules(&ctx).await?)))
}

async fn rule(ctx: Ctx, Param(table): Param, uri: Uri) -> Result<Response, ApiError> {
    let rule = find_rule(&ctx, table_of(&table)?).await?;
    list::single(&ctx, RULES, &RULE_TYPE, &uri, &rule)
}

async fn set_rule(
    ctx: Ctx,
    Param(table): Param,
    uri: Uri,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let table = table_of(&table)?;
    let days =
        body.take("days")?.as_ref().and_then(Value::as_i64).filter(|days| (1..=DAYS_MAX).contains(days));
    let days = days.ok_or_else(|| invalid(format!("'days' takes a whole number from 1 to {DAYS_MAX}.")))?;
    ctx.store().set_retention(table.map(|table| table.name), Some(days)).await?;
    let rule = Rule { table: name_of(table), days };
    info!(tenant = %ctx.tenant(), table = rule.table, days, by = ctx.author(), "set how long rows are kept");
    list::single(&ctx, RULES, &RULE_TYPE, &uri, &rule)
}

async fn remove_rule(ctx: Ctx, Param(table): Param, uri: Uri) -> Result<Response, ApiError> {
    let table = table_of(&table)?;
    let rule = find_rule(&ctx, table).await?;
    ctx.store().set_retention(table.map(|table| table.name), None).await?;
    info!(tenant = %ctx.tenant(), table = rule.table, by = ctx.author(), "took a rule of retention away");
    list::single(&ctx, RULES, &RULE_TYPE, &uri, &rule)
}

async fn find_rule(ctx: &Ctx, table: Option<&'static Table>) -> Result<Rule, ApiError> {
    let name = name_of(table);
    let found = all_rules(ctx).await?.into_iter().find(|rule| rule.table == name);
    found.ok_or_else(|| ApiError::resource_not_found("Retention rule", &name))
}

async fn all_rules(ctx: &Ctx) -> Result<Vec<Rule>, ApiError> {
    let rules = ctx.store().lake_policies().await?.retention.into_iter();
    let named = |table: Option<String>| table.unwrap_or_else(|| DEFAULT.to_owned());
    Ok(rules.map(|rule| Rule { table: named(rule.table), days: rule.days }).collect())
}

async fn holds(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &HOLD_TYPE, &uri)?;
    list.answer_whole(&ctx, HOLDS, Ok(list::whole(&list, all_holds(&ctx).await?)))
}

async fn hold(ctx: Ctx, Param(name): Param, uri: Uri) -> Result<Response, ApiError> {
    let hold = all_holds(&ctx).await?.into_iter().find(|hold| hold.name == name);
    let hold = hold.ok_or_else(|| ApiError::resource_not_found("Legal hold", &name))?;
    list::single(&ctx, HOLDS, &HOLD_TYPE, &uri, &hold)
}

async fn add_hold(ctx: Ctx, Param(name): Param, uri: Uri, body: JsonObject) -> Result<Response, ApiError> {
    let added = read_hold(name, body, ctx.now())?;
    let known = all_holds(&ctx).await?;
    if let Some(hold) = known.iter().find(|hold| hold.name == added.name) {
        if (&hold.table, &hold.reason) == (&added.table, &added.reason) {
            return list::single(&ctx, HOLDS, &HOLD_TYPE, &uri, hold);
        }
        let message = format!("The legal hold {} is there with another table or reason.", added.name);
        return Err(ApiError::new(code::CONFLICT, message));
    }
    if known.len() >= HOLDS_MAX {
        return Err(invalid(format!("There are {HOLDS_MAX} legal holds; no more are taken.")));
    }
    let Hold { name, table, reason, created } = &added;
    let (name, table, reason) = (name.clone(), table.clone(), reason.clone());
    ctx.store().add_hold(&LegalHold { tenant: ctx.tenant(), name, table, reason, created: *created }).await?;
    info!(tenant = %ctx.tenant(), hold = added.name, table = added.table, by = ctx.author(), "added a legal hold");
    list::single(&ctx, HOLDS, &HOLD_TYPE, &uri, &added)
}

async fn release_hold(ctx: Ctx, Param(name): Param, uri: Uri) -> Result<Response, ApiError> {
    let hold = all_holds(&ctx).await?.into_iter().find(|hold| hold.name == name);
    let hold = hold.ok_or_else(|| ApiError::resource_not_found("Legal hold", &name))?;
    ctx.store().release_hold(&hold.name).await?;
    info!(tenant = %ctx.tenant(), hold = hold.name, by = ctx.author(), "released a legal hold");
    list::single(&ctx, HOLDS, &HOLD_TYPE, &uri, &hold)
}

async fn all_holds(ctx: &Ctx) -> Result<Vec<Hold>, ApiError> {
    let holds = ctx.store().lake_policies().await?.holds.into_iter();
    Ok(holds
        .map(|LegalHold { name, table, reason, created, .. }| Hold { name, table, reason, created })
        .collect())
}

/// The hold that a body asks for.
fn read_hold(name: String, mut body: JsonObject, now: Ticks) -> Result<Hold, ApiError> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.chars().all(is_name) || name.starts_with('.') {
        let message = format!(
            "The name of a hold takes 1 to {NAME_BYTES_MAX} letters, digits, '-', '_' and '.' inside."
        );
        return Err(invalid(message));
    }
    let table = body.take_text("table")?.map(|table| {
        find_table(table.trim()).map_err(|error| invalid(format!("'table': {}", error.message())))
    });
    let table = table.transpose()?.map(|table| table.name.to_owned());
    let reason = body.take_text("reason")?.unwrap_or_default().trim().to_owned();
    if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
        return Err(invalid(format!("'reason' takes 1 to {REASON_BYTES_MAX} bytes of text.")));
    }
    Ok(Hold { name, table, reason, created: now })
}

/// What a deletion did, on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deletion<'a> {
    device_id: &'a DeviceId,
    rows_deleted: u64,
    files_replaced: usize,
    /// Files that hold no row of the device and were left as they are.
    files_kept: usize,
    tables: Vec<DeletedRows>,
    /// From then on nothing is left of the rows; before, the lake can be asked as of an earlier time.
    on_disk_until: Option<Ticks>,
}

#[derive(Serialize)]
struct DeletedRows {
    table: &'static str,
    rows: u64,
    files: usize,
}

async fn delete_device(ctx: Ctx, Param(device): Param) -> Result<Response, ApiError> {
    let missing = || ApiError::resource_not_found("Device", &device);
    let near = ctx.clone().about_a_device().await?;
    let id = match DeviceId::parse(&device) {
        // Rows can be of a device that is no machine yet: whoever reaches all devices reaches those, too.
        Some(id) if near.reaches_all() => id,
        Some(id) => near.store().machine(&id).await?.ok_or_else(missing)?.id,
        None => near.store().machine_by_name(&device).await?.ok_or_else(missing)?.id,
    };
    let deleted = ctx.lake().delete_device(&id).await?;
    let Deleted { tables, files_kept } = &deleted;
    let (rows, files) = (deleted.rows(), deleted.files());
    info!(tenant = %ctx.tenant(), device = %id, rows, files, by = ctx.author(), "deleted a device's rows");
    let grace = i64::try_from(ctx.lake().grace().as_secs()).unwrap_or(i64::MAX);
    let tables = tables.iter();
    list::json(&Deletion {
        device_id: &id,
        rows_deleted: rows,
        files_replaced: files,
        files_kept: *files_kept,
        tables: tables.map(|of| DeletedRows { table: of.table, rows: of.rows, files: of.files }).collect(),
        on_disk_until: (rows > 0).then(|| ctx.now().plus_seconds(grace)),
    })
}

/// The table of a path; none for `default`.
fn table_of(name: &str) -> Result<Option<&'static Table>, ApiError> {
    if name.eq_ignore_ascii_case(DEFAULT) { Ok(None) } else { find_table(name).map(Some) }
}

fn name_of(table: Option<&'static Table>) -> String {
    table.map_or(DEFAULT, |table| table.name).to_owned()
}

fn invalid(message: String) -> ApiError {
    ApiError::new(code::INVALID_INPUT, message)
}
