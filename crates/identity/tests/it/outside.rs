//! Tokens of issuers that an operator trusts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::KeyPair;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::{AuthError, CallerKind, Egress, EgressRequest, Issuer, IssuerConfig, OutsideIssuer};
use model::Permission;
use serde_json::{Value, json};
use store::Store;

use crate::assertions::{Certified, NOW};
use crate::fixture::{BASE, DOMAIN, TestClock, run, sealing};

const ISSUER: &str = "https://idp.example/tenant";
const AUDIENCE: &str = "api://bartizan";

/// The documents of an issuer, and how often they were read.
pub struct Documents {
    documents: Mutex<BTreeMap<String, String>>,
    reads: AtomicUsize,
}

#[async_trait::async_trait]
impl Egress for Documents {
    async fn send(&self, request: EgressRequest<'_>, _: usize) -> Result<Vec<u8>, String> {
        let url = request.url;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let documents = self.documents.lock().unwrap();
        documents.get(url).map(|text| text.clone().into_bytes()).ok_or_else(|| "404".to_owned())
    }
}

pub struct World {
    pub issuer: Issuer,
    clock: Arc<TestClock>,
    documents: Arc<Documents>,
    modulus: Vec<u8>,
}

pub fn header(kid: &str) -> Value {
    json!({ "typ": "JWT", "alg": "RS256", "kid": kid })
}

pub fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "robot",
        "azp": "pipeline",
        "exp": NOW + 600,
        "nbf": NOW,
        "roles": ["soc.read", "unknown"],
    })
}

fn jwk(kid: &str, modulus: &[u8]) -> Value {
    json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(modulus) })
}

impl World {
    /// An issuer that trusts another one, which signs with the key of `signer` under the name `one`.
    pub async fn new(signer: &Certified) -> World {
        let clock = TestClock::at("2024-05-06T07:08:09Z");
        let store = Store::open_in_memory().await.unwrap();
        let config = IssuerConfig::new(BASE);
        let mut issuer = Issuer::open(store, sealing(), config, clock.clone()).await.unwrap();
        let tenant = issuer.create_tenant("Contoso", DOMAIN).await.unwrap().id;
        let documents = Arc::new(Documents { documents: Mutex::default(), reads: AtomicUsize::new(0) });
        let read = BTreeSet::from([Permission::AlertRead, Permission::MachineRead]);
        let trusted = OutsideIssuer {
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
            tenant,
            claim: "roles".to_owned(),
            permissions: BTreeMap::from([("soc.read".to_owned(), read)]),
        };
        issuer.trust(trusted, documents.clone()).unwrap();
        let modulus = signer.pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
        let world = World { issuer, clock, documents, modulus };
        world.publish(&["one"]);
        world
    }

    pub fn published(&self, kid: &str) -> String {
        jwk(kid, &self.modulus).to_string()
    }

    fn publish(&self, kids: &[&str]) {
        let oct = json!({ "kty": "oct", "k": "AAAA", "kid": "secret", "alg": "HS256" });
        let short = jwk("short", &self.modulus[..128]);
        let keys =
            kids.iter().map(|kid| jwk(kid, &self.modulus)).chain([oct, short, json!({ "kty": "new" })]);
        let keys = json!({ "keys": keys.collect::<Vec<_>>() });
        let document = json!({ "issuer": ISSUER, "jwks_uri": "https://idp.example/keys" });
        let mut documents = self.documents.documents.lock().unwrap();
        documents.insert(format!("{ISSUER}/.well-known/openid-configuration"), document.to_string());
        documents.insert("https://idp.example/keys".to_owned(), keys.to_string());
    }

    fn reads(&self) -> usize {
        self.documents.reads.load(Ordering::SeqCst)
    }
}

