//! A statement with its values, for whichever database it meets when it is run.

use sea_query::{
    DeleteStatement, InsertStatement, PostgresQueryBuilder, SelectStatement, UpdateStatement, Values,
};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{
    Arguments as _, AssertSqlSafe, ColumnIndex, Decode, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Type,
};

use super::{Connection, Pool, postgres};

/// A value of a statement; a null has a type, too.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(Option<bool>),
    Int(Option<i64>),
    Double(Option<f64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// What a statement is run on.
pub(crate) enum Executor<'c> {
    Pool(&'c Pool),
    Connection(&'c mut Connection),
}

pub(crate) struct Query {
    sql: SqlStr,
    values: Vec<Value>,
    /// Whether it is kept prepared.
    is_kept: bool,
}

/// A query and what is made of each of its rows.
pub(crate) struct Mapped<F> {
    query: Query,
    map: F,
}

pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a statement did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    rows_affected: u64,
}

/// A statement with `$1`, `$2`... in the places of its values.
pub(crate) fn query(sql: impl SqlSafeStr) -> Query {
    Query { sql: sql.into_sql_str(), values: Vec::new(), is_kept: true }
}

pub(crate) fn select(statement: &SelectStatement) -> Query {
    // There are as many texts as filters: kept prepared, they would crowd out the fixed ones.
    Query { is_kept: false, ..built(statement.build(PostgresQueryBuilder)) }
}

/// As [`select`], of a statement that always has the same text.
pub(crate) fn select_fixed(statement: &SelectStatement) -> Query {
    built(statement.build(PostgresQueryBuilder))
}

pub(crate) fn insert(statement: &InsertStatement) -> Query {
    built(statement.build(PostgresQueryBuilder))
}

pub(crate) fn update(statement: &UpdateStatement) -> Query {
    built(statement.build(PostgresQueryBuilder))
}

pub(crate) fn delete(statement: &DeleteStatement) -> Query {
    built(statement.build(PostgresQueryBuilder))
}

/// Safe because the builder writes the text from names declared in this crate and leaves values out of it. SQLite takes
/// the same text: it knows quotes around names and numbered places of values.
fn built((sql, values): (String, Values)) -> Query {
    use sea_query::Value as Built;

    let values = values.0.into_iter().map(|value| match value {
        Built::Bool(value) => Value::Bool(value),
        Built::Int(value) => Value::Int(value.map(i64::from)),
        Built::BigInt(value) => Value::Int(value),
        Built::BigUnsigned(value) => Value::Int(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX))),
        Built::Double(value) => Value::Double(value),
        Built::String(value) => Value::Text(value),
        Built::Bytes(value) => Value::Bytes(value),
        other => unreachable!("no statement of this crate has the value {other:?}"),
    });
    Query { values: values.collect(), ..query(AssertSqlSafe(sql)) }
}

/// SQLite keeps a list of the numbers of places and walks it for each one, when a statement is prepared and when its
/// values are bound: beyond so many values that is most of its work.
const PLACES_MANY: usize = 24;

