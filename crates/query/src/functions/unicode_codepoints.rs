//! `unicode_codepoints_to_string(code, ...)`, `make_string`, `unicode_codepoints_from_string(text)`, `to_utf8`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::{BYTES_MAX, array_of, elements};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static UNICODE_CODEPOINTS_TO_STRING: Function = Function {
    name: "unicode_codepoints_to_string",
    summary: "The text of characters with the given codes, which may be numbers or arrays of them; at most 1 \
              MiB. What is no character is left out.",
    params: &[Param::rest("code", Accepts::Any, 1, 64)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print unicode_codepoints_to_string(75, 117, 115, 116, 111)", result: "Kusto" },
        Example {
            query: "print unicode_codepoints_to_string(dynamic([75, 117, 115]), 116, 111)",
            result: "Kusto",
        },
        Example { query: "print unicode_codepoints_to_string(range(48, 57))", result: "0123456789" },
    ],
    lower: |_, args| {
        if let Some(arg) = args.iter().find(|arg| !is_code(arg.kind)) {
            return Err(format!("argument 'code' takes a long or an array, not a {}", arg.kind.name()));
        }
        let args = args.into_iter().map(convert::to_dynamic).collect();
        Ok(call("unicode_codepoints_to_string", Kind::String, to_text, args))
    },
};

pub(super) static MAKE_STRING: Function = Function {
    name: "make_string",
    summary: "Old name of unicode_codepoints_to_string.",
    ..UNICODE_CODEPOINTS_TO_STRING
};

pub(super) static UNICODE_CODEPOINTS_FROM_STRING: Function = Function {
    name: "unicode_codepoints_from_string",
    summary: "The codes of a text's characters, as an array.",
    params: &[Param::one("text", Accepts::Any)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[Example {
        query: r#"print unicode_codepoints_from_string("⒦⒰⒮⒯⒪")"#,
        result: "[9382,9392,9390,9391,9386]",
    }],
    lower: |_, args| {
        let args = args.into_iter().map(convert::to_text).collect();
        Ok(call("unicode_codepoints_from_string", Kind::Dynamic, from_text, args))
    },
};

pub(super) static TO_UTF8: Function = Function {
    name: "to_utf8",
    summary: "Old name of unicode_codepoints_from_string.",
    ..UNICODE_CODEPOINTS_FROM_STRING
};

fn is_code(kind: Kind) -> bool {
    matches!(kind, Kind::Int | Kind::Long | Kind::Dynamic)
}

fn to_text(args: &Args) -> Result<ArrayRef> {
    let codes = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let mut text = String::new();
        for code in codes.iter().filter_map(|codes| codes.get(row)) {
            match elements(Some(code)) {
                Some(codes) => codes.into_iter().for_each(|code| push(&mut text, code)),
                None => push(&mut text, code),
            }
        }
        Some(text)
    }))
}

fn push(text: &mut String, code: &str) {
    let character = code.parse::<u32>().ok().and_then(char::from_u32);
    text.extend(character.filter(|character| text.len() + character.len_utf8() <= BYTES_MAX));
}

fn from_text(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(array_of(texts.text(row).chars().map(|c| u32::from(c).to_string())))))
}
