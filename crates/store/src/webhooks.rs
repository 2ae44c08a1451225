//! Addresses that changes are sent to: how far each came, and what could not be sent.

use model::{TenantId, Ticks};

use crate::database::{self, Row, commit, uuid};
use crate::error::failed;
use crate::{Store, StoreError, TenantStore};

const READ: &str = "read webhooks";
const WRITE: &str = "write a webhook";

/// An address that changes are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRow {
    pub tenant: TenantId,
    pub id: String,
    /// JSON.
    pub body: String,
    /// Sealed.
    pub secret: Vec<u8>,
    /// The one before, sealed, and until when messages are signed by it, too.
    pub former_secret: Option<(Vec<u8>, Ticks)>,
    pub created: Ticks,
    pub is_enabled: bool,
    pub progress: WebhookProgress,
}

/// How far a webhook came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookProgress {
    /// The number of the last change that was sent or passed over.
    pub position: i64,
    /// Attempts to send the next message that failed.
    pub attempts: u32,
    pub next_attempt: Ticks,
    pub last_success: Option<Ticks>,
    /// Empty when the last attempt did not fail.
    pub last_error: String,
}

/// A message that could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub sequence: i64,
    pub message: String,
    pub failed: Ticks,
    pub attempts: u32,
    pub error: String,
    /// Whether it is to be sent again.
    pub is_replayed: bool,
}

impl Store {
    /// Enabled webhooks of every tenant whose next attempt is due, the one that waits longest first.
    pub async fn due_webhooks(&self, now: Ticks, limit: u32) -> Result<Vec<WebhookRow>, StoreError> {
        const SQL: &str = "SELECT w.* FROM webhooks w WHERE w.is_enabled = TRUE AND w.next_attempt <= $1 \
             AND (w.position < COALESCE((SELECT c.value FROM counters c \
                                         WHERE c.tenant = w.tenant AND c.name = 'updated'), 0) \
                  OR EXISTS (SELECT 1 FROM webhook_dead_letters d WHERE d.tenant = w.tenant \
                             AND d.webhook = w.id AND d.is_replayed = TRUE)) \
             ORDER BY w.next_attempt, w.tenant, w.id LIMIT $2";
        let query = database::query(SQL).bind(now.0).bind(i64::from(limit)).try_map(webhook);
        query.fetch_all(self.db.readers()).await.map_err(failed(READ))
    }
}

