//! Finding what fits a pattern of nodes and edges in a graph.

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewBuilder, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::error::{DataFusionError, Result};
use kql::ast::GraphDirection;

use super::{Calculation, Graph};

/// Fits of a pattern.
const MATCHES_MAX: usize = 1_000_000;
/// Edges that are looked at for one pattern.
const LOOKS_MAX: u64 = 200_000_000;

/// One edge of a pattern, which may be repeated.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Places of the nodes at its ends, as they are written.
    pub from: usize,
    pub to: usize,
    pub direction: GraphDirection,
    pub least: usize,
    pub most: usize,
    /// The path of the pattern that it belongs to.
    pub chain: usize,
}

/// What a path of the pattern may not come across twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uniqueness {
    Nothing,
    Edges,
    Nodes,
}

/// How a pattern is gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Tries every node for a place.
    Seed(usize),
    /// Follows a step from an end that has a node.
    Walk { step: usize, is_backward: bool },
}

/// Which paths count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paths {
    All,
    /// One of the shortest for each two ends, or all of these.
    Shortest {
        all: bool,
    },
}

/// A column of the result.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    Node {
        place: usize,
        column: usize,
    },
    Edge {
        step: usize,
        column: usize,
    },
    /// Whether a condition holds for every, or for some, edge or inner node of a step.
    Holds {
        step: usize,
        inner: bool,
        condition: Calculation,
        every: bool,
    },
    /// An array of JSON values, one for each edge or inner node of a step.
    Map {
        step: usize,
        inner: bool,
        value: Calculation,
    },
}

/// A pattern, ready to be looked for.
pub(crate) struct Matcher {
    pub places: usize,
    pub steps: Vec<Step>,
    pub actions: Vec<Action>,
    pub uniqueness: Uniqueness,
    pub paths: Paths,
    /// What must hold: place or step, and the condition.
    pub of_nodes: Vec<(usize, Calculation)>,
    pub of_edges: Vec<(usize, Calculation)>,
    pub of_inner: Vec<(usize, Calculation)>,
    pub outputs: Vec<Output>,
}

/// What fits, one after the other.
#[derive(Default)]
struct Found {
    count: usize,
    /// The node at each place.
    nodes: Vec<Vec<u32>>,
    /// The edges of each step.
    edges: Vec<Vec<Vec<u32>>>,
}

struct Search<'g> {
    graph: &'g Graph,
    matcher: &'g Matcher,
    nodes: Vec<Option<Vec<bool>>>,
    edges: Vec<Option<Vec<bool>>>,
    inner: Vec<Option<Vec<bool>>>,
    at: Vec<Option<u32>>,
    walked: Vec<Vec<u32>>,
    /// Edges or nodes that each path of the pattern came across.
    used: Vec<Vec<u32>>,
    looks: u64,
    found: Found,
}

impl Matcher {
    /// The columns of what fits, and how many fits there are.
    pub fn run(&self, graph: &Graph) -> Result<(Vec<ArrayRef>, usize)> {
        let masks = |count: usize, conditions: &[(usize, Calculation)], columns: &[ArrayRef], rows: usize| {
            let mut masks: Vec<Option<Vec<bool>>> = vec![None; count];
            for (at, condition) in conditions {
                let holds = condition.holds(columns, rows)?;
                masks[*at] = Some(match masks[*at].take() {
                    Some(before) => before.into_iter().zip(holds).map(|(a, b)| a && b).collect(),
                    None => holds,
                });
            }
            Ok::<_, DataFusionError>(masks)
        };
        let (nodes, edges) = (graph.node_count(), graph.edge_count());
        let chains = self.steps.iter().map(|step| step.chain + 1).max().unwrap_or(0);
        let mut search = Search {
            graph,
            matcher: self,
            nodes: masks(self.places, &self.of_nodes, &graph.nodes, nodes)?,
            edges: masks(self.steps.len(), &self.of_edges, &graph.edges, edges)?,
            inner: masks(self.steps.len(), &self.of_inner, &graph.nodes, nodes)?,
            at: vec![None; self.places],
            walked: vec![Vec::new(); self.steps.len()],
            used: vec![Vec::new(); chains],
            looks: 0,
            found: Found::default(),
        };
        match self.paths {
            Paths::All => search.act(0)?,
            Paths::Shortest { all } => search.shortest(all)?,
        }
        let found = search.found;
        let columns = self.outputs.iter().map(|output| found.column(output, graph, &self.steps));
        Ok((columns.collect::<Result<Vec<_>>>()?, found.count))
    }
}

