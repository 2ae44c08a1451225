//! Functions that ask about the columns in reach: `pack_all`, `bag_pack_columns`, `column_ifexists`,
//! `column_names_of`, `estimate_data_size`, and `bin_auto`, which asks the query's options.

use datafusion::common::ScalarValue;
use kql::Span;
use kql::ast::{Call, ExprKind};
use model::Kind;

use super::expr::Input;
use super::{Bind, Binder, error};
use crate::functions::{self, column as calls};
use crate::typed::Typed;
use crate::{constant, convert};

impl Binder<'_> {
    /// A call of one of these functions; `None` of every other one.
    pub(super) fn column_call(&mut self, call: &Call, span: Span, input: &mut Input) -> Bind<Option<Typed>> {
        let typed = match call.name.name.as_str() {
            "pack_all" => self.pack_all(call, span, input)?,
            "bag_pack_columns" => self.bag_pack_columns(call, span, input)?,
            "column_ifexists" | "columnifexists" => self.column_if_exists(call, span, input)?,
            "iscolumnexists" => {
                let name = self.column_name_of(call, span, input)?;
                Typed::bool(input.field(&name).is_some())
            }
            "column_names_of" => self.column_names_of(call, span)?,
            "estimate_data_size" => self.estimate_data_size(call, span, input)?,
            "bin_auto" => self.bin_auto(call, span, input)?,
            _ => return Ok(None),
        };
        Ok(Some(typed))
    }

    /// Every column as a property, those without a value left out if asked.
    fn pack_all(&mut self, call: &Call, span: Span, input: &mut Input) -> Bind<Typed> {
        let skips_empty = match call.args.as_slice() {
            [] => false,
            [flag] => {
                let flag = self.constant(&flag.value)?;
                matches!(flag.literal(), Some(ScalarValue::Boolean(Some(true))))
            }
            _ => return error(span, "pack_all() takes one bool at most"),
        };
        let columns = input.fields.iter().map(|field| (field.name.clone(), field.typed())).collect();
        Ok(calls::packed(columns, skips_empty))
    }

    fn bag_pack_columns(&mut self, call: &Call, span: Span, input: &mut Input) -> Bind<Typed> {
        let mut columns = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            let ExprKind::Name(ident) = &arg.value.kind else {
                return error(arg.value.span, "bag_pack_columns() takes names of columns");
            };
            columns.push((ident.name.clone(), self.expr(&arg.value, input)?));
        }
        match columns.is_empty() {
            true => error(span, "bag_pack_columns() takes one column at least"),
            false => Ok(calls::packed(columns, false)),
        }
    }

    /// The name that a constant first argument holds.
    fn column_name_of(&mut self, call: &Call, span: Span, input: &mut Input) -> Bind<String> {
        let Some(first) = call.args.first() else { return error(span, "the name of a column is missing") };
        let folded = constant::fold(self.expr(&first.value, input)?)?;
        match folded.literal_text() {
            Some(name) => Ok(name.to_owned()),
            None => error(first.value.span, "the name of a column must be a constant string"),
        }
    }

    fn column_if_exists(&mut self, call: &Call, span: Span, input: &mut Input) -> Bind<Typed> {
        let name = self.column_name_of(call, span, input)?;
        let [_, default] = call.args.as_slice() else {
            return error(span, format!("{}() takes a name and a default", call.name.name));
        };
        match input.field(&name) {
            Some(field) => Ok(field.typed()),
            None => self.expr(&default.value, input),
        }
    }

    fn column_names_of(&mut self, call: &Call, span: Span) -> Bind<Typed> {
        let [table] = call.args.as_slice() else { return error(span, "column_names_of() takes one table") };
        let relation = self.table_expr(&table.value)?;
        let names: Vec<&str> = relation.fields.iter().map(|field| field.name.as_str()).collect();
        Ok(calls::names(&names))
    }

    fn estimate_data_size(&mut self, call: &Call, span: Span, input: &mut Input) -> Bind<Typed> {
        let mut columns = Vec::new();
        for arg in &call.args {
            match &arg.value.kind {
                ExprKind::Star => columns.extend(input.fields.iter().map(|field| field.typed())),
                _ => columns.push(self.expr(&arg.value, input)?),
            }
        }
        match columns.is_empty() {
            true => error(span, "estimate_data_size() takes columns"),
            false => Ok(calls::sizes(columns)),
        }
    }

    /// Bins of the size, and from the place, that options of the query say.
    fn bin_auto(&mut self, call: &Call, span: Span, input: &mut Input) -> Bind<Typed> {
        let [value] = call.args.as_slice() else { return error(span, "bin_auto() takes one value") };
        let value = self.expr(&value.value, input)?;
        let Some(size) = self.options.get("query_bin_auto_size").cloned() else {
            return error(
                span,
                "bin_auto() needs the size of bins: put 'set query_bin_auto_size = ...;' first",
            );
        };
        let place = self.options.get("query_bin_auto_at").cloned();
        let zero = || match value.kind {
            Kind::Real => convert::to_real(Typed::long(0)),
            kind => Typed::new(Typed::long(0).expr, kind),
        };
        let args = vec![value.clone(), size, place.unwrap_or_else(zero)];
        let Some(bin_at) = functions::find("bin_at") else { return error(span, "bin_at() is missing") };
        let binned = bin_at.call(self.context, args).map_err(|message| format!("bin_auto(): {message}"));
        self.at(span, binned)
    }
}
