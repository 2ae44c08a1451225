//! `series_decompose(series, [seasonality], [trend], [test_points], [threshold])`,
//! `series_decompose_anomalies(series, [threshold], [seasonality], [trend], [test_points], [method],
//! [seasonality_threshold])`, `series_decompose_forecast(series, points, [seasonality], [trend], [threshold])`

use datafusion::arrow::array::{Array, ArrayRef, Float64Array};
use datafusion::error::Result;
use model::Kind;
use serde_json::Value;

use super::arguments::constant_text;
use super::outliers::{self, Fence};
use super::seasons;
use super::series::{LENGTH_MAX, Series, real_array, reals};
use super::series_fit::Line;
use super::series_periods::SEARCHED_MAX;
use super::tuples::{Part, Values, parts};
use crate::functions::{Accepts, Example, Function, Naming, Param, Several};
use crate::kernel::{Args, Longs, Texts, call, text_rows};
use crate::typed::Typed;

pub(super) static SERIES_DECOMPOSE: Function = Function {
    name: "series_decompose",
    summary: "A series taken apart, as columns: what is expected, which is the sum of what repeats and the \
              trend, these two, and what is left. `seasonality` is the period, -1 to find it, 0 for none; \
              `trend` is `avg`, `linefit` or `none`. The last `test_points` numbers are not learned from. \
              Missing numbers count as the mean.",
    params: &[
        Param::one("series", Accepts::Dynamic),
        Param::optional("seasonality", Accepts::Integer),
        Param::optional("trend", Accepts::Text),
        Param::optional("test_points", Accepts::Integer),
        Param::optional("seasonality_threshold", Accepts::Number),
    ],
    returns: "dynamic, and three more columns",
    naming: Naming::Numbered,
    examples: &[Example {
        query: "print y = dynamic([1, 3, 1, 3, 1, 3, 1, 9]) | project series_decompose(y, 2)",
        result: "[1.0,3.0,1.0,3.0,1.0,3.0,1.0,3.0] | [-1.75,0.25,-1.75,0.25,-1.75,0.25,-1.75,0.25] | \
                 [2.75,2.75,2.75,2.75,2.75,2.75,2.75,2.75] | [0.0,0.0,0.0,0.0,0.0,0.0,0.0,6.0]",
    }],
    lower: |_, args| {
        trend_checked(args.get(2))?;
        (SERIES_DECOMPOSE_COLUMNS.lower)(args).into_iter().next().ok_or_else(|| "gives nothing".to_owned())
    },
};

pub(super) static SERIES_DECOMPOSE_COLUMNS: Several =
    Several { parts: PARTS, lower: |args| parts("series_decompose", args, PARTS, decompose_rows) };

pub(super) static SERIES_DECOMPOSE_ANOMALIES: Function = Function {
    name: "series_decompose_anomalies",
    summary: "Numbers of a series that are far from what is expected, as columns: 1, -1 or 0 as each is too \
              high, too low or neither; how far it is, in ranges of the usual; and what is expected. Farther \
              than the threshold, 1.5 unless given, is too far. `method` is `ctukey` or `tukey`.",
    params: &[
        Param::one("series", Accepts::Dynamic),
        Param::optional("threshold", Accepts::Number),
        Param::optional("seasonality", Accepts::Integer),
        Param::optional("trend", Accepts::Text),
        Param::optional("test_points", Accepts::Integer),
        Param::optional("method", Accepts::Text),
        Param::optional("seasonality_threshold", Accepts::Number),
    ],
    returns: "dynamic, and two more columns",
    naming: Naming::Numbered,
    examples: &[Example {
        query: "print y = dynamic([4, 5, 4, 5, 6, 5, 4, 5, 90, 5, 4, 6]) \
                | extend (Flag, Score, Baseline) = series_decompose_anomalies(y, 1.5, 0) | project Flag",
        result: "[0,0,0,0,0,0,0,0,1,0,0,0]",
    }],
    lower: |_, args| {
        trend_checked(args.get(3))?;
        (SERIES_DECOMPOSE_ANOMALIES_COLUMNS.lower)(args)
            .into_iter()
            .next()
            .ok_or_else(|| "gives nothing".to_owned())
    },
};

