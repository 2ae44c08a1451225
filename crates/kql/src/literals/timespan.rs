//! Lengths of time as text.

/// Ticks of 100 ns in a millisecond.
pub const TICKS_PER_MILLISECOND: i64 = 10_000;
/// Ticks of 100 ns in a second.
pub const TICKS_PER_SECOND: i64 = 1_000 * TICKS_PER_MILLISECOND;
/// Ticks of 100 ns in a minute.
pub const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
/// Ticks of 100 ns in an hour.
pub const TICKS_PER_HOUR: i64 = 60 * TICKS_PER_MINUTE;
/// Ticks of 100 ns in a day.
pub const TICKS_PER_DAY: i64 = 24 * TICKS_PER_HOUR;

const NANOSECONDS_PER_TICK: i128 = 100;

/// Units behind a number, with their length in nanoseconds.
const UNITS: &[(&[&str], i128)] = &[
    (&["d", "day", "days"], 86_400_000_000_000),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600_000_000_000),
    (&["m", "min", "minute", "minutes"], 60_000_000_000),
    (&["s", "sec", "second", "seconds"], 1_000_000_000),
    (&["ms", "milli", "millis", "millisec", "millisecond", "milliseconds"], 1_000_000),
    (&["micro", "micros", "microsec", "microsecond", "microseconds"], 1_000),
    (&["tick", "ticks"], 100),
    (&["nano", "nanos", "nanosec", "nanosecond", "nanoseconds"], 1),
];

/// Reads a length of time: a number and a unit (`1.5h`), a clock (`-1.02:03:04.5`), or a number of
/// days (`2`). Gives ticks of 100 ns; `None` when it is none of these or out of range.
pub fn parse_timespan(text: &str) -> Option<i64> {
    let text = text.trim();
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let nanoseconds = if text.contains(':') { clock(text)? } else { number_with_unit(text)? };
    let ticks = nanoseconds / NANOSECONDS_PER_TICK;
    i64::try_from(if is_negative { -ticks } else { ticks }).ok()
}

/// `1.5h`, or days when no unit is written.
fn number_with_unit(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let unit = text[end..].trim_start();
    let unit = if unit.is_empty() { "d" } else { unit };
    let (_, length) = UNITS.iter().find(|(names, _)| names.contains(&unit))?;
    scaled(&text[..end], *length)
}

/// `[d.]hh:mm[:ss[.fffffff]]`, or `d:hh:mm:ss[.fffffff]`
fn clock(text: &str) -> Option<i128> {
    let parts: Vec<&str> = text.split(':').collect();
    let (days, hours, minutes, seconds) = match parts[..] {
        [hours, minutes] => (None, hours, minutes, "0"),
        [hours, minutes, seconds] => (None, hours, minutes, seconds),
        [days, hours, minutes, seconds] => (Some(days), hours, minutes, seconds),
        _ => return None,
    };
    let (days, hours) = match (days, hours.split_once('.')) {
        (None, Some(split)) => split,
        (Some(days), None) => (days, hours),
        (None, None) => ("0", hours),
        (Some(_), Some(_)) => return None,
    };
    let whole_seconds = seconds.split('.').next()?;
    let total = field(days, u32::MAX)? * 86_400 + field(hours, 23)? * 3600 + field(minutes, 59)? * 60;
    field(whole_seconds, 59)?;
    Some(total * 1_000_000_000 + scaled(seconds, 1_000_000_000)?)
}

fn field(digits: &str, max: u32) -> Option<i128> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value: u32 = if is_number { digits.parse().ok()? } else { return None };
    (value <= max).then_some(value.into())
}

/// The digits and fraction of `number` times `unit`, without rounding errors.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (number, ""),
    };
    let fraction = if fraction.len() > 15 { fraction.get(..15)? } else { fraction };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 19 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let parts: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let divisor = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    Some(whole.parse::<i128>().ok()? * unit + parts * unit / divisor)
}

/// `[-][d.]hh:mm:ss[.fffffff]`
pub fn format_timespan(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let total = ticks.unsigned_abs();
    let unit = |length: i64| total / length.unsigned_abs();
    let days = match unit(TICKS_PER_DAY) {
        0 => String::new(),
        days => format!("{days}."),
    };
    let (hours, minutes) = (unit(TICKS_PER_HOUR) % 24, unit(TICKS_PER_MINUTE) % 60);
    let fraction = match total % TICKS_PER_SECOND.unsigned_abs() {
        0 => String::new(),
        fraction => format!(".{fraction:07}"),
    };
    format!("{sign}{days}{hours:02}:{minutes:02}:{:02}{fraction}", unit(TICKS_PER_SECOND) % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timespans_are_read() {
        let cases = [
            ("1d", "1.00:00:00"),
            ("1.5h", "01:30:00"),
            ("90m", "01:30:00"),
            ("2", "2.00:00:00"),
            ("0.5", "12:00:00"),
            ("10 s", "00:00:10"),
            ("1ms", "00:00:00.0010000"),
            ("3microseconds", "00:00:00.0000030"),
            ("7ticks", "00:00:00.0000007"),
            ("250nanoseconds", "00:00:00.0000002"),
            ("-1.02:03:04.5", "-1.02:03:04.5000000"),
            ("2:3:4:5", "2.03:04:05"),
            ("08:15", "08:15:00"),
            ("00:00:00.12345678", "00:00:00.1234567"),
            ("-10675199.02:48:05.4775808", "-10675199.02:48:05.4775808"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_timespan(text).map(format_timespan).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_text_is_refused() {
        let cases = [
            "",
            "d",
            "1w",
            "1:2:3:4:5",
            "25:00:00",
            "1:60",
            "1.",
            "1.d",
            ".5d",
            "1.2.3h",
            "--1d",
            "10675200d",
            "99999999999999999999d",
            "1.1:2:3:4",
            "é",
            "1:é",
            "1e5",
            "1.ééééééééééééééééd",
        ];
        for text in cases {
            assert_eq!(parse_timespan(text), None, "{text}");
        }
    }

    #[test]
    fn formatted_text_reads_back() {
        for ticks in [0, 1, -1, i64::MAX, i64::MIN + 1, i64::MIN, TICKS_PER_DAY] {
            assert_eq!(parse_timespan(&format_timespan(ticks)), Some(ticks));
        }
    }
}
