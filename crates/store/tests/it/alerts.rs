//! Raising alerts and working on them.

use model::alert::{Alert, AlertComment, AlertStatus, Classification, Determination, Severity};
use model::machine::RiskScore;
use model::{AlertId, ErrorKind, Ticks};
use store::{AlertChange, AlertScope, EVIDENCE_MAX, PageRequest, Store};

use crate::{
    HOUR, ONE, TWO, add_alerts, add_machines, alert, alert_query, device, file, hour, machine,
    on_each_database, on_each_store, raised,
};

const FIRST: PageRequest<'static> = PageRequest { limit: 100, cursor: None };

fn id(id: &str) -> AlertId {
    AlertId(id.to_owned())
}

fn change(at: i64) -> AlertChange {
    AlertChange {
        status: None,
        assigned_to: None,
        classification: None,
        determination: None,
        comment: None,
        expected: None,
        by: "ada@one.example".to_owned(),
        at: hour(at),
    }
}

async fn stored(store: &Store, name: &str) -> Alert {
    store.tenant(ONE).alert(&id(name)).await.unwrap().unwrap()
}

/// Raises one alert of the rule `r` with a window of an hour, and answers with the id of its holder.
async fn raise(store: &Store, alert: Alert) -> AlertId {
    let raised = [raised(alert, "r")];
    let mut holders = store.tenant(ONE).commit_alerts("rules", 1, &raised, HOUR).await.unwrap();
    holders.remove(0)
}

