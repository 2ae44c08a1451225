//! ExposureGraphEdges: Edges of the exposure graph.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "ExposureGraphEdges",
    summary: "Edges of the exposure graph.",
    columns: &[
        col("EdgeId", Kind::String, "Identifier: edge."),
        col("EdgeLabel", Kind::String, "Edge label."),
        col("SourceNodeId", Kind::String, "Identifier: source node."),
        col("SourceNodeName", Kind::String, "Name: source node."),
        col("SourceNodeLabel", Kind::String, "Source node label."),
        col("SourceNodeCategories", Kind::Dynamic, "Source node categories."),
        col("TargetNodeId", Kind::String, "Identifier: target node."),
        col("TargetNodeName", Kind::String, "Name: target node."),
        col("TargetNodeLabel", Kind::String, "Target node label."),
        col("TargetNodeCategories", Kind::Dynamic, "Target node categories."),
        col("EdgeProperties", Kind::Dynamic, "Edge properties."),
    ],
    index: Index::new(),
};
