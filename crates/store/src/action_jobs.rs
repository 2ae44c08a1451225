//! One order for many devices, and what became of it on each.

use model::{ActionId, DeviceId, TenantId, Ticks};

use crate::actions::device;
use crate::database::{self, Row, commit, uuid};
use crate::error::failed;
use crate::{Store, StoreError, TenantStore};

const READ: &str = "read a job";
const WRITE: &str = "write a job";

/// A job as it is stored: what it is about is JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    pub tenant: TenantId,
    pub id: String,
    pub body: String,
    pub created: Ticks,
    pub is_done: bool,
}

/// What became of a job on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDevice {
    pub device: DeviceId,
    pub action: Option<ActionId>,
    pub refusal: Option<String>,
}

impl Store {
    /// The tenants that have jobs which are not done.
    pub async fn tenants_with_open_jobs(&self) -> Result<Vec<TenantId>, StoreError> {
        const SQL: &str = "SELECT DISTINCT tenant FROM action_jobs WHERE is_done = FALSE ORDER BY tenant";
        let query =
            database::query(SQL).try_map(|row: Row| Ok(TenantId(uuid(row.try_get::<&str, _>("tenant")?)?)));
        query.fetch_all(self.db.readers()).await.map_err(failed(READ))
    }
}

impl TenantStore {
    pub async fn add_job(&self, job: &JobRow, devices: &[DeviceId]) -> Result<(), StoreError> {
        const JOB: &str = "INSERT INTO action_jobs (tenant, id, body, created, is_done) \
                           VALUES ($1, $2, $3, $4, FALSE)";
        const DEVICE: &str = "INSERT INTO action_job_devices (tenant, job, device, action, refusal) \
                              VALUES ($1, $2, $3, '', '')";
        let mut transaction = self.db.begin().await?;
        let query = database::query(JOB).bind(&self.key).bind(&job.id).bind(&job.body).bind(job.created.0);
        query.execute(&mut *transaction).await.map_err(failed(WRITE))?;
        for device in devices {
            let query = database::query(DEVICE).bind(&self.key).bind(&job.id).bind(device.as_str());
            query.execute(&mut *transaction).await.map_err(failed(WRITE))?;
        }
        commit(transaction, WRITE).await
    }

    pub async fn job(&self, id: &str) -> Result<Option<JobRow>, StoreError> {
        let query = database::query("SELECT * FROM action_jobs WHERE tenant = $1 AND id = $2");
        let query = query.bind(&self.key).bind(id).try_map(job);
        query.fetch_optional(self.db.readers()).await.map_err(failed(READ))
    }

    /// Jobs that are not done, beginning after one and then from the first one on.
    pub async fn open_jobs(&self, after: Option<&str>, limit: u32) -> Result<Vec<JobRow>, StoreError> {
        const SQL: &str = "SELECT * FROM action_jobs WHERE tenant = $1 AND is_done = FALSE \
                           ORDER BY id <= $2, id LIMIT $3";
        let query =
            database::query(SQL).bind(&self.key).bind(after.unwrap_or_default()).bind(i64::from(limit));
        query.try_map(job).fetch_all(self.db.readers()).await.map_err(failed(READ))
    }

    /// The devices on which nothing became of a job yet.
    pub async fn job_devices_left(&self, id: &str, limit: u32) -> Result<Vec<DeviceId>, StoreError> {
        const SQL: &str = "SELECT device FROM action_job_devices WHERE tenant = $1 AND job = $2 \
                           AND action = '' AND refusal = '' ORDER BY device LIMIT $3";
        let query = database::query(SQL).bind(&self.key).bind(id).bind(i64::from(limit));
        let query = query.try_map(|row: Row| device(row.try_get("device")?));
        query.fetch_all(self.db.readers()).await.map_err(failed(READ))
    }

    /// Ends a job: the devices that are left are refused.
    pub async fn refuse_job(&self, id: &str, refusal: &str) -> Result<(), StoreError> {
        const LEFT: &str = "UPDATE action_job_devices SET refusal = $3 \
                            WHERE tenant = $1 AND job = $2 AND action = '' AND refusal = ''";
        const END: &str = "UPDATE action_jobs SET is_done = TRUE WHERE tenant = $1 AND id = $2";
        let mut transaction = self.db.begin().await?;
        let left = database::query(LEFT).bind(&self.key).bind(id).bind(refusal);
        left.execute(&mut *transaction).await.map_err(failed(WRITE))?;
        let end = database::query(END).bind(&self.key).bind(id);
        end.execute(&mut *transaction).await.map_err(failed(WRITE))?;
        commit(transaction, WRITE).await
    }

    /// What became of a job on each device, by device.
    pub async fn job_devices(&self, id: &str) -> Result<Vec<JobDevice>, StoreError> {
        const SQL: &str = "SELECT device, action, refusal FROM action_job_devices \
                           WHERE tenant = $1 AND job = $2 ORDER BY device";
        let query = database::query(SQL).bind(&self.key).bind(id).try_map(|row: Row| {
            let action: String = row.try_get("action")?;
            let refusal: String = row.try_get("refusal")?;
            Ok(JobDevice {
                device: device(row.try_get("device")?)?,
                action: if action.is_empty() { None } else { Some(ActionId(uuid(&action)?)) },
                refusal: Some(refusal).filter(|refusal| !refusal.is_empty()),
            })
        });
        query.fetch_all(self.db.readers()).await.map_err(failed(READ))
    }

    pub async fn set_job_device(&self, job: &str, of: &JobDevice) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE action_job_devices SET action = $4, refusal = $5 \
                           WHERE tenant = $1 AND job = $2 AND device = $3";
        let action = of.action.map(|id| id.to_string()).unwrap_or_default();
        let query = database::query(SQL).bind(&self.key).bind(job).bind(of.device.as_str()).bind(action);
        let query = query.bind(of.refusal.as_deref().unwrap_or_default());
        query.execute(self.db.writer()).await.map_err(failed(WRITE))?;
        Ok(())
    }

    pub async fn end_job(&self, job: &str) -> Result<(), StoreError> {
        let query = database::query("UPDATE action_jobs SET is_done = TRUE WHERE tenant = $1 AND id = $2");
        query.bind(&self.key).bind(job).execute(self.db.writer()).await.map_err(failed(WRITE))?;
        Ok(())
    }
}

fn job(row: Row) -> Result<JobRow, sqlx::Error> {
    Ok(JobRow {
        tenant: TenantId(uuid(row.try_get("tenant")?)?),
        id: row.try_get("id")?,
        body: row.try_get("body")?,
        created: Ticks(row.try_get("created")?),
        is_done: row.try_get("is_done")?,
    })
}
