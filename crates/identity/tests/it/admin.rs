//! Apps, consent and users.

use identity::TokenVersion::V1;
use identity::{Form, IdentityError, Secret, password_matches};
use model::{AppId, ErrorKind, Permission};
use serde_json::{Value, json};
use store::Grant;
use uuid::Uuid;

use crate::fixture::{RESOURCE, claims_of, pairs, run, shared};

/// The `roles` of a new token for an app.
async fn roles(app: AppId, secret: &Secret) -> Value {
    let form = Form::from_pairs(pairs(&[
        ("grant_type", "client_credentials"),
        ("client_id", &app.to_string()),
        ("client_secret", secret.expose()),
        ("resource", RESOURCE),
    ]));
    let tenant = shared().tenant.to_string();
    let answer = shared().issuer.token(&tenant, V1, &form, None).await.unwrap();
    claims_of(answer.access_token.expose()).get("roles").cloned().unwrap_or_default()
}

#[test]
fn an_app_may_do_what_was_consented_to_and_not_what_it_asks_for() {
    let (issuer, tenant) = (&shared().issuer, shared().tenant);
    run(async {
        let (app, secret) = issuer.register_app(tenant, "app", &[Permission::AlertRead]).await.unwrap();
        assert_eq!(roles(app, &secret).await, Value::Null, "no consent, no roles");
        issuer.consent(tenant, app, "admin").await.unwrap();
        assert_eq!(roles(app, &secret).await, json!(["Alert.Read.All"]));

        let more = [Permission::AlertRead, Permission::MachineReadWrite];
        issuer.set_manifest(tenant, app, &more).await.unwrap();
        assert_eq!(roles(app, &secret).await, json!(["Alert.Read.All"]), "asking is not having");
        let grant = issuer.consent(tenant, app, "admin").await.unwrap();
        assert_eq!(grant.permissions, ["Alert.Read.All", "Machine.ReadWrite.All"]);
        assert_eq!(roles(app, &secret).await, json!(["Alert.Read.All", "Machine.ReadWrite.All"]));

        issuer.set_manifest(tenant, app, &[]).await.unwrap();
        issuer.consent(tenant, app, "admin").await.unwrap();
        assert_eq!(roles(app, &secret).await, Value::Null);
    });
}

#[test]
fn granted_names_that_are_no_permissions_do_not_reach_a_token() {
    let (issuer, tenant) = (&shared().issuer, shared().tenant);
    run(async {
        let (app, secret) = issuer.register_app(tenant, "app", &[]).await.unwrap();
        let grant = Grant {
            permissions: vec!["No.Such.Permission".into(), "event.write".into()],
            granted_by: "admin".into(),
            granted: model::Ticks(0),
        };
        shared().store.tenant(tenant).put_grant(app, &grant).await.unwrap();
        assert_eq!(roles(app, &secret).await, json!(["Event.Write"]));
    });
}

#[test]
fn what_does_not_exist_cannot_be_changed() {
    let (issuer, tenant, app) = (&shared().issuer, shared().tenant, AppId(Uuid::from_u128(7)));
    run(async {
        let errors: [IdentityError; 3] = [
            issuer.consent(tenant, app, "admin").await.unwrap_err(),
            issuer.set_manifest(tenant, app, &[]).await.unwrap_err(),
            issuer.new_secret(tenant, app, None, None).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        }
        let again = issuer.create_tenant("Contoso", "CONTOSO.example").await.unwrap_err();
        assert_eq!(again.kind(), ErrorKind::Conflict);
    });
}

#[test]
fn a_user_is_stored_with_the_hash_of_the_password() {
    let (issuer, tenant) = (&shared().issuer, shared().tenant);
    run(async {
        let password = Secret::new("correct horse".into());
        let name = "alice@contoso.example";
        let made = issuer.create_user(tenant, name, "Alice", password.clone(), true).await.unwrap();
        let stored =
            shared().store.tenant(tenant).user_by_name("ALICE@contoso.example").await.unwrap().unwrap();
        assert_eq!(stored, made);
        assert!(stored.is_administrator && stored.password_hash.starts_with("$argon2id$"));
        assert!(password_matches(&stored.password_hash, &password));

        for short in ["", "1234567"] {
            let refused = issuer.create_user(tenant, "bob", "Bob", Secret::new(short.into()), false).await;
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        let again = issuer.create_user(tenant, name, "Alice", password, false).await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::Conflict);
    });
}
