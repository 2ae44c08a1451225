//! Addresses that devices talked to.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::found::Profiles;
use crate::merge::Merge;
use crate::rows::{Groups, Rows, Span};
use crate::sample::Sample;

/// What is known of an address. Its id is its canonical text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Not reachable from the internet, so the same text can mean another computer in another network.
    pub is_private: bool,
    pub devices: Sample<()>,
}

impl Merge for Address {
    fn merge(&mut self, other: Address) {
        self.is_private |= other.is_private;
        self.devices.merge(other.devices);
    }
}

/// The address as profiles name it: an IPv4 address inside an IPv6 one is taken out. None for what is no
/// address of another computer.
pub fn address_id(text: &str) -> Option<String> {
    peer(text).map(|ip| ip.to_string())
}

pub(crate) fn fold(rows: &Rows<'_>, found: &mut Profiles<Address>) {
    let peers = rows.text("RemoteIP");
    if peers.is_absent() {
        return;
    }
    let mut groups: Groups<(&str, u32), Span> = Groups::new();
    for seen in rows.iter() {
        let text = peers.at(seen.row);
        if !text.is_empty() {
            groups.of((text, seen.device), || Span::at(seen.at)).include(Span::at(seen.at));
        }
    }
    for ((text, device), span) in groups.into_groups() {
        let Some(ip) = peer(text) else { continue };
        let address = found.seen(&ip.to_string(), span);
        address.is_private |= is_private(ip);
        address.devices.add(rows.device(device).key, span.last, ());
    }
}

fn peer(text: &str) -> Option<IpAddr> {
    let ip = text.parse::<IpAddr>().ok()?.to_canonical();
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    (!ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast).then_some(ip)
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        // 100.64.0.0/10 is what carriers use between themselves and their customers.
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_other_computers_have_a_profile() {
        for (text, id) in [
            ("203.0.113.9", Some(("203.0.113.9", false))),
            ("::ffff:10.1.2.3", Some(("10.1.2.3", true))),
            ("2001:DB8:0:0::1", Some(("2001:db8::1", false))),
            ("100.64.9.9", Some(("100.64.9.9", true))),
            ("100.128.9.9", Some(("100.128.9.9", false))),
            ("fe80::1", Some(("fe80::1", true))),
            ("127.0.0.1", None),
            ("::", None),
            ("224.0.0.251", None),
            ("255.255.255.255", None),
            ("10.1.2", None),
            ("host", None),
        ] {
            let known = address_id(text).map(|id| (id, is_private(peer(text).unwrap())));
            assert_eq!(known, id.map(|(id, is_private)| (id.to_owned(), is_private)), "{text}");
        }
    }
}