impl TenantStore {
    /// Adds a webhook, unless there are as many as there may be. Says whether it was added.
    pub async fn add_webhook(&self, row: &WebhookRow, most: i64) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT INTO webhooks (tenant, id, body, secret, created, is_enabled, position, \
             attempts, next_attempt, last_success, last_error) \
             SELECT $1, $2, $3, $4, $5, $6, $7, 0, $5, NULL, '' \
             WHERE (SELECT COUNT(*) FROM webhooks WHERE tenant = $1) < $8";
        let query = database::query(SQL).bind(&self.key).bind(&row.id).bind(&row.body).bind(&row.secret);
        let query = query.bind(row.created.0).bind(row.is_enabled).bind(row.progress.position).bind(most);
        let added = query.execute(self.db.writer()).await.map_err(failed(WRITE))?;
        Ok(added.rows_affected() > 0)
    }

    pub async fn webhooks(&self) -> Result<Vec<WebhookRow>, StoreError> {
        const SQL: &str = "SELECT * FROM webhooks WHERE tenant = $1 ORDER BY created, id";
        let query = database::query(SQL).bind(&self.key).try_map(webhook);
        query.fetch_all(self.db.readers()).await.map_err(failed(READ))
    }

    pub async fn webhook(&self, id: &str) -> Result<Option<WebhookRow>, StoreError> {
        const SQL: &str = "SELECT * FROM webhooks WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id).try_map(webhook);
        query.fetch_optional(self.db.readers()).await.map_err(failed(READ))
    }

    /// Changes what people set. What it has not sent is tried at once.
    pub async fn set_webhook(
        &self,
        id: &str,
        body: &str,
        is_enabled: bool,
        now: Ticks,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE webhooks SET body = $3, is_enabled = $4, attempts = 0, next_attempt = $5 \
                           WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id).bind(body).bind(is_enabled).bind(now.0);
        query.execute(self.db.writer()).await.map(drop).map_err(failed(WRITE))
    }

    /// Gives a webhook another secret; the one before is kept until then.
    pub async fn set_webhook_secret(
        &self,
        id: &str,
        secret: &[u8],
        former_until: Ticks,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE webhooks SET former_secret = secret, former_until = $4, secret = $3 \
                           WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id).bind(secret).bind(former_until.0);
        query.execute(self.db.writer()).await.map(drop).map_err(failed(WRITE))
    }

    /// Says whether there was one.
    pub async fn delete_webhook(&self, id: &str) -> Result<bool, StoreError> {
        const LETTERS: &str = "DELETE FROM webhook_dead_letters WHERE tenant = $1 AND webhook = $2";
        const SQL: &str = "DELETE FROM webhooks WHERE tenant = $1 AND id = $2";
        let mut transaction = self.db.begin().await?;
        let letters = database::query(LETTERS).bind(&self.key).bind(id);
        letters.execute(&mut *transaction).await.map_err(failed(WRITE))?;
        let deleted = database::query(SQL).bind(&self.key).bind(id).execute(&mut *transaction).await;
        let deleted = deleted.map_err(failed(WRITE))?.rows_affected() > 0;
        commit(transaction, WRITE).await?;
        Ok(deleted)
    }

    /// Writes how far a webhook came, together with the message that is given up, if one is.
    pub async fn move_webhook(
        &self,
        id: &str,
        to: &WebhookProgress,
        given_up: Option<&DeadLetter>,
    ) -> Result<(), StoreError> {
        const MOVE: &str = "UPDATE webhooks SET position = $3, attempts = $4, next_attempt = $5, \
                            last_success = $6, last_error = $7 WHERE tenant = $1 AND id = $2";
        const LETTER: &str = "INSERT INTO webhook_dead_letters \
             (tenant, webhook, sequence, message, failed, attempts, error, is_replayed) \
             SELECT $1, $2, $3, $4, $5, $6, $7, FALSE \
             WHERE EXISTS (SELECT 1 FROM webhooks WHERE tenant = $1 AND id = $2) \
             ON CONFLICT (tenant, webhook, sequence) DO NOTHING";
        let mut transaction = self.db.begin().await?;
        let query =
            database::query(MOVE).bind(&self.key).bind(id).bind(to.position).bind(i64::from(to.attempts));
        let query = query.bind(to.next_attempt.0).bind(to.last_success.map(|at| at.0)).bind(&to.last_error);
        query.execute(&mut *transaction).await.map_err(failed(WRITE))?;
        if let Some(letter) = given_up {
            let query = database::query(LETTER).bind(&self.key).bind(id).bind(letter.sequence);
            let query = query.bind(&letter.message).bind(letter.failed.0).bind(i64::from(letter.attempts));
            query.bind(&letter.error).execute(&mut *transaction).await.map_err(failed(WRITE))?;
        }
        commit(transaction, WRITE).await
    }

    /// Stops a webhook, with a reason for people to read.
    pub async fn stop_webhook(&self, id: &str, reason: &str) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE webhooks SET is_enabled = FALSE, last_error = $3 \
                           WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id).bind(reason);
        query.execute(self.db.writer()).await.map(drop).map_err(failed(WRITE))
    }

    /// Messages that could not be sent, in order, beginning after one.
    pub async fn dead_letters(
        &self,
        webhook: &str,
        after: i64,
        only_replayed: bool,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        const SQL: &str = "SELECT * FROM webhook_dead_letters WHERE tenant = $1 AND webhook = $2 \
                           AND sequence > $3 AND (is_replayed = TRUE OR $4 = FALSE) ORDER BY sequence LIMIT $5";
        let query = database::query(SQL).bind(&self.key).bind(webhook).bind(after).bind(only_replayed);
        let letters = query.bind(i64::from(limit)).try_map(letter).fetch_all(self.db.readers()).await;
        letters.map_err(failed(READ))
    }

    pub async fn dead_letter_count(&self, webhook: &str) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM webhook_dead_letters WHERE tenant = $1 AND webhook = $2";
        let query = database::query(SQL).bind(&self.key).bind(webhook);
        let count = query.try_map(|row: Row| row.try_get::<i64, _>(0));
        count.fetch_one(self.db.readers()).await.map(i64::unsigned_abs).map_err(failed(READ))
    }

    /// Has messages sent again: those of these numbers, or all. Answers with how many there are.
    pub async fn replay_dead_letters(
        &self,
        webhook: &str,
        sequences: Option<&[i64]>,
        now: Ticks,
    ) -> Result<u64, StoreError> {
        const ALL: &str =
            "UPDATE webhook_dead_letters SET is_replayed = TRUE WHERE tenant = $1 AND webhook = $2";
        const ONE: &str = "UPDATE webhook_dead_letters SET is_replayed = TRUE \
                           WHERE tenant = $1 AND webhook = $2 AND sequence = $3";
        const DUE: &str = "UPDATE webhooks SET next_attempt = $3 WHERE tenant = $1 AND id = $2";
        let mut transaction = self.db.begin().await?;
        let mut marked = 0;
        match sequences {
            None => {
                let query = database::query(ALL).bind(&self.key).bind(webhook);
                marked += query.execute(&mut *transaction).await.map_err(failed(WRITE))?.rows_affected();
            }
            Some(sequences) => {
                for sequence in sequences {
                    let query = database::query(ONE).bind(&self.key).bind(webhook).bind(*sequence);
                    marked += query.execute(&mut *transaction).await.map_err(failed(WRITE))?.rows_affected();
                }
            }
        }
        let due = database::query(DUE).bind(&self.key).bind(webhook).bind(now.0);
        due.execute(&mut *transaction).await.map_err(failed(WRITE))?;
        commit(transaction, WRITE).await?;
        Ok(marked)
    }

    /// Forgets a message that was sent after all; or, with a reason, keeps it and does not send it again.
    pub async fn end_replay(
        &self,
        webhook: &str,
        sequence: i64,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        const FORGET: &str =
            "DELETE FROM webhook_dead_letters WHERE tenant = $1 AND webhook = $2 AND sequence = $3";
        const KEEP: &str = "UPDATE webhook_dead_letters SET is_replayed = FALSE, attempts = attempts + 1, \
                            error = $4 WHERE tenant = $1 AND webhook = $2 AND sequence = $3";
        let query =
            database::query(if error.is_some() { KEEP } else { FORGET }).bind(&self.key).bind(webhook);
        let query = query.bind(sequence);
        let query = if let Some(error) = error { query.bind(error) } else { query };
        query.execute(self.db.writer()).await.map(drop).map_err(failed(WRITE))
    }
}

fn webhook(row: Row) -> Result<WebhookRow, sqlx::Error> {
    Ok(WebhookRow {
        tenant: TenantId(uuid(row.try_get("tenant")?)?),
        id: row.try_get("id")?,
        body: row.try_get("body")?,
        secret: row.try_get("secret")?,
        former_secret: row
            .try_get::<Option<Vec<u8>>, _>("former_secret")?
            .zip(Some(Ticks(row.try_get("former_until")?))),
        created: Ticks(row.try_get("created")?),
        is_enabled: row.try_get("is_enabled")?,
        progress: WebhookProgress {
            position: row.try_get("position")?,
            attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
            next_attempt: Ticks(row.try_get("next_attempt")?),
            last_success: row.try_get::<Option<i64>, _>("last_success")?.map(Ticks),
            last_error: row.try_get("last_error")?,
        },
    })
}

fn letter(row: Row) -> Result<DeadLetter, sqlx::Error> {
    Ok(DeadLetter {
        sequence: row.try_get("sequence")?,
        message: row.try_get("message")?,
        failed: Ticks(row.try_get("failed")?),
        attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        error: row.try_get("error")?,
        is_replayed: row.try_get("is_replayed")?,
    })
}
