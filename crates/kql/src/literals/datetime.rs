//! Points in time as text.

use super::timespan::{TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND};

/// The last tick of 9999-12-31.
pub const DATETIME_TICKS_MAX: i64 = 3_155_378_975_999_999_999;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// Reads a point in time: ISO 8601 down to a year and month, RFC 822, RFC 850 and `month/day/year`.
/// Gives ticks of 100 ns since 0001-01-01 UTC; `None` when it is none of these or out of range.
pub fn parse_datetime(text: &str) -> Option<i64> {
    let text = text.trim();
    let mut scanner = Scanner { rest: text };
    let date = scanner.iso_date().or_else(|| {
        scanner.rest = text;
        scanner.named_date()
    });
    let date = date.or_else(|| {
        scanner.rest = text;
        scanner.month_first_date()
    })?;
    let time = scanner.time_and_zone()?;
    let ticks = days_before(date)?.checked_mul(TICKS_PER_DAY)?.checked_add(time)?;
    (0..=DATETIME_TICKS_MAX).contains(&ticks).then_some(ticks)
}

/// `yyyy-MM-ddTHH:mm:ss.fffffffZ`; ticks out of range count as the nearest end of the range.
pub fn format_datetime(ticks: i64) -> String {
    let ticks = ticks.clamp(0, DATETIME_TICKS_MAX);
    let (year, month, day) = civil(ticks / TICKS_PER_DAY);
    let hour = ticks / TICKS_PER_HOUR % 24;
    let minute = ticks / TICKS_PER_MINUTE % 60;
    let second = ticks / TICKS_PER_SECOND % 60;
    let fraction = ticks % TICKS_PER_SECOND;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
}

/// Year, month and day.
type Date = (i64, i64, i64);

/// Days from 0001-01-01 to a date; `None` when there is no such date.
fn days_before((year, month, day): Date) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day)
    {
        return None;
    }
    let past = year - 1;
    let in_months: i64 = (1..month).map(|month| days_in(year, month)).sum();
    Some(past * 365 + past / 4 - past / 100 + past / 400 + in_months + day - 1)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The date that many days after 0001-01-01, by way of years that begin in March.
fn civil(days: i64) -> Date {
    let days = days + 306;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

struct Scanner<'t> {
    rest: &'t str,
}

impl<'t> Scanner<'t> {
    /// Takes `text` if it is next.
    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn blanks(&mut self) -> bool {
        let before = self.rest.len();
        self.rest = self.rest.trim_start();
        self.rest.len() != before
    }

    fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c: char| !accepts(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// A number of `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        if (least..=most).contains(&digits.len()) { digits.parse().ok() } else { None }
    }

    fn word(&mut self) -> String {
        self.take_while(|c| c.is_ascii_alphabetic()).to_ascii_lowercase()
    }

    /// Takes a separator between the parts of a date; behind a comma there may be blanks.
    fn separator(&mut self, separator: &str) -> bool {
        let is_next = self.eat(separator);
        if is_next && separator == "," {
            self.blanks();
        }
        is_next
    }

    /// `2024`, `2024-05`, `2024-05-06`, `2024/05/06`, `2024, 5, 6`
    fn iso_date(&mut self) -> Option<Date> {
        let year = self.number(4, 4)?;
        let separator = match self.rest.chars().next() {
            None => return Some((year, 1, 1)),
            Some('-') => "-",
            Some('/') => "/",
            Some(',') => ",",
            Some(_) => return None,
        };
        self.separator(separator);
        let month = self.number(1, 2)?;
        if self.rest.is_empty() {
            return Some((year, month, 1));
        }
        let day = self.separator(separator).then(|| self.number(1, 2))??;
        Some((year, month, day))
    }

    /// `Sat, 8 Nov 14`, `8 Nov 2014`, `Saturday, 08-Nov-14`
    fn named_date(&mut self) -> Option<Date> {
        let weekday = self.word();
        if !weekday.is_empty() {
            let is_known = weekday.len() >= 3 && WEEKDAYS.iter().any(|name| name.starts_with(&weekday));
            if !is_known || !self.eat(",") {
                return None;
            }
            self.blanks();
        }
        let day = self.number(1, 2)?;
        let _ = self.eat("-") || self.blanks();
        let name = self.word();
        let month = MONTHS.iter().position(|month| name.len() >= 3 && month.starts_with(&name))?;
        let _ = self.eat("-") || self.blanks();
        let digits = self.take_while(|c| c.is_ascii_digit());
        let year: i64 = digits.parse().ok()?;
        let year = match digits.len() {
            2 if year < 50 => 2000 + year,
            2 => 1900 + year,
            4 => year,
            _ => return None,
        };
        Some((year, i64::try_from(month).ok()? + 1, day))
    }

    /// `5/6/2024`, `05-06-2024`: the month comes first.
    fn month_first_date(&mut self) -> Option<Date> {
        let month = self.number(1, 2)?;
        let separator = if self.rest.starts_with('-') { "-" } else { "/" };
        let day = self.eat(separator).then(|| self.number(1, 2))??;
        let year = self.eat(separator).then(|| self.number(4, 4))??;
        Some((year, month, day))
    }

    /// What follows the date: nothing, or a time of day with or without a zone. Ticks since midnight
    /// UTC, which a zone may make negative.
    fn time_and_zone(&mut self) -> Option<i64> {
        if self.rest.is_empty() {
            return Some(0);
        }
        let begins = self.eat("T") || self.eat("t") || self.blanks();
        if !begins {
            return if self.zone()? == 0 && self.rest.is_empty() { Some(0) } else { None };
        }
        let time = self.time()?;
        self.blanks();
        let offset = self.zone()?;
        self.rest.is_empty().then_some(time - offset)
    }

