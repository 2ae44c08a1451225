//! Reads and writes the rows of entities: the JSON and the columns that repeat it.

use std::collections::BTreeSet;

use model::Ticks;
use odata::Kind;
use sea_query::{Expr, ExprTrait, InsertStatement, Query, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::database::{self, Connection, Executor, Row, delete, insert, select, select_fixed, update};
use crate::entities::{Collection, Entity, Field, MACHINE};
use crate::error::failed;
use crate::{StoreError, fold};

type Object = serde_json::Map<String, Json>;

const WRITE: &str = "write an entity";

/// The entity of that id, or none.
pub(crate) async fn read<'c, T: DeserializeOwned>(
    executor: impl Into<Executor<'c>>,
    entity: &'static Entity,
    tenant: &str,
    id: &str,
) -> Result<Option<T>, StoreError> {
    read_where(executor, entity, tenant, id, None).await
}

/// The entity of that id if the condition holds for it, or none, by one statement either way.
pub(crate) async fn read_where<'c, T: DeserializeOwned>(
    executor: impl Into<Executor<'c>>,
    entity: &'static Entity,
    tenant: &str,
    id: &str,
    condition: Option<Expr>,
) -> Result<Option<T>, StoreError> {
    let is_fixed = condition.is_none();
    let mut statement = Query::select();
    statement.column("body").from(entity.table).and_where(is_row(tenant, id)).and_where_option(condition);
    let query = if is_fixed { select_fixed(&statement) } else { select(&statement) };
    let row = query.fetch_optional(executor).await.map_err(failed("read an entity"))?;
    row.map(|row| parse(entity, &row)).transpose()
}

/// The entity in a row that has a column `body`.
pub(crate) fn parse<T: DeserializeOwned>(entity: &'static Entity, row: &Row) -> Result<T, StoreError> {
    let body: &str = row.try_get("body").map_err(failed("read an entity"))?;
    serde_json::from_str(body).map_err(|source| {
        let json: Json = serde_json::from_str(body).unwrap_or_default();
        let id = json[entity.key].as_str().map_or_else(|| json[entity.key].to_string(), str::to_owned);
        StoreError::Unreadable { entity: entity.name, id, source }
    })
}

