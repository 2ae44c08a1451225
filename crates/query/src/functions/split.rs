//! `split(text, delimiter, [index])`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::{array_of_texts, push_quoted};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static SPLIT: Function = Function {
    name: "split",
    summary: "The parts of a text between delimiters, as an array of strings; with an index, an array of \
              that one.",
    params: &[
        Param::one("text", Accepts::Any),
        Param::one("delimiter", Accepts::Text),
        Param::optional("index", Accepts::Integer),
    ],
    returns: "dynamic",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: r#"print split("a/b//c", "/")"#, result: r#"["a","b","","c"]"# },
        Example { query: r#"print split("a/b/c", "/", 1)"#, result: r#"["b"]"# },
        Example { query: r#"print tostring(split("a,b", ",")[1])"#, result: "b" },
        Example { query: r#"print split("", ",")"#, result: r#"[""]"# },
    ],
    lower: |_, mut args| {
        if !args.is_empty() {
            let text = convert::to_text(args.remove(0));
            args.insert(0, text);
        }
        Ok(call("split", Kind::Dynamic, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (texts, delimiters) = (args.texts(0)?, args.texts(1)?);
    if args.len() < 3 {
        return Ok(text_rows(args.rows, |row| {
            Some(array_of_texts(parts(texts.text(row), delimiters.text(row))))
        }));
    }
    let indices = args.longs(2)?;
    Ok(text_rows(args.rows, |row| {
        let index = usize::try_from(indices.get(row)?).ok()?;
        let part = parts(texts.text(row), delimiters.text(row)).nth(index)?;
        let mut array = String::from("[");
        push_quoted(&mut array, part);
        array.push(']');
        Some(array)
    }))
}

/// The parts of a text; all of it when the delimiter is empty.
fn parts<'t>(text: &'t str, delimiter: &'t str) -> impl Iterator<Item = &'t str> {
    let whole = delimiter.is_empty().then_some(text);
    let parts = (!delimiter.is_empty()).then(|| text.split(delimiter));
    whole.into_iter().chain(parts.into_iter().flatten())
}
