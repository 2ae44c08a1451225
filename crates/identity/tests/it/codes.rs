//! Codes and refresh tokens: what they are good for, and what becomes of those who misuse them (RFC 9700).

use identity::{Next, TokenVersion};
use serde_json::json;

use crate::fixture::{BASE, RESOURCE, decode_by_jwks, pairs, run};
use crate::signing_in::{ADMIN, REDIRECT, USER, VERIFIER, World, challenge, with};

#[test]
fn a_code_is_exchanged_for_tokens_that_say_who_the_user_is() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        let Next::Go(go) = world.authorize(world.query(), Some(&browser)).await else { panic!() };
        assert_eq!(go.uri, REDIRECT);
        let parameter = |name: &str| go.parameters.iter().find(|(given, _)| given == name).unwrap().1.clone();
        assert_eq!(parameter("state"), "s&1");
        assert_eq!(parameter("iss"), format!("{BASE}/{}/v2.0", world.tenant));
        let answer = world.token(world.exchange(&parameter("code"))).await.unwrap();
        assert_eq!(answer["scope"], format!("{RESOURCE}/Machine.Read email offline_access openid profile"));
        let (tenant, user) = (world.tenant.0, browser.user.id);
        let id = decode_by_jwks(&world.issuer, answer["id_token"].as_str().unwrap());
        let access = decode_by_jwks(&world.issuer, answer["access_token"].as_str().unwrap());
        for (claim, expected) in [
            ("aud", json!(world.public)),
            ("iss", json!(format!("{BASE}/{tenant}/v2.0"))),
            ("nonce", json!("n-1")),
            ("oid", json!(user)),
            ("tid", json!(tenant)),
            ("preferred_username", json!(USER)),
            ("email", json!(USER)),
            ("amr", json!(["pwd"])),
            ("ver", json!("2.0")),
            ("sub", access["sub"].clone()),
            ("sid", access["sid"].clone()),
        ] {
            assert_eq!(id[claim], expected, "{claim}");
        }
        for (claim, expected) in [
            ("aud", json!(RESOURCE)),
            ("azp", json!(world.public)),
            ("idtyp", json!("user")),
            ("oid", json!(user)),
            ("scp", json!("Machine.Read email offline_access openid profile")),
            ("roles", json!(null)),
        ] {
            assert_eq!(access[claim], expected, "{claim}");
        }
        let info = world.issuer.userinfo(answer["access_token"].as_str()).await.unwrap();
        assert_eq!((&info["sub"], &info["email"]), (&id["sub"], &json!(USER)));
        assert!(answer["client_info"].is_string());
    });
}

#[test]
fn the_first_generation_has_numbers_as_text_and_all_that_was_consented_to() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        let query = with(with(world.query(), "scope", None), "resource", Some(RESOURCE));
        let form = identity::Form::from_pairs(query);
        let next = world.issuer.authorize_page("common", TokenVersion::V1, &form, Some(&browser)).await;
        let Next::Go(go) = next else { panic!("{next:?}") };
        let code = &go.parameters.iter().find(|(name, _)| name == "code").unwrap().1;
        let answer = world.token_at("common", TokenVersion::V1, world.exchange(code)).await.unwrap();
        assert_eq!(answer["expires_in"], "3599");
        assert_eq!(answer["resource"], RESOURCE);
        assert_eq!(answer["scope"], "Alert.Read Machine.Read email openid profile");
        let access = decode_by_jwks(&world.issuer, answer["access_token"].as_str().unwrap());
        assert_eq!((&access["upn"], &access["appid"]), (&json!(USER), &json!(world.public)));
    });
}

#[test]
fn a_code_is_good_once_and_a_second_use_ends_what_the_first_gave() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        let form = world.exchange(&world.code(&browser).await);
        let answer = world.token(form.clone()).await.unwrap();
        assert!(world.issuer.userinfo(answer["access_token"].as_str()).await.is_ok());
        assert_eq!(world.token(form.clone()).await, Err(54_005));
        assert_eq!(world.refresh(&answer).await, Err(700_082), "the sign-in is over");
        assert!(world.issuer.userinfo(answer["access_token"].as_str()).await.is_err());
        assert_eq!(world.token(form).await, Err(54_005));
    });
}

