//! `array_iff(conditions, then, else)`, `array_iif(conditions, then, else)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::exactly;
use super::arrays::{array_of, elements};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static ARRAY_IFF: Function = Function {
    name: "array_iff",
    summary: "For every condition in an array the element of the second or the third argument at its \
              position; these may be one value for all. Null where a condition is no bool or number.",
    params: &[
        Param::one("conditions", Accepts::Dynamic),
        Param::one("then", Accepts::Any),
        Param::one("else", Accepts::Any),
    ],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print array_iff(dynamic([true, false, 5]), dynamic([1, 2]), dynamic([3, 4, 5]))",
            result: "[1,4,null]",
        },
        Example {
            query: r#"print array_iff(dynamic([0, 1, "x"]), "yes", "no")"#,
            result: r#"["no","yes",null]"#,
        },
    ],
    lower: |_, args| {
        let [conditions, then, otherwise] = exactly(args)?;
        let args = vec![conditions, convert::to_dynamic(then), convert::to_dynamic(otherwise)];
        Ok(call("array_iff", Kind::Dynamic, rows, args))
    },
};

pub(super) static ARRAY_IIF: Function =
    Function { name: "array_iif", summary: "Another name of array_iff.", ..ARRAY_IFF };

fn rows(args: &Args) -> Result<ArrayRef> {
    let (conditions, then, otherwise) = (args.texts(0)?, args.texts(1)?, args.texts(2)?);
    Ok(text_rows(args.rows, |row| {
        let conditions = elements(conditions.get(row))?;
        let (then, otherwise) = (Values::of(then.get(row)), Values::of(otherwise.get(row)));
        let chosen = conditions.iter().enumerate().map(|(at, condition)| match is_true(condition) {
            Some(true) => then.at(at),
            Some(false) => otherwise.at(at),
            None => "null",
        });
        Some(array_of(chosen))
    }))
}

fn is_true(condition: &str) -> Option<bool> {
    match condition {
        "true" => Some(true),
        "false" => Some(false),
        other => other.parse().ok().map(|number: f64| number != 0.0),
    }
}

/// One value for every position, or one for all.
enum Values<'v> {
    Each(Vec<&'v str>),
    All(&'v str),
}

impl<'v> Values<'v> {
    fn of(value: Option<&'v str>) -> Values<'v> {
        elements(value).map_or(Values::All(value.unwrap_or("null")), Values::Each)
    }

    fn at(&self, position: usize) -> &'v str {
        match self {
            Values::Each(values) => values.get(position).copied().unwrap_or("null"),
            Values::All(value) => value,
        }
    }
}
