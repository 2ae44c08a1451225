//! No tenant sees rows of another, though ids and names are the same in both.

use model::alert::{Alert, AlertStatus, Severity};
use model::machine::{Machine, RiskScore};
use model::{AlertId, AppId, ErrorKind, TenantId};
use store::{
    AlertChange, AlertScope, App, Generation, Grant, PageRequest, ProfileKind, ProfileRow, Store, Tenant,
    User,
};
use uuid::Uuid;

use crate::{
    HOUR, ONE, TWO, alert, alert_query, device, hour, machine, machine_query, on_each_store, raised,
};

const APP: AppId = AppId(Uuid::from_u128(11));
const FIRST: PageRequest<'static> = PageRequest { limit: 100, cursor: None };

fn user_profile(mark: &str) -> ProfileRow {
    ProfileRow {
        kind: ProfileKind::User,
        id: "ada".to_owned(),
        alias: Some("a".to_owned()),
        first_seen: hour(1),
        last_seen: hour(2),
        state: mark.as_bytes().to_vec(),
    }
}

async fn fill(store: &Store, id: TenantId, mark: &str) {
    let (created, name) = (hour(1), mark.to_owned());
    let tenant = Tenant { id, display_name: name.clone(), domain: name.clone(), created };
    store.create_tenant(&tenant).await.unwrap();
    let tenant = store.tenant(id);
    let app = App { id: APP, display_name: name.clone(), manifest: vec![name.clone()], created };
    tenant.create_app(&app).await.unwrap();
    let grant = Grant { permissions: vec![name.clone()], granted_by: name.clone(), granted: created };
    tenant.put_grant(APP, &grant).await.unwrap();
    let user = User {
        id: Uuid::from_u128(7),
        principal_name: "ada".to_owned(),
        display_name: name.clone(),
        password_hash: String::new(),
        is_administrator: false,
        is_disabled: false,
        tokens_from: model::Ticks(0),
        created,
    };
    tenant.create_user(&user).await.unwrap();
    let tagged = Machine { machine_tags: vec![name.clone()], ..machine("pc1") };
    tenant.commit_machines("profiles", 3, &[tagged]).await.unwrap();
    tenant.commit_profiles(0, &[user_profile(mark)], &[], None).await.unwrap();
    tenant.add_device_names(&[(format!("alias of {mark}"), device("pc1"))]).await.unwrap();
    let draft = Alert { aad_tenant_id: id, title: name, ..alert("a", "pc1", Severity::Low, 1) };
    tenant.commit_alerts("rules", 4, &[raised(draft, "r")], HOUR).await.unwrap();
}

#[tokio::test]
async fn each_tenant_reads_its_own_rows() {
    on_each_store(async |store| {
        fill(&store, ONE, "one").await;
        fill(&store, TWO, "two").await;
        for (id, own, others) in [(ONE, "one", "two"), (TWO, "two", "one")] {
            let tenant = store.tenant(id);
            assert_eq!(tenant.id(), id);
            assert_eq!(tenant.app(APP).await.unwrap().unwrap().display_name, own);
            assert_eq!(tenant.apps().await.unwrap().len(), 1);
            assert_eq!(tenant.grant(APP).await.unwrap().unwrap().granted_by, own);
            assert_eq!(tenant.user_by_name("ada").await.unwrap().unwrap().display_name, own);
            assert_eq!(tenant.device_names().await.unwrap().len(), 1);
            assert_eq!(tenant.machine(&device("pc1")).await.unwrap().unwrap().machine_tags, [own]);
            let by_name = tenant.machine_by_name("pc1").await.unwrap().unwrap();
            assert_eq!(by_name.machine_tags, [own]);
            assert_eq!(tenant.machine_by_name(&format!("alias of {others}")).await.unwrap(), None);
            assert_eq!(tenant.machines_with_ids(&[device("pc1")]).await.unwrap().len(), 1);
            let (in_use, kind) = (Generation::InUse, ProfileKind::User);
            for found in [
                tenant.profiles_with_ids(in_use, kind, &["ada"]).await.unwrap(),
                tenant.profiles_with_alias(in_use, kind, "a", 5).await.unwrap(),
                tenant.profiles_between(in_use, kind, "", None, 5).await.unwrap(),
            ] {
                assert_eq!(found, [user_profile(own)]);
            }
            assert_eq!(tenant.profile_count_with_alias(kind, "a").await.unwrap(), 1);
            assert_eq!(tenant.profile_counts().await.unwrap(), [(kind, 1)]);
            assert_eq!(tenant.alert(&AlertId("a".to_owned())).await.unwrap().unwrap().title, own);
            assert_eq!(tenant.machine_count(None).await.unwrap(), 1);
            assert_eq!(tenant.alert_count(AlertScope::Device(device("pc1")), None).await.unwrap(), 1);

            let of_others = format!("machineTags/any(tag: tag eq '{others}') or osBuild eq 1");
            let query = machine_query(&[("$filter", &of_others), ("$count", "true")]);
            let page = tenant.list_machines(&query, FIRST).await.unwrap();
            assert_eq!((page.items.len(), page.count), (0, Some(0)));
            let of_others = format!("title eq '{others}' or title eq '{own}'");
            let query = alert_query(&[("$filter", &of_others), ("$count", "true")]);
            let page = tenant.list_alerts(AlertScope::All, &query, FIRST).await.unwrap();
            assert_eq!((page.items.len(), page.count), (1, Some(1)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_change_in_one_tenant_leaves_the_other_as_it_was() {
    on_each_store(async |store| {
        fill(&store, ONE, "one").await;
        fill(&store, TWO, "two").await;
        let id = AlertId("a".to_owned());
        let (one, two) = (store.tenant(ONE), store.tenant(TWO));
        let before = two.alert(&id).await.unwrap();
        let change = AlertChange {
            status: Some(AlertStatus::Resolved),
            assigned_to: None,
            classification: None,
            determination: None,
            comment: None,
            expected: None,
            by: "ada".to_owned(),
            at: hour(5),
        };
        one.update_alert(&id, &change).await.unwrap();
        one.commit_machines("profiles", 30, &[machine("pc1")]).await.unwrap();
        one.use_profile_generation(5, ("profiles", 0), |_| None).await.unwrap();
        one.remove_profiles_except(&[5]).await.unwrap();
        one.set_manifest(APP, Vec::new()).await.unwrap();

        assert_eq!(two.alert(&id).await.unwrap(), before);
        assert_eq!(
            (one.profile_generation().await.unwrap(), two.profile_generation().await.unwrap()),
            (5, 0)
        );
        let user = two.profiles_with_ids(Generation::InUse, ProfileKind::User, &["ada"]).await.unwrap();
        assert_eq!(user, [user_profile("two")]);
        let machine = two.machine(&device("pc1")).await.unwrap().unwrap();
        assert_eq!((machine.risk_score, machine.machine_tags), (RiskScore::Low, vec!["two".to_owned()]));
        assert_eq!(two.follower_position("profiles").await.unwrap(), 3);
        assert_eq!(two.app(APP).await.unwrap().unwrap().manifest, ["two"]);
        let nobody = store.tenant(TenantId(Uuid::from_u128(3)));
        assert_eq!(nobody.update_alert(&id, &change).await.unwrap_err().kind(), ErrorKind::NotFound);
    })
    .await;
}
