//! Arithmetic with dates, in ticks.

use kql::literals::{
    TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MILLISECOND, TICKS_PER_MINUTE, TICKS_PER_SECOND,
};
use model::time::{MAX_TICKS, civil_from_days, days_from_civil, days_in_month};

const TICKS_PER_MICROSECOND: i64 = 10;

/// A part of a date, or a period that dates are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

const UNITS: &[(&str, Unit)] = &[
    ("year", Unit::Year),
    ("quarter", Unit::Quarter),
    ("month", Unit::Month),
    ("week", Unit::Week),
    ("day", Unit::Day),
    ("hour", Unit::Hour),
    ("minute", Unit::Minute),
    ("second", Unit::Second),
    ("millisecond", Unit::Millisecond),
    ("microsecond", Unit::Microsecond),
    ("nanosecond", Unit::Nanosecond),
];

impl Unit {
    /// Reads a period's name, in letters of any case.
    pub fn parse(name: &str) -> Result<Unit, String> {
        match UNITS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, unit)) => Ok(*unit),
            None => {
                let known: Vec<&str> = UNITS.iter().map(|(known, _)| *known).collect();
                Err(format!("'{name}' is not a period of time; valid are {}", known.join(", ")))
            }
        }
    }

    /// The length of periods that are all of one length.
    fn ticks(self) -> Option<i64> {
        match self {
            Unit::Week => Some(7 * TICKS_PER_DAY),
            Unit::Day => Some(TICKS_PER_DAY),
            Unit::Hour => Some(TICKS_PER_HOUR),
            Unit::Minute => Some(TICKS_PER_MINUTE),
            Unit::Second => Some(TICKS_PER_SECOND),
            Unit::Millisecond => Some(TICKS_PER_MILLISECOND),
            Unit::Microsecond => Some(TICKS_PER_MICROSECOND),
            Unit::Year | Unit::Quarter | Unit::Month | Unit::Nanosecond => None,
        }
    }
}

/// The time, when it is one that can be written.
pub(super) fn in_range(ticks: i64) -> Option<i64> {
    (0..=MAX_TICKS).contains(&ticks).then_some(ticks)
}

pub(super) fn day_number(ticks: i64) -> i64 {
    ticks.div_euclid(TICKS_PER_DAY)
}

/// Year, month and day.
pub(super) fn date(ticks: i64) -> (i64, i64, i64) {
    civil_from_days(day_number(ticks))
}

/// Days since the last Sunday.
pub(super) fn day_of_week(ticks: i64) -> i64 {
    (day_number(ticks) + 1).rem_euclid(7)
}

pub(super) fn day_of_year(ticks: i64) -> Option<i64> {
    let (year, _, _) = date(ticks);
    Some(day_number(ticks) - days_from_civil(year, 1, 1)? + 1)
}

/// The ISO 8601 week: weeks start on Monday and belong to the year that their Thursday is in.
pub(super) fn week_of_year(ticks: i64) -> Option<i64> {
    let day = day_number(ticks);
    let thursday = day - day.rem_euclid(7) + 3;
    let (year, _, _) = civil_from_days(thursday);
    Some((thursday - days_from_civil(year, 1, 1)?) / 7 + 1)
}

/// Months since year 0.
fn month_number(ticks: i64) -> i64 {
    let (year, month, _) = date(ticks);
    year * 12 + month - 1
}

/// Weeks that start on Sunday, counted from the one before 0001-01-01.
fn week_number(ticks: i64) -> i64 {
    (day_number(ticks) + 1).div_euclid(7)
}

/// How many times the period changed between two times; negative when the first is the earlier.
pub(super) fn difference(unit: Unit, left: i64, right: i64) -> Option<i64> {
    let count = |count: fn(i64) -> i64| Some(count(left) - count(right));
    match unit {
        Unit::Year => count(|ticks| date(ticks).0),
        Unit::Quarter => count(|ticks| month_number(ticks).div_euclid(3)),
        Unit::Month => count(month_number),
        Unit::Week => count(week_number),
        Unit::Nanosecond => left.checked_sub(right)?.checked_mul(100),
        _ => {
            let length = unit.ticks()?;
            left.div_euclid(length).checked_sub(right.div_euclid(length))
        }
    }
}

/// A time some periods later. A day that the month does not have becomes its last.
pub(super) fn add(unit: Unit, count: i64, ticks: i64) -> Option<i64> {
    let months = match unit {
        Unit::Year => 12,
        Unit::Quarter => 3,
        Unit::Month => 1,
        Unit::Nanosecond => return in_range(ticks.checked_add(count.div_euclid(100))?),
        _ => return in_range(ticks.checked_add(count.checked_mul(unit.ticks()?)?)?),
    };
    let month_number = month_number(ticks).checked_add(count.checked_mul(months)?)?;
    let (year, month) = (month_number.div_euclid(12), month_number.rem_euclid(12) + 1);
    let day = date(ticks).2.min(days_in_month(year, month));
    in_range(days_from_civil(year, month, day)? * TICKS_PER_DAY + ticks.rem_euclid(TICKS_PER_DAY))
}

/// The first tick of the day, week, month or year that lies `offset` of them after the one of `ticks`.
pub(super) fn start(unit: Unit, ticks: i64, offset: i64) -> Option<i64> {
    in_range(first_day(unit, ticks, offset)?.checked_mul(TICKS_PER_DAY)?)
}

