//! `hash_md5(value)`, `hash_sha1(value)`, `hash_sha256(value)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static HASH_MD5: Function = Function {
    name: "hash_md5",
    summary: "The MD5 of a value's text, in hexadecimal digits.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print hash_md5("World")"#, result: "f5a7924e621e84c9280a9a27e1bcb7f6" },
        Example { query: "print hash_md5(datetime(2020-01-01))", result: "786c530672d1f8db31fee25ea8a9390b" },
    ],
    lower: |_, args| Ok(call("hash_md5", Kind::String, |args| rows(args, md5), text(args)?)),
};

pub(super) static HASH_SHA1: Function = Function {
    name: "hash_sha1",
    summary: "The SHA-1 of a value's text, in hexadecimal digits.",
    examples: &[Example {
        query: r#"print hash_sha1("World")"#,
        result: "70c07ec18ef89c5309bbb0937f3a6342411e1fdd",
    }],
    lower: |_, args| Ok(call("hash_sha1", Kind::String, |args| rows(args, sha1), text(args)?)),
    ..HASH_MD5
};

pub(super) static HASH_SHA256: Function = Function {
    name: "hash_sha256",
    summary: "The SHA-256 of a value's text, in hexadecimal digits.",
    examples: &[Example {
        query: r#"print hash_sha256("World")"#,
        result: "78ae647dc5544d227130a0682a51e30bc7777fbb6d8a8f17007463a3ecd1d524",
    }],
    lower: |_, args| Ok(call("hash_sha256", Kind::String, |args| rows(args, sha256), text(args)?)),
    ..HASH_MD5
};

fn text(args: Vec<Typed>) -> std::result::Result<Vec<Typed>, String> {
    let [value] = exactly(args)?;
    match value.kind {
        Kind::Dynamic => Err("a dynamic has no hash; convert it with tostring() first".to_owned()),
        _ => Ok(vec![convert::to_text(value)]),
    }
}

fn rows(args: &Args, digest: fn(&[u8]) -> String) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(digest(texts.text(row).as_bytes()))))
}

fn md5(bytes: &[u8]) -> String {
    use md5::Digest;
    digits(&md5::Md5::digest(bytes))
}

fn sha1(bytes: &[u8]) -> String {
    use sha1::Digest;
    digits(&sha1::Sha1::digest(bytes))
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    digits(&sha2::Sha256::digest(bytes))
}

fn digits(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.map(|half| char::from(b"0123456789abcdef"[usize::from(half)])).collect()
}
