//! Users: passwords, second factors, devices, consent.

use std::net::IpAddr;

use identity::{DeviceNext, FactorProof, ForAll, Form, Network, Next, Secret, SignInStep, TokenVersion};
use model::Permission;
use serde_json::Value;
use store::AppSignIn;

use crate::fixture::{DOMAIN, RESOURCE, decode_by_jwks, pairs, run};
use crate::signing_in::{ADMIN, PASSWORD, REDIRECT, USER, World, with};

fn network(text: &str) -> Network {
    text.parse::<IpAddr>().unwrap().into()
}

async fn try_password(world: &World, name: &str, password: &str, from: &str) -> SignInStep {
    let password = Secret::new(password.to_owned());
    world.issuer.sign_in("common", name, password, network(from)).await.unwrap()
}

/// The code of an authenticator, by the RFC.
pub fn totp(secret: &str, seconds: i64) -> String {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits =
        secret.chars().map(|c| letters.find(c).unwrap()).map(|n| format!("{n:05b}")).collect::<String>();
    let bytes = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|bits| u8::from_str_radix(std::str::from_utf8(bits).unwrap(), 2).unwrap());
    let bytes: Vec<u8> = bytes.collect();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let tag = aws_lc_rs::hmac::sign(&key, &(seconds / 30).to_be_bytes());
    let tag = tag.as_ref();
    let at = (tag[19] & 15) as usize;
    let number = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[test]
fn a_password_opens_in_any_case_of_the_name_and_nothing_else_does() {
    run(async {
        let world = World::new().await;
        for (name, password, expected) in [
            (USER, PASSWORD, true),
            ("ADA@Contoso.Example", PASSWORD, true),
            (USER, "Correct horse", false),
            (USER, "", false),
            ("nobody@contoso.example", PASSWORD, false),
            ("ada@nowhere.example", PASSWORD, false),
            ("ada", PASSWORD, false),
        ] {
            let step = try_password(&world, name, password, "192.0.2.1").await;
            assert_eq!(matches!(step, SignInStep::Done { .. }), expected, "{name} {step:?}");
        }
    });
}

#[test]
fn guessing_makes_the_guesser_wait_and_nobody_else() {
    run(async {
        let world = World::new().await;
        for _ in 0..6 {
            assert!(matches!(try_password(&world, USER, "x", "192.0.2.1").await, SignInStep::Wrong));
            world.clock.advance(1);
        }
        let step = try_password(&world, USER, PASSWORD, "192.0.2.1").await;
        assert!(matches!(step, SignInStep::Wait { seconds: 1..=900 }), "{step:?}");
        let step = try_password(&world, USER, PASSWORD, "192.0.2.2").await;
        assert!(matches!(step, SignInStep::Done { .. }), "elsewhere the account opens: {step:?}");
        let step = try_password(&world, ADMIN, PASSWORD, "192.0.2.1").await;
        assert!(matches!(step, SignInStep::Done { .. }), "another account opens: {step:?}");
        world.clock.advance(900);
        assert!(matches!(try_password(&world, USER, PASSWORD, "192.0.2.1").await, SignInStep::Done { .. }));
    });
}

#[test]
fn guesses_at_the_same_time_are_no_more_than_one_after_the_other() {
    run(async {
        let world = World::new().await;
        let guesses = (0..40).map(|_| try_password(&world, USER, "x", "192.0.2.1"));
        let steps = futures::future::join_all(guesses).await;
        let wrong = steps.iter().filter(|step| matches!(step, SignInStep::Wrong)).count();
        assert_eq!(wrong, 5, "{steps:?}");
        assert!(steps.iter().all(|step| matches!(step, SignInStep::Wrong | SignInStep::Wait { .. })));
    });
}