/// The same statement with `?` for each of its places, if they are numbered in the order in which they stand.
fn unnumbered(sql: &str) -> Option<String> {
    let mut text = String::with_capacity(sql.len());
    let (mut places, mut quote) = (0, None);
    let mut rest = sql;
    while let Some(at) = rest.find(['$', '\'', '"']) {
        let (before, found) = rest.split_at(at);
        text.push_str(before);
        let (mark, behind) = found.split_at(1);
        rest = behind;
        if mark != "$" {
            // One that is doubled ends its text and begins it again.
            quote = match quote {
                None => Some(mark),
                Some(open) if open == mark => None,
                open => open,
            };
            text.push_str(mark);
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if quote.is_some() || digits == 0 {
            text.push_str(mark);
            continue;
        }
        places += 1;
        if rest[..digits].parse() != Ok(places) {
            return None;
        }
        text.push('?');
        rest = &rest[digits..];
    }
    text.push_str(rest);
    Some(text)
}

impl Query {
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Query {
        self.values.push(value.into());
        self
    }

    pub(crate) fn try_map<T, F: FnMut(Row) -> Result<T, sqlx::Error>>(self, map: F) -> Mapped<F> {
        Mapped { query: self, map }
    }

    pub(crate) async fn execute<'c>(self, executor: impl Into<Executor<'c>>) -> Result<Done, sqlx::Error> {
        let rows_affected = match executor.into() {
            Executor::Pool(Pool::Sqlite(pool)) => self.for_sqlite()?.execute(pool).await?.rows_affected(),
            Executor::Pool(Pool::Postgres(pool)) => self.for_postgres()?.execute(pool).await?.rows_affected(),
            Executor::Pool(Pool::PostgresWriter(pool)) => {
                let mut transaction = postgres::begin_writing(pool).await?;
                let done = self.for_postgres()?.execute(&mut *transaction).await?;
                transaction.commit().await?;
                done.rows_affected()
            }
            Executor::Connection(Connection::Sqlite(connection, _)) => {
                self.for_sqlite()?.execute(&mut **connection).await?.rows_affected()
            }
            Executor::Connection(Connection::Postgres(connection)) => {
                self.for_postgres()?.execute(&mut **connection).await?.rows_affected()
            }
        };
        Ok(Done { rows_affected })
    }

    pub(crate) async fn fetch_all<'c>(
        self,
        executor: impl Into<Executor<'c>>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        self.try_map(Ok).fetch_all(executor).await
    }

    pub(crate) async fn fetch_one<'c>(self, executor: impl Into<Executor<'c>>) -> Result<Row, sqlx::Error> {
        self.try_map(Ok).fetch_one(executor).await
    }

    pub(crate) async fn fetch_optional<'c>(
        self,
        executor: impl Into<Executor<'c>>,
    ) -> Result<Option<Row>, sqlx::Error> {
        self.try_map(Ok).fetch_optional(executor).await
    }

    fn for_sqlite(self) -> Result<sqlx::query::Query<'static, Sqlite, SqliteArguments>, sqlx::Error> {
        let mut arguments = SqliteArguments::default();
        for value in self.values {
            let added = match value {
                Value::Bool(value) => arguments.add(value),
                Value::Int(value) => arguments.add(value),
                Value::Double(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        let sql = match arguments.len() {
            PLACES_MANY.. => unnumbered(self.sql.as_str()).map(|sql| AssertSqlSafe(sql).into_sql_str()),
            _ => None,
        };
        Ok(sqlx::query_with(sql.unwrap_or(self.sql), arguments).persistent(self.is_kept))
    }

    fn for_postgres(self) -> Result<sqlx::query::Query<'static, Postgres, PgArguments>, sqlx::Error> {
        let mut arguments = PgArguments::default();
        for value in self.values {
            let added = match value {
                Value::Bool(value) => arguments.add(value),
                Value::Int(value) => arguments.add(value),
                Value::Double(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value.map(postgres::text)),
                Value::Bytes(value) => arguments.add(value),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok(sqlx::query_with(self.sql, arguments).persistent(self.is_kept))
    }
}

/// Runs a mapped query by a method of the library's, on whatever it is to run on.
macro_rules! run {
    ($mapped:expr, $executor:expr, $method:ident) => {{
        let Mapped { query, mut map } = $mapped;
        match $executor.into() {
            Executor::Pool(Pool::Sqlite(pool)) => {
                query.for_sqlite()?.try_map(|row| map(Row::Sqlite(row))).$method(pool).await
            }
            Executor::Pool(Pool::Postgres(pool)) => {
                query.for_postgres()?.try_map(|row| map(Row::Postgres(row))).$method(pool).await
            }
            Executor::Pool(Pool::PostgresWriter(pool)) => {
                let mut transaction = postgres::begin_writing(pool).await?;
                let mapped = query.for_postgres()?.try_map(|row| map(Row::Postgres(row)));
                let found = mapped.$method(&mut *transaction).await?;
                transaction.commit().await?;
                Ok(found)
            }
            Executor::Connection(Connection::Sqlite(connection, _)) => {
                query.for_sqlite()?.try_map(|row| map(Row::Sqlite(row))).$method(&mut **connection).await
            }
            Executor::Connection(Connection::Postgres(connection)) => {
                query.for_postgres()?.try_map(|row| map(Row::Postgres(row))).$method(&mut **connection).await
            }
        }
    }};
}

impl<T, F> Mapped<F>
where
    T: Send + Unpin,
    F: FnMut(Row) -> Result<T, sqlx::Error> + Send,
{
    pub(crate) async fn fetch_all<'c>(
        self,
        executor: impl Into<Executor<'c>>,
    ) -> Result<Vec<T>, sqlx::Error> {
        run!(self, executor, fetch_all)
    }

    pub(crate) async fn fetch_one<'c>(self, executor: impl Into<Executor<'c>>) -> Result<T, sqlx::Error> {
        run!(self, executor, fetch_one)
    }

    pub(crate) async fn fetch_optional<'c>(
        self,
        executor: impl Into<Executor<'c>>,
    ) -> Result<Option<T>, sqlx::Error> {
        run!(self, executor, fetch_optional)
    }
}

