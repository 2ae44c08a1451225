//! `punycode_from_string(text)`, `punycode_to_string(text)`, `punycode_domain_to_string(domain)`,
//! `punycode_domain_from_string(domain)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use idna::punycode::{decode_to_string, encode_str};
use model::Kind;

use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static PUNYCODE_FROM_STRING: Function = Function {
    name: "punycode_from_string",
    summary: "A text in Punycode; empty when it is too long for that.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[Example {
        query: r#"print punycode_from_string("académie-française")"#,
        result: "acadmie-franaise-npb1a",
    }],
    lower: |_, args| Ok(call("punycode_from_string", Kind::String, encoded, args)),
};

pub(super) static PUNYCODE_TO_STRING: Function = Function {
    name: "punycode_to_string",
    summary: "The text that Punycode stands for; empty when it is none.",
    examples: &[
        Example {
            query: r#"print punycode_to_string("acadmie-franaise-npb1a")"#,
            result: "académie-française",
        },
        Example { query: r#"print punycode_to_string("é")"#, result: "" },
    ],
    lower: |_, args| Ok(call("punycode_to_string", Kind::String, decoded, args)),
    ..PUNYCODE_FROM_STRING
};

pub(super) static PUNYCODE_DOMAIN_TO_STRING: Function = Function {
    name: "punycode_domain_to_string",
    summary: "A domain with each of its labels that is not ASCII in Punycode, behind `xn--`.",
    params: &[Param::one("domain", Accepts::Text)],
    examples: &[Example {
        query: r#"print punycode_domain_to_string("艺术.com")"#,
        result: "xn--cqv902d.com",
    }],
    lower: |_, args| Ok(call("punycode_domain_to_string", Kind::String, |args| each(args, to_ascii), args)),
    ..PUNYCODE_FROM_STRING
};

pub(super) static PUNYCODE_DOMAIN_FROM_STRING: Function = Function {
    name: "punycode_domain_from_string",
    summary: "A domain with each of its labels that is Punycode, behind `xn--`, as the text it stands for.",
    params: &[Param::one("domain", Accepts::Text)],
    examples: &[
        Example { query: r#"print punycode_domain_from_string("xn--cqv902d.com")"#, result: "艺术.com" },
        Example { query: r#"print punycode_domain_from_string("xn--é.com")"#, result: "" },
    ],
    lower: |_, args| {
        Ok(call("punycode_domain_from_string", Kind::String, |args| each(args, to_unicode), args))
    },
    ..PUNYCODE_FROM_STRING
};

const MARK: &str = "xn--";
/// The full stop, and what stands for it in other scripts.
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

fn each(args: &Args, convert: fn(&str) -> String) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(convert(texts.text(row)))))
}

fn encoded(args: &Args) -> Result<ArrayRef> {
    each(args, |text| encode_str(text).unwrap_or_default())
}

fn decoded(args: &Args) -> Result<ArrayRef> {
    each(args, |text| decode_to_string(text).unwrap_or_default())
}

fn to_ascii(domain: &str) -> String {
    let labels = domain.split(DOTS).map(|label| match label.is_ascii() {
        true => Some(label.to_owned()),
        false => Some(format!("{MARK}{}", encode_str(label)?)),
    });
    labels.collect::<Option<Vec<_>>>().unwrap_or_default().join(".")
}

fn to_unicode(domain: &str) -> String {
    let labels = domain.split(DOTS).map(|label| match label.strip_prefix(MARK) {
        None => Some(label.to_owned()),
        Some(code) => decode_to_string(code),
    });
    labels.collect::<Option<Vec<_>>>().unwrap_or_default().join(".")
}
