//! Dynamic values as lists of their elements, for `mv-expand` and `mv-apply`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use datafusion::arrow::array::{
    ArrayRef, AsArray, Int64Array, Int64Builder, ListArray, ListBuilder, StringViewArray, StringViewBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use model::Kind;
use serde_json::Value;

use crate::json;
use crate::kernel::{self, Texts, TooLong};
use crate::repeats::Repeats;
use crate::typed::{Typed, is_numeric};

/// Elements that some rows may have together, which are expanded at a time.
const ELEMENTS_MAX: usize = 2 << 20;
/// Bytes of them.
const BYTES_MAX: usize = 128 << 20;

/// How values become elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Expansion {
    /// A bag gives `["key", value]` for each key, not `{"key": value}`.
    pub bags_as_arrays: bool,
    /// Elements that one value may give.
    pub limit: usize,
}

/// The elements of a dynamic value as a list of JSON texts. Elements that do not conform to `kind` are null.
pub(crate) fn elements(value: Typed, kind: Kind, expansion: Expansion) -> Typed {
    let no_text = is_numeric(kind) || kind == Kind::Bool;
    list_call(Elements { what: What::Values { no_text }, expansion, signature: any() }, vec![value])
}

/// The positions of the elements of the longest of several values.
pub(crate) fn positions(values: Vec<Typed>, expansion: Expansion) -> Typed {
    list_call(Elements { what: What::Positions, expansion, signature: any() }, values)
}

fn any() -> Signature {
    Signature::variadic_any(Volatility::Immutable)
}

