//! `summarize`: keys, aggregates, and expressions over aggregates.

use datafusion::logical_expr::Expr;
use kql::Span;
use kql::ast::{self, Call, ExprKind};
use model::Kind;

use super::expr::Input;
use super::{Bind, Binder, error, grouped, naming};
use crate::aggregates::{self, Lowered, Names};
use crate::relation::{Field, FieldNames, Relation};
use crate::typed::Typed;

/// Aggregates found in the expressions of one `summarize`.
#[derive(Default)]
pub(crate) struct Collected {
    /// The engine's aggregates and the fields they fill.
    pub aggregates: Vec<(Expr, String)>,
    /// Columns may be named only inside an aggregate.
    pub inside_aggregate: bool,
}

impl Collected {
    /// The field an aggregate fills; the same one when it is asked for again.
    fn field_of(&mut self, aggregate: Expr, names: &mut FieldNames) -> String {
        if let Some((_, field)) = self.aggregates.iter().find(|(present, _)| *present == aggregate) {
            return field.clone();
        }
        let field = names.next();
        self.aggregates.push((aggregate, field.clone()));
        field
    }
}

impl Binder<'_> {
    pub(super) fn summarize(
        &mut self,
        input: Relation,
        summarize: &ast::Summarize,
        span: Span,
    ) -> Bind<Relation> {
        let mut taken = Vec::new();
        let mut keys: Vec<(String, Typed)> = Vec::new();
        let mut numbered = 0;
        for column in &summarize.by {
            let typed = self.expr(&column.expr, &mut Input::of(&input))?;
            if typed.kind == Kind::Dynamic {
                let message =
                    "'summarize' operator: cannot group by a dynamic value; convert it with tostring() first";
                return error(column.expr.span, message);
            }
            let name = column_name(column, &mut numbered, &mut taken);
            keys.push((name, typed));
        }
        let mut collected = Collected::default();
        let mut results: Vec<(String, Typed)> = Vec::new();
        for column in &summarize.aggregates {
            if let Some(several) = self.several(column, &input, &mut collected, &mut taken)? {
                results.extend(several);
                continue;
            }
            let mut scope = Input { collected: Some(&mut collected), ..Input::of(&input) };
            let typed = self.expr(&column.expr, &mut scope)?;
            let name = match aggregate_name(column) {
                Some(name) => naming::unique(name, &mut taken),
                None => column_name(column, &mut numbered, &mut taken),
            };
            results.push((name, typed));
        }
        if keys.is_empty() && results.is_empty() {
            return error(span, "'summarize' operator: needs an aggregate or 'by'");
        }
        self.aggregated(input, keys, collected.aggregates, results)
    }

    /// One row for each group of `keys`, and of the groups that are carried unseen.
    pub(super) fn aggregated(
        &mut self,
        input: Relation,
        keys: Vec<(String, Typed)>,
        aggregates: Vec<(Expr, String)>,
        results: Vec<(String, Typed)>,
    ) -> Bind<Relation> {
        let mut columns = Vec::with_capacity(keys.len() + results.len());
        let mut groups = Vec::with_capacity(keys.len());
        let mut aggregates: Vec<Expr> =
            aggregates.into_iter().map(|(expr, field)| expr.alias(field)).collect();
        let (outer_keys, carried): (Vec<Field>, Vec<Field>) =
            input.unseen().into_iter().partition(grouped::is_group);
        let outer_keys = outer_keys.into_iter().map(|field| (field.name.clone(), field.typed()));
        for (name, typed) in keys.into_iter().chain(outer_keys) {
            let field = self.names.next();
            groups.push(typed.expr.alias(&field));
            columns.push((name, Typed::column(&field, typed.kind)));
        }
        if let Some(choice) = aggregates::row_choice("take_any").filter(|_| !carried.is_empty()) {
            let field = self.names.next();
            let kinds: Vec<Kind> = carried.iter().map(|field| field.kind).collect();
            let values = carried.iter().map(|field| field.typed().expr).collect();
            aggregates.push((choice.make)(values, &kinds).alias(&field));
            let parts = carried.iter().enumerate();
            columns.extend(parts.map(|(at, carried)| {
                (carried.name.clone(), aggregates::part_of_choice(&field, at, carried.kind))
            }));
        }
        let plan = if aggregates.is_empty() {
            input.builder().project(groups)?.distinct()?.build()?
        } else {
            input.builder().aggregate(groups, aggregates)?.build()?
        };
        columns.extend(results);
        let grouped = Relation { plan, fields: Vec::<Field>::new(), hidden: Vec::new() };
        Ok(grouped.project(&mut self.names, columns)?.hide_unseen())
    }

    /// A call of an aggregate inside an expression: it is computed with the others, and stands here as a column.
    pub(super) fn aggregate_call(&mut self, call: &Call, span: Span, input: &mut Input) -> Bind<Typed> {
        let name = call.name.name.as_str();
        if input.collected.as_ref().is_some_and(|collected| collected.inside_aggregate) {
            return error(span, format!("aggregate '{name}' cannot be used inside another one"));
        }
        let lowered = self.lower_aggregate(call, span, input)?;
        let field = match &mut input.collected {
            Some(collected) => collected.field_of(lowered.expr, &mut self.names),
            None => return error(span, format!("aggregate '{name}' can only be used in 'summarize'")),
        };
        Ok((lowered.finish)(Typed::column(&field, lowered.kind)))
    }

    fn lower_aggregate(&mut self, call: &Call, span: Span, input: &mut Input) -> Bind<Lowered> {
        let name = call.name.name.as_str();
        // Rows for which a condition is true can be counted under either name.
        let is_condition = name == "count" && call.args.len() == 1;
        let Some(aggregate) = aggregates::find(if is_condition { "countif" } else { name }) else {
            return error(call.name.span, format!("'{name}' is not an aggregate"));
        };
        let args = self.inside(input, |binder, input| {
            call.args.iter().map(|arg| binder.expr(&arg.value, input)).collect::<Bind<Vec<_>>>()
        })?;
        let lowered = aggregate.call(args).map_err(|message| format!("{name}(): {message}"));
        self.at(span, lowered)
    }

    fn inside<T>(
        &mut self,
        input: &mut Input,
        work: impl FnOnce(&mut Self, &mut Input) -> Bind<T>,
    ) -> Bind<T> {
        if let Some(collected) = &mut input.collected {
            collected.inside_aggregate = true;
        }
        let result = work(self, input);
        if let Some(collected) = &mut input.collected {
            collected.inside_aggregate = false;
        }
        result
    }

    /// `arg_max(x, a, b)`, `arg_max(x, *)`, `take_any(a, b)`, `take_any(*)`: calls that give several columns.
    fn several(
        &mut self,
        column: &ast::Column,
        input: &Relation,
        collected: &mut Collected,
        taken: &mut Vec<String>,
    ) -> Bind<Option<Vec<(String, Typed)>>> {
        let ExprKind::Call(call) = &column.expr.kind else { return Ok(None) };
        let span = column.expr.span;
        if let Some(columns) = self.percentiles(column, call, input, collected, taken)? {
            return Ok(Some(columns));
        }
        let Some(choice) = aggregates::row_choice(&call.name.name) else { return Ok(None) };
        let mut parts: Vec<(String, Typed)> = Vec::new();
        for (at, arg) in call.args.iter().enumerate() {
            if arg.value.kind == ExprKind::Star {
                let given: Vec<String> = parts.iter().map(|(name, _)| name.clone()).collect();
                let others = input.fields.iter().filter(|field| !given.contains(&field.name));
                // Columns that are keys already are not repeated.
                let others = others.filter(|field| !taken.contains(&field.name));
                parts.extend(others.map(|field| (field.name.clone(), field.typed())));
                continue;
            }
            let typed = self.expr(&arg.value, &mut Input::of(input))?;
            let given = arg.name.as_ref().map(|ident| ident.name.clone());
            let own = given.or_else(|| naming::name_of(&arg.value));
            let name = match (at, own) {
                (0, own) => (choice.first_name)(own),
                (at, None) => format!("{}{}_arg{at}", arg_prefix(&call.name.name), parts[0].0),
                (_, Some(name)) => name,
            };
            parts.push((name, typed));
        }
        if parts.is_empty()
            || choice.needs_key && call.args.len() < 2 && parts.len() < 2 && call.args.is_empty()
        {
            return error(span, format!("{}(): {} is missing", call.name.name, "an argument"));
        }
        for (at, ident) in column.names.iter().enumerate() {
            match parts.get_mut(at) {
                Some(part) => part.0 = ident.name.clone(),
                None => return error(ident.span, "more names than columns"),
            }
        }
        let kinds: Vec<Kind> = parts.iter().map(|(_, typed)| typed.kind).collect();
        let key_kind = kinds[0];
        if choice.needs_key && key_kind == Kind::Dynamic {
            return error(
                span,
                format!("{}(): cannot compare dynamic values; convert them first", call.name.name),
            );
        }
        let args = parts.iter().map(|(_, typed)| typed.expr.clone()).collect();
        let field = collected.field_of((choice.make)(args, &kinds), &mut self.names);
        let columns = parts.into_iter().enumerate().map(|(at, (name, typed))| {
            let part = aggregates::part_of_choice(&field, at, typed.kind);
            (naming::unique(name, taken), part)
        });
        Ok(Some(columns.collect()))
    }
}

