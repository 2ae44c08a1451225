//! Signing keys by age: a new one in time, and the old ones until their tokens have expired.

use model::Ticks;

use crate::error::{IdentityError, store};
use crate::issuer::Issuer;

const DAY_SECONDS: i64 = 86_400;

/// What was done about the signing keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChanges {
    pub made: Option<String>,
    pub retired: Vec<String>,
}

impl KeyChanges {
    pub fn is_empty(&self) -> bool {
        *self == KeyChanges::default()
    }
}

impl Issuer {
    /// Makes a new signing key when the newest is as old as the settings allow. A key that has a successor goes on
    /// verifying for the settings' overlap, which is longer than tokens live, and is retired then.
    pub async fn look_after_keys(&self) -> Result<KeyChanges, IdentityError> {
        let mut changes = KeyChanges::default();
        let rows = self.store.signing_keys().await.map_err(store("read the signing keys"))?;
        let mut keys: Vec<(String, Ticks)> =
            rows.into_iter().filter(|row| row.retired.is_none()).map(|row| (row.kid, row.created)).collect();
        keys.sort_by_key(|(_, created)| *created);
        let now = self.clock.now();
        let overlap =
            i64::from(self.config.key_overlap_days) * DAY_SECONDS + self.config.token_lifetime_seconds;
        for pair in keys.windows(2) {
            let (kid, succeeded) = (&pair[0].0, pair[1].1);
            if succeeded.plus_seconds(overlap) <= now {
                self.retire_signing_key(kid).await?;
                changes.retired.push(kid.clone());
            }
        }
        let days = i64::from(self.config.key_rotation_days);
        let is_old = |created: Ticks| created.plus_seconds(days * DAY_SECONDS) <= now;
        if days > 0 && keys.last().is_some_and(|(_, created)| is_old(*created)) {
            changes.made = Some(self.rotate_signing_key().await?);
        }
        Ok(changes)
    }
}
