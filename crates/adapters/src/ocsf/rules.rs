//! Which class and activity becomes which row.

use std::borrow::Cow;

use model::Ticks;

use crate::cache::{ProcessCache, Recorder};
use crate::draft::{Draft, Move, file_name, id, ip, lower, number, port, text, with};
use crate::json::{Json, get};
use crate::values::{self, present};

/// How events of one class and activity become rows.
pub(super) struct Rule {
    class: i64,
    activity: i64,
    pub table: &'static str,
    /// Empty when the event's own values decide it.
    pub action: &'static str,
    pub moves: &'static [&'static [Move]],
    pub refine: fn(&mut Draft<'_, '_>),
    pub relate: fn(&mut Draft<'_, '_>, &mut ProcessCache),
}

pub(super) fn find(class: i64, activity: i64) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.class == class && rule.activity == activity)
}

type Moves = &'static [&'static [Move]];

const fn rule(class: i64, activity: i64, table: &'static str, action: &'static str, moves: Moves) -> Rule {
    Rule { class, activity, table, action, moves, refine: |_| {}, relate: |_, _| {} }
}

impl Rule {
    const fn refine(self, refine: fn(&mut Draft<'_, '_>)) -> Rule {
        Rule { refine, ..self }
    }

    const fn relate(self, relate: fn(&mut Draft<'_, '_>, &mut ProcessCache)) -> Rule {
        Rule { relate, ..self }
    }
}

const PROCESSES: &str = "DeviceProcessEvents";
const NETWORK: &str = "DeviceNetworkEvents";
const FILES: &str = "DeviceFileEvents";
const IMAGES: &str = "DeviceImageLoadEvents";
const REGISTRY: &str = "DeviceRegistryEvents";
const LOGONS: &str = "DeviceLogonEvents";
const OTHERS: &str = "DeviceEvents";

