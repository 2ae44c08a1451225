//! A row as a Sigma engine sees it: fields by their Sigma names.
//!
//! A field is answered with the source's own value when `AdditionalFields` holds one under that name, else it is
//! worked out from the columns, else it is the column of that name. Names are compared without case.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use model::{Cell, Row};
use rsigma_eval::event::{Event, EventValue};
use serde_json::Value;

use crate::additional::Additional;
use crate::logsource::Product;
use crate::route::Route;

/// A row, the log sources it belongs to, and what has been worked out for it so far.
pub(crate) struct RowView<'a> {
    row: &'a Row,
    additional: Additional<'a>,
    pub route: Route,
    derived: [OnceCell<Option<EventValue<'a>>>; SLOTS],
}

/// Declares the fields that columns can answer: the name of a variant is the Sigma name.
macro_rules! fields {
    ($($name:ident),* $(,)?) => {
        // Spelled as the rules spell them.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Field { $($name),* }

        static FIELDS: &[(&str, Field)] = &[$((stringify!($name), Field::$name)),*];

        const SLOTS: usize = [$(Field::$name),*].len();
    };
}

fields! {
    // Any event.
    EventID, Channel, Provider_Name, Computer, ComputerName,
    // Processes and who started them.
    Image, CommandLine, OriginalFileName, ParentImage, ParentCommandLine, GrandParentImage, User, ParentUser,
    IntegrityLevel, Hashes, Hash, MD5, SHA1, SHA256, Imphash, Product, Company, Description, FileVersion,
    CurrentDirectory, LogonId, TerminalSessionId, ProcessId, ParentProcessId,
    // Files, images and drivers.
    TargetFilename, SourceFilename, FileName, Filename, ImageLoaded,
    // Network.
    Initiated, Protocol, SourceIp, SourcePort, SourceHostname, DestinationIp, DestinationPort,
    DestinationHostname, DestinationIsIpv6,
    // Registry.
    TargetObject, Details, EventType, NewName,
    // Other device events.
    QueryName, QueryResults, QueryStatus, query, answer, SourceImage, SourceCommandLine, SourceUser, SourceProcessId,
    TargetImage, TargetProcessId, GrantedAccess, PipeName, Device, ScriptBlockText, Payload, Signature,
    // Windows Security and System.
    TargetUserName, TargetDomainName, TargetUserSid, TargetLogonId, SubjectUserName, SubjectDomainName,
    SubjectUserSid, LogonType, IpAddress, IpPort, WorkstationName, TargetServerName, AuthenticationPackageName,
    ProcessName, NewProcessName, ParentProcessName, Application, ObjectName, RelativeTargetName, ShareName,
    ServiceName, ServiceFileName, ImagePath, SourceAddress, DestAddress, DestPort, ObjectValueName, NewValue, OldValue,
    // auditd.
    r#type, exe, comm, name, nametype, a0, a1, a2, a3, a4, a5, a6, a7,
}

static BY_NAME: LazyLock<HashMap<String, Field>> = LazyLock::new(|| {
    let entries = FIELDS.iter().map(|(name, field)| {
        let name = name.strip_prefix("r#").unwrap_or(name);
        (name.to_ascii_lowercase(), *field)
    });
    entries.collect()
});

impl Field {
    fn find(name: &str) -> Option<Field> {
        const LONGEST: usize = 32;
        let mut lower = [0; LONGEST];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        BY_NAME.get(std::str::from_utf8(lower).ok()?).copied()
    }
}

