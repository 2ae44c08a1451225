//! DeviceProcessEvents: process starts.

use model::Cell;

use super::{Mapping, mapping, note_imphash};
use crate::cache::Recorder;
use crate::draft::{Draft, HASHES, Move, SUBJECT, domain, file_name, lower, name, number, text, with};
use crate::event::Channel;
use crate::values::{self, present};

const TABLE: &str = "DeviceProcessEvents";

pub(super) static MAPPINGS: &[Mapping] = &[
    mapping(Channel::Sysmon, 1, TABLE, "ProcessCreated")
        .moves(&[SYSMON, HASHES, PARENT])
        .initiating_guid(&["ParentProcessGuid"])
        .refine(refine_sysmon)
        .relate(|draft, cache| draft.remember_process("ProcessGuid", Recorder::Sysmon, cache)),
    mapping(Channel::Security, 4688, TABLE, "ProcessCreated")
        .moves(&[AUDIT, SUBJECT])
        .initiating_guid(&[])
        .refine(refine_audit)
        .relate(|draft, cache| draft.remember_process("", Recorder::SecurityAudit, cache)),
];

static SYSMON: &[Move] = &[
    number("ProcessId", "ProcessId"),
    text("Image", "FolderPath"),
    file_name("Image", "FileName"),
    text("CommandLine", "ProcessCommandLine"),
    version("FileVersion", "ProcessVersionInfoProductVersion"),
    version("Product", "ProcessVersionInfoProductName"),
    version("Company", "ProcessVersionInfoCompanyName"),
    version("Description", "ProcessVersionInfoFileDescription"),
    version("OriginalFileName", "ProcessVersionInfoOriginalFileName"),
    integrity("IntegrityLevel", "ProcessIntegrityLevel"),
    domain("User", "AccountDomain"),
    name("User", "AccountName"),
    number("LogonId", "LogonId"),
    with("TerminalSessionId", "CreatedProcessSessionId", |text| {
        values::number(text).filter(|id| *id != i64::from(u32::MAX)).into()
    }),
];

static PARENT: &[Move] = &[
    number("ParentProcessId", "InitiatingProcessId"),
    lower("ParentImage", "InitiatingProcessFolderPath"),
    file_name("ParentImage", "InitiatingProcessFileName"),
    text("ParentCommandLine", "InitiatingProcessCommandLine"),
    domain("ParentUser", "InitiatingProcessAccountDomain"),
    name("ParentUser", "InitiatingProcessAccountName"),
];

static AUDIT: &[Move] = &[
    number("NewProcessId", "ProcessId"),
    text("NewProcessName", "FolderPath"),
    file_name("NewProcessName", "FileName"),
    text("CommandLine", "ProcessCommandLine"),
    with("TokenElevationType", "ProcessTokenElevation", |text| values::token_elevation(text).into()),
    integrity("MandatoryLabel", "ProcessIntegrityLevel"),
    number("ProcessId", "InitiatingProcessId"),
    lower("ParentProcessName", "InitiatingProcessFolderPath"),
    file_name("ParentProcessName", "InitiatingProcessFileName"),
];

/// Version texts also say `?` for "none".
const fn version(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| present(text).filter(|text| *text != "?").map(|_| text).into())
}

const fn integrity(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| present(text).and_then(values::integrity).into())
}

fn refine_sysmon(draft: &mut Draft<'_, '_>) {
    draft.set("ProcessCreationTime", draft.time);
    draft.set("InitiatingProcessSignerType", "Unknown");
    draft.set("InitiatingProcessSignatureStatus", "Unknown");
    note_imphash(draft);
    draft.note_text("ProcessCurrentWorkingDirectory", draft.value("CurrentDirectory"));
    if draft.event.is_linux() {
        draft.set_if_empty("AccountDomain", draft.device);
        draft.set("ProcessTokenElevation", "None");
    }
}

/// The new process runs as the target where the event names one, and as the subject otherwise.
fn refine_audit(draft: &mut Draft<'_, '_>) {
    draft.set("ProcessCreationTime", draft.time);
    draft.set("InitiatingProcessSignerType", "Unknown");
    draft.set("InitiatingProcessSignatureStatus", "Unknown");
    let has_target = draft.value("TargetUserName").is_some();
    let [domain, name, sid, logon_id] = if has_target {
        ["TargetDomainName", "TargetUserName", "TargetUserSid", "TargetLogonId"]
    } else {
        ["SubjectDomainName", "SubjectUserName", "SubjectUserSid", "SubjectLogonId"]
    };
    draft.set("AccountDomain", draft.value(domain).map(str::to_lowercase));
    draft.set("AccountName", draft.value(name).map(str::to_lowercase));
    draft.set("AccountSid", draft.value(sid));
    draft.set("LogonId", draft.value(logon_id).and_then(values::number).map_or(Cell::Null, Cell::Long));
}
