//! Scalar functions as the engine runs them: arrays in, one array out.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringViewArray, StringViewBuilder,
    cast::AsArray,
};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use model::Kind;

use crate::repeats::Repeats;
use crate::typed::{Typed, engine_type};

/// Bytes of one text that a function makes.
pub(crate) const TEXT_BYTES_MAX: usize = 16 << 20;
/// Bytes of all texts that a function makes for one batch.
const BATCH_BYTES_MAX: usize = 128 << 20;

thread_local! {
    /// A function on this thread made more text than it may, and stopped making it.
    static TOO_LONG: Cell<bool> = const { Cell::new(false) };
}

/// A text would be longer than one may be: the call fails, whatever it gives.
pub(crate) fn too_long() {
    TOO_LONG.set(true);
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[error(
    "function '{function}' makes more text than fits: {} bytes for a value, {} for some rows",
    TEXT_BYTES_MAX,
    BATCH_BYTES_MAX
)]
pub(crate) struct TooLong {
    pub function: &'static str,
}

/// Computes a function over one batch.
pub(crate) type Eval = fn(&Args) -> Result<ArrayRef>;

/// A function over one batch that holds something of the engine it runs in.
pub(crate) type Holding = Arc<dyn Fn(&Args) -> Result<ArrayRef> + Send + Sync>;

/// A call of a kernel. Two kernels with the same name and result kind must be the same function.
pub(crate) fn call(name: &'static str, returns: Kind, eval: Eval, args: Vec<Typed>) -> Typed {
    call_holding(name, returns, Arc::new(eval), args)
}

/// [`call`], where within one engine the same name has to mean that the same is held.
pub(crate) fn call_holding(name: &'static str, returns: Kind, eval: Holding, args: Vec<Typed>) -> Typed {
    let kernel = Kernel {
        name,
        returns: engine_type(returns),
        eval,
        signature: Signature::variadic_any(Volatility::Immutable),
    };
    let args = args.into_iter().map(|arg| arg.expr).collect();
    let udf = Arc::new(ScalarUDF::new_from_impl(kernel));
    Typed::new(Expr::ScalarFunction(ScalarFunction::new_udf(udf, args)), returns)
}

/// [`call`] of what gives another value each time: it is calculated for each row, also where nothing varies.
pub(crate) fn call_each_row(name: &'static str, returns: Kind, eval: Holding, args: Vec<Typed>) -> Typed {
    let signature = match args.is_empty() {
        true => Signature::nullary(Volatility::Volatile),
        false => Signature::variadic_any(Volatility::Volatile),
    };
    let kernel = Kernel { name, returns: engine_type(returns), eval, signature };
    let args = args.into_iter().map(|arg| arg.expr).collect();
    let udf = Arc::new(ScalarUDF::new_from_impl(kernel));
    Typed::new(Expr::ScalarFunction(ScalarFunction::new_udf(udf, args)), returns)
}

struct Kernel {
    name: &'static str,
    returns: DataType,
    eval: Holding,
    signature: Signature,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Kernel) -> bool {
        self.name == other.name && self.returns == other.returns
    }
}

impl Eq for Kernel {}

impl Hash for Kernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.returns.hash(state);
    }
}

impl Kernel {
    /// The only argument that varies, where it is text that repeats itself.
    fn repeated(&self, args: &[ColumnarValue]) -> Option<(usize, Repeats)> {
        if self.signature.volatility == Volatility::Volatile {
            return None;
        }
        let mut arrays = args.iter().enumerate().filter_map(|(at, arg)| match arg {
            ColumnarValue::Array(array) => Some((at, array)),
            ColumnarValue::Scalar(_) => None,
        });
        let (at, array) = arrays.next()?;
        if arrays.next().is_some() {
            return None;
        }
        Some((at, Repeats::find(array.as_string_view_opt()?)?))
    }
}

impl ScalarUDFImpl for Kernel {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = self.signature.volatility != Volatility::Volatile
            && args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        TOO_LONG.set(false);
        let array = match self.repeated(&args.args) {
            Some((at, repeats)) => {
                let mut values = args.args.clone();
                let ColumnarValue::Array(texts) = &args.args[at] else { return wrong(at, "an array") };
                values[at] = ColumnarValue::Array(repeats.values(texts)?);
                let calculated = (self.eval)(&Args { values: &values, rows: repeats.count() })?;
                repeats.spread(&calculated)?
            }
            None => (self.eval)(&Args { values: &args.args, rows })?,
        };
        if TOO_LONG.take() {
            return Err(DataFusionError::External(Box::new(TooLong { function: self.name })));
        }
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }
}

/// The arguments of a kernel for one batch.
pub(crate) struct Args<'a> {
    values: &'a [ColumnarValue],
    pub rows: usize,
}

/// A text argument: one value for the whole batch, or one for each row.
pub(crate) enum Texts {
    Constant(Option<String>),
    Rows(StringViewArray),
}

impl Texts {
    /// The text of a row; null when it has none.
    pub fn get(&self, row: usize) -> Option<&str> {
        match self {
            Texts::Constant(text) => text.as_deref(),
            Texts::Rows(rows) => rows.is_valid(row).then(|| rows.value(row)),
        }
    }

