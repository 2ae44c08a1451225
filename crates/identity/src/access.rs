//! What callers may do now, as it stands in the store: remembered for a moment, so that most calls read nothing.
//!
//! A token says what was true when it was issued. What was taken back since is noticed when the memory of it ages:
//! at once where the change was made through this process ([`Issuer::forget`]), within [`FRESH_SECONDS`] elsewhere.
//! While the store does not answer, what was read before holds for [`STALE_SECONDS_MAX`] and then nothing does.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use model::access::{DeviceGroup, GrantScope, UNASSIGNED_GROUP};
use model::role::{BUILT_IN_ROLES, RolePermission};
use model::{AppId, Clock, Permission, Reach, TenantId, Ticks};
use store::{Membership, PartnerApp, Store, StoreError, TenantStore};
use tracing::warn;
use uuid::Uuid;

use crate::verify::AuthError;

/// What is older is read again.
pub(crate) const FRESH_SECONDS: i64 = 20;
/// What is older is not believed even when it cannot be read again.
const STALE_SECONDS_MAX: i64 = 50;
/// Callers that are remembered.
const ENTRIES_MAX: usize = 20_000;

/// What a signed-in user may do: the role permissions of his groups, each with the devices it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRights {
    reach: BTreeMap<RolePermission, Reach>,
}

impl UserRights {
    /// Everything, on all devices.
    pub fn administrator() -> UserRights {
        let all = BUILT_IN_ROLES.iter().flat_map(|role| role.permissions);
        UserRights { reach: all.map(|permission| (*permission, Reach::All)).collect() }
    }

    /// A user group gives the permissions of its roles for the device groups that it is on, and for those that
    /// are open to every user group.
    pub fn new(membership: &Membership, groups: &[DeviceGroup], unassigned: &[Uuid]) -> UserRights {
        if membership.is_administrator {
            return UserRights::administrator();
        }
        let mut reach = BTreeMap::new();
        for (user_group, permissions) in &membership.groups {
            let is_open_to = |access: &[Uuid]| access.is_empty() || access.contains(user_group);
            let mut reached: BTreeSet<i64> =
                groups.iter().filter(|group| is_open_to(&group.user_groups)).map(|group| group.id).collect();
            if is_open_to(unassigned) {
                reached.insert(UNASSIGNED_GROUP);
            }
            // Every device is of one group, so that all groups are all devices.
            let reached =
                if reached.len() > groups.len() { Reach::All } else { Reach::Groups(Arc::new(reached)) };
            for permission in permissions.iter().filter(|held| **held != RolePermission::Administer) {
                let held = reach.entry(*permission).or_insert_with(|| Reach::groups([]));
                *held = held.union(&reached);
            }
        }
        UserRights { reach }
    }

    /// The devices for which one of the role permissions is held; none where none is.
    pub fn reach(&self, needed: &[RolePermission]) -> Option<Reach> {
        let held = needed.iter().filter_map(|permission| self.reach.get(permission));
        held.fold(None, |all, reach| Some(all.map_or(reach.clone(), |all: Reach| all.union(reach))))
    }

    pub fn permissions(&self) -> impl Iterator<Item = RolePermission> {
        self.reach.keys().copied()
    }
}

/// Whose access is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    App { tenant: TenantId, app: AppId },
    User { tenant: TenantId, app: AppId, user: Uuid, sign_in: Option<Uuid> },
}

impl Key {
    fn tenant(&self) -> TenantId {
        match self {
            Key::App { tenant, .. } | Key::User { tenant, .. } => *tenant,
        }
    }
}

/// What a caller may do, whatever its token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub granted: Vec<Permission>,
    /// What bounds the grant of the app.
    pub scope: Arc<GrantScope>,
    /// None of apps for themselves.
    pub user: Option<UserAccess>,
}

