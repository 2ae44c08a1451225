//! How existing clients get their tokens, replayed: each request as they send it, and the token used.

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, HOST};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use identity::Secret;
use model::{AppId, Clock, Permission};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};
use serde_json::{Value, json};
use store::AppSignIn;

use crate::pages::{Browser, hidden};
use crate::world::{BASE, RESOURCE, Reply, World};

const FORM: &str = "application/x-www-form-urlencoded";
const USER: &str = "ada@contoso.example";
/// What an authority is called that is not this server's own name.
const HOSTS: [&str; 3] = ["login.microsoftonline.com", "login.windows.net", "login.microsoftonline.us"];
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Client {
    id: AppId,
    secret: String,
}

async fn client(world: &World) -> Client {
    let (id, secret) = world.issuer.register_app(world.one, "app", &[Permission::AlertRead]).await.unwrap();
    world.issuer.consent(world.one, id, "admin").await.unwrap();
    Client { id, secret: secret.expose().to_owned() }
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let part = |text: &str| -> String {
        text.bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect()
    };
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", part(name), part(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Sends a form, under those headers.
async fn post(world: &World, path: &str, headers: &[(&str, &str)], pairs: &[(&str, &str)]) -> Reply {
    let request = Request::post(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    world.request(request.body(Body::from(encoded(pairs))).unwrap()).await
}

/// That an answer has a token, and that the token works.
async fn works(world: &World, reply: &Reply, what: &str) {
    assert_eq!(reply.status, 200, "{what}: {}", reply.text());
    let answer = reply.json();
    assert_eq!(answer["token_type"], "Bearer", "{what}");
    let token = answer["access_token"].as_str().unwrap();
    let alerts = world.send("GET", "/api/alerts", Some(token), Body::empty()).await;
    assert_eq!(alerts.status, 200, "{what}: {}", alerts.text());
}

fn path(world: &World, version: &str) -> String {
    format!("/{}/oauth2/{version}token", world.one)
}

#[tokio::test]
async fn a_form_of_each_version_with_every_name_of_the_resource() {
    let world = World::start().await;
    let Client { id, secret } = client(&world).await;
    let client =
        [("client_id", &*id.to_string()), ("client_secret", &secret)].map(|(n, v)| (n, v.to_owned()));
    let with = |name: &'static str, value: String| {
        let mut pairs = client.to_vec();
        pairs.extend([("grant_type", "client_credentials".to_owned()), (name, value)]);
        pairs
    };
    for resource in [
        "https://api.securitycenter.microsoft.com",
        "https://api.securitycenter.windows.com",
        "https://api.security.microsoft.com",
        "https://securitycenter.onmicrosoft.com/windowsatpservice",
        "https://securitycenter.microsoft.com/mtp",
        "https://api-eu.securitycenter.microsoft.com",
        "https://us.api.security.microsoft.com",
        "https://api-gcc.securitycenter.microsoft.us",
        "https://api-gov.securitycenter.microsoft.us",
        // What was asked for Graph is used for this API.
        "https://graph.microsoft.com",
    ] {
        for end in ["", "/"] {
            let named = format!("{resource}{end}");
            for (version, form) in [
                ("", with("resource", named.clone())),
                ("v2.0/", with("scope", format!("{named}/.default"))),
                ("v2.0/", with("scope", format!("{resource}/.default"))),
            ] {
                let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, &**value)).collect();
                let reply = post(&world, &path(&world, version), &[("content-type", FORM)], &form).await;
                works(&world, &reply, &format!("{version} {named}")).await;
                // Clients make a number of it, of whatever it is.
                let expires = &reply.json()["expires_in"];
                let seconds = expires.as_i64().or_else(|| expires.as_str()?.parse().ok());
                assert!(seconds.is_some_and(|seconds| seconds > 0), "{expires}");
            }
        }
    }
}

