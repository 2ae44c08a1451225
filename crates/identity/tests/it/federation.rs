//! Users whom a provider of others signs in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::KeyPair;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use identity::{
    Browser, Egress, EgressRequest, Form, Issuer, IssuerConfig, Network, Provider, Secret, SignInStep,
};
use model::{Clock, TenantId};
use serde_json::{Value, json};
use store::{Store, UserChange, UserGroup};
use uuid::Uuid;

use crate::assertions::Certified;
use crate::fixture::{BASE, DOMAIN, TestClock, run, sealing};
use crate::signing_in::challenge;

const ISSUER: &str = "https://idp.example";
const CLIENT: &str = "bartizan";
const SECRET: &str = "s3cret&";

/// A provider: what it will say next, and what it remembers of the way there.
struct Idp {
    signer: Certified,
    clock: Arc<TestClock>,
    says: Mutex<Says>,
}

/// What changes what a provider says.
type Change = fn(&mut Says);

#[derive(Clone)]
struct Says {
    header: Value,
    claims: Value,
    userinfo: Option<Value>,
    code: String,
    challenge: String,
    nonce: Option<String>,
    /// The token, where it is not made from the claims.
    token: Option<String>,
    names_itself: bool,
    is_up: bool,
}

#[async_trait::async_trait]
impl Egress for Idp {
    async fn send(&self, request: EgressRequest<'_>, _: usize) -> Result<Vec<u8>, String> {
        let says = self.says.lock().unwrap().clone();
        if !says.is_up {
            return Err("refused".to_owned());
        }
        let path = request.url.strip_prefix(ISSUER).ok_or("another host")?;
        let answer = match (path, &request.form) {
            ("/.well-known/openid-configuration", None) => json!({
                "issuer": ISSUER,
                "authorization_endpoint": format!("{ISSUER}/auth?realm=a"),
                "token_endpoint": format!("{ISSUER}/token"),
                "userinfo_endpoint": format!("{ISSUER}/me"),
                "jwks_uri": format!("{ISSUER}/keys"),
                "authorization_response_iss_parameter_supported": says.names_itself,
            }),
            ("/keys", None) => {
                let modulus =
                    self.signer.pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
                let n = URL_SAFE_NO_PAD.encode(modulus);
                json!({ "keys": [{ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "e": "AQAB", "n": n }] })
            }
            ("/token", Some(form)) => {
                let form = Form::parse(form.expose().as_bytes());
                let verifier = form.get("code_verifier").unwrap_or_default();
                let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:s3cret%26")));
                let is_right = form.get("code") == Some(&says.code)
                    && challenge(verifier) == says.challenge
                    && form.get("redirect_uri") == Some(&callback())
                    && request.authorization.map(|value| value.expose() == basic) == Some(true);
                if !is_right {
                    return Err("400".to_owned());
                }
                let mut claims = says.claims;
                let now = self.clock.now().unix_seconds();
                for (name, value) in
                    [("iat", now.into()), ("exp", (now + 60).into()), ("nonce", says.nonce.into())]
                {
                    if claims.get(name).is_none() {
                        claims[name] = value;
                    }
                }
                let token = says.token.unwrap_or_else(|| self.signer.sign(&says.header, &claims));
                json!({ "id_token": token, "access_token": "opaque", "token_type": "Bearer" })
            }
            ("/me", None) if request.authorization.is_some_and(|value| value.expose() == "Bearer opaque") => {
                says.userinfo.ok_or("404")?
            }
            _ => return Err("404".to_owned()),
        };
        Ok(answer.to_string().into_bytes())
    }
}

fn callback() -> String {
    format!("{BASE}/federated/corp/callback")
}

pub struct World {
    issuer: Issuer,
    store: Store,
    idp: Arc<Idp>,
    tenant: TenantId,
    analysts: Uuid,
    /// Whether users are sent to sign in anew.
    is_fresh: bool,
}

fn network() -> Network {
    "192.0.2.1".parse::<std::net::IpAddr>().unwrap().into()
}

