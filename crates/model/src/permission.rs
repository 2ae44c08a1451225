//! The permissions of the API, declared once: routes demand them, app registrations ask for them, an
//! administrator consents to them, and tokens carry them.
//!
//! Names are those of the compatible API; they are compared without regard to letter case.

/// A permission that a token can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    ActionApprove,
    ActionManage,
    AdvancedHuntingRead,
    AdvancedQueryRead,
    AlertRead,
    AlertReadWrite,
    AuditLogRead,
    ChangeRead,
    DeviceEnrol,
    EventWrite,
    HuntingFunctionRead,
    HuntingFunctionReadWrite,
    FileRead,
    IncidentRead,
    IncidentReadWrite,
    IpRead,
    LakeRead,
    LakeReadWrite,
    LibraryManage,
    MachineCollectForensics,
    MachineIsolate,
    MachineLiveResponse,
    MachineOffboard,
    MachineRead,
    MachineReadWrite,
    MachineRestrictExecution,
    MachineScan,
    MachineStopAndQuarantine,
    ManagementRead,
    ManagementReadWrite,
    ThreatHuntingRead,
    SecurityAlertRead,
    SecurityAlertReadWrite,
    SecurityIncidentRead,
    SecurityIncidentReadWrite,
    TiReadWrite,
    TiReadWriteAll,
    UrlRead,
    UserRead,
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
        permission: Permission::ActionApprove,
        application: "Action.Approve.All",
        delegated: Some("Action.Approve"),
        summary: "Approve or turn down the actions of others that need a second person.",
        includes: &[],
    },
    Declaration {
        permission: Permission::ActionManage,
        application: "Action.Manage.All",
        delegated: Some("Action.Manage"),
        summary: "Set which devices are protected from actions, which actions need approval, and how many there may be.",
        includes: &[],
    },
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
        permission: Permission::AuditLogRead,
        application: "AuditLog.Read.All",
        delegated: Some("AuditLog.Read"),
        summary: "Read the audit log.",
        includes: &[],
    },
    Declaration {
        permission: Permission::ChangeRead,
        application: "Change.Read.All",
        delegated: Some("Change.Read"),
        summary: "Follow the changes of the kinds of entities that the token may read.",
        includes: &[],
    },
    Declaration {
        permission: Permission::DeviceEnrol,
        application: "Device.Enrol.All",
        delegated: Some("Device.Enrol"),
        summary: "Make tokens by which devices enrol, list enrolled devices, and revoke their keys.",
        includes: &[],
    },
    Declaration {
        permission: Permission::EventWrite,
        application: "Event.Write",
        delegated: None,
        summary: "Send events to the lake.",
        includes: &[],
    },
    Declaration {
        permission: Permission::HuntingFunctionRead,
        application: "HuntingFunction.Read.All",
        delegated: Some("HuntingFunction.Read"),
        summary: "Read saved functions of hunting.",
        includes: &[],
    },
    Declaration {
        permission: Permission::HuntingFunctionReadWrite,
        application: "HuntingFunction.ReadWrite.All",
        delegated: Some("HuntingFunction.ReadWrite"),
        summary: "Read and change saved functions of hunting, which queries of the whole tenant can call.",
        includes: &[Permission::HuntingFunctionRead],
    },
    Declaration {
        permission: Permission::FileRead,
        application: "File.Read.All",
        delegated: Some("File.Read.All"),
        summary: "Read what is known of files.",
        includes: &[],
    },
    Declaration {
        permission: Permission::IncidentRead,
        application: "Incident.Read.All",
        delegated: Some("Incident.Read"),
        summary: "Read incidents.",
        includes: &[],
    },
    Declaration {
        permission: Permission::IncidentReadWrite,
        application: "Incident.ReadWrite.All",
        delegated: Some("Incident.ReadWrite"),
        summary: "Read and change incidents.",
        includes: &[Permission::IncidentRead],
    },
    Declaration {
        permission: Permission::IpRead,
        application: "Ip.Read.All",
        delegated: Some("Ip.Read.All"),
        summary: "Read what is known of addresses.",
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
        permission: Permission::LibraryManage,
        application: "Library.Manage",
        delegated: Some("Library.Manage"),
        summary: "Manage the files of the live-response library.",
        includes: &[],
    },
    Declaration {
        permission: Permission::MachineCollectForensics,
        application: "Machine.CollectForensics",
        delegated: Some("Machine.CollectForensics"),
        summary: "Collect investigation packages from devices.",
        includes: &[],
    },
    Declaration {
        permission: Permission::MachineIsolate,
        application: "Machine.Isolate",
        delegated: Some("Machine.Isolate"),
        summary: "Isolate devices and release them.",
        includes: &[],
    },
    Declaration {
        permission: Permission::MachineLiveResponse,
        application: "Machine.LiveResponse",
        delegated: Some("Machine.LiveResponse"),
        summary: "Run live response on devices.",
        includes: &[],
    },
    Declaration {
        permission: Permission::MachineOffboard,
        application: "Machine.Offboard",
        delegated: Some("Machine.Offboard"),
        summary: "Offboard devices.",
        includes: &[],
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
    Declaration {
        permission: Permission::MachineRestrictExecution,
        application: "Machine.RestrictExecution",
        delegated: Some("Machine.RestrictExecution"),
        summary: "Restrict which programs run on devices, and lift that.",
        includes: &[],
    },
    Declaration {
        permission: Permission::MachineScan,
        application: "Machine.Scan",
        delegated: Some("Machine.Scan"),
        summary: "Scan devices.",
        includes: &[],
    },
    Declaration {
        permission: Permission::MachineStopAndQuarantine,
        application: "Machine.StopAndQuarantine",
        delegated: Some("Machine.StopAndQuarantine"),
        summary: "Stop and quarantine files on devices.",
        includes: &[],
    },
    Declaration {
        permission: Permission::ManagementRead,
        application: "Management.Read.All",
        delegated: Some("Management.Read"),
        summary: "Read users, groups, roles, device groups, apps, consents and signing keys.",
        includes: &[],
    },
    Declaration {
        permission: Permission::ManagementReadWrite,
        application: "Management.ReadWrite.All",
        delegated: Some("Management.ReadWrite"),
        summary: "Read and change users, groups, roles, device groups, apps, consents and signing keys.",
        includes: &[Permission::ManagementRead],
    },
    Declaration {
        permission: Permission::ThreatHuntingRead,
        application: "ThreatHunting.Read.All",
        delegated: Some("ThreatHunting.Read.All"),
        summary: "Run hunting queries by /v1.0/security/runHuntingQuery.",
        includes: &[],
    },
    Declaration {
        permission: Permission::SecurityAlertRead,
        application: "SecurityAlert.Read.All",
        delegated: Some("SecurityAlert.Read.All"),
        summary: "Read alerts by the Graph paths.",
        includes: &[],
    },
    Declaration {
        permission: Permission::SecurityAlertReadWrite,
        application: "SecurityAlert.ReadWrite.All",
        delegated: Some("SecurityAlert.ReadWrite.All"),
        summary: "Read and change alerts by the Graph paths.",
        includes: &[Permission::SecurityAlertRead],
    },
    Declaration {
        permission: Permission::SecurityIncidentRead,
        application: "SecurityIncident.Read.All",
        delegated: Some("SecurityIncident.Read.All"),
        summary: "Read incidents by the Graph paths.",
        includes: &[],
    },
    Declaration {
        permission: Permission::SecurityIncidentReadWrite,
        application: "SecurityIncident.ReadWrite.All",
        delegated: Some("SecurityIncident.ReadWrite.All"),
        summary: "Read and change incidents by the Graph paths.",
        includes: &[Permission::SecurityIncidentRead],
    },
    Declaration {
        permission: Permission::TiReadWrite,
        application: "Ti.ReadWrite",
        delegated: Some("Ti.ReadWrite"),
        summary: "Submit indicators, and read, change and remove those that the app made.",
        includes: &[],
    },
    Declaration {
        permission: Permission::TiReadWriteAll,
        application: "Ti.ReadWrite.All",
        delegated: None,
        summary: "Submit indicators, and read, change and remove all of them.",
        includes: &[Permission::TiReadWrite],
    },
    Declaration {
        permission: Permission::UrlRead,
        application: "URL.Read.All",
        delegated: Some("URL.Read.All"),
        summary: "Read what is known of domains.",
        includes: &[],
    },
    Declaration {
        permission: Permission::UserRead,
        application: "User.Read.All",
        delegated: Some("User.Read.All"),
        summary: "Read what is known of users of devices.",
        includes: &[],
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

    /// Finds a permission by its delegated name, without regard to letter case.
    pub fn from_delegated_name(name: &str) -> Option<Permission> {
        let has_name = |d: &&Declaration| d.delegated.is_some_and(|own| own.eq_ignore_ascii_case(name));
        PERMISSIONS.iter().find(has_name).map(|d| d.permission)
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
            ActionApprove,
            ActionManage,
            AdvancedHuntingRead,
            AdvancedQueryRead,
            AlertRead,
            AlertReadWrite,
            AuditLogRead,
            ChangeRead,
            DeviceEnrol,
            EventWrite,
            HuntingFunctionRead,
            HuntingFunctionReadWrite,
            FileRead,
            IncidentRead,
            IncidentReadWrite,
            IpRead,
            LakeRead,
            LakeReadWrite,
            LibraryManage,
            MachineCollectForensics,
            MachineIsolate,
            MachineLiveResponse,
            MachineOffboard,
            MachineRead,
            MachineReadWrite,
            MachineRestrictExecution,
            MachineScan,
            MachineStopAndQuarantine,
            ManagementRead,
            ManagementReadWrite,
            ThreatHuntingRead,
            SecurityAlertRead,
            SecurityAlertReadWrite,
            SecurityIncidentRead,
            SecurityIncidentReadWrite,
            TiReadWrite,
            TiReadWriteAll,
            UrlRead,
            UserRead,
        ];
        assert_eq!(all.len(), PERMISSIONS.len());
        for permission in all {
            assert_eq!(permission.declaration().permission, permission);
            let lower = permission.application_name().to_lowercase();
            assert_eq!(Permission::from_application_name(&lower), Some(permission));
            if let Some(delegated) = permission.declaration().delegated {
                assert_eq!(Permission::from_delegated_name(&delegated.to_uppercase()), Some(permission));
            }
        }
    }

    #[test]
    fn writing_includes_reading_and_nothing_else() {
        assert!(Permission::AlertReadWrite.allows(Permission::AlertRead));
        assert!(!Permission::AlertRead.allows(Permission::AlertReadWrite));
        assert!(!Permission::AlertReadWrite.allows(Permission::MachineRead));
    }
}
