//! Users, and the devices they were at.
//!
//! A user was at a device when a logon succeeded there, when a process of the account ran there, or when the
//! device said so in its own record. Accounts of the system itself and of computers are no users.

use model::DeviceId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::days::Days;
use crate::found::Profiles;
use crate::merge::{Latest, Merge, TEXT_BYTES_MAX, Texts as Set, kept, offer, raise};
use crate::rows::{Groups, Rows, Span, Texts};

/// Different kinds of logon that are kept.
pub const LOGON_TYPES_MAX: usize = 16;

/// What is known of a user. Its id is domain and name in lower case, joined by a backslash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub sid: Option<Latest<String>>,
    /// Such as `Interactive`; of successful logons.
    pub logon_types: Set<LOGON_TYPES_MAX>,
}

/// What is known of a user at one device. Its id is [`logon_id`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logon {
    /// Empty for a user that only ran processes.
    pub logon_types: Set<LOGON_TYPES_MAX>,
    /// Days on which the user was there: which device is used most.
    pub days: Days,
}

impl Merge for User {
    fn merge(&mut self, other: User) {
        raise(&mut self.sid, other.sid);
        self.logon_types.merge(other.logon_types);
    }
}

impl Merge for Logon {
    fn merge(&mut self, other: Logon) {
        self.logon_types.merge(other.logon_types);
        self.days.merge(other.days);
    }
}

/// The user as profiles name it.
pub fn user_id(domain: &str, name: &str) -> String {
    match domain {
        "" => store::fold(name),
        domain => store::fold(&format!("{domain}\\{name}")),
    }
}

/// The name without the domain.
pub fn user_name(id: &str) -> &str {
    id.split_once('\\').map_or(id, |(_, name)| name)
}

/// A user at a device.
pub fn logon_id(device: &DeviceId, user: &str) -> String {
    format!("{device}/{user}")
}

/// The user of a [`logon_id`].
pub fn user_of_logon(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, user)| user)
}

/// An account as a row names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Account<'a> {
    domain: &'a str,
    name: &'a str,
}

/// What rows of a batch say of a user at a device.
struct Group<'a> {
    span: Span,
    /// The latest one, and of the same time the greatest.
    sid: (i64, &'a str),
    logon_types: Vec<&'a str>,
    days: Days,
}

type Accounts<'a> = Groups<(Account<'a>, u32), Group<'a>>;

pub(crate) fn fold(rows: &Rows<'_>, users: &mut Profiles<User>, logons: &mut Profiles<Logon>) {
    let mut groups: Accounts<'_> = Groups::new();
    match rows.table.name {
        "DeviceProcessEvents" => gather(rows, "Account", None, &mut groups),
        "DeviceLogonEvents" => {
            let actions = rows.text("ActionType");
            gather(rows, "Account", Some((actions, rows.text("LogonType"))), &mut groups);
        }
        "DeviceInfo" => fold_records(rows, users, logons),
        _ => {}
    }
    gather(rows, "InitiatingProcessAccount", None, &mut groups);
    for ((account, device), group) in groups.into_groups() {
        let device = &rows.device(device).id;
        take_in(account, device, group, users, logons);
    }
}

/// `logons` are the columns with the outcome and the type of a logon.
fn gather<'a>(
    rows: &Rows<'a>,
    prefix: &str,
    logons: Option<(Texts<'a>, Texts<'a>)>,
    groups: &mut Accounts<'a>,
) {
    let text = |name: &str| rows.text(&format!("{prefix}{name}"));
    let (domains, names, sids) = (text("Domain"), text("Name"), text("Sid"));
    if names.is_absent() {
        return;
    }
    for seen in rows.iter() {
        let name = names.at(seen.row);
        // Who tried to log on and did not succeed was not there.
        if name.is_empty() || logons.is_some_and(|(actions, _)| actions.at(seen.row) != "LogonSuccess") {
            continue;
        }
        let (account, sid) = (Account { domain: domains.at(seen.row), name }, sids.at(seen.row));
        // Here and not when the group is done: what becomes of a row must not depend on its neighbours.
        if is_of_system(sid) {
            continue;
        }
        let group = groups.of((account, seen.device), || Group::new(seen.at));
        group.include(seen.at, sid);
        if let Some(kind) = logons.and_then(|(_, types)| kept(types.at(seen.row)))
            && !group.logon_types.contains(&kind)
        {
            group.logon_types.push(kind);
        }
    }
}

