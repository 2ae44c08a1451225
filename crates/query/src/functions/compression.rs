//! `zlib_compress_to_base64_string(text)`, `zlib_decompress_from_base64_string(text)`,
//! `gzip_compress_to_base64_string(text)`, `gzip_decompress_from_base64_string(text)`

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use model::Kind;

use super::arrays::BYTES_MAX;
use super::base64_text::LENIENT;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static ZLIB_COMPRESS: Function = Function {
    name: "zlib_compress_to_base64_string",
    summary: "A text compressed in the format of zlib, in Base64.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print zlib_compress_to_base64_string("1234567890qwertyuiop")"#,
            result: "eAEBFADr/zEyMzQ1Njc4OTBxd2VydHl1aW9wOAkGdw==",
        },
        Example {
            query: r#"print strlen(zlib_compress_to_base64_string(strrep("ab", 1000))) < 100"#,
            result: "true",
        },
    ],
    lower: |_, args| Ok(call("zlib_compress", Kind::String, |args| compressed(args, zlib), args)),
};

pub(super) static GZIP_COMPRESS: Function = Function {
    name: "gzip_compress_to_base64_string",
    summary: "A text compressed in the format of gzip, in Base64.",
    examples: &[Example {
        query: r#"print gzip_compress_to_base64_string("1234567890qwertyuiop")"#,
        result: "H4sIAAAAAAAA/wEUAOv/MTIzNDU2Nzg5MHF3ZXJ0eXVpb3A6m7f2FAAAAA==",
    }],
    lower: |_, args| Ok(call("gzip_compress", Kind::String, |args| compressed(args, gzip), args)),
    ..ZLIB_COMPRESS
};

pub(super) static ZLIB_DECOMPRESS: Function = Function {
    name: "zlib_decompress_from_base64_string",
    summary: "The text that was compressed in the format of zlib, given in Base64. Empty when it is not to be \
              read, is no UTF-8, or is longer than 1 MiB.",
    examples: &[
        Example {
            query: r#"print zlib_decompress_from_base64_string("eJwLSS0uUSguKcrMS1cwNDIGACxqBQ4=")"#,
            result: "Test string 123",
        },
        Example { query: r#"print zlib_decompress_from_base64_string("x0x0x0")"#, result: "" },
    ],
    lower: |_, args| {
        Ok(call(
            "zlib_decompress",
            Kind::String,
            |args| read(args, |bytes| text(ZlibDecoder::new(bytes))),
            args,
        ))
    },
    ..ZLIB_COMPRESS
};

pub(super) static GZIP_DECOMPRESS: Function = Function {
    name: "gzip_decompress_from_base64_string",
    summary: "The text that was compressed in the format of gzip, given in Base64. Empty when it is not to be \
              read, is no UTF-8, or is longer than 1 MiB.",
    examples: &[
        Example {
            query: r#"print gzip_decompress_from_base64_string("H4sIAAAAAAAA/wEUAOv/MTIzNDU2Nzg5MHF3ZXJ0eXVpb3A6m7f2FAAAAA==")"#,
            result: "1234567890qwertyuiop",
        },
        Example { query: r#"print gzip_decompress_from_base64_string("x0x0x0")"#, result: "" },
    ],
    lower: |_, args| {
        Ok(call(
            "gzip_decompress",
            Kind::String,
            |args| read(args, |bytes| text(GzDecoder::new(bytes))),
            args,
        ))
    },
    ..ZLIB_COMPRESS
};

/// Shorter texts are stored as they are: compressing them gains next to nothing.
const STORED_MAX: usize = 32;

fn level(text: &str) -> Compression {
    if text.len() <= STORED_MAX { Compression::none() } else { Compression::default() }
}

fn zlib(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), level(text));
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

fn gzip(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), level(text));
    encoder.write_all(text.as_bytes())?;
    let mut bytes = encoder.finish()?;
    // The hint how hard the compressor tried says nothing to a reader; without it equal texts of all lengths
    // start with the same header.
    if let Some(hint) = bytes.get_mut(8) {
        *hint = 0;
    }
    Ok(bytes)
}

fn compressed(args: &Args, compress: fn(&str) -> std::io::Result<Vec<u8>>) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    // Writing to memory does not fail.
    Ok(text_rows(args.rows, |row| compress(texts.text(row)).ok().map(|bytes| STANDARD.encode(bytes))))
}

fn read(args: &Args, decompress: fn(&[u8]) -> Option<String>) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let bytes = LENIENT.decode(texts.text(row).trim()).ok();
        Some(bytes.and_then(|bytes| decompress(&bytes)).unwrap_or_default())
    }))
}

fn text(decoder: impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    decoder.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= BYTES_MAX).then(|| String::from_utf8(bytes).ok()).flatten()
}
