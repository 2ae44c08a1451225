//! What holds for any query of a kind: how rows are cut into batches and parts changes nothing, a condition, its
//! opposite and its null take every row, and a query that is printed means the same.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use model::{Row, Table};
use proptest::prelude::*;
use query::{EmptyTables, Engine, EngineConfig, Tables};
use serde_json::json;

use crate::harness::{now, show};

const ROWS: usize = 60;

/// The rows, cut in two parts and into batches.
struct Cut {
    parts: Vec<Vec<RecordBatch>>,
    others: EmptyTables,
}

impl Tables for Cut {
    fn table(&self, table: &'static Table) -> Arc<dyn TableProvider> {
        match table.name {
            "DeviceProcessEvents" => {
                let schema = self.parts[0][0].schema();
                Arc::new(MemTable::try_new(schema, self.parts.clone()).unwrap())
            }
            _ => self.others.table(table),
        }
    }

    fn as_of(&self, _: model::lake::AsOf) -> Result<Arc<dyn Tables>, String> {
        Err("these rows have no past".to_owned())
    }
}

/// Rows with few different values, nulls, empty texts, and JSON.
static BATCH: LazyLock<RecordBatch> = LazyLock::new(|| {
    let table = model::tables::find("DeviceProcessEvents").unwrap();
    let rows: Vec<Row> = (0..ROWS as i64)
        .map(|at| {
            let mixed = (at * 7919) % 101;
            let file = ["cmd.exe", "PowerShell.exe", "bash", ""][(mixed % 4) as usize];
            let command = ["cmd.exe /c whoami", "powershell -enc AAAA", "bash -c 'curl http://x'", "größe"];
            let mut row = json!({
                "Timestamp": format!("2024-05-06T{:02}:{:02}:00Z", mixed % 24, at),
                "DeviceId": format!("d{}", mixed % 5),
                "FileName": file,
                "ProcessCommandLine": command[(mixed % 4) as usize],
                "AccountName": format!("u{}", mixed % 7),
                "AdditionalFields": format!("{{\"n\":{},\"tags\":[\"a\",{}]}}", mixed % 3, mixed % 2),
            });
            if mixed % 3 != 0 {
                row["ProcessId"] = json!(mixed);
            }
            if mixed % 2 == 0 {
                row["IsInitiatingProcessRemoteSession"] = json!(mixed % 4 == 0);
            }
            let serde_json::Value::Object(row) = row else { unreachable!() };
            Row::from_json(table, row).unwrap()
        })
        .collect();
    super::tables::batch(table, &rows)
});

fn cut(places: &[usize]) -> Cut {
    let mut places: Vec<usize> = places.iter().map(|at| at % ROWS).filter(|at| *at > 0).collect();
    places.extend([0, ROWS]);
    places.sort_unstable();
    places.dedup();
    let mut parts = vec![Vec::new(), Vec::new(), Vec::new()];
    for (number, ends) in places.windows(2).enumerate() {
        parts[number % 3].push(BATCH.slice(ends[0], ends[1] - ends[0]));
    }
    parts.retain(|part: &Vec<RecordBatch>| !part.is_empty());
    Cut { parts, others: EmptyTables::declared() }
}

/// The header and the rows of an answer, rows sorted.
fn answer(query: &str, cut: Cut, threads: usize) -> Vec<String> {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_stack_size(8 << 20)
            .enable_all()
            .build()
            .unwrap()
    });
    let engine = Engine::new(EngineConfig { threads, ..EngineConfig::default() }, None).unwrap();
    let result = RUNTIME.block_on(engine.run(query, Arc::new(cut), now()));
    let text = show(query, result);
    assert!(!text.starts_with("error"), "{query}: {text}");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[1..].sort_unstable();
    lines
}

