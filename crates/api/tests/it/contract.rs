//! Every method of the compatible API that there is: which route it is, what it demands, and a call of it that is made
//! here and has to be answered as documented.

use std::collections::BTreeMap;
use std::fmt::Write;

use api::{Access, Gives, RouteDeclaration, Routes};
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use expect_test::expect_file;
use model::Permission;
use model::permission::PERMISSIONS;
use odata::EntityType;
use sensor_proto::Outcome;
use serde_json::{Value, json};

use crate::actions::{self, PC};
use crate::sensor::Sensor;
use crate::world::{Reply, World};

/// One documented method, and a call of it.
pub struct Method {
    pub group: &'static str,
    /// The method and path as [`Routes`] declares them.
    pub route: (&'static str, &'static str),
    /// What is called: `{machine}` and so on stand for what the world has.
    call: &'static str,
    body: &'static str,
    /// The status that is documented for a good answer.
    status: u16,
    /// The application permissions that are documented, each of which is enough; none where any token is.
    pub permissions: &'static [&'static str],
}

const fn get(
    group: &'static str,
    path: &'static str,
    call: &'static str,
    permissions: &'static [&'static str],
) -> Method {
    Method { group, route: ("GET", path), call, body: "", status: 200, permissions }
}

const fn post(
    group: &'static str,
    path: &'static str,
    (call, body): (&'static str, &'static str),
    status: u16,
    permissions: &'static [&'static str],
) -> Method {
    Method { group, route: ("POST", path), call, body, status, permissions }
}

const fn patch(
    group: &'static str,
    path: &'static str,
    (call, body): (&'static str, &'static str),
    permissions: &'static [&'static str],
) -> Method {
    Method { group, route: ("PATCH", path), call, body, status: 200, permissions }
}

const fn delete(
    group: &'static str,
    path: &'static str,
    call: &'static str,
    permissions: &'static [&'static str],
) -> Method {
    Method { group, route: ("DELETE", path), call, body: "", status: 204, permissions }
}

const ALERTS: &[&str] = &["Alert.Read.All", "Alert.ReadWrite.All"];
const ALERTS_WRITE: &[&str] = &["Alert.ReadWrite.All"];
const MACHINES: &[&str] = &["Machine.Read.All", "Machine.ReadWrite.All"];
const MACHINES_WRITE: &[&str] = &["Machine.ReadWrite.All"];
const INCIDENTS: &[&str] = &["Incident.Read.All", "Incident.ReadWrite.All"];
const GRAPH_ALERTS: &[&str] = &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"];
const GRAPH_INCIDENTS: &[&str] = &["SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All"];
const FILES: &[&str] = &["File.Read.All"];
const IPS: &[&str] = &["Ip.Read.All"];
const URLS: &[&str] = &["URL.Read.All"];
const USERS: &[&str] = &["User.Read.All"];
const INDICATORS: &[&str] = &["Ti.ReadWrite", "Ti.ReadWrite.All"];
const LIBRARY: &[&str] = &["Library.Manage"];

const QUERY: &str = r#"{"Query":"DeviceEvents | count"}"#;
const COMMENT: &str = r#"{"Comment":"c"}"#;

