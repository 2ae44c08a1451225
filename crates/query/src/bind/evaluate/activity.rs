//! Plugins that follow users over time: `activity_metrics(user, time, start, end, window, dimensions...)` and its kin.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use kql::Span;
use kql::ast::{self, ExprKind};
use model::Kind;

use super::super::expr::Input;
use super::super::{Bind, Binder, error, naming};
use crate::activity::{self, Bins, Line, Value, Visits};
use crate::convert;
use crate::relation::{Field, Relation};
use crate::typed::Typed;

/// Bins that are calculated one by one.
pub(super) const BINS_MAX: i64 = 100_000;

/// What a plugin takes behind the user and the time, and what it gives.
pub(super) struct Activity {
    name: &'static str,
    /// Constants. Those of the first two that say when the time starts and ends may be left out.
    constants: &'static [&'static str],
    bounds_optional: bool,
    /// A constant that may stand behind the others.
    further: usize,
    columns: &'static [(&'static str, Kind)],
    /// From the constants behind start and end.
    step: fn(&[i64]) -> i64,
    lines: fn(&Visits, Bins, &[i64]) -> Vec<Line>,
}

const BIN_COUNTS: fn(&[i64]) -> i64 = |constants| constants[0];

pub(super) static ACTIVITY_COUNTS_METRICS: Activity = Activity {
    name: "activity_counts_metrics",
    constants: &["start", "end", "step"],
    bounds_optional: false,
    further: 0,
    columns: &[
        ("count", Kind::Long),
        ("dcount", Kind::Long),
        ("new_dcount", Kind::Long),
        ("aggregated_dcount", Kind::Long),
    ],
    step: BIN_COUNTS,
    lines: |visits, bins, _| activity::counts(visits, bins),
};

pub(super) static ACTIVITY_METRICS: Activity = Activity {
    name: "activity_metrics",
    constants: &["start", "end", "window"],
    bounds_optional: true,
    further: 0,
    columns: &[
        ("dcount_values", Kind::Long),
        ("dcount_newvalues", Kind::Long),
        ("retention_rate", Kind::Real),
        ("churn_rate", Kind::Real),
    ],
    step: BIN_COUNTS,
    lines: |visits, bins, _| activity::metrics(visits, bins),
};

pub(super) static NEW_ACTIVITY_METRICS: Activity = Activity {
    name: "new_activity_metrics",
    constants: &["start", "end", "window"],
    bounds_optional: false,
    further: 1,
    columns: &[
        ("dcount_new_values", Kind::Long),
        ("dcount_retained_values", Kind::Long),
        ("dcount_churn_values", Kind::Long),
        ("retention_rate", Kind::Real),
        ("churn_rate", Kind::Real),
    ],
    step: BIN_COUNTS,
    lines: |visits, bins, constants| activity::cohorts(visits, bins, constants.get(1).copied()),
};

pub(super) static ACTIVE_USERS_COUNT: Activity = Activity {
    name: "active_users_count",
    constants: &["start", "end", "lookback", "period", "active periods", "bin"],
    bounds_optional: false,
    further: 0,
    columns: &[("dcount", Kind::Long)],
    step: |constants| constants[3],
    lines: |visits, bins, constants| {
        activity::active(visits, bins, constants[0], constants[1].max(1), constants[2])
    },
};

pub(super) static SLIDING_WINDOW_COUNTS: Activity = Activity {
    name: "sliding_window_counts",
    constants: &["start", "end", "lookback", "bin"],
    bounds_optional: false,
    further: 0,
    columns: &[("Count", Kind::Long), ("Dcount", Kind::Long)],
    step: |constants| constants[1],
    lines: |visits, bins, constants| activity::sliding(visits, bins, constants[0]),
};

pub(super) static SESSION_COUNT: Activity = Activity {
    name: "session_count",
    constants: &["start", "end", "bin", "lookback"],
    bounds_optional: false,
    further: 0,
    columns: &[("count_sessions", Kind::Long)],
    step: BIN_COUNTS,
    lines: |visits, bins, constants| activity::sessions(visits, bins, constants[1]),
};

