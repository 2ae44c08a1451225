//! Operators on one group of rows at a time: the bodies of `mv-apply` and `partition`.
//!
//! The rows of all groups go through one plan. Fields that tell groups apart, and fields that belong to a whole
//! group, are carried unseen; an operator that puts rows together does so within a group.

use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{ExprFunctionExt, lit};
use kql::Span;
use kql::ast::{self, OperatorKind, PartitionBody};
use model::Kind;

use super::{Bind, Binder, Value, error};
use crate::relation::{Field, Relation, UNSEEN};
use crate::typed::Typed;

/// Values of a column for each of which a pipeline of its own runs.
const PARTITIONS_MAX: usize = 64;

/// The start of the names of fields that tell groups apart.
const GROUP: &str = "\u{0}group";

/// Whether an unseen field tells groups apart.
pub(super) fn is_group(field: &Field) -> bool {
    field.name.starts_with(GROUP)
}

impl Binder<'_> {
    /// The name of a new unseen field that tells groups apart.
    pub(super) fn group_name(&mut self) -> String {
        format!("{GROUP}{}", self.names.next())
    }

    /// The name of a new unseen field that belongs to a whole group.
    pub(super) fn carried_name(&mut self) -> String {
        format!("{UNSEEN}{}", self.names.next())
    }

    /// The first rows, of each group if there are groups.
    pub(super) fn first_rows(&mut self, input: Relation, order: Vec<Sort>, count: usize) -> Bind<Relation> {
        let groups: Vec<Field> = input.unseen().into_iter().filter(is_group).collect();
        if groups.is_empty() {
            let plan = match order.is_empty() {
                true => input.builder().limit(0, Some(count))?.build()?,
                false => input.builder().sort_with_limit(order, Some(count))?.build()?,
            };
            return Ok(Relation { plan, ..input });
        }
        let groups = groups.iter().map(|field| field.typed().expr).collect();
        let number = self.names.next();
        let numbered = row_number().partition_by(groups);
        let numbered = if order.is_empty() { numbered } else { numbered.order_by(order) };
        let numbered = numbered.build()?.alias(&number);
        let is_first = crate::typed::Typed::column(&number, model::Kind::Long).expr.lt_eq(lit(count as u64));
        let plan = input.builder().window(vec![numbered])?.filter(is_first)?.build()?;
        Ok(Relation { plan, ..input })
    }

    /// Runs operators one after the other.
    pub(super) fn operators(&mut self, mut relation: Relation, body: &[ast::Operator]) -> Bind<Relation> {
        let outer = self.scope.clone();
        for operator in body {
            self.step(operator.span)?;
            refuse_in_groups(operator)?;
            relation = self.apply(relation, operator)?;
        }
        self.scope = outer;
        Ok(relation)
    }

    /// `partition by column (operators)`: the rows that the operators give for each value of the column.
    pub(super) fn partition(
        &mut self,
        input: Relation,
        partition: &ast::Partition,
        span: Span,
    ) -> Bind<Relation> {
        let by = self.column(&input, &partition.by, "partition")?.clone();
        let body = match &partition.body {
            PartitionBody::Operators(body) => body,
            PartitionBody::Pipeline(pipeline) => return self.partition_by_value(input, &by, pipeline, span),
        };
        let outer = input.unseen();
        let mut input = input;
        let name = self.group_name();
        input.hidden.push(Field { name: name.clone(), ..by });
        let mut result = self.operators(input, body)?;
        let is_outer =
            |field: &Field| !field.is_unseen() || outer.iter().any(|outer| outer.name == field.name);
        result.hidden.retain(is_outer);
        Ok(result)
    }

    /// `partition by column { pipeline }`: what the pipeline gives for each value of the column, which it knows by the
    /// column's name.
    fn partition_by_value(
        &mut self,
        input: Relation,
        by: &Field,
        pipeline: &ast::Pipeline,
        span: Span,
    ) -> Bind<Relation> {
        if by.kind == Kind::Dynamic {
            return error(
                span,
                "'partition' operator: the column is dynamic; convert it with tostring() first",
            );
        }
        let alone = Relation { hidden: Vec::new(), ..input };
        let alone = alone.project(&mut self.names, vec![(by.name.clone(), by.typed())])?;
        let distinct = alone.builder().distinct()?.build()?;
        let rows = self.read_now(Relation { plan: distinct, ..alone }, PARTITIONS_MAX + 1)?;
        let mut values = Vec::new();
        for batch in &rows {
            for row in 0..batch.num_rows() {
                let value = datafusion::common::ScalarValue::try_from_array(batch.column(0), row)?;
                values.push(Typed::value(value, by.kind));
            }
        }
        if values.len() > PARTITIONS_MAX {
            return error(
                span,
                format!("'partition' operator: '{}' has more than {PARTITIONS_MAX} values", by.name),
            );
        }
        // Without rows the columns are those of a value that is not there.
        let is_empty = values.is_empty();
        if is_empty {
            values.push(Typed::absent(by.kind));
        }
        let mut legs = Vec::with_capacity(values.len());
        for value in values {
            let scope = self.scope.with(&by.name, Value::Scalar(value));
            legs.push((String::new(), self.within(span, scope, |binder| binder.pipeline(pipeline))?));
        }
        let all = self.union_of(legs, false, None, span)?;
        Ok(if is_empty { all.filter(lit(false))? } else { all })
    }
}

/// Operators that cannot keep the groups of rows apart.
fn refuse_in_groups(operator: &ast::Operator) -> Bind<()> {
    let name = match &operator.kind {
        OperatorKind::Union(_) => "union",
        OperatorKind::Find(_) => "find",
        OperatorKind::Evaluate(_) => "evaluate",
        OperatorKind::MakeSeries(_) => "make-series",
        OperatorKind::TopNested(_) => "top-nested",
        OperatorKind::Reduce(_) => "reduce",
        OperatorKind::Scan(_) => "scan",
        OperatorKind::Invoke(_) => "invoke",
        OperatorKind::GetSchema => "getschema",
        _ => return Ok(()),
    };
    error(operator.span, format!("'{name}' operator: cannot be used on groups of rows"))
}
