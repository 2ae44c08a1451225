//! The certificate of the API: the operator's own, or one of a local authority in the data folder.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use model::Ticks;
use model::time::TICKS_PER_DAY;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::config::TlsConfig;
use crate::data_folder::{make_private_folder, write_private};

const CA_DAYS: i64 = 3_650;
/// Some clients refuse certificates that live longer.
const SERVER_DAYS: i64 = 397;
/// A certificate with fewer days left is renewed at a start.
const RENEW_DAYS: i64 = 30;

/// What is known of the server certificate without reading it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issued {
    names: Vec<String>,
    /// In days since 0001-01-01.
    last_day: i64,
}

/// A certificate to serve with.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
    /// What clients have to trust; none when the operator brought the certificate.
    pub ca_file: Option<PathBuf>,
}

/// The operator's certificate, or that of the local authority in `folder`, made or renewed as needed. `hosts`
/// are the names and addresses it has to be good for.
pub(crate) fn certificate(
    config: &TlsConfig,
    folder: &Path,
    hosts: &[String],
    now: Ticks,
) -> anyhow::Result<Certificate> {
    if let (Some(certificate), Some(key)) = (&config.certificate, &config.key) {
        let (certificate_file, key_file) = (certificate.clone(), key.clone());
        return Ok(Certificate { certificate_file, key_file, ca_file: None });
    }
    make_private_folder(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let ca_file = folder.join("ca.pem");
    let ca_key = folder.join("ca.key");
    if !ca_file.exists() {
        make_ca(&ca_file, &ca_key, now)?;
    }
    let own = Certificate {
        certificate_file: folder.join("server.pem"),
        key_file: folder.join("server.key"),
        ca_file: Some(ca_file.clone()),
    };
    let issued_file = folder.join("server.json");
    let names = names_of(config, hosts);
    let today = now.0 / TICKS_PER_DAY;
    let is_good = own.certificate_file.exists()
        && own.key_file.exists()
        && fs::read(&issued_file)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Issued>(&bytes).ok())
            .is_some_and(|issued| issued.names == names && issued.last_day - today >= RENEW_DAYS);
    if !is_good {
        issue(&own, &ca_file, &ca_key, &names, now)?;
        let issued = Issued { names, last_day: today + SERVER_DAYS };
        write_private(&issued_file, &serde_json::to_vec(&issued)?)?;
    }
    Ok(own)
}

/// Every name the certificate is good for, each once, in a fixed order.
fn names_of(config: &TlsConfig, hosts: &[String]) -> Vec<String> {
    let always = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut names: Vec<String> = Vec::new();
    for name in always.iter().chain(hosts).chain(&config.names) {
        let name = name.to_ascii_lowercase();
        if !names.contains(&name) && name.parse::<IpAddr>().map_or(true, |address| !address.is_unspecified())
        {
            names.push(name);
        }
    }
    names
}

