//! Graphs: nodes and edges out of rows, paths through them, components.
//!
//! While a query runs, a graph is one set of rows: each is a node or an edge, and has columns for both.

mod matching;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray,
    UInt32Array,
};
use datafusion::arrow::compute::{concat, filter, take};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::PhysicalExpr;

pub(crate) use matching::{Action, Matcher, Output, Paths, Step, Uniqueness};

/// The columns of a graph's rows before those of edges and nodes: whether it is a node, the key of the node or of the
/// edge's start, the key of the edge's end, and both as values of the kind that names nodes.
pub(crate) const ENDS: usize = 5;

/// Where the columns of a graph's rows are.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub edge_columns: usize,
    pub node_columns: usize,
    /// Columns of nodes that name them, counted from the first column of nodes.
    pub keys: Vec<usize>,
    /// What the columns of nodes are without a value.
    pub absent: Vec<ScalarValue>,
}

/// The nodes and edges of one graph.
pub(crate) struct Graph {
    /// With two columns behind those of the rows: the number of edges that arrive and that leave.
    pub nodes: Vec<ArrayRef>,
    pub edges: Vec<ArrayRef>,
    /// The texts that name the nodes.
    keys: Vec<String>,
    /// Start and end of each edge.
    ends: Vec<(u32, u32)>,
    leaving: Vec<Vec<u32>>,
    arriving: Vec<Vec<u32>>,
}

/// An expression over rows of one schema.
#[derive(Clone, Debug)]
pub(crate) struct Calculation {
    pub schema: SchemaRef,
    pub expr: Arc<dyn PhysicalExpr>,
}

impl Calculation {
    /// Its values for some rows.
    fn values(&self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns.to_vec(), &options)?;
        self.expr.evaluate(&batch)?.into_array(rows)
    }

    /// Whether it is true of each of some rows.
    fn holds(&self, columns: &[ArrayRef], rows: usize) -> Result<Vec<bool>> {
        let values = self.values(columns, rows)?;
        let values = values.as_boolean();
        Ok((0..rows).map(|row| values.is_valid(row) && values.value(row)).collect())
    }
}

impl Graph {
    /// Reads the rows of a graph. A node that only edges name has nothing but its name.
    pub fn read(rows: &RecordBatch, layout: &Layout) -> Result<Graph> {
        let is_node = rows.column(0).as_boolean();
        let is_edge: BooleanArray = is_node.iter().map(|node| Some(node == Some(false))).collect();
        let of = |mask: &BooleanArray, column: &ArrayRef| Ok::<_, DataFusionError>(filter(column, mask)?);
        let node_keys = of(is_node, rows.column(1))?;
        let (mut keys, mut numbers, mut first) = (Vec::new(), HashMap::new(), Vec::new());
        for (row, key) in node_keys.as_string_view().iter().enumerate() {
            let key = key.unwrap_or_default();
            if !numbers.contains_key(key) {
                numbers.insert(key.to_owned(), number(keys.len())?);
                keys.push(key.to_owned());
                first.push(number(row)?);
            }
        }
        let (sources, targets) = (of(&is_edge, rows.column(1))?, of(&is_edge, rows.column(2))?);
        let (sources, targets) = (sources.as_string_view().clone(), targets.as_string_view().clone());
        // Rows of edges that name a node without a row, and whether it is their end.
        let mut unknown: Vec<(u32, bool)> = Vec::new();
        let mut ends = Vec::with_capacity(sources.len());
        for row in 0..sources.len() {
            let mut node_of = |keys_of: &StringViewArray, is_end: bool| -> Result<u32> {
                let key = if keys_of.is_valid(row) { keys_of.value(row) } else { "" };
                if let Some(node) = numbers.get(key) {
                    return Ok(*node);
                }
                let node = number(keys.len())?;
                numbers.insert(key.to_owned(), node);
                keys.push(key.to_owned());
                unknown.push((number(row)?, is_end));
                Ok(node)
            };
            ends.push((node_of(&sources, false)?, node_of(&targets, true)?));
        }
        let first = UInt32Array::from(first);
        let names = [of(&is_edge, rows.column(3))?, of(&is_edge, rows.column(4))?];
        let mut nodes = Vec::with_capacity(layout.node_columns + 2);
        for at in 0..layout.node_columns {
            let known = take(&of(is_node, rows.column(ENDS + layout.edge_columns + at))?, &first, None)?;
            let added = match layout.keys.contains(&at) {
                true => {
                    let added = unknown.iter().map(|(row, is_end)| {
                        ScalarValue::try_from_array(&names[usize::from(*is_end)], *row as usize)
                    });
                    match unknown.is_empty() {
                        true => known.slice(0, 0),
                        false => ScalarValue::iter_to_array(added.collect::<Result<Vec<_>>>()?)?,
                    }
                }
                false => layout.absent[at].to_array_of_size(unknown.len())?,
            };
            nodes.push(concat(&[known.as_ref(), added.as_ref()])?);
        }
        let edges = (0..layout.edge_columns).map(|at| of(&is_edge, rows.column(ENDS + at)));
        let edges = edges.collect::<Result<Vec<_>>>()?;
        let (mut leaving, mut arriving) = (vec![Vec::new(); keys.len()], vec![Vec::new(); keys.len()]);
        for (edge, (source, target)) in ends.iter().enumerate() {
            leaving[*source as usize].push(number(edge)?);
            arriving[*target as usize].push(number(edge)?);
        }
        for degrees in [&arriving, &leaving] {
            let degrees = degrees.iter().map(|edges: &Vec<u32>| edges.len() as i64);
            nodes.push(Arc::new(degrees.collect::<Int64Array>()));
        }
        Ok(Graph { nodes, edges, keys, ends, leaving, arriving })
    }

