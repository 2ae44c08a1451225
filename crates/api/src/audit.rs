//! Writes the audit log: for every call that changes something, for every hunting query, and for links to what was
//! collected from devices.
//!
//! What changes something is written down before it is done, so that nothing is done that cannot be written down, and
//! once more with how it ended. Sending events is not in the log: the events themselves are kept.

use std::net::IpAddr;

use axum::http::{Method, StatusCode};
use identity::{Caller, CallerKind};
use model::audit::{AuditEntry, Verdict};
use serde_json::Value;
use tracing::error;
use uuid::Uuid;

use crate::Shared;
use crate::error::{ApiError, code};
use crate::routes::{Bounds, RouteDeclaration};

/// What a handler says of what it did, for the audit log: an extension of its answer. No secrets.
#[derive(Clone, Debug)]
pub(crate) struct AuditDetail(pub Value);

/// What of calls of a route is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// How it ended.
    End,
    Both,
}

/// One call as it goes into the log.
pub(crate) struct Act<'c> {
    caller: &'c Caller,
    kept: Kept,
    entry: AuditEntry,
}

impl<'c> Act<'c> {
    /// None where nothing of it is written down.
    pub fn new(
        route: &RouteDeclaration,
        caller: &'c Caller,
        object: Option<&str>,
        address: Option<IpAddr>,
        target: Uuid,
    ) -> Option<Act<'c>> {
        let kept = match (&route.method, route.bounds) {
            _ if route.is_audited => Kept::Both,
            (_, Bounds::Hunting) => Kept::End,
            (_, Bounds::Ingest) | (&Method::GET, _) => return None,
            (_, Bounds::Usual | Bounds::Upload) => Kept::Both,
        };
        let user = match &caller.kind {
            CallerKind::Application => None,
            CallerKind::User(signed_in) => Some(signed_in.user.to_string()),
        };
        let actor = match &caller.outside {
            Some(outside) => format!("{} ({outside})", caller.name),
            None => caller.name.clone(),
        };
        let entry = AuditEntry {
            actor,
            app: caller.app.map(|app| app.to_string()),
            user,
            address: address.map(|address| address.to_string()),
            action: format!("{} {}", route.method, route.path),
            object: object.map(|object| object.chars().take(256).collect()),
            verdict: Verdict::Allowed,
            status: None,
            request: target.to_string(),
            detail: None,
        };
        Some(Act { caller, kept, entry })
    }

    /// Writes down that it may be done. What cannot be written down is not done.
    pub async fn begins(&self, shared: &Shared) -> Result<(), ApiError> {
        if self.kept == Kept::Both { self.write(shared, self.entry.clone()).await } else { Ok(()) }
    }

    /// Writes down that it may not be done.
    pub async fn denied(&self, shared: &Shared) {
        let status = Some(StatusCode::FORBIDDEN.as_u16());
        self.end(shared, AuditEntry { verdict: Verdict::Denied, status, ..self.entry.clone() }).await;
    }

    /// Writes down how it ended. Where that is the only record, an answer that cannot be written down is not given.
    pub async fn ended(
        &self,
        shared: &Shared,
        status: StatusCode,
        detail: Option<Value>,
    ) -> Result<(), ApiError> {
        let verdict = if status.is_success() { Verdict::Done } else { Verdict::Failed };
        let entry = || AuditEntry { verdict, status: Some(status.as_u16()), detail, ..self.entry.clone() };
        match self.kept {
            Kept::End => self.write(shared, entry()).await.map_err(|error| match error.code() {
                code::INSUFFICIENT_STORAGE => error,
                _ => {
                    error.log_cause();
                    ApiError::unavailable("the audit log cannot be written to")
                }
            }),
            Kept::Both => {
                self.end(shared, entry()).await;
                Ok(())
            }
        }
    }

    async fn end(&self, shared: &Shared, entry: AuditEntry) {
        if let Err(error) = self.write(shared, entry).await {
            // It is done: the record of its beginning stands, and the server's own log says the rest.
            error!(code = error.code().0, "the audit log was not written to");
        }
    }

    async fn write(&self, shared: &Shared, entry: AuditEntry) -> Result<(), ApiError> {
        let store = shared.state.store.tenant(self.caller.tenant);
        store.audit(&entry, shared.state.clock.now()).await?;
        Ok(())
    }
}
