//! What narrows access: device groups with their rules, and the bounds of an app's grant.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::time::Ticks;

/// The device group of what no rule matches.
pub const UNASSIGNED_GROUP: i64 = 0;
pub const UNASSIGNED_GROUP_NAME: &str = "UnassignedGroup";

/// Which devices a caller reaches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    All,
    /// Those of these device groups, by id.
    Groups(Arc<BTreeSet<i64>>),
}

impl Reach {
    pub fn groups(groups: impl IntoIterator<Item = i64>) -> Reach {
        Reach::Groups(Arc::new(groups.into_iter().collect()))
    }

    pub fn union(&self, other: &Reach) -> Reach {
        match (self, other) {
            (Reach::Groups(one), Reach::Groups(other)) => Reach::groups(one.union(other).copied()),
            _ => Reach::All,
        }
    }

    pub fn intersection(&self, other: &Reach) -> Reach {
        match (self, other) {
            (Reach::Groups(one), Reach::Groups(other)) => Reach::groups(one.intersection(other).copied()),
            (Reach::All, narrowed) | (narrowed, Reach::All) => narrowed.clone(),
        }
    }

    pub fn is_all(&self) -> bool {
        *self == Reach::All
    }

    pub fn includes(&self, group: i64) -> bool {
        match self {
            Reach::All => true,
            Reach::Groups(groups) => groups.contains(&group),
        }
    }
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Aspect {
    /// The DNS name, or its first part.
    Name,
    /// What comes behind the first part of the DNS name.
    Domain,
    /// Any of the tags.
    Tag,
    /// The platform, such as `Windows10` or `Linux`.
    Os,
}

/// How it is compared, without regard to letter case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Comparison {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
}

/// Holds when any of the values fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    pub property: Aspect,
    pub operator: Comparison,
    pub values: Vec<String>,
}

/// Matches a device when every condition holds; without conditions it matches none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceRule(pub Vec<Condition>);

impl Condition {
    fn holds(&self, machine: &Machine) -> bool {
        let name = machine.computer_dns_name.as_deref().unwrap_or_default();
        let (host, domain) = name.split_once('.').unwrap_or((name, ""));
        match self.property {
            Aspect::Name => self.fits(name) || self.fits(host),
            Aspect::Domain => self.fits(domain),
            Aspect::Tag => machine.machine_tags.iter().any(|tag| self.fits(tag)),
            Aspect::Os => self.fits(&machine.os_platform),
        }
    }

    fn fits(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        !text.is_empty()
            && self.values.iter().map(|value| value.to_lowercase()).any(|value| match self.operator {
                Comparison::Equals => text == value,
                Comparison::StartsWith => text.starts_with(&value),
                Comparison::EndsWith => text.ends_with(&value),
                Comparison::Contains => text.contains(&value),
            })
    }
}

impl DeviceRule {
    pub fn matches(&self, machine: &Machine) -> bool {
        !self.0.is_empty() && self.0.iter().all(|condition| condition.holds(machine))
    }
}

/// A named set of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceGroup {
    pub id: i64,
    pub name: String,
    pub description: String,
    /// A device is of the first group whose rule matches, the lowest rank first.
    pub rank: i64,
    pub rule: DeviceRule,
    /// The user groups that reach its devices; with none, every user whose role allows the call.
    pub user_groups: Vec<uuid::Uuid>,
}

/// The first of the groups, which come in the order of ranks, that the machine is of.
pub fn group_of<'g>(groups: &'g [DeviceGroup], machine: &Machine) -> Option<&'g DeviceGroup> {
    groups.iter().find(|group| group.rule.matches(machine))
}

/// What bounds an app's grant. What is empty bounds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GrantScope {
    /// Ids of device groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_groups: Vec<i64>,
    /// Names of response actions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Where calls may come from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
    /// When calls may come, in UTC.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
}

/// An address with the number of bits that count, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A part of some days; all of them when none is named. The end is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hours {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    pub from: Minute,
    pub to: Minute,
}

/// A minute of the day, written `08:30`; the end of the day is `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Minute(u16);

