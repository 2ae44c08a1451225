//! Conditions reach the tables, on the columns they store, so that files can be left out.

use std::sync::{Arc, Mutex};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::{MemTable, TableType};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use expect_test::{Expect, expect};
use model::Table;
use model::lake::AsOf;
use query::{Engine, EngineConfig, Tables};

use crate::harness::now;

/// An empty table that remembers the conditions it was asked with.
#[derive(Debug)]
struct Recording {
    table: MemTable,
    asked: Arc<Mutex<Vec<String>>>,
}

#[async_trait::async_trait]
impl TableProvider for Recording {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.asked.lock().unwrap().extend(filters.iter().map(|filter| filter.to_string()));
        self.table.scan(session, projection, &[], limit).await
    }
}

struct Recorder(Arc<Mutex<Vec<String>>>);

impl Tables for Recorder {
    fn table(&self, table: &'static Table) -> Arc<dyn TableProvider> {
        let batch = super::tables::batch(table, &[]);
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        Arc::new(Recording { table, asked: self.0.clone() })
    }

    fn as_of(&self, as_of: AsOf) -> Result<Arc<dyn Tables>, String> {
        self.0.lock().unwrap().push(format!("{as_of:?}"));
        Ok(Arc::new(Recorder(self.0.clone())))
    }
}

#[track_caller]
fn check(query: &str, expected: Expect) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()
        .unwrap();
    let engine = Engine::new(EngineConfig::default(), None).unwrap();
    runtime.block_on(engine.run(query, Arc::new(Recorder(asked.clone())), now())).unwrap();
    let asked = asked.lock().unwrap().join("\n");
    // The scan's own name for the table says nothing here.
    expected.assert_eq(&regex::Regex::new(r"c\d+\.").unwrap().replace_all(&asked, ""));
}

#[test]
fn times_are_compared_as_they_are_stored() {
    check(
        "DeviceProcessEvents | where Timestamp > ago(1d) | count",
        expect![[r#"Timestamp >= TimestampNanosecond(1714996800000000100, Some("UTC"))"#]],
    );
    check(
        "DeviceProcessEvents | extend t = Timestamp | where DeviceId == 'd1' | where t between (datetime(2024-05-06) .. 1h) | project FileName",
        expect![[r#"
            DeviceId = Utf8View("d1")
            Timestamp >= TimestampNanosecond(1714953600000000000, Some("UTC"))
            Timestamp < TimestampNanosecond(1714957200000000100, Some("UTC"))"#]],
    );
}

#[test]
fn values_are_compared_on_their_columns() {
    check(
        "DeviceProcessEvents | where SHA256 in ('a', 'b') and ProcessId == 7 | summarize count() by DeviceName",
        expect![[r#"
            SHA256 = Utf8View("a") OR SHA256 = Utf8View("b")
            ProcessId = Int64(7)"#]],
    );
}

#[test]
fn the_past_is_asked_of_the_tables() {
    check(
        "set query_as_of = datetime(2024-05-06); DeviceInfo | where Timestamp > datetime(2024-05-05)",
        expect![[r#"
            Time(Ticks(638505504000000000))
            Timestamp >= TimestampNanosecond(1714867200000000100, Some("UTC"))"#]],
    );
    check("set query_as_of_sequence = 40; set notruncation; DeviceInfo | count", expect!["Sequence(40)"]);
}
