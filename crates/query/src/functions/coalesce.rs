//! `coalesce(value, ...)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use datafusion::functions::core::expr_fn;
use model::Kind;

use super::branches::as_related_kind;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static COALESCE: Function = Function {
    name: "coalesce",
    summary: "The first value that is not null; of texts the first that is not empty.",
    params: &[Param::rest("value", Accepts::Any, 1, 64)],
    returns: "the common kind of the values",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print coalesce(long(null), 4, 5)", result: "4" },
        Example { query: r#"print coalesce("", "b")"#, result: "b" },
        Example { query: "print coalesce(int(null), 2.5)", result: "2.5" },
    ],
    lower: |_, args| {
        let (values, kind) = as_related_kind(args)?;
        if kind == Kind::String {
            return Ok(call("coalesce_text", Kind::String, rows, values));
        }
        Ok(Typed::new(expr_fn::coalesce(values.into_iter().map(|value| value.expr).collect()), kind))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        Some(texts.iter().map(|text| text.text(row)).find(|text| !text.is_empty()).unwrap_or_default())
    }))
}
