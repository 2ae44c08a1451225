//! IP addresses with prefixes: `10.0.0.1`, `10.0.0.0/8`, `fe80::1/64`.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An address and how many of its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct V4 {
    pub address: u32,
    pub prefix: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct V6 {
    pub address: u128,
    pub prefix: u32,
    /// Whether it was written as an IPv4 address.
    pub is_v4: bool,
}

fn split_prefix(text: &str, bits: u32) -> Option<(&str, u32)> {
    let Some((address, prefix)) = text.trim().split_once('/') else { return Some((text.trim(), bits)) };
    let is_number =
        !prefix.is_empty() && prefix.len() <= 3 && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = if is_number { prefix.parse().ok()? } else { return None };
    (prefix <= bits).then_some((address, prefix))
}

impl V4 {
    pub fn parse(text: &str) -> Option<V4> {
        let (address, prefix) = split_prefix(text, 32)?;
        Some(V4 { address: address.parse::<Ipv4Addr>().ok()?.into(), prefix })
    }

    /// The same address with no more bits than these.
    pub fn narrowed(self, prefix: u32) -> V4 {
        V4 { prefix: self.prefix.min(prefix), ..self }
    }

    /// The bits that count.
    pub fn network(self) -> u32 {
        self.address & u32::MAX.checked_shl(32 - self.prefix.min(32)).unwrap_or(0)
    }

    pub fn is_in(self, range: V4) -> bool {
        self.prefix >= range.prefix && self.narrowed(range.prefix).network() == range.network()
    }
}

impl V6 {
    /// Reads an IPv6 address, or an IPv4 address as the IPv6 address that stands for it.
    pub fn parse(text: &str) -> Option<V6> {
        if let Some(v4) = V4::parse(text) {
            let address = Ipv4Addr::from(v4.address).to_ipv6_mapped().into();
            return Some(V6 { address, prefix: v4.prefix + 96, is_v4: true });
        }
        let (address, prefix) = split_prefix(text, 128)?;
        Some(V6 { address: address.parse::<Ipv6Addr>().ok()?.into(), prefix, is_v4: false })
    }

    pub fn narrowed(self, prefix: u32) -> V6 {
        V6 { prefix: self.prefix.min(prefix), ..self }
    }

    pub fn network(self) -> u128 {
        self.address & u128::MAX.checked_shl(128 - self.prefix.min(128)).unwrap_or(0)
    }

    pub fn is_in(self, range: V6) -> bool {
        self.prefix >= range.prefix && self.narrowed(range.prefix).network() == range.network()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        assert_eq!(V4::parse("192.168.1.77/24").map(V4::network), Some(0xc0a8_0100));
        assert_eq!(V4::parse("1.2.3.4/0").map(V4::network), Some(0));
        assert_eq!(V6::parse("::1/0").map(V6::network), Some(0));
        for bad in ["", "1.2.3", "1.2.3.256", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/+8", "01.2.3.4", "::1", "x"]
        {
            assert_eq!(V4::parse(bad), None, "{bad}");
        }
        for bad in ["", "::g", "::1/129", "1:2:3"] {
            assert_eq!(V6::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn ranges_hold_addresses_and_smaller_ranges() {
        let within =
            |address: &str, range: &str| V4::parse(address).unwrap().is_in(V4::parse(range).unwrap());
        assert!(within("10.1.2.3", "10.9.9.9/8"));
        assert!(within("10.1.0.0/16", "10.0.0.0/8"));
        assert!(!within("10.0.0.0/8", "10.1.0.0/16"));
        assert!(within("1.2.3.4", "0.0.0.0/0"));
    }
}
