//! `isempty(value)`, `isnotempty(value)`, `notempty(value)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use datafusion::logical_expr::lit;
use model::Kind;

use super::arguments::exactly;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call};
use crate::operators;
use crate::typed::{Typed, absent};

pub(super) static ISEMPTY: Function = Function {
    name: "isempty",
    summary: "Whether a value is null or empty text. An array or bag without elements is not empty.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print isempty("")"#, result: "true" },
        Example { query: "print isempty(int(null))", result: "true" },
        Example { query: "print isempty(dynamic([]))", result: "false" },
        Example { query: r#"print isempty(" ")"#, result: "false" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(is_empty(value))
    },
};

pub(super) static ISNOTEMPTY: Function = Function {
    name: "isnotempty",
    summary: "Whether a value is neither null nor empty text.",
    examples: &[
        Example { query: r#"print isnotempty("a")"#, result: "true" },
        Example { query: "print isnotempty(datetime(null))", result: "false" },
        Example { query: "print isnotempty(dynamic({}))", result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        if value.kind == Kind::String {
            return Ok(Typed::new(value.expr.not_eq(absent(Kind::String)), Kind::Bool));
        }
        Ok(operators::not(is_empty(value)))
    },
    ..ISEMPTY
};

pub(super) static NOTEMPTY: Function =
    Function { name: "notempty", summary: "Old name of isnotempty.", ..ISNOTEMPTY };

fn is_empty(value: Typed) -> Typed {
    match value.kind {
        Kind::String => Typed::new(value.expr.eq(absent(Kind::String)), Kind::Bool),
        Kind::Dynamic => call("isempty_dynamic", Kind::Bool, rows, vec![value]),
        _ if value.literal().is_some_and(|value| !value.is_null()) => Typed::new(lit(false), Kind::Bool),
        _ => Typed::new(value.expr.is_null(), Kind::Bool),
    }
}

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = args.texts(0)?;
    Ok(bool_rows(args.rows, |row| Some(values.get(row).is_none_or(|json| json == r#""""#))))
}
