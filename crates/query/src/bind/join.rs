//! `join`: kinds, keys and the names of the result.

use datafusion::common::JoinType;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::Span;
use kql::ast::{self, JoinKind};
use model::Kind;

use super::expr::Input;
use super::{Bind, Binder, Stop, error, grouped, naming};
use crate::operators::{self, balanced};
use crate::relation::{Field, Relation};
use crate::typed::{Typed, absent};

impl Binder<'_> {
    /// `filter` is what a `where` behind the join asks.
    pub(super) fn join(
        &mut self,
        left: Relation,
        join: &ast::Join,
        filter: Option<&ast::Expr>,
        span: Span,
    ) -> Bind<Relation> {
        let kind = join.kind.unwrap_or(JoinKind::InnerUnique);
        let right = self.table_expr(&join.right)?;
        if join.on.is_empty() {
            return error(span, "'join' operator: needs 'on' with the columns that must be equal");
        }
        let (left, left_keys, right, right_keys) = self.keys(left, right, &join.on)?;
        let left = match kind {
            JoinKind::InnerUnique => {
                let left = self.prefiltered(left, &right, filter)?;
                self.one_per_key(left, &left_keys)?
            }
            _ => left,
        };

        if !left.unseen().is_empty()
            && matches!(
                kind,
                JoinKind::RightOuter | JoinKind::FullOuter | JoinKind::RightSemi | JoinKind::RightAnti
            )
        {
            let message = format!("'join' operator: kind {} cannot be used on groups of rows", kind.name());
            return error(span, message);
        }
        let join_type = match kind {
            JoinKind::InnerUnique | JoinKind::Inner => JoinType::Inner,
            JoinKind::LeftOuter => JoinType::Left,
            JoinKind::RightOuter => JoinType::Right,
            JoinKind::FullOuter => JoinType::Full,
            JoinKind::LeftSemi => JoinType::LeftSemi,
            JoinKind::LeftAnti => JoinType::LeftAnti,
            JoinKind::RightSemi => JoinType::RightSemi,
            JoinKind::RightAnti => JoinType::RightAnti,
        };
        let keys = (columns(&left_keys), columns(&right_keys));
        let plan =
            LogicalPlanBuilder::from(left.plan.clone()).join(right.plan.clone(), join_type, keys, None)?;
        let plan = plan.build()?;
        match join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => Ok(Relation { plan, ..left }),
            JoinType::RightSemi | JoinType::RightAnti => Ok(Relation { plan, ..right }),
            _ => self.joined(plan, left, right, join_type),
        }
    }

    /// `lookup`: a join that does not repeat the key columns of the right side.
    pub(super) fn lookup(&mut self, left: Relation, lookup: &ast::Lookup, span: Span) -> Bind<Relation> {
        let right = self.table_expr(&lookup.right)?;
        if lookup.on.is_empty() {
            return error(span, "'lookup' operator: needs 'on' with the columns that must be equal");
        }
        let is_key = |field: &Field| lookup.on.iter().any(|on| on.right.name == field.name);
        let (left, left_keys, mut right, right_keys) = self.keys(left, right, &lookup.on)?;
        let join_type = match lookup.kind {
            Some(JoinKind::Inner) => JoinType::Inner,
            _ => JoinType::Left,
        };
        let keys = (columns(&left_keys), columns(&right_keys));
        let plan =
            LogicalPlanBuilder::from(left.plan.clone()).join(right.plan.clone(), join_type, keys, None)?;
        right.fields.retain(|field| !is_key(field));
        self.joined(plan.build()?, left, right, join_type)
    }

    /// Left columns, then all right columns, numbered where the name is taken. Text of an absent side is empty.
    pub(super) fn joined(
        &mut self,
        plan: datafusion::logical_expr::LogicalPlan,
        left: Relation,
        right: Relation,
        join_type: JoinType,
    ) -> Bind<Relation> {
        let left_absent = matches!(join_type, JoinType::Right | JoinType::Full);
        let right_absent = matches!(join_type, JoinType::Left | JoinType::Full);
        // Names of the right side that are free stay as they are, whatever is numbered before them.
        let mut taken: Vec<String> = left.fields.iter().map(|field| field.name.clone()).collect();
        let is_free = |field: &&Field| left.field(&field.name).is_none();
        taken.extend(right.fields.iter().filter(is_free).map(|field| field.name.clone()));
        let mut result = Vec::new();
        let sides = left
            .fields
            .iter()
            .map(|f| (f, left_absent, true))
            .chain(right.fields.iter().map(|f| (f, right_absent, is_free(&f))));
        for (field, may_be_absent, keeps_name) in sides {
            let name = match keeps_name {
                true => field.name.clone(),
                false => naming::unique(field.name.clone(), &mut taken),
            };
            let mut typed = field.typed();
            if may_be_absent && field.kind == Kind::String {
                let filled =
                    datafusion::functions::core::expr_fn::coalesce(vec![typed.expr, absent(Kind::String)]);
                typed = Typed::new(filled, Kind::String);
            }
            result.push((name, typed));
        }
        let both = Relation { plan, fields: Vec::new(), hidden: left.unseen() };
        Ok(both.project(&mut self.names, result)?)
    }

    /// The key columns of both sides, brought to common kinds.
    fn keys(
        &mut self,
        left: Relation,
        right: Relation,
        on: &[ast::JoinCondition],
    ) -> Bind<(Relation, Vec<Field>, Relation, Vec<Field>)> {
        // Both sides may come from one view: their fields must not be the same.
        let right = self.renamed(right)?;
        let (mut left_columns, mut right_columns) = (left.columns(), right.columns());
        let (mut left_keys, mut right_keys) = (Vec::new(), Vec::new());
        for condition in on {
            let left_field = self.column(&left, &condition.left, "join")?.clone();
            let right_field = self.column(&right, &condition.right, "join")?.clone();
            for (field, ident) in [(&left_field, &condition.left), (&right_field, &condition.right)] {
                if field.kind == Kind::Dynamic {
                    let message =
                        format!("'join' operator: key '{}' is dynamic; convert it first", ident.name);
                    return error(ident.span, message);
                }
            }
            if left_field.kind == right_field.kind {
                left_keys.push(left_field);
                right_keys.push(right_field);
                continue;
            }
            let is_number = |kind| matches!(kind, Kind::Int | Kind::Long | Kind::Real | Kind::Decimal);
            if !is_number(left_field.kind) || !is_number(right_field.kind) {
                let (left, right) = (left_field.kind.name(), right_field.kind.name());
                let message = format!(
                    "'join' operator: keys of the kinds {left} and {right} cannot be equal; convert one"
                );
                return error(condition.span, message);
            }
            let pair = operators::comparable("==", left_field.typed(), right_field.typed());
            let (left_key, right_key) =
                self.at(condition.span, pair.map_err(|message| format!("'join' operator: {message}")))?;
            for (columns, keys, key) in [
                (&mut left_columns, &mut left_keys, left_key),
                (&mut right_columns, &mut right_keys, right_key),
            ] {
                // A name that no query can write.
                let name = format!("\u{0}key{}", keys.len());
                columns.push((name.clone(), key.clone()));
                keys.push(Field { name, kind: key.kind, field: String::new() });
            }
        }
        let left = self.with_keys(left, left_columns, &mut left_keys)?;
        let right = self.with_keys(right, right_columns, &mut right_keys)?;
        Ok((left, left_keys, right, right_keys))
    }

    /// Adds converted keys, when there are any, and finds their fields; they stay invisible.
    fn with_keys(
        &mut self,
        side: Relation,
        columns: Vec<(String, Typed)>,
        keys: &mut [Field],
    ) -> Bind<Relation> {
        if columns.len() == side.fields.len() {
            return Ok(side);
        }
        let mut side = side.project(&mut self.names, columns)?;
        for key in keys.iter_mut() {
            if let Some(field) = side.field(&key.name) {
                key.field = field.field.clone();
            }
        }
        side.fields.retain(|field| !field.name.starts_with('\u{0}'));
        Ok(side)
    }

    pub(super) fn renamed(&mut self, relation: Relation) -> Bind<Relation> {
        let mut fields = relation.fields.clone();
        let exprs: Vec<_> = fields
            .iter_mut()
            .map(|field| {
                let expr = field.typed().expr;
                field.field = self.names.next();
                expr.alias(&field.field)
            })
            .collect();
        let plan = relation.builder().project(exprs)?.build()?;
        Ok(Relation { plan, fields, hidden: Vec::new() })
    }

    /// The left side of an `innerunique` join with only the rows that a filter behind the join can let through. Which
    /// row of a key stays is open, and it is to be one of those. (Source: the language's published documentation.)
    fn prefiltered(
        &mut self,
        left: Relation,
        right: &Relation,
        filter: Option<&ast::Expr>,
    ) -> Bind<Relation> {
        let parts = match filter.map(|filter| (filter, &filter.kind)) {
            None => return Ok(left),
            Some((_, ast::ExprKind::And(parts))) => parts.iter().collect(),
            Some((filter, _)) => vec![filter],
        };
        // Names of the left side are those of the result; the others lead to columns that it has not.
        let mut fields = left.fields.clone();
        fields.extend(right.fields.iter().map(|field| Field { field: String::new(), ..field.clone() }));
        let (noted, pending) = (self.others.len(), self.windows.len());
        let mut conditions = Vec::new();
        for part in parts {
            let condition = self.predicate(part, &mut Input { hidden: &left.hidden, ..Input::over(&fields) });
            let is_left = |column: &&datafusion::common::Column| !column.name.is_empty();
            match condition {
                Ok(condition)
                    if self.windows.len() == pending
                        && !condition.is_volatile()
                        && condition.column_refs().iter().all(is_left) =>
                {
                    conditions.push(condition)
                }
                Ok(_) | Err(Stop::Diagnostic(_)) => {}
                Err(stop) => return Err(stop),
            }
            self.windows.truncate(pending);
        }
        // What is wrong with the filter is told where it stands.
        self.others.truncate(noted);
        Ok(if conditions.is_empty() { left } else { left.filter(balanced(conditions, Expr::and))? })
    }

    /// `innerunique`: one row of the left side for each key.
    fn one_per_key(&mut self, left: Relation, keys: &[Field]) -> Bind<Relation> {
        let unseen = left.unseen();
        let groups = unseen.iter().filter(|field| grouped::is_group(field));
        let on = keys.iter().chain(groups).map(|key| key.typed().expr).collect();
        let mut select: Vec<&Field> = left.fields.iter().collect();
        for field in keys.iter().chain(&unseen) {
            if !select.iter().any(|selected| selected.field == field.field) {
                select.push(field);
            }
        }
        let select = select.into_iter().map(|field| field.typed().expr).collect();
        let plan = left.builder().distinct_on(on, select, None)?.build()?;
        Ok(Relation { plan, hidden: unseen, ..left })
    }
}

fn columns(keys: &[Field]) -> Vec<datafusion::common::Column> {
    keys.iter().map(|key| datafusion::common::Column::new_unqualified(&key.field)).collect()
}
