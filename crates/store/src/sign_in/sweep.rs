//! Removes what has expired.

use model::Ticks;

use crate::database;
use crate::error::failed;
use crate::{Store, StoreError};

/// Rows that one statement removes at most, so that no writer waits long.
const ROWS_MAX: i64 = 5_000;

/// What is removed: the statement, and how many seconds after it expired.
static SWEEPS: &[(&str, i64)] = &[
    (
        "DELETE FROM authorization_codes WHERE hash IN \
         (SELECT hash FROM authorization_codes WHERE expires < $1 LIMIT $2)",
        // A code that is sent again ends what it was exchanged for, for this long.
        24 * 3_600,
    ),
    (
        "DELETE FROM device_codes WHERE hash IN (SELECT hash FROM device_codes WHERE expires < $1 LIMIT $2)",
        3_600,
    ),
    (
        "DELETE FROM used_assertions WHERE hash IN \
         (SELECT hash FROM used_assertions WHERE expires < $1 LIMIT $2)",
        600,
    ),
    (
        "DELETE FROM refresh_tokens WHERE hash IN \
         (SELECT hash FROM refresh_tokens WHERE expires < $1 LIMIT $2)",
        0,
    ),
    // Access tokens of an ended sign-in are refused for as long as its row is there.
    (
        "DELETE FROM sign_ins WHERE (tenant, id) IN \
         (SELECT tenant, id FROM sign_ins WHERE expires < $1 LIMIT $2)",
        24 * 3_600,
    ),
    (
        "DELETE FROM sign_ins WHERE (tenant, id) IN \
         (SELECT tenant, id FROM sign_ins WHERE ended IS NOT NULL AND ended < $1 LIMIT $2)",
        7 * 24 * 3_600,
    ),
];

impl Store {
    /// Removes codes, tokens and sign-ins that are of no use any more. Answers with how many rows there were; to be
    /// called again when there were some.
    pub async fn sweep_sign_ins(&self, now: Ticks) -> Result<u64, StoreError> {
        let mut removed = 0;
        for (sql, seconds) in SWEEPS {
            let query = database::query(*sql).bind(now.plus_seconds(-seconds).0).bind(ROWS_MAX);
            let done = query.execute(self.db.writer()).await;
            removed += done.map_err(failed("remove expired sign-ins"))?.rows_affected();
        }
        Ok(removed)
    }
}
