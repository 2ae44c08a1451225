//! Pages: every row once, whatever happens in between, and cursors that are refused.

use std::collections::HashSet;

use model::alert::{Alert, AlertStatus, Severity};
use model::machine::Machine;
use model::{AlertId, ErrorKind};
use store::{AlertChange, AlertScope, Page, PageRequest, TenantStore};

use crate::{ONE, add_alerts, add_machines, alert, alert_query, hour, machine, machine_query, on_each_store};

/// Alerts of which many were created in the same moment.
fn alerts(range: std::ops::Range<usize>) -> Vec<Alert> {
    range.map(|at| alert(&format!("a{at:04}"), "pc1", Severity::Low, at as i64 % 3)).collect()
}

async fn page(
    tenant: &TenantStore,
    options: &[(&str, &str)],
    limit: u64,
    cursor: Option<&str>,
) -> Page<Alert> {
    let query = alert_query(options);
    tenant.list_alerts(AlertScope::All, &query, PageRequest { limit, cursor }).await.unwrap()
}

#[tokio::test]
async fn rows_added_meanwhile_make_no_other_row_appear_twice_or_not_at_all() {
    on_each_store(async |store| {
        for options in [
            &[][..],
            &[("$orderby", "alertCreationTime")],
            &[("$orderby", "severity desc, assignedTo")],
            &[("$orderby", "id desc")],
        ] {
            let tenant = store.tenant(ONE);
            let count = tenant.alert_count(AlertScope::All, None).await.unwrap() as usize;
            add_alerts(&store, alerts(count..count + 30)).await;
            let before: HashSet<_> = (0..count + 30).map(|at| format!("a{at:04}")).collect();
            let (mut seen, mut cursor, mut next) = (Vec::new(), None, count + 30);
            loop {
                let page = page(&tenant, options, 7, cursor.as_deref()).await;
                seen.extend(page.items.into_iter().map(|alert| alert.id.0));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
                if next < count + 45 {
                    add_alerts(&store, alerts(next..next + 3)).await;
                    next += 3;
                }
            }
            let distinct: HashSet<_> = seen.iter().cloned().collect();
            assert_eq!(distinct.len(), seen.len(), "{options:?}");
            assert!(before.is_subset(&distinct), "{options:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn readers_are_not_held_up_by_a_writer() {
    on_each_store(async |store| {
        add_alerts(&store, alerts(0..20)).await;
        let writer = store.clone();
        let writing = tokio::spawn(async move {
            for at in 1..10 {
                add_alerts(&writer, alerts(at * 20..at * 20 + 20)).await;
            }
        });
        while !writing.is_finished() {
            let tenant = store.tenant(ONE);
            let page = page(&tenant, &[("$count", "true")], 500, None).await;
            assert_eq!(page.count, Some(page.items.len() as u64), "count and rows are of one moment");
            assert_eq!(page.items.len() % 20, 0, "a commit is seen whole");
        }
        writing.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn top_counts_over_all_pages_and_skip_on_the_first() {
    on_each_store(async |store| {
        add_alerts(&store, alerts(0..20)).await;
        let tenant = store.tenant(ONE);
        let all = page(&tenant, &[], 100, None).await.items;
        for (skip, top, limit) in
            [(0, 20, 7), (3, 10, 4), (3, 8, 4), (15, 10, 2), (20, 5, 3), (0, 0, 5), (2, 3, 5)]
        {
            let options = [("$skip", &*skip.to_string()), ("$top", &*top.to_string()), ("$count", "true")];
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let page = page(&tenant, &options, limit, cursor.as_deref()).await;
                assert_eq!(page.count, Some(20), "$count minds neither $skip nor $top");
                assert!(page.items.len() as u64 <= limit);
                seen.extend(page.items);
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let expected: Vec<_> = all.iter().skip(skip).take(top).cloned().collect();
            assert_eq!(seen, expected, "$skip {skip} $top {top} by {limit}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_has_at_least_one_row() {
    on_each_store(async |store| {
        add_alerts(&store, alerts(0..3)).await;
        let tenant = store.tenant(ONE);
        assert_eq!(page(&tenant, &[], 0, None).await.items.len(), 1);
        assert_eq!(page(&tenant, &[], u64::MAX, None).await.items.len(), 3);
        assert_eq!(page(&tenant, &[], 3, None).await.next, None, "the last page is known as such");
    })
    .await;
}

#[tokio::test]
async fn a_cursor_that_was_not_given_out_is_refused() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let build = |name: &str, os_build| Machine { os_build, last_seen: hour(2), ..machine(name) };
        add_machines(&store, &[build("pc1", None), build("pc2", Some(2)), build("pc3", Some(3))]).await;
        let by_build = machine_query(&[("$orderby", "osBuild desc")]);
        let first = tenant.list_machines(&by_build, PageRequest { limit: 1, cursor: None }).await.unwrap();
        let good = first.next.unwrap();
        let decoded = String::from_utf8(unhex(&good)).unwrap();
        let with = |from: &str, to: &str| {
            assert!(decoded.contains(from), "{decoded}");
            hex(&decoded.replace(from, to))
        };
        for bad in [
            String::new(),
            "x".to_owned(),
            "é".to_owned(),
            good.to_uppercase(),
            good[1..].to_owned(),
            good[..good.len() - 2].to_owned(),
            format!("{good}00"),
            hex("{}"),
            hex(&"[".repeat(100_000)),
            with("\"version\":1", "\"version\":2"),
            with("\"version\":1", "\"version\":1,\"more\":1"),
            with("[3,", "[\"3\","),
            with("[3,", "[3.5,"),
            with("[3,", "[true,"),
            with("[3,", "[[],"),
            with("[3,", "["),
            with("[3,", "[3,3,"),
            with("\"left\":null", "\"left\":0"),
            with("\"left\":null", "\"left\":-1"),
            with("osBuild desc", "osBuild asc"),
        ] {
            let request = PageRequest { limit: 1, cursor: Some(&bad) };
            let refused = tenant.list_machines(&by_build, request).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{bad}");
        }
        let request = PageRequest { limit: 1, cursor: Some(&good) };
        let by_name = machine_query(&[("$orderby", "computerDnsName")]);
        let refused = tenant.list_machines(&by_name, request).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the cursor of the page cannot be used: it is of a list sorted by something else"
        );
        tenant.list_machines(&by_build, request).await.unwrap();
    })
    .await;
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

#[tokio::test]
async fn rows_changed_meanwhile_are_there_once_where_the_order_does_not_change() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        add_alerts(&store, alerts(0..30)).await;
        for options in [&[][..], &[("$orderby", "id")], &[("$orderby", "alertCreationTime desc")]] {
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let page = page(&tenant, options, 4, cursor.as_deref()).await;
                seen.extend(page.items.into_iter().map(|alert| alert.id.0));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
                // One that was seen, and one that most likely was not.
                for at in [seen.len() - 1, 29 - seen.len().min(29)] {
                    let id = AlertId(format!("a{at:04}"));
                    let change = AlertChange {
                        status: Some(AlertStatus::InProgress),
                        assigned_to: Some(format!("at {}", seen.len())),
                        classification: None,
                        determination: None,
                        comment: None,
                        expected: None,
                        by: "ada".to_owned(),
                        at: hour(20),
                    };
                    tenant.update_alert(&id, &change).await.unwrap();
                }
            }
            let distinct: HashSet<_> = seen.iter().cloned().collect();
            assert_eq!((seen.len(), distinct.len()), (30, 30), "{options:?}");
        }
    })
    .await;
}
