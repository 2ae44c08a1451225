//! Hunting by callers who reach some device groups: rows of others change no answer.

use std::path::PathBuf;

use model::access::GrantScope;
use model::tables::TABLES;
use model::{DeviceId, Kind, Table, TenantId};
use query::EngineConfig;
use serde_json::{Map, Value, json};

use crate::world::World;

const SEEN: &str = "seen.contoso.example";
const HIDDEN: &str = "hidden.contoso.example";

/// Every way in which rows of others could show: by rows, by counts, by columns that are there, by plans.
const QUERIES: &[&str] = &[
    "DeviceProcessEvents | count",
    "DeviceProcessEvents | summarize count(), dcount(DeviceId) by FileName | order by FileName asc",
    "DeviceProcessEvents | order by Timestamp asc, ReportId asc | take 5",
    "DeviceProcessEvents | take 3",
    "DeviceProcessEvents | top 3 by Timestamp desc",
    "DeviceProcessEvents | distinct DeviceName | order by DeviceName asc",
    "DeviceProcessEvents | where DeviceName has 'hidden' | count",
    "DeviceProcessEvents | where DeviceName !has 'seen' | count",
    "DeviceProcessEvents | where FileName has 'secret' | project FileName",
    "DeviceProcessEvents | summarize min(Timestamp), max(Timestamp)",
    "DeviceProcessEvents | summarize arg_max(Timestamp, *) by DeviceId | project DeviceName, FileName",
    "DeviceProcessEvents | summarize make_set(FileName), make_list(DeviceName)",
    "DeviceProcessEvents | summarize percentile(ProcessId, 90), avg(ProcessId), stdev(ProcessId)",
    "DeviceProcessEvents | summarize hll = hll(DeviceId) | project dcount_hll(hll)",
    "union Device* | summarize count() by Type = $table | order by Type asc",
    "union withsource=T Device* | summarize count() by T | order by T asc",
    "search 'hidden' | count",
    "search in (DeviceEvents, DeviceFileEvents) 'secret' | count",
    "find in (DeviceProcessEvents, DeviceFileEvents) where FileName has 'secret' | count",
    "DeviceProcessEvents | join kind=inner DeviceFileEvents on DeviceId | count",
    "DeviceProcessEvents | join kind=leftanti (DeviceFileEvents | where FileName has 'x') on DeviceName | count",
    "DeviceProcessEvents | join kind=fullouter DeviceNetworkEvents on DeviceId | count",
    "let hidden = DeviceProcessEvents | where DeviceName has 'hidden'; hidden | count",
    "let n = toscalar(DeviceProcessEvents | count); print n",
    "DeviceProcessEvents | where DeviceId in (DeviceInfo | project DeviceId) | count",
    "DeviceProcessEvents | lookup kind=leftouter (DeviceInfo | project DeviceId, OSPlatform) on DeviceId | count",
    "DeviceProcessEvents | make-series count() default=0 on Timestamp from datetime(2024-05-06) to datetime(2024-05-07) step 6h",
    "DeviceProcessEvents | evaluate bag_unpack(dynamic({'a':1})) | count",
    "DeviceProcessEvents | sample-distinct 10 of DeviceName",
    "DeviceProcessEvents | serialize rn = row_number() | summarize max(rn)",
    "DeviceProcessEvents | invoke FileProfile('SHA1') | project GlobalPrevalence, ProfileAvailability | take 3",
    "DeviceInfo | summarize count() by DeviceName",
    "DeviceNetworkInfo | count",
    "DeviceLogonEvents | summarize count() by AccountName",
    "AlertInfo | count",
    "AlertEvidence | count",
    "IdentityLogonEvents | count",
    "EmailEvents | count",
    "CloudAppEvents | count",
    "ExposureGraphNodes | count",
    "DeviceTvmSoftwareVulnerabilitiesKB | count",
    "union * | count",
    "search * | summarize count() by $table | order by $table asc",
];

/// A row of a table for a device, with something in every column.
fn row(table: &'static Table, tenant: TenantId, device: &str, at: usize) -> Value {
    let mut row = Map::new();
    for column in table.columns.iter().filter(|column| !column.is_extension) {
        let value = match column.kind {
            _ if column.name == "DeviceName" => json!(device),
            // The name says which device it is, where there is one.
            _ if column.name == "DeviceId" && table.position("DeviceName").is_some() => continue,
            _ if column.name == "DeviceId" => json!(DeviceId::from_name(tenant, device).as_str()),
            Kind::DateTime => json!(format!("2024-05-06T0{}:00:00.000000{}Z", at % 8, at % 10)),
            Kind::Bool => json!(at.is_multiple_of(2)),
            Kind::Int | Kind::Long => json!(at + 1),
            Kind::Real | Kind::Decimal => json!(at as f64 + 0.5),
            Kind::TimeSpan => json!("00:00:01"),
            Kind::Guid => json!("00000000-0000-0000-0000-000000000001"),
            Kind::Dynamic => json!({ "of": device }),
            Kind::String if device == HIDDEN => json!(format!("secret{at}")),
            Kind::String => json!(format!("plain{at}")),
        };
        row.insert(column.name.to_owned(), value);
    }
    row.into()
}

/// Tables of what is the same for everybody.
fn is_knowledge(table: &Table) -> bool {
    table.name.ends_with("KB") || table.name == "DeviceBaselineComplianceProfiles"
}

