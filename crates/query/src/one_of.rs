//! Whether a text is one of a few: told by its view, and by the text itself only where it is long and begins alike.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringViewArray};
use datafusion::arrow::buffer::{BooleanBuffer, Buffer};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, InListExpr, Literal};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};

use crate::views::is_inline;

/// More texts are better looked up.
const TEXTS_MAX: usize = 16;
/// What no text has: it would be longer than a text can be.
const NO_VIEW: u128 = u128::MAX;
/// By what the length and the beginning of a text are spread over the slots.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The plan with conditions on a few texts told by views.
pub(crate) fn by_views(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        let Some(filter) = plan.downcast_ref::<FilterExec>() else { return Ok(Transformed::no(plan)) };
        let schema = filter.input().schema();
        let replaced =
            filter.predicate().clone().transform_up(|expr| match OneOf::instead_of(&expr, &schema) {
                Some(one_of) => Ok(Transformed::yes(Arc::new(one_of) as Arc<dyn PhysicalExpr>)),
                None => Ok(Transformed::no(expr)),
            })?;
        if !replaced.transformed {
            return Ok(Transformed::no(plan));
        }
        let filter = FilterExecBuilder::from(filter).with_predicate(replaced.data).build()?;
        Ok(Transformed::yes(Arc::new(filter) as Arc<dyn ExecutionPlan>))
    })
    .data()
}

#[derive(Clone, Debug)]
struct OneOf {
    column: Arc<dyn PhysicalExpr>,
    texts: Vec<String>,
    /// The view of each, where it is short; one that no text has where it is long.
    views: Vec<u128>,
    /// Which slots have the length and the beginning of one of the texts.
    slots: Arc<[bool; 256]>,
}

impl OneOf {
    fn new(column: Arc<dyn PhysicalExpr>, mut texts: Vec<String>) -> Option<OneOf> {
        texts.sort_unstable();
        texts.dedup();
        if texts.is_empty() || texts.len() > TEXTS_MAX {
            return None;
        }
        let all = StringViewArray::from_iter_values(&texts);
        let views = all.views().iter().map(|view| if is_inline(*view) { *view } else { NO_VIEW }).collect();
        let mut slots = [false; 256];
        all.views().iter().for_each(|view| slots[slot(*view)] = true);
        Some(OneOf { column, texts, views, slots: Arc::new(slots) })
    }

    /// `column == text`, `column in (texts)`, and two of these on one column with an `or` between them.
    fn instead_of(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<OneOf> {
        if let Some(list) = expr.downcast_ref::<InListExpr>() {
            let texts = list.list().iter().map(text_of).collect::<Option<Vec<_>>>()?;
            let fits = !list.negated() && is_view(list.expr(), schema);
            return OneOf::new(list.expr().clone(), texts).filter(|_| fits);
        }
        let binary = expr.downcast_ref::<BinaryExpr>()?;
        match binary.op() {
            Operator::Eq => {
                let fits = is_view(binary.left(), schema);
                OneOf::new(binary.left().clone(), vec![text_of(binary.right())?]).filter(|_| fits)
            }
            Operator::Or => {
                let (left, right) =
                    (binary.left().downcast_ref::<OneOf>()?, binary.right().downcast_ref::<OneOf>()?);
                let texts = left.texts.iter().chain(&right.texts).cloned().collect();
                OneOf::new(left.column.clone(), texts).filter(|_| left.column.eq(&right.column))
            }
            _ => None,
        }
    }

    /// Most rows are told by the slot of the length and the beginning of their texts, the others by their views. Of a
    /// dictionary the same text has the same view: what was found of one holds for others.
    fn test(&self, texts: &StringViewArray) -> BooleanBuffer {
        let views = texts.views().as_ref();
        // Of a long text the last view that was found to be it; short ones are all in their views.
        let mut known = self.views.clone();
        let slots = self.slots.as_ref();
        let mut words = Vec::with_capacity(views.len().div_ceil(64));
        for (at, views) in views.chunks(64).enumerate() {
            let mut near = 0;
            for (bit, view) in views.iter().enumerate() {
                near |= u64::from(slots[slot(*view)]) << bit;
            }
            let mut found = 0;
            while near != 0 {
                let bit = near.trailing_zeros() as usize;
                near &= near - 1;
                let view = views[bit];
                let is_known = known.iter().fold(false, |is_known, known| is_known | (*known == view));
                let is_one = is_known || !is_inline(view) && self.is_one(texts, at * 64 + bit, &mut known);
                found |= u64::from(is_one) << bit;
            }
            words.push(found);
        }
        BooleanBuffer::new(Buffer::from_vec(words), 0, views.len())
    }

    #[cold]
    fn is_one(&self, texts: &StringViewArray, row: usize, known: &mut [u128]) -> bool {
        if texts.is_null(row) {
            return false;
        }
        let text = texts.value(row);
        match self.texts.iter().position(|one| one == text) {
            Some(at) => {
                known[at] = texts.views()[row];
                true
            }
            None => false,
        }
    }
}

/// Where the length and the first four bytes of a text fall.
fn slot(view: u128) -> usize {
    usize::from(((view as u64).wrapping_mul(SPREAD) >> 56) as u8)
}

fn is_view(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    expr.downcast_ref::<Column>().is_some()
        && expr.data_type(schema).is_ok_and(|data_type| data_type == DataType::Utf8View)
}

fn text_of(expr: &Arc<dyn PhysicalExpr>) -> Option<String> {
    match expr.downcast_ref::<Literal>()?.value() {
        ScalarValue::Utf8View(Some(text)) => Some(text.clone()),
        _ => None,
    }
}

impl PartialEq for OneOf {
    fn eq(&self, other: &OneOf) -> bool {
        self.column.eq(&other.column) && self.texts == other.texts
    }
}

impl Eq for OneOf {}

impl Hash for OneOf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.column.hash(state);
        self.texts.hash(state);
    }
}

