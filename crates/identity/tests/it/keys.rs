//! The key ring across restarts, rotation and retirement.

use identity::TokenVersion::V2;
use identity::{AuthError, IdentityError, Issuer, IssuerConfig, SealingKey};
use store::Store;

use crate::fixture::{BASE, Fixture, TestClock, run, sealing};

fn kids(issuer: &Issuer) -> Vec<String> {
    let document = issuer.jwks();
    let keys = document["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_key_survives_a_restart_and_opens_with_its_sealing_key_only() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let clock = TestClock::at("2024-05-06T07:08:09Z");
        let store = Store::open(&path).await.unwrap();
        let fixture = Fixture::on(store.clone(), clock.clone()).await;
        let token = fixture.token(V2).await;
        let before = kids(&fixture.issuer);
        let row = store.signing_keys().await.unwrap().remove(0);
        assert_eq!(before, [row.kid.as_str()]);
        // A key in the clear would begin a DER sequence and hold the public exponent 65537.
        assert!(!row.sealed.windows(5).any(|bytes| bytes == [2, 3, 1, 0, 1]));
        drop(fixture);
        store.close().await;

        let store = Store::open(&path).await.unwrap();
        let other = SealingKey::random().unwrap();
        let refused = Issuer::open(store.clone(), other, IssuerConfig::new(BASE), clock.clone()).await;
        assert!(matches!(refused.err(), Some(IdentityError::Sealed { kid }) if kid == row.kid));
        let issuer = Issuer::open(store, sealing(), IssuerConfig::new(BASE), clock).await.unwrap();
        assert_eq!(kids(&issuer), before);
        assert!(issuer.verify(&token).await.is_ok());
    });
}

#[test]
fn the_newest_key_signs_and_older_ones_verify_until_they_are_retired() {
    run(async {
        let clock = TestClock::at("2024-05-06T07:08:09Z");
        let fixture = Fixture::on(Store::open_in_memory().await.unwrap(), clock.clone()).await;
        let issuer = &fixture.issuer;
        let old = kids(issuer).remove(0);
        let by_old = fixture.token(V2).await;
        clock.advance(-10);
        let new = issuer.rotate_signing_key().await.unwrap();
        assert_eq!(kids(issuer), [new.as_str(), old.as_str()]);
        let by_new = fixture.token(V2).await;
        assert_eq!(jsonwebtoken::decode_header(&by_new).unwrap().kid, Some(new.clone()));
        assert!(issuer.verify(&by_old).await.is_ok());

        issuer.retire_signing_key(&old).await.unwrap();
        assert_eq!(kids(issuer), [new.as_str()]);
        assert_eq!(issuer.verify(&by_old).await, Err(AuthError::UnknownKey));
        assert!(issuer.verify(&by_new).await.is_ok());

        issuer.retire_signing_key(&new).await.unwrap();
        let last = kids(issuer);
        assert!(last.len() == 1 && last[0] != new, "a new key is made when none is left");
        assert!(issuer.verify(&fixture.token(V2).await).await.is_ok());
        assert!(issuer.retire_signing_key("unknown").await.is_err());
    });
}
