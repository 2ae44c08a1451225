//! Devices on the device channel: tokens by which they enrol, and their keys.

use model::{DeviceId, TenantId, Ticks};

use crate::actions::device;
use crate::database::{self, Row, commit, uuid};
use crate::error::failed;
use crate::{Store, StoreError, TenantStore, fold};

const ENROL: &str = "enrol a device";
const KEY: &str = "read the key of a device";
const TOKEN: &str = "change enrolment tokens";

/// A device that is or was enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceKey {
    pub device: DeviceId,
    pub name: String,
    /// Base64.
    pub public_key: String,
    pub agent: String,
    pub enrolled: Ticks,
    pub last_contact: Ticks,
    pub revoked: Option<Ticks>,
}

/// A token by which one device can enrol once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentToken {
    pub tenant: TenantId,
    pub hash: String,
    pub created: Ticks,
    pub created_by: String,
    pub expires: Ticks,
    /// The only device that may use it, and may replace its key by it.
    pub device: Option<DeviceId>,
}

/// What became of an enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    Enrolled,
    /// The token was used by another key.
    Used,
    /// The device has another key, and the token is not one for this device.
    Taken,
    /// The key was revoked: it takes a new one.
    Revoked,
}

impl Store {
    /// The token of that hash, used or not.
    pub async fn enrolment_token(&self, hash: &str) -> Result<Option<EnrolmentToken>, StoreError> {
        const SQL: &str = "SELECT tenant, token_hash, created, created_by, expires, device \
                           FROM enrolment_tokens WHERE token_hash = $1";
        let query = database::query(SQL).bind(hash).try_map(|row: Row| {
            let bound: String = row.try_get("device")?;
            Ok(EnrolmentToken {
                tenant: TenantId(uuid(row.try_get("tenant")?)?),
                hash: row.try_get("token_hash")?,
                created: Ticks(row.try_get("created")?),
                created_by: row.try_get("created_by")?,
                expires: Ticks(row.try_get("expires")?),
                device: if bound.is_empty() { None } else { Some(device(&bound)?) },
            })
        });
        query.fetch_optional(self.db.readers()).await.map_err(failed(TOKEN))
    }
}

impl TenantStore {
    /// Adds tokens, and forgets those that expired a while ago. At most `open_max` tokens can be used at a time.
    /// Says whether they were added.
    pub async fn add_enrolment_tokens(
        &self,
        tokens: &[EnrolmentToken],
        open_max: i64,
    ) -> Result<bool, StoreError> {
        const FORGET: &str = "DELETE FROM enrolment_tokens WHERE tenant = $1 AND expires < $2";
        const COUNT: &str = "SELECT COUNT(*) FROM enrolment_tokens WHERE tenant = $1 AND used_by = ''";
        const ADD: &str = "INSERT INTO enrolment_tokens \
            (tenant, token_hash, created, created_by, expires, device, used_by) VALUES ($1, $2, $3, $4, $5, $6, '')";
        let Some(now) = tokens.iter().map(|token| token.created).max() else { return Ok(true) };
        let mut transaction = self.db.begin().await?;
        let forget = database::query(FORGET).bind(&self.key).bind(now.0);
        forget.execute(&mut *transaction).await.map_err(failed(TOKEN))?;
        let count = database::query(COUNT).bind(&self.key).try_map(|row: Row| row.try_get::<i64, _>(0));
        let count = count.fetch_one(&mut *transaction).await.map_err(failed(TOKEN))?;
        if count + tokens.len() as i64 > open_max {
            return Ok(false);
        }
        for token in tokens {
            let bound = token.device.as_ref().map(DeviceId::as_str).unwrap_or_default();
            let query = database::query(ADD).bind(&self.key).bind(&token.hash).bind(token.created.0);
            let query = query.bind(&token.created_by).bind(token.expires.0).bind(bound);
            query.execute(&mut *transaction).await.map_err(failed(TOKEN))?;
        }
        commit(transaction, TOKEN).await?;
        Ok(true)
    }

