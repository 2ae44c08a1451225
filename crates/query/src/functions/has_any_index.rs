//! `has_any_index(text, values)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::elements;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::json;
use crate::kernel::{Args, call, long_rows};
use crate::text::{MatchOp, Matcher};

pub(super) static HAS_ANY_INDEX: Function = Function {
    name: "has_any_index",
    summary: "The position of the first value in an array that a text has as a term; -1 when it has none.",
    params: &[Param::one("text", Accepts::Text), Param::one("values", Accepts::Dynamic)],
    returns: "long",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print has_any_index("cmd.exe /c WHOAMI", dynamic(["net", "whoami"]))"#,
            result: "1",
        },
        Example { query: r#"print has_any_index("network", dynamic(["net"]))"#, result: "-1" },
        Example { query: r#"print has_any_index("port 2", range(1, 3))"#, result: "1" },
    ],
    lower: |_, args| Ok(call("has_any_index", Kind::Long, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (texts, values) = (args.texts(0)?, args.texts(1)?);
    let constant = values.constant().map(|values| matchers(Some(values)));
    Ok(long_rows(args.rows, |row| match &constant {
        Some(matchers) => position(texts.text(row), matchers.as_deref()?),
        None => position(texts.text(row), &matchers(values.get(row))?),
    }))
}

fn matchers(values: Option<&str>) -> Option<Vec<Matcher>> {
    let matcher = |value: &str| Matcher::new(MatchOp::Has, false, &json::to_text(value));
    Some(elements(values)?.into_iter().map(matcher).collect())
}

fn position(text: &str, matchers: &[Matcher]) -> Option<i64> {
    Some(matchers.iter().position(|matcher| matcher.matches(text)).map_or(-1, |at| at as i64))
}
