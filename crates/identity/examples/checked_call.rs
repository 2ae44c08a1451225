//! What it costs to check a call: `cargo run --release -p identity --example checked_call`.
//!
//! Measures one thread over a database in memory: the check of a bearer token and the decision against nothing done,
//! for an app and for a user with roles and for tokens that were not seen before, and the tokens issued a second with the
//! signature alone beside them.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use identity::{Ask, Form, Issuer, IssuerConfig, SealingKey, Secret, TokenVersion, authorize};
use model::{Clock, Permission, SystemClock};
use store::{AppSignIn, Store};

const CALLS: u32 = 20_000;
const TOKENS: u32 = 2_000;
const RESOURCE: &str = "https://api.securitycenter.microsoft.com";

fn form(pairs: &[(&str, &str)]) -> Form {
    Form::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn each(total: Duration, count: u32) -> f64 {
    total.as_secs_f64() * 1e6 / f64::from(count)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open_in_memory().await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let config = IssuerConfig::new("https://127.0.0.1:8443");
    let issuer = Issuer::open(store.clone(), SealingKey::random()?, config, clock.clone()).await?;
    let tenant = issuer.create_tenant("Contoso", "contoso.example").await?.id;
    let (app, secret) = issuer.register_app(tenant, "app", &[Permission::MachineRead]).await?;
    issuer.consent(tenant, app, "admin").await?;
    let how = AppSignIn { takes_passwords: true, ..AppSignIn::default() };
    issuer.set_sign_in(tenant, app, &[Permission::MachineRead], how).await?;
    issuer.consent_delegated(tenant, app, None, "admin").await?;
    let password = Secret::random()?;
    issuer.create_user(tenant, "ada@contoso.example", "Ada", password.clone(), true).await?;

    let (id, segment) = (app.to_string(), tenant.to_string());
    let of_app = [
        ("grant_type", "client_credentials"),
        ("client_id", id.as_str()),
        ("client_secret", secret.expose()),
        ("resource", RESOURCE),
    ];
    let of_user = [
        ("grant_type", "password"),
        ("client_id", id.as_str()),
        ("client_secret", secret.expose()),
        ("username", "ada@contoso.example"),
        ("password", password.expose()),
        ("resource", RESOURCE),
    ];
    for (caller, pairs) in [("an app", &of_app[..]), ("a user", &of_user[..])] {
        let answer = issuer.token(&segment, TokenVersion::V1, &form(pairs), None).await;
        let answer = answer.map_err(|error| error.body().to_string())?;
        let token = answer.access_token.expose();
        let mut slowest = Duration::ZERO;
        let began = Instant::now();
        for _ in 0..CALLS {
            let call = Instant::now();
            let caller = issuer.verify(token).await?;
            let ask = Ask::new(Permission::MachineRead, None, clock.now());
            drop(black_box(authorize(&caller, &ask)?));
            slowest = slowest.max(call.elapsed());
        }
        let checked = each(began.elapsed(), CALLS);
        println!("a checked call of {caller}: {checked:.1} us, the slowest {} us", slowest.as_micros());
    }

    let mut tokens = Vec::new();
    let began = Instant::now();
    for _ in 0..TOKENS {
        let answer = issuer.token(&segment, TokenVersion::V1, &form(&of_app), None).await;
        tokens.push(answer.map_err(|error| error.body().to_string())?.access_token);
    }
    let issued = began.elapsed();
    let began = Instant::now();
    for token in &tokens {
        black_box(issuer.verify(token.expose()).await?);
    }
    println!("the first call with a token: {:.1} us", each(began.elapsed(), TOKENS));
    let key = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let (random, mut signature) = (SystemRandom::new(), vec![0; key.public_modulus_len()]);
    let began = Instant::now();
    for _ in 0..TOKENS {
        key.sign(&RSA_PKCS1_SHA256, &random, b"a token", &mut signature)?;
        black_box(&signature);
    }
    let signed = began.elapsed();
    println!(
        "a token: {:.0} us ({:.0} a second), of which the signature {:.0} us",
        each(issued, TOKENS),
        f64::from(TOKENS) / issued.as_secs_f64(),
        each(signed, TOKENS)
    );
    Ok(())
}
