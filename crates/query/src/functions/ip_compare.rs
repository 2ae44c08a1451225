//! `ipv4_is_match(left, right, [prefix])`, `ipv4_compare(left, right, [prefix])`, and the same of IPv6

use std::cmp::Ordering;

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::addresses::{V4, V6};
use super::arguments::padded;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call, long_rows};
use crate::typed::Typed;

pub(super) static IPV4_IS_MATCH: Function = Function {
    name: "ipv4_is_match",
    summary: "Whether two IPv4 addresses are equal in the bits that both prefixes, and the third argument, \
              leave.",
    params: &[
        Param::one("left", Accepts::Text),
        Param::one("right", Accepts::Text),
        Param::optional("prefix", Accepts::Integer),
    ],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print ipv4_is_match("10.0.0.1/24", "10.0.0.200")"#, result: "true" },
        Example { query: r#"print ipv4_is_match("10.0.0.1", "10.0.1.1", 16)"#, result: "true" },
        Example { query: r#"print ipv4_is_match("10.0.0.1", "10.0.0.2")"#, result: "false" },
        Example { query: r#"print isnull(ipv4_is_match("10.0.0.1", "x"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("ipv4_is_match", Kind::Bool, v4_matches, padded(args, 3, Typed::long(32)))),
};

pub(super) static IPV4_COMPARE: Function = Function {
    name: "ipv4_compare",
    summary: "-1, 0 or 1: how two IPv4 addresses compare in the bits that both prefixes, and the third \
              argument, leave.",
    returns: "long",
    examples: &[
        Example { query: r#"print ipv4_compare("10.0.0.1", "10.0.0.2")"#, result: "-1" },
        Example { query: r#"print ipv4_compare("10.0.0.1/24", "10.0.0.2")"#, result: "0" },
    ],
    lower: |_, args| Ok(call("ipv4_compare", Kind::Long, v4_compares, padded(args, 3, Typed::long(32)))),
    ..IPV4_IS_MATCH
};

pub(super) static IPV6_IS_MATCH: Function = Function {
    name: "ipv6_is_match",
    summary: "Whether two IPv6 or IPv4 addresses are equal in the bits that both prefixes, and the third \
              argument, leave.",
    examples: &[
        Example { query: r#"print ipv6_is_match("fe80::1/64", "fe80::2")"#, result: "true" },
        Example { query: r#"print ipv6_is_match("::ffff:10.0.0.1", "10.0.0.1")"#, result: "true" },
        Example { query: r#"print ipv6_is_match("fe80::1", "fe80::2", 127)"#, result: "false" },
    ],
    lower: |_, args| Ok(call("ipv6_is_match", Kind::Bool, v6_matches, padded(args, 3, Typed::long(128)))),
    ..IPV4_IS_MATCH
};

pub(super) static IPV6_COMPARE: Function = Function {
    name: "ipv6_compare",
    summary: "-1, 0 or 1: how two IPv6 or IPv4 addresses compare in the bits that both prefixes, and the \
              third argument, leave.",
    returns: "long",
    examples: &[Example { query: r#"print ipv6_compare("fe80::2", "fe80::1")"#, result: "1" }],
    lower: |_, args| Ok(call("ipv6_compare", Kind::Long, v6_compares, padded(args, 3, Typed::long(128)))),
    ..IPV4_IS_MATCH
};

fn v4_order(left: &str, right: &str, prefix: i64) -> Option<Ordering> {
    let (left, right) = (V4::parse(left)?, V4::parse(right)?);
    let prefix = u32::try_from(prefix).ok()?.min(left.prefix).min(right.prefix);
    Some(left.narrowed(prefix).network().cmp(&right.narrowed(prefix).network()))
}

fn v6_order(left: &str, right: &str, prefix: i64) -> Option<Ordering> {
    let (left, right) = (V6::parse(left)?, V6::parse(right)?);
    let prefix = u32::try_from(prefix).ok()?;
    // Of two IPv4 addresses a short prefix counts their own bits.
    let prefix = if left.is_v4 && right.is_v4 && prefix <= 32 { prefix + 96 } else { prefix };
    let prefix = prefix.min(left.prefix).min(right.prefix);
    Some(left.narrowed(prefix).network().cmp(&right.narrowed(prefix).network()))
}

type Order = fn(&str, &str, i64) -> Option<Ordering>;

fn matches(args: &Args, order: Order) -> Result<ArrayRef> {
    let (left, right, prefixes) = (args.texts(0)?, args.texts(1)?, args.longs(2)?);
    Ok(bool_rows(args.rows, |row| Some(order(left.text(row), right.text(row), prefixes.get(row)?)?.is_eq())))
}

fn compares(args: &Args, order: Order) -> Result<ArrayRef> {
    let (left, right, prefixes) = (args.texts(0)?, args.texts(1)?, args.longs(2)?);
    Ok(long_rows(args.rows, |row| Some(order(left.text(row), right.text(row), prefixes.get(row)?)? as i64)))
}

fn v4_matches(args: &Args) -> Result<ArrayRef> {
    matches(args, v4_order)
}

fn v4_compares(args: &Args) -> Result<ArrayRef> {
    compares(args, v4_order)
}

fn v6_matches(args: &Args) -> Result<ArrayRef> {
    matches(args, v6_order)
}

fn v6_compares(args: &Args) -> Result<ArrayRef> {
    compares(args, v6_order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_prefixes_and_the_argument_count() {
        for (left, right, prefix, expected) in [
            ("192.168.1.1/30", "192.168.1.255/24", 32, Some(Ordering::Equal)),
            ("192.168.1.1", "192.168.1.0", 31, Some(Ordering::Equal)),
            ("192.168.1.1", "192.168.1.0", 32, Some(Ordering::Greater)),
            ("192.168.1.1", "192.168.1.1", -1, None),
        ] {
            assert_eq!(v4_order(left, right, prefix), expected, "{left} {right} {prefix}");
        }
        for (left, right, prefix, expected) in [
            ("192.168.1.1", "192.168.1.0", 31, Some(Ordering::Equal)),
            ("192.168.1.1", "192.168.2.0", 24, Some(Ordering::Less)),
            ("192.168.1.1/24", "::ffff:c0a8:01ff", 127, Some(Ordering::Equal)),
            ("::ffff:c0a8:0101", "192.168.1.255", 120, Some(Ordering::Equal)),
            ("fe80::85d:e82c:9446:7994/127", "fe80::85d:e82c:9446:7998", 120, Some(Ordering::Equal)),
        ] {
            assert_eq!(v6_order(left, right, prefix), expected, "{left} {right} {prefix}");
        }
    }
}
