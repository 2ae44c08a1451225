//! Who changed what of an entity, and when.

use model::Ticks;
use serde_json::Value as Json;

use crate::database::{self, Connection, Row};
use crate::error::failed;
use crate::{StoreError, TenantStore, fold};

/// Entries of one entity that are read.
const ENTRIES_MAX: i64 = 10_000;

/// One change that somebody made.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    pub sequence: i64,
    pub at: Ticks,
    /// The user's principal name or the app's name.
    pub by: String,
    /// The properties that were changed, each with its new value.
    pub change: Json,
}

impl TenantStore {
    /// What was changed of an entity of that kind, the oldest first.
    pub async fn entity_history(&self, kind: &str, id: &str) -> Result<Vec<HistoryEntry>, StoreError> {
        const SQL: &str = "SELECT sequence, changed, author, change FROM entity_history \
                           WHERE tenant = $1 AND kind = $2 AND id = $3 ORDER BY sequence LIMIT $4";
        let query = database::query(SQL).bind(&self.key).bind(kind).bind(fold(id)).bind(ENTRIES_MAX);
        let entries = query.try_map(|row: Row| {
            let change: &str = row.try_get("change")?;
            Ok(HistoryEntry {
                sequence: row.try_get("sequence")?,
                at: Ticks(row.try_get("changed")?),
                by: row.try_get("author")?,
                change: serde_json::from_str(change).map_err(|error| sqlx::Error::Decode(error.into()))?,
            })
        });
        entries.fetch_all(self.db.readers()).await.map_err(failed("read a history"))
    }

    /// Adds to the history of an entity what the change with the last number was.
    pub(crate) async fn add_history(
        &self,
        connection: &mut Connection,
        (kind, id): (&str, &str),
        (at, by): (Ticks, &str),
        change: &Json,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO entity_history (tenant, kind, id, sequence, changed, author, change) \
                           VALUES ($1, $2, $3, \
                           (SELECT value FROM counters WHERE tenant = $1 AND name = 'updated'), $4, $5, $6)";
        let query = database::query(SQL).bind(&self.key).bind(kind).bind(fold(id));
        let query = query.bind(at.0).bind(by).bind(change.to_string());
        query.execute(connection).await.map(drop).map_err(failed("write a history"))
    }
}
