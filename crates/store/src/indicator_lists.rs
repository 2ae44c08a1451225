//! Lists of indicators that devices fetch by a token of the list alone.

use model::{TenantId, Ticks};

use crate::database::{self, Row, uuid};
use crate::error::failed;
use crate::{IndicatorOwner, Store, StoreError, TenantStore};

const READ: &str = "read lists of indicators";
const WRITE: &str = "write a list of indicators";

/// A list, by the hash of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndicatorList {
    pub tenant: TenantId,
    pub id: String,
    pub token_hash: String,
    pub name: String,
    /// A filter of OData.
    pub filter: String,
    pub owner: IndicatorOwner,
    pub created: Ticks,
    pub created_by: String,
}

impl Store {
    pub async fn indicator_list_of_token(&self, hash: &str) -> Result<Option<IndicatorList>, StoreError> {
        let query = database::query("SELECT * FROM indicator_lists WHERE token_hash = $1").bind(hash);
        query.try_map(list).fetch_optional(self.db.readers()).await.map_err(failed(READ))
    }
}

impl TenantStore {
    /// Adds a list, unless there are as many as there may be. Says whether it was added.
    pub async fn add_indicator_list(&self, list: &IndicatorList, most: i64) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT INTO indicator_lists \
             (token_hash, tenant, id, name, filter, owner, created, created_by) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8 \
             WHERE (SELECT COUNT(*) FROM indicator_lists WHERE tenant = $2) < $9";
        let owner = match &list.owner {
            IndicatorOwner::Anyone => "",
            IndicatorOwner::Only(owner) => owner,
        };
        let query =
            database::query(SQL).bind(&list.token_hash).bind(&self.key).bind(&list.id).bind(&list.name);
        let query = query.bind(&list.filter).bind(owner).bind(list.created.0).bind(&list.created_by);
        let added = query.bind(most).execute(self.db.writer()).await.map_err(failed(WRITE))?;
        Ok(added.rows_affected() > 0)
    }

    /// The lists of an owner, the oldest first; of all for [`IndicatorOwner::Anyone`].
    pub async fn indicator_lists(&self, owner: &IndicatorOwner) -> Result<Vec<IndicatorList>, StoreError> {
        const SQL: &str = "SELECT * FROM indicator_lists WHERE tenant = $1 ORDER BY created, id";
        let query = database::query(SQL).bind(&self.key).try_map(list);
        let mut lists = query.fetch_all(self.db.readers()).await.map_err(failed(READ))?;
        lists.retain(|list| *owner == IndicatorOwner::Anyone || list.owner == *owner);
        Ok(lists)
    }

    /// Says whether there was one.
    pub async fn delete_indicator_list(&self, id: &str) -> Result<bool, StoreError> {
        let query = database::query("DELETE FROM indicator_lists WHERE tenant = $1 AND id = $2");
        let deleted = query.bind(&self.key).bind(id).execute(self.db.writer()).await;
        Ok(deleted.map_err(failed(WRITE))?.rows_affected() > 0)
    }
}

fn list(row: Row) -> Result<IndicatorList, sqlx::Error> {
    let owner: String = row.try_get("owner")?;
    Ok(IndicatorList {
        tenant: TenantId(uuid(row.try_get("tenant")?)?),
        id: row.try_get("id")?,
        token_hash: row.try_get("token_hash")?,
        name: row.try_get("name")?,
        filter: row.try_get("filter")?,
        owner: if owner.is_empty() { IndicatorOwner::Anyone } else { IndicatorOwner::Only(owner) },
        created: Ticks(row.try_get("created")?),
        created_by: row.try_get("created_by")?,
    })
}
