//! What the compatible API does not have: dry runs, repeats by key, jobs, policies, approval; and who is let into the
//! device channel.

use axum::http::Request;
use model::Permission::{ActionApprove, MachineIsolate, MachineRead};
use model::{Clock, DeviceId};
use sensor_proto::{Outcome, PrivateKey, RequestSignature, digest_hex};
use serde_json::json;

use crate::actions::{PC, id, world};
use crate::sensor::{enrolment, token};
use crate::world::World;

async fn count(world: &World) -> usize {
    world.get("/api/machineactions").await.ok()["value"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_does_nothing() {
    let (world, _sensor) = world().await;
    let path = format!("/api/machines/{PC}/isolate?dryRun=true");
    let plan = world.post(&path, r#"{"Comment":"c"}"#).await.ok();
    assert_eq!((&plan["dryRun"], &plan["needsApproval"]), (&json!(true), &json!(false)));
    assert_eq!(count(&world).await, 0);
    world.post(&format!("/api/machines/{PC}/isolate"), r#"{"Comment":"c"}"#).await;
    let refused = world.post(&path, r#"{"Comment":"c"}"#).await;
    assert_eq!(refused.error(), (400, "ActiveRequestAlreadyExists".to_owned()));
    let refused = world.post(&path.replace("true", "maybe"), r#"{"Comment":"c"}"#).await;
    assert_eq!(refused.error(), (400, "InvalidInput".to_owned()));
}

#[tokio::test]
async fn a_repeated_request_makes_one_action() {
    let (world, mut sensor) = world().await;
    let send = async |comment: &str, key: &str| {
        let request = Request::builder().method("POST").uri(format!("/api/machines/{PC}/isolate"));
        let request = request.header("authorization", format!("Bearer {}", world.all().await));
        let request = request.header("idempotency-key", key);
        world.request(request.body(json!({ "Comment": comment }).to_string().into()).unwrap()).await
    };
    let first = send("c", "k1").await;
    assert_eq!(first.status, 201);
    sensor.work(&world, Outcome::succeeded("")).await;
    let repeat = send("c", "k1").await;
    assert_eq!((repeat.status.as_u16(), &repeat.json()["id"]), (201, &first.json()["id"]));
    // The answer is the one of then.
    assert_eq!(repeat.json()["status"], "Pending");
    assert_eq!(send("other", "k1").await.error(), (422, "IdempotencyKeyReused".to_owned()));
    assert_eq!(send("c", "k2").await.status, 201);
    assert_eq!(send("c", "").await.error(), (400, "InvalidInput".to_owned()));
    assert_eq!(count(&world).await, 2);
}

#[tokio::test]
async fn a_protected_tag_keeps_actions_from_a_machine() {
    let (world, _sensor) = world().await;
    let mut machine = world.store.tenant(world.one).machine_by_name(PC).await.unwrap().unwrap();
    machine.machine_tags = vec!["Crown Jewels".to_owned()];
    world.store.tenant(world.one).commit_machines("test", 2, &[machine]).await.unwrap();
    let all = world.all().await;
    let policy = json!({ "protectedTags": ["crown jewels"], "actionsPerHour": 2 }).to_string();
    let set = world.send("PUT", "/api/machineactions/policy", Some(&all), policy).await.ok();
    assert_eq!((&set["actionsPerHour"], &set["liveResponses"]), (&json!(2), &json!(25)));
    assert_eq!(world.get("/api/machineactions/policy").await.ok(), set);
    let isolate = world.post(&format!("/api/machines/{PC}/isolate"), r#"{"Comment":"c"}"#).await;
    assert_eq!(isolate.error(), (403, "ProtectedMachine".to_owned()));
    for (verb, body) in
        [("unisolate", r#"{"Comment":"c"}"#), ("runAntiVirusScan", r#"{"Comment":"c","ScanType":"Quick"}"#)]
    {
        assert_eq!(world.post(&format!("/api/machines/{PC}/{verb}"), body).await.status, 201, "{verb}");
    }
    let third =
        world.post(&format!("/api/machines/{PC}/collectInvestigationPackage"), r#"{"Comment":"c"}"#).await;
    assert_eq!(third.error(), (429, "TooManyRequests".to_owned()));
    assert_eq!(third.header("retry-after"), "300");
    for bad in [r#"{"protectedTags":"x"}"#, r#"{"approval":["Reboot"]}"#, r#"{"actionsPerHour":-1}"#] {
        let refused = world.send("PUT", "/api/machineactions/policy", Some(&all), bad).await;
        assert_eq!(refused.error(), (400, "InvalidInput".to_owned()), "{bad}");
    }
}

#[tokio::test]
async fn an_action_that_needs_two_people_waits_for_the_second() {
    let (world, mut sensor) = world().await;
    let all = world.all().await;
    let policy = r#"{"approval":["isolate"]}"#;
    world.send("PUT", "/api/machineactions/policy", Some(&all), policy).await.ok();
    let asked = world.post(&format!("/api/machines/{PC}/isolate"), r#"{"Comment":"c"}"#).await.json();
    assert_eq!(asked["status"], "Pending");
    assert!(sensor.work(&world, Outcome::succeeded("")).await.is_empty());
    let path = format!("/api/machineactions/{}", asked["id"].as_str().unwrap());
    let own = world.post(&format!("{path}/approve"), r#"{"Comment":"fine"}"#).await;
    assert_eq!(own.error(), (403, "Forbidden".to_owned()), "not by who asked");
    let second = world.token(world.one, &[ActionApprove]).await;
    let missing = world.send("POST", &format!("{path}/approve"), Some(&second), "{}").await;
    assert_eq!(missing.error(), (400, "MissingRequiredParameter".to_owned()));
    let approved =
        world.send("POST", &format!("{path}/approve"), Some(&second), r#"{"Comment":"fine"}"#).await.ok();
    assert_eq!(approved["status"], "Pending");
    assert_eq!(sensor.work(&world, Outcome::succeeded("")).await.len(), 1);
    let again = world.send("POST", &format!("{path}/reject"), Some(&second), r#"{"Comment":"no"}"#).await;
    assert_eq!(again.error(), (400, "InvalidInput".to_owned()));

    let asked = world.post(&format!("/api/machines/{PC}/isolate"), r#"{"Comment":"c"}"#).await.json();
    let path = format!("/api/machineactions/{}/reject", asked["id"].as_str().unwrap());
    let rejected = world.send("POST", &path, Some(&second), r#"{"Comment":"no"}"#).await.ok();
    assert_eq!((&rejected["status"], &rejected["cancellationComment"]), (&json!("Cancelled"), &json!("no")));
    assert!(sensor.work(&world, Outcome::succeeded("")).await.is_empty());
}

#[tokio::test]
async fn a_job_asks_for_an_action_on_every_machine_of_a_filter() {
    let (world, mut sensor) = world().await;
    let body = json!({ "Type": "Isolate", "Comment": "c", "Filter": "startswith(computerDnsName,'pc')" })
        .to_string();
    let plan = world.post("/api/machineactions/bulk?dryRun=true", body.clone()).await.ok();
    assert_eq!((&plan["accepted"], plan["machines"].as_array().unwrap().len()), (&json!(1), 2));
    assert_eq!(count(&world).await, 0);
    let reader = world.token(world.one, &[MachineRead, model::Permission::MachineScan]).await;
    let refused = world.send("POST", "/api/machineactions/bulk", Some(&reader), body.clone()).await;
    assert_eq!(refused.error(), (403, "Forbidden".to_owned()));
    let isolator = world.token(world.one, &[MachineRead, MachineIsolate]).await;
    let job = world.send("POST", "/api/machineactions/bulk", Some(&isolator), body).await;
    assert_eq!(job.status, 201, "{}", job.text());
    let path = format!("/api/machineactions/bulk/{}", job.json()["id"].as_str().unwrap());
    let open = world.get(&path).await.ok();
    assert_eq!(
        (&open["status"], &open["counts"]["refused"], &open["counts"]["open"]),
        (&json!("InProgress"), &json!(1), &json!(1))
    );
    // Going on with it again makes nothing more.
    world.state.actions.tick().await.unwrap();
    assert_eq!(count(&world).await, 1);
    sensor.work(&world, Outcome::succeeded("")).await;
    let done = world.get(&path).await.ok();
    assert_eq!((&done["status"], &done["counts"]["succeeded"]), (&json!("Completed"), &json!(1)));
    let machines = done["machines"].as_array().unwrap();
    let refused = machines.iter().find(|machine| machine["refusal"].is_string()).unwrap();
    assert_eq!(refused["machineId"], DeviceId::from_name(world.one, "pc1.contoso.example").to_string());
    for bad in [
        json!({ "Type": "Isolate", "Comment": "c" }),
        json!({ "Type": "Reboot", "Comment": "c", "Filter": "id ne ''" }),
        json!({ "Type": "Isolate", "Comment": "c", "MachineIds": ["x"] }),
        json!({ "Type": "Isolate", "Comment": "c", "Filter": "computerDnsName eq 'none'" }),
    ] {
        assert_eq!(world.post("/api/machineactions/bulk", bad.to_string()).await.error().0, 400, "{bad}");
    }
}

#[tokio::test]
async fn only_an_enrolled_device_is_let_into_the_channel() {
    let (world, sensor) = world().await;
    let target = "/device/v1/poll";
    let sign = |key: &PrivateKey, device: &DeviceId, body: &str, off: i64| {
        let now = world.clock.now().plus_seconds(off);
        let digest = digest_hex(body.as_bytes());
        RequestSignature::sign(key, (world.one, device), "POST", target, now, digest).header()
    };
    let (stranger, _) = PrivateKey::generate().unwrap();
    let other = DeviceId::from_name(world.one, "pc1.contoso.example");
    let bearer = format!("Bearer {}", world.all().await);
    for header in [
        String::new(),
        bearer,
        "Bartizan-Device x".to_owned(),
        sign(&stranger, &sensor.device, "{}", 0),
        sign(&sensor.key, &other, "{}", 0),
        sign(&sensor.key, &sensor.device, "{}", 301),
        sign(&sensor.key, &sensor.device, "{}", -301),
        sign(&sensor.key, &sensor.device, "other", 0),
    ] {
        let reply = sensor.call_as(&world, "POST", target, &header, b"{}".to_vec()).await;
        assert_eq!(reply.error(), (401, "Unauthorized".to_owned()), "{header}");
    }
    let malformed = sensor.call(&world, "POST", target, "{}").await;
    assert_eq!(malformed.error(), (400, "InvalidRequestBody".to_owned()));
    let all = world.all().await;
    let devices = world.get("/api/devicechannel/devices").await.ok();
    assert_eq!(
        (&devices["value"][0]["deviceName"], &devices["value"][0]["agent"]),
        (&json!(PC), &json!("test/1"))
    );
    let path = format!("/api/devicechannel/devices/{}", id(&world));
    assert_eq!(world.send("DELETE", &path, Some(&all), "").await.status, 204);
    assert_eq!(sensor.call(&world, "POST", target, "{}").await.error().0, 401, "its key was revoked");
    assert_eq!(world.send("DELETE", &path, Some(&all), "").await.error().0, 404);
}

#[tokio::test]
async fn a_token_enrols_one_device_once() {
    let (world, _sensor) = world().await;
    let enrol = async |token: &str, name: &str, key: &PrivateKey| {
        world.send("POST", "/device/v1/enrol", None, enrolment(token, name, key)).await
    };
    let ((key, _), (thief, _)) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
    let made = token(&world, json!({})).await;
    assert_eq!(enrol(&made, "pc1.contoso.example", &key).await.status, 200);
    // An answer that was lost is asked for again.
    assert_eq!(enrol(&made, "pc1.contoso.example", &key).await.status, 200);
    assert_eq!(enrol(&made, "pc2.contoso.example", &thief).await.error(), (401, "Unauthorized".to_owned()));
    // A device that is enrolled is not taken over by a token that is not its own.
    let second = token(&world, json!({})).await;
    assert_eq!(enrol(&second, "pc1.contoso.example", &thief).await.error().0, 401);
    let own = DeviceId::from_name(world.one, "pc1.contoso.example");
    let bound = token(&world, json!({ "DeviceId": own })).await;
    assert_eq!(enrol(&bound, "pc3.contoso.example", &thief).await.error().0, 401);
    assert_eq!(enrol(&bound, "pc1.contoso.example", &thief).await.status, 200);
    let short = token(&world, json!({ "ValidSeconds": 10 })).await;
    world.clock.advance(11);
    assert_eq!(enrol(&short, "pc4.contoso.example", &key).await.error().0, 401);
    assert_eq!(enrol("nothing", "pc4.contoso.example", &key).await.error().0, 401);
    let mut broken = enrolment(&made, "pc1.contoso.example", &key);
    broken.truncate(20);
    assert_eq!(
        world.send("POST", "/device/v1/enrol", None, broken).await.error(),
        (400, "InvalidInput".to_owned())
    );
}

#[tokio::test]
async fn a_device_that_was_cancelled_on_is_led_back() {
    let (world, mut sensor) = world().await;
    let asked = world.post(&format!("/api/machines/{PC}/isolate"), r#"{"Comment":"c"}"#).await.json();
    let command = sensor.poll(&world).await.remove(0);
    world.post(&format!("/api/machineactions/{}/cancel", asked["id"].as_str().unwrap()), "{}").await.ok();
    // It was carried out all the same.
    sensor.journal.finish(&command, Outcome::succeeded(""), world.clock.now());
    sensor.say(&world, &command, Outcome::succeeded("")).await;
    let back = sensor.work(&world, Outcome::succeeded("")).await;
    assert_eq!(back[0].order, sensor_proto::Order::Release);
    assert!(sensor.work(&world, Outcome::succeeded("")).await.is_empty());
    assert_eq!(count(&world).await, 1);
}
