//! Queries whose rows are taken part by part: how they end, and how they go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::MemTable;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use model::lake::AsOf;
use model::{Table, Ticks};
use query::{
    Asked, EmptyTables, Engine, EngineConfig, Part, Position, QueryError, SavedFunction, Tables, Windows,
};

fn now() -> Ticks {
    Ticks::parse("2024-05-07T12:00:00Z").unwrap()
}

fn engine() -> Engine {
    let config = EngineConfig { threads: 2, patience: Duration::from_millis(10), ..EngineConfig::default() };
    Engine::new(config, None).unwrap()
}

/// `DeviceEvents` with the sequences given, each as `ReportId` and with its parity as `ActionType`.
#[derive(Clone)]
struct Numbered(Arc<Vec<i64>>);

impl Numbered {
    fn new(sequences: impl IntoIterator<Item = i64>) -> Arc<Numbered> {
        Arc::new(Numbered(Arc::new(sequences.into_iter().collect())))
    }
}

impl Tables for Numbered {
    fn table(&self, table: &'static Table) -> Arc<dyn TableProvider> {
        let has_rows = table.name == "DeviceEvents";
        let sequences = if has_rows { self.0.to_vec() } else { Vec::new() };
        let parity = |n: &i64| if n % 2 == 0 { "even" } else { "odd" };
        let mut fields = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        let empty = super::tables::batch(table, &[]);
        for (at, field) in empty.schema().fields().iter().enumerate() {
            let array: ArrayRef = match field.name().as_str() {
                "ReportId" => Arc::new(Int64Array::from(sequences.clone())),
                "ActionType" => Arc::new(sequences.iter().map(parity).map(Some).collect::<StringViewArray>()),
                _ => datafusion::arrow::array::new_null_array(empty.column(at).data_type(), sequences.len()),
            };
            fields.push(Field::new(field.name(), array.data_type().clone(), true));
            arrays.push(array);
        }
        fields.push(Field::new("_sequence", DataType::Int64, true));
        arrays.push(Arc::new(Int64Array::from(sequences)));
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
        Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap())
    }

    fn last_sequence(&self) -> Option<i64> {
        self.0.iter().copied().max()
    }

    fn as_of(&self, as_of: AsOf) -> Result<Arc<dyn Tables>, String> {
        let AsOf::Sequence(until) = as_of else { return Err("no times here".to_owned()) };
        Ok(Numbered::new(self.0.iter().copied().filter(|sequence| *sequence <= until)))
    }
}

async fn resumable(
    engine: &Engine,
    query: &str,
    tables: Arc<Numbered>,
    from: Option<Position>,
) -> Result<query::Running, QueryError> {
    let asked = Asked::new(query, tables.clone(), now());
    let last = tables.last_sequence().unwrap();
    engine.open_resumable(asked, Windows::new(from, last, Box::new(move || tables.clone()))).await
}