pub(super) static ACTIVITY_ENGAGEMENT: Activity = Activity {
    name: "activity_engagement",
    constants: &["start", "end", "inner window", "outer window"],
    bounds_optional: true,
    further: 0,
    columns: &[
        ("dcount_activities_inner", Kind::Long),
        ("dcount_activities_outer", Kind::Long),
        ("activity_ratio", Kind::Real),
    ],
    step: BIN_COUNTS,
    lines: |visits, bins, constants| activity::engagement(visits, bins, constants[1]),
};

impl Binder<'_> {
    pub(super) fn activity(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        plugin: &'static Activity,
        span: Span,
    ) -> Bind<Relation> {
        let name = plugin.name;
        let usage = format!("{name}() takes a user, a time, {} and columns", plugin.constants.join(", "));
        let [user, time, rest @ ..] = evaluate.call.args.as_slice() else { return error(span, usage) };
        let user = self.expr_of("evaluate", &user.value, &mut Input::of(&input))?;
        let time_name = naming::name_of(&time.value).unwrap_or_else(|| "Time".to_owned());
        let time = self.expr_of("evaluate", &time.value, &mut Input::of(&input))?;
        if !matches!(time.kind, Kind::DateTime | Kind::Long | Kind::Int | Kind::TimeSpan) {
            return error(span, format!("{name}(): the time is a datetime, timespan or long"));
        }
        // Constants first, then columns.
        let is_column = |arg: &&ast::Arg| match &arg.value.kind {
            ExprKind::Name(ident) => input.field(&ident.name).is_some(),
            _ => false,
        };
        let first = rest.iter().position(|arg| is_column(&arg)).unwrap_or(rest.len());
        let (constants, columns) = rest.split_at(first);
        let mut numbers = Vec::with_capacity(constants.len());
        for constant in constants {
            let typed = self.constant(&constant.value)?;
            match typed.literal_long() {
                Some(number) => numbers.push(number),
                None => return error(constant.value.span, usage),
            }
        }
        let wanted = plugin.constants.len();
        let has_bounds = !(plugin.bounds_optional && numbers.len() + 2 == wanted);
        let wanted = if has_bounds { wanted } else { wanted - 2 };
        if numbers.len() < wanted || numbers.len() > wanted + plugin.further {
            return error(span, usage);
        }
        let given = has_bounds.then(|| (numbers[0], numbers[1]));
        let constants: Vec<i64> = if has_bounds { numbers.split_off(2) } else { numbers };
        let step = (plugin.step)(&constants);
        let bins = move |(start, end): (i64, i64)| Bins { start, end, step };
        if step <= 0 || given.is_some_and(|given| bins(given).count() > BINS_MAX) {
            return error(span, format!("{name}(): gives {BINS_MAX} bins at most, of more than no length"));
        }
        let mut dimensions = Vec::with_capacity(columns.len());
        for column in columns {
            let ExprKind::Name(ident) = &column.value.kind else { return error(column.value.span, usage) };
            dimensions.push(self.column(&input, ident, "evaluate")?.clone());
        }
        let time_kind = if time.kind == Kind::Int { Kind::Long } else { time.kind };
        let mut wanted = vec![
            ("user".to_owned(), convert::to_text(user)),
            ("time".to_owned(), Typed::new(convert::to_long(time).expr, Kind::Long)),
        ];
        wanted.extend(dimensions.iter().map(|field| (field.name.clone(), field.typed())));
        let input = Relation { hidden: Vec::new(), ..input }.project(&mut self.names, wanted)?;
        let times = match name == NEW_ACTIVITY_METRICS.name {
            true => vec![format!("from_{time_name}"), format!("to_{time_name}")],
            false => vec![time_name],
        };
        let mut fields: Vec<(String, Kind)> = times.iter().map(|name| (name.clone(), time_kind)).collect();
        fields.extend(dimensions.iter().map(|field| (field.name.clone(), field.kind)));
        fields.extend(plugin.columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)));
        let fields = self.fields_of(fields);
        let told = format!("{name} {given:?} {constants:?}");
        let (at_times, kinds) = (times.len(), fields.iter().map(|field| field.kind).collect::<Vec<_>>());
        let result = self.over_rows(input, fields, told, move |rows| {
            let lines = lines_of(rows, |visits| {
                let own = || Some((visits.first()?.0, visits.last()?.0));
                let Some(range) = given.or_else(own) else { return Vec::new() };
                let range = if given.is_some() { range } else { (range.0.div_euclid(step) * step, range.1) };
                if bins(range).count() > BINS_MAX {
                    return Vec::new();
                }
                (plugin.lines)(visits, bins(range), &constants)
            });
            columns_of(rows, lines, at_times, &kinds)
        })?;
        Ok(result)
    }

    /// Fields of these names and kinds.
    pub(in crate::bind) fn fields_of(&mut self, named: Vec<(String, Kind)>) -> Vec<Field> {
        named.into_iter().map(|(name, kind)| Field { name, kind, field: self.names.next() }).collect()
    }

    /// `rolling_percentile(value, percentage, time, bin, bins, dimensions...)`
    pub(super) fn rolling_percentile(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        span: Span,
    ) -> Bind<Relation> {
        let usage =
            "rolling_percentile() takes a column, a percentage, a time, a bin, a number of bins, and columns";
        let [value, percentage, time, bin, width, columns @ ..] = evaluate.call.args.as_slice() else {
            return error(span, usage);
        };
        let column = |binder: &mut Self, arg: &ast::Arg| match &arg.value.kind {
            ExprKind::Name(ident) => Ok(binder.column(&input, ident, "evaluate")?.clone()),
            _ => error(arg.value.span, usage),
        };
        let (value, time) = (column(self, value)?, column(self, time)?);
        let percentage = crate::constant::fold(convert::to_real(self.constant(&percentage.value)?))?;
        let Some(ScalarValue::Float64(Some(percentage))) = percentage.literal().cloned() else {
            return error(span, usage);
        };
        let step = self.constant(&bin.value)?.literal_long().filter(|step| *step > 0);
        let width =
            self.constant(&width.value)?.literal_long().filter(|width| (1..=BINS_MAX).contains(width));
        let (Some(step), Some(width)) = (step, width) else { return error(span, usage) };
        let mut dimensions = Vec::with_capacity(columns.len());
        for arg in columns {
            dimensions.push(column(self, arg)?);
        }
        let is_real = matches!(value.kind, Kind::Real | Kind::Decimal);
        let number = if is_real { convert::to_real(value.typed()) } else { convert::to_long(value.typed()) };
        let mut wanted =
            vec![("value".to_owned(), number), ("time".to_owned(), convert::to_long(time.typed()))];
        wanted.extend(dimensions.iter().map(|field| (field.name.clone(), field.typed())));
        let input = Relation { hidden: Vec::new(), ..input.clone() }.project(&mut self.names, wanted)?;
        let mut fields = vec![(time.name.clone(), time.kind)];
        fields.extend(dimensions.iter().map(|field| (field.name.clone(), field.kind)));
        let kind = match value.kind {
            Kind::Int => Kind::Long,
            kind => kind,
        };
        fields.push((format!("rolling_{width}_percentile_{}_{percentage}", value.name), kind));
        let fields = self.fields_of(fields);
        let kinds: Vec<Kind> = fields.iter().map(|field| field.kind).collect();
        let told = format!("rolling_percentile {percentage} {step} {width}");
        self.over_rows(input, fields, told, move |rows| {
            let (longs, reals) = (
                rows.column(0).as_primitive_opt::<Int64Type>(),
                rows.column(0).as_primitive_opt::<Float64Type>(),
            );
            let times = rows.column(1).as_primitive::<Int64Type>();
            let mut lines = Vec::new();
            for (first, members) in groups(rows)? {
                let valid =
                    members.iter().filter(|row| times.is_valid(**row) && rows.column(0).is_valid(**row));
                let of = |value: Value| move |bin: i64| (first, (bin, vec![value]));
                match (longs, reals) {
                    (Some(longs), _) => {
                        let pairs: Vec<_> = valid.map(|row| (times.value(*row), longs.value(*row))).collect();
                        let rolled = activity::rolling(&pairs, percentage, step, width as usize);
                        lines.extend(rolled.into_iter().map(|(bin, value)| of(Value::Long(value))(bin)));
                    }
                    (None, Some(reals)) => {
                        let pairs: Vec<_> = valid.map(|row| (times.value(*row), reals.value(*row))).collect();
                        let rolled = activity::rolling(&pairs, percentage, step, width as usize);
                        lines.extend(rolled.into_iter().map(|(bin, value)| of(Value::Real(value))(bin)));
                    }
                    (None, None) => {}
                }
            }
            columns_of(rows, Ok(lines), 1, &kinds)
        })
    }
}

