//! Events of the other Windows logs that become rows of DeviceEvents.

use super::TABLE;
use crate::draft::{Draft, Move, domain, file_name, lower, name, number, text};
use crate::event::Channel;
use crate::json::Json;
use crate::mappings::{Mapping, mapping};
use crate::values::{self, present};

pub(in crate::mappings) static MAPPINGS: &[Mapping] = &[
    system(104, "EventLogCleared", "Microsoft-Windows-Eventlog"),
    system(7036, "ServiceStateChanged", SERVICES).refine(refine_state),
    system(7040, "ServiceStartTypeChanged", SERVICES).refine(refine_start_type),
    system(7045, "ServiceInstalled", SERVICES).refine(refine_service),
    powershell(4103, "PowerShellCommand").refine(refine_command),
    powershell(4104, "PowerShellScriptBlock").refine(refine_script_block),
    other(Channel::Defender, 1116, "AntivirusDetection").moves(&[THREAT]),
    other(Channel::Defender, 1117, "AntivirusMalwareBlocked").moves(&[THREAT]),
    other(Channel::Defender, 1118, "AntivirusMalwareActionFailed").moves(&[THREAT]),
    other(Channel::Defender, 1119, "AntivirusError").moves(&[THREAT]),
    other(Channel::Defender, 2000, "AntivirusDefinitionsUpdated"),
    other(Channel::Defender, 2001, "AntivirusDefinitionsUpdateFailed"),
    other(Channel::Defender, 2010, "AntivirusEmergencyUpdatesInstalled"),
    other(Channel::Defender, 5001, "AntivirusConfigurationChanged"),
    other(Channel::Defender, 5007, "AntivirusConfigurationChanged"),
    other(Channel::WmiActivity, 11, "RemoteWmiOperation").moves(&[WMI_CLIENT]),
    other(Channel::WmiActivity, 22, "ProcessCreatedUsingWmiQuery").moves(&[WMI_CLIENT, WMI_PROCESS]),
    other(Channel::WmiActivity, 23, "ProcessCreatedUsingWmiQuery").moves(&[WMI_CLIENT, WMI_PROCESS]),
    other(Channel::WmiActivity, 5861, "WmiBindEventFilterToConsumer"),
    other(Channel::DnsClient, 3008, "DnsQueryResponse").refine(note_query),
    other(Channel::DnsClient, 3010, "DnsQueryRequest").refine(note_query),
    other(Channel::TaskScheduler, 106, "ScheduledTaskCreated").moves(&[TASK_USER]),
    other(Channel::TaskScheduler, 140, "ScheduledTaskUpdated").moves(&[TASK_USER]),
    other(Channel::TaskScheduler, 141, "ScheduledTaskDeleted").moves(&[TASK_USER]),
    other(Channel::AppLocker, 8003, "AppControlExecutableAudited").moves(&[APP_LOCKER]),
    other(Channel::AppLocker, 8004, "AppControlExecutableBlocked").moves(&[APP_LOCKER]),
    other(Channel::AppLocker, 8006, "AppControlScriptAudited").moves(&[APP_LOCKER]),
    other(Channel::AppLocker, 8007, "AppControlScriptBlocked").moves(&[APP_LOCKER]),
    other(Channel::CodeIntegrity, 3076, "AppControlCodeIntegrityPolicyAudited").moves(&[CODE_INTEGRITY]),
    other(Channel::CodeIntegrity, 3077, "AppControlCodeIntegrityPolicyBlocked").moves(&[CODE_INTEGRITY]),
];

const SERVICES: &str = "Service Control Manager";

const fn other(channel: Channel, event_id: i64, action: &'static str) -> Mapping {
    mapping(channel, event_id, TABLE, action).initiating_guid(&[])
}

const fn system(event_id: i64, action: &'static str, provider: &'static str) -> Mapping {
    other(Channel::System, event_id, action).written_by(provider)
}

const fn powershell(event_id: i64, action: &'static str) -> Mapping {
    other(Channel::PowerShell, event_id, action)
}

/// What Windows Defender found. The path may be a list with prefixes such as `file:_`.
static THREAT: &[Move] = &[
    file_name("Path", "FileName"),
    lower("Process Name", "InitiatingProcessFolderPath"),
    file_name("Process Name", "InitiatingProcessFileName"),
    domain("Detection User", "AccountDomain"),
    name("Detection User", "AccountName"),
];

