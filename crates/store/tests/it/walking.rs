//! Lists that are walked page by page while others insert, update and delete: what was there throughout is there once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::AlertId;
use model::alert::{AlertStatus, Severity};
use odata::{EntityType, Limits, Query};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{
    ALERT_TYPE, AlertChange, AlertScope, INDICATOR_TYPE, IndicatorOwner, MACHINE_TYPE, MachineChange,
    PageRequest, Store, Submission, TagChange,
};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::indicators::{submission, submit};
use crate::{Database, ONE, add_alerts, add_machines, alert, device, hour, machine};

/// Rows that are there throughout.
const STABLE: usize = 40;
const WALKS: u32 = 40;

/// Tasks that change things until told to stop.
struct Changing {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<usize>>,
}

impl Changing {
    fn start(store: &Store) -> Changing {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..3).map(|task| tokio::spawn(change(store.clone(), task, stop.clone()))).collect();
        Changing { stop, tasks }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            assert!(task.await.unwrap() > 1, "things changed meanwhile");
        }
    }
}

/// Adds rows, changes those that stay, and takes rows away again. Answers with how many rounds there were.
async fn change(store: Store, task: usize, stop: Arc<AtomicBool>) -> usize {
    let tenant = store.tenant(ONE);
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        let at = (round * 7 + task * 13) % STABLE;
        let name = format!("{task}-{round}");
        let added = submit(&tenant, submission(&format!("x{name}.example"))).await;
        let severity = [Some("Low"), Some("High"), None][round % 3];
        submit(&tenant, stable(at, severity)).await;
        tenant.remove_indicators(&IndicatorOwner::Anyone, &[added.id]).await.unwrap();

        let status = [AlertStatus::InProgress, AlertStatus::Resolved, AlertStatus::New][round % 3];
        let change = AlertChange {
            status: Some(status),
            assigned_to: Some(name.clone()),
            classification: None,
            determination: None,
            comment: None,
            expected: None,
            by: "ada".to_owned(),
            at: hour(20 + round as i64 % 50),
        };
        tenant.update_alert(&AlertId(format!("s{at:03}")), &change).await.unwrap();
        let tags = Some(TagChange::Replace(vec![name.clone()]));
        let (device_value, expected, by, at) = (None, None, "ada".to_owned(), hour(20));
        let change = MachineChange { tags, device_value, expected, by, at };
        let changed = device(&format!("s{:03}", round % STABLE));
        tenant.change_machines(&[changed], &change).await.unwrap();
        // These stay, so there are few of them.
        if round < 30 {
            let severity = [Severity::Low, Severity::High][round % 2];
            add_alerts(&store, [alert(&format!("x{name}"), "other", severity, round as i64 % 3)]).await;
            add_machines(&store, &[machine(&format!("x{name}"))]).await;
        }
        round += 1;
    }
    round
}

fn stable(at: usize, severity: Option<&str>) -> Submission {
    let mut submission = submission(&format!("s{at:03}.example"));
    submission.indicator.severity = severity.and_then(|name| serde_json::from_value(name.into()).ok());
    submission.indicator.title = format!("title {}", at % 4);
    submission
}

async fn fill(store: &Store) {
    let severities = [Severity::Low, Severity::High, Severity::Medium];
    let at = |at: usize| alert(&format!("s{at:03}"), "pc1", severities[at % 3], at as i64 % 4);
    add_alerts(store, (0..STABLE).map(at)).await;
    let machines: Vec<_> = (0..STABLE).map(|at| machine(&format!("s{at:03}"))).collect();
    add_machines(store, &machines).await;
    let submissions: Vec<_> = (0..STABLE).map(|at| stable(at, None)).collect();
    store.tenant(ONE).submit_indicators(&IndicatorOwner::Anyone, hour(1), &submissions).await.unwrap();
}

/// What is told of each row of the list, page by page.
async fn walk(store: &Store, of: &EntityType, query: &Query, limit: u64) -> Vec<String> {
    let tenant = store.tenant(ONE);
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = PageRequest { limit, cursor: cursor.as_deref() };
        cursor = if of.name == ALERT_TYPE.name {
            let page = tenant.list_alerts(AlertScope::All, query, page).await.unwrap();
            seen.extend(page.items.into_iter().map(|alert| alert.id.0));
            page.next
        } else if of.name == MACHINE_TYPE.name {
            let page = tenant.list_machines(query, page).await.unwrap();
            seen.extend(page.items.into_iter().filter_map(|machine| machine.computer_dns_name));
            page.next
        } else {
            let page = tenant.list_indicators(&IndicatorOwner::Anyone, hour(1), query, page).await.unwrap();
            seen.extend(page.items.into_iter().map(|indicator| indicator.indicator_value));
            page.next
        };
        if cursor.is_none() {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

/// Lists by what does not change of the rows that stay.
fn lists() -> impl Strategy<Value = (&'static EntityType, Vec<(&'static str, &'static str)>)> {
    let of = |of: &'static EntityType, orders: &[&'static str], filters: &[&'static str]| {
        let (orders, filters) = (orders.to_vec(), filters.to_vec());
        (prop::sample::select(orders), prop::sample::select(filters)).prop_map(move |(order, filter)| {
            let options = [("$orderby", order), ("$filter", filter)];
            (of, options.into_iter().filter(|(_, value)| !value.is_empty()).collect())
        })
    };
    let alerts = ["", "id", "severity desc", "alertCreationTime", "title desc,severity"];
    let machines = ["", "computerDnsName", "computerDnsName desc", "lastSeen desc,osPlatform", "osBuild"];
    let indicators = ["", "indicatorValue desc", "creationTimeDateTimeUtc", "title desc", "externalId,title"];
    prop_oneof![
        of(&ALERT_TYPE, &alerts, &["", "machineId ne 'x'", "startswith(title,'Alert')"]),
        of(&MACHINE_TYPE, &machines, &["", "riskScore ne 'High' or riskScore eq 'High'", "osBuild eq null"]),
        of(
            &INDICATOR_TYPE,
            &indicators,
            &["", "action eq 'Block'", "startswith(title,'t') or title eq 'bad'"]
        ),
    ]
}

#[test]
fn what_is_there_throughout_is_there_once_whatever_happens_meanwhile() {
    let runtime = Runtime::new().unwrap();
    for database in runtime.block_on(Database::each()) {
        let store = runtime.block_on(database.open());
        runtime.block_on(fill(&store));
        let changing = runtime.block_on(async { Changing::start(&store) });
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(WALKS) });
        let outcome = runner.run(&(lists(), 1..12u64), |((of, options), limit)| {
            let query = odata::parse(of, &options, Limits::new(10_000)).unwrap();
            let seen = runtime.block_on(walk(&store, of, &query, limit));
            let distinct: HashSet<_> = seen.iter().collect();
            prop_assert_eq!(distinct.len(), seen.len(), "{} {:?}", of.name, options);
            let stable = seen.iter().filter(|name| name.starts_with('s')).count();
            prop_assert_eq!(stable, STABLE, "{} {:?}", of.name, options);
            Ok(())
        });
        runtime.block_on(changing.end());
        outcome.unwrap();
        runtime.block_on(store.close());
    }
}
