//! Retention, legal holds and the deletion of a device by API.

use axum::body::Body;
use model::DeviceId;
use serde_json::{Value, json};

use crate::world::{ROW, Reply, World};

async fn put(world: &World, path: &str, body: Value) -> Reply {
    world.send("PUT", path, Some(&world.all().await), body.to_string()).await
}

async fn delete(world: &World, path: &str) -> Reply {
    world.send("DELETE", path, Some(&world.all().await), Body::empty()).await
}

#[tokio::test]
async fn rules_of_retention_are_set_listed_and_taken_away() {
    let world = World::start().await;
    assert_eq!(world.get("/api/lake/retention").await.ok()["value"], json!([]));
    let set = put(&world, "/api/lake/retention/deviceEVENTS", json!({ "days": 30 })).await.ok();
    assert_eq!((&set["table"], &set["days"]), (&json!("DeviceEvents"), &json!(30)), "{set}");
    put(&world, "/api/lake/retention/Default", json!({ "Days": 400 })).await.ok();
    put(&world, "/api/lake/retention/DeviceEvents", json!({ "days": 31 })).await.ok();
    let list = world.get("/api/lake/retention?$count=true").await.ok();
    let expected = json!([{ "table": "default", "days": 400 }, { "table": "DeviceEvents", "days": 31 }]);
    assert_eq!((&list["value"], &list["@odata.count"]), (&expected, &json!(2)), "{list}");
    let context = "https://bartizan.example:8443/api/$metadata#RetentionRules";
    assert_eq!(list["@odata.context"], context);
    let page = world.get("/api/lake/retention?$skip=1&$top=1&$select=days").await.ok();
    assert_eq!(page["value"], json!([{ "days": 31 }]));
    assert_eq!(world.get("/api/lake/retention?$filter=days+eq+1").await.error().1, "ODataError");

    let policies = world.store.lake_policies().await.unwrap();
    assert_eq!(policies.days(world.one, "DeviceEvents"), Some(31));
    assert_eq!(policies.days(world.one, "DeviceInfo"), Some(400));
    assert_eq!(policies.days(world.two, "DeviceInfo"), None);

    assert_eq!(delete(&world, "/api/lake/retention/default").await.ok()["days"], 400);
    assert_eq!(delete(&world, "/api/lake/retention/default").await.error().1, "ResourceNotFound");
    assert_eq!(world.get("/api/lake/retention/default").await.error().1, "ResourceNotFound");
    assert_eq!(world.get("/api/lake/retention/DeviceEvents").await.ok()["days"], 31);
}

#[tokio::test]
async fn what_is_not_valid_is_named() {
    let world = World::start().await;
    for days in [json!(0), json!(-1), json!(36_501), json!("30"), json!(1.5), json!(null)] {
        let reply = put(&world, "/api/lake/retention/DeviceEvents", json!({ "days": days })).await;
        assert_eq!(reply.error(), (400, "InvalidInput".to_owned()), "{days}");
        assert!(reply.text().contains("'days' takes a whole number from 1 to 36500"), "{}", reply.text());
    }
    let reply = put(&world, "/api/lake/retention/DeviceEvent", json!({ "days": 1 })).await;
    assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()));
    assert!(reply.text().contains("did you mean DeviceEvents"), "{}", reply.text());
    for (name, body, named) in [
        ("case", json!({}), "'reason'"),
        ("case", json!({ "reason": " " }), "'reason'"),
        ("case", json!({ "reason": "x".repeat(5_000) }), "'reason'"),
        ("case", json!({ "reason": 1 }), "'reason'"),
        ("case", json!({ "reason": "x", "table": "Devices" }), "'table'"),
        ("a%20b", json!({ "reason": "x" }), "The name of a hold"),
        (".x", json!({ "reason": "x" }), "The name of a hold"),
    ] {
        let reply = put(&world, &format!("/api/lake/holds/{name}"), body).await;
        assert_eq!(reply.error(), (400, "InvalidInput".to_owned()), "{named}");
        assert!(reply.text().contains(named), "{}", reply.text());
    }
    assert_eq!(world.get("/api/lake/holds").await.ok()["value"], json!([]));
}

#[tokio::test]
async fn a_hold_keeps_what_it_covers_until_it_is_released() {
    let world = World::start().await;
    world.post("/api/ingest/DeviceEvents", format!("{ROW}\n").repeat(3)).await.ok();
    world.post("/api/ingest/DeviceEvents", ROW.replace("pc1", "pc2")).await.ok();
    let device = DeviceId::from_name(world.one, "pc1.contoso.example");
    let path = format!("/api/lake/devices/{device}");
    let case = json!({ "table": "deviceevents", "reason": "a court asked" });
    let added = put(&world, "/api/lake/holds/case-7", case.clone()).await.ok();
    assert_eq!((&added["table"], &added["name"]), (&json!("DeviceEvents"), &json!("case-7")), "{added}");
    world.clock.advance(60);
    let again = put(&world, "/api/lake/holds/case-7", case).await.ok();
    assert_eq!(again["created"], added["created"], "the same is asked for again");
    let other = put(&world, "/api/lake/holds/case-7", json!({ "reason": "another" })).await;
    assert_eq!(other.error(), (409, "Conflict".to_owned()));

    let refused = delete(&world, &path).await;
    assert_eq!(refused.error(), (409, "Conflict".to_owned()));
    assert!(
        refused.text().contains("'case-7'") && refused.text().contains("DeviceEvents"),
        "{}",
        refused.text()
    );
    assert_eq!(world.row_count("DeviceEvents").await, 4);

    delete(&world, "/api/lake/holds/case-7").await.ok();
    assert_eq!(delete(&world, "/api/lake/holds/case-7").await.error().1, "ResourceNotFound");
    // A hold on a table where the device has nothing does not matter.
    put(&world, "/api/lake/holds/other", json!({ "table": "DeviceInfo", "reason": "x" })).await.ok();
    let deleted = delete(&world, &path).await.ok();
    assert_eq!((&deleted["rowsDeleted"], &deleted["filesReplaced"]), (&json!(3), &json!(1)), "{deleted}");
    assert_eq!(deleted["tables"], json!([{ "table": "DeviceEvents", "rows": 3, "files": 1 }]));
    assert_eq!(deleted["onDiskUntil"], "2024-05-06T09:01:00.0000000Z");
    assert_eq!(world.row_count("DeviceEvents").await, 1);
    let again = delete(&world, &path).await.ok();
    assert_eq!((&again["rowsDeleted"], &again["filesKept"]), (&json!(0), &json!(1)), "{again}");
    assert_eq!(again["onDiskUntil"], json!(null));
}

#[tokio::test]
async fn a_device_is_named_by_its_id_or_name() {
    let world = World::start().await;
    world.add_machines(1).await;
    let row = ROW.replace("pc1", "pc0");
    world.post("/api/ingest/DeviceEvents", row).await.ok();
    let deleted = delete(&world, "/api/lake/devices/PC0.contoso.example").await.ok();
    assert_eq!(deleted["rowsDeleted"], 1, "{deleted}");
    let unknown = delete(&world, "/api/lake/devices/nobody.example").await;
    assert_eq!(unknown.error(), (404, "ResourceNotFound".to_owned()));
    let nothing = delete(&world, &format!("/api/lake/devices/{}", "0".repeat(40))).await.ok();
    assert_eq!((&nothing["rowsDeleted"], &nothing["tables"]), (&json!(0), &json!([])));
}
