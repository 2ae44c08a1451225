//! Queries that want too much: each ends in a refusal that has a name, or in the right answer, inside its bounds, and
//! other queries are answered meanwhile.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Ticks;
use query::{Asked, Asker, EmptyTables, Engine, EngineConfig, QueryError};

const MEBIBYTE: usize = 1 << 20;
const DEADLINE: Duration = Duration::from_secs(4);
/// What the process may take at the most, the program itself and the test included.
const RESIDENT_MAX: usize = 1_200 * MEBIBYTE;

fn engine() -> Engine {
    let config = EngineConfig {
        memory_bytes: 256 * MEBIBYTE,
        query_memory_bytes: 128 * MEBIBYTE,
        spill_bytes: 1 << 30,
        threads: 2,
        deadline: DEADLINE,
        ..EngineConfig::default()
    };
    Engine::new(config, None).unwrap()
}

fn asked(query: &str, tenant: u128) -> Asked {
    let now = Ticks::parse("2024-05-07T12:00:00Z").unwrap();
    let asked = Asked::new(query, Arc::new(EmptyTables::declared()), now);
    Asked { asker: Asker { tenant, app: 1 }, ..asked }
}

/// The most memory the process had so far.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kibibytes.unwrap_or(0) << 10
}

/// How a query may end: with this value in its first row, if it comes that far.
type Right<'a> = Option<&'a str>;

#[track_caller]
fn is_named(error: &QueryError) -> bool {
    match error {
        QueryError::Invalid(diagnostics) => diagnostics
            .iter()
            .all(|diagnostic| !diagnostic.message.is_empty() && diagnostic.message.len() < 2_000),
        QueryError::TimedOut { .. }
        | QueryError::OutOfMemory
        | QueryError::MemoryBusy
        | QueryError::ResultTooLarge { .. }
        | QueryError::TextTooLong { .. }
        | QueryError::ScanTooLarge { .. } => true,
        _ => false,
    }
}

