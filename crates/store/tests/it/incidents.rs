//! Alerts become incidents, and incidents are worked on.

use model::ErrorKind;
use model::alert::{Alert, Classification, Severity};
use model::incident::IncidentStatus;
use odata::Limits;
use store::{AlertScope, INCIDENT_TYPE, IncidentChange, PageRequest, Store, TenantStore};

use crate::{ONE, TWO, add_alerts, alert, alert_query, hour, on_each_store};

const FIRST: PageRequest<'static> = PageRequest { limit: 100, cursor: None };

/// An alert whose incident is for the store to find.
fn loose(id: &str, device: &str, severity: Severity, at: i64) -> Alert {
    Alert { incident_id: None, ..alert(id, device, severity, at) }
}

fn change(at: i64) -> IncidentChange {
    IncidentChange {
        status: None,
        assigned_to: None,
        classification: None,
        determination: None,
        tags: None,
        comment: None,
        expected: None,
        by: "ada@one.example".to_owned(),
        at: hour(at),
    }
}

async fn incident_of(store: &Store, id: &str) -> i64 {
    let alert = store.tenant(ONE).alert(&model::AlertId(id.to_owned())).await.unwrap().unwrap();
    alert.incident_id.unwrap()
}

async fn found(tenant: &TenantStore, options: &[(&str, &str)]) -> Vec<i64> {
    let query = odata::parse(&INCIDENT_TYPE, options, Limits::new(100)).unwrap();
    let page = tenant.list_incidents(&query, FIRST).await.unwrap();
    page.items.iter().map(|incident| incident.incident_id).collect()
}

#[tokio::test]
async fn alerts_of_a_device_near_in_time_are_one_incident_until_it_is_resolved() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        add_alerts(
            &store,
            [
                loose("a", "pc1", Severity::Low, 1),
                loose("b", "pc1", Severity::High, 20),
                loose("c", "pc2", Severity::Medium, 1),
                loose("d", "pc1", Severity::Low, 50),
            ],
        )
        .await;
        let incidents = [
            incident_of(&store, "a").await,
            incident_of(&store, "b").await,
            incident_of(&store, "c").await,
            incident_of(&store, "d").await,
        ];
        assert_eq!(incidents, [1, 1, 2, 3], "the last one is more than a day away");
        let first = tenant.incident(1).await.unwrap().unwrap();
        assert_eq!((first.severity, first.status), (Severity::High, IncidentStatus::Active));
        assert_eq!(first.incident_name, "2 alerts of Execution on pc1");
        let of_first = tenant.list_alerts(AlertScope::Incidents(vec![1]), &alert_query(&[]), FIRST).await;
        assert_eq!(of_first.unwrap().items.len(), 2);

        let resolve = IncidentChange { status: Some(IncidentStatus::Resolved), ..change(21) };
        tenant.update_incident(1, &resolve).await.unwrap();
        add_alerts(&store, [loose("e", "pc1", Severity::Low, 21)]).await;
        assert_eq!(incident_of(&store, "e").await, 4);
        assert_eq!(store.tenant(TWO).incident(1).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_change_is_stored_and_can_be_asked_for() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        add_alerts(&store, [loose("a", "pc1", Severity::Low, 1), loose("b", "pc2", Severity::High, 2)]).await;
        let before = tenant.incident(1).await.unwrap().unwrap();
        let full = IncidentChange {
            assigned_to: Some("Ada".to_owned()),
            classification: Some(Classification::TruePositive),
            tags: Some(vec!["Ransom".to_owned()]),
            comment: Some("seen".to_owned()),
            expected: Some(store::etag(&before)),
            ..change(3)
        };
        let changed = tenant.update_incident(1, &full).await.unwrap();
        assert_eq!(tenant.incident(1).await.unwrap().as_ref(), Some(&changed));
        assert_eq!((changed.comments.len(), changed.last_update_time), (1, hour(3)));
        let stale = tenant.update_incident(1, &full).await.unwrap_err();
        assert_eq!(stale.kind(), ErrorKind::Conflict, "it was decided upon an older state");
        assert_eq!(tenant.incident(1).await.unwrap().as_ref(), Some(&changed));
        let missing = tenant.update_incident(9, &change(1)).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);

        for (filter, expected) in [
            ("assignedTo eq 'ada'", &[1][..]),
            ("tags/any(t: t eq 'ransom')", &[1]),
            ("comments/any(c: c/comment eq 'SEEN' and c/createdTime ge 2024-05-06)", &[1]),
            ("severity eq 'High' or status eq 'Resolved'", &[2]),
            ("lastUpdateTime gt 2024-05-06T02:30:00Z", &[1]),
            ("incidentId gt 1", &[2]),
        ] {
            assert_eq!(found(&tenant, &[("$filter", filter)]).await, expected, "{filter}");
        }
        assert_eq!(found(&tenant, &[]).await, [2, 1], "newest first");
        assert_eq!(found(&tenant, &[("$orderby", "incidentId")]).await, [1, 2]);
        let history = tenant.entity_history("incident", "1").await.unwrap();
        assert_eq!(history.len(), 1);
        assert_eq!(
            (history[0].by.as_str(), &history[0].change["assignedTo"]),
            ("ada@one.example", &"Ada".into())
        );
    })
    .await;
}
