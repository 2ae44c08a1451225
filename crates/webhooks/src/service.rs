//! Webhooks over the store: made, changed, shown; and the turns that they have.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use model::{Clock, TenantId, Ticks};
use store::{DeadLetter, Store, TenantStore, WebhookProgress, WebhookRow};
use tokio::task::JoinSet;
use tracing::{info, warn};
use uuid::Uuid;

use crate::WebhookError;
use crate::deliver::{Turn, backoff_seconds};
use crate::outside::{Keeper, Post};
use crate::sign::{new_secret, shown};
use crate::subscription::Subscription;

/// Webhooks that have their turn at the same time.
const TURNS_MAX: usize = 32;
/// Dead letters of one answer.
const LETTERS_PAGE: u32 = 100;

/// Bounds of webhooks.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How often it is looked for what is to be sent.
    pub tick: Duration,
    /// Attempts to send a message to a receiver that is not there or not well.
    pub attempts_max: u32,
    /// Attempts to send a message that the receiver refuses.
    pub refusals_max: u32,
    pub backoff_seconds_max: i64,
    /// Messages of one webhook that could not be sent. With more it is stopped.
    pub letters_max: u64,
    /// Webhooks of a tenant.
    pub webhooks_max: i64,
    /// How long messages are signed by a former secret, too.
    pub former_secret_seconds: i64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            tick: Duration::from_millis(250),
            // Six hours.
            attempts_max: 80,
            refusals_max: 5,
            backoff_seconds_max: 300,
            letters_max: 1_000,
            webhooks_max: 50,
            former_secret_seconds: 86_400,
        }
    }
}

impl Limits {
    pub(crate) fn backoff_seconds(&self, failures: u32) -> i64 {
        backoff_seconds(failures, self.backoff_seconds_max)
    }
}

pub(crate) struct Inner {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub post: Arc<dyn Post>,
    pub keeper: Arc<dyn Keeper>,
    pub limits: Limits,
}

/// The webhooks of every tenant.
#[derive(Clone)]
pub struct Webhooks {
    inner: Arc<Inner>,
}

/// The webhooks of one tenant.
#[derive(Clone)]
pub struct TenantWebhooks {
    inner: Arc<Inner>,
    store: TenantStore,
}

/// A webhook and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub id: String,
    pub subscription: Subscription,
    pub created: Ticks,
    pub is_enabled: bool,
    pub progress: WebhookProgress,
    /// Messages that could not be sent.
    pub dead_letters: u64,
}

/// A webhook that was made, with its secret: it is not told again.
pub struct NewWebhook {
    pub webhook: Webhook,
    pub secret: String,
}

/// What is to be changed of a webhook; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    pub url: Option<String>,
    pub description: Option<String>,
    pub kinds: Option<Vec<String>>,
    pub filters: Option<std::collections::BTreeMap<String, String>>,
    pub format: Option<crate::Format>,
    pub is_enabled: Option<bool>,
}

impl Webhooks {
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        post: Arc<dyn Post>,
        keeper: Arc<dyn Keeper>,
        limits: Limits,
    ) -> Webhooks {
        Webhooks { inner: Arc::new(Inner { store, clock, post, keeper, limits }) }
    }

    pub fn tenant(&self, id: TenantId) -> TenantWebhooks {
        TenantWebhooks { inner: self.inner.clone(), store: self.inner.store.tenant(id) }
    }

    /// Sends what there is to send for as long as it is polled. A webhook whose receiver is slow keeps no other
    /// waiting.
    pub async fn run(&self) {
        let mut turns: JoinSet<(TenantId, String)> = JoinSet::new();
        let mut busy: HashSet<(TenantId, String)> = HashSet::new();
        loop {
            while let Some(ended) = turns.try_join_next() {
                match ended {
                    Ok(webhook) => {
                        busy.remove(&webhook);
                    }
                    // Whose it was is not known: all that are at work are let go once, and have their turn again.
                    Err(error) => {
                        warn!(%error, "a webhook's turn ended early");
                        turns.shutdown().await;
                        busy.clear();
                    }
                }
            }
            match self.inner.store.due_webhooks(self.inner.clock.now(), 1_000).await {
                Ok(due) => {
                    for row in due {
                        let of = (row.tenant, row.id.clone());
                        if busy.len() < TURNS_MAX && busy.insert(of.clone()) {
                            let inner = self.inner.clone();
                            turns.spawn(async move {
                                have_turn(&inner, row).await;
                                of
                            });
                        }
                    }
                }
                Err(error) => warn!(error = &error as &dyn std::error::Error, "webhooks cannot be read"),
            }
            tokio::time::sleep(self.inner.limits.tick).await;
        }
    }

    /// Gives every webhook that is due one turn.
    pub async fn tick(&self) -> Result<(), WebhookError> {
        for row in self.inner.store.due_webhooks(self.inner.clock.now(), 1_000).await? {
            have_turn(&self.inner, row).await;
        }
        Ok(())
    }
}

