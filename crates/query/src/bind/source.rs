//! Where rows come from: tables, names of the query, functions, `datatable`, `print`, `range`.

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use kql::Span;
use kql::ast::{self, ExprKind, OperatorKind, Pipeline, Source};
use model::{Kind, Table};

use super::devices::is_of_devices;
use super::expr::Input;
use super::graph::is_graph;
use super::{Bind, Binder, Stop, Subquery, Value, error, kind_of, naming, unknown};
use crate::constant;
use crate::convert;
use crate::relation::{Field, Relation};
use crate::ticks::ticks;
use crate::typed::Typed;
use crate::window::Window;

/// Operators that follow each other: planning takes their third power.
const LEVELS_MAX: usize = 400;
/// Rows of a `materialize` that are kept.
const KEPT_ROWS_MAX: usize = 2_000_000;
/// Rows of a `range`.
const RANGE_ROWS_MAX: i64 = 1_000_000;
/// The name that the time of a row also has.
const TIME_GENERATED: &str = "TimeGenerated";
/// The lake's own column with the time of acceptance.
pub(crate) const INGESTED_COLUMN: &str = "_ingested";
/// The lake's own column with the number of a row.
const SEQUENCE_COLUMN: &str = "_sequence";

/// Whether the columns of an operator's result are those of its input.
fn keeps_columns(operator: &ast::Operator) -> bool {
    use OperatorKind as Op;
    matches!(
        operator.kind,
        Op::Where(_)
            | Op::Sort(_)
            | Op::Top(_)
            | Op::Take(_)
            | Op::Sample(_)
            | Op::As(_)
            | Op::Render(_)
            | Op::Search(_)
    )
}

/// Whether a message is about the name of a function or a table.
fn is_of_names(message: &str) -> bool {
    ["Unknown function", "Failed to resolve table", "unknown plugin"]
        .iter()
        .any(|part| message.contains(part))
}

/// How many operators stand above each other.
fn levels(plan: &LogicalPlan) -> usize {
    let (mut most, mut waiting) = (0, vec![(plan, 1)]);
    while let Some((plan, level)) = waiting.pop() {
        most = most.max(level);
        waiting.extend(plan.inputs().into_iter().map(|input| (input, level + 1)));
    }
    most
}

