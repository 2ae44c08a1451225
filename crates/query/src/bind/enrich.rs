//! `invoke FileProfile(SHA1)`: what is known of files, beside rows that name them by a hash.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, JoinType, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use kql::Span;
use kql::ast::{self, ExprKind, Literal};
use model::Kind;

use super::{Bind, Binder, error};
use crate::relation::{Field, Relation};
use crate::ticks::ticks;
use crate::typed::{Typed, absent, engine_type};
use crate::{aggregates, functions};

/// The column of a table of profiles with the hash that a row is of: SHA-1, SHA-256 or MD5 in lower case.
const HASH: &str = "Hash";

/// The column that says `Available` where a file is known, and `Missing` where it is not.
const AVAILABILITY: &str = "ProfileAvailability";

/// What names a file: rows that lack it can ask for it, and do not show it.
const IDENTITY: &[(&str, Kind)] =
    &[("SHA1", Kind::String), ("SHA256", Kind::String), ("MD5", Kind::String), ("FileSize", Kind::Long)];

/// What the rows get.
const FILE_PROFILE: &[(&str, Kind)] = &[
    ("GlobalPrevalence", Kind::Int),
    ("GlobalFirstSeen", Kind::DateTime),
    ("GlobalLastSeen", Kind::DateTime),
    ("Signer", Kind::String),
    ("Issuer", Kind::String),
    ("SignerHash", Kind::String),
    ("IsCertificateValid", Kind::Bool),
    ("IsRootSignerMicrosoft", Kind::Bool),
    ("SignatureState", Kind::String),
    ("IsExecutable", Kind::Bool),
    ("ThreatName", Kind::String),
    ("Publisher", Kind::String),
    ("SoftwareName", Kind::String),
    (AVAILABILITY, Kind::String),
];

impl Binder<'_> {
    /// The rows with what is known of the file that a column names. Columns they have already stay as they are.
    pub(super) fn file_profile(&mut self, input: Relation, call: &ast::Call, span: Span) -> Bind<Relation> {
        // A bare name, or the same as text. The second argument says how many rows to enrich; all are.
        let ident = match call.args.first().map(|arg| &arg.value.kind) {
            None => ast::Ident { name: "SHA1".to_owned(), span },
            Some(ExprKind::Name(ident)) => ident.clone(),
            Some(ExprKind::Literal(Literal::String { value, .. })) => {
                ast::Ident { name: value.clone(), span }
            }
            Some(_) => return error(span, "FileProfile() takes the name of a column with hashes"),
        };
        let hash = self.column(&input, &ident, "invoke")?.typed();
        if hash.kind != Kind::String {
            let message = format!("FileProfile() takes a column of strings, not of {}", hash.kind.name());
            return error(span, message);
        }
        let mut columns = input.columns();
        let (input, known) = match self.tables.file_profiles() {
            Some(profiles) => self.with_profiles(input, hash, profiles)?,
            None => (input, Vec::new()),
        };
        for (name, kind) in FILE_PROFILE.iter().chain(IDENTITY) {
            if columns.iter().any(|(present, _)| present == name) {
                continue;
            }
            let found = known.iter().find(|field| field.name == *name);
            let unknown =
                || if *name == AVAILABILITY { Typed::text("Missing") } else { Typed::absent(*kind) };
            let typed = found.map_or_else(unknown, |field| match kind {
                Kind::String if *name == AVAILABILITY => {
                    Typed::new(coalesce(vec![field.typed().expr, Typed::text("Missing").expr]), *kind)
                }
                // Text is never null, also where nothing is known.
                Kind::String => Typed::new(coalesce(vec![field.typed().expr, absent(*kind)]), *kind),
                _ => field.typed(),
            });
            columns.push(((*name).to_owned(), typed));
        }
        let shown: Vec<String> = input.fields.iter().map(|field| field.name.clone()).collect();
        let mut profiled = input.project(&mut self.names, columns)?;
        let is_unshown = |field: &mut Field| {
            IDENTITY.iter().any(|(name, _)| *name == field.name) && !shown.contains(&field.name)
        };
        profiled.hidden.extend(profiled.fields.extract_if(.., is_unshown));
        Ok(profiled)
    }

    /// The rows beside the profiles of their hashes, and the profiles' columns that there are.
    fn with_profiles(
        &mut self,
        input: Relation,
        hash: Typed,
        profiles: Arc<dyn TableProvider>,
    ) -> Bind<(Relation, Vec<Field>)> {
        let schema = profiles.schema();
        let alias = TableReference::bare(self.names.next());
        let stored = |name: &str| Expr::Column(Column::new(Some(alias.clone()), name));
        let hash_field = self.names.next();
        let mut exprs = vec![cast(stored(HASH), DataType::Utf8View).alias(&hash_field)];
        let mut known = Vec::new();
        for (name, kind) in FILE_PROFILE.iter().chain(IDENTITY) {
            let Some((_, column)) = schema.column_with_name(name) else { continue };
            let field = self.names.next();
            let expr = match column.data_type() {
                DataType::Timestamp(_, _) => ticks(stored(name)),
                _ => cast(stored(name), engine_type(*kind)),
            };
            exprs.push(expr.alias(&field));
            known.push(Field { name: (*name).to_owned(), kind: *kind, field });
        }
        let scan = LogicalPlanBuilder::scan(alias.clone(), provider_as_source(profiles), None)?;
        let profiles = Relation { plan: scan.project(exprs)?.build()?, fields: known, hidden: Vec::new() };
        let (right, hash_field, known) = self.one_per_hash(profiles, hash_field)?;
        // Rows may have their hashes in capitals.
        let lower = functions::find("tolower").ok_or_else(|| "tolower() is missing".to_owned());
        let lower = lower.and_then(|lower| lower.call(self.context, vec![hash]));
        let key = self.at(Span { start: 0, end: 0 }, lower)?;
        let key_field = self.names.next();
        let mut exprs: Vec<Expr> =
            input.fields.iter().chain(&input.hidden).map(|field| field.typed().expr).collect();
        exprs.push(key.expr.alias(&key_field));
        let keys = (vec![Column::new_unqualified(key_field)], vec![Column::new_unqualified(hash_field)]);
        let plan = input.builder().project(exprs)?.join(right, JoinType::Left, keys, None)?.build()?;
        Ok((Relation { plan, ..input }, known))
    }

    /// One row for each hash, the one of the file that most devices have: several files may have the same MD5, and
    /// events that name a file by less than all of its hashes make a profile of their own.
    fn one_per_hash(
        &mut self,
        mut profiles: Relation,
        hash: String,
    ) -> Bind<(LogicalPlan, String, Vec<Field>)> {
        profiles.fields.sort_by_key(|field| field.name != "GlobalPrevalence");
        let kinds: Vec<Kind> = profiles.fields.iter().map(|field| field.kind).collect();
        let values = profiles.fields.iter().map(|field| field.typed().expr).collect();
        let Some(choice) = aggregates::row_choice("arg_max") else {
            return Ok((profiles.plan, hash, profiles.fields));
        };
        let chosen = self.names.next();
        let parts = profiles.fields.iter().enumerate();
        let parts = parts
            .map(|(at, field)| (field.name.clone(), aggregates::part_of_choice(&chosen, at, field.kind)))
            .collect();
        let key = vec![(HASH.to_owned(), Typed::column(&hash, Kind::String))];
        let mut single =
            self.aggregated(profiles, key, vec![((choice.make)(values, &kinds), chosen)], parts)?;
        // Keys come first.
        let key = single.fields.remove(0);
        Ok((single.plan, key.field, single.fields))
    }
}
