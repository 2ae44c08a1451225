//! Graphs: `make-graph`, `graph-match`, `graph-shortest-paths`, `graph-mark-components`, `graph-to-table`.
//!
//! A graph is a table with columns that no query can name: see [`crate::graph`].

mod pattern;

use kql::Span;
use kql::ast::{self, ExprKind, Literal};
use model::Kind;

pub(super) use self::pattern::Scope;
use super::{Bind, Binder, error};
use crate::convert;
use crate::graph::{ENDS, Graph, Layout};
use crate::relation::{Field, Relation};
use crate::typed::Typed;

/// The names of a graph's columns.
const IS_NODE: &str = "\u{1}node?";
const KEY: &str = "\u{1}key";
const TARGET: &str = "\u{1}target";
const KEY_VALUE: &str = "\u{1}key value";
const TARGET_VALUE: &str = "\u{1}target value";
const EDGE: &str = "\u{1}edge.";
const NODE: &str = "\u{1}node.";
/// A column of nodes that names them.
const NODE_KEY: &str = "\u{1}node key.";

/// What is known of the columns of a graph.
struct Columns {
    edges: Vec<Field>,
    nodes: Vec<Field>,
    layout: Layout,
}

/// Whether rows are those of a graph.
pub(super) fn is_graph(relation: &Relation) -> bool {
    relation.fields.first().is_some_and(|field| field.name == IS_NODE)
}

