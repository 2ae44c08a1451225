//! From syntax tree to engine plan: names are resolved, kinds are checked, operators become plan nodes.

mod aggregate;
mod branches;
mod columns;
mod devices;
mod enrich;
mod evaluate;
mod expand;
mod expr;
mod external;
mod graph;
mod grouped;
mod join;
mod naming;
mod operator;
mod parse;
mod reduce;
mod rows;
mod scan;
mod schema;
mod search;
mod series;
mod source;
mod top;
mod tuples;
mod union;
mod windows;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::LogicalPlan;
use kql::ast::{self, LetValue, Pipeline, Statement};
use kql::{Diagnostic, Span};
use model::lake::AsOf;
use model::tables::{TABLE_ALIASES, TABLES};
use model::{Kind, Table, Ticks};

pub(crate) use self::source::INGESTED_COLUMN;
use crate::functions::Context;
use crate::relation::{FieldNames, Relation};
use crate::saved::SavedFunction;
use crate::typed::Typed;
use crate::window::Window;

/// Operators that one query may expand to, its functions and views included.
const STEPS_MAX: usize = 1_000;
/// Mistakes that are told at once.
const DIAGNOSTICS_MAX: usize = 50;
/// How deep functions and views may call each other.
const DEPTH_MAX: usize = 40;
/// Uses of functions and views in one query, those inside of them included.
const USES_MAX: usize = 5_000;

