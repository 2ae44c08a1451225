//! `graph-match`: patterns, and what may be asked of what fits them.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::{Column, DFSchema};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::create_physical_expr;
use kql::Span;
use kql::ast::{self, Call, ExprKind};
use model::Kind;

use super::super::expr::Input;
use super::super::rows::arrow_schema;
use super::super::scan::column_of_step;
use super::super::{Bind, Binder, error, naming, unknown};
use crate::convert;
use crate::graph::{Action, Calculation, Graph, Matcher, Output, Paths, Step, Uniqueness};
use crate::operators::balanced;
use crate::relation::{Field, Relation};
use crate::typed::Typed;

/// Edges that one pattern may have.
const STEPS_MAX: usize = 32;
/// The names of the numbers of edges that arrive at a node and leave it.
const DEGREES: [&str; 2] = ["\u{1}in", "\u{1}out"];

/// The conditions on what fits, which all must hold, and the columns of the result.
type Asked = (Vec<Expr>, Vec<(String, Typed)>);

/// What functions over the elements of a pattern may ask.
pub(in crate::bind) struct Scope {
    edges: Vec<Field>,
    nodes: Vec<Field>,
    /// The names of edges; empty where they have none.
    steps: Vec<String>,
    derived: Vec<Derived>,
}

/// A column that is made of the edges or inner nodes of a step.
struct Derived {
    step: usize,
    inner: bool,
    what: What,
    expr: Expr,
    field: Field,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    All,
    Any,
    Map,
}

/// The nodes and edges of all paths of a pattern.
#[derive(Default)]
struct Elements {
    /// The names of nodes; empty where they have none.
    places: Vec<String>,
    steps: Vec<Step>,
    names: Vec<String>,
}