    /// `07:08`, `07:08:09.1234567`, `7:08 PM`
    fn time(&mut self) -> Option<i64> {
        let mut hour = self.number(1, 2)?;
        let minute = self.eat(":").then(|| self.number(2, 2))??;
        let second = if self.eat(":") { self.number(2, 2)? } else { 0 };
        let fraction = if self.eat(".") { self.fraction()? } else { 0 };
        let before_half = self.rest;
        self.blanks();
        match self.word().as_str() {
            "am" if (1..=12).contains(&hour) => hour %= 12,
            "pm" if (1..=12).contains(&hour) => hour = hour % 12 + 12,
            "am" | "pm" => return None,
            _ => self.rest = before_half,
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(hour * TICKS_PER_HOUR + minute * TICKS_PER_MINUTE + second * TICKS_PER_SECOND + fraction)
    }

    /// Digits of a second as ticks; those past the seventh are dropped.
    fn fraction(&mut self) -> Option<i64> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return None;
        }
        format!("{digits:0<7}")[..7].parse().ok()
    }

    /// `Z`, `UTC`, `GMT`, `+02:00`, `-0530`, `+2` or nothing, as ticks to subtract.
    fn zone(&mut self) -> Option<i64> {
        let sign = match self.rest.chars().next() {
            None => return Some(0),
            Some('+') => 1,
            Some('-') => -1,
            Some(_) => return matches!(self.word().as_str(), "z" | "utc" | "gmt").then_some(0),
        };
        self.rest = &self.rest[1..];
        let digits = self.take_while(|c| c.is_ascii_digit());
        let (hours, minutes) = match digits.len() {
            1 | 2 if self.eat(":") => (digits, self.take_while(|c| c.is_ascii_digit())),
            1 | 2 => (digits, "00"),
            4 => digits.split_at(2),
            _ => return None,
        };
        let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours <= 14 && minutes <= 59).then_some(sign * (hours * TICKS_PER_HOUR + minutes * TICKS_PER_MINUTE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datetimes_are_read() {
        let cases = [
            ("2024-05-06T07:08:09.1234567Z", "2024-05-06T07:08:09.1234567Z"),
            ("2024-05-06 07:08", "2024-05-06T07:08:00.0000000Z"),
            ("2024-05-06 7:08:09.1", "2024-05-06T07:08:09.1000000Z"),
            ("2024-05-06T07:08:09.123456789+02:00", "2024-05-06T05:08:09.1234567Z"),
            ("2024-05-06T01:00:00-0530", "2024-05-06T06:30:00.0000000Z"),
            ("2024-5-6", "2024-05-06T00:00:00.0000000Z"),
            ("2024-05-06Z", "2024-05-06T00:00:00.0000000Z"),
            ("2024/05/06", "2024-05-06T00:00:00.0000000Z"),
            ("2024, 5, 6", "2024-05-06T00:00:00.0000000Z"),
            ("05-06-2024", "2024-05-06T00:00:00.0000000Z"),
            ("2024-05", "2024-05-01T00:00:00.0000000Z"),
            ("2024", "2024-01-01T00:00:00.0000000Z"),
            ("2024-02-29", "2024-02-29T00:00:00.0000000Z"),
            ("0001-01-01", "0001-01-01T00:00:00.0000000Z"),
            ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"),
            ("Sat, 8 Nov 14 15:05:02 GMT", "2014-11-08T15:05:02.0000000Z"),
            ("8 Nov 2014 15:05", "2014-11-08T15:05:00.0000000Z"),
            ("Saturday, 08-Nov-14 15:05:02 UTC", "2014-11-08T15:05:02.0000000Z"),
            ("08-Nov-96", "1996-11-08T00:00:00.0000000Z"),
            ("5/6/2024 12:30 AM", "2024-05-06T00:30:00.0000000Z"),
            ("05/06/2024 3:30:01 PM", "2024-05-06T15:30:01.0000000Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_datetime(text).map(format_datetime).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_text_is_refused() {
        let cases = [
            "",
            "x",
            "2024-13-01",
            "2023-02-29",
            "1900-02-29",
            "0000-01-01",
            "10000-01-01",
            "2024-05-06T24:00",
            "2024-05-06T07:60",
            "2024-05-06T07:08:60",
            "2024-05-06 07:08 XYZ",
            "2024-05-06T",
            "2024-05-06T07",
            "0001-01-01T00:00+01:00",
            "9999-12-31T23:59-01:00",
            "2024-05-06 13:00 PM",
            "2024-05/06",
            "2024-05-06T07:08:09.",
            "8 Nov 014",
            "Foo, 8 Nov 14",
            "2024-05-06 é",
            "13:00",
            "2024-05-06+é",
        ];
        for text in cases {
            assert_eq!(parse_datetime(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_reads_back() {
        for day in 0..DATETIME_TICKS_MAX / TICKS_PER_DAY {
            let (year, month, date) = civil(day);
            assert_eq!(days_before((year, month, date)), Some(day));
        }
        assert_eq!(parse_datetime(&format_datetime(DATETIME_TICKS_MAX)), Some(DATETIME_TICKS_MAX));
        assert_eq!(parse_datetime("1970-01-01"), Some(621_355_968_000_000_000));
    }
}
