//! Indicators as STIX bundles and in a TAXII collection.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use model::Permission;
use serde_json::{Value, json};

use crate::world::{Reply, World};

const MEDIA: &str = "application/taxii+json;version=2.1";
const OBJECTS: &str = "/taxii2/api/collections/1b1f8e6a-3d43-4f0e-9e55-6f6c2a7d4c10/objects/";

fn indicator(number: u32, pattern: &str) -> Value {
    json!({
        "type": "indicator", "spec_version": "2.1", "id": format!("indicator--26ffb872-1dd9-446e-b6f5-{number:012}"),
        "created": "2024-05-06T07:00:00.000Z", "modified": "2024-05-06T07:00:00.000Z", "name": format!("name {number}"),
        "pattern": pattern, "pattern_type": "stix", "valid_from": "2024-05-06T07:00:00Z",
    })
}

async fn send(world: &World, method: &str, path: &str, token: &str, body: Value) -> Reply {
    let request = Request::builder().method(method).uri(path).header(ACCEPT, MEDIA);
    let request = request.header(CONTENT_TYPE, MEDIA).header(AUTHORIZATION, format!("Bearer {token}"));
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    world.request(request.body(body).unwrap()).await
}

async fn read(world: &World, path: &str) -> (Reply, Value) {
    let reply = send(world, "GET", path, &world.all().await, Value::Null).await;
    assert_eq!(reply.header("content-type"), MEDIA, "{path}: {}", reply.text());
    let json = reply.ok();
    (reply, json)
}

