//! Whether a text is one of a few: told by its view, and by the text itself only where it is long and begins alike.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringViewArray};
use datafusion::arrow::buffer::BooleanBuffer;
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
const NO_HEAD: u64 = u64::MAX;

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
    /// Length and beginning of each long one, as views have them; what no text has of a short one.
    heads: Vec<u64>,
}

impl OneOf {
    fn new(column: Arc<dyn PhysicalExpr>, mut texts: Vec<String>) -> Option<OneOf> {
        texts.sort_unstable();
        texts.dedup();
        if texts.is_empty() || texts.len() > TEXTS_MAX {
            return None;
        }
        let views = StringViewArray::from_iter_values(&texts);
        let is_long = |view: &u128| !is_inline(*view);
        let heads = views.views().iter().map(|view| if is_long(view) { *view as u64 } else { NO_HEAD });
        let heads = heads.collect();
        let views = views.views().iter().map(|view| if is_long(view) { NO_VIEW } else { *view }).collect();
        Some(OneOf { column, texts, views, heads })
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

    /// Most rows are told by the length and the beginning of their texts. Of a dictionary the same text has the same
    /// view: what was found of one holds for others.
    fn test(&self, texts: &StringViewArray) -> BooleanBuffer {
        match self.texts.len() {
            1 => self.test_few::<1>(texts),
            2 => self.test_few::<2>(texts),
            3 | 4 => self.test_few::<4>(texts),
            5..=8 => self.test_few::<8>(texts),
            _ => self.test_few::<TEXTS_MAX>(texts),
        }
    }

    /// The same for up to `N` texts.
    fn test_few<const N: usize>(&self, texts: &StringViewArray) -> BooleanBuffer {
        let views = texts.views().as_ref();
        // Of a long text the last view that was found to be it; short ones are all in their views.
        let (mut known, mut heads) = ([NO_VIEW; N], [NO_HEAD; N]);
        known.iter_mut().zip(&self.views).for_each(|(known, view)| *known = *view);
        heads.iter_mut().zip(&self.heads).for_each(|(head, own)| *head = *own);
        BooleanBuffer::collect_bool(views.len(), |row| {
            let view = views[row];
            let (mut is_known, mut is_near) = (false, false);
            for at in 0..N {
                is_known |= known[at] == view;
                is_near |= heads[at] == view as u64;
            }
            is_known || is_near && self.is_one(texts, row, &mut known)
        })
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
        let texts: StringViewArray = values.into_iter().collect();
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
            assert_eq!(found.iter().filter(|found| **found == Some(true)).count(), count);
            assert_eq!(found, of(&expr));
        }
        let differing = in_list(column(), vec![text("cmd")], &true, &schema).unwrap();
        assert!(OneOf::instead_of(&differing, &schema).is_none());
    }
}
