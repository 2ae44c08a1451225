//! Verification: which bearer tokens are believed.

use identity::TokenVersion::{V1, V2};
use identity::{AuthError, Caller, CallerKind, Form, IssuerConfig, TokenTimes, bearer_token};
use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use model::{Permission, Ticks};
use proptest::prelude::*;
use serde_json::{Value, json};
use store::Store;

use crate::fixture::{BASE, Fixture, RESOURCE, TestClock, claims_of, encode_part, run, sealing, shared};

/// A token that the key of the shared issuer signed, with claims and header as a test wants them.
fn resign(change: impl FnOnce(&mut Value), change_header: impl FnOnce(&mut Value)) -> String {
    let token = run(shared().token(V2));
    let mut claims = claims_of(&token);
    change(&mut claims);
    let row = run(shared().store.signing_keys()).unwrap().remove(0);
    let mut header = json!({ "typ": "JWT", "alg": "RS256", "kid": row.kid });
    change_header(&mut header);
    let message = format!("{}.{}", encode_part(&header), encode_part(&claims));
    format!("{message}.{}", sign(&row.sealed, &row.kid, message.as_bytes()))
}

/// Opens a sealed key by the documented layout and signs with it.
pub fn sign(sealed: &[u8], kid: &str, message: &[u8]) -> String {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
    use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    use base64::Engine;

    let key = RandomizedNonceKey::new(&AES_256_GCM, sealing().expose()).unwrap();
    let nonce = Nonce::try_assume_unique_for_key(&sealed[1..13]).unwrap();
    let mut body = sealed[13..].to_vec();
    let pkcs8 = key.open_in_place(nonce, Aad::from(kid.as_bytes()), &mut body).unwrap();
    let pair = RsaKeyPair::from_pkcs8(pkcs8).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = aws_lc_rs::rand::SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature)
}

fn claims_changed(change: impl FnOnce(&mut Value)) -> Result<Caller, AuthError> {
    run(shared().issuer.verify(&resign(change, |_| ())))
}

fn header_changed(change: impl FnOnce(&mut Value)) -> Result<Caller, AuthError> {
    run(shared().issuer.verify(&resign(|_| (), change)))
}

#[test]
fn a_token_of_either_generation_tells_who_calls() {
    for version in [V1, V2] {
        let token = run(shared().token(version));
        let start = Ticks::parse("2024-05-06T07:08:09Z").unwrap();
        let expected = Caller {
            tenant: shared().tenant,
            app: Some(shared().app),
            name: "hunter".into(),
            permissions: vec![Permission::AlertReadWrite, Permission::MachineRead],
            scope: Default::default(),
            kind: CallerKind::Application,
            outside: None,
            token: Some(TokenTimes { issued: start, expires: start.plus_seconds(3_599) }),
        };
        assert_eq!(run(shared().issuer.verify(&token)), Ok(expected));
    }
}

#[test]
fn a_token_that_was_signed_with_other_claims_is_judged_by_them() {
    // The base case proves that what the cases below are refused for is their one change.
    assert!(claims_changed(|_| ()).is_ok());
    let other = "00000000-0000-0000-0000-0000000000bb";
    let cases: &[(&str, Value, AuthError)] = &[
        ("aud", json!("https://example.com"), AuthError::WrongAudience),
        ("aud", json!(""), AuthError::WrongAudience),
        ("aud", json!([RESOURCE]), AuthError::Malformed),
        ("aud", Value::Null, AuthError::Malformed),
        ("iss", json!("https://example.com/"), AuthError::WrongIssuer),
        ("iss", json!(format!("{BASE}/{other}/v2.0")), AuthError::WrongIssuer),
        ("iss", json!(format!("{BASE}/{}/", shared().tenant)), AuthError::WrongIssuer),
        ("tid", json!(other), AuthError::WrongIssuer),
        ("tid", json!("x"), AuthError::Malformed),
        ("tid", Value::Null, AuthError::Malformed),
        ("exp", Value::Null, AuthError::Malformed),
        ("exp", json!("4102444800"), AuthError::Malformed),
        ("exp", json!(0), AuthError::Expired),
        ("exp", json!(-1), AuthError::Expired),
        ("nbf", json!(i64::MAX), AuthError::NotYetValid),
        ("nbf", Value::Null, AuthError::Malformed),
        ("ver", json!("3.0"), AuthError::Malformed),
        ("idtyp", json!("user"), AuthError::Malformed),
        ("azp", Value::Null, AuthError::Malformed),
        ("roles", json!("Alert.Read.All"), AuthError::Malformed),
    ];
    for (claim, value, expected) in cases {
        let verdict = claims_changed(|claims| claims[*claim] = value.clone());
        assert_eq!(verdict, Err(*expected), "{claim} = {value}");
    }
}

