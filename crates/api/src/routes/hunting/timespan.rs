//! Time ranges as ISO 8601 writes them: a duration, a start, or two of start, duration and end.

use model::Ticks;

use crate::error::{ApiError, code};

const DAY: i64 = 864_000_000_000;
const HOUR: i64 = DAY / 24;
const MINUTE: i64 = HOUR / 60;
const SECOND: i64 = MINUTE / 60;
/// The range of a request that names none.
const DEFAULT: i64 = 30 * DAY;
/// A century: what is longer does not fit in front of today.
const LENGTH_MAX: i64 = 36_525 * DAY;

/// The first and the last time that are in the range.
pub(super) fn read(text: Option<&str>, now: Ticks) -> Result<(Ticks, Ticks), ApiError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok((Ticks(now.0 - DEFAULT), now));
    };
    let range = match text.split_once('/') {
        None => match length(text) {
            Some(length) => Some((Ticks(now.0 - length), now)),
            None => Ticks::parse(text).map(|start| (start, now)),
        },
        Some((first, second)) => match (length(first), length(second)) {
            (None, None) => Ticks::parse(first).zip(Ticks::parse(second)),
            (Some(length), None) => Ticks::parse(second).map(|end| (Ticks(end.0 - length), end)),
            (None, Some(length)) => Ticks::parse(first).map(|start| (start, Ticks(start.0 + length))),
            (Some(_), Some(_)) => None,
        },
    };
    let invalid = || {
        let message = "'Timespan' takes a range of ISO 8601: P7D, a start, start/end, start/P7D or P7D/end.";
        ApiError::new(code::INVALID_INPUT, message)
    };
    range.filter(|(first, last)| first <= last).ok_or_else(invalid)
}

/// Ticks of a duration such as `P7D`, `PT1H30M` or `P2W`. Months and years have no one length and are not read.
fn length(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix(['P', 'p'])?;
    let (mut total, mut is_time, mut has_part) = (0i64, false, false);
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix(['T', 't']).filter(|_| !is_time) {
            (is_time, rest) = (true, behind);
            has_part = false;
            continue;
        }
        let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let unit = match (rest.as_bytes()[end].to_ascii_uppercase(), is_time) {
            (b'W', false) => 7 * DAY,
            (b'D', false) => DAY,
            (b'H', true) => HOUR,
            (b'M', true) => MINUTE,
            (b'S', true) => SECOND,
            _ => return None,
        };
        let number: f64 = rest[..end].parse().ok()?;
        let part = number * unit as f64;
        if !(0.0..=LENGTH_MAX as f64).contains(&part) {
            return None;
        }
        total = total.checked_add(part as i64).filter(|total| *total <= LENGTH_MAX)?;
        (rest, has_part) = (&rest[end + 1..], true);
    }
    has_part.then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_range_is_read() {
        let time = |text: &str| Ticks::parse(text).unwrap();
        let now = time("2024-05-31T12:00:00Z");
        for (text, first, last) in [
            ("", "2024-05-01T12:00:00Z", "2024-05-31T12:00:00Z"),
            ("P7D", "2024-05-24T12:00:00Z", "2024-05-31T12:00:00Z"),
            ("P1W", "2024-05-24T12:00:00Z", "2024-05-31T12:00:00Z"),
            ("P1DT2H30M0.5S", "2024-05-30T09:29:59.5Z", "2024-05-31T12:00:00Z"),
            ("2024-05-30T00:00:00Z", "2024-05-30T00:00:00Z", "2024-05-31T12:00:00Z"),
            ("2024-05-01T00:00:00Z/2024-05-02T00:00:00Z", "2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z"),
            ("PT1H/2024-05-02T00:00:00Z", "2024-05-01T23:00:00Z", "2024-05-02T00:00:00Z"),
            ("2024-05-01T00:00:00Z/PT90M", "2024-05-01T00:00:00Z", "2024-05-01T01:30:00Z"),
        ] {
            assert_eq!(read(Some(text), now).unwrap(), (time(first), time(last)), "{text}");
        }
        for text in [
            "P",
            "PT",
            "P7",
            "7D",
            "P1M",
            "P1H",
            "PT1D",
            "P1DT",
            "P9999999D",
            "P7D/P7D",
            "now",
            "a/b",
            "2024-05-02T00:00:00Z/2024-05-01T00:00:00Z",
            "P1..5D",
            "P-1D",
        ] {
            let refused = read(Some(text), now).unwrap_err();
            assert_eq!(refused.code(), code::INVALID_INPUT, "{text}");
        }
    }
}
