//! `has_ipv4(text, address)`, `has_ipv4_prefix(text, prefix)`, `has_any_ipv4(text, address, ...)`,
//! `has_any_ipv4_prefix(text, prefix, ...)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::elements;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::json;
use crate::kernel::{Args, Texts, bool_rows, call};
use crate::typed::Typed;

pub(super) static HAS_IPV4: Function = Function {
    name: "has_ipv4",
    summary: "Whether an IPv4 address is in a text, with no letter or digit next to it.",
    params: &[Param::one("text", Accepts::Text), Param::one("address", Accepts::Text)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print has_ipv4("05:04:54 127.0.0.1 GET /favicon.ico", "127.0.0.1")"#,
            result: "true",
        },
        Example {
            query: r#"print has_ipv4("05:04:54127.0.0.1 GET /favicon.ico", "127.0.0.1")"#,
            result: "false",
        },
        Example { query: r#"print has_ipv4("see 127.0.0.256", "127.0.0.256")"#, result: "false" },
    ],
    lower: |_, args| Ok(call("has_ipv4", Kind::Bool, |args| rows(args, whole), args)),
};

pub(super) static HAS_ANY_IPV4: Function = Function {
    name: "has_any_ipv4",
    summary: "Whether one of several IPv4 addresses, which may be an array, is in a text.",
    params: &[Param::one("text", Accepts::Text), Param::rest("address", Accepts::Any, 1, 64)],
    examples: &[
        Example {
            query: r#"print has_any_ipv4("05:04:54 127.0.0.1 GET", "192.168.1.1", "127.0.0.1")"#,
            result: "true",
        },
        Example {
            query: r#"print has_any_ipv4("05:04:54 127.0.0.1 GET", dynamic(["127.0.0.2", "192.168.1.1"]))"#,
            result: "false",
        },
    ],
    lower: |_, args| Ok(call("has_any_ipv4", Kind::Bool, |args| rows(args, whole), checked(args)?)),
    ..HAS_IPV4
};

pub(super) static HAS_IPV4_PREFIX: Function = Function {
    name: "has_ipv4_prefix",
    summary: "Whether an IPv4 address that starts with a prefix is in a text. The prefix is a whole address, or \
              ends in a dot.",
    params: &[Param::one("text", Accepts::Text), Param::one("prefix", Accepts::Text)],
    examples: &[
        Example { query: r#"print has_ipv4_prefix("05:04:54 127.0.0.1 GET", "127.0.")"#, result: "true" },
        Example { query: r#"print has_ipv4_prefix("05:04:54 127.0.0.1 GET", "127.0")"#, result: "false" },
        Example { query: r#"print has_ipv4_prefix("05:04:54 127.0.0.256 GET", "127.0.")"#, result: "false" },
    ],
    lower: |_, args| Ok(call("has_ipv4_prefix", Kind::Bool, |args| rows(args, prefix), args)),
    ..HAS_IPV4
};

pub(super) static HAS_ANY_IPV4_PREFIX: Function = Function {
    name: "has_any_ipv4_prefix",
    summary: "Whether an IPv4 address that starts with one of several prefixes, which may be an array, is in a \
              text.",
    params: &[Param::one("text", Accepts::Text), Param::rest("prefix", Accepts::Any, 1, 64)],
    examples: &[
        Example {
            query: r#"print has_any_ipv4_prefix("05:04:54 127.0.0.1 GET", dynamic(["10.", "127.0."]))"#,
            result: "true",
        },
        Example {
            query: r#"print has_any_ipv4_prefix("05:04:54 127.0.0.1 GET", "192.168.", "10.")"#,
            result: "false",
        },
    ],
    lower: |_, args| Ok(call("has_any_ipv4_prefix", Kind::Bool, |args| rows(args, prefix), checked(args)?)),
    ..HAS_IPV4
};

/// The first octets that an address must have.
type Octets = Vec<u8>;

fn checked(args: Vec<Typed>) -> std::result::Result<Vec<Typed>, String> {
    match args.iter().skip(1).find(|arg| !matches!(arg.kind, Kind::String | Kind::Dynamic)) {
        Some(arg) => Err(format!("addresses are strings or an array of them, not a {}", arg.kind.name())),
        None => Ok(args),
    }
}

fn whole(text: &str) -> Option<Octets> {
    let octets = text.trim().split('.').map(octet).collect::<Option<Octets>>()?;
    (octets.len() == 4).then_some(octets)
}

fn prefix(text: &str) -> Option<Octets> {
    let Some(first) = text.trim().strip_suffix('.') else { return whole(text) };
    let octets = first.split('.').map(octet).collect::<Option<Octets>>()?;
    (octets.len() <= 3).then_some(octets)
}

fn octet(text: &str) -> Option<u8> {
    let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn rows(args: &Args, read: fn(&str) -> Option<Octets>) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    let wanted = (1..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    let constant = wanted.iter().all(|texts| texts.constant().is_some()).then(|| all(&wanted, 0, read));
    Ok(bool_rows(args.rows, |row| {
        let text = texts.text(row);
        Some(match &constant {
            Some(wanted) => has_any(text, wanted),
            None => has_any(text, &all(&wanted, row, read)),
        })
    }))
}

/// What a row asks for. An array stands for its elements.
fn all(wanted: &[Texts], row: usize, read: fn(&str) -> Option<Octets>) -> Vec<Octets> {
    let mut octets = Vec::new();
    for text in wanted.iter().filter_map(|texts| texts.get(row)) {
        match elements(Some(text)) {
            Some(elements) => octets.extend(elements.into_iter().filter_map(|e| read(&json::to_text(e)))),
            None => octets.extend(read(text)),
        }
    }
    octets
}

fn has_any(text: &str, wanted: &[Octets]) -> bool {
    if wanted.is_empty() {
        return false;
    }
    let bytes = text.as_bytes();
    let mut starts = (0..bytes.len()).filter(|at| {
        bytes[*at].is_ascii_digit() && !text[..*at].chars().next_back().is_some_and(char::is_alphanumeric)
    });
    starts.any(|at| {
        address_at(&text[at..]).is_some_and(|address| wanted.iter().any(|octets| address.starts_with(octets)))
    })
}

/// The address a text starts with, if nothing alphanumeric follows it.
fn address_at(text: &str) -> Option<[u8; 4]> {
    let (mut address, mut rest) = ([0; 4], text);
    for (at, part) in address.iter_mut().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix('.')?;
        }
        let end = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        *part = octet(&rest[..end])?;
        rest = &rest[end..];
    }
    (!rest.chars().next().is_some_and(char::is_alphanumeric)).then_some(address)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_in_texts() {
        for (text, address, expected) in [
            ("10.0.0.1", "10.0.0.1", true),
            ("from 10.0.0.1, to 10.0.0.2.", "10.0.0.2", true),
            ("10.0.0.12", "10.0.0.1", false),
            ("x10.0.0.1", "10.0.0.1", false),
            ("é10.0.0.1", "10.0.0.1", false),
            ("1.10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1a", "10.0.0.1", false),
            ("", "10.0.0.1", false),
        ] {
            assert_eq!(has_any(text, &[whole(address).unwrap()]), expected, "{text} {address}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_searched(text in "[0-9.é a]{0,30}") {
            has_any(&text, &[vec![1]]);
        }
    }
}
