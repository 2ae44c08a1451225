//! `range(start, stop, [step])`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use kql::literals::{TICKS_PER_DAY, TICKS_PER_HOUR, format_timespan};
use model::{Kind, Ticks};

use super::arguments::{Reals, same_number};
use super::arrays::{ELEMENTS_MAX, array_of};
use crate::convert::format_real;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::json;
use crate::kernel::{Args, call, text_rows};
use crate::typed::{Typed, is_numeric};

pub(super) static RANGE: Function = Function {
    name: "range",
    summary: "An array of the values from one to another in equal steps, both included; at most 1048576. \
              The step is 1, or 1 hour, unless given.",
    params: &[
        Param::one("start", Accepts::Any),
        Param::one("stop", Accepts::Any),
        Param::optional("step", Accepts::Any),
    ],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print range(1, 10, 3)", result: "[1,4,7,10]" },
        Example { query: "print range(3, 1, -1)", result: "[3,2,1]" },
        Example { query: "print range(1.0, 2, 0.5)", result: "[1.0,1.5,2.0]" },
        Example { query: "print range(1h, 2h, 30m)", result: r#"["01:00:00","01:30:00","02:00:00"]"# },
        Example { query: "print range(2, 1)", result: "[]" },
        Example { query: "print array_length(range(1, 10000000))", result: "1048576" },
    ],
    lower: |_, mut args| {
        let Some(kind) = args.first().map(|start| start.kind) else {
            return Err("a start is missing".to_owned());
        };
        if args.len() < 3 {
            args.push(match kind {
                Kind::DateTime | Kind::TimeSpan => span(TICKS_PER_HOUR),
                _ => Typed::long(1),
            });
        }
        // A number among times is one of days.
        if matches!(kind, Kind::DateTime | Kind::TimeSpan)
            && let Some(days) = args[2].literal_long().filter(|_| is_numeric(args[2].kind))
        {
            args[2] = span(days.saturating_mul(TICKS_PER_DAY));
        }
        let kinds: Vec<Kind> = args.iter().map(|arg| arg.kind).collect();
        match kinds[..] {
            [Kind::DateTime, Kind::DateTime, Kind::TimeSpan] => {
                Ok(call("range_time", Kind::Dynamic, times, args))
            }
            [Kind::TimeSpan, Kind::TimeSpan, Kind::TimeSpan] => {
                Ok(call("range_span", Kind::Dynamic, spans, args))
            }
            _ if kinds.iter().all(|kind| is_numeric(*kind)) => {
                let (args, kind) = same_number(args);
                Ok(match kind {
                    Kind::Long => call("range_long", Kind::Dynamic, wholes, args),
                    _ => call("range_real", Kind::Dynamic, reals, args),
                })
            }
            _ => {
                let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                Err(format!(
                    "takes numbers, times with a time span as step, or time spans; not {}",
                    names.join(", ")
                ))
            }
        }
    },
};

fn span(ticks: i64) -> Typed {
    Typed { kind: Kind::TimeSpan, ..Typed::long(ticks) }
}

fn steps(args: &Args, text: fn(i64) -> String) -> Result<ArrayRef> {
    let (starts, stops, steps) = (args.longs(0)?, args.longs(1)?, args.longs(2)?);
    Ok(text_rows(args.rows, |row| {
        let (start, stop, step) =
            (starts.get(row)?, stops.get(row)?, steps.get(row).filter(|step| *step != 0)?);
        let is_inside = |value: &i64| if step > 0 { *value <= stop } else { *value >= stop };
        let values = std::iter::successors(Some(start), |value| value.checked_add(step));
        Some(array_of(values.take_while(is_inside).take(ELEMENTS_MAX).map(text)))
    }))
}

fn wholes(args: &Args) -> Result<ArrayRef> {
    steps(args, |number| number.to_string())
}

fn times(args: &Args) -> Result<ArrayRef> {
    steps(args, |ticks| json::quote(&Ticks(ticks).to_string()))
}

fn spans(args: &Args) -> Result<ArrayRef> {
    steps(args, |ticks| json::quote(&format_timespan(ticks)))
}

fn reals(args: &Args) -> Result<ArrayRef> {
    let values = Reals::of(args)?;
    Ok(text_rows(args.rows, |row| {
        let [start, stop, step] = values.get(row)?;
        if !start.is_finite() || !stop.is_finite() || !step.is_finite() || step == 0.0 {
            return None;
        }
        let is_inside = |value: &f64| if step > 0.0 { *value <= stop } else { *value >= stop };
        let values = (0..ELEMENTS_MAX).map(|at| start + at as f64 * step).take_while(is_inside);
        Some(array_of(values.map(format_real)))
    }))
}
