//! The aggregate functions of `summarize`: one declaration each in [`AGGREGATES`].

mod bags;
mod choose;
mod collect;
mod digests;
mod distinct;
mod fold;
mod percentiles;
mod schema;
mod sketches;
mod statistics;

use datafusion::functions_aggregate::expr_fn;
use datafusion::logical_expr::{Expr, lit};
use model::Kind;

use crate::convert;
use crate::functions::{Accepts, Param, take_args};
use crate::typed::{Typed, absent, engine_type};

pub(crate) use choose::part_of_choice;
pub(crate) use percentiles::{gives_percentiles, percentiles};

/// One aggregate function.
pub struct Aggregate {
    pub name: &'static str,
    pub summary: &'static str,
    pub params: &'static [Param],
    /// What stands before `_` in the name of a column that has no other.
    pub prefix: &'static str,
    pub names: Names,
    lower: fn(Vec<Typed>) -> Result<Lowered, String>,
}

/// How a column is named that is an aggregate and has no name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// The prefix, `_`, and the first argument's name.
    PrefixAndArgument,
    /// The prefix and `_`.
    Prefix,
    /// As the first argument.
    Argument,
}

/// An engine aggregate, and what is made of its result.
pub(crate) struct Lowered {
    pub expr: Expr,
    pub kind: Kind,
    pub finish: Finish,
}

pub(crate) type Finish = Box<dyn Fn(Typed) -> Typed>;

impl Lowered {
    fn plain(expr: Expr, kind: Kind) -> Lowered {
        Lowered { expr, kind, finish: Box::new(|typed| typed) }
    }

