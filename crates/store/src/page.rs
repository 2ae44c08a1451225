//! Lists, page by page.
//!
//! A page ends with a cursor that names the last row by what the list is sorted by, and the next page begins
//! after it. So rows that come or go meanwhile make no other row appear twice or not at all.

use std::cmp;

use odata::{Kind, Property, Query};
use sea_query::{CaseStatement, Expr, ExprTrait, NullOrdering, Order, SelectStatement};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::database::{Connection, Database, Row, query, select};
use crate::entities::{Entity, Field};
use crate::entity_rows::{order_key, parse};
use crate::error::failed;
use crate::filter::{self, Indexes, all, any, never};
use crate::lead::{self, Lead};
use crate::{StoreError, fold};

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Asks for the next page; none on the last one.
    pub next: Option<String>,
    /// How many entities the whole list has, when the query asks for that.
    pub count: Option<u64>,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<'a> {
    /// At most that many items; at least one.
    pub limit: u64,
    /// [`Page::next`] of the page before, with the same query; none for the first page.
    pub cursor: Option<&'a str>,
}

/// A page and the names of its rows: everything a caller sees of it is opaque.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    version: u32,
    /// What the list is sorted by.
    order: String,
    /// The last row by that.
    after: Vec<Json>,
    /// How many items of `$top` are left.
    left: Option<u64>,
}

/// Something to sort by.
#[derive(Clone, Copy, Debug)]
struct Key {
    field: &'static Field,
    descending: bool,
    /// Whether an index may give the order.
    indexes: Indexes,
}

const CURSOR_VERSION: u32 = 1;
const LIST: &str = "list entities";
const COUNT: &str = "count entities";

/// What a list is of, besides its filter.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    All,
    /// Few rows, to which an index leads.
    Few(Expr),
    /// Most rows, and what the others are: an index leads to those.
    Most {
        rows: Expr,
        others: Expr,
    },
}

impl From<Option<Expr>> for Scope {
    fn from(condition: Option<Expr>) -> Scope {
        condition.map_or(Scope::All, Scope::Few)
    }
}

impl Scope {
    fn condition(&self) -> Option<Expr> {
        match self {
            Scope::All => None,
            Scope::Few(rows) | Scope::Most { rows, .. } => Some(rows.clone()),
        }
    }
}

/// The page of the rows of a tenant that pass the scope and the query. `$skip` counts on the first page,
/// `$top` over all of them.
pub(crate) async fn list<T: DeserializeOwned>(
    db: &Database,
    entity: &'static Entity,
    tenant: &str,
    scope: impl Into<Scope>,
    query: &Query,
    page: PageRequest<'_>,
) -> Result<Page<T>, StoreError> {
    let scope = scope.into();
    let keys = keys(entity, query)?;
    let cursor = page.cursor.map(|text| Cursor::read(text, &describe(&keys), &keys)).transpose()?;
    let left = cursor.as_ref().map_or(query.top, |cursor| cursor.left);
    let limit = cmp::min(page.limit.clamp(1, u64::from(u32::MAX)), left.unwrap_or(u64::MAX));

    let mut transaction = db.begin_reading().await?;
    let parts = query.filter.as_ref().map(lead::parts).unwrap_or_default();
    let is_default_order = keys[0].is_like(&default_key(entity)?);
    let order = (&keys[0].field.property, is_default_order);
    let lead = choose(&mut transaction, entity, tenant, (&scope, &parts), order).await?;
    let count = match query.count {
        false => None,
        true => Some(count_led(&mut transaction, entity, tenant, (&scope, &parts), lead).await?),
    };
    let found = Asked { entity, tenant, scope: &scope, query, parts: &parts, keys, limit };
    found.page(&mut transaction, lead, cursor, count).await
}

/// A list as it is asked for.
struct Asked<'a> {
    entity: &'static Entity,
    tenant: &'a str,
    scope: &'a Scope,
    query: &'a Query,
    /// Those of its filter.
    parts: &'a [&'a odata::Filter],
    keys: Vec<Key>,
    limit: u64,
}