/// What an authority is called: the same for the same key, so that it can be told again from the key alone.
fn ca_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let id: String = key.public_key_raw().iter().rev().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name = named(&format!("Bartizan local authority {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn make_ca(ca_file: &Path, ca_key: &Path, now: Ticks) -> anyhow::Result<()> {
    let key = KeyPair::generate().context("cannot make the key of the local authority")?;
    let mut params = ca_params(&key);
    set_days(&mut params, now, CA_DAYS);
    let certificate = params.self_signed(&key).context("cannot make the local authority")?;
    write_private(ca_key, key.serialize_pem().as_bytes())?;
    write_private(ca_file, certificate.pem().as_bytes())?;
    info!(file = %ca_file.display(), "made a local certificate authority");
    Ok(())
}

fn issue(
    own: &Certificate,
    ca_file: &Path,
    ca_key: &Path,
    names: &[String],
    now: Ticks,
) -> anyhow::Result<()> {
    let pem = fs::read_to_string(ca_key).with_context(|| {
        let folder = ca_key.parent().unwrap_or(ca_key).display();
        format!(
            "the local authority cannot sign without {}; remove {folder} to make a new one",
            ca_key.display()
        )
    })?;
    let ca_key = KeyPair::from_pem(&pem).with_context(|| format!("cannot use {}", ca_key.display()))?;
    let key = KeyPair::generate().context("cannot make the key of the server certificate")?;
    let mut params = CertificateParams::new(names).context("cannot make a certificate for these names")?;
    params.distinguished_name = named("Bartizan server");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_days(&mut params, now, SERVER_DAYS);
    let ca_params = ca_params(&ca_key);
    let certificate = params.signed_by(&key, &Issuer::from_params(&ca_params, &ca_key));
    let certificate = certificate.context("cannot make the server certificate")?;
    let chain = certificate.pem()
        + &fs::read_to_string(ca_file).with_context(|| format!("cannot read {}", ca_file.display()))?;
    write_private(&own.key_file, key.serialize_pem().as_bytes())?;
    write_private(&own.certificate_file, chain.as_bytes())?;
    info!(?names, "made a server certificate");
    Ok(())
}

/// Valid from yesterday, for clocks that are behind.
fn set_days(params: &mut CertificateParams, now: Ticks, days: i64) {
    let date = |ticks: i64| {
        let (year, month, day) = Ticks(ticks).date();
        date_time_ymd(year as i32, month as u8, day as u8)
    };
    params.not_before = date(now.0 - TICKS_PER_DAY);
    params.not_after = date(now.0 + days * TICKS_PER_DAY);
}

/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
pub(crate) fn server_config(certificate: &Certificate) -> anyhow::Result<ServerConfig> {
    let Certificate { certificate_file, key_file, .. } = certificate;
    let shown = certificate_file.display();
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate_file)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read the certificate {shown}"))?;
    if chain.is_empty() {
        bail!("{shown} holds no certificate");
    }
    let key = PrivateKeyDer::from_pem_file(key_file)
        .with_context(|| format!("cannot read the private key {}", key_file.display()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("the certificate {shown} and its key cannot be used"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_certificate_is_kept_until_its_names_or_its_time_change() {
        let folder = tempfile::tempdir().unwrap();
        let config = TlsConfig { names: vec!["API.example".to_owned()], ..TlsConfig::default() };
        let now = Ticks::parse("2024-05-06").unwrap();
        let make = |hosts: &[&str], now| {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            certificate(&config, folder.path(), &hosts, now).unwrap()
        };
        let first = make(&["localhost", "siem.example"], now);
        let (pem, ca) = (read(&first.certificate_file), read(first.ca_file.as_ref().unwrap()));
        server_config(&first).unwrap();

        make(&["siem.example"], Ticks(now.0 + 360 * TICKS_PER_DAY));
        assert_eq!(read(&first.certificate_file), pem, "nothing changed");
        make(&["siem.example"], Ticks(now.0 + 370 * TICKS_PER_DAY));
        let renewed = read(&first.certificate_file);
        assert_ne!(renewed, pem, "near its end");
        make(&["other.example"], now);
        assert_ne!(read(&first.certificate_file), renewed, "another name");
        assert_eq!(read(first.ca_file.as_ref().unwrap()), ca, "the authority stays");
        #[cfg(unix)]
        for file in ["ca.key", "server.key"] {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(folder.path().join(file)).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_lost_key_of_the_authority_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let now = Ticks::parse("2024-05-06").unwrap();
        certificate(&TlsConfig::default(), folder.path(), &[], now).unwrap();
        fs::remove_file(folder.path().join("ca.key")).unwrap();
        certificate(&TlsConfig::default(), folder.path(), &[], now).unwrap();
        let other = ["other.example".to_owned()];
        let error = certificate(&TlsConfig::default(), folder.path(), &other, now).unwrap_err().to_string();
        assert!(error.contains("ca.key"), "{error}");
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("empty.pem");
        fs::write(&file, "").unwrap();
        let certificate = Certificate { certificate_file: file.clone(), key_file: file, ca_file: None };
        assert!(server_config(&certificate).unwrap_err().to_string().contains("empty.pem"));
    }
}
