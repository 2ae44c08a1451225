//! The certificates of apps: read when they are registered, and what they verify.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Ticks;
use rustls_pki_types::{CertificateDer, UnixTime};
use store::AppCertificate;
use webpki::aws_lc_rs::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY};
use webpki::{EndEntityCert, Error, KeyUsage};

use crate::error::IdentityError;

const BYTES_MAX: usize = 16 * 1024;
/// A public RSA key of 2048 bits is not shorter with what names its algorithm.
const KEY_BYTES_MIN: usize = 290;
/// The first second of the year 10000, which no certificate reaches.
const NEVER: u64 = 253_402_300_800;

/// The algorithms that clients sign assertions with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignedBy {
    Rs256,
    Ps256,
}

/// Reads a certificate in PEM or DER, of which the first counts.
pub(crate) fn read(bytes: &[u8], now: Ticks) -> Result<AppCertificate, IdentityError> {
    let invalid = |problem| IdentityError::Invalid { what: "the certificate", problem };
    if bytes.len() > BYTES_MAX {
        return Err(invalid("is too large"));
    }
    let der = from_pem(bytes).unwrap_or_else(|| bytes.to_vec());
    let encoded = CertificateDer::from(der.as_slice());
    let certificate =
        EndEntityCert::try_from(&encoded).map_err(|_| invalid("is not X.509 version 3 in PEM or DER"))?;
    // An empty signature is wrong by any key, and not even that where the key is of another kind.
    let is_rsa = certificate.verify_signature(RSA_PKCS1_2048_8192_SHA256, b"", b"")
        == Err(Error::InvalidSignatureForPublicKey);
    if !is_rsa || certificate.subject_public_key_info().len() < KEY_BYTES_MIN {
        return Err(invalid("does not have an RSA key of 2048 to 8192 bits"));
    }
    let (not_before, not_after) = validity(&certificate).ok_or_else(|| invalid("has no time of validity"))?;
    if not_after <= now {
        return Err(invalid("has expired"));
    }
    Ok(AppCertificate {
        sha256: hex(digest::digest(&digest::SHA256, &der).as_ref()),
        sha1: hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der).as_ref()),
        not_before,
        not_after,
        created: now,
        der,
    })
}

/// Whether the key of a registered certificate signed `message`.
pub(crate) fn verifies(der: &[u8], by: SignedBy, message: &[u8], signature: &[u8]) -> bool {
    let encoded = CertificateDer::from(der);
    let Ok(certificate) = EndEntityCert::try_from(&encoded) else { return false };
    let algorithm = match by {
        SignedBy::Rs256 => RSA_PKCS1_2048_8192_SHA256,
        SignedBy::Ps256 => RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    };
    certificate.verify_signature(algorithm, message, signature).is_ok()
}

/// From when until when a certificate is good: what the check of its time says before and after both.
fn validity(certificate: &EndEntityCert<'_>) -> Option<(Ticks, Ticks)> {
    let at = |seconds| {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        certificate.verify_for_usage(&[], &[], &[], time, KeyUsage::client_auth(), None, None).err()
    };
    let ticks = |time: UnixTime| i64::try_from(time.as_secs()).ok().map(Ticks::from_unix_seconds);
    let not_after = match at(NEVER)? {
        Error::CertExpired { not_after, .. } => ticks(not_after)?,
        _ => return None,
    };
    let not_before = match at(0)? {
        Error::CertNotValidYet { not_before, .. } => ticks(not_before)?,
        _ => Ticks::from_unix_seconds(0),
    };
    Some((not_before, not_after))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_pem(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(bytes).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok()
}