#[test]
fn a_tenant_that_does_not_exist_is_unknown_even_when_issuer_and_signature_are_right() {
    let other = "00000000-0000-0000-0000-0000000000bb";
    let verdict = claims_changed(|claims| {
        claims["tid"] = json!(other);
        claims["iss"] = json!(format!("{BASE}/{other}/v2.0"));
    });
    assert_eq!(verdict, Err(AuthError::UnknownTenant));
}

#[test]
fn roles_that_are_not_permissions_are_ignored_and_none_at_all_is_no_error() {
    let with = |roles: Value| claims_changed(|claims| claims["roles"] = roles).unwrap().permissions;
    assert_eq!(with(json!(["Nothing.Real", "alert.read.all"])), [Permission::AlertRead]);
    assert_eq!(with(json!([])), []);
    let verdict = claims_changed(|claims| {
        claims.as_object_mut().unwrap().remove("roles");
    });
    assert_eq!(verdict.unwrap().permissions, []);
}

#[test]
fn the_header_chooses_a_key_and_nothing_more() {
    assert!(header_changed(|_| ()).is_ok());
    let cases: &[(&str, Value, AuthError)] = &[
        ("alg", json!("none"), AuthError::Malformed),
        ("alg", json!("HS256"), AuthError::WrongAlgorithm),
        ("alg", json!("RS384"), AuthError::WrongAlgorithm),
        ("alg", json!("PS256"), AuthError::WrongAlgorithm),
        ("alg", Value::Null, AuthError::Malformed),
        ("kid", json!("unknown"), AuthError::UnknownKey),
        ("kid", json!(""), AuthError::UnknownKey),
        ("kid", Value::Null, AuthError::UnknownKey),
        ("crit", json!(["b64"]), AuthError::Malformed),
    ];
    for (member, value, expected) in cases {
        let verdict = header_changed(|header| header[*member] = value.clone());
        assert_eq!(verdict, Err(*expected), "{member} = {value}");
    }
}

#[test]
fn a_tampered_token_is_refused() {
    let token = run(shared().token(V1));
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims = claims_of(&token);
    claims["roles"] = json!(["Machine.ReadWrite.All"]);
    let mut signature = parts[2].to_owned();
    signature.replace_range(..1, if signature.starts_with('A') { "B" } else { "A" });
    for (forged, expected) in [
        (format!("{}.{}.{}", parts[0], encode_part(&claims), parts[2]), AuthError::BadSignature),
        (format!("{}.{}.{signature}", parts[0], parts[1]), AuthError::BadSignature),
        (format!("{}.{}.", parts[0], parts[1]), AuthError::BadSignature),
        (format!("{}.{}", parts[0], parts[1]), AuthError::Malformed),
        (format!("{token}.x"), AuthError::Malformed),
        (format!("{token}="), AuthError::Malformed),
        (String::new(), AuthError::Malformed),
        ("..".into(), AuthError::Malformed),
        ("a".repeat(16 * 1024 + 1), AuthError::TooLong),
    ] {
        assert_eq!(run(shared().issuer.verify(&forged)), Err(expected), "{forged}");
    }
}

#[test]
fn a_token_without_a_signature_is_refused_whatever_its_algorithm_is_called() {
    let token = run(shared().token(V1));
    let claims = token.split('.').nth(1).unwrap();
    let kid = jsonwebtoken::decode_header(&token).unwrap().kid;
    for alg in ["none", "None", "NONE", ""] {
        let header = encode_part(&json!({ "typ": "JWT", "alg": alg, "kid": kid }));
        let forged = format!("{header}.{claims}.");
        assert_eq!(run(shared().issuer.verify(&forged)), Err(AuthError::Malformed), "{alg}");
    }
}

#[test]
fn the_public_key_is_no_shared_secret() {
    let token = run(shared().token(V2));
    let keys: JwkSet = serde_json::from_value(shared().issuer.jwks()).unwrap();
    let AlgorithmParameters::RSA(public) = &keys.keys[0].algorithm else { panic!("the key is RSA") };
    for secret in [public.n.clone(), serde_json::to_string(&keys.keys[0]).unwrap()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = keys.keys[0].common.key_id.clone();
        let key = EncodingKey::from_secret(secret.as_bytes());
        let forged = jsonwebtoken::encode(&header, &claims_of(&token), &key).unwrap();
        assert_eq!(run(shared().issuer.verify(&forged)), Err(AuthError::WrongAlgorithm));
    }
}

