//! Plugins that look for sequences: `sequence_detect(time, step, span, conditions..., dimensions...)` and
//! `funnel_sequence_completion(user, time, start, end, step, state, states, periods)`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringViewArray,
};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use kql::Span;
use kql::ast::{self, ExprKind};
use model::Kind;

use super::super::expr::Input;
use super::super::{Bind, Binder, error, naming};
use super::activity::BINS_MAX;
use crate::activity::Bins;
use crate::convert;
use crate::json;
use crate::relation::{Field, Relation};
use crate::sequences::{Spans, completed, sequences};
use crate::typed::Typed;

/// Steps that a sequence may have.
const STEPS_MAX: usize = 64;

impl Binder<'_> {
    pub(super) fn sequence_detect(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        span: Span,
    ) -> Bind<Relation> {
        let usage =
            "sequence_detect() takes a time, the longest step, the longest sequence, conditions and columns";
        let [time, step, whole, rest @ ..] = evaluate.call.args.as_slice() else { return error(span, usage) };
        let time = self.sequence_time(&input, time)?;
        let step = self.constant(&step.value)?.literal_long();
        let whole = self.constant(&whole.value)?.literal_long();
        let (Some(step), Some(whole)) = (step, whole) else { return error(span, usage) };
        let mut conditions: Vec<(String, Typed)> = Vec::new();
        let mut dimensions: Vec<Field> = Vec::new();
        for arg in rest {
            let value = self.expr_of("evaluate", &arg.value, &mut Input::of(&input))?;
            match &arg.value.kind {
                ExprKind::Name(ident) if value.kind != Kind::Bool => {
                    dimensions.push(self.column(&input, ident, "evaluate")?.clone());
                }
                _ if value.kind == Kind::Bool && dimensions.is_empty() => {
                    let numbered = format!("Expr{}", conditions.len() + 1);
                    let name = arg.name.as_ref().map(|name| name.name.clone());
                    conditions
                        .push((name.or_else(|| naming::name_of(&arg.value)).unwrap_or(numbered), value));
                }
                _ => return error(arg.value.span, usage),
            }
        }
        if conditions.is_empty() || conditions.len() > STEPS_MAX {
            return error(span, format!("sequence_detect() takes 1 to {STEPS_MAX} conditions"));
        }
        let mut fields: Vec<(String, Kind)> =
            dimensions.iter().map(|field| (field.name.clone(), field.kind)).collect();
        fields.extend(conditions.iter().map(|(name, _)| (format!("{name}_{}", time.name), time.kind)));
        let duration = if time.kind == Kind::DateTime { Kind::TimeSpan } else { time.kind };
        fields.push(("Duration".to_owned(), duration));
        let mut wanted = vec![("time".to_owned(), time.value)];
        let steps = conditions.len();
        wanted.extend(conditions);
        wanted.extend(dimensions.iter().map(|field| (field.name.clone(), field.typed())));
        let told = format!("sequence_detect {steps} {step} {whole}");
        let input = Relation { hidden: Vec::new(), ..input }.project(&mut self.names, wanted)?;
        let fields = self.fields_of(fields);
        self.over_rows(input, fields, told, move |rows| detected(rows, steps, Spans { step, whole }))
    }

    pub(super) fn funnel_sequence_completion(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        span: Span,
    ) -> Bind<Relation> {
        let usage = "funnel_sequence_completion() takes a user, a time, start, end, step, a state, \
                     an array of states and an array of periods";
        let [user, time, start, end, step, state, states, periods] = evaluate.call.args.as_slice() else {
            return error(span, usage);
        };
        let user = self.expr_of("evaluate", &user.value, &mut Input::of(&input))?;
        let time = self.sequence_time(&input, time)?;
        let mut bounds = [0; 3];
        for (bound, arg) in bounds.iter_mut().zip([start, end, step]) {
            match self.constant(&arg.value)?.literal_long() {
                Some(number) => *bound = number,
                None => return error(arg.value.span, usage),
            }
        }
        let bins = Bins { start: bounds[0], end: bounds[1], step: bounds[2] };
        if bins.step <= 0 || bins.count() > BINS_MAX {
            let message = format!("{BINS_MAX} bins at most, of more than no length");
            return error(step.value.span, format!("funnel_sequence_completion(): gives {message}"));
        }
        let ExprKind::Name(state) = &state.value.kind else { return error(state.value.span, usage) };
        let state = self.column(&input, state, "evaluate")?.clone();
        let sequence = self.array_of_texts(states, usage)?;
        let period_kind = if time.kind == Kind::Long { Kind::Long } else { Kind::TimeSpan };
        let mut lengths = Vec::new();
        for text in self.array_of_texts(periods, usage)? {
            let length = match period_kind {
                Kind::Long => kql::literals::parse_long(&text),
                _ => kql::literals::parse_timespan(&text),
            };
            let Some(length) = length else { return error(periods.value.span, usage) };
            lengths.push(length);
        }
        if sequence.is_empty() || sequence.len() > STEPS_MAX || lengths.len() > STEPS_MAX {
            let message = format!("1 to {STEPS_MAX} states and {STEPS_MAX} periods at most");
            return error(span, format!("funnel_sequence_completion() takes {message}"));
        }
        let wanted = vec![
            ("user".to_owned(), convert::to_text(user)),
            ("time".to_owned(), time.value),
            ("state".to_owned(), convert::to_text(state.typed())),
        ];
        let input = Relation { hidden: Vec::new(), ..input }.project(&mut self.names, wanted)?;
        let fields = self.fields_of(vec![
            (time.name, time.kind),
            (state.name, Kind::String),
            ("Period".to_owned(), period_kind),
            ("dcount".to_owned(), Kind::Long),
        ]);
        let told = format!("funnel_sequence_completion {bins:?} {sequence:?} {lengths:?}");
        self.over_rows(input, fields, told, move |rows| Ok(funnel(rows, bins, &sequence, &lengths)))
    }

    fn sequence_time(&mut self, input: &Relation, arg: &ast::Arg) -> Bind<Time> {
        let name = naming::name_of(&arg.value).unwrap_or_else(|| "Time".to_owned());
        let value = self.expr_of("evaluate", &arg.value, &mut Input::of(input))?;
        let kind = match value.kind {
            Kind::Int => Kind::Long,
            Kind::Long | Kind::DateTime | Kind::TimeSpan => value.kind,
            _ => return error(arg.value.span, "the time is a datetime, timespan or long"),
        };
        Ok(Time { name, kind, value: Typed::new(convert::to_long(value).expr, Kind::Long) })
    }

    fn array_of_texts(&mut self, arg: &ast::Arg, usage: &str) -> Bind<Vec<String>> {
        let array = self.constant(&arg.value)?;
        match array.literal_json().and_then(json::elements) {
            Some(elements) => Ok(elements.into_iter().map(json::to_text).collect()),
            None => error(arg.value.span, usage),
        }
    }
}