impl Event for RowView<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        let field = Field::find(path);
        if let Some(value) = self.source_value(path, field) {
            return Some(value);
        }
        match field {
            Some(field) => {
                let slot = self.derived[field as usize].get_or_init(|| self.derive(field));
                slot.as_ref().map(borrowed).or_else(|| self.column(path))
            }
            None => self.column(path),
        }
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        let mut found = false;
        self.visit_string_values(&mut |text| found = found || pred(text));
        found
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let mut all = Vec::new();
        self.visit_string_values(&mut |text| all.push(Cow::Owned(text.to_owned())));
        all
    }

    fn visit_string_values(&self, visit: &mut dyn FnMut(&str)) {
        for (column, cell) in self.row.table.columns.iter().zip(&self.row.cells) {
            if let (Cell::Text(text), false) = (cell, column.name == "AdditionalFields") {
                visit(text);
            }
        }
        for (_, value) in self.additional.values() {
            visit_strings(&value, visit);
        }
    }

    fn to_json(&self) -> Value {
        Value::Object(self.row.to_json())
    }
}

fn visit_strings(value: &EventValue<'_>, visit: &mut dyn FnMut(&str)) {
    match value {
        EventValue::Str(text) => visit(text),
        EventValue::Array(items) => items.iter().for_each(|item| visit_strings(item, visit)),
        EventValue::Map(entries) => entries.iter().for_each(|(_, item)| visit_strings(item, visit)),
        _ => {}
    }
}

/// A value that borrows its text from the one given.
fn borrowed<'v>(value: &'v EventValue<'_>) -> EventValue<'v> {
    match value {
        EventValue::Str(text) => EventValue::Str(Cow::Borrowed(text)),
        EventValue::Int(number) => EventValue::Int(*number),
        EventValue::Bool(value) => EventValue::Bool(*value),
        EventValue::Array(items) => EventValue::Array(items.iter().map(borrowed).collect()),
        other => other.clone(),
    }
}

impl<'a> RowView<'a> {
    pub(crate) fn new(row: &'a Row) -> RowView<'a> {
        let additional = Additional::parse(row.text("AdditionalFields"));
        let route = Route::of(row, &additional);
        RowView { row, additional, route, derived: [const { OnceCell::new() }; SLOTS] }
    }

    fn source_value(&self, name: &str, field: Option<Field>) -> Option<EventValue<'_>> {
        let value = self.additional.get(name)?;
        match (field, &value) {
            // The hunting tables write the device path; Sysmon and the rules write what follows it.
            (Some(Field::PipeName), EventValue::Str(pipe)) => {
                Some(text(pipe.strip_prefix(r"\Device\NamedPipe").unwrap_or(pipe).to_owned()))
            }
            // Some exporters put their own word over the source's.
            (Some(Field::EventType), EventValue::Str(word)) if word.eq_ignore_ascii_case("INFO") => None,
            _ => Some(value),
        }
    }

