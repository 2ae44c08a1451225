//! What people set of machines stays when events make them anew.

use model::machine::{DeviceValue, Machine};
use model::{DeviceId, ErrorKind};
use store::{MachineChange, MachineScope, PageRequest, TagChange, TenantStore};

use crate::{ONE, add_machines, device, hour, machine, machine_query, on_each_store};

fn change(tags: Option<TagChange>) -> MachineChange {
    MachineChange { tags, device_value: None, expected: None, by: "ada".to_owned(), at: hour(1) }
}

async fn tags_after(tenant: &TenantStore, tags: TagChange) -> Vec<String> {
    tenant.change_machines(&[device("pc1")], &change(Some(tags))).await.unwrap().remove(0).machine_tags
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

#[tokio::test]
async fn tags_and_values_stay_whatever_events_say() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let sent = Machine { machine_tags: texts(["lab", "old"]), ..machine("pc1") };
        add_machines(&store, std::slice::from_ref(&sent)).await;
        assert_eq!(tags_after(&tenant, TagChange::Add("vip".to_owned())).await, ["lab", "old", "vip"]);
        assert_eq!(tags_after(&tenant, TagChange::Remove("OLD".to_owned())).await, ["lab", "vip"]);
        let value = MachineChange { device_value: Some(DeviceValue::High), ..change(None) };
        tenant.change_machines(&[device("pc1")], &value).await.unwrap();
        let again =
            Machine { machine_tags: texts(["lab", "old", "new"]), last_seen: hour(2), ..sent.clone() };
        add_machines(&store, &[again]).await;
        let stored = tenant.machine(&device("pc1")).await.unwrap().unwrap();
        assert_eq!(stored.machine_tags, ["lab", "new", "vip"]);
        assert_eq!((stored.device_value, stored.last_seen), (DeviceValue::High, hour(2)));
        assert_eq!(tags_after(&tenant, TagChange::Replace(texts(["only"]))).await, ["only"]);
        assert_eq!(tenant.entity_history("machine", device("pc1").as_str()).await.unwrap().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_change_of_several_is_of_all_or_of_none() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        add_machines(&store, &[machine("pc1"), machine("pc2")]).await;
        let add = change(Some(TagChange::Add("x".to_owned())));
        let error = tenant.change_machines(&[device("pc1"), device("pc9")], &add).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let untagged = tenant.machine(&device("pc1")).await.unwrap().unwrap();
        assert!(untagged.machine_tags.is_empty());
        let expected = MachineChange { expected: Some("\"0\"".to_owned()), ..add.clone() };
        let stale = tenant.change_machines(&[device("pc1")], &expected).await.unwrap_err();
        assert_eq!(stale.kind(), ErrorKind::Conflict);
        let expected = MachineChange { expected: Some(store::etag(&untagged)), ..add };
        tenant.change_machines(&[device("pc1")], &expected).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn machines_are_found_by_tag_and_by_id() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let tagged = |name: &str, tag: &str| Machine { machine_tags: texts([tag]), ..machine(name) };
        add_machines(&store, &[tagged("pc1", "VIP"), tagged("pc2", "vip_2"), tagged("pc3", "vipx")]).await;
        let tag = |tag: &str, is_prefix| MachineScope::Tag { tag: tag.to_owned(), is_prefix };
        for (scope, mut expected) in [
            (tag("vip", false), vec![device("pc1")]),
            (tag("VIP", true), vec![device("pc1"), device("pc2"), device("pc3")]),
            (tag("vip_", true), vec![device("pc2")]),
            (MachineScope::Ids(vec![device("pc3"), device("pc9")]), vec![device("pc3")]),
            (MachineScope::Ids(Vec::new()), Vec::new()),
        ] {
            expected.sort();
            let request = PageRequest { limit: 10, cursor: None };
            let page = tenant.list_machines_of(&scope, &machine_query(&[]), request).await.unwrap();
            let ids: Vec<DeviceId> = page.items.into_iter().map(|machine| machine.id).collect();
            assert_eq!(ids, expected, "{scope:?}");
            assert_eq!(tenant.machine_count_of(&scope, None).await.unwrap(), ids.len() as u64);
        }
    })
    .await;
}
