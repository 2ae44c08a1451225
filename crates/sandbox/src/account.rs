//! Accounts as events name them.

use crate::digest;
use crate::scenario::{Company, Os};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub domain: String,
    pub name: String,
    pub sid: Option<String>,
    pub upn: Option<String>,
    pub logon_id: i64,
    pub session: i64,
    pub integrity: Option<&'static str>,
    pub elevation: &'static str,
    /// Linux: user and group id.
    pub posix_id: Option<u32>,
}

impl Account {
    /// An account of a device: one of the system's own, of the company, or local.
    pub fn find(company: &Company, os: Os, fqdn: &str, name: &str) -> Account {
        match os {
            Os::Windows => Account::windows(company, fqdn, name),
            Os::Linux => Account::linux(company, fqdn, name),
        }
    }

    fn windows(company: &Company, fqdn: &str, name: &str) -> Account {
        let service = match name {
            "system" => Some(("S-1-5-18", 999)),
            "local service" => Some(("S-1-5-19", 997)),
            "network service" => Some(("S-1-5-20", 996)),
            _ => None,
        };
        if let Some((sid, logon_id)) = service {
            return Account {
                domain: "nt authority".to_owned(),
                name: name.to_owned(),
                sid: Some(sid.to_owned()),
                upn: None,
                logon_id,
                session: 0,
                integrity: Some("System"),
                elevation: "TokenElevationTypeDefault",
                posix_id: None,
            };
        }
        let known = company.users.iter().chain(&company.admins).find(|user| user.name == name);
        let host = fqdn.split('.').next().unwrap_or(fqdn);
        let (domain, sid, upn) = match known {
            Some(user) => {
                let upn = format!("{name}@{}", company.domain);
                (company.netbios.clone(), format!("{}-{}", company.sid, user.id), Some(upn))
            }
            None => {
                let machine = digest::number("machine sid", fqdn, 4_000_000_000);
                let local = 1001 + digest::number("local user", name, 50);
                (host.to_owned(), format!("S-1-5-21-{machine}-{}-{}-{local}", machine / 3, machine / 7), None)
            }
        };
        Account {
            domain,
            name: name.to_owned(),
            sid: Some(sid),
            upn,
            logon_id: 100_000 + digest::number("logon", &format!("{fqdn} {name}"), 9_000_000) as i64,
            session: 1,
            integrity: Some("Medium"),
            elevation: "TokenElevationTypeLimited",
            posix_id: None,
        }
    }

    fn linux(company: &Company, fqdn: &str, name: &str) -> Account {
        let known = company.users.iter().chain(&company.admins).find(|user| user.name == name);
        let id = match (name, known) {
            ("root", _) => 0,
            ("www-data", _) => 33,
            (_, Some(user)) => user.id,
            (_, None) => 980 + digest::number("uid", name, 20) as u32,
        };
        Account {
            domain: fqdn.to_owned(),
            name: name.to_owned(),
            sid: None,
            upn: None,
            logon_id: 0,
            session: 0,
            integrity: None,
            elevation: "None",
            posix_id: Some(id),
        }
    }
}
