//! `bag_pack(key, value, ...)`, `pack(key, value, ...)`, `pack_dictionary(key, value, ...)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::push_quoted;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static BAG_PACK: Function = Function {
    name: "bag_pack",
    summary: "A bag of keys and their values; null stays in it. Of a key that is given twice the last \
              value counts.",
    params: &[Param::rest("key, value", Accepts::Any, 2, 1024)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print bag_pack("a", 1, "b", "x")"#, result: r#"{"a":1,"b":"x"}"# },
        Example {
            query: r#"print bag_pack("t", 1h, "n", long(null))"#,
            result: r#"{"t":"01:00:00","n":null}"#,
        },
    ],
    lower: |_, args| {
        if args.len() % 2 == 1 {
            return Err("takes pairs of a key and a value".to_owned());
        }
        let pairs = args.into_iter().enumerate();
        let args =
            pairs.map(|(at, arg)| if at % 2 == 0 { convert::to_text(arg) } else { convert::to_dynamic(arg) });
        Ok(call("bag_pack", Kind::Dynamic, rows, args.collect()))
    },
};

pub(super) static PACK: Function = Function { name: "pack", summary: "Old name of bag_pack.", ..BAG_PACK };

pub(super) static PACK_DICTIONARY: Function =
    Function { name: "pack_dictionary", summary: "Old name of bag_pack.", ..BAG_PACK };

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    let pairs: Vec<_> = values.chunks_exact(2).collect();
    Ok(text_rows(args.rows, |row| {
        let mut bag = String::from("{");
        for (at, pair) in pairs.iter().enumerate() {
            let key = pair[0].text(row);
            if pairs[at + 1..].iter().any(|later| later[0].text(row) == key) {
                continue;
            }
            if bag.len() > 1 {
                bag.push(',');
            }
            push_quoted(&mut bag, key);
            bag.push(':');
            bag.push_str(pair[1].get(row).unwrap_or("null"));
        }
        bag.push('}');
        Some(bag)
    }))
}