    /// Uses a token up for a key. The same key may do so again, so that an answer that was lost is no harm. The
    /// device's name means the device from then on, unless it means another one already.
    pub async fn enrol(&self, token: &EnrolmentToken, key: &DeviceKey) -> Result<KeyChange, StoreError> {
        const USE: &str = "UPDATE enrolment_tokens SET used_by = $3 \
                           WHERE tenant = $1 AND token_hash = $2 AND used_by IN ('', $3)";
        const KNOWN: &str = "SELECT public_key, revoked FROM device_keys WHERE tenant = $1 AND device = $2";
        const PUT: &str = "INSERT INTO device_keys \
             (tenant, device, name, public_key, agent, enrolled, last_contact, revoked) \
             VALUES ($1, $2, $3, $4, $5, $6, $6, NULL) ON CONFLICT (tenant, device) DO UPDATE SET \
             name = excluded.name, public_key = excluded.public_key, agent = excluded.agent, \
             enrolled = excluded.enrolled, last_contact = excluded.last_contact, revoked = NULL";
        const NAME: &str = "INSERT INTO device_names (tenant, name_folded, device) VALUES ($1, $2, $3) \
                            ON CONFLICT (tenant, name_folded) DO NOTHING";
        let mut transaction = self.db.begin().await?;
        let query = database::query(USE).bind(&self.key).bind(&token.hash).bind(&key.public_key);
        let used = query.execute(&mut *transaction).await.map_err(failed(ENROL))?;
        if used.rows_affected() == 0 {
            return Ok(KeyChange::Used);
        }
        let known = database::query(KNOWN).bind(&self.key).bind(key.device.as_str()).try_map(|row: Row| {
            Ok((row.try_get::<String, _>("public_key")?, row.try_get::<Option<i64>, _>("revoked")?))
        });
        let known = known.fetch_optional(&mut *transaction).await.map_err(failed(ENROL))?;
        let is_own_token = token.device.as_ref() == Some(&key.device);
        let may_take = match &known {
            None => true,
            Some((public_key, revoked)) => {
                is_own_token || (revoked.is_none() && *public_key == key.public_key)
            }
        };
        if known.as_ref().is_some_and(|(known, revoked)| revoked.is_some() && *known == key.public_key) {
            return Ok(KeyChange::Revoked);
        }
        if !may_take {
            return Ok(KeyChange::Taken);
        }
        let query = database::query(PUT).bind(&self.key).bind(key.device.as_str()).bind(&key.name);
        let query = query.bind(&key.public_key).bind(&key.agent).bind(key.enrolled.0);
        query.execute(&mut *transaction).await.map_err(failed(ENROL))?;
        let query = database::query(NAME).bind(&self.key).bind(fold(&key.name)).bind(key.device.as_str());
        query.execute(&mut *transaction).await.map_err(failed(ENROL))?;
        commit(transaction, ENROL).await?;
        Ok(KeyChange::Enrolled)
    }

    pub async fn device_key(&self, device: &DeviceId) -> Result<Option<DeviceKey>, StoreError> {
        const SQL: &str = "SELECT * FROM device_keys WHERE tenant = $1 AND device = $2";
        let query = database::query(SQL).bind(&self.key).bind(device.as_str()).try_map(key);
        query.fetch_optional(self.db.readers()).await.map_err(failed(KEY))
    }

    /// Enrolled devices by id, beginning after one.
    pub async fn device_keys(
        &self,
        after: Option<&DeviceId>,
        limit: u32,
    ) -> Result<Vec<DeviceKey>, StoreError> {
        const SQL: &str =
            "SELECT * FROM device_keys WHERE tenant = $1 AND device > $2 ORDER BY device LIMIT $3";
        let after = after.map(DeviceId::as_str).unwrap_or_default();
        let query = database::query(SQL).bind(&self.key).bind(after).bind(i64::from(limit)).try_map(key);
        query.fetch_all(self.db.readers()).await.map_err(failed(KEY))
    }

    /// Notes that a device was heard of.
    pub async fn note_contact(&self, device: &DeviceId, agent: &str, now: Ticks) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE device_keys SET last_contact = $3, agent = $4 \
                           WHERE tenant = $1 AND device = $2";
        let query = database::query(SQL).bind(&self.key).bind(device.as_str()).bind(now.0).bind(agent);
        query.execute(self.db.writer()).await.map_err(failed("note the contact of a device"))?;
        Ok(())
    }

    /// Makes the key of a device worthless. Says whether it had one that was worth something.
    pub async fn revoke_device_key(&self, device: &DeviceId, now: Ticks) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE device_keys SET revoked = $3 \
                           WHERE tenant = $1 AND device = $2 AND revoked IS NULL";
        let query = database::query(SQL).bind(&self.key).bind(device.as_str()).bind(now.0);
        let revoked = query.execute(self.db.writer()).await;
        Ok(revoked.map_err(failed("revoke the key of a device"))?.rows_affected() > 0)
    }
}

fn key(row: Row) -> Result<DeviceKey, sqlx::Error> {
    Ok(DeviceKey {
        device: device(row.try_get("device")?)?,
        name: row.try_get("name")?,
        public_key: row.try_get("public_key")?,
        agent: row.try_get("agent")?,
        enrolled: Ticks(row.try_get("enrolled")?),
        last_contact: Ticks(row.try_get("last_contact")?),
        revoked: row.try_get::<Option<i64>, _>("revoked")?.map(Ticks),
    })
}
