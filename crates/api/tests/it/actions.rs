//! Actions on machines as existing clients ask for them and poll them, with a device on the other side.

use model::DeviceId;
use model::Permission::{MachineCollectForensics, MachineLiveResponse, MachineRead};
use model::machine::Machine;
use model::role::RolePermission;
use sensor_proto::{CommandResult, LiveCommand, Order, Outcome};
use serde_json::{Value, json};

use crate::sensor::Sensor;
use crate::world::{BASE, World};

pub const PC: &str = "pc0.contoso.example";
const SHA1: &str = "3395856ce81f2b7382dee72602f798b642f14140";

/// A server with a machine that is on the channel, and one that is not.
pub async fn world() -> (World, Sensor) {
    let world = World::start().await;
    let machines: Vec<Machine> = [PC, "pc1.contoso.example"]
        .map(|name| Machine { os_platform: "Windows11".to_owned(), ..world.machine(name) })
        .to_vec();
    world.store.tenant(world.one).commit_machines("test", 1, &machines).await.unwrap();
    let sensor = Sensor::enrol(&world, PC).await;
    (world, sensor)
}

pub fn id(world: &World) -> String {
    DeviceId::from_name(world.one, PC).to_string()
}

async fn ask(world: &World, verb: &str, body: Value) -> Value {
    let reply = world.post(&format!("/api/machines/{}/{verb}", id(world)), body.to_string()).await;
    let expected = if verb.eq_ignore_ascii_case("offboard") { 200 } else { 201 };
    assert_eq!(reply.status, expected, "{verb}: {}", reply.text());
    reply.json()
}