pub(super) static SERIES_DECOMPOSE_ANOMALIES_COLUMNS: Several = Several {
    parts: ANOMALIES,
    lower: |args| parts("series_decompose_anomalies", args, ANOMALIES, anomaly_rows),
};

pub(super) static SERIES_DECOMPOSE_FORECAST: Function = Function {
    name: "series_decompose_forecast",
    summary: "What is expected of a series, learned from all but the last numbers, for all of it. The trend is \
              a line unless told otherwise.",
    params: &[
        Param::one("series", Accepts::Dynamic),
        Param::one("points", Accepts::Integer),
        Param::optional("seasonality", Accepts::Integer),
        Param::optional("trend", Accepts::Text),
        Param::optional("seasonality_threshold", Accepts::Number),
    ],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[Example {
        query: "print series_decompose_forecast(dynamic([1, 2, 3, 4, 0, 0]), 2)",
        result: "[1.0,2.0,3.0,4.0,5.0,6.0]",
    }],
    lower: |_, args| {
        trend_checked(args.get(3))?;
        Ok(call("series_decompose_forecast", Kind::Dynamic, forecast_rows, args))
    },
};

static PARTS: &[Part] = &[
    ("baseline", Kind::Dynamic),
    ("seasonal", Kind::Dynamic),
    ("trend", Kind::Dynamic),
    ("residual", Kind::Dynamic),
];

static ANOMALIES: &[Part] =
    &[("ad_flag", Kind::Dynamic), ("ad_score", Kind::Dynamic), ("baseline", Kind::Dynamic)];

const TRENDS: [&str; 3] = ["avg", "linefit", "none"];

fn trend_checked(trend: Option<&Typed>) -> std::result::Result<(), String> {
    let Some(trend) = trend else { return Ok(()) };
    let name = constant_text(trend, "trend")?;
    match TRENDS.contains(&name) {
        true => Ok(()),
        false => Err(format!("'{name}' is not a trend; valid are {}", TRENDS.join(", "))),
    }
}

/// What a series is taken apart by.
struct Settings<'a> {
    seasonality: Option<i64>,
    trend: &'a str,
    test_points: usize,
    threshold: f64,
}

/// The columns of settings, from the position of the first on; what was not given has its default.
struct SettingColumns {
    seasonality: Option<Longs>,
    trend: Option<Texts>,
    test_points: Option<Longs>,
    threshold: Option<Float64Array>,
    trend_default: &'static str,
}

impl SettingColumns {
    /// Reads the settings at these positions.
    fn of(args: &Args, at: [usize; 4], trend_default: &'static str) -> Result<SettingColumns> {
        let given = |at: usize| (at < args.len()).then_some(at);
        Ok(SettingColumns {
            seasonality: given(at[0]).map(|at| args.longs(at)).transpose()?,
            trend: given(at[1]).map(|at| args.texts(at)).transpose()?,
            test_points: given(at[2]).map(|at| args.longs(at)).transpose()?,
            threshold: given(at[3]).map(|at| args.reals(at)).transpose()?,
            trend_default,
        })
    }

    fn row(&self, row: usize) -> Settings<'_> {
        let points = self.test_points.as_ref().and_then(|points| points.get(row)).unwrap_or(0);
        let threshold = self.threshold.as_ref().filter(|column| column.is_valid(row));
        Settings {
            seasonality: self.seasonality.as_ref().and_then(|seasonality| seasonality.get(row)),
            trend: self.trend.as_ref().and_then(|trend| trend.get(row)).unwrap_or(self.trend_default),
            test_points: usize::try_from(points).unwrap_or(0),
            threshold: threshold.map_or(seasons::THRESHOLD, |column| column.value(row)),
        }
    }
}