#[test]
fn a_second_factor_is_asked_for_once_it_is_there_and_each_code_opens_once() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        let now = || model::Clock::now(&*world.clock).unix_seconds();
        let (secret, offer) = world.issuer.new_totp(&browser).unwrap();
        assert!(!world.issuer.add_totp(&browser, &offer, "000000").await.unwrap());
        let other = world.browser(ADMIN).await;
        let code = totp(secret.expose(), now());
        assert!(world.issuer.add_totp(&other, &offer, &code).await.is_err(), "an offer is for its user");
        assert!(world.issuer.add_totp(&browser, &offer, &code).await.unwrap());

        let ticket = async || match try_password(&world, USER, PASSWORD, "192.0.2.1").await {
            SignInStep::Factor { page } => page.ticket,
            step => panic!("{step:?}"),
        };
        let first = ticket().await;
        let prove = async |ticket: &Secret, code: &str| {
            world
                .issuer
                .prove_factor(ticket.expose(), FactorProof::Code(code), network("192.0.2.1"))
                .await
                .map_err(|error| error.code())
        };
        assert!(matches!(prove(&first, &code).await, Ok(SignInStep::Wrong)), "used when it was added");
        world.clock.advance(30);
        let code = totp(secret.expose(), now());
        let step = prove(&first, &code).await.unwrap();
        let SignInStep::Done { cookie } = step else { panic!("{step:?}") };
        let signed_in = world.issuer.browser(cookie.expose(), network("192.0.2.1")).await.unwrap().unwrap();
        assert_eq!(signed_in.sign_in.methods, ["pwd", "otp", "mfa"]);
        assert!(matches!(prove(&ticket().await, &code).await, Ok(SignInStep::Wrong)));
        // Guesses wait, wherever they come from: whoever makes them has the password.
        let second = ticket().await;
        for _ in 0..6 {
            let _ = prove(&second, "000000").await;
        }
        assert!(matches!(prove(&second, "000000").await, Ok(SignInStep::Wait { .. })));
        world.clock.advance(601);
        assert_eq!(prove(&second, "000000").await.unwrap_err(), 50_089, "a ticket ages");
        assert_eq!(prove(&Secret::new("00".repeat(60)), "000000").await.unwrap_err(), 50_089);
        // What is taken back ends the second step too.
        let third = ticket().await;
        world.clock.advance(30);
        world.issuer.sign_out_everywhere(&signed_in).await.unwrap();
        let code = totp(secret.expose(), now());
        assert_eq!(prove(&third, &code).await.unwrap_err(), 50_173);
        assert!(world.issuer.remove_totp(&signed_in, &code).await.unwrap());
        assert!(matches!(try_password(&world, USER, PASSWORD, "192.0.2.1").await, SignInStep::Done { .. }));
    });
}

#[test]
fn apps_send_passwords_only_where_it_was_allowed() {
    run(async {
        let world = World::new().await;
        let form = pairs(&[
            ("grant_type", "password"),
            ("client_id", &world.public.to_string()),
            ("username", USER),
            ("password", PASSWORD),
            ("scope", &format!("{RESOURCE}/.default openid")),
        ]);
        assert_eq!(world.token(form.clone()).await, Err(7_000_217));
        let how = AppSignIn { is_public: true, takes_passwords: true, ..AppSignIn::default() };
        let delegated = [Permission::MachineRead];
        world.issuer.set_sign_in(world.tenant, world.public, &delegated, how).await.unwrap();
        let answer = world.token(form.clone()).await.unwrap();
        let claims = decode_by_jwks(&world.issuer, answer["access_token"].as_str().unwrap());
        assert_eq!(
            claims["scp"], "Alert.Read Machine.Read openid",
            "what was consented to, not what is asked now"
        );
        assert_eq!(answer.get("refresh_token"), None, "offline_access was not asked for");
        assert_eq!(world.token(with(form.clone(), "password", Some("x"))).await, Err(50_126));
        let browser = world.browser(USER).await;
        let (secret, offer) = world.issuer.new_totp(&browser).unwrap();
        let code = totp(secret.expose(), model::Clock::now(&*world.clock).unix_seconds());
        assert!(world.issuer.add_totp(&browser, &offer, &code).await.unwrap());
        assert_eq!(world.token(form).await, Err(50_076));
    });
}

async fn device(world: &World) -> (Value, Vec<(String, String)>) {
    let form = pairs(&[
        ("client_id", &world.public.to_string()),
        ("scope", &format!("{RESOURCE}/.default offline_access openid")),
    ]);
    let form = Form::from_pairs(form);
    let answer = world
        .issuer
        .device_code(&world.segment(), TokenVersion::V2, &form, None, network("192.0.2.1"))
        .await
        .unwrap();
    let poll = pairs(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", &world.public.to_string()),
        ("device_code", answer["device_code"].as_str().unwrap()),
        ("code", answer["device_code"].as_str().unwrap()),
    ]);
    (answer, poll)
}

