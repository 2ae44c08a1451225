//! `extend series_stats(x)`, `project (a, b) = series_fit_line(y)`: calls that give several columns.

use kql::ast::{self, ExprKind};

use super::expr::Input;
use super::{Bind, Binder, error, naming};
use crate::functions;
use crate::relation::Relation;
use crate::typed::Typed;

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
}