    fn column(&self, name: &str) -> Option<EventValue<'_>> {
        let position = self.row.table.position(name)?;
        match &self.row.cells[position] {
            Cell::Null => None,
            Cell::Bool(value) => Some(EventValue::Bool(*value)),
            Cell::Long(number) => Some(EventValue::Int(*number)),
            Cell::Real(number) => Some(EventValue::Float(*number)),
            Cell::Time(time) => Some(text(time.to_string())),
            Cell::Text(text) => Some(EventValue::Str(Cow::Borrowed(text))),
        }
    }

    fn derive(&self, field: Field) -> Option<EventValue<'a>> {
        self.derive_any(field).or_else(|| match self.row.table.name {
            "DeviceProcessEvents" => self.derive_process(field),
            "DeviceNetworkEvents" => self.derive_network(field),
            "DeviceRegistryEvents" => self.derive_registry(field),
            _ => self.derive_object(field),
        })
    }

    /// Fields that mean the same in every table.
    fn derive_any(&self, field: Field) -> Option<EventValue<'a>> {
        match field {
            Field::EventID => match self.additional.number("SourceEventId") {
                Some(id) => Some(EventValue::Int(id)),
                None => several(self.route.event_ids.iter().map(|id| EventValue::Int(*id)).collect()),
            },
            Field::Channel => self.source_text("SourceChannel"),
            Field::Provider_Name => self.source_text("SourceProvider").or_else(|| {
                (self.row.text("ActionType") == "ServiceInstalled")
                    .then_some(EventValue::Str(Cow::Borrowed("Service Control Manager")))
            }),
            Field::Computer | Field::ComputerName => self.text("DeviceName"),
            Field::MD5 => self.text("MD5"),
            Field::SHA1 => self.text("SHA1"),
            Field::SHA256 => self.text("SHA256"),
            Field::Hashes | Field::Hash => self.hashes(),
            Field::SubjectUserSid => self.text("InitiatingProcessAccountSid"),
            Field::SubjectUserName => self.text("InitiatingProcessAccountName"),
            Field::SubjectDomainName => self.text("InitiatingProcessAccountDomain"),
            Field::TargetUserName => self.text("AccountName"),
            Field::TargetDomainName => self.text("AccountDomain"),
            Field::TargetUserSid => self.text("AccountSid"),
            Field::a0 | Field::a1 | Field::a2 | Field::a3 | Field::a4 | Field::a5 | Field::a6 | Field::a7 => {
                self.argument(field as usize - Field::a0 as usize)
            }
            Field::comm => self.text("FileName").or_else(|| self.text("InitiatingProcessFileName")),
            _ => None,
        }
    }

    fn derive_process(&self, field: Field) -> Option<EventValue<'a>> {
        match field {
            Field::Image | Field::NewProcessName | Field::exe | Field::name => {
                self.path("FolderPath", "FileName")
            }
            Field::ParentImage | Field::ParentProcessName => {
                self.path("InitiatingProcessFolderPath", "InitiatingProcessFileName")
            }
            Field::GrandParentImage => self.path("", "InitiatingProcessParentFileName"),
            Field::CommandLine => self.text("ProcessCommandLine"),
            Field::ParentCommandLine => self.text("InitiatingProcessCommandLine"),
            Field::OriginalFileName => self.text("ProcessVersionInfoOriginalFileName"),
            Field::Product => self.text("ProcessVersionInfoProductName"),
            Field::Company => self.text("ProcessVersionInfoCompanyName"),
            Field::Description => self.text("ProcessVersionInfoFileDescription"),
            Field::FileVersion => self.text("ProcessVersionInfoProductVersion"),
            Field::User => self.account("Account"),
            Field::SubjectUserName => self.text("AccountName"),
            Field::SubjectDomainName => self.text("AccountDomain"),
            Field::ParentUser => self.account("InitiatingProcessAccount"),
            Field::IntegrityLevel => self.text("ProcessIntegrityLevel"),
            Field::CurrentDirectory => self.source_text("ProcessCurrentWorkingDirectory"),
            Field::LogonId => self.logon_id("LogonId"),
            Field::TerminalSessionId => self.number("CreatedProcessSessionId"),
            Field::ProcessId => self.number("ProcessId"),
            Field::ParentProcessId => self.number("InitiatingProcessId"),
            // One row stands for the records that auditd writes about one start.
            Field::r#type => several(["EXECVE", "SYSCALL", "PATH", "CWD", "PROCTITLE"].map(word).into()),
            _ => None,
        }
    }

    fn derive_network(&self, field: Field) -> Option<EventValue<'a>> {
        let inbound = self.row.text("ActionType") == "InboundConnectionAccepted";
        let sided = |when_out, when_in| if inbound { when_in } else { when_out };
        match field {
            Field::Initiated => Some(word(if inbound { "false" } else { "true" })),
            Field::Protocol => self.text("Protocol").map(|value| match value {
                EventValue::Str(name) => text(name.to_ascii_lowercase()),
                other => other,
            }),
            Field::SourceIp | Field::SourceAddress => self.text(sided("LocalIP", "RemoteIP")),
            Field::SourcePort => self.number(sided("LocalPort", "RemotePort")),
            Field::SourceHostname => {
                if inbound {
                    self.host()
                } else {
                    self.text("DeviceName")
                }
            }
            Field::DestinationIp | Field::DestAddress => self.text(sided("RemoteIP", "LocalIP")),
            Field::DestinationPort | Field::DestPort => self.number(sided("RemotePort", "LocalPort")),
            Field::DestinationHostname => {
                if inbound {
                    self.text("DeviceName")
                } else {
                    self.host()
                }
            }
            Field::DestinationIsIpv6 => {
                let address = self.row.text(sided("RemoteIP", "LocalIP"));
                (!address.is_empty()).then(|| word(if address.contains(':') { "true" } else { "false" }))
            }
            Field::Application => self.path("InitiatingProcessFolderPath", "InitiatingProcessFileName"),
            _ => self.derive_initiating(field),
        }
    }

    fn derive_registry(&self, field: Field) -> Option<EventValue<'a>> {
        let action = self.row.text("ActionType");
        match field {
            Field::TargetObject => match action {
                "RegistryKeyRenamed" => registry_names(self.row.text("PreviousRegistryKey"), None),
                "RegistryValueSet" | "RegistryValueDeleted" => {
                    registry_names(self.row.text("RegistryKey"), Some(self.row.text("RegistryValueName")))
                }
                // Which of the two was added or deleted is not known: name what is there.
                _ => {
                    let value = Some(self.row.text("RegistryValueName")).filter(|name| !name.is_empty());
                    registry_names(self.row.text("RegistryKey"), value)
                }
            },
            Field::ObjectName => Some(text(kernel_path(self.row.text("RegistryKey")))),
            Field::ObjectValueName => self.text("RegistryValueName"),
            Field::NewValue => self.text("RegistryValueData"),
            Field::OldValue => self.text("PreviousRegistryValueData"),
            Field::ProcessName => self.path("InitiatingProcessFolderPath", "InitiatingProcessFileName"),
            Field::NewName => match action {
                "RegistryKeyRenamed" => registry_names(self.row.text("RegistryKey"), None),
                _ => None,
            },
            Field::Details if action == "RegistryValueSet" => {
                let data = self.row.text("RegistryValueData");
                match registry_details(self.row.text("RegistryValueType"), data) {
                    Some(details) => Some(text(details)),
                    None => Some(EventValue::Str(Cow::Borrowed(data))),
                }
            }
            Field::EventType => Some(word(match action {
                "RegistryValueSet" => "SetValue",
                "RegistryKeyCreated" => "CreateKey",
                "RegistryKeyDeleted" => "DeleteKey",
                "RegistryValueDeleted" => "DeleteValue",
                "RegistryKeyRenamed" => "RenameKey",
                _ => return None,
            })),
            _ => self.derive_initiating(field),
        }
    }

    /// Files, images, drivers, logons and everything in `DeviceEvents`.
    fn derive_object(&self, field: Field) -> Option<EventValue<'a>> {
        let action = self.row.text("ActionType");
        match field {
            Field::TargetFilename
            | Field::ImageLoaded
            | Field::TargetImage
            | Field::Filename
            | Field::ObjectName
            | Field::name => self.path("FolderPath", "FileName"),
            Field::FileName if matches!(action, "FileAccessed" | "SensitiveFileRead") => {
                self.path("FolderPath", "FileName")
            }
            Field::SourceFilename => self.path("PreviousFolderPath", "PreviousFileName"),
            Field::RelativeTargetName => self.text("FileName"),
            Field::ShareName => self.text("ShareName"),
            Field::EventType => match action {
                "NamedPipeEvent" => match self.additional.text("FileOperation")? {
                    "File created" => Some(word("CreatePipe")),
                    "File opened" => Some(word("ConnectPipe")),
                    _ => None,
                },
                "WmiEventFilter" => Some(word("WmiFilterEvent")),
                "WmiEventConsumer" => Some(word("WmiConsumerEvent")),
                "WmiBindEventFilterToConsumer" => Some(word("WmiBindingEvent")),
                _ => None,
            },
            Field::QueryName | Field::query => {
                self.source_text("QueryName").or_else(|| self.source_text("DnsQueryString"))
            }
            Field::QueryResults | Field::answer => {
                self.source_text("QueryResults").or_else(|| self.dns_answers())
            }
            Field::SourceImage => self.path("InitiatingProcessFolderPath", "InitiatingProcessFileName"),
            Field::SourceCommandLine => self.text("InitiatingProcessCommandLine"),
            Field::SourceUser => self.account("InitiatingProcessAccount"),
            Field::SourceProcessId => self.number("InitiatingProcessId"),
            Field::TargetProcessId => self.number("ProcessId"),
            Field::GrantedAccess => {
                self.additional.number("DesiredAccess").map(|mask| text(format!("0x{mask:x}")))
            }
            Field::ScriptBlockText | Field::Payload => {
                self.source_text("Command").or_else(|| self.text("ProcessCommandLine"))
            }
            Field::Signature => self.source_text("ThreatName").or_else(|| self.source_text("Threat Name")),
            Field::LogonType => logon_type(self.row.text("LogonType")).map(EventValue::Int),
            Field::TargetLogonId => self.logon_id("LogonId"),
            Field::IpAddress => self.text("RemoteIP"),
            Field::IpPort => self.number("RemotePort"),
            Field::WorkstationName | Field::TargetServerName => self.text("RemoteDeviceName"),
            Field::AuthenticationPackageName => self.text("Protocol"),
            Field::ProcessName => self.path("InitiatingProcessFolderPath", "InitiatingProcessFileName"),
            Field::ServiceFileName | Field::ImagePath => self
                .source_text("ServiceFileName")
                .or_else(|| self.source_text("ImagePath"))
                .or_else(|| self.text("ProcessCommandLine"))
                .or_else(|| self.path("FolderPath", "FileName")),
            Field::nametype => match action {
                "FileCreated" => Some(word("CREATE")),
                "FileDeleted" => Some(word("DELETE")),
                "FileModified" => Some(word("NORMAL")),
                _ => None,
            },
            Field::r#type => several(["PATH", "SYSCALL", "CWD"].map(word).into()),
            // A process's own end is about that process.
            Field::Image if action == "ProcessTerminated" && !self.row.text("FileName").is_empty() => {
                self.path("FolderPath", "FileName")
            }
            _ => self.derive_initiating(field),
        }
    }

    /// The process behind an event that is not a process start.
    fn derive_initiating(&self, field: Field) -> Option<EventValue<'a>> {
        match field {
            Field::Image | Field::exe => {
                self.path("InitiatingProcessFolderPath", "InitiatingProcessFileName")
            }
            Field::CommandLine => self.text("InitiatingProcessCommandLine"),
            Field::ParentImage => self.path("", "InitiatingProcessParentFileName"),
            Field::User => self.account("InitiatingProcessAccount"),
            Field::IntegrityLevel => self.text("InitiatingProcessIntegrityLevel"),
            Field::ProcessId => self.number("InitiatingProcessId"),
            Field::LogonId => self.logon_id("InitiatingProcessLogonId"),
            _ => None,
        }
    }

    fn text(&self, column: &str) -> Option<EventValue<'a>> {
        match self.row.get(column) {
            Cell::Text(text) => Some(EventValue::Str(Cow::Borrowed(text))),
            _ => None,
        }
    }

    fn source_text(&self, name: &str) -> Option<EventValue<'a>> {
        self.additional.text(name).map(|value| text(value.to_owned()))
    }

    fn number(&self, column: &str) -> Option<EventValue<'a>> {
        match self.row.get(column) {
            Cell::Long(number) => Some(EventValue::Int(*number)),
            _ => None,
        }
    }

    /// The full path of a file. A row that holds only its name is given both as it is and after a separator,
    /// which is how rules look for it.
    fn path(&self, path_column: &str, name_column: &str) -> Option<EventValue<'a>> {
        let (path, name) = (self.row.text(path_column), self.row.text(name_column));
        let separator = match self.route.product {
            Some(Product::Linux) => '/',
            _ => '\\',
        };
        if path.is_empty() {
            return if name.is_empty() {
                self.text(path_column)
            } else {
                let after_separator = text(format!("{separator}{name}"));
                Some(EventValue::Array(vec![EventValue::Str(Cow::Borrowed(name)), after_separator]))
            };
        }
        let ends_with_name = path
            .len()
            .checked_sub(name.len())
            .and_then(|at| path.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(name));
        // A path to a stream or a raw command line ends otherwise, and is the value that rules mean.
        let is_folder = path.ends_with(['\\', '/']);
        if ends_with_name || !is_folder {
            return Some(EventValue::Str(Cow::Borrowed(path)));
        }
        Some(text(format!("{path}{name}")))
    }

    /// `DOMAIN\name`; Linux names users without a domain.
    fn account(&self, prefix: &str) -> Option<EventValue<'a>> {
        let (domain_column, name_column) = match prefix {
            "Account" => ("AccountDomain", "AccountName"),
            _ => ("InitiatingProcessAccountDomain", "InitiatingProcessAccountName"),
        };
        let (domain, name) = (self.row.text(domain_column), self.row.text(name_column));
        if name.is_empty() {
            return None;
        }
        if domain.is_empty() || self.route.product == Some(Product::Linux) {
            return Some(EventValue::Str(Cow::Borrowed(name)));
        }
        Some(text(format!(r"{domain}\{name}")))
    }

    fn logon_id(&self, column: &str) -> Option<EventValue<'a>> {
        match (self.row.get(column), self.route.product) {
            (Cell::Long(id), Some(Product::Linux)) => Some(EventValue::Int(*id)),
            (Cell::Long(id), _) => Some(text(format!("0x{id:x}"))),
            _ => None,
        }
    }

    /// The hashes as Sysmon lists them.
    fn hashes(&self) -> Option<EventValue<'a>> {
        let mut hashes = String::new();
        let imphash = self.additional.text("Imphash").unwrap_or_default();
        let columns = ["SHA1", "MD5", "SHA256"].map(|name| (name, self.row.text(name)));
        for (name, hash) in columns.into_iter().chain([("IMPHASH", imphash)]) {
            if !hash.is_empty() {
                let comma = if hashes.is_empty() { "" } else { "," };
                hashes.extend([comma, name, "=", &hash.to_ascii_uppercase()]);
            }
        }
        (!hashes.is_empty()).then(|| text(hashes))
    }

    /// The name in `RemoteUrl`, which may hold a whole address.
    fn host(&self) -> Option<EventValue<'a>> {
        let url = self.row.text("RemoteUrl");
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = after_scheme.split(['/', '?', ':']).next().unwrap_or_default();
        (!host.is_empty()).then_some(EventValue::Str(Cow::Borrowed(host)))
    }

    fn dns_answers(&self) -> Option<EventValue<'a>> {
        let mut answers = Vec::new();
        visit_strings(&self.additional.get("DnsQueryResult")?, &mut |answer| answers.push(answer.to_owned()));
        Some(text(answers.join(";")))
    }

    fn argument(&self, position: usize) -> Option<EventValue<'a>> {
        let line = self.row.text("ProcessCommandLine");
        line.split_ascii_whitespace().nth(position).map(|argument| EventValue::Str(Cow::Borrowed(argument)))
    }
}

