//! What an operator can set about hunting.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use query::ExternalFiles;
use serde::Deserialize;

use crate::external::AllowedHosts;

/// Limits of hunting queries.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HuntingSettings {
    /// Memory that all running queries share, in bytes.
    pub memory_bytes: usize,
    /// Memory of one query, in bytes.
    pub query_memory_bytes: usize,
    /// Disk space for what does not fit into the memory, in bytes.
    pub spill_bytes: u64,
    /// Threads of one query; 0 is one for each processor.
    pub threads: usize,
    /// Queries that run at the same time; more wait.
    pub queries_max: usize,
    /// Of these, queries of one tenant.
    pub tenant_queries_max: usize,
    /// Of these, queries of one app.
    pub app_queries_max: usize,
    /// Queries that wait at the same time; more are refused.
    pub waiting_max: usize,
    /// How long a query waits before it is refused, in seconds.
    pub waiting_seconds: u64,
    /// How long a query may run, in seconds; of a stream that can go on later, each part.
    pub timeout_seconds: u64,
    /// Rows of an answer; it is cut off behind them. Streams have no such bound.
    pub rows_max: usize,
    /// Bytes of an answer in memory; a larger one is refused.
    pub result_bytes_max: usize,
    /// Rows that one query may read from tables.
    pub scanned_rows_max: u64,
    /// Bytes of data files that one query may read.
    pub scanned_bytes_max: u64,
    /// Memory for the footers of data files, in bytes, besides `memory_bytes`.
    pub footer_bytes: usize,
    /// A database of places by address, in the format of MaxMind, for `geo_info_from_ip_address`. It is read at
    /// the start and held in memory.
    pub geo_database: Option<PathBuf>,
    /// Hosts that `externaldata` may read from, such as `feeds.example`, or `*.feeds.example` for those below. It
    /// reads over HTTPS and from public addresses only, and from nowhere when no host is named.
    pub external_hosts: Vec<String>,
    /// Bytes of a file that `externaldata` reads; eight times as many once it is decompressed.
    pub external_bytes_max: usize,
    /// How long the reading of such a file may take, in seconds.
    pub external_seconds: u64,
}

impl Default for HuntingSettings {
    fn default() -> HuntingSettings {
        let engine = query::EngineConfig::default();
        HuntingSettings {
            memory_bytes: engine.memory_bytes,
            query_memory_bytes: engine.query_memory_bytes,
            spill_bytes: engine.spill_bytes,
            threads: 0,
            queries_max: engine.queries_max,
            tenant_queries_max: engine.tenant_queries_max,
            app_queries_max: engine.app_queries_max,
            waiting_max: engine.waiting_max,
            waiting_seconds: engine.patience.as_secs(),
            timeout_seconds: engine.deadline.as_secs(),
            rows_max: engine.rows_max,
            result_bytes_max: engine.result_bytes_max,
            scanned_rows_max: engine.scanned_rows_max,
            scanned_bytes_max: engine.scanned_bytes_max,
            footer_bytes: engine.footer_bytes,
            geo_database: None,
            external_hosts: Vec::new(),
            external_bytes_max: 32 << 20,
            external_seconds: 30,
        }
    }
}

impl HuntingSettings {
    /// The bounds; what is read at the start is beside them.
    pub(crate) fn for_engine(&self) -> query::EngineConfig {
        let engine = query::EngineConfig::default();
        query::EngineConfig {
            memory_bytes: self.memory_bytes,
            query_memory_bytes: self.query_memory_bytes,
            spill_bytes: self.spill_bytes,
            threads: if self.threads == 0 { engine.threads } else { self.threads },
            queries_max: self.queries_max,
            tenant_queries_max: self.tenant_queries_max,
            app_queries_max: self.app_queries_max,
            waiting_max: self.waiting_max,
            patience: Duration::from_secs(self.waiting_seconds),
            deadline: Duration::from_secs(self.timeout_seconds),
            rows_max: self.rows_max,
            result_bytes_max: self.result_bytes_max,
            scanned_rows_max: self.scanned_rows_max,
            scanned_bytes_max: self.scanned_bytes_max,
            footer_bytes: self.footer_bytes,
            geo: None,
            external: None,
        }
    }

    /// What fetches files for `externaldata`, if any host is named.
    pub(crate) fn external_files(&self) -> anyhow::Result<Option<Arc<dyn ExternalFiles>>> {
        let timeout = Duration::from_secs(self.external_seconds);
        AllowedHosts::of(&self.external_hosts, self.external_bytes_max, timeout)
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
        let numbers = [
            ("memory_bytes", self.memory_bytes as u64),
            ("query_memory_bytes", self.query_memory_bytes as u64),
            ("queries_max", self.queries_max as u64),
            ("tenant_queries_max", self.tenant_queries_max as u64),
            ("app_queries_max", self.app_queries_max as u64),
            ("rows_max", self.rows_max as u64),
            ("result_bytes_max", self.result_bytes_max as u64),
            ("scanned_rows_max", self.scanned_rows_max),
            ("scanned_bytes_max", self.scanned_bytes_max),
            ("external_bytes_max", self.external_bytes_max as u64),
            ("external_seconds", self.external_seconds),
        ];
        if let Some((setting, _)) = numbers.iter().find(|(_, number)| *number == 0) {
            bail!("hunting.{setting} is 0: it takes a number above that");
        }
        let is_host = |host: &str| {
            let name = host.strip_prefix("*.").unwrap_or(host);
            let is_word =
                |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            name.split('.').all(is_word) && name.contains(|c: char| c.is_ascii_alphabetic())
        };
        if let Some(host) = self.external_hosts.iter().find(|host| !is_host(host)) {
            bail!(
                "hunting.external_hosts has '{host}': it takes names such as feeds.example or *.feeds.example"
            );
        }
        Ok(())
    }
}
