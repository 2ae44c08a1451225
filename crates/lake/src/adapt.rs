//! Expressions over rows of a table, for a file of it.
//!
//! A file has its times in two columns ([`crate::times`]), and one that was written before a column was declared
//! lacks it. What the engine asks of the columns of the table is brought to those of the file here, conditions on
//! times so that they still reach the statistics.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Int8Type, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal, lit};
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use model::Table;

use crate::schema::timestamp_type;
use crate::times::{joined, micros_type, tick_column};

/// Makes [`Adapter`]s for the files of a table.
#[derive(Debug)]
pub(crate) struct AdapterFactory(pub &'static Table);

impl PhysicalExprAdapterFactory for AdapterFactory {
    fn create(&self, logical: SchemaRef, physical: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let others = DefaultPhysicalExprAdapterFactory.create(logical, physical.clone())?;
        Ok(Arc::new(Adapter { table: self.0, physical, others }))
    }
}

#[derive(Debug)]
struct Adapter {
    table: &'static Table,
    physical: SchemaRef,
    /// For columns that need nothing special.
    others: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let rewritten = expr.transform_down(|expr| {
            let replaced = match self.time_condition(&expr) {
                Some(condition) => Some(condition),
                None => self.column(&expr)?,
            };
            Ok(match replaced {
                // What it is made of is of the file already.
                Some(replaced) => Transformed::new(replaced, true, TreeNodeRecursion::Jump),
                None => Transformed::no(expr),
            })
        });
        rewritten.data()
    }
}

impl Adapter {
    fn column(&self, expr: &Arc<dyn PhysicalExpr>) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let Some(column) = expr.downcast_ref::<Column>() else { return Ok(None) };
        if let Some(time) = self.time(column) {
            return Ok(Some(Arc::new(time)));
        }
        let kind = self.table.position(column.name()).map(|at| self.table.columns[at].kind);
        let is_missing = self.physical.index_of(column.name()).is_err();
        if is_missing && kind.is_some_and(model::Kind::is_never_null) {
            return Ok(Some(lit(ScalarValue::Utf8View(Some(String::new())))));
        }
        self.others.rewrite(expr.clone()).map(Some)
    }

    /// A time of the table as the file's two columns, where it has them.
    fn time(&self, column: &Column) -> Option<TimeOfParts> {
        let at = self.physical.index_of(column.name()).ok()?;
        if *self.physical.field(at).data_type() != micros_type() {
            return None;
        }
        let micros = Arc::new(Column::new(column.name(), at)) as Arc<dyn PhysicalExpr>;
        let digits = tick_column(column.name());
        let digits = self.physical.index_of(&digits).ok().map(|at| Column::new(&digits, at));
        Some(TimeOfParts::new(micros, digits.map(|digits| Arc::new(digits) as _)))
    }

    /// A comparison of a time with a constant: the same, and one of the microseconds, which statistics know.
    fn time_condition(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<Arc<dyn PhysicalExpr>> {
        let comparison = expr.downcast_ref::<BinaryExpr>()?;
        let (left, right) = (comparison.left(), comparison.right());
        let (column, constant, op) = match (left.downcast_ref::<Column>(), right.downcast_ref::<Column>()) {
            (Some(column), None) => (column, right, *comparison.op()),
            (None, Some(column)) => (column, left, comparison.op().swap()?),
            _ => return None,
        };
        let ScalarValue::TimestampNanosecond(Some(nanos), _) =
            constant.downcast_ref::<Literal>()?.value().clone()
        else {
            return None;
        };
        // The microseconds of a time are at most the time: an end stays one when it is cut.
        let coarse = match op {
            Operator::Gt | Operator::GtEq => Operator::GtEq,
            Operator::Lt | Operator::LtEq => Operator::LtEq,
            Operator::Eq => Operator::Eq,
            _ => return None,
        };
        let time = self.time(column)?;
        let bound = ScalarValue::TimestampMicrosecond(Some(nanos.div_euclid(1_000)), Some("UTC".into()));
        let coarse = BinaryExpr::new(time.micros.clone(), coarse, lit(bound));
        let exact = BinaryExpr::new(Arc::new(time), op, constant.clone());
        Some(Arc::new(BinaryExpr::new(Arc::new(coarse), Operator::And, Arc::new(exact))))
    }
}

/// A time of nanoseconds, of a file's microseconds and digits.
#[derive(Debug)]
struct TimeOfParts {
    micros: Arc<dyn PhysicalExpr>,
    digits: Option<Arc<dyn PhysicalExpr>>,
}

