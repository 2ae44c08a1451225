//! What signing users in keeps: codes and tokens that are taken once, consents, what expires.

use model::{AppId, TenantId, Ticks};
use store::sign_in::{
    AuthorizationCode, CodeTaken, DelegatedGrant, DeviceAnswer, DeviceCode, DeviceState, Hash, RefreshTaken,
    UserFactor,
};
use store::{App, AppCertificate, AppSignIn, SignIn, Store, Tenant, User};
use uuid::Uuid;

use crate::{ONE, TWO, hour, on_each_store};

const APP: AppId = AppId(Uuid::from_u128(11));
const OTHER: AppId = AppId(Uuid::from_u128(12));
const USER: Uuid = Uuid::from_u128(21);

async fn fill(store: &Store) {
    for (id, name) in [(ONE, "one"), (TWO, "two")] {
        let (display_name, domain) = (name.to_owned(), format!("{name}.example"));
        store.create_tenant(&Tenant { id, display_name, domain, created: hour(1) }).await.unwrap();
    }
    let one = store.tenant(ONE);
    let app = App { id: APP, display_name: "Tool".to_owned(), manifest: Vec::new(), created: hour(1) };
    one.create_app(&app).await.unwrap();
    one.create_user(&user()).await.unwrap();
}

fn user() -> User {
    User {
        id: USER,
        principal_name: "ada@one.example".to_owned(),
        display_name: "Ada".to_owned(),
        password_hash: String::new(),
        is_administrator: false,
        created: hour(1),
        is_disabled: false,
        tokens_from: Ticks(0),
    }
}

fn sign_in(id: u128, app: Option<AppId>) -> SignIn {
    SignIn {
        tenant: ONE,
        id: Uuid::from_u128(id),
        user: USER,
        app,
        resource: String::new(),
        scope: "openid".to_owned(),
        methods: vec!["pwd".to_owned(), "otp".to_owned()],
        authenticated: hour(1),
        created: hour(1),
        last_used: hour(1),
        expires: hour(10),
        ended: None,
    }
}

fn hash(byte: u8) -> Hash {
    [byte; 32]
}

fn code(tenant: TenantId) -> AuthorizationCode {
    AuthorizationCode {
        tenant,
        app: APP,
        user: USER,
        redirect_uri: "https://app.example/".to_owned(),
        challenge: Some("c".to_owned()),
        resource: "r".to_owned(),
        scope: "openid".to_owned(),
        nonce: None,
        methods: vec!["pwd".to_owned()],
        authenticated: hour(1),
        expires: hour(2),
        session: Some(Uuid::from_u128(7)),
    }
}

#[tokio::test]
async fn a_code_is_taken_once_and_by_its_app() {
    on_each_store(async |store| {
        fill(&store).await;
        store.add_code(&hash(1), &code(ONE)).await.unwrap();
        assert_eq!(store.take_code(&hash(1), OTHER, hour(1)).await.unwrap(), CodeTaken::Unknown);
        assert_eq!(store.take_code(&hash(2), APP, hour(1)).await.unwrap(), CodeTaken::Unknown);
        assert_eq!(store.take_code(&hash(1), APP, hour(1)).await.unwrap(), CodeTaken::Fresh(code(ONE)));
        let again = CodeTaken::Again { code: code(ONE), sign_in: None };
        assert_eq!(store.take_code(&hash(1), APP, hour(1)).await.unwrap(), again);
        store.set_sign_in_of_code(&hash(1), Uuid::from_u128(5)).await.unwrap();
        let again = CodeTaken::Again { code: code(ONE), sign_in: Some(Uuid::from_u128(5)) };
        assert_eq!(store.take_code(&hash(1), APP, hour(1)).await.unwrap(), again);
        assert!(store.add_code(&hash(3), &code(TWO)).await.is_err(), "the user is of another tenant");
    })
    .await;
}