static RULES: &[Rule] = &[
    // File System Activity
    rule(1001, 1, FILES, "FileCreated", FILE_MOVES).refine(|draft| set_hashes(draft, "file.hashes")),
    rule(1001, 3, FILES, "FileModified", FILE_MOVES).refine(|draft| set_hashes(draft, "file.hashes")),
    rule(1001, 4, FILES, "FileDeleted", FILE_MOVES).refine(|draft| set_hashes(draft, "file.hashes")),
    rule(1001, 5, FILES, "FileRenamed", &[RENAMED_FILE, ACTOR])
        .refine(|draft| set_hashes(draft, "file_result.hashes")),
    // Kernel Extension Activity
    rule(1002, 1, OTHERS, "DriverLoad", &[DRIVER, ACTOR])
        .refine(|draft| set_hashes(draft, "driver.file.hashes")),
    // Module Activity
    rule(1005, 1, IMAGES, "ImageLoaded", &[MODULE, ACTOR])
        .refine(|draft| set_hashes(draft, "module.file.hashes")),
    // Scheduled Job Activity
    rule(1006, 1, OTHERS, "ScheduledTaskCreated", &[ACTOR]).refine(note_task),
    rule(1006, 2, OTHERS, "ScheduledTaskUpdated", &[ACTOR]).refine(note_task),
    rule(1006, 3, OTHERS, "ScheduledTaskDeleted", &[ACTOR]).refine(note_task),
    rule(1006, 4, OTHERS, "ScheduledTaskEnabled", &[ACTOR]).refine(note_task),
    rule(1006, 5, OTHERS, "ScheduledTaskDisabled", &[ACTOR]).refine(note_task),
    // Process Activity
    rule(1007, 1, PROCESSES, "ProcessCreated", &[PROCESS, CREATED_PROCESS, PARENT, ACTOR])
        .refine(refine_process)
        .relate(|draft, cache| draft.remember_process("", Recorder::Ocsf, cache)),
    rule(1007, 2, OTHERS, "ProcessTerminated", &[PROCESS, ACTOR]).relate(|draft, cache| {
        if let Some(id) = draft.value("process.pid").and_then(values::number) {
            cache.end(draft.device, id, draft.time);
        }
    }),
    rule(1007, 3, OTHERS, "OpenProcessApiCall", &[PROCESS, ACTOR]),
    rule(1007, 4, OTHERS, "CreateRemoteThreadApiCall", &[PROCESS, ACTOR]),
    // Script Activity
    rule(1009, 1, OTHERS, "PowerShellCommand", &[ACTOR]).refine(note_script),
    // Account Change
    rule(3001, 1, OTHERS, "UserAccountCreated", &[ACCOUNT, ACTOR]),
    rule(3001, 2, OTHERS, "UserAccountModified", &[ACCOUNT, ACTOR]),
    rule(3001, 3, OTHERS, "PasswordChangeAttempt", &[ACCOUNT, ACTOR]),
    rule(3001, 4, OTHERS, "PasswordChangeAttempt", &[ACCOUNT, ACTOR]),
    rule(3001, 5, OTHERS, "UserAccountModified", &[ACCOUNT, ACTOR]),
    rule(3001, 6, OTHERS, "UserAccountDeleted", &[ACCOUNT, ACTOR]),
    // Authentication
    rule(3002, 1, LOGONS, "", &[ACCOUNT, LOGON, ACTOR]).refine(refine_logon),
    rule(3002, 2, LOGONS, "Logoff", &[ACCOUNT, LOGON, ACTOR]),
    rule(3002, 3, OTHERS, "KerberosTgtRequest", &[ACCOUNT, SOURCE, ACTOR]),
    rule(3002, 4, OTHERS, "KerberosServiceTicketRequest", &[ACCOUNT, SOURCE, ACTOR]),
    // Group Management
    rule(3006, 3, OTHERS, "UserAccountAddedToLocalGroup", &[ACCOUNT, ACTOR]).refine(note_group),
    rule(3006, 4, OTHERS, "UserAccountRemovedFromLocalGroup", &[ACCOUNT, ACTOR]).refine(note_group),
    rule(3006, 5, OTHERS, "SecurityGroupDeleted", &[ACTOR]).refine(note_group),
    rule(3006, 6, OTHERS, "SecurityGroupCreated", &[ACTOR]).refine(note_group),
    // Network Activity
    rule(4001, 1, NETWORK, "", &[CONNECTION, ACTOR]).refine(refine_opened),
    rule(4001, 4, NETWORK, "ConnectionFailed", &[CONNECTION, ACTOR]).refine(set_ends),
    rule(4001, 5, NETWORK, "ConnectionFailed", &[CONNECTION, ACTOR]).refine(set_ends),
    rule(4001, 7, NETWORK, "ListeningConnectionCreated", &[CONNECTION, ACTOR]).refine(|draft| {
        set_end(
            draft,
            LOCAL,
            if draft.value("dst_endpoint.port").is_some() { "dst_endpoint" } else { "src_endpoint" },
        );
    }),
    // DNS Activity
    rule(4003, 1, OTHERS, "DnsQueryRequest", &[ACTOR]).refine(note_query),
    rule(4003, 2, OTHERS, "DnsQueryResponse", &[ACTOR]).refine(note_query),
    // Registry Key and Value Activity of the extension for Windows
    rule(201_001, 1, REGISTRY, "RegistryKeyCreated", &[KEY, ACTOR]),
    rule(201_001, 4, REGISTRY, "RegistryKeyDeleted", &[KEY, ACTOR]),
    rule(201_001, 5, REGISTRY, "RegistryKeyRenamed", &[KEY, PREVIOUS_KEY, ACTOR]),
    rule(201_002, 2, REGISTRY, "RegistryValueSet", &[VALUE, ACTOR]),
    rule(201_002, 3, REGISTRY, "RegistryValueSet", &[VALUE, ACTOR]),
    rule(201_002, 4, REGISTRY, "RegistryValueDeleted", &[VALUE, ACTOR]),
    // Windows Service Activity
    rule(201_004, 1, OTHERS, "ServiceInstalled", &[SERVICE, ACTOR]),
];

