//! Runs queries over fixture tables and shows the result as text.

use std::sync::{Arc, LazyLock};

use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use expect_test::Expect;
use model::{Table, Ticks, tables};
use query::{Answer, Engine, EngineConfig, QueryError, Tables};

/// Hands out the rows of `rows_of`, as an event lake would.
pub struct Fixtures;

impl Tables for Fixtures {
    fn table(&self, table: &'static Table) -> Arc<dyn TableProvider> {
        let rows: Vec<model::Row> = ROWS
            .iter()
            .filter(|(name, _)| *name == table.name)
            .map(|(_, json)| model::Row::from_json(table, serde_json::from_str(json).unwrap()).unwrap())
            .collect();
        let batch = super::tables::batch(table, &rows);
        Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap())
    }

    fn is_empty(&self, table: &'static Table) -> bool {
        ROWS.iter().all(|(name, _)| *name != table.name)
    }

    /// One file that is known, by two of its hashes.
    fn file_profiles(&self) -> Option<Arc<dyn TableProvider>> {
        use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
        let batch = RecordBatch::try_from_iter([
            ("Hash", Arc::new(StringArray::from(vec!["aa11", "bb22"])) as _),
            ("MD5", Arc::new(StringArray::from(vec!["bb22", "bb22"])) as _),
            ("GlobalPrevalence", Arc::new(Int64Array::from(vec![3, 3])) as _),
        ]);
        let batch = batch.unwrap();
        Some(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap()))
    }

    fn as_of(&self, as_of: model::lake::AsOf) -> Result<Arc<dyn Tables>, String> {
        Err(format!("the fixtures have no past, not even {as_of:?}"))
    }
}

const ROWS: &[(&str, &str)] = &[
    (
        "DeviceProcessEvents",
        r#"{"Timestamp":"2024-05-06T10:00:00.1234567Z","DeviceId":"d1","DeviceName":"pc1.corp","FileName":"powershell.exe","ProcessCommandLine":"powershell.exe -EncodedCommand AAAA","ProcessId":100,"AccountName":"ann","AdditionalFields":"{\"a\":{\"b\":[1,2]},\"text\":\"x y\"}"}"#,
    ),
    (
        "DeviceProcessEvents",
        r#"{"Timestamp":"2024-05-06T10:30:00Z","DeviceId":"d1","DeviceName":"pc1.corp","FileName":"cmd.exe","ProcessCommandLine":"cmd.exe /c whoami","ProcessId":101,"AccountName":"ann"}"#,
    ),
    (
        "DeviceProcessEvents",
        r#"{"Timestamp":"2024-05-06T11:00:00Z","DeviceId":"d2","DeviceName":"pc2.corp","FileName":"PowerShell.exe","ProcessCommandLine":"PowerShell -File c:\\x.ps1","ProcessId":200,"AccountName":"bob"}"#,
    ),
    (
        "DeviceProcessEvents",
        r#"{"Timestamp":"2024-05-07T09:00:00Z","DeviceId":"d3","DeviceName":"srv1.corp","FileName":"bash","ProcessCommandLine":"bash -c 'curl http://198.51.100.7/x'"}"#,
    ),
    (
        "DeviceNetworkEvents",
        r#"{"Timestamp":"2024-05-06T10:00:05Z","DeviceId":"d1","DeviceName":"pc1.corp","RemoteIP":"198.51.100.7","RemotePort":443,"InitiatingProcessId":100}"#,
    ),
    (
        "DeviceNetworkEvents",
        r#"{"Timestamp":"2024-05-06T10:00:06Z","DeviceId":"d1","DeviceName":"pc1.corp","RemoteIP":"198.51.100.8","RemotePort":80,"InitiatingProcessId":100}"#,
    ),
    (
        "DeviceNetworkEvents",
        r#"{"Timestamp":"2024-05-06T12:00:00Z","DeviceId":"d2","DeviceName":"pc2.corp","RemoteIP":"10.0.0.1","InitiatingProcessId":999}"#,
    ),
    (
        "DeviceNetworkInfo",
        r#"{"Timestamp":"2024-05-05T10:00:00Z","DeviceId":"d1","DeviceName":"pc1.corp","NetworkAdapterName":"eth0","NetworkAdapterType":"Ethernet","IPAddresses":"[{\"IPAddress\":\"10.0.0.1\",\"AddressType\":\"Private\"}]"}"#,
    ),
    (
        "DeviceNetworkInfo",
        r#"{"Timestamp":"2024-05-06T10:00:00Z","DeviceId":"d1","DeviceName":"pc1.corp","NetworkAdapterName":"eth0","NetworkAdapterType":"Ethernet","IPAddresses":"[{\"IPAddress\":\"10.0.0.5\",\"AddressType\":\"Private\"}]"}"#,
    ),
    (
        "DeviceNetworkInfo",
        r#"{"Timestamp":"2024-05-06T11:00:00Z","DeviceId":"d3","DeviceName":"srv1.corp","NetworkAdapterName":"eth0","NetworkAdapterType":"Ethernet","IPAddresses":"[{\"IPAddress\":\"10.0.0.1\",\"AddressType\":\"Private\"}]"}"#,
    ),
    (
        "DeviceRegistryEvents",
        r#"{"Timestamp":"2024-05-06T10:00:00Z","DeviceId":"d1","RegistryKey":"HKEY_LOCAL_MACHINE\\SOFTWARE\\X","AdditionalFields":"{\"Details\":\"DWORD (0x00000001)\"}"}"#,
    ),
];

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let geo = Some(Arc::new(super::geo::places()));
    Engine::new(EngineConfig { geo, ..EngineConfig::default() }, None).unwrap()
});

