//! Points in time as text, and as 100 ns ticks since 0001-01-01 UTC.

const TICKS_PER_SECOND: i64 = 10_000_000;
const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
const TICKS_PER_DAY: i64 = 24 * 60 * TICKS_PER_MINUTE;
/// The last tick of the year 9999.
const TICKS_MAX: i64 = 3_652_059 * TICKS_PER_DAY - 1;
/// From 0000-03-01, where the leap day is the last day of a year, to 0001-01-01.
const DAYS_BEFORE_YEAR_ONE: i64 = 306;
const DAYS_PER_400_YEARS: i64 = 146_097;

/// Reads a date or a date and time as ticks.
///
/// The time may lack its seconds or fraction; digits after the seventh are cut. Without an offset it is UTC.
/// A blank may stand for the `T`, and where the plus sign of an offset was before a form decoder read it.
pub fn parse(text: &str) -> Option<i64> {
    let mut text = Cursor(text.trim().as_bytes());
    let mut ticks = date(&mut text)? * TICKS_PER_DAY;
    if text.eat(b"Tt ").is_some() {
        ticks += time_of_day(&mut text)?;
        ticks -= offset(&mut text)?;
    } else {
        text.eat(b"Zz");
    }
    (text.0.is_empty() && (0..=TICKS_MAX).contains(&ticks)).then_some(ticks)
}

/// Writes ticks as UTC with seven fractional digits, the form times have in answers.
pub fn format(ticks: i64) -> String {
    let (days, rest) = (ticks.div_euclid(TICKS_PER_DAY), ticks.rem_euclid(TICKS_PER_DAY));
    let (year, month, day) = civil(days);
    let (seconds, fraction) = (rest / TICKS_PER_SECOND, rest % TICKS_PER_SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
}

/// `yyyy-mm-dd` as days since 0001-01-01.
fn date(text: &mut Cursor<'_>) -> Option<i64> {
    let year = text.number(4)?;
    text.eat(b"-")?;
    let month = text.number(2)?;
    text.eat(b"-")?;
    let day = text.number(2)?;
    let is_date = year >= 1 && (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    is_date.then(|| days(year, month, day))
}

/// `hh:mm`, `hh:mm:ss` or `hh:mm:ss.fffffff` as ticks.
fn time_of_day(text: &mut Cursor<'_>) -> Option<i64> {
    let (hour, minute) = hours_minutes(text)?;
    let (mut second, mut fraction) = (0, 0);
    if text.eat(b":").is_some() {
        second = text.number(2)?;
        if text.eat(b".").is_some() {
            fraction = text.fraction()?;
        }
    }
    (hour < 24 && second < 60)
        .then_some((hour * 60 + minute) * TICKS_PER_MINUTE + second * TICKS_PER_SECOND + fraction)
}

/// `Z`, `+hh:mm`, `-hh:mm` or nothing, as ticks.
fn offset(text: &mut Cursor<'_>) -> Option<i64> {
    let sign = match text.eat(b"Zz+- ") {
        Some(b'-') => -1,
        Some(b'+' | b' ') => 1,
        _ => return Some(0),
    };
    let (hour, minute) = hours_minutes(text)?;
    (hour <= 14).then_some(sign * (hour * 60 + minute) * TICKS_PER_MINUTE)
}

fn hours_minutes(text: &mut Cursor<'_>) -> Option<(i64, i64)> {
    let hour = text.number(2)?;
    text.eat(b":")?;
    let minute = text.number(2)?;
    (minute < 60).then_some((hour, minute))
}

/// Days since 0001-01-01 of a date in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that a leap day changes no later day of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - DAYS_BEFORE_YEAR_ONE
}

/// The year, month and day that many days after 0001-01-01; undoes [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_BEFORE_YEAR_ONE;
    let (era, day) = (days.div_euclid(DAYS_PER_400_YEARS), days.rem_euclid(DAYS_PER_400_YEARS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    /// Takes the next byte if it is one of those.
    fn eat(&mut self, wanted: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        wanted.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    fn digit(&mut self) -> Option<i64> {
        self.eat(b"0123456789").map(|digit| i64::from(digit - b'0'))
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        (0..digits).try_fold(0, |number, _| Some(number * 10 + self.digit()?))
    }

    /// The digits after a decimal point, as ticks.
    fn fraction(&mut self) -> Option<i64> {
        let mut unit = TICKS_PER_SECOND / 10;
        let mut ticks = self.digit()? * unit;
        while let Some(digit) = self.digit() {
            unit /= 10;
            ticks += digit * unit;
        }
        Some(ticks)
    }
}
