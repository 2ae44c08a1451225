//! The one decision: may this caller do this, and about which devices?
//!
//! Every route, hunting scan, export and command asks [`authorize`], and what touches a tenant's data takes
//! the [`Allowed`] that only it can make. An app for itself needs the permission, and stays inside the bounds of its
//! grant. A user needs the permission of the app he uses, a role that holds what it takes, and the device group.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use model::access::GrantScope;
use model::error::ErrorKind;
use model::ids::{AppId, TenantId};
use model::permission::{PERMISSIONS, Permission};
use model::role::{self, RolePermission};
use model::{Reach, Ticks};
use uuid::Uuid;

use crate::access::UserRights;

/// Who is calling: taken from a verified token and from nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub tenant: TenantId,
    /// The app that holds the token.
    pub app: Option<AppId>,
    /// What to write as the author of things: the display name of the app, or the principal name of the user.
    pub name: String,
    /// What the token says and is still granted.
    pub permissions: Vec<Permission>,
    /// What bounds the grant of the app.
    pub scope: Arc<GrantScope>,
    pub kind: CallerKind,
    /// Who it is at another issuer, whose token this is. Such a caller has no app here.
    pub outside: Option<Arc<OutsideIdentity>>,
    /// Of the token that was sent; none where a secret was.
    pub token: Option<TokenTimes>,
}

/// A caller as another issuer knows it: what it is told apart by from every other, and from apps and users here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OutsideIdentity {
    pub issuer: String,
    pub subject: String,
}

impl fmt::Display for OutsideIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "outside {} {}", self.issuer, self.subject)
    }
}

/// From when until when a token is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenTimes {
    pub issued: Ticks,
    pub expires: Ticks,
}

/// The last second of the year 9999: later ones do not fit.
const SECONDS_MAX: i64 = 253_402_300_799;

impl TokenTimes {
    /// From the seconds since 1970 that a token says.
    pub(crate) fn of_seconds(issued: i64, expires: i64) -> TokenTimes {
        let at = |seconds: i64| Ticks::from_unix_seconds(seconds.clamp(0, SECONDS_MAX));
        TokenTimes { issued: at(issued), expires: at(expires) }
    }
}

impl Caller {
    /// Who acts, as an id that does not change and that nobody else has.
    pub fn actor(&self) -> String {
        match (&self.outside, &self.kind, self.app) {
            (Some(outside), ..) => outside.to_string(),
            (None, CallerKind::User(signed_in), _) => format!("user {}", signed_in.user),
            (None, CallerKind::Application, Some(app)) => format!("app {app}"),
            (None, CallerKind::Application, None) => format!("name {}", self.name),
        }
    }

    /// Who acts by what: of a user, each app by itself.
    pub fn actor_in_app(&self) -> String {
        match (&self.outside, &self.kind, self.app) {
            // Neither subjects nor names have control characters.
            (Some(outside), ..) => format!("{outside}\u{1f}{}", self.name),
            (None, CallerKind::User(_), Some(app)) => format!("{} app {app}", self.actor()),
            _ => self.actor(),
        }
    }
}

/// In whose name a call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// An app for itself.
    Application,
    /// A user who signed in.
    User(SignedIn),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    pub user: Uuid,
    pub sign_in: Option<Uuid>,
    pub rights: Arc<UserRights>,
}

/// What is asked for, and how.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub needed: Permission,
    /// The response action, where it is one.
    pub action: Option<&'static str>,
    /// What the role of a user has to hold, too: one of these, where there are any.
    pub roles: &'static [RolePermission],
    /// It is about one device, although the permission is of the whole tenant.
    pub is_of_device: bool,
    /// Where the call comes from, where that is known.
    pub address: Option<IpAddr>,
    pub now: Ticks,
}

impl Ask {
    pub fn new(needed: Permission, address: Option<IpAddr>, now: Ticks) -> Ask {
        Ask { needed, action: None, roles: &[], is_of_device: false, address, now }
    }
}

/// The proof that a caller was allowed something. Nothing but [`authorize`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Allowed {
    tenant: TenantId,
    permission: Permission,
    reach: Reach,
}

impl Allowed {
    /// The tenant whose data may be touched.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The permission that was asked for.
    pub fn permission(&self) -> Permission {
        self.permission
    }

    /// The devices that may be touched.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// This permission, for the devices that either reaches. Both have to be of one caller.
    pub fn or(self, other: &Allowed) -> Allowed {
        let reach = self.reach.union(&other.reach);
        Allowed { reach, ..self }
    }

