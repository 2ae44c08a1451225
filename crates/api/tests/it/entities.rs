//! Lists, pages and single entities; changing an alert.

use std::collections::BTreeSet;

use expect_test::expect;
use serde_json::{Value, json};

use crate::world::{BASE, World};

/// The ids of all pages, in order, and how many pages there were.
async fn all_ids(world: &World, path: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut path) = (Vec::new(), 0, path.to_owned());
    loop {
        let page = world.get(&path).await.ok();
        pages += 1;
        ids.extend(
            page["value"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        match page.get("@odata.nextLink") {
            Some(link) => path = link.as_str().unwrap().strip_prefix(BASE).unwrap().to_owned(),
            None => return (ids, pages),
        }
    }
}

#[tokio::test]
async fn following_the_next_links_visits_everything_once() {
    let world = World::start_with(|config| config.page_size = 7).await;
    world.add_machines(30).await;
    world.add_alerts(30).await;
    for (path, expected, pages) in [
        ("/api/machines", 30, 5),
        ("/api/v1.0/Machines/?$orderby=computerDnsName%20desc", 30, 5),
        ("/api/alerts", 30, 5),
        ("/api/alerts?$filter=severity%20eq%20'High'", 10, 2),
        ("/api/alerts?%24orderby=severity&$expand=evidence&$select=id", 30, 5),
        ("/api/alerts?$top=9", 9, 2),
        ("/api/alerts?$skip=25&$count=true", 5, 1),
        ("/api/machines/pc0.contoso.example/alerts?$filter=status+eq+'New'", 30, 5),
    ] {
        let (ids, seen_pages) = all_ids(&world, path).await;
        let distinct: BTreeSet<_> = ids.iter().collect();
        assert_eq!((ids.len(), distinct.len(), seen_pages), (expected, expected, pages), "{path}");
    }
    let (ids, _) = all_ids(&world, "/api/alerts").await;
    assert_eq!((ids[0].as_str(), ids[29].as_str()), ("da29_1", "da0_1"), "newest first");
}

#[tokio::test]
async fn a_list_has_its_context_and_what_was_asked_for() {
    let world = World::start_with(|config| config.page_size = 2).await;
    world.add_machines(1).await;
    world.add_alerts(3).await;
    let page = world
        .get(
            "/api/alerts?$count=true&$select=id,severity&$filter=severity ne 'Unspecified'"
                .replace(' ', "%20")
                .as_str(),
        )
        .await;
    assert_eq!(page.header("odata-version"), "4.0");
    let mut page = page.ok();
    let link = page["@odata.nextLink"].take();
    let link = link.as_str().unwrap().split_once("$skiptoken=").unwrap();
    assert_eq!(
        link.0,
        format!("{BASE}/api/alerts?$count=true&$select=id,severity&$filter=severity%20ne%20'Unspecified'&")
    );
    expect![[r##"{"@odata.context":"https://bartizan.example:8443/api/$metadata#Alerts","@odata.count":3,"value":[{"id":"da2_1","severity":"High"},{"id":"da1_1","severity":"Medium"}],"@odata.nextLink":null}"##]]
        .assert_eq(&page.to_string());
    let list = world.get("/api/alerts?$top=1").await.ok();
    assert_eq!(list["value"][0]["evidence"], json!([]));
    assert!(list.get("@odata.count").is_none() && list.get("@odata.nextLink").is_none());
    let expanded = world.get("/api/alerts?$top=1&$expand=evidence&$select=title").await.ok();
    assert_eq!(expanded["value"][0]["evidence"][0]["fileName"], "a.exe");
    assert_eq!(expanded["value"][0]["title"], "Alert 2");
    assert!(expanded["value"][0].get("id").is_none());
}

#[tokio::test]
async fn counts_are_plain_numbers() {
    let world = World::start().await;
    world.add_machines(4).await;
    world.add_alerts(5).await;
    for (path, count) in [
        ("/api/machines/$count", "4"),
        ("/api/machines/$count?$filter=startswith(computerDnsName,'PC3')", "1"),
        ("/api/alerts/$count", "5"),
        ("/api/alerts/$count?$filter=severity%20eq%20'High'", "1"),
        ("/api/machines/pc0.contoso.example/alerts/$count", "5"),
        ("/api/machines/pc1.contoso.example/alerts/$count", "0"),
    ] {
        let reply = world.get(path).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (200, count), "{path}");
        assert_eq!(reply.header("content-type"), "text/plain");
    }
}

#[tokio::test]
async fn a_machine_is_read_by_id_and_by_name() {
    let world = World::start().await;
    world.add_machines(1).await;
    let by_name = world.get("/api/machines/PC0.contoso.example").await.ok();
    let id = by_name["id"].as_str().unwrap();
    assert_eq!(world.get(&format!("/api/machines/{}", id.to_uppercase())).await.ok(), by_name);
    assert_eq!(by_name["@odata.context"], format!("{BASE}/api/$metadata#Machines/$entity"));
    assert_eq!(by_name["computerDnsName"], "pc0.contoso.example");
    assert_eq!(by_name["lastSeen"], "2024-05-06T08:00:00.0000000Z");
    let some = world.get(&format!("/api/machines/{id}?$select=id")).await.ok();
    assert_eq!(some.as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn an_alert_is_changed_as_asked_and_answered_whole() {
    let world = World::start().await;
    world.add_alerts(1).await;
    world.clock.advance(60);
    let body = json!({
        "Status": "resolved", "assignedTo": "soc1@contoso.example", "Classification": "FalsePositive",
        "determination": "malware", "COMMENT": "looked at", "unknown": 1, "title": "other",
    });
    let changed = world.patch("/api/alerts/DA0_1/", body.to_string()).await.ok();
    let show = |alert: &Value| {
        let names =
            ["id", "status", "assignedTo", "classification", "determination", "resolvedTime", "title"];
        names.map(|name| alert[name].as_str().unwrap_or("null").to_owned()).join(" ")
    };
    expect!["da0_1 Resolved soc1@contoso.example FalsePositive Malware 2024-05-06T08:01:00.0000000Z Alert 0"]
        .assert_eq(&show(&changed));
    expect![[
        r#"[{"comment":"looked at","createdBy":"analyst app","createdTime":"2024-05-06T08:01:00.0000000Z"}]"#
    ]]
    .assert_eq(&changed["comments"].to_string());
    assert_eq!(changed["evidence"][0]["fileName"], "a.exe");
    assert_eq!(changed["lastUpdateTime"], "2024-05-06T08:01:00.0000000Z");
    assert_eq!(changed["@odata.context"], format!("{BASE}/api/$metadata#Alerts/$entity"));
    assert_eq!(world.get("/api/alerts/da0_1").await.ok(), changed);
    let reopened = world.patch("/api/alerts/da0_1", r#"{"status":"InProgress","assignedTo":""}"#).await.ok();
    expect!["da0_1 InProgress null FalsePositive Malware null Alert 0"].assert_eq(&show(&reopened));
}

#[tokio::test]
async fn the_service_document_names_the_sets() {
    let world = World::start().await;
    let document = world.get("/api").await.ok();
    let names = document["value"].as_array().unwrap().iter().map(|set| set["name"].as_str().unwrap());
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["Alerts", "Incidents", "Indicators", "Investigations", "MachineActions", "Machines"]
    );
}

#[tokio::test]
async fn an_alert_takes_so_many_comments() {
    let world = World::start().await;
    world.add_alerts(1).await;
    let mut change = store::AlertChange {
        status: None,
        assigned_to: None,
        classification: None,
        determination: None,
        comment: Some("again".to_owned()),
        expected: None,
        by: "app".to_owned(),
        at: model::Clock::now(&*world.clock),
    };
    let id = model::AlertId("da0_1".to_owned());
    for at in 0..999 {
        change.comment = Some(format!("comment {at}"));
        world.store.tenant(world.one).update_alert(&id, &change).await.unwrap();
    }
    assert_eq!(world.patch("/api/alerts/da0_1", r#"{"comment":"the last"}"#).await.status, 200);
    let reply = world.patch("/api/alerts/da0_1", r#"{"comment":"one more"}"#).await;
    assert_eq!(reply.error(), (400, "InvalidInput".to_owned()));
    assert_eq!(world.patch("/api/alerts/da0_1", r#"{"status":"Resolved"}"#).await.status, 200);
}
