//! DeviceTvmInfoGatheringKB: Reference data for DeviceTvmInfoGathering.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmInfoGatheringKB",
    summary: "Reference data for DeviceTvmInfoGathering.",
    columns: &[
        col("IgId", Kind::String, "Identifier: ig."),
        col("FieldName", Kind::String, "Name: field."),
        col("Description", Kind::String, "Description."),
        col("Categories", Kind::Dynamic, "Categories, JSON array."),
        col("DataStructure", Kind::String, "Data structure."),
    ],
    index: Index::new(),
};