    /// This permission, for the devices alone that `other` reaches, too.
    pub fn within(self, other: &Allowed) -> Allowed {
        let reach = self.reach.intersection(&other.reach);
        Allowed { reach, ..self }
    }
}

/// A refusal: what was needed and what the token carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    pub needed: Permission,
    pub held: Vec<Permission>,
    pub is_user: bool,
    pub lacks: Lack,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    Permission,
    /// The user has no role that holds one of these.
    Role(&'static [RolePermission]),
    /// The grant of the app does not have the action.
    Action(&'static str),
    /// The grant of the app does not have the address of the client.
    Network,
    /// The grant of the app does not have this hour.
    Hour,
    /// The grant of the app is for some device groups, and this is about the whole tenant.
    WholeTenant,
}

/// Decides whether `caller` may do what it asks for.
pub fn authorize(caller: &Caller, ask: &Ask) -> Result<Allowed, Denied> {
    match decide(caller, ask) {
        Ok(reach) => Ok(Allowed { tenant: caller.tenant, permission: ask.needed, reach }),
        Err(lacks) => {
            let (held, is_user) = (caller.permissions.clone(), caller.kind != CallerKind::Application);
            Err(Denied { needed: ask.needed, held, is_user, lacks })
        }
    }
}

/// Decides whether `caller` may do what it was allowed in a way that takes more of a user: a role that holds one of
/// these. Apps for themselves may.
pub fn authorize_role(
    caller: &Caller,
    allowed: &Allowed,
    roles: &'static [RolePermission],
) -> Result<Allowed, Denied> {
    let CallerKind::User(SignedIn { rights, .. }) = &caller.kind else { return Ok(allowed.clone()) };
    match rights.reach(roles) {
        Some(reach) => Ok(Allowed { reach: allowed.reach.intersection(&reach), ..allowed.clone() }),
        None => {
            let held = caller.permissions.clone();
            Err(Denied { needed: allowed.permission, held, is_user: true, lacks: Lack::Role(roles) })
        }
    }
}

fn decide(caller: &Caller, ask: &Ask) -> Result<Reach, Lack> {
    let Ask { needed, action, roles: more, is_of_device, address, now } = *ask;
    if !caller.permissions.iter().any(|permission| permission.allows(needed)) {
        return Err(Lack::Permission);
    }
    let scope = &caller.scope;
    if let Some(action) = action
        && !scope.allows_action(action)
    {
        return Err(Lack::Action(action));
    }
    if !scope.allows_address(address) {
        return Err(Lack::Network);
    }
    if !scope.allows_time(now) {
        return Err(Lack::Hour);
    }
    let reach = match &caller.kind {
        CallerKind::Application => Reach::All,
        CallerKind::User(SignedIn { rights, .. }) => {
            let roles = role::needed_for(needed);
            let reach = rights.reach(roles).ok_or(Lack::Role(roles))?;
            match more {
                [] => reach,
                more => reach.intersection(&rights.reach(more).ok_or(Lack::Role(more))?),
            }
        }
    };
    if role::is_tenant_wide(needed) && !is_of_device {
        // What is of no device is not in any device group either.
        return if scope.reach().is_all() { Ok(Reach::All) } else { Err(Lack::WholeTenant) };
    }
    Ok(reach.intersection(&scope.reach()))
}

impl Denied {
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Forbidden
    }
}

impl std::error::Error for Denied {}

impl fmt::Display for Denied {
    /// The words of the compatible API: clients show them to people who then know what to ask for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lacks {
            Lack::Permission => self.write_missing(f),
            Lack::Role([]) => {
                write!(f, "Users cannot do this; it takes an app with {}.", self.needed.application_name())
            }
            Lack::Role(roles) => {
                let roles: Vec<_> = roles.iter().map(|role| role.name()).collect();
                write!(f, "The roles of the user do not hold {}.", roles.join(" or "))
            }
            Lack::Action(action) => write!(f, "The grant of the app does not have the action {action}."),
            Lack::Network => f.write_str("The grant of the app does not have the network of this client."),
            Lack::Hour => f.write_str("The grant of the app does not have this hour."),
            Lack::WholeTenant => f.write_str(
                "The grant of the app is for some device groups only, and this is about the whole tenant.",
            ),
        }
    }
}