#[test]
fn a_token_of_a_trusted_issuer_permits_what_the_operator_says() {
    run(async {
        let signer = Certified::new(2030);
        let world = World::new(&signer).await;
        let caller = world.issuer.verify(&signer.sign(&header("one"), &claims())).await.unwrap();
        assert_eq!(
            (caller.name.as_str(), caller.app, caller.kind),
            ("pipeline", None, CallerKind::Application)
        );
        assert_eq!(caller.permissions, [Permission::AlertRead, Permission::MachineRead]);
        let outside = caller.outside.unwrap();
        assert_eq!(
            (outside.issuer.as_str(), outside.subject.as_str()),
            (ISSUER, claims()["sub"].as_str().unwrap())
        );
        for (claim, value, expected) in [
            ("roles", json!("x soc.read"), 2),
            ("roles", json!("soc.readx"), 0),
            ("roles", json!(7), 0),
            ("roles", Value::Null, 0),
        ] {
            let mut changed = claims();
            changed[claim] = value.clone();
            let caller = world.issuer.verify(&signer.sign(&header("one"), &changed)).await.unwrap();
            assert_eq!(caller.permissions.len(), expected, "{value}");
        }
        for (claim, value, expected) in [
            ("aud", json!("api://other"), AuthError::WrongAudience),
            ("exp", json!(NOW), AuthError::Expired),
            ("nbf", json!(NOW + 61), AuthError::NotYetValid),
            ("sub", Value::Null, AuthError::Malformed),
            ("sub", json!(""), AuthError::Malformed),
            ("sub", json!("a\nb"), AuthError::Malformed),
            ("sub", json!("x".repeat(256)), AuthError::Malformed),
            ("iss", json!("https://idp.example/other"), AuthError::UnknownKey),
        ] {
            let mut changed = claims();
            changed[claim] = value.clone();
            let verdict = world.issuer.verify(&signer.sign(&header("one"), &changed)).await;
            assert_eq!(verdict, Err(expected), "{claim} {value}");
        }
        let verdict = world.issuer.verify(&signer.sign(&header("short"), &claims())).await;
        assert_eq!(verdict, Err(AuthError::UnknownKey), "a short key is none");
    });
}

#[test]
fn callers_of_one_client_are_told_apart_by_their_subjects_and_last_as_long_as_their_tokens() {
    run(async {
        let signer = Certified::new(2030);
        let world = World::new(&signer).await;
        let verify = async |sub: &str| {
            let mut changed = claims();
            changed["sub"] = json!(sub);
            world.issuer.verify(&signer.sign(&header("one"), &changed)).await.unwrap()
        };
        let (one, other) = (verify("one").await, verify("other").await);
        assert_eq!(one.name, other.name);
        assert_ne!(one.actor(), other.actor());
        assert_ne!(one.actor_in_app(), other.actor_in_app());
        assert_eq!(world.issuer.again(&one).await.as_ref(), Ok(&one));
        world.clock.advance(100_000);
        assert_eq!(world.issuer.again(&one).await, Err(AuthError::Expired));
    });
}

#[test]
fn keys_are_kept_read_again_when_one_is_new_and_not_more_often_than_they_may() {
    run(async {
        let signer = Certified::new(2030);
        let world = World::new(&signer).await;
        let verify = async |kid: &str| {
            let mut long = claims();
            long["exp"] = json!(NOW + 1_000_000);
            world.issuer.verify(&signer.sign(&header(kid), &long)).await.err()
        };
        assert_eq!(verify("one").await, None);
        assert_eq!(verify("one").await, None);
        assert_eq!(world.reads(), 2, "the document and the keys, once");
        world.publish(&["two"]);
        assert_eq!(verify("two").await, Some(AuthError::UnknownKey), "asked a moment ago");
        world.clock.advance(30);
        assert_eq!(verify("two").await, None);
        assert_eq!(verify("one").await, Some(AuthError::UnknownKey), "rotated away");
        assert_eq!(world.reads(), 4);
        world.documents.documents.lock().unwrap().clear();
        world.clock.advance(3_600);
        assert_eq!(verify("two").await, None, "out of reach, what was read holds");
        world.clock.advance(24 * 3_600);
        assert_eq!(verify("two").await, Some(AuthError::AccessUnavailable));
        let elsewhere = json!({ "issuer": "https://evil.example", "jwks_uri": "https://evil.example/keys" });
        let address = format!("{ISSUER}/.well-known/openid-configuration");
        world.documents.documents.lock().unwrap().insert(address, elsewhere.to_string());
        world.clock.advance(30);
        assert_eq!(verify("two").await, Some(AuthError::AccessUnavailable), "a document of another issuer");
    });
}

#[test]
fn the_name_of_this_server_cannot_be_given_to_another() {
    run(async {
        let signer = Certified::new(2030);
        let mut world = World::new(&signer).await;
        for name in [BASE, ISSUER, &format!("{BASE}/x")] {
            let trusted = OutsideIssuer {
                issuer: name.to_owned(),
                audiences: vec![AUDIENCE.to_owned()],
                tenant: model::TenantId(uuid::Uuid::nil()),
                claim: "roles".to_owned(),
                permissions: BTreeMap::new(),
            };
            assert!(world.issuer.trust(trusted, world.documents.clone()).is_err(), "{name}");
        }
    });
}
