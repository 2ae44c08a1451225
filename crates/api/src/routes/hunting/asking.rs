//! From a request to a query for the engine: its text, the tenant's tables, and the functions it calls.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use kql::TokenKind;
use model::lake::AsOf;
use model::{Table, Ticks};
use query::{Asked, SavedFunction};
use serde_json::json;
use store::TenantStore;

use crate::audit::AuditDetail;
use crate::body::JsonObject;
use crate::ctx::Ctx;
use crate::error::{ApiError, code};
use crate::file_profiles;

/// Saved functions that one query may call, with those that they call.
const FUNCTIONS_MAX: usize = 200;

/// What a client asks.
pub(super) struct Question {
    pub text: Arc<str>,
    /// The first and the last time of the rows that are looked at.
    pub times: Option<(Ticks, Ticks)>,
}

impl Question {
    pub fn of_body(mut body: JsonObject) -> Result<Question, ApiError> {
        Question::of_text(body.take_text("Query")?, "Query")
    }

    pub fn of_text(text: Option<String>, parameter: &str) -> Result<Question, ApiError> {
        let text = text.filter(|text| !text.trim().is_empty());
        let missing = format!("The required parameter {parameter} is missing.");
        let text = text.ok_or_else(|| ApiError::new(code::MISSING_PARAMETER, missing))?;
        Ok(Question { text: text.into(), times: None })
    }

    /// What the audit log says of it: enough to find the query again, and not what it asks.
    pub fn audited(&self) -> AuditDetail {
        AuditDetail(json!({ "querySha256": model::audit::text_hash(&self.text) }))
    }
}

/// The question over the caller's tables as they are now.
pub(super) async fn asked(ctx: &Ctx, question: &Question) -> Result<Asked, ApiError> {
    let asked = Asked::new(&question.text, tables(ctx), ctx.now());
    let functions = functions(ctx.store(), &question.text).await?.into();
    Ok(Asked { asker: ctx.asker(), functions, times: question.times, ..asked })
}

pub(super) fn tables(ctx: &Ctx) -> Arc<dyn query::Tables> {
    let rows = ctx.lake().snapshot().explained_by(query::text_condition);
    Arc::new(Tables { rows, store: ctx.store().clone() })
}

/// The tables of one tenant at one moment.
struct Tables {
    rows: lake::Snapshot,
    store: TenantStore,
}

impl query::Tables for Tables {
    fn table(&self, table: &'static Table) -> Arc<dyn TableProvider> {
        self.rows.table(table)
    }

    fn is_empty(&self, table: &'static Table) -> bool {
        self.rows.is_empty(table)
    }

    fn file_profiles(&self) -> Option<Arc<dyn TableProvider>> {
        // How many devices have a file, and since when, would tell of devices out of reach.
        if !self.store.reach().is_all() {
            return file_profiles::nothing().ok();
        }
        file_profiles::table(self.store.clone())
            .inspect_err(|error| tracing::error!("file profiles cannot be read by queries: {error}"))
            .ok()
    }

    fn last_sequence(&self) -> Option<i64> {
        Some(self.rows.last_sequence())
    }

    /// Profiles have no past: they say what is known now.
    fn as_of(&self, as_of: AsOf) -> Result<Arc<dyn query::Tables>, String> {
        let rows = self.rows.as_of(as_of).map_err(|error| error.to_string())?;
        Ok(Arc::new(Tables { rows, store: self.store.clone() }))
    }
}

/// The saved functions whose names are in a text, and those whose names are in theirs.
pub(super) async fn functions(store: &TenantStore, text: &str) -> Result<Vec<SavedFunction>, ApiError> {
    let names: HashSet<String> = store.hunting_function_names().await?.into_iter().collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut found: Vec<SavedFunction> = Vec::new();
    let mut wanted = named_in(text, &names);
    while let Some(name) = wanted.pop() {
        if found.iter().any(|function| function.name == name) {
            continue;
        }
        if found.len() >= FUNCTIONS_MAX {
            let message = format!("The query calls more than {FUNCTIONS_MAX} saved functions.");
            return Err(ApiError::new(code::BAD_REQUEST, message));
        }
        if let Some(function) = store.hunting_function(&name).await? {
            wanted.extend(named_in(&function.body, &names));
            let (parameters, body) = (function.parameters, function.body);
            found.push(SavedFunction { name, parameters, body });
        }
    }
    // In one order, so that the same query means the same text.
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn named_in(text: &str, names: &HashSet<String>) -> Vec<String> {
    let tokens = kql::tokens(text).into_iter().filter(|token| token.kind == TokenKind::Name);
    let words = tokens.filter_map(|token| text.get(token.span.start..token.span.end));
    let found: HashSet<&String> = words.filter_map(|word| names.get(word)).collect();
    found.into_iter().cloned().collect()
}
