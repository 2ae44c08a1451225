//! Filters and orders: by a table of examples, and random ones against the plain meaning.

use std::collections::BTreeSet;

use model::ErrorKind;
use model::alert::{
    Alert, AlertComment, AlertEvidence, AlertStatus, Classification, Determination,
    EntityType as EvidenceKind, Severity,
};
use model::machine::{DeviceValue, HealthStatus, IpAddress, Machine};
use odata::{CompareOp, EntityType, Filter, Kind, Order, Property, Query, TextFn, Value};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value as Json;
use store::{ALERT_TYPE, AlertScope, MACHINE_TYPE, PageRequest, Store, TenantStore};

use crate::{
    Database, ONE, add_alerts, add_machines, alert, device, hour, machine, machine_query, naive,
    on_each_store,
};

const TEXTS: [Option<&str>; 8] = [
    None,
    Some("Alpha"),
    Some("alphabet"),
    Some("100%_sure!"),
    Some("a_b"),
    Some("ÄPFEL Straße"),
    Some("it's \\ \"quoted\""),
    Some(""),
];

pub(crate) fn text(at: usize) -> Option<String> {
    TEXTS[at % TEXTS.len()].map(str::to_owned)
}

/// Machines with many equal values, nulls in every property that can be null, and none alike.
fn machines() -> Vec<Machine> {
    let healths = [HealthStatus::Active, HealthStatus::Inactive, HealthStatus::NoSensorData];
    let values = [DeviceValue::Normal, DeviceValue::Low, DeviceValue::High];
    let make = |at: usize| Machine {
        computer_dns_name: text(at),
        first_seen: hour(at as i64 % 4),
        last_seen: hour(at as i64 % 6),
        os_platform: ["Windows11", "Linux", "windows10"][at % 3].to_owned(),
        os_version: text(at / 2),
        os_build: [None, Some(-1), Some(22_631), Some(i64::MAX)][at % 4],
        health_status: healths[at % 3],
        device_value: values[at / 3 % 3],
        rbac_group_id: 0,
        is_aad_joined: [None, Some(true), Some(false)][at / 2 % 3],
        ip_addresses: (0..at % 3)
            .map(|add| IpAddress {
                ip_address: format!("10.0.0.{}", (at + add) % 5),
                mac_address: text(at + add),
                kind: None,
                operational_status: None,
            })
            .collect(),
        machine_tags: TEXTS.iter().skip(at % 8).take(at % 4).flatten().map(|tag| (*tag).to_owned()).collect(),
        ..machine(&format!("pc{at}"))
    };
    (0..40).map(make).collect()
}

fn alerts() -> Vec<Alert> {
    let severities =
        [Severity::Low, Severity::High, Severity::Informational, Severity::Medium, Severity::UnSpecified];
    let statuses = [AlertStatus::New, AlertStatus::Resolved, AlertStatus::InProgress];
    let make = |at: usize| {
        let draft = alert(&format!("da{}_-{at}", at % 7), &format!("pc{}", at % 3), severities[at % 5], 1);
        Alert {
            incident_id: [Some(0), Some(1), Some(2)][at % 3],
            status: statuses[at / 2 % 3],
            classification: [None, Some(Classification::TruePositive), Some(Classification::Unknown)][at % 3],
            determination: [None, Some(Determination::Apt), Some(Determination::Malware)][at / 3 % 3],
            assigned_to: text(at),
            title: text(at / 3).unwrap_or_default(),
            alert_creation_time: hour(at as i64 % 5),
            last_event_time: [None, Some(hour(at as i64 % 3))][at % 2],
            resolved_time: [None, Some(hour(at as i64))][at / 4 % 2],
            evidence: (0..at % 4).map(|add| evidence(at + add)).collect(),
            comments: (0..at % 2).map(|add| comment(at + add)).collect(),
            mitre_techniques: (0..at % 3).map(|add| format!("T{}", (at + add) % 5)).collect(),
            ..draft
        }
    };
    (0..40).map(make).collect()
}

fn evidence(at: usize) -> AlertEvidence {
    let kinds = [EvidenceKind::File, EvidenceKind::Ip, EvidenceKind::Process];
    AlertEvidence {
        file_name: text(at),
        process_id: [None, Some(0), Some(1)][at % 3],
        evidence_creation_time: [None, Some(hour(at as i64 % 5))][at % 2],
        ..AlertEvidence::new(kinds[at % 3])
    }
}

fn comment(at: usize) -> AlertComment {
    AlertComment {
        comment: text(at).unwrap_or_default(),
        created_by: "Alpha".to_owned(),
        created_time: hour(at as i64 % 5),
    }
}