impl Binder<'_> {
    pub(super) fn make_graph(
        &mut self,
        edges: Relation,
        make: &ast::MakeGraph,
        span: Span,
    ) -> Bind<Relation> {
        let edges = Relation { hidden: Vec::new(), ..edges };
        let source = self.column(&edges, &make.source, "make-graph")?.clone();
        let target = self.column(&edges, &make.target, "make-graph")?.clone();
        for (field, ident) in [(&source, &make.source), (&target, &make.target)] {
            if field.kind == Kind::Dynamic || field.kind != source.kind {
                return error(
                    ident.span,
                    "'make-graph' operator: both ends of an edge are of one kind, not dynamic",
                );
            }
        }
        let mut tables = Vec::with_capacity(make.nodes.len());
        let mut nodes: Vec<(String, Kind, bool)> = Vec::new();
        for of in &make.nodes {
            let table = self.table_expr(&of.table)?;
            let key = self.column(&table, &of.key, "make-graph")?.clone();
            if key.kind != source.kind {
                let message = format!(
                    "'make-graph' operator: nodes are named by a {}, edges by a {}",
                    key.kind.name(),
                    source.kind.name()
                );
                return error(of.key.span, message);
            }
            for field in &table.fields {
                let is_key = field.name == key.name;
                match nodes.iter_mut().find(|(name, kind, _)| *name == field.name && *kind == field.kind) {
                    Some(known) => known.2 |= is_key,
                    None => nodes.push((field.name.clone(), field.kind, is_key)),
                }
            }
            tables.push((Relation { hidden: Vec::new(), ..table }, key));
        }
        if let Some(ident) = &make.node_id {
            nodes.push((ident.name.clone(), source.kind, true));
        }
        if nodes.iter().any(|(name, _, _)| nodes.iter().filter(|(other, _, _)| other == name).count() > 1) {
            return error(
                span,
                "'make-graph' operator: two tables of nodes have columns of one name and two kinds",
            );
        }
        let node_name = |name: &str, is_key: bool| format!("{}{name}", if is_key { NODE_KEY } else { NODE });
        let mut columns = vec![
            (IS_NODE.to_owned(), Typed::bool(false)),
            (KEY.to_owned(), convert::to_text(source.typed())),
            (TARGET.to_owned(), convert::to_text(target.typed())),
            (KEY_VALUE.to_owned(), source.typed()),
            (TARGET_VALUE.to_owned(), target.typed()),
        ];
        columns.extend(edges.fields.iter().map(|field| (format!("{EDGE}{}", field.name), field.typed())));
        columns.extend(
            nodes.iter().map(|(name, kind, is_key)| (node_name(name, *is_key), Typed::absent(*kind))),
        );
        let edge_kinds: Vec<Kind> = edges.fields.iter().map(|field| field.kind).collect();
        let graph = edges.project(&mut self.names, columns)?;
        let mut builder = graph.builder();
        for (table, key) in tables {
            let mut columns = vec![
                (String::new(), Typed::bool(true)),
                (String::new(), convert::to_text(key.typed())),
                (String::new(), Typed::absent(Kind::String)),
                (String::new(), key.typed()),
                (String::new(), Typed::absent(source.kind)),
            ];
            columns.extend(edge_kinds.iter().map(|kind| (String::new(), Typed::absent(*kind))));
            columns.extend(nodes.iter().map(|(name, kind, _)| {
                let present = table.field(name).filter(|field| field.kind == *kind);
                (String::new(), present.map_or_else(|| Typed::absent(*kind), Field::typed))
            }));
            let leg = table.project(&mut self.names, columns)?;
            builder = builder.union(leg.plan)?;
        }
        Ok(Relation { plan: builder.build()?, ..graph })
    }

    /// The columns of a graph, which the rows must be.
    fn graph_columns(&mut self, graph: &Relation, span: Span) -> Bind<Columns> {
        if !is_graph(graph) {
            return error(span, "this operator takes a graph: put 'make-graph' before it");
        }
        let mut columns = Columns {
            edges: Vec::new(),
            nodes: Vec::new(),
            layout: Layout { edge_columns: 0, node_columns: 0, keys: Vec::new(), absent: Vec::new() },
        };
        for field in graph.fields.iter().skip(ENDS) {
            let own = |name: &str| Field { name: name.to_owned(), ..field.clone() };
            if let Some(name) = field.name.strip_prefix(EDGE) {
                columns.edges.push(own(name));
                continue;
            }
            if let Some(name) = field.name.strip_prefix(NODE_KEY) {
                columns.layout.keys.push(columns.nodes.len());
                columns.nodes.push(own(name));
            } else if let Some(name) = field.name.strip_prefix(NODE) {
                columns.nodes.push(own(name));
            }
            columns.layout.absent.extend(Typed::absent(field.kind).literal().cloned());
        }
        columns.layout.edge_columns = columns.edges.len();
        columns.layout.node_columns = columns.nodes.len();
        Ok(columns)
    }

    pub(super) fn graph_mark_components(
        &mut self,
        graph: Relation,
        mark: &ast::GraphMarkComponents,
        span: Span,
    ) -> Bind<Relation> {
        let columns = self.graph_columns(&graph, span)?;
        let strong = match self.graph_setting(&mark.params, "kind")?.as_deref() {
            None | Some("weak") => false,
            Some("strong") => true,
            Some(_) => return error(span, "'graph-mark-components' operator: kind is weak or strong"),
        };
        let name = self.graph_setting(&mark.params, "with_component_id")?;
        let name = name.unwrap_or_else(|| "ComponentId".to_owned());
        let mut fields = graph.fields.clone();
        fields.push(Field { name: format!("{NODE}{name}"), kind: Kind::Long, field: String::new() });
        for field in &mut fields {
            field.field = self.names.next();
        }
        let layout = columns.layout;
        self.over_rows(graph, fields, format!("graph components {strong}"), move |rows| {
            Graph::read(rows, &layout)?.with_components(&layout, rows, strong)
        })
    }

    pub(super) fn graph_to_table(
        &mut self,
        graph: Relation,
        to: &ast::GraphToTable,
        span: Span,
    ) -> Bind<Relation> {
        let columns = self.graph_columns(&graph, span)?;
        let ids = match to.gives_nodes {
            true => vec![self.graph_setting(&to.params, "with_node_id")?],
            false => vec![
                self.graph_setting(&to.params, "with_source_id")?,
                self.graph_setting(&to.params, "with_target_id")?,
            ],
        };
        let own = if to.gives_nodes { columns.nodes } else { columns.edges };
        let named = ids.iter().flatten().map(|name| (name.clone(), Kind::Long));
        let all = named.chain(own.into_iter().map(|field| (field.name, field.kind)));
        let mut fields: Vec<Field> = Vec::new();
        for (name, kind) in all {
            fields.push(Field { name, kind, field: self.names.next() });
        }
        let (layout, gives_nodes) = (columns.layout, to.gives_nodes);
        let has_id: Vec<bool> = ids.iter().map(Option::is_some).collect();
        self.over_rows(graph, fields, format!("graph table {gives_nodes} {has_id:?}"), move |rows| {
            let graph = Graph::read(rows, &layout)?;
            let ids = graph.node_ids();
            let mut columns = Vec::new();
            for (at, _) in has_id.iter().enumerate().filter(|(_, has)| **has) {
                columns.push(if gives_nodes { ids.clone() } else { graph.end_ids(&ids, at == 1)? });
            }
            let own = if gives_nodes { &graph.nodes[..layout.node_columns] } else { &graph.edges[..] };
            columns.extend_from_slice(own);
            Ok(columns)
        })
    }

    /// The value of a setting, which is a name.
    fn graph_setting(&mut self, params: &[ast::Parameter], name: &str) -> Bind<Option<String>> {
        let Some(param) = params.iter().find(|param| param.name.name == name) else { return Ok(None) };
        match &param.value.kind {
            ExprKind::Name(ident) => Ok(Some(ident.name.clone())),
            ExprKind::Literal(Literal::String { value, .. }) => Ok(Some(value.clone())),
            _ => error(param.value.span, format!("'{name}' takes a name")),
        }
    }
}
