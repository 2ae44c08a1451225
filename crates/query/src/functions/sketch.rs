//! `dcount_hll(sketch)`, `hll_merge(sketch, ...)`, `hll_isvalid(sketch)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call, long_rows, text_rows};
use crate::sketch::Sketch;

pub(super) static DCOUNT_HLL: Function = Function {
    name: "dcount_hll",
    summary: "About how many different values hll() summarized; exactly up to 1,024.",
    params: &[Param::one("sketch", Accepts::Dynamic)],
    returns: "long",
    naming: Naming::Prefixed,
    examples: &[
        Example {
            query: "range x from 1 to 1000 step 1 | summarize s = hll(x % 100) | project dcount_hll(s)",
            result: "100",
        },
        Example { query: "print isnull(dcount_hll(dynamic([1])))", result: "true" },
    ],
    lower: |_, args| Ok(call("dcount_hll", Kind::Long, counts, args)),
};

pub(super) static HLL_MERGE: Function = Function {
    name: "hll_merge",
    summary: "One summary of those that hll() gave.",
    params: &[Param::rest("sketch", Accepts::Dynamic, 1, 64)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[Example {
        query: "range x from 1 to 10 step 1 | summarize a = hll(x), b = hll(x + 5) \
                | project dcount_hll(hll_merge(a, b))",
        result: "15",
    }],
    lower: |_, args| Ok(call("hll_merge", Kind::Dynamic, merged, args)),
};

pub(super) static HLL_ISVALID: Function = Function {
    name: "hll_isvalid",
    summary: "Whether a dynamic is a summary that hll() gave.",
    params: &[Param::one("sketch", Accepts::Dynamic), Param::optional("value", Accepts::Any)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print hll_isvalid(dynamic([1]))", result: "false" },
        Example { query: "print x = 1 | summarize s = hll(x) | project hll_isvalid(s)", result: "true" },
    ],
    lower: |_, mut args| {
        args.truncate(1);
        Ok(call("hll_isvalid", Kind::Bool, valid, args))
    },
};

fn counts(args: &Args) -> Result<ArrayRef> {
    let sketches = args.texts(0)?;
    Ok(long_rows(args.rows, |row| i64::try_from(Sketch::parse(sketches.get(row)?)?.count()).ok()))
}

fn merged(args: &Args) -> Result<ArrayRef> {
    let sketches = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let mut merged = Sketch::default();
        for sketch in sketches.iter().filter_map(|sketches| sketches.get(row)) {
            merged.merge(&Sketch::parse(sketch)?);
        }
        Some(merged.to_json())
    }))
}

fn valid(args: &Args) -> Result<ArrayRef> {
    let sketches = args.texts(0)?;
    Ok(bool_rows(args.rows, |row| Some(sketches.get(row).and_then(Sketch::parse).is_some())))
}
