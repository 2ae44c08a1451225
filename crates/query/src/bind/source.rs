//! Where rows come from: tables, names of the query, functions, `datatable`, `print`, `range`.

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, ScalarValue, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use kql::Span;
use kql::ast::{self, ExprKind, Pipeline, Source};
use model::{Kind, Table};

use super::expr::Input;
use super::{Bind, Binder, Value, error, kind_of, naming, unknown};
use crate::constant;
use crate::convert;
use crate::relation::{Field, Relation};
use crate::ticks::ticks;
use crate::typed::Typed;

/// Rows of a `range`.
const RANGE_ROWS_MAX: i64 = 1_000_000;
/// The name that the time of a row also has.
const TIME_GENERATED: &str = "TimeGenerated";
/// The lake's own column with the time of acceptance.
pub(crate) const INGESTED_COLUMN: &str = "_ingested";

impl Binder<'_> {
    pub(super) fn pipeline(&mut self, pipeline: &Pipeline) -> Bind<Relation> {
        let mut relation = self.source(&pipeline.source, pipeline.span)?;
        // Names made by `as` hold for the rest of the pipeline.
        let outer = self.scope.clone();
        for operator in &pipeline.operators {
            self.step(operator.span)?;
            relation = self.apply(relation, operator)?;
        }
        self.scope = outer;
        Ok(relation)
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
                Some(Value::View(_) | Value::Rows(_)) => true,
                Some(Value::Function(closure)) => {
                    closure.function.params.is_empty() && self.gives_table(closure)
                }
                Some(Value::Scalar(_)) => false,
                None => self.find_table(&ident.name).is_some(),
            },
            ExprKind::Call(call) => match self.scope.get(&call.name.name) {
                Some(Value::Function(closure)) => self.gives_table(closure),
                Some(Value::View(_) | Value::Rows(_)) => true,
                _ => matches!(call.name.name.as_str(), "materialize" | "view" | "table"),
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
                        matches!(closure.scope.get(&ident.name), Some(Value::View(_) | Value::Rows(_)))
                            || self.find_table(&ident.name).is_some()
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
            Some(Value::View(_) | Value::Rows(_)) if call.args.is_empty() => {
                return self.table_name(&call.name);
            }
            _ => {}
        }
        match (name, call.args.as_slice()) {
            // Rows are read again at each use: they are those of one snapshot, so this gives the same ones.
            ("materialize", [arg]) => self.table_expr(&arg.value),
            ("table", [arg]) => match &arg.value.kind {
                ExprKind::Literal(ast::Literal::String { value, .. }) => {
                    self.table_name(&ast::Ident { name: value.clone(), span: arg.value.span })
                }
                _ => error(arg.value.span, "table() takes the name of a table as text"),
            },
            ("FileProfile" | "DeviceFromIP" | "AssignedIPAddresses" | "SeenBy", _) => {
                error(call.name.span, format!("function '{name}' is not supported yet"))
            }
            _ => {
                let scope = self.scope.clone();
                let candidates = scope.names().chain(["materialize", "table"]);
                unknown(call.name.span, format!("Unknown function: '{name}'"), name, candidates)
            }
        }
    }

    pub(super) fn table_function(
        &mut self,
        closure: &std::rc::Rc<super::Closure>,
        name: &str,
        args: &[ast::Arg],
        span: Span,
    ) -> Bind<Relation> {
        let scope = self.function_scope(closure, name, args, span, &mut Input::none())?;
        let closure = closure.clone();
        self.within(span, scope, |binder| binder.query(&closure.function.body))
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
        let plan = LogicalPlanBuilder::scan(qualifier.clone(), source, None)?.project(exprs)?.build()?;
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
