//! The event lake's timestamps as the ticks that queries calculate with.

use std::sync::Arc;

use datafusion::arrow::array::cast::AsArray;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampNanosecondType};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use model::Ticks;
use model::time::UNIX_EPOCH_TICKS;

/// `ticks(timestamp)`: nanoseconds since 1970 to 100 ns ticks since 0001-01-01.
pub(crate) fn ticks(timestamp: Expr) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(TicksOf::new())),
        vec![timestamp],
    ))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TicksOf(Signature);

impl TicksOf {
    fn new() -> TicksOf {
        TicksOf(Signature::any(1, Volatility::Immutable))
    }
}

impl ScalarUDFImpl for TicksOf {
    fn name(&self) -> &str {
        "ticks"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match &args.args[0] {
            ColumnarValue::Scalar(ScalarValue::TimestampNanosecond(nanos, _)) => {
                Ok(ColumnarValue::Scalar(ScalarValue::Int64(nanos.map(|n| Ticks::from_unix_nanos(n).0))))
            }
            ColumnarValue::Array(array) => {
                let nanos = array.as_primitive_opt::<TimestampNanosecondType>().ok_or_else(|| {
                    DataFusionError::Internal(format!("ticks() takes nanoseconds, not {}", array.data_type()))
                })?;
                let ticks = nanos.unary::<_, Int64Type>(|n| n.div_euclid(100) + UNIX_EPOCH_TICKS);
                Ok(ColumnarValue::Array(Arc::new(ticks)))
            }
            other => Err(DataFusionError::Internal(format!(
                "ticks() takes nanoseconds, not {}",
                other.data_type()
            ))),
        }
    }

    /// Lets a comparison of ticks with a constant become one of the stored column, which files are pruned by.
    fn preimage(&self, args: &[Expr], literal: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        let ([timestamp], Expr::Literal(ScalarValue::Int64(Some(ticks)), _)) = (args, literal) else {
            return Ok(PreimageResult::None);
        };
        let DataType::Timestamp(TimeUnit::Nanosecond, zone) = info.get_data_type(timestamp)? else {
            return Ok(PreimageResult::None);
        };
        let (Some(start), Some(end)) =
            (Ticks(*ticks).unix_nanos(), Ticks(ticks.saturating_add(1)).unix_nanos())
        else {
            return Ok(PreimageResult::None);
        };
        let bound = |nanos| ScalarValue::TimestampNanosecond(Some(nanos), zone.clone());
        let interval = Box::new(Interval::try_new(bound(start), bound(end))?);
        Ok(PreimageResult::Range { expr: timestamp.clone(), interval })
    }
}
