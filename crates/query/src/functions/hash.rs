//! `hash(value, [modulus])`, `hash_xxhash64`, `hash_many(value, ...)`, `hash_combine(hash, ...)`

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use datafusion::error::Result;
use kql::literals::parse_guid;
use model::Kind;
use twox_hash::XxHash64;

use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};
use crate::typed::Typed;

pub(super) static HASH: Function = Function {
    name: "hash",
    summary: "The xxHash64 of a value's bytes, or what is left of it after division by a modulus. Null of null.",
    params: &[Param::one("value", Accepts::Any), Param::optional("modulus", Accepts::Integer)],
    returns: "long",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print hash("World")"#, result: "1846988464401551951" },
        Example { query: r#"print hash("World", 100)"#, result: "51" },
        Example { query: "print hash(datetime(2015-01-01))", result: "1380966698541616202" },
    ],
    lower: |_, mut args| {
        let modulus = (args.len() > 1).then(|| args.remove(1));
        let hash = hash_of(args.remove(0))?;
        Ok(match modulus {
            Some(modulus) => call("hash_modulus", Kind::Long, modulo, vec![hash, modulus]),
            None => hash,
        })
    },
};

pub(super) static HASH_XXHASH64: Function = Function {
    name: "hash_xxhash64",
    summary: "The same as hash.",
    examples: &[Example { query: r#"print hash_xxhash64("World")"#, result: "1846988464401551951" }],
    ..HASH
};

pub(super) static HASH_MANY: Function = Function {
    name: "hash_many",
    summary: "One hash of several values: hash_combine of the hash of each.",
    params: &[Param::rest("value", Accepts::Any, 2, 64)],
    examples: &[Example {
        query: r#"print hash_many("Hello", "World") == hash_combine(hash("Hello"), hash("World"))"#,
        result: "true",
    }],
    lower: |_, args| {
        let hashes = args.into_iter().map(hash_of).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(call("hash_combine", Kind::Long, combined, hashes))
    },
    ..HASH
};

pub(super) static HASH_COMBINE: Function = Function {
    name: "hash_combine",
    summary: "One hash made of several, in their order. Its values are our own.",
    params: &[Param::rest("hash", Accepts::Integer, 2, 64)],
    examples: &[
        Example { query: "print hash_combine(1, 2) == hash_combine(2, 1)", result: "false" },
        Example { query: "print hash_combine(1, 2) == hash_combine(1, 2)", result: "true" },
    ],
    lower: |_, args| Ok(call("hash_combine", Kind::Long, combined, args)),
    ..HASH
};

fn hash_of(value: Typed) -> std::result::Result<Typed, String> {
    Ok(match value.kind {
        Kind::Dynamic => return Err("a dynamic has no hash; convert it with tostring() first".to_owned()),
        Kind::Guid => call("hash_guid", Kind::Long, guid_hashes, vec![value]),
        Kind::Decimal => call("hash", Kind::Long, hashes, vec![convert::to_text(value)]),
        _ => call("hash", Kind::Long, hashes, vec![value]),
    })
}

fn hash_bytes(bytes: &[u8]) -> i64 {
    XxHash64::oneshot(0, bytes).cast_signed()
}

fn hashes(args: &Args) -> Result<ArrayRef> {
    let array = args.array(0)?;
    let valid = |row: usize| array.is_valid(row);
    let rows = 0..array.len();
    let hashes: Int64Array = match array.data_type() {
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>();
            rows.map(|row| valid(row).then(|| hash_bytes(&values.value(row).to_le_bytes()))).collect()
        }
        DataType::Int32 => {
            let values = array.as_primitive::<Int32Type>();
            rows.map(|row| valid(row).then(|| hash_bytes(&values.value(row).to_le_bytes()))).collect()
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            rows.map(|row| valid(row).then(|| hash_bytes(&values.value(row).to_le_bytes()))).collect()
        }
        DataType::Boolean => {
            let values = array.as_boolean();
            rows.map(|row| valid(row).then(|| hash_bytes(&[u8::from(values.value(row))]))).collect()
        }
        _ => {
            let texts = args.texts(0)?;
            rows.map(|row| Some(hash_bytes(texts.text(row).as_bytes()))).collect()
        }
    };
    Ok(std::sync::Arc::new(hashes))
}

fn guid_hashes(args: &Args) -> Result<ArrayRef> {
    let guids = args.texts(0)?;
    Ok(long_rows(args.rows, |row| Some(hash_bytes(&parse_guid(guids.get(row)?)?.to_le_bytes()))))
}

fn modulo(args: &Args) -> Result<ArrayRef> {
    let (hashes, moduli) = (args.longs(0)?, args.longs(1)?);
    Ok(long_rows(args.rows, |row| {
        let modulus = moduli.get(row)?;
        (modulus > 0).then(|| hashes.get(row)?.checked_rem_euclid(modulus)).flatten()
    }))
}

fn combined(args: &Args) -> Result<ArrayRef> {
    let hashes = (0..args.len()).map(|at| args.longs(at)).collect::<Result<Vec<_>>>()?;
    Ok(long_rows(args.rows, |row| {
        let mut seed = 0;
        for hashes in &hashes {
            seed = XxHash64::oneshot(seed, &hashes.get(row)?.to_le_bytes());
        }
        Some(seed.cast_signed())
    }))
}