impl Denied {
    fn write_missing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_user { "delegated" } else { "application" };
        let name = |permission: Permission| match permission.declaration().delegated {
            Some(delegated) if self.is_user => delegated,
            _ => permission.application_name(),
        };
        let enough = PERMISSIONS.iter().filter(|d| d.permission.allows(self.needed));
        let enough: Vec<_> = enough.map(|d| name(d.permission)).collect();
        let held: Vec<_> = self.held.iter().map(|permission| name(*permission)).collect();
        let held = if held.is_empty() { "none".into() } else { held.join(", ") };
        let enough = enough.join(", ");
        write!(
            f,
            "Missing {kind} permissions. API required permissions: {enough}, {kind} permissions: {held}."
        )
    }
}

#[cfg(test)]
mod tests {
    use model::access::{Hours, Minute, Network};
    use store::Membership;

    use super::*;

    fn caller(permissions: &[Permission]) -> Caller {
        Caller {
            tenant: TenantId(Uuid::from_u128(1)),
            app: Some(AppId(Uuid::from_u128(2))),
            name: "app".into(),
            permissions: permissions.to_vec(),
            scope: Arc::default(),
            kind: CallerKind::Application,
            outside: None,
            token: None,
        }
    }

    fn user(permissions: &[Permission], rights: UserRights) -> Caller {
        let kind = CallerKind::User(SignedIn { user: Uuid::nil(), sign_in: None, rights: Arc::new(rights) });
        Caller { kind, ..caller(permissions) }
    }

    fn all() -> Vec<Permission> {
        PERMISSIONS.iter().map(|d| d.permission).collect()
    }

    fn ask(needed: Permission) -> Ask {
        Ask::new(needed, None, Ticks::parse("2024-05-06T08:00:00Z").unwrap())
    }

    fn lack(caller: &Caller, ask: &Ask) -> Option<Lack> {
        authorize(caller, ask).err().map(|denied| denied.lacks)
    }

    #[test]
    fn a_caller_may_do_what_its_permissions_allow() {
        for needed in all() {
            for held in all() {
                let verdict = authorize(&caller(&[held]), &ask(needed));
                assert_eq!(verdict.is_ok(), held.allows(needed), "{held:?} for {needed:?}");
                let verdict = lack(&user(&[held], UserRights::administrator()), &ask(needed));
                let is_for_users = needed.declaration().delegated.is_some();
                assert_eq!(verdict.is_none(), held.allows(needed) && is_for_users, "{held:?} for {needed:?}");
            }
            assert!(authorize(&caller(&[]), &ask(needed)).is_err(), "{needed:?}");
        }
    }

    #[test]
    fn a_user_needs_permission_and_role_and_gets_the_device_groups_of_the_role() {
        let groups = [model::access::DeviceGroup {
            id: 1,
            name: "g".into(),
            description: String::new(),
            rank: 1,
            rule: Default::default(),
            user_groups: vec![Uuid::nil()],
        }];
        for needed in all() {
            for held in role::ROLE_PERMISSIONS.iter().map(|d| d.permission) {
                let membership =
                    Membership { groups: vec![(Uuid::nil(), [held].into())], is_administrator: false };
                let rights = UserRights::new(&membership, &groups, &[Uuid::max()]);
                let verdict = authorize(&user(&all(), rights.clone()), &ask(needed));
                let has_role = held != RolePermission::Administer && role::needed_for(needed).contains(&held);
                assert_eq!(verdict.is_ok(), has_role, "{held:?} for {needed:?}");
                if let Ok(allowed) = verdict {
                    let narrowed = Reach::groups([1]);
                    let expected = if role::is_tenant_wide(needed) { Reach::All } else { narrowed };
                    assert_eq!(*allowed.reach(), expected, "{needed:?}");
                }
                assert_eq!(lack(&user(&[], rights), &ask(needed)), Some(Lack::Permission));
            }
        }
    }

    #[test]
    fn callers_are_told_apart_whatever_they_are_called() {
        let app = caller(&[]);
        let id = app.app.unwrap().to_string();
        let outside = |issuer: &str, subject: &str, name: &str| {
            let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
            let outside = Some(Arc::new(OutsideIdentity { issuer, subject }));
            Caller { app: None, name: name.to_owned(), outside, ..app.clone() }
        };
        let signed_in = user(&[], UserRights::default());
        let other_app = Caller { app: Some(AppId(Uuid::from_u128(3))), ..signed_in.clone() };
        let callers = [
            app.clone(),
            outside("https://one.example", "s", &id),
            outside("https://one.example", "t", &id),
            outside("https://two.example", "s", &id),
            outside("https://one.example", &id, &format!("app {id}")),
            outside("https://one.example", "s", &format!("user {}", Uuid::nil())),
            signed_in.clone(),
            other_app.clone(),
        ];
        let in_app: std::collections::BTreeSet<_> = callers.iter().map(Caller::actor_in_app).collect();
        assert_eq!(in_app.len(), callers.len(), "{in_app:?}");
        assert_eq!(signed_in.actor(), other_app.actor(), "a user is one person in every app");
        assert_eq!(callers[1].actor(), callers[5].actor());
    }

