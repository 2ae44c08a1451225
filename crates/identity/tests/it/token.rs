//! The token endpoints.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use identity::TokenVersion::{V1, V2};
use identity::{Form, TokenVersion};
use serde_json::{Value, json};

use crate::fixture::{BASE, DOMAIN, Fixture, RESOURCE, TestClock, decode_by_jwks, pairs, run, shared};

const NOW: i64 = 1_714_979_289;
const NO_APP: &str = "00000000-0000-0000-0000-0000000000aa";

/// A change to a good request.
enum Change<'a> {
    Set(&'a str, &'a str),
    Without(&'a str),
    Add(&'a str, &'a str),
    Basic(&'a str),
    Tenant(&'a str),
}

use Change::{Add, Basic, Set, Tenant, Without};

/// Status and body of the answer to a good request after some changes to it.
fn ask(version: TokenVersion, changes: &[Change<'_>]) -> (u16, Value) {
    let fixture = shared();
    let mut form = fixture.form(version);
    let mut tenant = fixture.tenant.to_string();
    let mut authorization = None;
    for change in changes {
        match change {
            Set(name, value) => form
                .iter_mut()
                .filter(|(given, _)| given == name)
                .for_each(|(_, given)| *given = (*value).to_owned()),
            Without(name) => form.retain(|(given, _)| given != name),
            Add(name, value) => form.extend(pairs(&[(name, value)])),
            Basic(credentials) => authorization = Some(format!("Basic {}", STANDARD.encode(credentials))),
            Tenant(segment) => tenant = (*segment).to_owned(),
        }
    }
    let form = Form::from_pairs(form);
    match run(fixture.issuer.token(&tenant, version, &form, authorization.as_deref())) {
        Ok(answer) => (200, answer.body()),
        Err(error) => {
            let body = error.body();
            assert_eq!(body["error"], error.error());
            (error.status(), body)
        }
    }
}

#[track_caller]
fn check_error(version: TokenVersion, changes: &[Change<'_>], status: u16, error: &str, code: u32) {
    let (given, body) = ask(version, changes);
    assert_eq!(
        (given, &body["error"], &body["error_codes"]),
        (status, &json!(error), &json!([code])),
        "{body}"
    );
    let description = body["error_description"].as_str().unwrap();
    assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
    assert_eq!(body["timestamp"], "2024-05-06 07:08:09Z");
}

#[track_caller]
fn check_success(version: TokenVersion, changes: &[Change<'_>]) -> Value {
    let (status, body) = ask(version, changes);
    assert_eq!(status, 200, "{body}");
    decode_by_jwks(&shared().issuer, body["access_token"].as_str().unwrap())
}

#[test]
fn the_first_generation_answers_numbers_as_text() {
    let (status, mut body) = ask(V1, &[]);
    assert!(body["access_token"].take().as_str().is_some_and(|token| token.split('.').count() == 3));
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({
            "token_type": "Bearer",
            "expires_in": "3599",
            "ext_expires_in": "3599",
            "expires_on": (NOW + 3599).to_string(),
            "not_before": NOW.to_string(),
            "resource": RESOURCE,
            "access_token": null,
        })
    );
}

#[test]
fn the_second_generation_answers_numbers() {
    let (status, mut body) = ask(V2, &[]);
    assert!(body["access_token"].take().is_string());
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({ "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": null })
    );
}

#[test]
fn the_claims_of_both_generations() {
    let (tenant, app) = (shared().tenant.to_string(), shared().app.to_string());
    for (version, ver, app_claim, other, issuer) in [
        (V1, "1.0", "appid", "azp", format!("{BASE}/{tenant}/")),
        (V2, "2.0", "azp", "appid", format!("{BASE}/{tenant}/v2.0")),
    ] {
        let claims = check_success(version, &[]);
        assert_eq!(claims["ver"], ver);
        assert_eq!(claims[app_claim], app);
        assert_eq!(claims.get(other), None);
        assert_eq!(claims["iss"], issuer);
        assert_eq!(claims["aud"], RESOURCE);
        assert_eq!(claims["tid"], tenant);
        assert_eq!(claims["idtyp"], "app");
        assert_eq!(claims["app_displayname"], "hunter");
        assert_eq!(claims["roles"], json!(["Alert.ReadWrite.All", "Machine.Read.All"]));
        assert_eq!(claims["oid"], claims["sub"]);
        assert_ne!(claims["oid"], claims[app_claim]);
        assert_eq!((&claims["iat"], &claims["nbf"]), (&json!(NOW), &json!(NOW)));
        assert_eq!(claims["exp"], NOW + 3599);
        assert_ne!(claims["uti"], check_success(version, &[])["uti"], "every token has its own id");
    }
}

#[test]
fn what_clients_send_is_accepted() {
    let (app, secret) = (shared().app.to_string(), shared().secret.expose());
    let basic = format!("{app}:{secret}");
    let encoded = format!("{}:{}", app.replace('-', "%2D"), secret.replace('_', "%5F"));
    let cases: [&[Change<'_>]; 9] = [
        &[Tenant(DOMAIN)],
        &[Tenant("CONTOSO.example")],
        &[Without("client_id"), Without("client_secret"), Basic(&basic)],
        &[Without("client_secret"), Basic(&basic)],
        &[Without("client_id"), Without("client_secret"), Basic(&encoded)],
        &[Set("client_id", &app.to_uppercase())],
        &[Add("client_info", "1"), Add("claims", "{}"), Add("x-client-SKU", "MSAL.Python")],
        &[Add("x-client-ver", "1"), Add("x-client-ver", "2")],
        &[Add("code", "a"), Add("device_code", "a")],
    ];
    for changes in cases {
        check_success(V1, changes);
        check_success(V2, changes);
    }
    check_success(V2, &[Add("resource", "ignored here")]);
    check_success(V1, &[Add("scope", "ignored here")]);
    check_success(V2, &[Set("scope", &format!("{RESOURCE}/.default openid profile offline_access"))]);
}

#[test]
fn every_resource_name_is_accepted_with_and_without_a_slash_and_becomes_the_audience() {
    for resource in [
        "https://api.securitycenter.microsoft.com",
        "https://api.securitycenter.windows.com",
        "https://api-eu.securitycenter.microsoft.com",
        "https://api-gov.securitycenter.microsoft.us",
        "https://api.security.microsoft.com",
        "https://securitycenter.onmicrosoft.com/windowsatpservice",
        "https://SecurityCenter.onmicrosoft.com/WindowsATPService",
        "https://securitycenter.microsoft.com/mtp",
        "https://graph.microsoft.com",
        "fc780465-2017-40d4-a0c5-307022471b92",
        BASE,
    ] {
        for resource in [resource.to_owned(), format!("{resource}/")] {
            assert_eq!(check_success(V1, &[Set("resource", &resource)])["aud"], resource);
            let scope = format!("{resource}/.default");
            assert_eq!(check_success(V2, &[Set("scope", &scope)])["aud"], resource);
        }
    }
}

#[test]
fn each_refusal_has_its_status_word_and_number() {
    let app = shared().app.to_string();
    let secret = shared().secret.expose();
    let (wrong, other) = (format!("{app}:wrong"), format!("{NO_APP}:{secret}"));
    let long = "a".repeat(24 * 1024 + 1);
    let two = format!("{RESOURCE}/.default https://graph.microsoft.com/.default");
    let cases: &[(&[Change<'_>], u16, &str, u32)] = &[
        (&[Without("grant_type")], 400, "invalid_request", 900_144),
        (&[Set("grant_type", "")], 400, "invalid_request", 900_144),
        (&[Without("client_id")], 400, "invalid_request", 900_144),
        (&[Without("client_secret")], 401, "invalid_client", 7_000_216),
        (&[Set("grant_type", "implicit")], 400, "unsupported_grant_type", 70_003),
        (&[Set("grant_type", "Client_Credentials")], 400, "unsupported_grant_type", 70_003),
        (&[Add("grant_type", "client_credentials")], 400, "invalid_request", 9_000_411),
        (&[Add("client_id", &app)], 400, "invalid_request", 9_000_411),
        (&[Add("client_secret", secret)], 400, "invalid_request", 9_000_411),
        (&[Basic(&wrong)], 400, "invalid_request", 9_000_411),
        (&[Without("client_secret"), Basic(&other)], 400, "invalid_request", 9_000_411),
        (&[Without("client_secret"), Basic(&wrong)], 401, "invalid_client", 7_000_215),
        (&[Without("client_secret"), Basic("no colon")], 400, "invalid_request", 90_013),
        (&[Without("client_id"), Without("client_secret"), Basic(":x")], 400, "invalid_request", 900_144),
        (&[Without("client_id"), Without("client_secret"), Basic("x:")], 401, "invalid_client", 7_000_216),
        (&[Add("x", &long)], 400, "invalid_request", 90_013),
        (&[Add(&long, "x")], 400, "invalid_request", 90_013),
        (&[Tenant("common")], 400, "invalid_request", 50_059),
        (&[Tenant("Organizations")], 400, "invalid_request", 50_059),
        (&[Tenant("")], 400, "invalid_request", 50_059),
        (&[Tenant("nowhere.example")], 400, "invalid_request", 90_002),
        (&[Tenant(NO_APP)], 400, "invalid_request", 90_002),
        (&[Set("client_id", NO_APP)], 400, "unauthorized_client", 700_016),
        (&[Set("client_id", "not an id")], 400, "unauthorized_client", 700_016),
        (&[Set("client_secret", "wrong")], 401, "invalid_client", 7_000_215),
        (&[Set("client_secret", &secret[1..])], 401, "invalid_client", 7_000_215),
    ];
    for (changes, status, error, code) in cases {
        check_error(V1, changes, *status, error, *code);
        check_error(V2, changes, *status, error, *code);
    }
    check_error(V1, &[Without("resource")], 400, "invalid_request", 900_144);
    check_error(V1, &[Set("resource", "https://example.com")], 400, "invalid_resource", 500_011);
    check_error(V1, &[Add("resource", RESOURCE)], 400, "invalid_request", 9_000_411);
    check_error(V2, &[Without("scope")], 400, "invalid_request", 900_144);
    check_error(V2, &[Set("scope", RESOURCE)], 400, "invalid_scope", 1_002_012);
    check_error(V2, &[Set("scope", &two)], 400, "invalid_scope", 1_002_012);
    check_error(V2, &[Set("scope", "https://example.com/.default")], 400, "invalid_resource", 500_011);
    check_error(V2, &[Set("scope", "/.default")], 400, "invalid_scope", 1_002_012);
}

#[test]
fn a_form_with_too_many_fields_is_refused() {
    let names: Vec<String> = (0..64).map(|n| format!("x{n}")).collect();
    let changes: Vec<Change<'_>> = names.iter().map(|name| Add(name, "1")).collect();
    check_error(V2, &changes, 400, "invalid_request", 90_013);
    check_success(V2, &changes[..60]);
}

#[test]
fn a_missing_parameter_is_named() {
    let (_, body) = ask(V2, &[Without("scope")]);
    assert!(body["error_description"].as_str().unwrap().contains("'scope'"), "{body}");
}

#[test]
fn no_answer_and_no_debug_output_repeats_a_secret() {
    let fixture = shared();
    let form = Form::from_pairs(fixture.form(V2));
    let answer = run(fixture.issuer.token(DOMAIN, V2, &form, None)).unwrap();
    let shown = format!("{form:?} {answer:?} {:?}", fixture.secret);
    assert!(!shown.contains(fixture.secret.expose()));
    assert!(!shown.contains(answer.access_token.expose()));
    let (_, body) = ask(V2, &[Set("client_secret", "hunter2"), Set("client_id", NO_APP)]);
    assert!(!body.to_string().contains("hunter2"));
}

#[test]
fn a_secret_works_until_it_expires_beside_another_one() {
    run(async {
        let clock = TestClock::at("2024-05-06T07:08:09Z");
        let store = store::Store::open_in_memory().await.unwrap();
        let mut fixture = Fixture::on(store, clock.clone()).await;
        let expires = model::Clock::now(&*clock).plus_seconds(60);
        let (tenant, app) = (fixture.tenant, fixture.app);
        let short = fixture.issuer.new_secret(tenant, app, Some("short"), Some(expires)).await.unwrap();
        let first = std::mem::replace(&mut fixture.secret, short);

        clock.advance(59);
        fixture.token(V1).await;
        clock.advance(1);
        let form = Form::from_pairs(fixture.form(V1));
        let error = fixture.issuer.token(DOMAIN, V1, &form, None).await.unwrap_err();
        assert_eq!((error.status(), error.error(), error.code()), (401, "invalid_client", 7_000_222));

        fixture.secret = first;
        fixture.token(V1).await;
    });
}

#[test]
fn an_app_is_known_in_its_own_tenant_only() {
    let fixture = shared();
    run(async {
        fixture.issuer.create_tenant("Fabrikam", "fabrikam.example").await.unwrap();
        let form = Form::from_pairs(fixture.form(V2));
        let error = fixture.issuer.token("fabrikam.example", V2, &form, None).await.unwrap_err();
        assert_eq!(error.code(), 700_016);
    });
}

#[test]
fn a_store_that_does_not_answer_is_a_passing_error() {
    run(async {
        let store = store::Store::open_in_memory().await.unwrap();
        let fixture = Fixture::on(store, TestClock::at("2024-05-06T07:08:09Z")).await;
        let token = fixture.token(V2).await;
        assert!(fixture.issuer.verify(&token).await.is_ok());
        fixture.store.close().await;
        let form = Form::from_pairs(fixture.form(V2));
        let error = fixture.issuer.token(DOMAIN, V2, &form, None).await.unwrap_err();
        assert_eq!((error.status(), error.error()), (503, "temporarily_unavailable"));
        assert!(fixture.issuer.verify(&token).await.is_ok(), "what was read a moment ago holds");
    });
}
