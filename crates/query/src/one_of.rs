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

/// More texts are better looked up.
const TEXTS_MAX: usize = 16;

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
    /// Length and beginning of each, as views have them.
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
        let heads = views.views().iter().map(|view| *view as u64).collect();
        Some(OneOf { column, texts, heads })
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

    /// Most rows are told by the length and the beginning of their texts.
    fn test(&self, texts: &StringViewArray) -> BooleanBuffer {
        let (views, heads) = (texts.views().as_ref(), self.heads.as_slice());
        let mut last = None;
        BooleanBuffer::collect_bool(views.len(), |row| {
            let head = views[row] as u64;
            let mut is_near = false;
            for near in heads {
                is_near |= *near == head;
            }
            is_near && self.is_one(texts, row, &mut last)
        })
    }

    /// Of a dictionary the same text has the same view: what was found of the last one often holds.
    fn is_one(&self, texts: &StringViewArray, row: usize, last: &mut Option<(u128, bool)>) -> bool {
        let view = texts.views()[row];
        if let Some((_, found)) = last.filter(|(last, _)| *last == view) {
            return found;
        }
        if texts.is_null(row) {
            return false;
        }
        let text = texts.value(row);
        let found = self.texts.iter().any(|one| one == text);
        *last = Some((view, found));
        found
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
