//! What was taken back, and how soon that is noticed.

use identity::TokenVersion::V2;
use identity::{AuthError, CallerKind, Form};
use model::Permission;
use model::access::GrantScope;
use model::role::RolePermission;
use store::{AppSignIn, Store, UserChange, UserGroup};
use uuid::Uuid;

use crate::fixture::{Fixture, RESOURCE, TestClock, pairs, run};

const START: &str = "2024-05-06T07:08:09Z";

#[test]
fn a_consent_that_is_taken_back_is_noticed_soon_and_at_once_where_it_was_taken() {
    run(async {
        let clock = TestClock::at(START);
        let fixture = Fixture::on(Store::open_in_memory().await.unwrap(), clock.clone()).await;
        let (issuer, store) = (&fixture.issuer, fixture.store.tenant(fixture.tenant));
        let token = fixture.token(V2).await;
        let permissions = async || issuer.verify(&token).await.map(|caller| caller.permissions);
        let all = vec![Permission::AlertReadWrite, Permission::MachineRead];
        assert_eq!(permissions().await, Ok(all.clone()));
        let known = issuer.verify(&token).await.unwrap();
        assert_eq!(issuer.again(&known).await, Ok(known.clone()));
        store.remove_grant(fixture.app).await.unwrap();
        assert_eq!(permissions().await, Ok(all));
        clock.advance(20);
        assert_eq!(permissions().await, Ok(vec![]));
        assert_eq!(issuer.again(&known).await.map(|caller| caller.permissions), Ok(vec![]));
        issuer.consent(fixture.tenant, fixture.app, "admin").await.unwrap();
        issuer.forget(fixture.tenant);
        assert_eq!(permissions().await.unwrap().len(), 2);
        let scope = GrantScope { device_groups: vec![4], ..GrantScope::default() };
        store.put_grant_scope(fixture.app, &scope).await.unwrap();
        issuer.forget(fixture.tenant);
        assert_eq!(*issuer.verify(&token).await.unwrap().scope, scope);
        // A consent to less leaves a token what it had of that, and gives it nothing new.
        issuer.set_manifest(fixture.tenant, fixture.app, &[Permission::AlertRead]).await.unwrap();
        issuer.consent(fixture.tenant, fixture.app, "admin").await.unwrap();
        issuer.forget(fixture.tenant);
        assert_eq!(permissions().await, Ok(vec![]));
        store.delete_app(fixture.app).await.unwrap();
        issuer.forget(fixture.tenant);
        assert_eq!(permissions().await, Err(AuthError::UnknownApp));
    });
}

#[test]
fn while_the_store_is_away_what_was_read_holds_for_a_minute_and_then_nothing() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::at(START);
        let store = Store::open(&folder.path().join("state.db")).await.unwrap();
        let fixture = Fixture::on(store, clock.clone()).await;
        let token = fixture.token(V2).await;
        assert!(fixture.issuer.verify(&token).await.is_ok());
        fixture.store.close().await;
        clock.advance(49);
        assert!(fixture.issuer.verify(&token).await.is_ok());
        clock.advance(1);
        assert_eq!(fixture.issuer.verify(&token).await, Err(AuthError::AccessUnavailable));
    });
}

