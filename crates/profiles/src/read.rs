//! Looking up profiles.

use model::{DeviceId, TenantId};
use store::{Generation, ProfileKind, ProfileRow, TenantStore};

use crate::address::{Address, address_id};
use crate::domain::{Domain, domain_id};
use crate::file::{File, file_id};
use crate::found::Known;
use crate::merge::Merge;
use crate::stored::Profile;
use crate::user::{Logon, User, logon_id, user_of_logon};
use crate::{DeviceOfUser, Result, UserAtDevice};

/// Profiles of one tenant, as they are in use.
pub struct Reader<'a>(&'a TenantStore);

impl<'a> Reader<'a> {
    pub fn new(store: &'a TenantStore) -> Reader<'a> {
        Reader(store)
    }

    pub fn tenant(&self) -> TenantId {
        self.0.id()
    }

    /// The file of that SHA-1 or SHA-256, and its id. Events that name only the SHA-256 of a file have a
    /// profile of their own; both are put together here.
    pub async fn file(&self, hash: &str) -> Result<Option<(String, Known<File>)>> {
        let Some(hash) = file_id(hash) else { return Ok(None) };
        let mut rows = self.with_ids::<File>(&[&hash]).await?;
        rows.extend(self.0.profiles_with_alias(Generation::InUse, File::KIND, &hash, 1).await?);
        if let [ProfileRow { alias: Some(sha256), .. }] = rows.as_slice() {
            let sha256 = sha256.clone();
            rows.extend(self.with_ids::<File>(&[&sha256]).await?);
        }
        let Some(id) = rows.iter().map(|row| &row.id).min_by_key(|id| id.len()).cloned() else {
            return Ok(None);
        };
        let mut known = rows.iter().map(Known::<File>::of_row);
        let Some(mut file) = known.next().transpose()? else { return Ok(None) };
        for other in known {
            file.merge(other?);
        }
        Ok(Some((id, file)))
    }

    /// The first files with an id behind `after`, by id.
    pub async fn files_after(&self, after: &str, limit: u64) -> Result<Vec<(String, Known<File>)>> {
        let rows = self.0.profiles_between(Generation::InUse, File::KIND, after, None, limit).await?;
        rows.into_iter().map(|row| Ok((row.id.clone(), Known::of_row(&row)?))).collect()
    }

    pub async fn address(&self, text: &str) -> Result<Option<Known<Address>>> {
        match address_id(text) {
            Some(id) => self.one(&id).await,
            None => Ok(None),
        }
    }

    pub async fn domain(&self, name: &str) -> Result<Option<Known<Domain>>> {
        match domain_id(name) {
            Some(id) => self.one(&id).await,
            None => Ok(None),
        }
    }

    /// The user of that id.
    pub async fn user(&self, id: &str) -> Result<Option<Known<User>>> {
        self.one(&store::fold(id)).await
    }

    /// The first users of that name, whatever their domain, by id.
    pub async fn users_named(&self, name: &str, limit: u64) -> Result<Vec<(String, Known<User>)>> {
        let name = store::fold(name);
        let rows = self.0.profiles_with_alias(Generation::InUse, User::KIND, &name, limit).await?;
        rows.into_iter().map(|row| Ok((row.id.clone(), Known::of_row(&row)?))).collect()
    }

    /// The first users that were at a device, by id.
    pub async fn users_at(&self, device: &DeviceId, limit: u64) -> Result<Vec<UserAtDevice>> {
        let (after, before) = (logon_id(device, ""), format!("{device}0"));
        let rows =
            self.0.profiles_between(Generation::InUse, Logon::KIND, &after, Some(&before), limit).await?;
        rows.into_iter()
            .map(|row| {
                let logon = Known::of_row(&row)?;
                Ok(UserAtDevice { user: user_of_logon(&row.id).to_owned(), logon })
            })
            .collect()
    }

    /// The first devices that a user was at, by id.
    pub async fn devices_of(&self, user: &str, limit: u64) -> Result<Vec<DeviceOfUser>> {
        let user = store::fold(user);
        let rows = self.0.profiles_with_alias(Generation::InUse, Logon::KIND, &user, limit).await?;
        let mut devices = Vec::new();
        for row in rows {
            let device = row.id.split_once('/').and_then(|(device, _)| DeviceId::parse(device));
            if let Some(device) = device {
                devices.push(DeviceOfUser { device, logon: Known::of_row(&row)? });
            }
        }
        Ok(devices)
    }

    /// At how many devices a user was.
    pub async fn device_count_of(&self, user: &str) -> Result<u64> {
        Ok(self.0.profile_count_with_alias(Logon::KIND, &store::fold(user)).await?)
    }

    /// How many profiles of each kind there are; kinds without any are left out.
    pub async fn counts(&self) -> Result<Vec<(ProfileKind, u64)>> {
        Ok(self.0.profile_counts().await?)
    }

    async fn one<P: Profile>(&self, id: &str) -> Result<Option<Known<P>>> {
        self.with_ids::<P>(&[id]).await?.first().map(Known::of_row).transpose()
    }

    async fn with_ids<P: Profile>(&self, ids: &[&str]) -> Result<Vec<ProfileRow>> {
        Ok(self.0.profiles_with_ids(Generation::InUse, P::KIND, ids).await?)
    }
}