impl fmt::Display for OneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one_of({}, {:?})", self.column, self.texts)
    }
}

impl PhysicalExpr for OneOf {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.column.nullable(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let texts = self.column.evaluate(batch)?.into_array(batch.num_rows())?;
        let texts = texts.as_string_view();
        let found = BooleanArray::new(self.test(texts), texts.nulls().cloned());
        Ok(ColumnarValue::Array(Arc::new(found)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.column]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let column = children.into_iter().next().unwrap_or_else(|| self.column.clone());
        Ok(Arc::new(OneOf { column, ..self.as_ref().clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Field;
    use datafusion::physical_expr::expressions::{binary, col, in_list, lit};

    use super::*;

    #[test]
    fn texts_are_told_as_the_engine_tells_them() {
        let values = [
            Some("powershell.exe"),
            None,
            Some(""),
            Some("cmd.exe"),
            Some("powershell.exf"),
            Some("cmd.exe"),
            Some("cmd"),
            Some("a text of more than twelve bytes"),
            Some("a text of more than twelve words"),
            Some("twelve bytes"),
        ];
        let texts: StringViewArray = values.into_iter().cycle().take(200).collect();
        let schema = Schema::new(vec![Field::new("a", DataType::Utf8View, true)]);
        let batch = RecordBatch::try_new(Arc::new(schema.clone()), vec![Arc::new(texts)]).unwrap();
        let text = |text: &str| lit(ScalarValue::Utf8View(Some(text.to_owned())));
        let column = || col("a", &schema).unwrap();
        let equal = |value: &str| binary(column(), Operator::Eq, text(value), &schema).unwrap();
        let either = binary(equal("cmd.exe"), Operator::Or, equal("powershell.exe"), &schema).unwrap();
        let list = ["", "twelve bytes", "a text of more than twelve bytes"].map(text).to_vec();
        let listed = in_list(column(), list, &false, &schema).unwrap();
        for (expr, count) in [(equal("cmd"), 1), (either, 3), (listed, 3)] {
            let replaced = expr.clone().transform_up(|expr| match OneOf::instead_of(&expr, &schema) {
                Some(one_of) => Ok(Transformed::yes(Arc::new(one_of) as Arc<dyn PhysicalExpr>)),
                None => Ok(Transformed::no(expr)),
            });
            let replaced = replaced.unwrap().data;
            assert!(replaced.downcast_ref::<OneOf>().is_some());
            let of = |expr: &Arc<dyn PhysicalExpr>| {
                let rows = expr.evaluate(&batch).unwrap().into_array(batch.num_rows()).unwrap();
                rows.as_boolean().iter().collect::<Vec<_>>()
            };
            let found = of(&replaced);
            assert_eq!(found.iter().filter(|found| **found == Some(true)).count(), 20 * count);
            assert_eq!(found, of(&expr));
        }
        let differing = in_list(column(), vec![text("cmd")], &true, &schema).unwrap();
        assert!(OneOf::instead_of(&differing, &schema).is_none());
    }
}
