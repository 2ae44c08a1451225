//! A server without a network: two tenants, their devices and alerts, and a clock that tests set.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use actions::{Actions, Limits};
use api::{ApiConfig, ApiService, ApiState, StoreCatalog, WebhookKeeper};
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, HeaderMap};
use axum::http::{Request, StatusCode};
use futures::future::BoxFuture;
use identity::{Form, Issuer, IssuerConfig, SealingKey, Secret, TokenVersion};
use lake::{FolderDisk, Lake, LakeConfig, Parts};
use model::access::{DeviceGroup, GrantScope};
use model::alert::{Alert, AlertEvidence, AlertStatus, EntityType, Severity};
use model::machine::Machine;
use model::permission::PERMISSIONS;
use model::role::RolePermission;
use model::{AlertId, AppId, Clock, DeviceId, Permission, TenantId, Ticks};
use query::{Engine, EngineConfig};
use serde_json::Value;
use store::{AppSignIn, RaisedAlert, Store, UserGroup};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tower::ServiceExt;
use uuid::Uuid;
use webhooks::{Post, Posted, Webhooks};

pub const BASE: &str = "https://bartizan.example:8443";
pub const RESOURCE: &str = "https://api.securitycenter.microsoft.com";
pub const ROW: &str =
    r#"{"Timestamp":"2024-05-06T07:00:00Z","DeviceName":"pc1.contoso.example","ActionType":"Test"}"#;

pub struct World {
    pub service: ApiService,
    pub store: Store,
    pub lake: Lake,
    pub issuer: Arc<Issuer>,
    pub clock: Arc<TestClock>,
    /// What webhooks sent.
    pub outbox: Arc<Outbox>,
    pub state: ApiState,
    pub one: TenantId,
    pub two: TenantId,
    /// Consented apps by tenant and permissions.
    tokens: Mutex<HashMap<(TenantId, Vec<Permission>), String>>,
    _folder: TempDir,
}

pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, seconds: i64) {
        self.0.store(self.now().plus_seconds(seconds).0, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Ticks {
        Ticks(self.0.load(Ordering::SeqCst))
    }
}

/// Takes every message for hosts of `.example`.
#[derive(Default)]
pub struct Outbox(pub std::sync::Mutex<Vec<Posted>>);

impl Post for Outbox {
    fn check(&self, url: &str) -> Result<(), String> {
        match url.contains(".example") {
            true => Ok(()),
            false => Err("the address is not public".to_owned()),
        }
    }

    fn post(&self, message: Posted) -> BoxFuture<'_, Result<u16, String>> {
        self.0.lock().unwrap().push(message);
        Box::pin(async { Ok(204) })
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and `error.code`, after checking the form of the envelope.
    #[track_caller]
    pub fn error(&self) -> (u16, String) {
        let json = self.json();
        let error = &json["error"];
        let target = error["target"].as_str().unwrap();
        assert_eq!(target.len(), 36, "{json}");
        assert_eq!(self.header("x-request-id"), target);
        assert!(!error["message"].as_str().unwrap().is_empty(), "{json}");
        (self.status.as_u16(), error["code"].as_str().unwrap().to_owned())
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }
}

impl World {
    pub async fn start() -> World {
        World::start_with(|_| {}).await
    }

    pub async fn start_with(configure: impl FnOnce(&mut ApiConfig)) -> World {
        World::start_on(EngineConfig::default(), configure).await
    }

    pub async fn start_on(engine: EngineConfig, configure: impl FnOnce(&mut ApiConfig)) -> World {
        let folder = tempfile::tempdir().unwrap();
        let now = Ticks::parse("2024-05-06T08:00:00Z").unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(now.plus_seconds(-1).0)));
        let store = Store::open(&folder.path().join("state.db")).await.unwrap();
        let names = AtomicU64::new(0);
        let lake = Lake::open(Parts {
            config: LakeConfig::default(),
            catalog: Arc::new(StoreCatalog(store.clone())),
            files: lake::Files::local(folder.path().join("files")).unwrap(),
            disk: Arc::new(FolderDisk::open(folder.path().join("log")).unwrap()),
            clock: clock.clone(),
            new_name: Box::new(move || format!("{:08}", names.fetch_add(1, Ordering::Relaxed))),
        });
        let lake = lake.await.unwrap();
        let issuer =
            Issuer::open(store.clone(), SealingKey::new([7; 32]), IssuerConfig::new(BASE), clock.clone());
        let issuer = Arc::new(issuer.await.unwrap());
        let one = issuer.create_tenant("Contoso", "contoso.example").await.unwrap().id;
        // The first tenant is the oldest.
        clock.advance(1);
        let two = issuer.create_tenant("Fabrikam", "fabrikam.example").await.unwrap().id;
        let files = Some((lake::object_store_url(), lake.object_store()));
        let engine = Arc::new(Engine::new(engine, files).unwrap());
        let mut config = ApiConfig::new(BASE);
        configure(&mut config);
        let keys = actions::KeyRing::open(folder.path().join("channel.key")).unwrap();
        let limits = Limits { poll_wait: Duration::ZERO, ..Limits::default() };
        let uploads = folder.path().join("actions");
        let actions = Actions::new(store.clone(), clock.clone(), keys, uploads, limits);
        let keeper = Arc::new(WebhookKeeper::new(issuer.clone(), clock.clone()));
        let outbox = Arc::new(Outbox::default());
        let webhooks =
            Webhooks::new(store.clone(), clock.clone(), outbox.clone(), keeper, webhooks::Limits::default());
        let state = ApiState {
            ingest_threads: tokio::runtime::Handle::current(),
            actions,
            webhooks,
            store: store.clone(),
            lake: lake.clone(),
            issuer: issuer.clone(),
            engine,
            clock: clock.clone(),
            config,
            readiness: Arc::new(|| Ok(())),
        };
        let service = api::service(state.clone());
        let tokens = Mutex::default();
        World { service, store, lake, issuer, clock, outbox, state, one, two, tokens, _folder: folder }
    }

    /// A token of an app with exactly these permissions, made at the first call.
    pub async fn token(&self, tenant: TenantId, permissions: &[Permission]) -> String {
        let mut tokens = self.tokens.lock().await;
        let key = (tenant, permissions.to_vec());
        if let Some(token) = tokens.get(&key) {
            return token.clone();
        }
        let (app, secret) = self.issuer.register_app(tenant, "analyst app", permissions).await.unwrap();
        self.issuer.consent(tenant, app, "admin").await.unwrap();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &app.to_string()),
            ("client_secret", secret.expose()),
            ("resource", RESOURCE),
        ];
        let form = Form::from_pairs(form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        let answer = self.issuer.token(&tenant.to_string(), TokenVersion::V1, &form, None).await.unwrap();
        let token = answer.access_token.expose().to_owned();
        tokens.insert(key, token.clone());
        token
    }

    /// The first tenant's app with a grant of all permissions that is bounded, and a token of it.
    pub async fn bounded_app(&self, scope: &GrantScope) -> (AppId, String) {
        let (app, secret) =
            self.issuer.register_app(self.one, "bounded app", &all_permissions()).await.unwrap();
        self.issuer.consent(self.one, app, "admin").await.unwrap();
        self.store.tenant(self.one).put_grant_scope(app, scope).await.unwrap();
        (app, self.app_token(&self.issuer, app, secret.expose(), RESOURCE).await)
    }

    /// A token of an app of the first tenant, by any issuer over the same store.
    pub async fn app_token(&self, issuer: &Issuer, app: AppId, secret: &str, resource: &str) -> String {
        let app = app.to_string();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", app.as_str()),
            ("client_secret", secret),
            ("resource", resource),
        ];
        let form = Form::from_pairs(form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        let answer = issuer.token(&self.one.to_string(), TokenVersion::V1, &form, None).await.unwrap();
        answer.access_token.expose().to_owned()
    }

    /// A user of the first tenant, and a token by which an app with every delegated permission acts for him.
    pub async fn user(&self, name: &str, is_administrator: bool) -> (Uuid, String) {
        let delegated: Vec<Permission> =
            PERMISSIONS.iter().filter(|d| d.delegated.is_some()).map(|d| d.permission).collect();
        let (user, _, token) = self.user_by_app(name, is_administrator, &delegated).await;
        (user, token)
    }

    /// The same by an app that has these delegated permissions, and that app.
    pub async fn user_by_app(
        &self,
        name: &str,
        is_administrator: bool,
        delegated: &[Permission],
    ) -> (Uuid, AppId, String) {
        let password = Secret::new("correct horse battery".into());
        let (issuer, tenant) = (&self.issuer, self.one);
        let user = issuer.create_user(tenant, name, name, password, is_administrator).await.unwrap();
        let (app, token) = self.portal(name, delegated).await;
        (user.id, app, token)
    }

    /// A new app with these delegated permissions, and a token by which it acts for a user who is there.
    pub async fn portal(&self, name: &str, delegated: &[Permission]) -> (AppId, String) {
        let password = Secret::new("correct horse battery".into());
        let (issuer, tenant) = (&self.issuer, self.one);
        let (id, _) = issuer.register_app(tenant, "portal", &[]).await.unwrap();
        let how = AppSignIn { is_public: true, takes_passwords: true, ..AppSignIn::default() };
        issuer.set_sign_in(tenant, id, delegated, how).await.unwrap();
        issuer.consent_delegated(tenant, id, None, "admin").await.unwrap();
        let (app, scope) = (id.to_string(), format!("{RESOURCE}/.default"));
        let form = [
            ("grant_type", "password"),
            ("client_id", app.as_str()),
            ("username", name),
            ("password", password.expose()),
            ("scope", scope.as_str()),
        ];
        let form = Form::from_pairs(form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        let answer = issuer.token(&tenant.to_string(), TokenVersion::V2, &form, None).await.unwrap();
        (id, answer.access_token.expose().to_owned())
    }

    /// Gives a user a role of these permissions for the device group of one device. Other devices are of others.
    pub async fn give_role(&self, user: Uuid, permissions: &[RolePermission], device: &str) {
        let store = self.store.tenant(self.one);
        let id = Uuid::new_v4();
        let group = UserGroup { id, name: id.to_string(), description: String::new() };
        store.create_user_group(&group).await.unwrap();
        store.add_members(id, &[user]).await.unwrap();
        let (role, description) = (id.to_string(), String::new());
        let permissions = permissions.to_vec();
        let role = store::Role { id: role.clone(), name: role, description, permissions };
        store.create_role(&role).await.unwrap();
        store.assign_role(&role.id, &[id]).await.unwrap();
        let others = UserGroup { id: Uuid::new_v4(), name: format!("not {id}"), ..group };
        store.create_user_group(&others).await.unwrap();
        store.set_unassigned_access(&[others.id]).await.unwrap();
        self.device_group(&id.to_string(), device, &[id]).await;
        self.issuer.forget(self.one);
    }

    /// The entries of the first tenant's audit log.
    pub async fn audit_log(&self) -> Vec<Value> {
        let records = self.store.tenant(self.one).audit_records(0, 10_000).await.unwrap();
        records.iter().map(|record| serde_json::from_str(&record.entry).unwrap()).collect()
    }

    /// A device group of the first tenant for one device name; its id.
    pub async fn device_group(&self, name: &str, device: &str, user_groups: &[Uuid]) -> i64 {
        let condition = serde_json::json!([{ "property": "name", "operator": "equals", "values": [device] }]);
        let group = DeviceGroup {
            id: 0,
            name: name.to_owned(),
            description: String::new(),
            rank: 1,
            rule: serde_json::from_value(condition).unwrap(),
            user_groups: user_groups.to_vec(),
        };
        let store = self.store.tenant(self.one);
        let group = store.create_device_group(&group).await.unwrap();
        assert!(store.regroup(500, 100).await.unwrap());
        group.id
    }

    /// Tokens made until now are not handed out any more.
    pub async fn forget_tokens(&self) {
        self.tokens.lock().await.clear();
    }

    /// A token of the first tenant that permits everything.
    pub async fn all(&self) -> String {
        self.token(self.one, &all_permissions()).await
    }

    pub async fn request(&self, request: Request<Body>) -> Reply {
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub async fn send(&self, method: &str, path: &str, token: Option<&str>, body: impl Into<Body>) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.request(request.body(body.into()).unwrap()).await
    }

    /// As an app of the first tenant that may do everything.
    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, Some(&self.all().await), Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Reply {
        self.send("POST", path, Some(&self.all().await), body).await
    }

    pub async fn patch(&self, path: &str, body: impl Into<Body>) -> Reply {
        self.send("PATCH", path, Some(&self.all().await), body).await
    }

    pub async fn hunt(&self, query: &str) -> Value {
        let body = serde_json::json!({ "Query": query }).to_string();
        self.post("/api/advancedqueries/run", body).await.ok()
    }

    /// Takes every event of the first tenant into its profiles.
    pub async fn follow(&self) {
        let mut read = self.lake.tenant(self.one).read_after(0, 10_000, usize::MAX);
        let mut batches = Vec::new();
        while let Some(batch) = read.next().await.unwrap() {
            batches.push(batch);
        }
        let store = self.store.tenant(self.one);
        let from = profiles::position(&store).await.unwrap();
        profiles::follow(&store, batches, from, read.position()).await.unwrap();
    }

    /// Rows of the first tenant's table, as hunting counts them.
    pub async fn row_count(&self, table: &str) -> i64 {
        self.hunt(&format!("{table} | count")).await["Results"][0]["Count"].as_i64().unwrap()
    }

    /// Machines `pc0`, `pc1`... of the first tenant.
    pub async fn add_machines(&self, count: usize) {
        let machines: Vec<Machine> =
            (0..count).map(|at| self.machine(&format!("pc{at}.contoso.example"))).collect();
        self.store.tenant(self.one).commit_machines("test", 1, &machines).await.unwrap();
    }

    pub fn machine(&self, name: &str) -> Machine {
        let id = DeviceId::from_name(self.one, name);
        Machine { computer_dns_name: Some(name.to_owned()), ..Machine::new(id, self.clock.now()) }
    }

    /// Alerts `da0_1`, `da1_1`... of the first tenant, about its device `pc0`; the later ones are newer.
    pub async fn add_alerts(&self, count: usize) {
        for at in 0..count {
            let alert = self.alert(at);
            let raised = RaisedAlert { rule_id: alert.id.0.clone(), alert, report_id: Some(4711) };
            self.store.tenant(self.one).commit_alerts("test", 1, &[raised], 0).await.unwrap();
        }
    }

    pub fn alert(&self, at: usize) -> Alert {
        let time = Ticks::parse("2024-05-06T07:00:00Z").unwrap().plus_seconds(at as i64);
        let severities = [Severity::Low, Severity::Medium, Severity::High];
        Alert {
            id: AlertId(format!("da{at}_1")),
            incident_id: None,
            investigation_id: None,
            assigned_to: None,
            severity: severities[at % 3],
            status: AlertStatus::New,
            classification: None,
            determination: None,
            investigation_state: None,
            detection_source: "CustomDetection".to_owned(),
            detector_id: None,
            category: "Execution".to_owned(),
            threat_family_name: None,
            title: format!("Alert {at}"),
            description: "Something happened.".to_owned(),
            alert_creation_time: time,
            first_event_time: Some(time),
            last_event_time: Some(time),
            last_update_time: time,
            resolved_time: None,
            machine_id: DeviceId::from_name(self.one, "pc0.contoso.example"),
            computer_dns_name: Some("pc0.contoso.example".to_owned()),
            rbac_group_name: None,
            aad_tenant_id: self.one,
            threat_name: None,
            recommended_action: None,
            mitre_techniques: vec!["T1059".to_owned()],
            related_user: None,
            comments: Vec::new(),
            evidence: vec![AlertEvidence {
                file_name: Some("a.exe".to_owned()),
                ..AlertEvidence::new(EntityType::File)
            }],
        }
    }
}

pub fn all_permissions() -> Vec<Permission> {
    PERMISSIONS.iter().map(|declared| declared.permission).collect()
}
