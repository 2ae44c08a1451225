//! `percentile_tdigest(digest, percentage, [type])`, `percentiles_array_tdigest(digest, percentage, ...)`,
//! `rank_tdigest(digest, value)`, `percentrank_tdigest(digest, value)`, `tdigest_merge(digest, ...)`,
//! `merge_tdigest`, `tdigest_isvalid(digest, value)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use kql::literals::format_timespan;
use model::{Kind, Ticks};

use super::arguments::exactly;
use super::arrays::{array_of, elements};
use crate::digest::{Digest, Found};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call, long_rows, real_rows, text_rows};
use crate::typed::Typed;
use crate::{convert, json};

pub(super) static PERCENTILE_TDIGEST: Function = Function {
    name: "percentile_tdigest",
    summary: "A percentile of the values that tdigest() summarized, as a dynamic value or as the given type.",
    params: &[
        Param::one("digest", Accepts::Dynamic),
        Param::one("percentage", Accepts::Number),
        Param::optional("type", Accepts::Text),
    ],
    returns: "dynamic, or the given type",
    naming: Naming::Prefixed,
    examples: &[
        Example {
            query: "range x from 1 to 100 step 1 | summarize d = tdigest(x) | project percentile_tdigest(d, 95)",
            result: "95",
        },
        Example {
            query: "range x from 1h to 9h step 1h | summarize d = tdigest(x) \
                    | project percentile_tdigest(d, 50, typeof(timespan))",
            result: "05:00:00",
        },
    ],
    lower: |_, mut args| {
        let kind = args.get(2).and_then(Typed::literal_text).map(kind_named).transpose()?;
        args.truncate(2);
        let [digest, percentage] = exactly(args)?;
        let percentage = convert::to_real(percentage);
        Ok(match kind {
            None => call("percentile_json", Kind::Dynamic, as_json, vec![digest, percentage]),
            Some(kind) => read(digest, percentage, kind),
        })
    },
};

pub(super) static PERCENTILES_ARRAY_TDIGEST: Function = Function {
    name: "percentiles_array_tdigest",
    summary: "Several percentiles of the values that tdigest() summarized, as an array. The percentages may be \
              an array.",
    params: &[Param::one("digest", Accepts::Dynamic), Param::rest("percentage", Accepts::Any, 1, 128)],
    returns: "dynamic",
    examples: &[Example {
        query: "range x from 1 to 100 step 1 | summarize d = tdigest(x) \
                | project percentiles_array_tdigest(d, dynamic([25, 50, 75]))",
        result: "[25,50,75]",
    }],
    lower: |_, args| {
        let args = args.into_iter().map(convert::to_dynamic).collect();
        Ok(call("percentiles_json", Kind::Dynamic, as_array, args))
    },
    ..PERCENTILE_TDIGEST
};

pub(super) static RANK_TDIGEST: Function = Function {
    name: "rank_tdigest",
    summary: "About how many of the values that tdigest() summarized are at most this one.",
    params: &[Param::one("digest", Accepts::Dynamic), Param::one("value", Accepts::Any)],
    returns: "real",
    naming: Naming::Numbered,
    examples: &[Example {
        query: "range x from 1 to 1000 step 1 | summarize d = tdigest(x) | project rank_tdigest(d, 685)",
        result: "685.0",
    }],
    lower: |_, args| {
        let [digest, value] = exactly(args)?;
        Ok(call("rank_tdigest", Kind::Real, ranks, vec![digest, convert::to_real(value)]))
    },
};

pub(super) static PERCENTRANK_TDIGEST: Function = Function {
    name: "percentrank_tdigest",
    summary: "About which percentage of the values that tdigest() summarized is at most this one.",
    examples: &[Example {
        query: "range x from 1 to 1000 step 1 | summarize d = tdigest(x) | project percentrank_tdigest(d, 500)",
        result: "50.0",
    }],
    lower: |_, args| {
        let [digest, value] = exactly(args)?;
        Ok(call("percentrank_tdigest", Kind::Real, shares, vec![digest, convert::to_real(value)]))
    },
    ..RANK_TDIGEST
};

pub(super) static TDIGEST_MERGE: Function = Function {
    name: "tdigest_merge",
    summary: "One summary of those that tdigest() gave.",
    params: &[Param::rest("digest", Accepts::Dynamic, 1, 64)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[Example {
        query: "range x from 1 to 10 step 1 | summarize a = tdigest(x), b = tdigest(x + 10) \
                | project percentile_tdigest(tdigest_merge(a, b), 100, typeof(long))",
        result: "20",
    }],
    lower: |_, args| Ok(call("tdigest_merge", Kind::Dynamic, merged, args)),
};

pub(super) static MERGE_TDIGEST: Function =
    Function { name: "merge_tdigest", summary: "Another name of tdigest_merge.", ..TDIGEST_MERGE };

pub(super) static TDIGEST_ISVALID: Function = Function {
    name: "tdigest_isvalid",
    summary: "Whether a dynamic is a summary that tdigest() gave, of values of the given one's kind.",
    params: &[Param::one("digest", Accepts::Dynamic), Param::one("value", Accepts::Any)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "range x from 1 to 10 step 1 | summarize d = tdigest(x) | project tdigest_isvalid(d, long(0))",
            result: "true",
        },
        Example { query: "print tdigest_isvalid(dynamic([1]), 0)", result: "false" },
    ],
    lower: |_, args| {
        let [digest, value] = exactly(args)?;
        let kind = Digest::of(value.kind).kind();
        Ok(call("tdigest_isvalid", Kind::Bool, valid, vec![digest, Typed::text(kind.name())]))
    },
};