/// Adds an entity. `extra` are columns that repeat nothing of it.
pub(crate) async fn add<T: Serialize>(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    value: &T,
    extra: &[(&'static str, &str)],
) -> Result<(), StoreError> {
    let object = object(value);
    announce(connection, entity, tenant, &row_id(entity, &object));
    let sequence = log_change(connection, entity, tenant, &row_id(entity, &object), CREATED).await?;
    let mut columns = vec!["tenant"];
    let mut values = vec![Expr::val(tenant)];
    for (column, value) in stored(entity, &object, sequence) {
        columns.push(column);
        values.push(value.into());
    }
    for (column, value) in extra {
        columns.push(column);
        values.push(Expr::val(*value));
    }
    let mut statement = Query::insert();
    // As many values as columns, as the loops above show.
    statement.into_table(entity.table).columns(columns).values_panic(values);
    insert(&statement).execute(&mut *connection).await.map_err(failed(WRITE))?;
    for field in entity.fields {
        add_elements(connection, entity, tenant, field, &object).await?;
    }
    Ok(())
}

/// Writes an entity that is there.
pub(crate) async fn replace<T: Serialize>(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    value: &T,
) -> Result<(), StoreError> {
    let object = object(value);
    let id = row_id(entity, &object);
    announce(connection, entity, tenant, &id);
    let before: Option<Object> = read(&mut *connection, entity, tenant, &id).await?;
    let sequence = log_change(connection, entity, tenant, &id, UPDATED).await?;
    let mut statement = Query::update();
    statement.table(entity.table).and_where(is_row(tenant, &id));
    // A column that is written has its indexes written, whether it changes or not.
    let known = before.as_ref().map(|before| stored(entity, before, 0)).unwrap_or_default();
    for (column, value) in stored(entity, &object, sequence) {
        if !known.contains(&(column, value.clone())) {
            statement.value(column, value);
        }
    }
    update(&statement).execute(&mut *connection).await.map_err(failed(WRITE))?;
    for field in entity.fields {
        let name = field.property.name;
        if before.as_ref().and_then(|before| before.get(name)) == object.get(name) {
            continue;
        }
        let Some((table, property)) = elements_of(entity, field) else { continue };
        let mut elements = Query::delete();
        elements.from_table(table).and_where(is_row(tenant, &id)).and_where_option(property);
        delete(&elements).execute(&mut *connection).await.map_err(failed(WRITE))?;
        add_elements(connection, entity, tenant, field, &object).await?;
    }
    Ok(())
}

/// Takes an entity away, if it is there. Says whether it was.
pub(crate) async fn remove(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    id: &str,
) -> Result<bool, StoreError> {
    announce(connection, entity, tenant, &fold(id));
    let mut statement = Query::delete();
    statement.from_table(entity.table).and_where(is_row(tenant, id));
    let removed = delete(&statement).execute(&mut *connection).await.map_err(failed(WRITE))?;
    if removed.rows_affected() == 0 {
        return Ok(false);
    }
    log_change(connection, entity, tenant, &fold(id), DELETED).await?;
    Ok(true)
}

/// Says to who keeps machines that one is written.
fn announce(connection: &Connection, entity: &'static Entity, tenant: &str, id: &str) {
    if entity.table == MACHINE.table {
        connection.changes_machine(tenant, id);
    }
}

/// What queries compare the property with: for an enum the place of its member, else what is stored.
pub(crate) fn order_key(field: &Field, object: &Object) -> Json {
    let value = object.get(field.property.name).unwrap_or(&Json::Null);
    match (field.property.kind, value) {
        (Kind::String, Json::String(text)) => fold(text).into(),
        (Kind::Enum, Json::String(text)) => {
            field.property.values.iter().position(|member| member == text).into()
        }
        (Kind::DateTime, Json::String(text)) => Ticks::parse(text).map(|ticks| ticks.0).into(),
        (_, value) => value.clone(),
    }
}

/// The JSON of an entity.
pub(crate) fn object<T: Serialize>(value: &T) -> Object {
    match serde_json::to_value(value) {
        Ok(Json::Object(object)) => object,
        other => unreachable!("an entity is an object with names as keys, not {other:?}"),
    }
}

/// The table with the elements of a collection, and which of its rows are of it.
fn elements_of(entity: &'static Entity, field: &'static Field) -> Option<(&'static str, Option<Expr>)> {
    match (field.property.kind, field.collection) {
        (Kind::Strings, _) => {
            Some((entity.strings_table, Some(Expr::col("property").eq(field.property.name))))
        }
        (_, Some(collection)) => Some((collection.table, None)),
        _ => None,
    }
}

async fn add_elements(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    field: &'static Field,
    object: &Object,
) -> Result<(), StoreError> {
    let id = row_id(entity, object);
    let elements = object.get(field.property.name).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let statements = match (field.property.kind, field.collection) {
        (Kind::Strings, _) => texts(entity, tenant, &id, field, elements),
        (_, Some(collection)) => objects(collection, tenant, &id, elements),
        _ => Vec::new(),
    };
    for statement in statements {
        insert(&statement).execute(&mut *connection).await.map_err(failed(WRITE))?;
    }
    Ok(())
}

fn texts(
    entity: &'static Entity,
    tenant: &str,
    id: &str,
    field: &'static Field,
    elements: &[Json],
) -> Vec<InsertStatement> {
    let folded: BTreeSet<_> = elements.iter().filter_map(Json::as_str).map(fold).collect();
    let folded: Vec<_> = folded.into_iter().collect();
    let insert = |values: &[String]| {
        let mut statement = Query::insert();
        statement.into_table(entity.strings_table).columns(["tenant", "id", "property", "value"]);
        for value in values {
            let name = field.property.name;
            // As many values as columns.
            statement.values_panic([Expr::val(tenant), Expr::val(id), Expr::val(name), Expr::val(value)]);
        }
        statement
    };
    folded.chunks(ELEMENTS_MAX).map(insert).collect()
}

fn objects(
    collection: &'static Collection,
    tenant: &str,
    id: &str,
    elements: &[Json],
) -> Vec<InsertStatement> {
    let fields = || collection.fields.iter().filter_map(|field| Some((field, field.column?)));
    let mut statements = Vec::new();
    for (chunk, elements) in elements.chunks(ELEMENTS_MAX).enumerate() {
        let mut statement = Query::insert();
        let derived = collection.derived.iter().map(|(column, ..)| *column);
        let columns = ["tenant", "id", "place"].into_iter().chain(fields().map(|(_, column)| column));
        statement.into_table(collection.table).columns(columns.chain(derived));
        for (at, element) in elements.iter().enumerate() {
            let Json::Object(element) = element else { continue };
            let place = (chunk * ELEMENTS_MAX + at) as i64;
            let mut values = vec![Expr::val(tenant), Expr::val(id), Expr::val(place)];
            values.extend(fields().map(|(field, _)| Expr::val(repeated(field, element))));
            values.extend(collection.derived.iter().map(|(_, member, derive)| {
                Expr::val(element.get(*member).and_then(Json::as_str).map(*derive))
            }));
            // As many values as columns.
            statement.values_panic(values);
        }
        statements.push(statement);
    }
    statements
}

/// The columns but the tenant's, and what they hold.
fn stored(entity: &'static Entity, object: &Object, sequence: i64) -> Vec<(&'static str, Value)> {
    let body = serde_json::to_string(object).unwrap_or_default();
    let mut columns = vec![("updated_sequence", sequence.into()), ("body", body.into())];
    if entity.key != "id" {
        columns.push(("id", row_id(entity, object).into()));
    }
    for field in entity.fields {
        if let Some(column) = field.column {
            columns.push((column, repeated(field, object)));
        }
    }
    columns
}

/// The property as its column holds it.
fn repeated(field: &Field, object: &Object) -> Value {
    let value = object.get(field.property.name).unwrap_or(&Json::Null);
    match field.property.kind {
        Kind::String => value.as_str().map(fold).into(),
        Kind::Enum => value.as_str().map(str::to_owned).into(),
        Kind::Int64 => value.as_i64().into(),
        Kind::Double => value.as_f64().into(),
        Kind::Bool => value.as_bool().into(),
        Kind::DateTime => value.as_str().and_then(Ticks::parse).map(|ticks| ticks.0).into(),
        Kind::Strings | Kind::Objects | Kind::Complex => Value::String(None),
    }
}

fn row_id(entity: &Entity, object: &Object) -> String {
    match object.get(entity.key) {
        Some(Json::String(id)) => fold(id),
        Some(id) => id.to_string(),
        None => String::new(),
    }
}

fn is_row(tenant: &str, id: &str) -> Expr {
    Expr::col("tenant").eq(tenant).and(Expr::col("id").eq(fold(id)))
}

pub(crate) async fn last_sequence<'c>(
    executor: impl Into<Executor<'c>>,
    tenant: &str,
) -> Result<i64, StoreError> {
    const SQL: &str = "SELECT value FROM counters WHERE tenant = $1 AND name = 'updated'";
    let last =
        database::query(SQL).bind(tenant).try_map(|row: Row| row.try_get(0)).fetch_optional(executor).await;
    Ok(last.map_err(failed("read the last number of the change feed"))?.unwrap_or_default())
}

const CREATED: &str = "created";
const UPDATED: &str = "updated";
const DELETED: &str = "deleted";

/// Elements that one statement adds: databases bound how many values a statement has.
const ELEMENTS_MAX: usize = 500;
/// Changes of a tenant that are kept.
const CHANGES_KEPT: i64 = 1_000_000;
/// The older ones go each time so many were added.
const CHANGES_ROUND: i64 = 1_000;

/// Draws the change's number and writes the change down.
async fn log_change(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    id: &str,
    change: &str,
) -> Result<i64, StoreError> {
    const ADD: &str = "INSERT INTO changes (tenant, sequence, kind, id, change) VALUES ($1, $2, $3, $4, $5)";
    const FORGET: &str = "DELETE FROM changes WHERE tenant = $1 AND sequence <= $2";
    let doing = "write a change down";
    let sequence = next_sequence(connection, tenant).await?;
    let query = database::query(ADD).bind(tenant).bind(sequence).bind(entity.name).bind(id).bind(change);
    query.execute(&mut *connection).await.map_err(failed(doing))?;
    if sequence % CHANGES_ROUND == 0 && sequence > CHANGES_KEPT {
        let query = database::query(FORGET).bind(tenant).bind(sequence - CHANGES_KEPT);
        query.execute(&mut *connection).await.map_err(failed(doing))?;
    }
    Ok(sequence)
}

async fn next_sequence(connection: &mut Connection, tenant: &str) -> Result<i64, StoreError> {
    const SQL: &str = "INSERT INTO counters (tenant, name, value) VALUES ($1, 'updated', 1) \
                       ON CONFLICT (tenant, name) DO UPDATE SET value = counters.value + 1 RETURNING value";
    let next =
        database::query(SQL).bind(tenant).try_map(|row: Row| row.try_get(0)).fetch_one(connection).await;
    next.map_err(failed("draw a number for the change feed"))
}
