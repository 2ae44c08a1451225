//! What a new tenant has for signing users in: an app for programs on people's computers, and a certificate for the
//! app that acts by itself.

use std::path::{Path, PathBuf};

use anyhow::Context;
use model::permission::PERMISSIONS;
use model::{AppId, Permission, TenantId};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd,
};
use store::AppSignIn;

use crate::data_folder::write_private;
use crate::opened::Opened;

/// In the data folder: the certificate and its private key.
const CERTIFICATE_FILE: &str = "client-certificate.pem";
/// Where programs listen for the answer, at a port of their choice.
const LOOPBACK: [&str; 2] = ["http://localhost", "http://127.0.0.1"];

/// A public client that signs users in by code or device code, with consent to all of it.
pub(crate) async fn public_app(opened: &Opened, tenant: TenantId, by: &str) -> anyhow::Result<String> {
    let issuer = &opened.api.issuer;
    let registered = issuer.register_app(tenant, "Bartizan sign-in", &[]).await;
    let (app, _) = registered.context("cannot register the app for signing in")?;
    let how = AppSignIn { is_public: true, ..AppSignIn::default() };
    signs_in(opened, tenant, app, how, by).await?;
    Ok(app.to_string())
}

/// Lets an app sign users in at this computer, with consent to every delegated permission.
pub(crate) async fn signs_in(
    opened: &Opened,
    tenant: TenantId,
    app: AppId,
    how: AppSignIn,
    by: &str,
) -> anyhow::Result<()> {
    let issuer = &opened.api.issuer;
    let delegated = PERMISSIONS.iter().filter(|declared| declared.delegated.is_some());
    let delegated: Vec<Permission> = delegated.map(|declared| declared.permission).collect();
    issuer.set_sign_in(tenant, app, &delegated, how).await.context("cannot let an app sign users in")?;
    for uri in LOOPBACK {
        issuer.add_redirect_uri(tenant, app, uri).await.context("cannot add a redirect URI")?;
    }
    let consent = issuer.consent_delegated(tenant, app, None, by).await;
    consent.map(drop).context("cannot consent to what an app does for users")
}

/// Makes a certificate for an app, which it can prove itself by. Answers with the file of both halves.
pub(crate) async fn certificate(opened: &Opened, tenant: TenantId, app: AppId) -> anyhow::Result<PathBuf> {
    let path = opened.folder.file(CERTIFICATE_FILE);
    let made = tokio::task::spawn_blocking({
        let path = path.clone();
        move || make_certificate(&path, app)
    });
    let certificate = made.await.context("cannot make a certificate")??;
    let added = opened.api.issuer.add_certificate(tenant, app, certificate.as_bytes()).await;
    added.context("cannot add a certificate to an app")?;
    Ok(path)
}

/// Self-signed, as nobody but this server has to trust it.
fn make_certificate(path: &Path, app: AppId) -> anyhow::Result<String> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).context("cannot make a key")?;
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, format!("Bartizan app {app}"));
    params.distinguished_name = name;
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2046, 1, 1);
    let certificate = params.self_signed(&key).context("cannot make a certificate")?.pem();
    write_private(path, format!("{certificate}{}", key.serialize_pem()).as_bytes())?;
    Ok(certificate)
}