async fn have_turn(inner: &Inner, row: WebhookRow) {
    let turn = async {
        match Turn::begin(inner, &row).await? {
            Some(turn) => turn.run(row.progress.clone()).await,
            None => Ok(()),
        }
    };
    if let Err(error) = turn.await {
        warn!(tenant = %row.tenant, webhook = row.id, %error, "a webhook cannot have its turn");
        // Not at once again.
        let attempts = row.progress.attempts.saturating_add(1);
        let next_attempt = inner.clock.now().plus_seconds(inner.limits.backoff_seconds(attempts));
        let later = WebhookProgress { attempts, next_attempt, ..row.progress };
        if let Err(error) = inner.store.tenant(row.tenant).move_webhook(&row.id, &later, None).await {
            warn!(error = &error as &dyn std::error::Error, "a webhook cannot be put off");
        }
    }
}

impl TenantWebhooks {
    /// Makes a webhook of what changes from now on.
    pub async fn create(&self, mut subscription: Subscription) -> Result<NewWebhook, WebhookError> {
        self.check(&mut subscription)?;
        let id = Uuid::new_v4().to_string();
        let (text, secret) = self.secret(&id)?;
        let now = self.inner.clock.now();
        let (position, _) = self.store.change_bounds().await?;
        let progress = WebhookProgress {
            position,
            attempts: 0,
            next_attempt: now,
            last_success: None,
            last_error: String::new(),
        };
        let row = WebhookRow {
            tenant: self.store.id(),
            id: id.clone(),
            body: subscription.text(),
            secret,
            former_secret: None,
            created: now,
            is_enabled: true,
            progress: progress.clone(),
        };
        let most = self.inner.limits.webhooks_max;
        if !self.store.add_webhook(&row, most).await? {
            return Err(WebhookError::Full(most));
        }
        info!(tenant = %self.store.id(), webhook = id, by = subscription.created_by, "made a webhook");
        let webhook = Webhook { id, subscription, created: now, is_enabled: true, progress, dead_letters: 0 };
        Ok(NewWebhook { webhook, secret: text })
    }

    pub async fn list(&self) -> Result<Vec<Webhook>, WebhookError> {
        let mut webhooks = Vec::new();
        for row in self.store.webhooks().await? {
            webhooks.push(self.webhook(row).await?);
        }
        Ok(webhooks)
    }

    pub async fn get(&self, id: &str) -> Result<Webhook, WebhookError> {
        self.webhook(self.row(id).await?).await
    }

    /// Says what is wrong with a subscription; kinds are in their canonical form in the answer.
    pub fn checked(&self, mut subscription: Subscription) -> Result<Subscription, WebhookError> {
        self.check(&mut subscription)?;
        Ok(subscription)
    }

    /// A webhook as it is after a change, which is not made yet. It sends what `creator` may read from then on.
    pub async fn changed(
        &self,
        id: &str,
        change: WebhookChange,
        creator: crate::Creator,
    ) -> Result<Webhook, WebhookError> {
        let known = self.get(id).await?;
        let before = known.subscription;
        let subscription = Subscription {
            url: change.url.unwrap_or_else(|| before.url.clone()),
            description: change.description.unwrap_or_else(|| before.description.clone()),
            kinds: change.kinds.unwrap_or_else(|| before.kinds.clone()),
            filters: change.filters.unwrap_or_else(|| before.filters.clone()),
            format: change.format.unwrap_or(before.format),
            creator,
            ..before
        };
        let is_enabled = change.is_enabled.unwrap_or(known.is_enabled);
        Ok(Webhook { subscription: self.checked(subscription)?, is_enabled, ..known })
    }

