//! One Windows or Linux-Sysmon event, whatever shape it arrived in.

use std::borrow::Cow;

use model::Ticks;

use crate::Refusal;
use crate::json::Json;
use crate::values::number;

/// The event logs that mappings name. Anything else is known by its text only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Sysmon,
    Security,
    System,
    PowerShell,
    Defender,
    WmiActivity,
    DnsClient,
    TaskScheduler,
    AppLocker,
    CodeIntegrity,
}

/// Channel names in lower case, and the channel they belong to.
const CHANNELS: &[(&str, Channel)] = &[
    ("microsoft-windows-sysmon/operational", Channel::Sysmon),
    ("linux-sysmon/operational", Channel::Sysmon),
    ("security", Channel::Security),
    ("system", Channel::System),
    ("microsoft-windows-powershell/operational", Channel::PowerShell),
    ("powershellcore/operational", Channel::PowerShell),
    ("microsoft-windows-windows defender/operational", Channel::Defender),
    ("microsoft-windows-wmi-activity/operational", Channel::WmiActivity),
    ("microsoft-windows-dns-client/operational", Channel::DnsClient),
    ("microsoft-windows-dns client events/operational", Channel::DnsClient),
    ("microsoft-windows-taskscheduler/operational", Channel::TaskScheduler),
    ("microsoft-windows-applocker/exe and dll", Channel::AppLocker),
    ("microsoft-windows-applocker/msi and script", Channel::AppLocker),
    ("microsoft-windows-codeintegrity/operational", Channel::CodeIntegrity),
];

/// Providers that write to one channel only, for records that do not name theirs.
const PROVIDERS: &[(&str, Channel)] = &[
    ("microsoft-windows-sysmon", Channel::Sysmon),
    ("linux-sysmon", Channel::Sysmon),
    ("microsoft-windows-security-auditing", Channel::Security),
];

impl Channel {
    pub fn of(name: &str) -> Option<Channel> {
        CHANNELS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, channel)| *channel)
    }

    fn of_provider(name: &str) -> Option<Channel> {
        PROVIDERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, channel)| *channel)
    }

    /// The name in kinds such as `Security/4658`.
    fn short_name(self) -> &'static str {
        match self {
            Channel::Sysmon => "Sysmon",
            Channel::Security => "Security",
            Channel::System => "System",
            Channel::PowerShell => "PowerShell",
            Channel::Defender => "Windows Defender",
            Channel::WmiActivity => "WMI-Activity",
            Channel::DnsClient => "DNS-Client",
            Channel::TaskScheduler => "TaskScheduler",
            Channel::AppLocker => "AppLocker",
            Channel::CodeIntegrity => "CodeIntegrity",
        }
    }
}

/// The account the event log notes beside an event.
#[derive(Debug, Default)]
pub(crate) struct LoggedUser<'a> {
    pub sid: Option<Cow<'a, str>>,
    pub domain: Option<Cow<'a, str>>,
    pub name: Option<Cow<'a, str>>,
}

#[derive(Debug, Default)]
pub(crate) struct Event<'a> {
    pub provider: Cow<'a, str>,
    pub channel: Cow<'a, str>,
    pub event_id: i64,
    pub host: Cow<'a, str>,
    /// The event's own time as its log wrote it.
    pub system_time: Option<Cow<'a, str>>,
    /// When a collector wrote or received it, best first, with the source's name for it.
    pub other_times: Vec<(&'static str, Cow<'a, str>)>,
    pub record_id: Option<i64>,
    /// The process that wrote the event.
    pub process_id: Option<i64>,
    pub user: LoggedUser<'a>,
    /// What the event says about itself, under its own names.
    pub fields: Vec<(Cow<'a, str>, Json<'a>)>,
}

impl<'a> Event<'a> {
    /// Adds a field, numbers and booleans as text; null is no field.
    pub fn push(&mut self, name: Cow<'a, str>, value: Json<'a>) {
        let value = match value {
            Json::Null => return,
            Json::List(_) | Json::Object(_) => value,
            other => other.into_text().map_or(Json::Null, Json::Text),
        };
        self.fields.push((name, value));
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|(known, value)| match value {
            Json::Text(text) if known == name => Some(&**text),
            _ => None,
        })
    }

    /// A field that may be a list.
    pub fn json(&self, name: &str) -> Option<&Json<'a>> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub fn known_channel(&self) -> Option<Channel> {
        Channel::of(&self.channel).or_else(|| Channel::of_provider(&self.provider))
    }

    pub fn is_linux(&self) -> bool {
        self.provider.eq_ignore_ascii_case("Linux-Sysmon")
    }

    /// `Security/4658`: the channel without what all channels share, and the id.
    pub fn kind(&self) -> String {
        const NAME_MAX: usize = 80;
        let name = match self.known_channel() {
            Some(channel) => channel.short_name(),
            None if self.channel.is_empty() => "?",
            None => {
                let name = self.channel.strip_prefix("Microsoft-Windows-").unwrap_or(&self.channel);
                let name = name.strip_suffix("/Operational").unwrap_or(name);
                name.char_indices().nth(NAME_MAX).map_or(name, |(end, _)| &name[..end])
            }
        };
        format!("{name}/{}", self.event_id)
    }

    /// When it happened: the event's own clock before the log's, the log's before a collector's. The first
    /// that is present decides; a bad one is refused, since the others may run on another clock.
    pub fn time(&self) -> Result<Ticks, Refusal> {
        let own = self.get("UtcTime").map(|text| ("UtcTime", text));
        let system = self.system_time.as_deref().map(|text| ("SystemTime", text));
        let others = self.other_times.iter().map(|(name, text)| (*name, &**text));
        let mut present =
            own.into_iter().chain(system).chain(others).filter(|(_, text)| !matches!(*text, "" | "-"));
        let Some((field, text)) = present.next() else {
            return Err(Refusal::bad_time("UtcTime", None));
        };
        let time = Ticks::parse(text).filter(|time| time.unix_nanos().is_some());
        time.ok_or_else(|| Refusal::bad_time(field, Some(text)))
    }
}

/// An event id: a number, or one as text.
pub(crate) fn event_id(value: &Json<'_>) -> Option<i64> {
    match value {
        Json::Int(id) => Some(*id).filter(|id| *id >= 0),
        Json::Text(text) => number(text).filter(|id| *id >= 0),
        _ => None,
    }
}

/// A number, or one as text, such as a record id or a process id.
pub(crate) fn integer(value: &Json<'_>) -> Option<i64> {
    match value {
        Json::Int(number) => Some(*number),
        Json::Text(text) => number(text),
        _ => None,
    }
}