const FILE_MOVES: Moves = &[FILE, ACTOR];

/// Who did it; the user of the process is known better than the one of the session.
static ACTOR: &[Move] = &[
    lower("actor.user.name", "InitiatingProcessAccountName"),
    lower("actor.user.domain", "InitiatingProcessAccountDomain"),
    sid("actor.user.uid", "InitiatingProcessAccountSid"),
    lower("actor.process.user.name", "InitiatingProcessAccountName"),
    lower("actor.process.user.domain", "InitiatingProcessAccountDomain"),
    sid("actor.process.user.uid", "InitiatingProcessAccountSid"),
    number("actor.process.pid", "InitiatingProcessId"),
    text("actor.process.cmd_line", "InitiatingProcessCommandLine"),
    time("actor.process.created_time", "InitiatingProcessCreationTime"),
    text("actor.process.integrity", "InitiatingProcessIntegrityLevel"),
    lower("actor.process.file.path", "InitiatingProcessFolderPath"),
    text("actor.process.name", "InitiatingProcessFileName"),
    file_name("actor.process.file.path", "InitiatingProcessFileName"),
    number("actor.process.parent_process.pid", "InitiatingProcessParentId"),
    file_name("actor.process.parent_process.file.path", "InitiatingProcessParentFileName"),
];

static PROCESS: &[Move] = &[
    number("process.pid", "ProcessId"),
    text("process.cmd_line", "ProcessCommandLine"),
    time("process.created_time", "ProcessCreationTime"),
    text("process.file.path", "FolderPath"),
    text("process.name", "FileName"),
    text("process.file.name", "FileName"),
    file_name("process.file.path", "FileName"),
    lower("process.user.name", "AccountName"),
    lower("process.user.domain", "AccountDomain"),
    sid("process.user.uid", "AccountSid"),
];

static CREATED_PROCESS: &[Move] = &[
    text("process.integrity", "ProcessIntegrityLevel"),
    text("process.file.product.name", "ProcessVersionInfoProductName"),
    text("process.file.version", "ProcessVersionInfoProductVersion"),
    text("process.file.company_name", "ProcessVersionInfoCompanyName"),
    text("process.file.desc", "ProcessVersionInfoFileDescription"),
    id("process.session.uid", "LogonId"),
];

/// Who started it, where the actor is another or is not told.
static PARENT: &[Move] = &[
    number("process.parent_process.pid", "InitiatingProcessId"),
    text("process.parent_process.cmd_line", "InitiatingProcessCommandLine"),
    lower("process.parent_process.file.path", "InitiatingProcessFolderPath"),
    text("process.parent_process.name", "InitiatingProcessFileName"),
    file_name("process.parent_process.file.path", "InitiatingProcessFileName"),
];

static FILE: &[Move] = &[
    text("file.path", "FolderPath"),
    text("file.name", "FileName"),
    file_name("file.path", "FileName"),
    number("file.size", "FileSize"),
];

static RENAMED_FILE: &[Move] = &[
    text("file.path", "PreviousFolderPath"),
    text("file.name", "PreviousFileName"),
    file_name("file.path", "PreviousFileName"),
    text("file_result.path", "FolderPath"),
    text("file_result.name", "FileName"),
    file_name("file_result.path", "FileName"),
];

static DRIVER: &[Move] = &[text("driver.file.path", "FolderPath"), file_name("driver.file.path", "FileName")];

static MODULE: &[Move] = &[text("module.file.path", "FolderPath"), file_name("module.file.path", "FileName")];

/// Whom it was about.
static ACCOUNT: &[Move] = &[
    lower("user.name", "AccountName"),
    lower("user.domain", "AccountDomain"),
    sid("user.uid", "AccountSid"),
];

static LOGON: &[Move] = &[
    with("logon_type_id", "LogonType", |text| present(text).map(values::logon_type).into()),
    text("auth_protocol", "Protocol"),
    ip("src_endpoint.ip", "RemoteIP"),
    port("src_endpoint.port", "RemotePort"),
    text("src_endpoint.hostname", "RemoteDeviceName"),
    id("session.uid", "LogonId"),
];

