//! Sending events.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::{Client, ClientError, Result};

const PRODUCER: HeaderName = HeaderName::from_static("bartizan-producer");
const SEQUENCE: HeaderName = HeaderName::from_static("bartizan-sequence");
const DEVICE: HeaderName = HeaderName::from_static("bartizan-device");

/// What became of the lines of one body. Accepted rows are durable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestAnswer {
    pub accepted: u64,
    pub refused: u64,
    /// Accepted rows, by table.
    #[serde(default)]
    pub rows: BTreeMap<String, u64>,
    /// Refused lines, by code.
    #[serde(default)]
    pub refused_by_code: BTreeMap<String, u64>,
    /// The first refused lines.
    #[serde(default)]
    pub errors: Vec<Refusal>,
    /// Source events that no table takes, by name.
    #[serde(default)]
    pub unmapped: BTreeMap<String, u64>,
    /// Lines that belong to an event that is counted elsewhere.
    #[serde(default)]
    pub merged: u64,
    /// Whether the server had this producer's sequence already and stored nothing new.
    #[serde(default)]
    pub duplicate: bool,
}

/// One refused line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    pub line: u64,
    pub code: String,
    pub message: String,
}

impl Client {
    /// Sends a body to `/api/ingest/{path}`: lines of rows to a table, or records of a foreign format such as
    /// `sysmon`.
    ///
    /// With a producer and its sequence number a lost reply is asked for again, since the server knows
    /// repeats by them; without, only what the server cannot have stored is sent again.
    pub async fn ingest(
        &self,
        path: &str,
        body: Bytes,
        producer: Option<(&str, u64)>,
    ) -> Result<IngestAnswer> {
        self.ingest_of_device(path, None, body, producer).await
    }

    /// The same, with the device of records that name none.
    pub async fn ingest_of_device(
        &self,
        path: &str,
        device: Option<&str>,
        body: Bytes,
        producer: Option<(&str, u64)>,
    ) -> Result<IngestAnswer> {
        let is_name = !path.is_empty() && path.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            let reason = "it is not a table or format".to_owned();
            return Err(ClientError::BadSetting { setting: "ingest path", value: path.to_owned(), reason });
        }
        let mut request =
            self.request(Method::POST, &format!("/api/ingest/{path}"), None, producer.is_some());
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        let header = |setting, value: &str| {
            HeaderValue::from_str(value).map_err(|_| ClientError::BadSetting {
                setting,
                value: value.escape_debug().to_string(),
                reason: "it does not fit a header".to_owned(),
            })
        };
        if let Some((producer, sequence)) = producer {
            request.headers.insert(PRODUCER, header("producer", producer)?);
            request.headers.insert(SEQUENCE, sequence.into());
        }
        if let Some(device) = device {
            request.headers.insert(DEVICE, header("device", device)?);
        }
        request.body = Some(body);
        self.send(request).await
    }
}
