//! `base64_decode_tostring(text)`, `base64_encode_tostring(text)`

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static BASE64_DECODE_TOSTRING: Function = Function {
    name: "base64_decode_tostring",
    summary: "The text that a Base64 text encodes; empty when it is no Base64, or encodes no UTF-8.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print base64_decode_tostring("aHVudGluZw==")"#, result: "hunting" },
        Example { query: r#"print base64_decode_tostring("aHVudGluZw")"#, result: "hunting" },
        Example { query: r#"print base64_decode_tostring("//79")"#, result: "" },
    ],
    lower: |_, args| Ok(call("base64_decode_tostring", Kind::String, decoded, args)),
};

pub(super) static BASE64_ENCODE_TOSTRING: Function = Function {
    name: "base64_encode_tostring",
    summary: "The text in Base64.",
    examples: &[Example { query: r#"print base64_encode_tostring("hunting")"#, result: "aHVudGluZw==" }],
    lower: |_, args| Ok(call("base64_encode_tostring", Kind::String, encoded, args)),
    ..BASE64_DECODE_TOSTRING
};

pub(super) static BASE64_DECODESTRING: Function = Function {
    name: "base64_decodestring",
    summary: "Old name of base64_decode_tostring.",
    ..BASE64_DECODE_TOSTRING
};

pub(super) static BASE64_ENCODESTRING: Function = Function {
    name: "base64_encodestring",
    summary: "Old name of base64_encode_tostring.",
    ..BASE64_ENCODE_TOSTRING
};

/// Command lines often lack the padding.
pub(super) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn decoded(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let bytes = LENIENT.decode(texts.text(row).trim()).unwrap_or_default();
        Some(String::from_utf8(bytes).unwrap_or_default())
    }))
}

fn encoded(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(STANDARD.encode(texts.text(row)))))
}
