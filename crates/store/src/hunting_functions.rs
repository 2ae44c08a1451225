//! Functions that the queries of a tenant can call by name.

use model::Ticks;
use model::hunting::HuntingFunction;

use crate::database::{self, Row};
use crate::error::failed;
use crate::{StoreError, TenantStore};

const READ: &str = "read hunting functions";
const CHANGE: &str = "change a hunting function";

impl TenantStore {
    /// By name.
    pub async fn hunting_functions(&self) -> Result<Vec<HuntingFunction>, StoreError> {
        const ALL: &str = "SELECT * FROM hunting_functions WHERE tenant = $1 ORDER BY name";
        let functions = database::query(ALL).bind(&self.key).try_map(read);
        functions.fetch_all(self.db.readers()).await.map_err(failed(READ))
    }

    pub async fn hunting_function_names(&self) -> Result<Vec<String>, StoreError> {
        const NAMES: &str = "SELECT name FROM hunting_functions WHERE tenant = $1 ORDER BY name";
        let names = database::query(NAMES).bind(&self.key).try_map(|row: Row| row.try_get(0));
        names.fetch_all(self.db.readers()).await.map_err(failed(READ))
    }

    pub async fn hunting_function(&self, name: &str) -> Result<Option<HuntingFunction>, StoreError> {
        const ONE: &str = "SELECT * FROM hunting_functions WHERE tenant = $1 AND name = $2";
        let function = database::query(ONE).bind(&self.key).bind(name).try_map(read);
        function.fetch_optional(self.db.readers()).await.map_err(failed(READ))
    }

    /// Adds a function, or replaces the one of its name, which keeps who made it and when. With `functions_max`
    /// functions there, no other is added, and the answer is none.
    pub async fn put_hunting_function(
        &self,
        function: &HuntingFunction,
        functions_max: i64,
    ) -> Result<Option<HuntingFunction>, StoreError> {
        const PUT: &str = "INSERT INTO hunting_functions (tenant, name, description, parameters, body, created, \
                           created_by, updated, updated_by) \
                           SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 \
                           WHERE (SELECT COUNT(*) FROM hunting_functions WHERE tenant = $1) < $10 \
                           OR EXISTS (SELECT 1 FROM hunting_functions WHERE tenant = $1 AND name = $2) \
                           ON CONFLICT (tenant, name) DO UPDATE SET description = excluded.description, \
                           parameters = excluded.parameters, body = excluded.body, updated = excluded.updated, \
                           updated_by = excluded.updated_by \
                           RETURNING *";
        let HuntingFunction {
            name,
            description,
            parameters,
            body,
            created,
            created_by,
            last_updated,
            last_updated_by,
        } = function;
        let query =
            database::query(PUT).bind(&self.key).bind(name).bind(description).bind(parameters).bind(body);
        let query = query.bind(created.0).bind(created_by).bind(last_updated.0).bind(last_updated_by);
        let put = query.bind(functions_max).try_map(read);
        put.fetch_optional(self.db.writer()).await.map_err(failed(CHANGE))
    }

    pub async fn delete_hunting_function(&self, name: &str) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM hunting_functions WHERE tenant = $1 AND name = $2";
        let query = database::query(DELETE).bind(&self.key).bind(name);
        let deleted = query.execute(self.db.writer()).await.map_err(failed(CHANGE))?;
        if deleted.rows_affected() == 0 {
            return Err(StoreError::not_found("hunting function", name));
        }
        Ok(())
    }
}

fn read(row: Row) -> Result<HuntingFunction, sqlx::Error> {
    Ok(HuntingFunction {
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        parameters: row.try_get("parameters")?,
        body: row.try_get("body")?,
        created: Ticks(row.try_get("created")?),
        created_by: row.try_get("created_by")?,
        last_updated: Ticks(row.try_get("updated")?),
        last_updated_by: row.try_get("updated_by")?,
    })
}
