//! What functions about columns calculate: `pack_all`, `bag_pack_columns`, `column_names_of`,
//! `estimate_data_size`.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use model::Kind;

use super::arrays::{array_of_texts, push_quoted};
use crate::convert;
use crate::kernel::{Args, call, long_rows, text_rows};
use crate::typed::Typed;

/// A bag of columns under their names.
pub(crate) fn packed(columns: Vec<(String, Typed)>, skips_empty: bool) -> Typed {
    let args = columns.into_iter().flat_map(|(name, typed)| [Typed::text(name), convert::to_dynamic(typed)]);
    match skips_empty {
        true => call("pack_present", Kind::Dynamic, |args| pack(args, true), args.collect()),
        false => call("pack_columns", Kind::Dynamic, |args| pack(args, false), args.collect()),
    }
}

fn pack(args: &Args, skips_empty: bool) -> Result<ArrayRef> {
    let values = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let mut bag = String::from("{");
        for pair in values.chunks_exact(2) {
            let value = pair[1].get(row).unwrap_or("null");
            if skips_empty && matches!(value, "null" | r#""""#) {
                continue;
            }
            if bag.len() > 1 {
                bag.push(',');
            }
            push_quoted(&mut bag, pair[0].text(row));
            bag.push(':');
            bag.push_str(value);
        }
        bag.push('}');
        Some(bag)
    }))
}

pub(crate) fn names(names: &[&str]) -> Typed {
    Typed::value(ScalarValue::Utf8View(Some(array_of_texts(names))), Kind::Dynamic)
}

/// About how many bytes values take together.
pub(crate) fn sizes(columns: Vec<Typed>) -> Typed {
    call("estimate_data_size", Kind::Long, size_rows, columns)
}

fn size_rows(args: &Args) -> Result<ArrayRef> {
    let columns = (0..args.len()).map(|at| args.array(at)).collect::<Result<Vec<_>>>()?;
    let size = |column: &ArrayRef, row: usize| match column.data_type() {
        DataType::Boolean => 1,
        DataType::Int32 => 4,
        DataType::Utf8View if column.is_valid(row) => column.as_string_view().value(row).len(),
        DataType::Utf8View => 0,
        _ => 8,
    };
    Ok(long_rows(args.rows, |row| {
        i64::try_from(columns.iter().map(|column| size(column, row)).sum::<usize>()).ok()
    }))
}
