//! Passkeys, by an authenticator in software.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::{Browser, FactorPage, FactorProof, Network, PasskeyCeremony, Secret, SignInStep};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::run;
use crate::signing_in::{ADMIN, PASSWORD, USER, World};

const SITE: &str = "https://soc.example";
const PRESENT: u8 = 0x01;
const ATTESTED: u8 = 0x40;

/// One passkey on a device.
struct Authenticator {
    key: Arc<EcdsaKeyPair>,
    id: Vec<u8>,
    counter: u32,
    origin: String,
    party: String,
    flags: u8,
    kind: Option<&'static str>,
    user: Option<Vec<u8>>,
}

fn new_key() -> Arc<EcdsaKeyPair> {
    Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
}

impl Authenticator {
    fn new(id: u8) -> Authenticator {
        let key = new_key();
        let (origin, party) = (SITE.to_owned(), "soc.example".to_owned());
        Authenticator {
            key,
            id: vec![id; 32],
            counter: 1,
            origin,
            party,
            flags: PRESENT,
            kind: None,
            user: None,
        }
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let kind = self.kind.unwrap_or(kind);
        let data =
            json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        data.to_string().into_bytes()
    }

    /// The relying party, what the user did, and the counter.
    fn header(&self, flags: u8) -> Vec<u8> {
        let mut bytes = digest(&SHA256, self.party.as_bytes()).as_ref().to_vec();
        bytes.push(self.flags | flags);
        bytes.extend(self.counter.to_be_bytes());
        bytes
    }

    fn create(&self, ceremony: &PasskeyCeremony) -> String {
        let options: Value = serde_json::from_str(&ceremony.options).unwrap();
        let client_data = self.client_data("webauthn.create", &options["challenge"]);
        let point = self.key.public_key().as_ref();
        // COSE: EC2, ES256, P-256, and the two coordinates.
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        cose.extend(&point[1..33]);
        cose.extend([0x22, 0x58, 0x20]);
        cose.extend(&point[33..]);
        let mut data = self.header(ATTESTED);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(cose);
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": data}.
        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        attestation.push(u8::try_from(data.len()).unwrap());
        attestation.extend(data);
        let id = URL_SAFE_NO_PAD.encode(&self.id);
        let response = json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "attestationObject": URL_SAFE_NO_PAD.encode(attestation),
            "transports": ["internal"],
        });
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response }).to_string()
    }

    fn get(&mut self, ceremony: &PasskeyCeremony) -> String {
        self.counter += 1;
        let options: Value = serde_json::from_str(&ceremony.options).unwrap();
        let client_data = self.client_data("webauthn.get", &options["challenge"]);
        let data = self.header(0);
        let signed = [&data[..], digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let id = URL_SAFE_NO_PAD.encode(&self.id);
        let response = json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "signature": URL_SAFE_NO_PAD.encode(signature),
            "userHandle": self.user.as_ref().map(|user| URL_SAFE_NO_PAD.encode(user)),
        });
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response }).to_string()
    }
}

impl World {
    async fn add(&self, browser: &Browser, authenticator: &Authenticator) -> Result<bool, u32> {
        let ceremony = self.issuer.offer_passkey(browser).await.unwrap().unwrap();
        let credential = authenticator.create(&ceremony);
        let added = self.issuer.add_passkey(browser, &ceremony.state, &credential).await;
        added.map_err(|error| error.code())
    }

    /// The page that asks for the second factor.
    async fn factor_page(&self, name: &str) -> FactorPage {
        let password = Secret::new(PASSWORD.to_owned());
        let step = self.issuer.sign_in("common", name, password, Network::default()).await.unwrap();
        let SignInStep::Factor { page } = step else { panic!("{step:?}") };
        page
    }

    async fn prove(&self, page: &FactorPage, state: &str, credential: &str) -> Result<SignInStep, u32> {
        let proof = FactorProof::Passkey { state, credential };
        let step = self.issuer.prove_factor(page.ticket.expose(), proof, Network::default()).await;
        step.map_err(|error| error.code())
    }

