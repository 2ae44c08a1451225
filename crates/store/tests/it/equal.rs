//! Random changes and queries come out the same on SQLite and PostgreSQL, answers, refusals and the change feed alike.

use model::alert::{AlertStatus, Severity};
use model::machine::{DeviceValue, Machine};
use model::{AlertId, TenantId};
use odata::{EntityType, Query};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{
    ALERT_TYPE, AlertChange, AlertScope, INCIDENT_TYPE, INDICATOR_TYPE, IndicatorOwner, MACHINE_TYPE,
    MachineChange, PageRequest, Store, StoreError, TagChange, TenantStore,
};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::indicators::submission;
use crate::queries::{queries, text};
use crate::{Database, alert, device, hour, machine, raised};

const CASES: u32 = 60;
const KINDS: [&str; 4] = ["machine", "alert", "incident", "indicator"];

#[derive(Clone, Debug)]
enum Step {
    Machine { name: usize, text: usize, at: i64 },
    Alert { id: usize, machine: usize, text: usize, at: i64 },
    Update { id: usize, status: usize, text: usize, at: i64 },
    Tag { name: usize, text: usize, how: usize },
    Submit { values: Vec<usize>, by: usize, expires: i64, at: i64 },
    Remove { id: usize, by: usize },
    List { of: &'static EntityType, query: Query, limit: u64 },
    Changes { after: i64, limit: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let list = |of: &'static EntityType| {
        (queries(of), 1..9u64).prop_map(move |(query, limit)| Step::List { of, query, limit })
    };
    let step = prop_oneof![
        3 => (0..6usize, 0..8usize, 0..6i64).prop_map(|(name, text, at)| Step::Machine { name, text, at }),
        3 => (0..9usize, 0..6usize, 0..8usize, 0..6i64)
            .prop_map(|(id, machine, text, at)| Step::Alert { id, machine, text, at }),
        2 => (0..10usize, 0..3usize, 0..8usize, 0..9i64)
            .prop_map(|(id, status, text, at)| Step::Update { id, status, text, at }),
        2 => (0..7usize, 0..8usize, 0..3usize).prop_map(|(name, text, how)| Step::Tag { name, text, how }),
        3 => (prop::collection::vec(0..8usize, 1..4), 0..2usize, 0..1_000i64, 0..1_500i64)
            .prop_map(|(values, by, expires, at)| Step::Submit { values, by, expires, at }),
        1 => (1..8usize, 0..3usize).prop_map(|(id, by)| Step::Remove { id, by }),
        2 => list(&MACHINE_TYPE),
        2 => list(&ALERT_TYPE),
        1 => list(&INCIDENT_TYPE),
        2 => list(&INDICATOR_TYPE),
        1 => (0..20i64, 1..30u64).prop_map(|(after, limit)| Step::Changes { after, limit }),
    ];
    prop::collection::vec(step, 1..40)
}

/// An owner, or anyone.
fn owner(at: usize) -> IndicatorOwner {
    if at == 2 { IndicatorOwner::Anyone } else { IndicatorOwner::Only(format!("app-{at}")) }
}

/// What came of a step, as text. Errors of the database itself would tell which one it is.
fn told<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    match outcome {
        Ok(value) => format!("{value:?}"),
        Err(error @ (StoreError::Failed { .. } | StoreError::Unavailable { .. })) => panic!("{error:?}"),
        Err(error) => format!("{:?}: {error}", error.kind()),
    }
}

