//! The pages of sign-in as a browser sees them: forms, cookies, policies.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE};
use identity::Secret;
use model::Permission;
use store::AppSignIn;

use crate::world::{RESOURCE, Reply, World};

const PASSWORD: &str = "correct horse";
const USER: &str = "admin@contoso.example";

/// A browser: the cookies it was given, and the page it is at.
#[derive(Default)]
pub(crate) struct Browser {
    cookies: Vec<(String, String)>,
}

impl Browser {
    pub(crate) async fn send(&mut self, world: &World, method: &str, path: &str, body: String) -> Reply {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(COOKIE, cookies.join("; "))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        let reply = world.request(request).await;
        for set in reply.headers.get_all("set-cookie") {
            let set = set.to_str().unwrap();
            for flag in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(set.contains(flag), "{set}");
            }
            assert!(set.starts_with("__Host-") && !set.contains("Domain"), "{set}");
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        reply
    }

    pub(crate) async fn open(&mut self, world: &World, path: &str) -> Reply {
        self.send(world, "GET", path, String::new()).await
    }
}

/// The hidden fields of a page's first form, form-encoded.
pub(crate) fn hidden(page: &str) -> String {
    let fields = page.split("<input type=\"hidden\" ").skip(1).take(3).map(|field| {
        let part = |name: &str| field.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
        let value = part("value").replace("&amp;", "&").replace("&#39;", "'").replace("&quot;", "\"");
        let value: String = value
            .bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect();
        format!("{}={value}", part("name"))
    });
    fields.collect::<Vec<_>>().join("&")
}

async fn app(world: &World) -> String {
    let password = Secret::new(PASSWORD.to_owned());
    world.issuer.create_user(world.one, USER, "Admin <b>", password, true).await.unwrap();
    let (app, _) = world.issuer.register_app(world.one, "Tool <script>", &[]).await.unwrap();
    let how = AppSignIn { is_public: true, ..AppSignIn::default() };
    let delegated = [Permission::AlertRead];
    world.issuer.set_sign_in(world.one, app, &delegated, how).await.unwrap();
    world.issuer.add_redirect_uri(world.one, app, "https://app.example/cb").await.unwrap();
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    format!(
        "/{}/oauth2/v2.0/authorize?client_id={app}&response_type=code&scope={RESOURCE}/Alert.Read%20openid\
         &redirect_uri=https://app.example/cb&code_challenge={challenge}&code_challenge_method=S256&state=1",
        world.one
    )
}