    /// Text is never null, also where no row was aggregated.
    fn filled(expr: Expr, kind: Kind) -> Lowered {
        Lowered { expr, kind, finish: Box::new(fill) }
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
    let zero = match typed.kind {
        Kind::Real => lit(0.0f64),
        Kind::Decimal => lit(crate::decimal::scalar(crate::decimal::parse("0"))),
        _ => lit(0i64),
    };
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
    Aggregate { name, summary, params, prefix, names: Names::PrefixAndArgument, lower }
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

const INTEGER: &[Param] = &[Param::one("value", Accepts::Integer)];
const DYNAMIC: &[Param] = &[Param::one("value", Accepts::Dynamic)];
const PAIR: &[Param] = &[Param::one("x", Accepts::Number), Param::one("y", Accepts::Number)];
const PAIR_IF: &[Param] = &[
    Param::one("x", Accepts::Number),
    Param::one("y", Accepts::Number),
    Param::one("predicate", Accepts::Bool),
];
const BAG: &[Param] = &[Param::one("bag", Accepts::Dynamic), Param::optional("maximum", Accepts::Integer)];
const BAG_IF: &[Param] = &[
    Param::one("bag", Accepts::Dynamic),
    Param::one("predicate", Accepts::Bool),
    Param::optional("maximum", Accepts::Integer),
];
const TDIGEST: &[Param] = &[Param::one("value", Accepts::Any), Param::optional("weight", Accepts::Number)];
const PERCENTILE: &[Param] = &[Param::one("value", Accepts::Any), Param::one("percentage", Accepts::Number)];
const WEIGHTED: &[Param] = &[
    Param::one("value", Accepts::Any),
    Param::one("weight", Accepts::Number),
    Param::one("percentage", Accepts::Number),
];
const PERCENTILES: &[Param] =
    &[Param::one("value", Accepts::Any), Param::rest("percentage", Accepts::Any, 1, 128)];
const WEIGHTED_PERCENTILES: &[Param] = &[
    Param::one("value", Accepts::Any),
    Param::one("weight", Accepts::Number),
    Param::rest("percentage", Accepts::Any, 1, 128),
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
    Aggregate {
        names: Names::Argument,
        ..aggregate(
            "binary_all_and",
            "binary_all_and",
            INTEGER,
            statistics::binary_and,
            "The bits that all values have.",
        )
    },
    Aggregate {
        names: Names::Argument,
        ..aggregate(
            "binary_all_or",
            "binary_all_or",
            INTEGER,
            statistics::binary_or,
            "The bits that some value has.",
        )
    },
    Aggregate {
        names: Names::Argument,
        ..aggregate(
            "binary_all_xor",
            "binary_all_xor",
            INTEGER,
            statistics::binary_xor,
            "The bits that an odd number of values have.",
        )
    },
    aggregate(
        "buildschema",
        "schema",
        DYNAMIC,
        |args| Ok(Lowered::plain(schema::of_values(one(args)?), Kind::Dynamic)),
        "The least schema that all values fit.",
    ),
    Aggregate { names: Names::Prefix, ..aggregate("cnt", "cnt", &[], count, "Old name of count.") },
    Aggregate { names: Names::Prefix, ..aggregate("count", "count", &[], count, "The number of rows.") },
    aggregate(
        "count_distinct",
        "count_distinct",
        VALUE,
        count_distinct,
        "The number of different values, exactly.",
    ),
    aggregate(
        "count_distinctif",
        "count_distinctif",
        VALUE_IF,
        |args| filtered(args, count_distinct),
        "The number of different values in rows for which the predicate is true.",
    ),
    aggregate(
        "countif",
        "countif",
        &[Param::one("predicate", Accepts::Bool)],
        countif,
        "The number of rows for which the predicate is true.",
    ),
    aggregate("covariance", "covariance", PAIR, statistics::covariance, "The covariance of a sample."),
    aggregate(
        "covarianceif",
        "covarianceif",
        PAIR_IF,
        |args| filtered_at(args, 2, statistics::covariance),
        "The covariance of a sample, over rows for which the predicate is true.",
    ),
    aggregate(
        "covariancep",
        "covariancep",
        PAIR,
        statistics::covariance_of_all,
        "The covariance of a whole population.",
    ),
    aggregate(
        "covariancepif",
        "covariancepif",
        PAIR_IF,
        |args| filtered_at(args, 2, statistics::covariance_of_all),
        "The covariance of a whole population, over rows for which the predicate is true.",
    ),
    aggregate(
        "dcount",
        "dcount",
        DCOUNT,
        dcount,
        "The number of different values. Exact up to 1,024, about 0.8% off beyond that with the usual accuracy.",
    ),
    aggregate(
        "dcountif",
        "dcountif",
        DCOUNT_IF,
        |args| filtered(args, dcount),
        "The number of different values in rows for which the predicate is true.",
    ),
    aggregate(
        "hll",
        "hll",
        DCOUNT,
        hll,
        "A summary from which dcount_hll tells about how many different values there are.",
    ),
    aggregate(
        "hll_if",
        "hll_if",
        DCOUNT_IF,
        |args| filtered(args, hll),
        "The same over rows for which the predicate is true.",
    ),
    aggregate(
        "hll_merge",
        "hll_merge",
        DYNAMIC,
        |args| Ok(Lowered::plain(sketches::of_sketches(one(args)?), Kind::Dynamic)),
        "One summary of those that hll gave.",
    ),
    aggregate(
        "make_bag",
        "bag",
        BAG,
        make_bag,
        "The bags of all rows as one. Of a key that several have one value stays.",
    ),
    aggregate(
        "make_bag_if",
        "bag",
        BAG_IF,
        |args| filtered(args, make_bag),
        "The bags of rows for which the predicate is true, as one.",
    ),
    aggregate("make_dictionary", "dictionary", BAG, make_bag, "Old name of make_bag."),
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
        "make_list_with_nulls",
        "list",
        VALUE,
        |args| collect::list_with_nulls(args, ELEMENTS_MAX),
        "The values as an array, with the nulls.",
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
    aggregate("merge_tdigest", "merge_tdigests", DYNAMIC, tdigest_merge, "Another name of tdigest_merge."),
    aggregate("min", "min", VALUE, min, "The least value."),
    aggregate(
        "minif",
        "minif",
        VALUE_IF,
        |args| filtered(args, min),
        "The least value of rows for which the predicate is true.",
    ),
    Aggregate {
        names: Names::Argument,
        ..aggregate("passthrough", "passthrough", VALUE, take_any, "A value of some row.")
    },
    aggregate(
        "percentile",
        "percentile",
        PERCENTILE,
        percentiles::one,
        "The least value that the given percentage of values does not exceed. Exact for up to 1,024 different values, close beyond.",
    ),
    aggregate(
        "percentiles_array",
        "percentiles",
        PERCENTILES,
        percentiles::array,
        "Several percentiles as an array.",
    ),
    aggregate(
        "percentilesw_array",
        "percentiles",
        WEIGHTED_PERCENTILES,
        percentiles::array_weighted,
        "Several percentiles of values that count as often as a weight says, as an array.",
    ),
    aggregate(
        "percentilew",
        "percentilew",
        WEIGHTED,
        percentiles::one_weighted,
        "The same of values that count as often as a weight says.",
    ),
    aggregate("stdev", "stdev", VALUE, statistics::stdev, "The standard deviation of a sample."),
    aggregate(
        "stdevif",
        "stdevif",
        VALUE_IF,
        |args| filtered(args, statistics::stdev),
        "The standard deviation of a sample, over rows for which the predicate is true.",
    ),
    aggregate(
        "stdevp",
        "stdevp",
        VALUE,
        statistics::stdev_of_all,
        "The standard deviation of a whole population.",
    ),
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
    aggregate(
        "tdigest",
        "tdigest",
        TDIGEST,
        tdigest,
        "A summary from which percentile_tdigest reads percentiles. A value may count as often as a weight says.",
    ),
    aggregate(
        "tdigest_merge",
        "merge_tdigests",
        DYNAMIC,
        tdigest_merge,
        "One summary of those that tdigest gave.",
    ),
    aggregate("variance", "variance", VALUE, statistics::variance, "The variance of a sample."),
    aggregate(
        "varianceif",
        "varianceif",
        VALUE_IF,
        |args| filtered(args, statistics::variance),
        "The variance of a sample, over rows for which the predicate is true.",
    ),
    aggregate(
        "variancep",
        "variancep",
        VALUE,
        statistics::variance_of_all,
        "The variance of a whole population.",
    ),
    aggregate(
        "variancepif",
        "variancepif",
        VALUE_IF,
        |args| filtered(args, statistics::variance_of_all),
        "The variance of a whole population, over rows for which the predicate is true.",
    ),
];

/// Calls that give several columns: some pick a row.
pub static ROW_CHOICES: &[(&str, &str)] = &[
    (
        "arg_max",
        "The row with the greatest first argument: that value, and the other arguments' values in it.",
    ),
    ("arg_min", "The row with the least first argument: that value, and the other arguments' values in it."),
    ("argmax", "Old spelling of arg_max."),
    ("argmin", "Old spelling of arg_min."),
    ("percentiles", "Several percentiles, each as a column."),
    ("percentilesw", "Several percentiles of values that count as often as a weight says, each as a column."),
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
fn filtered(args: Vec<Typed>, lower: fn(Vec<Typed>) -> Result<Lowered, String>) -> Result<Lowered, String> {
    filtered_at(args, 1, lower)
}

/// An aggregate over the rows for which the argument at a position is true.
fn filtered_at(
    mut args: Vec<Typed>,
    position: usize,
    lower: fn(Vec<Typed>) -> Result<Lowered, String>,
) -> Result<Lowered, String> {
    let predicate = args.remove(position);
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
    let mut args = args.into_iter();
    let value = args.next().ok_or("an argument is missing")?;
    let accuracy = match args.next() {
        None => crate::sketch::ACCURACY,
        Some(given) => given.literal_long().ok_or("the accuracy must be a constant")?,
    };
    Ok(Lowered::plain(distinct::call(value, accuracy)?, Kind::Long))
}

fn count_distinct(args: Vec<Typed>) -> Result<Lowered, String> {
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
    let value = one(args)?;
    if value.kind == Kind::Dynamic {
        return Err(
            "takes a number or a timespan; convert dynamic values with tolong() or toreal()".to_owned()
        );
    }
    let value = number(value)?;
    Ok(Lowered { expr: expr_fn::sum(value.expr), kind: value.kind, finish: Box::new(zero_if_null) })
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
            finish: Box::new(|typed| Typed::new(convert::to_long(typed).expr, Kind::TimeSpan)),
        },
        Kind::DateTime => Lowered {
            expr,
            kind: Kind::Real,
            finish: Box::new(|typed| Typed::new(convert::to_long(typed).expr, Kind::DateTime)),
        },
        // Without a value the mean is not a number.
        _ => Lowered { expr, kind: Kind::Real, finish: Box::new(nan_if_null) },
    })
}

