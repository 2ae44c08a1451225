//! `series_outliers(series, [kind], [ignore_value], [min_percentile], [max_percentile], [test_points])`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use super::arguments::constant_text;
use super::outliers::{self, Fence};
use super::series::{Series, reals};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static SERIES_OUTLIERS: Function = Function {
    name: "series_outliers",
    summary: "How far each number of a series is from the usual, in widths of the usual range: above 1.5 or \
              below -1.5 it is an outlier. The range is that of the percentiles 10 to 90, or 25 to 75 with the \
              kind `tukey`, or as given with `ctukey`. Numbers equal to `ignore_value`, and the last \
              `test_points`, do not make the range.",
    params: &[
        Param::one("series", Accepts::Dynamic),
        Param::optional("kind", Accepts::Text),
        Param::optional("ignore_value", Accepts::Number),
        Param::optional("min_percentile", Accepts::Number),
        Param::optional("max_percentile", Accepts::Number),
        Param::optional("test_points", Accepts::Integer),
    ],
    returns: "dynamic",
    naming: Naming::FirstArgument,
    examples: &[
        Example {
            query: r#"print series_outliers(dynamic([1, 2, 3, 4, 5, 11]), "tukey")"#,
            result: "[-0.5,-0.1,0.0,0.0,0.1,2.5]",
        },
        Example { query: "print array_length(series_outliers(dynamic([1, 2, 3])))", result: "3" },
    ],
    lower: |_, args| {
        if let Some(kind) = args.get(1) {
            let name = constant_text(kind, "kind")?;
            Fence::named(name).ok_or_else(|| format!("'{name}' is not a kind; valid are ctukey, tukey"))?;
        }
        Ok(call("series_outliers", Kind::Dynamic, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    let kinds = (args.len() > 1).then(|| args.texts(1)).transpose()?;
    let reals_at = |at: usize| (args.len() > at).then(|| args.reals(at)).transpose();
    let given = [reals_at(2)?, reals_at(3)?, reals_at(4)?, reals_at(5)?];
    let value = |at: usize, row: usize| {
        given[at].as_ref().filter(|column| column.is_valid(row)).map(|column| column.value(row))
    };
    Ok(text_rows(args.rows, |row| {
        let series = Series::parse(arrays.get(row))?;
        let numbers: Vec<f64> = series.values.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        let kind = kinds.as_ref().map_or("ctukey", |kinds| kinds.text(row));
        let mut fence = Fence::named(kind)?;
        if kind == "ctukey" {
            let (low, high) = (value(1, row).unwrap_or(fence.low), value(2, row).unwrap_or(fence.high));
            fence = Fence { low: low.clamp(0.0, 100.0), high: high.clamp(0.0, 100.0) };
        }
        let tested = value(3, row).unwrap_or(0.0).max(0.0) as usize;
        let learned = &numbers[..numbers.len().saturating_sub(tested)];
        let ignored = value(0, row);
        let usual: Vec<f64> = learned.iter().copied().filter(|number| Some(*number) != ignored).collect();
        Some(reals(&outliers::scores(&numbers, &usual, fence)))
    }))
}
