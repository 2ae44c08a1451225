//! Any query over the declared tables is planned or refused with its mistakes.
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
    let tables = Arc::new(EmptyTables::declared());
    let now = Ticks::from_unix_seconds(1_700_000_000);
    let described = RUNTIME.with(|runtime| ENGINE.with(|engine| runtime.block_on(engine.describe(text, tables, now))));
    match described {
        Err(QueryError::Invalid(diagnostics)) => assert!(!diagnostics.is_empty()),
        Err(QueryError::Engine(error)) => panic!("the engine refused a bound query: {error}"),
        _ => {}
    }
});
