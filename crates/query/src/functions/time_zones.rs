//! `datetime_utc_to_local(time, timezone)`, `datetime_local_to_utc(time, timezone)`,
//! `datetime_list_timezones()`

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};
use datafusion::arrow::array::ArrayRef;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use kql::literals::TICKS_PER_SECOND;
use model::Kind;
use model::time::{MAX_TICKS, UNIX_EPOCH_TICKS};

use super::arrays::array_of_texts;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};
use crate::typed::Typed;

pub(super) static DATETIME_UTC_TO_LOCAL: Function = Function {
    name: "datetime_utc_to_local",
    summary: "A time in UTC as clocks of a time zone, such as `Europe/Paris`, show it. Null of an unknown zone.",
    params: &[Param::one("time", Accepts::DateTime), Param::one("timezone", Accepts::Text)],
    returns: "datetime",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print datetime_utc_to_local(datetime(2024-07-01 12:00), "Europe/Paris")"#,
            result: "2024-07-01T14:00:00.0000000Z",
        },
        Example {
            query: r#"print isnull(datetime_utc_to_local(datetime(2024-07-01), "Atlantis"))"#,
            result: "true",
        },
    ],
    lower: |_, args| Ok(call("datetime_utc_to_local", Kind::DateTime, |args| rows(args, to_local), args)),
};

pub(super) static DATETIME_LOCAL_TO_UTC: Function = Function {
    name: "datetime_local_to_utc",
    summary: "The UTC of a time that clocks of a time zone show; the earlier one when they show it twice. Null \
              of an unknown zone.",
    examples: &[
        Example {
            query: r#"print datetime_local_to_utc(datetime(2020-02-02 20:02:20), "US/Pacific")"#,
            result: "2020-02-03T04:02:20.0000000Z",
        },
        Example {
            query: r#"print datetime_local_to_utc(datetime(2024-03-31 02:30), "Europe/Paris")"#,
            result: "2024-03-31T01:30:00.0000000Z",
        },
    ],
    lower: |_, args| Ok(call("datetime_local_to_utc", Kind::DateTime, |args| rows(args, to_utc), args)),
    ..DATETIME_UTC_TO_LOCAL
};

pub(super) static DATETIME_LIST_TIMEZONES: Function = Function {
    name: "datetime_list_timezones",
    summary: "The names of all time zones.",
    params: &[],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[Example {
        query: r#"print set_has_element(datetime_list_timezones(), "Europe/Paris")"#,
        result: "true",
    }],
    lower: |_, _| {
        let names = array_of_texts(TZ_VARIANTS.iter().map(|zone| zone.name()));
        Ok(Typed::value(ScalarValue::Utf8View(Some(names)), Kind::Dynamic))
    },
};

fn rows(args: &Args, offset: fn(Tz, NaiveDateTime) -> Option<i64>) -> Result<ArrayRef> {
    let (times, names) = (args.longs(0)?, args.texts(1)?);
    let constant = names.constant().map(zone);
    Ok(long_rows(args.rows, |row| {
        let ticks = times.get(row)?;
        let zone = constant.unwrap_or_else(|| zone(names.text(row)))?;
        let seconds = (ticks - UNIX_EPOCH_TICKS).div_euclid(TICKS_PER_SECOND);
        let time = DateTime::from_timestamp(seconds, 0)?.naive_utc();
        let moved = ticks.checked_add(offset(zone, time)? * TICKS_PER_SECOND)?;
        (0..=MAX_TICKS).contains(&moved).then_some(moved)
    }))
}

fn zone(name: &str) -> Option<Tz> {
    name.trim().parse().ok()
}

/// Seconds by which a zone is ahead of UTC.
fn to_local(zone: Tz, utc: NaiveDateTime) -> Option<i64> {
    Some(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc().into())
}

fn to_utc(zone: Tz, local: NaiveDateTime) -> Option<i64> {
    let found = zone.offset_from_local_datetime(&local).earliest();
    // Where clocks were moved forward over this time, it counts as if they had not been moved yet.
    let offset = match found {
        Some(offset) => offset,
        None => zone.offset_from_local_datetime(&local.checked_sub_signed(TimeDelta::days(1))?).earliest()?,
    };
    Some(-i64::from(offset.fix().local_minus_utc()))
}
