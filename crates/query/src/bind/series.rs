//! `make-series`: aggregates as arrays with one element for each step of an axis.

use datafusion::arrow::array::ArrayRef;
use datafusion::common::ScalarValue;
use datafusion::error::Result as EngineResult;
use datafusion::functions_aggregate::expr_fn;
use datafusion::logical_expr::lit;
use kql::Span;
use kql::ast::{self, ExprKind};
use model::{Kind, Ticks};

use super::aggregate::{Collected, aggregate_name, column_name};
use super::expr::Input;
use super::{Bind, Binder, error, naming};
use crate::kernel::{Args, call, text_rows};
use crate::relation::Relation;
use crate::typed::{Typed, is_numeric};
use crate::{aggregates, constant, convert, json};

/// Elements of one series.
const ELEMENTS_MAX: i64 = 1_048_576;

/// The name of a series, its element for a step, and what stands for a step without rows.
type Series = (String, Typed, Typed);

/// Where the elements of a series lie.
struct Axis {
    kind: Kind,
    points: Points,
    count: i64,
}

/// From `start` on, `step` apart.
#[derive(Clone, Copy)]
enum Points {
    /// Times too: a real cannot hold their ticks.
    Whole {
        start: i64,
        step: i64,
    },
    Real {
        start: f64,
        step: f64,
    },
}