impl World {
    pub async fn new(change: fn(&mut Provider)) -> World {
        let clock = TestClock::at("2024-05-06T07:08:09Z");
        let store = Store::open_in_memory().await.unwrap();
        let mut issuer =
            Issuer::open(store.clone(), sealing(), IssuerConfig::new(BASE), clock.clone()).await.unwrap();
        let tenant = issuer.create_tenant("Contoso", DOMAIN).await.unwrap().id;
        let password = Secret::new("correct horse".to_owned());
        issuer.create_user(tenant, "root@contoso.example", "Root", password, true).await.unwrap();
        let analysts = Uuid::from_u128(5);
        let group = UserGroup { id: analysts, name: "Analysts".to_owned(), description: String::new() };
        store.tenant(tenant).create_user_group(&group).await.unwrap();
        let says = Says {
            header: json!({ "typ": "JWT", "alg": "RS256", "kid": "one" }),
            claims: json!({
                "iss": ISSUER,
                "aud": CLIENT,
                "sub": "u-1",
                "preferred_username": "ada@corp.example",
                "name": "Ada L",
                "groups": ["soc", "staff"],
            }),
            userinfo: None,
            code: "c1".to_owned(),
            challenge: String::new(),
            nonce: None,
            token: None,
            names_itself: true,
            is_up: true,
        };
        let idp = Arc::new(Idp { signer: Certified::new(2030), clock, says: Mutex::new(says) });
        let mut provider = Provider {
            key: "corp".to_owned(),
            display_name: "Contoso".to_owned(),
            issuer: ISSUER.to_owned(),
            tenant: DOMAIN.to_owned(),
            domains: vec!["corp.example".to_owned(), DOMAIN.to_owned()],
            client_id: CLIENT.to_owned(),
            client_secret: Some(Secret::new(SECRET.to_owned())),
            secret_in_form: None,
            scopes: vec!["profile".to_owned()],
            user_claim: "preferred_username".to_owned(),
            name_claim: "name".to_owned(),
            groups_claim: "groups".to_owned(),
            groups: BTreeMap::from([
                ("soc".to_owned(), "analysts".to_owned()),
                ("x".to_owned(), "Gone".to_owned()),
            ]),
            creates_users: true,
        };
        change(&mut provider);
        issuer.federate(provider, idp.clone()).unwrap();
        World { issuer, store, idp, tenant, analysts, is_fresh: false }
    }

    fn says(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.idp.says.lock().unwrap());
    }

    /// To the provider: what it was sent, and the cookie.
    async fn go(&self) -> Result<(Form, String), u32> {
        let sent = self.issuer.to_provider("corp", "/next?a=b", "https://app.example", self.is_fresh).await;
        let sent = sent.map_err(|error| error.code())?;
        let query = sent.location.strip_prefix(&format!("{ISSUER}/auth?realm=a&")).unwrap();
        let query = Form::parse(query.as_bytes());
        self.says(|says| {
            says.challenge = query.get("code_challenge").unwrap().to_owned();
            says.nonce = query.get("nonce").map(str::to_owned);
        });
        Ok((query, sent.cookie.expose().to_owned()))
    }

    async fn back(&self, answer: &[(&str, &str)], cookie: Option<&str>) -> Result<SignInStep, u32> {
        let answer = answer.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let answer = Form::from_pairs(answer.collect());
        let came = self.issuer.from_provider("corp", cookie, &answer, network()).await;
        let came = came.map_err(|error| error.code())?;
        assert_eq!((came.next.as_str(), came.origin.as_str()), ("/next?a=b", "https://app.example"));
        Ok(came.step)
    }

    /// There and back, by a user who signs in.
    async fn sign_in(&self) -> Result<Browser, u32> {
        let (sent, cookie) = self.go().await?;
        let state = sent.get("state").unwrap();
        let step = self.back(&[("state", state), ("code", "c1"), ("iss", ISSUER)], Some(&cookie)).await?;
        let SignInStep::Done { cookie } = step else { panic!("{step:?}") };
        Ok(self.issuer.browser(cookie.expose(), network()).await.unwrap().unwrap())
    }

    /// Whether a user is signed in by each of the tokens that are made for one sign-in at the provider.
    pub async fn takes(
        &self,
        tokens: impl FnOnce(&Certified, Value, Value) -> Vec<(String, String)>,
    ) -> Vec<String> {
        let (sent, cookie) = self.go().await.unwrap();
        let (state, now) = (sent.get("state").unwrap(), self.idp.clock.now().unix_seconds());
        let says = self.idp.says.lock().unwrap().clone();
        let mut claims = says.claims;
        claims["nonce"] = says.nonce.into();
        claims["iat"] = now.into();
        claims["exp"] = (now + 60).into();
        let mut taken = Vec::new();
        for (name, token) in tokens(&self.idp.signer, says.header, claims) {
            self.says(|says| says.token = Some(token));
            let answer = [("state", state), ("code", "c1"), ("iss", ISSUER)];
            if self.back(&answer, Some(&cookie)).await.is_ok() {
                taken.push(name);
            }
        }
        taken
    }

    async fn groups(&self, browser: &Browser) -> Vec<Uuid> {
        self.store.tenant(self.tenant).user_groups_of(browser.user.id).await.unwrap()
    }

    async fn users(&self) -> usize {
        self.store.tenant(self.tenant).users_after("", 100).await.unwrap().len()
    }
}