impl GrantScope {
    pub fn reach(&self) -> Reach {
        if self.device_groups.is_empty() {
            Reach::All
        } else {
            Reach::groups(self.device_groups.iter().copied())
        }
    }

    /// Whether the response action may be asked for.
    pub fn allows_action(&self, action: &str) -> bool {
        self.actions.is_empty() || self.actions.iter().any(|allowed| allowed.eq_ignore_ascii_case(action))
    }

    /// Whether a call may come from there; where that is not known, only when any place will do.
    pub fn allows_address(&self, address: Option<IpAddr>) -> bool {
        self.networks.is_empty()
            || address.is_some_and(|address| self.networks.iter().any(|network| network.contains(address)))
    }

    pub fn allows_time(&self, now: Ticks) -> bool {
        self.hours.is_empty() || self.hours.iter().any(|hours| hours.contain(now))
    }
}

impl Network {
    pub fn parse(text: &str) -> Option<Network> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address = address.trim().parse::<IpAddr>().ok()?.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.trim().parse().ok().filter(|bits| *bits <= most)?,
            None => most,
        };
        Some(Network { address, bits })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        fn same(one: &[u8], other: &[u8], bits: u8) -> bool {
            let (whole, rest) = (usize::from(bits / 8), bits % 8);
            one[..whole] == other[..whole]
                && (rest == 0 || (one[whole] ^ other[whole]).leading_zeros() >= u32::from(rest))
        }
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => same(&own.octets(), &other.octets(), self.bits),
            (IpAddr::V6(own), IpAddr::V6(other)) => same(&own.octets(), &other.octets(), self.bits),
            _ => false,
        }
    }
}

impl Hours {
    fn contain(&self, now: Ticks) -> bool {
        const DAYS: [Day; 7] = [
            Day::Monday,
            Day::Tuesday,
            Day::Wednesday,
            Day::Thursday,
            Day::Friday,
            Day::Saturday,
            Day::Sunday,
        ];
        // The first day of the year 1 was a Monday.
        let minutes = now.0.div_euclid(600_000_000);
        let day = DAYS[usize::try_from(minutes.div_euclid(1_440).rem_euclid(7)).unwrap_or_default()];
        let minute = Minute(u16::try_from(minutes.rem_euclid(1_440)).unwrap_or_default());
        (self.days.is_empty() || self.days.contains(&day)) && (self.from..self.to).contains(&minute)
    }
}

impl Minute {
    pub fn parse(text: &str) -> Option<Minute> {
        let (hour, minute) = text.split_once(':')?;
        let two = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
        let (hour, minute) = (two(hour)?, two(minute)?);
        (minute < 60 && hour * 60 + minute <= 1_440).then_some(Minute(hour * 60 + minute))
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Network, String> {
        Network::parse(&text).ok_or_else(|| format!("'{text}' is not a network such as 10.0.0.0/8"))
    }
}

impl From<Network> for String {
    fn from(network: Network) -> String {
        format!("{}/{}", network.address, network.bits)
    }
}

impl TryFrom<String> for Minute {
    type Error = String;