#[test]
fn a_device_waits_for_its_user() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        let decide = async |code: &Value, decision| {
            let code = code["user_code"].as_str().unwrap();
            world.issuer.device_page(code, &browser, network("192.0.2.1"), decision).await
        };
        let (code, poll) = device(&world).await;
        assert_eq!(world.token(poll.clone()).await, Err(70_016));
        assert_eq!(world.token(poll.clone()).await, Err(70_021), "too soon");
        let next = decide(&code, None).await;
        let DeviceNext::Ask(page) = next else { panic!("{next:?}") };
        assert_eq!((page.app.as_str(), page.user.as_str()), ("tool", USER));
        assert!(matches!(decide(&code, Some(true)).await, DeviceNext::Approved { .. }));
        assert!(matches!(decide(&code, Some(true)).await, DeviceNext::Unknown), "once");
        let mixed = with(poll.clone(), "client_id", Some(&world.app.to_string()));
        let mixed = with(mixed, "client_secret", Some(world.secret.expose()));
        assert_eq!(world.token(mixed).await, Err(70_019), "of another app");
        let answer = world.token(poll.clone()).await.unwrap();
        let scope = answer["scope"].as_str().unwrap();
        assert!(scope.contains(&format!("{RESOURCE}/.default")), "{scope}");
        assert!(world.refresh(&answer).await.is_ok());
        assert_eq!(world.token(poll).await, Err(70_019), "exchanged once");

        let (code, poll) = device(&world).await;
        assert!(matches!(decide(&code, Some(false)).await, DeviceNext::Denied));
        assert_eq!(world.token(poll).await, Err(70_018));

        let (code, poll) = device(&world).await;
        world.clock.advance(900);
        assert!(matches!(decide(&code, Some(true)).await, DeviceNext::Unknown));
        assert_eq!(world.token(poll).await, Err(70_020));
        for _ in 0..6 {
            let guess = world.issuer.device_page("AAAA-AAAA", &browser, network("192.0.2.9"), None).await;
            assert!(matches!(guess, DeviceNext::Unknown | DeviceNext::Wait { .. }));
        }
        let next = world.issuer.device_page("AAAA-AAAA", &browser, network("192.0.2.9"), None).await;
        assert!(matches!(next, DeviceNext::Wait { .. }), "{next:?}");
    });
}

#[test]
fn signing_out_takes_codes_and_approved_devices_back() {
    run(async {
        let world = World::new().await;
        let approve = async |browser: &identity::Browser| {
            let (code, poll) = device(&world).await;
            let code = code["user_code"].as_str().unwrap();
            let next = world.issuer.device_page(code, browser, network("192.0.2.1"), Some(true)).await;
            assert!(matches!(next, DeviceNext::Approved { .. }), "{next:?}");
            poll
        };
        for everywhere in [false, true] {
            let (here, elsewhere) = (world.browser(USER).await, world.browser(USER).await);
            let (code, poll) = (world.code(&here).await, approve(&here).await);
            let (other_code, other_poll) = (world.code(&elsewhere).await, approve(&elsewhere).await);
            world.clock.advance(2);
            match everywhere {
                true => world.issuer.sign_out_everywhere(&here).await.unwrap(),
                false => world.issuer.sign_out(&here).await.unwrap(),
            }
            assert_eq!(world.token(world.exchange(&code)).await, Err(70_000));
            assert_eq!(world.token(poll).await, Err(70_019));
            let others = [world.token(world.exchange(&other_code)).await, world.token(other_poll).await];
            assert!(others.iter().all(|other| other.is_err() == everywhere), "{others:?}");
            world.clock.advance(2);
        }
        assert!(world.token(world.exchange(&world.code(&world.browser(USER).await).await)).await.is_ok());
    });
}

