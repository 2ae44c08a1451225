//! `parse_ipv6(address)`, `parse_ipv6_mask(address, prefix)`, `ipv4_range_to_cidr_list(start, end)`

use std::net::Ipv4Addr;

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::addresses::{V4, V6};
use super::arguments::padded;
use super::arrays::array_of_texts;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static PARSE_IPV6: Function = Function {
    name: "parse_ipv6",
    summary: "An IPv6 or IPv4 address as a full IPv6 address, without the bits its prefix cuts off. Empty when \
              it is not to be read.",
    params: &[Param::one("address", Accepts::Text)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print parse_ipv6("192.168.255.255")"#,
            result: "0000:0000:0000:0000:0000:ffff:c0a8:ffff",
        },
        Example {
            query: r#"print parse_ipv6("fe80::85d:e82c:9446:7994/120")"#,
            result: "fe80:0000:0000:0000:085d:e82c:9446:7900",
        },
        Example { query: r#"print parse_ipv6("nowhere")"#, result: "" },
    ],
    lower: |_, args| Ok(call("parse_ipv6", Kind::String, rows, padded(args, 2, Typed::long(128)))),
};

pub(super) static PARSE_IPV6_MASK: Function = Function {
    name: "parse_ipv6_mask",
    summary: "An IPv6 or IPv4 address as a full IPv6 address with only the first bits. Empty when it is not to \
              be read.",
    params: &[Param::one("address", Accepts::Text), Param::one("prefix", Accepts::Integer)],
    examples: &[
        Example {
            query: r#"print parse_ipv6_mask("192.168.255.255", 120)"#,
            result: "0000:0000:0000:0000:0000:ffff:c0a8:ff00",
        },
        Example {
            query: r#"print parse_ipv6_mask("fe80::85d:e82c:9446:7994", 64)"#,
            result: "fe80:0000:0000:0000:0000:0000:0000:0000",
        },
    ],
    ..PARSE_IPV6
};

pub(super) static IPV4_RANGE_TO_CIDR_LIST: Function = Function {
    name: "ipv4_range_to_cidr_list",
    summary: "The fewest ranges such as 10.0.0.0/8 that together hold the IPv4 addresses from one to another. \
              Null when one is not to be read, or they stand in the wrong order.",
    params: &[Param::one("start", Accepts::Text), Param::one("end", Accepts::Text)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print ipv4_range_to_cidr_list("1.1.128.0", "1.1.140.255")"#,
            result: r#"["1.1.128.0/21","1.1.136.0/22","1.1.140.0/24"]"#,
        },
        Example {
            query: r#"print ipv4_range_to_cidr_list("0.0.0.0", "255.255.255.255")"#,
            result: r#"["0.0.0.0/0"]"#,
        },
    ],
    lower: |_, args| Ok(call("ipv4_range_to_cidr_list", Kind::Dynamic, ranges, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (addresses, prefixes) = (args.texts(0)?, args.longs(1)?);
    Ok(text_rows(args.rows, |row| {
        let address = prefixes.get(row).and_then(|prefix| {
            let prefix = u32::try_from(prefix).ok().filter(|prefix| *prefix <= 128)?;
            V6::parse(addresses.text(row)).map(|address| address.narrowed(prefix).network())
        });
        Some(address.map(full).unwrap_or_default())
    }))
}

/// All eight groups of an address with all their digits.
fn full(address: u128) -> String {
    let groups = (0..8).rev().map(|group| format!("{:04x}", (address >> (group * 16)) & 0xffff));
    groups.collect::<Vec<_>>().join(":")
}

fn ranges(args: &Args) -> Result<ArrayRef> {
    let (starts, ends) = (args.texts(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| {
        let (start, end) = (V4::parse(starts.text(row))?.address, V4::parse(ends.text(row))?.address);
        (start <= end).then(|| array_of_texts(cover(start, end)))
    }))
}

/// At each step the largest range that starts at the first address left and does not go beyond the last.
fn cover(start: u32, end: u32) -> Vec<String> {
    let (mut at, end) = (u64::from(start), u64::from(end));
    let mut ranges = Vec::new();
    while at <= end {
        let aligned = if at == 0 { 32 } else { at.trailing_zeros().min(32) };
        let fits = (end - at + 1).ilog2();
        let bits = aligned.min(fits);
        let address = u32::try_from(at).unwrap_or(u32::MAX);
        ranges.push(format!("{}/{}", Ipv4Addr::from(address), 32 - bits));
        at += 1u64 << bits;
    }
    ranges
}