async fn check(queries: &[(String, Right<'_>)]) {
    let engine = engine();
    for (query, right) in queries {
        let shown: String = query.chars().take(120).collect();
        let started = Instant::now();
        let hostile = engine.answer(asked(query, 1));
        let other = async {
            let asked = asked("range n from 1 to 1000 step 1 | summarize n = sum(n)", 2);
            tokio::time::timeout(10 * DEADLINE, engine.answer(asked)).await
        };
        let (hostile, other) = tokio::join!(hostile, other);
        let took = started.elapsed();
        match hostile {
            Ok(answer) => {
                let found =
                    answer.batches.first().map(|batch| answer.text_at(batch, 0, 0)).unwrap_or_default();
                if let Some(right) = right {
                    assert_eq!(found, *right, "{shown}");
                }
            }
            Err(error) => assert!(is_named(&error), "{shown}: {error}"),
        }
        let other = other.unwrap_or_else(|_| panic!("{shown}: nobody else is answered")).unwrap();
        assert_eq!(other.text_at(&other.batches[0], 0, 0), "500500", "{shown}");
        // One step of a query is not interrupted, and a busy machine takes longer for it.
        assert!(took < 10 * DEADLINE, "{shown}: {took:?}");
        assert_eq!(engine.running(), 0, "{shown}");
        let resident = resident();
        assert!(resident < RESIDENT_MAX, "{shown}: {} MiB", resident / MEBIBYTE);
    }
}

fn owned<'a>(queries: &[(&str, Right<'a>)]) -> Vec<(String, Right<'a>)> {
    queries.iter().map(|(query, right)| ((*query).to_owned(), *right)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long evidence: make soak"]
async fn rows_that_multiply() {
    let queries = owned(&[
        (
            "range a from 1 to 100000 step 1 | extend k = 1 | join kind = inner (range b from 1 to 100000 step 1 | extend k = 1) on k | count",
            Some("10000000000"),
        ),
        (
            "range a from 1 to 2000 step 1 | extend k = 1 | join kind = inner (range b from 1 to 2000 step 1 | extend k = 1) on k | count",
            Some("4000000"),
        ),
        (
            "range a from 1 to 1000 step 1 | mv-expand b = range(1, 1000) | mv-expand c = range(1, 1000) | mv-expand d = range(1, 1000) | count",
            Some("1000000000000"),
        ),
        (
            "print a = range(1, 1000000) | mv-expand a | extend b = range(1, 1000) | mv-expand b | summarize make_set(b), make_list(a)",
            None,
        ),
        (
            "print a = range(1, 100000) | mv-apply a on (mv-expand b = range(1, 10000) | summarize make_list(b))",
            None,
        ),
        ("range a from 1 to 100000 step 1 | partition by a (take 1) | count", Some("100000")),
        (
            "range a from 1 to 1000000 step 1 | partition hint.strategy = native by a (summarize make_list(a)) | count",
            None,
        ),
    ]);
    check(&queries).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long evidence: make soak"]
async fn values_that_grow() {
    let mut queries = owned(&[
        (
            "range a from 1 to 1000000 step 1 | extend s = strcat(a, strrep('x', 1000)) | summarize make_list(s)",
            None,
        ),
        (
            "range a from 1 to 1000000 step 1 | extend s = strcat(a, strrep('x', 1000)) | summarize make_set(s)",
            None,
        ),
        (
            "range a from 1 to 1000000 step 1 | extend s = strcat(a, strrep('x', 1000)) | summarize make_list(s) by a % 10",
            None,
        ),
        (
            "range a from 1 to 1000000 step 1 | extend s = strcat(a, strrep('x', 1000)) | summarize arg_max(s, *) by a",
            None,
        ),
        (
            "range a from 1 to 1000000 step 1 | extend s = bag_pack(tostring(a), strrep('x', 500)) | summarize make_bag(s)",
            None,
        ),
        (
            "range a from 1 to 1000000 step 1 | extend s = strcat(a, strrep('x', 1000)) | sort by s | project a | take 1",
            Some("9"),
        ),
        (
            "range a from 1 to 1000000 step 1 | extend s = strcat(a, strrep('x', 1000)) | serialize p = prev(s) | count",
            None,
        ),
        ("range a from 1 to 1000000 step 1 | extend s = strcat(a, strrep('x', 1000))", None),
        (
            "range a from 1 to 1000000 step 1 | summarize dcount(a, 4), percentiles(a, 50, 99), hll(a) by a % 100000 | count",
            Some("100000"),
        ),
        (
            "range t from datetime(2000-01-01) to datetime(2020-01-01) step 1h | make-series n = count() on t from datetime(0001-01-01) to datetime(9999-01-01) step 1ms",
            None,
        ),
        ("print strrep('x', 1000000000)", None),
        ("print array_length(range(1, 1000000000))", None),
        ("print s = strcat_array(range(1, 1000000), strrep('x', 100000)) | project strlen(s)", None),
        (
            "print replace_string(strrep('x', 1000000), 'x', strrep('y', 1000000)) | project strlen(print_0)",
            None,
        ),
        (
            "range a from 1 to 1000000 step 1 | extend s = strrep('x', 1000000) | summarize max(strlen(s))",
            None,
        ),
    ]);
    // Doubled forty times.
    let doubled =
        format!("print s = 'xxxxxxxx' {}| project strlen(s)", "| extend s = strcat(s, s) ".repeat(40));
    queries.push((doubled, Some("8796093022208")));
    let listed = format!(
        "print s = dynamic([1]) {}| project array_length(s)",
        "| extend s = array_concat(s, s) ".repeat(40)
    );
    queries.push((listed, Some("1099511627776")));
    let column = format!(
        "range a from 1 to 2 step 1 | extend s = tostring(a) {}| project strlen(s)",
        "| extend s = strcat(s, s) ".repeat(40)
    );
    queries.push((column, Some("1099511627776")));
    check(&queries).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long evidence: make soak"]
async fn texts_that_are_long_or_deep() {
    let mut queries = owned(&[
        ("print matches = strcat(strrep('a', 50000), '!') matches regex '^(a+)+$'", Some("false")),
        ("print matches = 'a' matches regex '((a{1,1000}){1,1000}){1,1000}'", None),
        ("print extract_all('(x+x+)+y', strrep('x', 100000))", None),
        ("print matches = strrep('ab', 100000) matches regex '(.*.*.*.*.*.*.*.*.*.*)*c'", None),
    ]);
    let pad = "x".repeat((1 << 20) - 20);
    queries.push((format!("print 1 // {pad}"), Some("1")));
    queries.push((format!("print 1 // {pad}{pad}"), None));
    queries.push((format!("print strlen('{pad}')"), Some("1048556")));
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("tolower(", ")"),
        ("-", ""),
        ("dynamic([", "])"),
        ("DeviceEvents | where DeviceId in (", ")"),
        ("toscalar(print ", ")"),
    ] {
        for inside in ["1", ""] {
            queries.push((format!("print {}{inside}{}", open.repeat(10_000), close.repeat(10_000)), None));
        }
    }
    queries.push((format!("print parse_json('{}')", "[".repeat(10_000)), None));
    queries.push((
        format!("print a = dynamic({}1{}) | project tostring(a)", "[".repeat(10_000), "]".repeat(10_000)),
        None,
    ));
    queries.push((format!("print {}", "1 + ".repeat(10_000) + "1"), None));
    queries.push((format!("print {}", "true and ".repeat(10_000) + "true"), Some("true")));
    queries.push((format!("print a = dynamic(null) | project a{}", ".b".repeat(10_000)), None));
    queries.push((format!("print a = 1 {}", "| extend a = a + 1 ".repeat(900)), Some("901")));
    queries.push((format!("print a = 1 {}", "| extend a = a + a ".repeat(60)), Some("1152921504606846976")));
    queries.push((format!("print a = 1 {}", "| where a == 1 ".repeat(10_000)), None));
    queries.push((format!("union {}", vec!["DeviceEvents"; 5_000].join(", ")), None));
    let mut lets = String::new();
    for at in 0..5_000 {
        let _ = write!(lets, "let v{at} = {at};");
    }
    queries.push((format!("{lets} print v4999"), Some("4999")));
    let mut views = "let v0 = (DeviceEvents);".to_owned();
    for at in 1..30 {
        let _ = write!(views, "let v{at} = (union v{0}, v{0});", at - 1);
    }
    queries.push((format!("{views} v29 | count"), None));
    let list = (0..100_000).map(|at| at.to_string()).collect::<Vec<_>>();
    queries.push((
        format!("range a from 99990 to 100010 step 1 | where a in ({}) | count", list.join(",")),
        Some("10"),
    ));
    let words = list.iter().map(|word| format!("'w{word}'")).collect::<Vec<_>>().join(",");
    queries.push((format!("print a = 'x w99999 y' | where a has_any ({words}) | count"), Some("1")));
    queries.push((format!("print a = 'W99999' | where a in~ ({words}) | count"), Some("1")));
    queries.push((format!("let l = dynamic([{words}]); print array_length(l)"), Some("100000")));
    queries.push((format!("datatable(a: long) [{}] | count", list.join(",")), Some("100000")));
    let cases = (0..5_000).map(|at| format!("a == {at}, {at}, ")).collect::<String>();
    queries.push((format!("print a = 4999 | project case({cases} -1)"), None));
    check(&queries).await;
}
