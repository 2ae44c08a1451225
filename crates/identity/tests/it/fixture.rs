//! One issuer for most tests, because making an RSA key is slow, and a clock that tests set.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::{Form, Issuer, IssuerConfig, SealingKey, Secret, TokenVersion};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use model::{AppId, Clock, Permission, TenantId, Ticks};
use serde_json::Value;
use store::Store;
use tokio::runtime::Runtime;

pub const BASE: &str = "https://127.0.0.1:8443";
pub const RESOURCE: &str = "https://api.securitycenter.microsoft.com";
pub const DOMAIN: &str = "contoso.example";

pub struct Fixture {
    pub issuer: Issuer,
    pub store: Store,
    pub tenant: TenantId,
    pub app: AppId,
    pub secret: Secret,
}

/// A clock that stands still until it is moved.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn at(time: &str) -> Arc<TestClock> {
        Arc::new(TestClock(AtomicI64::new(Ticks::parse(time).unwrap().0)))
    }

    pub fn advance(&self, seconds: i64) {
        self.0.store(self.now().plus_seconds(seconds).0, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Ticks {
        Ticks(self.0.load(Ordering::SeqCst))
    }
}

/// Tests that share an issuer share the runtime that its connections live on.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap()).block_on(future)
}

/// The shared fixture: one tenant with one consented app. Its clock stands still.
pub fn shared() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        run(async {
            let store = Store::open_in_memory().await.unwrap();
            Fixture::on(store, TestClock::at("2024-05-06T07:08:09Z")).await
        })
    })
}

pub fn sealing() -> SealingKey {
    SealingKey::new([9; 32])
}

impl Fixture {
    pub async fn on(store: Store, clock: Arc<TestClock>) -> Fixture {
        let issuer = Issuer::open(store.clone(), sealing(), IssuerConfig::new(BASE), clock).await.unwrap();
        let tenant = issuer.create_tenant("Contoso", DOMAIN).await.unwrap().id;
        let manifest = [Permission::AlertReadWrite, Permission::MachineRead];
        let (app, secret) = issuer.register_app(tenant, "hunter", &manifest).await.unwrap();
        issuer.consent(tenant, app, "admin@contoso.example").await.unwrap();
        Fixture { issuer, store, tenant, app, secret }
    }

    /// The form of a good request.
    pub fn form(&self, version: TokenVersion) -> Vec<(String, String)> {
        let selector = match version {
            TokenVersion::V1 => ("resource", RESOURCE.to_owned()),
            TokenVersion::V2 => ("scope", format!("{RESOURCE}/.default")),
        };
        pairs(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.app.to_string()),
            ("client_secret", self.secret.expose()),
            (selector.0, &selector.1),
        ])
    }

    /// A token for an app of the tenant.
    pub async fn token(&self, version: TokenVersion) -> String {
        let form = Form::from_pairs(self.form(version));
        let answer = self.issuer.token(&self.tenant.to_string(), version, &form, None).await.unwrap();
        answer.access_token.expose().to_owned()
    }
}

pub fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The claims of a token, verified as an outside resource server would: by the key set alone.
pub fn decode_by_jwks(issuer: &Issuer, token: &str) -> Value {
    let keys: JwkSet = serde_json::from_value(issuer.jwks()).unwrap();
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    jsonwebtoken::decode(token, &key, &validation).unwrap().claims
}

/// The claims of a token, unverified.
pub fn claims_of(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

pub fn encode_part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}