fn condition() -> impl Strategy<Value = String> {
    let simple = prop::sample::select(vec![
        "FileName == 'cmd.exe'",
        "FileName =~ 'POWERSHELL.exe'",
        "ProcessId > 40",
        "ProcessId != 41",
        "ProcessId in (1, 5, 41, 60)",
        "ProcessCommandLine has 'whoami'",
        "ProcessCommandLine contains 'E'",
        "ProcessCommandLine has_any ('enc', 'curl', 'x')",
        "ProcessCommandLine matches regex '^[bp]'",
        "IsInitiatingProcessRemoteSession",
        "parse_json(AdditionalFields).n == 1",
        "tostring(parse_json(AdditionalFields).tags[1]) == '1'",
        "isnull(ProcessId)",
        "isempty(FileName)",
        "Timestamp between (datetime(2024-05-06 03:00) .. 9h)",
        "ProcessId % 7 == int(null)",
        "strlen(AccountName) * ProcessId > 100",
    ]);
    simple.prop_map(str::to_owned).prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not({a})")),
        ]
    })
}

fn shape() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "project FileName, ProcessId, AccountName",
        "summarize count(), sum(ProcessId), min(Timestamp), max(ProcessId), dcount(AccountName) by FileName",
        "summarize avg(ProcessId), round(stdev(ProcessId), 6), countif(ProcessId > 50), percentile(ProcessId, 50)",
        "summarize arg_max(Timestamp, *) by DeviceId",
        "summarize s = array_sort_asc(make_set(AccountName)), l = array_sort_asc(make_list(ProcessId)) by DeviceId",
        "distinct DeviceId, FileName",
        "extend j = parse_json(AdditionalFields) | mv-expand tag = j.tags to typeof(string) | summarize count() by tag",
        "join kind=inner (DeviceProcessEvents | project AccountName, Other = ProcessId) on AccountName | summarize count(), sum(Other) by DeviceId",
        "join kind=leftanti (DeviceProcessEvents | where ProcessId < 30) on DeviceId | count",
        "make-series n = count() default = 0 on Timestamp from datetime(2024-05-06) to datetime(2024-05-07) step 6h by FileName",
        "sort by Timestamp asc, ReportId asc | extend before = prev(ProcessId), sum = row_cumsum(ProcessId) | project Timestamp, before, sum",
        "top 5 by Timestamp | project Timestamp",
        "partition by DeviceId (top 1 by Timestamp | project DeviceId, Timestamp)",
        "summarize n = count() by DeviceId, AccountName | top-nested of DeviceId by sum(n)",
        "reduce by FileName",
        "project FileName, DeviceId | evaluate basket(0.4) | project-away SegmentId",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn how_rows_are_cut_changes_nothing(
        condition in condition(),
        shape in shape(),
        places in prop::collection::vec(0..ROWS, 0..12),
        threads in 1usize..4,
    ) {
        let query = format!("DeviceProcessEvents | where {condition} | {shape}");
        prop_assert_eq!(answer(&query, cut(&places), threads), answer(&query, cut(&[]), 1), "{}", query);
    }

    #[test]
    fn a_condition_its_opposite_and_its_null_take_every_row(condition in condition()) {
        let count = |condition: &str| {
            let query = format!("DeviceProcessEvents | where {condition} | count");
            answer(&query, cut(&[]), 1)[1].parse::<usize>().unwrap()
        };
        let all = [condition.clone(), format!("not({condition})"), format!("isnull({condition})")];
        let counts = all.map(|condition| count(&condition));
        prop_assert_eq!(counts.iter().sum::<usize>(), ROWS, "{} {:?}", condition, counts);
    }

    #[test]
    fn a_printed_query_means_the_same(condition in condition(), shape in shape()) {
        let query = format!("DeviceProcessEvents | where {condition} | {shape}");
        let printed = kql::parse(&query).query.to_string();
        prop_assert_eq!(answer(&printed, cut(&[]), 1), answer(&query, cut(&[]), 1), "{}", printed);
    }
}
