//! Bodies of log shippers to rows.

use adapters::{Fault, Protocol, Said, read_shipped};
use serde_json::json;

use super::foreign::collect;
use super::lines::{Decoded, Memory};
use super::lock;
use super::mappers::SharedMapper;
use crate::error::{ApiError, INVALID_EVENT_NUMBER, code};

/// What a body of a shipper is, and what it is read with.
pub(crate) struct Shipped {
    pub protocol: Protocol,
    pub mapper: SharedMapper,
    /// What the request says of records that do not say it themselves.
    pub said: Said<'static>,
}

/// Reads the records of a body, all of them or none.
pub(super) fn decode(body: &[u8], shipped: &Shipped, memory: &mut Memory) -> Result<Decoded, ApiError> {
    // Lines whose events are still coming are kept beside the body.
    memory.reserve(body.len().saturating_mul(2))?;
    let mut mapper = lock(&shipped.mapper);
    collect(memory, |give| {
        read_shipped(&mut mapper, shipped.protocol, body, &shipped.said, give).map_err(ApiError::from)
    })
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> ApiError {
        let (code, event) = match fault {
            Fault::NoData => (code::NO_DATA, None),
            Fault::Malformed { event, .. } => (code::INVALID_EVENT, Some(event)),
            Fault::EventMissing { event } => (code::EVENT_MISSING, Some(event)),
            Fault::EventBlank { event } => (code::EVENT_BLANK, Some(event)),
            Fault::BadFields { event } => (code::INVALID_FIELDS, Some(event)),
        };
        let error = ApiError::new(code, crate::error::sentence(&fault.to_string()));
        match event {
            Some(event) => error.with_details(json!({ INVALID_EVENT_NUMBER: event })),
            None => error,
        }
    }
}