/// The tables a query may read: already those of one tenant, and only the rows the caller may see.
pub trait Tables: Send + Sync {
    fn table(&self, table: &'static Table) -> Arc<dyn TableProvider>;

    /// The tables there are, sorted by name.
    fn declared(&self) -> &[&'static Table] {
        TABLES
    }

    /// Whether it is known that a table has no rows: it need not be read where rows of many are looked at.
    fn is_empty(&self, _: &'static Table) -> bool {
        false
    }

    /// What is known of files, one row for each of their hashes, which the column `Hash` has in lower case; for
    /// `FileProfile`, whose columns it has as far as they are known. None where nothing is kept.
    fn file_profiles(&self) -> Option<Arc<dyn TableProvider>> {
        None
    }

    /// The highest sequence of the rows there are, where rows have one and the past can be asked by it.
    fn last_sequence(&self) -> Option<i64> {
        None
    }

    /// The same tables as they were, or why that cannot be told.
    fn as_of(&self, as_of: AsOf) -> Result<Arc<dyn Tables>, String>;
}

/// A bound query.
pub(crate) enum Bound {
    Plan(Relation),
    /// Some tables inside the query must be read before it can be bound; bind again with their rows.
    Needs(Vec<Subquery>),
}

/// A table inside the query whose rows are needed as constants: `toscalar(...)`, `in (...)`.
pub(crate) struct Subquery {
    pub key: String,
    pub plan: LogicalPlan,
    /// Rows beyond these are an error, or not kept.
    pub rows_max: usize,
    /// Whether the query can be run without them as well, reading them again.
    pub is_kept: bool,
}

/// Results of subqueries by their key, and the memory they take.
#[derive(Default)]
pub(crate) struct Answers {
    /// None where they are too large to be kept.
    rows: HashMap<String, Option<Vec<RecordBatch>>>,
    held: Vec<MemoryReservation>,
}

impl Answers {
    pub fn new() -> Answers {
        Answers::default()
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn insert(&mut self, key: String, rows: Vec<RecordBatch>) {
        self.rows.insert(key, Some(rows));
    }

    /// Notes that the rows are too large to be kept.
    pub fn leave(&mut self, key: String) {
        self.rows.insert(key, None);
    }

    pub fn hold(&mut self, held: MemoryReservation) {
        self.held.push(held);
    }

    fn get(&self, key: &str) -> Option<&Option<Vec<RecordBatch>>> {
        self.rows.get(key)
    }
}

/// What a query is bound among.
pub(crate) struct Surroundings<'q> {
    pub tables: &'q dyn Tables,
    pub context: &'q Context,
    pub answers: &'q Answers,
    /// Tables inside the query are not read but count as empty.
    pub describes: bool,
    pub functions: &'q [SavedFunction],
    pub times: Option<(Ticks, Ticks)>,
    /// The sequences to read of the table that the query begins with.
    pub window: Option<Window>,
}

/// Why a query cannot be bound.
pub(crate) enum Stop {
    Diagnostic(Diagnostic),
    Needs(Box<Subquery>),
    Engine(DataFusionError),
}

impl From<DataFusionError> for Stop {
    fn from(error: DataFusionError) -> Stop {
        Stop::Engine(error)
    }
}

pub(crate) type Bind<T> = Result<T, Stop>;

pub(crate) fn error<T>(span: Span, message: impl Into<String>) -> Bind<T> {
    Err(Stop::Diagnostic(Diagnostic::new(span, message)))
}

/// An unknown name, with the nearest ones that exist as suggestions.
pub(crate) fn unknown<'c, T>(
    span: Span,
    message: String,
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Bind<T> {
    let mut diagnostic = Diagnostic::new(span, message);
    diagnostic.suggestions = kql::nearest(name, candidates);
    Err(Stop::Diagnostic(diagnostic))
}

/// What a name in a `let`, a parameter or a call is bound to.
#[derive(Clone)]
enum Value {
    Scalar(Typed),
    /// Bound again at each use: a view is text substitution.
    View(Rc<View>),
    Function(Rc<Closure>),
    Rows(Rc<Relation>),
    /// A view whose rows are kept when they are asked for again.
    Kept(Rc<Kept>),
}

struct Kept {
    view: View,
    /// What tells it from others of the query.
    key: String,
    uses: std::cell::Cell<usize>,
}

struct View {
    pipeline: Pipeline,
    scope: Scope,
}

struct Closure {
    function: Rc<ast::Function>,
    scope: Scope,
    /// Its text is not that of the query, and in it the other saved functions are in reach.
    saved: Option<Rc<SavedFunction>>,
}

/// Names in reach, innermost first.
#[derive(Clone, Default)]
struct Scope(Option<Rc<Binding>>);

struct Binding {
    name: String,
    value: Value,
    outer: Scope,
}

impl Scope {
    fn with(&self, name: &str, value: Value) -> Scope {
        Scope(Some(Rc::new(Binding { name: name.to_owned(), value, outer: self.clone() })))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let mut scope = self;
        while let Some(binding) = &scope.0 {
            if binding.name == name {
                return Some(&binding.value);
            }
            scope = &binding.outer;
        }
        None
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let mut scope = self;
        std::iter::from_fn(move || {
            let binding = scope.0.as_ref()?;
            scope = &binding.outer;
            Some(binding.name.as_str())
        })
    }
}

pub(crate) struct Binder<'q> {
    tables: &'q dyn Tables,
    /// In place of `tables`, when the query asks for the past.
    past: Option<Arc<dyn Tables>>,
    context: &'q Context,
    names: FieldNames,
    answers: &'q Answers,
    scope: Scope,
    /// The saved functions, which all see each other.
    saved: Scope,
    steps: usize,
    depth: usize,
    uses: usize,
    times: Option<(Ticks, Ticks)>,
    /// Taken by the first table that is read.
    window: Option<Window>,
    /// Tables inside the query are not read but count as empty.
    describes: bool,
    /// Columns depend on rows that are not read, so any name may be one.
    is_open: bool,
    /// What else is wrong, when something is.
    others: Vec<Diagnostic>,
    /// Names in the plan of tables that have no rows.
    empty: HashSet<String>,
    /// Options of the query that functions ask for.
    options: HashMap<String, Typed>,
    /// Functions over the order of rows that the operator at hand needs.
    windows: Vec<windows::Pending>,
    /// The pattern whose elements functions may ask about.
    graph: Option<graph::Scope>,
}

/// Binds a whole query. The last statement that is an expression is its result.
pub(crate) fn bind(query: &ast::Query, surroundings: Surroundings) -> Result<Bound, BindFailure> {
    let Surroundings { tables, context, answers, describes, functions, times, window } = surroundings;
    let mut saved = Scope::default();
    for function in functions {
        let read = function.read().map_err(|diagnostics| {
            let told = |diagnostic: &Diagnostic| {
                Diagnostic::new(Span { start: 0, end: 0 }, function.describe(diagnostic))
            };
            BindFailure::Diagnostics(diagnostics.iter().map(told).collect())
        })?;
        let closure =
            Closure { function: read, scope: Scope::default(), saved: Some(Rc::new(function.clone())) };
        saved = saved.with(&function.name, Value::Function(Rc::new(closure)));
    }
    let mut binder = Binder {
        tables,
        past: None,
        context,
        names: FieldNames::default(),
        answers,
        scope: saved.clone(),
        saved,
        steps: 0,
        depth: 0,
        uses: 0,
        times,
        window,
        describes,
        is_open: false,
        others: Vec::new(),
        empty: HashSet::new(),
        options: HashMap::new(),
        windows: Vec::new(),
        graph: None,
    };
    match binder.query(&query.statements) {
        Ok(relation) => Ok(Bound::Plan(relation)),
        Err(Stop::Needs(subquery)) => Ok(Bound::Needs(vec![*subquery])),
        Err(Stop::Diagnostic(diagnostic)) => {
            let mut diagnostics = vec![diagnostic];
            for other in binder.others {
                if !diagnostics.contains(&other) {
                    diagnostics.push(other);
                }
            }
            diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
            Err(BindFailure::Diagnostics(diagnostics))
        }
        Err(Stop::Engine(error)) => Err(BindFailure::Engine(error)),
    }
}

