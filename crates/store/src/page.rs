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
use sqlx::Row as _;

use crate::database::{Database, select};
use crate::entities::{Entity, Field};
use crate::entity_rows::{order_key, parse};
use crate::error::failed;
use crate::filter::{self, all, any, never};
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
}

const CURSOR_VERSION: u32 = 1;
const LIST: &str = "list entities";

/// The page of the rows of a tenant that pass the scope and the query. `$skip` counts on the first page,
/// `$top` over all of them.
pub(crate) async fn list<T: DeserializeOwned>(
    db: &Database,
    entity: &'static Entity,
    tenant: &str,
    scope: Option<Expr>,
    query: &Query,
    page: PageRequest<'_>,
) -> Result<Page<T>, StoreError> {
    let keys = keys(entity, query)?;
    let order = describe(&keys);
    let mut rows = rows(entity, tenant, scope, query.filter.as_ref())?;
    let counting = query.count.then(|| counting(&rows));
    let mut left = query.top;
    match page.cursor {
        None => {
            rows.offset(query.skip);
        }
        Some(text) => {
            let cursor = Cursor::read(text, &order, &keys)?;
            left = cursor.left;
            rows.and_where(after(&keys, &cursor.after));
        }
    }
    let limit = cmp::min(page.limit.clamp(1, u64::from(u32::MAX)), left.unwrap_or(u64::MAX));
    rows.column("body").limit(limit + 1);
    for key in &keys {
        key.sort(&mut rows);
    }

    let mut transaction = db.begin_reading().await?;
    let count = match counting {
        None => None,
        Some(counting) => {
            let row = select(&counting).fetch_one(&mut *transaction).await.map_err(failed(LIST))?;
            Some(row.try_get::<i64, _>(0).map_err(failed(LIST))?.unsigned_abs())
        }
    };
    let mut found = select(&rows).fetch_all(&mut *transaction).await.map_err(failed(LIST))?;
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

/// How many rows of a tenant pass the scope and the filter.
pub(crate) async fn count(
    db: &Database,
    entity: &'static Entity,
    tenant: &str,
    scope: Option<Expr>,
    filter: Option<&odata::Filter>,
) -> Result<u64, StoreError> {
    let statement = counting(&rows(entity, tenant, scope, filter)?);
    let row = select(&statement).fetch_one(db.readers()).await.map_err(failed("count entities"))?;
    Ok(row.try_get::<i64, _>(0).map_err(failed("count entities"))?.unsigned_abs())
}

fn rows(
    entity: &'static Entity,
    tenant: &str,
    scope: Option<Expr>,
    filter: Option<&odata::Filter>,
) -> Result<SelectStatement, StoreError> {
    let mut rows = SelectStatement::new();
    rows.from(entity.table).and_where(Expr::col((entity.table, "tenant")).eq(tenant));
    rows.and_where_option(scope);
    if let Some(filter) = filter {
        rows.and_where(filter::condition(entity, filter)?);
    }
    Ok(rows)
}

fn counting(rows: &SelectStatement) -> SelectStatement {
    let mut counting = rows.clone();
    counting.expr(Expr::cust("COUNT(*)"));
    counting
}

/// What to sort by; the id comes last, so no two rows are equal.
fn keys(entity: &'static Entity, query: &Query) -> Result<Vec<Key>, StoreError> {
    let key = |name: &str, descending: bool| {
        let field = entity.field(name).filter(|field| field.column.is_some());
        let reason = || format!("cannot be sorted by '{name}'");
        field.map(|field| Key { field, descending }).ok_or_else(|| StoreError::invalid("order", reason()))
    };
    let mut keys: Vec<Key> = Vec::new();
    for order in &query.order {
        let is_new = keys.iter().all(|key| key.field.property.name != order.property.name);
        if is_new {
            keys.push(key(order.property.name, order.descending)?);
        }
    }
    if keys.is_empty() {
        let (name, descending) = entity.default_order;
        keys.push(key(name, descending)?);
    }
    match keys.iter().position(|key| key.field.property.name == entity.key) {
        Some(at) => keys.truncate(at + 1),
        // The direction of the last key, which an index over both then serves.
        None => keys.push(key(entity.key, keys.last().is_some_and(|last| last.descending))?),
    }
    Ok(keys)
}

fn describe(keys: &[Key]) -> String {
    let direction = |key: &Key| if key.descending { "desc" } else { "asc" };
    let keys: Vec<_> =
        keys.iter().map(|key| format!("{} {}", key.field.property.name, direction(key))).collect();
    keys.join(",")
}

/// The rows that come after the one with those values.
fn after(keys: &[Key], values: &[Json]) -> Expr {
    let mut ways = Vec::new();
    for at in 0..keys.len() {
        let mut way: Vec<_> = keys[..at].iter().zip(values).map(|(key, value)| key.equals(value)).collect();
        way.push(keys[at].beyond(&values[at]));
        ways.push(all(way));
    }
    // The first term follows from the others; it lets the database start in the middle of an index.
    all(vec![keys[0].not_before(&values[0]), any(ways)])
}

impl Key {
    fn expr(&self) -> Expr {
        let Some(column) = self.field.column else { return never() };
        let Property { kind, values, .. } = self.field.property;
        if kind != Kind::Enum {
            return Expr::col(column);
        }
        let places = values.iter().enumerate();
        let case = places.fold(CaseStatement::new(), |case, (place, member)| {
            case.case(Expr::col(column).eq(*member), place as i64)
        });
        case.into()
    }

    /// Null comes before every value.
    fn sort(&self, rows: &mut SelectStatement) {
        let order = if self.descending { Order::Desc } else { Order::Asc };
        if self.field.is_required {
            rows.order_by_expr(self.expr(), order);
        } else {
            let nulls = if self.descending { NullOrdering::Last } else { NullOrdering::First };
            rows.order_by_expr_with_nulls(self.expr(), order, nulls);
        }
    }

    fn equals(&self, value: &Json) -> Expr {
        match sql_value(value) {
            None => self.expr().is_null(),
            Some(value) => self.expr().eq(value),
        }
    }

    fn beyond(&self, value: &Json) -> Expr {
        match (sql_value(value), self.descending) {
            (None, false) => self.expr().is_not_null(),
            (None, true) => never(),
            (Some(value), false) => self.expr().gt(value),
            (Some(value), true) if self.field.is_required => self.expr().lt(value),
            (Some(value), true) => self.expr().lt(value).or(self.expr().is_null()),
        }
    }

    fn not_before(&self, value: &Json) -> Expr {
        match (sql_value(value), self.descending) {
            (Some(value), false) => self.expr().gte(value),
            (Some(value), true) if self.field.is_required => self.expr().lte(value),
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
