//! The entity `libraryFile`: a file of the live-response library.
//!
//! Source of names and shapes: the compatible API's library file resource type.

use serde::{Deserialize, Serialize};

use crate::time::Ticks;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LibraryFile {
    pub file_name: String,
    pub sha256: String,
    pub description: Option<String>,
    pub creation_time: Ticks,
    pub last_updated_time: Ticks,
    pub created_by: String,
    pub has_parameters: bool,
    pub parameters_description: Option<String>,
}
