//! Machines and the follower that writes them.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use model::alert::Severity;
use model::machine::{Machine, RiskScore};
use model::{Reach, Ticks};
use store::{PageRequest, TenantStore};

use crate::{
    ONE, TWO, add_alerts, add_machines, alert, device, hour, machine, machine_query, on_each_database,
    on_each_store,
};

#[tokio::test]
async fn a_commit_writes_machines_whole_and_moves_the_follower() {
    on_each_database(async |database| {
        let store = database.open().await;
        let tenant = store.tenant(ONE);
        assert_eq!(tenant.follower_position("profiles").await.unwrap(), 0);
        let tagged = Machine { machine_tags: vec!["a".to_owned(), "A".to_owned()], ..machine("pc1") };
        tenant.commit_machines("profiles", 7, std::slice::from_ref(&tagged)).await.unwrap();
        assert_eq!(tenant.machine(&device("pc1")).await.unwrap(), Some(tagged.clone()));

        let changed = Machine { last_seen: hour(5), os_build: Some(22_631), ..machine("pc1") };
        tenant.commit_machines("profiles", 9, &[changed.clone(), machine("pc2")]).await.unwrap();
        store.close().await;

        let tenant = database.open().await.tenant(ONE);
        assert_eq!(tenant.machine(&device("pc1")).await.unwrap(), Some(changed));
        assert_eq!(tenant.machine_count(None).await.unwrap(), 2);
        assert_eq!(tenant.follower_position("profiles").await.unwrap(), 9);
        assert_eq!(tenant.follower_position("rules").await.unwrap(), 0);
        let tags = machine_query(&[("$filter", "machineTags/any()")]);
        assert_eq!(tenant.machine_count(tags.filter.as_ref()).await.unwrap(), 0, "tags are replaced too");
    })
    .await;
}

#[tokio::test]
async fn a_machine_is_found_by_its_name_or_an_alias_in_any_case() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let old = Machine { computer_dns_name: Some("pc1.corp".to_owned()), ..machine("old") };
        let new = Machine { last_seen: hour(9), ..machine("pc1.corp") };
        add_machines(&store, &[new.clone(), old, machine("pc2.corp")]).await;
        tenant.add_device_names(&[("pc2".to_owned(), device("pc2.corp"))]).await.unwrap();

        for (name, expected) in [
            ("PC1.Corp", Some(new)),
            ("Pc2", Some(machine("pc2.corp"))),
            ("pc2.CORP", Some(machine("pc2.corp"))),
            ("pc_", None),
            ("", None),
        ] {
            assert_eq!(tenant.machine_by_name(name).await.unwrap(), expected, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn machines_are_read_by_many_ids() {
    on_each_store(async |store| {
        let machines: Vec<_> = (0..1_100).map(|at| machine(&format!("pc{at}"))).collect();
        add_machines(&store, &machines).await;
        let mut ids: Vec<_> = machines.iter().map(|machine| machine.id.clone()).collect();
        ids.push(device("unknown"));
        ids.push(ids[0].clone());
        let found = store.tenant(ONE).machines_with_ids(&ids).await.unwrap();
        assert_eq!(found.len(), machines.len());
        assert!(found.is_sorted_by(|one, other| one.id < other.id));
        assert_eq!(store.tenant(ONE).machines_with_ids(&[]).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn the_risk_score_is_that_of_the_alerts_whoever_comes_first() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        add_alerts(&store, [alert("a", "pc1", Severity::Medium, 1)]).await;
        let claimed = Machine { risk_score: RiskScore::High, ..machine("pc1") };
        add_machines(&store, &[claimed, machine("pc2")]).await;
        let risk = async |name| tenant.machine(&device(name)).await.unwrap().unwrap().risk_score;
        assert_eq!(risk("pc1").await, RiskScore::Medium);
        assert_eq!(risk("pc2").await, RiskScore::None);

        add_alerts(&store, [alert("b", "pc1", Severity::Low, 2), alert("c", "pc2", Severity::High, 2)]).await;
        assert_eq!(risk("pc1").await, RiskScore::Medium);
        assert_eq!(risk("pc2").await, RiskScore::High);
        let risky = machine_query(&[("$filter", "riskScore eq 'High'"), ("$count", "true")]);
        let page = tenant.list_machines(&risky, PageRequest { limit: 10, cursor: None }).await.unwrap();
        assert_eq!((page.items.len(), page.count), (1, Some(1)), "the column follows as well");
    })
    .await;
}

#[tokio::test]
async fn times_keep_their_digits() {
    on_each_store(async |store| {
        let seen = Ticks::parse("2024-05-06T07:08:09.1234567Z").unwrap();
        let exact = Machine { first_seen: seen, ..machine("pc1") };
        add_machines(&store, std::slice::from_ref(&exact)).await;
        assert_eq!(store.tenant(ONE).machine(&exact.id).await.unwrap(), Some(exact));
    })
    .await;
}

#[tokio::test]
async fn a_commit_given_up_midway_happens_whole_or_not_at_all() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        for polls in 0..60 {
            let names = [format!("a{polls}"), format!("b{polls}"), format!("c{polls}")];
            let machines = names.map(|name| machine(&name));
            let before = tenant.machine_count(None).await.unwrap();
            let mut commit = Box::pin(tenant.commit_machines("profiles", polls, &machines));
            let mut left = polls;
            poll_fn(|context| {
                left -= 1;
                if left < 0 { Poll::Ready(()) } else { commit.as_mut().poll(context).map(Result::unwrap) }
            })
            .await;
            drop(commit);

            // The next write waits until the one given up is undone.
            tenant.add_device_names(&[]).await.unwrap();
            let added = tenant.machine_count(None).await.unwrap() - before;
            let moved = tenant.follower_position("profiles").await.unwrap() == polls && polls > 0;
            assert!(added == if moved { 3 } else { 0 }, "{added} added, moved: {moved}, after {polls} polls");
        }
    })
    .await;
}