#[tokio::test]
async fn a_commit_adds_alerts_and_moves_the_follower() {
    on_each_database(async |database| {
        let store = database.open().await;
        let draft = alert("da1_-1", "pc1", Severity::Low, 1);
        let raised = [raised(draft.clone(), "r")];
        let holders = store.tenant(ONE).commit_alerts("rules", 5, &raised, HOUR).await.unwrap();
        assert_eq!(holders, [id("da1_-1")]);
        store.close().await;

        let store = database.open().await;
        assert_eq!(stored(&store, "da1_-1").await, draft);
        assert_eq!(stored(&store, "DA1_-1").await, draft);
        assert_eq!(store.tenant(ONE).follower_position("rules").await.unwrap(), 5);
        assert_eq!(store.tenant(ONE).alert(&id("da2_-1")).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn raising_twice_is_raising_once() {
    on_each_store(async |store| {
        let batch = [
            raised(alert("a", "pc1", Severity::Low, 1), "r"),
            raised(alert("b", "pc1", Severity::Low, 1), "r"),
            raised(alert("c", "pc2", Severity::Low, 1), "r"),
        ];
        let tenant = store.tenant(ONE);
        let holders = tenant.commit_alerts("rules", 1, &batch, HOUR).await.unwrap();
        assert_eq!(holders, [id("a"), id("a"), id("c")]);
        let before = tenant.list_alerts(AlertScope::All, &alert_query(&[]), FIRST).await.unwrap();
        let again = tenant.commit_alerts("rules", 2, &batch, HOUR).await.unwrap();
        assert_eq!(again, holders);
        let after = tenant.list_alerts(AlertScope::All, &alert_query(&[]), FIRST).await.unwrap();
        assert_eq!(after, before);

        let resolved = AlertChange { status: Some(AlertStatus::Resolved), ..change(3) };
        let resolved = tenant.update_alert(&id("c"), &resolved).await.unwrap();
        tenant.commit_alerts("rules", 3, &batch[2..], HOUR).await.unwrap();
        assert_eq!(stored(&store, "c").await, resolved, "an alert of the same id is left as it is");
    })
    .await;
}

#[tokio::test]
async fn an_open_alert_of_the_same_rule_and_device_is_extended() {
    on_each_store(async |store| {
        let first = Alert { last_event_time: Some(hour(4)), ..alert("a", "pc1", Severity::Low, 2) };
        raise(&store, first.clone()).await;

        assert_eq!(raise(&store, alert("b", "pc1", Severity::Low, 5)).await, id("a"));
        assert_eq!(raise(&store, alert("c", "pc1", Severity::Low, 3)).await, id("a"), "in between");
        assert_eq!(raise(&store, alert("d", "pc1", Severity::Low, 1)).await, id("a"), "late");
        let extended = Alert {
            first_event_time: Some(hour(1)),
            last_event_time: Some(hour(5)),
            last_update_time: hour(5),
            evidence: vec![file("a"), file("b"), file("c"), file("d")],
            ..first
        };
        assert_eq!(stored(&store, "a").await, extended);
        assert_eq!(store.tenant(ONE).alert_count(AlertScope::All, None).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn other_rules_devices_and_times_make_alerts_of_their_own() {
    on_each_store(async |store| {
        raise(&store, alert("a", "pc1", Severity::Low, 2)).await;
        assert_eq!(raise(&store, alert("b", "pc2", Severity::Low, 2)).await, id("b"));
        assert_eq!(raise(&store, alert("c", "pc1", Severity::Low, 4)).await, id("c"));
        let other = [raised(alert("d", "pc1", Severity::Low, 2), "other")];
        let holders = store.tenant(ONE).commit_alerts("rules", 1, &other, HOUR).await.unwrap();
        assert_eq!(holders, [id("d")]);
        let timeless =
            Alert { first_event_time: None, last_event_time: None, ..alert("e", "pc1", Severity::Low, 2) };
        assert_eq!(raise(&store, timeless).await, id("e"));

        let resolved = AlertChange { status: Some(AlertStatus::Resolved), ..change(3) };
        store.tenant(ONE).update_alert(&id("a"), &resolved).await.unwrap();
        assert_eq!(raise(&store, alert("f", "pc1", Severity::Low, 2)).await, id("f"), "a is resolved");
    })
    .await;
}

#[tokio::test]
async fn evidence_is_kept_once_and_bounded() {
    on_each_store(async |store| {
        let names = |range: std::ops::Range<usize>| range.map(|at| file(&at.to_string()));
        let first = Alert { evidence: names(0..30).collect(), ..alert("a", "pc1", Severity::Low, 1) };
        raise(&store, first).await;
        let mut noted_later: Vec<_> = names(20..90).collect();
        noted_later.iter_mut().for_each(|item| item.evidence_creation_time = Some(hour(2)));
        raise(&store, Alert { evidence: noted_later, ..alert("b", "pc1", Severity::Low, 1) }).await;
        let evidence = stored(&store, "a").await.evidence;
        let found: Vec<_> = evidence.iter().filter_map(|item| item.file_name.clone()).collect();
        assert_eq!(found, (0..EVIDENCE_MAX).map(|at| at.to_string()).collect::<Vec<_>>());

        let many = Alert { evidence: names(0..60).collect(), ..alert("c", "pc3", Severity::Low, 1) };
        raise(&store, many).await;
        assert_eq!(stored(&store, "c").await.evidence.len(), EVIDENCE_MAX);
    })
    .await;
}

#[tokio::test]
async fn an_alert_of_another_tenant_is_refused_with_all_it_came_with() {
    on_each_store(async |store| {
        let foreign = Alert { aad_tenant_id: TWO, ..alert("b", "pc1", Severity::Low, 1) };
        let batch = [raised(alert("a", "pc1", Severity::Low, 1), "r"), raised(foreign, "r")];
        let tenant = store.tenant(ONE);
        tenant.commit_alerts("rules", 4, &batch, HOUR).await.unwrap_err();
        assert_eq!(tenant.alert_count(AlertScope::All, None).await.unwrap(), 0);
        assert_eq!(tenant.follower_position("rules").await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_change_is_answered_as_it_is_stored() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let draft = alert("a", "pc1", Severity::Low, 1);
        add_alerts(&store, [draft.clone()]).await;
        let full = AlertChange {
            status: Some(AlertStatus::Resolved),
            assigned_to: Some("Ada".to_owned()),
            classification: Some(Classification::TruePositive),
            determination: Some(Determination::Malware),
            comment: Some("seen".to_owned()),
            ..change(2)
        };
        let comment = |text: &str, at: Ticks| AlertComment {
            comment: text.to_owned(),
            created_by: "ada@one.example".to_owned(),
            created_time: at,
        };
        let resolved = Alert {
            status: AlertStatus::Resolved,
            assigned_to: Some("Ada".to_owned()),
            classification: Some(Classification::TruePositive),
            determination: Some(Determination::Malware),
            comments: vec![comment("seen", hour(2))],
            last_update_time: hour(2),
            resolved_time: Some(hour(2)),
            ..draft
        };
        assert_eq!(tenant.update_alert(&id("a"), &full).await.unwrap(), resolved);
        assert_eq!(stored(&store, "a").await, resolved);

        let again = AlertChange { status: Some(AlertStatus::Resolved), ..change(3) };
        let same = Alert { last_update_time: hour(3), ..resolved.clone() };
        assert_eq!(tenant.update_alert(&id("a"), &again).await.unwrap(), same);

        let reopened = AlertChange {
            status: Some(AlertStatus::InProgress),
            assigned_to: Some(String::new()),
            comment: Some("not yet".to_owned()),
            ..change(4)
        };
        let expected = Alert {
            status: AlertStatus::InProgress,
            assigned_to: None,
            comments: vec![comment("seen", hour(2)), comment("not yet", hour(4))],
            last_update_time: hour(4),
            resolved_time: None,
            ..resolved
        };
        assert_eq!(tenant.update_alert(&id("a"), &reopened).await.unwrap(), expected);
        assert_eq!(stored(&store, "a").await, expected);

        let unknown = tenant.update_alert(&id("b"), &change(5)).await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
        assert_eq!(unknown.to_string(), "alert b does not exist");
    })
    .await;
}

#[tokio::test]
async fn resolving_alerts_lowers_the_risk_of_the_device_and_reopening_raises_it() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        add_machines(&store, &[machine("pc1")]).await;
        let alerts = [alert("a", "pc1", Severity::High, 1), alert("b", "pc1", Severity::Informational, 9)];
        add_alerts(&store, alerts).await;
        for (name, status, expected) in [
            ("a", AlertStatus::Resolved, RiskScore::Informational),
            ("b", AlertStatus::Resolved, RiskScore::None),
            ("a", AlertStatus::New, RiskScore::High),
        ] {
            let change = AlertChange { status: Some(status), ..change(2) };
            tenant.update_alert(&id(name), &change).await.unwrap();
            let machine = tenant.machine(&device("pc1")).await.unwrap().unwrap();
            assert_eq!(machine.risk_score, expected, "{name} {status:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_is_newest_first_and_has_evidence_when_asked_for() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let alerts = [
            alert("a", "pc1", Severity::Low, 1),
            alert("b", "pc2", Severity::Low, 2),
            alert("c", "pc1", Severity::Low, 3),
        ];
        add_alerts(&store, alerts.clone()).await;
        let page = tenant.list_alerts(AlertScope::All, &alert_query(&[]), FIRST).await.unwrap();
        let ids: Vec<_> = page.items.iter().map(|alert| alert.id.0.as_str()).collect();
        assert_eq!((ids, page.next, page.count), (vec!["c", "b", "a"], None, None));
        assert!(page.items.iter().all(|alert| alert.evidence.is_empty()));

        let pc1 = || AlertScope::Device(device("pc1"));
        let expanded = alert_query(&[("$expand", "evidence"), ("$count", "true"), ("$top", "1")]);
        let page = tenant.list_alerts(pc1(), &expanded, FIRST).await.unwrap();
        assert_eq!((&page.items[..], page.next, page.count), (&alerts[2..], None, Some(2)));
        assert_eq!(tenant.alert_count(pc1(), None).await.unwrap(), 2);
    })
    .await;
}

/// The feed of changes has no reader yet: what it will read is looked at in the file.
#[tokio::test]
async fn every_change_draws_the_next_number_of_its_tenant() {
    use sqlx::Connection;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::open(&path).await.unwrap();
    add_machines(&store, &[machine("pc1"), machine("pc2")]).await;
    add_alerts(&store, [alert("a", "pc1", Severity::High, 1)]).await;
    add_machines(&store, &[machine("pc1"), machine("pc2")]).await;
    store.tenant(ONE).update_alert(&id("a"), &change(2)).await.unwrap();

    let url = format!("sqlite:{}", path.display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let sql = "SELECT computer_dns_name, updated_sequence FROM machines \
               UNION ALL SELECT id, updated_sequence FROM alerts ORDER BY 1";
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&mut connection).await.unwrap();
    let rows: Vec<_> = rows.iter().map(|(name, sequence)| (name.as_str(), *sequence)).collect();
    // The risk of pc1 moved with the alert; writing the same machines again is no change.
    assert_eq!(rows, [("a", 5), ("pc1", 4), ("pc2", 2)]);
}

/// Events say what they like, and an alert that could not be stored would be tried for ever.
#[tokio::test]
async fn evidence_of_any_length_is_stored() {
    on_each_store(async |store| {
        let mixed = |at: u64| format!("{:016x}", (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let long: String = (0..800).map(mixed).collect();
        let mut long_alert = alert("a", "pc1", Severity::Low, 1);
        long_alert.computer_dns_name = Some(long.clone());
        let mut evidence = file("x");
        for text in [
            &mut evidence.sha1,
            &mut evidence.sha256,
            &mut evidence.file_name,
            &mut evidence.account_name,
            &mut evidence.url,
            &mut evidence.ip_address,
        ] {
            *text = Some(long.clone());
        }
        long_alert.evidence = vec![evidence];
        add_alerts(&store, [long_alert.clone()]).await;
        let query =
            alert_query(&[("$filter", &*format!("computerDnsName eq '{long}'")), ("$expand", "evidence")]);
        let page = PageRequest { limit: 10, cursor: None };
        for scope in [AlertScope::All, AlertScope::User(long.clone())] {
            let found = store.tenant(ONE).list_alerts(scope, &query, page).await.unwrap().items;
            assert_eq!(found, [long_alert.clone()]);
        }
    })
    .await;
}