/// Rows with equal dimensions, which are the columns behind the first two: the first of them, and all.
fn groups(rows: &RecordBatch) -> Result<Vec<(usize, Vec<usize>)>> {
    let mut numbers: HashMap<Vec<ScalarValue>, usize> = HashMap::new();
    let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
    for row in 0..rows.num_rows() {
        let key = rows.columns()[2..].iter().map(|column| ScalarValue::try_from_array(column, row));
        let group = *numbers.entry(key.collect::<Result<Vec<_>>>()?).or_insert_with(|| {
            groups.push((row, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(row);
    }
    Ok(groups)
}

/// The lines of each group of rows, with a row that has its dimensions.
fn lines_of(rows: &RecordBatch, lines: impl Fn(&Visits) -> Vec<Line>) -> Result<Vec<(usize, Line)>> {
    let users = rows.column(0).as_string_view();
    let times = rows.column(1).as_primitive::<Int64Type>();
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut all = Vec::new();
    for (first, members) in groups(rows)? {
        let mut visits = Vec::with_capacity(members.len());
        for row in members.into_iter().filter(|row| times.is_valid(*row)) {
            let user = if users.is_valid(row) { users.value(row) } else { "" };
            let next = numbers.len() as u32;
            visits.push((times.value(row), *numbers.entry(user).or_insert(next)));
        }
        visits.sort_unstable();
        all.extend(lines(&visits).into_iter().map(|line| (first, line)));
    }
    Ok(all)
}

/// The columns of a result: times, dimensions, values.
fn columns_of(
    rows: &RecordBatch,
    lines: Result<Vec<(usize, Line)>>,
    times: usize,
    kinds: &[Kind],
) -> Result<Vec<ArrayRef>> {
    let mut lines = lines?;
    lines.sort_by_key(|(first, (bin, _))| (*bin, *first));
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(lines.iter().map(|(_, (bin, _))| *bin).collect::<Int64Array>())];
    let value = |at: usize| -> ArrayRef {
        let values = lines.iter().map(|(_, (_, values))| values[at]);
        match kinds.get(columns_before(rows, times) + at - (times - 1)) {
            Some(Kind::Real | Kind::Decimal) => Arc::new(
                values.map(|v| if let Value::Real(n) = v { Some(n) } else { None }).collect::<Float64Array>(),
            ),
            _ => Arc::new(
                values
                    .map(|v| if let Value::Long(n) | Value::Time(n) = v { Some(n) } else { None })
                    .collect::<Int64Array>(),
            ),
        }
    };
    if times == 2 {
        let to = lines
            .iter()
            .map(|(_, (_, values))| if let Value::Time(to) = values[0] { Some(to) } else { None });
        columns.push(Arc::new(to.collect::<Int64Array>()));
    }
    let firsts: Int64Array = lines.iter().map(|(first, _)| *first as i64).collect();
    for column in &rows.columns()[2..] {
        columns.push(take(column, &firsts, None)?);
    }
    let count = kinds.len() - columns.len();
    columns.extend((0..count).map(|at| value(at + times - 1)).collect::<Vec<_>>());
    Ok(columns)
}

/// The columns of a result before those that are calculated.
fn columns_before(rows: &RecordBatch, times: usize) -> usize {
    times + rows.num_columns() - 2
}
