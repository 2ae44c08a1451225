//! Queries that can be left and taken up again.
//!
//! A query that looks at one table row by row gives the same rows when it is run over parts of the table one
//! after the other. The parts are ranges of the rows' sequences, up to the highest one that there was when the
//! query came. Between two parts only a number has to be remembered to go on later, whatever became of the files
//! meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::logical_expr::LogicalPlan;
use kql::ast::{ExprKind, LetValue, Pipeline, Query, Source, Statement};

use crate::bind::{Tables, is_table_name};
use crate::engine::Asked;

/// Sequences of the first part, which is small so that something to go on from is there soon.
const FIRST_WIDTH: i64 = 1 << 16;
const WIDTH_MAX: i64 = 1 << 22;
/// Parts grow while they take less time than this.
const BRIEF: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(15);
/// `let` statements that are followed to find the table.
const VIEWS_MAX: usize = 40;

/// A range of sequences: `after` is not in it, `until` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub after: i64,
    pub until: i64,
}

/// Where to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Rows up to this sequence were given.
    pub after: i64,
    /// Rows up to this sequence belong to the query.
    pub until: i64,
}

/// Hands out the tables as they are now.
pub type Refresh = Box<dyn Fn() -> Arc<dyn Tables> + Send + Sync>;

/// The parts of a query that can go on later.
pub struct Windows {
    until: i64,
    after: i64,
    width: i64,
    opened: Option<(Window, Instant)>,
    refresh: Refresh,
}

impl Windows {
    /// From the start, or from where a query was left. `refresh` is asked before each part, so that no files are
    /// held on to.
    pub fn new(from: Option<Position>, last_sequence: i64, refresh: Refresh) -> Windows {
        let Position { after, until } = from.unwrap_or(Position { after: 0, until: last_sequence });
        Windows { until, after, width: FIRST_WIDTH, opened: None, refresh }
    }

    pub(crate) fn until(&self) -> i64 {
        self.until
    }

    pub(crate) fn is_done(&self) -> bool {
        self.after >= self.until
    }

    pub(crate) fn tables(&self, asked: &Asked) -> Arc<dyn Tables> {
        match self.opened {
            // The tables that came with the query are as fresh.
            Some((Window { after: 0, .. }, _)) => asked.tables.clone(),
            _ => (self.refresh)(),
        }
    }

    /// The next part. There is one at the start, even of no rows, so that the columns are known.
    pub(crate) fn open(&mut self) -> Option<Window> {
        let until = self.after.saturating_add(self.width).min(self.until.max(self.after));
        let window = Window { after: self.after, until };
        self.opened = Some((window, Instant::now()));
        Some(window)
    }

    pub(crate) fn close(&mut self) -> Position {
        if let Some((window, opened)) = self.opened.take() {
            self.after = window.until;
            let took = opened.elapsed();
            if took < BRIEF {
                self.width = (self.width * 2).min(WIDTH_MAX);
            } else if took > LONG {
                self.width = (self.width / 2).max(1);
            }
        }
        Position { after: self.after, until: self.until }
    }

    /// Why a query has no parts, as far as its text tells.
    pub(crate) fn refusal(&self, query: &Query, tables: &dyn Tables) -> Option<String> {
        let mut result = None;
        for statement in &query.statements {
            match statement {
                Statement::Expression(pipeline) => result = Some(pipeline),
                Statement::Set(set) if set.name.name.starts_with("query_as_of") => {
                    return Some("it asks for the past by itself".to_owned());
                }
                _ => {}
            }
        }
        reads_no_table(result?, &query.statements, tables, 0)
    }
}

fn reads_no_table(
    pipeline: &Pipeline,
    statements: &[Statement],
    tables: &dyn Tables,
    depth: usize,
) -> Option<String> {
    let other = || Some("its rows do not come from one table".to_owned());
    let Source::Expr(expr) = &pipeline.source else { return other() };
    let name = match &expr.kind {
        ExprKind::Name(ident) => &ident.name,
        ExprKind::Pipeline(inner) if depth < VIEWS_MAX => {
            return reads_no_table(inner, statements, tables, depth + 1);
        }
        _ => return other(),
    };
    let defined = statements.iter().rev().find_map(|statement| match statement {
        Statement::Let(binding) if binding.name.name == *name => Some(&binding.value),
        _ => None,
    });
    match defined {
        None if is_table_name(tables, name) => None,
        Some(LetValue::Pipeline(inner)) if depth < VIEWS_MAX => {
            reads_no_table(inner, statements, tables, depth + 1)
        }
        _ => other(),
    }
}

/// Why a plan does not look at one table row by row.
pub(crate) fn not_windowed(plan: &LogicalPlan) -> Option<&'static str> {
    let mut plan = plan;
    loop {
        plan = match plan {
            LogicalPlan::TableScan(_) => return None,
            LogicalPlan::Projection(inner) => &inner.input,
            LogicalPlan::Filter(inner) => &inner.input,
            LogicalPlan::Unnest(inner) => &inner.input,
            LogicalPlan::SubqueryAlias(inner) => &inner.input,
            LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) => return Some("it groups rows"),
            LogicalPlan::Limit(_) => return Some("it ends after a number of rows"),
            LogicalPlan::Join(_) | LogicalPlan::Union(_) => return Some("it reads several tables"),
            LogicalPlan::Sort(_) | LogicalPlan::Window(_) | LogicalPlan::Extension(_) => {
                return Some("it depends on the order of rows");
            }
            _ => return Some("it does not look at one table row by row"),
        };
    }
}
