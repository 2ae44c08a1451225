//! One suite for every database: a test says what holds, [`on_each_database`] runs it on all of them.

mod access;
mod alerts;
mod catalog;
mod changes;
mod devices;
mod equal;
mod hunting_functions;
mod idempotency;
mod identity;
mod incidents;
mod indicators;
mod machine_settings;
mod machines;
mod naive;
mod paging;
mod postgres;
mod profiles;
mod queries;
mod sign_in;
mod tenancy;
mod walking;

use model::alert::{Alert, AlertEvidence, AlertStatus, EntityType, Severity};
use model::machine::Machine;
use model::{AlertId, DeviceId, TenantId, Ticks};
use odata::Limits;
use store::{ALERT_TYPE, MACHINE_TYPE, RaisedAlert, Store};
use tempfile::TempDir;
use uuid::Uuid;

const ONE: TenantId = TenantId(Uuid::from_u128(1));
const TWO: TenantId = TenantId(Uuid::from_u128(2));
const HOUR: i64 = 3_600 * model::time::TICKS_PER_SECOND;

/// A database of its own for one test.
enum Database {
    SqliteFile(TempDir),
    Postgres(postgres::Database),
}

impl Database {
    /// SQLite always, PostgreSQL where there is a server for tests.
    async fn each() -> Vec<Database> {
        let mut each = vec![Database::SqliteFile(tempfile::tempdir().unwrap())];
        each.extend(postgres::Database::create().await.map(Database::Postgres));
        each
    }

    async fn open(&self) -> Store {
        match self {
            Database::SqliteFile(folder) => Store::open(&folder.path().join("state.db")).await.unwrap(),
            Database::Postgres(database) => database.open().await,
        }
    }
}

async fn on_each_database(test: impl AsyncFn(&Database)) {
    for database in Database::each().await {
        test(&database).await;
    }
}

async fn on_each_store(test: impl AsyncFn(Store)) {
    on_each_database(async |database| {
        let store = database.open().await;
        test(store.clone()).await;
        store.close().await;
    })
    .await;
}

/// A time of one day, by its hour.
fn hour(hour: i64) -> Ticks {
    Ticks(Ticks::parse("2024-05-06").unwrap().0 + hour * HOUR)
}

fn device(name: &str) -> DeviceId {
    DeviceId::from_name(ONE, name)
}

fn machine(name: &str) -> Machine {
    Machine { computer_dns_name: Some(name.to_owned()), ..Machine::new(device(name), hour(0)) }
}

/// A new alert about a device, of one event at that hour.
fn alert(id: &str, device_name: &str, severity: Severity, at: i64) -> Alert {
    Alert {
        id: AlertId(id.to_owned()),
        incident_id: Some(7),
        investigation_id: None,
        assigned_to: None,
        severity,
        status: AlertStatus::New,
        classification: None,
        determination: None,
        investigation_state: None,
        detection_source: "CustomDetection".to_owned(),
        detector_id: None,
        category: "Execution".to_owned(),
        threat_family_name: None,
        title: format!("Alert {id}"),
        description: "Something happened.".to_owned(),
        alert_creation_time: hour(at),
        first_event_time: Some(hour(at)),
        last_event_time: Some(hour(at)),
        last_update_time: hour(at),
        resolved_time: None,
        machine_id: device(device_name),
        computer_dns_name: Some(device_name.to_owned()),
        rbac_group_name: None,
        aad_tenant_id: ONE,
        threat_name: None,
        recommended_action: None,
        mitre_techniques: vec!["T1059".to_owned()],
        related_user: None,
        comments: Vec::new(),
        evidence: vec![file(id)],
    }
}

fn file(name: &str) -> AlertEvidence {
    AlertEvidence { file_name: Some(name.to_owned()), ..AlertEvidence::new(EntityType::File) }
}

fn raised(alert: Alert, rule: &str) -> RaisedAlert {
    RaisedAlert { alert, rule_id: rule.to_owned(), report_id: None }
}

/// Stores alerts as they are, none extending another.
async fn add_alerts(store: &Store, alerts: impl IntoIterator<Item = Alert>) {
    let raised: Vec<_> = alerts.into_iter().map(|alert| raised(alert.clone(), &alert.id.0)).collect();
    store.tenant(ONE).commit_alerts("test", 1, &raised, 0).await.unwrap();
}

async fn add_machines(store: &Store, machines: &[Machine]) {
    store.tenant(ONE).commit_machines("test", 1, machines).await.unwrap();
}

fn machine_query(options: &[(&str, &str)]) -> odata::Query {
    odata::parse(&MACHINE_TYPE, options, Limits::new(10_000)).unwrap()
}

fn alert_query(options: &[(&str, &str)]) -> odata::Query {
    odata::parse(&ALERT_TYPE, options, Limits::new(10_000)).unwrap()
}
