//! Operators that multiply rows: they let others have a turn between batches, so that a query can be ended and other
//! ones go on, and expansions take few rows at a time, so that what they make of them fits.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, replace_children_if_necessary,
};
use futures::{StreamExt, TryStreamExt, stream};

use crate::portions::is_portioned;

/// Rows that are expanded at a time.
const ROWS_IN: usize = 128;
/// Rows of a batch that an expansion gives.
const ROWS_OUT: usize = 8_192;

/// The plan with its multiplying operators in turns.
pub(crate) fn in_turns(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        if plan.downcast_ref::<UnnestExec>().is_some() {
            return Ok(Transformed::yes(expanded(plan)?));
        }
        if plan.name().ends_with("JoinExec") {
            return Ok(Transformed::yes(Arc::new(CooperativeExec::new(plan)) as Arc<dyn ExecutionPlan>));
        }
        Ok(Transformed::no(plan))
    })
    .data()
}

/// An expansion over few rows at a time. The lists it expands are made by a projection below it.
fn expanded(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let input = plan.children().into_iter().next().cloned();
    let Some(input) = input else { return Ok(plan) };
    let below = input.downcast_ref::<ProjectionExec>().map(|projection| Arc::clone(projection.input()));
    let sliced = match below {
        // Portions are bounded by what is expanded.
        Some(rows) if is_portioned(&rows) => input,
        Some(rows) => replace_children_if_necessary(input, vec![Sliced::over(rows, ROWS_IN)])?,
        None => Sliced::over(input, ROWS_IN),
    };
    let expansion = replace_children_if_necessary(plan, vec![sliced])?;
    Ok(Sliced::over(Arc::new(CooperativeExec::new(expansion)), ROWS_OUT))
}

/// Cuts batches.
struct Sliced {
    input: Arc<dyn ExecutionPlan>,
    rows_max: usize,
}

impl Sliced {
    fn over(input: Arc<dyn ExecutionPlan>, rows_max: usize) -> Arc<dyn ExecutionPlan> {
        Arc::new(Sliced { input, rows_max })
    }
}

impl fmt::Debug for Sliced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sliced")
    }
}

impl DisplayAs for Sliced {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Sliced")
    }
}

impl ExecutionPlan for Sliced {
    fn name(&self) -> &str {
        "Sliced"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) => Ok(Sliced::over(input, self.rows_max)),
            None => Err(DataFusionError::Internal("an operator lost its input".to_owned())),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let batches = self.input.execute(partition, context)?;
        let (schema, rows_max) = (batches.schema(), self.rows_max);
        let sliced = batches.map_ok(move |batch| {
            let starts = stream::iter((0..batch.num_rows()).step_by(rows_max));
            starts.map(move |start| slice(&batch, start, rows_max))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, sliced.try_flatten())))
    }
}

/// Some rows of a batch as a batch of their own: a mere view would count as much memory as the whole.
fn slice(batch: &RecordBatch, start: usize, rows_max: usize) -> Result<RecordBatch> {
    if batch.num_rows() <= rows_max {
        return Ok(batch.clone());
    }
    let end = batch.num_rows().min(start + rows_max);
    let rows: UInt64Array = (start as u64..end as u64).collect();
    Ok(take_record_batch(batch, &rows)?)
}
