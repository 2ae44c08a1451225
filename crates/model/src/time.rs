//! Time as the query language counts it: 100 ns ticks since 0001-01-01 UTC.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub const TICKS_PER_SECOND: i64 = 10_000_000;
pub const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;
/// 1970-01-01 in ticks.
pub const UNIX_EPOCH_TICKS: i64 = 719_162 * TICKS_PER_DAY;
/// The last tick of year 9999.
pub const MAX_TICKS: i64 = 3_652_059 * TICKS_PER_DAY - 1;

/// A moment in UTC: 100 ns ticks since 0001-01-01, up to the end of year 9999.
///
/// Text form, as the compatible API writes it: `2024-05-06T07:08:09.1234567Z`, always seven digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticks(pub i64);

impl Ticks {
    pub fn from_unix_seconds(seconds: i64) -> Ticks {
        Ticks(UNIX_EPOCH_TICKS + seconds * TICKS_PER_SECOND)
    }

    pub fn from_unix_millis(millis: i64) -> Option<Ticks> {
        let ticks = millis.checked_mul(10_000)?.checked_add(UNIX_EPOCH_TICKS)?;
        (0..=MAX_TICKS).contains(&ticks).then_some(Ticks(ticks))
    }

    pub fn unix_seconds(self) -> i64 {
        (self.0 - UNIX_EPOCH_TICKS).div_euclid(TICKS_PER_SECOND)
    }

    pub fn unix_millis(self) -> i64 {
        (self.0 - UNIX_EPOCH_TICKS).div_euclid(10_000)
    }

    /// Nanoseconds since 1970, when they fit 64 bits (years 1677 to 2262).
    pub fn unix_nanos(self) -> Option<i64> {
        self.0.checked_sub(UNIX_EPOCH_TICKS)?.checked_mul(100)
    }

    pub fn from_unix_nanos(nanos: i64) -> Ticks {
        Ticks(UNIX_EPOCH_TICKS + nanos.div_euclid(100))
    }

    /// Adds a number of seconds, staying inside the range.
    pub fn plus_seconds(self, seconds: i64) -> Ticks {
        Ticks(self.0.saturating_add(seconds.saturating_mul(TICKS_PER_SECOND)).clamp(0, MAX_TICKS))
    }

    /// Reads `YYYY-MM-DD[(T| )hh:mm[:ss[.f...]]][Z|(+|-)hh[:]mm]`; no zone means UTC, digits past the
    /// seventh are cut.
    pub fn parse(text: &str) -> Option<Ticks> {
        let bytes = text.trim().as_bytes();
        let (date, rest) = bytes.split_at_checked(10)?;
        if date[4] != b'-' || date[7] != b'-' {
            return None;
        }
        let (year, month, day) = (digits(&date[..4])?, digits(&date[5..7])?, digits(&date[8..])?);
        let days = days_from_civil(year, month, day)?;
        let (of_day, rest) = match rest {
            [b'T' | b't' | b' ', clock @ ..] => time_of_day(clock)?,
            rest => (0, rest),
        };
        let offset = match rest {
            [] | [b'Z' | b'z'] => 0,
            [sign @ (b'+' | b'-'), hour1, hour2, b':', min1, min2]
            | [sign @ (b'+' | b'-'), hour1, hour2, min1, min2] => {
                let minutes = digits(&[*hour1, *hour2])? * 60 + digits(&[*min1, *min2])?;
                let ticks = minutes * 60 * TICKS_PER_SECOND;
                if *sign == b'+' { ticks } else { -ticks }
            }
            _ => return None,
        };
        let ticks = days * TICKS_PER_DAY + of_day - offset;
        (0..=MAX_TICKS).contains(&ticks).then_some(Ticks(ticks))
    }

    /// Year, month (1-12), day (1-31).
    pub fn date(self) -> (i64, i64, i64) {
        civil_from_days(self.0.div_euclid(TICKS_PER_DAY))
    }
}

/// Days since 0001-01-01 of a date of the Gregorian calendar, years 1 to 9999.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || day < 1
        || day > days_in_month(year, month)
    {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + of_year - 306)
}

/// Year, month and day of a number of days since 0001-01-01.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 306;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

pub fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0i64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
}

fn time_of_day(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = (digits(bytes.get(..2)?)?, &bytes[2..]);
    let [b':', rest @ ..] = rest else { return None };
    let (minute, mut rest) = (digits(rest.get(..2)?)?, &rest[2..]);
    let mut second = 0;
    let mut fraction = 0;
    if let [b':', after @ ..] = rest {
        second = digits(after.get(..2)?)?;
        rest = &after[2..];
        if let [b'.' | b',', after @ ..] = rest {
            let count = after.iter().take_while(|b| b.is_ascii_digit()).count();
            if count == 0 {
                return None;
            }
            fraction = digits(&after[..count.min(7)])? * 10i64.pow(7 - count.min(7) as u32);
            rest = &after[count..];
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((((hour * 60 + minute) * 60 + second) * TICKS_PER_SECOND + fraction, rest))
}

impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let of_day = self.0.rem_euclid(TICKS_PER_DAY);
        let (seconds, fraction) = (of_day / TICKS_PER_SECOND, of_day % TICKS_PER_SECOND);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
    }
}

impl Serialize for Ticks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ticks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Ticks, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ticks::parse(&text).ok_or_else(|| de::Error::custom(format!("'{text}' is not an ISO 8601 time")))
    }
}

/// Where the time comes from. Passed in, so that time can be simulated.
pub trait Clock: Send + Sync {
    fn now(&self) -> Ticks;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Ticks {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ticks(UNIX_EPOCH_TICKS + (since.as_nanos() / 100) as i64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_forms_that_clients_send() {
        for (text, expected) in [
            ("1970-01-01", "1970-01-01T00:00:00.0000000Z"),
            ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59.0000000Z"),
            ("2020-02-05T01:10:26.2648757Z", "2020-02-05T01:10:26.2648757Z"),
            ("2020-02-05 01:10:26.264", "2020-02-05T01:10:26.2640000Z"),
            ("2020-02-05T01:10:26.123456789Z", "2020-02-05T01:10:26.1234567Z"),
            ("2020-02-05T01:10+02:00", "2020-02-04T23:10:00.0000000Z"),
            ("0001-01-01", "0001-01-01T00:00:00.0000000Z"),
            ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999Z"),
        ] {
            assert_eq!(Ticks::parse(text).map(|t| t.to_string()).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_time() {
        for text in [
            "",
            "2024",
            "2024-13-01",
            "2023-02-29",
            "2024-01-01T",
            "2024-01-01T24:00:00",
            "2024-01-01T10:00:00.",
            "2024-01-01T10:00:00Zx",
            "0001-01-01T00:00:00+01:00",
            "２０２４-01-01",
        ] {
            assert_eq!(Ticks::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_ticks_are_inverse(ticks in 0..=MAX_TICKS) {
            prop_assert_eq!(Ticks::parse(&Ticks(ticks).to_string()), Some(Ticks(ticks)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = Ticks::parse(&text);
        }
    }
}