impl Access {
    /// What a token says, as far as it is granted.
    pub fn still_granted(&self, said: impl Iterator<Item = Permission>) -> Vec<Permission> {
        said.filter(|permission| self.granted.iter().any(|granted| granted.allows(*permission))).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserAccess {
    pub principal_name: String,
    /// Tokens issued before are not taken.
    pub tokens_from: Ticks,
    pub rights: Arc<UserRights>,
}

#[derive(Clone, Debug)]
struct Entry {
    loaded: Ticks,
    /// Refusals are remembered too.
    access: Result<Arc<Access>, AuthError>,
}

pub(crate) struct AccessMemory {
    store: Store,
    clock: Arc<dyn Clock>,
    memory: RwLock<Memory>,
}

#[derive(Default)]
struct Memory {
    entries: HashMap<Key, Entry>,
    /// How often something was forgotten: what was read before that is not remembered after it.
    forgotten: u64,
}

impl AccessMemory {
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> AccessMemory {
        AccessMemory { store, clock, memory: RwLock::default() }
    }

    /// What an app may do for itself.
    pub async fn of_app(&self, tenant: TenantId, app: AppId) -> Result<Arc<Access>, AuthError> {
        self.of(Key::App { tenant, app }).await
    }

    /// What an app may do for a user, and the user himself.
    pub async fn of_user(
        &self,
        tenant: TenantId,
        app: AppId,
        user: Uuid,
        sign_in: Option<Uuid>,
    ) -> Result<Arc<Access>, AuthError> {
        self.of(Key::User { tenant, app, user, sign_in }).await
    }

    /// Forgets what is remembered of a tenant.
    pub fn forget(&self, tenant: TenantId) {
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        memory.entries.retain(|key, _| key.tenant() != tenant);
        memory.forgotten += 1;
    }

    async fn of(&self, key: Key) -> Result<Arc<Access>, AuthError> {
        let now = self.clock.now();
        let (known, forgotten) = {
            let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
            (memory.entries.get(&key).cloned(), memory.forgotten)
        };
        let is_within =
            |entry: &Entry, seconds| (entry.loaded..entry.loaded.plus_seconds(seconds)).contains(&now);
        if let Some(entry) = &known
            && is_within(entry, FRESH_SECONDS)
        {
            return entry.access.clone();
        }
        match Box::pin(self.load(key, now)).await {
            Ok(access) => {
                let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
                if memory.forgotten == forgotten {
                    if memory.entries.len() >= ENTRIES_MAX {
                        memory.entries.clear();
                    }
                    memory.entries.insert(key, Entry { loaded: now, access: access.clone() });
                }
                access
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "what a caller may do could not be read");
                match known {
                    Some(entry) if is_within(&entry, STALE_SECONDS_MAX) => entry.access,
                    _ => Err(AuthError::AccessUnavailable),
                }
            }
        }
    }

    /// What the store says: of the caller, or why he is none.
    async fn load(&self, key: Key, now: Ticks) -> Result<Result<Arc<Access>, AuthError>, StoreError> {
        let store = self.store.tenant(key.tenant());
        match key {
            Key::App { app, .. } => Ok(match self.registration(&store, app).await? {
                Some(registration) => Ok(of_app(&store, app, registration).await?),
                None => Err(AuthError::UnknownApp),
            }),
            Key::User { app, user, sign_in, .. } => match self.registration(&store, app).await? {
                Some(_) => of_user(&store, app, user, sign_in, now).await,
                None => Ok(Err(AuthError::UnknownApp)),
            },
        }
    }

    /// How a tenant knows an app; none where it does not, or not any more.
    async fn registration(
        &self,
        store: &TenantStore,
        app: AppId,
    ) -> Result<Option<Registration>, StoreError> {
        if store.app(app).await?.is_some() {
            return Ok(Some(Registration::Own));
        }
        let Some(partner) = store.partner_app(app).await? else { return Ok(None) };
        // Closed to others where it is registered, it is closed here.
        let home = self.store.tenant(partner.home);
        let is_open = home.app(app).await?.is_some() && home.app_sign_in(app).await?.is_multi_tenant;
        Ok(is_open.then_some(Registration::Partner(partner)))
    }
}

/// How a tenant knows an app.
enum Registration {
    Own,
    Partner(PartnerApp),
}

async fn of_app(
    store: &TenantStore,
    app: AppId,
    registration: Registration,
) -> Result<Arc<Access>, StoreError> {
    let granted = match registration {
        Registration::Own => store.grant(app).await?.map(|grant| grant.permissions).unwrap_or_default(),
        Registration::Partner(partner) => partner.permissions,
    };
    let granted = granted.iter().filter_map(|name| Permission::from_application_name(name)).collect();
    let scope = Arc::new(store.grant_scope(app).await?);
    Ok(Arc::new(Access { granted, scope, user: None }))
}

async fn of_user(
    store: &TenantStore,
    app: AppId,
    user: Uuid,
    sign_in: Option<Uuid>,
    now: Ticks,
) -> Result<Result<Arc<Access>, AuthError>, StoreError> {
    let Some(known) = store.user_by_id(user).await?.filter(|known| !known.is_disabled) else {
        return Ok(Err(AuthError::UnknownUser));
    };
    if let Some(id) = sign_in {
        let goes_on = store
            .sign_in(id)
            .await?
            .is_some_and(|sign_in| sign_in.user == user && sign_in.ended.is_none() && sign_in.expires > now);
        if !goes_on {
            return Ok(Err(AuthError::SignedOut));
        }
    }
    let consents = store.delegated_grants_of(app, user).await?;
    let names = consents.iter().flat_map(|grant| &grant.permissions);
    let granted = names.filter_map(|name| Permission::from_delegated_name(name)).collect();
    let rights = if known.is_administrator {
        UserRights::administrator()
    } else {
        let membership = store.membership(user).await?;
        UserRights::new(&membership, &store.device_groups().await?, &store.unassigned_access().await?)
    };
    let scope = Arc::new(store.grant_scope(app).await?);
    let user = UserAccess {
        principal_name: known.principal_name,
        tokens_from: known.tokens_from,
        rights: Arc::new(rights),
    };
    Ok(Ok(Arc::new(Access { granted, scope, user: Some(user) })))
}

impl fmt::Debug for AccessMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessMemory").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use model::access::DeviceRule;