/// What stands before the first column's name in the names of columns that have none.
fn arg_prefix(name: &str) -> &'static str {
    match name {
        "arg_max" | "argmax" => "max_",
        "arg_min" | "argmin" => "min_",
        _ => "",
    }
}

impl Binder<'_> {
    /// `percentiles(x, 50, 95)`: a column for each percentage, read from one aggregate.
    fn percentiles(
        &mut self,
        column: &ast::Column,
        call: &Call,
        input: &Relation,
        collected: &mut Collected,
        taken: &mut Vec<String>,
    ) -> Bind<Option<Vec<(String, Typed)>>> {
        let name = call.name.name.as_str();
        if !aggregates::gives_percentiles(name) {
            return Ok(None);
        }
        let args = call.args.iter().map(|arg| self.expr(&arg.value, &mut Input::of(input)));
        let args = args.collect::<Bind<Vec<_>>>()?;
        let several = aggregates::percentiles(name, args).map_err(|message| format!("{name}(): {message}"));
        let several = self.at(column.expr.span, several)?;
        if let Some(ident) = column.names.get(several.columns.len()) {
            return error(ident.span, "more names than columns");
        }
        let field = self.names.next();
        collected.aggregates.push((several.expr, field.clone()));
        let own = call.args.first().and_then(|arg| naming::name_of(&arg.value)).unwrap_or_default();
        let columns = several.columns.into_iter().enumerate().map(|(at, (percentage, finish))| {
            let given = column.names.get(at).map(|ident| ident.name.clone());
            let name = given.unwrap_or_else(|| format!("percentile_{own}_{percentage}"));
            (naming::unique(name, taken), finish(Typed::column(&field, Kind::Dynamic)))
        });
        Ok(Some(columns.collect()))
    }
}

/// The given name, the expression's own, or the next number.
pub(super) fn column_name(column: &ast::Column, numbered: &mut usize, taken: &mut Vec<String>) -> String {
    let name = column.names.first().map(|ident| ident.name.clone()).or_else(|| naming::name_of(&column.expr));
    let name = name.unwrap_or_else(|| {
        *numbered += 1;
        format!("Column{numbered}")
    });
    naming::unique(name, taken)
}

/// `count_`, `sum_Port`, `set_FileName`...
pub(super) fn aggregate_name(column: &ast::Column) -> Option<String> {
    if let Some(ident) = column.names.first() {
        return Some(ident.name.clone());
    }
    let ExprKind::Call(call) = &column.expr.kind else { return None };
    name_of_call(call)
}

/// The name that a call of an aggregate gives its column.
pub(super) fn name_of_call(call: &Call) -> Option<String> {
    let aggregate = aggregates::find(&call.name.name)?;
    let first = call.args.first().and_then(|arg| naming::name_of(&arg.value));
    match aggregate.names {
        Names::PrefixAndArgument => Some(format!("{}_{}", aggregate.prefix, first.unwrap_or_default())),
        Names::Prefix => Some(format!("{}_", aggregate.prefix)),
        Names::Argument => first,
    }
}