#[test]
fn a_user_is_made_at_the_first_sign_in_and_known_by_the_subject_from_then_on() {
    run(async {
        let world = World::new(|_| ()).await;
        let (sent, _) = world.go().await.unwrap();
        for (name, expected) in [
            ("client_id", CLIENT),
            ("response_type", "code"),
            ("scope", "openid profile"),
            ("redirect_uri", &callback()),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(sent.get(name), Some(expected));
        }
        let browser = world.sign_in().await.unwrap();
        assert_eq!(
            (browser.user.principal_name.as_str(), browser.user.display_name.as_str()),
            ("ada@corp.example", "Ada L")
        );
        assert!(!browser.user.is_administrator && browser.sign_in.methods == ["fed"]);
        assert_eq!(world.groups(&browser).await, [world.analysts]);
        // No password opens the account.
        let password = Secret::new(String::new());
        let step = world.issuer.sign_in(DOMAIN, "ada@corp.example", password, network()).await.unwrap();
        assert!(matches!(step, SignInStep::Wrong));
        // Renamed and taken out of the group at the provider; strong there.
        world.says(|says| {
            says.claims["preferred_username"] = "root@contoso.example".into();
            // One group, whose name has a blank.
            says.claims["groups"] = "staff soc".into();
            says.claims["amr"] = json!(["pwd", "mfa"]);
        });
        let again = world.sign_in().await.unwrap();
        assert_eq!((again.user.id, again.sign_in.methods.join(" ")), (browser.user.id, "fed mfa".to_owned()));
        assert_eq!(world.groups(&again).await, Vec::<Uuid>::new());
        assert_eq!(world.users().await, 2);
        let change = UserChange { is_disabled: Some(true), ..UserChange::default() };
        world.store.tenant(world.tenant).change_user(browser.user.id, &change).await.unwrap();
        assert_eq!(world.sign_in().await.err(), Some(50_173));
    });
}

#[test]
fn a_name_that_is_taken_is_nobody_elses() {
    run(async {
        let world = World::new(|provider| provider.creates_users = false).await;
        assert_eq!(world.sign_in().await.err(), Some(50_020), "nobody made the user");
        for (name, expected) in
            [("root@contoso.example", Some(50_099)), ("Root@Contoso.Example", Some(50_099))]
        {
            world.says(|says| says.claims["preferred_username"] = name.into());
            assert_eq!(world.sign_in().await.err(), expected, "{name} has a password");
        }
        let made =
            world.issuer.create_user(world.tenant, "ada@contoso.example", "Ada", None, false).await.unwrap();
        // A name without a domain is one of the tenant.
        world.says(|says| says.claims["preferred_username"] = "ada".into());
        assert_eq!(world.sign_in().await.unwrap().user.id, made.id);
        world.says(|says| says.claims["sub"] = "u-2".into());
        assert_eq!(world.sign_in().await.err(), Some(50_099), "the account is that of another subject");
        world.says(|says| says.claims["preferred_username"] = "ceo@elsewhere.example".into());
        assert_eq!(world.sign_in().await.err(), Some(50_020), "the provider does not speak for that domain");
    });
}