    async fn sign_in_with(&self, name: &str, authenticator: &mut Authenticator) -> Browser {
        let page = self.factor_page(name).await;
        let ceremony = page.passkey.as_ref().unwrap();
        let credential = authenticator.get(ceremony);
        let step = self.prove(&page, &ceremony.state, &credential).await.unwrap();
        let SignInStep::Done { cookie } = step else { panic!("{step:?}") };
        self.issuer.browser(cookie.expose(), Network::default()).await.unwrap().unwrap()
    }
}

#[test]
fn a_passkey_is_asked_for_after_the_password() {
    run(async {
        let world = World::at(SITE).await;
        let mut authenticator = Authenticator::new(1);
        let browser = world.browser(USER).await;
        assert_eq!(world.issuer.ask_before_removing(&browser).await.unwrap(), None);
        assert_eq!(world.add(&browser, &authenticator).await, Ok(true));
        assert_eq!(
            world.add(&browser, &Authenticator::new(2)).await,
            Err(50_079),
            "a password is not enough"
        );
        let page = world.factor_page(USER).await;
        assert!(!page.has_totp && page.passkey.is_some());
        let browser = world.sign_in_with(USER, &mut authenticator).await;
        assert_eq!(browser.sign_in.methods, ["pwd", "fido", "mfa"]);
        let [passkey] = &world.issuer.passkeys(&browser).await.unwrap()[..] else { panic!() };
        assert!(passkey.used.is_some());
        for id in 2..=10 {
            assert_eq!(world.add(&browser, &Authenticator::new(id)).await, Ok(true));
        }
        assert_eq!(world.add(&browser, &Authenticator::new(11)).await, Err(135_010));
        assert_eq!(world.issuer.passkeys(&browser).await.unwrap().len(), 10);
    });
}

#[test]
fn what_proves_no_passkey_signs_nobody_in() {
    type Change = fn(&mut Authenticator);
    let changes: [(&str, Change); 8] = [
        ("another origin", |key| key.origin = "https://soc.example.evil".to_owned()),
        ("another port", |key| key.origin = format!("{SITE}:444")),
        ("another relying party", |key| key.party = "evil.example".to_owned()),
        ("nobody there", |key| key.flags = 0),
        ("another ceremony", |key| key.kind = Some("webauthn.create")),
        ("another key", |key| key.key = new_key()),
        ("another credential", |key| key.id = vec![9; 32]),
        ("another user", |key| key.user = Some(vec![7; 16])),
    ];
    run(async {
        let world = World::at(SITE).await;
        let mut authenticator = Authenticator::new(1);
        assert_eq!(world.add(&world.browser(USER).await, &authenticator).await, Ok(true));
        for (what, change) in changes {
            let mut changed = Authenticator { key: authenticator.key.clone(), ..Authenticator::new(1) };
            changed.counter = authenticator.counter;
            change(&mut changed);
            let page = world.factor_page(USER).await;
            let ceremony = page.passkey.clone().unwrap();
            let credential = changed.get(&ceremony);
            let step = world.prove(&page, &ceremony.state, &credential).await;
            assert!(matches!(step, Ok(SignInStep::Wrong)), "{what}: {step:?}");
            world.clock.advance(3_600);
        }
        let page = world.factor_page(USER).await;
        let ceremony = page.passkey.clone().unwrap();
        for (state, credential) in [("", "{}"), ("AAAA", "{}"), (ceremony.state.as_str(), "{")] {
            assert!(world.prove(&page, state, credential).await.is_err(), "{state} {credential}");
        }
        // The state was taken by what could not be read.
        let good = authenticator.get(&ceremony);
        assert_eq!(world.prove(&page, &ceremony.state, &good).await.err(), Some(50_089));
        // A ceremony for something else, of somebody else, or too old.
        let removing = world.sign_in_with(USER, &mut authenticator).await;
        let removing = world.issuer.ask_before_removing(&removing).await.unwrap().unwrap();
        let other = world.issuer.offer_passkey(&world.browser(ADMIN).await).await.unwrap().unwrap();
        let page = world.factor_page(USER).await;
        for ceremony in [removing, other] {
            let credential = authenticator.get(&ceremony);
            assert_eq!(world.prove(&page, &ceremony.state, &credential).await.err(), Some(50_089));
        }
        let ceremony = page.passkey.clone().unwrap();
        let credential = authenticator.get(&ceremony);
        world.clock.advance(601);
        assert_eq!(world.prove(&page, &ceremony.state, &credential).await.err(), Some(50_089));
        // A counter that went back is that of a copy.
        authenticator.counter = 0;
        let page = world.factor_page(USER).await;
        let ceremony = page.passkey.clone().unwrap();
        let credential = authenticator.get(&ceremony);
        assert!(matches!(world.prove(&page, &ceremony.state, &credential).await, Ok(SignInStep::Wrong)));
    });
}

