//! Operators on graphs: `make-graph`, `graph-match` and their kin.

use super::Parser;
use crate::ast::{
    Column, GraphDirection, GraphEdge, GraphMarkComponents, GraphMatch, GraphNode, GraphNodes, GraphPattern,
    GraphToTable, MakeGraph, OperatorKind,
};
use crate::lexer::TokenKind;

/// Edges that may follow each other where a pattern does not say.
const HOPS_MAX: u32 = 64;

impl Parser<'_> {
    pub(super) fn make_graph(&mut self) -> OperatorKind {
        let hints = self.hints();
        let source = self.name("the column with the start of an edge");
        for kind in [TokenKind::Minus, TokenKind::Minus, TokenKind::Greater] {
            self.expect(kind, "`-->`");
        }
        let target = self.name("the column with the end of an edge");
        let mut nodes = Vec::new();
        if self.eat_word("with") {
            nodes = self.comma_separated(|parser| {
                let table = parser.operand();
                parser.expect_word("on");
                GraphNodes { table, key: parser.name("a column") }
            });
        }
        let mut params = self.parameters(&["with_node_id"]);
        let node_id = self.taken_name(&mut params, "with_node_id");
        if self.hyphenated().0 == "partitioned-by" {
            self.fail(self.here(), "`partitioned-by` is not supported yet");
        }
        OperatorKind::MakeGraph(MakeGraph { hints, source, target, nodes, node_id })
    }

    pub(super) fn graph_match(&mut self, is_shortest: bool) -> OperatorKind {
        let params = self.parameters(&["cycles", "output"]);
        let patterns = self.comma_separated(Self::graph_pattern);
        let predicate = self.eat_word("where").then(|| self.expr());
        let project: Vec<Column> = if self.eat_word("project") { self.columns() } else { Vec::new() };
        OperatorKind::GraphMatch(GraphMatch { is_shortest, params, patterns, predicate, project })
    }

    fn graph_pattern(&mut self) -> GraphPattern {
        let first = self.graph_node();
        let mut rest = Vec::new();
        while matches!(self.peek(), TokenKind::Minus | TokenKind::Less) {
            let edge = self.graph_edge();
            rest.push((edge, self.graph_node()));
        }
        GraphPattern { first, rest }
    }

    fn graph_node(&mut self) -> GraphNode {
        self.expect(TokenKind::OpenParen, "`(` and the name of a node");
        let name = (self.peek() != TokenKind::CloseParen).then(|| self.name("the name of a node"));
        self.expect(TokenKind::CloseParen, "`)`");
        GraphNode { name }
    }

    /// `-[e]->`, `<-[e]-`, `-[e]-`, and without a name `-->`, `<--`, `--`.
    fn graph_edge(&mut self) -> GraphEdge {
        let is_backward = self.eat(TokenKind::Less);
        self.expect(TokenKind::Minus, "`-`");
        let (mut name, mut hops) = (None, None);
        if self.eat(TokenKind::OpenBracket) {
            name = (self.name_width(0) > 0).then(|| self.name("the name of an edge"));
            hops = self.eat(TokenKind::Star).then(|| self.hops());
            self.expect(TokenKind::CloseBracket, "`]`");
        }
        self.expect(TokenKind::Minus, "`-`");
        let is_forward = self.eat(TokenKind::Greater);
        let direction = match (is_backward, is_forward) {
            (true, false) => GraphDirection::Backward,
            (false, true) => GraphDirection::Forward,
            _ => GraphDirection::Either,
        };
        GraphEdge { name, direction, hops }
    }

    /// `1..3` or one number.
    fn hops(&mut self) -> (u32, u32) {
        let least = self.hop_count();
        let most = if self.eat(TokenKind::DotDot) { self.hop_count() } else { least };
        if least > most || most > HOPS_MAX {
            self.complain(
                self.here(),
                format!("an edge is repeated from some number of times up to {HOPS_MAX} at most"),
            );
        }
        (least, most)
    }

    fn hop_count(&mut self) -> u32 {
        let span = self.here();
        if !self.expect(TokenKind::Number, "a number") {
            return 0;
        }
        match self.slice(span).parse() {
            Ok(count) => count,
            Err(_) => {
                self.complain(span, "expected a whole number");
                0
            }
        }
    }

    pub(super) fn graph_mark_components(&mut self) -> OperatorKind {
        let params = self.parameters(&["kind", "with_component_id"]);
        OperatorKind::GraphMarkComponents(GraphMarkComponents { params })
    }

    pub(super) fn graph_to_table(&mut self) -> OperatorKind {
        let gives_nodes = self.eat_word("nodes");
        if !gives_nodes && !self.eat_word("edges") {
            self.expected("`nodes` or `edges`");
        }
        let params = self.parameters(&["with_node_id", "with_source_id", "with_target_id"]);
        OperatorKind::GraphToTable(GraphToTable { gives_nodes, params })
    }
}