/// The instant that is now in these tests.
pub fn now() -> Ticks {
    Ticks::parse("2024-05-07T12:00:00Z").unwrap()
}

pub fn run(query: &str) -> Result<Answer, QueryError> {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_stack_size(8 << 20)
            .enable_all()
            .build()
            .unwrap()
    });
    let query = query.to_owned();
    RUNTIME.block_on(async {
        tokio::spawn(async move { ENGINE.run(&query, Arc::new(Fixtures), now()).await }).await.unwrap()
    })
}

/// `name:kind | ...`, then a line for each row.
pub fn shown(query: &str) -> String {
    show(query, run(query))
}

/// What came of a query, as text.
pub fn show(query: &str, result: Result<Answer, QueryError>) -> String {
    let answer = match result {
        Ok(answer) => answer,
        Err(QueryError::Invalid(diagnostics)) => {
            let lines = diagnostics.iter().map(|d| {
                let at = kql::position(query, d.span.start);
                let suggestions = if d.suggestions.is_empty() { "" } else { "; nearest: " };
                format!(
                    "error at {}:{}: {}{suggestions}{}",
                    at.line,
                    at.column,
                    d.message,
                    d.suggestions.join(", ")
                )
            });
            return lines.collect::<Vec<_>>().join("\n");
        }
        Err(error) => return format!("error: {error}"),
    };
    let header = answer.columns.iter().map(|(name, kind)| format!("{name}:{}", kind.name()));
    let mut lines = vec![header.collect::<Vec<_>>().join(" | ")];
    for batch in &answer.batches {
        for row in 0..batch.num_rows() {
            let cells = (0..batch.num_columns()).map(|column| answer.text_at(batch, column, row));
            lines.push(cells.collect::<Vec<_>>().join(" | "));
        }
    }
    lines.join("\n")
}

#[track_caller]
pub fn check(query: &str, expected: Expect) {
    expected.assert_eq(&shown(query));
}

/// Every table exists, also without rows.
#[test]
fn every_declared_table_can_be_counted() {
    for table in tables::TABLES {
        assert_eq!(
            shown(&format!("{} | where false | count", table.name)),
            "Count:long\n0",
            "{}",
            table.name
        );
    }
}