#[tokio::test]
async fn a_user_signs_in_consents_and_the_token_works() {
    let world = World::start().await;
    let address = app(&world).await;
    let mut browser = Browser::default();
    let page = browser.open(&world, &address).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
    assert!(
        page.text().contains("Tool &lt;script&gt;") && !page.text().contains("<script"),
        "{}",
        page.text()
    );

    let path = format!("/{}/sign-in", world.one);
    let wrong = format!("{}&username={USER}&password=wrong", hidden(page.text()));
    let again = browser.send(&world, "POST", &path, wrong).await;
    assert!(again.text().contains("not right"), "{}", again.text());
    let right = format!("{}&username={USER}&password=correct+horse", hidden(again.text()));
    let signed_in = browser.send(&world, "POST", &path, right).await;
    assert_eq!((signed_in.status.as_u16(), signed_in.header("location")), (303, address.as_str()));

    let page = browser.open(&world, &address).await;
    assert!(page.text().contains("Allow this app?") && page.text().contains("Alert.Read"), "{}", page.text());
    let accept = format!("{}&decision=accept&for_all=on", hidden(page.text()));
    let back = browser.send(&world, "POST", "/common/consent", accept.clone()).await;
    let location = back.header("location").to_owned();
    assert!(location.starts_with("https://app.example/cb?code="), "{location}");
    let code = location.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let client = address.split("client_id=").nth(1).unwrap().split('&').next().unwrap();
    let form = format!(
        "grant_type=authorization_code&client_id={client}&code={code}&redirect_uri=https://app.example/cb\
         &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let token = world.send("POST", &format!("/{}/oauth2/v2.0/token", world.one), None, form).await.ok();
    let token = token["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.send("GET", "/api/alerts", Some(&token), Body::empty()).await.status, 200);
    assert_eq!(world.send("GET", "/api/machines", Some(&token), Body::empty()).await.status, 403);
    let info = world.send("GET", "/common/openid/userinfo", Some(&token), Body::empty()).await.ok();
    assert_eq!(info["tid"], world.one.to_string());
    assert_eq!(world.send("GET", "/common/openid/userinfo", None, Body::empty()).await.status, 401);

    // Signed in and consented, the app gets its code at once; signed out, it does not.
    let back = browser.open(&world, &address).await;
    assert_eq!(back.status, 303);
    let page = browser.open(&world, "/common/oauth2/v2.0/logout").await;
    let out = browser.send(&world, "POST", "/common/oauth2/v2.0/logout", hidden(page.text())).await;
    assert!(out.text().contains("You are signed out"), "{}", out.text());
    assert!(browser.open(&world, &address).await.text().contains("Sign in"));
}

#[tokio::test]
async fn forms_of_other_browsers_and_changed_ones_do_nothing() {
    let world = World::start().await;
    let address = app(&world).await;
    let (mut browser, mut other) = (Browser::default(), Browser::default());
    let page = browser.open(&world, &address).await;
    other.open(&world, &address).await;
    let path = format!("/{}/sign-in", world.one);
    let good = format!("{}&username={USER}&password=correct+horse", hidden(page.text()));
    let moved = good.replace("next=%2F", "next=%2F%2Fevil%2Eexample%2F");
    assert_ne!(moved, good);
    for (form, from) in [(&good, &mut other), (&moved, &mut browser)] {
        let refused = from.send(&world, "POST", &path, form.clone()).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        assert!(!refused.headers.contains_key("set-cookie"));
    }
    let mut nobody = Browser::default();
    assert_eq!(nobody.send(&world, "POST", &path, good.clone()).await.status, 403);
    let request = Request::post(&path)
        .header(
            COOKIE,
            browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; "),
        )
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(good.clone()))
        .unwrap();
    assert_eq!(world.request(request).await.status, 403);
    assert_eq!(browser.send(&world, "POST", &path, good).await.status, 303);
}

#[tokio::test]
async fn the_pages_for_devices_and_the_own_sign_in_want_a_user() {
    let world = World::start().await;
    app(&world).await;
    let mut browser = Browser::default();
    for path in ["/device", "/device?user_code=BCDFGHJK", "/account"] {
        let page = browser.open(&world, path).await;
        assert!(page.text().contains("<h1>Sign in</h1>"), "{path} {}", page.text());
    }
    let page = browser.open(&world, "/account").await;
    let form = format!("{}&username={USER}&password=correct+horse", hidden(page.text()));
    let reply = browser.send(&world, "POST", "/common/sign-in", form).await;
    assert_eq!(reply.header("location"), "/account");
    let page = browser.open(&world, "/account").await;
    assert!(
        page.text().contains("otpauth://totp/") && page.text().contains("Admin &lt;b&gt;"),
        "{}",
        page.text()
    );
    let page = browser.open(&world, "/device?user_code=BCDF-GHJK").await;
    assert!(page.text().contains("No device waits"), "{}", page.text());
    let posted = browser.send(&world, "POST", "/device", "user_code=x&decision=accept".to_owned()).await;
    assert_eq!(posted.status, 403);
}

#[tokio::test]
async fn the_way_to_a_provider_begins_at_a_page_of_ours() {
    let world = World::start().await;
    let mut browser = Browser::default();
    for path in ["/federated/corp", "/federated/corp?next=%2F%2Fevil.example&origin=&csrf=AAAA"] {
        let refused = browser.open(&world, path).await;
        assert_eq!(refused.status, 403, "{path} {}", refused.text());
    }
    let back = browser.open(&world, "/federated/corp/callback?code=c&state=s").await;
    assert!(back.status == 404 && back.text().contains("AADSTS50107"), "{}", back.text());
    assert!(!back.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn an_administrator_takes_lost_second_factors_away() {
    let world = World::start().await;
    let token = world.token(world.one, &[Permission::ManagementRead, Permission::ManagementReadWrite]).await;
    let body = r#"{"userPrincipalName": "grace@contoso.example", "isFederated": true}"#;
    let made = world.send("POST", "/api/management/users", Some(&token), body).await.ok();
    assert_eq!(made.get("password"), None, "{made}");
    let both =
        r#"{"userPrincipalName": "x@contoso.example", "isFederated": true, "password": "correct horse"}"#;
    assert_eq!(world.send("POST", "/api/management/users", Some(&token), both).await.status, 400);
    let id = made["id"].as_str().unwrap();
    let factor = store::sign_in::UserFactor {
        user: id.parse().unwrap(),
        kind: "totp".to_owned(),
        sealed: vec![1],
        created: model::Ticks(0),
        last_step: 0,
    };
    world.store.tenant(world.one).add_user_factor(&factor).await.unwrap();
    let path = format!("/api/management/users/{id}");
    let shown = world.send("GET", &path, Some(&token), Body::empty()).await.ok();
    assert_eq!(shown["secondFactors"], serde_json::json!(["totp"]));
    let removed = world.send("POST", &format!("{path}/removeSecondFactors"), Some(&token), "{}").await.ok();
    assert_eq!(removed["secondFactorsRemoved"], serde_json::json!(["totp"]));
    let shown = world.send("GET", &path, Some(&token), Body::empty()).await.ok();
    assert_eq!(shown["secondFactors"], serde_json::json!([]));
}
