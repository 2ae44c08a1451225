//! Which log sources a row belongs to.

use model::Row;

use crate::additional::Additional;
use crate::logsource::{
    AUDITD, CHANNELS, DEFENDER, POWERSHELL, POWERSHELL_CLASSIC, POWERSHELL_CORE, Product, SYSMON,
    SYSMON_LINUX,
};

type Names = &'static [&'static str];

/// The log sources of one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// Not known when nothing in the row tells.
    pub product: Option<Product>,
    pub categories: Names,
    pub services: Names,
    /// The ids of the Windows events that a row without a source event would have come from.
    pub event_ids: &'static [i64],
}

const NOWHERE: Route = Route { product: None, categories: &[], services: &[], event_ids: &[] };

impl Route {
    pub(crate) fn of(row: &Row, additional: &Additional<'_>) -> Route {
        let channel = additional.text("SourceChannel");
        let provider = additional.text("SourceProvider");
        if provider.is_some_and(|p| p.eq_ignore_ascii_case(AUDITD) || p.eq_ignore_ascii_case("auoms")) {
            let services: Names = &["auditd"];
            return Route { product: Some(Product::Linux), services, ..by_action(row) };
        }
        let event_id = additional.number("SourceEventId");
        if let Some((service, known)) = channel.and_then(|channel| {
            CHANNELS.iter().map(|(s, c)| (s, *c)).find(|(_, c)| c.eq_ignore_ascii_case(channel))
        }) {
            let product = if known == SYSMON_LINUX { Product::Linux } else { Product::Windows };
            let categories = match event_id {
                // The same start has a row from Sysmon, which says more.
                Some(4688) if additional.text("AlsoRecordedBy").is_some() => &[],
                Some(id) => by_event(known, id),
                None => &[],
            };
            return Route {
                product: Some(product),
                categories,
                services: std::slice::from_ref(service),
                event_ids: &[],
            };
        }
        let native = by_action(row);
        Route { product: native.product.or_else(|| product_of(row, channel)), ..native }
    }
}

/// The categories of a source event. They follow Sigma's own pipelines: one event, one meaning.
fn by_event(channel: &str, id: i64) -> Names {
    match (channel, id) {
        (SYSMON | SYSMON_LINUX, id) => by_sysmon(id),
        ("Security", 4688) => &["process_creation"],
        (POWERSHELL | POWERSHELL_CORE, 4103) => &["ps_module"],
        (POWERSHELL | POWERSHELL_CORE, 4104) => &["ps_script"],
        (POWERSHELL_CLASSIC, 400) => &["ps_classic_start"],
        (POWERSHELL_CLASSIC, 600) => &["ps_classic_provider_start"],
        (POWERSHELL_CLASSIC, 800) => &["ps_classic_script"],
        (DEFENDER, 1006 | 1007 | 1008 | 1009 | 1010 | 1011 | 1012 | 1017 | 1018 | 1019 | 1115 | 1116) => {
            &["antivirus"]
        }
        _ => &[],
    }
}

fn by_sysmon(id: i64) -> Names {
    match id {
        1 => &["process_creation"],
        2 => &["file_change"],
        3 => &["network_connection"],
        4 | 16 => &["sysmon_status"],
        5 => &["process_termination"],
        6 => &["driver_load"],
        7 => &["image_load"],
        8 => &["create_remote_thread"],
        9 => &["raw_access_thread"],
        10 => &["process_access"],
        11 => &["file_event"],
        12 => &["registry_add", "registry_delete", "registry_event"],
        13 => &["registry_set", "registry_event"],
        14 => &["registry_rename", "registry_event"],
        15 => &["create_stream_hash"],
        17 | 18 => &["pipe_created"],
        19..=21 => &["wmi_event"],
        22 => &["dns_query", "dns"],
        23 => &["file_delete"],
        24 => &["clipboard_capture"],
        25 => &["process_tampering"],
        26 => &["file_delete_detected"],
        27 => &["file_block_executable"],
        28 => &["file_block_shredding"],
        29 => &["file_executable_detected"],
        255 => &["sysmon_error"],
        _ => &[],
    }
}

