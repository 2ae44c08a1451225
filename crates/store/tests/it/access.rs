//! User groups, roles, device groups, and handles that are narrowed to some of them.

use model::access::{Aspect, Comparison, Condition, DeviceGroup, DeviceRule, GrantScope};
use model::audit::{AuditEntry, Verdict, Verifier};
use model::role::RolePermission;
use model::{AppId, DeviceId, ErrorKind, Reach, Ticks};
use odata::Query;
use store::{AlertChange, AlertScope, App, Grant, PageRequest, Role, TenantStore, UserChange, UserGroup};
use uuid::Uuid;

use crate::{Database, ONE, alert, device, machine, raised};
use model::alert::Severity;

fn user(id: u128, name: &str) -> store::User {
    store::User {
        id: Uuid::from_u128(id),
        principal_name: name.to_owned(),
        display_name: name.to_owned(),
        password_hash: String::new(),
        is_administrator: true,
        is_disabled: false,
        tokens_from: Ticks(0),
        created: Ticks(1),
    }
}

/// A database of each kind with a tenant in it.
async fn on_each_tenant(test: impl AsyncFn(store::Store, TenantStore)) {
    for database in Database::each().await {
        let store = database.open().await;
        let (display_name, domain) = ("One".to_owned(), "one.example".to_owned());
        let tenant = store::Tenant { id: ONE, display_name, domain, created: Ticks(1) };
        store.create_tenant(&tenant).await.unwrap();
        let tenant = store.tenant(ONE);
        test(store, tenant).await;
    }
}

fn rule(property: Aspect, value: &str) -> DeviceRule {
    let values = vec![value.to_owned()];
    DeviceRule(vec![Condition { property, operator: Comparison::Equals, values }])
}

fn device_group(name: &str, rank: i64, rule: DeviceRule) -> DeviceGroup {
    let (name, description) = (name.to_owned(), String::new());
    DeviceGroup { id: 0, name, description, rank, rule, user_groups: Vec::new() }
}

fn page() -> PageRequest<'static> {
    PageRequest { limit: 100, cursor: None }
}

/// Ids of machines and alerts that a handle sees, after checking that every way of asking agrees.
async fn seen(store: &TenantStore, machines: &[DeviceId]) -> (Vec<DeviceId>, Vec<String>) {
    let listed = store.list_machines(&Query::default(), page()).await.unwrap().items;
    let mut listed: Vec<_> = listed.into_iter().map(|machine| machine.id).collect();
    listed.sort();
    assert_eq!(store.machine_count(None).await.unwrap(), listed.len() as u64);
    let mut single = Vec::new();
    for id in machines {
        single.extend(store.machine(id).await.unwrap().map(|machine| machine.id));
    }
    single.sort();
    assert_eq!(single, listed);
    let with_ids = store.machines_with_ids(machines).await.unwrap();
    assert_eq!(with_ids.into_iter().map(|machine| machine.id).collect::<Vec<_>>(), listed);
    if let Some(mut reachable) = store.reachable_devices().await.unwrap() {
        reachable.sort();
        assert_eq!(reachable, listed);
    }
    let alerts = store.list_alerts(AlertScope::All, &Query::default(), page()).await.unwrap().items;
    assert_eq!(store.alert_count(AlertScope::All, None).await.unwrap(), alerts.len() as u64);
    for alert in &alerts {
        assert!(store.alert(&alert.id).await.unwrap().is_some());
        let scope = AlertScope::Device(alert.machine_id.clone());
        assert!(store.alert_count(scope, None).await.unwrap() > 0);
    }
    let mut alerts: Vec<_> = alerts.into_iter().map(|alert| alert.id.0).collect();
    alerts.sort();
    (listed, alerts)
}

