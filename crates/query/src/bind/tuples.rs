//! `extend series_stats(x)`, `project (a, b) = series_fit_line(y)`: calls that give several columns.

use kql::ast::{self, ExprKind};
use model::Kind;

use super::expr::Input;
use super::{Bind, Binder, error, naming};
use crate::relation::Relation;
use crate::typed::Typed;
use crate::{convert, functions};

impl Binder<'_> {
    /// The columns of a call that gives several; `None` of everything else. The first ones have the given names.
    pub(super) fn several_columns(
        &mut self,
        column: &ast::Column,
        input: &Relation,
    ) -> Bind<Option<Vec<(String, Typed)>>> {
        let ExprKind::Call(call) = &column.expr.kind else { return Ok(None) };
        let name = call.name.name.as_str();
        if self.scope.get(name).is_some() {
            return Ok(None);
        }
        if let Some(arrays) = self.sorted_arrays(column, call, input)? {
            return Ok(Some(arrays));
        }
        let Some(function) = functions::find(name).filter(|function| function.gives_several()) else {
            return Ok(None);
        };
        // What the function itself checks of its arguments.
        self.expr(&column.expr, &mut Input::of(input))?;
        let args = call.args.iter().map(|arg| self.expr(&arg.value, &mut Input::of(input)));
        let args = args.collect::<Bind<Vec<_>>>()?;
        let parts = functions::several(function, args).map_err(|message| format!("{name}(): {message}"));
        let parts = self.at(column.expr.span, parts)?;
        if let Some(ident) = column.names.get(parts.len()) {
            return error(ident.span, format!("{name}() gives {} columns", parts.len()));
        }
        let own = call.args.first().and_then(|arg| naming::name_of(&arg.value));
        let prefix = own.map_or_else(|| name.to_owned(), |own| format!("{name}_{own}"));
        let named = parts.into_iter().enumerate().map(|(at, (part, typed))| {
            let given = column.names.get(at).map(|ident| ident.name.clone());
            (given.unwrap_or_else(|| format!("{prefix}_{part}")), typed)
        });
        Ok(Some(named.collect()))
    }

    /// `array_sort_asc(a, b)`: a column for each array.
    fn sorted_arrays(
        &mut self,
        column: &ast::Column,
        call: &ast::Call,
        input: &Relation,
    ) -> Bind<Option<Vec<(String, Typed)>>> {
        if !matches!(call.name.name.as_str(), "array_sort_asc" | "array_sort_desc") {
            return Ok(None);
        }
        let mut arrays = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            let typed = self.expr(&arg.value, &mut Input::of(input))?;
            // The last argument may say where nulls go.
            if typed.kind != Kind::Bool {
                arrays.push(naming::name_of(&arg.value));
            }
        }
        if arrays.len() < 2 {
            return Ok(None);
        }
        let sorted = self.expr(&column.expr, &mut Input::of(input))?;
        let columns = arrays.into_iter().enumerate().map(|(at, own)| {
            let given = column.names.get(at).map(|ident| ident.name.clone());
            let name = given.unwrap_or_else(|| match own {
                Some(own) => format!("{own}_sorted"),
                None => format!("array{}_sorted", at + 1),
            });
            let position = Typed::long(i64::try_from(at).unwrap_or(i64::MAX));
            (name, convert::path(sorted.clone(), vec![position]))
        });
        Ok(Some(columns.collect()))
    }
}
