//! Compiled regular expressions, kept for the patterns used lately.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use regex::{Regex, RegexBuilder};

const KEPT_MAX: usize = 512;
/// Memory one compiled pattern may take, in bytes.
const COMPILED_MAX: usize = 4 << 20;

static KEPT: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);

pub(crate) fn get(pattern: &str) -> Result<Regex, regex::Error> {
    let mut kept = KEPT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(regex) = kept.get(pattern) {
        return Ok(regex.clone());
    }
    let regex = RegexBuilder::new(pattern).size_limit(COMPILED_MAX).build()?;
    if kept.len() >= KEPT_MAX {
        kept.clear();
    }
    kept.insert(pattern.to_owned(), regex.clone());
    Ok(regex)
}