#[test]
fn a_code_is_for_the_app_the_address_and_the_verifier_it_was_asked_with() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        let (other, secret) = (world.app.to_string(), world.secret.expose().to_owned());
        let fresh = async || world.exchange(&world.code(&browser).await);
        for (name, value, expected) in [
            ("code_verifier", None, 501_481),
            ("code_verifier", Some("x".repeat(43)), 501_481),
            ("code_verifier", Some(challenge(VERIFIER)), 501_481),
            ("code_verifier", Some(VERIFIER[..42].to_owned()), 501_481),
            ("redirect_uri", None, 500_112),
            ("redirect_uri", Some("https://app.example/cb/".to_owned()), 500_112),
            ("redirect_uri", Some("http://localhost".to_owned()), 500_112),
            ("code", Some("x".to_owned()), 70_000),
            ("code", None, 900_144),
            ("client_id", Some("00000000-0000-0000-0000-0000000000aa".to_owned()), 700_016),
            ("client_secret", Some("wrong".to_owned()), 7_000_215),
        ] {
            let form = with(fresh().await, name, value.as_deref());
            assert_eq!(world.token(form).await.unwrap_err(), expected, "{name} {value:?}");
        }
        // Mixed clients: a code that another app got is not for this one, and stays good for its own.
        let form = fresh().await;
        let mixed = with(with(form.clone(), "client_id", Some(&other)), "client_secret", Some(&secret));
        assert_eq!(world.token(mixed).await, Err(70_000));
        assert!(world.token(form).await.is_ok());
        // A wrong verifier uses the code up.
        let form = fresh().await;
        assert!(world.token(with(form.clone(), "code_verifier", Some(&"x".repeat(43)))).await.is_err());
        assert_eq!(world.token(form).await, Err(54_005));
        // In time.
        let form = fresh().await;
        world.clock.advance(301);
        assert_eq!(world.token(form).await, Err(70_008));
    });
}

#[test]
fn a_challenge_cannot_be_left_out_on_the_way() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        let (app, secret) = (world.app.to_string(), world.secret.expose().to_owned());
        // An app with a secret may do without a challenge; then a verifier tells that one was taken away.
        let query = with(with(world.query(), "code_challenge", None), "code_challenge_method", None);
        let query = with(query, "client_id", Some(&app));
        let Next::Go(go) = world.authorize(query, Some(&browser)).await else { panic!() };
        let code = &go.parameters.iter().find(|(name, _)| name == "code").unwrap().1;
        let form = with(with(world.exchange(code), "client_id", Some(&app)), "client_secret", Some(&secret));
        assert_eq!(world.token(form).await, Err(501_481));
    });
}

