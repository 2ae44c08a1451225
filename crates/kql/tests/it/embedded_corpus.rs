//! Realistic hunting queries of our own, so that the tests mean something anywhere.

use crate::{assert_prints_and_parses_again, parsed};

const CORPUS: &str = include_str!("../data/hunting.kql");

/// The queries of the file: each begins behind a line of `//---`.
pub fn queries() -> Vec<&'static str> {
    CORPUS.split("//---\n").map(str::trim).filter(|query| !query.is_empty()).collect()
}

#[test]
fn every_query_parses_and_prints() {
    let queries = queries();
    assert!(queries.len() >= 40, "only {} queries", queries.len());
    for query in queries {
        assert_prints_and_parses_again(query, &parsed(query));
    }
}
