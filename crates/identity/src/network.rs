//! Where a request comes from.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};

/// The address of a request, which is compared as coarsely as guesses are counted: an IPv4 address, or the first 64
/// bits of an IPv6 one, what one household has. The default is an unknown one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    household: Option<IpAddr>,
    address: Option<IpAddr>,
}

impl Network {
    /// The whole address, to be written down.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The part that is compared, as a text; empty for an unknown one.
    pub(crate) fn key(&self) -> String {
        self.household.map(|household| household.to_string()).unwrap_or_default()
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Network {
        let address = address.to_canonical();
        let household = match address {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        };
        Network { household: Some(household), address: Some(address) }
    }
}

impl PartialEq for Network {
    fn eq(&self, other: &Network) -> bool {
        self.household == other.household
    }
}

impl Eq for Network {}

impl Hash for Network {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.household.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_household_are_one_network() {
        let of = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), Network::default());
        assert_eq!(of("2001:db8:1:2::1").key(), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2::1").address().unwrap().to_string(), "2001:db8:1:2::1");
    }
}