pub(crate) enum BindFailure {
    /// By their place in the text.
    Diagnostics(Vec<Diagnostic>),
    Engine(DataFusionError),
}

impl Binder<'_> {
    fn query(&mut self, statements: &[Statement]) -> Bind<Relation> {
        for statement in statements {
            if let Statement::Set(set) = statement {
                self.set(set)?;
            }
        }
        let mut result = None;
        let mut declared: Vec<&str> = Vec::new();
        for statement in statements {
            match statement {
                Statement::Let(binding) => {
                    let name = binding.name.name.as_str();
                    if declared.contains(&name) {
                        return error(binding.name.span, format!("the name '{name}' is declared twice"));
                    }
                    declared.push(name);
                    self.bind_let(binding)?;
                }
                Statement::Expression(pipeline) => result = Some(pipeline),
                Statement::Parameters(parameters) => {
                    for param in &parameters.params {
                        let value = self.default_of(param)?;
                        self.scope = self.scope.with(&param.name.name, value);
                    }
                }
                // Options were looked at before; aliases of databases change nothing here.
                Statement::Set(_) | Statement::Alias(_) => {}
            }
        }
        match result {
            Some(pipeline) => self.pipeline(pipeline),
            None => error(Span { start: 0, end: 0 }, "the query has no tabular expression to run"),
        }
    }

    /// Options of the compatible service are accepted and change nothing; ours ask for the past.
    fn set(&mut self, set: &ast::Set) -> Bind<()> {
        let kind = match set.name.name.as_str() {
            "query_as_of" => Kind::DateTime,
            "query_as_of_sequence" => Kind::Long,
            "query_bin_auto_size" | "query_bin_auto_at" => {
                if let Some(value) = &set.value {
                    let value = self.constant(value)?;
                    self.options.insert(set.name.name.clone(), value);
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        let value = set.value.as_ref().map(|value| self.constant(value)).transpose()?;
        let number = value.filter(|value| value.kind == kind).and_then(|value| value.literal_long());
        let as_of = match (number, kind) {
            (Some(ticks), Kind::DateTime) => AsOf::Time(Ticks(ticks)),
            (Some(sequence), _) => AsOf::Sequence(sequence),
            (None, _) => {
                let message = format!("option '{}' takes a {}", set.name.name, kind.name());
                return error(set.span, message);
            }
        };
        match self.tables.as_of(as_of) {
            Ok(past) => self.past = Some(past),
            Err(reason) => return error(set.span, reason),
        }
        Ok(())
    }

    /// A declared table, by its name of today or of 2019.
    fn find_table(&self, name: &str) -> Option<&'static Table> {
        find_table(self.tables, name)
    }

    /// A table as the query sees it.
    fn tables(&self) -> &dyn Tables {
        self.past.as_deref().unwrap_or(self.tables)
    }

    fn bind_let(&mut self, binding: &ast::Let) -> Bind<()> {
        let value = match &binding.value {
            LetValue::Pipeline(pipeline) if self.depth == 0 && is_materialized(pipeline) => {
                let view = View { pipeline: pipeline.clone(), scope: self.scope.clone() };
                let key = format!("materialize {} {}", binding.name.name, binding.span.start);
                Value::Kept(Rc::new(Kept { view, key, uses: Default::default() }))
            }
            LetValue::Function(function) => {
                let function = Rc::new(function.clone());
                Value::Function(Rc::new(Closure { function, scope: self.scope.clone(), saved: None }))
            }
            LetValue::Pipeline(pipeline) => self.let_value(pipeline)?,
        };
        self.scope = self.scope.with(&binding.name.name, value);
        Ok(())
    }

    /// A pipeline without operators may be a scalar, another name, or a table.
    fn let_value(&mut self, pipeline: &Pipeline) -> Bind<Value> {
        if let (ast::Source::Expr(expr), []) = (&pipeline.source, pipeline.operators.as_slice()) {
            if let ast::ExprKind::Name(ident) = &expr.kind
                && let Some(value) = self.scope.get(&ident.name)
            {
                return Ok(value.clone());
            }
            if !self.is_table(expr) {
                let value = self.constant(expr)?;
                return Ok(Value::Scalar(value));
            }
        }
        Ok(Value::View(Rc::new(View { pipeline: pipeline.clone(), scope: self.scope.clone() })))
    }

    fn default_of(&mut self, param: &ast::Param) -> Bind<Value> {
        match &param.kind {
            ast::ParamKind::Scalar { default: Some(default), .. } => {
                Ok(Value::Scalar(self.constant(default)?))
            }
            _ => error(param.span, format!("parameter '{}' has no value", param.name.name)),
        }
    }

    /// Runs `work` with other names in reach, one level deeper.
    fn within<T>(&mut self, span: Span, scope: Scope, work: impl FnOnce(&mut Self) -> Bind<T>) -> Bind<T> {
        if self.depth >= DEPTH_MAX {
            return error(span, format!("functions and views are nested deeper than {DEPTH_MAX}"));
        }
        self.uses += 1;
        if self.uses > USES_MAX {
            return error(span, format!("functions and views are used more than {USES_MAX} times"));
        }
        self.depth += 1;
        let outer = std::mem::replace(&mut self.scope, scope);
        let result = work(self);
        self.scope = outer;
        self.depth -= 1;
        result
    }

    /// The same for the body of a function; what is wrong in one of another text is told at its call.
    fn within_function<T>(
        &mut self,
        span: Span,
        closure: &Closure,
        scope: Scope,
        work: impl FnOnce(&mut Self) -> Bind<T>,
    ) -> Bind<T> {
        let noted = self.others.len();
        let result = self.within(span, scope, work);
        let Some(saved) = &closure.saved else { return result };
        for other in self.others.iter_mut().skip(noted) {
            *other = Diagnostic::new(span, saved.describe(other));
        }
        result.map_err(|stop| match stop {
            Stop::Diagnostic(inner) => Stop::Diagnostic(Diagnostic::new(span, saved.describe(&inner))),
            stop => stop,
        })
    }

    /// Notes what is wrong beside an error that ends the binding.
    fn note<T>(&mut self, result: Bind<T>) {
        if let Err(Stop::Diagnostic(diagnostic)) = result
            && self.others.len() < DIAGNOSTICS_MAX
        {
            self.others.push(diagnostic);
        }
    }

    fn step(&mut self, span: Span) -> Bind<()> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return error(span, format!("the query expands to more than {STEPS_MAX} operators"));
        }
        Ok(())
    }

    /// The rows of a table inside the query, read before the query itself.
    fn read_now(&mut self, relation: Relation, rows_max: usize) -> Bind<Vec<RecordBatch>> {
        // Field names count up from the start at each binding, so the same table has the same text again.
        let key = relation.plan.display_indent().to_string();
        if let Some(Some(rows)) = self.answers.get(&key) {
            return Ok(rows.clone());
        }
        Err(Stop::Needs(Box::new(Subquery { key, plan: relation.plan, rows_max, is_kept: false })))
    }
}

