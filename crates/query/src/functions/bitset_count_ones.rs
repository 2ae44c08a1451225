//! `bitset_count_ones(value)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};

pub(super) static BITSET_COUNT_ONES: Function = Function {
    name: "bitset_count_ones",
    summary: "How many bits of a number are set.",
    params: &[Param::one("value", Accepts::Integer)],
    returns: "long",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print bitset_count_ones(42)", result: "3" },
        Example { query: "print bitset_count_ones(-1)", result: "64" },
    ],
    lower: |_, args| Ok(call("bitset_count_ones", Kind::Long, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = args.longs(0)?;
    Ok(long_rows(args.rows, |row| Some(values.get(row)?.count_ones().into())))
}