/// What is in the audit log of the users' tenant, once there are as many entries as expected.
async fn written(world: &World, expected: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..500 {
        let records = world.store.tenant(world.tenant).audit_records(0, 1_000).await.unwrap();
        seen = records
            .iter()
            .map(|record| {
                let entry: Value = serde_json::from_str(&record.entry).unwrap();
                let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
                let reason = entry["detail"]["reason"].as_str().unwrap_or("-");
                let app = if entry["app"].is_string() { "app" } else { "-" };
                format!("{} {app} {} {} {reason}", text("action"), text("address"), text("verdict"))
            })
            .collect();
        if seen.len() >= expected {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    seen
}

#[test]
fn sign_ins_and_what_was_refused_of_them_are_written_down_with_the_address() {
    run(async {
        let world = World::new().await;
        let from = "2001:db8::7";
        for _ in 0..8 {
            try_password(&world, USER, "x", from).await;
            try_password(&world, "nobody@contoso.example", "x", from).await;
        }
        let step = try_password(&world, USER, PASSWORD, "192.0.2.7").await;
        let SignInStep::Done { cookie } = step else { panic!("{step:?}") };
        let browser = world.issuer.browser(cookie.expose(), network("192.0.2.8")).await.unwrap().unwrap();
        let form = world.exchange(&world.code(&browser).await);
        let first = world.token(form.clone()).await.unwrap();
        world.refresh(&first).await.unwrap();
        world.refresh(&first).await.unwrap_err();
        world.token(form).await.unwrap_err();
        let how = AppSignIn { is_public: true, takes_passwords: true, ..AppSignIn::default() };
        world.issuer.set_sign_in(world.tenant, world.public, &[Permission::MachineRead], how).await.unwrap();
        let by_password = pairs(&[
            ("grant_type", "password"),
            ("client_id", &world.public.to_string()),
            ("username", USER),
            ("password", PASSWORD),
            ("scope", &format!("{RESOURCE}/.default")),
        ]);
        let form = Form::from_pairs(by_password);
        let segment = world.segment();
        let answer = world.issuer.token_from(&segment, TokenVersion::V2, &form, None, network("192.0.2.9"));
        answer.await.unwrap();
        world.issuer.sign_out(&browser).await.unwrap();
        let mut expected: Vec<String> =
            (0..5).map(|_| format!("sign in - {from} denied wrong password")).collect();
        expected.extend(
            [
                &format!("sign in - {from} denied too many attempts"),
                "sign in - 192.0.2.7 allowed -",
                "renew a token app - denied used before",
                "exchange a code app - denied used before",
                "sign in app 192.0.2.9 allowed -",
                "sign out - 192.0.2.8 allowed -",
            ]
            .map(str::to_owned),
        );
        let mut seen = written(&world, expected.len()).await;
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected);
    });
}

#[test]
fn wrong_codes_of_a_second_factor_are_written_down() {
    run(async {
        let world = World::new().await;
        let browser = world.browser(USER).await;
        let (secret, offer) = world.issuer.new_totp(&browser).unwrap();
        let code = totp(secret.expose(), model::Clock::now(&*world.clock).unix_seconds());
        assert!(world.issuer.add_totp(&browser, &offer, &code).await.unwrap());
        let before = written(&world, 2).await.len();
        let SignInStep::Factor { page } = try_password(&world, USER, PASSWORD, "192.0.2.1").await else {
            panic!()
        };
        // Many at the same time are no more than one after the other.
        let guesses = (0..20).map(|_| {
            world.issuer.prove_factor(page.ticket.expose(), FactorProof::Code("000000"), network("192.0.2.1"))
        });
        let steps = futures::future::join_all(guesses).await;
        let wrong = steps.iter().filter(|step| matches!(step, Ok(SignInStep::Wrong))).count();
        assert_eq!(wrong, 5, "{steps:?}");
        let seen = written(&world, before + 6).await;
        let of = |reason: &str| seen.iter().filter(|entry| entry.ends_with(reason)).count();
        assert_eq!(
            (of("192.0.2.1 denied wrong code"), of("192.0.2.1 denied too many attempts")),
            (5, 1),
            "{seen:?}"
        );
    });
}

#[test]
fn a_consent_is_what_was_asked_for_at_that_moment() {
    run(async {
        let world = World::new().await;
        let (tenant, app) = (world.tenant, world.public);
        let store = world.store.tenant(tenant);
        store.remove_delegated_grant(app, None).await.unwrap();
        let (user, admin) = (world.browser(USER).await, world.browser(ADMIN).await);
        let next = world.authorize(world.query(), Some(&user)).await;
        let Next::Refused { error, back: Some(back) } = next else { panic!("{next:?}") };
        assert_eq!((error.code(), back.uri.as_str()), (90_094, REDIRECT));
        let form = Form::from_pairs(world.query());
        let give = async |browser, accepted, for_all| {
            let segment = world.segment();
            world.issuer.consent_given(&segment, TokenVersion::V2, &form, browser, accepted, for_all).await
        };
        let error = |next: &Next| match next {
            Next::Go(go) => {
                go.parameters.iter().find(|(name, _)| name == "error").map(|(_, value)| value.clone())
            }
            _ => panic!("{next:?}"),
        };
        // A form that the page did not offer gives nothing.
        assert_eq!(error(&give(&user, true, false).await).as_deref(), Some("access_denied"));
        assert_eq!(error(&give(&user, true, true).await).as_deref(), Some("access_denied"));
        assert_eq!(store.delegated_grants(app).await.unwrap(), []);

        let users = AppSignIn { is_public: true, users_consent: true, ..AppSignIn::default() };
        let asked = [Permission::AlertRead, Permission::MachineRead];
        world.issuer.set_sign_in(tenant, app, &asked, users.clone()).await.unwrap();
        let next = world.authorize(world.query(), Some(&user)).await;
        let Next::Consent { page } = next else { panic!("{next:?}") };
        assert_eq!((page.for_all, page.delegated.len()), (ForAll::No, 1));
        assert_eq!(error(&give(&user, false, false).await).as_deref(), Some("access_denied"));
        assert_eq!(error(&give(&user, true, true).await).as_deref(), Some("access_denied"), "not for all");
        assert_eq!(error(&give(&user, true, false).await), None);
        let grants = store.delegated_grants(app).await.unwrap();
        assert_eq!(
            (grants[0].user, grants[0].permissions.as_slice()),
            (Some(user.user.id), &["Machine.Read".to_owned()][..])
        );

        let next = world.authorize(world.query(), Some(&admin)).await;
        let Next::Consent { page } = next else { panic!("{next:?}") };
        assert_eq!((page.for_all, page.delegated.len()), (ForAll::May, 1));
        assert_eq!(error(&give(&admin, true, true).await), None);
        // For all, too, it is what the page showed, and the audit log says so.
        let for_all = async || {
            let grants = store.delegated_grants(app).await.unwrap();
            grants.into_iter().find(|grant| grant.user.is_none()).unwrap().permissions
        };
        assert_eq!(for_all().await, ["Machine.Read"]);
        let log = store.audit_records(0, 1_000).await.unwrap();
        let last: Value = serde_json::from_str(&log.last().unwrap().entry).unwrap();
        assert_eq!(last["detail"]["delegated"], serde_json::json!(["Machine.Read"]));
        // The manifest grows, and the grant does not.
        let wider = [Permission::AlertRead, Permission::MachineRead, Permission::LakeRead];
        world.issuer.set_sign_in(tenant, app, &wider, users).await.unwrap();
        let answer = world.token(world.exchange(&world.code(&user).await)).await.unwrap();
        let refreshed = world
            .token(pairs(&[
                ("grant_type", "refresh_token"),
                ("client_id", &app.to_string()),
                ("refresh_token", answer["refresh_token"].as_str().unwrap()),
                ("scope", ".default"),
            ]))
            .await
            .unwrap();
        assert_eq!(refreshed["scope"], "Machine.Read .default");
        // What is consented to later comes beside what was.
        let more = Form::from_pairs(with(world.query(), "scope", Some("Alert.Read")));
        let segment = world.segment();
        let given = world.issuer.consent_given(&segment, TokenVersion::V2, &more, &admin, true, true).await;
        assert_eq!(error(&given), None);
        assert_eq!(for_all().await, ["Alert.Read", "Machine.Read"]);
        let lake = with(world.query(), "scope", Some("Lake.Read"));
        assert!(matches!(world.authorize(lake, Some(&user)).await, Next::Consent { .. }));
    });
}

#[test]
fn an_app_of_a_partner_works_where_an_administrator_let_it_in() {
    run(async {
        let world = World::new().await;
        let partner = world.issuer.create_tenant("Fabrikam", "fabrikam.example").await.unwrap().id;
        let (app, secret) =
            world.issuer.register_app(partner, "partner", &[Permission::AlertRead]).await.unwrap();
        world.issuer.add_redirect_uri(partner, app, REDIRECT).await.unwrap();
        let form = pairs(&[
            ("grant_type", "client_credentials"),
            ("client_id", &app.to_string()),
            ("client_secret", secret.expose()),
            ("scope", &format!("{RESOURCE}/.default")),
        ]);
        assert_eq!(world.token(form.clone()).await, Err(700_016));
        let admin = world.browser(ADMIN).await;
        let query = || Form::from_pairs(pairs(&[("client_id", &app.to_string()), ("state", "7")]));
        let page = async |browser, decision| {
            world.issuer.admin_consent_page("common", &query(), Some(browser), decision).await
        };
        let next = page(&admin, None).await;
        let Next::Refused { error, .. } =
            world.issuer.admin_consent_page(DOMAIN, &query(), Some(&admin), None).await
        else {
            panic!()
        };
        assert_eq!(error.code(), 700_016, "it is not multi-tenant");
        assert!(matches!(next, Next::Refused { .. }), "{next:?}");

        let how = AppSignIn { is_multi_tenant: true, users_consent: true, ..AppSignIn::default() };
        world.issuer.set_sign_in(partner, app, &[Permission::MachineRead], how.clone()).await.unwrap();
        let user = world.browser(USER).await;
        let next = page(&user, Some(true)).await;
        let Next::Refused { error, .. } = next else { panic!("{next:?}") };
        assert_eq!(error.code(), 90_094);
        let next = page(&admin, None).await;
        let Next::Consent { page: shown } = next else { panic!("{next:?}") };
        assert_eq!((shown.for_all, shown.publisher.as_str()), (ForAll::Must, "Fabrikam"));
        assert_eq!(shown.application.len(), 1);
        let next = page(&admin, Some(true)).await;
        let Next::Go(go) = next else { panic!("{next:?}") };
        assert!(go.location().starts_with("https://app.example/cb?admin_consent=True&tenant="));
        let answer = world.token(form.clone()).await.unwrap();
        let token = answer["access_token"].as_str().unwrap();
        let claims = decode_by_jwks(&world.issuer, token);
        assert_eq!(claims["tid"], world.tenant.to_string());
        // That users may consent for themselves is not for the publisher to say.
        let wider = [Permission::MachineRead, Permission::AlertRead];
        world.issuer.set_sign_in(partner, app, &wider, how.clone()).await.unwrap();
        let more = with(world.query(), "client_id", Some(&app.to_string()));
        let more = with(more, "scope", Some("Alert.Read"));
        let next = world.authorize(more.clone(), Some(&user)).await;
        assert!(matches!(&next, Next::Refused { error, .. } if error.code() == 90_094), "{next:?}");
        let more = Form::from_pairs(more);
        let segment = world.segment();
        let given = world.issuer.consent_given(&segment, TokenVersion::V2, &more, &user, true, false).await;
        let Next::Go(go) = given else { panic!("{given:?}") };
        assert!(go.parameters.contains(&("error".to_owned(), "access_denied".to_owned())));
        assert!(world.issuer.verify(token).await.is_ok());
        assert_eq!(claims["roles"], serde_json::json!(["Alert.Read.All"]));
        // Closed at home, it is closed everywhere.
        let closed = AppSignIn { is_multi_tenant: false, ..how };
        world.issuer.set_sign_in(partner, app, &[], closed).await.unwrap();
        assert_eq!(world.token(form).await, Err(700_016));
        world.issuer.forget(world.tenant);
        assert_eq!(world.issuer.verify(token).await, Err(identity::AuthError::UnknownApp));
    });
}

#[test]
fn a_form_is_for_one_browser_and_unchanged() {
    run(async {
        let world = World::new().await;
        let issuer = &world.issuer;
        let cookie = issuer.new_form_cookie().unwrap();
        let cookie = cookie.expose();
        let token = issuer.form_token(cookie, &["a", "bc"]);
        assert!(issuer.is_form_token(&token, cookie, &["a", "bc"]));
        for (token, cookie, fields) in [
            (token.as_str(), "other", ["a", "bc"]),
            (token.as_str(), "", ["a", "bc"]),
            (token.as_str(), cookie, ["ab", "c"]),
            (token.as_str(), cookie, ["a", "bd"]),
            ("", cookie, ["a", "bc"]),
            (&token[1..], cookie, ["a", "bc"]),
        ] {
            assert!(!issuer.is_form_token(token, cookie, &fields), "{token} {cookie} {fields:?}");
        }
    });
}