/// Rows of every table that has a device; of knowledge with the device seen, and of other tables with the one hidden.
async fn send(world: &World, device: &str, rows: usize) {
    for table in TABLES {
        let has_device = table.position("DeviceName").is_some() && table.position("DeviceId").is_some();
        if !has_device && is_knowledge(table) != (device == SEEN) {
            continue;
        }
        let lines: Vec<String> = (0..rows).map(|at| row(table, world.one, device, at).to_string()).collect();
        let path = format!("/api/ingest/{}", table.name);
        let reply = world.post(&path, lines.join("\n")).await;
        assert_eq!(reply.ok()["refused"], 0, "{}: {}", table.name, reply.text());
    }
}

/// The answers to queries as they are on the wire, or what is wrong with them.
async fn answers(world: &World, token: &str, queries: &[String]) -> Vec<String> {
    let mut answers = Vec::new();
    for query in queries {
        let body = json!({ "Query": query }).to_string();
        let reply = world.send("POST", "/api/advancedqueries/run", Some(token), body).await;
        let mut text = reply.text().to_owned();
        if !reply.status.is_success() {
            text = reply.json()["error"]["message"].to_string();
        }
        answers.push(format!("{} {text}", reply.status));
    }
    answers
}

/// Published queries, when the folder that holds them is there.
fn corpus() -> Vec<String> {
    let beside = "../../../shared";
    let folder = std::env::var_os("BARTIZAN_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let path = folder.join("corpus/kql-visible.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is absent; set BARTIZAN_SHARED to the folder that holds it", path.display());
        return Vec::new();
    };
    let queries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    queries.filter_map(|record| Some(record["query"].as_str()?.to_owned())).collect()
}

/// Compares answers before and after there are rows out of reach. `in_files` flushes those in reach first, for queries
/// that name no order of theirs.
async fn check(queries: &[String], in_files: bool) {
    // One thread, so that the same rows come in the same order.
    let engine = EngineConfig { threads: 1, ..EngineConfig::default() };
    let world = World::start_on(engine, |_| {}).await;
    let device_group = world.device_group("Seen", "seen", &[]).await;
    let scope = GrantScope { device_groups: vec![device_group], ..GrantScope::default() };
    let (_, token) = world.bounded_app(&scope).await;
    let store = world.store.tenant(world.one);
    store.commit_machines("test", 1, &[world.machine(SEEN)]).await.unwrap();
    send(&world, SEEN, 7).await;
    world.lake.flush().await.unwrap();
    send(&world, SEEN, 3).await;
    if in_files {
        world.lake.flush().await.unwrap();
    }
    let before = answers(&world, &token, queries).await;
    let seen = world.send(
        "POST",
        "/api/advancedqueries/run",
        Some(&token),
        json!({ "Query": "DeviceProcessEvents | count" }).to_string(),
    );
    assert_eq!(seen.await.ok()["Results"][0]["Count"], 10);

    // Of hot rows, of files, and of a device that is no machine yet.
    send(&world, HIDDEN, 5).await;
    world.lake.flush().await.unwrap();
    send(&world, HIDDEN, 2).await;
    let hot = answers(&world, &token, queries).await;
    store.commit_machines("test", 1, &[world.machine(HIDDEN)]).await.unwrap();
    let after = answers(&world, &token, queries).await;
    assert_eq!(world.row_count("DeviceProcessEvents").await, 17, "whoever reaches all sees all");
    let mut ok = 0;
    for (at, query) in queries.iter().enumerate() {
        assert_eq!(before[at], hot[at], "{query}");
        assert_eq!(before[at], after[at], "{query}");
        assert!(!after[at].contains("secret") || query.contains("secret"), "{query}: {}", after[at]);
        ok += usize::from(after[at].starts_with("200"));
    }
    eprintln!(
        "{ok} of {} queries have an answer, and the same with and without rows out of reach",
        queries.len()
    );
    assert!(queries.is_empty() || ok * 2 > queries.len(), "only {ok} of {} queries run", queries.len());
    let machine = DeviceId::from_name(world.one, HIDDEN);
    let reply = world.send("GET", &format!("/api/machines/{machine}"), Some(&token), "").await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn rows_of_other_device_groups_change_no_answer() {
    let queries: Vec<String> = QUERIES.iter().map(|query| (*query).to_owned()).collect();
    check(&queries, false).await;
}

#[tokio::test]
async fn rows_of_other_device_groups_change_no_answer_to_published_queries() {
    check(&corpus(), true).await;
}

#[tokio::test]
async fn the_lake_as_of_a_sequence_is_for_callers_who_reach_all() {
    let world = World::start().await;
    let device_group = world.device_group("Seen", "seen", &[]).await;
    let scope = GrantScope { device_groups: vec![device_group], ..GrantScope::default() };
    let (_, token) = world.bounded_app(&scope).await;
    let lake = world.lake.tenant(world.one).within(lake::Devices::new(&[]));
    assert!(lake.snapshot().as_of(model::lake::AsOf::Sequence(1)).is_err());
    assert!(lake.snapshot().as_of(model::lake::AsOf::Time(model::Clock::now(&*world.clock))).is_ok());
    let reply = world.send("GET", "/api/machines", Some(&token), "").await;
    assert_eq!(reply.ok()["value"], json!([]));
}
