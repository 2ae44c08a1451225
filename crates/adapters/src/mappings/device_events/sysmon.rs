//! Sysmon events that become rows of DeviceEvents.

use std::borrow::Cow;

use super::TABLE;
use crate::draft::{ACTOR, Draft, HASHES, Move, TARGET_FILE, domain, file_name, lower, name, number, text};
use crate::event::Channel;
use crate::json::Json;
use crate::mappings::image_load::IMAGE;
use crate::mappings::{Mapping, mapping, note_imphash, restore_event_type};
use crate::values;

pub(in crate::mappings) static MAPPINGS: &[Mapping] = &[
    sysmon(2, "FileTimestampModificationEvent").moves(&[TARGET_FILE, ACTOR]),
    sysmon(5, "ProcessTerminated").moves(&[PROCESS, ACTOR]).refine(refine_account).relate(|draft, cache| {
        if let Some(id) = draft.value("ProcessId").and_then(values::number) {
            cache.end(draft.device, id, draft.time);
        }
    }),
    sysmon(6, "DriverLoad").moves(&[IMAGE, HASHES]).refine(note_imphash),
    sysmon(8, "CreateRemoteThreadApiCall")
        .moves(&[SOURCE, TARGET])
        .initiating_guid(SOURCE_GUID)
        .relate(|draft, cache| draft.complete_target(TARGET_GUID, cache)),
    sysmon(9, "RawAccessRead").moves(&[ACTOR]).refine(refine_account),
    sysmon(10, "OpenProcessApiCall")
        .moves(&[SOURCE, TARGET])
        .initiating_guid(SOURCE_GUID)
        .refine(|draft| {
            let access = draft.value("GrantedAccess").and_then(values::number);
            if let Some(access) = access {
                draft.note("DesiredAccess", Json::Int(access));
            }
        })
        .relate(|draft, cache| draft.complete_target(TARGET_GUID, cache)),
    sysmon(17, "NamedPipeEvent")
        .moves(&[ACTOR])
        .refine(|draft| refine_pipe(draft, "CreatePipe", "File created", "Server")),
    sysmon(18, "NamedPipeEvent")
        .moves(&[ACTOR])
        .refine(|draft| refine_pipe(draft, "ConnectPipe", "File opened", "Client")),
    sysmon(19, "WmiEventFilter").moves(&[USER]).refine(unwrap_quotes),
    sysmon(20, "WmiEventConsumer").moves(&[USER]).refine(unwrap_quotes),
    sysmon(21, "WmiBindEventFilterToConsumer").moves(&[USER]).refine(unwrap_quotes),
    sysmon(22, "DnsQueryResponse").moves(&[ACTOR]).refine(refine_dns),
    sysmon(24, "GetClipboardData").moves(&[ACTOR, HASHES]).refine(note_imphash),
    sysmon(25, "ProcessTampering").moves(&[PROCESS, ACTOR]),
];

const fn sysmon(event_id: i64, action: &'static str) -> Mapping {
    mapping(Channel::Sysmon, event_id, TABLE, action)
}

const SOURCE_GUID: &[&str] = &["SourceProcessGUID", "SourceProcessGuid"];
const TARGET_GUID: &[&str] = &["TargetProcessGUID", "TargetProcessGuid"];

/// The process the event is about, where it is also the one that acts.
static PROCESS: &[Move] =
    &[number("ProcessId", "ProcessId"), text("Image", "FolderPath"), file_name("Image", "FileName")];

static SOURCE: &[Move] = &[
    lower("SourceImage", "InitiatingProcessFolderPath"),
    file_name("SourceImage", "InitiatingProcessFileName"),
    number("SourceProcessId", "InitiatingProcessId"),
    domain("SourceUser", "InitiatingProcessAccountDomain"),
    name("SourceUser", "InitiatingProcessAccountName"),
];

static TARGET: &[Move] = &[
    number("TargetProcessId", "ProcessId"),
    text("TargetImage", "FolderPath"),
    file_name("TargetImage", "FileName"),
    domain("TargetUser", "AccountDomain"),
    name("TargetUser", "AccountName"),
];

static USER: &[Move] =
    &[domain("User", "InitiatingProcessAccountDomain"), name("User", "InitiatingProcessAccountName")];

/// Sysmon for Linux writes accounts without a domain: they are the device's own.
fn refine_account(draft: &mut Draft<'_, '_>) {
    if draft.event.is_linux() && draft.value("User").is_some() {
        draft.set_if_empty("InitiatingProcessAccountDomain", draft.device);
    }
}

/// Hunters know pipes by their device path; Sysmon's own name stays beside it.
fn refine_pipe(draft: &mut Draft<'_, '_>, kind: &'static str, operation: &'static str, end: &'static str) {
    restore_event_type(draft, kind);
    if let Some(pipe) = draft.event.get("PipeName") {
        let path = if pipe.starts_with('\\') { format!(r"\Device\NamedPipe{pipe}") } else { pipe.to_owned() };
        draft.note("PipeName", Json::text(path));
        draft.note("SysmonPipeName", Json::text(pipe));
    }
    draft.note("FileOperation", Json::text(operation));
    draft.note("NamedPipeEnd", Json::text(end));
}

/// Values arrive as ` "..."`, with the blank and the quotes.
fn unwrap_quotes(draft: &mut Draft<'_, '_>) {
    for field in ["Name", "Query", "EventNamespace", "Destination", "Consumer", "Filter", "Type"] {
        let inside =
            draft.event.get(field).and_then(|text| text.trim_start().strip_prefix('"')?.strip_suffix('"'));
        draft.note_text(field, inside);
    }
}

fn refine_dns(draft: &mut Draft<'_, '_>) {
    draft.note_text("DnsQueryString", draft.value("QueryName"));
    let Some(results) = draft.value("QueryResults") else { return };
    let answers = results.split(';').map(str::trim).filter(|answer| !answer.is_empty());
    draft.note("DnsQueryResult", Json::List(answers.map(dns_answer).collect()));
}

/// `type:  5 name` for records with a type, and a bare address, IPv4 inside IPv6, for the others.
fn dns_answer(answer: &str) -> Json<'static> {
    let typed = answer.strip_prefix("type:").and_then(|rest| rest.trim_start().split_once(' '));
    let (kind, result) = match typed {
        Some((kind, name)) => (dns_type(kind).into_owned(), name.trim().to_owned()),
        None => match values::ip(answer).map(values::unmapped_ip) {
            Some(address) => ((if address.is_ipv4() { "A" } else { "AAAA" }).to_owned(), address.to_string()),
            None => ("Unknown".to_owned(), answer.to_owned()),
        },
    };
    let member = |key: &'static str, value: String| (Cow::Borrowed(key), Json::Text(Cow::Owned(value)));
    Json::Object(vec![member("Result", result), member("DnsQueryType", kind)])
}

fn dns_type(number: &str) -> Cow<'_, str> {
    Cow::Borrowed(match number {
        "1" => "A",
        "2" => "NS",
        "5" => "CNAME",
        "6" => "SOA",
        "12" => "PTR",
        "15" => "MX",
        "16" => "TXT",
        "28" => "AAAA",
        "33" => "SRV",
        other => other,
    })
}
