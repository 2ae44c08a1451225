//! Operators on graphs as text.

use std::fmt::{self, Display, Formatter};

use super::expr::table;
use super::operator::{setting_name, settings};
use super::{list, name};
use crate::ast::{
    GraphDirection, GraphEdge, GraphMarkComponents, GraphMatch, GraphNode, GraphNodes, GraphPattern,
    GraphToTable, MakeGraph,
};

impl Display for MakeGraph {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let MakeGraph { hints, source, target, nodes, node_id } = self;
        write!(f, "make-graph {}{} --> {}", settings(hints), name(source), name(target))?;
        if !nodes.is_empty() {
            write!(f, " with {}", list(nodes))?;
        }
        match node_id {
            Some(ident) => write!(f, " with_node_id = {}", setting_name(ident)),
            None => Ok(()),
        }
    }
}

impl Display for GraphNodes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", table(&self.table), name(&self.key))
    }
}

impl Display for GraphMatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = if self.is_shortest { "graph-shortest-paths" } else { "graph-match" };
        write!(f, "{word} {}{}", settings(&self.params), list(&self.patterns))?;
        if let Some(predicate) = &self.predicate {
            write!(f, " where {predicate}")?;
        }
        if self.project.is_empty() { Ok(()) } else { write!(f, " project {}", list(&self.project)) }
    }
}

impl Display for GraphPattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        self.rest.iter().try_for_each(|(edge, node)| write!(f, "{edge}{node}"))
    }
}

impl Display for GraphNode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({})", self.name.as_ref().map(name).unwrap_or_default())
    }
}

impl Display for GraphEdge {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (start, end) = match self.direction {
            GraphDirection::Forward => ("-[", "]->"),
            GraphDirection::Backward => ("<-[", "]-"),
            GraphDirection::Either => ("-[", "]-"),
        };
        let hops = self.hops.map_or(String::new(), |(least, most)| format!("*{least}..{most}"));
        write!(f, "{start}{}{hops}{end}", self.name.as_ref().map(name).unwrap_or_default())
    }
}

impl Display for GraphMarkComponents {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(format!("graph-mark-components {}", settings(&self.params)).trim_end())
    }
}

impl Display for GraphToTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let what = if self.gives_nodes { "nodes" } else { "edges" };
        f.write_str(format!("graph-to-table {what} {}", settings(&self.params)).trim_end())
    }
}