/// Every id of a list, read in pages.
async fn machine_ids(tenant: &TenantStore, query: &Query, limit: u64) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let request = PageRequest { limit, cursor: cursor.as_deref() };
        let page = tenant.list_machines(query, request).await.unwrap();
        ids.extend(page.items.iter().map(|machine| machine.id.to_string()));
        cursor = page.next;
        if cursor.is_none() {
            return ids;
        }
    }
}

async fn alert_ids(tenant: &TenantStore, query: &Query, limit: u64) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let request = PageRequest { limit, cursor: cursor.as_deref() };
        let page = tenant.list_alerts(AlertScope::All, query, request).await.unwrap();
        ids.extend(page.items.iter().map(|alert| alert.id.to_string()));
        cursor = page.next;
        if cursor.is_none() {
            return ids;
        }
    }
}

fn json<T: serde::Serialize>(entities: &[T]) -> Vec<Json> {
    entities.iter().map(|entity| serde_json::to_value(entity).unwrap()).collect()
}

#[tokio::test]
async fn filters_find_what_they_say() {
    on_each_store(async |store| {
        let names = ["alpha", "Beta.Corp", "100%_sure", "100xysure"];
        let mut machines = names.map(machine);
        machines[0].os_version = Some("10.0".to_owned());
        machines[0].machine_tags = vec!["VIP".to_owned(), "a_b".to_owned()];
        machines[1].machine_tags = vec!["axb".to_owned()];
        machines[1].last_seen = hour(5);
        machines[1].is_aad_joined = Some(true);
        machines[2].device_value = DeviceValue::High;
        machines[2].computer_dns_name = None;
        machines[2].os_processor = Some("100%_sure!".to_owned());
        machines[3].os_processor = Some("100xysure!".to_owned());
        add_machines(&store, &machines).await;

        for (filter, expected) in [
            ("computerDnsName eq 'ALPHA'", &[0][..]),
            ("computerDnsName ne 'alpha'", &[1, 2, 3]),
            ("not (computerDnsName eq 'alpha')", &[1, 2, 3]),
            ("computerDnsName eq null", &[2]),
            ("computerDnsName ne null", &[0, 1, 3]),
            ("osPlatform eq null", &[]),
            ("osPlatform ne null", &[0, 1, 2, 3]),
            ("computerDnsName in ('alpha', 'beta.CORP')", &[0, 1]),
            ("not (computerDnsName in ('alpha', 'beta.corp'))", &[2, 3]),
            ("startswith(computerDnsName, 'BETA')", &[1]),
            ("endswith(tolower(computerDnsName), 'corp')", &[1]),
            ("contains(osProcessor, '%_SURE!')", &[2]),
            ("contains(osProcessor, '')", &[2, 3]),
            ("not contains(osProcessor, '%')", &[0, 1, 3]),
            ("osVersion gt '1'", &[0]),
            ("lastSeen ge 2024-05-06T05:00:00Z", &[1]),
            ("lastSeen lt 2024-05-06T05:00:00Z", &[0, 2, 3]),
            ("isAadJoined eq true", &[1]),
            ("isAadJoined ne true", &[0, 2, 3]),
            ("osBuild eq null and rbacGroupId eq 0", &[0, 1, 2, 3]),
            ("deviceValue eq 'high'", &[2]),
            ("deviceValue ne 'High'", &[0, 1, 3]),
            ("deviceValue in ('High', 'Low')", &[2]),
            ("contains(deviceValue, 'NORM')", &[0, 1, 3]),
            ("machineTags/any(tag: tag eq 'vip')", &[0]),
            ("machineTags/any(tag: contains(tag, '_'))", &[0]),
            ("machineTags/any(tag: tag ne 'vip' and startswith(tag, 'a'))", &[0, 1]),
            ("machineTags/any()", &[0, 1]),
            ("not machineTags/any()", &[2, 3]),
            ("computerDnsName eq 'x'' or 1 eq 1 --'", &[]),
        ] {
            let query = machine_query(&[("$filter", filter)]);
            let found: BTreeSet<_> = machine_ids(&store.tenant(ONE), &query, 100).await.into_iter().collect();
            let expected: BTreeSet<_> = expected.iter().map(|at| machines[*at].id.to_string()).collect();
            assert_eq!(found, expected, "{filter}");
            let count = store.tenant(ONE).machine_count(query.filter.as_ref()).await.unwrap();
            assert_eq!(count, found.len() as u64, "{filter}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_filter_of_the_greatest_size_is_answered() {
    on_each_store(async |store| {
        add_machines(&store, &machines()).await;
        let property = MACHINE_TYPE.property("osBuild").unwrap();
        let equals = |value| Filter::Compare { property, op: CompareOp::Eq, value: Value::Int(value) };
        let wide = |join: fn(Vec<Filter>) -> Filter| join((0..999).map(|_| equals(22_631)).collect());
        let many = Filter::In { property, values: vec![Value::Int(22_631); 5_000] };
        let mut deep = equals(22_631);
        for at in 0..60 {
            deep =
                if at % 2 == 0 { Filter::And(vec![deep, equals(22_631)]) } else { Filter::Not(deep.into()) };
        }
        for filter in [wide(Filter::And), wide(Filter::Or), many, deep] {
            store.tenant(ONE).machine_count(Some(&filter)).await.unwrap();
            let query = odata::Query { filter: Some(filter), ..odata::Query::default() };
            let request = PageRequest { limit: 10, cursor: None };
            store.tenant(ONE).list_machines(&query, request).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_query_that_does_not_fit_the_entity_is_refused() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let title = ALERT_TYPE.property("title").unwrap();
        let last_seen = MACHINE_TYPE.property("lastSeen").unwrap();
        let addresses = MACHINE_TYPE.property("ipAddresses").unwrap();
        let value = Value::String("x".to_owned());
        for filter in [
            Filter::Compare { property: title, op: CompareOp::Eq, value: value.clone() },
            Filter::Compare { property: last_seen, op: CompareOp::Eq, value: value.clone() },
            Filter::Compare { property: addresses, op: CompareOp::Eq, value: Value::Null },
            Filter::Text { function: TextFn::Contains, property: last_seen, value: String::new() },
            Filter::Any { property: last_seen, test: None },
        ] {
            let refused = tenant.machine_count(Some(&filter)).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{filter}");
        }
        let order = vec![Order { property: addresses, descending: false }];
        let query = Query { order, ..Query::default() };
        let refused = tenant.list_machines(&query, PageRequest { limit: 1, cursor: None }).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
    })
    .await;
}

#[test]
fn every_property_of_the_json_is_declared() {
    for (entity, json) in
        [(&MACHINE_TYPE, json(&machines()).remove(0)), (&ALERT_TYPE, json(&alerts()).remove(0))]
    {
        let declared: Vec<_> = entity.properties.iter().map(|property| property.name).collect();
        let present: Vec<_> = json.as_object().unwrap().keys().collect();
        assert_eq!(declared, present, "{}", entity.name);
        for property in entity.properties {
            let is_scalar = !matches!(property.kind, Kind::Strings | Kind::Objects | Kind::Complex);
            assert_eq!(property.order, is_scalar, "{}", property.name);
            assert_eq!(property.filter, property.kind != Kind::Complex, "{}", property.name);
        }
    }
}

#[test]
fn declared_members_of_enums_are_those_of_the_model() {
    fn check<T: serde::de::DeserializeOwned>(entity: &EntityType, property: &str) {
        let values = entity.property(property).unwrap().values;
        for value in values {
            serde_json::from_value::<T>((*value).into()).unwrap();
        }
        // The message of a refusal lists every member.
        let refusal = serde_json::from_value::<T>("?".into()).err().unwrap().to_string();
        assert_eq!(refusal.matches('`').count() / 2 - 1, values.len(), "{property}: {refusal}");
    }
    check::<HealthStatus>(&MACHINE_TYPE, "healthStatus");
    check::<DeviceValue>(&MACHINE_TYPE, "deviceValue");
    check::<model::machine::RiskScore>(&MACHINE_TYPE, "riskScore");
    check::<Severity>(&ALERT_TYPE, "severity");
    check::<AlertStatus>(&ALERT_TYPE, "status");
    check::<Classification>(&ALERT_TYPE, "classification");
    check::<Determination>(&ALERT_TYPE, "determination");
}

#[test]
fn random_queries_of_machines_mean_what_they_say() {
    let machines = machines();
    let json = json(&machines);
    check_random_queries(
        &MACHINE_TYPE,
        async |store| add_machines(store, &machines).await,
        async |tenant, query, limit| {
            let expected = naive::ids(&json, query, &MACHINE_TYPE, ("id", false));
            (machine_ids(tenant, query, limit).await, expected)
        },
    );
}

#[test]
fn random_queries_of_alerts_mean_what_they_say() {
    let alerts = alerts();
    let json = json(&alerts);
    check_random_queries(
        &ALERT_TYPE,
        async |store| add_alerts(store, alerts.clone()).await,
        async |tenant, query, limit| {
            let expected = naive::ids(&json, query, &ALERT_TYPE, ("alertCreationTime", true));
            (alert_ids(tenant, query, limit).await, expected)
        },
    );
}

fn check_random_queries(
    entity: &'static EntityType,
    fill: impl AsyncFn(&Store),
    run: impl AsyncFn(&TenantStore, &Query, u64) -> (Vec<String>, Vec<String>),
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for database in runtime.block_on(Database::each()) {
        let store = runtime.block_on(database.open());
        runtime.block_on(fill(&store));
        let tenant = store.tenant(ONE);
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(300) });
        let outcome = runner.run(&(queries(entity), 1..50u64), |(query, limit)| {
            let (found, expected) = runtime.block_on(run(&tenant, &query, limit));
            prop_assert_eq!(found, expected);
            Ok(())
        });
        outcome.unwrap();
        runtime.block_on(store.close());
    }
}

pub(crate) fn queries(entity: &'static EntityType) -> impl Strategy<Value = Query> {
    let sortable: Vec<_> = entity.properties.iter().filter(|property| property.order).collect();
    let order = (prop::sample::select(sortable), any::<bool>())
        .prop_map(|(property, descending)| Order { property, descending });
    (prop::option::weighted(0.9, filters(entity)), prop::collection::vec(order, 0..3))
        .prop_map(|(filter, order)| Query { filter, order, ..Query::default() })
}

fn filters(entity: &'static EntityType) -> impl Strategy<Value = Filter> {
    let filterable: Vec<_> = entity.properties.iter().filter(|property| property.filter).collect();
    let leaf = prop::sample::select(filterable).prop_flat_map(|property| match property.kind {
        Kind::Strings => {
            let test = joined(conditions(property, Kind::String).boxed());
            prop::option::of(test.prop_map(Box::new))
                .prop_map(move |test| Filter::Any { property, test })
                .boxed()
        }
        Kind::Objects => {
            let members: Vec<_> = property.elements.iter().collect();
            let leaf = prop::sample::select(members).prop_flat_map(|member| conditions(member, member.kind));
            prop::option::of(joined(leaf.boxed()).prop_map(Box::new))
                .prop_map(move |test| Filter::Any { property, test })
                .boxed()
        }
        kind => conditions(property, kind).boxed(),
    });
    joined(leaf.boxed())
}

fn joined(leaf: BoxedStrategy<Filter>) -> impl Strategy<Value = Filter> {
    leaf.prop_recursive(3, 12, 3, |inner| {
        let parts = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            parts.clone().prop_map(Filter::And),
            parts.prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

fn conditions(property: &'static Property, kind: Kind) -> BoxedStrategy<Filter> {
    use CompareOp::{Eq, Ge, Gt, Le, Lt, Ne};

    let value = values(property, kind);
    let all_ops = prop::sample::select(vec![Eq, Ne, Gt, Ge, Lt, Le]);
    let ops = if kind == Kind::Bool { prop::sample::select(vec![Eq, Ne]).boxed() } else { all_ops.boxed() };
    let compare = (ops, value.clone()).prop_map(move |(op, value)| Filter::Compare { property, op, value });
    let null = prop::sample::select(vec![Eq, Ne]).prop_map(move |op| Filter::Compare {
        property,
        op,
        value: Value::Null,
    });
    let list = prop::collection::vec(value, 1..4).prop_map(move |values| Filter::In { property, values });
    if !matches!(kind, Kind::String | Kind::Enum) {
        return prop_oneof![3 => compare, 1 => null, 1 => list].boxed();
    }
    let functions = vec![TextFn::Contains, TextFn::StartsWith, TextFn::EndsWith];
    let parts = vec!["", "A", "a_", "%", "!", "ä", "STRASSE", "straße", "'", "\\", "in", "t1", "PC"];
    let part = (prop::sample::select(functions), prop::sample::select(parts))
        .prop_map(move |(function, part)| Filter::Text { function, property, value: part.to_owned() });
    prop_oneof![3 => compare, 1 => null, 1 => list, 3 => part].boxed()
}

fn values(property: &'static Property, kind: Kind) -> BoxedStrategy<Value> {
    let choice = |values: Vec<Value>| prop::sample::select(values).boxed();
    let string = |text: &str| Value::String(text.to_owned());
    match kind {
        Kind::Enum => choice(property.values.iter().map(|member| string(member)).collect()),
        Kind::Int64 => choice([-1, 0, 1, 22_631, i64::MAX].map(Value::Int).to_vec()),
        Kind::Bool => choice(vec![Value::Bool(true), Value::Bool(false)]),
        Kind::DateTime => choice((0..6).map(|at| Value::DateTime(hour(at).0)).collect()),
        Kind::String => {
            let known = [device("pc1").to_string(), device("PC2").to_string(), ONE.to_string()];
            let texts = TEXTS.iter().flatten().copied();
            let texts = texts.chain(["ALPHA", "äpfel strasse", "LINUX", "da1_-1", "T1", "t3"]);
            choice(texts.map(string).chain(known.map(Value::String)).collect())
        }
        Kind::Double | Kind::Strings | Kind::Objects | Kind::Complex => {
            unreachable!("{} has no values", property.name)
        }
    }
}
