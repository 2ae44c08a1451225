//! Reads and writes the rows of entities: the JSON and the columns that repeat it.

use std::collections::BTreeSet;

use model::Ticks;
use odata::Kind;
use sea_query::{Expr, ExprTrait, Query, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sqlx::{Executor, Row as _};

use crate::database::{Backend, Connection, Row, delete, insert, select, update};
use crate::entities::{Entity, Field};
use crate::error::failed;
use crate::{StoreError, fold};

type Object = serde_json::Map<String, Json>;

const WRITE: &str = "write an entity";

/// The entity of that id, or none.
pub(crate) async fn read<'c, T: DeserializeOwned>(
    executor: impl Executor<'c, Database = Backend>,
    entity: &'static Entity,
    tenant: &str,
    id: &str,
) -> Result<Option<T>, StoreError> {
    let mut statement = Query::select();
    statement.column("body").from(entity.table).and_where(is_row(tenant, id));
    let row = select(&statement).fetch_optional(executor).await.map_err(failed("read an entity"))?;
    row.map(|row| parse(entity, &row)).transpose()
}

/// The entity in a row that has a column `body`.
pub(crate) fn parse<T: DeserializeOwned>(entity: &'static Entity, row: &Row) -> Result<T, StoreError> {
    let body: &str = row.try_get("body").map_err(failed("read an entity"))?;
    serde_json::from_str(body).map_err(|source| {
        let json: Json = serde_json::from_str(body).unwrap_or_default();
        let id = json["id"].as_str().unwrap_or_default().to_owned();
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
    let sequence = next_sequence(connection, tenant).await?;
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
    add_strings(connection, entity, tenant, &object).await
}

/// Writes an entity that is there.
pub(crate) async fn replace<T: Serialize>(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    value: &T,
) -> Result<(), StoreError> {
    let object = object(value);
    let sequence = next_sequence(connection, tenant).await?;
    let id = row_id(&object);
    let mut statement = Query::update();
    statement.table(entity.table).and_where(is_row(tenant, &id));
    for (column, value) in stored(entity, &object, sequence) {
        statement.value(column, value);
    }
    update(&statement).execute(&mut *connection).await.map_err(failed(WRITE))?;
    let mut strings = Query::delete();
    strings.from_table(entity.strings_table).and_where(is_row(tenant, &id));
    delete(&strings).execute(&mut *connection).await.map_err(failed(WRITE))?;
    add_strings(connection, entity, tenant, &object).await
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

async fn add_strings(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    object: &Object,
) -> Result<(), StoreError> {
    let id = row_id(object);
    for field in entity.fields.iter().filter(|field| field.property.kind == Kind::Strings) {
        let name = field.property.name;
        let elements = object.get(name).and_then(Json::as_array).into_iter().flatten();
        let folded: BTreeSet<_> = elements.filter_map(Json::as_str).map(fold).collect();
        for value in folded {
            let mut statement = Query::insert();
            statement
                .into_table(entity.strings_table)
                .columns(["tenant", "id", "property", "value"])
                .values_panic([Expr::val(tenant), Expr::val(&id), Expr::val(name), Expr::val(value)]);
            insert(&statement).execute(&mut *connection).await.map_err(failed(WRITE))?;
        }
    }
    Ok(())
}

/// The columns but the tenant's, and what they hold.
fn stored(entity: &'static Entity, object: &Object, sequence: i64) -> Vec<(&'static str, Value)> {
    let body = serde_json::to_string(object).unwrap_or_default();
    let mut columns = vec![("updated_sequence", sequence.into()), ("body", body.into())];
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
        Kind::Strings | Kind::Complex => Value::String(None),
    }
}

fn row_id(object: &Object) -> String {
    fold(object.get("id").and_then(Json::as_str).unwrap_or_default())
}

fn is_row(tenant: &str, id: &str) -> Expr {
    Expr::col("tenant").eq(tenant).and(Expr::col("id").eq(fold(id)))
}

async fn next_sequence(connection: &mut Connection, tenant: &str) -> Result<i64, StoreError> {
    const SQL: &str = "INSERT INTO counters (tenant, name, value) VALUES ($1, 'updated', 1) \
                       ON CONFLICT (tenant, name) DO UPDATE SET value = counters.value + 1 RETURNING value";
    let next = sqlx::query(SQL).bind(tenant).try_map(|row: Row| row.try_get(0)).fetch_one(connection).await;
    next.map_err(failed("draw a number for the change feed"))
}
