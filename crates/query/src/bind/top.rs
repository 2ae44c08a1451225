//! `top-nested`, `top-hitters`, `sample-distinct`: the greatest of several levels, and the most frequent.

use datafusion::common::NullEquality;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, JoinType, LogicalPlanBuilder, lit, when};
use kql::Span;
use kql::ast::{self, SortOrder};
use model::Kind;

use super::aggregate::Collected;
use super::expr::Input;
use super::{Bind, Binder, error, naming};
use crate::convert;
use crate::relation::Relation;
use crate::typed::Typed;

impl Binder<'_> {
    /// Any rows, each as likely as each other one.
    pub(super) fn sample(&mut self, input: Relation, count: usize) -> Bind<Relation> {
        let Some(Ok(random)) = crate::functions::find("rand").map(|rand| rand.call(self.context, Vec::new()))
        else {
            return self.first_rows(input, Vec::new(), count);
        };
        let shown = input.fields.clone();
        let mut columns = input.columns();
        columns.push(("\u{0}place".to_owned(), random));
        let mut placed = input.project(&mut self.names, columns)?;
        let order = placed.fields.pop().map(|place| place.typed().expr.sort(true, false));
        let fields = placed.fields.clone();
        let sampled = self.first_rows(placed, order.into_iter().collect(), count)?;
        debug_assert_eq!(shown.len(), fields.len());
        Ok(Relation { fields, ..sampled })
    }

    /// `sample-distinct N of column`: some of its different values.
    pub(super) fn sample_distinct(
        &mut self,
        input: Relation,
        sample: &ast::SampleDistinct,
    ) -> Bind<Relation> {
        let count = self.constant_count(&sample.count, "sample-distinct")?;
        let column = ast::Column { names: Vec::new(), expr: sample.of.clone(), span: sample.of.span };
        let values = self.distinct(input, &[column])?;
        self.first_rows(values, Vec::new(), count)
    }

    /// `top-hitters N of column by weight`: the values that are there most often, or weigh most.
    pub(super) fn top_hitters(&mut self, input: Relation, top: &ast::TopHitters) -> Bind<Relation> {
        let count = self.constant_count(&top.count, "top-hitters")?;
        let of = self.expr_of("top-hitters", &top.of.expr, &mut Input::of(&input))?;
        let name = column_name(&top.of);
        let field = self.names.next();
        let (aggregate, kind, weight) = match &top.by {
            None => (
                datafusion::functions_aggregate::expr_fn::count(lit(1i64)),
                Kind::Long,
                format!("count_{name}"),
            ),
            Some(by) => {
                let value = self.expr_of("top-hitters", &by.expr, &mut Input::of(&input))?;
                let value = match value.kind {
                    Kind::Int => value.cast_number(Kind::Long),
                    Kind::Long | Kind::Real | Kind::Decimal | Kind::TimeSpan => value,
                    Kind::Dynamic => convert::to_real(value),
                    kind => {
                        let message =
                            format!("'top-hitters' operator: weighs by a number, not a {}", kind.name());
                        return error(by.expr.span, message);
                    }
                };
                let weight = format!("sum_{}", column_name(by));
                (datafusion::functions_aggregate::expr_fn::sum(value.expr), value.kind, weight)
            }
        };
        let result = vec![(format!("approximate_{weight}"), Typed::column(&field, kind))];
        let hitters = self.aggregated(input, vec![(name, of)], vec![(aggregate, field.clone())], result)?;
        let Some(weight) = hitters.fields.last().map(|field| field.typed().expr) else { return Ok(hitters) };
        self.first_rows(hitters, vec![weight.sort(false, false)], count)
    }

    /// Each level keeps the values whose rows aggregate to the most, among those of the levels above.
    pub(super) fn top_nested(
        &mut self,
        input: Relation,
        levels: &[ast::TopNestedLevel],
        span: Span,
    ) -> Bind<Relation> {
        let mut taken = Vec::new();
        let mut rows = input;
        let mut bound: Vec<Level> = Vec::with_capacity(levels.len());
        for level in levels {
            let of = self.expr_of("top-nested", &level.of.expr, &mut Input::of(&rows))?;
            if of.kind == Kind::Dynamic {
                return error(level.of.expr.span, "'top-nested' operator: cannot group by a dynamic value");
            }
            let name = naming::unique(column_name(&level.of), &mut taken);
            let aggregated = match level.by.names.first() {
                Some(ident) => ident.name.clone(),
                None => format!("aggregated_{name}"),
            };
            let aggregated = naming::unique(aggregated, &mut taken);
            let key = format!("\u{1}{}", self.names.next());
            let mut columns = rows.columns();
            columns.push((key.clone(), of.clone()));
            rows = rows.project(&mut self.names, columns)?;
            // The values of this level under each path of the levels above.
            let path: Vec<String> =
                bound.iter().map(|level: &Level| level.key.clone()).chain([key.clone()]).collect();
            let values = self.by_path(&rows, &path, level)?;
            let kept = match &level.count {
                None => values,
                Some(count) => {
                    let count = self.constant_count(count, "top-nested")?;
                    self.best(values, &path, count, level.order)?
                }
            };
            rows = self.marked(rows, kept, &path, level, of.kind)?;
            bound.push(Level { key, name, aggregated });
        }
        // What each level aggregates to, of the rows that are left.
        let keys: Vec<String> = bound.iter().map(|level| level.key.clone()).collect();
        let mut result: Option<Relation> = None;
        for (at, level) in levels.iter().enumerate().rev() {
            let mut values = self.by_path(&rows, &keys[..=at], level)?;
            if let Some(field) = values.fields.last_mut() {
                field.name = bound[at].aggregated.clone();
            }
            result = Some(match result {
                None => values,
                Some(deeper) => self.joined_by(deeper, values, &keys[..=at], JoinType::Inner)?,
            });
        }
        let Some(result) = result else { return error(span, "'top-nested' operator: has no level") };
        let columns = bound.iter().flat_map(|level| {
            let column =
                |name: &str, shown: &str| result.field(name).map(|field| (shown.to_owned(), field.typed()));
            [column(&level.key, &level.name), column(&level.aggregated, &level.aggregated)]
        });
        let columns = columns.flatten().collect();
        let result = Relation { hidden: Vec::new(), ..result };
        Ok(result.project(&mut self.names, columns)?)
    }

    /// The aggregate of a level for each path of keys; it is the last column.
    fn by_path(&mut self, rows: &Relation, path: &[String], level: &ast::TopNestedLevel) -> Bind<Relation> {
        let mut collected = Collected::default();
        let mut scope = Input { collected: Some(&mut collected), ..Input::of(rows) };
        let value = self.expr_of("top-nested", &level.by.expr, &mut scope)?;
        let keys = path.iter().filter_map(|name| Some((name.clone(), rows.field(name)?.typed()))).collect();
        let rows = Relation { hidden: Vec::new(), ..rows.clone() };
        let result = vec![("\u{1}value".to_owned(), value)];
        self.aggregated(rows, keys, collected.aggregates, result)
    }

    fn best(
        &mut self,
        values: Relation,
        path: &[String],
        count: usize,
        order: Option<SortOrder>,
    ) -> Bind<Relation> {
        let parents = path.split_last().map_or(&[][..], |(_, parents)| parents);
        let parents = parents.iter().filter_map(|name| Some(values.field(name)?.typed().expr)).collect();
        let Some(value) = values.fields.last().map(|field| field.typed().expr) else { return Ok(values) };
        let ascending = order == Some(SortOrder::Asc);
        let number = self.names.next();
        let numbered = row_number()
            .partition_by(parents)
            .order_by(vec![value.sort(ascending, ascending)])
            .build()?
            .alias(&number);
        let is_best = Typed::column(&number, Kind::Long).expr.lt_eq(lit(count as u64));
        let plan = values.builder().window(vec![numbered])?.filter(is_best)?.build()?;
        Ok(Relation { plan, ..values })
    }

    /// The rows of values that were kept. Those of others are dropped, or get the value that stands for them.
    fn marked(
        &mut self,
        rows: Relation,
        kept: Relation,
        path: &[String],
        level: &ast::TopNestedLevel,
        kind: Kind,
    ) -> Bind<Relation> {
        let Some(others) = &level.others else {
            return self.joined_by(rows, kept, path, JoinType::LeftSemi);
        };
        let others = self.constant(others)?;
        let others = if others.kind == kind { others } else { convert::to_kind(others, kind) };
        let mark = "\u{1}mark".to_owned();
        let mut columns = kept.columns();
        columns.pop();
        columns.push((mark.clone(), Typed::bool(true)));
        let kept = kept.project(&mut self.names, columns)?;
        let both = self.joined_by(rows, kept, path, JoinType::Left)?;
        let is_kept = both.field(&mark).map(|field| field.typed().expr.is_not_null());
        let Some((key, is_kept)) = path.last().zip(is_kept) else { return Ok(both) };
        let mut columns: Vec<_> = both.columns().into_iter().filter(|(name, _)| *name != mark).collect();
        for (name, typed) in &mut columns {
            if name == key {
                let expr = when(is_kept.clone(), typed.expr.clone()).otherwise(others.expr.clone())?;
                *typed = Typed::new(expr, kind);
            }
        }
        Ok(both.project(&mut self.names, columns)?)
    }

    /// Joins on columns of the same names, where null equals null. The right side's keys are not repeated.
    fn joined_by(
        &mut self,
        left: Relation,
        right: Relation,
        on: &[String],
        join_type: JoinType,
    ) -> Bind<Relation> {
        let right = self.renamed(right)?;
        let columns = |side: &Relation| {
            let columns = on.iter().filter_map(|name| side.field(name));
            columns.map(|field| datafusion::common::Column::new_unqualified(&field.field)).collect::<Vec<_>>()
        };
        let keys = (columns(&left), columns(&right));
        let plan = LogicalPlanBuilder::from(left.plan.clone())
            .join_detailed(right.plan.clone(), join_type, keys, None::<Expr>, NullEquality::NullEqualsNull)?
            .build()?;
        let mut fields = left.fields.clone();
        if join_type != JoinType::LeftSemi {
            fields.extend(right.fields.into_iter().filter(|field| !on.contains(&field.name)));
        }
        Ok(Relation { plan, fields, hidden: Vec::new() })
    }
}

/// A level whose keys are in the rows.
struct Level {
    key: String,
    name: String,
    aggregated: String,
}

fn column_name(column: &ast::Column) -> String {
    let own = column.names.first().map(|ident| ident.name.clone());
    own.or_else(|| naming::name_of(&column.expr)).unwrap_or_else(|| "Column1".to_owned())
}
