//! `base64_decode_toarray(text)`, `base64_encode_fromarray(array)`, `base64_decode_toguid(text)`,
//! `base64_encode_fromguid(guid)`

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use kql::literals::{format_guid, parse_guid};
use model::Kind;

use super::arguments::exactly;
use super::arrays::{array_of, elements};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static BASE64_DECODE_TOARRAY: Function = Function {
    name: "base64_decode_toarray",
    summary: "The bytes that a Base64 text encodes, as an array of numbers; null when it is no Base64.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print base64_decode_toarray("S3VzdG8=")"#, result: "[75,117,115,116,111]" },
        Example { query: r#"print isnull(base64_decode_toarray("a"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("base64_decode_toarray", Kind::Dynamic, to_array, args)),
};

pub(super) static BASE64_ENCODE_FROMARRAY: Function = Function {
    name: "base64_encode_fromarray",
    summary: "An array of bytes in Base64; empty when an element is no byte.",
    params: &[Param::one("bytes", Accepts::Dynamic)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print base64_encode_fromarray(dynamic([75, 117]))", result: "S3U=" },
        Example { query: "print base64_encode_fromarray(dynamic([256]))", result: "" },
    ],
    lower: |_, args| Ok(call("base64_encode_fromarray", Kind::String, from_array, args)),
};

pub(super) static BASE64_DECODE_TOGUID: Function = Function {
    name: "base64_decode_toguid",
    summary: "The GUID whose 16 bytes a Base64 text encodes; null when it encodes anything else.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "guid",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print base64_decode_toguid("JpbpECu8dUy7Pv5gbeJXAA==")"#,
            result: "10e99626-bc2b-754c-bb3e-fe606de25700",
        },
        Example { query: r#"print isnull(base64_decode_toguid("AAAA"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("base64_decode_toguid", Kind::Guid, to_guid, args)),
};

pub(super) static BASE64_ENCODE_FROMGUID: Function = Function {
    name: "base64_encode_fromguid",
    summary: "The 16 bytes of a GUID in Base64.",
    params: &[Param::one("guid", Accepts::Any)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[Example {
        query: "print base64_encode_fromguid(guid(10e99626-bc2b-754c-bb3e-fe606de25700))",
        result: "JpbpECu8dUy7Pv5gbeJXAA==",
    }],
    lower: |_, args| {
        let [value] = exactly(args)?;
        match value.kind {
            Kind::Guid | Kind::String | Kind::Dynamic => {}
            kind => return Err(format!("argument 'guid' takes a guid, not a {}", kind.name())),
        }
        let guid = convert::to_guid(value);
        Ok(call("base64_encode_fromguid", Kind::String, from_guid, vec![guid]))
    },
};

fn to_array(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let bytes = STANDARD.decode(texts.text(row).trim()).ok()?;
        Some(array_of(bytes.iter().map(u8::to_string)))
    }))
}

fn from_array(args: &Args) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let elements = elements(arrays.get(row)).unwrap_or_default();
        let bytes: Option<Vec<u8>> = elements.into_iter().map(|element| element.parse().ok()).collect();
        Some(STANDARD.encode(bytes.unwrap_or_default()))
    }))
}

/// The first two fields of a GUID are little-endian in its bytes. (Source: the published documentation's example.)
fn swapped(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes
}

fn to_guid(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let bytes = STANDARD.decode(texts.text(row).trim()).ok()?;
        Some(format_guid(u128::from_be_bytes(swapped(bytes.try_into().ok()?))))
    }))
}

fn from_guid(args: &Args) -> Result<ArrayRef> {
    let guids = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let bytes = parse_guid(guids.text(row)).map(|guid| swapped(guid.to_be_bytes()));
        Some(bytes.map(|bytes| STANDARD.encode(bytes)).unwrap_or_default())
    }))
}