impl Asked<'_> {
    /// The page behind the cursor. What leads to its rows does not matter for what is on it.
    async fn page<T: DeserializeOwned>(
        self,
        transaction: &mut Connection,
        lead: Lead,
        cursor: Option<Cursor>,
        count: Option<u64>,
    ) -> Result<Page<T>, StoreError> {
        let Asked { entity, tenant, scope, query, parts, keys, limit } = self;
        let order = describe(&keys);
        let left = cursor.as_ref().map_or(query.top, |cursor| cursor.left);
        let keys: Vec<Key> = keys.into_iter().map(|key| Key { indexes: lead.of_order(), ..key }).collect();
        let mut rows = of_scope(entity, tenant, scope);
        let by = (lead, &keys[0].field.property);
        rows.and_where(lead::conditions(entity, tenant, parts, by)?);
        match &cursor {
            None => {
                rows.offset(query.skip);
            }
            Some(cursor) => {
                rows.and_where(after(entity, &keys, &cursor.after));
            }
        }
        rows.limit(limit + 1);
        for key in &keys {
            key.sort(entity, &mut rows);
        }
        let is_default_order = keys.len() == 1 && keys[0].is_like(&default_key(entity)?);
        if lead == Lead::Order && is_default_order && lead::are_passed(entity, parts) {
            // Which rows they are is read from the index alone.
            rows.column((entity.table, "id"));
            let is_found = Expr::col((entity.table, "id")).in_subquery(rows);
            rows = of_scope(entity, tenant, &Scope::Few(is_found));
            keys[0].sort(entity, &mut rows);
        }
        rows.column((entity.table, "body"));
        let mut found = select(&rows).fetch_all(transaction).await.map_err(failed(LIST))?;
        let has_more = found.len() as u64 > limit;
        found.truncate(limit as usize);
        let left = left.map(|left| left - found.len() as u64);
        let next = match found.last() {
            Some(last) if has_more && left != Some(0) => {
                let object = parse(entity, last)?;
                let after = keys.iter().map(|key| order_key(key.field, &object)).collect();
                Some(Cursor { version: CURSOR_VERSION, order, after, left }.write())
            }
            _ => None,
        };
        let items = found.iter().map(|row| parse(entity, row)).collect::<Result<_, _>>()?;
        Ok(Page { items, next, count })
    }
}

/// How many rows of a tenant pass the scope and the filter.
pub(crate) async fn count(
    db: &Database,
    entity: &'static Entity,
    tenant: &str,
    scope: impl Into<Scope>,
    filter: Option<&odata::Filter>,
) -> Result<u64, StoreError> {
    let scope = scope.into();
    let parts = filter.map(lead::parts).unwrap_or_default();
    let mut transaction = db.begin_reading().await?;
    let order = (&default_key(entity)?.field.property, true);
    let lead = choose(&mut transaction, entity, tenant, (&scope, &parts), order).await?;
    count_led(&mut transaction, entity, tenant, (&scope, &parts), lead).await
}

async fn choose(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    (scope, parts): (&Scope, &[&odata::Filter]),
    order: (&Property, bool),
) -> Result<Lead, StoreError> {
    match scope {
        Scope::Few(_) => Ok(Lead::Open),
        Scope::All | Scope::Most { .. } => lead::choose(connection, entity, tenant, parts, order).await,
    }
}

async fn count_led(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    (scope, parts): (&Scope, &[&odata::Filter]),
    lead: Lead,
) -> Result<u64, StoreError> {
    if parts.is_empty()
        && let Some(count) = known_count(connection, entity, tenant, scope).await?
    {
        return Ok(count);
    }
    // Without an order there is none that could lead.
    let lead = if lead == Lead::Order { Lead::Open } else { lead };
    let order = &default_key(entity)?.field.property;
    let mut rows = of_scope(entity, tenant, scope);
    rows.expr(Expr::cust("COUNT(*)"));
    rows.and_where(lead::conditions(entity, tenant, parts, (lead, order))?);
    let row = select(&rows).fetch_one(connection).await.map_err(failed(COUNT))?;
    Ok(row.try_get::<i64, _>(0).map_err(failed(COUNT))?.unsigned_abs())
}