impl Binder<'_> {
    pub(super) fn make_series(
        &mut self,
        input: Relation,
        series: &ast::MakeSeries,
        span: Span,
    ) -> Bind<Relation> {
        let mut taken = Vec::new();
        let mut numbered = 0;
        let position = self.expr_of("make-series", &series.axis.expr, &mut Input::of(&input))?;
        let of_time = matches!(position.kind, Kind::DateTime | Kind::TimeSpan);
        if !of_time && !is_numeric(position.kind) {
            let message = format!(
                "'make-series' operator: the axis is a datetime, timespan or number, not a {}",
                position.kind.name()
            );
            return error(series.axis.expr.span, message);
        }
        let axis = self.axis(&input, series, &position, span)?;

        let mut keys = Vec::with_capacity(series.by.len());
        for column in &series.by {
            let key = self.expr_of("make-series", &column.expr, &mut Input::of(&input))?;
            if key.kind == Kind::Dynamic {
                return error(column.expr.span, "'make-series' operator: cannot group by a dynamic value");
            }
            keys.push((column_name(column, &mut numbered, &mut taken), key));
        }
        let mut collected = Collected::default();
        let mut values = Vec::with_capacity(series.aggregates.len());
        for aggregate in &series.aggregates {
            let mut scope = Input { collected: Some(&mut collected), ..Input::of(&input) };
            let value = self.expr_of("make-series", &aggregate.column.expr, &mut scope)?;
            let name = match aggregate_name(&aggregate.column) {
                Some(name) => naming::unique(name, &mut taken),
                None => column_name(&aggregate.column, &mut numbered, &mut taken),
            };
            let default = match &aggregate.default {
                Some(default) => self.constant(default)?,
                None => Typed::long(0),
            };
            let default = match default.kind {
                kind if kind != value.kind && is_numeric(kind) => {
                    constant::fold(convert::to_kind(default, value.kind))?
                }
                _ => default,
            };
            values.push((name, value, constant::fold(convert::to_dynamic(default))?));
        }
        let axis_name = match series.axis.names.first() {
            Some(ident) => ident.name.clone(),
            None => naming::name_of(&series.axis.expr).unwrap_or_else(|| "Column1".to_owned()),
        };
        let axis_name = naming::unique(axis_name, &mut taken);
        let nonempty = series.params.iter().any(|param| {
            param.name.name == "kind"
                && matches!(&param.value.kind, ExprKind::Name(name) if name.name == "nonempty")
        });
        let only_nonempty = nonempty && keys.is_empty();
        self.gathered(input, (position, axis, axis_name), keys, (collected, values), only_nonempty)
    }

    /// One row for each step that has rows, then one array of them for each group.
    fn gathered(
        &mut self,
        input: Relation,
        (position, axis, axis_name): (Typed, Axis, String),
        keys: Vec<(String, Typed)>,
        (collected, values): (Collected, Vec<Series>),
        nonempty: bool,
    ) -> Bind<Relation> {
        let step_name = "\u{1}step".to_owned();
        let at = axis.points.step_of(position);
        let inside = at.expr.clone().gt_eq(lit(0i64)).and(at.expr.clone().lt(lit(axis.count)));
        let input = Relation { hidden: Vec::new(), ..input }.filter(inside)?;
        let key_names: Vec<String> = keys.iter().map(|(name, _)| name.clone()).collect();
        let mut all_keys = keys;
        all_keys.push((step_name.clone(), at));
        let defaults: Vec<Typed> = values.iter().map(|(_, _, default)| default.clone()).collect();
        let names: Vec<String> = values.iter().map(|(name, _, _)| name.clone()).collect();
        let results = values.into_iter().map(|(name, value, _)| (name, convert::to_dynamic(value))).collect();
        let steps = self.aggregated(input, all_keys, collected.aggregates, results)?;

        let Some(step) = steps.field(&step_name).map(|field| field.typed()) else { return Ok(steps) };
        let mut lists = Vec::with_capacity(names.len());
        let mut results = Vec::with_capacity(names.len() + 1);
        let list = aggregates::find("make_list");
        for (name, default) in names.iter().zip(defaults) {
            let Some((field, list)) = steps.field(name).zip(list) else { continue };
            let pair = call("series_pair", Kind::Dynamic, pair_rows, vec![step.clone(), field.typed()]);
            let lowered = list.call(vec![pair]);
            let lowered = self.at(Span { start: 0, end: 0 }, lowered)?;
            let gathered = self.names.next();
            lists.push((lowered.expr, gathered.clone()));
            let pairs = (lowered.finish)(Typed::column(&gathered, lowered.kind));
            let filled =
                call("series_fill", Kind::Dynamic, fill_rows, vec![pairs, Typed::long(axis.count), default]);
            results.push((name.clone(), filled));
        }
        if !nonempty && key_names.is_empty() {
            let counted = self.names.next();
            lists.push((expr_fn::count(lit(1i64)), counted.clone()));
            results.push((step_name.clone(), Typed::column(&counted, Kind::Long)));
        }
        results.push((axis_name, Typed::value(ScalarValue::Utf8View(Some(axis.json())), Kind::Dynamic)));
        let keys = key_names.iter().filter_map(|name| Some((name.clone(), steps.field(name)?.typed())));
        let keys = keys.collect();
        let series = self.aggregated(steps, keys, lists, results)?;
        // Without rows there is no series.
        match series.field(&step_name).map(|field| field.typed().expr.gt(lit(0i64))) {
            Some(has_rows) => {
                let mut series = series.filter(has_rows)?;
                series.fields.retain(|field| field.name != step_name);
                Ok(series)
            }
            None => Ok(series),
        }
    }

    fn axis(
        &mut self,
        input: &Relation,
        series: &ast::MakeSeries,
        position: &Typed,
        span: Span,
    ) -> Bind<Axis> {
        let kind = position.kind;
        let step = self.constant(&series.step)?;
        let fits = match kind {
            Kind::DateTime | Kind::TimeSpan => step.kind == Kind::TimeSpan,
            _ => is_numeric(step.kind),
        };
        let is_whole =
            !matches!(kind, Kind::Real | Kind::Decimal) && !matches!(step.kind, Kind::Real | Kind::Decimal);
        let is_positive = number(&step).is_some_and(|step| step > 0.0);
        if !fits || !is_positive {
            return error(series.step.span, "'make-series' operator: the step is positive and fits the axis");
        }
        let mut ends = [None, None];
        for (end, expr) in ends.iter_mut().zip([&series.from, &series.to]) {
            if let Some(expr) = expr {
                let value = self.constant(expr)?;
                if number(&value).is_none() {
                    return error(
                        expr.span,
                        "'make-series' operator: where the axis begins and ends is known",
                    );
                }
                *end = Some(value);
            }
        }
        let found = match ends.iter().all(Option::is_some) {
            true => None,
            // The rows themselves say where the axis begins and ends.
            false => self.ends_of(input, position)?,
        };
        let [from, to] = ends;
        let axis = match is_whole {
            true => {
                let step = step.literal_long().unwrap_or(1);
                let whole = |value: &Typed| value.literal_long();
                let found = found.and_then(|(low, high)| Some((whole(&low)?, whole(&high)?)));
                let start =
                    from.as_ref().and_then(whole).or(found.map(|(low, _)| low - low.rem_euclid(step)));
                let Some(start) = start else { return Ok(Axis::empty(kind)) };
                let to = to.as_ref().and_then(whole).map(|to| i128::from(to) - i128::from(start));
                let length = to.or(found.map(|(_, high)| i128::from(high) - i128::from(start) + 1));
                let count =
                    length.map_or(0, |length| (length.max(0) + i128::from(step) - 1) / i128::from(step));
                (Points::Whole { start, step }, i64::try_from(count).unwrap_or(i64::MAX))
            }
            false => {
                let step = number(&step).unwrap_or(1.0);
                let found = found.and_then(|(low, high)| Some((number(&low)?, number(&high)?)));
                let start =
                    from.as_ref().and_then(number).or(found.map(|(low, _)| (low / step).floor() * step));
                let Some(start) = start else { return Ok(Axis::empty(kind)) };
                let to = to.as_ref().and_then(number).map(|to| ((to - start) / step).ceil());
                let count = to.or(found.map(|(_, high)| ((high - start) / step).floor() + 1.0));
                (Points::Real { start, step }, count.unwrap_or(0.0).max(0.0) as i64)
            }
        };
        let (points, count) = axis;
        if count > ELEMENTS_MAX {
            let message = format!("'make-series' operator: a series has at most {ELEMENTS_MAX} elements");
            return error(span, message);
        }
        Ok(Axis { kind, points, count })
    }

    /// The least and the greatest position, read before the query runs.
    fn ends_of(&mut self, input: &Relation, position: &Typed) -> Bind<Option<(Typed, Typed)>> {
        let (low, high) = (self.names.next(), self.names.next());
        let value = position.expr.clone();
        let ends = vec![expr_fn::min(value.clone()).alias(&low), expr_fn::max(value).alias(&high)];
        let plan = input.builder().aggregate(Vec::<datafusion::logical_expr::Expr>::new(), ends)?.build()?;
        let relation = Relation { plan, fields: Vec::new(), hidden: Vec::new() };
        let rows = self.read_now(relation, 1)?;
        let Some(row) = rows.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
        let end = |at: usize| {
            let value = ScalarValue::try_from_array(row.column(at), 0)?;
            Ok::<_, super::Stop>(Typed::value(value, position.kind))
        };
        Ok(Some((end(0)?, end(1)?)))
    }
}

