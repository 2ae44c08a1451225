//! Scalar expressions.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use kql::Span;
use kql::ast::{self, BinaryOp, Call, ExprKind, InOp, Literal, UnaryOp};
use model::Kind;
use model::tables::COLUMN_ALIASES;

use super::aggregate::Collected;
use super::scan::column_of_step;
use super::source::INGESTED_COLUMN;
use super::{Bind, Binder, Value, error, kind_of, unknown};
use crate::relation::{Field, Relation};
use crate::typed::Typed;
use crate::{constant, convert, decimal, functions, operators};

/// Rows that one table inside a query may give as constants: `in (...)`, `has_any (...)`.
const LIST_ROWS_MAX: usize = 1_000_000;

/// What an expression may refer to.
pub(crate) struct Input<'r> {
    pub fields: &'r [Field],
    /// Asked for by name only.
    pub hidden: &'r [Field],
    /// Where aggregates are allowed: their calls are collected here.
    pub collected: Option<&'r mut Collected>,
}

impl<'r> Input<'r> {
    pub fn of(relation: &'r Relation) -> Input<'r> {
        Input { fields: &relation.fields, hidden: &relation.hidden, collected: None }
    }

    pub fn over(fields: &'r [Field]) -> Input<'r> {
        Input { fields, hidden: &[], collected: None }
    }

    pub fn none() -> Input<'static> {
        Input { fields: &[], hidden: &[], collected: None }
    }

    /// Whether a field of the plan is there.
    fn has(&self, field: &str) -> bool {
        self.fields.iter().chain(self.hidden).any(|present| present.field == field)
    }

    /// Finds a column by name, or by a name it had in 2019.
    pub fn field(&self, name: &str) -> Option<&'r Field> {
        let named = |name: &str| self.fields.iter().find(|field| field.name == name);
        let alias = || {
            let (_, new) = COLUMN_ALIASES.iter().find(|(old, _)| *old == name)?;
            named(new)
        };
        let hidden = || self.hidden.iter().find(|field| field.name == name && name != INGESTED_COLUMN);
        named(name).or_else(alias).or_else(hidden)
    }
}

