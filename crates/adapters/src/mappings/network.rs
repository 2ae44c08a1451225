//! DeviceNetworkEvents: connections and listening ports.

use std::net::IpAddr;

use super::{Mapping, mapping};
use crate::draft::{ACTOR, Draft, Move, file_name, lower, number, with};
use crate::event::Channel;
use crate::values;

const TABLE: &str = "DeviceNetworkEvents";

pub(super) static MAPPINGS: &[Mapping] = &[
    mapping(Channel::Sysmon, 3, TABLE, "").moves(&[ACTOR, PROTOCOL]).refine(refine_sysmon),
    mapping(Channel::Security, 5154, TABLE, "ListeningConnectionCreated")
        .moves(&[FILTERED_PROCESS, PROTOCOL])
        .refine(|draft| set_local(draft, "SourceAddress", "SourcePort")),
    mapping(Channel::Security, 5156, TABLE, "").moves(&[FILTERED_PROCESS, PROTOCOL]).refine(refine_filtered),
];

static PROTOCOL: &[Move] = &[with("Protocol", "Protocol", |text| {
    values::present(text).map(|text| values::protocol(text).into_owned()).into()
})];

/// The process in events of the filtering platform; some collectors write `ProcessId`.
pub(super) static FILTERED_PROCESS: &[Move] = &[
    lower("Application", "InitiatingProcessFolderPath"),
    file_name("Application", "InitiatingProcessFileName"),
    number("ProcessId", "InitiatingProcessId"),
    number("ProcessID", "InitiatingProcessId"),
];

/// Message codes of the filtering platform.
const INBOUND: &str = "%%14592";
const OUTBOUND: &str = "%%14593";

fn refine_sysmon(draft: &mut Draft<'_, '_>) {
    if draft.event.is_linux() && draft.value("User").is_some() {
        draft.set_if_empty("InitiatingProcessAccountDomain", draft.device);
    }
    if draft.value("Initiated").is_some_and(|text| text.eq_ignore_ascii_case("false")) {
        draft.action("InboundConnectionAccepted");
        set_local(draft, "DestinationIp", "DestinationPort");
        set_remote(draft, "SourceIp", "SourcePort");
    } else {
        draft.action("ConnectionSuccess");
        set_local(draft, "SourceIp", "SourcePort");
        set_remote(draft, "DestinationIp", "DestinationPort");
        draft.set("RemoteUrl", draft.value("DestinationHostname"));
    }
}

/// In current Windows records the destination of an inbound connection is the device itself.
fn refine_filtered(draft: &mut Draft<'_, '_>) {
    if is_inbound(draft) {
        draft.action("InboundConnectionAccepted");
        set_local(draft, "DestAddress", "DestPort");
        set_remote(draft, "SourceAddress", "SourcePort");
    } else {
        draft.action("ConnectionSuccess");
        set_local(draft, "SourceAddress", "SourcePort");
        set_remote(draft, "DestAddress", "DestPort");
    }
}

pub(super) fn is_inbound(draft: &Draft<'_, '_>) -> bool {
    let direction = draft.value("Direction").unwrap_or(OUTBOUND);
    direction == INBOUND || direction.eq_ignore_ascii_case("inbound")
}

pub(super) fn address(draft: &Draft<'_, '_>, field: &str) -> Option<IpAddr> {
    draft.value(field).and_then(values::ip)
}

pub(super) fn port(draft: &Draft<'_, '_>, field: &str) -> Option<i64> {
    draft.value(field).and_then(values::number).filter(|port| (0..=65_535).contains(port))
}

fn set_local(draft: &mut Draft<'_, '_>, ip: &str, port_field: &str) {
    let address = address(draft, ip);
    draft.set("LocalIP", address.map(|ip| ip.to_string()));
    draft.set("LocalIPType", address.map(values::ip_type));
    draft.set("LocalPort", port(draft, port_field));
}

fn set_remote(draft: &mut Draft<'_, '_>, ip: &str, port_field: &str) {
    let address = address(draft, ip);
    draft.set("RemoteIP", address.map(|ip| ip.to_string()));
    draft.set("RemoteIPType", address.map(values::ip_type));
    draft.set("RemotePort", port(draft, port_field));
}
