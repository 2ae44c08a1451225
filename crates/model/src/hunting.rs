//! What a tenant keeps for its queries.

use serde::Serialize;

use crate::Ticks;

/// A function that the tenant's queries can call by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HuntingFunction {
    pub name: String,
    pub description: String,
    /// What stands between the parentheses: `a: string, b: long = 5`.
    pub parameters: String,
    /// What stands between the braces.
    pub body: String,
    pub created: Ticks,
    pub created_by: String,
    pub last_updated: Ticks,
    pub last_updated_by: String,
}