// Derived ones would move what is behind the pointers.
impl PartialEq for TimeOfParts {
    fn eq(&self, other: &TimeOfParts) -> bool {
        self.micros.eq(&other.micros) && self.digits.eq(&other.digits)
    }
}

impl Eq for TimeOfParts {}

impl Hash for TimeOfParts {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.micros.hash(state);
        self.digits.hash(state);
    }
}

impl TimeOfParts {
    fn new(micros: Arc<dyn PhysicalExpr>, digits: Option<Arc<dyn PhysicalExpr>>) -> TimeOfParts {
        TimeOfParts { micros, digits }
    }
}

impl fmt::Display for TimeOfParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.digits {
            Some(digits) => write!(f, "time({}, {digits})", self.micros),
            None => write!(f, "time({})", self.micros),
        }
    }
}

impl PhysicalExpr for TimeOfParts {
    fn data_type(&self, _schema: &Schema) -> Result<DataType> {
        Ok(timestamp_type())
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.micros.nullable(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        let micros = self.micros.evaluate(batch)?.into_array(rows)?;
        let digits = match &self.digits {
            Some(digits) => Some(digits.evaluate(batch)?.into_array(rows)?),
            None => None,
        };
        let digits = digits.as_ref().and_then(|digits| digits.as_primitive_opt::<Int8Type>());
        let times = joined(&micros, digits).map_err(|error| DataFusionError::External(error.into()))?;
        Ok(ColumnarValue::Array(times))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        std::iter::once(&self.micros).chain(&self.digits).collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let mut children = children.into_iter();
        let micros = children.next().unwrap_or_else(|| self.micros.clone());
        Ok(Arc::new(TimeOfParts::new(micros, children.next())))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Field;
    use datafusion::physical_expr::expressions::{binary, col};
    use expect_test::{Expect, expect};

    use super::*;
    use crate::schema::{file_schema, stored_schema};

    #[track_caller]
    fn check(expr: Arc<dyn PhysicalExpr>, physical: SchemaRef, expected: Expect) {
        let table = model::tables::find("DeviceFileEvents").unwrap();
        let adapter = AdapterFactory(table).create(stored_schema(table), physical).unwrap();
        expected.assert_eq(&adapter.rewrite(expr).unwrap().to_string());
    }

    fn table_column(name: &str) -> Arc<dyn PhysicalExpr> {
        col(name, &stored_schema(model::tables::find("DeviceFileEvents").unwrap())).unwrap()
    }

    fn at(nanos: i64) -> Arc<dyn PhysicalExpr> {
        lit(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into())))
    }

    fn compared(
        left: Arc<dyn PhysicalExpr>,
        op: Operator,
        right: Arc<dyn PhysicalExpr>,
    ) -> Arc<dyn PhysicalExpr> {
        let schema = stored_schema(model::tables::find("DeviceFileEvents").unwrap());
        binary(left, op, right, &schema).unwrap()
    }

    fn today() -> SchemaRef {
        file_schema(model::tables::find("DeviceFileEvents").unwrap())
    }

    #[test]
    fn conditions_on_times_reach_the_microseconds() {
        let time = || table_column("Timestamp");
        let position = today().index_of("_Timestamp_tick").unwrap();
        assert_eq!(position, stored_schema(model::tables::find("DeviceFileEvents").unwrap()).fields().len());
        check(
            compared(time(), Operator::Gt, at(1_900)),
            today(),
            expect!["Timestamp@0 >= 1 AND time(Timestamp@0, _Timestamp_tick@61) > 1900"],
        );
        check(
            compared(at(-1_900), Operator::GtEq, time()),
            today(),
            expect!["Timestamp@0 <= -2 AND time(Timestamp@0, _Timestamp_tick@61) <= -1900"],
        );
        check(
            compared(time(), Operator::NotEq, at(1_900)),
            today(),
            expect!["time(Timestamp@0, _Timestamp_tick@61) != 1900"],
        );
        check(table_column("_ingested"), today(), expect!["time(_ingested@60)"]);
    }

    #[test]
    fn a_file_of_before_is_read_as_it_is() {
        let table = model::tables::find("DeviceFileEvents").unwrap();
        let with_time = |name: &str| Field::new(name, timestamp_type(), true);
        let old = Arc::new(Schema::new(vec![with_time("_ingested"), with_time("Timestamp")]));
        let condition = compared(table_column("Timestamp"), Operator::Gt, at(1_900));
        check(condition, old.clone(), expect!["Timestamp@1 > 1900"]);
        check(table_column("FileName"), old.clone(), expect![[r#""#]]);
        check(table_column("FileSize"), old.clone(), expect!["NULL"]);
        assert!(table.position("FileSize").is_some());
    }
}
