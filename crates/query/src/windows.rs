//! Functions over the order of rows: `row_number`, `prev`, `next`, `row_cumsum`, ranks and sessions.

mod evaluator;

use datafusion::common::ScalarValue;
use datafusion::functions_window::lead_lag::{lag, lead};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt, WindowFunctionDefinition, WindowUDF};
use model::Kind;

use self::evaluator::{InOrder, OrderedFunction};
use crate::functions::{Accepts, Param, take_args};
use crate::typed::{Typed, absent, engine_type};
use crate::{constant, convert};

/// One function over the order of rows.
pub struct Window {
    pub name: &'static str,
    pub summary: &'static str,
    pub params: &'static [Param],
    lower: fn(Vec<Typed>) -> Lowered,
}

/// The engine's call, not yet over an order, and the kind it gives.
type Lowered = Result<(Expr, Kind), String>;

const COLUMN: &[Param] = &[
    Param::one("value", Accepts::Any),
    Param::optional("offset", Accepts::Integer),
    Param::optional("default", Accepts::Any),
];
const RANK: &[Param] = &[Param::one("value", Accepts::Any), Param::optional("restart", Accepts::Bool)];

/// Sorted by name.
pub static WINDOWS: &[Window] = &[
    Window {
        name: "next",
        summary: "The value in the row an offset after this one, 1 unless given; behind the last row the \
                  default, or null.",
        params: COLUMN,
        lower: |args| shifted(args, lead),
    },
    Window {
        name: "prev",
        summary: "The value in the row an offset before this one, 1 unless given; before the first row the \
                  default, or null.",
        params: COLUMN,
        lower: |args| shifted(args, lag),
    },
    Window {
        name: "row_cumsum",
        summary: "The sum of the values from the first row, or the last one in which `restart` was true, to \
                  this one.",
        params: &[Param::one("value", Accepts::Any), Param::optional("restart", Accepts::Bool)],
        lower: cumulative,
    },
    Window {
        name: "row_number",
        summary: "The number of the row, from the first argument on, 1 unless given. It starts again where \
                  `restart` is true.",
        params: &[Param::optional("start", Accepts::Integer), Param::optional("restart", Accepts::Bool)],
        lower: |args| {
            let mut args = with_default(with_default(args, 0, Typed::long(1)), 1, Typed::bool(false));
            let restart = args.pop().ok_or("an argument is missing")?;
            let start = constant_long(args.pop().as_ref(), "start")?;
            Ok(in_order(OrderedFunction::Number { start }, vec![restart], Kind::Long))
        },
    },
    Window {
        name: "row_rank",
        summary: "Old name of row_rank_dense.",
        params: RANK,
        lower: |args| ranked(args, OrderedFunction::DenseRank),
    },
    Window {
        name: "row_rank_dense",
        summary: "How many different values there were up to this row, each time that the value changes being \
                  one. It starts again where `restart` is true.",
        params: RANK,
        lower: |args| ranked(args, OrderedFunction::DenseRank),
    },
    Window {
        name: "row_rank_min",
        summary: "The number of the first row of those in succession that have the same value as this one. It \
                  starts again where `restart` is true.",
        params: RANK,
        lower: |args| ranked(args, OrderedFunction::MinRank),
    },
    Window {
        name: "row_window_session",
        summary: "The time at which the row's session started. A session ends when it would be longer than the \
                  second argument, when a row is further than the third from the one before, and where \
                  `restart` is true.",
        params: &[
            Param::one("time", Accepts::DateTime),
            Param::one("distance_from_first", Accepts::TimeSpan),
            Param::one("distance_between_neighbors", Accepts::TimeSpan),
            Param::optional("restart", Accepts::Bool),
        ],
        lower: |args| {
            let args = with_default(args, 3, Typed::bool(false));
            Ok(in_order(OrderedFunction::Session, args, Kind::DateTime))
        },
    },
];

/// Finds a function over the order of rows by its exact name.
pub(crate) fn find(name: &str) -> Option<&'static Window> {
    WINDOWS.iter().find(|window| window.name == name)
}

impl Window {
    /// The call over the rows of each group, in the order of a column.
    pub(crate) fn call(&self, args: Vec<Typed>, order: &str, groups: Vec<Expr>) -> Lowered {
        let (expr, kind) = (self.lower)(take_args(self.params, args)?)?;
        Ok((over(expr, order, groups)?, kind))
    }
}

/// A window function over the rows of each group, all rows if there are none, in the order of a column.
fn over(expr: Expr, order: &str, groups: Vec<Expr>) -> Result<Expr, String> {
    let order = Typed::column(order, Kind::Long).expr.sort(true, false);
    let ordered = expr.order_by(vec![order]);
    let over = if groups.is_empty() { ordered } else { ordered.partition_by(groups) };
    over.build().map_err(|error| error.to_string())
}

fn with_default(mut args: Vec<Typed>, position: usize, default: Typed) -> Vec<Typed> {
    if args.len() <= position {
        args.push(default);
    }
    args
}

fn constant_long(arg: Option<&Typed>, name: &str) -> Result<i64, String> {
    arg.and_then(Typed::literal_long).ok_or_else(|| format!("argument '{name}' must be a constant number"))
}

fn in_order(function: OrderedFunction, args: Vec<Typed>, kind: Kind) -> (Expr, Kind) {
    let udwf = std::sync::Arc::new(WindowUDF::new_from_impl(InOrder::new(function, engine_type(kind))));
    let args = args.into_iter().map(|arg| arg.expr).collect();
    let function = WindowFunction::new(WindowFunctionDefinition::WindowUDF(udwf), args);
    (Expr::from(function), kind)
}

fn shifted(args: Vec<Typed>, shift: fn(Expr, Option<i64>, Option<ScalarValue>) -> Expr) -> Lowered {
    let mut args = args.into_iter();
    let value = args.next().ok_or("an argument is missing")?;
    let offset = match args.next() {
        None => 1,
        Some(offset) => constant_long(Some(&offset), "offset")?,
    };
    if offset < 0 {
        return Err("argument 'offset' must not be negative".to_owned());
    }
    let default = match args.next() {
        None => Typed::new(absent(value.kind), value.kind),
        Some(default) => {
            let folded = constant::fold(convert::to_kind(default, value.kind));
            folded.map_err(|error| error.to_string())?
        }
    };
    let default = default.literal().cloned().ok_or("argument 'default' must be a constant")?;
    Ok((shift(value.expr, Some(offset), Some(default)), value.kind))
}

fn cumulative(args: Vec<Typed>) -> Lowered {
    let mut args = with_default(args, 1, Typed::bool(false));
    let value = args.remove(0);
    let value = match value.kind {
        Kind::Int => value.cast_number(Kind::Long),
        Kind::Long | Kind::Real | Kind::TimeSpan => value,
        Kind::Decimal | Kind::Dynamic => convert::to_real(value),
        kind => return Err(format!("takes a number or a timespan, not a {}", kind.name())),
    };
    let kind = value.kind;
    args.insert(0, value);
    Ok(in_order(OrderedFunction::Sum, args, kind))
}

fn ranked(args: Vec<Typed>, function: OrderedFunction) -> Lowered {
    // Whether the second argument of the old name asks for dense ranks changes nothing here.
    let args = with_default(args, 1, Typed::bool(false));
    match args.first().map(|value| value.kind) {
        Some(Kind::Dynamic) => Err("dynamic values cannot be compared; convert them first".to_owned()),
        _ => Ok(in_order(function, args, Kind::Long)),
    }
}
