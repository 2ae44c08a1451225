//! `toguid(text)`

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};

pub(super) static TOGUID: Function = Function {
    name: "toguid",
    summary: "The GUID that a text holds. Null when it holds none.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "guid",
    naming: Naming::FirstArgument,
    examples: &[
        Example {
            query: r#"print toguid("{0F8FAD5B-D9CB-469F-A165-70867728950E}")"#,
            result: "0f8fad5b-d9cb-469f-a165-70867728950e",
        },
        Example { query: r#"print isnull(toguid("not one"))"#, result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(convert::to_guid(value))
    },
};
