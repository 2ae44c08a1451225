//! The aggregate functions of `summarize`: one declaration each in [`AGGREGATES`].

mod choose;
mod collect;

use datafusion::functions_aggregate::expr_fn;
use datafusion::logical_expr::{Expr, lit};
use model::Kind;

use crate::convert;
use crate::functions::{Accepts, Param, take_args};
use crate::typed::{Typed, absent, engine_type};

pub(crate) use choose::part_of_choice;

/// One aggregate function.
pub struct Aggregate {
    pub name: &'static str,
    pub summary: &'static str,
    pub params: &'static [Param],
    /// What stands before `_` in the name of a column that has no other.
    pub prefix: &'static str,
    /// Whether the first argument's name follows.
    pub names_argument: bool,
    lower: fn(Vec<Typed>) -> Result<Lowered, String>,
}

/// An engine aggregate, and what is made of its result.
pub(crate) struct Lowered {
    pub expr: Expr,
    pub kind: Kind,
    pub finish: fn(Typed) -> Typed,
}

impl Lowered {
    fn plain(expr: Expr, kind: Kind) -> Lowered {
        Lowered { expr, kind, finish: |typed| typed }
    }

    /// Text is never null, also where no row was aggregated.
    fn filled(expr: Expr, kind: Kind) -> Lowered {
        Lowered { expr, kind, finish: fill }
    }
}

fn fill(typed: Typed) -> Typed {
    match typed.kind {
        Kind::String => {
            let filled =
                datafusion::functions::core::expr_fn::coalesce(vec![typed.expr, absent(Kind::String)]);
            Typed::new(filled, Kind::String)
        }
        _ => typed,
    }
}

fn zero_if_null(typed: Typed) -> Typed {
    let zero = if typed.kind == Kind::Real { lit(0.0f64) } else { lit(0i64) };
    Typed::new(datafusion::functions::core::expr_fn::coalesce(vec![typed.expr, zero]), typed.kind)
}

fn nan_if_null(typed: Typed) -> Typed {
    Typed::new(datafusion::functions::core::expr_fn::coalesce(vec![typed.expr, lit(f64::NAN)]), typed.kind)
}

const fn aggregate(
    name: &'static str,
    prefix: &'static str,
    params: &'static [Param],
    lower: fn(Vec<Typed>) -> Result<Lowered, String>,
    summary: &'static str,
) -> Aggregate {
    Aggregate { name, summary, params, prefix, names_argument: true, lower }
}

const VALUE: &[Param] = &[Param::one("value", Accepts::Any)];
const VALUE_IF: &[Param] = &[Param::one("value", Accepts::Any), Param::one("predicate", Accepts::Bool)];
const SET: &[Param] = &[Param::one("value", Accepts::Any), Param::optional("maximum", Accepts::Integer)];
const SET_IF: &[Param] = &[
    Param::one("value", Accepts::Any),
    Param::one("predicate", Accepts::Bool),
    Param::optional("maximum", Accepts::Integer),
];
const DCOUNT: &[Param] = &[Param::one("value", Accepts::Any), Param::optional("accuracy", Accepts::Integer)];
const DCOUNT_IF: &[Param] = &[
    Param::one("value", Accepts::Any),
    Param::one("predicate", Accepts::Bool),
    Param::optional("accuracy", Accepts::Integer),
];

/// Elements a set or list holds unless told otherwise.
const ELEMENTS_MAX: i64 = 1_048_576;
/// The same for the old spellings `makeset` and `makelist`.
const ELEMENTS_MAX_OLD: i64 = 128;