impl Row {
    /// The value of a column, by its name or place.
    pub(crate) fn try_get<'r, T, I>(&'r self, index: I) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
        I: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        match self {
            Row::Sqlite(row) => row.try_get(index),
            Row::Postgres(row) => row.try_get(index),
        }
    }
}

impl Done {
    pub(crate) fn rows_affected(self) -> u64 {
        self.rows_affected
    }
}

impl<'c> From<&'c Pool> for Executor<'c> {
    fn from(pool: &'c Pool) -> Executor<'c> {
        Executor::Pool(pool)
    }
}

impl<'c> From<&'c mut Connection> for Executor<'c> {
    fn from(connection: &'c mut Connection) -> Executor<'c> {
        Executor::Connection(connection)
    }
}

/// Values that statements take, and the same behind references and where there may be none.
macro_rules! values {
    ($($kind:ident of $($from:ty)|+ as $into:ty;)+) => {$($(
        impl From<$from> for Value {
            fn from(value: $from) -> Value {
                Value::$kind(Some(<$into>::from(value)))
            }
        }

        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Value {
                Value::$kind(value.map(<$into>::from))
            }
        }
    )+)+};
}

values! {
    Bool of bool as bool;
    Int of i64 | u32 as i64;
    Text of String | &String | &str as String;
    Bytes of Vec<u8> | &[u8] as Vec<u8>;
}

impl From<&i64> for Value {
    fn from(value: &i64) -> Value {
        Value::Int(Some(*value))
    }
}

impl From<&Vec<u8>> for Value {
    fn from(value: &Vec<u8>) -> Value {
        Value::Bytes(Some(value.clone()))
    }
}

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Value {
        Value::Text(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::unnumbered;

    #[test]
    fn numbers_that_say_nothing_are_left_out() {
        for (sql, expected) in [
            ("SELECT 1", Some("SELECT 1")),
            (
                r#"INSERT INTO "a" VALUES ($1, $2), ($3, $4)"#,
                Some(r#"INSERT INTO "a" VALUES (?, ?), (?, ?)"#),
            ),
            (r#"SELECT '$2', "$3", 'it''s $4', $1"#, Some(r#"SELECT '$2', "$3", 'it''s $4', ?"#)),
            (
                r#"SELECT "a'b", $1, $ FROM "ü" WHERE 'ß' = $2"#,
                Some(r#"SELECT "a'b", ?, $ FROM "ü" WHERE 'ß' = ?"#),
            ),
            ("SELECT $1, $1", None),
            ("SELECT $2, $1", None),
            ("SELECT $99999999999", None),
        ] {
            assert_eq!(unnumbered(sql).as_deref(), expected, "{sql}");
        }
    }
}
