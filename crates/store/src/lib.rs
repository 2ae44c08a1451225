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
//! - Every row of an entity carries `updated_sequence`, drawn from one counter of the tenant in the
//!   transaction of the change: the order of the change feed.

mod alerts;
mod catalog;
mod database;
mod devices;
pub mod entities;
mod entity_rows;
mod error;
mod filter;
mod fold;
mod followers;
pub mod identity;
mod lake_policies;
mod machines;
mod page;
mod profiles;

use std::path::Path;

use model::TenantId;

pub use alerts::{AlertChange, AlertScope, EVIDENCE_MAX, RaisedAlert};
pub use entities::{ALERT_TYPE, MACHINE_TYPE};
pub use error::StoreError;
pub use fold::fold;
pub use identity::{App, AppSecret, Grant, SigningKeyRow, Tenant, User};
pub use page::{Page, PageRequest};
pub use profiles::{Generation, ProfileKind, ProfileRow};

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
}

impl Store {
    /// Opens the SQLite database in the file of that path, or creates it, readable by its owner only, and
    /// brings its tables up to date. The folder has to exist.
    pub async fn open(path: &Path) -> Result<Store, StoreError> {
        Ok(Store { db: Database::open(path).await? })
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
        TenantStore { db: self.db.clone(), id, key: id.to_string() }
    }
}

impl TenantStore {
    pub fn id(&self) -> TenantId {
        self.id
    }
}