pub static AGGREGATES: &[Aggregate] = &[
    aggregate("any", "any", VALUE, take_any, "A value of some row, one with a value if there is one."),
    aggregate(
        "anyif",
        "anyif",
        VALUE_IF,
        |args| filtered(args, take_any),
        "A value of some row for which the predicate is true.",
    ),
    aggregate("avg", "avg", VALUE, avg, "The mean of the values that are not null."),
    aggregate(
        "avgif",
        "avgif",
        VALUE_IF,
        |args| filtered(args, avg),
        "The mean over rows for which the predicate is true.",
    ),
    Aggregate { names_argument: false, ..aggregate("count", "count", &[], count, "The number of rows.") },
    aggregate("count_distinct", "count_distinct", VALUE, dcount, "The number of different values, exactly."),
    aggregate(
        "count_distinctif",
        "count_distinctif",
        VALUE_IF,
        |args| filtered(args, dcount),
        "The number of different values in rows for which the predicate is true.",
    ),
    Aggregate {
        names_argument: false,
        ..aggregate(
            "countif",
            "countif",
            &[Param::one("predicate", Accepts::Bool)],
            countif,
            "The number of rows for which the predicate is true.",
        )
    },
    aggregate(
        "dcount",
        "dcount",
        DCOUNT,
        |args| dcount(args.into_iter().take(1).collect()),
        "The number of different values. Always exact here; the accuracy is accepted.",
    ),
    aggregate(
        "dcountif",
        "dcountif",
        DCOUNT_IF,
        |args| filtered(args.into_iter().take(2).collect(), dcount),
        "The number of different values in rows for which the predicate is true.",
    ),
    aggregate(
        "make_list",
        "list",
        SET,
        |args| collect::list(args, ELEMENTS_MAX),
        "The values as an array, nulls left out.",
    ),
    aggregate(
        "make_list_if",
        "list",
        SET_IF,
        |args| filtered(args, |args| collect::list(args, ELEMENTS_MAX)),
        "The values of rows for which the predicate is true, as an array.",
    ),
    aggregate(
        "make_set",
        "set",
        SET,
        |args| collect::set(args, ELEMENTS_MAX),
        "The different values as an array, nulls left out.",
    ),
    aggregate(
        "make_set_if",
        "set",
        SET_IF,
        |args| filtered(args, |args| collect::set(args, ELEMENTS_MAX)),
        "The different values of rows for which the predicate is true, as an array.",
    ),
    aggregate(
        "makelist",
        "list",
        SET,
        |args| collect::list(args, ELEMENTS_MAX_OLD),
        "Old spelling of make_list, with at most 128 values.",
    ),
    aggregate(
        "makeset",
        "set",
        SET,
        |args| collect::set(args, ELEMENTS_MAX_OLD),
        "Old spelling of make_set, with at most 128 values.",
    ),
    aggregate("max", "max", VALUE, max, "The greatest value."),
    aggregate(
        "maxif",
        "maxif",
        VALUE_IF,
        |args| filtered(args, max),
        "The greatest value of rows for which the predicate is true.",
    ),
    aggregate("min", "min", VALUE, min, "The least value."),
    aggregate(
        "minif",
        "minif",
        VALUE_IF,
        |args| filtered(args, min),
        "The least value of rows for which the predicate is true.",
    ),
    aggregate("stdev", "stdev", VALUE, stdev, "The standard deviation of a sample."),
    aggregate("sum", "sum", VALUE, sum, "The sum of the values that are not null; 0 without one."),
    aggregate(
        "sumif",
        "sumif",
        VALUE_IF,
        |args| filtered(args, sum),
        "The sum over rows for which the predicate is true.",
    ),
    aggregate(
        "take_any",
        "take_any",
        VALUE,
        take_any,
        "A value of some row, one with a value if there is one.",
    ),
    aggregate(
        "take_anyif",
        "take_anyif",
        VALUE_IF,
        |args| filtered(args, take_any),
        "A value of some row for which the predicate is true.",
    ),
    aggregate("variance", "variance", VALUE, variance, "The variance of a sample."),
];

/// Calls that pick a row and give several of its columns.
pub static ROW_CHOICES: &[(&str, &str)] = &[
    (
        "arg_max",
        "The row with the greatest first argument: that value, and the other arguments' values in it.",
    ),
    ("arg_min", "The row with the least first argument: that value, and the other arguments' values in it."),
    ("argmax", "Old spelling of arg_max."),
    ("argmin", "Old spelling of arg_min."),
];

/// How a call that picks a row is made.
pub(crate) struct RowChoice {
    pub needs_key: bool,
    /// The name of the first column, from the first argument's own.
    pub first_name: fn(Option<String>) -> String,
    pub make: fn(Vec<Expr>, &[Kind]) -> Expr,
}

pub(crate) fn row_choice(name: &str) -> Option<RowChoice> {
    Some(match name {
        "arg_max" | "argmax" => RowChoice {
            needs_key: true,
            first_name: |own| own.unwrap_or_else(|| "max_".to_owned()),
            make: |args, kinds| choose::choose(args, kinds, choose::Choice::Greatest),
        },
        "arg_min" | "argmin" => RowChoice {
            needs_key: true,
            first_name: |own| own.unwrap_or_else(|| "min_".to_owned()),
            make: |args, kinds| choose::choose(args, kinds, choose::Choice::Least),
        },
        "take_any" => RowChoice {
            needs_key: false,
            first_name: |own| own.unwrap_or_else(|| "any_".to_owned()),
            make: |args, kinds| choose::choose(args, kinds, choose::Choice::Any),
        },
        "any" => RowChoice {
            needs_key: false,
            first_name: |own| format!("any_{}", own.unwrap_or_default()),
            make: |args, kinds| choose::choose(args, kinds, choose::Choice::Any),
        },
        _ => return None,
    })
}

/// Finds an aggregate by its exact name.
pub(crate) fn find(name: &str) -> Option<&'static Aggregate> {
    AGGREGATES.iter().find(|aggregate| aggregate.name == name)
}

impl Aggregate {
    pub(crate) fn call(&self, args: Vec<Typed>) -> Result<Lowered, String> {
        if self.params.is_empty() && !args.is_empty() {
            return Err("takes no arguments".to_owned());
        }
        (self.lower)(take_args(self.params, args)?)
    }
}

