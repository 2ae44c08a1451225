//! The first half of a grouping, by values that repeat themselves: keys are hashed and compared once for each number
//! that they are given. Where too little is repeated, the engine's own operator takes over.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputOrderMode, PlanProperties,
    replace_children_if_necessary,
};
use futures::{StreamExt, stream};

use crate::numbering::{Numbering, Numbers};

/// The plan with its groupings by values that repeat themselves.
pub(crate) fn by_repeats(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| match Grouped::instead_of(&plan)? {
        Some(grouped) => Ok(Transformed::yes(Arc::new(grouped) as Arc<dyn ExecutionPlan>)),
        None => Ok(Transformed::no(plan)),
    })
    .data()
}

struct Grouped {
    /// The engine's own operator.
    own: Arc<dyn ExecutionPlan>,
    grouping: Arc<Grouping>,
}

/// What is grouped by, and what is calculated of each group.
struct Grouping {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    key_schema: SchemaRef,
    aggregates: Vec<Aggregate>,
    /// Keys, and then the state of each aggregate.
    schema: SchemaRef,
}

struct Aggregate {
    function: Arc<AggregateFunctionExpr>,
    filter: Option<Arc<dyn PhysicalExpr>>,
}

type Accumulators = Vec<Box<dyn GroupsAccumulator>>;

/// What groups may take here. More are for the engine's own operator, which gives way where memory runs short.
const HELD_MAX: usize = 24 << 20;
/// New numbers may be this part of the rows at the most: more do not pay.
const SHARE: usize = 4;
/// Rows that are looked at before that counts. Where nearly all are new, fewer will do.
const TRIAL_ROWS: usize = 1 << 16;
/// So few rows may all be new.
const ROWS_MIN: usize = 128;

impl Grouped {
    fn instead_of(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Grouped>> {
        let Some(own) = plan.downcast_ref::<AggregateExec>() else { return Ok(None) };
        let is_plain = *own.mode() == AggregateMode::Partial
            && own.group_expr().is_single()
            && !own.group_expr().is_empty()
            && own.limit_options().is_none()
            && *own.input_order_mode() == InputOrderMode::Linear;
        let fits = |aggregate: &Arc<AggregateFunctionExpr>| {
            aggregate.groups_accumulator_supported() && aggregate.order_bys().is_empty()
        };
        if !is_plain || !own.aggr_expr().iter().all(fits) {
            return Ok(None);
        }
        let aggregates = own.aggr_expr().iter().cloned().zip(own.filter_expr().iter().cloned());
        let aggregates = aggregates.map(|(function, filter)| Aggregate { function, filter });
        let grouping = Grouping {
            keys: own.group_expr().input_exprs(),
            key_schema: own.group_expr().group_schema(&own.input().schema())?,
            aggregates: aggregates.collect(),
            schema: own.schema(),
        };
        Ok(Some(Grouped { own: plan.clone(), grouping: Arc::new(grouping) }))
    }
}

impl fmt::Debug for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grouped")
    }
}

impl DisplayAs for Grouped {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Grouped")
    }
}

impl ExecutionPlan for Grouped {
    fn name(&self) -> &str {
        "Grouped"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.own.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.own.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.own.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let own = replace_children_if_necessary(self.own.clone(), children)?;
        Ok(Arc::new(Grouped { own, grouping: self.grouping.clone() }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(input) = self.own.children().into_iter().next() else {
            return Err(DataFusionError::Internal("an operator lost its input".to_owned()));
        };
        let run = Run {
            rows: Rows::Grouped(input.execute(partition, context.clone())?),
            groups: Groups::new(self.grouping.clone(), &context)?,
            ready: VecDeque::new(),
            own: self.own.clone(),
            context,
        };
        let batches = stream::try_unfold(run, Run::next);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.own.schema(), batches)))
    }
}

enum Rows {
    /// Rows that are grouped here.
    Grouped(SendableRecordBatchStream),
    /// What the engine's own operator makes of the rest of them.
    Own(SendableRecordBatchStream),
    None,
}