#[test]
fn what_is_wrong_with_a_request_is_told_to_the_app_only_where_the_address_is_its_own() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        let huge = "x".repeat(5_000);
        let page: &[(&str, Option<&str>, u32)] = &[
            ("client_id", None, 900_144),
            ("client_id", Some("x"), 700_016),
            ("redirect_uri", Some("https://evil.example/cb"), 50_011),
            ("redirect_uri", Some("https://app.example/cb?x"), 50_011),
            ("redirect_uri", Some("https://app.example.evil.example/cb"), 50_011),
            ("redirect_uri", Some("http://localhost:1@evil.example/"), 50_011),
            ("redirect_uri", None, 500_113),
            ("state", Some(&huge), 90_013),
        ];
        for (name, value, code) in page {
            let next = world.authorize(with(world.query(), name, *value), Some(&browser)).await;
            let Next::Refused { error, back: None } = next else { panic!("{name} {value:?}: {next:?}") };
            assert_eq!(error.code(), *code, "{name} {value:?}");
        }
        let back: &[(&str, Option<&str>, &str)] = &[
            ("response_type", Some("token"), "unsupported_response_type"),
            ("response_type", Some("code id_token"), "unsupported_response_type"),
            ("response_type", None, "invalid_request"),
            ("response_mode", Some("web_message"), "invalid_request"),
            ("code_challenge", None, "invalid_request"),
            ("code_challenge_method", None, "invalid_request"),
            ("code_challenge_method", Some("plain"), "invalid_request"),
            ("code_challenge", Some("short"), "invalid_request"),
            ("scope", None, "invalid_request"),
            ("scope", Some("Lake.Read"), "invalid_scope"),
            ("scope", Some("https://evil.example/Machine.Read"), "invalid_resource"),
            ("request", Some("x"), "request_not_supported"),
            ("request_uri", Some("https://evil.example"), "request_not_supported"),
            ("max_age", Some("-1"), "invalid_request"),
        ];
        for (name, value, expected) in back {
            let next = world.authorize(with(world.query(), name, *value), Some(&browser)).await;
            let Next::Go(go) = next else { panic!("{name} {value:?}: {next:?}") };
            assert_eq!(go.uri, REDIRECT);
            let error =
                go.parameters.iter().find(|(given, _)| given == "error").map(|(_, error)| error.as_str());
            assert_eq!(error, Some(*expected), "{name} {value:?}");
            assert!(go.parameters.contains(&("state".to_owned(), "s&1".to_owned())));
            assert!(go.parameters.iter().all(|(given, _)| given != "code"));
        }
        // Said twice is said by two.
        let mut twice = world.query();
        twice.push(("redirect_uri".to_owned(), "https://evil.example".to_owned()));
        assert!(matches!(world.authorize(twice, Some(&browser)).await, Next::Refused { back: None, .. }));
    });
}

#[test]
fn silence_is_an_answer_to_the_app() {
    run(async {
        let world = World::new().await;
        let silent = with(world.query(), "prompt", Some("none"));
        let error = |next: Next| match next {
            Next::Go(go) => {
                go.parameters.iter().find(|(name, _)| name == "error").map(|(_, error)| error.clone())
            }
            other => panic!("{other:?}"),
        };
        let login = error(world.authorize(silent.clone(), None).await);
        assert_eq!(login.as_deref(), Some("login_required"));
        let browser = world.browser(USER).await;
        assert_eq!(error(world.authorize(silent.clone(), Some(&browser)).await), None);
        world.clock.advance(100);
        let stale = with(silent, "max_age", Some("60"));
        assert_eq!(error(world.authorize(stale, Some(&browser)).await).as_deref(), Some("login_required"));
        for (name, value) in [("prompt", "login"), ("max_age", "60")] {
            let next = world.authorize(with(world.query(), name, Some(value)), Some(&browser)).await;
            assert!(matches!(next, Next::SignIn { .. }), "{next:?}");
        }
    });
}

#[test]
fn a_refresh_token_is_used_once_and_a_second_use_ends_the_sign_in() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        let first = world.token(world.exchange(&world.code(&browser).await)).await.unwrap();
        world.clock.advance(3_600);
        let second = world.refresh(&first).await.unwrap();
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        let claims = decode_by_jwks(&world.issuer, second["access_token"].as_str().unwrap());
        assert_eq!(claims["scp"], "Machine.Read email offline_access openid profile");
        let id = decode_by_jwks(&world.issuer, second["id_token"].as_str().unwrap());
        assert_eq!(id["auth_time"].as_i64().unwrap() + 3_600, id["iat"].as_i64().unwrap());
        assert_eq!(world.refresh(&first).await, Err(70_000), "reuse");
        assert_eq!(world.refresh(&second).await, Err(700_082), "the family is gone");
        assert!(world.issuer.userinfo(second["access_token"].as_str()).await.is_err());
    });
}