/// The last tick of that day, week, month or year.
pub(super) fn end(unit: Unit, ticks: i64, offset: i64) -> Option<i64> {
    let first = first_day(unit, ticks, offset)?;
    let days = match unit {
        Unit::Week => 7,
        Unit::Month => {
            let (year, month, _) = civil_from_days(first);
            days_in_month(year, month)
        }
        Unit::Year => 337 + days_in_month(civil_from_days(first).0, 2),
        _ => 1,
    };
    in_range(first.checked_add(days)?.checked_mul(TICKS_PER_DAY)?.checked_sub(1)?)
}

fn first_day(unit: Unit, ticks: i64, offset: i64) -> Option<i64> {
    match unit {
        Unit::Year => days_from_civil(date(ticks).0.checked_add(offset)?, 1, 1),
        Unit::Month => {
            let month = month_number(ticks).checked_add(offset)?;
            days_from_civil(month.div_euclid(12), month.rem_euclid(12) + 1, 1)
        }
        Unit::Week => week_number(ticks).checked_add(offset)?.checked_mul(7)?.checked_sub(1),
        _ => day_number(ticks).checked_add(offset),
    }
}

#[cfg(test)]
mod tests {
    use model::Ticks;
    use proptest::prelude::*;

    use super::*;

    fn ticks(text: &str) -> i64 {
        Ticks::parse(text).unwrap().0
    }

    fn text(ticks: Option<i64>) -> String {
        ticks.map(|t| Ticks(t).to_string().replace("T00:00:00.0000000Z", "")).unwrap_or_default()
    }

    #[test]
    fn adding_periods() {
        for (unit, count, from, expected) in [
            ("month", 1, "2024-01-31", "2024-02-29"),
            ("month", -1, "2023-03-31", "2023-02-28"),
            ("year", 1, "2024-02-29", "2025-02-28"),
            ("quarter", 2, "2023-08-31", "2024-02-29"),
            ("week", 1, "2017-01-01", "2017-01-08"),
            ("day", -1, "0001-01-01", ""),
            ("year", i64::MAX, "2024-01-01", ""),
            ("second", i64::MAX, "2024-01-01", ""),
        ] {
            let unit = Unit::parse(unit).unwrap();
            assert_eq!(text(add(unit, count, ticks(from))), expected, "{unit:?} {count} {from}");
        }
    }

    #[test]
    fn differences_count_boundaries() {
        for (unit, left, right, expected) in [
            ("year", "2017-01-01", "2000-12-31", 17),
            ("quarter", "2017-07-01", "2017-03-30", 2),
            ("month", "2017-01-01", "2015-12-30", 13),
            ("week", "2017-10-29", "2017-09-30T23:59", 5),
            ("week", "2024-05-05", "2024-05-04", 1),
            ("day", "2017-10-29", "2017-09-30T23:59", 29),
            ("hour", "2017-10-31T01:00", "2017-10-30T23:59", 2),
            ("second", "2017-10-30T23:00:10.1", "2017-10-30T23:00:00.9", 10),
            ("nanosecond", "2017-10-30", "2017-10-30T00:00:00.0000007", -700),
        ] {
            let unit = Unit::parse(unit).unwrap();
            assert_eq!(
                difference(unit, ticks(left), ticks(right)),
                Some(expected),
                "{unit:?} {left} {right}"
            );
        }
    }

    #[test]
    fn starts_and_ends() {
        let at = ticks("2017-01-01T10:10:17");
        for (unit, offset, first, last) in [
            (Unit::Day, -1, "2016-12-31", "2016-12-31T23:59:59.9999999Z"),
            (Unit::Week, 0, "2017-01-01", "2017-01-07T23:59:59.9999999Z"),
            (Unit::Month, 1, "2017-02-01", "2017-02-28T23:59:59.9999999Z"),
            (Unit::Year, -1, "2016-01-01", "2016-12-31T23:59:59.9999999Z"),
            (Unit::Year, 7982, "9999-01-01", "9999-12-31T23:59:59.9999999Z"),
            (Unit::Year, 7983, "", ""),
        ] {
            assert_eq!(text(start(unit, at, offset)), first, "{unit:?} {offset}");
            assert_eq!(text(end(unit, at, offset)), last, "{unit:?} {offset}");
        }
    }

    #[test]
    fn weeks_of_the_year() {
        for (day, expected) in [
            ("2020-12-31", 53),
            ("2021-01-03", 53),
            ("2021-01-04", 1),
            ("2024-12-30", 1),
            ("2017-10-30", 44),
            ("0001-01-01", 1),
            ("9999-12-31", 52),
        ] {
            assert_eq!(week_of_year(ticks(day)), Some(expected), "{day}");
        }
    }

    proptest! {
        #[test]
        fn any_ticks_are_taken(ticks: i64, count: i64) {
            for (_, unit) in UNITS {
                let _ = (add(*unit, count, ticks), difference(*unit, ticks, count));
                let _ = (start(*unit, ticks, count), end(*unit, ticks, count));
            }
            let _ = (week_of_year(ticks), day_of_year(ticks), day_of_week(ticks));
        }

        #[test]
        fn one_period_later_differs_by_one(ticks in 0..MAX_TICKS - 400 * TICKS_PER_DAY, at in 0usize..10) {
            let unit = UNITS[at].1;
            prop_assert_eq!(difference(unit, add(unit, 1, ticks).unwrap(), ticks), Some(1));
        }
    }
}
