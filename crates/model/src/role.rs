//! Roles: what signed-in users may do, beside what the app they use was granted.
//!
//! A role is a set of role permissions that is given to user groups. Names follow the compatible service, which
//! shows them in its portal only.

use crate::permission::Permission;

/// What a role lets its users do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RolePermission {
    ViewData,
    ViewVulnerabilities,
    InvestigateAlerts,
    RemediateDevices,
    RemediateExceptions,
    RemediateVulnerabilities,
    RemediateApplications,
    ManageSecuritySettings,
    ManageSystemSettings,
    LiveResponseBasic,
    LiveResponseAdvanced,
    ManageBaselines,
    /// What only administrators may do. No role but theirs can have it.
    Administer,
}

/// What is declared of a role permission.
#[derive(Debug)]
pub struct RoleDeclaration {
    pub permission: RolePermission,
    pub name: &'static str,
    pub summary: &'static str,
}

pub static ROLE_PERMISSIONS: &[RoleDeclaration] = &[
    declared(
        RolePermission::ViewData,
        "ViewData.SecurityOperations",
        "Read devices, alerts and events; hunt.",
    ),
    declared(
        RolePermission::ViewVulnerabilities,
        "ViewData.VulnerabilityManagement",
        "Read software, vulnerabilities and recommendations.",
    ),
    declared(
        RolePermission::InvestigateAlerts,
        "AlertsInvestigation",
        "Change and create alerts, collect packages from devices.",
    ),
    declared(
        RolePermission::RemediateDevices,
        "ActiveRemediation.SecurityOperations",
        "Isolate, restrict, scan and release devices, quarantine files, change indicators.",
    ),
    declared(
        RolePermission::RemediateExceptions,
        "ActiveRemediation.Exceptions",
        "Make exceptions from recommendations.",
    ),
    declared(
        RolePermission::RemediateVulnerabilities,
        "ActiveRemediation.Remediation",
        "Ask for remediation of vulnerabilities.",
    ),
    declared(RolePermission::RemediateApplications, "ActiveRemediation.Applications", "Block applications."),
    declared(
        RolePermission::ManageSecuritySettings,
        "ManageSecuritySettings",
        "Tags and values of devices, indicators, rules of retention, legal holds.",
    ),
    declared(
        RolePermission::ManageSystemSettings,
        "ManageSystemSettings",
        "Users, groups, roles, device groups, apps and consent; the audit log.",
    ),
    declared(RolePermission::LiveResponseBasic, "LiveResponse.Basic", "Commands that read; fetching files."),
    declared(
        RolePermission::LiveResponseAdvanced,
        "LiveResponse.Advanced",
        "Putting files, running scripts.",
    ),
    declared(RolePermission::ManageBaselines, "SecurityBaselines", "Profiles of security baselines."),
    declared(
        RolePermission::Administer,
        "Administer",
        "What only administrators may do: offboarding, signing keys.",
    ),
];

/// A role that every tenant has and nobody can change.
#[derive(Debug)]
pub struct BuiltInRole {
    pub id: &'static str,
    pub name: &'static str,
    pub description: &'static str,
    pub permissions: &'static [RolePermission],
}

/// The id of the role whose users may do everything on all devices.
pub const ADMINISTRATOR: &str = "administrator";

pub static BUILT_IN_ROLES: &[BuiltInRole] = &[
    BuiltInRole {
        id: ADMINISTRATOR,
        name: "Administrator",
        description: "May do everything, on all devices whatever their groups.",
        permissions: &[
            RolePermission::ViewData,
            RolePermission::ViewVulnerabilities,
            RolePermission::InvestigateAlerts,
            RolePermission::RemediateDevices,
            RolePermission::RemediateExceptions,
            RolePermission::RemediateVulnerabilities,
            RolePermission::RemediateApplications,
            RolePermission::ManageSecuritySettings,
            RolePermission::ManageSystemSettings,
            RolePermission::LiveResponseBasic,
            RolePermission::LiveResponseAdvanced,
            RolePermission::ManageBaselines,
            RolePermission::Administer,
        ],
    },
    BuiltInRole {
        id: "analyst",
        name: "Analyst",
        description: "Reads everything of its device groups, works on alerts and acts on devices.",
        permissions: &[
            RolePermission::ViewData,
            RolePermission::ViewVulnerabilities,
            RolePermission::InvestigateAlerts,
            RolePermission::RemediateDevices,
            RolePermission::LiveResponseBasic,
        ],
    },
    BuiltInRole {
        id: "reader",
        name: "Reader",
        description: "Reads everything of its device groups.",
        permissions: &[RolePermission::ViewData, RolePermission::ViewVulnerabilities],
    },
];

const fn declared(permission: RolePermission, name: &'static str, summary: &'static str) -> RoleDeclaration {
    RoleDeclaration { permission, name, summary }
}

impl RolePermission {
    pub fn declaration(self) -> &'static RoleDeclaration {
        // Every variant is declared: a test goes through them all.
        ROLE_PERMISSIONS.iter().find(|d| d.permission == self).unwrap_or(&ROLE_PERMISSIONS[0])
    }

    pub fn name(self) -> &'static str {
        self.declaration().name
    }

    /// Finds a role permission by its name, without regard to letter case.
    pub fn from_name(name: &str) -> Option<RolePermission> {
        ROLE_PERMISSIONS.iter().find(|d| d.name.eq_ignore_ascii_case(name)).map(|d| d.permission)
    }
}

