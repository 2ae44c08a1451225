//! How each request of a device says whose it is.

use model::{DeviceId, TenantId, Ticks};

use crate::decode::{ProtoError, hex};
use crate::signed::Purpose;
use crate::{PrivateKey, PublicKey};

/// The word before the parts, as in other uses of the header `Authorization`.
pub const REQUEST_SCHEME: &str = "Bartizan-Device";
const HEADER_BYTES_MAX: usize = 1 << 10;

/// The parts of the header `Authorization`: `Bartizan-Device tenant=..., device=..., time=..., digest=...,
/// signature=...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSignature {
    pub tenant: TenantId,
    pub device: DeviceId,
    pub time: Ticks,
    /// SHA-256 of the body.
    pub digest: String,
    signature: String,
}

impl RequestSignature {
    /// Signs a request. `target` is its path and query, as they are sent.
    pub fn sign(
        key: &PrivateKey,
        (tenant, device): (TenantId, &DeviceId),
        method: &str,
        target: &str,
        time: Ticks,
        digest: String,
    ) -> RequestSignature {
        let mut made =
            RequestSignature { tenant, device: device.clone(), time, digest, signature: String::new() };
        made.signature = Purpose::Request.sign(key, made.text(method, target).as_bytes());
        made
    }

    /// Fails unless that key signed this request. Whether its time is near and its body has the digest is for the
    /// caller to see.
    pub fn verify(&self, key: &PublicKey, method: &str, target: &str) -> Result<(), ProtoError> {
        Purpose::Request.verify(key, self.text(method, target).as_bytes(), &self.signature)
    }

    /// Reads the value of the header; none if it is of another scheme or form.
    pub fn parse(header: &str) -> Option<RequestSignature> {
        if header.len() > HEADER_BYTES_MAX {
            return None;
        }
        let (scheme, parts) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case(REQUEST_SCHEME) {
            return None;
        }
        let part = |name: &str| {
            let parts = parts.split(',').filter_map(|part| part.trim().split_once('='));
            let mut found = parts.filter(|(key, _)| *key == name).map(|(_, value)| value);
            found.next().filter(|_| found.next().is_none())
        };
        let digest = part("digest")?.to_owned();
        hex("digest", &digest, 64).ok()?;
        Some(RequestSignature {
            tenant: part("tenant")?.parse().ok()?,
            device: DeviceId::parse(part("device")?)?,
            time: Ticks::parse(part("time")?)?,
            digest,
            signature: part("signature")?.to_owned(),
        })
    }

    /// The value of the header.
    pub fn header(&self) -> String {
        let RequestSignature { tenant, device, time, digest, signature } = self;
        format!(
            "{REQUEST_SCHEME} tenant={tenant}, device={device}, time={time}, digest={digest}, signature={signature}"
        )
    }

    fn text(&self, method: &str, target: &str) -> String {
        let RequestSignature { tenant, device, time, digest, .. } = self;
        format!("{method}\n{target}\n{tenant}\n{device}\n{time}\n{digest}")
    }
}
