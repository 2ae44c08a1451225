//! What one request may ask for.

/// The longest text of any one option, in bytes.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// How deep parentheses, `not` and lambdas of a filter may nest.
pub const DEPTH_MAX: usize = 64;
/// How many nodes the tree of a filter may have.
pub const NODES_MAX: usize = 1_000;
/// How many values one `in` list may hold.
pub const IN_VALUES_MAX: usize = 1_000;
/// How many properties `$orderby` may name.
pub const ORDER_MAX: usize = 8;

/// The page size of one route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub top_max: u64,
    pub over_max: OverMax,
}

/// What becomes of a `$top` above the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverMax {
    Refuse,
    Clamp,
}

impl Limits {
    /// Refuses a `$top` above `top_max`.
    pub const fn new(top_max: u64) -> Self {
        Limits { top_max, over_max: OverMax::Refuse }
    }

    /// Reads a `$top` above the maximum as the maximum.
    pub const fn clamped(self) -> Self {
        Limits { over_max: OverMax::Clamp, ..self }
    }
}