    use super::*;

    fn group(id: i64, user_groups: &[u128]) -> DeviceGroup {
        let user_groups = user_groups.iter().map(|id| Uuid::from_u128(*id)).collect();
        let (name, description, rule) = (id.to_string(), String::new(), DeviceRule::default());
        DeviceGroup { id, name, description, rank: id, rule, user_groups }
    }

    #[test]
    fn a_user_group_gives_its_roles_for_its_device_groups() {
        use RolePermission::*;
        let membership = Membership {
            groups: vec![
                (Uuid::from_u128(1), [ViewData, InvestigateAlerts].into()),
                (Uuid::from_u128(2), [ViewData].into()),
            ],
            is_administrator: false,
        };
        let groups = [group(1, &[1]), group(2, &[2, 3]), group(3, &[3]), group(4, &[])];
        let rights = UserRights::new(&membership, &groups, &[Uuid::from_u128(3)]);
        assert_eq!(rights.reach(&[InvestigateAlerts]), Some(Reach::groups([1, 4])));
        assert_eq!(rights.reach(&[ViewData]), Some(Reach::groups([1, 2, 4])));
        assert_eq!(rights.reach(&[ManageBaselines, InvestigateAlerts]), Some(Reach::groups([1, 4])));
        assert_eq!(rights.reach(&[ManageBaselines]), None);
        assert_eq!(rights.reach(&[]), None);
        let open = UserRights::new(&membership, &[], &[]);
        assert_eq!(open.reach(&[ViewData]), Some(Reach::All));
        let none = UserRights::new(&Membership::default(), &[], &[]);
        assert_eq!(none.reach(&[ViewData]), None);
    }

    #[test]
    fn no_role_but_the_administrators_lets_administer() {
        let held = [RolePermission::Administer, RolePermission::ViewData].into();
        let membership = Membership { groups: vec![(Uuid::nil(), held)], is_administrator: false };
        let rights = UserRights::new(&membership, &[], &[]);
        assert_eq!(rights.permissions().collect::<Vec<_>>(), [RolePermission::ViewData]);
        let membership = Membership { is_administrator: true, ..membership };
        let rights = UserRights::new(&membership, &[group(1, &[9])], &[]);
        assert_eq!(rights.reach(&[RolePermission::Administer]), Some(Reach::All));
    }
}