/// In the order in which they are called: those that end something come last.
pub static METHODS: &[Method] = &[
    get("Alerts", "/api/alerts", "/api/alerts?$top=1", ALERTS),
    get("Alerts", "/api/alerts/{id}", "/api/alerts/{alert}", ALERTS),
    patch(
        "Alerts",
        "/api/alerts/{id}",
        (
            "/api/alerts/{alert}",
            r#"{"status":"InProgress","assignedTo":"ada@contoso.example","classification":"TruePositive","determination":"Malware","comment":"seen"}"#,
        ),
        ALERTS_WRITE,
    ),
    post(
        "Alerts",
        "/api/alerts/batchUpdate",
        ("/api/alerts/batchUpdate", r#"{"alertIds":["{alert}"],"status":"New"}"#),
        200,
        ALERTS_WRITE,
    ),
    post(
        "Alerts",
        "/api/alerts/createAlertByReference",
        (
            "/api/alerts/CreateAlertByReference",
            r#"{"machineId":"{machine}","severity":"Low","title":"odd","description":"d","recommendedAction":"none","eventTime":"2024-05-06T07:00:00Z","reportId":"20776","category":"Exploit"}"#,
        ),
        200,
        ALERTS_WRITE,
    ),
    get("Alerts", "/api/alerts/{id}/domains", "/api/alerts/{alert}/domains", URLS),
    get("Alerts", "/api/alerts/{id}/files", "/api/alerts/{alert}/files", FILES),
    get("Alerts", "/api/alerts/{id}/ips", "/api/alerts/{alert}/ips", IPS),
    get("Alerts", "/api/alerts/{id}/machine", "/api/alerts/{alert}/machine", MACHINES),
    get("Alerts", "/api/alerts/{id}/user", "/api/alerts/{referenced}/user", USERS),
    get("Machines", "/api/machines", "/api/machines?$filter=startswith(computerDnsName,'pc')", MACHINES),
    get("Machines", "/api/machines/{id}", "/api/machines/{machine}", MACHINES),
    get("Machines", "/api/machines/{id}/logonusers", "/api/machines/{machine}/logonusers", USERS),
    get("Machines", "/api/machines/{id}/alerts", "/api/machines/{machine}/alerts", ALERTS),
    get("Machines", "/api/machines/{id}/alerts/$count", "/api/machines/{machine}/alerts/$count", ALERTS),
    post(
        "Machines",
        "/api/machines/{id}/tags",
        ("/api/machines/{machine}/tags", r#"{"Value":"vip","Action":"Add"}"#),
        200,
        MACHINES_WRITE,
    ),
    post(
        "Machines",
        "/api/machines/addOrRemoveTagForMultipleMachines",
        (
            "/api/machines/AddOrRemoveTagForMultipleMachines",
            r#"{"Value":"vip","Action":"Add","MachineIds":["{machine}"]}"#,
        ),
        200,
        MACHINES_WRITE,
    ),
    get(
        "Machines",
        "/api/machines/findbyip()",
        "/api/machines/findbyip(ip='10.0.0.5',timestamp=2024-05-06T07:00:00Z)",
        MACHINES,
    ),
    get(
        "Machines",
        "/api/machines/find()",
        "/api/machines/find(timestamp=2024-05-06T07:00:00Z,key='10.0.0.5')",
        MACHINES,
    ),
    get(
        "Machines",
        "/api/machines/findbytag",
        "/api/machines/findbytag?tag=vip&useStartsWithFilter=true",
        MACHINES,
    ),
    post(
        "Machines",
        "/api/machines/{id}/setDeviceValue",
        ("/api/machines/{machine}/setDeviceValue", r#"{"DeviceValue":"High"}"#),
        200,
        MACHINES_WRITE,
    ),
    patch(
        "Machines",
        "/api/machines/{id}",
        ("/api/machines/{machine}", r#"{"machineTags":["vip"],"deviceValue":"Normal"}"#),
        MACHINES_WRITE,
    ),
    get("Machines", "/testwdatppreview/machinegroups", "/testwdatppreview/machinegroups", &[]),
    get(
        "Machines",
        "/testwdatppreview/machinesecuritystates",
        "/testwdatppreview/machinesecuritystates?$top=1",
        &[],
    ),
    get("Machine actions", "/api/machineactions", "/api/machineactions?$top=1", MACHINES),
    get("Machine actions", "/api/machineactions/{id}", "/api/machineactions/{package}", MACHINES),
    post(
        "Machine actions",
        "/api/machines/{id}/collectInvestigationPackage",
        ("/api/machines/{machine}/collectInvestigationPackage", COMMENT),
        201,
        &["Machine.CollectForensics"],
    ),
    get(
        "Machine actions",
        "/api/machineactions/{id}/getPackageUri",
        "/api/machineactions/{package}/getPackageUri",
        MACHINES,
    ),
    post(
        "Machine actions",
        "/api/machines/{id}/isolate",
        ("/api/machines/{machine}/isolate", r#"{"Comment":"c","IsolationType":"Full"}"#),
        201,
        &["Machine.Isolate"],
    ),
    post(
        "Machine actions",
        "/api/machines/{id}/unisolate",
        ("/api/machines/{machine}/unisolate", COMMENT),
        201,
        &["Machine.Isolate"],
    ),
    post(
        "Machine actions",
        "/api/machines/{id}/restrictCodeExecution",
        ("/api/machines/{machine}/restrictCodeExecution", COMMENT),
        201,
        &["Machine.RestrictExecution"],
    ),
    post(
        "Machine actions",
        "/api/machines/{id}/unrestrictCodeExecution",
        ("/api/machines/{machine}/unrestrictCodeExecution", COMMENT),
        201,
        &["Machine.RestrictExecution"],
    ),
    post(
        "Machine actions",
        "/api/machines/{id}/runAntiVirusScan",
        ("/api/machines/{machine}/runAntiVirusScan", r#"{"Comment":"c","ScanType":"Full"}"#),
        201,
        &["Machine.Scan"],
    ),
    post(
        "Machine actions",
        "/api/machines/{id}/stopAndQuarantineFile",
        ("/api/machines/{machine}/StopAndQuarantineFile", r#"{"Comment":"c","Sha1":"{sha1}"}"#),
        201,
        &["Machine.StopAndQuarantine"],
    ),
    post(
        "Live response",
        "/api/machines/{id}/runliveresponse",
        (
            "/api/machines/{machine}/runliveresponse",
            r#"{"Comment":"c","Commands":[{"type":"GetFile","params":[{"key":"Path","value":"C:\\a.txt"}]}]}"#,
        ),
        201,
        &["Machine.LiveResponse"],
    ),
    get(
        "Live response",
        "/api/machineactions/{id}/GetLiveResponseResultDownloadLink()",
        "/api/machineactions/{response}/GetLiveResponseResultDownloadLink(index=0)",
        MACHINES,
    ),
    get("Live response", "/api/libraryfiles", "/api/libraryfiles", LIBRARY),
    post(
        "Live response",
        "/api/libraryfiles",
        (
            "/api/libraryfiles",
            "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.ps1\"\r\n\r\necho 1\r\n--B--\r\n",
        ),
        200,
        LIBRARY,
    ),
    delete("Live response", "/api/libraryfiles/{fileName}", "/api/libraryfiles/a.ps1", LIBRARY),
    post(
        "Automated investigations",
        "/api/machines/{id}/startInvestigation",
        ("/api/machines/{machine}/startInvestigation", COMMENT),
        201,
        ALERTS_WRITE,
    ),
    get("Automated investigations", "/api/investigations", "/api/investigations", ALERTS),
    get(
        "Automated investigations",
        "/api/investigations/{id}",
        "/api/investigations/{investigation}",
        ALERTS,
    ),
    post(
        "Automated investigations",
        "/api/machines/{id}/InitiateInvestigation",
        ("/api/machines/{machine}/InitiateInvestigation", COMMENT),
        200,
        ALERTS_WRITE,
    ),
    get("Files", "/api/files/{id}", "/api/files/{sha1}", FILES),
    get("Files", "/api/files/{id}/stats", "/api/files/{sha1}/stats?lookBackHours=48", FILES),
    get("Files", "/api/files/{id}/alerts", "/api/files/{sha1}/alerts", ALERTS),
    get("Files", "/api/files/{id}/machines", "/api/files/{sha1}/machines", MACHINES),
    get("IPs", "/api/ips/{ip}", "/api/ips/203.0.113.9", IPS),
    get("IPs", "/api/ips/{ip}/stats", "/api/ips/203.0.113.9/stats", IPS),
    get("IPs", "/api/ips/{ip}/alerts", "/api/ips/203.0.113.9/alerts", ALERTS),
    get("IPs", "/api/ips/{ip}/machines", "/api/ips/203.0.113.9/machines", MACHINES),
    get("Domains", "/api/domains/{domain}", "/api/domains/fabrikam.example", URLS),
    get("Domains", "/api/domains/{domain}/stats", "/api/domains/fabrikam.example/stats", URLS),
    get("Domains", "/api/domains/{domain}/alerts", "/api/domains/fabrikam.example/alerts", ALERTS),
    get("Domains", "/api/domains/{domain}/machines", "/api/domains/fabrikam.example/machines", MACHINES),
    get("Users", "/api/users/{id}", "/api/users/ada", USERS),
    get("Users", "/api/users/{id}/alerts", "/api/users/ada/alerts", ALERTS),
    get("Users", "/api/users/{id}/machines", "/api/users/ada/machines", MACHINES),
    get("Indicators", "/api/indicators", "/api/indicators", INDICATORS),
    post(
        "Indicators",
        "/api/indicators",
        (
            "/api/indicators",
            r#"{"indicatorValue":"a.example","indicatorType":"DomainName","action":"Alert","title":"t","description":"d"}"#,
        ),
        200,
        INDICATORS,
    ),
    post(
        "Indicators",
        "/api/indicators/import",
        (
            "/api/indicators/import",
            r#"{"Indicators":[{"indicatorValue":"b.example","indicatorType":"DomainName","action":"Alert","title":"t","description":"d"}]}"#,
        ),
        200,
        INDICATORS,
    ),
    delete("Indicators", "/api/indicators/{id}", "/api/indicators/{indicator}", INDICATORS),
    post(
        "Indicators",
        "/api/indicators/batchDelete",
        ("/api/indicators/BatchDelete", r#"{"IndicatorIds":["{indicator}"]}"#),
        204,
        INDICATORS,
    ),
    post(
        "Advanced hunting",
        "/api/advancedqueries/run",
        ("/api/advancedqueries/run", QUERY),
        200,
        &["AdvancedQuery.Read.All"],
    ),
    get(
        "Advanced hunting",
        "/api/advancedqueries",
        "/api/advancedqueries?key=DeviceEvents",
        &["AdvancedQuery.Read.All"],
    ),
    post(
        "Defender XDR",
        "/api/advancedhunting/run",
        ("/api/advancedhunting/run", QUERY),
        200,
        &["AdvancedHunting.Read.All"],
    ),
    post(
        "Graph security",
        "/v1.0/security/runHuntingQuery",
        ("/v1.0/security/runHuntingQuery", QUERY),
        200,
        &["ThreatHunting.Read.All"],
    ),
    get("Defender XDR", "/api/incidents", "/api/incidents", INCIDENTS),
    get("Defender XDR", "/api/incidents/{id}", "/api/incidents/1", INCIDENTS),
    patch(
        "Defender XDR",
        "/api/incidents/{id}",
        ("/api/incidents/1", r#"{"status":"Active","tags":["t"]}"#),
        &["Incident.ReadWrite.All"],
    ),
    get("Graph security", "/v1.0/security/alerts_v2", "/v1.0/security/alerts_v2?$top=1", GRAPH_ALERTS),
    get("Graph security", "/v1.0/security/alerts_v2/{id}", "/v1.0/security/alerts_v2/{alert}", GRAPH_ALERTS),
    patch(
        "Graph security",
        "/v1.0/security/alerts_v2/{id}",
        ("/v1.0/security/alerts_v2/{alert}", r#"{"status":"inProgress"}"#),
        &["SecurityAlert.ReadWrite.All"],
    ),
    post(
        "Graph security",
        "/v1.0/security/alerts_v2/{id}/comments",
        ("/v1.0/security/alerts_v2/{alert}/comments", r#"{"comment":"seen"}"#),
        200,
        &["SecurityAlert.ReadWrite.All"],
    ),
    get(
        "Graph security",
        "/v1.0/security/incidents",
        "/v1.0/security/incidents?$expand=alerts",
        GRAPH_INCIDENTS,
    ),
    get("Graph security", "/v1.0/security/incidents/{id}", "/v1.0/security/incidents/1", GRAPH_INCIDENTS),
    patch(
        "Graph security",
        "/v1.0/security/incidents/{id}",
        ("/v1.0/security/incidents/1", r#"{"status":"active"}"#),
        &["SecurityIncident.ReadWrite.All"],
    ),
    post(
        "Graph security",
        "/v1.0/security/incidents/{id}/comments",
        ("/v1.0/security/incidents/1/comments", r#"{"comment":"seen"}"#),
        200,
        &["SecurityIncident.ReadWrite.All"],
    ),
    get(
        "Antivirus device health",
        "/api/deviceavinfo",
        "/api/deviceavinfo?pageSize=10",
        &["Machine.Read.All"],
    ),
    get(
        "SIEM (retired)",
        "/exporter/api/alerts",
        "/exporter/api/alerts?limit=20&sinceTimeUtc=2024-05-06T07:00:00Z",
        &[],
    ),
    get("Metadata", "/api/$metadata", "/api/$metadata", &[]),
    get("Metadata", "/api", "/api", &[]),
    get("Streaming", "/api/dataexportsettings", "/api/dataexportsettings", &[]),
    // Nothing streams yet, and these say so.
    post(
        "Streaming",
        "/api/dataexportsettings",
        ("/api/dataexportsettings", r#"{"id":"archive","logs":[]}"#),
        400,
        &[],
    ),
    Method {
        group: "Streaming",
        route: ("DELETE", "/api/dataexportsettings/{id}"),
        call: "/api/dataexportsettings/archive",
        body: "",
        status: 404,
        permissions: &[],
    },
    post(
        "Machine actions",
        "/api/machineactions/{id}/cancel",
        ("/api/machineactions/{open}/cancel", COMMENT),
        200,
        &["Machine.Isolate"],
    ),
    post(
        "Machine actions",
        "/api/machines/{id}/offboard",
        ("/api/machines/{machine}/offboard", COMMENT),
        200,
        &["Machine.Offboard"],
    ),
];

const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";

impl Method {
    /// What is declared of its route.
    pub fn declared<'r>(&self, routes: &'r Routes) -> Option<&'r RouteDeclaration> {
        let (method, path) = self.route;
        routes.declared().iter().find(|route| route.method == method && route.path == path)
    }
}

/// A world that has one of everything, and the names of those.
struct Furnished {
    world: World,
    sensor: Sensor,
    names: BTreeMap<&'static str, String>,
}

impl Furnished {
    async fn new() -> Furnished {
        let (world, sensor) = actions::world().await;
        let event = json!({
            "Timestamp": "2024-05-06T07:00:00Z", "DeviceName": PC, "ActionType": "ConnectionSuccess",
            "RemoteIP": "203.0.113.9", "RemoteUrl": "https://cdn.fabrikam.example/a", "LocalIP": "10.0.0.5",
            "ReportId": 20776, "InitiatingProcessSHA1": SHA1, "InitiatingProcessFileName": "updater.exe",
            "InitiatingProcessAccountName": "ada", "InitiatingProcessAccountDomain": "contoso",
        });
        world.post("/api/ingest/DeviceNetworkEvents", format!("{event}\n")).await.ok();
        let scan = json!({
            "Timestamp": "2024-05-06T07:00:00Z", "DeviceName": PC, "ActionType": "AntivirusScanCompleted",
            "AdditionalFields": { "ScanTypeIndex": "Quick" },
        });
        world.post("/api/ingest/DeviceEvents", format!("{scan}\n")).await.ok();
        world.follow().await;
        let windows = model::machine::Machine { os_platform: "Windows11".to_owned(), ..world.machine(PC) };
        world.store.tenant(world.one).commit_machines("test", 2, &[windows]).await.unwrap();
        world.add_alerts(1).await;
        let mut names = BTreeMap::from([
            ("machine", actions::id(&world)),
            ("alert", "da0_1".to_owned()),
            ("sha1", SHA1.to_owned()),
        ]);
        let mut furnished = Furnished { world, sensor, names: BTreeMap::new() };
        names.insert("package", furnished.done("collectInvestigationPackage", COMMENT, "a.zip", None).await);
        let commands =
            r#"{"Comment":"c","Commands":[{"type":"GetFile","params":[{"key":"Path","value":"a"}]}]}"#;
        names.insert("response", furnished.done("runliveresponse", commands, "a.gz", Some(0)).await);
        furnished.names = names;
        furnished
    }

    /// An action that has succeeded with a result.
    async fn done(&mut self, verb: &str, body: &str, name: &str, index: Option<u32>) -> String {
        let world = &self.world;
        let asked = world.post(&format!("/api/machines/{PC}/{verb}"), body.to_owned()).await;
        assert_eq!(asked.status, 201, "{}", asked.text());
        let command = self.sensor.poll(world).await.remove(0);
        let index = index.map(|index| format!("&index={index}")).unwrap_or_default();
        let target = format!("/device/v1/uploads/{}?name={name}{index}", command.id);
        let upload = self.sensor.call(world, "PUT", &target, "packed").await.ok();
        let package = json!({ "name": name, "sha256": upload["sha256"], "bytes": 6 });
        if !index.is_empty() {
            let now = model::Clock::now(&*world.clock);
            let result = json!({ "index": 0, "started": now, "ended": now, "hasFailed": false, "errors": [], "result": package });
            let result = serde_json::from_value(result).unwrap();
            self.sensor.say(world, &command, Outcome::Progress { result }).await;
        }
        let package = serde_json::from_value(package).unwrap();
        let outcome = Outcome::Succeeded { detail: String::new(), package, findings: Vec::new() };
        self.sensor.say(world, &command, outcome).await;
        asked.json()["id"].as_str().unwrap().to_owned()
    }

    fn text(&self, text: &str) -> String {
        self.names
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    async fn call(&self, method: &Method, token: Option<&str>) -> Reply {
        let form = if method.route.1 == "/api/libraryfiles" {
            "multipart/form-data; boundary=B"
        } else {
            "application/json"
        };
        let path = self.text(method.call).replace(' ', "%20");
        let mut request = Request::builder().method(method.route.0).uri(path).header(CONTENT_TYPE, form);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.world.request(request.body(Body::from(self.text(method.body))).unwrap()).await
    }

    /// What a call takes that one before it has taken away, or what an answer names.
    async fn prepare(&mut self, method: &Method) {
        if method.call.contains("{indicator}") || method.body.contains("{indicator}") {
            let body = r#"{"indicatorValue":"c.example","indicatorType":"DomainName","action":"Alert","title":"t","description":"d"}"#;
            let permission = method.permissions[0];
            let token = self.world.token(self.world.one, &[named(permission)]).await;
            let reply = self.world.send("POST", "/api/indicators", Some(&token), body).await;
            self.names.insert("indicator", reply.ok()["id"].as_str().unwrap().to_owned());
        }
        // One that an alert began is over then, and so is what keeps the machine busy.
        if method.call.contains("{open}") || method.call.contains("Investigation") {
            self.sensor.work(&self.world, Outcome::succeeded("")).await;
        }
        if method.call.contains("{open}") {
            let asked = self.world.post(&format!("/api/machines/{PC}/isolate"), COMMENT).await;
            self.names.insert("open", asked.json()["id"].as_str().unwrap().to_owned());
        }
    }
}

fn named(permission: &str) -> Permission {
    let declared = PERMISSIONS.iter().find(|declared| declared.application == permission);
    declared.unwrap_or_else(|| panic!("no permission is called {permission}")).permission
}

/// What is in an entity besides its properties: entities of their own.
const INSIDE: &[&str] = &["alerts", "entities", "devices"];

/// Each property of the entity is there, and nothing else.
fn check_entity(entity: &EntityType, item: &Value, seen: &str) {
    let members = item.as_object().unwrap_or_else(|| panic!("{seen}"));
    for property in entity.properties {
        assert!(members.contains_key(property.name), "{} is missing: {seen}", property.name);
    }
    for name in members.keys().filter(|name| !name.starts_with('@')) {
        assert!(
            entity.property(name).is_some()
                || entity.expands.contains(&name.as_str())
                || INSIDE.contains(&name.as_str()),
            "{name} is not declared: {seen}"
        );
    }
}

fn check_shape(route: &RouteDeclaration, reply: &Reply, seen: &str) {
    match route.gives {
        Gives::One(entity) => {
            let one = reply.json();
            assert!(one["@odata.context"].is_string(), "{seen}");
            check_entity(entity, &one, seen);
        }
        Gives::List(entity) => {
            let list = reply.json();
            assert!(list["@odata.context"].is_string(), "{seen}");
            assert!(list.get("@odata.nextLink").is_none_or(Value::is_string), "{seen}");
            list["value"].as_array().unwrap().iter().for_each(|item| check_entity(entity, item, seen));
        }
        Gives::Count(_) => assert!(reply.text().parse::<u64>().is_ok(), "{seen}"),
        Gives::ListAs(..) | Gives::Example(_) | Gives::Other => {}
    }
}

#[tokio::test]
async fn every_method_is_answered_as_documented_to_whoever_has_the_permission_and_to_nobody_else() {
    let mut furnished = Furnished::new().await;
    let routes = Routes::all();
    let nothing = furnished.world.token(furnished.world.one, &[Permission::ChangeRead]).await;
    for method in METHODS {
        let route = method.declared(&routes).unwrap_or_else(|| panic!("{:?} is not routed", method.route));
        furnished.prepare(method).await;
        let told = format!("{} {}", method.route.0, method.route.1);
        assert_eq!(furnished.call(method, None).await.error(), (401, "Unauthorized".to_owned()), "{told}");
        let refused = furnished.call(method, Some(&nothing)).await;
        match route.access {
            Access::SignedIn => assert_eq!(refused.status, 200, "{told}"),
            // Which of the permissions it takes is known once the action is: it is told apart from none by that.
            _ => assert_eq!(refused.error(), (403, "Forbidden".to_owned()), "{told}"),
        }
        let token = match (method.permissions, route.access) {
            ([first, ..], _) => furnished.world.token(furnished.world.one, &[named(first)]).await,
            ([], Access::Needs(permission)) => {
                furnished.world.token(furnished.world.one, &[permission]).await
            }
            ([], _) => nothing.clone(),
        };
        let reply = furnished.call(method, Some(&token)).await;
        let seen = format!("{told}: {} {}", reply.status, reply.text());
        assert_eq!(reply.status, method.status, "{seen}");
        if reply.status.is_success() {
            check_shape(route, &reply, &seen);
        }
        match method.route.1 {
            "/api/alerts/createAlertByReference" => {
                furnished.names.insert("referenced", reply.json()["id"].as_str().unwrap().to_owned());
            }
            "/api/machines/{id}/startInvestigation" => {
                furnished.names.insert("investigation", reply.json()["id"].as_str().unwrap().to_owned());
                furnished.sensor.work(&furnished.world, Outcome::succeeded("")).await;
            }
            "/api/deviceavinfo" => {
                let health = &reply.json()["value"][0];
                assert_eq!(
                    (&health["quickScanResult"], &health["avIsEngineUpToDate"]),
                    (&json!("Completed"), &json!("Unknown"))
                );
            }
            _ => {}
        }
    }
}

#[test]
fn the_page_of_the_compatible_methods_is_up_to_date() {
    let routes = Routes::all();
    let mut page = String::from(
        "# Methods of the compatible API\n\n\
         Made from the code; a test fails when it is out of date, and another makes each of the calls and looks at the\n\
         answer. What is in none of these groups, or known to be absent, is in [the roadmap](roadmap.md).\n",
    );
    let mut groups: Vec<&str> = METHODS.iter().map(|method| method.group).collect();
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        let _ = write!(
            page,
            "\n## {group}\n\n| method | permission | example | answer |\n| --- | --- | --- | --- |\n"
        );
        for method in METHODS.iter().filter(|method| method.group == group) {
            let route =
                method.declared(&routes).unwrap_or_else(|| panic!("{:?} is not routed", method.route));
            let permission = match route.access {
                Access::Needs(permission) => format!("`{}`", permission.application_name()),
                Access::NeedsOneOf(_) => "that of the action".to_owned(),
                _ => "any token".to_owned(),
            };
            let body =
                if method.body.starts_with('{') { format!("<br>`{}`", method.body) } else { String::new() };
            let (verb, path) = method.route;
            let _ = writeln!(
                page,
                "| `{verb} {path}` | {permission} | `{}`{body} | {} |",
                method.call, method.status
            );
        }
    }
    expect_file!["../../../../docs/compatible-methods.md"].assert_eq(&page);
}