#[tokio::test]
async fn a_narrowed_handle_sees_its_device_groups_and_nothing_else() {
    on_each_tenant(async |store, tenant| {
        let (a, b, c) = (machine("a.corp"), machine("b.corp"), machine("c.corp"));
        let names = ["a.corp", "b.corp", "c.corp"];
        let ids = names.map(device);
        tenant.commit_machines("t", 1, &[a, b, c]).await.unwrap();
        for (at, name) in names.iter().enumerate() {
            let raised = raised(alert(&format!("da{at}_1"), name, Severity::Low, 1), "rule");
            tenant.commit_alerts("t", 1, &[raised], 0).await.unwrap();
        }
        assert_eq!(tenant.machine(&ids[0]).await.unwrap().unwrap().rbac_group_name, None);
        let first =
            tenant.create_device_group(&device_group("One", 1, rule(Aspect::Name, "a"))).await.unwrap();
        let second =
            tenant.create_device_group(&device_group("Two", 2, rule(Aspect::Name, "b"))).await.unwrap();
        assert_eq!(store.tenants_to_regroup().await.unwrap(), [(ONE, 2)]);
        let mut after = None;
        loop {
            let pass = tenant.regroup_machines(after.as_ref(), 1).await.unwrap();
            match pass.last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        tenant.regrouped(2).await.unwrap();
        assert_eq!(store.tenants_to_regroup().await.unwrap(), []);
        let machine = tenant.machine(&ids[0]).await.unwrap().unwrap();
        assert_eq!((machine.rbac_group_id, machine.rbac_group_name.as_deref()), (first.id, Some("One")));
        let machine = tenant.machine(&ids[2]).await.unwrap().unwrap();
        assert_eq!((machine.rbac_group_id, machine.rbac_group_name.as_deref()), (0, Some("UnassignedGroup")));
        let found = tenant.alert(&model::AlertId("da1_1".into())).await.unwrap().unwrap();
        assert_eq!(found.rbac_group_name.as_deref(), Some("Two"));

        for (groups, machines, alerts) in [
            (vec![first.id], vec![0], vec!["da0_1"]),
            (vec![second.id], vec![1], vec!["da1_1"]),
            (vec![0, first.id], vec![0, 2], vec!["da0_1", "da2_1"]),
            (vec![99], vec![], vec![]),
            (vec![], vec![], vec![]),
        ] {
            let narrowed = tenant.clone().within(Reach::groups(groups));
            let mut expected: Vec<_> = machines.iter().map(|at: &usize| ids[*at].clone()).collect();
            expected.sort();
            let (seen_machines, seen_alerts) = seen(&narrowed, &ids).await;
            assert_eq!(seen_machines, expected);
            assert_eq!(seen_alerts, alerts);
        }
        let (all, alerts) = seen(&tenant, &ids).await;
        assert_eq!((all.len(), alerts.len()), (3, 3));

        let narrowed = tenant.clone().within(Reach::groups([first.id]));
        assert!(narrowed.machine_by_name("A.CORP").await.unwrap().is_some());
        assert!(narrowed.machine_by_name("b.corp").await.unwrap().is_none());
        let change = AlertChange {
            status: None,
            assigned_to: Some("me".into()),
            classification: None,
            determination: None,
            comment: None,
            expected: None,
            by: "me".into(),
            at: Ticks(9),
        };
        let hidden = narrowed.update_alert(&model::AlertId("da1_1".into()), &change).await.unwrap_err();
        let absent = narrowed.update_alert(&model::AlertId("da9_1".into()), &change).await.unwrap_err();
        assert_eq!(hidden.to_string().replace("da1_1", "da9_1"), absent.to_string());
        assert!(narrowed.update_alert(&model::AlertId("da0_1".into()), &change).await.is_ok());

        // A machine that is written again stays where the rules put it, and one whose group is removed falls back.
        tenant.delete_device_group(first.id).await.unwrap();
        let rewritten = machine_of(&tenant, &ids[0]).await;
        tenant.commit_machines("t", 2, &[rewritten]).await.unwrap();
        assert_eq!(machine_of(&tenant, &ids[0]).await.rbac_group_id, 0);
        let third =
            tenant.create_device_group(&device_group("One", 1, rule(Aspect::Name, "a"))).await.unwrap();
        assert!(third.id > second.id, "ids are not used again");
    })
    .await;
}

async fn machine_of(store: &TenantStore, id: &DeviceId) -> model::machine::Machine {
    store.machine(id).await.unwrap().unwrap()
}

#[tokio::test]
async fn membership_gives_what_the_roles_of_the_groups_hold() {
    on_each_tenant(async |_store, tenant| {
        let (alice, bob) = (user(1, "alice"), user(2, "bob"));
        tenant.create_user(&alice).await.unwrap();
        tenant.create_user(&bob).await.unwrap();
        let group = |id: u128, name: &str| UserGroup {
            id: Uuid::from_u128(id),
            name: name.to_owned(),
            description: String::new(),
        };
        let (eu, us) = (group(11, "EU"), group(12, "US"));
        tenant.create_user_group(&eu).await.unwrap();
        tenant.create_user_group(&us).await.unwrap();
        assert_eq!(tenant.create_user_group(&group(13, "eu")).await.unwrap_err().kind(), ErrorKind::Conflict);
        tenant.add_members(eu.id, &[alice.id, bob.id, alice.id]).await.unwrap();
        tenant.add_members(us.id, &[alice.id]).await.unwrap();
        let nobody = tenant.add_members(us.id, &[Uuid::from_u128(99)]).await.unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::NotFound);
        let hunter = Role {
            id: Uuid::from_u128(21).to_string(),
            name: "Hunter".into(),
            description: String::new(),
            permissions: vec![RolePermission::ViewData],
        };
        tenant.create_role(&hunter).await.unwrap();
        let taken = Role { id: "x".into(), name: "analyst".into(), ..hunter.clone() };
        assert_eq!(tenant.create_role(&taken).await.unwrap_err().kind(), ErrorKind::Conflict);
        tenant.assign_role(&hunter.id, &[eu.id]).await.unwrap();
        tenant.assign_role("administrator", &[us.id]).await.unwrap();
        assert_eq!(tenant.assign_role("x", &[us.id]).await.unwrap_err().kind(), ErrorKind::NotFound);
        let of_alice = tenant.membership(alice.id).await.unwrap();
        assert!(of_alice.is_administrator);
        assert_eq!(of_alice.groups.len(), 2);
        let of_bob = tenant.membership(bob.id).await.unwrap();
        assert!(!of_bob.is_administrator);
        assert_eq!(of_bob.groups, [(eu.id, [RolePermission::ViewData].into())]);
        tenant.delete_role(&hunter.id).await.unwrap();
        assert_eq!(tenant.membership(bob.id).await.unwrap().groups, []);
        tenant.set_membership(bob.id, &[eu.id, us.id], &[us.id]).await.unwrap();
        assert_eq!(tenant.members(us.id, 10).await.unwrap(), [alice.id, bob.id]);
        assert_eq!(tenant.members(eu.id, 10).await.unwrap(), [alice.id]);
        // A device group for one user group alone does not fall open when that is removed.
        let own = DeviceGroup { user_groups: vec![eu.id], ..device_group("D", 1, rule(Aspect::Tag, "x")) };
        let own = tenant.create_device_group(&own).await.unwrap();
        assert_eq!(tenant.device_groups().await.unwrap(), std::slice::from_ref(&own));
        assert_eq!(tenant.delete_user_group(eu.id).await.unwrap_err().kind(), ErrorKind::Conflict);
        tenant.change_device_group(&DeviceGroup { user_groups: vec![us.id, eu.id], ..own }).await.unwrap();
        tenant.delete_user_group(eu.id).await.unwrap();
        assert_eq!(tenant.device_groups().await.unwrap()[0].user_groups, [us.id]);
        tenant.set_unassigned_access(&[us.id]).await.unwrap();
        assert_eq!(tenant.unassigned_access().await.unwrap(), [us.id]);
    })
    .await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    on_each_tenant(async |_store, tenant| {
        let (alice, bob) = (user(1, "alice"), user(2, "bob"));
        tenant.create_user(&alice).await.unwrap();
        tenant.create_user(&store::User { is_administrator: false, ..bob.clone() }).await.unwrap();
        for change in [
            UserChange { is_administrator: Some(false), ..UserChange::default() },
            UserChange { is_disabled: Some(true), ..UserChange::default() },
        ] {
            assert_eq!(tenant.change_user(alice.id, &change).await.unwrap_err().kind(), ErrorKind::Conflict);
        }
        assert_eq!(tenant.delete_user(alice.id).await.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(tenant.user_by_id(alice.id).await.unwrap(), Some(alice.clone()));
        let change = UserChange { is_administrator: Some(true), ..UserChange::default() };
        assert!(tenant.change_user(bob.id, &change).await.unwrap().is_administrator);
        tenant.delete_user(alice.id).await.unwrap();
        let names: Vec<_> =
            tenant.users_after("", 10).await.unwrap().into_iter().map(|user| user.principal_name).collect();
        assert_eq!(names, [bob.principal_name]);
    })
    .await;
}

#[tokio::test]
async fn a_bound_of_a_grant_outlives_it_and_goes_with_the_app() {
    on_each_tenant(async |_store, tenant| {
        let id = AppId(Uuid::from_u128(5));
        let app = App { id, display_name: "a".into(), manifest: vec![], created: Ticks(1) };
        tenant.create_app(&app).await.unwrap();
        let grant =
            Grant { permissions: vec!["Alert.Read.All".into()], granted_by: "a".into(), granted: Ticks(1) };
        tenant.put_grant(id, &grant).await.unwrap();
        let scope = GrantScope { device_groups: vec![3], ..GrantScope::default() };
        tenant.put_grant_scope(id, &scope).await.unwrap();
        tenant.remove_grant(id).await.unwrap();
        assert_eq!(tenant.grant(id).await.unwrap(), None);
        tenant.put_grant(id, &grant).await.unwrap();
        assert_eq!(tenant.grant_scope(id).await.unwrap(), scope);
        tenant.delete_app(id).await.unwrap();
        assert_eq!(tenant.app(id).await.unwrap(), None);
        assert_eq!(tenant.grant_scope(id).await.unwrap(), GrantScope::default());
        assert_eq!(tenant.delete_app(id).await.unwrap_err().kind(), ErrorKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn the_audit_log_is_a_chain_in_each_tenant() {
    let entry = |object: &str| AuditEntry {
        actor: "admin".into(),
        app: None,
        user: None,
        address: None,
        action: "PATCH /api/alerts/{id}".into(),
        object: Some(object.into()),
        verdict: Verdict::Done,
        status: Some(200),
        request: "r".into(),
        detail: None,
    };
    on_each_tenant(async |_, tenant| {
        for at in 0..5 {
            tenant.audit(&entry(&at.to_string()), Ticks(at)).await.unwrap();
        }
        let mut verifier = Verifier::default();
        let first = tenant.audit_records(0, 3).await.unwrap();
        let rest = tenant.audit_records(3, 100).await.unwrap();
        assert_eq!((first.len(), rest.len()), (3, 2));
        first.iter().chain(&rest).for_each(|record| verifier.check(record).unwrap());
        assert_eq!(verifier.records(), 5);
    })
    .await;
}