struct Decomposed {
    baseline: Vec<f64>,
    seasonal: Vec<f64>,
    trend: Vec<f64>,
    residual: Vec<f64>,
    /// How many numbers, from the start, were learned from.
    learned: usize,
}

fn decompose(series: &Series, settings: &Settings) -> Option<Decomposed> {
    let finds_period = settings.seasonality.is_none_or(|period| period < 0);
    let count = series.values.len();
    if count > if finds_period { SEARCHED_MAX } else { LENGTH_MAX } {
        return None;
    }
    let finite = series.values.iter().flatten().copied().filter(|number| number.is_finite());
    let known: Vec<f64> = finite.collect();
    let mean = known.iter().sum::<f64>() / (known.len() as f64).max(1.0);
    let fill = |value: &Option<f64>| value.filter(|number| number.is_finite()).unwrap_or(mean);
    let numbers: Vec<f64> = series.values.iter().map(fill).collect();
    let learned = count.saturating_sub(settings.test_points);
    let learning = &numbers[..learned];
    let trend: Vec<f64> = match settings.trend {
        "none" => vec![0.0; count],
        "linefit" if learned > 0 => {
            let line = Line::fit(learning);
            (0..count).map(|at| line.at(at)).collect()
        }
        _ => vec![learning.iter().sum::<f64>() / (learned as f64).max(1.0); count],
    };
    let flat: Vec<f64> = learning.iter().zip(&trend).map(|(number, trend)| number - trend).collect();
    let seasonal = match seasons::period(&flat, settings.seasonality, settings.threshold) {
        Some(period) => seasons::seasonal(&flat, period, count),
        None => vec![0.0; count],
    };
    let baseline: Vec<f64> = seasonal.iter().zip(&trend).map(|(seasonal, trend)| seasonal + trend).collect();
    let residual = numbers.iter().zip(&baseline).map(|(number, expected)| number - expected).collect();
    Some(Decomposed { baseline, seasonal, trend, residual, learned })
}

fn decompose_rows(args: &Args) -> Result<Vec<Values>> {
    let arrays = args.texts(0)?;
    let settings = SettingColumns::of(args, [1, 2, 3, 4], "avg")?;
    let values = (0..args.rows).map(|row| {
        let parts = decompose(&Series::parse(arrays.get(row))?, &settings.row(row))?;
        Some(
            [parts.baseline, parts.seasonal, parts.trend, parts.residual]
                .map(|part| real_array(&part))
                .into(),
        )
    });
    Ok(values.collect())
}

fn anomaly_rows(args: &Args) -> Result<Vec<Values>> {
    let arrays = args.texts(0)?;
    let thresholds = (args.len() > 1).then(|| args.reals(1)).transpose()?;
    let settings = SettingColumns::of(args, [2, 3, 4, 6], "avg")?;
    let methods = (args.len() > 5).then(|| args.texts(5)).transpose()?;
    let values = (0..args.rows).map(|row| {
        let threshold = thresholds.as_ref().filter(|column| column.is_valid(row));
        let threshold = threshold.map_or(1.5, |column| column.value(row));
        let fence = Fence::named(methods.as_ref().map_or("ctukey", |methods| methods.text(row)))?;
        let parts = decompose(&Series::parse(arrays.get(row))?, &settings.row(row))?;
        let scores = outliers::scores(&parts.residual, &parts.residual[..parts.learned], fence);
        let flag = |score: &f64| match score {
            score if *score > threshold => 1,
            score if *score < -threshold => -1,
            _ => 0,
        };
        let flags = scores.iter().map(|score| Value::from(flag(score))).collect();
        Some(vec![Value::Array(flags), real_array(&scores), real_array(&parts.baseline)])
    });
    Ok(values.collect())
}

fn forecast_rows(args: &Args) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    let settings = SettingColumns::of(args, [2, 3, 1, 4], "linefit")?;
    Ok(text_rows(args.rows, |row| {
        let parts = decompose(&Series::parse(arrays.get(row))?, &settings.row(row))?;
        Some(reals(&parts.baseline))
    }))
}
