//! `translate(search, replacement, text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static TRANSLATE: Function = Function {
    name: "translate",
    summary: "The text with each character of one list replaced by that of another at the same position; \
              the last one stands for further ones, and an empty list removes them.",
    params: &[
        Param::one("search", Accepts::Text),
        Param::one("replacement", Accepts::Text),
        Param::one("text", Accepts::Text),
    ],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print translate("abc", "xyz", "aabbcc-d")"#, result: "xxyyzz-d" },
        Example { query: r#"print translate("0123456789", "x", "id 42")"#, result: "id xx" },
        Example { query: r#"print translate("^'`", "", "p^o'w`er")"#, result: "power" },
    ],
    lower: |_, args| Ok(call("translate", Kind::String, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (searches, replacements, texts) = (args.texts(0)?, args.texts(1)?, args.texts(2)?);
    Ok(text_rows(args.rows, |row| {
        Some(translate(searches.text(row), replacements.text(row), texts.text(row)))
    }))
}

fn translate(search: &str, replacement: &str, text: &str) -> String {
    let last = replacement.chars().next_back();
    let replace = |c: char| match search.chars().position(|searched| searched == c) {
        Some(at) => replacement.chars().nth(at).or(last),
        None => Some(c),
    };
    text.chars().filter_map(replace).collect()
}