async fn take(tenant: &TenantStore, step: &Step) -> String {
    match step.clone() {
        Step::Machine { name, text: at_text, at } => {
            let machine = Machine {
                os_version: text(at_text),
                last_seen: hour(at),
                last_ip_address: text(at_text + 1),
                machine_tags: text(at_text + 3).into_iter().collect(),
                ..machine(&format!("pc{name}"))
            };
            told(tenant.commit_machines("test", at, &[machine]).await)
        }
        Step::Alert { id, machine, text: at_text, at } => {
            let severity = [Severity::Low, Severity::High, Severity::Medium][id % 3];
            let mut alert = alert(&format!("A{id}"), &format!("pc{machine}"), severity, at);
            alert.assigned_to = text(at_text);
            alert.aad_tenant_id = tenant.id();
            told(
                tenant
                    .commit_alerts("alerts", at, &[raised(alert, &format!("rule {}", id % 2))], 3_600)
                    .await,
            )
        }
        Step::Update { id, status, text: at_text, at } => {
            let statuses = [AlertStatus::New, AlertStatus::InProgress, AlertStatus::Resolved];
            let change = AlertChange {
                status: Some(statuses[status]),
                assigned_to: text(at_text),
                classification: None,
                determination: None,
                comment: text(at_text + 1),
                expected: None,
                by: "ada".to_owned(),
                at: hour(at),
            };
            told(tenant.update_alert(&AlertId(format!("a{id}")), &change).await)
        }
        Step::Tag { name, text: at_text, how } => {
            let tag = text(at_text).unwrap_or_default();
            let tags = match how {
                0 => TagChange::Add(tag),
                1 => TagChange::Remove(tag),
                _ => TagChange::Replace(vec![tag, "other\0\u{1f600}".to_owned()]),
            };
            let device_value = [None, Some(DeviceValue::High)][at_text % 2];
            let by = "ada".to_owned();
            let change = MachineChange { tags: Some(tags), device_value, expected: None, by, at: hour(7) };
            told(tenant.change_machines(&[device(&format!("pc{name}"))], &change).await)
        }
        Step::Submit { values, by, expires, at } => {
            let submissions = values.iter().map(|value| {
                let mut submission = submission(&text(*value).unwrap_or_default());
                submission.by = format!("app-{by}");
                submission.indicator.created_by.clone_from(&submission.by);
                submission.indicator.expiration_time = (expires % 3 > 0).then(|| hour(expires));
                submission.indicator.external_id = text(value + by);
                submission
            });
            let submissions: Vec<_> = submissions.collect();
            told(tenant.submit_indicators(&owner(by), hour(at), &submissions).await)
        }
        Step::Remove { id, by } => told(tenant.remove_indicators(&owner(by), &[id.to_string()]).await),
        Step::List { of, query, limit } => list(tenant, of, &query, limit).await,
        Step::Changes { after, limit } => told(tenant.changes_after(after, &KINDS, limit).await),
    }
}

async fn list(tenant: &TenantStore, of: &EntityType, query: &Query, limit: u64) -> String {
    let query = &Query { count: true, ..query.clone() };
    let (mut all, mut cursor) = (String::new(), None::<String>);
    loop {
        let page = PageRequest { limit, cursor: cursor.as_deref() };
        cursor = if of.name == ALERT_TYPE.name {
            let page = tenant.list_alerts(AlertScope::All, query, page).await.unwrap();
            all += &format!("{page:?}");
            page.next
        } else if of.name == MACHINE_TYPE.name {
            let page = tenant.list_machines(query, page).await.unwrap();
            all += &format!("{page:?}");
            page.next
        } else if of.name == INCIDENT_TYPE.name {
            let page = tenant.list_incidents(query, page).await.unwrap();
            all += &format!("{page:?}");
            page.next
        } else {
            let page = tenant.list_indicators(&IndicatorOwner::Anyone, hour(3), query, page).await.unwrap();
            all += &format!("{page:?}");
            page.next
        };
        if cursor.is_none() {
            return all;
        }
    }
}

#[test]
fn every_database_answers_the_same() {
    let runtime = Runtime::new().unwrap();
    let databases = runtime.block_on(Database::each());
    if databases.len() < 2 {
        return;
    }
    let open = |database: &Database| runtime.block_on(database.open());
    let stores: Vec<Store> = databases.iter().map(open).collect();
    let case = std::cell::Cell::new(1);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(CASES) });
    let outcome = runner.run(&steps(), |steps| {
        // A tenant that is new is like a database that is.
        case.set(case.get() + 1);
        let tenants: Vec<_> =
            stores.iter().map(|store| store.tenant(TenantId(Uuid::from_u128(case.get())))).collect();
        for (at, step) in steps.iter().enumerate() {
            let outcomes = tenants.iter().map(|tenant| runtime.block_on(take(tenant, step)));
            let outcomes: Vec<_> = outcomes.collect();
            prop_assert_eq!(&outcomes[0], &outcomes[1], "step {}: {:?}", at, step);
        }
        Ok(())
    });
    outcome.unwrap();
    stores.iter().for_each(|store| runtime.block_on(store.close()));
}
