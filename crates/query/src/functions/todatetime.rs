//! `todatetime(value)`

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};

pub(super) static TODATETIME: Function = Function {
    name: "todatetime",
    summary: "The value as a time in UTC. Null when it is none.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "datetime",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: r#"print todatetime("2024-05-06 07:08")"#, result: "2024-05-06T07:08:00.0000000Z" },
        Example {
            query: r#"print todatetime("2024-05-06T01:00:00+02:00")"#,
            result: "2024-05-05T23:00:00.0000000Z",
        },
        Example { query: r#"print isnull(todatetime("soon"))"#, result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(convert::to_datetime(value))
    },
};
