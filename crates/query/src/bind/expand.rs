//! `mv-expand` and `mv-apply`: rows for the elements of dynamic values.

use datafusion::common::{Column, NullHandling, UnnestOptions};
use kql::Span;
use kql::ast;
use model::Kind;

use super::expr::Input;
use super::{Bind, Binder, error, kind_of, naming};
use crate::convert;
use crate::expand::{self, Expansion};
use crate::portions::portions;
use crate::relation::{Field, Relation};
use crate::typed::Typed;

/// Rows for one row, unless less is asked for.
const ROWS_MAX: usize = i32::MAX as usize;
/// The same for the old spelling `mvexpand`.
const ROWS_MAX_OLD: usize = 128;

impl Binder<'_> {
    pub(super) fn mv_expand(&mut self, input: Relation, expand: &ast::MvExpand) -> Bind<Relation> {
        let most = if expand.is_legacy { ROWS_MAX_OLD } else { ROWS_MAX };
        let limit = self.expansion_limit(expand.limit.as_ref(), "mv-expand", most)?;
        let expansion = Expansion { bags_as_arrays: expand.bags_as_arrays, limit };
        self.expanded(input, &expand.columns, expand.item_index.as_ref(), expansion, "mv-expand")
    }

    fn expansion_limit(&mut self, limit: Option<&ast::Expr>, operator: &str, most: usize) -> Bind<usize> {
        limit.map_or(Ok(most), |limit| Ok(self.constant_count(limit, operator)?.min(ROWS_MAX)))
    }

    fn expanded(
        &mut self,
        input: Relation,
        columns: &[ast::MvColumn],
        item_index: Option<&ast::Ident>,
        expansion: Expansion,
        operator: &str,
    ) -> Bind<Relation> {
        let mut expanded: Vec<(String, Kind)> = Vec::with_capacity(columns.len() + 1);
        let bound = self.mv_columns(&input, columns, operator)?;
        // What is expanded is calculated first, and the rows are cut by its size.
        let mut calculated = input.columns();
        let unseen = |at: usize| format!("\u{0}expanded{at}");
        calculated.extend(bound.iter().enumerate().map(|(at, column)| (unseen(at), column.value.clone())));
        let count = input.fields.len();
        let mut input = input.project(&mut self.names, calculated)?;
        let calculated = input.fields.split_off(count);
        let measured = calculated.iter().map(|field| field.field.clone()).collect();
        input.plan = portions(input.plan, measured);
        let mut result = input.columns();
        let mut values = Vec::with_capacity(columns.len());
        for (MvColumn { name, kind, span, .. }, field) in bound.into_iter().zip(&calculated) {
            let value = field.typed();
            if expanded.iter().any(|(other, _)| *other == name) {
                return error(span, format!("'{operator}' operator: column '{name}' is given twice"));
            }
            values.push(value.clone());
            place(&mut result, &name, expand::elements(value, kind, expansion));
            expanded.push((name, kind));
        }
        if let Some(index) = item_index {
            place(&mut result, &index.name, expand::positions(values, expansion));
        }
        let mut lists = input.project(&mut self.names, result)?;
        let is_list = |field: &Field| {
            expanded.iter().any(|(name, _)| *name == field.name)
                || item_index.is_some_and(|index| index.name == field.name)
        };
        let listed = lists.fields.iter().filter(|field| is_list(field));
        let listed: Vec<Column> = listed.map(|field| Column::new_unqualified(&field.field)).collect();
        let options = UnnestOptions { null_handling: NullHandling::Drop, ..UnnestOptions::default() };
        lists.plan = lists.builder().unnest_columns_with_options(listed, options)?.build()?;
        let typed = lists.fields.iter().map(|field| {
            let kind = expanded.iter().find(|(name, _)| *name == field.name).map(|(_, kind)| *kind);
            let typed = match kind {
                Some(kind) => convert::to_kind(Typed::column(&field.field, Kind::Dynamic), kind),
                None if is_list(field) => Typed::column(&field.field, Kind::Long),
                None => field.typed(),
            };
            (field.name.clone(), typed)
        });
        let typed = typed.collect();
        Ok(lists.project(&mut self.names, typed)?)
    }

    fn mv_columns(
        &mut self,
        input: &Relation,
        columns: &[ast::MvColumn],
        operator: &str,
    ) -> Bind<Vec<MvColumn>> {
        let mut numbered = 0;
        let bind = |column: &ast::MvColumn| {
            let expr = &column.column.expr;
            let value = self.expr_of(operator, expr, &mut Input::of(input))?;
            if value.kind != Kind::Dynamic {
                let message = format!(
                    "'{operator}' operator: expands a dynamic, not a {}; use parse_json() or split()",
                    value.kind.name()
                );
                return error(expr.span, message);
            }
            let name = match column.column.names.as_slice() {
                [ident, ..] => ident.name.clone(),
                [] => naming::name_of(expr).unwrap_or_else(|| {
                    numbered += 1;
                    format!("Column{numbered}")
                }),
            };
            let kind = column.ty.map_or(Kind::Dynamic, kind_of);
            Ok(MvColumn { name, value, kind, span: expr.span })
        };
        columns.iter().map(bind).collect()
    }

    /// The operators of the body run on the elements of each row.
    pub(super) fn mv_apply(&mut self, input: Relation, apply: &ast::MvApply, span: Span) -> Bind<Relation> {
        let limit = self.expansion_limit(apply.limit.as_ref(), "mv-apply", ROWS_MAX)?;
        let expansion = Expansion { bags_as_arrays: false, limit };
        let outer: Vec<String> = input.unseen().into_iter().map(|field| field.name).collect();
        let source: Vec<String> = input.fields.iter().map(|field| field.name.clone()).collect();

        let mut columns = input.columns();
        columns.push((self.group_name(), expand::row_ids()));
        let numbered = input.project(&mut self.names, columns)?.hide_unseen();
        let replaced = self.mv_columns(&numbered, &apply.columns, "mv-apply")?;
        let replaced: Vec<String> = replaced.into_iter().map(|column| column.name).collect();
        let index = apply.item_index.as_ref();
        let mut rows = self.expanded(numbered, &apply.columns, index, expansion, "mv-apply")?;

        // What the row had besides is carried through the body.
        let mut kept: Vec<(String, String)> = Vec::new();
        for name in source.into_iter().filter(|name| !replaced.contains(name)) {
            let Some(field) = rows.field(&name).cloned() else { continue };
            let carried = self.carried_name();
            rows.hidden.push(Field { name: carried.clone(), ..field });
            kept.push((name, carried));
        }
        if apply.body.is_empty() {
            return error(span, "'mv-apply' operator: has no operators for the elements");
        }
        let result = self.operators(rows, &apply.body)?;

        let unseen = result.unseen();
        let mut fields: Vec<Field> = Vec::with_capacity(kept.len() + result.fields.len());
        for (name, carried) in &kept {
            let own = result.field(name).cloned();
            let carried = || {
                let field = unseen.iter().find(|field| field.name == *carried)?;
                Some(Field { name: name.clone(), ..field.clone() })
            };
            fields.extend(own.or_else(carried));
        }
        let rest = result.fields.iter().filter(|field| !kept.iter().any(|(name, _)| *name == field.name));
        fields.extend(rest.cloned());
        let mut hidden = result.hidden;
        hidden.retain(|field| !field.is_unseen() || outer.contains(&field.name));
        Ok(Relation { plan: result.plan, fields, hidden })
    }
}

/// A value to expand.
struct MvColumn {
    name: String,
    value: Typed,
    /// The kind of its elements.
    kind: Kind,
    span: Span,
}

/// Puts a column in the place of one with its name, or behind all.
pub(super) fn place(columns: &mut Vec<(String, Typed)>, name: &str, typed: Typed) {
    match columns.iter_mut().find(|(present, _)| present == name) {
        Some(present) => present.1 = typed,
        None => columns.push((name.to_owned(), typed)),
    }
}
