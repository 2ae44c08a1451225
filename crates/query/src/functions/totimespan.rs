//! `totimespan(value)`, `totime(value)`

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};

pub(super) static TOTIMESPAN: Function = Function {
    name: "totimespan",
    summary: "The value as a time span. Null when it is none.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "timespan",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: r#"print totimespan("1.02:30:00")"#, result: "1.02:30:00" },
        Example { query: r#"print totimespan("90m")"#, result: "01:30:00" },
        Example { query: r#"print isnull(totimespan("long"))"#, result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(convert::to_timespan(value))
    },
};

pub(super) static TOTIME: Function =
    Function { name: "totime", summary: "Another name of totimespan.", ..TOTIMESPAN };