#[tokio::test]
async fn a_refresh_token_is_taken_once_and_a_second_time_ends_the_sign_in() {
    on_each_store(async |store| {
        fill(&store).await;
        let one = store.tenant(ONE);
        let first = sign_in(1, Some(APP));
        one.add_sign_in(&first, None, Some((&hash(1), hour(5)))).await.unwrap();
        let taken = async |byte, app, now| store.take_refresh_token(&hash(byte), app, now).await.unwrap();
        assert_eq!(taken(1, OTHER, hour(2)).await, RefreshTaken::Unknown);
        assert_eq!(taken(1, APP, hour(5)).await, RefreshTaken::Unknown, "expired");
        assert_eq!(taken(1, APP, hour(2)).await, RefreshTaken::Fresh(first.clone()));
        one.add_refresh_token(first.id, &hash(2), hour(2), hour(6)).await.unwrap();
        assert!(one.is_session_live(USER, first.id).await.unwrap());
        assert!(!one.is_session_live(Uuid::from_u128(22), first.id).await.unwrap());
        assert!(!store.tenant(TWO).is_session_live(USER, first.id).await.unwrap());
        assert!(matches!(taken(1, APP, hour(3)).await, RefreshTaken::Again(_)));
        assert!(!one.is_session_live(USER, first.id).await.unwrap());
        assert_eq!(taken(2, APP, hour(3)).await, RefreshTaken::Unknown, "its sign-in is over");
        assert_eq!(store.sign_ins_ended_since(hour(3)).await.unwrap(), [(ONE, first.id)]);
        assert_eq!(store.sign_ins_ended_since(hour(4)).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn sign_ins_are_listed_and_ended_by_user_and_app() {
    on_each_store(async |store| {
        fill(&store).await;
        let one = store.tenant(ONE);
        one.add_sign_in(&sign_in(1, None), Some(&hash(9)), None).await.unwrap();
        one.add_sign_in(&sign_in(2, Some(APP)), None, None).await.unwrap();
        assert_eq!(store.sign_in_by_cookie(&hash(9)).await.unwrap(), Some(sign_in(1, None)));
        assert_eq!(store.sign_in_by_cookie(&hash(8)).await.unwrap(), None);
        assert_eq!(one.sign_ins(Some(USER), hour(2), 10).await.unwrap().len(), 2);
        assert_eq!(one.sign_ins(None, hour(2), 1).await.unwrap().len(), 1);
        assert_eq!(one.sign_ins(None, hour(10), 10).await.unwrap(), [], "expired");
        assert_eq!(one.end_sign_ins_of_user(USER, Some(APP), hour(2)).await.unwrap(), 1);
        assert_eq!(one.sign_ins(None, hour(2), 10).await.unwrap(), [sign_in(1, None)]);
        assert!(one.end_sign_in(Uuid::from_u128(1), hour(2)).await.unwrap());
        assert!(!one.end_sign_in(Uuid::from_u128(1), hour(2)).await.unwrap());
        assert!(!store.tenant(TWO).end_sign_in(Uuid::from_u128(2), hour(2)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn an_approved_device_is_exchanged_once() {
    on_each_store(async |store| {
        fill(&store).await;
        let waiting = waiting();
        store.add_device_code(&hash(1), &waiting, hour(1)).await.unwrap();
        assert!(store.add_device_code(&hash(2), &waiting, hour(1)).await.is_err(), "the text is taken");
        assert_eq!(store.poll_device(&hash(1), OTHER, hour(1)).await.unwrap(), None);
        assert_eq!(store.poll_device(&hash(1), APP, hour(1)).await.unwrap(), Some(waiting.clone()));
        let methods = ["pwd".to_owned()];
        let answer = async |state| {
            let session = Uuid::from_u128(7);
            let (user, authenticated) = ((ONE, USER), hour(1));
            let answer = DeviceAnswer { state, user, methods: &methods, authenticated, session };
            store.answer_device("BCDFGHJK", &answer).await.unwrap()
        };
        assert!(answer(DeviceState::Approved).await);
        assert!(!answer(DeviceState::Denied).await, "it was answered");
        let state = async || store.poll_device(&hash(1), APP, hour(1)).await.unwrap().unwrap().state;
        assert_eq!(state().await, DeviceState::Approved);
        assert_eq!(state().await, DeviceState::Exchanged);
    })
    .await;
}

fn waiting() -> DeviceCode {
    DeviceCode {
        user_code: "BCDFGHJK".to_owned(),
        asked: Some(ONE),
        app: APP,
        resource: String::new(),
        scope: "openid".to_owned(),
        expires: hour(2),
        last_poll: Ticks(0),
        state: DeviceState::Pending,
        user: None,
        methods: Vec::new(),
        authenticated: Ticks(0),
        session: None,
        network: "192.0.2.1".to_owned(),
    }
}

#[tokio::test]
async fn devices_that_wait_are_counted_by_network_and_app_until_their_codes_expire() {
    on_each_store(async |store| {
        fill(&store).await;
        let mut number = 0_u64;
        let mut add = async |network: &str, app, now| {
            number += 1;
            let mut hash = hash(0);
            hash[..8].copy_from_slice(&number.to_be_bytes());
            let (user_code, network) = (number.to_string(), network.to_owned());
            let code = DeviceCode { user_code, network, app, ..waiting() };
            store.add_device_code(&hash, &code, now).await
        };
        for _ in 0..1_000 {
            add("192.0.2.1", APP, hour(1)).await.unwrap();
        }
        assert!(add("192.0.2.1", APP, hour(1)).await.is_err(), "a network has so many");
        assert!(add("192.0.2.1", OTHER, hour(1)).await.is_err(), "of whatever app");
        assert!(add("192.0.2.2", APP, hour(1)).await.is_ok(), "another has its own");
        assert!(add("192.0.2.1", APP, hour(2)).await.is_ok(), "those that expired make room");
    })
    .await;
}

#[tokio::test]
async fn how_an_app_signs_users_in_is_of_its_tenant() {
    on_each_store(async |store| {
        fill(&store).await;
        let (one, two) = (store.tenant(ONE), store.tenant(TWO));
        assert_eq!(one.app_sign_in(APP).await.unwrap(), AppSignIn::default());
        let how = AppSignIn {
            delegated: vec!["Alert.Read".to_owned()],
            is_public: true,
            is_multi_tenant: true,
            ..AppSignIn::default()
        };
        one.set_app_sign_in(APP, &how).await.unwrap();
        assert!(two.set_app_sign_in(APP, &how).await.is_err(), "not its app");
        assert_eq!(one.app_sign_in(APP).await.unwrap(), how);
        assert_eq!(store.multi_tenant_home(APP).await.unwrap(), Some(ONE));
        one.add_redirect_uri(APP, "https://b/").await.unwrap();
        one.add_redirect_uri(APP, "https://a/").await.unwrap();
        one.add_redirect_uri(APP, "https://a/").await.unwrap();
        assert_eq!(one.redirect_uris(APP).await.unwrap(), ["https://a/", "https://b/"]);
        assert_eq!(two.redirect_uris(APP).await.unwrap(), [""; 0]);
        assert!(one.remove_redirect_uri(APP, "https://b/").await.unwrap());
        for at in 0..63 {
            one.add_redirect_uri(APP, &format!("https://c/{at}")).await.unwrap();
        }
        assert!(one.add_redirect_uri(APP, "https://d/").await.is_err(), "64 at most");
        let certificate = AppCertificate {
            sha256: "aa".to_owned(),
            sha1: "bb".to_owned(),
            der: vec![1, 2],
            not_before: hour(0),
            not_after: hour(9),
            created: hour(1),
        };
        one.add_app_certificate(APP, &certificate).await.unwrap();
        assert!(one.add_app_certificate(APP, &certificate).await.is_err());
        assert_eq!(one.app_certificates(APP).await.unwrap(), [certificate]);
        assert!(one.remove_app_certificate(APP, "aa").await.unwrap());
        for user in [None, Some(USER), Some(Uuid::from_u128(22))] {
            let grant = DelegatedGrant {
                app: APP,
                user,
                permissions: vec!["Alert.Read".to_owned()],
                granted_by: "a".to_owned(),
                granted: hour(1),
            };
            one.put_delegated_grant(&grant).await.unwrap();
        }
        let users = async || {
            let grants = one.delegated_grants_of(APP, USER).await.unwrap();
            grants.iter().map(|grant| grant.user).collect::<Vec<_>>()
        };
        assert_eq!(users().await, [None, Some(USER)]);
        assert!(one.remove_delegated_grant(APP, None).await.unwrap());
        assert_eq!(users().await, [Some(USER)]);
        assert_eq!(two.delegated_grants(APP).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_step_of_a_second_factor_is_taken_once() {
    on_each_store(async |store| {
        fill(&store).await;
        let one = store.tenant(ONE);
        let factor = UserFactor {
            user: USER,
            kind: "totp".to_owned(),
            sealed: vec![1],
            created: hour(1),
            last_step: 7,
        };
        one.add_user_factor(&factor).await.unwrap();
        assert!(one.add_user_factor(&factor).await.is_err());
        for (step, expected) in [(7, false), (8, true), (8, false), (6, false), (10, true)] {
            assert_eq!(one.take_factor_step(USER, "totp", step).await.unwrap(), expected, "{step}");
        }
        assert_eq!(store.tenant(TWO).user_factor(USER, "totp").await.unwrap(), None);
        assert!(one.remove_user_factor(USER, "totp").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn what_is_of_no_use_any_more_is_removed_and_nothing_else() {
    on_each_store(async |store| {
        fill(&store).await;
        let one = store.tenant(ONE);
        one.add_sign_in(&sign_in(1, Some(APP)), None, Some((&hash(1), hour(5)))).await.unwrap();
        store.add_code(&hash(1), &code(ONE)).await.unwrap();
        assert!(store.take_assertion(&hash(1), hour(2)).await.unwrap());
        assert!(!store.take_assertion(&hash(1), hour(2)).await.unwrap());
        assert_eq!(store.sweep_sign_ins(hour(2)).await.unwrap(), 0);
        assert_eq!(store.sweep_sign_ins(hour(6)).await.unwrap(), 2, "the refresh token and the assertion");
        assert_eq!(one.sign_in(Uuid::from_u128(1)).await.unwrap(), Some(sign_in(1, Some(APP))));
        assert_eq!(store.sweep_sign_ins(hour(40)).await.unwrap(), 2, "the code and the sign-in");
        assert_eq!(one.sign_in(Uuid::from_u128(1)).await.unwrap(), None);
    })
    .await;
}
