//! Readers of the lake that write here: each has a durable position, which moves in the transaction that
//! writes what was read up to it.

use crate::database::{self, Connection, Row};
use crate::error::failed;
use crate::{StoreError, TenantStore};

impl TenantStore {
    /// The position of the follower's last commit; 0 before the first one.
    pub async fn follower_position(&self, name: &str) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT position FROM followers WHERE tenant = $1 AND name = $2";
        let query = database::query(SQL).bind(&self.key).bind(name).try_map(|row: Row| row.try_get(0));
        let position = query.fetch_optional(self.db.readers()).await;
        Ok(position.map_err(failed("read the position of a follower"))?.unwrap_or(0))
    }

    pub(crate) async fn move_follower(
        &self,
        connection: &mut Connection,
        name: &str,
        position: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO followers (tenant, name, position) VALUES ($1, $2, $3) \
                           ON CONFLICT (tenant, name) DO UPDATE SET position = excluded.position";
        let moved = database::query(SQL).bind(&self.key).bind(name).bind(position).execute(connection).await;
        moved.map(drop).map_err(failed("move a follower"))
    }
}