impl Binder<'_> {
    /// A constant expression, calculated now.
    pub(super) fn constant(&mut self, expr: &ast::Expr) -> Bind<Typed> {
        let typed = self.expr(expr, &mut Input::none())?;
        Ok(constant::fold(typed)?)
    }

    /// A constant integer, for `take` and the like.
    pub(super) fn constant_count(&mut self, expr: &ast::Expr, operator: &str) -> Bind<usize> {
        let typed = self.constant(expr)?;
        match typed.literal_long().map(usize::try_from) {
            Some(Ok(count)) => Ok(count),
            _ => error(expr.span, format!("'{operator}' operator: takes a number that is not negative")),
        }
    }

    /// A condition: rows for which it is not true are dropped, so null is as good as false.
    pub(super) fn predicate(&mut self, expr: &ast::Expr, input: &mut Input) -> Bind<Expr> {
        match &expr.kind {
            ExprKind::And(parts) => Ok(operators::balanced(self.predicates(parts, input)?, Expr::and)),
            ExprKind::Or(parts) => Ok(operators::balanced(self.predicates(parts, input)?, Expr::or)),
            ExprKind::Binary { op: BinaryOp::Equal, left, right } if left.kind != ExprKind::Star => {
                let (left, right) = (self.expr(left, input)?, self.expr(right, input)?);
                self.at(expr.span, operators::equal_or_dropped(left, right))
            }
            _ => {
                let typed = self.expr(expr, input)?;
                match typed.kind {
                    Kind::Bool => Ok(typed.expr),
                    Kind::Dynamic => Ok(convert::to_bool(typed).expr),
                    kind => error(expr.span, format!("a condition must be a bool, not a {}", kind.name())),
                }
            }
        }
    }

    /// Several conditions; what is wrong with any of them is told.
    fn predicates(&mut self, parts: &[ast::Expr], input: &mut Input) -> Bind<Vec<Expr>> {
        let mut predicates = Vec::with_capacity(parts.len());
        for (at, part) in parts.iter().enumerate() {
            match self.operand_of_logic(part, input) {
                Ok(predicate) => predicates.push(predicate),
                Err(stop) => {
                    for part in &parts[at + 1..] {
                        let other = self.predicate(part, input);
                        self.note(other);
                    }
                    return Err(stop);
                }
            }
        }
        Ok(predicates)
    }

    /// A condition beside others: a string constant is the bool that it holds, which is mostly none.
    fn operand_of_logic(&mut self, part: &ast::Expr, input: &mut Input) -> Bind<Expr> {
        match &part.kind {
            ExprKind::Literal(Literal::String { value, .. }) => {
                Ok(constant::fold(convert::to_bool(Typed::text(value)))?.expr)
            }
            _ => self.predicate(part, input),
        }
    }

    pub(super) fn expr(&mut self, expr: &ast::Expr, input: &mut Input) -> Bind<Typed> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Literal(literal) => self.at(span, literal_value(literal)),
            ExprKind::Name(ident) => self.name(ident, input),
            ExprKind::Path { base, member } => {
                // `step.column` inside `scan`.
                if let ExprKind::Name(step) = &base.kind
                    && let Some(field) = input.field(&column_of_step(&step.name, &member.name))
                {
                    return Ok(field.typed());
                }
                let base = self.dynamic_base(base, input)?;
                Ok(convert::path(base, vec![Typed::text(&member.name)]))
            }
            ExprKind::Index { base, index } => {
                let base = self.dynamic_base(base, input)?;
                let index = self.expr(index, input)?;
                let index = match index.kind {
                    Kind::Int | Kind::Long => index.cast_number(Kind::Long),
                    Kind::String => index,
                    Kind::Dynamic => convert::to_text(index),
                    kind => {
                        return error(
                            span,
                            format!("an index is a number or a string, not a {}", kind.name()),
                        );
                    }
                };
                Ok(convert::path(base, vec![index]))
            }
            ExprKind::Call(call) => self.call(call, span, input),
            ExprKind::Unary { op: UnaryOp::Plus, operand } => self.expr(operand, input),
            ExprKind::Unary { op: UnaryOp::Negate, operand } => {
                let operand = self.expr(operand, input)?;
                let negated = operators::negate(operand);
                let negated = self.at(span, negated)?;
                Ok(constant::fold(negated)?)
            }
            ExprKind::Binary { op, left, right } if left.kind == ExprKind::Star => {
                self.any_column(*op, right, span, input)
            }
            ExprKind::Binary { op, left, right } => {
                let (left, right) = (self.expr(left, input)?, self.expr(right, input)?);
                let typed = self.at(span, operators::binary(*op, left, right))?;
                Ok(constant::fold(typed)?)
            }
            ExprKind::And(parts) => self.logical(parts, input, Expr::and),
            ExprKind::Or(parts) => self.logical(parts, input, Expr::or),
            ExprKind::In { op, left, list } => self.in_list(*op, left, list, span, input),
            ExprKind::Between { negated, expr: value, low, high } => {
                let value = self.expr(value, input)?;
                let (low, high) = (self.expr(low, input)?, self.expr(high, input)?);
                let between = self.at(span, operators::between(value, low, high))?;
                Ok(if *negated { operators::not(between) } else { between })
            }
            ExprKind::Pipeline(_) => {
                error(span, "a table cannot stand here; use toscalar(...) for its first value")
            }
            ExprKind::Star | ExprKind::Wildcard(_) => error(span, "'*' cannot stand here"),
            ExprKind::PathCall { call, .. } => {
                error(call.name.span, format!("'{}(...)' cannot be called on a value", call.name.name))
            }
            ExprKind::TypeOf(_) => {
                error(span, "typeof(...) can only say the type of a column or extracted value")
            }
            ExprKind::Error => error(span, "this is not an expression"),
        }
    }

    /// Puts a place to a message.
    pub(super) fn at<T>(&self, span: Span, result: Result<T, String>) -> Bind<T> {
        result.or_else(|message| error(span, message))
    }

    fn name(&mut self, ident: &ast::Ident, input: &mut Input) -> Bind<Typed> {
        if let Some(field) = input.field(&ident.name) {
            if let Some(collected) = &input.collected
                && !collected.inside_aggregate
            {
                let message = format!(
                    "'summarize' operator: '{}' must be inside an aggregate or behind 'by'",
                    ident.name
                );
                return error(ident.span, message);
            }
            return Ok(field.typed());
        }
        match self.scope.get(&ident.name) {
            Some(Value::Scalar(typed)) => Ok(typed.clone()),
            // A function without parameters may be used without brackets.
            Some(Value::Function(closure)) if closure.function.params.is_empty() => {
                let closure = closure.clone();
                self.scalar_function(&closure, &ident.name, &[], ident.span, input)
            }
            Some(_) => error(ident.span, format!("'{}' is a table, not a value", ident.name)),
            // A column that rows not read may have.
            None if self.is_open => Ok(Typed::absent(Kind::String)),
            None => {
                let message = format!("Failed to resolve scalar expression named '{}'", ident.name);
                let scope = self.scope.clone();
                let candidates = input.fields.iter().map(|field| field.name.as_str()).chain(scope.names());
                unknown(ident.span, message, &ident.name, candidates)
            }
        }
    }

    fn dynamic_base(&mut self, base: &ast::Expr, input: &mut Input) -> Bind<Typed> {
        let typed = self.expr(base, input)?;
        if typed.kind != Kind::Dynamic {
            let message =
                format!("a {} has no parts; use parse_json() to look into JSON text", typed.kind.name());
            return error(base.span, message);
        }
        // A part of what was read from JSON text is looked for in the text, where that is still there.
        if let Some(text) = self.names.json_text_of(&typed)
            && input.has(text)
        {
            return Ok(convert::parse_json(Typed::column(text, Kind::String)));
        }
        Ok(typed)
    }

    fn logical(
        &mut self,
        parts: &[ast::Expr],
        input: &mut Input,
        join: fn(Expr, Expr) -> Expr,
    ) -> Bind<Typed> {
        let parts = parts.iter().map(|part| {
            let typed = self.expr(part, input)?;
            match typed.kind {
                Kind::String if typed.literal().is_some() => {
                    Ok(constant::fold(convert::to_bool(typed))?.expr)
                }
                Kind::Bool => Ok(typed.expr),
                Kind::Dynamic => Ok(convert::to_bool(typed).expr),
                kind => error(part.span, format!("'and' and 'or' join bools, not a {}", kind.name())),
            }
        });
        let parts = parts.collect::<Bind<Vec<_>>>()?;
        Ok(Typed::new(operators::balanced(parts, join), Kind::Bool))
    }

    /// `* has "x"`: any column.
    fn any_column(&mut self, op: BinaryOp, right: &ast::Expr, span: Span, input: &mut Input) -> Bind<Typed> {
        let right = self.expr(right, input)?;
        let columns = input.fields.iter().filter_map(|field| {
            operators::binary(op, field.typed(), right.clone()).ok().map(|typed| typed.expr)
        });
        let columns: Vec<Expr> = columns.collect();
        if columns.is_empty() {
            return error(span, format!("'{}' fits no column", op.symbol()));
        }
        Ok(Typed::new(operators::balanced(columns, Expr::or), Kind::Bool))
    }

    fn in_list(
        &mut self,
        op: InOp,
        left: &ast::Expr,
        list: &[ast::Expr],
        span: Span,
        input: &mut Input,
    ) -> Bind<Typed> {
        let mut values = Vec::with_capacity(list.len());
        for item in list {
            if self.is_table(item) {
                values.extend(self.table_values(item)?);
            } else {
                values.push(self.expr(item, input)?);
            }
        }
        if left.kind == ExprKind::Star {
            let columns = input
                .fields
                .iter()
                .filter_map(|field| operators::in_list(op, field.typed(), values.clone()).ok());
            let columns: Vec<Expr> = columns.map(|typed| typed.expr).collect();
            return Ok(Typed::new(operators::balanced(columns, Expr::or), Kind::Bool));
        }
        let left = self.expr(left, input)?;
        self.at(span, operators::in_list(op, left, values))
    }

    /// The values of a table's first column, as constants.
    pub(super) fn table_values(&mut self, expr: &ast::Expr) -> Bind<Vec<Typed>> {
        let relation = self.table_expr(expr)?;
        let Some(first) = relation.fields.first().cloned() else { return Ok(Vec::new()) };
        let only_first =
            relation.project(&mut self.names, vec![(first.name, Typed::column(&first.field, first.kind))])?;
        let distinct = only_first.builder().distinct()?.build()?;
        let rows = self.read_now(Relation { plan: distinct, ..only_first }, LIST_ROWS_MAX)?;
        let mut values = Vec::new();
        for batch in &rows {
            for row in 0..batch.num_rows() {
                values.push(Typed::value(ScalarValue::try_from_array(batch.column(0), row)?, first.kind));
            }
        }
        Ok(values)
    }

    fn call(&mut self, call: &Call, span: Span, input: &mut Input) -> Bind<Typed> {
        let name = call.name.name.as_str();
        match self.scope.get(name) {
            Some(Value::Function(closure)) => {
                let closure = closure.clone();
                return self.scalar_function(&closure, name, &call.args, span, input);
            }
            Some(Value::Scalar(typed)) if call.args.is_empty() => return Ok(typed.clone()),
            _ => {}
        }
        match name {
            "toscalar" => return self.scalar_of_table(call, span),
            "ingestion_time" => {
                let ingested = input.hidden.iter().find(|field| field.name == INGESTED_COLUMN);
                return match ingested {
                    Some(field) => Ok(field.typed()),
                    None => error(span, "ingestion_time() can only be asked of a table's own rows"),
                };
            }
            "materialize" => return error(span, "materialize(...) gives a table, not a value"),
            _ => {}
        }
        if let Some(typed) = self.graph_call(call, input)? {
            return Ok(typed);
        }
        if crate::aggregates::find(name).is_some() && input.collected.is_some() {
            return self.aggregate_call(call, span, input);
        }
        if let Some(typed) = self.column_call(call, span, input)? {
            return Ok(typed);
        }
        if let Some(window) = crate::windows::find(name) {
            return self.window_call(window, call, span, input);
        }
        let Some(function) = functions::find(name) else {
            if crate::aggregates::find(name).is_some() {
                return error(call.name.span, format!("aggregate '{name}' can only be used in 'summarize'"));
            }
            let scope = self.scope.clone();
            let candidates = functions::FUNCTIONS.iter().map(|function| function.name).chain(scope.names());
            return unknown(call.name.span, format!("Unknown function: '{name}'"), name, candidates);
        };
        let args = call.args.iter().map(|arg| match &arg.value.kind {
            // A type as an argument is its name.
            ExprKind::TypeOf(ty) => Ok(Typed::text(ty.name())),
            _ => self.expr(&arg.value, input),
        });
        let args = args.collect::<Bind<Vec<_>>>()?;
        let result = function.call(self.context, args);
        let typed = self.at(span, result.map_err(|message| format!("{name}(): {message}")))?;
        Ok(constant::fold(typed)?)
    }

    /// A function of the query's own: its body with the arguments in place of the parameters.
    fn scalar_function(
        &mut self,
        closure: &std::rc::Rc<super::Closure>,
        name: &str,
        args: &[ast::Arg],
        span: Span,
        input: &mut Input,
    ) -> Bind<Typed> {
        let scope = self.function_scope(closure, name, args, span, input)?;
        let function = closure.function.clone();
        self.within_function(span, closure, scope, |binder| {
            for statement in &function.body {
                match statement {
                    ast::Statement::Let(binding) => binder.bind_let(binding)?,
                    ast::Statement::Expression(pipeline) => {
                        return match (&pipeline.source, pipeline.operators.as_slice()) {
                            // The arguments already are expressions over the caller's row.
                            (ast::Source::Expr(expr), []) => binder.expr(expr, input),
                            _ => error(span, format!("'{name}' gives a table, not a value")),
                        };
                    }
                    _ => {}
                }
            }
            error(span, format!("function '{name}' has no result"))
        })
    }

    /// The names a function's body sees: its own surroundings and its parameters.
    pub(super) fn function_scope(
        &mut self,
        closure: &super::Closure,
        name: &str,
        args: &[ast::Arg],
        span: Span,
        input: &mut Input,
    ) -> Bind<super::Scope> {
        let params = &closure.function.params;
        if args.len() > params.len() {
            let message = format!("function '{name}' takes {} arguments, not {}", params.len(), args.len());
            return error(span, message);
        }
        let mut scope = if closure.saved.is_some() { self.saved.clone() } else { closure.scope.clone() };
        for (at, param) in params.iter().enumerate() {
            let named =
                |arg: &&ast::Arg| arg.name.as_ref().is_some_and(|given| given.name == param.name.name);
            let arg = args.iter().find(named).or_else(|| args.get(at).filter(|arg| arg.name.is_none()));
            let value = match (&param.kind, arg) {
                (ast::ParamKind::Scalar { ty, .. }, Some(arg)) => {
                    let typed = self.expr(&arg.value, input)?;
                    let kind = kind_of(*ty);
                    Value::Scalar(if typed.kind == kind { typed } else { convert::to_kind(typed, kind) })
                }
                (ast::ParamKind::Table { columns }, Some(arg)) => {
                    let relation = self.table_expr(&arg.value)?;
                    for column in columns.iter().flatten() {
                        let kind = kind_of(column.ty);
                        let present = relation.field(&column.name.name);
                        if present.is_none_or(|field| field.kind != kind) {
                            let message = format!(
                                "the table passed to '{name}' has no column '{}' of type {}",
                                column.name.name,
                                kind.name()
                            );
                            return error(arg.value.span, message);
                        }
                    }
                    Value::Rows(std::rc::Rc::new(relation))
                }
                (ast::ParamKind::Scalar { default: Some(default), .. }, None) => {
                    Value::Scalar(self.constant(default)?)
                }
                (_, None) => {
                    return error(
                        span,
                        format!("function '{name}' misses its argument '{}'", param.name.name),
                    );
                }
            };
            scope = scope.with(&param.name.name, value);
        }
        Ok(scope)
    }

    /// `toscalar(table)`: the first column of its first row, read before the query runs.
    fn scalar_of_table(&mut self, call: &Call, span: Span) -> Bind<Typed> {
        let [arg] = call.args.as_slice() else { return error(span, "toscalar(...) takes one expression") };
        if !self.is_table(&arg.value) {
            return self.constant(&arg.value);
        }
        let relation = self.table_expr(&arg.value)?;
        let Some(first) = relation.fields.first().cloned() else {
            return error(span, "toscalar(...) of a table without columns");
        };
        let column = vec![(first.name.clone(), first.typed())];
        let one = relation.project(&mut self.names, column)?;
        let plan = one.builder().limit(0, Some(1))?.build()?;
        let rows = self.read_now(Relation { plan, ..one }, 1)?;
        match rows.iter().find(|batch| batch.num_rows() > 0) {
            Some(batch) => Ok(Typed::value(ScalarValue::try_from_array(batch.column(0), 0)?, first.kind)),
            None => Ok(Typed::absent(first.kind)),
        }
    }
}

