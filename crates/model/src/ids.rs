//! Identifiers, one type each so that they cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use uuid::Uuid;

/// The boundary no data crosses. Taken from a token's `tid` and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TenantId(pub Uuid);

/// A client known to the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AppId(pub Uuid);

/// A command for a device, from its acceptance to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ActionId(pub Uuid);

/// An enrolled computer: 40 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceId(String);

/// An alert: `da`, creation time in ticks, `_`, a signed number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AlertId(pub String);

impl DeviceId {
    /// The id of a device known only by name, as in imported events: a hash of tenant and lower-case name.
    pub fn from_name(tenant: TenantId, name: &str) -> DeviceId {
        let mut hash = Sha1::new();
        hash.update(tenant.0.as_bytes());
        hash.update(name.to_lowercase().as_bytes());
        DeviceId(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads 40 hexadecimal digits of either case.
    pub fn parse(text: &str) -> Option<DeviceId> {
        let valid = text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
        valid.then(|| DeviceId(text.to_ascii_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! uuid_text {
    ($id:ident) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $id {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<$id, uuid::Error> {
                Uuid::parse_str(text).map($id)
            }
        }
    };
}

uuid_text!(TenantId);
uuid_text!(AppId);
uuid_text!(ActionId);

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_id_from_a_name_ignores_case_and_differs_by_tenant() {
        let (one, two) = (TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
        assert_eq!(DeviceId::from_name(one, "PC1.corp"), DeviceId::from_name(one, "pc1.CORP"));
        assert_ne!(DeviceId::from_name(one, "pc1"), DeviceId::from_name(two, "pc1"));
        assert_eq!(DeviceId::from_name(one, "pc1").as_str().len(), 40);
    }

    #[test]
    fn a_device_id_has_40_hexadecimal_digits() {
        assert!(DeviceId::parse(&"AB".repeat(20)).is_some_and(|id| id.as_str() == "ab".repeat(20)));
        assert_eq!(DeviceId::parse("pc1.corp"), None);
        assert_eq!(DeviceId::parse(&"g".repeat(40)), None);
    }
}
