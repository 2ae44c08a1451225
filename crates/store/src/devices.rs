//! The device directory: which device a host name means.

use model::DeviceId;

use crate::database::{self, Row, commit};
use crate::error::failed;
use crate::{StoreError, TenantStore, fold};

const ADD: &str = "add names of devices";

impl TenantStore {
    /// Every known name, in lower case, and the device it means.
    pub async fn device_names(&self) -> Result<Vec<(String, DeviceId)>, StoreError> {
        const SQL: &str =
            "SELECT name_folded, device FROM device_names WHERE tenant = $1 ORDER BY name_folded";
        let query = database::query(SQL).bind(&self.key).try_map(|row: Row| {
            let device: &str = row.try_get("device")?;
            let device = DeviceId::parse(device)
                .ok_or_else(|| sqlx::Error::Decode(format!("'{device}' is not the id of a device").into()))?;
            Ok((row.try_get("name_folded")?, device))
        });
        query.fetch_all(self.db.readers()).await.map_err(failed("list the names of devices"))
    }

    /// Adds names, all or none. A name that is known keeps the device it means.
    pub async fn add_device_names(&self, names: &[(String, DeviceId)]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO device_names (tenant, name_folded, device) VALUES ($1, $2, $3) \
                           ON CONFLICT (tenant, name_folded) DO NOTHING";
        let mut transaction = self.db.begin().await?;
        for (name, device) in names {
            let query = database::query(SQL).bind(&self.key).bind(fold(name)).bind(device.as_str());
            query.execute(&mut *transaction).await.map_err(failed(ADD))?;
        }
        commit(transaction, ADD).await
    }
}