/// How many rows of a tenant a scope has, where the database keeps how many there are.
async fn known_count(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    scope: &Scope,
) -> Result<Option<u64>, StoreError> {
    const SQL: &str = "SELECT rows_count FROM entity_counts WHERE tenant = $1 AND kind = $2";
    if !entity.is_counted || matches!(scope, Scope::Few(_)) {
        return Ok(None);
    }
    let counted = query(SQL).bind(tenant).bind(entity.table).try_map(|row: Row| row.try_get::<i64, _>(0));
    let counted = counted.fetch_optional(&mut *connection).await.map_err(failed(COUNT))?;
    let count = counted.unwrap_or_default().unsigned_abs();
    let Scope::Most { others, .. } = scope else { return Ok(Some(count)) };
    let mut rows = of_scope(entity, tenant, &Scope::Few(others.clone()));
    rows.expr(Expr::cust("COUNT(*)"));
    let row = select(&rows).fetch_one(connection).await.map_err(failed(COUNT))?;
    let others = row.try_get::<i64, _>(0).map_err(failed(COUNT))?.unsigned_abs();
    Ok(Some(count.saturating_sub(others)))
}

fn of_scope(entity: &'static Entity, tenant: &str, scope: &Scope) -> SelectStatement {
    let mut rows = SelectStatement::new();
    rows.from(entity.table).and_where(Expr::col((entity.table, "tenant")).eq(tenant));
    rows.and_where_option(scope.condition());
    rows
}

/// What to sort by; the id comes last, so no two rows are equal.
fn keys(entity: &'static Entity, query: &Query) -> Result<Vec<Key>, StoreError> {
    let key = |name: &str, descending: bool| {
        let field = entity.field(name).filter(|field| field.column.is_some());
        let reason = || format!("cannot be sorted by '{name}'");
        field
            .map(|field| Key { field, descending, indexes: Indexes::Used })
            .ok_or_else(|| StoreError::invalid("order", reason()))
    };
    let mut keys: Vec<Key> = Vec::new();
    for order in &query.order {
        let is_new = keys.iter().all(|key| key.field.property.name != order.property.name);
        if is_new {
            keys.push(key(order.property.name, order.descending)?);
        }
    }
    if keys.is_empty() {
        keys.push(default_key(entity)?);
    }
    match keys.iter().position(|key| key.field.property.name == entity.key) {
        Some(at) => keys.truncate(at + 1),
        // The direction of the last key, which an index over both then serves.
        None => keys.push(key(entity.key, keys.last().is_some_and(|last| last.descending))?),
    }
    Ok(keys)
}

/// What is sorted by when nothing is asked for.
fn default_key(entity: &'static Entity) -> Result<Key, StoreError> {
    let (name, descending) = entity.default_order;
    let field =
        entity.field(name).ok_or_else(|| StoreError::invalid("order", format!("'{name}' is not there")))?;
    Ok(Key { field, descending, indexes: Indexes::Used })
}

fn describe(keys: &[Key]) -> String {
    let direction = |key: &Key| if key.descending { "desc" } else { "asc" };
    let keys: Vec<_> =
        keys.iter().map(|key| format!("{} {}", key.field.property.name, direction(key))).collect();
    keys.join(",")
}

/// The rows that come after the one with those values.
fn after(entity: &'static Entity, keys: &[Key], values: &[Json]) -> Expr {
    let mut ways = Vec::new();
    for at in 0..keys.len() {
        let mut way: Vec<_> =
            keys[..at].iter().zip(values).map(|(key, value)| key.equals(entity, value)).collect();
        way.push(keys[at].beyond(entity, &values[at]));
        ways.push(all(way));
    }
    // The first term follows from the others; it lets the database start in the middle of an index.
    all(vec![keys[0].not_before(entity, &values[0]), any(ways)])
}

impl Key {
    fn is_like(&self, other: &Key) -> bool {
        self.field.property.name == other.field.property.name && self.descending == other.descending
    }

