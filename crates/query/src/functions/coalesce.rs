//! `coalesce(value, ...)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::{is_null, kernels::zip::zip};
use datafusion::error::Result;
use model::Kind;

use super::branches::as_related_kind;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

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
        Ok(match kind {
            Kind::String => call("coalesce_text", kind, filled_texts, values),
            kind => call("coalesce", kind, rows, values),
        })
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let mut found = args.array(0)?;
    for at in 1..args.len() {
        if found.null_count() > 0 {
            found = zip(&is_null(&found)?, &args.array(at)?, &found)?;
        }
    }
    Ok(found)
}

fn filled_texts(args: &Args) -> Result<ArrayRef> {
    let texts = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        Some(texts.iter().map(|text| text.text(row)).find(|text| !text.is_empty()).unwrap_or_default())
    }))
}
