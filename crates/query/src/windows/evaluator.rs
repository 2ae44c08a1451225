//! What functions over the order of rows remember from row to row.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDFImpl};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum OrderedFunction {
    /// Arguments: restart.
    Number {
        start: i64,
    },
    /// Arguments: value, restart.
    Sum,
    DenseRank,
    MinRank,
    /// Arguments: time, distance from the first, distance from the one before, restart.
    Session,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct InOrder {
    function: OrderedFunction,
    name: String,
    returns: DataType,
    signature: Signature,
}

impl InOrder {
    pub fn new(function: OrderedFunction, returns: DataType) -> InOrder {
        // Engine plans are compared by their text: the name says all that matters.
        let name = format!("{function:?}");
        InOrder { function, name, returns, signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl WindowUDFImpl for InOrder {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(match self.function {
            OrderedFunction::Number { start } => Box::new(Number { start, next: start }),
            OrderedFunction::Sum => Box::new(Sum::default()),
            OrderedFunction::DenseRank => Box::new(Rank { is_dense: true, ..Rank::default() }),
            OrderedFunction::MinRank => Box::new(Rank::default()),
            OrderedFunction::Session => Box::new(Session::default()),
        })
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), self.returns.clone(), true)))
    }
}

fn is_true(flags: &ArrayRef, row: usize) -> bool {
    let flags = flags.as_boolean();
    flags.is_valid(row) && flags.value(row)
}

fn long(values: &ArrayRef, row: usize) -> Option<i64> {
    let values = values.as_primitive::<Int64Type>();
    values.is_valid(row).then(|| values.value(row))
}

#[derive(Debug)]
struct Number {
    start: i64,
    next: i64,
}

impl PartitionEvaluator for Number {
    fn is_causal(&self) -> bool {
        true
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        if is_true(&values[0], range.start) {
            self.next = self.start;
        }
        let number = self.next;
        self.next = number.wrapping_add(1);
        Ok(ScalarValue::Int64(Some(number)))
    }
}

/// Nulls add nothing.
#[derive(Debug, Default)]
struct Sum {
    whole: i64,
    real: f64,
}

impl PartitionEvaluator for Sum {
    fn is_causal(&self) -> bool {
        true
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let row = range.start;
        if is_true(&values[1], row) {
            *self = Sum::default();
        }
        if let Some(values) = values[0].as_primitive_opt::<Float64Type>() {
            if values.is_valid(row) {
                self.real += values.value(row);
            }
            return Ok(ScalarValue::Float64(Some(self.real)));
        }
        self.whole = self.whole.wrapping_add(long(&values[0], row).unwrap_or(0));
        Ok(ScalarValue::Int64(Some(self.whole)))
    }
}

#[derive(Debug, Default)]
struct Rank {
    is_dense: bool,
    previous: Option<ScalarValue>,
    rows: i64,
    rank: i64,
}

impl PartitionEvaluator for Rank {
    fn is_causal(&self) -> bool {
        true
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let row = range.start;
        if is_true(&values[1], row) {
            *self = Rank { is_dense: self.is_dense, ..Rank::default() };
        }
        self.rows += 1;
        let value = ScalarValue::try_from_array(&values[0], row)?;
        if self.previous.as_ref() != Some(&value) {
            self.rank = if self.is_dense { self.rank + 1 } else { self.rows };
            self.previous = Some(value);
        }
        Ok(ScalarValue::Int64(Some(self.rank)))
    }
}

/// A row without a time is in no session.
#[derive(Debug, Default)]
struct Session {
    start: Option<i64>,
    previous: i64,
}

impl PartitionEvaluator for Session {
    fn is_causal(&self) -> bool {
        true
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let row = range.start;
        let Some(time) = long(&values[0], row) else {
            *self = Session::default();
            return Ok(ScalarValue::Int64(None));
        };
        let is_near = |from: i64, distance: &ArrayRef| {
            long(distance, row).is_none_or(|distance| time.saturating_sub(from) <= distance)
        };
        let continues = self
            .start
            .filter(|start| is_near(*start, &values[1]) && is_near(self.previous, &values[2]))
            .filter(|_| !is_true(&values[3], row));
        let start = continues.unwrap_or(time);
        *self = Session { start: Some(start), previous: time };
        Ok(ScalarValue::Int64(Some(start)))
    }
}
