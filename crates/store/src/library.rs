//! The files of the live-response library, and what a tenant says about actions.

use model::library_file::LibraryFile;

use crate::database::{self, Row, commit};
use crate::error::failed;
use crate::{StoreError, TenantStore, fold};

const READ: &str = "read the library";
const WRITE: &str = "change the library";
const POLICY: &str = "read what a tenant says about actions";

impl TenantStore {
    /// The files of the library by name.
    pub async fn library_files(&self) -> Result<Vec<(LibraryFile, u64)>, StoreError> {
        const SQL: &str =
            "SELECT body, bytes, name_folded FROM library_files WHERE tenant = $1 ORDER BY name_folded";
        let rows =
            database::query(SQL).bind(&self.key).fetch_all(self.db.readers()).await.map_err(failed(READ))?;
        rows.iter().map(library_file).collect()
    }

    /// The file of that name, in any letter case.
    pub async fn library_file(&self, name: &str) -> Result<Option<(LibraryFile, u64)>, StoreError> {
        const SQL: &str =
            "SELECT body, bytes, name_folded FROM library_files WHERE tenant = $1 AND name_folded = $2";
        let query = database::query(SQL).bind(&self.key).bind(fold(name));
        let row = query.fetch_optional(self.db.readers()).await.map_err(failed(READ))?;
        row.as_ref().map(library_file).transpose()
    }

    /// Adds a file, or puts it in the place of the one of that name. Says false when there is one and it is not to
    /// be replaced.
    pub async fn put_library_file(
        &self,
        file: &LibraryFile,
        bytes: u64,
        may_replace: bool,
    ) -> Result<bool, StoreError> {
        const ADD: &str = "INSERT INTO library_files (tenant, name_folded, body, sha256, bytes) \
                           VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, name_folded) DO NOTHING";
        const PUT: &str = "INSERT INTO library_files (tenant, name_folded, body, sha256, bytes) \
                           VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, name_folded) \
                           DO UPDATE SET body = excluded.body, sha256 = excluded.sha256, bytes = excluded.bytes";
        let mut transaction = self.db.begin().await?;
        let body = serde_json::to_string(file).unwrap_or_default();
        let query = database::query(if may_replace { PUT } else { ADD }).bind(&self.key);
        let query = query.bind(fold(&file.file_name)).bind(body).bind(&file.sha256);
        let query = query.bind(i64::try_from(bytes).unwrap_or(i64::MAX));
        let written = query.execute(&mut *transaction).await.map_err(failed(WRITE))?;
        commit(transaction, WRITE).await?;
        Ok(written.rows_affected() > 0)
    }

    /// Says whether there was one.
    pub async fn delete_library_file(&self, name: &str) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM library_files WHERE tenant = $1 AND name_folded = $2";
        let deleted = database::query(SQL).bind(&self.key).bind(fold(name)).execute(self.db.writer()).await;
        Ok(deleted.map_err(failed(WRITE))?.rows_affected() > 0)
    }

    /// Whether a file of the library has the content of that digest, or an open order or a job that goes on names it.
    pub async fn is_library_content(&self, sha256: &str) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM library_files WHERE tenant = $1 AND sha256 = $2) \
             OR EXISTS (SELECT 1 FROM device_queues WHERE tenant = $1 AND next_deadline IS NOT NULL \
                        AND body LIKE '%' || $2 || '%') \
             OR EXISTS (SELECT 1 FROM action_jobs WHERE tenant = $1 AND is_done = FALSE \
                        AND body LIKE '%' || $2 || '%')";
        // No character of a digest means anything in a pattern.
        if !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(false);
        }
        let query = database::query(SQL).bind(&self.key).bind(sha256).try_map(|row: Row| row.try_get(0));
        query.fetch_one(self.db.readers()).await.map_err(failed(READ))
    }

    /// What the tenant says about actions, as JSON.
    pub async fn action_policy(&self) -> Result<Option<String>, StoreError> {
        let query = database::query("SELECT body FROM action_policies WHERE tenant = $1").bind(&self.key);
        let body = query.try_map(|row: Row| row.try_get("body"));
        body.fetch_optional(self.db.readers()).await.map_err(failed(POLICY))
    }

    pub async fn set_action_policy(&self, body: &str) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO action_policies (tenant, body) VALUES ($1, $2) \
                           ON CONFLICT (tenant) DO UPDATE SET body = excluded.body";
        let query = database::query(SQL).bind(&self.key).bind(body);
        query.execute(self.db.writer()).await.map_err(failed(POLICY))?;
        Ok(())
    }
}

fn library_file(row: &Row) -> Result<(LibraryFile, u64), StoreError> {
    let body: &str = row.try_get("body").map_err(failed(READ))?;
    let bytes: i64 = row.try_get("bytes").map_err(failed(READ))?;
    let name: String = row.try_get("name_folded").map_err(failed(READ))?;
    let unreadable = |source| StoreError::Unreadable { entity: "library file", id: name, source };
    Ok((serde_json::from_str(body).map_err(unreadable)?, bytes.unsigned_abs()))
}
