//! JSON of any text is looked into, by paths and functions, without a failure of the engine.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use model::Ticks;
use query::{EmptyTables, Engine, EngineConfig, QueryError};

thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    static ENGINE: Engine = Engine::new(EngineConfig { threads: 1, ..EngineConfig::default() }, None).unwrap();
}

fuzz_target!(|text: &str| {
    let quoted = text.replace('\'', "''");
    if text.contains(['\r', '\n']) {
        return;
    }
    // Behind a column, so that nothing is computed while it is planned.
    let query = format!(
        "datatable(t: string) [@'{quoted}'] | extend d = parse_json(t) \
         | project a = d.a.b, i = d[0], n = d[-1], k = bag_keys(d), l = array_length(d), s = tostring(d), \
         g = gettype(d), v = tolong(d.v), m = bag_merge(d, d), e = extract_json('$.a[0].b', t)"
    );
    let tables = Arc::new(EmptyTables::declared());
    let now = Ticks::from_unix_seconds(1_700_000_000);
    let answer = RUNTIME.with(|runtime| ENGINE.with(|engine| runtime.block_on(engine.run(&query, tables, now))));
    match answer {
        Ok(answer) => {
            let mut out = Vec::new();
            answer.write_results(&mut out);
            serde_json::from_slice::<serde_json::Value>(&out).expect("results are JSON");
        }
        Err(QueryError::Invalid(_)) => {}
        Err(error) => panic!("{error}"),
    }
});
