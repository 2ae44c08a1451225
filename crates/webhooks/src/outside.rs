//! What webhooks need of others: a way out, and somebody who keeps secrets and knows who may read what.

use futures::future::BoxFuture;
use model::{AppId, TenantId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A message for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// A way out, inside bounds of time, that leads to nothing behind the server unless the operator says so.
pub trait Post: Send + Sync {
    /// Says why an address is not one that messages may be sent to.
    fn check(&self, url: &str) -> Result<(), String>;

    /// The status of the answer, or why there is none.
    fn post(&self, message: Posted) -> BoxFuture<'_, Result<u16, String>>;
}

/// Who made a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Creator {
    /// None where nothing is kept of who may do what: tokens of outside issuers.
    pub app: Option<AppId>,
    /// None for an app for itself.
    pub user: Option<Uuid>,
}

pub trait Keeper: Send + Sync {
    /// Makes a secret unreadable but for [`Keeper::open`] with the same name.
    fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, String>;

    fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>>;

    /// Whether who made a webhook may read changes of those kinds now.
    fn may<'a>(
        &'a self,
        tenant: TenantId,
        creator: &'a Creator,
        kinds: &'a [String],
    ) -> BoxFuture<'a, Result<bool, String>>;
}
