//! `bag_keys(bag)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::{array_of_texts, bag};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static BAG_KEYS: Function = Function {
    name: "bag_keys",
    summary: "The keys of a bag as an array; null of everything else.",
    params: &[Param::one("bag", Accepts::Dynamic)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print bag_keys(dynamic({"b": 1, "a": {"c": 2}}))"#, result: r#"["b","a"]"# },
        Example { query: "print isnull(bag_keys(dynamic([1])))", result: "true" },
    ],
    lower: |_, args| Ok(call("bag_keys", Kind::Dynamic, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let bags = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(array_of_texts(bag(bags.get(row))?.keys()))))
}