fn literal_value(literal: &Literal) -> Result<Typed, String> {
    Ok(match literal {
        Literal::Bool(value) => Typed::value(ScalarValue::Boolean(*value), Kind::Bool),
        Literal::Int(value) => Typed::value(ScalarValue::Int32(*value), Kind::Int),
        Literal::Long(value) => Typed::value(ScalarValue::Int64(*value), Kind::Long),
        Literal::Real(value) => Typed::value(ScalarValue::Float64(*value), Kind::Real),
        Literal::Decimal(text) => {
            Typed::value(decimal::scalar(text.as_deref().and_then(decimal::parse)), Kind::Decimal)
        }
        Literal::DateTime(ticks) => Typed::value(ScalarValue::Int64(*ticks), Kind::DateTime),
        Literal::Timespan(ticks) => Typed::value(ScalarValue::Int64(*ticks), Kind::TimeSpan),
        Literal::Guid(guid) => {
            Typed::value(ScalarValue::Utf8View(guid.map(kql::literals::format_guid)), Kind::Guid)
        }
        Literal::String { value, .. } => Typed::text(value),
        Literal::Dynamic(json) if json == "null" => Typed::absent(Kind::Dynamic),
        Literal::Dynamic(json) => Typed::value(ScalarValue::Utf8View(Some(json.clone())), Kind::Dynamic),
    })
}
