//! One turn of one webhook: what waits for it is sent in order, until something is not taken.

use store::{Change, ChangeKind, DeadLetter, TenantStore, WebhookProgress, WebhookRow};
use tracing::{debug, warn};

use crate::WebhookError;
use crate::message::{of_change, of_gap};
use crate::outside::Posted;
use crate::service::{Inner, secret_name};
use crate::sign::sign;
use crate::subscription::Subscription;

/// Changes that are read at a time.
const BATCH: u32 = 32;
/// Messages that are sent before the place is written: so many are sent again after a crash.
const WRITTEN_EVERY: usize = 8;
/// Batches of one turn: then others have theirs.
const BATCHES_MAX: usize = 20;
const ERROR_CHARS_MAX: usize = 500;

/// A webhook that has its turn.
pub(crate) struct Turn<'a> {
    inner: &'a Inner,
    store: TenantStore,
    id: String,
    subscription: Subscription,
    secret: Vec<u8>,
    /// The one before, for as long as it counts.
    former_secret: Option<Vec<u8>>,
}

/// Why a message was not taken.
struct NotTaken {
    reason: String,
    /// The receiver does not want this one, and will not later.
    is_refusal: bool,
    /// The receiver wants nothing any more.
    is_gone: bool,
}

impl<'a> Turn<'a> {
    /// None when the webhook may send nothing; it is stopped then.
    pub async fn begin(inner: &'a Inner, row: &WebhookRow) -> Result<Option<Turn<'a>>, WebhookError> {
        let store = inner.store.tenant(row.tenant);
        let subscription = Subscription::read(&row.id, &row.body)?;
        let may = inner.keeper.may(row.tenant, &subscription.creator, &subscription.kinds).await;
        let unknown = |reason| WebhookError::Unavailable { doing: "find out who may read what", reason };
        if !may.map_err(unknown)? {
            let reason = "who made it may not read changes of these kinds any more";
            warn!(tenant = %row.tenant, webhook = row.id, "a webhook is stopped: {reason}");
            store.stop_webhook(&row.id, reason).await?;
            return Ok(None);
        }
        let secret = inner.keeper.open(&secret_name(row.tenant, &row.id), &row.secret);
        let secret = secret.ok_or_else(|| WebhookError::Unreadable { id: row.id.clone() })?;
        let now = inner.clock.now();
        let former = row.former_secret.as_ref().filter(|(_, until)| now < *until);
        let former_secret =
            former.and_then(|(sealed, _)| inner.keeper.open(&secret_name(row.tenant, &row.id), sealed));
        Ok(Some(Turn { inner, store, id: row.id.clone(), subscription, secret, former_secret }))
    }

    pub async fn run(&self, mut progress: WebhookProgress) -> Result<(), WebhookError> {
        self.replay().await?;
        let kinds: Vec<&str> = self.subscription.kinds.iter().map(String::as_str).collect();
        for _ in 0..BATCHES_MAX {
            let (latest, oldest) = self.store.change_bounds().await?;
            if progress.position + 1 < oldest {
                if !self.tell_of_gap(&mut progress, oldest).await? {
                    return Ok(());
                }
                continue;
            }
            let changes = self.store.changes_after(progress.position, &kinds, BATCH.into()).await?;
            if changes.is_empty() {
                if progress.position < latest {
                    progress.position = latest;
                    self.store.move_webhook(&self.id, &progress, None).await?;
                }
                return Ok(());
            }
            for some in changes.chunks(WRITTEN_EVERY) {
                for change in some {
                    if !self.tell(&mut progress, change).await? {
                        return Ok(());
                    }
                }
                self.store.move_webhook(&self.id, &progress, None).await?;
            }
        }
        Ok(())
    }

    /// Sends a change, if it is one that is wanted. Says whether the next one is to follow.
    async fn tell(&self, progress: &mut WebhookProgress, change: &Change) -> Result<bool, WebhookError> {
        let now = self.inner.clock.now();
        let filter = self.subscription.filter(&change.kind)?;
        let entity = match (change.change, &filter) {
            (ChangeKind::Deleted, _) => None,
            (_, None) => self.store.changed_entity(&change.kind, &change.id).await?,
            (_, Some(filter)) => {
                let found = self.store.changed_entity_that_passes(&change.kind, &change.id, filter, now);
                let Some(entity) = found.await? else {
                    progress.position = change.sequence;
                    return Ok(true);
                };
                Some(entity)
            }
        };
        let message = of_change(self.subscription.format, change, entity.as_ref(), now);
        self.deliver(progress, change.sequence, message).await
    }

    async fn tell_of_gap(&self, progress: &mut WebhookProgress, oldest: i64) -> Result<bool, WebhookError> {
        let message = of_gap(self.subscription.format, progress.position, oldest, self.inner.clock.now());
        let goes_on = self.deliver(progress, oldest - 1, message).await?;
        if goes_on {
            self.store.move_webhook(&self.id, progress, None).await?;
        }
        Ok(goes_on)
    }

    /// Sends a message. What is not taken is tried again later, and given up in the end; says whether the next one is
    /// to follow now.
    async fn deliver(
        &self,
        progress: &mut WebhookProgress,
        sequence: i64,
        message: String,
    ) -> Result<bool, WebhookError> {
        let now = self.inner.clock.now();
        let limits = &self.inner.limits;
        let failed = match self.send(sequence, &message).await {
            Ok(()) => {
                *progress = WebhookProgress {
                    position: sequence,
                    attempts: 0,
                    next_attempt: now,
                    last_success: Some(now),
                    last_error: String::new(),
                };
                return Ok(true);
            }
            Err(failed) => failed,
        };
        debug!(webhook = self.id, sequence, reason = failed.reason, "a message was not taken");
        progress.attempts += 1;
        progress.last_error = failed.reason.clone();
        progress.next_attempt = now.plus_seconds(limits.backoff_seconds(progress.attempts));
        let most = if failed.is_refusal { limits.refusals_max } else { limits.attempts_max };
        let is_given_up = progress.attempts >= most && !failed.is_gone;
        if !is_given_up {
            self.store.move_webhook(&self.id, progress, None).await?;
            if failed.is_gone {
                self.store.stop_webhook(&self.id, &failed.reason).await?;
            }
            return Ok(false);
        }
        if self.store.dead_letter_count(&self.id).await? >= limits.letters_max {
            self.store.move_webhook(&self.id, progress, None).await?;
            let reason =
                format!("{} messages could not be sent; the last: {}", limits.letters_max, failed.reason);
            warn!(webhook = self.id, "a webhook is stopped: {reason}");
            self.store.stop_webhook(&self.id, &reason).await?;
            return Ok(false);
        }
        let letter = DeadLetter {
            sequence,
            message,
            failed: now,
            attempts: progress.attempts,
            error: failed.reason,
            is_replayed: false,
        };
        progress.position = sequence;
        progress.attempts = 0;
        self.store.move_webhook(&self.id, progress, Some(&letter)).await?;
        warn!(webhook = self.id, sequence, reason = letter.error, "a message is given up");
        // A receiver that refuses one message may take the next.
        Ok(failed.is_refusal)
    }

    /// Sends again what somebody asked for.
    async fn replay(&self) -> Result<(), WebhookError> {
        for letter in self.store.dead_letters(&self.id, i64::MIN, true, BATCH).await? {
            let sent = self.send(letter.sequence, &letter.message).await;
            let error = sent.err().map(|failed| failed.reason);
            self.store.end_replay(&self.id, letter.sequence, error.as_deref()).await?;
        }
        Ok(())
    }

    async fn send(&self, sequence: i64, body: &str) -> Result<(), NotTaken> {
        let seconds = self.inner.clock.now().unix_seconds();
        // The same for every attempt, so that receivers know repeats.
        let id = format!("msg_{}_{sequence}", self.id);
        let secrets = std::iter::once(&self.secret).chain(&self.former_secret);
        let signatures: Vec<String> = secrets.map(|secret| sign(secret, &id, seconds, body)).collect();
        let signature = signatures.join(" ");
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", id),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ];
        let posted = Posted { url: self.subscription.url.clone(), headers, body: body.to_owned() };
        let not_taken = |reason: String, is_refusal, is_gone| {
            Err(NotTaken { reason: reason.chars().take(ERROR_CHARS_MAX).collect(), is_refusal, is_gone })
        };
        match self.inner.post.post(posted).await {
            Ok(200..=299) => Ok(()),
            Ok(410) => not_taken("the receiver answers that it is gone (410)".to_owned(), false, true),
            Ok(status) => {
                let may_pass = !(400..500).contains(&status) || matches!(status, 401 | 403 | 408 | 425 | 429);
                not_taken(format!("the receiver answers {status}"), !may_pass, false)
            }
            Err(reason) => not_taken(reason, false, false),
        }
    }
}

/// When to try again after a number of failures: doubled each time.
pub(crate) fn backoff_seconds(failures: u32, most: i64) -> i64 {
    1i64.checked_shl(failures.saturating_sub(1).min(32)).unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most() {
        let waits: Vec<i64> = [1, 2, 3, 4, 9, 10, 100].map(|failures| backoff_seconds(failures, 300)).into();
        assert_eq!(waits, [1, 2, 4, 8, 256, 300, 300]);
    }
}