static WMI_CLIENT: &[Move] = &[
    text("ClientMachine", "RemoteDeviceName"),
    number("ClientProcessId", "InitiatingProcessId"),
    domain("User", "InitiatingProcessAccountDomain"),
    name("User", "InitiatingProcessAccountName"),
];

static WMI_PROCESS: &[Move] =
    &[number("CreatedProcessId", "ProcessId"), text("Commandline", "ProcessCommandLine")];

static TASK_USER: &[Move] = &[
    domain("UserContext", "InitiatingProcessAccountDomain"),
    name("UserContext", "InitiatingProcessAccountName"),
    domain("UserName", "InitiatingProcessAccountDomain"),
    name("UserName", "InitiatingProcessAccountName"),
];

static APP_LOCKER: &[Move] = &[
    text("FullFilePath", "FolderPath"),
    file_name("FullFilePath", "FileName"),
    text("TargetUser", "AccountSid"),
    number("TargetProcessId", "InitiatingProcessId"),
];

static CODE_INTEGRITY: &[Move] = &[
    text("File Name", "FolderPath"),
    file_name("File Name", "FileName"),
    lower("Process Name", "InitiatingProcessFolderPath"),
    file_name("Process Name", "InitiatingProcessFileName"),
];

fn refine_state(draft: &mut Draft<'_, '_>) {
    draft.note_text("ServiceName", draft.value("param1"));
    draft.note_text("ServiceState", draft.value("param2"));
}

fn refine_start_type(draft: &mut Draft<'_, '_>) {
    draft.note_text("ServiceName", draft.value("param4").or_else(|| draft.value("param1")));
    draft.note_text("PreviousServiceStartType", draft.value("param2"));
    draft.note_text("ServiceStartType", draft.value("param3"));
    set_logged_user(draft);
}

fn refine_service(draft: &mut Draft<'_, '_>) {
    draft.note_text("ServiceAccount", draft.value("AccountName"));
    draft.note_text("ServiceStartType", draft.value("StartType"));
    set_logged_user(draft);
    let Some(command) = draft.value("ImagePath") else { return };
    draft.set("FolderPath", command);
    draft.set(
        "FileName",
        Some(values::file_name(values::command_program(command))).filter(|name| !name.is_empty()),
    );
}

/// The command, and from the context who ran it in which process.
fn refine_command(draft: &mut Draft<'_, '_>) {
    refine_host_process(draft);
    let payload = draft.event.get("Payload").unwrap_or_default();
    let command = payload.strip_prefix("CommandInvocation(").and_then(|rest| rest.split_once(')'));
    draft.note_text("Command", command.map(|(name, _)| name));
    let context = draft.event.get("ContextInfo").unwrap_or_default();
    let setting = |key: &str| {
        let mut lines = context.lines().filter_map(|line| line.split_once('='));
        lines.find_map(|(name, value)| (name.trim() == key).then(|| present(value)).flatten())
    };
    draft.set("InitiatingProcessCommandLine", setting("Host Application"));
    if let Some(user) = setting("User") {
        let (domain, name) = values::account(user);
        draft.set("InitiatingProcessAccountDomain", domain.map(str::to_lowercase));
        draft.set("InitiatingProcessAccountName", name.to_lowercase());
    }
}

fn refine_script_block(draft: &mut Draft<'_, '_>) {
    refine_host_process(draft);
    let script = draft.value("Path");
    draft.set("FolderPath", script);
    draft.set("FileName", script.map(values::file_name));
}

/// The process that wrote the event is the one that runs the script.
fn refine_host_process(draft: &mut Draft<'_, '_>) {
    draft.set("InitiatingProcessId", draft.event.process_id.filter(|id| *id > 0));
    set_logged_user(draft);
}

fn set_logged_user(draft: &mut Draft<'_, '_>) {
    let user = &draft.event.user;
    draft.set("InitiatingProcessAccountSid", user.sid.as_deref().and_then(present));
    draft.set(
        "InitiatingProcessAccountDomain",
        user.domain.as_deref().and_then(present).map(str::to_lowercase),
    );
    draft.set("InitiatingProcessAccountName", user.name.as_deref().and_then(present).map(str::to_lowercase));
}

fn note_query(draft: &mut Draft<'_, '_>) {
    draft.note_text("DnsQueryString", draft.value("QueryName"));
    let Some(results) = draft.value("QueryResults") else { return };
    let answers = results.split(';').map(str::trim).filter(|answer| !answer.is_empty());
    draft.note("DnsQueryResult", Json::List(answers.map(Json::text).collect()));
}