#[tokio::test]
async fn the_secret_in_a_header_or_the_body_whatever_the_host_is_called() {
    let world = World::start().await;
    let Client { id, secret } = client(&world).await;
    let id = id.to_string();
    let scope = format!("{RESOURCE}/.default");
    let grant = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
    let own = [("client_id", id.as_str()), ("client_secret", secret.as_str())];
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let both = [grant, own].concat();
    let extra = [
        &both[..],
        &[
            ("client_info", "1"),
            ("claims", "{}"),
            ("x-client-sku", "MSAL.Python"),
            ("x-client-ver", "1.31.0"),
        ],
    ]
    .concat();
    let at = path(&world, "v2.0/");
    for (what, headers, form) in [
        ("no content type", &[][..], &both[..]),
        (
            "a content type with a charset",
            &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
            &both,
        ),
        ("a header with the secret", &[("authorization", basic.as_str()), ("content-type", FORM)], &grant),
        ("the secret in the body", &[("content-type", FORM)], &both),
        ("fields of the library", &[("content-type", FORM)], &extra),
        ("another host", &[(HOST.as_str(), HOSTS[0])], &both),
        ("an older host", &[(HOST.as_str(), HOSTS[1])], &both),
        ("a government's host", &[(HOST.as_str(), HOSTS[2])], &both),
    ] {
        works(&world, &post(&world, &at, headers, form).await, what).await;
    }
    // Those that try the header first go on with the body when it is refused as this.
    let wrong = format!("Basic {}", STANDARD.encode(format!("{id}:wrong")));
    let refused = post(&world, &at, &[(AUTHORIZATION.as_str(), &wrong)], &grant).await;
    assert_eq!((refused.status.as_u16(), refused.json()["error"].as_str()), (401, Some("invalid_client")));
}

#[tokio::test]
async fn a_wrong_secret_and_a_get_are_refused_in_the_form_that_clients_read() {
    let world = World::start().await;
    let id = client(&world).await.id.to_string();
    for (version, asked, value) in
        [("", "resource", RESOURCE.to_owned()), ("v2.0/", "scope", format!("{RESOURCE}/.default"))]
    {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &id),
            ("client_secret", "no"),
            (asked, &value),
        ];
        let reply = post(&world, &path(&world, version), &[("content-type", FORM)], &form).await;
        let body = reply.json();
        assert_eq!((reply.status.as_u16(), &body["error"]), (401, &json!("invalid_client")), "{body}");
        assert_eq!(body["error_codes"], json!([7_000_215]));
        assert!(body["error_description"].as_str().unwrap().starts_with("AADSTS7000215: "), "{body}");
        for name in ["timestamp", "trace_id", "correlation_id"] {
            assert!(body[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {body}");
        }
        let get = world.send("GET", &path(&world, version), None, Body::empty()).await.json();
        assert_eq!(get["error_codes"], json!([900_561]), "{get}");
        assert!(get["error_description"].as_str().unwrap().starts_with("AADSTS900561: "), "{get}");
    }
}

/// A key with its self-signed certificate.
struct Certified {
    pair: RsaKeyPair,
    der: Vec<u8>,
    pem: String,
}

impl Certified {
    fn new() -> Certified {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let mut params = CertificateParams::default();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
        let certificate = params.self_signed(&key).unwrap();
        let pair = RsaKeyPair::from_pkcs8(&key.serialize_der()).unwrap();
        Certified { pair, der: certificate.der().to_vec(), pem: certificate.pem() }
    }

    fn assertion(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let padding: &'static dyn RsaEncoding =
            if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(padding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[tokio::test]
async fn a_certificate_in_place_of_a_secret_as_each_library_signs() {
    let world = World::start().await;
    let id = client(&world).await.id;
    let own = Certified::new();
    world.issuer.add_certificate(world.one, id, own.pem.as_bytes()).await.unwrap();
    let document = format!("/{}/v2.0/.well-known/openid-configuration", world.one);
    let document = world.send("GET", &document, None, Body::empty()).await.ok();
    let sha1 = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &own.der));
    let sha256 = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &own.der));
    let encoded = STANDARD.encode(&own.der);
    let lines: Vec<&str> = encoded.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let id = id.to_string();
    for (at, header) in [
        json!({ "alg": "RS256", "typ": "JWT", "x5t": sha1 }),
        json!({ "alg": "RS256", "typ": "JWT", "x5t": sha1, "x5c": [lines.join("\n")] }),
        json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": sha256 }),
        json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": sha256, "x5c": [encoded] }),
    ]
    .iter()
    .enumerate()
    {
        // Of the document's address, or of the one that is built in.
        let mut audiences = vec![document["token_endpoint"].as_str().unwrap().to_owned()];
        audiences.extend(HOSTS.map(|host| format!("https://{host}/{}/oauth2/v2.0/token", world.one)));
        for audience in audiences {
            let now = world.clock.now().unix_seconds();
            let claims = json!({
                "iss": id, "sub": id, "aud": audience, "exp": now + 600, "nbf": now, "jti": format!("{at} {audience}"),
            });
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", id.as_str()),
                ("client_assertion_type", ASSERTION),
                ("client_assertion", &own.assertion(header, &claims)),
                ("scope", &format!("{RESOURCE}/.default")),
            ];
            let reply = post(&world, &path(&world, "v2.0/"), &[("content-type", FORM)], &form).await;
            works(&world, &reply, &format!("{header} {audience}")).await;
        }
    }
}