    /// The text of a row; empty when it has none.
    pub fn text(&self, row: usize) -> &str {
        self.get(row).unwrap_or_default()
    }

    pub fn constant(&self) -> Option<&str> {
        match self {
            Texts::Constant(text) => text.as_deref(),
            Texts::Rows(_) => None,
        }
    }
}

/// A number argument.
pub(crate) enum Longs {
    Constant(Option<i64>),
    Rows(Int64Array),
}

impl Longs {
    pub fn get(&self, row: usize) -> Option<i64> {
        match self {
            Longs::Constant(number) => *number,
            Longs::Rows(rows) => rows.is_valid(row).then(|| rows.value(row)),
        }
    }
}

/// Arguments as the engine passes them, for functions that are not kernels.
pub(crate) fn args(values: &[ColumnarValue], rows: usize) -> Args<'_> {
    Args { values, rows }
}

impl Args<'_> {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn array(&self, at: usize) -> Result<ArrayRef> {
        self.values[at].to_array(self.rows)
    }

    /// Argument `at` as text. Kinds held as text only.
    pub fn texts(&self, at: usize) -> Result<Texts> {
        match &self.values[at] {
            ColumnarValue::Scalar(value) => match value.try_as_str() {
                Some(text) => Ok(Texts::Constant(text.map(str::to_owned))),
                None if value.is_null() => Ok(Texts::Constant(None)),
                None => wrong(at, "text"),
            },
            ColumnarValue::Array(array) => match array.data_type() {
                DataType::Utf8View => Ok(Texts::Rows(array.as_string_view().clone())),
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Dictionary(_, _) => {
                    let view = datafusion::arrow::compute::cast(array, &DataType::Utf8View)?;
                    Ok(Texts::Rows(view.as_string_view().clone()))
                }
                DataType::Null => Ok(Texts::Constant(None)),
                _ => wrong(at, "text"),
            },
        }
    }

    /// Argument `at` as 64-bit integers: `int`, `long`, `datetime`, `timespan`.
    pub fn longs(&self, at: usize) -> Result<Longs> {
        match &self.values[at] {
            ColumnarValue::Scalar(ScalarValue::Int64(number)) => Ok(Longs::Constant(*number)),
            ColumnarValue::Scalar(ScalarValue::Int32(number)) => Ok(Longs::Constant(number.map(i64::from))),
            ColumnarValue::Scalar(value) if value.is_null() => Ok(Longs::Constant(None)),
            ColumnarValue::Scalar(_) => wrong(at, "an integer"),
            ColumnarValue::Array(array) => {
                let array = datafusion::arrow::compute::cast(array, &DataType::Int64)?;
                Ok(Longs::Rows(array.as_primitive::<Int64Type>().clone()))
            }
        }
    }

    /// Argument `at` as integers when it holds integers, else as text.
    pub fn longs_or_texts(&self, at: usize) -> Result<std::result::Result<Longs, Texts>> {
        match self.values[at].data_type() {
            DataType::Int64 | DataType::Int32 => Ok(Ok(self.longs(at)?)),
            _ => Ok(Err(self.texts(at)?)),
        }
    }

    /// Argument `at` as reals, whatever kind of number it is.
    pub fn reals(&self, at: usize) -> Result<Float64Array> {
        let array = datafusion::arrow::compute::cast(&self.array(at)?, &DataType::Float64)?;
        Ok(array.as_primitive::<Float64Type>().clone())
    }

    pub fn bools(&self, at: usize) -> Result<BooleanArray> {
        Ok(self.array(at)?.as_boolean().clone())
    }
}

fn wrong<T>(at: usize, expected: &str) -> Result<T> {
    Err(DataFusionError::Internal(format!("argument {at} of a function is not {expected}")))
}

/// Builds a text result row by row.
pub(crate) fn text_rows<'a, T: AsRef<str> + 'a>(
    rows: usize,
    mut value: impl FnMut(usize) -> Option<T>,
) -> ArrayRef {
    let mut builder = StringViewBuilder::with_capacity(rows);
    let mut bytes = 0;
    for row in 0..rows {
        // What is left makes no difference when there is too much already.
        let value = if TOO_LONG.get() { None } else { value(row) };
        match value {
            Some(text) => {
                let text = text.as_ref();
                bytes += text.len();
                if text.len() > TEXT_BYTES_MAX || bytes > BATCH_BYTES_MAX {
                    too_long();
                    builder.append_null();
                } else {
                    builder.append_value(text);
                }
            }
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

pub(crate) fn long_rows(rows: usize, value: impl Fn(usize) -> Option<i64>) -> ArrayRef {
    Arc::new((0..rows).map(value).collect::<Int64Array>())
}

pub(crate) fn int_rows(rows: usize, value: impl Fn(usize) -> Option<i32>) -> ArrayRef {
    Arc::new((0..rows).map(value).collect::<Int32Array>())
}

pub(crate) fn real_rows(rows: usize, value: impl Fn(usize) -> Option<f64>) -> ArrayRef {
    Arc::new((0..rows).map(value).collect::<Float64Array>())
}

pub(crate) fn bool_rows(rows: usize, value: impl Fn(usize) -> Option<bool>) -> ArrayRef {
    Arc::new((0..rows).map(value).collect::<BooleanArray>())
}
