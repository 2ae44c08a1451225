//! `ipv4_is_in_range(address, range)`, `ipv4_is_in_any_range(address, range, ...)`, and the same of IPv6

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::addresses::{V4, V6};
use super::arrays::elements;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::json;
use crate::kernel::{Args, Texts, bool_rows, call};
use crate::typed::Typed;

pub(super) static IPV4_IS_IN_RANGE: Function = Function {
    name: "ipv4_is_in_range",
    summary: "Whether an IPv4 address is in a range such as 10.0.0.0/8. Null where one of them is not to \
              be read.",
    params: &[Param::one("address", Accepts::Text), Param::one("range", Accepts::Text)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print ipv4_is_in_range("10.1.2.3", "10.0.0.0/8")"#, result: "true" },
        Example { query: r#"print ipv4_is_in_range("11.1.2.3", "10.0.0.0/8")"#, result: "false" },
        Example { query: r#"print isnull(ipv4_is_in_range("somewhere", "10.0.0.0/8"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("ipv4_is_in_range", Kind::Bool, v4_range, args)),
};

pub(super) static IPV4_IS_IN_ANY_RANGE: Function = Function {
    name: "ipv4_is_in_any_range",
    summary: "Whether an IPv4 address is in one of several ranges, which may be an array. Null where the \
              address is not to be read.",
    params: &[Param::one("address", Accepts::Text), Param::rest("range", Accepts::Any, 1, 64)],
    examples: &[
        Example {
            query: r#"print ipv4_is_in_any_range("192.168.1.6", "10.0.0.0/8", "192.168.0.0/16")"#,
            result: "true",
        },
        Example {
            query: r#"print ipv4_is_in_any_range("8.8.8.8", dynamic(["10.0.0.0/8", "127.0.0.0/8"]))"#,
            result: "false",
        },
    ],
    lower: |_, args| Ok(call("ipv4_is_in_any_range", Kind::Bool, v4_ranges, checked(args)?)),
    ..IPV4_IS_IN_RANGE
};

pub(super) static IPV6_IS_IN_RANGE: Function = Function {
    name: "ipv6_is_in_range",
    summary: "Whether an IPv6 or IPv4 address is in a range such as fe80::/10. Null where one is not to be \
              read.",
    examples: &[
        Example { query: r#"print ipv6_is_in_range("fe80::12", "fe80::/10")"#, result: "true" },
        Example { query: r#"print ipv6_is_in_range("10.1.2.3", "::ffff:10.0.0.0/104")"#, result: "true" },
    ],
    lower: |_, args| Ok(call("ipv6_is_in_range", Kind::Bool, v6_range, args)),
    ..IPV4_IS_IN_RANGE
};

pub(super) static IPV6_IS_IN_ANY_RANGE: Function = Function {
    name: "ipv6_is_in_any_range",
    summary: "Whether an IPv6 or IPv4 address is in one of several ranges, which may be an array. Null \
              where the address is not to be read.",
    examples: &[Example {
        query: r#"print ipv6_is_in_any_range("fe80::12", dynamic(["::1", "fe80::/10"]))"#,
        result: "true",
    }],
    lower: |_, args| Ok(call("ipv6_is_in_any_range", Kind::Bool, v6_ranges, checked(args)?)),
    ..IPV4_IS_IN_ANY_RANGE
};

fn checked(args: Vec<Typed>) -> std::result::Result<Vec<Typed>, String> {
    match args.iter().skip(1).find(|arg| !matches!(arg.kind, Kind::String | Kind::Dynamic)) {
        Some(arg) => Err(format!("ranges are strings or an array of them, not a {}", arg.kind.name())),
        None => Ok(args),
    }
}

fn v4_range(args: &Args) -> Result<ArrayRef> {
    let (addresses, ranges) = (args.texts(0)?, args.texts(1)?);
    let constant = ranges.constant().map(V4::parse);
    Ok(bool_rows(args.rows, |row| {
        let range = constant.unwrap_or_else(|| V4::parse(ranges.text(row)))?;
        Some(V4::parse(addresses.text(row))?.is_in(range))
    }))
}

fn v6_range(args: &Args) -> Result<ArrayRef> {
    let (addresses, ranges) = (args.texts(0)?, args.texts(1)?);
    let constant = ranges.constant().map(V6::parse);
    Ok(bool_rows(args.rows, |row| {
        let range = constant.unwrap_or_else(|| V6::parse(ranges.text(row)))?;
        Some(V6::parse(addresses.text(row))?.is_in(range))
    }))
}

fn v4_ranges(args: &Args) -> Result<ArrayRef> {
    any_range(args, V4::parse, V4::is_in)
}

fn v6_ranges(args: &Args) -> Result<ArrayRef> {
    any_range(args, V6::parse, V6::is_in)
}

fn any_range<A: Copy>(
    args: &Args,
    parse: fn(&str) -> Option<A>,
    is_in: fn(A, A) -> bool,
) -> Result<ArrayRef> {
    let addresses = args.texts(0)?;
    let ranges = (1..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    // Ranges mostly are constants: those are read once.
    let constant: Vec<A> =
        ranges.iter().filter_map(Texts::constant).flat_map(|text| read(text, parse)).collect();
    let others: Vec<&Texts> = ranges.iter().filter(|text| text.constant().is_none()).collect();
    Ok(bool_rows(args.rows, |row| {
        let address = parse(addresses.text(row))?;
        let of_row = || others.iter().flat_map(|text| read(text.text(row), parse));
        Some(
            constant.iter().any(|range| is_in(address, *range))
                || of_row().any(|range| is_in(address, range)),
        )
    }))
}

/// The ranges of a text: an array of them, or one.
fn read<A>(text: &str, parse: fn(&str) -> Option<A>) -> Vec<A> {
    match elements(Some(text)) {
        Some(elements) => elements.into_iter().filter_map(|element| parse(&json::to_text(element))).collect(),
        // A dynamic that holds one string is that string in quotes.
        None => parse(text.trim_matches('"')).into_iter().collect(),
    }
}