fn hll(args: Vec<Typed>) -> Result<Lowered, String> {
    let mut args = args.into_iter();
    let value = args.next().ok_or("an argument is missing")?;
    Ok(Lowered::plain(sketches::of_values(value, args.next().as_ref())?, Kind::Dynamic))
}

fn make_bag(args: Vec<Typed>) -> Result<Lowered, String> {
    let mut args = args.into_iter();
    let bag = args.next().ok_or("an argument is missing")?;
    Ok(Lowered::plain(bags::of_bags(bag, args.next().as_ref())?, Kind::Dynamic))
}

fn tdigest(args: Vec<Typed>) -> Result<Lowered, String> {
    let mut args = args.into_iter();
    let value = args.next().ok_or("an argument is missing")?;
    Ok(Lowered::plain(digests::of_values(value, args.next())?, Kind::Dynamic))
}

fn tdigest_merge(args: Vec<Typed>) -> Result<Lowered, String> {
    Ok(Lowered::plain(digests::of_digests(one(args)?), Kind::Dynamic))
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
        finish: Box::new(|typed| {
            let Expr::Column(column) = &typed.expr else { return typed };
            part_of_choice(&column.name, 0, typed.kind)
        }),
    })
}

/// The Arrow type that values of a kind have inside an aggregate.
fn state_type(kind: Kind) -> datafusion::arrow::datatypes::DataType {
    engine_type(kind)
}
