//! The scalar functions, one file each and one line here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};

use model::{Kind, Ticks};

use crate::GeoDatabase;
use crate::convert;
use crate::external::ExternalFiles;
use crate::typed::{Typed, is_numeric};

mod lists;
pub(crate) use lists::{FUNCTIONS, column, digest};

/// One scalar function: its documentation, what it takes, and how it becomes an engine expression.
pub struct Function {
    pub name: &'static str,
    pub summary: &'static str,
    pub params: &'static [Param],
    /// The kind of the result, as documentation; `lower` decides.
    pub returns: &'static str,
    pub naming: Naming,
    /// Run by a test; the function reference is written from them.
    pub examples: &'static [Example],
    pub(crate) lower: fn(&Context, Vec<Typed>) -> Result<Typed, String>,
}

/// What a function gives that has several values.
pub(crate) struct Several {
    /// What the names of the columns end in, and their kinds.
    pub parts: &'static [(&'static str, Kind)],
    pub lower: fn(Vec<Typed>) -> Vec<Typed>,
}

/// A query that prints one value, and that value as text.
pub struct Example {
    pub query: &'static str,
    pub result: &'static str,
}

/// One parameter of a function.
pub struct Param {
    pub name: &'static str,
    pub accepts: Accepts,
    pub repeats: Repeats,
}

/// What may be passed for a parameter. A `dynamic` is converted where another kind is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    Any,
    /// `string`, or `dynamic` and `guid` as their text.
    Text,
    /// `int`, `long`, `real`.
    Number,
    /// `int`, `long`.
    Integer,
    Bool,
    DateTime,
    TimeSpan,
    Dynamic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    Once,
    Optional,
    /// The last parameter, this many times at least and at most.
    Times(usize, usize),
}

/// How a column is named that is computed by the function and has no name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `Column1`, `Column2`...
    Numbered,
    /// As its first argument.
    FirstArgument,
    /// The function's name, `_`, and its first argument's name.
    Prefixed,
}

/// What a function may know of the query it is in.
pub struct Context {
    /// One instant for the whole query.
    pub now: Ticks,
    /// Where addresses are, if the operator gave a database.
    pub geo: Option<Arc<GeoDatabase>>,
    /// What fetches files for `externaldata`, if the operator allows any.
    pub external: Option<Arc<dyn ExternalFiles>>,
    /// Done when the lack of that database was logged: a query is bound several times and may ask often.
    pub geo_missed: Once,
    /// Where random numbers of the query start.
    pub seeds: AtomicU64,
}

impl Context {
    /// Another start for random numbers at each call.
    pub(crate) fn next_seed(&self) -> u64 {
        self.seeds.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }
}

impl Param {
    pub const fn one(name: &'static str, accepts: Accepts) -> Param {
        Param { name, accepts, repeats: Repeats::Once }
    }

    pub const fn optional(name: &'static str, accepts: Accepts) -> Param {
        Param { name, accepts, repeats: Repeats::Optional }
    }

    pub const fn rest(name: &'static str, accepts: Accepts, least: usize, most: usize) -> Param {
        Param { name, accepts, repeats: Repeats::Times(least, most) }
    }
}

