//! Functions over the order of rows in the expressions of `extend`, `project`, `serialize` and `where`.
//!
//! The rows get a column with their number, at the place of the plan where their order was made. Each function is
//! a window over that column, and what it gives is a column that the operator's expressions read.

use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder};
use kql::Span;
use kql::ast::{self, Call};
use model::Kind;

use super::expr::Input;
use super::{Bind, Binder, error, grouped};
use crate::relation::{FieldNames, Relation};
use crate::typed::Typed;
use crate::windows::Window;

/// How the field of a row's number ends.
const NUMBER_MARK: &str = "_order";

/// A call that an operator's expressions make.
pub(super) struct Pending {
    window: &'static Window,
    args: Vec<Typed>,
    field: String,
    span: Span,
}

fn takes_graph(operator: &ast::Operator) -> bool {
    use ast::OperatorKind as Op;
    matches!(
        operator.kind,
        Op::GraphMatch(_) | Op::GraphMarkComponents(_) | Op::GraphToTable(_) | Op::As(_) | Op::Unknown(_)
    )
}

impl Binder<'_> {
    /// An operator, which must have taken the windows that its expressions need.
    pub(super) fn apply(&mut self, input: Relation, operator: &ast::Operator) -> Bind<Relation> {
        if super::graph::is_graph(&input) && !takes_graph(operator) {
            return error(
                operator.span,
                "this operator takes a table, not a graph: put 'graph-match' before it",
            );
        }
        let outer = std::mem::take(&mut self.windows);
        let result = self.operator(input, operator)?;
        match std::mem::replace(&mut self.windows, outer).first() {
            None => Ok(result),
            Some(pending) => {
                let name = pending.window.name;
                let message = format!("{name}() can only be used in extend, project, serialize and where");
                error(pending.span, message)
            }
        }
    }

    /// A call in an expression: it stands there as a column.
    pub(super) fn window_call(
        &mut self,
        window: &'static Window,
        call: &Call,
        span: Span,
        input: &mut Input,
    ) -> Bind<Typed> {
        let args = call.args.iter().map(|arg| self.expr(&arg.value, input)).collect::<Bind<Vec<_>>>()?;
        // Mistakes are found now, where their place is known; the column of the order is not known yet.
        let checked = window.call(args.clone(), NUMBER_MARK, Vec::new());
        let (_, kind) = self.at(span, checked.map_err(|message| format!("{}(): {message}", window.name)))?;
        // The same call twice is one window: the engine does not take equal ones apart.
        let exprs = |args: &[Typed]| args.iter().map(|arg| arg.expr.clone()).collect::<Vec<_>>();
        let is_same =
            |pending: &&Pending| pending.window.name == window.name && exprs(&pending.args) == exprs(&args);
        if let Some(pending) = self.windows.iter().find(is_same) {
            return Ok(Typed::column(&pending.field, kind));
        }
        let field = self.names.next();
        self.windows.push(Pending { window, args, field: field.clone(), span });
        Ok(Typed::column(&field, kind))
    }

    /// The operator's input with the columns of the windows that its expressions need.
    pub(super) fn windowed(&mut self, input: Relation) -> Bind<Relation> {
        let pending = std::mem::take(&mut self.windows);
        let Some(first) = pending.first() else { return Ok(input) };
        let Some((mut plan, order)) = numbered(&input.plan, &mut self.names, false)? else {
            let name = first.window.name;
            let message = format!("{name}() needs rows in an order: put 'sort by' or 'serialize' before it");
            return error(first.span, message);
        };
        let groups = input.unseen().into_iter().filter(grouped::is_group);
        let groups: Vec<Expr> = groups.map(|field| field.typed().expr).collect();
        // One after the other: a window may read what another gave.
        for Pending { window, args, field, span } in pending {
            let (expr, _) = self.at(span, window.call(args, &order, groups.clone()))?;
            // The order between windows costs nothing, since rows are in it. It keeps the engine from taking what
            // windows have in common below all of them, where one does not find the other's column.
            let sort = Typed::column(&order, Kind::Long).expr.sort(true, false);
            plan = LogicalPlanBuilder::from(plan).window([expr.alias(field)])?.sort([sort])?.build()?;
        }
        Ok(Relation { plan, ..input })
    }

    /// `serialize`: the order the rows have now is theirs from here on.
    pub(super) fn serialized(&mut self, input: Relation) -> Bind<Relation> {
        let Some((plan, order)) = numbered(&input.plan, &mut self.names, true)? else { return Ok(input) };
        let sort = Typed::column(&order, Kind::Long).expr.sort(true, false);
        let plan = LogicalPlanBuilder::from(plan).sort([sort])?.build()?;
        Ok(Relation { plan, ..input })
    }
}

/// The plan with a field that numbers its rows, and that field's name. None where nothing orders the rows, unless
/// any order will do.
fn numbered(plan: &LogicalPlan, names: &mut FieldNames, any: bool) -> Bind<Option<(LogicalPlan, String)>> {
    match plan {
        LogicalPlan::Sort(sort) => {
            if let [key] = sort.expr.as_slice()
                && let Expr::Column(column) = &key.expr
                && column.name.ends_with(NUMBER_MARK)
            {
                return Ok(Some((plan.clone(), column.name.clone())));
            }
            let number = row_number().order_by(sort.expr.clone()).build()?;
            number_with(plan, number, names).map(Some)
        }
        LogicalPlan::Projection(projection) => {
            let Some((input, order)) = numbered(&projection.input, names, any)? else { return Ok(None) };
            let column = Typed::column(&order, Kind::Long).expr;
            let mut exprs = projection.expr.clone();
            if !exprs.contains(&column) {
                exprs.push(column);
            }
            let plan = LogicalPlanBuilder::from(input).project(exprs)?.build()?;
            Ok(Some((plan, order)))
        }
        LogicalPlan::Filter(_) | LogicalPlan::Limit(_) | LogicalPlan::Window(_) => {
            let Some((input, order)) = numbered(plan.inputs()[0], names, any)? else { return Ok(None) };
            Ok(Some((plan.with_new_exprs(plan.expressions(), vec![input])?, order)))
        }
        LogicalPlan::Aggregate(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Distinct(_)
            if !any =>
        {
            Ok(None)
        }
        // Rows of a table come in its own order.
        _ => number_with(plan, row_number(), names).map(Some),
    }
}

fn number_with(plan: &LogicalPlan, number: Expr, names: &mut FieldNames) -> Bind<(LogicalPlan, String)> {
    let order = format!("{}{NUMBER_MARK}", names.next());
    let plan = LogicalPlanBuilder::from(plan.clone()).window([number.alias(&order)])?.build()?;
    Ok((plan, order))
}