#[tokio::test]
async fn what_libraries_read_before_they_ask_for_a_token() {
    let world = World::start().await;
    world.user(USER, false).await;
    let get = async |path: &str| world.send("GET", path, None, Body::empty()).await.ok();
    for host in HOSTS {
        let authorize = format!("https://{host}/{}/oauth2/v2.0/authorize", world.one);
        let asked = encoded(&[("api-version", "1.1"), ("authorization_endpoint", &authorize)]);
        let instance = get(&format!("/common/discovery/instance?{asked}")).await;
        assert!(
            instance["tenant_discovery_endpoint"].as_str().unwrap().starts_with("https://"),
            "{instance}"
        );
        let metadata = &instance["metadata"][0];
        assert!(metadata["preferred_network"].is_string() && metadata["preferred_cache"].is_string());
        let aliases = metadata["aliases"].as_array().unwrap();
        assert!(aliases.contains(&json!(host)), "{host}: {instance}");
    }
    let realm = get(&format!("/common/userrealm/{USER}?api-version=1.0")).await;
    assert_eq!(realm["account_type"], "Managed");
    // Those that read nothing have these paths built in.
    let document = get(&format!("/{}/v2.0/.well-known/openid-configuration", world.one)).await;
    for (name, last) in [
        ("token_endpoint", "token"),
        ("authorization_endpoint", "authorize"),
        ("device_authorization_endpoint", "devicecode"),
    ] {
        assert_eq!(document[name], format!("{BASE}/{}/oauth2/v2.0/{last}", world.one), "{name}");
    }
    assert!(BASE.starts_with("https://") && document["issuer"].as_str().unwrap().starts_with("https://"));
}

#[tokio::test]
async fn a_device_code_as_the_library_polls_for_it() {
    let world = World::start().await;
    let password = Secret::new("correct horse".to_owned());
    world.issuer.create_user(world.one, USER, "Ada", password, true).await.unwrap();
    let (app, _) = world.issuer.register_app(world.one, "tool", &[]).await.unwrap();
    let how = AppSignIn { is_public: true, ..AppSignIn::default() };
    world.issuer.set_sign_in(world.one, app, &[Permission::AlertRead], how).await.unwrap();
    world.issuer.consent_delegated(world.one, app, None, "admin").await.unwrap();
    let app = app.to_string();
    let asked = format!("{RESOURCE}/.default offline_access openid profile");
    let form = [("client_id", app.as_str()), ("scope", asked.as_str())];
    let at = format!("/{}/oauth2/v2.0/devicecode", world.one);
    let code = post(&world, &at, &[("content-type", FORM)], &form).await.ok();
    let device_code = code["device_code"].as_str().unwrap();
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", app.as_str()),
        ("client_info", "1"),
        ("code", device_code),
        ("device_code", device_code),
        ("x-client-sku", "MSAL.Python"),
    ];
    let at = path(&world, "v2.0/");
    let waits = post(&world, &at, &[("content-type", FORM)], &poll).await;
    assert_eq!((waits.status.as_u16(), &waits.json()["error"]), (400, &json!("authorization_pending")));

    let mut browser = Browser::default();
    let address = format!("/device?user_code={}", code["user_code"].as_str().unwrap());
    let page = browser.open(&world, &address).await;
    let form = format!("{}&username={USER}&password=correct+horse", hidden(page.text()));
    assert_eq!(browser.send(&world, "POST", "/common/sign-in", form).await.status, 303);
    let page = browser.open(&world, &address).await;
    let user_code = code["user_code"].as_str().unwrap();
    let form = format!("{}&user_code={user_code}&decision=accept", hidden(page.text()));
    let approved = browser.send(&world, "POST", "/device", form).await;
    assert_eq!(approved.status, 200, "{}", approved.text());

    world.clock.advance(60);
    let reply = post(&world, &at, &[("content-type", FORM)], &poll).await;
    works(&world, &reply, "a device code").await;
    let answer = reply.json();
    // The library stores what it got under the scope that the answer names, and the account under this.
    assert!(answer["scope"].as_str().unwrap().contains(RESOURCE), "{answer}");
    let info = URL_SAFE_NO_PAD.decode(answer["client_info"].as_str().unwrap()).unwrap();
    let info: Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(info["utid"], world.one.to_string(), "{info}");
    assert!(info["uid"].as_str().is_some_and(|uid| !uid.is_empty()), "{info}");
    // And gets the next one by itself.
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", app.as_str()),
        ("client_info", "1"),
        ("refresh_token", answer["refresh_token"].as_str().unwrap()),
        ("scope", asked.as_str()),
    ];
    let reply = post(&world, &at, &[("content-type", FORM)], &form).await;
    works(&world, &reply, "a refresh token").await;
    assert!(reply.json()["client_info"].is_string());
}
