//! Arrow streams: whatever comes is rows of the table or refused, in bounded memory.
#![no_main]

use lake::{StreamError, rows_of_stream};
use libfuzzer_sys::fuzz_target;
use model::tables;

const BYTES_MAX: usize = 64 << 20;

fuzz_target!(|input: (u8, &[u8])| {
    let (table, body) = input;
    let table = tables::TABLES[usize::from(table) % tables::TABLES.len()];
    let mut taken = 0usize;
    let take = |bytes: usize| {
        taken = taken.saturating_add(bytes);
        if taken > BYTES_MAX { Err(StreamError::NotAStream("too large".to_owned())) } else { Ok(()) }
    };
    if let Ok((rows, accepted, refused)) = rows_of_stream(table, body.to_vec(), take) {
        assert_eq!(rows.len(), accepted.len());
        assert!(accepted.iter().all(|row| !refused.contains(row)));
    }
});