fn numbers(batch: &RecordBatch) -> Vec<i64> {
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

#[tokio::test]
async fn a_query_goes_on_from_every_position() {
    let engine = engine();
    let sequences: Vec<i64> = (1..=400_000).filter(|n| n % 3 == 0).collect();
    let query = "let wanted = DeviceEvents | where ActionType == 'even'; wanted \
                 | extend n = ReportId * 2 | where n > 600 | project n";
    let mut expected: Vec<i64> =
        sequences.iter().filter(|n| *n % 2 == 0 && **n > 300).map(|n| n * 2).collect();
    let tables = Numbered::new(sequences.clone());
    let mut positions = vec![None];
    let mut running = resumable(&engine, query, tables.clone(), None).await.unwrap();
    assert_eq!(running.resumable(), Ok(399_999));
    let mut parts = vec![Vec::new()];
    while let Some(part) = running.next().await.unwrap() {
        match part {
            Part::Rows(batch) => parts.last_mut().unwrap().extend(numbers(&batch)),
            Part::Reached(position) => {
                positions.push(Some(position));
                parts.push(Vec::new());
            }
        }
    }
    assert!(positions.len() > 3, "{positions:?}");
    // These tables leave nothing out for a window's sake: each window reads all.
    assert_eq!(running.meter().stats().scanned.rows as usize % sequences.len(), 0);
    assert!(running.meter().stats().scanned.rows > 0);
    drop(running);

    // What is there later belongs to none of them.
    let grown = Numbered::new(sequences.into_iter().chain(400_001..400_010));
    for (at, position) in positions.into_iter().enumerate() {
        let mut running = resumable(&engine, query, grown.clone(), position).await.unwrap();
        if position.is_none() {
            continue;
        }
        let mut rest: Vec<i64> = parts[..at].concat();
        while let Some(part) = running.next().await.unwrap() {
            if let Part::Rows(batch) = part {
                rest.extend(numbers(&batch));
            }
        }
        rest.sort_unstable();
        expected.sort_unstable();
        assert_eq!(rest, expected, "from {position:?}");
    }
    assert_eq!(engine.running(), 0);
}

#[tokio::test]
async fn a_query_that_cannot_go_on_says_why_and_gives_its_rows() {
    let engine = engine();
    for (query, reason) in [
        ("DeviceEvents | summarize count() by ActionType", "it groups rows"),
        ("DeviceEvents | distinct ReportId", "it groups rows"),
        ("DeviceEvents | sort by ReportId", "it depends on the order of rows"),
        ("DeviceEvents | take 5 | project ReportId", "it ends after a number of rows"),
        ("DeviceEvents | join DeviceInfo on DeviceId", "it reads several tables"),
        ("DeviceEvents | union DeviceInfo", "it reads several tables"),
        ("DeviceEvents | serialize n = row_number() | project n", "it depends on the order of rows"),
        ("union DeviceEvents, DeviceInfo", "its rows do not come from one table"),
        ("print 1", "its rows do not come from one table"),
        ("let f = () { DeviceEvents }; f", "its rows do not come from one table"),
        (
            "datatable(ReportId: long) [2] | where ReportId in (DeviceEvents | project ReportId)",
            "its rows do not come from one table",
        ),
    ] {
        let running = resumable(&engine, query, Numbered::new(1..=10), None).await.unwrap();
        assert_eq!(running.resumable(), Err(reason), "{query}");
    }
    // A table that is read beside the first one is read whole in every part.
    let query = "DeviceEvents | where ReportId in ((DeviceEvents | where ReportId > 5 | project ReportId)) \
                 | project ReportId";
    let from = Position { after: 4, until: 10 };
    let mut running = resumable(&engine, query, Numbered::new(1..=10), Some(from)).await.unwrap();
    assert!(running.resumable().is_ok());
    let Some(Part::Rows(batch)) = running.next().await.unwrap() else { panic!("no rows") };
    assert_eq!(numbers(&batch), [6, 7, 8, 9, 10]);
}

/// A table without an end, which counts the parts that were taken.
#[derive(Clone, Debug)]
struct Endless(Arc<AtomicU64>);

impl Tables for Endless {
    fn table(&self, table: &'static Table) -> Arc<dyn TableProvider> {
        let rows = vec![model::Row::new(table); 64];
        let batch = super::tables::batch(table, &rows);
        let part = EndlessPart { batch: batch.clone(), taken: self.0.clone(), schema: batch.schema() };
        Arc::new(StreamingTable::try_new(batch.schema(), vec![Arc::new(part)]).unwrap())
    }

    fn as_of(&self, _: AsOf) -> Result<Arc<dyn Tables>, String> {
        Err("no past".to_owned())
    }
}

#[derive(Debug)]
struct EndlessPart {
    batch: RecordBatch,
    taken: Arc<AtomicU64>,
    schema: SchemaRef,
}

impl PartitionStream for EndlessPart {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (batch, taken) = (self.batch.clone(), self.taken.clone());
        let rows = futures::stream::unfold((), move |()| {
            let (batch, taken) = (batch.clone(), taken.clone());
            async move {
                tokio::task::yield_now().await;
                taken.fetch_add(1, Ordering::Relaxed);
                Some((Ok(batch), ()))
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), rows))
    }
}

