//! How many tokens one core issues and verifies in a second, and what of that the signature takes by itself.
//!
//! `cargo run --release -p identity --example token_rate [seconds]` prints one line of JSON: rates of the whole token
//! request over a database in a file, of verification, and of the bare signature and its check.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use identity::{Form, Issuer, IssuerConfig, SealingKey, TokenVersion};
use model::{Permission, SystemClock};
use store::Store;

const RESOURCE: &str = "https://api.securitycenter.microsoft.com";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(5), |seconds| seconds.parse())?;
    let (folder, span) = (tempfile::tempdir()?, Duration::from_secs(seconds));
    let store = Store::open(&folder.path().join("state.db")).await?;
    let config = IssuerConfig::new("https://127.0.0.1:8443");
    let issuer = Issuer::open(store, SealingKey::random()?, config, Arc::new(SystemClock)).await?;
    let tenant = issuer.create_tenant("Bench", "bench.example").await?.id;
    let manifest = [Permission::AlertRead, Permission::MachineRead];
    let (app, secret) = issuer.register_app(tenant, "bench", &manifest).await?;
    issuer.consent(tenant, app, "bench").await?;
    let body = format!(
        "grant_type=client_credentials&client_id={app}&client_secret={}&scope={RESOURCE}/.default",
        secret.expose()
    );
    let segment = tenant.to_string();

    let (mut issued, mut token) = (0_u64, String::new());
    let began = Instant::now();
    while began.elapsed() < span {
        let form = Form::parse(body.as_bytes());
        let answer = issuer.token(&segment, TokenVersion::V2, &form, None).await?;
        token = answer.body()["access_token"].as_str().unwrap_or_default().to_owned();
        issued += 1;
    }
    let issued = issued as f64 / began.elapsed().as_secs_f64();

    let mut verified = 0_u64;
    let began = Instant::now();
    while began.elapsed() < span {
        issuer.verify(&token).await?;
        verified += 1;
    }
    let verified = verified as f64 / began.elapsed().as_secs_f64();

    let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let (random, mut signature) = (SystemRandom::new(), vec![0; pair.public_modulus_len()]);
    let mut signed = 0_u64;
    let began = Instant::now();
    while began.elapsed() < span {
        pair.sign(&RSA_PKCS1_SHA256, &random, token.as_bytes(), &mut signature)?;
        signed += 1;
    }
    let signed = signed as f64 / began.elapsed().as_secs_f64();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    let mut checked = 0_u64;
    let began = Instant::now();
    while began.elapsed() < span {
        public.verify(token.as_bytes(), &signature)?;
        checked += 1;
    }
    let checked = checked as f64 / began.elapsed().as_secs_f64();
    println!(
        "{{\"tokens_per_second\": {issued:.0}, \"signatures_per_second\": {signed:.0}, \
         \"verifications_per_second\": {verified:.0}, \"signature_checks_per_second\": {checked:.0}, \
         \"microseconds_of_a_verification\": {:.1}, \"microseconds_beside_the_signature_check\": {:.1}}}",
        1e6 / verified,
        1e6 / verified - 1e6 / checked,
    );
    Ok(())
}