#[test]
fn a_token_is_valid_from_its_first_second_up_to_its_last() {
    run(async {
        let clock = TestClock::at("2024-05-06T07:08:09Z");
        let store = store::Store::open_in_memory().await.unwrap();
        let fixture = Fixture::on(store, clock.clone()).await;
        let token = fixture.token(V2).await;
        for (seconds, expected) in [
            (-61, Some(AuthError::NotYetValid)),
            (-60, None),
            (0, None),
            (3598, None),
            (3599, Some(AuthError::Expired)),
            (1_000_000, Some(AuthError::Expired)),
        ] {
            clock.advance(seconds);
            assert_eq!(fixture.issuer.verify(&token).await.err(), expected, "{seconds}");
            clock.advance(-seconds);
        }
    });
}

#[test]
fn a_key_and_a_tenant_that_another_process_added_are_found_after_a_moment() {
    run(async {
        let clock = TestClock::at("2024-05-06T07:08:09Z");
        let store = store::Store::open_in_memory().await.unwrap();
        let here = Fixture::on(store.clone(), clock.clone()).await;
        let config = IssuerConfig::new(BASE);
        let there = identity::Issuer::open(store, sealing(), config, clock.clone()).await.unwrap();
        there.rotate_signing_key().await.unwrap();
        let tenant = there.create_tenant("Fabrikam", "fabrikam.example").await.unwrap();
        let (app, secret) = there.register_app(tenant.id, "other", &[]).await.unwrap();
        let form = Form::parse(
            format!(
                "grant_type=client_credentials&client_id={app}&client_secret={}&resource={RESOURCE}",
                secret.expose()
            )
            .as_bytes(),
        );
        let token = there.token("fabrikam.example", V1, &form, None).await.unwrap().access_token;

        let verdict = here.issuer.verify(token.expose()).await;
        assert_eq!(verdict, Err(AuthError::UnknownKey), "the store was read a moment ago");
        clock.advance(5);
        let caller = here.issuer.verify(token.expose()).await.unwrap();
        assert_eq!((caller.tenant, caller.permissions), (tenant.id, vec![]));
    });
}

#[test]
fn the_token_is_taken_from_the_header() {
    assert_eq!(bearer_token(Some("Bearer a.b.c")), Ok("a.b.c"));
    assert_eq!(bearer_token(Some(" bearer  a.b.c ")), Ok("a.b.c"));
    for header in [None, Some(""), Some("Bearer"), Some("Basic eDp5"), Some("a.b.c")] {
        assert_eq!(bearer_token(header), Err(AuthError::Missing), "{header:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_refused_without_a_panic(text in ".{0,200}") {
        prop_assert!(run(shared().issuer.verify(&text)).is_err());
        let _ = bearer_token(Some(&text));
    }

    #[test]
    fn any_json_in_the_parts_is_refused_without_a_panic(
        header in "\\{(\"alg\":\"RS256\",)?\"[a-z0-9]{0,4}\":[-0-9a-z\"\\[\\]]{0,6}\\}",
        claims in ".{0,60}",
        signature in "[A-Za-z0-9_-]{0,400}",
    ) {
        use base64::Engine;
        let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.{signature}", encode(&header), encode(&claims));
        prop_assert!(run(shared().issuer.verify(&token)).is_err());
    }

    #[test]
    fn a_token_with_any_one_character_changed_is_refused(
        position in any::<prop::sample::Index>(),
        other in any::<char>(),
    ) {
        let token = run(shared().token(V1));
        let mut characters: Vec<char> = token.chars().collect();
        let position = position.index(characters.len());
        prop_assume!(characters[position] != other);
        characters[position] = other;
        let changed: String = characters.into_iter().collect();
        prop_assert!(run(shared().issuer.verify(&changed)).is_err());
    }
}

#[test]
fn a_token_that_was_checked_before_is_judged_anew() {
    run(async {
        let clock = TestClock::at("2024-05-06T07:08:09Z");
        let store = Store::open_in_memory().await.unwrap();
        let fixture = Fixture::on(store, clock.clone()).await;
        let token = fixture.token(V2).await;
        for _ in 0..3 {
            assert!(fixture.issuer.verify(&token).await.is_ok());
        }
        // One letter of the signature is another token.
        let (message, signature) = token.rsplit_once('.').unwrap();
        let flipped = if signature.starts_with('A') { "B" } else { "A" };
        let changed = format!("{message}.{flipped}{}", &signature[1..]);
        assert_eq!(fixture.issuer.verify(&changed).await.err(), Some(AuthError::BadSignature));
        let kid = fixture.issuer.signing_keys().await.unwrap()[0].kid.clone();
        clock.advance(60);
        fixture.issuer.retire_signing_key(&kid).await.unwrap();
        assert_eq!(fixture.issuer.verify(&token).await.err(), Some(AuthError::UnknownKey));
        let token = fixture.token(V2).await;
        assert!(fixture.issuer.verify(&token).await.is_ok());
        clock.advance(3_599);
        assert_eq!(fixture.issuer.verify(&token).await.err(), Some(AuthError::Expired));
    });
}
