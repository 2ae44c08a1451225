//! Whose request a proxy forwards.
//!
//! The address of a connection is that of a proxy where there is one. A proxy that the operator names is believed to
//! say whom it forwards for (`X-Forwarded-For`), read from the end: the last address that is none of these proxies is
//! the caller's. What stands before it anybody could have written.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName};
use model::access::Network;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Proxies that a request may have come through.
const HOPS_MAX: usize = 32;

/// Puts the address of the caller in the place of that of the proxy.
pub(crate) fn settle(proxies: &[Network], request: &mut Request) {
    if proxies.is_empty() {
        return;
    }
    let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() else {
        return;
    };
    if let Some(address) = caller(proxies, peer.ip(), request.headers()) {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, 0)));
    }
}

/// None where no proxy that is believed tells it.
fn caller(proxies: &[Network], peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let is_proxy = |address: IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
    if !is_proxy(peer) {
        return None;
    }
    let values = headers.get_all(FORWARDED_FOR).iter().rev();
    let hops = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')).take(HOPS_MAX);
    let mut last = None;
    for hop in hops {
        // What a proxy wrote that is no address ends what is known.
        let Some(address) = str::from_utf8(hop).ok().and_then(|hop| address(hop.trim())) else { return last };
        if !is_proxy(address) {
            return Some(address);
        }
        last = Some(address);
    }
    last
}

/// An address, where some proxies write a port with it.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = plain.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|whole| whole.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_caller_is_the_last_one_that_no_proxy_of_ours_is() {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|text| Network::parse(text).unwrap());
        for (peer, forwarded, expected) in [
            ("192.0.2.9", vec!["198.51.100.1"], None),
            ("10.0.0.1", vec![], None),
            ("10.0.0.1", vec!["198.51.100.1"], Some("198.51.100.1")),
            ("::ffff:10.0.0.1", vec!["198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", vec!["127.0.0.1, 198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", vec!["127.0.0.1", "198.51.100.1, 10.0.0.2"], Some("198.51.100.1")),
            ("fd00::1", vec!["2001:db8::7"], Some("2001:db8::7")),
            ("10.0.0.1", vec!["198.51.100.1:4711"], Some("198.51.100.1")),
            ("10.0.0.1", vec!["[2001:db8::7]:443"], Some("2001:db8::7")),
            ("10.0.0.1", vec!["[2001:db8::7]"], Some("2001:db8::7")),
            ("10.0.0.1", vec!["198.51.100.1, unknown"], None),
            ("10.0.0.1", vec!["\u{ff}, 198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", vec!["198.51.100.9, 198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", vec!["198.51.100.1, unknown, 10.0.0.2"], Some("10.0.0.2")),
            ("10.0.0.1", vec!["10.0.0.3"], Some("10.0.0.3")),
        ] {
            let mut headers = HeaderMap::new();
            for value in &forwarded {
                headers.append(FORWARDED_FOR, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            let found = caller(&proxies, peer.parse().unwrap(), &headers);
            assert_eq!(found.map(|address| address.to_string()).as_deref(), expected, "{peer} {forwarded:?}");
        }
    }
}