fn ids(envelope: &Value) -> Vec<&str> {
    let objects = envelope["objects"].as_array().map_or(&[][..], Vec::as_slice);
    objects.iter().map(|object| object["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_bundle_comes_in_and_goes_out() {
    let world = World::start().await;
    let one = indicator(1, "[ipv4-addr:value = '203.0.113.9' OR domain-name:value = 'a.example']");
    let mut two = indicator(2, "[file:hashes.'SHA-256' = 'x']");
    two["valid_until"] = "2030-01-01T00:00:00Z".into();
    let mut three = indicator(3, "[url:value = 'http://a.example/']");
    three["x_bartizan_action"] = "Block".into();
    let other = json!({ "type": "malware", "id": "malware--1" });
    let bundle = json!({ "type": "bundle", "id": "bundle--1", "objects": [one, two, three, other] });
    let told = world.post("/api/indicators/stix", bundle.to_string()).await.ok();
    let failed: Vec<bool> = (0..4).map(|at| told["value"][at]["isFailed"].as_bool().unwrap()).collect();
    assert_eq!(failed, [false, true, false, true], "{told}");
    assert_eq!(told["value"][0]["indicators"].as_array().unwrap().len(), 2);

    let list = world.get("/api/indicators?$filter=indicatorType%20eq%20'Url'").await.ok();
    assert_eq!(
        (&list["value"][0]["action"], &list["value"][0]["title"]),
        (&json!("Block"), &json!("name 3"))
    );
    let own = json!({ "indicatorValue": "2001:db8::1", "indicatorType": "IpAddress", "action": "Alert", "title": "t",
        "description": "d", "expirationTime": "2030-01-01T00:00:00Z" });
    world.post("/api/indicators", own.to_string()).await.ok();
    let reply = world.get("/api/indicators/stix?$orderby=id").await;
    assert_eq!(reply.header("content-type"), "application/stix+json;version=2.1");
    let out = reply.ok();
    let patterns: Vec<&str> =
        out["objects"].as_array().unwrap().iter().map(|o| o["pattern"].as_str().unwrap()).collect();
    assert_eq!(
        patterns,
        [
            "[ipv4-addr:value = '203.0.113.9' OR domain-name:value = 'a.example']",
            "[url:value = 'http://a.example/']",
            "[ipv6-addr:value = '2001:db8::1']",
        ]
    );
    assert_eq!(out["objects"][2]["valid_until"], "2030-01-01T00:00:00.000Z");
    // What went out comes in again as what it is.
    let again = json!({ "type": "bundle", "objects": out["objects"] });
    let again = world.post("/api/indicators/stix", again.to_string()).await.ok();
    assert!(again["value"].as_array().unwrap().iter().all(|item| item["isFailed"] == false), "{again}");
    assert_eq!(world.get("/api/indicators/$count").await.text(), "4");
    for (body, code) in [
        (json!({ "type": "report" }), "InvalidInput"),
        (json!({ "type": "bundle", "objects": 7 }), "InvalidInput"),
        (json!({ "type": "bundle", "objects": vec![json!({}); 501] }), "MaximumBatchSizeExceeded"),
    ] {
        assert_eq!(
            world.post("/api/indicators/stix", body.to_string()).await.error(),
            (400, code.to_owned())
        );
    }
}

#[tokio::test]
async fn a_collection_is_read_and_added_to() {
    let world = World::start().await;
    let (_, discovered) = read(&world, "/taxii2/").await;
    let root = discovered["default"].as_str().unwrap().strip_prefix(crate::world::BASE).unwrap().to_owned();
    assert!(read(&world, &root).await.1["versions"].as_array().unwrap().contains(&json!(MEDIA)));
    let (_, collections) = read(&world, &format!("{root}collections/")).await;
    let collection = &collections["collections"][0];
    assert_eq!((&collection["can_read"], &collection["can_write"]), (&json!(true), &json!(true)));
    assert_eq!(format!("{root}collections/{}/objects/", collection["id"].as_str().unwrap()), OBJECTS);
    assert_eq!(read(&world, OBJECTS).await.1, json!({}), "an empty envelope has no objects");

    for number in 1..=3 {
        world.clock.advance(1);
        let objects = [indicator(number, &format!("[domain-name:value = 'd{number}.example']"))];
        let token = world.all().await;
        let reply = send(&world, "POST", OBJECTS, &token, json!({ "objects": objects })).await;
        assert_eq!(reply.status, 202, "{}", reply.text());
        let status = reply.json();
        assert_eq!((&status["status"], &status["success_count"]), (&json!("complete"), &json!(1)));
    }
    let (first, page) = read(&world, &format!("{OBJECTS}?limit=2")).await;
    let of = |number: u32| format!("indicator--26ffb872-1dd9-446e-b6f5-{number:012}");
    assert_eq!((ids(&page), &page["more"]), (vec![of(1).as_str(), of(2).as_str()], &json!(true)));
    let next = page["next"].as_str().unwrap();
    assert_eq!(ids(&read(&world, &format!("{OBJECTS}?limit=2&next={next}")).await.1), [of(3)]);
    // What came after the last that was seen.
    let last = first.header("x-taxii-date-added-last");
    assert_eq!(ids(&read(&world, &format!("{OBJECTS}?added_after={last}")).await.1), [of(3)]);
    assert_eq!(ids(&read(&world, &format!("{OBJECTS}?match[id]={},{}", of(3), of(9))).await.1), [of(3)]);
    assert_eq!(read(&world, &format!("{OBJECTS}?match[type]=malware")).await.1, json!({}));
    assert_eq!(ids(&read(&world, &format!("{OBJECTS}{}/", of(2))).await.1), [of(2)]);
    let manifest = OBJECTS.replace("objects", "manifest");
    assert_eq!(read(&world, &manifest).await.1["objects"].as_array().unwrap().len(), 3);

    let mut revoked = indicator(2, "[domain-name:value = 'd2.example']");
    revoked["revoked"] = true.into();
    let all = world.all().await;
    assert_eq!(send(&world, "POST", OBJECTS, &all, json!({ "objects": [revoked] })).await.status, 202);
    let gone = send(&world, "GET", &format!("{OBJECTS}{}/", of(2)), &all, Value::Null).await;
    assert_eq!(gone.error(), (404, "ResourceNotFound".to_owned()));
    let own = world.token(world.one, &[Permission::TiReadWrite]).await;
    assert_eq!(send(&world, "GET", OBJECTS, &own, Value::Null).await.ok(), json!({}), "it made none");
    let (_, third) = read(&world, &format!("{OBJECTS}{}/", of(3))).await;
    let version = third["objects"][0]["modified"].as_str().unwrap();
    let (_, versions) = read(&world, &format!("{OBJECTS}{}/versions/", of(3))).await;
    assert_eq!(versions, json!({ "versions": [version] }));
    for (query, expected) in [
        (format!("match[version]={version}"), vec![of(3)]),
        (format!("match[version]=last&match[id]={}", of(1)), vec![of(1)]),
        ("match[version]=2001-01-01T00:00:00.000Z".to_owned(), vec![]),
        ("match[spec_version]=2.0".to_owned(), vec![]),
        ("match[spec_version]=2.0,2.1".to_owned(), vec![of(1), of(3)]),
        (format!("match[id]={},{}&limit=1", of(3), of(1)), vec![of(1)]),
        (format!("match[id]={},{}&added_after={version}", of(1), of(3)), vec![]),
    ] {
        assert_eq!(ids(&read(&world, &format!("{OBJECTS}?{query}")).await.1), expected, "{query}");
    }
    let path = format!("{OBJECTS}{}/", of(1));
    assert_eq!(send(&world, "DELETE", &path, &own, Value::Null).await.error().0, 404, "it is another's");
    assert_eq!(send(&world, "DELETE", &path, &all, Value::Null).await.status, 200);
    assert_eq!(send(&world, "DELETE", &path, &all, Value::Null).await.error().0, 404);
    for (path, code) in [
        (format!("{OBJECTS}?limit=0"), 400),
        (format!("{OBJECTS}?match[version]=yesterday"), 400),
        (format!("{OBJECTS}?next=x"), 400),
        (format!("{OBJECTS}?added_after=yesterday"), 400),
    ] {
        assert_eq!(send(&world, "GET", &path, &all, Value::Null).await.status.as_u16(), code, "{path}");
    }
    let request = Request::builder().uri("/taxii2/").header(ACCEPT, "application/taxii+json;version=2.0");
    let request = request.header(AUTHORIZATION, format!("Bearer {all}")).body(Body::empty()).unwrap();
    assert_eq!(world.request(request).await.error(), (406, "NotAcceptable".to_owned()));
}

/// What an object says replaces what it said before.
#[tokio::test]
async fn an_object_is_replaced_as_a_whole() {
    let world = World::start().await;
    let all = world.all().await;
    let own = world.token(world.one, &[Permission::TiReadWrite]).await;
    let pattern = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| format!("domain-name:value = '{name}'")).collect();
        format!("[{}]", names.join(" OR "))
    };
    let values = async || {
        let list = world.get("/api/indicators?$orderby=indicatorValue&$select=indicatorValue").await.ok();
        let values = list["value"].as_array().unwrap().iter();
        values.map(|item| item["indicatorValue"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let put = async |token: &str, objects: Vec<Value>| {
        let reply = send(&world, "POST", OBJECTS, token, json!({ "objects": objects })).await;
        assert_eq!(reply.status, 202, "{}", reply.text());
        let status = reply.json();
        (status["success_count"].as_u64().unwrap(), status["failure_count"].as_u64().unwrap())
    };
    let version = |number: u32, names: &[&str], modified: &str| {
        let mut object = indicator(number, &pattern(names));
        object["modified"] = modified.into();
        object
    };
    let (early, late) = ("2024-05-06T07:00:00.000Z", "2024-05-07T07:00:00.000Z");
    assert_eq!(put(&own, vec![version(1, &["a.example", "b.example"], early)]).await, (1, 0));
    assert_eq!(put(&own, vec![version(1, &["b.example", "c.example"], late)]).await, (1, 0));
    assert_eq!(values().await, ["b.example", "c.example"]);
    // The version that was modified last counts, wherever it is in the body.
    let both = vec![version(1, &["new.example"], late), version(1, &["old.example"], early)];
    assert_eq!(put(&own, both).await, (2, 0));
    assert_eq!(values().await, ["new.example"]);
    // A value of another's refuses the whole object; the same id of another's is another object.
    let foreign = json!({ "indicatorValue": "foreign.example", "indicatorType": "DomainName", "action": "Alert",
        "title": "t", "description": "d", "externalId": version(1, &[], early)["id"] });
    world.post("/api/indicators", foreign.to_string()).await.ok();
    assert_eq!(put(&own, vec![version(1, &["x.example", "foreign.example"], late)]).await, (0, 1));
    assert_eq!(values().await, ["foreign.example", "new.example"]);
    assert_eq!(put(&own, vec![version(1, &["x.example"], late)]).await, (1, 0));
    assert_eq!(values().await, ["foreign.example", "x.example"]);
    // An object under the id that an indicator has by its number is that indicator.
    let numbered = json!({ "indicatorValue": "n.example", "indicatorType": "DomainName", "action": "Alert",
        "title": "t", "description": "d" });
    world.post("/api/indicators", numbered.to_string()).await.ok();
    let told = world.get("/api/indicators/stix?$filter=indicatorValue%20eq%20'n.example'").await.ok();
    let mut changed = told["objects"][0].clone();
    changed["pattern"] = pattern(&["m.example"]).into();
    assert_eq!(put(&all, vec![changed]).await, (1, 0));
    assert_eq!(values().await, ["foreign.example", "m.example", "x.example"]);
}

/// Nothing is stored for clients that would not take the answer.
#[tokio::test]
async fn what_is_refused_has_no_effect() {
    let world = World::start().await;
    let token = world.all().await;
    let body = json!({ "objects": [indicator(1, "[domain-name:value = 'a.example']")] });
    for (accept, content, status) in [
        ("application/taxii+json;version=2.0", MEDIA, 406),
        (MEDIA, "application/taxii+json;version=2.0", 415),
        (MEDIA, "text/xml", 415),
    ] {
        let request = Request::builder().method("POST").uri(OBJECTS).header(ACCEPT, accept);
        let request = request.header(CONTENT_TYPE, content).header(AUTHORIZATION, format!("Bearer {token}"));
        let reply = world.request(request.body(Body::from(body.to_string())).unwrap()).await;
        assert_eq!(reply.status.as_u16(), status, "{accept} {content}");
    }
    let names: Vec<String> = (0..101).map(|at| format!("domain-name:value = 'd{at}.example'")).collect();
    let many = (0..20).map(|number| indicator(number, &format!("[{}]", names.join(" OR "))));
    let many = json!({ "objects": many.collect::<Vec<_>>() });
    assert_eq!(
        send(&world, "POST", OBJECTS, &token, many).await.error(),
        (400, "MaximumBatchSizeExceeded".to_owned())
    );
    assert_eq!(world.get("/api/indicators/$count").await.text(), "0");
    for (name, value) in [
        ("id", json!("indicator--1")),
        ("pattern_type", json!("sigma")),
        ("valid_from", json!("2999-01-01T00:00:00Z")),
        ("valid_until", json!("2001-01-01T00:00:00Z")),
        ("x_bartizan_action", json!("Explode")),
        ("name", json!("n".repeat(2_000))),
    ] {
        let mut object = indicator(1, "[domain-name:value = 'a.example']");
        object[name] = value;
        let told = send(&world, "POST", OBJECTS, &token, json!({ "objects": [object] })).await.json();
        let message = told["failures"][0]["message"].as_str().unwrap_or_default();
        assert!(message.contains(name), "{name}: {told}");
    }
    assert_eq!(world.get("/api/indicators/$count").await.text(), "0");
}

#[tokio::test]
async fn what_stix_has_no_word_for_is_carried() {
    let world = World::start().await;
    let own = json!({ "indicatorValue": "a.example", "indicatorType": "DomainName", "action": "Audit", "title": "t",
        "description": "d", "severity": "High", "generateAlert": true, "recommendedActions": "look", "application": "feed",
        "educateUrl": "https://a.example/why", "rbacGroupNames": ["Site 1", "Site 2"], "rbacGroupIds": ["7"] });
    let before = world.post("/api/indicators", own.to_string()).await.ok();
    let objects = world.get("/api/indicators/stix").await.ok()["objects"].clone();
    let path = format!("/api/indicators/{}", before["id"].as_str().unwrap());
    assert_eq!(send(&world, "DELETE", &path, &world.all().await, Value::Null).await.status, 204);
    assert_eq!(world.get("/api/indicators/$count").await.text(), "0");
    let bundle = json!({ "type": "bundle", "objects": objects });
    world.post("/api/indicators/stix", bundle.to_string()).await.ok();
    let after = world.get("/api/indicators").await.ok()["value"][0].clone();
    for name in own.as_object().unwrap().keys() {
        assert_eq!(after[name], before[name], "{name}");
    }
}

#[tokio::test]
async fn pages_have_the_size_that_the_client_prefers() {
    let world = World::start().await;
    world.add_machines(5).await;
    for (preference, expected) in
        [("odata.maxpagesize=2", 2), ("return=minimal, maxpagesize=\"3\"", 3), ("odata.maxpagesize=x", 5)]
    {
        let token = world.all().await;
        let request = Request::builder().uri("/api/machines").header("prefer", preference);
        let request = request.header(AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap();
        let reply = world.request(request).await;
        let page = reply.ok();
        assert_eq!(page["value"].as_array().unwrap().len(), expected, "{preference}");
        assert_eq!(page.get("@odata.nextLink").is_some(), expected < 5);
        let applied = if expected < 5 { format!("odata.maxpagesize={expected}") } else { String::new() };
        assert_eq!(reply.header("preference-applied"), applied);
    }
    // A list that has one page has it whatever the client prefers, and does not say otherwise.
    for path in ["/testwdatppreview/machinegroups", "/api/machines/findbytag?tag=none"] {
        let token = world.all().await;
        let request = Request::builder().uri(path).header("prefer", "odata.maxpagesize=2");
        let request = request.header(AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap();
        let reply = world.request(request).await;
        let is_paged = path.contains("findbytag");
        assert_eq!(!reply.header("preference-applied").is_empty(), is_paged, "{path}: {}", reply.text());
    }
}
