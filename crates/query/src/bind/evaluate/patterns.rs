//! `autocluster`, `basket`, `diffpatterns`: combinations of values that many rows have, or one of two sets of rows.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, UInt32Array,
};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use kql::Span;
use kql::ast::{self, ExprKind, Literal};
use model::Kind;

use super::super::{Bind, Binder, error};
use crate::constant;
use crate::convert;
use crate::patterns::{Pattern, Values, differing};
use crate::relation::{Field, Relation};
use crate::typed::Typed;

/// Values that a combination has at most, unless asked for.
const DIMENSIONS: usize = 5;
/// Combinations that a result has at most.
const PATTERNS_MAX: usize = 1_000;
/// Clusters that are told of.
const CLUSTERS: usize = 10;
/// The least share of rows that a cluster may have.
const CLUSTER_SHARE: f64 = 0.01;

/// The arguments behind those of a plugin's own; `~` stands for what is usual.
struct Settings {
    threshold: Option<f64>,
    weight: Option<Field>,
    dimensions: Option<usize>,
}

impl Binder<'_> {
    pub(super) fn basket(&mut self, input: Relation, evaluate: &ast::Evaluate, span: Span) -> Bind<Relation> {
        let settings = self.settings(&input, &evaluate.call.args, "basket", span)?;
        let threshold = self.between(settings.threshold.unwrap_or(0.05), 0.015, 1.0, "basket", span)?;
        let dimensions = settings.dimensions.unwrap_or(DIMENSIONS);
        self.segments(input, settings.weight, format!("basket {threshold} {dimensions}"), move |values| {
            let least = (values.totals()[0] as f64 * threshold).ceil() as i64;
            let mut found = values.frequent([least, 1], dimensions);
            found.sort_by(|a, b| b.weight[0].cmp(&a.weight[0]).then(b.items.len().cmp(&a.items.len())));
            found
        })
    }

    pub(super) fn autocluster(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        span: Span,
    ) -> Bind<Relation> {
        let settings = self.settings(&input, &evaluate.call.args, "autocluster", span)?;
        let size_weight = self.between(settings.threshold.unwrap_or(0.5), 0.0, 1.0, "autocluster", span)?;
        self.segments(input, settings.weight, format!("autocluster {size_weight}"), move |values| {
            let least = (values.totals()[0] as f64 * CLUSTER_SHARE).ceil() as i64;
            let frequent = values.frequent([least, 1], DIMENSIONS);
            values.clusters(&frequent, size_weight, CLUSTERS)
        })
    }

    /// `diffpatterns(column, first, second, weight, threshold, dimensions)`
    pub(super) fn diff_patterns(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        span: Span,
    ) -> Bind<Relation> {
        let usage = "diffpatterns() takes a column and the two of its values whose rows are compared";
        let [split, first, second, rest @ ..] = evaluate.call.args.as_slice() else {
            return error(span, usage);
        };
        let ExprKind::Name(ident) = &split.value.kind else { return error(split.value.span, usage) };
        let split = self.column(&input, ident, "evaluate")?.clone();
        let mut names = Vec::with_capacity(2);
        for arg in [first, second] {
            let text = constant::fold(convert::to_text(self.constant(&arg.value)?))?;
            names.push(text.literal_text().unwrap_or_default().to_owned());
        }
        // The weight comes before the threshold here.
        let mut ordered: Vec<ast::Arg> = rest.to_vec();
        if ordered.len() > 1 {
            ordered.swap(0, 1);
        } else if let Some(only) = ordered.first().cloned() {
            let default = ast::Expr {
                kind: ExprKind::Literal(Literal::String { value: "~".to_owned(), is_obfuscated: false }),
                span,
            };
            ordered = vec![ast::Arg { name: None, value: default }, only];
        }
        let settings = self.settings(&input, &ordered, "diffpatterns", span)?;
        let threshold = self.between(settings.threshold.unwrap_or(0.05), 0.015, 1.0, "diffpatterns", span)?;
        let dimensions = settings.dimensions.unwrap_or(DIMENSIONS);
        let is_kept = |field: &&Field| field.name != split.name && Some(*field) != settings.weight.as_ref();
        let kept: Vec<Field> = input.fields.iter().filter(is_kept).cloned().collect();
        let rows = self.weighed(input, &kept, settings.weight, Some(convert::to_text(split.typed())))?;
        let mut fields = vec![
            ("SegmentId".to_owned(), Kind::Long),
            ("CountA".to_owned(), Kind::Long),
            ("CountB".to_owned(), Kind::Long),
            ("PercentA".to_owned(), Kind::Real),
            ("PercentB".to_owned(), Kind::Real),
            ("PercentDiffAB".to_owned(), Kind::Real),
        ];
        fields.extend(kept.iter().map(|field| (field.name.clone(), field.kind)));
        let fields = self.fields_of(fields);
        let kinds: Vec<Kind> = kept.iter().map(|field| field.kind).collect();
        let told = format!("diffpatterns {names:?} {threshold} {dimensions}");
        self.over_rows(rows, fields, told, move |rows| {
            let of = rows.column(1).as_string_view();
            let set = |row: usize| names.iter().position(|name| of.is_valid(row) && of.value(row) == name);
            let members: UInt32Array =
                (0..rows.num_rows() as u32).filter(|row| set(*row as usize).is_some()).collect();
            let sets: Vec<u8> =
                members.values().iter().filter_map(|row| set(*row as usize)).map(|s| s as u8).collect();
            let columns = rows.columns().iter().map(|column| Ok(take(column, &members, None)?));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let rows = RecordBatch::try_new(rows.schema(), columns)?;
            let coded = Coded::of(&rows)?;
            let values = Values { columns: &coded.columns, weights: &coded.weights, sets: &sets };
            let totals = values.totals();
            let least = totals.map(|total| ((total as f64 * threshold).ceil() as i64).max(1));
            let mut found = differing(values.frequent(least, dimensions), totals, threshold);
            found.truncate(PATTERNS_MAX);
            let percent = |pattern: &Pattern, set: usize| {
                round(100.0 * pattern.weight[set] as f64 / totals[set].max(1) as f64)
            };
            let counts = |set: usize| -> ArrayRef {
                Arc::new(found.iter().map(|pattern| pattern.weight[set]).collect::<Int64Array>())
            };
            let percents = |set: usize| -> ArrayRef {
                Arc::new(found.iter().map(|pattern| percent(pattern, set)).collect::<Float64Array>())
            };
            let differences =
                found.iter().map(|pattern| round((percent(pattern, 0) - percent(pattern, 1)).abs()));
            let mut columns: Vec<ArrayRef> = vec![
                Arc::new((0..found.len() as i64).collect::<Int64Array>()),
                counts(0),
                counts(1),
                percents(0),
                percents(1),
                Arc::new(differences.collect::<Float64Array>()),
            ];
            columns.extend(coded.shown(&rows, &found, &kinds)?);
            Ok(columns)
        })
    }

    /// `SegmentId`, `Count`, `Percent`, and the columns of the input with what each combination has of them.
    fn segments(
        &mut self,
        input: Relation,
        weight: Option<Field>,
        told: String,
        find: impl Fn(&Values) -> Vec<Pattern> + Send + Sync + 'static,
    ) -> Bind<Relation> {
        let kept: Vec<Field> =
            input.fields.iter().filter(|field| Some(*field) != weight.as_ref()).cloned().collect();
        let rows = self.weighed(input, &kept, weight, None)?;
        let mut fields = vec![
            ("SegmentId".to_owned(), Kind::Long),
            ("Count".to_owned(), Kind::Long),
            ("Percent".to_owned(), Kind::Real),
        ];
        fields.extend(kept.iter().map(|field| (field.name.clone(), field.kind)));
        let fields = self.fields_of(fields);
        let kinds: Vec<Kind> = kept.iter().map(|field| field.kind).collect();
        self.over_rows(rows, fields, told, move |rows| {
            let coded = Coded::of(rows)?;
            let sets = vec![0; rows.num_rows()];
            let values = Values { columns: &coded.columns, weights: &coded.weights, sets: &sets };
            let total = values.totals()[0].max(1) as f64;
            let mut found = find(&values);
            found.truncate(PATTERNS_MAX);
            let counts = found.iter().map(|pattern| pattern.weight[0]);
            let percents = counts.clone().map(|count| 100.0 * count as f64 / total);
            let mut columns: Vec<ArrayRef> = vec![
                Arc::new((0..found.len() as i64).collect::<Int64Array>()),
                Arc::new(counts.collect::<Int64Array>()),
                Arc::new(percents.collect::<Float64Array>()),
            ];
            columns.extend(coded.shown(rows, &found, &kinds)?);
            Ok(columns)
        })
    }

    /// The rows with a weight, and what splits them, in front.
    fn weighed(
        &mut self,
        input: Relation,
        kept: &[Field],
        weight: Option<Field>,
        split: Option<Typed>,
    ) -> Bind<Relation> {
        let weight = weight.map_or_else(|| Typed::long(1), |field| convert::to_long(field.typed()));
        let mut columns =
            vec![("weight".to_owned(), weight), ("split".to_owned(), split.unwrap_or(Typed::text("")))];
        columns.extend(kept.iter().map(|field| (field.name.clone(), field.typed())));
        Ok(Relation { hidden: Vec::new(), ..input }.project(&mut self.names, columns)?)
    }

    fn settings(&mut self, input: &Relation, args: &[ast::Arg], name: &str, span: Span) -> Bind<Settings> {
        let mut settings = Settings { threshold: None, weight: None, dimensions: None };
        for (at, arg) in args.iter().enumerate() {
            let is_usual =
                matches!(&arg.value.kind, ExprKind::Literal(Literal::String { value, .. }) if value == "~");
            match (at, &arg.value.kind) {
                _ if is_usual => {}
                (0, _) => {
                    let number = constant::fold(convert::to_real(self.constant(&arg.value)?))?;
                    match number.literal() {
                        Some(ScalarValue::Float64(Some(number))) => settings.threshold = Some(*number),
                        _ => return error(arg.value.span, format!("{name}(): this is a number")),
                    }
                }
                (1, ExprKind::Name(ident)) => {
                    let field = self.column(input, ident, "evaluate")?;
                    if !matches!(field.kind, Kind::Int | Kind::Long | Kind::Real) {
                        return error(ident.span, format!("{name}(): a weight is a column of numbers"));
                    }
                    settings.weight = Some(field.clone());
                }
                (2, _) => settings.dimensions = Some(self.constant_count(&arg.value, name)?.clamp(1, 16)),
                // What stands for other values in the columns is not kept.
                (3.., ExprKind::Literal(_)) => {}
                _ => {
                    return error(
                        span,
                        format!("{name}() takes a number, a column with weights, and a number"),
                    );
                }
            }
        }
        Ok(settings)
    }

    fn between(&mut self, number: f64, least: f64, most: f64, name: &str, span: Span) -> Bind<f64> {
        match (least..=most).contains(&number) {
            true => Ok(number),
            false => error(span, format!("{name}() takes a number from {least} to {most}")),
        }
    }
}

