//! `substring(text, start, [length])`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::characters;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static SUBSTRING: Function = Function {
    name: "substring",
    summary: "The characters of a text from a position on, counted from 0; a negative one counts from the \
              end.",
    params: &[
        Param::one("text", Accepts::Any),
        Param::one("start", Accepts::Integer),
        Param::optional("length", Accepts::Integer),
    ],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print substring("powershell", 5)"#, result: "shell" },
        Example { query: r#"print substring("powershell", 0, 5)"#, result: "power" },
        Example { query: r#"print substring("powershell", -5, 2)"#, result: "sh" },
        Example { query: r#"print substring("abc", 9)"#, result: "" },
    ],
    lower: |_, mut args| {
        if !args.is_empty() {
            let text = convert::to_text(args.remove(0));
            args.insert(0, text);
        }
        Ok(call("substring", Kind::String, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (texts, starts) = (args.texts(0)?, args.longs(1)?);
    let lengths = if args.len() > 2 { Some(args.longs(2)?) } else { None };
    Ok(text_rows(args.rows, |row| {
        let length = match &lengths {
            Some(lengths) => lengths.get(row).unwrap_or(0).max(0),
            None => -1,
        };
        let part = starts.get(row).and_then(|start| characters::part(texts.text(row), start, length));
        Some(part.map_or("", |(part, _)| part))
    }))
}