    pub fn node_count(&self) -> usize {
        self.keys.len()
    }

    pub fn edge_count(&self) -> usize {
        self.ends.len()
    }

    /// A number for each node that names it in all graphs.
    pub fn node_ids(&self) -> ArrayRef {
        let id = |key: &String| twox_hash::XxHash64::oneshot(0, key.as_bytes()) as i64;
        Arc::new(self.keys.iter().map(id).collect::<Int64Array>())
    }

    /// The numbers of the starts, or of the ends, of the edges.
    pub fn end_ids(&self, ids: &ArrayRef, is_end: bool) -> Result<ArrayRef> {
        let nodes = self.ends.iter().map(|(source, target)| if is_end { *target } else { *source });
        Ok(take(ids, &UInt32Array::from_iter_values(nodes), None)?)
    }

    /// The rows of the graph with a further column of its nodes: the number of the component that each belongs to.
    pub fn with_components(
        &self,
        layout: &Layout,
        rows: &RecordBatch,
        strong: bool,
    ) -> Result<Vec<ArrayRef>> {
        let components = if strong { self.strong_components() } else { self.weak_components() };
        let marks: ArrayRef = Arc::new(Int64Array::from(components));
        let (nodes, edges) = (self.node_count(), self.edge_count());
        let keys: ArrayRef = Arc::new(self.keys.iter().map(Some).collect::<StringViewArray>());
        let end_keys = |is_end| self.end_ids(&keys, is_end);
        let is_node: BooleanArray =
            (0..nodes).map(|_| Some(true)).chain((0..edges).map(|_| Some(false))).collect();
        let edge_mask: BooleanArray =
            rows.column(0).as_boolean().iter().map(|n| Some(n == Some(false))).collect();
        let nothing = |like: &ArrayRef, rows: usize| {
            ScalarValue::try_from(like.data_type()).and_then(|null| null.to_array_of_size(rows))
        };
        let both = |node: ArrayRef, edge: ArrayRef| {
            Ok::<_, DataFusionError>(concat(&[node.as_ref(), edge.as_ref()])?)
        };
        let mut columns: Vec<ArrayRef> = vec![Arc::new(is_node)];
        columns.push(both(keys.clone(), end_keys(false)?)?);
        columns.push(both(nothing(&keys, nodes)?, end_keys(true)?)?);
        for at in [3, 4] {
            let ends = filter(rows.column(at), &edge_mask)?;
            columns.push(both(nothing(&ends, nodes)?, ends)?);
        }
        for edge in &self.edges {
            columns.push(both(nothing(edge, nodes)?, edge.clone())?);
        }
        for node in self.nodes.iter().take(layout.node_columns).chain([&marks]) {
            columns.push(both(node.clone(), nothing(node, edges)?)?);
        }
        Ok(columns)
    }

    /// Numbers of sets of nodes that edges join, whichever way they lead.
    fn weak_components(&self) -> Vec<i64> {
        let mut component = vec![-1; self.node_count()];
        let mut next = 0;
        for node in 0..self.node_count() {
            if component[node] >= 0 {
                continue;
            }
            let mut open = vec![node];
            component[node] = next;
            while let Some(at) = open.pop() {
                let further = self.leaving[at].iter().map(|edge| self.ends[*edge as usize].1);
                let back = self.arriving[at].iter().map(|edge| self.ends[*edge as usize].0);
                for other in further.chain(back) {
                    if component[other as usize] < 0 {
                        component[other as usize] = next;
                        open.push(other as usize);
                    }
                }
            }
            next += 1;
        }
        component
    }

    /// Numbers of sets of nodes each of which can be reached from each other one.
    fn strong_components(&self) -> Vec<i64> {
        // Nodes by when the search left them, last first; then what reaches them, against the edges.
        let (mut seen, mut left) = (vec![false; self.node_count()], Vec::new());
        for start in 0..self.node_count() {
            if std::mem::replace(&mut seen[start], true) {
                continue;
            }
            let mut open = vec![(start, 0)];
            while let Some((node, edge)) = open.last_mut() {
                match self.leaving[*node].get(*edge) {
                    Some(next) => {
                        *edge += 1;
                        let target = self.ends[*next as usize].1 as usize;
                        if !std::mem::replace(&mut seen[target], true) {
                            open.push((target, 0));
                        }
                    }
                    None => {
                        left.push(*node);
                        open.pop();
                    }
                }
            }
        }
        let mut component = vec![-1; self.node_count()];
        let mut next = 0;
        for start in left.into_iter().rev() {
            if component[start] >= 0 {
                continue;
            }
            let mut open = vec![start];
            component[start] = next;
            while let Some(node) = open.pop() {
                for edge in &self.arriving[node] {
                    let source = self.ends[*edge as usize].0 as usize;
                    if component[source] < 0 {
                        component[source] = next;
                        open.push(source);
                    }
                }
            }
            next += 1;
        }
        component
    }
}

fn number(count: usize) -> Result<u32> {
    u32::try_from(count).map_err(|_| DataFusionError::ResourcesExhausted("a graph is too large".to_owned()))
}
