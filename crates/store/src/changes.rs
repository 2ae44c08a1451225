//! The change feed: what changed, in the order in which it was committed.
//!
//! A change is written down by the transaction that makes it, under the number that the changed row carries. Only
//! the newest million changes of a tenant are kept.

use sea_query::{Expr, ExprTrait, Order, Query};

use crate::database::{self, Row, select};
use crate::error::failed;
use crate::{StoreError, TenantStore};

const READ: &str = "read changes";

/// One change of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub sequence: i64,
    /// `machine`, `alert`, `incident`, `indicator`...
    pub kind: String,
    /// In lower case.
    pub id: String,
    pub change: ChangeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Created,
    Updated,
    Deleted,
}

impl ChangeKind {
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::Created => "created",
            ChangeKind::Updated => "updated",
            ChangeKind::Deleted => "deleted",
        }
    }
}

impl TenantStore {
    /// The first changes of those kinds with a number above `since`, in order.
    pub async fn changes_after(
        &self,
        since: i64,
        kinds: &[&str],
        limit: u64,
    ) -> Result<Vec<Change>, StoreError> {
        let mut statement = Query::select();
        statement
            .columns(["sequence", "kind", "id", "change"])
            .from("changes")
            .and_where(Expr::col("tenant").eq(self.key.as_str()))
            .and_where(Expr::col("sequence").gt(since))
            .and_where(Expr::col("kind").is_in(kinds.iter().copied()))
            .order_by("sequence", Order::Asc)
            .limit(limit);
        let rows = select(&statement).try_map(change).fetch_all(self.db.readers()).await;
        rows.map_err(failed(READ))
    }

    /// The number of the last change, and the first number from which on every change is kept. 0 and 1 when
    /// nothing ever changed.
    pub async fn change_bounds(&self) -> Result<(i64, i64), StoreError> {
        const SQL: &str = "SELECT COALESCE((SELECT value FROM counters WHERE tenant = $1 AND name = 'updated'), 0), \
                           COALESCE((SELECT MIN(sequence) FROM changes WHERE tenant = $1), 1)";
        let query = database::query(SQL).bind(&self.key);
        let bounds = query.try_map(|row: Row| Ok((row.try_get(0)?, row.try_get(1)?)));
        bounds.fetch_one(self.db.readers()).await.map_err(failed(READ))
    }
}

fn change(row: Row) -> Result<Change, sqlx::Error> {
    let change = match row.try_get("change")? {
        "created" => ChangeKind::Created,
        "deleted" => ChangeKind::Deleted,
        _ => ChangeKind::Updated,
    };
    Ok(Change {
        sequence: row.try_get("sequence")?,
        kind: row.try_get("kind")?,
        id: row.try_get("id")?,
        change,
    })
}