/// Waits until something was read of a table.
async fn begins(taken: &AtomicU64) {
    while taken.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether nothing more is read of a table.
async fn stands_still(taken: &AtomicU64) -> bool {
    for _ in 0..200 {
        let before = taken.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if taken.load(Ordering::Relaxed) == before {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_query_stops_the_engine() {
    let engine = engine();
    for query in [
        "DeviceEvents",
        "DeviceEvents | summarize count() by ReportId",
        "DeviceEvents | join kind = inner DeviceInfo on DeviceId",
    ] {
        let taken = Arc::new(AtomicU64::new(0));
        let asked = Asked::new(query, Arc::new(Endless(taken.clone())), now());
        let mut running = engine.open(asked).await.unwrap();
        tokio::select! {
            ended = running.next() => assert!(matches!(ended, Ok(Some(_))), "{query}: {ended:?}"),
            () = begins(&taken) => {}
        }
        assert_eq!(engine.running(), 1);
        drop(running);
        assert_eq!(engine.running(), 0);
        assert!(stands_still(&taken).await, "{query}");
        assert_eq!(engine.memory_used(), 0, "{query}");
    }
    // So does one whose answer nobody waits for any more.
    let taken = Arc::new(AtomicU64::new(0));
    let answer = engine.run("DeviceEvents | count", Arc::new(Endless(taken.clone())), now());
    tokio::select! {
        ended = answer => panic!("{ended:?}"),
        () = begins(&taken) => {}
    }
    assert!(stands_still(&taken).await);
}

#[tokio::test]
async fn what_a_query_may_read_is_bounded() {
    let config = EngineConfig { scanned_rows_max: 1_000, ..EngineConfig::default() };
    let engine = Engine::new(config, None).unwrap();
    let endless = || Arc::new(Endless(Arc::default()));
    let refused = engine.run("DeviceEvents | count", endless(), now()).await;
    assert!(matches!(refused, Err(QueryError::ScanTooLarge { rows_max: 1_000, .. })), "{refused:?}");
    let refused = engine.run("print a = toscalar(DeviceEvents | count)", endless(), now()).await;
    assert!(matches!(refused, Err(QueryError::ScanTooLarge { .. })), "{refused:?}");
}

#[tokio::test]
async fn what_a_query_took_is_measured() {
    let engine = engine();
    let answer = engine.run("DeviceEvents | where ReportId > 5 | count", Numbered::new(1..=100), now());
    let stats = answer.await.unwrap().stats;
    assert_eq!((stats.rows, stats.scanned.rows), (1, 100));
    assert!(stats.memory_peak > 0 && stats.bytes > 0 && stats.elapsed > Duration::ZERO, "{stats:?}");
}

fn function(name: &str, parameters: &str, body: &str) -> SavedFunction {
    let [name, parameters, body] = [name, parameters, body].map(str::to_owned);
    SavedFunction { name, parameters, body }
}

fn with_functions(query: &str, functions: Vec<SavedFunction>) -> Asked {
    let asked = Asked::new(query, Numbered::new(1..=10), now());
    Asked { functions: functions.into(), ..asked }
}

#[tokio::test]
async fn saved_functions_are_called_by_name_and_see_each_other() {
    let functions = || {
        vec![
            function(
                "Above",
                "low: long, high: long = 8",
                "DeviceEvents | where ReportId > low and ReportId <= Top(high)",
            ),
            function("Top", "n: long", "n + 1"),
            function("Loop", "n: long", "Loop(n)"),
            function("Wrong", "", "DeviceEvents\n| where Nope == 1"),
            function("Twice", "T: (ReportId: long)", "union T, T"),
            // 2^40 uses of the first, if it were followed.
            function("Tree", "n: long", "Tree(n + 1) + Tree(n + 2)"),
        ]
    };
    for (query, expected) in [
        ("Above(3) | summarize n = count()", Ok("6")),
        ("Above(3, high = 5) | summarize n = count()", Ok("3")),
        ("print Top(1)", Ok("2")),
        ("DeviceEvents | invoke Twice() | summarize n = count()", Ok("20")),
        // The names of the query come first, in it and not in the functions.
        ("let Top = (n: long) { 100 }; Above(Top(1) - 97) | summarize n = count()", Ok("6")),
        ("print Loop(1)", Err("nested deeper")),
        ("print Tree(1)", Err("nested deeper")),
        ("Wrong | count", Err("function 'Wrong', line 2, column 9")),
        ("Wrong() | count", Err("function 'Wrong', line 2, column 9")),
        ("print Topp(1)", Err("Topp")),
    ] {
        let answer = engine().answer(with_functions(query, functions())).await;
        match (answer, expected) {
            (Ok(answer), Ok(text)) => assert_eq!(answer.text_at(&answer.batches[0], 0, 0), text, "{query}"),
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{query}: {error}"),
            (answer, _) => panic!("{query}: {answer:?}"),
        }
    }
    // A mistake inside a function is told at its call.
    let query = "Wrong | count";
    let refused = engine().answer(with_functions(query, functions())).await.unwrap_err();
    let QueryError::Invalid(diagnostics) = refused else { panic!("{refused}") };
    assert_eq!(&query[diagnostics[0].span.start..diagnostics[0].span.end], "Wrong");
}

#[tokio::test]
async fn functions_that_use_each_other_without_end_are_refused_soon() {
    let double =
        |at: usize| function(&format!("F{at}"), "n: long", &format!("F{}(n) + F{}(n)", at + 1, at + 1));
    let mut functions: Vec<SavedFunction> = (0..30).map(double).collect();
    functions.push(function("F30", "n: long", "n"));
    let refused = engine().answer(with_functions("print F0(1)", functions)).await.unwrap_err();
    assert!(refused.to_string().contains("used more than"), "{refused}");
}

#[tokio::test]
async fn rows_outside_of_the_times_are_not_there() {
    use super::harness::Fixtures;
    let time = |text| Ticks::parse(text).unwrap();
    for (first, last, expected) in [
        ("2024-05-06T10:00:00Z", "2024-05-06T10:30:00Z", "2"),
        ("2024-05-06T10:30:00Z", "2024-05-08T00:00:00Z", "3"),
        ("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "0"),
    ] {
        let asked = Asked::new("DeviceProcessEvents | summarize n = count()", Arc::new(Fixtures), now());
        let asked = Asked { times: Some((time(first), time(last))), ..asked };
        let answer = engine().answer(asked).await.unwrap();
        assert_eq!(answer.text_at(&answer.batches[0], 0, 0), expected);
    }
}

#[tokio::test]
async fn a_query_waits_for_its_place_and_then_is_refused() {
    let config =
        EngineConfig { app_queries_max: 1, patience: Duration::from_millis(20), ..EngineConfig::default() };
    let engine = Engine::new(config, None).unwrap();
    let asked = || Asked::new("print 1", Arc::new(EmptyTables::declared()), now());
    let first = engine.open(asked()).await.unwrap();
    assert!(matches!(engine.answer(asked()).await, Err(QueryError::Busy)));
    drop(first);
    assert!(engine.answer(asked()).await.is_ok());
}
