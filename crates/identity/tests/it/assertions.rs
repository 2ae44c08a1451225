//! Clients that prove themselves by a certificate.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};
use serde_json::{Value, json};

use crate::fixture::{BASE, DOMAIN, RESOURCE, encode_part, pairs, run};
use crate::signing_in::{World, with};

pub const NOW: i64 = 1_714_979_289;

/// A key with its self-signed certificate.
pub struct Certified {
    pub pair: RsaKeyPair,
    pub der: Vec<u8>,
    pub pem: String,
}

impl Certified {
    pub fn new(until: i32) -> Certified {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        let pair = RsaKeyPair::from_pkcs8(&key.serialize_der()).unwrap();
        Certified { pair, der: certificate.der().to_vec(), pem: certificate.pem() }
    }

    pub fn sha1(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der))
    }

    pub fn sha256(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &self.der))
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode_part(header), encode_part(claims));
        let signature = self.sign_text(header["alg"] == "PS256", message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub fn sign_text(&self, by_pss: bool, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let padding: &'static dyn aws_lc_rs::signature::RsaEncoding =
            if by_pss { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
        self.pair.sign(padding, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }
}

pub fn claims(world: &World, jti: &str) -> Value {
    json!({
        "iss": world.app,
        "sub": world.app,
        "aud": format!("{BASE}/{}/oauth2/v2.0/token", world.tenant),
        "exp": NOW + 600,
        "nbf": NOW,
        "jti": jti,
    })
}

pub async fn send(world: &World, assertion: &str) -> Result<Value, u32> {
    world
        .token(pairs(&[
            ("grant_type", "client_credentials"),
            ("client_id", &world.app.to_string()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
            ("scope", &format!("{RESOURCE}/.default")),
        ]))
        .await
}

#[test]
fn every_way_of_naming_the_certificate_and_both_paddings_are_taken() {
    run(async {
        let world = World::new().await;
        let own = Certified::new(2030);
        let before = world.issuer.add_certificate(world.tenant, world.app, own.pem.as_bytes()).await.unwrap();
        assert_eq!(before.der, own.der);
        let wrapped: String = STANDARD
            .encode(&own.der)
            .as_bytes()
            .chunks(64)
            .fold(String::new(), |text, line| text + std::str::from_utf8(line).unwrap() + "\n");
        let kid: String = before.sha1.to_uppercase();
        let headers = [
            json!({ "alg": "RS256", "typ": "JWT", "x5t": own.sha1() }),
            json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": own.sha256() }),
            json!({ "alg": "RS256", "x5t": own.sha1(), "x5c": [wrapped] }),
            json!({ "alg": "PS256", "x5t#S256": own.sha256(), "x5c": [STANDARD.encode(&own.der)] }),
            json!({ "alg": "RS256", "kid": kid }),
            json!({ "alg": "RS256", "kid": "anything", "x5t": own.sha1() }),
        ];
        for (at, header) in headers.iter().enumerate() {
            let jti = format!("jti-{at}");
            let assertion = own.sign(header, &claims(&world, &jti));
            let answer = send(&world, &assertion).await;
            assert!(answer.is_ok(), "{header} {answer:?}");
            assert_eq!(send(&world, &assertion).await, Err(50_013), "replayed {header}");
        }
        let header = &headers[0];
        let mut fractions = claims(&world, "fractions");
        fractions["exp"] = json!(NOW as f64 + 600.25);
        fractions["nbf"] = json!(NOW as f64 + 0.5);
        assert!(send(&world, &own.sign(header, &fractions)).await.is_ok(), "some libraries write fractions");
        for aud in [
            format!("{BASE}/{DOMAIN}/oauth2/token"),
            format!("{BASE}/{}/v2.0", world.tenant),
            format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", world.tenant),
            format!("https://login.windows.net/{}/oauth2/token/", world.tenant),
        ] {
            let mut good = claims(&world, &aud);
            good["aud"] = json!(aud);
            assert!(send(&world, &own.sign(header, &good)).await.is_ok(), "{aud}");
        }
        assert!(
            world.store.tenant(world.tenant).remove_app_certificate(world.app, &before.sha256).await.unwrap()
        );
        assert_eq!(send(&world, &own.sign(header, &claims(&world, "gone"))).await, Err(700_027));
    });
}

#[test]
fn an_assertion_is_judged_by_its_claims() {
    run(async {
        let world = World::new().await;
        let own = Certified::new(2030);
        world.issuer.add_certificate(world.tenant, world.app, &own.der).await.unwrap();
        let header = json!({ "alg": "RS256", "x5t": own.sha1() });
        let other = "00000000-0000-0000-0000-0000000000bb";
        let cases: &[(&str, Value, u32)] = &[
            ("iss", json!(world.public), 700_021),
            ("sub", json!(world.public), 700_021),
            ("iss", Value::Null, 50_027),
            ("aud", json!("https://evil.example/oauth2/v2.0/token"), 700_023),
            ("aud", json!(format!("{BASE}/{other}/oauth2/v2.0/token")), 700_023),
            ("aud", json!(format!("{BASE}.evil.example/{}/oauth2/v2.0/token", world.tenant)), 700_023),
            ("aud", json!(format!("{BASE}/{}/oauth2/v2.0/authorize", world.tenant)), 700_023),
            ("aud", json!([format!("{BASE}/{}/v2.0", world.tenant), "https://evil.example"]), 700_023),
            ("aud", json!([]), 700_023),
            ("aud", Value::Null, 50_027),
            ("exp", json!(NOW), 700_024),
            ("exp", json!(NOW + 86_401), 700_024),
            ("exp", json!("4102444800"), 50_027),
            ("exp", Value::Null, 50_027),
            ("nbf", json!(NOW + 61), 700_024),
            ("iat", json!(NOW + 61), 700_024),
            ("jti", json!(""), 50_027),
            ("jti", json!("x".repeat(513)), 50_027),
            ("jti", Value::Null, 50_027),
        ];
        for (claim, value, expected) in cases {
            let mut bad = claims(&world, "jti");
            bad[*claim] = value.clone();
            assert_eq!(send(&world, &own.sign(&header, &bad)).await, Err(*expected), "{claim} {value}");
        }
        assert!(send(&world, &own.sign(&header, &claims(&world, "jti"))).await.is_ok(), "none was used up");
        let form = pairs(&[
            ("grant_type", "client_credentials"),
            ("client_id", &world.app.to_string()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &own.sign(&header, &claims(&world, "two"))),
            ("scope", &format!("{RESOURCE}/.default")),
        ]);
        for (name, value, expected) in [
            ("client_secret", Some(world.secret.expose()), 90_013),
            (
                "client_assertion_type",
                Some("urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
                90_023,
            ),
            ("client_assertion_type", None, 90_023),
            ("client_assertion", None, 900_144),
            ("client_id", Some(world.public.to_string().as_str()), 700_027),
        ] {
            assert_eq!(world.token(with(form.clone(), name, value)).await, Err(expected), "{name} {value:?}");
        }
    });
}

#[test]
fn certificates_that_do_not_do_are_refused() {
    run(async {
        let world = World::new().await;
        let add = async |bytes: &[u8]| {
            let added = world.issuer.add_certificate(world.tenant, world.app, bytes).await;
            added.map(drop).map_err(|error| error.to_string())
        };
        let expired = Certified::new(2021);
        assert_eq!(add(&expired.der).await.unwrap_err(), "the certificate has expired");
        assert!(add(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----").await.is_err());
        assert!(add(b"").await.is_err());
        assert!(add(&[0x30; 17 * 1024]).await.unwrap_err().contains("too large"));
        let curve = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert!(add(curve.der()).await.unwrap_err().contains("RSA"));
        let brief = Certified::new(2025);
        add(&brief.der).await.unwrap();
        assert!(add(&brief.der).await.is_err(), "twice");
        world.clock.advance(400 * 86_400);
        let mut late = claims(&world, "late");
        for claim in ["exp", "nbf"] {
            late[claim] = json!(late[claim].as_i64().unwrap() + 400 * 86_400);
        }
        let assertion = brief.sign(&json!({ "alg": "RS256", "x5t": brief.sha1() }), &late);
        assert_eq!(send(&world, &assertion).await, Err(7_000_222));
    });
}