/// The machine as it is kept, after a look at whether that is the machine that is there.
async fn written(tenant: &TenantStore) -> Option<Machine> {
    let kept = tenant.written_machine(&device("pc1")).await.unwrap();
    let kept = kept.map(|kept| {
        assert_eq!(kept.etag, store::etag(&kept.entity));
        assert_eq!(kept.json, serde_json::to_string(&kept.entity).unwrap());
        kept.entity.clone()
    });
    assert_eq!(kept, tenant.machine(&device("pc1")).await.unwrap());
    kept
}

#[tokio::test]
async fn a_machine_that_is_kept_is_the_one_that_is_there() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        assert_eq!(written(&tenant).await, None);
        add_machines(&store, &[machine("pc1")]).await;
        assert_eq!(written(&tenant).await, Some(machine("pc1")));
        assert_eq!(store.tenant(TWO).written_machine(&device("pc1")).await.unwrap(), None);
        let narrowed = tenant.clone().within(Reach::groups([7]));
        assert_eq!(narrowed.written_machine(&device("pc1")).await.unwrap(), None);
        add_alerts(&store, [alert("a", "pc1", Severity::High, 1)]).await;
        assert_eq!(written(&tenant).await.unwrap().risk_score, RiskScore::High);
        for polls in 0..80 {
            let seen = Machine { last_seen: hour(polls + 1), ..machine("pc1") };
            let mut commit = Box::pin(tenant.commit_machines("profiles", polls, std::slice::from_ref(&seen)));
            let mut left = polls;
            poll_fn(|context| {
                left -= 1;
                if left < 0 { Poll::Ready(()) } else { commit.as_mut().poll(context).map(Result::unwrap) }
            })
            .await;
            // Whoever reads meanwhile keeps nothing that does not stay.
            let id = device("pc1");
            let meanwhile = tokio::time::timeout(Duration::from_millis(2), tenant.written_machine(&id)).await;
            assert!(!matches!(meanwhile, Ok(Err(_)) | Ok(Ok(None))));
            drop(commit);
            // The next write waits until the one given up has ended.
            tenant.add_device_names(&[]).await.unwrap();
            let moved = tenant.follower_position("profiles").await.unwrap() == polls && polls > 0;
            let found = written(&tenant).await.unwrap();
            assert_eq!(found.last_seen == seen.last_seen, moved, "after {polls} polls");
        }
    })
    .await;
}
