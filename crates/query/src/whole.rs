//! Functions over all rows of a table at once, in their order: what no other operator of the engine does.

use std::any::Any;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use futures::StreamExt;

/// Makes one batch of all rows.
pub(crate) type Work = Arc<dyn Fn(&RecordBatch) -> Result<RecordBatch> + Send + Sync>;

/// A plan whose rows are made from all rows of `input`. Equal names over equal inputs mean equal work.
pub(crate) fn whole(name: String, input: LogicalPlan, schema: Schema, work: Work) -> Result<LogicalPlan> {
    let schema = Arc::new(DFSchema::try_from(schema)?);
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(Whole { name, input, schema, work }) }))
}

#[derive(Clone)]
struct Whole {
    name: String,
    input: LogicalPlan,
    schema: DFSchemaRef,
    work: Work,
}

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Whole({})", self.name)
    }
}

impl PartialEq for Whole {
    fn eq(&self, other: &Whole) -> bool {
        self.name == other.name && self.input == other.input
    }
}

impl Eq for Whole {}

impl Hash for Whole {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for Whole {
    fn partial_cmp(&self, other: &Whole) -> Option<Ordering> {
        match self.name.cmp(&other.name) {
            Ordering::Equal => self.input.partial_cmp(&other.input),
            ordering => Some(ordering),
        }
    }
}

impl UserDefinedLogicalNodeCore for Whole {
    fn name(&self) -> &str {
        "Whole"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Whole: {}", self.name)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Whole> {
        match inputs.pop() {
            Some(input) => Ok(Whole { input, ..self.clone() }),
            None => Err(DataFusionError::Internal("an operator lost its input".to_owned())),
        }
    }
}

/// Plans the engine's operators and ours.
#[derive(Debug)]
pub(crate) struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Operators)]);
        planner.create_physical_plan(plan, session).await
    }
}

struct Operators;

#[async_trait]
impl ExtensionPlanner for Operators {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if let Some(planned) = crate::portions::planned(node, inputs) {
            return Ok(Some(planned));
        }
        let node: &dyn Any = node.as_any();
        let (Some(node), [input]) = (node.downcast_ref::<Whole>(), inputs) else { return Ok(None) };
        let schema: SchemaRef = node.schema.inner().clone();
        // The order that the rows were put into is part of what the work is about.
        let order = input.output_ordering().cloned();
        Ok(Some(Arc::new(WholeExec::new(input.clone(), order, schema, node.work.clone()))))
    }
}

struct WholeExec {
    input: Arc<dyn ExecutionPlan>,
    order: Option<LexOrdering>,
    schema: SchemaRef,
    work: Work,
    properties: Arc<PlanProperties>,
}

impl WholeExec {
    fn new(
        input: Arc<dyn ExecutionPlan>,
        order: Option<LexOrdering>,
        schema: SchemaRef,
        work: Work,
    ) -> WholeExec {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        WholeExec { input, order, schema, work, properties: Arc::new(properties) }
    }
}

impl fmt::Debug for WholeExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WholeExec")
    }
}

impl DisplayAs for WholeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("WholeExec")
    }
}

impl ExecutionPlan for WholeExec {
    fn name(&self) -> &str {
        "WholeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.order.clone().map(OrderingRequirements::from)]
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
            Some(input) => {
                let (order, schema) = (self.order.clone(), self.schema.clone());
                Ok(Arc::new(WholeExec::new(input, order, schema, self.work.clone())))
            }
            None => Err(DataFusionError::Internal("an operator lost its input".to_owned())),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut rows = self.input.execute(partition, context.clone())?;
        let work = self.work.clone();
        let schema = self.schema.clone();
        let held = MemoryConsumer::new("WholeExec").register(context.memory_pool());
        let all = async move {
            let input_schema = rows.schema();
            let mut batches = Vec::new();
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                // Twice: the batches, and the one batch that is made of them.
                held.try_grow(2 * batch.get_array_memory_size())?;
                batches.push(batch);
            }
            let batch = concat_batches(&input_schema, &batches)?;
            drop(batches);
            work(&batch)
        };
        let stream = futures::stream::once(all);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}