async fn status(world: &World, action: &Value) -> String {
    let read = world.get(&format!("/api/machineactions/{}", action["id"].as_str().unwrap())).await.ok();
    read["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_action_is_accepted_given_and_answered() {
    let (world, mut sensor) = world().await;
    for (verb, body, kind, scope) in [
        ("isolate", json!({"Comment": "c", "IsolationType": "Full"}), "Isolate", json!("Full")),
        ("unisolate", json!({"Comment": "c"}), "Unisolate", Value::Null),
        ("Isolate", json!({"comment": "c", "isolationtype": "selective"}), "Isolate", json!("Selective")),
        ("restrictCodeExecution", json!({"Comment": "c"}), "RestrictCodeExecution", Value::Null),
        ("unrestrictCodeExecution", json!({"Comment": "c"}), "UnrestrictCodeExecution", Value::Null),
        (
            "runAntiVirusScan",
            json!({"Comment": "c", "ScanType": "Quick"}),
            "RunAntiVirusScan",
            json!("Quick"),
        ),
        (
            "StopAndQuarantineFile",
            json!({"Comment": "c", "Sha1": SHA1.to_uppercase()}),
            "StopAndQuarantineFile",
            Value::Null,
        ),
        ("offboard", json!({"Comment": "c"}), "Offboard", Value::Null),
    ] {
        let action = ask(&world, verb, body).await;
        assert_eq!(action["@odata.context"], format!("{BASE}/api/$metadata#MachineActions/$entity"));
        assert_eq!((&action["type"], &action["scope"]), (&json!(kind), &scope), "{action}");
        assert_eq!((&action["status"], &action["requestorComment"]), (&json!("Pending"), &json!("c")));
        assert_eq!((&action["machineId"], &action["computerDnsName"]), (&json!(id(&world)), &json!(PC)));
        assert_eq!(
            (&action["requestor"], &action["requestSource"]),
            (&json!("analyst app"), &json!("PublicApi"))
        );
        assert_eq!((&action["errorHResult"], &action["commands"]), (&json!(0), &json!([])));
        if kind == "StopAndQuarantineFile" {
            let file = json!({ "fileIdentifier": SHA1, "fileIdentifierType": "Sha1" });
            assert_eq!(action["relatedFileInfo"], file);
        }
        let commands = sensor.poll(&world).await;
        assert_eq!(commands.len(), 1);
        assert_eq!(status(&world, &action).await, "InProgress");
        sensor.work(&world, Outcome::succeeded("")).await;
        assert_eq!(status(&world, &action).await, "Succeeded", "{kind}");
    }
    let gone = world.post(&format!("/api/machines/{PC}/isolate"), r#"{"Comment":"c"}"#).await;
    assert_eq!(gone.error(), (400, "InvalidInput".to_owned()), "an offboarded machine takes no action");
    let refused = sensor.call(&world, "POST", "/device/v1/poll", "{}").await;
    assert_eq!(refused.error(), (401, "Unauthorized".to_owned()), "its key is worth nothing");
}

#[tokio::test]
async fn what_the_device_says_of_a_failure_is_kept_as_it_signed_it() {
    let (world, mut sensor) = world().await;
    let action = ask(&world, "isolate", json!({"Comment": "c"})).await;
    sensor.work(&world, Outcome::Failed { error: 5, message: "no rule could be set".to_owned() }).await;
    let path = format!("/api/machineactions/{}", action["id"].as_str().unwrap());
    let read = world.get(&path).await.ok();
    assert_eq!((&read["status"], &read["errorHResult"]), (&json!("Failed"), &json!(5)));
    assert_eq!(read["troubleshootInfo"], "no rule could be set");
    let receipts = world.get(&format!("{path}/receipts")).await.ok();
    let signed: sensor_proto::Signed =
        serde_json::from_value(receipts["value"][0]["signed"].clone()).unwrap();
    let key = sensor_proto::PublicKey::parse(receipts["publicKey"].as_str().unwrap()).unwrap();
    let receipt: sensor_proto::Receipt = signed.open(sensor_proto::Purpose::Receipt, &key).unwrap();
    assert_eq!(receipt.id.to_string(), action["id"]);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_in_the_words_that_clients_know() {
    let (world, _sensor) = world().await;
    ask(&world, "isolate", json!({"Comment": "c"})).await;
    let machine = id(&world);
    let unknown = "0".repeat(40);
    for (path, body, expected) in [
        (
            format!("/api/machines/{machine}/isolate"),
            r#"{"Comment":"c"}"#,
            (400, "ActiveRequestAlreadyExists"),
        ),
        (format!("/api/machines/{unknown}/isolate"), r#"{"Comment":"c"}"#, (404, "ResourceNotFound")),
        (format!("/api/machines/{unknown}/unisolate"), r#"{"Comment":"c"}"#, (404, "ResourceNotFound")),
        (format!("/api/machines/{unknown}/runliveresponse"), r#"{"Commands":[]}"#, (404, "ResourceNotFound")),
        (format!("/api/machines/{machine}/unisolate"), "{}", (400, "MissingRequiredParameter")),
        (
            format!("/api/machines/{machine}/unisolate"),
            r#"{"Comment":" "}"#,
            (400, "MissingRequiredParameter"),
        ),
        (format!("/api/machines/{machine}/unisolate"), "", (400, "InvalidRequestBody")),
        (
            format!("/api/machines/{machine}/runAntiVirusScan"),
            r#"{"Comment":"c"}"#,
            (400, "MissingRequiredParameter"),
        ),
        (
            format!("/api/machines/{machine}/runAntiVirusScan"),
            r#"{"Comment":"c","ScanType":"Deep"}"#,
            (400, "InvalidInput"),
        ),
        (
            format!("/api/machines/{machine}/isolate"),
            r#"{"Comment":"c","IsolationType":"Half"}"#,
            (400, "InvalidInput"),
        ),
        (
            format!("/api/machines/{machine}/StopAndQuarantineFile"),
            r#"{"Comment":"c","Sha1":"xyz"}"#,
            (400, "InvalidHashValue"),
        ),
        (format!("/api/machines/{machine}/runliveresponse"), r#"{"Commands":[]}"#, (400, "InvalidInput")),
        (
            format!("/api/machines/{machine}/runliveresponse"),
            r#"{"Comment":"c"}"#,
            (400, "MissingRequiredParameter"),
        ),
        (
            format!("/api/machines/{machine}/runliveresponse"),
            r#"{"Commands":[{"type":"RunScript","params":[{"key":"ScriptName","value":"none.ps1"}]}]}"#,
            (400, "InvalidInput"),
        ),
        (
            "/api/machines/pc1.contoso.example/isolate".to_owned(),
            r#"{"Comment":"c"}"#,
            (400, "MachineNotEnrolled"),
        ),
        ("/api/machineactions/x/cancel".to_owned(), "{}", (404, "ResourceNotFound")),
    ] {
        let reply = world.post(&path, body).await;
        assert_eq!(reply.error(), (expected.0, expected.1.to_owned()), "{path} {body}: {}", reply.text());
    }
    let list = world.get("/api/machineactions").await.ok();
    assert_eq!(list["value"].as_array().unwrap().len(), 1, "a refusal has no effect");
}

#[tokio::test]
async fn actions_are_listed_as_clients_filter_them() {
    let (world, mut sensor) = world().await;
    let isolation = ask(&world, "isolate", json!({"Comment": "c", "ExternalId": "case 7"})).await;
    sensor.work(&world, Outcome::succeeded("")).await;
    world.clock.advance(1);
    let scan = ask(&world, "runAntiVirusScan", json!({"Comment": "c", "ScanType": "Full"})).await;
    let machine = id(&world);
    for (filter, expected) in [
        ("status in ('Pending','InProgress') AND type eq 'RunAntiVirusScan'".to_owned(), vec![&scan]),
        (
            format!(
                "(machineId eq '{machine}' and status eq 'Succeeded') or (machineId eq 'b' and status eq 'Failed')"
            ),
            vec![&isolation],
        ),
        ("type+eq+'Isolate'".to_owned(), vec![&isolation]),
        ("externalId eq 'case 7'".to_owned(), vec![&isolation]),
        ("requestor eq 'analyst app'".to_owned(), vec![&scan, &isolation]),
        ("lastUpdateDateTimeUtc ge 2024-05-06T08:00:01Z".to_owned(), vec![&scan]),
        (String::new(), vec![&scan, &isolation]),
    ] {
        let filter =
            if filter.is_empty() { filter } else { format!("$filter={}&", filter.replace(' ', "%20")) };
        let list = world.get(&format!("/api/MachineActions/?{filter}$count=true")).await.ok();
        let ids: Vec<&Value> = list["value"].as_array().unwrap().iter().map(|action| &action["id"]).collect();
        assert_eq!(ids, expected.iter().map(|action| &action["id"]).collect::<Vec<_>>(), "{filter}");
        assert_eq!(list["@odata.count"], expected.len());
    }
    assert_eq!(world.get("/api/v1.0/machineactions/$count").await.text(), "2");
    let refused = world.get("/api/machineactions?$filter=commands%20eq%20'x'").await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("commands"), "{}", refused.text());
}

#[tokio::test]
async fn a_package_is_collected_and_read_by_a_link_for_a_while() {
    let (world, sensor) = world().await;
    let action = ask(&world, "collectInvestigationPackage", json!({"Comment": "c"})).await;
    let path = format!("/api/machineactions/{}", action["id"].as_str().unwrap());
    let early = world.get(&format!("{path}/getPackageUri")).await;
    assert_eq!(early.error(), (404, "ResourceNotFound".to_owned()));
    let command = sensor.poll(&world).await.remove(0);
    let target = format!("/device/v1/uploads/{}?name=package.zip", command.id);
    let other = sensor.call(&world, "PUT", &target.replace("?", "?index=0&"), "zip").await;
    assert_eq!(other.error().0, 404, "it has no commands");
    let upload = sensor.call(&world, "PUT", &target, "a zip archive").await.ok();
    let package =
        serde_json::from_value(json!({ "name": "package.zip", "sha256": upload["sha256"], "bytes": 13 }));
    let outcome =
        Outcome::Succeeded { detail: String::new(), package: package.unwrap(), findings: Vec::new() };
    sensor.say(&world, &command, outcome).await;
    assert_eq!(status(&world, &action).await, "Succeeded");

    let link = world.get(&format!("{path}/GetPackageUri")).await.ok();
    assert_eq!(link["@odata.context"], format!("{BASE}/api/$metadata#Edm.String"));
    let link = link["value"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    let read = world.send("GET", &link, None, "").await;
    assert_eq!((read.status.as_u16(), read.text()), (200, "a zip archive"));
    assert_eq!(read.header("content-disposition"), "attachment; filename=package.zip");
    assert_eq!(read.header("content-type"), "application/zip");
    // Who made the link and from where it was followed is written down.
    let action_id = action["id"].as_str().unwrap();
    let log = world.audit_log().await;
    let of_link = |entry: &&Value| {
        let action = entry["action"].as_str().unwrap();
        (action.contains("PackageUri") || action.contains("/downloads/")) && entry["object"] == action_id
    };
    let entries: Vec<String> = log
        .iter()
        .filter(of_link)
        .map(|entry| format!("{} {} {}", entry["actor"], entry["action"], entry["verdict"]).replace('"', ""))
        .collect();
    let make = "analyst app GET /api/machineactions/{id}/getPackageUri";
    let expected = [
        format!("{make} allowed"),
        format!("{make} failed"),
        format!("{make} allowed"),
        format!("{make} done"),
        "the holder of a link GET /downloads/{token} allowed".to_owned(),
    ];
    assert_eq!(entries, expected);

    // Users need the permission to collect, and apps the one to read.
    let reads = [MachineRead, MachineLiveResponse];
    let (user, _, reader) = world.user_by_app("ada@contoso.example", false, &reads).await;
    let roles = [RolePermission::ViewData, RolePermission::InvestigateAlerts];
    world.give_role(user, &roles, "pc0").await;
    let get = async |token: &str| world.send("GET", &format!("{path}/getPackageUri"), Some(token), "").await;
    assert_eq!(get(&reader).await.error(), (403, "Forbidden".to_owned()));
    let (_, collector) = world.portal("ada@contoso.example", &[MachineCollectForensics]).await;
    get(&collector).await.ok();
    let app = world.token(world.one, &[MachineCollectForensics]).await;
    assert_eq!(get(&app).await.error(), (403, "Forbidden".to_owned()));
    let app = world.token(world.one, &[MachineRead]).await;
    get(&app).await.ok();
    let result = format!("{path}/GetLiveResponseResultDownloadLink(index=0)");
    for (token, status) in [(&collector, 403), (&app, 404)] {
        assert_eq!(world.send("GET", &result, Some(token), "").await.status, status);
    }
    assert_eq!(world.send("GET", &result, Some(&reader), "").await.status, 403, "no role for live response");

    world.clock.advance(1_801);
    let late = world.send("GET", &link, None, "").await;
    let expired = "Signature not valid in the specified key time frame";
    assert_eq!((late.status.as_u16(), late.text()), (403, expired));
    assert_eq!(world.send("GET", "/downloads/nothing", None, "").await.status, 403);
}

#[tokio::test]
async fn a_package_that_did_not_arrive_is_a_failure() {
    let (world, sensor) = world().await;
    let action = ask(&world, "collectInvestigationPackage", json!({"Comment": "c"})).await;
    let command = sensor.poll(&world).await.remove(0);
    sensor.say(&world, &command, Outcome::succeeded("done")).await;
    assert_eq!(status(&world, &action).await, "Failed");
}

fn form(name: &str, content: &str, override_it: bool) -> String {
    let part = |head: &str, content: &str| {
        format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    };
    [
        part(&format!("name=\"file\"; filename=\"{name}\""), content),
        part("name=\"ParametersDescription\"", "-Fast"),
        part("name=\"OverrideIfExists\"", if override_it { "true" } else { "false" }),
        "--B--\r\n".to_owned(),
    ]
    .concat()
}

async fn upload(world: &World, form: String) -> crate::world::Reply {
    let request = axum::http::Request::builder().method("POST").uri("/api/libraryfiles");
    let request = request.header("authorization", format!("Bearer {}", world.all().await));
    let request = request.header("content-type", "multipart/form-data; boundary=B");
    world.request(request.body(form.into()).unwrap()).await
}

#[tokio::test]
async fn a_live_response_runs_a_script_of_the_library() {
    let (world, sensor) = world().await;
    let file = upload(&world, form("Triage.ps1", "echo 1", false)).await.ok();
    assert_eq!((&file["fileName"], &file["hasParameters"]), (&json!("Triage.ps1"), &json!(true)));
    assert_eq!(
        upload(&world, form("triage.PS1", "echo 2", false)).await.error(),
        (400, "InvalidInput".to_owned())
    );
    let file = upload(&world, form("triage.PS1", "echo 2", true)).await.ok();
    let list = world.get("/api/libraryfiles").await.ok();
    assert_eq!(list["value"].as_array().unwrap().len(), 1);
    assert_eq!(list["value"][0]["sha256"], file["sha256"]);

    let body = json!({ "Comment": "c", "commands": [
        { "Type": "PutFile", "params": [{ "key": "FileName", "value": "Triage.ps1" }] },
        { "type": "RunScript", "Params": [{ "Key": "ScriptName", "Value": "TRIAGE.ps1" }, { "key": "Args", "value": "-Fast" }] },
        { "type": "GetFile", "params": [{ "key": "Path", "value": "C:\\x.txt" }] },
    ]});
    let action = ask(&world, "runliveresponse", body).await;
    assert_eq!(action["type"], "LiveResponse");
    assert_eq!(action["commands"][1]["commandStatus"], "Created");
    assert_eq!(
        action["commands"][1]["command"],
        json!({ "type": "RunScript", "params": [
            { "key": "ScriptName", "value": "Triage.ps1" }, { "key": "Args", "value": "-Fast" }] })
    );
    let path = format!("/API/machines/{PC}/RunLiveResponse");
    let again =
        world.post(&path, r#"{"Commands":[{"type":"GetFile","params":[{"key":"Path","value":"x"}]}]}"#);
    assert_eq!(again.await.error(), (400, "ActiveRequestAlreadyExists".to_owned()));

    let command = sensor.poll(&world).await.remove(0);
    let Order::LiveResponse { commands, .. } = &command.order else { panic!("{command:?}") };
    let LiveCommand::RunScript { sha256, arguments, .. } = &commands[1] else { panic!("{commands:?}") };
    assert_eq!(arguments, "-Fast");
    let script = sensor.call(&world, "GET", &format!("/device/v1/files/{sha256}"), "").await;
    assert_eq!((script.status.as_u16(), script.text()), (200, "echo 2"));
    let other = sensor.call(&world, "GET", &format!("/device/v1/files/{}", "0".repeat(64)), "").await;
    assert_eq!(other.error().0, 404);

    let target = format!("/device/v1/uploads/{}?name=Triage.ps1.json.gz&index=1", command.id);
    sensor.call(&world, "PUT", &target, "packed").await.ok();
    let now = model::Clock::now(&*world.clock);
    let result = |index, has_failed: bool| CommandResult {
        index,
        started: now,
        ended: now,
        has_failed,
        errors: if has_failed { vec!["no such file".to_owned()] } else { Vec::new() },
        result: None,
    };
    for (index, has_failed) in [(0, false), (1, false), (2, true)] {
        sensor.say(&world, &command, Outcome::Progress { result: result(index, has_failed) }).await;
    }
    sensor.say(&world, &command, Outcome::Failed { error: 2, message: "no such file".to_owned() }).await;
    let path = format!("/api/machineactions/{}", action["id"].as_str().unwrap());
    let read = world.get(&path).await.ok();
    let states: Vec<&Value> = (0..3).map(|at| &read["commands"][at]["commandStatus"]).collect();
    assert_eq!(states, ["Completed", "Completed", "Failed"]);
    assert_eq!(
        (&read["status"], &read["commands"][2]["errors"]),
        (&json!("Failed"), &json!(["no such file"]))
    );

    let link = world.get(&format!("{path}/getliveresponseresultdownloadlink(Index=1)")).await.ok();
    let link = link["value"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    let result = world.send("GET", &link, None, "").await;
    assert_eq!((result.status.as_u16(), result.text()), (200, "packed"));
    assert_eq!(result.header("content-disposition"), "attachment; filename=Triage.ps1.json.gz");
    assert_eq!(result.header("content-type"), "application/gzip");
    let none = world.get(&format!("{path}/GetLiveResponseResultDownloadLink(index=0)")).await;
    assert_eq!(none.error(), (404, "ResourceNotFound".to_owned()), "a file that was put has no result");

    let all = world.all().await;
    let deleted = world.send("DELETE", "/api/libraryfiles/Triage.ps1", Some(&all), "").await;
    assert_eq!((deleted.status.as_u16(), deleted.text()), (204, ""));
    let missing = world.send("DELETE", "/api/libraryfiles/Triage.ps1", Some(&all), "").await;
    assert_eq!(missing.error(), (404, "ResourceNotFound".to_owned()));
}

#[tokio::test]
async fn an_action_is_cancelled_by_who_may_ask_for_it() {
    let (world, mut sensor) = world().await;
    let action = ask(&world, "isolate", json!({"Comment": "c"})).await;
    let path = format!("/api/machineactions/{}/cancel", action["id"].as_str().unwrap());
    let scanner = world.token(world.one, &[model::Permission::MachineScan]).await;
    let refused = world.send("POST", &path, Some(&scanner), r#"{"Comment":"no"}"#).await;
    assert_eq!(refused.error(), (403, "Forbidden".to_owned()));
    let cancelled = world.post(&path, r#"{"Comment":"not needed"}"#).await.ok();
    assert_eq!(
        (&cancelled["status"], &cancelled["cancellationComment"]),
        (&json!("Cancelled"), &json!("not needed"))
    );
    assert_eq!(cancelled["cancellationRequestor"], "analyst app");
    assert!(cancelled["cancellationDateTimeUtc"].is_string());
    assert_eq!(world.post(&path, "{}").await.error(), (400, "InvalidInput".to_owned()));
    assert!(sensor.work(&world, Outcome::succeeded("")).await.is_empty());
}

#[tokio::test]
async fn an_action_that_the_device_does_not_answer_times_out() {
    let (world, sensor) = world().await;
    let action = ask(&world, "isolate", json!({"Comment": "c", "DeadlineSeconds": 60})).await;
    let command = sensor.poll(&world).await.remove(0);
    world.clock.advance(61);
    world.state.actions.tick().await.unwrap();
    assert_eq!(status(&world, &action).await, "TimeOut");
    // What is said too late changes nothing.
    sensor.say(&world, &command, Outcome::succeeded("")).await;
    assert_eq!(status(&world, &action).await, "TimeOut");
}

#[tokio::test]
async fn an_investigation_runs_on_the_device() {
    let (world, mut sensor) = world().await;
    let machine = id(&world);
    let body = r#"{"Comment":"c","TriggeringAlertId":"da1_1"}"#;
    let started = world.post(&format!("/api/machines/{machine}/startInvestigation"), body).await;
    assert_eq!(started.status, 201, "{}", started.text());
    assert_eq!((&started.json()["id"], &started.json()["state"]), (&json!("1"), &json!("Queued")));
    sensor.work(&world, Outcome::succeeded("looked")).await;
    for path in ["/api/investigations/1", "/api/investigations/da1_1"] {
        let read = world.get(path).await.ok();
        assert_eq!((&read["state"], &read["machineId"]), (&json!("Benign"), &json!(machine)));
        assert!(read["endTime"].is_string());
    }
    let number = world.post(&format!("/api/machines/{machine}/InitiateInvestigation"), body).await.ok();
    assert_eq!(number["value"], 2);
    let filter = "$filter=state%20eq%20'Queued'%20and%20machineId%20eq%20";
    let list = world.get(&format!("/api/investigations?{filter}'{machine}'")).await.ok();
    assert_eq!(list["value"][0]["id"], "2");
    assert_eq!(world.get("/api/investigations/99").await.error(), (404, "ResourceNotFound".to_owned()));
}
