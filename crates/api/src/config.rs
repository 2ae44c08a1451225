//! What an operator can set about the API.

use std::time::Duration;

use model::access::Network;

use crate::{NetworkLimit, RateLimits};

/// Bounds of the API. [`ApiConfig::new`] fills in the defaults.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// The scheme, host and port at which clients reach the API: links in answers begin with it.
    pub base_url: String,
    /// Items of a page of a list, up to 10,000.
    pub page_size: u64,
    /// Bytes of a request's body, except where events are sent.
    pub body_bytes_max: usize,
    /// Bytes of a file that is uploaded.
    pub upload_bytes_max: usize,
    /// How long a request may take, except hunting, which the engine ends.
    pub request_timeout: Duration,
    /// How long the next part of a body may take to arrive. The whole may take as long beside the time that it takes at
    /// 256 KiB a second.
    pub body_timeout: Duration,
    /// Bytes of a body of events, once it is decompressed.
    pub ingest_body_bytes_max: usize,
    /// Memory the rows of one body of events may take, in bytes.
    pub ingest_rows_bytes_max: usize,
    /// Memory all bodies of events and their rows may take at the same time, in bytes.
    pub ingest_memory_bytes: usize,
    /// How long events wait, before their body is read, for room in memory; then they are turned away.
    pub ingest_patience: Duration,
    /// Names of devices one tenant may have.
    pub device_names_max: usize,
    /// How often methods may be called; none sets no limit.
    pub rate_limits: Option<RateLimits>,
    /// How often one network may ask the endpoints of the issuer; none sets no limit.
    pub network_limit: Option<NetworkLimit>,
    /// Origins whose scripts may call, such as `https://portal.example`; none is no other than this server's.
    pub cors_origins: Vec<String>,
    /// Proxies that are believed to say whose requests they forward.
    pub trusted_proxies: Vec<Network>,
}

impl ApiConfig {
    pub fn new(base_url: impl Into<String>) -> ApiConfig {
        let base_url: String = base_url.into();
        ApiConfig {
            base_url: base_url.trim_end_matches('/').to_owned(),
            page_size: 10_000,
            body_bytes_max: 1 << 20,
            upload_bytes_max: 64 << 20,
            request_timeout: Duration::from_secs(300),
            body_timeout: Duration::from_secs(30),
            ingest_body_bytes_max: 64 << 20,
            ingest_rows_bytes_max: 192 << 20,
            // The largest body, its rows and a decompressor: none that is allowed is refused for good.
            ingest_memory_bytes: 264 << 20,
            ingest_patience: Duration::from_secs(5),
            device_names_max: 1_000_000,
            rate_limits: None,
            network_limit: None,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
        }
    }
}
