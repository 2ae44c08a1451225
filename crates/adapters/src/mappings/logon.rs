//! DeviceLogonEvents: logons, attempts and logoffs.

use model::Cell;

use super::{Mapping, mapping};
use crate::draft::{CALLER, Draft, Move, SUBJECT, ip, lower, number, port, text, with};
use crate::event::Channel;
use crate::json::Json;
use crate::values::{self, present};

const TABLE: &str = "DeviceLogonEvents";

pub(super) static MAPPINGS: &[Mapping] = &[
    mapping(Channel::Security, 4624, TABLE, "LogonSuccess")
        .moves(&[ACCOUNT, LOGON, SUBJECT, CALLER])
        .refine(refine_logon),
    mapping(Channel::Security, 4625, TABLE, "LogonFailed")
        .moves(&[ACCOUNT, LOGON, SUBJECT, CALLER])
        .refine(refine_failure),
    mapping(Channel::Security, 4634, TABLE, "Logoff").moves(&[ACCOUNT, LOGON_TYPE]),
    mapping(Channel::Security, 4647, TABLE, "Logoff").moves(&[ACCOUNT, LOGON_TYPE]),
    mapping(Channel::Security, 4648, TABLE, "LogonAttempted")
        .moves(&[ACCOUNT, SUBJECT, CALLER, SOURCE, &[text("TargetServerName", "RemoteDeviceName")]])
        .refine(set_remote_type),
];

/// Whom it was about.
static ACCOUNT: &[Move] = &[
    lower("TargetDomainName", "AccountDomain"),
    lower("TargetUserName", "AccountName"),
    text("TargetUserSid", "AccountSid"),
    number("TargetLogonId", "LogonId"),
];

static LOGON_TYPE: &[Move] =
    &[with("LogonType", "LogonType", |text| present(text).map(values::logon_type).into())];

/// Where it came from.
static SOURCE: &[Move] = &[ip("IpAddress", "RemoteIP"), port("IpPort", "RemotePort")];

static LOGON: &[Move] = &[
    with("LogonType", "LogonType", |text| present(text).map(values::logon_type).into()),
    text("AuthenticationPackageName", "Protocol"),
    text("WorkstationName", "RemoteDeviceName"),
    ip("IpAddress", "RemoteIP"),
    port("IpPort", "RemotePort"),
];

fn refine_logon(draft: &mut Draft<'_, '_>) {
    set_remote_type(draft);
    set_protocol(draft);
    let address = draft.value("IpAddress").and_then(values::ip).map(values::unmapped_ip);
    let is_local = address.is_none_or(|address| address.is_loopback());
    draft.note("IsLocalLogon", Json::Bool(is_local));
}

fn refine_failure(draft: &mut Draft<'_, '_>) {
    refine_logon(draft);
    draft.clear("LogonId");
    let code = |field| draft.value(field).filter(|code| values::number(code).is_some_and(|code| code != 0));
    let Some(code) = code("SubStatus").or_else(|| code("Status")) else { return };
    let reason = values::logon_failure(code).map(str::to_owned);
    draft.set("FailureReason", reason.unwrap_or_else(|| code.to_lowercase()));
}

/// The package that did the work says more than the one that chose it.
fn set_protocol(draft: &mut Draft<'_, '_>) {
    let package =
        draft.value("LmPackageName").map(|name| if name.starts_with("NTLM") { "NTLM" } else { name });
    let chosen = draft.value("AuthenticationPackageName");
    let is_vague = chosen.is_none_or(|name| name.starts_with("Negotiate") || name.starts_with("MICROSOFT_"));
    match package {
        Some(package) if is_vague => draft.set("Protocol", package),
        _ if chosen.is_some_and(|name| name.starts_with("MICROSOFT_AUTHENTICATION_PACKAGE")) => {
            draft.set("Protocol", "NTLM");
        }
        _ => {}
    }
}

fn set_remote_type(draft: &mut Draft<'_, '_>) {
    let kind = draft.value("IpAddress").and_then(values::ip).map(values::ip_type);
    draft.set("RemoteIPType", kind.map_or(Cell::Null, Cell::from));
}
