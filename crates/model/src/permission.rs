//! The permissions of the API, declared once: routes demand them, app registrations ask for them, an
//! administrator consents to them, and tokens carry them.
//!
//! Names are those of the compatible API; they are compared without regard to letter case.

/// A permission that a token can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    AdvancedHuntingRead,
    AdvancedQueryRead,
    AlertRead,
    AlertReadWrite,
    EventWrite,
    LakeRead,
    LakeReadWrite,
    MachineRead,
    MachineReadWrite,
}

/// What is declared of one permission.
#[derive(Debug)]
pub struct Declaration {
    pub permission: Permission,
    /// The name in an application token's `roles`.
    pub application: &'static str,
    /// The name in a user token's `scp`, when users can have it.
    pub delegated: Option<&'static str>,
    pub summary: &'static str,
    /// Permissions whose calls this one allows too.
    pub includes: &'static [Permission],
}

/// Every permission of the product.
pub static PERMISSIONS: &[Declaration] = &[
    Declaration {
        permission: Permission::AdvancedHuntingRead,
        application: "AdvancedHunting.Read.All",
        delegated: Some("AdvancedHunting.Read"),
        summary: "Run hunting queries by /api/advancedhunting/run.",
        includes: &[],
    },
    Declaration {
        permission: Permission::AdvancedQueryRead,
        application: "AdvancedQuery.Read.All",
        delegated: Some("AdvancedQuery.Read"),
        summary: "Run hunting queries by /api/advancedqueries/run.",
        includes: &[],
    },
    Declaration {
        permission: Permission::AlertRead,
        application: "Alert.Read.All",
        delegated: Some("Alert.Read"),
        summary: "Read alerts.",
        includes: &[],
    },
    Declaration {
        permission: Permission::AlertReadWrite,
        application: "Alert.ReadWrite.All",
        delegated: Some("Alert.ReadWrite"),
        summary: "Read, create and change alerts.",
        includes: &[Permission::AlertRead],
    },
    Declaration {
        permission: Permission::EventWrite,
        application: "Event.Write",
        delegated: None,
        summary: "Send events to the lake.",
        includes: &[],
    },
    Declaration {
        permission: Permission::LakeRead,
        application: "Lake.Read.All",
        delegated: Some("Lake.Read"),
        summary: "Read rules of retention and legal holds.",
        includes: &[],
    },
    Declaration {
        permission: Permission::LakeReadWrite,
        application: "Lake.ReadWrite.All",
        delegated: Some("Lake.ReadWrite"),
        summary: "Read and change rules of retention and legal holds; delete the rows of a device.",
        includes: &[Permission::LakeRead],
    },
    Declaration {
        permission: Permission::MachineRead,
        application: "Machine.Read.All",
        delegated: Some("Machine.Read"),
        summary: "Read machines.",
        includes: &[],
    },
    Declaration {
        permission: Permission::MachineReadWrite,
        application: "Machine.ReadWrite.All",
        delegated: Some("Machine.ReadWrite"),
        summary: "Read and change machines: tags, device value.",
        includes: &[Permission::MachineRead],
    },
];

impl Permission {
    pub fn declaration(self) -> &'static Declaration {
        // Every variant is declared: a test goes through them all.
        PERMISSIONS.iter().find(|d| d.permission == self).unwrap_or(&PERMISSIONS[0])
    }

    /// The name in an application token's `roles`.
    pub fn application_name(self) -> &'static str {
        self.declaration().application
    }

    /// Finds a permission by its application name, without regard to letter case.
    pub fn from_application_name(name: &str) -> Option<Permission> {
        PERMISSIONS.iter().find(|d| d.application.eq_ignore_ascii_case(name)).map(|d| d.permission)
    }

    /// Whether a caller that holds `self` may make a call that demands `needed`.
    pub fn allows(self, needed: Permission) -> bool {
        self == needed || self.declaration().includes.contains(&needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_declared_once_and_found_by_name() {
        use Permission::*;
        let all = [
            AdvancedHuntingRead,
            AdvancedQueryRead,
            AlertRead,
            AlertReadWrite,
            EventWrite,
            LakeRead,
            LakeReadWrite,
            MachineRead,
            MachineReadWrite,
        ];
        assert_eq!(all.len(), PERMISSIONS.len());
        for permission in all {
            assert_eq!(permission.declaration().permission, permission);
            let lower = permission.application_name().to_lowercase();
            assert_eq!(Permission::from_application_name(&lower), Some(permission));
        }
    }

    #[test]
    fn writing_includes_reading_and_nothing_else() {
        assert!(Permission::AlertReadWrite.allows(Permission::AlertRead));
        assert!(!Permission::AlertRead.allows(Permission::AlertReadWrite));
        assert!(!Permission::AlertReadWrite.allows(Permission::MachineRead));
    }
}