    fn expr(&self, entity: &'static Entity) -> Expr {
        let Some(name) = self.field.column else { return never() };
        let column = || filter::column(entity, name, self.indexes);
        let Property { kind, values, .. } = self.field.property;
        if kind != Kind::Enum {
            return column();
        }
        let places = values.iter().enumerate();
        let case = places.fold(CaseStatement::new(), |case, (place, member)| {
            case.case(column().eq(*member), place as i64)
        });
        case.into()
    }

    /// Null comes before every value.
    fn sort(&self, entity: &'static Entity, rows: &mut SelectStatement) {
        let order = if self.descending { Order::Desc } else { Order::Asc };
        if self.field.is_required {
            rows.order_by_expr(self.expr(entity), order);
        } else {
            let nulls = if self.descending { NullOrdering::Last } else { NullOrdering::First };
            rows.order_by_expr_with_nulls(self.expr(entity), order, nulls);
        }
    }

    fn equals(&self, entity: &'static Entity, value: &Json) -> Expr {
        match sql_value(value) {
            None => self.expr(entity).is_null(),
            Some(value) => self.expr(entity).eq(value),
        }
    }

    fn beyond(&self, entity: &'static Entity, value: &Json) -> Expr {
        match (sql_value(value), self.descending) {
            (None, false) => self.expr(entity).is_not_null(),
            (None, true) => never(),
            (Some(value), false) => self.expr(entity).gt(value),
            (Some(value), true) if self.field.is_required => self.expr(entity).lt(value),
            (Some(value), true) => self.expr(entity).lt(value).or(self.expr(entity).is_null()),
        }
    }

    fn not_before(&self, entity: &'static Entity, value: &Json) -> Expr {
        match (sql_value(value), self.descending) {
            (Some(value), false) => self.expr(entity).gte(value),
            (Some(value), true) if self.field.is_required => self.expr(entity).lte(value),
            _ => filter::always(),
        }
    }

    /// Whether a cursor may have that value for the key.
    fn takes(&self, value: &Json) -> bool {
        let Property { kind, values, .. } = self.field.property;
        match value {
            Json::Null => !self.field.is_required,
            Json::String(text) => kind == Kind::String && *text == fold(text),
            Json::Bool(_) => kind == Kind::Bool,
            Json::Number(number) => match (kind, number.as_i64()) {
                (Kind::Enum, Some(place)) => usize::try_from(place).is_ok_and(|at| at < values.len()),
                (Kind::Int64 | Kind::DateTime, place) => place.is_some(),
                (Kind::Double, _) => number.as_f64().is_some(),
                _ => false,
            },
            Json::Array(_) | Json::Object(_) => false,
        }
    }
}