/// An aggregate over the rows for which the second argument is true.
fn filtered(
    mut args: Vec<Typed>,
    lower: fn(Vec<Typed>) -> Result<Lowered, String>,
) -> Result<Lowered, String> {
    let predicate = args.remove(1);
    let mut lowered = lower(args)?;
    lowered.expr = with_filter(lowered.expr, predicate.expr)?;
    Ok(lowered)
}

fn with_filter(expr: Expr, predicate: Expr) -> Result<Expr, String> {
    match expr {
        Expr::AggregateFunction(mut function) => {
            function.params.filter = Some(Box::new(predicate));
            Ok(Expr::AggregateFunction(function))
        }
        _ => Err("cannot be given a predicate".to_owned()),
    }
}

fn one(args: Vec<Typed>) -> Result<Typed, String> {
    args.into_iter().next().ok_or_else(|| "an argument is missing".to_owned())
}

fn count(_: Vec<Typed>) -> Result<Lowered, String> {
    Ok(Lowered::plain(expr_fn::count(lit(1i64)), Kind::Long))
}

fn countif(args: Vec<Typed>) -> Result<Lowered, String> {
    let counted = with_filter(expr_fn::count(lit(1i64)), one(args)?.expr)?;
    Ok(Lowered::plain(counted, Kind::Long))
}

fn dcount(args: Vec<Typed>) -> Result<Lowered, String> {
    Ok(Lowered::plain(expr_fn::count_distinct(one(args)?.expr), Kind::Long))
}

/// A number, a time span, or the number a dynamic holds.
fn number(value: Typed) -> Result<Typed, String> {
    match value.kind {
        Kind::Int => Ok(value.cast_number(Kind::Long)),
        Kind::Long | Kind::Real | Kind::Decimal | Kind::TimeSpan => Ok(value),
        Kind::Bool => Ok(convert::to_long(value)),
        Kind::Dynamic => Ok(convert::to_real(value)),
        kind => Err(format!("takes a number or a timespan, not a {}", kind.name())),
    }
}

fn sum(args: Vec<Typed>) -> Result<Lowered, String> {
    let value = number(one(args)?)?;
    Ok(Lowered { expr: expr_fn::sum(value.expr), kind: value.kind, finish: zero_if_null })
}

fn avg(args: Vec<Typed>) -> Result<Lowered, String> {
    let value = one(args)?;
    let of_times = matches!(value.kind, Kind::TimeSpan | Kind::DateTime);
    let kind = if of_times { value.kind } else { Kind::Real };
    let value =
        if value.kind == Kind::DateTime { Typed::new(value.expr, Kind::TimeSpan) } else { number(value)? };
    let real = Typed::new(value.expr, if of_times { Kind::Long } else { value.kind }).cast_number(Kind::Real);
    let expr = expr_fn::avg(real.expr);
    Ok(match kind {
        Kind::TimeSpan => Lowered {
            expr,
            kind: Kind::Real,
            finish: |typed| Typed::new(convert::to_long(typed).expr, Kind::TimeSpan),
        },
        Kind::DateTime => Lowered {
            expr,
            kind: Kind::Real,
            finish: |typed| Typed::new(convert::to_long(typed).expr, Kind::DateTime),
        },
        // Without a value the mean is not a number.
        _ => Lowered { expr, kind: Kind::Real, finish: nan_if_null },
    })
}

fn stdev(args: Vec<Typed>) -> Result<Lowered, String> {
    let value = number(one(args)?)?.cast_number(Kind::Real);
    Ok(Lowered { expr: expr_fn::stddev(value.expr), kind: Kind::Real, finish: zero_if_null })
}

fn variance(args: Vec<Typed>) -> Result<Lowered, String> {
    let value = number(one(args)?)?.cast_number(Kind::Real);
    Ok(Lowered { expr: expr_fn::var_sample(value.expr), kind: Kind::Real, finish: zero_if_null })
}

fn ordered(value: Typed) -> Result<Typed, String> {
    match value.kind {
        Kind::Dynamic => Err("cannot compare dynamic values; convert them first".to_owned()),
        _ => Ok(value),
    }
}

fn max(args: Vec<Typed>) -> Result<Lowered, String> {
    let value = ordered(one(args)?)?;
    Ok(Lowered::filled(expr_fn::max(value.expr), value.kind))
}

fn min(args: Vec<Typed>) -> Result<Lowered, String> {
    let value = ordered(one(args)?)?;
    Ok(Lowered::filled(expr_fn::min(value.expr), value.kind))
}

fn take_any(args: Vec<Typed>) -> Result<Lowered, String> {
    let value = one(args)?;
    let kind = value.kind;
    Ok(Lowered {
        expr: choose::choose(vec![value.expr], &[kind], choose::Choice::Any),
        kind,
        finish: |typed| {
            let Expr::Column(column) = &typed.expr else { return typed };
            part_of_choice(&column.name, 0, typed.kind)
        },
    })
}

/// The Arrow type that values of a kind have inside an aggregate.
fn state_type(kind: Kind) -> datafusion::arrow::datatypes::DataType {
    engine_type(kind)
}
