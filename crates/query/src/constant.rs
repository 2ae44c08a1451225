//! Calculating expressions that need no row.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::Schema;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::{ColumnarValue, Expr, Volatility};
use datafusion::physical_expr::create_physical_expr;

use crate::typed::Typed;

/// The expression as a literal when it refers to no column; as it is otherwise.
pub(crate) fn fold(typed: Typed) -> Result<Typed> {
    if typed.literal().is_some() || !is_constant(&typed.expr)? {
        return Ok(typed);
    }
    let schema = DFSchema::empty();
    let expr = create_physical_expr(&typed.expr, &schema, &ExecutionProps::new(), &Default::default())?;
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let no_columns: Vec<ArrayRef> = Vec::new();
    let one_row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), no_columns, &options)?;
    let value = match expr.evaluate(&one_row)? {
        ColumnarValue::Scalar(value) => value,
        ColumnarValue::Array(array) => datafusion::common::ScalarValue::try_from_array(&array, 0)?,
    };
    Ok(Typed::value(value, typed.kind))
}

fn is_constant(expr: &Expr) -> Result<bool> {
    let mut constant = true;
    expr.apply(|part| {
        constant &= match part {
            Expr::Column(_) | Expr::AggregateFunction(_) | Expr::WindowFunction(_) => false,
            Expr::ScalarFunction(function) => function.func.signature().volatility != Volatility::Volatile,
            _ => true,
        };
        Ok(if constant { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(constant)
}