/// Whether this is `materialize(...)` alone.
fn is_materialized(pipeline: &Pipeline) -> bool {
    match (&pipeline.source, pipeline.operators.as_slice()) {
        (ast::Source::Expr(expr), []) => {
            matches!(&expr.kind, ast::ExprKind::Call(call) if call.name.name == "materialize")
        }
        _ => false,
    }
}

pub(crate) fn find_table(tables: &dyn Tables, name: &str) -> Option<&'static Table> {
    let declared = |name: &str| tables.declared().iter().copied().find(|table| table.name == name);
    declared(name).or_else(|| {
        let (_, new) = TABLE_ALIASES.iter().find(|(old, _)| *old == name)?;
        declared(new)
    })
}

/// Whether a name means a table, where the query does not define it.
pub(crate) fn is_table_name(tables: &dyn Tables, name: &str) -> bool {
    find_table(tables, name).is_some()
}

/// The kind that a type name in the query means.
pub(crate) fn kind_of(ty: ast::ScalarType) -> Kind {
    match ty {
        ast::ScalarType::Bool => Kind::Bool,
        ast::ScalarType::Int => Kind::Int,
        ast::ScalarType::Long => Kind::Long,
        ast::ScalarType::Real => Kind::Real,
        ast::ScalarType::Decimal => Kind::Decimal,
        ast::ScalarType::DateTime => Kind::DateTime,
        ast::ScalarType::Timespan => Kind::TimeSpan,
        ast::ScalarType::Guid => Kind::Guid,
        ast::ScalarType::String => Kind::String,
        ast::ScalarType::Dynamic => Kind::Dynamic,
    }
}
