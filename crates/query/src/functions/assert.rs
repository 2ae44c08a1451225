//! `assert(condition, message)`

use datafusion::common::ScalarValue;

use super::arguments::{constant_text, exactly};
use crate::constant;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::typed::Typed;

pub(super) static ASSERT: Function = Function {
    name: "assert",
    summary: "True when a constant condition is. Otherwise the query is refused with the message.",
    params: &[Param::one("condition", Accepts::Bool), Param::one("message", Accepts::Text)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[Example { query: r#"print assert(1 < 2, "numbers are out of order")"#, result: "true" }],
    lower: |_, args| {
        let [condition, message] = exactly(args)?;
        let condition = constant::fold(condition).map_err(|error| error.to_string())?;
        match condition.literal() {
            Some(ScalarValue::Boolean(Some(true))) => Ok(Typed::bool(true)),
            Some(_) => Err(format!("the assertion does not hold: {}", constant_text(&message, "message")?)),
            None => Err("argument 'condition' must be a constant".to_owned()),
        }
    },
};