impl Accepts {
    fn name(self) -> &'static str {
        match self {
            Accepts::Any => "any",
            Accepts::Text => "string",
            Accepts::Number => "number",
            Accepts::Integer => "int or long",
            Accepts::Bool => "bool",
            Accepts::DateTime => "datetime",
            Accepts::TimeSpan => "timespan",
            Accepts::Dynamic => "dynamic",
        }
    }

    /// The argument as this parameter takes it; `None` when it cannot be.
    pub(crate) fn take(self, arg: Typed) -> Option<Typed> {
        let kind = arg.kind;
        let dynamic = kind == Kind::Dynamic;
        match self {
            Accepts::Any => Some(arg),
            Accepts::Text if kind == Kind::String => Some(arg),
            Accepts::Text if dynamic || kind == Kind::Guid => Some(convert::to_text(arg)),
            Accepts::Number if is_numeric(kind) => Some(arg),
            Accepts::Number if dynamic => Some(convert::to_real(arg)),
            Accepts::Integer if matches!(kind, Kind::Int | Kind::Long) => Some(arg.cast_number(Kind::Long)),
            Accepts::Integer if dynamic => Some(convert::to_long(arg)),
            Accepts::Bool if kind == Kind::Bool => Some(arg),
            Accepts::Bool if dynamic || is_numeric(kind) => Some(convert::to_bool(arg)),
            Accepts::DateTime if kind == Kind::DateTime => Some(arg),
            Accepts::DateTime if dynamic => Some(convert::to_datetime(arg)),
            Accepts::TimeSpan if kind == Kind::TimeSpan => Some(arg),
            Accepts::TimeSpan if dynamic => Some(convert::to_timespan(arg)),
            Accepts::Dynamic if dynamic => Some(arg),
            // Text that holds an array is common in event columns; it is read as JSON.
            Accepts::Dynamic if kind == Kind::String => Some(convert::parse_json(arg)),
            _ => None,
        }
    }
}

impl Function {
    /// `name(a, [b], c, ...)`
    pub fn usage(&self) -> String {
        usage(self.name, self.params)
    }

    /// Whether a call alone in `extend` or `project` gives several columns.
    pub(crate) fn gives_several(&self) -> bool {
        several_of(self.name).is_some()
    }

    /// Checks the arguments and makes the call.
    pub(crate) fn call(&self, context: &Context, args: Vec<Typed>) -> Result<Typed, String> {
        let args =
            take_args(self.params, args).map_err(|problem| format!("{problem}; usage: {}", self.usage()))?;
        (self.lower)(context, args)
    }
}

/// The columns of a function that gives several values, and what their names end in.
pub(crate) fn several(function: &Function, args: Vec<Typed>) -> Result<Vec<(&'static str, Typed)>, String> {
    let args = take_args(function.params, args)
        .map_err(|problem| format!("{problem}; usage: {}", function.usage()))?;
    let Some(several) = several_of(function.name) else { return Ok(Vec::new()) };
    let names = several.parts.iter().map(|(name, _)| *name);
    Ok(names.zip((several.lower)(args)).collect())
}

fn several_of(name: &str) -> Option<&'static Several> {
    lists::SEVERAL.iter().find(|(function, _)| *function == name).map(|(_, several)| *several)
}

/// `name(a, [b], c, ...)`
pub(crate) fn usage(name: &str, params: &[Param]) -> String {
    let params = params.iter().map(|param| match param.repeats {
        Repeats::Once => format!("{}: {}", param.name, param.accepts.name()),
        Repeats::Optional => format!("[{}: {}]", param.name, param.accepts.name()),
        Repeats::Times(..) => format!("{}: {}, ...", param.name, param.accepts.name()),
    });
    format!("{name}({})", params.collect::<Vec<_>>().join(", "))
}

/// Checks arguments against parameters and converts them.
pub(crate) fn take_args(params: &[Param], args: Vec<Typed>) -> Result<Vec<Typed>, String> {
    let least = params.iter().map(|p| match p.repeats {
        Repeats::Once => 1,
        Repeats::Optional => 0,
        Repeats::Times(least, _) => least,
    });
    let most = params.iter().map(|p| if let Repeats::Times(_, most) = p.repeats { most } else { 1 });
    let (least, most) = (least.sum::<usize>(), most.sum::<usize>());
    if args.len() < least || args.len() > most {
        let takes = if least == most { format!("{least}") } else { format!("{least} to {most}") };
        return Err(format!("{} arguments were given, {takes} are taken", args.len()));
    }
    let taken = args.into_iter().enumerate().map(|(at, arg)| {
        let param = &params[at.min(params.len() - 1)];
        let kind = arg.kind;
        param.accepts.take(arg).ok_or_else(|| {
            format!("argument '{}' takes {}, not {}", param.name, param.accepts.name(), kind.name())
        })
    });
    taken.collect()
}

/// Finds a function by its exact name.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().copied().find(|function| function.name == name)
}