static SOURCE: &[Move] = &[ip("src_endpoint.ip", "RemoteIP"), port("src_endpoint.port", "RemotePort")];

static CONNECTION: &[Move] = &[with("connection_info.protocol_name", "Protocol", |text| {
    present(text).map(|text| values::protocol(text).into_owned()).into()
})];

static KEY: &[Move] = &[key("reg_key.path", "RegistryKey")];

static PREVIOUS_KEY: &[Move] = &[key("prev_reg_key.path", "PreviousRegistryKey")];

static VALUE: &[Move] = &[
    key("reg_value.path", "RegistryKey"),
    text("reg_value.name", "RegistryValueName"),
    text("reg_value.data", "RegistryValueData"),
    with("reg_value.type", "RegistryValueType", |text| present(text).map(value_type).into()),
    key("prev_reg_value.path", "PreviousRegistryKey"),
    text("prev_reg_value.name", "PreviousRegistryValueName"),
    text("prev_reg_value.data", "PreviousRegistryValueData"),
];

static SERVICE: &[Move] = &[
    text("win_service.cmd_line", "FolderPath"),
    with("win_service.cmd_line", "FileName", |text| {
        present(text).map(|text| values::file_name(values::command_program(text))).into()
    }),
];

/// Only identifiers of Windows are SIDs; others stay where they are.
const fn sid(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| present(text).filter(|text| text.starts_with("S-")).map(|_| text).into())
}

const fn time(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| {
        let time = values::number(text).and_then(Ticks::from_unix_millis);
        time.filter(|time| time.unix_nanos().is_some()).into()
    })
}

const fn key(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| present(text).map(|text| values::registry_path(text).into_owned()).into())
}

/// A type of registry values, which the tables name in another way.
fn value_type(name: &str) -> &str {
    match name {
        "REG_SZ" => "String",
        "REG_EXPAND_SZ" => "ExpandString",
        "REG_MULTI_SZ" => "MultiString",
        "REG_BINARY" => "Binary",
        "REG_DWORD" => "Dword",
        "REG_QWORD" | "REG_QWORD_LITTLE_ENDIAN" => "Qword",
        name => name,
    }
}

fn refine_process(draft: &mut Draft<'_, '_>) {
    draft.set_if_empty("ProcessCreationTime", draft.time);
    draft.set("InitiatingProcessSignerType", "Unknown");
    draft.set("InitiatingProcessSignatureStatus", "Unknown");
    draft.note_text("ProcessCurrentWorkingDirectory", draft.value("process.working_directory"));
    set_hashes(draft, "process.file.hashes");
}

/// Hashes are a list; an algorithm is known by its number, or else by its name.
fn set_hashes(draft: &mut Draft<'_, '_>, field: &str) {
    let Some(Json::List(hashes)) = draft.event.json(field) else { return };
    for hash in hashes {
        let Json::Object(hash) = hash else { continue };
        let text = |name| match get(hash, name) {
            Some(Json::Text(text)) => Some(&**text),
            _ => None,
        };
        let named = text("algorithm").map(|name| name.replace('-', "").to_ascii_uppercase());
        let (column, digits) = match (get(hash, "algorithm_id"), named.as_deref()) {
            (Some(Json::Int(1)), _) | (_, Some("MD5")) => ("MD5", 32),
            (Some(Json::Int(2)), _) | (_, Some("SHA1")) => ("SHA1", 40),
            (Some(Json::Int(3)), _) | (_, Some("SHA256")) => ("SHA256", 64),
            _ => continue,
        };
        let digest = text("value").and_then(|value| values::hash(&format!("X={value}"), "X", digits));
        draft.set(column, digest);
    }
}