fn text(value: String) -> EventValue<'static> {
    EventValue::Str(Cow::Owned(value))
}

fn word(value: &'static str) -> EventValue<'static> {
    EventValue::Str(Cow::Borrowed(value))
}

fn several(values: Vec<EventValue<'_>>) -> Option<EventValue<'_>> {
    (!values.is_empty()).then_some(EventValue::Array(values))
}

/// A registry path as Sysmon writes it, with the short names of the hives. Classes have two such names.
fn registry_names(key: &str, value_name: Option<&str>) -> Option<EventValue<'static>> {
    if key.is_empty() {
        return None;
    }
    let mut path = match short_hive(key) {
        Some((hive, rest)) => format!("{hive}{rest}"),
        None => key.to_owned(),
    };
    if let Some(name) = value_name {
        path.push('\\');
        path.push_str(if name.is_empty() { "(Default)" } else { name });
    }
    let classes =
        strip_prefix_ignore_case(&path, r"HKLM\SOFTWARE\Classes\").map(|rest| format!(r"HKCR\{rest}"));
    let control_set = current_control_set(&path);
    let other = classes.or(control_set);
    Some(match other {
        Some(other) => EventValue::Array(vec![text(path), text(other)]),
        None => text(path),
    })
}

fn short_hive(key: &str) -> Option<(&'static str, &str)> {
    let hives = [("HKEY_LOCAL_MACHINE", "HKLM"), ("HKEY_USERS", "HKU"), ("HKEY_CLASSES_ROOT", "HKCR")];
    hives.iter().find_map(|(long, short)| {
        let rest = strip_prefix_ignore_case(key, long)?;
        (rest.is_empty() || rest.starts_with('\\')).then_some((*short, rest))
    })
}

/// A registry key as the kernel names it, and with it the audit log.
fn kernel_path(key: &str) -> String {
    let hives = [("HKEY_LOCAL_MACHINE", r"\REGISTRY\MACHINE"), ("HKEY_USERS", r"\REGISTRY\USER")];
    let found = hives.iter().find_map(|(hive, path)| Some((path, strip_prefix_ignore_case(key, hive)?)));
    found.map_or_else(|| key.to_owned(), |(path, rest)| format!("{path}{rest}"))
}

/// Rules name the set of controls in use; devices report its number.
fn current_control_set(path: &str) -> Option<String> {
    let rest = strip_prefix_ignore_case(path, r"HKLM\SYSTEM\ControlSet0")?;
    let (number, rest) = rest.split_once('\\')?;
    let valid = number.len() == 2 && number.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| format!(r"HKLM\System\CurrentControlSet\{rest}"))
}

fn strip_prefix_ignore_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Registry data as Sysmon writes it; none when it writes the text as it is.
fn registry_details(kind: &str, data: &str) -> Option<String> {
    let kind = strip_prefix_ignore_case(kind, "REG_").unwrap_or(kind);
    if kind.eq_ignore_ascii_case("Dword") {
        let number = whole_number(data).and_then(|number| u32::try_from(number).ok())?;
        Some(format!("DWORD (0x{number:08x})"))
    } else if kind.eq_ignore_ascii_case("Qword") {
        let number = whole_number(data)?;
        Some(format!("QWORD (0x{:08x}-0x{:08x})", number >> 32, number & 0xffff_ffff))
    } else if kind.eq_ignore_ascii_case("Binary") {
        Some("Binary Data".to_owned())
    } else if data.is_empty() {
        Some("(Empty)".to_owned())
    } else {
        None
    }
}

fn whole_number(text: &str) -> Option<u64> {
    match strip_prefix_ignore_case(text, "0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn logon_type(name: &str) -> Option<i64> {
    Some(match name {
        "System" => 0,
        "Interactive" => 2,
        "Network" => 3,
        "Batch" => 4,
        "Service" => 5,
        "Unlock" => 7,
        "NetworkCleartext" => 8,
        "NewCredentials" => 9,
        "RemoteInteractive" => 10,
        "CachedInteractive" => 11,
        "CachedRemoteInteractive" => 12,
        "CachedUnlock" => 13,
        number => number.parse().ok()?,
    })
}