impl<'a> Group<'a> {
    fn new(at: i64) -> Group<'a> {
        Group { span: Span::at(at), sid: (i64::MIN, ""), logon_types: Vec::new(), days: Days::default() }
    }

    fn include(&mut self, at: i64, sid: &'a str) {
        self.span.include(Span::at(at));
        self.days.add(at);
        if kept(sid).is_some() {
            self.sid = self.sid.max((at, sid));
        }
    }
}

/// Users in a device's own record: an array of objects with `UserName`, `DomainName` and `Sid`.
fn fold_records(rows: &Rows<'_>, users: &mut Profiles<User>, logons: &mut Profiles<Logon>) {
    let lists = rows.text("LoggedOnUsers");
    for seen in rows.iter() {
        let Ok(Value::Array(list)) = serde_json::from_str(lists.at(seen.row)) else { continue };
        for entry in &list {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let account = Account { domain: text("DomainName"), name: text("UserName") };
            let sid = text("Sid");
            if is_of_system(sid) {
                continue;
            }
            let mut group = Group::new(seen.at);
            group.include(seen.at, sid);
            take_in(account, &rows.device(seen.device).id, group, users, logons);
        }
    }
}

fn take_in(
    account: Account<'_>,
    device: &DeviceId,
    group: Group<'_>,
    users: &mut Profiles<User>,
    logons: &mut Profiles<Logon>,
) {
    if !is_user(account) {
        return;
    }
    let id = user_id(account.domain, account.name);
    let user = users.seen(&id, group.span);
    let (at, sid) = group.sid;
    offer(&mut user.sid, at, kept(sid).map(str::to_owned));
    let logon = logons.seen(&logon_id(device, &id), group.span);
    logon.days.merge(group.days);
    for kind in group.logon_types {
        user.logon_types.add(kind);
        logon.logon_types.add(kind);
    }
}

fn is_user(account: Account<'_>) -> bool {
    const SYSTEM: [&str; 4] = ["nt authority", "nt service", "window manager", "font driver host"];
    let Account { domain, name } = account;
    let has_length = !name.trim().is_empty() && domain.len() + name.len() < TEXT_BYTES_MAX;
    // The account of a computer ends with a dollar sign.
    has_length && !name.ends_with('$') && !SYSTEM.iter().any(|system| domain.eq_ignore_ascii_case(system))
}

/// Domains of the system have other names in other languages; the ids are the same.
fn is_of_system(sid: &str) -> bool {
    const EXACT: [&str; 3] = ["18", "19", "20"];
    const BELOW: [&str; 3] = ["80-", "90-", "96-"];
    let Some(rest) = sid.strip_prefix("S-1-5-") else { return false };
    EXACT.contains(&rest) || BELOW.iter().any(|start| rest.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_of_the_system_are_no_users() {
        for (domain, name, sid, expected) in [
            ("CORP", "ada", "S-1-5-21-1-2-3-1001", true),
            ("", "root", "", true),
            ("NT AUTHORITY", "SYSTEM", "", false),
            ("NT-AUTORITÄT", "SYSTEM", "S-1-5-18", false),
            ("Window Manager", "DWM-1", "", false),
            ("", "UMFD-0", "S-1-5-96-0-0", false),
            ("CORP", "PC1$", "", false),
            ("CORP", " ", "", false),
        ] {
            let is_user = is_user(Account { domain, name }) && !is_of_system(sid);
            assert_eq!(is_user, expected, "{domain}\\{name}");
        }
        let long = "a".repeat(TEXT_BYTES_MAX);
        assert!(!is_user(Account { domain: "", name: &long }));
    }

    #[test]
    fn ids_lead_back_to_names() {
        let id = user_id("Corp", "Ada.L");
        assert_eq!((id.as_str(), user_name(&id)), ("corp\\ada.l", "ada.l"));
        assert_eq!((user_id("", "root").as_str(), user_name("root")), ("root", "root"));
        let device = DeviceId::parse(&"a".repeat(40)).unwrap();
        assert_eq!(user_of_logon(&logon_id(&device, &id)), id);
    }
}
