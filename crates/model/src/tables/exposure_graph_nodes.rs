//! ExposureGraphNodes: Nodes of the exposure graph.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "ExposureGraphNodes",
    summary: "Nodes of the exposure graph.",
    columns: &[
        col("NodeId", Kind::String, "Identifier: node."),
        col("NodeLabel", Kind::String, "Node label."),
        col("NodeName", Kind::String, "Name: node."),
        col("Categories", Kind::Dynamic, "Categories, JSON array."),
        col("NodeProperties", Kind::Dynamic, "Node properties."),
        col("EntityIds", Kind::Dynamic, "Entity identifiers."),
    ],
    index: Index::new(),
};
