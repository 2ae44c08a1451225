//! Calls that are made once however often they are sent: the answers to them, by the keys their clients chose.

use model::Ticks;
use twox_hash::XxHash64;

use crate::database::{self, Row, commit};
use crate::error::failed;
use crate::{StoreError, TenantStore};

/// How long an answer is kept.
const KEPT_SECONDS: i64 = 86_400;
/// Old answers that go each time a call begins.
const FORGOTTEN_MAX: i64 = 100;
/// A call that runs longer was cut off: the next one with its key begins anew.
const RUNS_SECONDS: i64 = 600;

/// Whose key it is, and for which call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotentCall {
    /// The app or user.
    pub caller: String,
    pub key: String,
    /// What was asked: [`fingerprint`].
    pub fingerprint: String,
}

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    pub status: u16,
    /// JSON, for the caller of the store to read.
    pub headers: String,
    pub body: Vec<u8>,
}

/// How a call stands when it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is to be made now.
    New,
    Answered(KeptAnswer),
    /// Another one with the key is being made.
    Running,
    /// The key was used for something else.
    Differs,
}

/// What tells one call from another.
pub fn fingerprint(parts: &[&[u8]]) -> String {
    let hash = |seed| {
        let lengths: Vec<u8> = parts.iter().flat_map(|part| (part.len() as u64).to_le_bytes()).collect();
        parts.iter().fold(XxHash64::oneshot(seed, &lengths), |seed, part| XxHash64::oneshot(seed, part))
    };
    format!("{:016x}{:016x}", hash(1), hash(2))
}

impl TenantStore {
    /// Says whether a call is to be made, and keeps others with its key from being made meanwhile.
    pub async fn begin_idempotent(&self, call: &IdempotentCall, now: Ticks) -> Result<Begun, StoreError> {
        const FORGET: &str = "DELETE FROM idempotency_keys WHERE (tenant, caller, idempotency_key) IN \
                              (SELECT tenant, caller, idempotency_key FROM idempotency_keys \
                              WHERE tenant = $1 AND started < $2 LIMIT $3)";
        const FIND: &str = "SELECT fingerprint, started, status, headers, body FROM idempotency_keys \
                            WHERE tenant = $1 AND caller = $2 AND idempotency_key = $3";
        const BEGIN: &str = "INSERT INTO idempotency_keys (tenant, caller, idempotency_key, fingerprint, started) \
                             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, caller, idempotency_key) \
                             DO UPDATE SET started = excluded.started";
        let doing = "begin a call";
        let mut transaction = self.db.begin().await?;
        let old = now.plus_seconds(-KEPT_SECONDS);
        let query = database::query(FORGET).bind(&self.key).bind(old.0).bind(FORGOTTEN_MAX);
        query.execute(&mut *transaction).await.map_err(failed(doing))?;
        let query = database::query(FIND).bind(&self.key).bind(&call.caller).bind(&call.key);
        let known = query.fetch_optional(&mut *transaction).await.map_err(failed(doing))?;
        if let Some(row) = known {
            let begun = known_call(&row, call, now).map_err(failed(doing))?;
            if begun != Begun::New {
                return Ok(begun);
            }
        }
        let query = database::query(BEGIN).bind(&self.key).bind(&call.caller).bind(&call.key);
        let query = query.bind(&call.fingerprint).bind(now.0);
        query.execute(&mut *transaction).await.map_err(failed(doing))?;
        commit(transaction, doing).await?;
        Ok(Begun::New)
    }

    /// Keeps the answer to a call that was begun.
    pub async fn finish_idempotent(
        &self,
        call: &IdempotentCall,
        answer: &KeptAnswer,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE idempotency_keys SET status = $4, headers = $5, body = $6 \
                           WHERE tenant = $1 AND caller = $2 AND idempotency_key = $3";
        let query = database::query(SQL).bind(&self.key).bind(&call.caller).bind(&call.key);
        let query = query.bind(i64::from(answer.status)).bind(&answer.headers).bind(&answer.body);
        query.execute(self.db.writer()).await.map(drop).map_err(failed("keep an answer"))
    }

    /// Lets go of a call that had no effect: the next one with its key begins anew.
    pub async fn forget_idempotent(&self, call: &IdempotentCall) -> Result<(), StoreError> {
        const SQL: &str =
            "DELETE FROM idempotency_keys WHERE tenant = $1 AND caller = $2 AND idempotency_key = $3";
        let query = database::query(SQL).bind(&self.key).bind(&call.caller).bind(&call.key);
        query.execute(self.db.writer()).await.map(drop).map_err(failed("forget a call"))
    }
}

fn known_call(row: &Row, call: &IdempotentCall, now: Ticks) -> Result<Begun, sqlx::Error> {
    let (fingerprint, started): (String, i64) = (row.try_get("fingerprint")?, row.try_get("started")?);
    if fingerprint != call.fingerprint {
        return Ok(Begun::Differs);
    }
    let status: Option<i64> = row.try_get("status")?;
    Ok(match status {
        Some(status) => Begun::Answered(KeptAnswer {
            status: u16::try_from(status).unwrap_or(500),
            headers: row.try_get::<Option<String>, _>("headers")?.unwrap_or_default(),
            body: row.try_get::<Option<Vec<u8>>, _>("body")?.unwrap_or_default(),
        }),
        None if Ticks(started) >= now.plus_seconds(-RUNS_SECONDS) => Begun::Running,
        None => Begun::New,
    })
}
