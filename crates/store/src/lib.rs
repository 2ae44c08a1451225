//! The state store: tenants, apps, users, devices, alerts, profiles and the catalog of the lake, as rows of a SQL
//! database. Only this crate writes SQL.
//!
//! A [`Store`] is the whole database; a [`TenantStore`] is bound to one tenant when made and sees nothing of
//! any other. Every change is one transaction, durable before the call returns.
//!
//! - Text that queries compare is stored a second time in lower case ([`fold`]), so comparing and sorting
//!   need no collation of the database.
//! - An entity is stored as its JSON, which answers are made of, next to one column for each property that
//!   `$filter` and `$orderby` may name ([`entities`]). Both are written by the same statement from the same
//!   JSON.
//! - A handle can be narrowed to device groups ([`TenantStore::within`]): what is about other devices is then not
//!   there, in lists, counts and single reads, by a condition of the same statement.
//! - Every row of an entity carries `updated_sequence`, drawn from one counter of the tenant in the
//!   transaction of the change: the order of the change feed.

mod action_jobs;
mod actions;
mod alerts;
mod app_grants;
mod audit;
mod catalog;
mod changed;
mod changes;
mod database;
mod device_groups;
mod device_keys;
mod devices;
pub mod entities;
mod entity_rows;
mod error;
mod filter;
mod fold;
mod followers;
mod history;
mod hunting_functions;
mod idempotency;
pub mod identity;
mod incidents;
mod indicator_lists;
mod indicator_objects;
mod indicators;
mod lake_policies;
mod lead;
mod library;
mod machine_settings;
mod machines;
mod packages;
mod page;
mod private_file;
mod profiles;
pub mod sign_in;
mod user_groups;
mod webhooks;
mod written;

use std::path::Path;

use model::{Reach, TenantId};
use serde::Serialize;
use twox_hash::XxHash64;

pub use action_jobs::{JobDevice, JobRow};
pub use actions::{ActionWork, ReceiptRow};
pub use alerts::{AlertChange, AlertScope, COMMENTS_MAX, EVIDENCE_MAX, RaisedAlert};
pub use changed::changed_type;
pub use changes::{Change, ChangeKind};
pub use database::PostgresAddress;
pub use device_groups::Regrouped;
pub use device_keys::{DeviceKey, EnrolmentToken, KeyChange};
pub use entities::{
    ALERT_TYPE, INCIDENT_TYPE, INDICATOR_TYPE, INVESTIGATION_TYPE, MACHINE_ACTION_TYPE, MACHINE_TYPE,
};
pub use error::StoreError;
pub use fold::fold;
pub use history::HistoryEntry;
pub use idempotency::{Begun, IdempotentCall, KeptAnswer, fingerprint};
pub use identity::{App, AppSecret, Grant, SigningKeyRow, Tenant, User};
pub use incidents::IncidentChange;
pub use indicator_lists::IndicatorList;
pub use indicator_objects::{IndicatorObject, ObjectTaken};
pub use indicators::{IndicatorOwner, Submission, Submitted};
pub use machine_settings::{MachineChange, TagChange};
pub use machines::MachineScope;
pub use packages::{DownloadLink, PackageRow};
pub use page::{Page, PageRequest};
pub use private_file::write_private_file;
pub use profiles::{Generation, ProfileKind, ProfileRow};
pub use sign_in::{AppCertificate, AppSignIn, DelegatedGrant, PartnerApp, SignIn};
pub use user_groups::{Membership, Role, UserChange, UserGroup};
pub use webhooks::{DeadLetter, WebhookProgress, WebhookRow};
pub use written::Written;

use database::Database;

/// The state of every tenant.
#[derive(Clone, Debug)]
pub struct Store {
    db: Database,
}

/// The state of one tenant.
#[derive(Clone, Debug)]
pub struct TenantStore {
    db: Database,
    id: TenantId,
    /// The id as it stands in the rows.
    key: String,
    reach: Reach,
}

impl Store {
    /// Opens the SQLite database in the file of that path, or creates it, readable by its owner only, and
    /// brings its tables up to date. The folder has to exist.
    pub async fn open(path: &Path) -> Result<Store, StoreError> {
        Ok(Store { db: Database::open(path).await? })
    }

    /// Opens the PostgreSQL database at that address, which has to exist, and brings its tables up to date.
    pub async fn open_postgres(address: &PostgresAddress) -> Result<Store, StoreError> {
        Ok(Store { db: Database::open_postgres(address).await? })
    }

    /// A store that lives as long as the handles to it; for tests.
    pub async fn open_in_memory() -> Result<Store, StoreError> {
        Ok(Store { db: Database::open_in_memory().await? })
    }

    /// Fails when the database does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.db.ping().await
    }

    /// Waits until the connections are closed; calls on any handle fail from then on.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// The handle to one tenant. Whether the tenant exists is not checked here.
    pub fn tenant(&self, id: TenantId) -> TenantStore {
        TenantStore { db: self.db.clone(), id, key: id.to_string(), reach: Reach::All }
    }
}

impl TenantStore {
    pub fn id(&self) -> TenantId {
        self.id
    }

    /// The handle that sees those devices only, and of what is about devices only what is about them. Everything
    /// else of the tenant is as before.
    pub fn within(self, reach: Reach) -> TenantStore {
        TenantStore { reach, ..self }
    }

    /// The number of the last change of an entity of the tenant.
    pub async fn updated_sequence(&self) -> Result<i64, StoreError> {
        entity_rows::last_sequence(self.db.readers(), &self.key).await
    }

    pub fn reach(&self) -> &Reach {
        &self.reach
    }
}

/// What an entity is like, in short: changes with every change of it.
pub fn etag<T: Serialize>(entity: &T) -> String {
    etag_of(&serde_json::to_vec(entity).unwrap_or_default())
}

fn etag_of(json: &[u8]) -> String {
    format!("\"{:016x}\"", XxHash64::oneshot(0, json))
}

/// Refuses what was decided upon another state of the entity than the one that is stored.
fn unchanged<T: Serialize>(
    entity: &'static str,
    id: &str,
    stored: &T,
    expected: Option<&str>,
) -> Result<(), StoreError> {
    match expected {
        Some(expected) if expected != etag(stored) => Err(StoreError::Changed { entity, id: id.to_owned() }),
        _ => Ok(()),
    }
}
