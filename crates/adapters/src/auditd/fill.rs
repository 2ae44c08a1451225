//! How the columns of a row are filled from an event of auditd.

use std::borrow::Cow;

use model::Cell;

use super::codes::Address;
use super::event::{Facts, File, command_line};
use crate::draft::{Draft, Move, ip, number, with};
use crate::event::Event;
use crate::json::Json;
use crate::values::{self, present};

/// The folder that relative paths begin at, as the first argument of calls such as `openat`.
const AT_CURRENT_FOLDER: &str = "ffffff9c";

/// The process behind an event.
static ACTOR: &[Move] = &[
    with("exe", "InitiatingProcessFolderPath", |exe| program(exe).map(str::to_lowercase).into()),
    with("exe", "InitiatingProcessFileName", |exe| program(exe).map(values::file_name).into()),
    number("pid", "InitiatingProcessId"),
    number("ppid", "InitiatingProcessParentId"),
];

static CREATED: &[Move] = &[
    number("pid", "ProcessId"),
    with("exe", "FolderPath", |exe| program(exe).into()),
    with("exe", "FileName", |exe| program(exe).map(values::file_name).into()),
    number("ppid", "InitiatingProcessId"),
];

static LOGON: &[Move] = &[
    ip("addr", "RemoteIP"),
    // Programs that did not look the name up write the address again.
    with("hostname", "RemoteDeviceName", |name| {
        present(name).filter(|name| values::ip(name).is_none()).into()
    }),
];

/// The path of a program without what the kernel adds when its file is gone.
fn program(exe: &str) -> Option<&str> {
    present(exe.strip_suffix(" (deleted)").unwrap_or(exe))
}

pub(super) fn fill_actor(draft: &mut Draft<'_, '_>, _: &Facts<'_>) {
    draft.fill(ACTOR);
    draft.set("InitiatingProcessAccountName", user(draft.event, "euid").or_else(|| user(draft.event, "uid")));
    own_account(draft, "InitiatingProcessAccountName", "InitiatingProcessAccountDomain");
}

pub(super) fn fill_process(draft: &mut Draft<'_, '_>, facts: &Facts<'_>) {
    draft.fill(CREATED);
    let event = draft.event;
    let command = match facts.arguments.as_slice() {
        [] => event.get("cmdline").or_else(|| event.get("proctitle")).map(str::to_owned),
        arguments => {
            draft.note("Arguments", Json::List(arguments.iter().map(Json::text).collect()));
            Some(command_line(arguments))
        }
    };
    draft.set("ProcessCommandLine", command);
    draft.set("ProcessCreationTime", draft.time);
    draft.set("ProcessTokenElevation", "None");
    draft.set("InitiatingProcessSignerType", "Unknown");
    draft.set("InitiatingProcessSignatureStatus", "Unknown");
    draft.set("AccountName", user(event, "euid"));
    own_account(draft, "AccountName", "AccountDomain");
    draft.note_text("ProcessCurrentWorkingDirectory", event.get("cwd"));
    for (key, user_field, group_field) in [
        ("ProcessPosixEffectiveUser", "euid", "egid"),
        ("ProcessPosixRealUser", "uid", "gid"),
        ("ProcessPosixLoginUser", "auid", ""),
    ] {
        if let Some(posix) = posix_user(event, draft.device, user_field, group_field) {
            draft.note(key, posix);
        }
    }
}

/// A user by name, where auditd resolved it or there is but one.
fn user(event: &Event<'_>, field: &str) -> Option<String> {
    let resolved = match field {
        "euid" => ["EUID", "effective_user"],
        "uid" => ["UID", "user"],
        "auid" => ["AUID", "audit_user"],
        "egid" => ["EGID", "effective_group"],
        _ => ["GID", "group"],
    };
    let named = resolved.iter().find_map(|name| event.get(name)).and_then(present);
    let named = named.filter(|name| *name != "unset" && !name.starts_with("unknown("));
    let is_root = || event.get(field) == Some("0") && !field.ends_with("gid");
    named.map(str::to_lowercase).or_else(|| is_root().then(|| "root".to_owned()))
}

