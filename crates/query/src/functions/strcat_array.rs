//! `strcat_array(array, delimiter)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::exactly;
use super::arrays::elements;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, TEXT_BYTES_MAX, call, text_rows, too_long};
use crate::{convert, json};

pub(super) static STRCAT_ARRAY: Function = Function {
    name: "strcat_array",
    summary: "Joins the elements of an array into one text with a delimiter between them.",
    params: &[Param::one("array", Accepts::Dynamic), Param::one("delimiter", Accepts::Any)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print strcat_array(dynamic([1, "b", true]), "; ")"#, result: "1; b; true" },
        Example { query: r#"print strcat_array(dynamic({"a": 1}), ",")"#, result: "" },
    ],
    lower: |_, args| {
        let [array, delimiter] = exactly(args)?;
        Ok(call("strcat_array", Kind::String, rows, vec![array, convert::to_text(delimiter)]))
    },
};

pub(super) static ARRAY_STRCAT: Function =
    Function { name: "array_strcat", summary: "Old name of strcat_array.", ..STRCAT_ARRAY };

fn rows(args: &Args) -> Result<ArrayRef> {
    let (arrays, delimiters) = (args.texts(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| {
        let texts: Vec<String> =
            elements(arrays.get(row)).unwrap_or_default().into_iter().map(json::to_text).collect();
        let delimiter = delimiters.text(row);
        let length = texts.iter().map(|text| text.len() + delimiter.len()).sum::<usize>();
        if length > TEXT_BYTES_MAX + delimiter.len() {
            too_long();
            return None;
        }
        Some(texts.join(delimiter))
    }))
}