    fn try_from(text: String) -> Result<Minute, String> {
        Minute::parse(&text).ok_or_else(|| format!("'{text}' is not a time such as 08:30"))
    }
}

impl From<Minute> for String {
    fn from(Minute(minute): Minute) -> String {
        format!("{:02}:{:02}", minute / 60, minute % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{DeviceId, TenantId};

    fn machine(name: &str, os: &str, tags: &[&str]) -> Machine {
        let id = DeviceId::from_name(TenantId(uuid::Uuid::nil()), name);
        Machine {
            computer_dns_name: Some(name.to_owned()),
            os_platform: os.to_owned(),
            machine_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..Machine::new(id, Ticks(0))
        }
    }

    #[test]
    fn a_rule_matches_by_name_domain_tag_and_platform() {
        let pc = machine("pc1.corp.example", "Windows10", &["VIP", "Paris"]);
        for (property, operator, values, expected) in [
            ("name", "equals", vec!["PC1"], true),
            ("name", "equals", vec!["pc1.CORP.example"], true),
            ("name", "startsWith", vec!["x", "pc"], true),
            ("name", "contains", vec!["example"], true),
            ("name", "endsWith", vec!["pc"], false),
            ("domain", "equals", vec!["corp.example"], true),
            ("domain", "equals", vec!["example"], false),
            ("domain", "endsWith", vec![".example"], true),
            ("tag", "equals", vec!["paris"], true),
            ("tag", "equals", vec!["pari"], false),
            ("os", "startsWith", vec!["windows"], true),
            ("os", "equals", vec!["Linux"], false),
            ("os", "equals", vec![], false),
        ] {
            let condition =
                serde_json::json!([{ "property": property, "operator": operator, "values": values }]);
            let rule: DeviceRule = serde_json::from_value(condition).unwrap();
            assert_eq!(rule.matches(&pc), expected, "{rule:?}");
        }
        assert!(!DeviceRule::default().matches(&pc));
        let bare = machine("pc1", "Linux", &[]);
        let domain = r#"[{"property":"domain","operator":"contains","values":[""]}]"#;
        assert!(!serde_json::from_str::<DeviceRule>(domain).unwrap().matches(&bare));
    }

    #[test]
    fn the_first_group_by_rank_takes_a_machine() {
        let group = |id: i64, rule: &str| DeviceGroup {
            id,
            name: id.to_string(),
            description: String::new(),
            rank: id,
            rule: serde_json::from_str(rule).unwrap(),
            user_groups: Vec::new(),
        };
        let groups = [
            group(
                1,
                r#"[{"property":"tag","operator":"equals","values":["a"]},{"property":"os","operator":"equals","values":["Linux"]}]"#,
            ),
            group(2, r#"[{"property":"os","operator":"equals","values":["Linux"]}]"#),
        ];
        let of = |machine: &Machine| group_of(&groups, machine).map(|group| group.id);
        assert_eq!(of(&machine("a", "Linux", &["a"])), Some(1));
        assert_eq!(of(&machine("a", "Linux", &[])), Some(2));
        assert_eq!(of(&machine("a", "Windows10", &["a"])), None);
    }

    #[test]
    fn a_network_holds_the_addresses_of_its_bits() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("192.168.1.128/25", "192.168.1.127", false),
            ("192.168.1.128/25", "192.168.1.200", true),
            ("192.168.1.7", "192.168.1.7", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), expected, "{network:?} {address}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "x/8", "10.0.0.0/", "10.0.0.0/-1"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn hours_are_of_days_in_utc() {
        let hours = r#"{"days":["monday","friday"],"from":"08:30","to":"17:00"}"#;
        let hours: Hours = serde_json::from_str(hours).unwrap();
        for (time, expected) in [
            ("2024-05-06T08:30:00Z", true),
            ("2024-05-06T08:29:59Z", false),
            ("2024-05-06T16:59:59Z", true),
            ("2024-05-06T17:00:00Z", false),
            ("2024-05-07T12:00:00Z", false),
            ("2024-05-10T12:00:00Z", true),
        ] {
            assert_eq!(hours.contain(Ticks::parse(time).unwrap()), expected, "{time}");
        }
        for text in ["8:30", "24:01", "12:60", "", "12", "-1:00"] {
            assert!(Minute::parse(text).is_none(), "{text}");
        }
        assert!(Minute::parse("24:00").is_some());
    }

    #[test]
    fn an_empty_scope_bounds_nothing_and_a_full_one_is_written_as_read() {
        let scope = GrantScope::default();
        assert!(scope.allows_action("Isolate") && scope.allows_address(None) && scope.allows_time(Ticks(0)));
        assert!(scope.reach().is_all());
        let text = r#"{"deviceGroups":[3],"actions":["isolate"],"networks":["10.0.0.0/8"],"hours":[{"from":"00:00","to":"24:00"}]}"#;
        let scope: GrantScope = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&scope).unwrap(), text);
        assert!(scope.allows_action("Isolate") && !scope.allows_action("Scan"));
        assert!(!scope.allows_address(None) && scope.allows_time(Ticks(0)));
        assert!(scope.reach().includes(3) && !scope.reach().includes(0));
        assert!(serde_json::from_str::<GrantScope>(r#"{"device_groups":[3]}"#).is_err());
    }
}