#[test]
fn an_app_that_wants_a_sign_in_now_gets_one_of_now() {
    run(async {
        let mut world = World::new(|_| ()).await;
        let now = world.idp.clock.now().unix_seconds();
        world.says(|says| says.claims["auth_time"] = (now - 3_600).into());
        let browser = world.sign_in().await.unwrap();
        assert_eq!(browser.sign_in.authenticated.unix_seconds(), now - 3_600, "as the provider says");
        world.is_fresh = true;
        let (sent, _) = world.go().await.unwrap();
        assert_eq!((sent.get("prompt"), sent.get("max_age")), (Some("login"), Some("0")));
        assert_eq!(world.sign_in().await.err(), Some(51_004), "an old session is not enough");
        world.says(|says| says.claims["auth_time"] = Value::Null);
        assert_eq!(world.sign_in().await.err(), Some(51_004), "nor is silence");
        world.says(|says| says.claims["auth_time"] = now.into());
        assert!(world.sign_in().await.is_ok());
    });
}

#[test]
fn groups_that_are_not_said_are_not_taken_away() {
    run(async {
        let world = World::new(|_| ()).await;
        let browser = world.sign_in().await.unwrap();
        for (name, value) in [("hasgroups", json!(true)), ("_claim_names", json!({ "groups": "src1" }))] {
            world.says(|says| {
                says.claims.as_object_mut().unwrap().remove("groups");
                says.claims[name] = value;
                says.userinfo = Some(json!({ "sub": "u-1" }));
            });
            assert_eq!(world.sign_in().await.err(), Some(51_004), "{name}");
            world.says(|says| drop(says.claims.as_object_mut().unwrap().remove(name)));
        }
        assert_eq!(world.groups(&browser).await, [world.analysts]);
        // Where no group is mapped, none is asked for.
        let world = World::new(|provider| provider.groups.clear()).await;
        world.says(|says| says.claims["_claim_names"] = json!({ "groups": "src1" }));
        assert!(world.sign_in().await.is_ok());
    });
}

#[test]
fn a_user_is_met_anew_once_an_administrator_forgot_the_provider() {
    run(async {
        let world = World::new(|provider| provider.user_claim = "sub".to_owned()).await;
        let first = world.sign_in().await.unwrap();
        assert_eq!(first.user.principal_name, "u-1@contoso.example");
        let store = world.store.tenant(world.tenant);
        assert_eq!(store.remove_federations(first.user.id).await.unwrap(), 1);
        assert_eq!(world.sign_in().await.unwrap().user.id, first.user.id);
        assert_eq!(world.users().await, 2);
    });
}

#[test]
fn claims_that_the_token_leaves_out_are_asked_for() {
    run(async {
        let world = World::new(|provider| provider.user_claim = "email".to_owned()).await;
        let claims = json!({ "iss": ISSUER, "aud": [CLIENT], "sub": "u-1" });
        let info = json!({ "sub": "u-1", "email": "ada@corp.example", "groups": ["soc"] });
        for (change, expected) in [
            (json!({ "sub": "u-2", "email_verified": true }), Err(51_004)),
            (json!({ "email_verified": false }), Err(51_004)),
            (json!({}), Err(51_004)),
            (json!({ "email_verified": true }), Ok(())),
        ] {
            let mut info = info.clone();
            info.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            world.says(|says| {
                says.claims = claims.clone();
                says.userinfo = Some(info);
            });
            let signed_in = world.sign_in().await;
            assert_eq!(signed_in.as_ref().map(|_| ()).map_err(|code| *code), expected, "{change}");
            if let Ok(browser) = signed_in {
                assert_eq!(world.groups(&browser).await, [world.analysts]);
            }
        }
    });
}

#[test]
fn what_a_provider_did_not_say_signs_nobody_in() {
    let spoils: [(&str, Change); 15] = [
        ("another issuer", |says| says.claims["iss"] = "https://evil.example".into()),
        ("another audience", |says| says.claims["aud"] = "other".into()),
        ("no audience", |says| says.claims["aud"] = json!([])),
        ("several audiences", |says| says.claims["aud"] = json!([CLIENT, "other"])),
        ("given to another", |says| says.claims["azp"] = "other".into()),
        ("another nonce", |says| says.claims["nonce"] = "n".into()),
        ("no nonce", |says| says.claims["nonce"] = Value::Null),
        ("expired", |says| says.claims["exp"] = 1_700_000_000.into()),
        ("of the future", |says| says.claims["iat"] = 1_800_000_000.into()),
        ("not yet", |says| says.claims["nbf"] = 1_800_000_000.into()),
        ("no subject", |says| says.claims["sub"] = "".into()),
        ("no name", |says| says.claims["preferred_username"] = "\u{0}".into()),
        ("signed otherwise", |says| says.header["alg"] = "HS256".into()),
        ("an unknown key", |says| says.header["kid"] = "two".into()),
        ("not there", |says| says.is_up = false),
    ];
    run(async {
        let world = World::new(|_| ()).await;
        let good = world.idp.says.lock().unwrap().clone();
        for (what, spoil) in spoils {
            world.says(|says| *says = good.clone());
            let (sent, cookie) = world.go().await.unwrap();
            world.says(spoil);
            let state = sent.get("state").unwrap();
            let back = world.back(&[("state", state), ("code", "c1"), ("iss", ISSUER)], Some(&cookie)).await;
            assert_eq!(back.err(), Some(51_004), "{what}");
        }
        assert_eq!(world.users().await, 1);
        world.says(|says| *says = good);
        assert!(world.sign_in().await.is_ok());
    });
}