    #[test]
    fn what_is_about_a_device_reaches_the_devices_of_every_role_it_takes() {
        let groups = [1, 2, 3].map(|id| model::access::DeviceGroup {
            id,
            name: id.to_string(),
            description: String::new(),
            rank: id,
            rule: Default::default(),
            user_groups: match id {
                1 => vec![Uuid::from_u128(1)],
                2 => vec![Uuid::from_u128(1), Uuid::from_u128(2)],
                _ => vec![Uuid::max()],
            },
        });
        let held = |id, permission| (Uuid::from_u128(id), [permission].into());
        let membership = Membership {
            groups: vec![
                held(1, RolePermission::ManageSecuritySettings),
                held(1, RolePermission::InvestigateAlerts),
                held(2, RolePermission::RemediateDevices),
            ],
            is_administrator: false,
        };
        let caller = user(&all(), UserRights::new(&membership, &groups, &[Uuid::max()]));
        let reach = |ask: Ask| authorize(&caller, &ask).map(|allowed| allowed.reach().clone());
        let lake = ask(Permission::LakeReadWrite);
        assert_eq!(reach(lake), Ok(Reach::All));
        assert_eq!(reach(Ask { is_of_device: true, ..lake }), Ok(Reach::groups([1, 2])));
        let alerts = ask(Permission::AlertReadWrite);
        let remediate: &[RolePermission] = &[RolePermission::RemediateDevices];
        assert_eq!(reach(alerts), Ok(Reach::groups([1, 2])));
        assert_eq!(reach(Ask { roles: remediate, ..alerts }), Ok(Reach::groups([2])));
        let offboard: &[RolePermission] = &[RolePermission::Administer];
        assert_eq!(lack(&caller, &Ask { roles: offboard, ..alerts }), Some(Lack::Role(offboard)));
        // Roles are of users; an app needs its permission alone.
        let app = super::tests::caller(&all());
        assert!(authorize(&app, &Ask { roles: offboard, ..alerts }).is_ok());
    }

    #[test]
    fn a_bounded_grant_reaches_its_device_groups_and_nothing_of_the_whole_tenant() {
        let scope = Arc::new(GrantScope { device_groups: vec![3, 4], ..GrantScope::default() });
        let bounded = Caller { scope, ..caller(&all()) };
        for needed in all() {
            match authorize(&bounded, &ask(needed)) {
                Ok(allowed) => {
                    assert!(!role::is_tenant_wide(needed));
                    assert_eq!(*allowed.reach(), Reach::groups([3, 4]));
                }
                Err(denied) => {
                    assert!(role::is_tenant_wide(needed));
                    assert_eq!(denied.lacks, Lack::WholeTenant);
                }
            }
        }
        // A user has the device groups of both.
        let kind = user(&[], UserRights::administrator()).kind;
        let allowed = authorize(&Caller { kind, ..bounded }, &ask(Permission::MachineRead)).unwrap();
        assert_eq!(*allowed.reach(), Reach::groups([3, 4]));
    }

    #[test]
    fn fetching_files_takes_less_of_a_user_than_changing_something() {
        let groups = [model::access::DeviceGroup {
            id: 1,
            name: "g".into(),
            description: String::new(),
            rank: 1,
            rule: Default::default(),
            user_groups: vec![Uuid::nil()],
        }];
        let held = all();
        for (role, may_change) in
            [(RolePermission::LiveResponseBasic, false), (RolePermission::LiveResponseAdvanced, true)]
        {
            let membership =
                Membership { groups: vec![(Uuid::nil(), [role].into())], is_administrator: false };
            let user = user(&held, UserRights::new(&membership, &groups, &[Uuid::max()]));
            let allowed = authorize(&user, &ask(Permission::MachineLiveResponse)).unwrap();
            let changing = authorize_role(&user, &allowed, role::CHANGING_LIVE_RESPONSE);
            assert_eq!(changing.is_ok(), may_change, "{changing:?}");
            assert!(changing.is_err() || changing.unwrap().reach() == allowed.reach());
        }
        let app = caller(&held);
        let allowed = authorize(&app, &ask(Permission::MachineLiveResponse)).unwrap();
        assert_eq!(authorize_role(&app, &allowed, role::CHANGING_LIVE_RESPONSE), Ok(allowed));
    }