/// A grouping of one partition under way.
struct Run {
    rows: Rows,
    groups: Groups,
    ready: VecDeque<RecordBatch>,
    own: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
}

impl Run {
    async fn next(mut self) -> Result<Option<(RecordBatch, Run)>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some((batch, self)));
            }
            match std::mem::replace(&mut self.rows, Rows::None) {
                Rows::Grouped(mut rows) => {
                    let Some(batch) = rows.next().await.transpose()? else {
                        self.give()?;
                        continue;
                    };
                    if !self.groups.add(&batch)? {
                        self.give()?;
                        let schema = rows.schema();
                        let rows = stream::once(async { Ok(batch) }).chain(rows);
                        self.rows =
                            Rows::Own(self.own_of(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))?);
                        continue;
                    }
                    if self.groups.fit() {
                        self.rows = Rows::Grouped(rows);
                        continue;
                    }
                    // Groups may come several times: another operator puts them together.
                    self.give()?;
                    self.rows = Rows::Own(self.own_of(rows)?);
                }
                Rows::Own(mut batches) => {
                    let batch = batches.next().await.transpose()?;
                    self.rows = Rows::Own(batches);
                    return Ok(batch.map(|batch| (batch, self)));
                }
                Rows::None => return Ok(None),
            }
        }
    }

    fn give(&mut self) -> Result<()> {
        let rows_max = self.context.session_config().batch_size().max(1);
        if let Some(groups) = self.groups.take()? {
            let starts = (0..groups.num_rows()).step_by(rows_max);
            self.ready.extend(starts.map(|at| groups.slice(at, rows_max.min(groups.num_rows() - at))));
        }
        Ok(())
    }

    /// The engine's own operator over the rest of the rows.
    fn own_of(&self, rest: SendableRecordBatchStream) -> Result<SendableRecordBatchStream> {
        let schema = rest.schema();
        let rest = Arc::new(Rest { schema: schema.clone(), rows: Mutex::new(Some(rest)) });
        let input = StreamingTableExec::try_new(schema, vec![rest], None, Vec::new(), false, None)?;
        replace_children_if_necessary(self.own.clone(), vec![Arc::new(input)])?
            .execute(0, self.context.clone())
    }
}

/// Rows that are read once.
struct Rest {
    schema: SchemaRef,
    rows: Mutex<Option<SendableRecordBatchStream>>,
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}

impl PartitionStream for Rest {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.lock().ok().and_then(|mut rows| rows.take());
        rows.unwrap_or_else(|| {
            let lost = DataFusionError::Internal("rows were read twice".to_owned());
            let error = stream::once(async { Err(lost) });
            Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), error))
        })
    }
}

/// The groups so far.
struct Groups {
    grouping: Arc<Grouping>,
    values: Box<dyn GroupValues>,
    accumulators: Accumulators,
    numbering: Numbering,
    /// The group of each number.
    of_numbers: Vec<usize>,
    /// The groups of the new numbers of a batch.
    of_new: Vec<usize>,
    /// The group of each row of a batch.
    of_rows: Vec<usize>,
    rows_seen: usize,
    numbers_seen: usize,
    held: MemoryReservation,
}

impl Groups {
    fn new(grouping: Arc<Grouping>, context: &TaskContext) -> Result<Groups> {
        let held = MemoryConsumer::new("Grouped").register(context.memory_pool());
        let (values, accumulators) = grouping.empty()?;
        Ok(Groups {
            grouping,
            values,
            accumulators,
            numbering: Numbering::default(),
            of_numbers: Vec::new(),
            of_new: Vec::new(),
            of_rows: Vec::new(),
            rows_seen: 0,
            numbers_seen: 0,
            held,
        })
    }