#[test]
fn an_answer_is_for_the_browser_and_the_provider_that_were_asked() {
    run(async {
        let world = World::new(|_| ()).await;
        let (sent, cookie) = world.go().await.unwrap();
        let (_, other) = world.go().await.unwrap();
        let state = sent.get("state").unwrap();
        for (answer, cookie, expected) in [
            (vec![("state", state), ("code", "c1"), ("iss", ISSUER)], None, 90_100),
            (vec![("state", state), ("code", "c1"), ("iss", ISSUER)], Some("AAAA"), 90_100),
            (vec![("state", state), ("code", "c1"), ("iss", ISSUER)], Some(other.as_str()), 90_100),
            (vec![("state", "x"), ("code", "c1"), ("iss", ISSUER)], Some(&cookie), 90_100),
            (vec![("code", "c1"), ("iss", ISSUER)], Some(&cookie), 90_100),
            (vec![("state", state), ("code", "c1"), ("iss", "https://evil.example")], Some(&cookie), 51_004),
            (vec![("state", state), ("code", "c1")], Some(&cookie), 51_004),
            (vec![("state", state), ("error", "access_denied"), ("iss", ISSUER)], Some(&cookie), 50_105),
            (vec![("state", state), ("code", "another"), ("iss", ISSUER)], Some(&cookie), 51_004),
        ] {
            assert_eq!(world.back(&answer, cookie).await.err(), Some(expected), "{answer:?}");
        }
        assert_eq!(world.issuer.providers_of_name("ada@Corp.example").len(), 1);
        assert_eq!(world.issuer.providers_of_name("ada@corp.example.evil").len(), 0);
        let sent = world.issuer.to_provider("other", "/", "", false).await;
        assert_eq!(sent.err().map(|error| error.code()), Some(50_107));
        let offered = async |segment: &str| world.issuer.providers_of(segment).await.len();
        assert_eq!((offered("common").await, offered(DOMAIN).await, offered("x.example").await), (1, 1, 0));
        world.issuer.create_tenant("Fabrikam", "fabrikam.example").await.unwrap();
        assert_eq!(
            (offered("common").await, offered(DOMAIN).await, offered("fabrikam.example").await),
            (0, 1, 0)
        );
        let (sent, cookie) = world.go().await.unwrap();
        world.idp.clock.advance(601);
        let state = sent.get("state").unwrap();
        let late = world.back(&[("state", state), ("code", "c1"), ("iss", ISSUER)], Some(&cookie)).await;
        assert_eq!(late.err(), Some(50_089));
        let long = "/".repeat(3_000);
        let sent = world.issuer.to_provider("corp", &long, "", false).await;
        assert_eq!(sent.err().map(|error| error.code()), Some(90_013));
    });
}

#[test]
fn a_second_factor_of_ones_own_is_asked_for_too() {
    run(async {
        let world = World::new(|_| ()).await;
        let browser = world.sign_in().await.unwrap();
        let (secret, offer) = world.issuer.new_totp(&browser).unwrap();
        let code = crate::users::totp(secret.expose(), world.idp.clock.now().unix_seconds());
        assert!(world.issuer.add_totp(&browser, &offer, &code).await.unwrap());
        let (sent, cookie) = world.go().await.unwrap();
        let state = sent.get("state").unwrap();
        let step = world.back(&[("state", state), ("code", "c1"), ("iss", ISSUER)], Some(&cookie)).await;
        assert!(matches!(step, Ok(SignInStep::Factor { .. })), "{step:?}");
    });
}
