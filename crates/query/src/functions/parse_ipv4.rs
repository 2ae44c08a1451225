//! `parse_ipv4(address)`, `parse_ipv4_mask(address, prefix)`, `format_ipv4(address, [prefix])`,
//! `format_ipv4_mask(address, [prefix])`, `ipv4_netmask_suffix(address)`

use std::net::Ipv4Addr;

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::addresses::V4;
use super::arguments::{exactly, padded};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows, text_rows};
use crate::typed::Typed;

pub(super) static PARSE_IPV4: Function = Function {
    name: "parse_ipv4",
    summary: "An IPv4 address as a number, without the bits its prefix cuts off. Null when it is not to be \
              read.",
    params: &[Param::one("address", Accepts::Text)],
    returns: "long",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print parse_ipv4("10.0.0.1")"#, result: "167772161" },
        Example { query: r#"print parse_ipv4("10.0.0.77/24") == parse_ipv4("10.0.0.0")"#, result: "true" },
        Example { query: r#"print isnull(parse_ipv4("10.0.0"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("parse_ipv4", Kind::Long, numbers, padded(args, 2, Typed::long(32)))),
};

pub(super) static PARSE_IPV4_MASK: Function = Function {
    name: "parse_ipv4_mask",
    summary: "An IPv4 address as a number with only the first bits. Null when it is not to be read.",
    params: &[Param::one("address", Accepts::Text), Param::one("prefix", Accepts::Integer)],
    examples: &[Example {
        query: r#"print parse_ipv4_mask("10.0.0.77", 24) == parse_ipv4("10.0.0.0")"#,
        result: "true",
    }],
    ..PARSE_IPV4
};

pub(super) static IPV4_NETMASK_SUFFIX: Function = Function {
    name: "ipv4_netmask_suffix",
    summary: "The length of an IPv4 address's prefix, 32 where it has none.",
    examples: &[
        Example { query: r#"print ipv4_netmask_suffix("10.0.0.0/8")"#, result: "8" },
        Example { query: r#"print ipv4_netmask_suffix("10.0.0.1")"#, result: "32" },
    ],
    lower: |_, args| Ok(call("ipv4_netmask_suffix", Kind::Long, suffixes, args)),
    ..PARSE_IPV4
};

pub(super) static FORMAT_IPV4: Function = Function {
    name: "format_ipv4",
    summary: "An IPv4 address, given as text or number, without the bits a prefix cuts off. Empty when it \
              is none.",
    params: &[Param::one("address", Accepts::Any), Param::optional("prefix", Accepts::Integer)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print format_ipv4(167772161)", result: "10.0.0.1" },
        Example { query: r#"print format_ipv4("10.0.3.77", 24)"#, result: "10.0.3.0" },
        Example { query: r#"print format_ipv4("nowhere")"#, result: "" },
    ],
    lower: |_, args| {
        let [address, prefix] = exactly(padded(args, 2, Typed::long(32)))?;
        Ok(call("format_ipv4", Kind::String, texts, vec![convert::to_text(address), prefix]))
    },
};

pub(super) static FORMAT_IPV4_MASK: Function = Function {
    name: "format_ipv4_mask",
    summary: "An IPv4 network with its prefix, such as 10.0.0.0/8. Empty when there is none.",
    examples: &[
        Example { query: r#"print format_ipv4_mask("10.0.3.77", 24)"#, result: "10.0.3.0/24" },
        Example { query: r#"print format_ipv4_mask("10.0.3.77", -1)"#, result: "" },
    ],
    lower: |_, args| {
        let [address, prefix] = exactly(padded(args, 2, Typed::long(32)))?;
        Ok(call("format_ipv4_mask", Kind::String, masks, vec![convert::to_text(address), prefix]))
    },
    ..FORMAT_IPV4
};

fn masked(address: &str, prefix: Option<i64>) -> Option<V4> {
    let prefix = u32::try_from(prefix?).ok().filter(|prefix| *prefix <= 32)?;
    let address = match address.parse::<u32>() {
        Ok(address) => V4 { address, prefix },
        Err(_) => V4::parse(address)?.narrowed(prefix),
    };
    Some(address)
}

fn numbers(args: &Args) -> Result<ArrayRef> {
    let (texts, prefixes) = (args.texts(0)?, args.longs(1)?);
    Ok(long_rows(args.rows, |row| {
        let prefix = u32::try_from(prefixes.get(row)?).ok().filter(|prefix| *prefix <= 32)?;
        Some(V4::parse(texts.text(row))?.narrowed(prefix).network().into())
    }))
}

fn suffixes(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(long_rows(args.rows, |row| Some(V4::parse(texts.text(row))?.prefix.into())))
}

fn texts(args: &Args) -> Result<ArrayRef> {
    let (texts, prefixes) = (args.texts(0)?, args.longs(1)?);
    Ok(text_rows(args.rows, |row| {
        let address = masked(texts.text(row), prefixes.get(row));
        Some(address.map(|address| Ipv4Addr::from(address.network()).to_string()).unwrap_or_default())
    }))
}

fn masks(args: &Args) -> Result<ArrayRef> {
    let (texts, prefixes) = (args.texts(0)?, args.longs(1)?);
    Ok(text_rows(args.rows, |row| {
        let address = masked(texts.text(row), prefixes.get(row));
        let text = |address: V4| format!("{}/{}", Ipv4Addr::from(address.network()), address.prefix);
        Some(address.map(text).unwrap_or_default())
    }))
}
