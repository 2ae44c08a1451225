//! Events of the Windows Security log that become rows of DeviceEvents.

use super::TABLE;
use crate::draft::{CALLER, Draft, Move, SUBJECT, file_name, id, lower, number, port, text, with};
use crate::event::Channel;
use crate::json::Json;
use crate::mappings::network::{FILTERED_PROCESS, address, is_inbound, port as port_of};
use crate::mappings::{Mapping, mapping};
use crate::values::{self, present};
use crate::xml;

pub(in crate::mappings) static MAPPINGS: &[Mapping] = &[
    security(1102, "SecurityLogCleared").moves(&[SUBJECT]),
    security(4672, "SpecialPrivilegesAssigned").moves(&[PRIVILEGED]).refine(refine_privileges),
    security(4689, "ProcessTerminated").moves(&[SUBJECT, CALLER, ENDED]).relate(|draft, cache| {
        if let Some(id) = draft.value("ProcessId").and_then(values::number) {
            cache.end(draft.device, id, draft.time);
        }
    }),
    security(4697, "ServiceInstalled").moves(&[SUBJECT, CLIENT]).refine(refine_service),
    security(4698, "ScheduledTaskCreated").moves(&[SUBJECT, CLIENT]).refine(refine_task),
    security(4699, "ScheduledTaskDeleted").moves(&[SUBJECT, CLIENT]).refine(refine_task),
    security(4700, "ScheduledTaskEnabled").moves(&[SUBJECT, CLIENT]).refine(refine_task),
    security(4701, "ScheduledTaskDisabled").moves(&[SUBJECT, CLIENT]).refine(refine_task),
    security(4702, "ScheduledTaskUpdated").moves(&[SUBJECT, CLIENT]).refine(refine_task),
    security(4719, "AuditPolicyModification").moves(&[SUBJECT]),
    security(4720, "UserAccountCreated").moves(&[SUBJECT, ACCOUNT]),
    security(4723, "PasswordChangeAttempt").moves(&[SUBJECT, ACCOUNT]),
    security(4724, "PasswordChangeAttempt").moves(&[SUBJECT, ACCOUNT]),
    security(4726, "UserAccountDeleted").moves(&[SUBJECT, ACCOUNT]),
    security(4731, "SecurityGroupCreated").moves(&[SUBJECT]).refine(note_group),
    security(4732, "UserAccountAddedToLocalGroup").moves(&[SUBJECT, MEMBER]).refine(note_group),
    security(4733, "UserAccountRemovedFromLocalGroup").moves(&[SUBJECT, MEMBER]).refine(note_group),
    security(4734, "SecurityGroupDeleted").moves(&[SUBJECT]).refine(note_group),
    security(4738, "UserAccountModified").moves(&[SUBJECT, ACCOUNT]),
    security(4768, "KerberosTgtRequest").moves(&[ACCOUNT, CLIENT_ADDRESS]),
    security(4769, "KerberosServiceTicketRequest").moves(&[ACCOUNT, CLIENT_ADDRESS]).refine(refine_upn),
    security(4771, "KerberosPreAuthFailed").moves(&[ACCOUNT, CLIENT_ADDRESS]),
    security(4776, "NtlmCredentialValidation").moves(&[
        ACCOUNT,
        &[text("Workstation", "RemoteDeviceName"), text("WorkstationName", "RemoteDeviceName")],
    ]),
    security(5025, "FirewallServiceStopped"),
    security(5031, "FirewallInboundConnectionToAppBlocked").moves(&[FILTERED_PROCESS]),
    security(5136, "DirectoryServiceObjectModified").moves(&[SUBJECT]),
    security(5137, "DirectoryServiceObjectCreated").moves(&[SUBJECT]),
    security(5140, "NetworkShareAccessed").moves(&[SUBJECT, CLIENT_ADDRESS]),
    security(5142, "NetworkShareObjectAdded").moves(&[SUBJECT]),
    security(5143, "NetworkShareObjectModified").moves(&[SUBJECT]),
    security(5144, "NetworkShareObjectDeleted").moves(&[SUBJECT]),
    security(5145, "NetworkShareObjectAccessChecked").moves(&[
        SUBJECT,
        CLIENT_ADDRESS,
        &[text("RelativeTargetName", "FileName")],
    ]),
    security(5152, "").moves(&[FILTERED_PROCESS]).refine(refine_blocked),
    security(5157, "").moves(&[FILTERED_PROCESS]).refine(refine_blocked),
    security(6416, "PnpDeviceConnected").moves(&[SUBJECT]),
];

