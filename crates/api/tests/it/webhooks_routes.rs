//! Webhooks by their routes: who may make them, and what they send.

use model::Permission::{AlertRead, ChangeRead, ManagementRead, ManagementReadWrite};
use serde_json::{Value, json};
use webhooks::sign;

use crate::world::World;

const URL: &str = "https://hooks.contoso.example/bartizan";

fn of_alerts() -> Value {
    json!({ "url": URL, "kinds": ["Alerts"], "filters": { "alert": "severity eq 'High'" } })
}

#[tokio::test]
async fn a_webhook_is_made_shown_changed_and_deleted() {
    let world = World::start().await;
    world.add_machines(1).await;
    let made = world.post("/api/webhooks", of_alerts().to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    assert_eq!((&made["kinds"], &made["enabled"]), (&json!(["alert"]), &json!(true)));
    let secret = made["secret"].as_str().unwrap().to_owned();
    let path = format!("/api/webhooks/{}", made["id"].as_str().unwrap());
    let shown = world.get(&path).await.ok();
    assert_eq!((shown["url"].as_str(), shown.get("secret")), (Some(URL), None), "it is told once");
    assert_eq!(world.get("/api/webhooks").await.ok()["value"], json!([shown]));

    // Of three alerts one is high.
    world.add_alerts(3).await;
    world.state.webhooks.tick().await.unwrap();
    let sent = std::mem::take(&mut *world.outbox.0.lock().unwrap());
    assert_eq!(sent.len(), 1, "{sent:?}");
    let message: Value = serde_json::from_str(&sent[0].body).unwrap();
    assert_eq!(
        (&message["type"], &message["data"]["entity"]["severity"]),
        (&json!("alert.created"), &json!("High"))
    );
    let header = |name: &str| &sent[0].headers.iter().find(|(known, _)| *known == name).unwrap().1;
    use base64::Engine;
    let key =
        base64::engine::general_purpose::STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let seconds = header("webhook-timestamp").parse().unwrap();
    assert_eq!(*header("webhook-signature"), sign(&key, header("webhook-id"), seconds, &sent[0].body));

    let changed = world.patch(&path, r#"{"filters":{},"enabled":false,"format":"Slack"}"#).await.ok();
    assert_eq!((&changed["filters"], &changed["format"]), (&json!({}), &json!("slack")));
    let rotated = world.post(&format!("{path}/rotateSecret"), "{}").await.ok();
    assert_ne!(rotated["secret"], json!(secret));
    assert_eq!(world.get(&format!("{path}/deadLetters")).await.ok()["value"], json!([]));
    assert_eq!(world.post(&format!("{path}/replay"), "{}").await.ok()["replayed"], 0);
    let all = world.all().await;
    assert_eq!(world.send("DELETE", &path, Some(&all), "").await.status, 204);
    assert_eq!(world.get(&path).await.error(), (404, "ResourceNotFound".to_owned()));
    for (body, word) in [
        (json!({ "kinds": ["alert"] }), "url"),
        (json!({ "url": URL }), "kinds"),
        (json!({ "url": URL, "kinds": ["alarm"] }), "alarm"),
        (json!({ "url": "https://10.0.0.1/", "kinds": ["alert"] }), "public"),
        (json!({ "url": URL, "kinds": ["alert"], "filters": { "alert": "x eq 1" } }), "x"),
        (json!({ "url": URL, "kinds": ["alert"], "filters": [] }), "filters"),
        (json!({ "url": URL, "kinds": ["alert"], "format": "fax" }), "format"),
    ] {
        let refused = world.post("/api/webhooks", body.to_string()).await;
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.text().contains(word), "{body}: {}", refused.text());
    }
}

#[tokio::test]
async fn a_webhook_sends_what_its_maker_may_read_and_nothing_else() {
    let world = World::start().await;
    world.add_machines(1).await;
    let manager = world.token(world.one, &[ManagementRead, ManagementReadWrite, ChangeRead]).await;
    let refused = world.send("POST", "/api/webhooks", Some(&manager), of_alerts().to_string()).await;
    assert_eq!(refused.error(), (403, "Forbidden".to_owned()));
    assert!(refused.text().contains("Alert.Read.All"), "{}", refused.text());
    let reader = world.token(world.one, &[ChangeRead, AlertRead]).await;
    let refused = world.send("POST", "/api/webhooks", Some(&reader), of_alerts().to_string()).await;
    assert_eq!(refused.error(), (403, "Forbidden".to_owned()));

    let both = world.token(world.one, &[ManagementRead, ManagementReadWrite, ChangeRead, AlertRead]).await;
    let made = world.send("POST", "/api/webhooks", Some(&both), of_alerts().to_string()).await.json();
    let path = format!("/api/webhooks/{}", made["id"].as_str().unwrap());
    let store = world.store.tenant(world.one);
    for app in store.apps().await.unwrap() {
        store.remove_grant(app.id).await.unwrap();
    }
    world.issuer.forget(world.one);
    world.forget_tokens().await;
    world.add_alerts(3).await;
    world.state.webhooks.tick().await.unwrap();
    assert!(world.outbox.0.lock().unwrap().is_empty());
    let stopped = world.get(&path).await.ok();
    assert_eq!(stopped["enabled"], false);
    assert!(stopped["lastError"].as_str().unwrap().contains("may not read"), "{stopped}");
    // Another tenant does not see it.
    let stranger = world.token(world.two, &[ManagementRead]).await;
    assert_eq!(
        world.send("GET", &path, Some(&stranger), "").await.error(),
        (404, "ResourceNotFound".to_owned())
    );
}