#[test]
fn a_user_is_who_signed_in_with_the_roles_of_his_groups_until_he_may_not() {
    run(async {
        let clock = TestClock::at(START);
        let fixture = Fixture::on(Store::open_in_memory().await.unwrap(), clock.clone()).await;
        let (issuer, tenant) = (&fixture.issuer, fixture.tenant);
        let store = fixture.store.tenant(tenant);
        let how = AppSignIn { takes_passwords: true, ..AppSignIn::default() };
        issuer.set_sign_in(tenant, fixture.app, &[Permission::AlertRead], how).await.unwrap();
        issuer.consent_delegated(tenant, fixture.app, None, "admin").await.unwrap();
        let password = identity::Secret::new("correct horse".into());
        let ada = issuer.create_user(tenant, "ada@contoso.example", "Ada", password, false).await.unwrap();
        let bob = identity::Secret::new("battery staple".into());
        issuer.create_user(tenant, "bob@contoso.example", "Bob", bob, true).await.unwrap();
        let token = async || {
            let form = Form::from_pairs(pairs(&[
                ("grant_type", "password"),
                ("client_id", &fixture.app.to_string()),
                ("client_secret", fixture.secret.expose()),
                ("username", "ada@contoso.example"),
                ("password", "correct horse"),
                ("scope", &format!("{RESOURCE}/.default")),
            ]));
            let answer = issuer.token(&tenant.to_string(), V2, &form, None).await.unwrap();
            answer.access_token.expose().to_owned()
        };
        let first = token().await;
        let rights = async |token: &str| {
            let caller = issuer.verify(token).await?;
            assert_eq!(caller.name, "ada@contoso.example");
            assert_eq!(caller.permissions, [Permission::AlertRead]);
            let CallerKind::User(signed_in) = caller.kind else { panic!("an app") };
            assert_eq!(signed_in.user, ada.id);
            Ok::<_, AuthError>(signed_in.rights.permissions().collect::<Vec<_>>())
        };
        assert_eq!(rights(&first).await, Ok(vec![]));
        let group = UserGroup { id: Uuid::new_v4(), name: "g".into(), description: String::new() };
        store.create_user_group(&group).await.unwrap();
        store.add_members(group.id, &[ada.id]).await.unwrap();
        store.assign_role("reader", &[group.id]).await.unwrap();
        issuer.forget(tenant);
        let reader = vec![RolePermission::ViewData, RolePermission::ViewVulnerabilities];
        assert_eq!(rights(&first).await, Ok(reader));

        let second = token().await;
        let session = store.sign_ins(Some(ada.id), model::Ticks(0), 10).await.unwrap();
        assert_eq!(session.len(), 2);
        let of_second = issuer.verify(&second).await.unwrap();
        let CallerKind::User(signed_in) = of_second.kind else { panic!("an app") };
        store.end_sign_in(signed_in.sign_in.unwrap(), model::Clock::now(&*clock)).await.unwrap();
        clock.advance(20);
        assert_eq!(rights(&second).await, Err(AuthError::SignedOut));
        assert!(rights(&first).await.is_ok(), "the other sign-in goes on");

        let of_first = issuer.verify(&first).await.unwrap();
        let from = model::Clock::now(&*clock);
        let change = UserChange { tokens_from: Some(from), ..UserChange::default() };
        store.change_user(ada.id, &change).await.unwrap();
        issuer.forget(tenant);
        assert_eq!(rights(&first).await, Err(AuthError::TakenBack));
        // For answers that take long, too.
        assert_eq!(issuer.again(&of_first).await, Err(AuthError::TakenBack));
        let third = token().await;
        assert!(rights(&third).await.is_ok());
        let of_third = issuer.verify(&third).await.unwrap();
        assert_eq!(issuer.again(&of_third).await.as_ref(), Ok(&of_third));
        store.remove_delegated_grant(fixture.app, None).await.unwrap();
        issuer.forget(tenant);
        assert_eq!(issuer.verify(&third).await.unwrap().permissions, []);
        let change = UserChange { is_disabled: Some(true), ..UserChange::default() };
        store.change_user(ada.id, &change).await.unwrap();
        issuer.forget(tenant);
        assert_eq!(rights(&third).await, Err(AuthError::UnknownUser));
        clock.advance(3_600);
        assert_eq!(issuer.again(&of_third).await, Err(AuthError::Expired));
    });
}

#[test]
fn keys_are_made_in_time_and_retired_when_nothing_needs_them() {
    run(async {
        let clock = TestClock::at(START);
        let fixture = Fixture::on(Store::open_in_memory().await.unwrap(), clock.clone()).await;
        let issuer = &fixture.issuer;
        let first = issuer.signing_keys().await.unwrap().remove(0).kid;
        assert!(issuer.look_after_keys().await.unwrap().is_empty());
        clock.advance(90 * 86_400 - 1);
        assert!(issuer.look_after_keys().await.unwrap().is_empty());
        let last = fixture.token(V2).await;
        clock.advance(1);
        let changes = issuer.look_after_keys().await.unwrap();
        assert!(changes.made.is_some() && changes.retired.is_empty());
        assert!(issuer.verify(&last).await.is_ok());
        clock.advance(86_400 + 3_598);
        assert!(issuer.look_after_keys().await.unwrap().is_empty());
        clock.advance(1);
        assert_eq!(issuer.look_after_keys().await.unwrap().retired, [first]);
        assert!(issuer.look_after_keys().await.unwrap().is_empty());
        assert_eq!(
            issuer.signing_keys().await.unwrap().iter().filter(|key| key.retired.is_none()).count(),
            1
        );
    });
}