fn kind_named(name: &str) -> std::result::Result<Kind, String> {
    Kind::parse(name).ok_or_else(|| format!("'{name}' is not a type"))
}

/// A percentile as a column of a kind, for aggregates.
pub(crate) fn percentile_of(digest: Typed, percentage: f64, kind: Kind) -> Typed {
    read(digest, Typed::value(ScalarValue::Float64(Some(percentage)), Kind::Real), kind)
}

/// Percentiles as an array, for aggregates.
pub(crate) fn percentiles_of(digest: Typed, percentages: &[f64]) -> Typed {
    let percentages = percentages.iter().map(|percentage| {
        convert::to_dynamic(Typed::value(ScalarValue::Float64(Some(*percentage)), Kind::Real))
    });
    call("percentiles_json", Kind::Dynamic, as_array, std::iter::once(digest).chain(percentages).collect())
}

fn read(digest: Typed, percentage: Typed, kind: Kind) -> Typed {
    let args = vec![digest, percentage];
    match kind {
        Kind::Long | Kind::DateTime | Kind::TimeSpan => call("percentile_whole", kind, wholes, args),
        Kind::Int => convert::to_int(call("percentile_whole", Kind::Long, wholes, args)),
        Kind::Real => call("percentile_real", Kind::Real, reals, args),
        kind => convert::to_kind(call("percentile_json", Kind::Dynamic, as_json, args), kind),
    }
}

/// The digest of each row, and what is made of it with the row's second argument as a number.
fn found<T>(args: &Args, make: impl Fn(&Digest, f64) -> Option<T>) -> Result<Vec<Option<T>>> {
    let (digests, numbers) = (args.texts(0)?, args.reals(1)?);
    let rows = (0..args.rows).map(|row| {
        let digest = Digest::parse(digests.get(row)?)?;
        make(&digest, numbers.is_valid(row).then(|| numbers.value(row))?)
    });
    Ok(rows.collect())
}

fn wholes(args: &Args) -> Result<ArrayRef> {
    let found = found(args, Digest::percentile)?;
    Ok(long_rows(args.rows, |row| match found[row]? {
        Found::Whole(number) => Some(number),
        Found::Real(number) => Some(number as i64),
    }))
}

fn reals(args: &Args) -> Result<ArrayRef> {
    let found = found(args, Digest::percentile)?;
    Ok(real_rows(args.rows, |row| found[row].map(Found::real)))
}

fn as_json(args: &Args) -> Result<ArrayRef> {
    let found =
        found(args, |digest, percentage| Some(json_of(digest.kind(), digest.percentile(percentage)?)))?;
    Ok(text_rows(args.rows, |row| found[row].as_deref()))
}

fn json_of(kind: Kind, found: Found) -> String {
    match (kind, found) {
        (Kind::DateTime, Found::Whole(ticks)) => json::quote(&Ticks(ticks).to_string()),
        (Kind::TimeSpan, Found::Whole(ticks)) => json::quote(&format_timespan(ticks)),
        (_, Found::Whole(number)) => number.to_string(),
        (_, Found::Real(number)) if number.is_finite() => convert::format_real(number),
        (_, Found::Real(number)) => json::quote(&convert::format_real(number)),
    }
}

fn as_array(args: &Args) -> Result<ArrayRef> {
    let digests = args.texts(0)?;
    let percentages = (1..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let digest = Digest::parse(digests.get(row)?)?;
        let mut values = Vec::new();
        for given in percentages.iter().filter_map(|given| given.get(row)) {
            for percentage in elements(Some(given)).unwrap_or_else(|| vec![given]) {
                let found = percentage.parse().ok().and_then(|percentage| digest.percentile(percentage));
                values.push(found.map_or_else(|| "null".to_owned(), |found| json_of(digest.kind(), found)));
            }
        }
        Some(array_of(values))
    }))
}

fn ranks(args: &Args) -> Result<ArrayRef> {
    let found = found(args, |digest, value| Some(digest.rank(value) as f64))?;
    Ok(real_rows(args.rows, |row| found[row]))
}

fn shares(args: &Args) -> Result<ArrayRef> {
    let share = |digest: &Digest, value| Some(digest.rank(value) as f64 / digest.total() as f64 * 100.0);
    let found = found(args, share)?;
    Ok(real_rows(args.rows, |row| found[row]))
}

fn merged(args: &Args) -> Result<ArrayRef> {
    let digests = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let mut given = digests.iter().filter_map(|digests| digests.get(row));
        let mut merged = Digest::parse(given.next()?)?;
        for digest in given {
            if !merged.merge(&Digest::parse(digest)?) {
                return None;
            }
        }
        merged.tidy();
        merged.to_json()
    }))
}

fn valid(args: &Args) -> Result<ArrayRef> {
    let (digests, kinds) = (args.texts(0)?, args.texts(1)?);
    Ok(bool_rows(args.rows, |row| {
        let digest = digests.get(row).and_then(Digest::parse);
        Some(digest.is_some_and(|digest| digest.kind().name() == kinds.text(row)))
    }))
}
