//! Operators on graphs: rows as edges between nodes.

use super::{Column, Expr, Ident, Parameter};

/// `make-graph source --> target with nodes on key`
#[derive(Clone, Debug, PartialEq)]
pub struct MakeGraph {
    pub hints: Vec<Parameter>,
    pub source: Ident,
    pub target: Ident,
    /// Tables of nodes, each with the column that names a node.
    pub nodes: Vec<GraphNodes>,
    /// `with_node_id = name`: a column of the nodes that have no table.
    pub node_id: Option<Ident>,
}

/// `table on key`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphNodes {
    pub table: Expr,
    pub key: Ident,
}

/// `graph-match cycles = none (a)-[e*1..3]->(b), ... where predicate project columns`, and `graph-shortest-paths`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphMatch {
    /// `graph-shortest-paths`
    pub is_shortest: bool,
    /// `cycles`, `output`
    pub params: Vec<Parameter>,
    pub patterns: Vec<GraphPattern>,
    pub predicate: Option<Expr>,
    pub project: Vec<Column>,
}

/// A path of nodes and edges.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphPattern {
    pub first: GraphNode,
    pub rest: Vec<(GraphEdge, GraphNode)>,
}

/// `(name)`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphNode {
    pub name: Option<Ident>,
}

/// `-[name*1..3]->`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphEdge {
    pub name: Option<Ident>,
    pub direction: GraphDirection,
    /// How many edges follow each other, at least and at most; `None` for exactly one.
    pub hops: Option<(u32, u32)>,
}

/// Which way an edge leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GraphDirection {
    Forward,
    Backward,
    Either,
}

/// `graph-mark-components kind = weak with_component_id = name`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphMarkComponents {
    pub params: Vec<Parameter>,
}

/// `graph-to-table nodes with_node_id = name` or `graph-to-table edges with_source_id = a with_target_id = b`
#[derive(Clone, Debug, PartialEq)]
pub struct GraphToTable {
    pub gives_nodes: bool,
    pub params: Vec<Parameter>,
}