/// The built-in role of that id.
pub fn built_in(id: &str) -> Option<&'static BuiltInRole> {
    BUILT_IN_ROLES.iter().find(|role| role.id.eq_ignore_ascii_case(id))
}

/// What the role of a user has to hold for a live response that puts files or runs scripts.
pub const CHANGING_LIVE_RESPONSE: &[RolePermission] = &[RolePermission::LiveResponseAdvanced];

/// What the role of a user has to hold for a call that demands `permission`: one of these. Empty where users
/// cannot make the call at all.
pub fn needed_for(permission: Permission) -> &'static [RolePermission] {
    use RolePermission::*;
    match permission {
        Permission::AdvancedHuntingRead
        | Permission::AdvancedQueryRead
        | Permission::AlertRead
        | Permission::ChangeRead
        | Permission::HuntingFunctionRead
        | Permission::ThreatHuntingRead
        | Permission::FileRead
        | Permission::IncidentRead
        | Permission::IpRead
        | Permission::MachineRead
        | Permission::SecurityAlertRead
        | Permission::SecurityIncidentRead
        | Permission::UrlRead
        | Permission::UserRead => &[ViewData],
        Permission::AlertReadWrite
        | Permission::IncidentReadWrite
        | Permission::SecurityAlertReadWrite
        | Permission::SecurityIncidentReadWrite => &[InvestigateAlerts],
        Permission::TiReadWrite => &[ManageSecuritySettings],
        Permission::AuditLogRead | Permission::ManagementRead | Permission::ManagementReadWrite => {
            &[ManageSystemSettings]
        }
        Permission::EventWrite | Permission::TiReadWriteAll => &[],
        Permission::HuntingFunctionReadWrite => &[ManageSecuritySettings],
        Permission::LakeRead => &[ViewData, ManageSecuritySettings],
        Permission::LakeReadWrite => &[ManageSecuritySettings],
        Permission::MachineReadWrite => &[InvestigateAlerts, ManageSecuritySettings],
        Permission::MachineCollectForensics => &[InvestigateAlerts],
        Permission::ActionApprove
        | Permission::MachineIsolate
        | Permission::MachineRestrictExecution
        | Permission::MachineScan
        | Permission::MachineStopAndQuarantine => &[RemediateDevices],
        // Commands that change something take more: `CHANGING_LIVE_RESPONSE`.
        Permission::MachineLiveResponse => &[LiveResponseBasic, LiveResponseAdvanced],
        Permission::LibraryManage => &[LiveResponseAdvanced],
        Permission::MachineOffboard => &[Administer],
        Permission::ActionManage => &[ManageSecuritySettings],
        Permission::DeviceEnrol => &[ManageSystemSettings],
    }
}

/// Whether what the permission is for belongs to the whole tenant and to no device: app grants that are limited to
/// device groups do not reach it.
pub fn is_tenant_wide(permission: Permission) -> bool {
    match permission {
        Permission::ActionManage
        | Permission::AuditLogRead
        | Permission::DeviceEnrol
        | Permission::EventWrite
        | Permission::HuntingFunctionRead
        | Permission::HuntingFunctionReadWrite
        | Permission::LakeRead
        | Permission::LakeReadWrite
        | Permission::LibraryManage
        | Permission::ManagementRead
        | Permission::ManagementReadWrite
        | Permission::TiReadWrite
        | Permission::TiReadWriteAll => true,
        Permission::ActionApprove
        | Permission::AdvancedHuntingRead
        | Permission::AdvancedQueryRead
        | Permission::AlertRead
        | Permission::AlertReadWrite
        | Permission::MachineCollectForensics
        | Permission::MachineIsolate
        | Permission::MachineLiveResponse
        | Permission::MachineOffboard
        | Permission::MachineRead
        | Permission::MachineReadWrite
        | Permission::ChangeRead
        | Permission::MachineRestrictExecution
        | Permission::MachineScan
        | Permission::MachineStopAndQuarantine
        | Permission::ThreatHuntingRead
        | Permission::FileRead
        | Permission::IncidentRead
        | Permission::IncidentReadWrite
        | Permission::IpRead
        | Permission::SecurityAlertRead
        | Permission::SecurityAlertReadWrite
        | Permission::SecurityIncidentRead
        | Permission::SecurityIncidentReadWrite
        | Permission::UrlRead
        | Permission::UserRead => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::PERMISSIONS;

    #[test]
    fn every_role_permission_is_declared_once_and_the_administrator_has_them_all() {
        let administrator = built_in("Administrator").unwrap();
        assert_eq!(administrator.permissions.len(), ROLE_PERMISSIONS.len());
        for permission in administrator.permissions {
            assert_eq!(permission.declaration().permission, *permission);
            assert_eq!(RolePermission::from_name(&permission.name().to_lowercase()), Some(*permission));
        }
        let others = BUILT_IN_ROLES.iter().filter(|role| role.id != ADMINISTRATOR);
        assert!(others.clone().all(|role| !role.permissions.contains(&RolePermission::Administer)));
        assert_eq!(others.count(), 2);
    }

    #[test]
    fn users_can_have_what_has_a_delegated_name_and_nothing_else() {
        for declared in PERMISSIONS {
            let is_delegated = declared.delegated.is_some();
            assert_eq!(!needed_for(declared.permission).is_empty(), is_delegated, "{declared:?}");
        }
    }
}