fn sql_value(value: &Json) -> Option<sea_query::Value> {
    match value {
        Json::String(text) => Some(text.clone().into()),
        Json::Bool(truth) => Some((*truth).into()),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Some(number.into()),
            None => number.as_f64().map(Into::into),
        },
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

impl Cursor {
    fn write(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        json.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn read(text: &str, order: &str, keys: &[Key]) -> Result<Cursor, StoreError> {
        let invalid = |reason: &str| StoreError::invalid("cursor of the page", reason);
        let json = unhex(text).ok_or_else(|| invalid("it is not one of ours"))?;
        let cursor: Cursor = serde_json::from_slice(&json).map_err(|_| invalid("it is not one of ours"))?;
        if cursor.version != CURSOR_VERSION || cursor.left == Some(0) {
            return Err(invalid("it is not one of ours"));
        }
        if cursor.order != order {
            return Err(invalid("it is of a list sorted by something else"));
        }
        let is_row = cursor.after.len() == keys.len()
            && keys.iter().zip(&cursor.after).all(|(key, value)| key.takes(value));
        if is_row { Ok(cursor) } else { Err(invalid("it is not one of ours")) }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes = text.as_bytes().chunks(2);
    bytes
        .map(|pair| <[u8; 2]>::try_from(pair).ok().and_then(|[a, b]| Some(digit(a)? << 4 | digit(b)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use model::machine::{HealthStatus, Machine};
    use model::{DeviceId, TenantId, Ticks};
    use odata::{Limits, Query};

    use super::*;
    use crate::entities::{MACHINE, MACHINE_TYPE};
    use crate::{Store, TenantStore};

    async fn tenant() -> TenantStore {
        let id = TenantId(uuid::Uuid::from_u128(1));
        let tenant = Store::open_in_memory().await.unwrap().tenant(id);
        let texts = [None, Some("a"), Some("ab"), Some("B"), Some("a\u{10ffff}"), Some("%a_")];
        let make = |at: usize| {
            let new = Machine::new(DeviceId::from_name(id, &format!("pc{at}")), Ticks(at as i64 % 4));
            let text = |at: usize| texts[at % texts.len()].map(str::to_owned);
            let health_status = [HealthStatus::Active, HealthStatus::Inactive][at % 2];
            let machine_tags = text(at / 2).into_iter().collect();
            Machine { computer_dns_name: text(at), version: text(at / 3), health_status, machine_tags, ..new }
        };
        let machines: Vec<Machine> = (0..60).map(make).collect();
        tenant.commit_machines("test", 1, &machines).await.unwrap();
        tenant
    }

    async fn walk(tenant: &TenantStore, query: &Query, lead: Lead) -> Vec<String> {
        let parts = query.filter.as_ref().map(lead::parts).unwrap_or_default();
        let (mut ids, mut cursor) = (Vec::new(), None);
        loop {
            let keys = keys(&MACHINE, query).unwrap();
            let read = |text: String| Cursor::read(&text, &describe(&keys), &keys).unwrap();
            let cursor_before = cursor.map(read);
            let asked = Asked {
                entity: &MACHINE,
                tenant: &tenant.key,
                scope: &Scope::All,
                query,
                parts: &parts,
                keys,
                limit: 7,
            };
            let mut transaction = tenant.db.begin_reading().await.unwrap();
            let page = asked.page::<Machine>(&mut transaction, lead, cursor_before, None).await.unwrap();
            ids.extend(page.items.into_iter().map(|machine| machine.id.to_string()));
            cursor = page.next;
            if cursor.is_none() {
                return ids;
            }
        }
    }

    #[tokio::test]
    async fn whatever_leads_to_the_rows_they_are_the_same() {
        let tenant = tenant().await;
        for filter in [
            "version eq 'a' and healthStatus eq 'Active'",
            "healthStatus eq 'Inactive' and version eq 'b'",
            "startswith(version,'a') and not (computerDnsName eq 'a')",
            "startswith(version,'a\u{10ffff}')",
            "startswith(version,'%A') or version eq null",
            "startswith(version,'')",
            "machineTags/any(t: t eq 'AB') and healthStatus eq 'Active'",
            "version in ('a','b') and lastSeen ge 0001-01-01T00:00:00.0000002Z",
            "lastSeen lt 0001-01-01T00:00:00.0000002Z and version ne 'a'",
            "(version eq 'a' or healthStatus eq 'Active' or version in ('b','ab')) and computerDnsName ne 'a'",
            "healthStatus ne 'Active' and version eq 'b'",
            "lastSeen ge 0001-01-01T00:00:00.0000002Z and healthStatus in ('Active','Inactive')",
            "not (riskScore eq 'High') and (healthStatus eq 'Active' or osPlatform eq null or id gt '8')",
        ] {
            for order in ["", "version", "version desc", "healthStatus,lastSeen desc", "id desc"] {
                let options = [("$filter", filter), ("$orderby", order)];
                let options = if order.is_empty() { &options[..1] } else { &options[..] };
                let query = odata::parse(&MACHINE_TYPE, options, Limits::new(100)).unwrap();
                let plain = walk(&tenant, &query, Lead::Open).await;
                assert!(!plain.is_empty(), "{filter}");
                for lead in [Lead::Order, Lead::Equal(0), Lead::Sorted(0)] {
                    assert_eq!(walk(&tenant, &query, lead).await, plain, "{filter} by {order}: {lead:?}");
                }
            }
        }
    }
}