/// Accounts are the device's own.
fn own_account(draft: &mut Draft<'_, '_>, name: &str, domain: &str) {
    if draft.has(name) {
        draft.set_if_empty(domain, draft.device);
    }
}

fn posix_user(event: &Event<'_>, device: &str, user_field: &str, group_field: &str) -> Option<Json<'static>> {
    /// Nobody logged in.
    const UNSET: i64 = 4_294_967_295;
    let id = event.get(user_field).and_then(values::number).filter(|id| *id != UNSET && *id >= 0)?;
    let member = |key: &'static str, value| (Cow::Borrowed(key), value);
    let mut members = vec![member("PosixUserId", Json::Int(id)), member("DomainName", Json::text(device))];
    members.extend(user(event, user_field).map(|name| member("Name", Json::text(name))));
    if let Some(id) = event.get(group_field).and_then(values::number) {
        let mut group = vec![member("PosixGroupId", Json::Int(id))];
        group.extend(user(event, group_field).map(|name| member("Name", Json::text(name))));
        members.push(member("PrimaryPosixGroup", Json::Object(group)));
    }
    Some(Json::Object(members))
}

pub(super) fn fill_connection(draft: &mut Draft<'_, '_>, facts: &Facts<'_>) {
    fill_actor(draft, facts);
    let Some(Address::Ip(address, port)) = facts.address else { return };
    draft.set("RemoteIP", address.to_string());
    draft.set("RemoteIPType", values::ip_type(address));
    draft.set("RemotePort", i64::from(port));
}

/// The file that was made, changed or gone; a renamed one has both names.
pub(super) fn fill_file(draft: &mut Draft<'_, '_>, facts: &Facts<'_>) {
    fill_actor(draft, facts);
    let of_role = |role| facts.files.iter().rev().find(|file| file.role == role);
    let (created, deleted) = (of_role("CREATE"), of_role("DELETE"));
    let file = created.or(deleted).or_else(|| of_role("NORMAL"));
    let Some(path) = file.and_then(|file| path_of(draft.event, facts, file)) else { return };
    draft.set("FileName", values::file_name(&path));
    draft.set("FolderPath", path);
    if let (Some(_), Some(deleted)) = (created, deleted)
        && let Some(path) = path_of(draft.event, facts, deleted)
    {
        draft.set("PreviousFileName", values::file_name(&path));
        draft.set("PreviousFolderPath", path);
    }
}

/// The path of a file from the root on, as far as the event tells: relative names begin at the folder of the
/// process, or at one that the call was given, which the kernel names as the parent.
fn path_of(event: &Event<'_>, facts: &Facts<'_>, file: &File<'_>) -> Option<String> {
    let name = file.name.as_deref()?;
    if name.starts_with('/') {
        return Some(name.to_owned());
    }
    let join = |folder: &str, name: &str| format!("{}/{name}", folder.trim_end_matches('/'));
    let mut parents = facts.files.iter().filter(|file| file.role == "PARENT");
    // A call that moves a file has the parent of the old name first.
    let parent = if file.role == "CREATE" { parents.next_back() } else { parents.next() };
    if let Some(parent) =
        parent.and_then(|parent| parent.name.as_deref()).filter(|name| name.starts_with('/'))
    {
        return Some(join(parent, values::file_name(name)));
    }
    let is_at = facts.syscall.as_deref().is_some_and(|call| call.contains("at") && call != "creat");
    let is_at_other = is_at && event.get("a0").is_none_or(|folder| !folder.ends_with(AT_CURRENT_FOLDER));
    let folder = event.get("cwd").filter(|_| !is_at_other);
    let name = name.strip_prefix("./").unwrap_or(name);
    Some(folder.map_or_else(|| name.to_owned(), |folder| join(folder, name)))
}

pub(super) fn note_files(draft: &mut Draft<'_, '_>, facts: &Facts<'_>) {
    if facts.files.is_empty() {
        return;
    }
    let files = facts.files.iter().map(|file| Json::Object(file.fields.clone()).into_owned());
    draft.note("Paths", Json::List(files.collect()));
}

pub(super) fn fill_module(draft: &mut Draft<'_, '_>, facts: &Facts<'_>) {
    fill_actor(draft, facts);
    let file = facts.files.iter().find(|file| file.role == "NORMAL");
    match file.and_then(|file| path_of(draft.event, facts, file)) {
        Some(path) => {
            draft.set("FileName", values::file_name(&path));
            draft.set("FolderPath", path);
        }
        None => draft.set("FileName", draft.value("name")),
    }
}

pub(super) fn fill_logon(draft: &mut Draft<'_, '_>, facts: &Facts<'_>) {
    fill_session(draft, facts);
    if !is_done(draft.event) {
        draft.action("LogonFailed");
    }
}

pub(super) fn fill_logoff(draft: &mut Draft<'_, '_>, facts: &Facts<'_>) {
    fill_session(draft, facts);
}

/// Whether a program said that it worked.
fn is_done(event: &Event<'_>) -> bool {
    matches!(event.get("res").or_else(|| event.get("result")), Some("success" | "1" | "yes"))
}

fn fill_session(draft: &mut Draft<'_, '_>, facts: &Facts<'_>) {
    fill_actor(draft, facts);
    draft.fill(LOGON);
    let event = draft.event;
    draft.set("AccountName", account(event));
    own_account(draft, "AccountName", "AccountDomain");
    let address = draft.value("addr").and_then(values::ip);
    draft.set("RemoteIPType", address.map(values::ip_type));
    let session = draft.value("ses").and_then(values::number);
    draft.set("LogonId", session.filter(|id| *id != i64::from(u32::MAX)));
    draft.set("LogonType", logon_type(event, address.is_some()));
    if address.is_some_and(|address| address.is_loopback()) || address.is_none() {
        draft.note("IsLocalLogon", Json::Bool(true));
    }
}

/// Whom it was about: by name, or by the number of an account that is known.
fn account(event: &Event<'_>) -> Option<String> {
    let named = event.get("acct").and_then(present).filter(|name| *name != "(invalid user)");
    let named = named.or_else(|| event.get("ID").and_then(present));
    let is_root = event.get("id") == Some("0");
    named.map(str::to_lowercase).or_else(|| is_root.then(|| "root".to_owned()))
}

/// How a session came about, by its terminal and the program that opened it.
fn logon_type(event: &Event<'_>, is_remote: bool) -> &'static str {
    let terminal = event.get("terminal").unwrap_or_default();
    let program = event.get("exe").map(values::file_name).unwrap_or_default();
    let is_screen = ["pts", "tty", "/dev/", ":"].iter().any(|start| terminal.starts_with(start));
    if terminal == "cron" || matches!(program, "cron" | "crond" | "atd") {
        "Batch"
    } else if is_remote && is_screen {
        "RemoteInteractive"
    } else if is_remote || terminal.starts_with("ssh") {
        "Network"
    } else if is_screen {
        "Interactive"
    } else if program.starts_with("systemd") || program == "(systemd)" {
        "Service"
    } else {
        "Unknown"
    }
}

pub(super) fn fill_account(draft: &mut Draft<'_, '_>, facts: &Facts<'_>) {
    fill_actor(draft, facts);
    draft.set("AccountName", account(draft.event));
    own_account(draft, "AccountName", "AccountDomain");
}

pub(super) fn fill_group(draft: &mut Draft<'_, '_>, facts: &Facts<'_>) {
    fill_actor(draft, facts);
    let group = draft.value("grp").or_else(|| draft.value("acct")).or_else(|| draft.value("GRP"));
    draft.note_text("GroupName", group);
}

/// A command that somebody ran as another user.
pub(super) fn fill_command(draft: &mut Draft<'_, '_>, facts: &Facts<'_>) {
    fill_actor(draft, facts);
    draft.set("ProcessCommandLine", draft.value("cmd").map_or(Cell::Null, Cell::from));
}
