//! How many answers that go on for long a caller, and a tenant, may have at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use identity::Caller;
use model::TenantId;

use crate::error::{ApiError, code};
use crate::limits::CallerKey;

const OF_CALLER_MAX: usize = 16;
const OF_TENANT_MAX: usize = 200;
const RETRY_SECONDS: u32 = 10;

/// Whose streams are counted together; without a caller those of the tenant.
type Key = (TenantId, Option<CallerKey>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Streams(Arc<Mutex<HashMap<Key, usize>>>);

/// A stream that goes on. It is counted until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream {
    streams: Streams,
    keys: [Key; 2],
}

impl Streams {
    /// Counts a stream, unless it is one too many.
    pub fn open(&self, caller: &Caller) -> Result<OpenStream, ApiError> {
        let keys = [(caller.tenant, Some(CallerKey::of(caller))), (caller.tenant, None)];
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, most) in keys.iter().zip([OF_CALLER_MAX, OF_TENANT_MAX]) {
            if open.get(key).is_some_and(|count| *count >= most) {
                let whose = if key.1.is_some() { "caller" } else { "tenant" };
                let message = format!("The {whose} has {most} streams open; end one first.");
                return Err(ApiError::new(code::TOO_MANY_REQUESTS, message).retry_after(RETRY_SECONDS));
            }
        }
        for key in &keys {
            *open.entry(key.clone()).or_default() += 1;
        }
        drop(open);
        Ok(OpenStream { streams: self.clone(), keys })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.keys {
            if let Some(count) = open.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    open.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use identity::CallerKind;
    use model::AppId;
    use uuid::Uuid;

    use super::*;

    fn caller(app: usize) -> Caller {
        Caller {
            tenant: TenantId(Uuid::from_u128(1)),
            app: Some(AppId(Uuid::from_u128(app as u128))),
            name: String::new(),
            permissions: Vec::new(),
            scope: Arc::default(),
            kind: CallerKind::Application,
            outside: None,
            token: None,
        }
    }

    #[test]
    fn a_caller_and_a_tenant_have_so_many_and_no_more_until_some_end() {
        let streams = Streams::default();
        let mut open: Vec<OpenStream> =
            (0..OF_CALLER_MAX).map(|_| streams.open(&caller(0)).unwrap()).collect();
        assert_eq!(streams.open(&caller(0)).unwrap_err().code(), code::TOO_MANY_REQUESTS);
        open.pop();
        open.push(streams.open(&caller(0)).unwrap());
        open.extend((OF_CALLER_MAX..OF_TENANT_MAX).map(|app| streams.open(&caller(app)).unwrap()));
        assert!(streams.open(&caller(1)).is_err(), "the tenant has all of its own");
        let elsewhere = Caller { tenant: TenantId(Uuid::from_u128(2)), ..caller(0) };
        assert!(streams.open(&elsewhere).is_ok());
        open.clear();
        assert!(streams.0.lock().unwrap().is_empty());
    }
}