    /// Takes the rows of a batch in, unless too little is repeated in them.
    fn add(&mut self, batch: &RecordBatch) -> Result<bool> {
        let rows = batch.num_rows();
        let array = |expr: &Arc<dyn PhysicalExpr>| expr.evaluate(batch)?.into_array(rows);
        let keys = self.grouping.keys.iter().map(array).collect::<Result<Vec<_>>>()?;
        match self.numbering.add(&keys) {
            None => return Ok(false),
            Some(Numbers::Forgotten) => self.of_numbers.clear(),
            Some(Numbers::Kept) => {}
        }
        let new = self.numbering.new_rows();
        self.rows_seen += rows;
        self.numbers_seen += new.len();
        if !self.pays() {
            return Ok(false);
        }
        if !new.is_empty() {
            let new = UInt32Array::from(new.to_vec());
            let new = keys.iter().map(|key| Ok(take(key, &new, None)?)).collect::<Result<Vec<_>>>()?;
            self.values.intern(&new, &mut self.of_new)?;
            self.of_numbers.extend(&self.of_new);
        }
        let of_numbers = self.of_numbers.as_slice();
        self.of_rows.clear();
        self.of_rows.extend(self.numbering.of_rows().iter().map(|number| of_numbers[*number as usize]));
        let groups = self.values.len();
        for (aggregate, accumulator) in self.grouping.aggregates.iter().zip(&mut self.accumulators) {
            let values =
                aggregate.function.expressions().iter().map(array).collect::<Result<Vec<ArrayRef>>>()?;
            let filter = aggregate.filter.as_ref().map(array).transpose()?;
            let filter: Option<&BooleanArray> = filter.as_ref().and_then(|filter| filter.as_boolean_opt());
            accumulator.update_batch(&values, &self.of_rows, filter, groups)?;
        }
        Ok(true)
    }

    /// Whether enough is repeated.
    fn pays(&self) -> bool {
        let (rows, numbers) = (self.rows_seen, self.numbers_seen);
        let few = if rows < TRIAL_ROWS { rows - rows / SHARE } else { rows / SHARE };
        numbers <= few.max(ROWS_MIN)
    }

    /// Whether there is memory for more than the groups so far.
    fn fit(&self) -> bool {
        let accumulators: usize = self.accumulators.iter().map(|accumulator| accumulator.size()).sum();
        let rows = (self.of_numbers.capacity() + self.of_new.capacity() + self.of_rows.capacity())
            * size_of::<usize>();
        let held = self.values.size() + accumulators + self.numbering.size() + rows;
        held <= HELD_MAX && self.held.try_resize(held).is_ok()
    }

    /// All groups, if there are any; none are left.
    fn take(&mut self) -> Result<Option<RecordBatch>> {
        if self.values.is_empty() {
            return Ok(None);
        }
        let mut columns = self.values.emit(EmitTo::All)?;
        for accumulator in &mut self.accumulators {
            columns.extend(accumulator.state(EmitTo::All)?);
        }
        (self.values, self.accumulators) = self.grouping.empty()?;
        (self.numbering, self.of_numbers) = (Numbering::default(), Vec::new());
        self.held.resize(0);
        Ok(Some(RecordBatch::try_new(self.grouping.schema.clone(), columns)?))
    }
}

impl Grouping {
    fn empty(&self) -> Result<(Box<dyn GroupValues>, Accumulators)> {
        let accumulators = self.aggregates.iter().map(|of| of.function.create_groups_accumulator());
        let values = new_group_values(self.key_schema.clone(), &GroupOrdering::None)?;
        Ok((values, accumulators.collect::<Result<Vec<_>>>()?))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{BooleanArray as Bools, Int64Array, StringViewArray};
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::datasource::MemTable;
    use datafusion::execution::memory_pool::{MemoryPool, UnboundedMemoryPool};
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::functions_aggregate::expr_fn::{avg, count, max, min, sum};
    use datafusion::logical_expr::{ExprFunctionExt, col, lit};
    use datafusion::physical_plan::{collect, displayable};
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    /// Has memory for everything but groupings by repeats.
    #[derive(Debug, Default)]
    struct Refusing(UnboundedMemoryPool);

    impl fmt::Display for Refusing {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Refusing")
        }
    }

    impl MemoryPool for Refusing {
        fn name(&self) -> &str {
            "Refusing"
        }