impl Binder<'_> {
    pub(in crate::bind) fn graph_match(
        &mut self,
        graph: Relation,
        find: &ast::GraphMatch,
        span: Span,
    ) -> Bind<Relation> {
        let columns = self.graph_columns(&graph, span)?;
        let elements = self.elements(find, span)?;
        let (uniqueness, paths) = self.ways_of(find, span)?;
        if find.is_shortest && (elements.steps.len() != 1 || elements.places.len() != 2) {
            return error(span, "'graph-shortest-paths' operator: takes one edge between two nodes");
        }
        let mut nodes = columns.nodes.clone();
        nodes.extend(DEGREES.map(|name| Field {
            name: name.to_owned(),
            kind: Kind::Long,
            field: String::new(),
        }));
        // Each named element has its columns.
        let mut fields: Vec<(Field, Output)> = Vec::new();
        for (place, name) in elements.places.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            for (column, field) in nodes.iter().enumerate() {
                let name = column_of_step(name, &field.name);
                let field = Field { name, kind: field.kind, field: self.names.next() };
                fields.push((field, Output::Node { place, column }));
            }
        }
        for (step, name) in elements.names.iter().enumerate() {
            let is_one = elements.steps[step].least == 1 && elements.steps[step].most == 1;
            for (column, field) in columns.edges.iter().enumerate().filter(|_| is_one && !name.is_empty()) {
                let name = column_of_step(name, &field.name);
                let field = Field { name, kind: field.kind, field: self.names.next() };
                fields.push((field, Output::Edge { step, column }));
            }
        }
        let mut renamed = |fields: &[Field]| -> Vec<Field> {
            let own = |field: &Field| Field { field: self.names.next(), ..field.clone() };
            fields.iter().map(own).collect()
        };
        let scope = Scope {
            edges: renamed(&columns.edges),
            nodes: renamed(&nodes),
            steps: elements.names.clone(),
            derived: Vec::new(),
        };
        let outer = self.graph.replace(scope);
        let named: Vec<Field> = fields.iter().map(|(field, _)| field.clone()).collect();
        let bound = self.asked(find, &named);
        let Some(scope) = std::mem::replace(&mut self.graph, outer) else { return error(span, "no graph") };
        let (conditions, project) = bound?;

        let mut matcher = Matcher {
            places: elements.places.len(),
            actions: Vec::new(),
            steps: elements.steps,
            uniqueness,
            paths,
            of_nodes: Vec::new(),
            of_edges: Vec::new(),
            of_inner: Vec::new(),
            outputs: Vec::new(),
        };
        let mut told = String::new();
        // Conditions on one element alone are looked at on the way; the others when all is found.
        let mut rest = Vec::new();
        for condition in conditions {
            told.push_str(&format!(" {condition}"));
            if !early(&condition, &fields, &scope, &mut matcher)? {
                rest.push(condition);
            }
        }
        matcher.actions = actions(&matcher);
        let mut used: HashSet<String> = HashSet::new();
        for expr in rest.iter().chain(project.iter().map(|(_, typed)| &typed.expr)) {
            used.extend(expr.column_refs().into_iter().map(|column: &Column| column.name.clone()));
        }
        let mut shown = Vec::new();
        for (field, output) in fields.into_iter().filter(|(field, _)| used.contains(&field.field)) {
            told.push_str(&format!(" {output:?}"));
            matcher.outputs.push(output);
            shown.push(field);
        }
        for derived in &scope.derived {
            if !used.contains(&derived.field.field) {
                continue;
            }
            told.push_str(&format!(" {} {} {}", derived.step, derived.inner, derived.expr));
            let (step, inner) = (derived.step, derived.inner);
            let value = calculation(&derived.expr, if inner { &scope.nodes } else { &scope.edges })?;
            matcher.outputs.push(match derived.what {
                What::Map => Output::Map { step, inner, value },
                what => Output::Holds { step, inner, condition: value, every: what == What::All },
            });
            shown.push(derived.field.clone());
        }
        // A batch without columns has no rows.
        let none = Field { name: String::new(), kind: Kind::Bool, field: self.names.next() };
        shown.push(none);
        let layout = columns.layout;
        let name = format!("match {:?} {:?} {uniqueness:?} {paths:?}{told}", matcher.steps, matcher.actions);
        let found = self.over_rows(graph, shown, format!("graph {name}"), move |rows| {
            let (mut columns, count) = matcher.run(&Graph::read(rows, &layout)?)?;
            columns.push(Arc::new(datafusion::arrow::array::BooleanArray::from(vec![true; count])));
            Ok(columns)
        })?;
        let found = if rest.is_empty() { found } else { found.filter(balanced(rest, Expr::and))? };
        Ok(found.project(&mut self.names, project)?)
    }

    fn elements(&mut self, find: &ast::GraphMatch, span: Span) -> Bind<Elements> {
        let mut elements = Elements::default();
        for (chain, pattern) in find.patterns.iter().enumerate() {
            let mut from = elements.place(&pattern.first);
            for (edge, node) in &pattern.rest {
                let to = elements.place(node);
                let name = edge.name.as_ref().map(|ident| ident.name.clone()).unwrap_or_default();
                let is_taken = elements.names.contains(&name) || elements.places.contains(&name);
                if let Some(ident) = edge.name.as_ref().filter(|_| is_taken) {
                    return error(ident.span, format!("'{name}' is the name of another node or edge"));
                }
                let (least, most) = edge.hops.unwrap_or((1, 1));
                let (least, most) = (least as usize, most as usize);
                elements.steps.push(Step { from, to, direction: edge.direction, least, most, chain });
                elements.names.push(name);
                from = to;
            }
        }
        if elements.steps.len() > STEPS_MAX {
            return error(span, format!("a pattern has {STEPS_MAX} edges at most"));
        }
        Ok(elements)
    }

    fn ways_of(&mut self, find: &ast::GraphMatch, span: Span) -> Bind<(Uniqueness, Paths)> {
        let uniqueness = match self.graph_setting(&find.params, "cycles")?.as_deref() {
            None | Some("unique_edges") => Uniqueness::Edges,
            Some("all") => Uniqueness::Nothing,
            Some("none") => Uniqueness::Nodes,
            Some(_) => return error(span, "'graph-match' operator: cycles is all, none or unique_edges"),
        };
        let all = match self.graph_setting(&find.params, "output")?.as_deref() {
            None | Some("any") => false,
            Some("all") => true,
            Some(_) => return error(span, "'graph-shortest-paths' operator: output is any or all"),
        };
        Ok((uniqueness, if find.is_shortest { Paths::Shortest { all } } else { Paths::All }))
    }

    fn asked(&mut self, find: &ast::GraphMatch, fields: &[Field]) -> Bind<Asked> {
        let parts = match find.predicate.as_ref().map(|predicate| (predicate, &predicate.kind)) {
            None => Vec::new(),
            Some((_, ExprKind::And(parts))) => parts.iter().collect(),
            Some((predicate, _)) => vec![predicate],
        };
        let conditions = parts.into_iter().map(|part| self.predicate(part, &mut Input::over(fields)));
        let conditions = conditions.collect::<Bind<Vec<_>>>()?;
        let mut columns: Vec<(String, Typed)> = Vec::new();
        let (mut taken, mut numbered) = (Vec::new(), 0);
        for column in &find.project {
            let typed = self.expr_of("graph-match", &column.expr, &mut Input::over(fields))?;
            let name = column.names.first().map(|ident| ident.name.clone());
            let name = name.or_else(|| naming::name_of(&column.expr)).unwrap_or_else(|| {
                numbered += 1;
                format!("Column{numbered}")
            });
            columns.push((naming::unique(name, &mut taken), typed));
        }
        if find.project.is_empty() {
            let visible = fields.iter().filter(|field| !field.name.contains('\u{1}'));
            let named = visible.map(|field| (field.name.replace('\u{2}', "_"), field.typed()));
            columns.extend(named.map(|(name, typed)| (naming::unique(name, &mut taken), typed)));
        }
        Ok((conditions, columns))
    }

    /// A function over the elements of a pattern; `None` of every other one, and outside of patterns.
    pub(in crate::bind) fn graph_call(&mut self, call: &Call, input: &mut Input) -> Bind<Option<Typed>> {
        if self.graph.is_none() {
            return Ok(None);
        }
        let name = call.name.name.as_str();
        let what = match name {
            "all" => What::All,
            "any" => What::Any,
            "map" => What::Map,
            "node_degree_in" | "node_degree_out" => {
                let degree = DEGREES[usize::from(name == "node_degree_out")];
                let column = match call.args.first().map(|arg| &arg.value.kind) {
                    None => degree.to_owned(),
                    Some(ExprKind::Name(ident)) => column_of_step(&ident.name, degree),
                    Some(_) => return error(call.name.span, format!("{name}() takes a node of the pattern")),
                };
                return match input.field(&column) {
                    Some(field) => Ok(Some(field.typed())),
                    None => error(call.name.span, format!("{name}() takes a node of the pattern")),
                };
            }
            _ => return Ok(None),
        };
        let [of, value] = call.args.as_slice() else {
            return error(call.name.span, format!("{name}() takes an edge of the pattern and an expression"));
        };
        let (edge, inner) = match &of.value.kind {
            ExprKind::Call(inner) if inner.name.name == "inner_nodes" => {
                (inner.args.first().map(|arg| &arg.value), true)
            }
            _ => (Some(&of.value), false),
        };
        let Some(ExprKind::Name(edge)) = edge.map(|edge| &edge.kind) else {
            return error(
                of.value.span,
                format!("{name}() takes an edge of the pattern or inner_nodes() of one"),
            );
        };
        let Some(scope) = &self.graph else { return Ok(None) };
        let Some(step) = scope.steps.iter().position(|step| *step == edge.name) else {
            let names: Vec<String> = scope.steps.clone();
            let message = format!("there is no edge '{}' in the pattern", edge.name);
            return unknown(edge.span, message, &edge.name, names.iter().map(String::as_str));
        };
        let fields = if inner { scope.nodes.clone() } else { scope.edges.clone() };
        let (expr, kind) = match what {
            What::Map => {
                let value = self.expr(&value.value, &mut Input::over(&fields))?;
                (convert::to_dynamic(value).expr, Kind::Dynamic)
            }
            _ => (self.predicate(&value.value, &mut Input::over(&fields))?, Kind::Bool),
        };
        let field = Field { name: String::new(), kind, field: self.names.next() };
        let Some(scope) = &mut self.graph else { return Ok(None) };
        let is_same = |known: &&Derived| {
            known.step == step && known.inner == inner && known.what == what && known.expr == expr
        };
        if let Some(known) = scope.derived.iter().find(is_same) {
            return Ok(Some(known.field.typed()));
        }
        scope.derived.push(Derived { step, inner, what, expr, field: field.clone() });
        Ok(Some(field.typed()))
    }
}

