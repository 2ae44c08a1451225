//! The one decision: may this caller do this?
//!
//! Every route, hunting scan, export and command asks [`authorize`], and what touches a tenant's data takes
//! the [`Allowed`] that only it can make.

use std::fmt;

use model::error::ErrorKind;
use model::ids::{AppId, TenantId};
use model::permission::{PERMISSIONS, Permission};

/// Who is calling: taken from a verified token and from nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub tenant: TenantId,
    /// The app that holds the token.
    pub app: Option<AppId>,
    /// What to write as the author of things: the display name of the app.
    pub name: String,
    pub permissions: Vec<Permission>,
    pub kind: CallerKind,
}

/// In whose name a call is made. Signed-in users will be another variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// An app for itself: it sees all devices of its tenant.
    Application,
}

/// What a call touches. A set of device groups will be another variant, once roles can narrow what a user
/// sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Anything of the caller's own tenant.
    Tenant,
}

/// The proof that a caller was allowed something. Nothing but [`authorize`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Allowed {
    tenant: TenantId,
    permission: Permission,
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
}

/// A refusal: what was needed and what the token carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    pub needed: Permission,
    pub held: Vec<Permission>,
}

/// Decides whether `caller` may do what needs `needed` on `scope`.
pub fn authorize(caller: &Caller, needed: Permission, scope: &Scope) -> Result<Allowed, Denied> {
    let held = caller.permissions.iter().any(|permission| permission.allows(needed));
    let reaches = match (caller.kind, scope) {
        (CallerKind::Application, Scope::Tenant) => true,
    };
    if held && reaches {
        Ok(Allowed { tenant: caller.tenant, permission: needed })
    } else {
        Err(Denied { needed, held: caller.permissions.clone() })
    }
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
        let enough = PERMISSIONS.iter().filter(|d| d.permission.allows(self.needed)).map(|d| d.application);
        let enough = enough.collect::<Vec<_>>().join(", ");
        let held = self.held.iter().map(|permission| permission.application_name());
        let held = if self.held.is_empty() { "none".into() } else { held.collect::<Vec<_>>().join(", ") };
        write!(
            f,
            "Missing application permissions. API required permissions: {enough}, application permissions: {held}."
        )
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn caller(permissions: &[Permission]) -> Caller {
        Caller {
            tenant: TenantId(Uuid::from_u128(1)),
            app: Some(AppId(Uuid::from_u128(2))),
            name: "app".into(),
            permissions: permissions.to_vec(),
            kind: CallerKind::Application,
        }
    }

    #[test]
    fn a_caller_may_do_what_its_permissions_allow() {
        for needed in PERMISSIONS.iter().map(|d| d.permission) {
            for held in PERMISSIONS.iter().map(|d| d.permission) {
                let verdict = authorize(&caller(&[held]), needed, &Scope::Tenant);
                assert_eq!(verdict.is_ok(), held.allows(needed), "{held:?} for {needed:?}");
            }
            assert!(authorize(&caller(&[]), needed, &Scope::Tenant).is_err(), "{needed:?}");
        }
    }

    #[test]
    fn what_is_allowed_is_bound_to_the_tenant_of_the_caller() {
        let caller = caller(&[Permission::MachineReadWrite]);
        let allowed = authorize(&caller, Permission::MachineRead, &Scope::Tenant).unwrap();
        assert_eq!((allowed.tenant(), allowed.permission()), (caller.tenant, Permission::MachineRead));
    }

    #[test]
    fn a_refusal_names_what_is_needed_and_what_is_there() {
        let message = |held: &[Permission]| {
            authorize(&caller(held), Permission::AlertRead, &Scope::Tenant).unwrap_err().to_string()
        };
        assert_eq!(
            message(&[Permission::MachineRead, Permission::EventWrite]),
            "Missing application permissions. API required permissions: Alert.Read.All, Alert.ReadWrite.All, \
             application permissions: Machine.Read.All, Event.Write."
        );
        assert!(message(&[]).ends_with("application permissions: none."));
    }
}
