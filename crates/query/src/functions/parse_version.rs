//! `parse_version(version)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::decimal;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call};

pub(super) static PARSE_VERSION: Function = Function {
    name: "parse_version",
    summary: "A number that versions of up to four parts compare by; null when a text is no version.",
    params: &[Param::one("version", Accepts::Text)],
    returns: "decimal",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print parse_version("10.0.2") > parse_version("9.9")"#, result: "true" },
        Example { query: r#"print parse_version("1.2") == parse_version("1.2.0.0")"#, result: "true" },
        Example {
            query: r#"print parse_version("10.0.19041.1") < parse_version("10.0.19041.2")"#,
            result: "true",
        },
        Example { query: r#"print isnull(parse_version("1.2b"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("parse_version", Kind::Decimal, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let versions = args.texts(0)?;
    decimal::of_wholes(args.rows, |row| parse(versions.text(row)))
}

/// Each part counts 10^8 times what the next one does.
fn parse(version: &str) -> Option<u128> {
    let parts: Vec<&str> = version.trim().split('.').collect();
    if parts.len() > 4 {
        return None;
    }
    let mut number = 0u128;
    for at in 0..4 {
        let part = parts.get(at).copied().unwrap_or("0");
        let is_number = (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        number = number * 100_000_000 + if is_number { part.parse::<u128>().ok()? } else { return None };
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn versions() {
        for (version, expected) in [
            ("0.0.0.5", Some(5)),
            ("0.0.3", Some(300_000_000)),
            ("1.2.3.4", Some(1_000_000_020_000_000_300_000_004)),
            ("1", Some(1_000_000_000_000_000_000_000_000)),
            ("", None),
            ("1.", None),
            ("1.2.3.4.5", None),
            ("123456789", None),
            ("-1", None),
        ] {
            assert_eq!(parse(version), expected, "{version}");
        }
    }
}