fn list_call(function: impl ScalarUDFImpl + 'static, args: Vec<Typed>) -> Typed {
    let udf = Arc::new(ScalarUDF::new_from_impl(function));
    let args = args.into_iter().map(|arg| arg.expr).collect();
    Typed::new(Expr::ScalarFunction(ScalarFunction::new_udf(udf, args)), Kind::Dynamic)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    /// JSON texts; strings are null when they do not conform.
    Values {
        no_text: bool,
    },
    Positions,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Elements {
    what: What,
    expansion: Expansion,
    signature: Signature,
}

impl ScalarUDFImpl for Elements {
    fn name(&self) -> &str {
        match self.what {
            What::Values { .. } => "elements",
            What::Positions => "positions",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        let element = match self.what {
            What::Values { .. } => DataType::Utf8View,
            What::Positions => DataType::Int64,
        };
        Ok(DataType::List(Arc::new(Field::new_list_field(element, true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let args = kernel::args(&args.args, rows);
        let texts = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
        let array: ArrayRef = match self.what {
            What::Values { no_text } => match texts.first() {
                Some(Texts::Rows(texts)) => match Repeats::find(texts) {
                    Some(repeats) => self.repeated(texts, repeats, no_text)?,
                    None => Arc::new(self.lists(texts.iter(), no_text)?),
                },
                texts => {
                    let text = texts.and_then(|texts| texts.get(0));
                    Arc::new(self.lists(std::iter::repeat_n(text, rows), no_text)?)
                }
            },
            What::Positions => {
                let mut made = Made::default();
                let mut list = ListBuilder::new(Int64Builder::new());
                for row in 0..rows {
                    let counts = texts.iter().map(|texts| {
                        let mut count = 0;
                        each_element(texts.get(row), self.expansion, |_| count += 1);
                        count
                    });
                    for at in 0..counts.max().unwrap_or(0) {
                        if made.add(0) {
                            list.values().append_value(at);
                        }
                    }
                    made.check()?;
                    list.append(true);
                }
                Arc::new(list.finish())
            }
        };
        Ok(ColumnarValue::Array(array))
    }
}

impl Elements {
    fn lists<'t>(&self, texts: impl Iterator<Item = Option<&'t str>>, no_text: bool) -> Result<ListArray> {
        let mut list = ListBuilder::new(StringViewBuilder::new());
        let mut made = Made::default();
        for text in texts {
            each_element(text, self.expansion, |element| {
                let is_text = element.starts_with('"');
                let conforms = element != "null" && !(no_text && is_text);
                if !made.add(element.len()) {
                    return;
                }
                list.values().append_option(conforms.then_some(element));
            });
            made.check()?;
            list.append(true);
        }
        Ok(list.finish())
    }

    /// The elements of texts that repeat themselves: found once, and shared by the rows.
    fn repeated(&self, texts: &StringViewArray, repeats: Repeats, no_text: bool) -> Result<ArrayRef> {
        let distinct = repeats.values(texts)?;
        let lists = self.lists(distinct.as_string_view().iter(), no_text)?;
        let lengths = repeats.rows().iter().map(|at| lists.value_length(*at as usize) as usize);
        Made { elements: lengths.sum(), bytes: 0 }.check()?;
        repeats.spread(&lists)
    }
}

/// What was made of some rows so far.
#[derive(Default)]
struct Made {
    elements: usize,
    bytes: usize,
}

impl Made {
    /// Counts an element, and says whether it fits.
    fn add(&mut self, bytes: usize) -> bool {
        self.elements += 1;
        self.bytes += bytes;
        self.elements <= ELEMENTS_MAX && self.bytes <= BYTES_MAX
    }

    fn check(&self) -> Result<()> {
        if self.elements <= ELEMENTS_MAX && self.bytes <= BYTES_MAX {
            return Ok(());
        }
        Err(DataFusionError::External(Box::new(TooLong { function: "mv-expand" })))
    }
}

/// An array gives its elements, a bag its keys with their values, null one null, anything else itself.
fn each_element(text: Option<&str>, expansion: Expansion, mut give: impl FnMut(&str)) {
    let Some(text) = text.map(str::trim) else { return give("null") };
    match text.as_bytes().first() {
        Some(b'[') => match json::elements(text) {
            Some(elements) => elements.into_iter().take(expansion.limit).for_each(give),
            None => give(text),
        },
        Some(b'{') => match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(bag)) => {
                for (key, value) in bag.iter().take(expansion.limit) {
                    let key = json::quote(key);
                    give(&match expansion.bags_as_arrays {
                        true => format!("[{key},{value}]"),
                        false => format!("{{{key}:{value}}}"),
                    });
                }
            }
            _ => give(text),
        },
        None => give("null"),
        Some(_) => give(text),
    }
}

/// A number for each row, different from those of all other rows.
pub(crate) fn row_ids() -> Typed {
    let ids =
        RowIds { next: Arc::new(AtomicI64::new(0)), signature: Signature::nullary(Volatility::Volatile) };
    let udf = Arc::new(ScalarUDF::new_from_impl(ids));
    Typed::new(Expr::ScalarFunction(ScalarFunction::new_udf(udf, Vec::new())), Kind::Long)
}

#[derive(Debug)]
struct RowIds {
    next: Arc<AtomicI64>,
    signature: Signature,
}

impl PartialEq for RowIds {
    fn eq(&self, other: &RowIds) -> bool {
        Arc::ptr_eq(&self.next, &other.next)
    }
}

impl Eq for RowIds {}

impl Hash for RowIds {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::hash(Arc::as_ptr(&self.next), state);
    }
}

impl ScalarUDFImpl for RowIds {
    fn name(&self) -> &str {
        "row_ids"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows as i64;
        let first = self.next.fetch_add(rows, Ordering::Relaxed);
        Ok(ColumnarValue::Array(Arc::new((first..first + rows).collect::<Int64Array>())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_any_value() {
        for (text, bags_as_arrays, limit, expected) in [
            (Some(r#"[1, "a", null, [2]]"#), false, 10, vec!["1", r#""a""#, "null", "[2]"]),
            (Some("[1,2,3]"), false, 2, vec!["1", "2"]),
            (Some("[]"), false, 10, vec![]),
            (Some("{}"), false, 10, vec![]),
            (None, false, 10, vec!["null"]),
            (Some("5"), false, 10, vec!["5"]),
            (Some(r#"{"b": 1, "a": [2]}"#), false, 10, vec![r#"{"b":1}"#, r#"{"a":[2]}"#]),
            (Some(r#"{"b": 1, "a": [2]}"#), true, 1, vec![r#"["b",1]"#]),
        ] {
            let mut given = Vec::new();
            each_element(text, Expansion { bags_as_arrays, limit }, |element| given.push(element.to_owned()));
            assert_eq!(given, expected, "{text:?}");
        }
    }
}
