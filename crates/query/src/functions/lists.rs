//! Every function: one line here, one file beside.

use super::Function;

pub static FUNCTIONS: &[&Function] = &[];
