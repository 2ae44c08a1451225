//! A user in a browser, an app, and what passes between them.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::{Browser, Form, Issuer, IssuerConfig, Network, Next, Secret, SignInStep, TokenVersion};
use model::{AppId, Permission, TenantId};
use serde_json::Value;
use store::{AppSignIn, Store};

use crate::fixture::{BASE, DOMAIN, RESOURCE, TestClock, pairs, sealing};

pub const REDIRECT: &str = "https://app.example/cb";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const PASSWORD: &str = "correct horse";
pub const ADMIN: &str = "admin@contoso.example";
pub const USER: &str = "ada@contoso.example";

/// A tenant with an administrator, a user, a confidential and a public app.
pub struct World {
    pub issuer: Issuer,
    pub store: Store,
    pub clock: Arc<TestClock>,
    pub tenant: TenantId,
    pub app: AppId,
    pub secret: Secret,
    pub public: AppId,
}

pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

impl World {
    pub async fn new() -> World {
        World::at(BASE).await
    }

    /// One whose server is reached at that address.
    pub async fn at(base: &str) -> World {
        let clock = TestClock::at("2024-05-06T07:08:09Z");
        let store = Store::open_in_memory().await.unwrap();
        let config = IssuerConfig::new(base);
        let issuer = Issuer::open(store.clone(), sealing(), config, clock.clone()).await.unwrap();
        let tenant = issuer.create_tenant("Contoso", DOMAIN).await.unwrap().id;
        for (name, is_administrator) in [(ADMIN, true), (USER, false)] {
            let password = Secret::new(PASSWORD.to_owned());
            issuer.create_user(tenant, name, "Somebody", password, is_administrator).await.unwrap();
        }
        let manifest = [Permission::AlertRead];
        let (app, secret) = issuer.register_app(tenant, "web app", &manifest).await.unwrap();
        let (public, _) = issuer.register_app(tenant, "tool", &[]).await.unwrap();
        let delegated = [Permission::AlertRead, Permission::MachineRead];
        for (id, is_public) in [(app, false), (public, true)] {
            let how = AppSignIn { is_public, ..AppSignIn::default() };
            issuer.set_sign_in(tenant, id, &delegated, how).await.unwrap();
            issuer.add_redirect_uri(tenant, id, REDIRECT).await.unwrap();
            issuer.add_redirect_uri(tenant, id, "http://localhost").await.unwrap();
            issuer.consent_delegated(tenant, id, None, ADMIN).await.unwrap();
        }
        World { issuer, store, clock, tenant, app, secret, public }
    }

    pub fn segment(&self) -> String {
        self.tenant.to_string()
    }

    pub async fn browser(&self, name: &str) -> Browser {
        let password = Secret::new(PASSWORD.to_owned());
        let step = self.issuer.sign_in(DOMAIN, name, password, Network::default()).await.unwrap();
        let SignInStep::Done { cookie } = step else { panic!("{step:?}") };
        self.issuer.browser(cookie.expose(), Network::default()).await.unwrap().unwrap()
    }

    /// A good request of the public app.
    pub fn query(&self) -> Vec<(String, String)> {
        pairs(&[
            ("client_id", &self.public.to_string()),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", &format!("{RESOURCE}/Machine.Read openid profile email offline_access")),
            ("state", "s&1"),
            ("nonce", "n-1"),
            ("code_challenge", &challenge(VERIFIER)),
            ("code_challenge_method", "S256"),
        ])
    }

    pub async fn authorize(&self, query: Vec<(String, String)>, browser: Option<&Browser>) -> Next {
        let query = Form::from_pairs(query);
        self.issuer.authorize_page(&self.segment(), TokenVersion::V2, &query, browser).await
    }

    /// A code for the public app.
    pub async fn code(&self, browser: &Browser) -> String {
        let Next::Go(go) = self.authorize(self.query(), Some(browser)).await else { panic!("no redirect") };
        go.parameters.iter().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("{go:?}")).1.clone()
    }

    /// The form that exchanges a code.
    pub fn exchange(&self, code: &str) -> Vec<(String, String)> {
        pairs(&[
            ("grant_type", "authorization_code"),
            ("client_id", &self.public.to_string()),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("client_info", "1"),
        ])
    }

    pub async fn token(&self, form: Vec<(String, String)>) -> Result<Value, u32> {
        self.token_at(&self.segment(), TokenVersion::V2, form).await
    }

    pub async fn token_at(
        &self,
        segment: &str,
        version: TokenVersion,
        form: Vec<(String, String)>,
    ) -> Result<Value, u32> {
        let answer = self.issuer.token(segment, version, &Form::from_pairs(form), None).await;
        answer.map(|answer| answer.body()).map_err(|error| error.code())
    }

    pub async fn refresh(&self, token: &Value) -> Result<Value, u32> {
        self.token(pairs(&[
            ("grant_type", "refresh_token"),
            ("client_id", &self.public.to_string()),
            ("refresh_token", token["refresh_token"].as_str().unwrap()),
        ]))
        .await
    }
}

/// Sets a field, or leaves it out.
pub fn with(mut form: Vec<(String, String)>, name: &str, value: Option<&str>) -> Vec<(String, String)> {
    form.retain(|(given, _)| given != name);
    form.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    form
}