struct Time {
    name: String,
    kind: Kind,
    /// In whole numbers.
    value: Typed,
}

/// The sequences of rows of a time, a condition for each step, and dimensions.
fn detected(rows: &RecordBatch, steps: usize, spans: Spans) -> Result<Vec<ArrayRef>> {
    let times = rows.column(0).as_primitive::<Int64Type>();
    let holds: Vec<&BooleanArray> =
        rows.columns()[1..=steps].iter().map(|column| column.as_boolean()).collect();
    let dimensions = &rows.columns()[steps + 1..];
    let mut places: HashMap<Vec<ScalarValue>, usize> = HashMap::new();
    let mut groups: Vec<(u64, Vec<BTreeSet<i64>>)> = Vec::new();
    for row in (0..rows.num_rows()).filter(|row| times.is_valid(*row)) {
        let mut fits =
            (0..steps).filter(|step| holds[*step].is_valid(row) && holds[*step].value(row)).peekable();
        if fits.peek().is_none() {
            continue;
        }
        let key = dimensions.iter().map(|column| ScalarValue::try_from_array(column, row));
        let place = *places.entry(key.collect::<Result<Vec<_>>>()?).or_insert_with(|| {
            groups.push((row as u64, vec![BTreeSet::new(); steps]));
            groups.len() - 1
        });
        fits.for_each(|step| {
            groups[place].1[step].insert(times.value(row));
        });
    }
    let (mut found, mut followed) = (Vec::new(), 0);
    for (row, steps) in &groups {
        let of_group = sequences(steps, spans, &mut followed);
        let of_group = of_group.map_err(|error| DataFusionError::External(Box::new(error)))?;
        found.extend(of_group.into_iter().map(|times| (times, *row)));
    }
    found.sort();
    let firsts = datafusion::arrow::array::UInt64Array::from_iter_values(found.iter().map(|(_, row)| *row));
    let mut columns = Vec::with_capacity(dimensions.len() + steps + 1);
    for dimension in dimensions {
        columns.push(take(dimension, &firsts, None)?);
    }
    for step in 0..steps {
        columns
            .push(Arc::new(found.iter().map(|(times, _)| times[step]).collect::<Int64Array>()) as ArrayRef);
    }
    let durations = found.iter().map(|(times, _)| times[steps - 1] - times[0]);
    columns.push(Arc::new(durations.collect::<Int64Array>()));
    Ok(columns)
}

/// How many users came how far, by bin and period.
fn funnel(rows: &RecordBatch, bins: Bins, sequence: &[String], periods: &[i64]) -> Vec<ArrayRef> {
    let (users, states) = (rows.column(0).as_string_view(), rows.column(2).as_string_view());
    let times = rows.column(1).as_primitive::<Int64Type>();
    let text = |texts: &'_ StringViewArray, row| {
        if texts.is_valid(row) { texts.value(row).to_owned() } else { String::new() }
    };
    let mut events: BTreeMap<i64, HashMap<String, Vec<(i64, u64)>>> = BTreeMap::new();
    for row in (0..rows.num_rows()).filter(|row| times.is_valid(*row) && bins.holds(times.value(*row))) {
        let state = text(states, row);
        let fits = sequence.iter().enumerate().filter(|(_, of)| **of == state);
        let bits = fits.fold(0, |bits, (at, _)| bits | 1 << at);
        if bits != 0 {
            let time = times.value(row);
            let users_of_bin = events.entry(bins.of(time)).or_default();
            users_of_bin.entry(text(users, row)).or_default().push((time, bits));
        }
    }
    let (mut starts, mut names, mut lengths, mut counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (bin, users) in &mut events {
        users.values_mut().for_each(|events| events.sort_unstable());
        for period in periods {
            let mut reached = vec![0i64; sequence.len()];
            for events in users.values() {
                reached[..completed(events, sequence.len(), *period)]
                    .iter_mut()
                    .for_each(|count| *count += 1);
            }
            for (state, count) in sequence.iter().zip(reached) {
                starts.push(*bin);
                names.push(state.as_str());
                lengths.push(*period);
                counts.push(count);
            }
        }
    }
    vec![
        Arc::new(Int64Array::from(starts)),
        Arc::new(StringViewArray::from_iter_values(names)),
        Arc::new(Int64Array::from(lengths)),
        Arc::new(Int64Array::from(counts)),
    ]
}
