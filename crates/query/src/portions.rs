//! Rows in portions of bounded size, for operators that make many rows of one: what such an operator holds at a time
//! follows from the texts it expands, not from how many rows lie together.

use std::any::Any;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch, StringViewArray};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, DFSchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};

/// Bytes of the measured texts in one portion; a row alone may have more.
const BYTES_MAX: usize = 256 << 10;

/// The rows of `input` in portions by the sizes of the texts in some columns.
pub(crate) fn portions(input: LogicalPlan, measured: Vec<String>) -> LogicalPlan {
    LogicalPlan::Extension(Extension { node: Arc::new(Portions { input, measured }) })
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Portions {
    input: LogicalPlan,
    measured: Vec<String>,
}

impl Hash for Portions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.measured.hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for Portions {
    fn partial_cmp(&self, other: &Portions) -> Option<Ordering> {
        match self.measured.cmp(&other.measured) {
            Ordering::Equal => self.input.partial_cmp(&other.input),
            ordering => Some(ordering),
        }
    }
}

impl UserDefinedLogicalNodeCore for Portions {
    fn name(&self) -> &str {
        "Portions"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        self.measured.iter().map(|name| Expr::Column(Column::new_unqualified(name))).collect()
    }

    /// Rows may be left out before they are cut.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        HashSet::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Portions: {}", self.measured.join(", "))
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Portions> {
        match inputs.pop() {
            Some(input) => Ok(Portions { input, measured: self.measured.clone() }),
            None => Err(DataFusionError::Internal("an operator lost its input".to_owned())),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let schema = self.input.schema();
        let mut needed = output_columns.to_vec();
        for name in &self.measured {
            needed.push(schema.maybe_index_of_column(&Column::new_unqualified(name))?);
        }
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}

/// The physical operator of a node of this module, if it is one.
pub(crate) fn planned(
    node: &dyn UserDefinedLogicalNode,
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Option<Arc<dyn ExecutionPlan>> {
    let node: &dyn Any = node.as_any();
    let (node, [input]) = (node.downcast_ref::<Portions>()?, inputs) else { return None };
    Some(Arc::new(PortionsExec::new(input.clone(), node.measured.clone())))
}

/// Whether rows come in portions.
pub(crate) fn is_portioned(rows: &Arc<dyn ExecutionPlan>) -> bool {
    rows.downcast_ref::<PortionsExec>().is_some()
}

struct PortionsExec {
    input: Arc<dyn ExecutionPlan>,
    measured: Vec<String>,
    properties: Arc<PlanProperties>,
}

impl PortionsExec {
    fn new(input: Arc<dyn ExecutionPlan>, measured: Vec<String>) -> PortionsExec {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        PortionsExec { input, measured, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for PortionsExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortionsExec")
    }
}

impl DisplayAs for PortionsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("PortionsExec")
    }
}

impl ExecutionPlan for PortionsExec {
    fn name(&self) -> &str {
        "PortionsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
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
            Some(input) => Ok(Arc::new(PortionsExec::new(input, self.measured.clone()))),
            None => Err(DataFusionError::Internal("an operator lost its input".to_owned())),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, context)?;
        let schema = self.input.schema();
        let places =
            self.measured.iter().map(|name| Ok(schema.index_of(name)?)).collect::<Result<Vec<_>>>()?;
        let cut =
            rows.map_ok(move |batch| stream::iter(cut(&batch, &places).into_iter().map(Ok))).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, cut.boxed())))
    }
}

/// The rows of a batch in portions; most batches are one.
fn cut(batch: &RecordBatch, places: &[usize]) -> Vec<RecordBatch> {
    let texts: Vec<&StringViewArray> =
        places.iter().filter_map(|place| batch.column(*place).as_string_view_opt()).collect();
    let size = |row: usize| -> usize {
        // A view begins with the length of its text.
        texts.iter().map(|texts| texts.views()[row] as u32 as usize).sum()
    };
    let (mut portions, mut start, mut bytes) = (Vec::new(), 0, 0);
    for row in 0..batch.num_rows() {
        let size = size(row);
        if bytes > 0 && bytes + size > BYTES_MAX {
            portions.push(batch.slice(start, row - start));
            (start, bytes) = (row, 0);
        }
        bytes += size;
    }
    if start < batch.num_rows() {
        portions.push(batch.slice(start, batch.num_rows() - start));
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_hold_texts_of_bounded_size() {
        let rows = |sizes: &[usize]| {
            let texts: StringViewArray = sizes.iter().map(|size| Some("x".repeat(*size))).collect();
            let batch = RecordBatch::try_from_iter([("a", Arc::new(texts) as _)]).unwrap();
            cut(&batch, &[0]).iter().map(RecordBatch::num_rows).collect::<Vec<_>>()
        };
        let half = BYTES_MAX / 2;
        assert_eq!(rows(&[1, 2, 3]), [3]);
        assert_eq!(rows(&[half, half, 1, half]), [2, 2]);
        assert_eq!(rows(&[BYTES_MAX * 3, 1, 1]), [1, 2]);
        assert_eq!(rows(&[1, BYTES_MAX * 3, 1]), [1, 1, 1]);
        assert!(rows(&[]).is_empty());
    }
}