        fn grow(&self, reservation: &MemoryReservation, more: usize) {
            self.0.grow(reservation, more);
        }

        fn shrink(&self, reservation: &MemoryReservation, less: usize) {
            self.0.shrink(reservation, less);
        }

        fn try_grow(&self, reservation: &MemoryReservation, more: usize) -> Result<()> {
            match reservation.consumer().name() {
                "Grouped" => Err(DataFusionError::ResourcesExhausted("refused".to_owned())),
                _ => self.0.try_grow(reservation, more),
            }
        }

        fn reserved(&self) -> usize {
            self.0.reserved()
        }
    }

    /// Rows whose texts come from a dictionary of as many.
    fn rows(count: i64, texts: i64) -> RecordBatch {
        let values: Vec<Option<String>> =
            (0..texts).map(|at| (at != 1).then(|| format!("a text with the number {at}"))).collect();
        let values: StringViewArray = values.iter().map(Option::as_deref).collect();
        let keys: UInt32Array = (0..count).map(|row| (row * 7 / 3 % texts) as u32).collect();
        let numbers: Int64Array = (0..count).map(|row| (row % 11 > 0).then_some(row % 3)).collect();
        let flags: Bools = (0..count).map(|row| Some(row % 5 == 0)).collect();
        RecordBatch::try_from_iter_with_nullable([
            ("text", take(&values, &keys, None).unwrap(), true),
            ("number", Arc::new(numbers) as ArrayRef, true),
            ("flag", Arc::new(flags) as ArrayRef, true),
            ("x", Arc::new((0..count).collect::<Int64Array>()) as ArrayRef, true),
        ])
        .unwrap()
    }

    async fn check(partitions: Vec<Vec<RecordBatch>>, refuses: bool) {
        let runtime = RuntimeEnvBuilder::new();
        let runtime = match refuses {
            true => runtime.with_memory_pool(Arc::new(Refusing::default())),
            false => runtime,
        };
        let config = SessionConfig::new().with_target_partitions(2).with_batch_size(1_000);
        let context = SessionContext::new_with_config_rt(config, runtime.build_arc().unwrap());
        let schema = partitions[0][0].schema();
        let table = Arc::new(MemTable::try_new(schema, partitions).unwrap());
        let of_flag = count(col("x")).filter(col("flag")).build().unwrap();
        let keys = vec![col("text"), col("number"), col("flag")];
        let values =
            vec![count(lit(1)), of_flag, sum(col("x")), min(col("text")), max(col("x")), avg(col("x"))];
        let sort = keys.iter().map(|key| key.clone().sort(true, true)).collect();
        let grouped = context.read_table(table).unwrap().aggregate(keys, values).unwrap().sort(sort).unwrap();
        let plan = grouped.create_physical_plan().await.unwrap();
        let ours = by_repeats(plan.clone()).unwrap();
        assert!(displayable(ours.as_ref()).indent(false).to_string().contains("Grouped"));
        let rows = |plan| async {
            let batches = collect(plan, context.task_ctx()).await.unwrap();
            pretty_format_batches(&batches).unwrap().to_string()
        };
        let (own, ours) = (rows(plan).await, rows(ours).await);
        assert!(own.lines().count() > 4);
        assert_eq!(ours, own);
    }

    #[tokio::test]
    async fn groups_are_those_of_the_engine() {
        let (repeating, differing, few) = (rows(4_000, 50), rows(4_000, 3_999), rows(90, 80));
        for refuses in [false, true] {
            check(vec![vec![repeating.clone(), few.clone()], vec![rows(8_192, 700)]], refuses).await;
            check(vec![vec![differing.clone()], vec![few.clone(), few.clone()]], refuses).await;
            check(vec![vec![repeating.clone(), differing.clone(), repeating.clone()], vec![]], refuses).await;
            // Texts in more places than are held on to.
            let many = (0..20).map(|_| rows(1_000, 40)).collect();
            check(vec![many, vec![few.clone()]], refuses).await;
        }
    }
}