/// The log sources of a row that does not say which event it was read from.
fn by_action(row: &Row) -> Route {
    let categories = |categories| Route { categories, ..NOWHERE };
    let security =
        |event_ids| Route { product: Some(Product::Windows), services: &["security"], event_ids, ..NOWHERE };
    let action = row.text("ActionType");
    match (row.table.name, action) {
        ("DeviceProcessEvents", "ProcessCreated" | "") => categories(&["process_creation"]),
        (
            "DeviceNetworkEvents",
            "ConnectionSuccess"
            | "ConnectionRequest"
            | "ConnectionAttempt"
            | "ConnectionFailed"
            | "ConnectionFound"
            | "InboundConnectionAccepted",
        ) => categories(&["network_connection"]),
        ("DeviceImageLoadEvents", "ImageLoaded") => categories(&["image_load"]),
        ("DeviceFileEvents", action) => categories(match action {
            "FileCreated" => &["file_event"],
            // A write into a file that was there is a file event to Sigma too.
            "FileModified" => &["file_event"],
            "FileDeleted" => &["file_delete"],
            "FileRenamed" => &["file_rename"],
            "FileAccessed" => &["file_access"],
            _ => &[],
        }),
        ("DeviceRegistryEvents", action) => Route {
            product: Some(Product::Windows),
            // The table does not say which log its rows were read from.
            services: match action {
                "RegistryValueSet" | "RegistryValueDeleted" => &["security"],
                _ => &[],
            },
            event_ids: &[4657],
            categories: match action {
                "RegistryValueSet" => &["registry_set", "registry_event"],
                "RegistryKeyRenamed" => &["registry_rename", "registry_event"],
                "RegistryKeyCreated" => &["registry_add", "registry_event"],
                "RegistryKeyDeleted" | "RegistryValueDeleted" => &["registry_delete", "registry_event"],
                // What the adapter calls an event whose exporter lost the word for it.
                "RegistryObjectAddedOrDeleted" => &["registry_add", "registry_delete", "registry_event"],
                _ => &[],
            },
        },
        ("DeviceLogonEvents", "LogonSuccess") => security(&[4624]),
        ("DeviceLogonEvents", "LogonFailed") => security(&[4625]),
        ("DeviceLogonEvents", "LogonAttempted") => security(&[4648]),
        ("DeviceEvents", action) => match action {
            "ServiceInstalled" => Route {
                product: Some(Product::Windows),
                services: &["system", "security"],
                event_ids: &[7045, 4697],
                ..NOWHERE
            },
            "SecurityLogCleared" => security(&[1102]),
            "ScheduledTaskCreated" => security(&[4698]),
            "ScheduledTaskDeleted" => security(&[4699]),
            "ScheduledTaskUpdated" => security(&[4702]),
            "AuditPolicyModification" => security(&[4719]),
            "UserAccountCreated" => security(&[4720]),
            "UserAccountDeleted" => security(&[4726]),
            "UserAccountModified" => security(&[4738]),
            "UserAccountAddedToLocalGroup" => security(&[4732]),
            action => categories(by_device_event(action)),
        },
        _ => NOWHERE,
    }
}

fn by_device_event(action: &str) -> Names {
    match action {
        "DriverLoad" => &["driver_load"],
        "CreateRemoteThreadApiCall" => &["create_remote_thread"],
        "OpenProcessApiCall" => &["process_access"],
        "RawAccessRead" => &["raw_access_thread"],
        "NamedPipeEvent" => &["pipe_created"],
        "WmiEventFilter" | "WmiEventConsumer" | "WmiBindEventFilterToConsumer" => &["wmi_event"],
        "DnsQueryResponse" => &["dns_query", "dns"],
        "GetClipboardData" => &["clipboard_capture"],
        "ProcessTampering" => &["process_tampering"],
        "ProcessTerminated" => &["process_termination"],
        "FileTimestampModificationEvent" => &["file_change"],
        "SensitiveFileRead" => &["file_access"],
        "PowerShellScriptBlock" => &["ps_script"],
        "PowerShellCommand" => &["ps_module"],
        "AntivirusDetection" | "AntivirusMalwareBlocked" | "AntivirusMalwareActionFailed" => &["antivirus"],
        _ => &[],
    }
}

/// Guesses the operating system from how paths are written.
fn product_of(row: &Row, channel: Option<&str>) -> Option<Product> {
    if channel.is_some_and(|channel| channel.starts_with("Microsoft-Windows-")) {
        return Some(Product::Windows);
    }
    let paths = ["FolderPath", "InitiatingProcessFolderPath", "PreviousFolderPath"];
    let names = ["FileName", "InitiatingProcessFileName"];
    let of_path = |path: &str| match path.as_bytes() {
        [b'/', ..] => Some(Product::Linux),
        [b'\\', ..] | [_, b':', ..] => Some(Product::Windows),
        _ => None,
    };
    let of_name = |name: &str| {
        let ending = name.get(name.len().checked_sub(4)?..)?;
        [".exe", ".dll", ".sys"].iter().any(|e| ending.eq_ignore_ascii_case(e)).then_some(Product::Windows)
    };
    paths
        .iter()
        .find_map(|path| of_path(row.text(path)))
        .or_else(|| names.iter().find_map(|name| of_name(row.text(name))))
}
