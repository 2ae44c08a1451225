//! Tenants, keys, apps, secrets, consents and users.

use model::{AppId, ErrorKind};
use store::{App, AppSecret, Grant, SigningKeyRow, Store, Tenant, User};
use uuid::Uuid;

use crate::{ONE, TWO, hour, on_each_database, on_each_store};

const APP: AppId = AppId(Uuid::from_u128(11));

fn tenant_one() -> Tenant {
    let (display_name, domain) = ("One".to_owned(), "One.example".to_owned());
    Tenant { id: ONE, display_name, domain, created: hour(1) }
}

fn app() -> App {
    let manifest = vec!["Alert.Read.All".to_owned(), "Machine.Read.All".to_owned()];
    App { id: APP, display_name: "Notebook".to_owned(), manifest, created: hour(1) }
}

fn user(id: u128, name: &str) -> User {
    User {
        id: Uuid::from_u128(id),
        principal_name: name.to_owned(),
        display_name: "Ada".to_owned(),
        password_hash: "$argon2id$...".to_owned(),
        is_administrator: true,
        is_disabled: false,
        tokens_from: model::Ticks(0),
        created: hour(1),
    }
}

async fn add_tenant(store: &Store) {
    store.create_tenant(&tenant_one()).await.unwrap();
}

#[tokio::test]
async fn a_tenant_is_found_by_its_id_and_its_domain_in_any_case() {
    on_each_store(async |store| {
        add_tenant(&store).await;
        let two = Tenant { id: TWO, domain: "two.example".to_owned(), created: hour(0), ..tenant_one() };
        store.create_tenant(&two).await.unwrap();

        assert_eq!(store.tenants().await.unwrap(), [two, tenant_one()]);
        assert_eq!(store.tenant_by_id(ONE).await.unwrap(), Some(tenant_one()));
        assert_eq!(store.tenant_by_domain("oNE.EXAMPLE").await.unwrap(), Some(tenant_one()));
        assert_eq!(store.tenant_by_domain("three.example").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_second_tenant_of_the_same_id_or_domain_is_a_conflict() {
    on_each_store(async |store| {
        add_tenant(&store).await;
        for tenant in [
            Tenant { domain: "other.example".to_owned(), ..tenant_one() },
            Tenant { id: TWO, domain: "ONE.example".to_owned(), ..tenant_one() },
        ] {
            assert_eq!(store.create_tenant(&tenant).await.unwrap_err().kind(), ErrorKind::Conflict);
        }
        assert_eq!(store.tenants().await.unwrap(), [tenant_one()]);
    })
    .await;
}

#[tokio::test]
async fn signing_keys_are_kept_and_retired_once() {
    on_each_store(async |store| {
        let key = |kid: &str, at| SigningKeyRow {
            kid: kid.to_owned(),
            sealed: vec![0, 1, 255],
            created: hour(at),
            retired: None,
        };
        store.add_signing_key(&key("b", 1)).await.unwrap();
        store.add_signing_key(&key("a", 2)).await.unwrap();
        let again = store.add_signing_key(&key("a", 3)).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Conflict);

        store.retire_signing_key("b", hour(4)).await.unwrap();
        store.retire_signing_key("b", hour(5)).await.unwrap();
        let unknown = store.retire_signing_key("c", hour(5)).await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
        let retired = SigningKeyRow { retired: Some(hour(4)), ..key("b", 1) };
        assert_eq!(store.signing_keys().await.unwrap(), [retired, key("a", 2)]);
    })
    .await;
}

#[tokio::test]
async fn what_an_app_is_granted_stays_when_its_manifest_changes() {
    on_each_store(async |store| {
        add_tenant(&store).await;
        let tenant = store.tenant(ONE);
        tenant.create_app(&app()).await.unwrap();
        assert_eq!(tenant.grant(APP).await.unwrap(), None);
        let grant =
            Grant { permissions: app().manifest, granted_by: "ada@one.example".to_owned(), granted: hour(2) };
        tenant.put_grant(APP, &grant).await.unwrap();

        tenant.set_manifest(APP, vec!["Alert.ReadWrite.All".to_owned()]).await.unwrap();
        let changed = App { manifest: vec!["Alert.ReadWrite.All".to_owned()], ..app() };
        assert_eq!(tenant.app(APP).await.unwrap(), Some(changed.clone()));
        assert_eq!(tenant.apps().await.unwrap(), [changed]);
        assert_eq!(tenant.grant(APP).await.unwrap(), Some(grant.clone()));

        let later = Grant { permissions: Vec::new(), granted: hour(3), ..grant };
        tenant.put_grant(APP, &later).await.unwrap();
        assert_eq!(tenant.grant(APP).await.unwrap(), Some(later));
    })
    .await;
}

#[tokio::test]
async fn an_app_has_many_secrets() {
    on_each_store(async |store| {
        add_tenant(&store).await;
        let tenant = store.tenant(ONE);
        tenant.create_app(&app()).await.unwrap();
        let secret = |id, expires| AppSecret {
            id: Uuid::from_u128(id),
            hash: format!("hash {id}"),
            created: hour(id as i64),
            expires,
            display_name: Some("laptop".to_owned()),
        };
        tenant.add_app_secret(APP, &secret(1, None)).await.unwrap();
        tenant.add_app_secret(APP, &secret(2, Some(hour(9)))).await.unwrap();
        assert_eq!(tenant.app_secrets(APP).await.unwrap(), [secret(1, None), secret(2, Some(hour(9)))]);
        let again = tenant.add_app_secret(APP, &secret(2, None)).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Conflict);
        assert!(!format!("{:?}", secret(1, None)).contains("hash 1"), "a hash is not for logs");
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_an_unknown_app_or_tenant_is_refused() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let grant = Grant { permissions: Vec::new(), granted_by: "x".to_owned(), granted: hour(1) };
        let secret = AppSecret {
            id: Uuid::nil(),
            hash: String::new(),
            created: hour(1),
            expires: None,
            display_name: None,
        };
        for refused in [
            tenant.create_app(&app()).await,
            tenant.create_user(&user(1, "ada")).await,
            tenant.set_manifest(APP, Vec::new()).await,
            tenant.put_grant(APP, &grant).await,
            tenant.add_app_secret(APP, &secret).await,
        ] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
        }
        assert_eq!(tenant.app(APP).await.unwrap(), None);
        assert_eq!(tenant.app_secrets(APP).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_user_is_found_by_name_in_any_case_and_is_unique_by_it() {
    on_each_store(async |store| {
        add_tenant(&store).await;
        let tenant = store.tenant(ONE);
        let ada = user(1, "Ada@one.example");
        tenant.create_user(&ada).await.unwrap();
        assert_eq!(tenant.user_by_name("aDA@ONE.example").await.unwrap(), Some(ada.clone()));
        assert_eq!(tenant.user_by_id(ada.id).await.unwrap(), Some(ada.clone()));
        assert_eq!(tenant.user_by_name("ad%").await.unwrap(), None);
        let again = tenant.create_user(&user(2, "ADA@one.example")).await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Conflict);
        assert_eq!(tenant.user_by_id(Uuid::from_u128(2)).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    on_each_database(async |database| {
        let store = database.open().await;
        add_tenant(&store).await;
        store.tenant(ONE).create_app(&app()).await.unwrap();
        store.ping().await.unwrap();
        store.close().await;
        assert_eq!(store.ping().await.unwrap_err().kind(), ErrorKind::Unavailable);

        let store = database.open().await;
        assert_eq!(store.tenants().await.unwrap(), [tenant_one()]);
        assert_eq!(store.tenant(ONE).app(APP).await.unwrap(), Some(app()));
    })
    .await;
}

#[tokio::test]
async fn a_store_in_memory_works_the_same() {
    let store = Store::open_in_memory().await.unwrap();
    add_tenant(&store).await;
    assert_eq!(store.tenants().await.unwrap(), [tenant_one()]);
    store.ping().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = Store::open(&path).await.unwrap();
    add_tenant(&store).await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_or_out_of_reach_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    std::fs::write(&path, "this is not a database, and it is longer than a header of one".repeat(40))
        .unwrap();
    Store::open(&path).await.unwrap_err();
    let missing = folder.path().join("missing/state.db");
    assert_eq!(Store::open(&missing).await.unwrap_err().kind(), ErrorKind::Unavailable);
}