fn round(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}

/// Rows as numbers of values: weights first, what splits them, then the columns.
struct Coded {
    weights: Vec<i64>,
    columns: Vec<Vec<u32>>,
    /// A row that has each value of a column.
    examples: Vec<Vec<u32>>,
}

impl Coded {
    fn of(rows: &RecordBatch) -> Result<Coded> {
        let weights = rows.column(0).as_primitive::<Int64Type>();
        let weights =
            (0..rows.num_rows()).map(|row| if weights.is_valid(row) { weights.value(row).max(0) } else { 0 });
        let mut coded = Coded { weights: weights.collect(), columns: Vec::new(), examples: Vec::new() };
        for column in &rows.columns()[2..] {
            let mut numbers: HashMap<ScalarValue, u32> = HashMap::new();
            let (mut codes, mut examples) = (Vec::with_capacity(rows.num_rows()), Vec::new());
            for row in 0..rows.num_rows() {
                let code = *numbers.entry(ScalarValue::try_from_array(column, row)?).or_insert_with(|| {
                    examples.push(row as u32);
                    examples.len() as u32 - 1
                });
                codes.push(code);
            }
            coded.columns.push(codes);
            coded.examples.push(examples);
        }
        Ok(coded)
    }

    /// What combinations have of each column: nothing where it does not matter.
    fn shown(&self, rows: &RecordBatch, found: &[Pattern], kinds: &[Kind]) -> Result<Vec<ArrayRef>> {
        let columns = rows.columns()[2..].iter().zip(kinds).enumerate();
        let shown = columns.map(|(at, (column, kind))| {
            let of_pattern = |pattern: &Pattern| {
                let item = pattern.items.iter().find(|(column, _)| usize::from(*column) == at);
                item.map(|(_, value)| self.examples[at][*value as usize])
            };
            let values = take(column, &found.iter().map(of_pattern).collect::<UInt32Array>(), None)?;
            if *kind != Kind::String {
                return Ok(values);
            }
            let texts = values.as_string_view().iter().map(|text| Some(text.unwrap_or_default()));
            Ok(Arc::new(texts.collect::<datafusion::arrow::array::StringViewArray>()) as ArrayRef)
        });
        shown.collect()
    }
}
