//! `evaluate`: operators by the name of a plugin, one file each.

mod activity;
mod bag_unpack;
mod geo_lookup;
mod ip_lookup;
mod narrow;
mod near;
mod patterns;
mod pivot;
mod sequences;
mod sketches;

use kql::Span;
use kql::ast;
use model::Kind;

use super::{Bind, Binder, error, kind_of, unknown};
use crate::convert;
use crate::relation::Relation;
use crate::typed::Typed;

/// Binds one plugin.
type Plugin = fn(&mut Binder<'_>, Relation, &ast::Evaluate, Span) -> Bind<Relation>;

const PLUGINS: &[(&str, Plugin)] = &[
    ("active_users_count", |binder, input, evaluate, span| {
        binder.activity(input, evaluate, &activity::ACTIVE_USERS_COUNT, span)
    }),
    ("activity_counts_metrics", |binder, input, evaluate, span| {
        binder.activity(input, evaluate, &activity::ACTIVITY_COUNTS_METRICS, span)
    }),
    ("activity_engagement", |binder, input, evaluate, span| {
        binder.activity(input, evaluate, &activity::ACTIVITY_ENGAGEMENT, span)
    }),
    ("activity_metrics", |binder, input, evaluate, span| {
        binder.activity(input, evaluate, &activity::ACTIVITY_METRICS, span)
    }),
    ("autocluster", |binder, input, evaluate, span| binder.autocluster(input, evaluate, span)),
    ("bag_unpack", |binder, input, evaluate, span| binder.bag_unpack(input, evaluate, span)),
    ("basket", |binder, input, evaluate, span| binder.basket(input, evaluate, span)),
    ("dcount_intersect", |binder, input, evaluate, span| binder.dcount_intersect(input, evaluate, span)),
    ("diffpatterns", |binder, input, evaluate, span| binder.diff_patterns(input, evaluate, span)),
    ("funnel_sequence_completion", |binder, input, evaluate, span| {
        binder.funnel_sequence_completion(input, evaluate, span)
    }),
    ("geo_line_lookup", |binder, input, evaluate, span| {
        binder.geo_lookup(input, evaluate, &geo_lookup::LINES, span)
    }),
    ("geo_polygon_lookup", |binder, input, evaluate, span| {
        binder.geo_lookup(input, evaluate, &geo_lookup::POLYGONS, span)
    }),
    ("ipv4_lookup", |binder, input, evaluate, span| {
        binder.ip_lookup(input, evaluate, "ipv4_is_in_range", span)
    }),
    ("ipv6_lookup", |binder, input, evaluate, span| {
        binder.ip_lookup(input, evaluate, "ipv6_is_in_range", span)
    }),
    ("narrow", |binder, input, evaluate, span| binder.narrow(input, evaluate, span)),
    ("new_activity_metrics", |binder, input, evaluate, span| {
        binder.activity(input, evaluate, &activity::NEW_ACTIVITY_METRICS, span)
    }),
    ("pivot", |binder, input, evaluate, span| binder.pivot(input, evaluate, span)),
    ("preview", |binder, input, evaluate, span| binder.preview(input, evaluate, span)),
    ("rolling_percentile", |binder, input, evaluate, span| binder.rolling_percentile(input, evaluate, span)),
    ("rows_near", |binder, input, evaluate, span| binder.rows_near(input, evaluate, span)),
    ("sequence_detect", |binder, input, evaluate, span| binder.sequence_detect(input, evaluate, span)),
    ("session_count", |binder, input, evaluate, span| {
        binder.activity(input, evaluate, &activity::SESSION_COUNT, span)
    }),
    ("sliding_window_counts", |binder, input, evaluate, span| {
        binder.activity(input, evaluate, &activity::SLIDING_WINDOW_COUNTS, span)
    }),
];

impl Binder<'_> {
    pub(super) fn evaluate(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        span: Span,
    ) -> Bind<Relation> {
        let name = evaluate.call.name.name.as_str();
        match PLUGINS.iter().find(|(plugin, _)| *plugin == name) {
            Some((_, plugin)) => plugin(self, input, evaluate, span),
            None => {
                let message = format!("'evaluate' operator: unknown plugin '{name}'");
                unknown(evaluate.call.name.span, message, name, PLUGINS.iter().map(|(name, _)| *name))
            }
        }
    }

    /// The columns a plugin was said to give: those of the result, converted, or empty.
    fn as_declared(
        &mut self,
        result: Relation,
        input: &[String],
        schema: &ast::OutputSchema,
    ) -> Bind<Relation> {
        let mut columns: Vec<(String, Typed)> = Vec::new();
        if schema.keeps_input {
            columns.extend(result.columns().into_iter().filter(|(name, _)| input.contains(name)));
        }
        for declared in &schema.columns {
            let name = declared.name.name.clone();
            let kind = kind_of(declared.ty);
            let typed = match result.field(&name) {
                Some(field) if field.kind == kind => field.typed(),
                Some(field) => convert::to_kind(field.typed(), kind),
                None => Typed::absent(kind),
            };
            if columns.iter().any(|(other, _)| *other == name) {
                return error(declared.span, format!("column '{name}' is given twice"));
            }
            columns.push((name, typed));
        }
        Ok(result.project(&mut self.names, columns)?)
    }
}

/// Whether a kind has names for columns: what a value's text may be.
fn names_columns(kind: Kind) -> bool {
    kind != Kind::Dynamic
}