    #[test]
    fn either_of_two_permissions_reaches_the_devices_of_both() {
        let groups = [1, 2].map(|id| model::access::DeviceGroup {
            id,
            name: format!("g{id}"),
            description: String::new(),
            rank: id,
            rule: Default::default(),
            user_groups: vec![Uuid::from_u128(id as u128)],
        });
        let roles = vec![
            (Uuid::from_u128(1), [RolePermission::InvestigateAlerts].into()),
            (Uuid::from_u128(2), [RolePermission::RemediateDevices].into()),
        ];
        let membership = Membership { groups: roles, is_administrator: false };
        let user = user(&all(), UserRights::new(&membership, &groups, &[Uuid::max()]));
        let [collect, isolate] = [Permission::MachineCollectForensics, Permission::MachineIsolate]
            .map(|needed| authorize(&user, &ask(needed)).unwrap());
        assert_eq!(*collect.reach(), Reach::groups([1]));
        let either = collect.or(&isolate);
        assert_eq!(*either.reach(), Reach::groups([1, 2]));
        // What is asked for in the end narrows it again.
        assert_eq!(*isolate.within(&either).reach(), Reach::groups([2]));
    }

    #[test]
    fn a_bounded_grant_has_its_actions_networks_and_hours() {
        let bounded =
            |scope: GrantScope| Caller { scope: Arc::new(scope), ..caller(&[Permission::MachineRead]) };
        let plain = ask(Permission::MachineRead);
        let actions = bounded(GrantScope { actions: vec!["isolate".into()], ..GrantScope::default() });
        assert_eq!(lack(&actions, &plain), None);
        assert_eq!(lack(&actions, &Ask { action: Some("Isolate"), ..plain }), None);
        assert_eq!(lack(&actions, &Ask { action: Some("Scan"), ..plain }), Some(Lack::Action("Scan")));
        let networks = vec![Network::parse("10.0.0.0/8").unwrap()];
        let networks = bounded(GrantScope { networks, ..GrantScope::default() });
        assert_eq!(lack(&networks, &plain), Some(Lack::Network));
        let from = |text: &str| Ask { address: Some(text.parse().unwrap()), ..plain };
        assert_eq!(lack(&networks, &from("10.1.2.3")), None);
        assert_eq!(lack(&networks, &from("11.1.2.3")), Some(Lack::Network));
        let minute = |text| Minute::parse(text).unwrap();
        let hours = vec![Hours { days: vec![], from: minute("09:00"), to: minute("17:00") }];
        let hours = bounded(GrantScope { hours, ..GrantScope::default() });
        assert_eq!(lack(&hours, &plain), Some(Lack::Hour));
        assert_eq!(lack(&hours, &Ask { now: plain.now.plus_seconds(3_600), ..plain }), None);
    }

    #[test]
    fn what_is_allowed_is_bound_to_the_tenant_of_the_caller() {
        let caller = caller(&[Permission::MachineReadWrite]);
        let allowed = authorize(&caller, &ask(Permission::MachineRead)).unwrap();
        assert_eq!((allowed.tenant(), allowed.permission()), (caller.tenant, Permission::MachineRead));
        assert!(allowed.reach().is_all());
    }

    #[test]
    fn a_refusal_names_what_is_needed_and_what_is_there() {
        let message =
            |caller: &Caller| authorize(caller, &ask(Permission::AlertRead)).unwrap_err().to_string();
        assert_eq!(
            message(&caller(&[Permission::MachineRead, Permission::EventWrite])),
            "Missing application permissions. API required permissions: Alert.Read.All, Alert.ReadWrite.All, \
             application permissions: Machine.Read.All, Event.Write."
        );
        assert!(message(&caller(&[])).ends_with("application permissions: none."));
        assert_eq!(
            message(&user(&[Permission::MachineRead], UserRights::administrator())),
            "Missing delegated permissions. API required permissions: Alert.Read, Alert.ReadWrite, \
             delegated permissions: Machine.Read."
        );
        assert_eq!(
            message(&user(&[Permission::AlertRead], UserRights::default())),
            "The roles of the user do not hold ViewData.SecurityOperations."
        );
    }
}
