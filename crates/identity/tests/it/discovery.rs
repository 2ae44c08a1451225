//! The documents in which clients look up the endpoints.

use serde_json::{Value, json};

use crate::fixture::{BASE, DOMAIN, run, shared};

#[test]
fn a_tenant_named_either_way_has_one_document_a_generation() {
    let tenant = shared().tenant.to_string();
    for segment in [tenant.as_str(), DOMAIN] {
        let document = run(shared().issuer.discovery_v2(segment)).unwrap();
        assert_eq!(document["issuer"], format!("{BASE}/{tenant}/v2.0"));
        assert_eq!(document["token_endpoint"], format!("{BASE}/{tenant}/oauth2/v2.0/token"));
        assert_eq!(document["authorization_endpoint"], format!("{BASE}/{tenant}/oauth2/v2.0/authorize"));
        assert_eq!(document["jwks_uri"], format!("{BASE}/{tenant}/discovery/v2.0/keys"));
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));

        let document = run(shared().issuer.discovery_v1(segment)).unwrap();
        assert_eq!(document["issuer"], format!("{BASE}/{tenant}/"));
        assert_eq!(document["token_endpoint"], format!("{BASE}/{tenant}/oauth2/token"));
        assert_eq!(document["jwks_uri"], format!("{BASE}/{tenant}/discovery/keys"));
    }
}

#[test]
fn the_document_for_any_tenant_leaves_the_tenant_open() {
    let document = run(shared().issuer.discovery_v2("common")).unwrap();
    assert_eq!(document["issuer"], format!("{BASE}/{{tenantid}}/v2.0"));
    assert_eq!(document["token_endpoint"], format!("{BASE}/common/oauth2/v2.0/token"));
    let document = run(shared().issuer.discovery_v1("organizations")).unwrap();
    assert_eq!(document["issuer"], format!("{BASE}/{{tenantid}}/"));
}

#[test]
fn an_unknown_tenant_has_no_document() {
    let error = run(shared().issuer.discovery_v2("nowhere.example")).unwrap_err();
    assert_eq!((error.status(), error.code()), (400, 90_002));
}

#[test]
fn a_trusted_sign_in_host_goes_by_its_own_name_only() {
    for host in ["127.0.0.1:8443", "login.microsoftonline.com", "login.windows.net"] {
        let authority = format!("https://{host}/{DOMAIN}/oauth2/v2.0/authorize");
        let document = shared().issuer.instance_discovery(&authority).unwrap();
        assert_eq!(
            document["tenant_discovery_endpoint"],
            format!("{BASE}/{DOMAIN}/v2.0/.well-known/openid-configuration")
        );
        assert_eq!(
            document["metadata"],
            json!([{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }])
        );
    }
    let document = shared().issuer.instance_discovery(&format!("{BASE}/common/oauth2/authorize")).unwrap();
    let endpoint = format!("{BASE}/common/.well-known/openid-configuration");
    assert_eq!(document["tenant_discovery_endpoint"], endpoint);
}

#[test]
fn other_authorities_are_not_trusted() {
    for authority in [
        "",
        "https://",
        "https://example.com/common/oauth2/v2.0/authorize",
        "https://127.0.0.1:8443.example.com/common/oauth2/v2.0/authorize",
        "https://127.0.0.1:8443@example.com/common/oauth2/v2.0/authorize",
        "https://127.0.0.1:8443",
        "https://127.0.0.1:8443//oauth2/v2.0/authorize",
        "https://127.0.0.1:8443/a b/oauth2/v2.0/authorize",
        "https://127.0.0.1:8443/?x=/common",
    ] {
        let error = shared().issuer.instance_discovery(authority).unwrap_err();
        assert_eq!(
            (error.status(), error.error(), error.code()),
            (400, "invalid_instance", 50_049),
            "{authority}"
        );
    }
}

#[test]
fn the_key_set_has_public_members_only() {
    let document = shared().issuer.jwks();
    for key in document["keys"].as_array().unwrap() {
        let mut names: Vec<&String> = key.as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
        let words = ["alg", "e", "kty", "use"].map(|name| key[name].clone());
        assert_eq!(words, ["RS256", "AQAB", "RSA", "sig"].map(Value::from));
    }
}
