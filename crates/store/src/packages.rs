//! What devices uploaded as results of actions, and the links by which it is read. The bytes lie elsewhere, under
//! their digest.

use model::{ActionId, TenantId, Ticks};

use crate::database::{self, Executor, Row, commit, uuid};
use crate::error::failed;
use crate::{Store, StoreError, TenantStore};

const READ: &str = "read the packages of actions";
const WRITE: &str = "write the package of an action";
const LINK: &str = "make a link to a package";

/// A package of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageRow {
    pub action: ActionId,
    /// The command of a live response; none for the package of the action itself.
    pub index: Option<u32>,
    pub name: String,
    pub sha256: String,
    pub bytes: u64,
    pub created: Ticks,
}

/// A link to a package, by the hash of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadLink {
    pub hash: String,
    pub tenant: TenantId,
    pub action: ActionId,
    pub index: Option<u32>,
    pub expires: Ticks,
}

impl Store {
    /// The link of that hash, expired or not.
    pub async fn download_link(&self, hash: &str) -> Result<Option<DownloadLink>, StoreError> {
        const SQL: &str = "SELECT * FROM download_links WHERE token_hash = $1";
        let query = database::query(SQL).bind(hash).try_map(|row: Row| {
            Ok(DownloadLink {
                hash: row.try_get("token_hash")?,
                tenant: TenantId(uuid(row.try_get("tenant")?)?),
                action: ActionId(uuid(row.try_get("action")?)?),
                index: u32::try_from(row.try_get::<i64, _>("number")?).ok(),
                expires: Ticks(row.try_get("expires")?),
            })
        });
        query.fetch_optional(self.db.readers()).await.map_err(failed(LINK))
    }

    /// Packages from before then, of every tenant, with the tenant of each.
    pub async fn old_packages(
        &self,
        before: Ticks,
        limit: u32,
    ) -> Result<Vec<(TenantId, PackageRow)>, StoreError> {
        const SQL: &str = "SELECT * FROM action_packages WHERE created < $1 ORDER BY created LIMIT $2";
        let query = database::query(SQL).bind(before.0).bind(i64::from(limit));
        let packages =
            query.try_map(|row: Row| Ok((TenantId(uuid(row.try_get("tenant")?)?), package(&row)?)));
        packages.fetch_all(self.db.readers()).await.map_err(failed(READ))
    }

    /// Forgets links that expired before then.
    pub async fn forget_links(&self, before: Ticks) -> Result<(), StoreError> {
        let query = database::query("DELETE FROM download_links WHERE expires < $1").bind(before.0);
        query.execute(self.db.writer()).await.map_err(failed(LINK))?;
        Ok(())
    }
}

impl TenantStore {
    /// Writes which package an action has; the last upload counts. Answers with the digest of the content that it
    /// took the place of and that no other package has.
    pub async fn put_package(&self, package: &PackageRow) -> Result<Option<String>, StoreError> {
        const REPLACED: &str = "SELECT sha256 FROM action_packages \
                                WHERE tenant = $1 AND action = $2 AND number = $3 AND sha256 <> $4";
        const SQL: &str = "INSERT INTO action_packages (tenant, action, number, name, sha256, bytes, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, action, number) DO UPDATE SET \
             name = excluded.name, sha256 = excluded.sha256, bytes = excluded.bytes, created = excluded.created";
        let query = database::query(SQL).bind(&self.key).bind(package.action.to_string());
        let query = query.bind(number(package.index)).bind(&package.name).bind(&package.sha256);
        let query = query.bind(i64::try_from(package.bytes).unwrap_or(i64::MAX)).bind(package.created.0);
        let mut transaction = self.db.begin().await?;
        let replaced = database::query(REPLACED).bind(&self.key).bind(package.action.to_string());
        let replaced = replaced.bind(number(package.index)).bind(&package.sha256);
        let replaced = replaced.try_map(|row: Row| row.try_get::<String, _>(0));
        let replaced = replaced.fetch_optional(&mut *transaction).await.map_err(failed(READ))?;
        query.execute(&mut *transaction).await.map_err(failed(WRITE))?;
        let is_left = match &replaced {
            Some(sha256) => self.has_package_content(&mut *transaction, sha256).await?,
            None => false,
        };
        commit(transaction, WRITE).await?;
        Ok(replaced.filter(|_| !is_left))
    }

    /// Whether a package has the content of that digest.
    pub async fn is_package_content(&self, sha256: &str) -> Result<bool, StoreError> {
        self.has_package_content(self.db.readers(), sha256).await
    }

    async fn has_package_content<'c>(
        &self,
        executor: impl Into<Executor<'c>>,
        sha256: &str,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM action_packages WHERE tenant = $1 AND sha256 = $2";
        let query = database::query(SQL).bind(&self.key).bind(sha256);
        let count = query.try_map(|row: Row| row.try_get::<i64, _>(0)).fetch_one(executor).await;
        Ok(count.map_err(failed(READ))? > 0)
    }

    pub async fn package(
        &self,
        action: ActionId,
        index: Option<u32>,
    ) -> Result<Option<PackageRow>, StoreError> {
        const SQL: &str = "SELECT * FROM action_packages WHERE tenant = $1 AND action = $2 AND number = $3";
        let query = database::query(SQL).bind(&self.key).bind(action.to_string()).bind(number(index));
        let package = query.try_map(|row: Row| package(&row));
        package.fetch_optional(self.db.readers()).await.map_err(failed(READ))
    }

    /// Forgets a package. Says whether no other one has the same content.
    pub async fn remove_package(&self, package: &PackageRow) -> Result<bool, StoreError> {
        const REMOVE: &str = "DELETE FROM action_packages WHERE tenant = $1 AND action = $2 AND number = $3";
        let mut transaction = self.db.begin().await?;
        let query = database::query(REMOVE).bind(&self.key).bind(package.action.to_string());
        let query = query.bind(number(package.index));
        query.execute(&mut *transaction).await.map_err(failed(WRITE))?;
        let is_left = self.has_package_content(&mut *transaction, &package.sha256).await?;
        commit(transaction, WRITE).await?;
        Ok(!is_left)
    }

    /// Bytes of all packages of the tenant.
    pub async fn package_bytes(&self) -> Result<u64, StoreError> {
        const SQL: &str =
            "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM action_packages WHERE tenant = $1";
        let query = database::query(SQL).bind(&self.key).try_map(|row: Row| row.try_get::<i64, _>(0));
        query.fetch_one(self.db.readers()).await.map(i64::unsigned_abs).map_err(failed(READ))
    }

    pub async fn add_link(&self, link: &DownloadLink) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO download_links (token_hash, tenant, action, number, expires) \
                           VALUES ($1, $2, $3, $4, $5)";
        let query = database::query(SQL).bind(&link.hash).bind(&self.key).bind(link.action.to_string());
        let query = query.bind(number(link.index)).bind(link.expires.0);
        query.execute(self.db.writer()).await.map_err(failed(LINK))?;
        Ok(())
    }
}

fn package(row: &Row) -> Result<PackageRow, sqlx::Error> {
    Ok(PackageRow {
        action: ActionId(uuid(row.try_get("action")?)?),
        index: u32::try_from(row.try_get::<i64, _>("number")?).ok(),
        name: row.try_get("name")?,
        sha256: row.try_get("sha256")?,
        bytes: row.try_get::<i64, _>("bytes")?.unsigned_abs(),
        created: Ticks(row.try_get("created")?),
    })
}

fn number(index: Option<u32>) -> i64 {
    index.map_or(-1, i64::from)
}