fn number(value: &Typed) -> Option<f64> {
    match value.literal()? {
        ScalarValue::Float64(Some(number)) => Some(*number),
        _ => value.literal_long().map(|number| number as f64),
    }
}

impl Points {
    /// Which step a position belongs to.
    fn step_of(self, position: Typed) -> Typed {
        match self {
            Points::Whole { start, step } => {
                let kind = if position.kind == Kind::Int { Kind::Int } else { Kind::Long };
                let position = Typed::new(position.expr, kind).cast_number(Kind::Long);
                let args = vec![position, Typed::long(start), Typed::long(step)];
                call("series_step", Kind::Long, whole_step_rows, args)
            }
            Points::Real { start, step } => {
                let real = |number| Typed::value(ScalarValue::Float64(Some(number)), Kind::Real);
                let args = vec![position.cast_number(Kind::Real), real(start), real(step)];
                call("series_step_of_real", Kind::Long, real_step_rows, args)
            }
        }
    }
}

fn whole_step_rows(args: &Args) -> EngineResult<ArrayRef> {
    let (positions, starts, steps) = (args.longs(0)?, args.longs(1)?, args.longs(2)?);
    Ok(crate::kernel::long_rows(args.rows, |row| {
        positions.get(row)?.checked_sub(starts.get(row)?)?.checked_div_euclid(steps.get(row)?)
    }))
}

fn real_step_rows(args: &Args) -> EngineResult<ArrayRef> {
    use datafusion::arrow::array::Array;
    let (positions, starts, steps) = (args.reals(0)?, args.reals(1)?, args.reals(2)?);
    Ok(crate::kernel::long_rows(args.rows, |row| {
        let step = ((positions.value(row) - starts.value(row)) / steps.value(row)).floor();
        (positions.is_valid(row) && step.abs() < 1e18).then_some(step as i64)
    }))
}

fn pair_rows(args: &Args) -> EngineResult<ArrayRef> {
    let (steps, values) = (args.longs(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| {
        // In one more array, which lists take apart.
        Some(format!("[[{},{}]]", steps.get(row)?, values.get(row).unwrap_or("null")))
    }))
}

/// Pairs of a step and a value as an array of all steps.
fn fill_rows(args: &Args) -> EngineResult<ArrayRef> {
    let (pairs, counts, defaults) = (args.texts(0)?, args.longs(1)?, args.texts(2)?);
    Ok(text_rows(args.rows, |row| {
        let count = usize::try_from(counts.get(row)?).ok()?;
        let mut elements = vec![defaults.get(row).unwrap_or("null"); count];
        for pair in json::elements(pairs.get(row).unwrap_or("[]")).unwrap_or_default() {
            let parts = json::elements(pair).unwrap_or_default();
            if let [step, value] = parts.as_slice()
                && let Some(element) = step.parse::<usize>().ok().and_then(|step| elements.get_mut(step))
            {
                *element = value;
            }
        }
        Some(format!("[{}]", elements.join(",")))
    }))
}

impl Axis {
    fn empty(kind: Kind) -> Axis {
        Axis { kind, points: Points::Whole { start: 0, step: 1 }, count: 0 }
    }

    fn json(&self) -> String {
        let element = |at: i64| match (self.points, self.kind) {
            (Points::Real { start, step }, _) => convert::format_real(start + step * at as f64),
            (Points::Whole { start, step }, kind) => {
                let value = start.saturating_add(step.saturating_mul(at));
                match kind {
                    Kind::DateTime => json::quote(&Ticks(value).to_string()),
                    Kind::TimeSpan => json::quote(&kql::literals::format_timespan(value)),
                    _ => value.to_string(),
                }
            }
        };
        let elements: Vec<String> = (0..self.count).map(element).collect();
        format!("[{}]", elements.join(","))
    }
}