#[test]
fn an_answer_is_taken_once() {
    run(async {
        let world = World::at(SITE).await;
        let mut authenticator = Authenticator::new(1);
        assert_eq!(world.add(&world.browser(USER).await, &authenticator).await, Ok(true));
        let page = world.factor_page(USER).await;
        let ceremony = page.passkey.clone().unwrap();
        let credential = authenticator.get(&ceremony);
        let both = futures::join!(
            world.prove(&page, &ceremony.state, &credential),
            world.prove(&page, &ceremony.state, &credential)
        );
        let done = [both.0, both.1].into_iter().filter(|step| matches!(step, Ok(SignInStep::Done { .. })));
        assert_eq!(done.count(), 1);
    });
}

#[test]
fn a_passkey_goes_when_one_proves_its_owner() {
    run(async {
        let world = World::at(SITE).await;
        let mut authenticator = Authenticator::new(1);
        assert_eq!(world.add(&world.browser(USER).await, &authenticator).await, Ok(true));
        let browser = world.sign_in_with(USER, &mut authenticator).await;
        let id = world.issuer.passkeys(&browser).await.unwrap()[0].id.clone();
        let ceremony = world.issuer.ask_before_removing(&browser).await.unwrap().unwrap();
        let stranger = Authenticator::new(5).get(&ceremony);
        let by = |state, credential| FactorProof::Passkey { state, credential };
        let refused = world.issuer.remove_passkey(&browser, &id, by(&ceremony.state, &stranger)).await;
        assert!(!refused.unwrap());
        assert!(!world.issuer.remove_passkey(&browser, &id, FactorProof::Code("000000")).await.unwrap());
        let ceremony = world.issuer.ask_before_removing(&browser).await.unwrap().unwrap();
        let credential = authenticator.get(&ceremony);
        let removed = world.issuer.remove_passkey(&browser, &id, by(&ceremony.state, &credential)).await;
        assert!(removed.unwrap());
        assert_eq!(world.issuer.passkeys(&browser).await.unwrap(), []);
        // And the password is enough again.
        world.browser(USER).await;
    });
}

#[test]
fn a_server_that_is_reached_by_a_number_has_no_passkeys() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        assert!(!world.issuer.takes_passkeys());
        assert_eq!(world.issuer.offer_passkey(&browser).await.unwrap(), None);
        assert!(world.issuer.add_passkey(&browser, "", "").await.is_err());
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arbitrary_bytes_are_no_passkey(
        data in proptest::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..100,
    ) {
        run(async {
            let (world, browser) = shared().await;
            let ceremony = world.issuer.offer_passkey(browser).await.unwrap().unwrap();
            let mut credential: Value = serde_json::from_str(&Authenticator::new(3).create(&ceremony)).unwrap();
            let good = credential["response"]["attestationObject"].as_str().unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(good).unwrap();
            // A good beginning gets further than none.
            bytes.truncate(at);
            bytes.extend(data);
            credential["response"]["attestationObject"] = URL_SAFE_NO_PAD.encode(bytes).into();
            let added = world.issuer.add_passkey(browser, &ceremony.state, &credential.to_string()).await;
            assert!(!added.unwrap_or(false));
        });
    }
}

async fn shared() -> &'static (World, Browser) {
    static WORLD: tokio::sync::OnceCell<(World, Browser)> = tokio::sync::OnceCell::const_new();
    let made = WORLD.get_or_init(async || {
        let world = World::at(SITE).await;
        let browser = world.browser(ADMIN).await;
        (world, browser)
    });
    made.await
}
