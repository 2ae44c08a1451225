//! Functions that give several values: columns beside each other where they stand alone in `extend` or `project`,
//! the first value elsewhere.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use serde_json::Value;

use crate::convert;
use crate::kernel::{Args, call_holding, text_rows};
use crate::typed::Typed;

/// A value among several: what its column's name ends in, and its kind.
pub(crate) type Part = (&'static str, Kind);

/// The values of a row, in the order of the parts; `None` when there are none.
pub(super) type Values = Option<Vec<Value>>;

/// How the values of a function are calculated.
pub(super) type Rows = fn(&Args) -> Result<Vec<Values>>;

/// All values of a call, as an array.
fn whole(name: &'static str, args: Vec<Typed>, rows: Rows) -> Typed {
    let eval = move |args: &Args| -> Result<ArrayRef> {
        let values = rows(args)?;
        Ok(text_rows(args.rows, |row| {
            values[row].as_ref().map(|values| Value::Array(values.clone()).to_string())
        }))
    };
    call_holding(name, Kind::Dynamic, Arc::new(eval), args)
}

/// Each value of a call, as its kind.
pub(super) fn parts(name: &'static str, args: Vec<Typed>, parts: &[Part], rows: Rows) -> Vec<Typed> {
    let whole = whole(name, args, rows);
    let part = |(at, (_, kind)): (usize, &Part)| {
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        convert::to_kind(convert::path(whole.clone(), vec![Typed::long(at)]), *kind)
    };
    parts.iter().enumerate().map(part).collect()
}

/// All values of a call as a bag with the names of the parts.
pub(super) fn bag(name: &'static str, args: Vec<Typed>, parts: &'static [Part], rows: Rows) -> Typed {
    let eval = move |args: &Args| -> Result<ArrayRef> {
        let values = rows(args)?;
        Ok(text_rows(args.rows, |row| {
            let values = values[row].as_ref()?;
            let bag = parts.iter().zip(values).map(|((name, _), value)| ((*name).to_owned(), value.clone()));
            Some(Value::Object(bag.collect()).to_string())
        }))
    };
    call_holding(name, Kind::Dynamic, Arc::new(eval), args)
}
