//! Times as ticks.

use odata::{format_datetime, parse_datetime};

#[test]
fn known_instants() {
    let cases = [
        ("0001-01-01", 0),
        ("0001-01-01T00:00:00.0000001Z", 1),
        ("1970-01-01T00:00:00Z", 621_355_968_000_000_000),
        ("2000-02-29T00:00:00Z", 630_873_792_000_000_000),
        ("2000-02-29 01:00:00 01:00", 630_873_792_000_000_000),
        ("9999-12-31T23:59:59.9999999Z", 3_155_378_975_999_999_999),
    ];
    for (text, ticks) in cases {
        assert_eq!(parse_datetime(text), Some(ticks), "{text}");
    }
}

#[test]
fn days_of_all_years_are_read_as_written() {
    const DAY: i64 = 864_000_000_000;
    for day in (0..3_652_059).step_by(23) {
        let ticks = day * DAY + day;
        let text = format_datetime(ticks);
        assert_eq!(parse_datetime(&text), Some(ticks), "{text}");
    }
}

#[test]
fn what_is_no_time() {
    let cases = [
        "",
        "2024",
        "2024-1-1",
        "2024-13-01",
        "2024-00-01",
        "2024-01-32",
        "2024-04-31",
        "2023-02-29",
        "1900-02-29",
        "0000-01-01",
        "2024-01-01T",
        "2024-01-01T1:00",
        "2024-01-01T24:00",
        "2024-01-01T00:60",
        "2024-01-01T00:00:60",
        "2024-01-01T00:00:00.",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00+1",
        "2024-01-01T00:00:00+15:00",
        "2024-01-01T00:00:00ZZ",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "x2024-01-01",
        "２０２４-01-01",
    ];
    for text in cases {
        assert_eq!(parse_datetime(text), None, "{text}");
    }
}
