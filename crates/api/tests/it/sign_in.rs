//! Tokens, keys and discovery, as clients ask for them.

use axum::body::Body;
use axum::http::Request;

use crate::world::{BASE, RESOURCE, World};

async fn credentials(world: &World) -> String {
    let permissions = [model::Permission::AlertRead];
    let (app, secret) = world.issuer.register_app(world.one, "app", &permissions).await.unwrap();
    world.issuer.consent(world.one, app, "admin").await.unwrap();
    format!("grant_type=client_credentials&client_id={app}&client_secret={}", secret.expose())
}

#[tokio::test]
async fn both_token_endpoints_issue_tokens_that_work() {
    let world = World::start().await;
    let credentials = credentials(&world).await;
    let forms = [
        (format!("/{}/oauth2/token", world.one), format!("{credentials}&resource={RESOURCE}")),
        (
            "/CONTOSO.example/OAuth2/V2.0/token/".to_owned(),
            format!("{credentials}&scope={RESOURCE}/.default"),
        ),
    ];
    for (path, form) in forms {
        let reply = world.send("POST", &path, None, form).await;
        assert_eq!(reply.header("cache-control"), "no-store");
        let token = reply.ok()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(world.send("GET", "/api/alerts", Some(&token), Body::empty()).await.status, 200, "{path}");
        let machines = world.send("GET", "/api/machines", Some(&token), Body::empty()).await;
        assert_eq!(machines.error(), (403, "Forbidden".to_owned()));
    }
}

#[tokio::test]
async fn refusals_have_the_body_of_their_kind() {
    let world = World::start().await;
    let path = format!("/{}/oauth2/v2.0/token", world.one);
    let get = world.send("GET", &path, None, Body::empty()).await;
    assert_eq!((get.status.as_u16(), get.json()["error_codes"][0].as_u64()), (405, Some(900_561)));
    let wrong = format!("{}x&scope={RESOURCE}/.default", credentials(&world).await);
    let wrong = world.send("POST", &path, None, wrong).await;
    assert_eq!((wrong.status.as_u16(), wrong.json()["error_codes"][0].as_u64()), (401, Some(7_000_215)));
    let large = world.send("POST", &path, None, "a=".to_owned() + &"b".repeat(65 << 10)).await;
    assert_eq!((large.status.as_u16(), large.json()["error"].as_str()), (400, Some("invalid_request")));
    let id = "00000000-0000-0000-0000-00000000002a";
    let request = Request::post(&path).header("client-request-id", id).body(Body::empty()).unwrap();
    assert_eq!(world.request(request).await.json()["correlation_id"], id);
}

#[tokio::test]
async fn discovery_and_keys_are_open() {
    let world = World::start().await;
    let get = async |path: &str| world.send("GET", path, None, Body::empty()).await.ok();
    let v2 = get(&format!("/{}/v2.0/.well-known/openid-configuration", world.one)).await;
    assert_eq!(v2["token_endpoint"], format!("{BASE}/{}/oauth2/v2.0/token", world.one));
    let v1 = get("/common/.well-known/openid-configuration").await;
    assert_eq!(v1["token_endpoint"], format!("{BASE}/common/oauth2/token"));
    let tenant = format!("/{}/discovery/v2.0/keys", world.one);
    for path in [tenant.as_str(), "/common/discovery/keys", "/contoso.example/discovery/keys"] {
        assert_eq!(get(path).await["keys"].as_array().unwrap().len(), 1, "{path}");
    }
    let instance = get(&format!(
        "/common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2Flogin.microsoftonline.com%2F{}%2Foauth2%2Fv2.0%2Fauthorize",
        world.one
    ))
    .await;
    assert_eq!(instance["metadata"][0]["preferred_network"], "login.microsoftonline.com");
    world.user("ada@contoso.example", false).await;
    let realm = get("/common/userrealm/ada@contoso.example?api-version=1.0").await;
    assert_eq!(realm["account_type"], "Managed");
    let unknown = world.send("GET", "/common/discovery/instance", None, Body::empty()).await;
    assert_eq!((unknown.status.as_u16(), unknown.json()["error"].as_str()), (400, Some("invalid_instance")));
}