    /// Makes a change.
    pub async fn put(&self, webhook: Webhook) -> Result<Webhook, WebhookError> {
        let Webhook { id, subscription, is_enabled, .. } = &webhook;
        self.store.set_webhook(id, &subscription.text(), *is_enabled, self.inner.clock.now()).await?;
        info!(tenant = %self.store.id(), webhook = id, is_enabled, "changed a webhook");
        self.get(id).await
    }

    /// Gives a webhook another secret, which is not told again. Messages are signed by the one before, too, for a while:
    /// receivers need not change theirs in the same moment.
    pub async fn rotate(&self, id: &str) -> Result<String, WebhookError> {
        let row = self.row(id).await?;
        let (text, secret) = self.secret(&row.id)?;
        let until = self.inner.clock.now().plus_seconds(self.inner.limits.former_secret_seconds);
        self.store.set_webhook_secret(&row.id, &secret, until).await?;
        info!(tenant = %self.store.id(), webhook = row.id, "changed the secret of a webhook");
        Ok(text)
    }

    pub async fn delete(&self, id: &str) -> Result<(), WebhookError> {
        if !self.store.delete_webhook(&id.to_lowercase()).await? {
            return Err(not_found(id));
        }
        info!(tenant = %self.store.id(), webhook = id, "deleted a webhook");
        Ok(())
    }

    /// Messages that could not be sent, in order, beginning after one; a hundred at most.
    pub async fn dead_letters(&self, id: &str, after: i64) -> Result<Vec<DeadLetter>, WebhookError> {
        let row = self.row(id).await?;
        Ok(self.store.dead_letters(&row.id, after, false, LETTERS_PAGE).await?)
    }

    /// Has messages sent again: those of these numbers, or all. Answers with how many there are.
    pub async fn replay(&self, id: &str, sequences: Option<&[i64]>) -> Result<u64, WebhookError> {
        let row = self.row(id).await?;
        Ok(self.store.replay_dead_letters(&row.id, sequences, self.inner.clock.now()).await?)
    }

    fn check(&self, subscription: &mut Subscription) -> Result<(), WebhookError> {
        subscription.check()?;
        let invalid = |reason| WebhookError::Invalid(format!("'url': {reason}."));
        self.inner.post.check(&subscription.url).map_err(invalid)
    }

    /// A new secret, as people copy it and sealed.
    fn secret(&self, id: &str) -> Result<(String, Vec<u8>), WebhookError> {
        let unavailable = |reason| WebhookError::Unavailable { doing: "make a secret", reason };
        let secret = new_secret().map_err(unavailable)?;
        let sealed = self.inner.keeper.seal(&secret_name(self.store.id(), id), &secret);
        Ok((shown(&secret), sealed.map_err(unavailable)?))
    }

    async fn row(&self, id: &str) -> Result<WebhookRow, WebhookError> {
        self.store.webhook(&id.to_lowercase()).await?.ok_or_else(|| not_found(id))
    }

    async fn webhook(&self, row: WebhookRow) -> Result<Webhook, WebhookError> {
        let subscription = Subscription::read(&row.id, &row.body)?;
        let dead_letters = self.store.dead_letter_count(&row.id).await?;
        let WebhookRow { id, created, is_enabled, progress, .. } = row;
        Ok(Webhook { id, subscription, created, is_enabled, progress, dead_letters })
    }
}

fn not_found(id: &str) -> WebhookError {
    WebhookError::NotFound(id.chars().take(64).collect())
}

/// What a secret is sealed for: one webhook of one tenant.
pub(crate) fn secret_name(tenant: TenantId, id: &str) -> String {
    format!("webhook {tenant} {id}")
}
