//! Which event of auditd becomes which row.

use model::{Ticks, tables};

use super::codes::{Address, kind_number};
use super::event::{Facts, File};
use super::fill::{
    fill_account, fill_actor, fill_command, fill_connection, fill_file, fill_group, fill_logoff, fill_logon,
    fill_module, fill_process, note_files,
};
use crate::cache::{ProcessCache, Recorder};
use crate::draft::Draft;
use crate::event::Event;
use crate::json::Json;
use crate::mapper::report_id;
use crate::values::plain;
use crate::{Mapped, Refusal};

/// How events of one kind become rows.
struct Rule {
    table: &'static str,
    action: &'static str,
    fill: fn(&mut Draft<'_, '_>, &Facts<'_>),
}

const fn rule(table: &'static str, action: &'static str, fill: fn(&mut Draft<'_, '_>, &Facts<'_>)) -> Rule {
    Rule { table, action, fill }
}

const PROCESSES: &str = "DeviceProcessEvents";
const NETWORK: &str = "DeviceNetworkEvents";
const FILES: &str = "DeviceFileEvents";
const LOGONS: &str = "DeviceLogonEvents";
const OTHERS: &str = "DeviceEvents";

/// Records that say what an event is, whatever else it holds; the first one in this list decides.
static RECORDS: &[(&str, Rule)] = &[
    ("SECCOMP", rule(OTHERS, "SeccompViolation", fill_actor)),
    ("KERN_MODULE", rule(OTHERS, "DriverLoad", fill_module)),
    ("USER_LOGIN", rule(LOGONS, "LogonSuccess", fill_logon)),
    ("USER_AUTH", rule(LOGONS, "LogonSuccess", fill_logon)),
    ("USER_START", rule(LOGONS, "LogonSuccess", fill_logon)),
    ("USER_END", rule(LOGONS, "Logoff", fill_logoff)),
    ("USER_LOGOUT", rule(LOGONS, "Logoff", fill_logoff)),
    ("ADD_USER", rule(OTHERS, "UserAccountCreated", fill_account)),
    ("DEL_USER", rule(OTHERS, "UserAccountDeleted", fill_account)),
    ("USER_MGMT", rule(OTHERS, "UserAccountModified", fill_account)),
    ("ACCT_LOCK", rule(OTHERS, "UserAccountModified", fill_account)),
    ("ACCT_UNLOCK", rule(OTHERS, "UserAccountModified", fill_account)),
    ("ADD_GROUP", rule(OTHERS, "SecurityGroupCreated", fill_group)),
    ("DEL_GROUP", rule(OTHERS, "SecurityGroupDeleted", fill_group)),
    ("USER_CHAUTHTOK", rule(OTHERS, "PasswordChangeAttempt", fill_account)),
    ("USER_CMD", rule(OTHERS, "UserCommand", fill_command)),
    ("SERVICE_START", rule(OTHERS, "ServiceStateChanged", fill_actor)),
    ("SERVICE_STOP", rule(OTHERS, "ServiceStateChanged", fill_actor)),
    ("CONFIG_CHANGE", rule(OTHERS, "AuditPolicyModification", fill_actor)),
];

/// System calls that did what they were asked to.
static CALLS: &[(&str, Rule)] = &[
    ("execve", rule(PROCESSES, "ProcessCreated", fill_process)),
    ("execveat", rule(PROCESSES, "ProcessCreated", fill_process)),
    ("accept", rule(NETWORK, "InboundConnectionAccepted", fill_connection)),
    ("accept4", rule(NETWORK, "InboundConnectionAccepted", fill_connection)),
    ("init_module", rule(OTHERS, "DriverLoad", fill_module)),
    ("finit_module", rule(OTHERS, "DriverLoad", fill_module)),
];

static CONNECT: Rule = rule(NETWORK, "", fill_connection);
static FILE: Rule = rule(FILES, "", fill_file);

/// Makes a row of an event, or names it as one that no rule covers.
pub(super) fn map(
    event: &Event<'_>,
    facts: &Facts<'_>,
    time: Ticks,
    device: &str,
    cache: &mut ProcessCache,
) -> Result<Mapped, Refusal> {
    let found = find(event, facts);
    let found = found.and_then(|(rule, action, kind)| Some((rule, tables::find(rule.table)?, action, kind)));
    let Some((rule, table, action, kind)) = found else {
        return Ok(Mapped::Unmapped { kind: kind_of(event, facts) });
    };
    if device.is_empty() {
        return Err(Refusal::bad_value("node", "the name of the device, and is missing"));
    }
    let mut draft = Draft::new(table, event, time, device);
    if let Some(number) = kind_number(kind) {
        draft.note("SourceEventId", Json::Int(number));
    }
    draft.note_text("AuditType", Some(kind));
    draft.action(action);
    (rule.fill)(&mut draft, facts);
    note_files(&mut draft, facts);
    draft.complete_initiating(&[], cache);
    if rule.table == PROCESSES {
        draft.remember_process("", Recorder::Auditd, cache);
    }
    Ok(Mapped::Row(Box::new(draft.finish(report_id(event.record_id, &[])))))
}

/// The rule of an event, its action and the record that decided.
fn find<'e>(event: &Event<'_>, facts: &Facts<'e>) -> Option<(&'static Rule, &'static str, &'e str)> {
    static DENIED_BY_SELINUX: Rule = rule(OTHERS, "SelinuxDenial", fill_actor);
    static DENIED_BY_APPARMOR: Rule = rule(OTHERS, "ApparmorDenial", fill_actor);
    static ANOMALY: Rule = rule(OTHERS, "AuditAnomaly", fill_actor);
    let decided = |rule: &'static Rule, kind| Some((rule, rule.action, kind));
    if let Some(kind) = facts.kinds.iter().copied().find(|kind| matches!(*kind, "AVC" | "USER_AVC")) {
        match (event.get("apparmor"), event.get("result")) {
            (Some("DENIED"), _) => return decided(&DENIED_BY_APPARMOR, kind),
            (None, Some("denied")) => return decided(&DENIED_BY_SELINUX, kind),
            _ => {}
        }
    }
    if let Some(kind) = facts.kinds.iter().copied().find(|kind| kind.starts_with("ANOM_")) {
        return decided(&ANOMALY, kind);
    }
    for (kind, rule) in RECORDS {
        if let Some(kind) = facts.kinds.iter().copied().find(|known| known == kind) {
            return decided(rule, kind);
        }
    }
    let kind = facts.kinds.iter().copied().find(|kind| is_call(kind))?;
    let call = facts.syscall.as_deref()?;
    if call == "connect" || is_socketcall(event, 3) {
        let is_ip = matches!(facts.address, Some(Address::Ip(..)));
        return is_ip.then_some((&CONNECT, connect_action(event), kind));
    }
    if event.get("success") != Some("yes") {
        return None;
    }
    if let Some((_, rule)) = CALLS.iter().find(|(name, _)| *name == call) {
        let is_local = rule.table == NETWORK && !matches!(facts.address, Some(Address::Ip(..)));
        return if is_local { None } else { decided(rule, kind) };
    }
    file_action(event, call, &facts.files).map(|action| (&FILE, action, kind))
}

/// Records of system calls; some agents write all that belongs to one into one record.
fn is_call(kind: &str) -> bool {
    kind == "SYSCALL" || kind.starts_with("AUOMS_")
}

/// On x86 one system call stood for all that concerns sockets, by its first argument.
fn is_socketcall(event: &Event<'_>, which: i64) -> bool {
    let is_x86 = event.get("arch") == Some("40000003") && event.get("syscall") == Some("102");
    is_x86 && argument(event, "a0") == Some(which)
}

/// `auditd/CRED_ACQ`, `auditd/SYSCALL openat`, and whether it failed.
fn kind_of(event: &Event<'_>, facts: &Facts<'_>) -> String {
    let main = facts.kinds.iter().find(|kind| is_call(kind));
    let Some(kind) = main.or(facts.kinds.first()) else { return "auditd".to_owned() };
    let kind = plain(kind);
    match facts.syscall.as_deref().filter(|_| main.is_some()) {
        Some(call) if event.get("success") == Some("no") => format!("auditd/{kind} {call} failed"),
        Some(call) => format!("auditd/{kind} {call}"),
        None => format!("auditd/{kind}"),
    }
}

fn connect_action(event: &Event<'_>) -> &'static str {
    /// `EINPROGRESS`: the answer comes later.
    const IN_PROGRESS: &str = "-115";
    match (event.get("success"), event.get("exit")) {
        (Some("yes"), _) => "ConnectionSuccess",
        (_, Some(IN_PROGRESS | "EINPROGRESS")) => "ConnectionRequest",
        _ => "ConnectionFailed",
    }
}

/// What happened to a file, as far as it changed.
fn file_action(event: &Event<'_>, call: &str, files: &[File<'_>]) -> Option<&'static str> {
    let has = |role| files.iter().any(|file| file.role == role);
    match (has("DELETE"), has("CREATE")) {
        (true, _) if call.starts_with("rename") => Some("FileRenamed"),
        (false, true) => Some("FileCreated"),
        (true, false) => Some("FileDeleted"),
        (true, true) => Some("FileCreated"),
        (false, false) => {
            let flags = match call {
                "open" => argument(event, "a1"),
                "openat" => argument(event, "a2"),
                "truncate" => Some(WRITE_ONLY),
                _ => None,
            };
            let is_written = flags.is_some_and(|flags| flags & (WRITE_ONLY | READ_WRITE | TRUNCATE) != 0);
            (is_written && has("NORMAL")).then_some("FileModified")
        }
    }
}

const WRITE_ONLY: i64 = 0o1;
const READ_WRITE: i64 = 0o2;
const TRUNCATE: i64 = 0o1000;

/// An argument of a system call, which is written in hexadecimal without a prefix.
fn argument(event: &Event<'_>, field: &str) -> Option<i64> {
    u64::from_str_radix(event.get(field)?, 16).ok().map(u64::cast_signed)
}