#[test]
fn a_refresh_token_is_for_its_app_and_for_what_is_granted_now() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        let first = world.token(world.exchange(&world.code(&browser).await)).await.unwrap();
        let form = |token: &serde_json::Value| {
            pairs(&[
                ("grant_type", "refresh_token"),
                ("client_id", &world.public.to_string()),
                ("refresh_token", token["refresh_token"].as_str().unwrap()),
            ])
        };
        let mixed = with(form(&first), "client_id", Some(&world.app.to_string()));
        assert_eq!(world.token(mixed.clone()).await, Err(7_000_218), "no proof");
        let mixed = with(mixed, "client_secret", Some(world.secret.expose()));
        assert_eq!(world.token(mixed).await, Err(700_082), "of another app");
        let wider = with(form(&first), "scope", Some("Alert.Read Machine.Read"));
        let second = world.token(wider).await.unwrap();
        assert_eq!(second["scope"], "Alert.Read Machine.Read");
        let ungranted = with(form(&second), "scope", Some("Lake.Read"));
        assert_eq!(world.token(ungranted).await, Err(65_001));
        assert!(world.refresh(&second).await.is_ok(), "what was refused did not use it up");
        // What was taken back is not in the next token.
        let third = world.token(world.exchange(&world.code(&browser).await)).await.unwrap();
        world.store.tenant(world.tenant).remove_delegated_grant(world.public, None).await.unwrap();
        assert_eq!(world.refresh(&third).await, Err(65_001));
    });
}

#[test]
fn revoking_a_token_ends_its_sign_in_and_introspection_tells() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(ADMIN).await;
        let answer = world.token(world.exchange(&world.code(&browser).await)).await.unwrap();
        let segment = world.segment();
        let ask = async |token: &str| {
            let form = pairs(&[
                ("client_id", &world.app.to_string()),
                ("client_secret", world.secret.expose()),
                ("token", token),
            ]);
            let form = identity::Form::from_pairs(form);
            world.issuer.introspect(&segment, &form, None).await.unwrap()
        };
        let (access, refresh) =
            (answer["access_token"].as_str().unwrap(), answer["refresh_token"].as_str().unwrap());
        let told = ask(access).await;
        assert_eq!((&told["active"], &told["username"]), (&json!(true), &json!(ADMIN)));
        assert_eq!(told["scope"], "Machine.Read email offline_access openid profile");
        assert_eq!(ask(refresh).await, json!({ "active": false }), "a refresh token of another app");
        assert_eq!(ask("x").await, json!({ "active": false }));
        let revoke = async |client: &str, token: &str| {
            let form = identity::Form::from_pairs(pairs(&[("client_id", client), ("token", token)]));
            world.issuer.revoke(&segment, &form, None).await
        };
        assert!(revoke(&world.app.to_string(), refresh).await.is_err(), "no proof");
        assert!(revoke(&world.public.to_string(), "x").await.is_ok());
        assert_eq!(ask(access).await["active"], true);
        // What the API refuses is not active, and what was taken back is not told.
        let own = pairs(&[
            ("grant_type", "client_credentials"),
            ("client_id", &world.app.to_string()),
            ("client_secret", world.secret.expose()),
            ("scope", &format!("{RESOURCE}/.default")),
        ]);
        world.issuer.consent(world.tenant, world.app, ADMIN).await.unwrap();
        let own = world.token(own).await.unwrap();
        let own = own["access_token"].as_str().unwrap();
        assert_eq!(ask(own).await["roles"], json!(["Alert.Read.All"]));
        let store = world.store.tenant(world.tenant);
        store.remove_grant(world.app).await.unwrap();
        store.remove_delegated_grant(world.public, None).await.unwrap();
        world.issuer.forget(world.tenant);
        assert_eq!((&ask(own).await["active"], &ask(own).await["roles"]), (&json!(true), &json!([])));
        assert_eq!(ask(access).await["scope"], "email offline_access openid profile");
        let disabled = store::UserChange { is_disabled: Some(true), ..Default::default() };
        store.change_user(browser.user.id, &disabled).await.unwrap_err();
        world.issuer.consent_delegated(world.tenant, world.public, None, ADMIN).await.unwrap();
        assert!(revoke(&world.public.to_string(), refresh).await.is_ok());
        assert_eq!(ask(access).await, json!({ "active": false }));
        assert_eq!(world.refresh(&answer).await, Err(700_082));
        let user = world.browser(USER).await;
        let answer = world.token(world.exchange(&world.code(&user).await)).await.unwrap();
        let access = answer["access_token"].as_str().unwrap();
        assert_eq!(ask(access).await["active"], true);
        store.change_user(user.user.id, &disabled).await.unwrap();
        world.issuer.forget(world.tenant);
        assert_eq!(ask(access).await, json!({ "active": false }), "who may not sign in");
    });
}
