//! Texts that stand for values: how literals, and functions such as `todatetime()`, read them, and
//! the canonical text of each.

mod datetime;
mod string;
mod timespan;

pub use datetime::{DATETIME_TICKS_MAX, format_datetime, parse_datetime};
pub use string::{quote, unescape};
pub use timespan::{
    TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MILLISECOND, TICKS_PER_MINUTE, TICKS_PER_SECOND,
    format_timespan, parse_timespan,
};

/// Reads a guid with or without hyphens, in braces or bare.
pub fn parse_guid(text: &str) -> Option<u128> {
    let text = text.trim();
    let text = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let has_hyphens = text.len() == 36 && [8, 13, 18, 23].iter().all(|at| text.as_bytes()[*at] == b'-');
    if text.len() != 32 && !has_hyphens {
        return None;
    }
    let digits = text.replace('-', "");
    let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex { u128::from_str_radix(&digits, 16).ok() } else { None }
}

/// A guid in lower case with hyphens.
pub fn format_guid(guid: u128) -> String {
    let digits = format!("{guid:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

/// Reads a whole number, decimal or `0x` hexadecimal, with a sign.
pub fn parse_long(text: &str) -> Option<i64> {
    let text = text.trim();
    let (is_negative, digits) = split_sign(text);
    let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    match hex {
        Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            let bits = u64::from_str_radix(hex, 16).ok()?.cast_signed();
            Some(if is_negative { bits.wrapping_neg() } else { bits })
        }
        Some(_) => None,
        None if digits.starts_with(['+', '-']) => None,
        None => text.parse().ok(),
    }
}

/// Reads a real: digits with point and exponent, `nan`, `inf`, with a sign.
pub fn parse_real(text: &str) -> Option<f64> {
    let text = text.trim();
    let (is_negative, digits) = split_sign(text);
    let value = match digits.to_ascii_lowercase().as_str() {
        "nan" => f64::NAN,
        "inf" | "infinity" => f64::INFINITY,
        lower if lower.starts_with(|c: char| c.is_ascii_digit() || c == '.') => lower.parse().ok()?,
        _ => return None,
    };
    Some(if is_negative { -value } else { value })
}

/// Checks that a text is a decimal number, and gives it without blanks and a `+`.
pub fn parse_decimal(text: &str) -> Option<String> {
    let text = text.trim();
    let (is_negative, digits) = split_sign(text);
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|text| text.parse::<i16>().is_ok());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) || !exponent_fits {
        return None;
    }
    Some(if is_negative { format!("-{digits}") } else { digits.to_string() })
}

/// Reads `true`, `false`, `1` or `0`; letters of any case.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// Whether there is a minus in front, and the text behind the sign.
fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids() {
        let guid = Some(0x74be27de_1e4e_49d9_b579_fe0b331d3642);
        assert_eq!(parse_guid("74be27de-1e4e-49d9-b579-fe0b331d3642"), guid);
        assert_eq!(parse_guid(" {74BE27DE-1E4E-49D9-B579-FE0B331D3642} "), guid);
        assert_eq!(parse_guid("74be27de1e4e49d9b579fe0b331d3642"), guid);
        for bad in ["", "74be27de", "74be27de-1e4e-49d9-b579fe0b331d-3642", "é4be27de1e4e49d9b579fe0b331d364"]
        {
            assert_eq!(parse_guid(bad), None, "{bad}");
        }
        assert_eq!(format_guid(1), "00000000-0000-0000-0000-000000000001");
    }

    #[test]
    fn numbers() {
        assert_eq!(parse_long(" -9223372036854775808 "), Some(i64::MIN));
        assert_eq!(parse_long("9223372036854775808"), None);
        assert_eq!(parse_long("0xFFFFFFFFFFFFFFFF"), Some(-1));
        assert_eq!(parse_long("-0x10"), Some(-16));
        for bad in ["", "-", "--1", "0x", "1.0", "0x-1", "é"] {
            assert_eq!(parse_long(bad), None, "{bad}");
        }
        assert_eq!(parse_real("-1.5e3"), Some(-1500.0));
        assert_eq!(parse_real("+inf"), Some(f64::INFINITY));
        assert!(parse_real("NaN").is_some_and(f64::is_nan));
        assert_eq!(parse_real("infinit"), None);
        assert_eq!(parse_decimal("+1.50").as_deref(), Some("1.50"));
        assert_eq!(parse_decimal("-1e-3").as_deref(), Some("-1e-3"));
        for bad in ["", ".", "-", "1e", "1.2.3", "e5", "1e99999", "--1"] {
            assert_eq!(parse_decimal(bad), None, "{bad}");
        }
        assert_eq!(parse_bool("True"), Some(true));
        assert_eq!(parse_bool("yes"), None);
    }
}
