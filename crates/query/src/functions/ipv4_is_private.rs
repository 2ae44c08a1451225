//! `ipv4_is_private(address)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::addresses::V4;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call};

pub(super) static IPV4_IS_PRIVATE: Function = Function {
    name: "ipv4_is_private",
    summary: "Whether an IPv4 address is of a private network: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16.",
    params: &[Param::one("address", Accepts::Text)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print ipv4_is_private("172.20.0.7")"#, result: "true" },
        Example { query: r#"print ipv4_is_private("192.168.3.0/24")"#, result: "true" },
        Example { query: r#"print ipv4_is_private("8.8.8.8")"#, result: "false" },
        Example { query: r#"print isnull(ipv4_is_private("fe80::1"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("ipv4_is_private", Kind::Bool, rows, args)),
};

const PRIVATE: &[V4] = &[
    V4 { address: 0x0a00_0000, prefix: 8 },
    V4 { address: 0xac10_0000, prefix: 12 },
    V4 { address: 0xc0a8_0000, prefix: 16 },
];

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(bool_rows(args.rows, |row| {
        let address = V4::parse(texts.text(row))?;
        Some(PRIVATE.iter().any(|network| address.is_in(*network)))
    }))
}