impl Elements {
    /// The place of a node: that of the same name, or a new one.
    fn place(&mut self, node: &ast::GraphNode) -> usize {
        let name = node.name.as_ref().map(|ident| ident.name.clone()).unwrap_or_default();
        let known = self.places.iter().position(|place| !name.is_empty() && *place == name);
        known.unwrap_or_else(|| {
            self.places.push(name);
            self.places.len() - 1
        })
    }
}

fn calculation(expr: &Expr, fields: &[Field]) -> Bind<Calculation> {
    let schema = arrow_schema(fields);
    let seen = DFSchema::try_from(schema.clone())?;
    let expr = create_physical_expr(expr, &seen, &ExecutionProps::new(), &Default::default())?;
    Ok(Calculation { schema: Arc::new(schema), expr })
}

/// Whether a condition is one on a node or edge alone, or on all edges of a step: then it is noted for the search.
fn early(condition: &Expr, fields: &[(Field, Output)], scope: &Scope, matcher: &mut Matcher) -> Bind<bool> {
    let refs: HashSet<&str> =
        condition.column_refs().into_iter().map(|column| column.name.as_str()).collect();
    if let Expr::Column(column) = condition
        && let Some(derived) = scope.derived.iter().find(|derived| derived.field.field == column.name)
        && derived.what == What::All
    {
        let of = if derived.inner { &scope.nodes } else { &scope.edges };
        let calculated = calculation(&derived.expr, of)?;
        let noted = if derived.inner { &mut matcher.of_inner } else { &mut matcher.of_edges };
        noted.push((derived.step, calculated));
        return Ok(true);
    }
    let of_element = |output: &Output| match output {
        Output::Node { place, .. } => Some((true, *place)),
        Output::Edge { step, .. } => Some((false, *step)),
        _ => None,
    };
    let used: Vec<&(Field, Output)> =
        fields.iter().filter(|(field, _)| refs.contains(field.field.as_str())).collect();
    let Some(element) = used.first().and_then(|(_, output)| of_element(output)) else { return Ok(false) };
    if used.len() != refs.len() || used.iter().any(|(_, output)| of_element(output) != Some(element)) {
        return Ok(false);
    }
    let own = fields.iter().filter(|(_, output)| of_element(output) == Some(element));
    let own: Vec<Field> = own.map(|(field, _)| field.clone()).collect();
    let noted = if element.0 { &mut matcher.of_nodes } else { &mut matcher.of_edges };
    noted.push((element.1, calculation(condition, &own)?));
    Ok(true)
}

