//! Callers known by the id and secret of their app.

use identity::{AppCredentials, AuthError};
use model::{AppId, Permission};
use store::{App, Store, Tenant};
use uuid::Uuid;

use crate::fixture::{Fixture, TestClock, run, shared};

async fn verify(fixture: &Fixture, id: AppId, secret: &str) -> Result<identity::Caller, AuthError> {
    let credentials = AppCredentials::read(&format!("Splunk {id}:{secret}")).unwrap().unwrap();
    fixture.issuer.verify_secret(&credentials).await
}

async fn fresh() -> (Fixture, std::sync::Arc<TestClock>) {
    let clock = TestClock::at("2024-05-06T07:08:09Z");
    (Fixture::on(Store::open_in_memory().await.unwrap(), clock.clone()).await, clock)
}

#[test]
fn the_caller_is_that_of_a_token_of_the_same_app() {
    let fixture = shared();
    run(async {
        let by_secret = verify(fixture, fixture.app, fixture.secret.expose()).await.unwrap();
        let token = fixture.token(identity::TokenVersion::V2).await;
        let by_token = fixture.issuer.verify(&token).await.unwrap();
        assert_eq!(by_secret, identity::Caller { token: None, ..by_token });
    });
}

#[test]
fn other_ids_and_secrets_are_refused() {
    let fixture = shared();
    run(async {
        let secret = fixture.secret.expose();
        let unknown = AppId(Uuid::from_u128(7));
        for (id, secret) in
            [(unknown, secret), (fixture.app, "x"), (fixture.app, &secret[1..]), (unknown, "x")]
        {
            assert_eq!(verify(fixture, id, secret).await, Err(AuthError::WrongSecret));
        }
    });
}

#[test]
fn what_is_taken_back_is_noticed_at_once() {
    let work = async {
        let (fixture, clock) = fresh().await;
        let issuer = &fixture.issuer;
        let tenant = fixture.tenant;
        let expires = model::Clock::now(&*clock).plus_seconds(60);
        let brief = issuer.new_secret(tenant, fixture.app, None, Some(expires)).await.unwrap();
        assert!(verify(&fixture, fixture.app, brief.expose()).await.is_ok());
        clock.advance(61);
        assert_eq!(verify(&fixture, fixture.app, brief.expose()).await, Err(AuthError::ExpiredSecret));

        issuer.set_manifest(tenant, fixture.app, &[Permission::EventWrite]).await.unwrap();
        let permissions =
            async || verify(&fixture, fixture.app, fixture.secret.expose()).await.unwrap().permissions;
        assert_eq!(permissions().await, [Permission::AlertReadWrite, Permission::MachineRead]);
        issuer.consent(tenant, fixture.app, "admin").await.unwrap();
        assert_eq!(permissions().await, [Permission::EventWrite]);

        let (silent, secret) =
            issuer.register_app(tenant, "silent", &[Permission::EventWrite]).await.unwrap();
        assert_eq!(verify(&fixture, silent, secret.expose()).await.unwrap().permissions, []);
    };
    run(work);
}

#[test]
fn an_id_of_two_tenants_is_nobody() {
    run(async {
        let (fixture, _) = fresh().await;
        let other = fixture.issuer.create_tenant("Fabrikam", "fabrikam.example").await.unwrap().id;
        let app = fixture.store.tenant(fixture.tenant).app(fixture.app).await.unwrap().unwrap();
        assert!(verify(&fixture, app.id, fixture.secret.expose()).await.is_ok());
        fixture.store.tenant(other).create_app(&App { ..app.clone() }).await.unwrap();
        let homes: Vec<Tenant> = fixture.store.tenants_of_app(app.id).await.unwrap();
        assert_eq!(homes.len(), 2);
        assert_eq!(verify(&fixture, app.id, fixture.secret.expose()).await, Err(AuthError::WrongSecret));
    });
}

#[test]
fn a_store_that_does_not_answer_is_no_verdict() {
    run(async {
        let (fixture, _) = fresh().await;
        fixture.store.close().await;
        let answer = verify(&fixture, fixture.app, fixture.secret.expose()).await;
        assert_eq!(answer, Err(AuthError::Unavailable));
    });
}