impl Search<'_> {
    fn act(&mut self, action: usize) -> Result<()> {
        match self.matcher.actions.get(action).copied() {
            None => self.note(),
            Some(Action::Seed(place)) => {
                for node in 0..self.graph.node_count() as u32 {
                    if fits(&self.nodes[place], node) {
                        self.at[place] = Some(node);
                        self.act(action + 1)?;
                    }
                }
                self.at[place] = None;
                Ok(())
            }
            Some(Action::Walk { step, is_backward }) => {
                let Step { from, to, chain, .. } = self.matcher.steps[step];
                let start = if is_backward { to } else { from };
                let Some(node) = self.at[start] else { return Ok(()) };
                let marks = self.matcher.uniqueness == Uniqueness::Nodes;
                // The first node of a path is not come across by any edge.
                let is_first = marks && self.used[chain].is_empty();
                if is_first {
                    self.used[chain].push(node);
                }
                self.walk(action, step, is_backward, node)?;
                if is_first {
                    self.used[chain].pop();
                }
                Ok(())
            }
        }
    }

    /// Goes on from a node that the edges so far of a step led to.
    fn walk(&mut self, action: usize, step: usize, is_backward: bool, node: u32) -> Result<()> {
        let matcher = self.matcher;
        let Step { from, to, direction, least, most, chain } = matcher.steps[step];
        let (goal, hops) = (if is_backward { from } else { to }, self.walked[step].len());
        if hops >= least {
            match self.at[goal] {
                Some(bound) if bound == node => self.act(action + 1)?,
                Some(_) => {}
                None if fits(&self.nodes[goal], node) => {
                    self.at[goal] = Some(node);
                    self.act(action + 1)?;
                    self.at[goal] = None;
                }
                None => {}
            }
        }
        if hops >= most || hops > 0 && !fits(&self.inner[step], node) {
            return Ok(());
        }
        let graph = self.graph;
        let (forward, backward) = ways(direction, is_backward);
        let leaving = if forward { graph.leaving[node as usize].as_slice() } else { &[] };
        let arriving = if backward { graph.arriving[node as usize].as_slice() } else { &[] };
        let onward = leaving.iter().map(|edge| (*edge, graph.ends[*edge as usize].1));
        let onward = onward.chain(arriving.iter().map(|edge| (*edge, graph.ends[*edge as usize].0)));
        for (edge, next) in onward {
            self.looked()?;
            let mark = match matcher.uniqueness {
                Uniqueness::Nothing => None,
                Uniqueness::Edges => Some(edge),
                Uniqueness::Nodes => Some(next),
            };
            let was_used = mark.is_some_and(|mark| self.used[chain].contains(&mark));
            if was_used || !fits(&self.edges[step], edge) {
                continue;
            }
            self.used[chain].extend(mark);
            self.walked[step].push(edge);
            self.walk(action, step, is_backward, next)?;
            self.walked[step].pop();
            if mark.is_some() {
                self.used[chain].pop();
            }
        }
        Ok(())
    }

    /// The shortest paths of a pattern of one step, from every node that may be its start.
    fn shortest(&mut self, all: bool) -> Result<()> {
        let Some(Step { from, to, direction, least, most, .. }) = self.matcher.steps.first().cloned() else {
            return Ok(());
        };
        let (forward, backward) = ways(direction, false);
        let graph = self.graph;
        for start in 0..graph.node_count() as u32 {
            if !fits(&self.nodes[from], start) {
                continue;
            }
            // How far each node is, and the edges that shortest paths arrive by.
            let mut far = vec![usize::MAX; graph.node_count()];
            let mut by: Vec<Vec<(u32, u32)>> = vec![Vec::new(); graph.node_count()];
            let mut open = VecDeque::from([start]);
            far[start as usize] = 0;
            while let Some(node) = open.pop_front() {
                let hops = far[node as usize];
                if hops >= most || hops > 0 && !fits(&self.inner[0], node) {
                    continue;
                }
                let leaving = if forward { graph.leaving[node as usize].as_slice() } else { &[] };
                let arriving = if backward { graph.arriving[node as usize].as_slice() } else { &[] };
                let onward = leaving.iter().map(|edge| (*edge, graph.ends[*edge as usize].1));
                let onward = onward.chain(arriving.iter().map(|edge| (*edge, graph.ends[*edge as usize].0)));
                for (edge, next) in onward {
                    self.looked()?;
                    if !fits(&self.edges[0], edge) || far[next as usize] <= hops {
                        continue;
                    }
                    if far[next as usize] == usize::MAX {
                        far[next as usize] = hops + 1;
                        open.push_back(next);
                    }
                    if all || by[next as usize].is_empty() {
                        by[next as usize].push((edge, node));
                    }
                }
            }
            for end in 0..graph.node_count() as u32 {
                let hops = far[end as usize];
                if hops == usize::MAX || hops < least.max(1) || !fits(&self.nodes[to], end) {
                    continue;
                }
                (self.at[from], self.at[to]) = (Some(start), Some(end));
                self.trace(&by, start, end, Vec::new())?;
            }
        }
        Ok(())
    }

    /// Every path back from `node` to the start.
    fn trace(&mut self, by: &[Vec<(u32, u32)>], start: u32, node: u32, behind: Vec<u32>) -> Result<()> {
        if node == start {
            self.walked[0] = behind.into_iter().rev().collect();
            return self.note();
        }
        for (edge, before) in &by[node as usize] {
            self.looked()?;
            let mut path = behind.clone();
            path.push(*edge);
            self.trace(by, start, *before, path)?;
        }
        Ok(())
    }

    fn looked(&mut self) -> Result<()> {
        self.looks += 1;
        if self.looks > LOOKS_MAX {
            let message = format!("a pattern looks at more than {LOOKS_MAX} edges");
            return Err(DataFusionError::ResourcesExhausted(message));
        }
        Ok(())
    }

    /// Keeps the fit that was found.
    fn note(&mut self) -> Result<()> {
        if self.found.count >= MATCHES_MAX {
            let message = format!("a pattern fits more than {MATCHES_MAX} times");
            return Err(DataFusionError::ResourcesExhausted(message));
        }
        self.found.count += 1;
        self.found.nodes.push(self.at.iter().map(|node| node.unwrap_or(0)).collect());
        let mut edges = self.walked.clone();
        for action in &self.matcher.actions {
            if let Action::Walk { step, is_backward: true } = action {
                edges[*step].reverse();
            }
        }
        self.found.edges.push(edges);
        Ok(())
    }
}

