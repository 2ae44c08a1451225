//! The records of the event lake's catalog: which files hold which rows.

use crate::{TenantId, Ticks};

/// One immutable Parquet file of one tenant, table and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    pub tenant: TenantId,
    pub table: String,
    /// Days since 0001-01-01 of the rows' `Timestamp`; 0 for rows without one.
    pub day: i64,
    /// Path in the object store; unique.
    pub path: String,
    pub rows: i64,
    pub bytes: i64,
    /// Ticks of the earliest and latest `Timestamp`.
    pub first_time: Option<i64>,
    pub last_time: Option<i64>,
    pub first_sequence: i64,
    pub last_sequence: i64,
    pub schema_version: i64,
    /// The CRC-32 of each piece of 64 KiB; none for files that were written without.
    pub checksums: Vec<u32>,
    /// Bytes of the index of its terms, which lies beside it; none when it has none.
    pub index_bytes: Option<i64>,
    /// How often its rows were merged: 0 for what a flush wrote.
    pub level: i64,
    /// When a transaction listed it.
    pub added: Ticks,
    /// When a transaction took it off the list; it stays readable for the grace period.
    pub removed: Option<Ticks>,
}

impl DataFile {
    /// Where the index of its terms is, if it has one. Names that begin with a line are left alone by programs
    /// that tidy up after other engines.
    pub fn index_path(&self) -> String {
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        format!("{folder}/_{}.terms", name.strip_suffix(".parquet").unwrap_or(name))
    }
}

/// The highest sequence of a producer that is in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerMark {
    pub tenant: TenantId,
    pub producer: String,
    pub sequence: i64,
}

/// What one transaction of the catalog changes: all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogChange {
    pub added: Vec<DataFile>,
    /// Paths of files that are listed and will not be any more, and when.
    pub removed: Vec<(String, Ticks)>,
    /// Paths of removed files whose bytes are gone.
    pub purged: Vec<String>,
    /// Log segments below this one are not needed any more.
    pub log_segment: Option<i64>,
    pub producers: Vec<ProducerMark>,
    /// The highest row sequence in files, by tenant.
    pub sequences: Vec<(TenantId, i64)>,
}

/// The content of the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogState {
    /// Those that were removed and not purged yet included.
    pub files: Vec<DataFile>,
    pub log_segment: i64,
    pub producers: Vec<ProducerMark>,
    pub sequences: Vec<(TenantId, i64)>,
}

/// A moment in the lake's past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// What had been accepted by then, and not been deleted.
    Time(Ticks),
    /// The rows up to that sequence, of those that are there now.
    Sequence(i64),
}

/// How long rows of a table are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    pub tenant: TenantId,
    /// None for every table that has no rule of its own.
    pub table: Option<String>,
    /// Whole days after the day of the rows; rows are kept for ever without a rule.
    pub days: i64,
}

/// Keeps what it covers from being deleted, whatever retention says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegalHold {
    pub tenant: TenantId,
    /// Unique in the tenant.
    pub name: String,
    /// None for every table.
    pub table: Option<String>,
    pub reason: String,
    pub created: Ticks,
}

/// What is said about deleting rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    pub retention: Vec<Retention>,
    pub holds: Vec<LegalHold>,
}

impl Policies {
    /// How many days rows of the table are kept; none for ever.
    pub fn days(&self, tenant: TenantId, table: &str) -> Option<i64> {
        let of_tenant = || self.retention.iter().filter(|rule| rule.tenant == tenant);
        let own = of_tenant().find(|rule| rule.table.as_deref() == Some(table));
        own.or_else(|| of_tenant().find(|rule| rule.table.is_none())).map(|rule| rule.days)
    }

    pub fn is_held(&self, tenant: TenantId, table: &str) -> bool {
        self.hold(tenant, table).is_some()
    }

    /// A hold that covers the table.
    pub fn hold(&self, tenant: TenantId, table: &str) -> Option<&LegalHold> {
        let covers = |hold: &&LegalHold| hold.table.as_deref().is_none_or(|held| held == table);
        self.holds.iter().filter(|hold| hold.tenant == tenant).find(covers)
    }
}
