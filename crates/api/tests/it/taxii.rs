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
            "[ipv4-addr:value = '203.0.113.9']",
            "[domain-name:value = 'a.example']",
            "[url:value = 'http://a.example/']",
            "[ipv6-addr:value = '2001:db8::1']",
        ]
    );
    assert_eq!(out["objects"][3]["valid_until"], "2030-01-01T00:00:00.000Z");
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
    for (path, code) in [
        (format!("{OBJECTS}?limit=0"), 400),
        (format!("{OBJECTS}?next=x"), 400),
        (format!("{OBJECTS}?added_after=yesterday"), 400),
    ] {
        assert_eq!(send(&world, "GET", &path, &all, Value::Null).await.status.as_u16(), code, "{path}");
    }
    let request = Request::builder().uri("/taxii2/").header(ACCEPT, "application/taxii+json;version=2.0");
    let request = request.header(AUTHORIZATION, format!("Bearer {all}")).body(Body::empty()).unwrap();
    assert_eq!(world.request(request).await.error(), (406, "NotAcceptable".to_owned()));
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
}