fn refine_logon(draft: &mut Draft<'_, '_>) {
    /// `status_id` of a failure.
    const FAILURE: &str = "2";
    let is_failure = draft.value("status_id") == Some(FAILURE);
    draft.action(if is_failure { "LogonFailed" } else { "LogonSuccess" });
    if is_failure {
        draft.set("FailureReason", draft.value("status_detail"));
    }
    let address = draft.value("src_endpoint.ip").and_then(values::ip);
    draft.set("RemoteIPType", address.map(values::ip_type));
    draft.note("IsLocalLogon", Json::Bool(address.is_none_or(|address| address.is_loopback())));
}

/// `direction_id` of a connection that another device opened.
const INBOUND: &str = "1";

fn is_inbound(draft: &Draft<'_, '_>) -> bool {
    draft.value("connection_info.direction_id") == Some(INBOUND)
}

fn refine_opened(draft: &mut Draft<'_, '_>) {
    draft.action(if is_inbound(draft) { "InboundConnectionAccepted" } else { "ConnectionSuccess" });
    set_ends(draft);
}

const LOCAL: [&str; 3] = ["LocalIP", "LocalIPType", "LocalPort"];
const REMOTE: [&str; 3] = ["RemoteIP", "RemoteIPType", "RemotePort"];

fn set_ends(draft: &mut Draft<'_, '_>) {
    let (local, remote) = match is_inbound(draft) {
        true => ("dst_endpoint", "src_endpoint"),
        false => ("src_endpoint", "dst_endpoint"),
    };
    set_end(draft, LOCAL, local);
    set_end(draft, REMOTE, remote);
    if !is_inbound(draft) {
        let name = draft.value("dst_endpoint.hostname").or_else(|| draft.value("dst_endpoint.domain"));
        draft.set("RemoteUrl", name);
    }
}

fn set_end(draft: &mut Draft<'_, '_>, [ip, kind, port]: [&str; 3], end: &str) {
    let address = draft.value(&format!("{end}.ip")).and_then(values::ip);
    let number = draft.value(&format!("{end}.port")).and_then(values::number);
    draft.set(ip, address.map(|address| address.to_string()));
    draft.set(kind, address.map(values::ip_type));
    draft.set(port, number.filter(|port| (0..=65_535).contains(port)));
}

fn note_task(draft: &mut Draft<'_, '_>) {
    draft.note_text("TaskName", draft.value("job.name"));
}

/// The text has been an object with its length since version 1.1.
fn note_script(draft: &mut Draft<'_, '_>) {
    let script = draft.value("script.script_content.value").or_else(|| draft.value("script.script_content"));
    draft.note_text("ScriptBlockText", script);
}

fn note_group(draft: &mut Draft<'_, '_>) {
    draft.note_text("GroupName", draft.value("group.name"));
    draft.note_text("GroupDomainName", draft.value("group.domain"));
    draft.note_text("GroupSid", draft.value("group.uid"));
}

fn note_query(draft: &mut Draft<'_, '_>) {
    draft.note_text("DnsQueryString", draft.value("query.hostname"));
    let Some(Json::List(answers)) = draft.event.json("answers") else { return };
    let member =
        |key: &'static str, value: Option<&Json<'_>>| Some((Cow::Borrowed(key), value?.clone().into_owned()));
    let answers = answers.iter().filter_map(|answer| {
        let Json::Object(answer) = answer else { return None };
        let members = [member("Result", get(answer, "rdata")), member("DnsQueryType", get(answer, "type"))];
        Some(Json::Object(members.into_iter().flatten().collect()))
    });
    draft.note("DnsQueryResult", Json::List(answers.collect()));
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn rules_are_unique_and_name_tables_and_columns_that_exist() {
        let mut seen = HashSet::new();
        for rule in RULES {
            assert!(seen.insert((rule.class, rule.activity)), "{}/{}", rule.class, rule.activity);
            let table = model::tables::find(rule.table).unwrap();
            for column in rule.moves.iter().flat_map(|block| block.iter()).map(|entry| entry.column) {
                let is_known = table.position(column).is_some() || column.starts_with("InitiatingProcess");
                assert!(is_known, "{column} is not a column of {}", table.name);
            }
        }
    }
}