const fn security(event_id: i64, action: &'static str) -> Mapping {
    mapping(Channel::Security, event_id, TABLE, action).initiating_guid(&[])
}

/// The account an event is about; some of them name the SID one way, some the other.
static ACCOUNT: &[Move] = &[
    lower("TargetDomainName", "AccountDomain"),
    lower("TargetUserName", "AccountName"),
    text("TargetSid", "AccountSid"),
    text("TargetUserSid", "AccountSid"),
];

/// 4672 names as subject the account that got the privileges.
static PRIVILEGED: &[Move] = &[
    lower("SubjectDomainName", "AccountDomain"),
    lower("SubjectUserName", "AccountName"),
    text("SubjectUserSid", "AccountSid"),
    number("SubjectLogonId", "LogonId"),
];

/// The member of a group, by a distinguished name where there is one.
static MEMBER: &[Move] = &[
    text("MemberSid", "AccountSid"),
    with("MemberName", "AccountName", |text| {
        present(text).and_then(common_name).map(str::to_lowercase).into()
    }),
];

static ENDED: &[Move] = &[
    number("ProcessId", "ProcessId"),
    text("ProcessName", "FolderPath"),
    file_name("ProcessName", "FileName"),
];

/// The process behind a request, in newer builds of Windows.
static CLIENT: &[Move] =
    &[id("ClientProcessId", "InitiatingProcessId"), id("ParentProcessId", "InitiatingProcessParentId")];

/// Domain controllers and shares write IPv4 addresses inside IPv6.
static CLIENT_ADDRESS: &[Move] = &[
    with("IpAddress", "RemoteIP", |text| {
        values::ip(text).map(|address| values::unmapped_ip(address).to_string()).into()
    }),
    port("IpPort", "RemotePort"),
];

/// The first `CN=` of a distinguished name.
fn common_name(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("CN=").or_else(|| name.strip_prefix("cn="))?;
    Some(rest.split(',').next().unwrap_or(rest))
}

fn refine_privileges(draft: &mut Draft<'_, '_>) {
    let Some(list) = draft.value("PrivilegeList") else { return };
    draft.note("Privileges", Json::List(list.split_whitespace().map(Json::text).collect()));
}

fn refine_service(draft: &mut Draft<'_, '_>) {
    let Some(command) = draft.value("ServiceFileName") else { return };
    draft.set("FolderPath", command);
    draft.set(
        "FileName",
        Some(values::file_name(values::command_program(command))).filter(|name| !name.is_empty()),
    );
}

/// Some collectors escape the XML of the task as if it were text in their own.
fn refine_task(draft: &mut Draft<'_, '_>) {
    for field in ["TaskContent", "TaskContentNew"] {
        let escaped = draft.event.get(field).filter(|text| text.trim_start().starts_with("&lt;"));
        draft.note_text(field, escaped.map(|text| xml::unescape(text).into_owned()));
    }
}

fn note_group(draft: &mut Draft<'_, '_>) {
    draft.note_text("GroupName", draft.value("TargetUserName"));
    draft.note_text("GroupDomainName", draft.value("TargetDomainName"));
    draft.note_text("GroupSid", draft.value("TargetSid"));
}

/// 4769 writes the account as `user@REALM`.
fn refine_upn(draft: &mut Draft<'_, '_>) {
    let Some(upn) = draft.value("TargetUserName").filter(|name| name.contains('@')) else { return };
    let (realm, name) = values::account(upn);
    draft.set("AccountName", name.to_lowercase());
    draft.set("AccountDomain", realm.map(str::to_lowercase));
    draft.note("AccountUpn", Json::text(upn));
}

fn refine_blocked(draft: &mut Draft<'_, '_>) {
    let is_inbound = is_inbound(draft);
    draft.action(if is_inbound {
        "FirewallInboundConnectionBlocked"
    } else {
        "FirewallOutboundConnectionBlocked"
    });
    let source = ("SourceAddress", "SourcePort");
    let destination = ("DestAddress", "DestPort");
    let (local, remote) = if is_inbound { (destination, source) } else { (source, destination) };
    draft.set("LocalIP", address(draft, local.0).map(|ip| ip.to_string()));
    draft.set("LocalPort", port_of(draft, local.1));
    draft.set("RemoteIP", address(draft, remote.0).map(|ip| ip.to_string()));
    draft.set("RemotePort", port_of(draft, remote.1));
}