/// Whether edges are followed the way they lead, and against it.
fn ways(direction: GraphDirection, is_backward: bool) -> (bool, bool) {
    match direction {
        GraphDirection::Either => (true, true),
        GraphDirection::Forward => (!is_backward, is_backward),
        GraphDirection::Backward => (is_backward, !is_backward),
    }
}

fn fits(mask: &Option<Vec<bool>>, at: u32) -> bool {
    mask.as_ref().is_none_or(|mask| mask[at as usize])
}

impl Found {
    fn column(&self, output: &Output, graph: &Graph, steps: &[Step]) -> Result<ArrayRef> {
        match output {
            Output::Node { place, column } => {
                let rows = UInt32Array::from_iter_values(self.nodes.iter().map(|nodes| nodes[*place]));
                Ok(take(&graph.nodes[*column], &rows, None)?)
            }
            Output::Edge { step, column } => {
                let rows = self.edges.iter().map(|edges| edges[*step].first().copied());
                Ok(take(&graph.edges[*column], &rows.collect::<UInt32Array>(), None)?)
            }
            Output::Holds { step, inner, condition, every } => {
                let holds = match inner {
                    true => condition.holds(&graph.nodes, graph.node_count())?,
                    false => condition.holds(&graph.edges, graph.edge_count())?,
                };
                let each = (0..self.count).map(|at| {
                    let mut of = self
                        .members(graph, at, *step, &steps[*step], *inner)
                        .into_iter()
                        .map(|at| holds[at as usize]);
                    Some(if *every { of.all(|holds| holds) } else { of.any(|holds| holds) })
                });
                Ok(Arc::new(each.collect::<BooleanArray>()))
            }
            Output::Map { step, inner, value } => {
                let values = match inner {
                    true => value.values(&graph.nodes, graph.node_count())?,
                    false => value.values(&graph.edges, graph.edge_count())?,
                };
                let values = values.as_string_view();
                let mut builder = StringViewBuilder::with_capacity(self.count);
                for at in 0..self.count {
                    let of = self
                        .members(graph, at, *step, &steps[*step], *inner)
                        .into_iter()
                        .map(|at| at as usize);
                    let texts: Vec<&str> =
                        of.map(|at| if values.is_valid(at) { values.value(at) } else { "null" }).collect();
                    builder.append_value(format!("[{}]", texts.join(",")));
                }
                Ok(Arc::new(builder.finish()))
            }
        }
    }

    /// The edges of a step, or the nodes between them, from the place that is written first.
    fn members(&self, graph: &Graph, at: usize, step: usize, of: &Step, inner: bool) -> Vec<u32> {
        let edges = &self.edges[at][step];
        if !inner {
            return edges.clone();
        }
        let mut node = self.nodes[at][of.from];
        let between = edges.split_last().map_or(&[][..], |(_, before)| before);
        let passed = between.iter().map(|edge| {
            let (source, target) = graph.ends[*edge as usize];
            node = if source == node { target } else { source };
            node
        });
        passed.collect()
    }
}