impl Binder<'_> {
    pub(super) fn pipeline(&mut self, pipeline: &Pipeline) -> Bind<Relation> {
        let mut relation = self.source(&pipeline.source, pipeline.span)?;
        // Names made by `as` hold for the rest of the pipeline.
        let outer = self.scope.clone();
        let mut operators = pipeline.operators.iter().peekable();
        while let Some(operator) = operators.next() {
            self.step(operator.span)?;
            let before = relation.clone();
            let applied = match (&operator.kind, operators.peek().map(|next| &next.kind)) {
                (OperatorKind::Join(join), Some(OperatorKind::Where(filter))) if !is_graph(&relation) => {
                    self.join(relation, join, Some(filter), operator.span)
                }
                _ => self.apply(relation, operator),
            };
            relation = match applied {
                Ok(relation) => relation,
                Err(Stop::Diagnostic(wrong)) => {
                    self.look_on(before, operator, operators);
                    self.scope = outer;
                    return Err(Stop::Diagnostic(wrong));
                }
                Err(stop) => return Err(stop),
            };
        }
        self.scope = outer;
        if levels(&relation.plan) > LEVELS_MAX {
            return error(
                pipeline.span,
                format!("more than {LEVELS_MAX} operators follow each other: join some of them"),
            );
        }
        Ok(relation)
    }

    /// Notes what is wrong with the operators behind one that something is wrong with. Where its columns are not known
    /// what is said of columns and kinds would be a guess: then only names of functions and tables count.
    fn look_on<'o>(
        &mut self,
        input: Relation,
        wrong: &ast::Operator,
        rest: impl Iterator<Item = &'o ast::Operator>,
    ) {
        let was_open = self.is_open;
        let mut is_known = keeps_columns(wrong);
        let mut relation = input;
        for operator in rest {
            self.is_open = was_open || !is_known;
            let noted = self.others.len();
            let pending = self.windows.len();
            let before = relation.clone();
            match self.apply(relation, operator) {
                Ok(applied) => relation = applied,
                Err(Stop::Diagnostic(diagnostic)) => {
                    if is_known || is_of_names(&diagnostic.message) {
                        self.note::<()>(Err(Stop::Diagnostic(diagnostic)));
                    }
                    is_known &= keeps_columns(operator);
                    relation = before;
                }
                // What has to be read first is not read for the sake of further mistakes.
                Err(_) => break,
            }
            if !is_known {
                let mut at = 0;
                self.others.retain(|other| {
                    at += 1;
                    at <= noted || is_of_names(&other.message)
                });
            }
            self.windows.truncate(pending);
        }
        self.is_open = was_open;
    }

    fn source(&mut self, source: &Source, span: Span) -> Bind<Relation> {
        self.step(span)?;
        match source {
            Source::Expr(expr) => self.table_expr(expr),
            Source::Print(print) => self.print(print),
            Source::Range(range) => self.range(range),
            Source::DataTable(table) => self.data_table(table),
            Source::Union(union) => self.union(None, union),
            Source::ExternalData(external) => self.external_data(external),
            Source::Search(search) => self.search(None, search),
            Source::Find(find) => self.find(find),
            Source::Missing => error(span, "a table or an expression is missing here"),
        }
    }

    /// Whether an expression stands for a table rather than a value.
    pub(super) fn is_table(&self, expr: &ast::Expr) -> bool {
        match &expr.kind {
            ExprKind::Pipeline(_) => true,
            ExprKind::Name(ident) => match self.scope.get(&ident.name) {
                Some(Value::View(_) | Value::Rows(_) | Value::Kept(_)) => true,
                Some(Value::Function(closure)) => {
                    closure.function.params.is_empty() && self.gives_table(closure)
                }
                Some(Value::Scalar(_)) => false,
                None => self.find_table(&ident.name).is_some(),
            },
            ExprKind::Call(call) => match self.scope.get(&call.name.name) {
                Some(Value::Function(closure)) => self.gives_table(closure),
                Some(Value::View(_) | Value::Rows(_) | Value::Kept(_)) => true,
                _ => {
                    let name = call.name.name.as_str();
                    matches!(name, "materialize" | "view" | "table") || is_of_devices(name)
                }
            },
            _ => false,
        }
    }

    fn gives_table(&self, closure: &super::Closure) -> bool {
        match closure.function.body.last() {
            Some(ast::Statement::Expression(pipeline)) => {
                if !pipeline.operators.is_empty() || !matches!(pipeline.source, Source::Expr(_)) {
                    return true;
                }
                let Source::Expr(expr) = &pipeline.source else { return true };
                let ExprKind::Name(ident) = &expr.kind else { return self.is_table(expr) };
                let of_body = |statement: &ast::Statement| matches!(statement, ast::Statement::Let(l) if l.name.name == ident.name);
                match closure.function.params.iter().find(|param| param.name.name == ident.name) {
                    Some(param) => matches!(param.kind, ast::ParamKind::Table { .. }),
                    None if closure.function.body.iter().any(of_body) => true,
                    None => {
                        matches!(
                            closure.scope.get(&ident.name),
                            Some(Value::View(_) | Value::Rows(_) | Value::Kept(_))
                        ) || self.find_table(&ident.name).is_some()
                    }
                }
            }
            _ => false,
        }
    }

    pub(super) fn table_expr(&mut self, expr: &ast::Expr) -> Bind<Relation> {
        match &expr.kind {
            ExprKind::Pipeline(pipeline) => self.pipeline(pipeline),
            ExprKind::Name(ident) => self.table_name(ident),
            ExprKind::Call(call) => self.table_call(call, expr.span),
            ExprKind::Error => error(expr.span, "this is not an expression"),
            _ => error(expr.span, "a table is expected here, not a value; use 'print' to show a value"),
        }
    }

    pub(super) fn table_name(&mut self, ident: &ast::Ident) -> Bind<Relation> {
        match self.scope.get(&ident.name).cloned() {
            Some(Value::View(view)) => {
                return self.within(ident.span, view.scope.clone(), |binder| binder.pipeline(&view.pipeline));
            }
            Some(Value::Rows(relation)) => return Ok((*relation).clone()),
            Some(Value::Kept(kept)) => return self.kept_rows(&kept, ident.span),
            Some(Value::Function(closure)) => {
                return self.table_function(&closure, &ident.name, &[], ident.span);
            }
            Some(Value::Scalar(_)) => {
                return error(ident.span, format!("'{}' is a value, not a table", ident.name));
            }
            None => {}
        }
        match self.find_table(&ident.name) {
            Some(table) => self.scan(table),
            None => {
                let message = format!("Failed to resolve table or column expression named '{}'", ident.name);
                let scope = self.scope.clone();
                let declared = self.tables.declared().iter().map(|table| table.name);
                let candidates = declared.chain(scope.names());
                unknown(ident.span, message, &ident.name, candidates)
            }
        }
    }

    fn table_call(&mut self, call: &ast::Call, span: Span) -> Bind<Relation> {
        let name = call.name.name.as_str();
        match self.scope.get(name).cloned() {
            Some(Value::Function(closure)) => return self.table_function(&closure, name, &call.args, span),
            Some(Value::View(_) | Value::Rows(_) | Value::Kept(_)) if call.args.is_empty() => {
                return self.table_name(&call.name);
            }
            _ => {}
        }
        match (name, call.args.as_slice()) {
            // Used in place; what a `let` names is kept when it is used again.
            ("materialize", [arg]) => self.table_expr(&arg.value),
            ("table", [arg]) => match &arg.value.kind {
                ExprKind::Literal(ast::Literal::String { value, .. }) => {
                    self.table_name(&ast::Ident { name: value.clone(), span: arg.value.span })
                }
                _ => error(arg.value.span, "table() takes the name of a table as text"),
            },
            ("FileProfile", _) => error(call.name.span, "FileProfile() takes rows: put it behind 'invoke'"),
            (name, _) if is_of_devices(name) => self.device_table(call, span),
            _ => {
                let scope = self.scope.clone();
                let candidates = scope.names().chain(["materialize", "table"]);
                unknown(call.name.span, format!("Unknown function: '{name}'"), name, candidates)
            }
        }
    }

    /// The rows of a `let` of `materialize(...)`: those that were kept, and are from the second use on unless they are
    /// too many.
    fn kept_rows(&mut self, kept: &std::rc::Rc<super::Kept>, span: Span) -> Bind<Relation> {
        kept.uses.set(kept.uses.get() + 1);
        let view = &kept.view;
        let relation = self.within(span, view.scope.clone(), |binder| binder.pipeline(&view.pipeline))?;
        match self.answers.get(&kept.key) {
            Some(Some(batches)) => self.of_batches(&relation, batches),
            Some(None) => Ok(relation),
            None if kept.uses.get() < 2 || self.describes => Ok(relation),
            None => {
                let exprs: Vec<Expr> = relation.fields.iter().map(|field| field.typed().expr).collect();
                let plan = relation.builder().project(exprs)?.build()?;
                let key = kept.key.clone();
                Err(Stop::Needs(Box::new(Subquery { key, plan, rows_max: KEPT_ROWS_MAX, is_kept: true })))
            }
        }
    }

    /// Rows that are there already, with the columns of `relation`.
    fn of_batches(
        &mut self,
        relation: &Relation,
        batches: &[datafusion::arrow::array::RecordBatch],
    ) -> Bind<Relation> {
        let fields = self.fields_of(relation.fields.iter().map(|f| (f.name.clone(), f.kind)).collect());
        let schema = std::sync::Arc::new(super::rows::arrow_schema(&fields));
        let named = batches.iter().map(|batch| {
            datafusion::arrow::array::RecordBatch::try_new(schema.clone(), batch.columns().to_vec())
                .map_err(datafusion::error::DataFusionError::from)
        });
        let named = named.collect::<Result<Vec<_>, _>>()?;
        let half = named.len().div_ceil(2);
        let mut parts = vec![named[..half].to_vec(), named[half..].to_vec()];
        parts.retain(|part| !part.is_empty());
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        let table = datafusion::datasource::MemTable::try_new(schema, parts)?;
        let alias = self.names.next();
        let qualifier = TableReference::bare(alias.as_str());
        let source = provider_as_source(std::sync::Arc::new(table) as std::sync::Arc<dyn TableProvider>);
        let exprs = fields.iter().map(|field| {
            Expr::Column(Column::new(Some(qualifier.clone()), &field.field)).alias(&field.field)
        });
        let exprs = exprs.collect::<Vec<_>>();
        let plan = LogicalPlanBuilder::scan(qualifier.clone(), source, None)?.project(exprs)?.build()?;
        Ok(Relation { plan, fields, hidden: Vec::new() })
    }

    pub(super) fn table_function(
        &mut self,
        closure: &std::rc::Rc<super::Closure>,
        name: &str,
        args: &[ast::Arg],
        span: Span,
    ) -> Bind<Relation> {
        let scope = self.function_scope(closure, name, args, span, &mut Input::none())?;
        let function = closure.function.clone();
        self.within_function(span, closure, scope, |binder| binder.query(&function.body))
    }

    /// A table of the lake, with its times as ticks.
    pub(super) fn scan(&mut self, table: &'static Table) -> Bind<Relation> {
        let provider = self.tables().table(table);
        let has_ingested = provider.schema().column_with_name(INGESTED_COLUMN).is_some();
        let alias = self.names.next();
        let qualifier = TableReference::bare(alias.as_str());
        if self.tables().is_empty(table) {
            self.empty.insert(alias);
        }
        let stored = |name: &str| Expr::Column(Column::new(Some(qualifier.clone()), name));
        let mut relation_fields = Vec::with_capacity(table.columns.len());
        let mut hidden = Vec::new();
        let mut exprs = Vec::with_capacity(table.columns.len() + 1);
        for column in table.columns {
            let field = self.names.next();
            let expr = match column.kind {
                Kind::DateTime => ticks(stored(column.name)),
                // Stored as reals.
                Kind::Decimal => {
                    datafusion::logical_expr::cast(stored(column.name), crate::decimal::data_type())
                }
                _ => stored(column.name),
            };
            exprs.push(expr.alias(&field));
            let fields = if column.is_extension { &mut hidden } else { &mut relation_fields };
            fields.push(Field { name: column.name.to_owned(), kind: column.kind, field });
        }
        // The other name of the time of a row stands behind all columns.
        if let Some(time) = table.time_column().filter(|_| table.position(TIME_GENERATED).is_none()) {
            let field = self.names.next();
            exprs.push(ticks(stored(table.columns[time].name)).alias(&field));
            relation_fields.push(Field { name: TIME_GENERATED.to_owned(), kind: Kind::DateTime, field });
        }
        if has_ingested {
            let field = self.names.next();
            exprs.push(ticks(stored(INGESTED_COLUMN)).alias(&field));
            hidden.push(Field { name: INGESTED_COLUMN.to_owned(), kind: Kind::DateTime, field });
        }
        let source = provider_as_source(provider);
        let mut scan = LogicalPlanBuilder::scan(qualifier.clone(), source, None)?;
        if let Some(Window { after, until }) = self.window.take() {
            let sequence = stored(SEQUENCE_COLUMN);
            scan = scan.filter(sequence.clone().gt(lit(after)).and(sequence.lt_eq(lit(until))))?;
        }
        if let (Some((first, last)), Some(time)) = (self.times, table.time_column()) {
            let time = ticks(stored(table.columns[time].name));
            scan = scan.filter(time.clone().gt_eq(lit(first.0)).and(time.lt_eq(lit(last.0))))?;
        }
        let plan = scan.project(exprs)?.build()?;
        Ok(Relation { plan, fields: relation_fields, hidden })
    }

    fn print(&mut self, print: &ast::Print) -> Bind<Relation> {
        let mut columns: Vec<(String, Typed)> = Vec::new();
        let empty = Relation {
            plan: LogicalPlanBuilder::empty(true).build()?,
            fields: Vec::new(),
            hidden: Vec::new(),
        };
        for (at, column) in print.columns.iter().enumerate() {
            if let Some(several) = self.several_columns(column, &empty)? {
                for (name, typed) in several {
                    let mut taken = columns.iter().map(|(name, _)| name.clone()).collect();
                    columns.push((naming::unique(name, &mut taken), typed));
                }
                continue;
            }
            let typed = self.expr(&column.expr, &mut Input::none())?;
            let name = column.names.first().map_or_else(|| format!("print_{at}"), |ident| ident.name.clone());
            if columns.iter().any(|(other, _)| *other == name) {
                return error(column.span, format!("'print' operator: column '{name}' is given twice"));
            }
            columns.push((name, typed));
        }
        Ok(empty.project(&mut self.names, columns)?)
    }

    fn range(&mut self, range: &ast::Range) -> Bind<Relation> {
        let [from, to, step] = [&range.from, &range.to, &range.step].map(|expr| self.constant(expr));
        let (from, to, step) = (from?, to?, step?);
        let kind = match (from.kind, step.kind) {
            (Kind::DateTime, Kind::TimeSpan) => Kind::DateTime,
            (Kind::TimeSpan, Kind::TimeSpan) => Kind::TimeSpan,
            (Kind::Int | Kind::Long, Kind::Int | Kind::Long) => Kind::Long,
            _ => {
                return error(
                    range.span,
                    "'range' takes longs, or datetimes or timespans with a timespan step",
                );
            }
        };
        let number = |typed: Typed| constant::fold(convert::to_long(typed)).map(|typed| typed.literal_long());
        let (Some(from), Some(to), Some(step)) = (number(from)?, number(to)?, number(step)?) else {
            return error(range.span, "'range' takes no nulls");
        };
        if step == 0 || (i128::from(to) - i128::from(from)) / i128::from(step) >= i128::from(RANGE_ROWS_MAX) {
            return error(range.span, format!("'range' gives at most {RANGE_ROWS_MAX} rows"));
        }
        let mut rows = Vec::new();
        let mut at = from;
        while if step > 0 { at <= to } else { at >= to } {
            rows.push(vec![Typed::value(ScalarValue::Int64(Some(at)), kind)]);
            let Some(next) = at.checked_add(step) else { break };
            at = next;
        }
        self.values(vec![(range.name.name.clone(), kind)], rows)
    }

    fn data_table(&mut self, table: &ast::DataTable) -> Bind<Relation> {
        let columns: Vec<(String, Kind)> =
            table.columns.iter().map(|column| (column.name.name.clone(), kind_of(column.ty))).collect();
        if columns.is_empty() {
            return error(table.span, "'datatable' needs at least one column");
        }
        let mut rows = Vec::with_capacity(table.values.len() / columns.len());
        for values in table.values.chunks(columns.len()) {
            let mut row = Vec::with_capacity(columns.len());
            for (value, (_, kind)) in values.iter().zip(&columns) {
                let typed = self.constant(value)?;
                let typed =
                    if typed.kind == *kind { typed } else { constant::fold(convert::to_kind(typed, *kind))? };
                row.push(typed);
            }
            rows.push(row);
        }
        self.values(columns, rows)
    }

    /// Rows of constants.
    pub(super) fn values(&mut self, columns: Vec<(String, Kind)>, rows: Vec<Vec<Typed>>) -> Bind<Relation> {
        use datafusion::arrow::array::RecordBatch;
        use datafusion::arrow::datatypes::{Field as ArrowField, Schema};
        let mut fields = Vec::with_capacity(columns.len());
        let mut arrow_fields = Vec::with_capacity(columns.len());
        let mut arrays = Vec::with_capacity(columns.len());
        for (at, (name, kind)) in columns.into_iter().enumerate() {
            let engine_type = crate::typed::engine_type(kind);
            let cells: Vec<ScalarValue> = rows.iter().filter_map(|row| row[at].literal().cloned()).collect();
            let array = match cells.is_empty() {
                true => datafusion::arrow::array::new_empty_array(&engine_type),
                false => ScalarValue::iter_to_array(cells)?,
            };
            let field = self.names.next();
            arrow_fields.push(ArrowField::new(&field, engine_type, true));
            arrays.push(array);
            fields.push(Field { name, kind, field });
        }
        let schema = std::sync::Arc::new(Schema::new(arrow_fields));
        let batch =
            RecordBatch::try_new(schema.clone(), arrays).map_err(datafusion::error::DataFusionError::from)?;
        let table = datafusion::datasource::MemTable::try_new(schema, vec![vec![batch]])?;
        let alias = self.names.next();
        let source = provider_as_source(std::sync::Arc::new(table) as std::sync::Arc<dyn TableProvider>);
        let scan = LogicalPlanBuilder::scan(TableReference::bare(alias.as_str()), source, None)?;
        // Field names are unique in the query, so they need no qualifier above the scan.
        let exprs = fields.iter().map(|field| {
            Expr::Column(Column::new(Some(TableReference::bare(alias.as_str())), &field.field))
                .alias(&field.field)
        });
        let plan = scan.project(exprs.collect::<Vec<_>>())?.build()?;
        Ok(Relation { plan, fields, hidden: Vec::new() })
    }
}