/// An order in which each step has an end that was found before; it begins at a node that is asked something.
fn actions(matcher: &Matcher) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut has_node = vec![false; matcher.places];
    let mut left: Vec<usize> = (0..matcher.steps.len()).collect();
    let is_asked = |place: usize| matcher.of_nodes.iter().any(|(at, _)| *at == place);
    while !left.is_empty() {
        let ends = |step: &usize| (matcher.steps[*step].from, matcher.steps[*step].to);
        let reached =
            |step: &usize| usize::from(has_node[ends(step).0]) + usize::from(has_node[ends(step).1]);
        let next = left.iter().enumerate().max_by_key(|(at, step)| (reached(step), std::cmp::Reverse(*at)));
        let Some((at, step)) = next.map(|(at, step)| (at, *step)) else { break };
        if reached(&step) == 0 {
            let open = left.iter().flat_map(|step| [ends(step).0, ends(step).1]);
            let seed = open.clone().find(|place| is_asked(*place)).unwrap_or(ends(&step).0);
            actions.push(Action::Seed(seed));
            has_node[seed] = true;
            continue;
        }
        let (from, to) = ends(&step);
        actions.push(Action::Walk { step, is_backward: !has_node[from] });
        (has_node[from], has_node[to]) = (true, true);
        left.remove(at);
    }
    for (place, _) in has_node.iter().enumerate().filter(|(_, has)| !**has) {
        actions.push(Action::Seed(place));
    }
    actions
}
