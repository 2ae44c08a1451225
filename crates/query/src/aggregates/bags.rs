//! `make_bag`: bags of rows as one.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use serde_json::{Map, Value};

use super::fold::{self, Fold};
use crate::typed::Typed;

/// Keys a bag holds unless told otherwise.
const KEYS_MAX: i64 = 1_048_576;

pub(super) fn of_bags(bag: Typed, maximum: Option<&Typed>) -> std::result::Result<Expr, String> {
    let maximum = match maximum {
        None => KEYS_MAX,
        Some(given) => given.literal_long().ok_or("the maximum must be a constant")?,
    };
    let maximum = usize::try_from(maximum).map_err(|_| "the maximum must not be negative")?;
    Ok(fold::call(Bags { maximum }, vec![bag]))
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Bags {
    maximum: usize,
}

#[derive(Default)]
struct Bag {
    properties: Map<String, Value>,
    bytes: usize,
}

impl Bags {
    /// Of a key that several bags have, the first value stays.
    fn add(&self, state: &mut Bag, json: &str) -> bool {
        let Ok(Value::Object(bag)) = serde_json::from_str(json) else { return false };
        for (key, value) in bag {
            if state.properties.len() >= self.maximum || state.properties.contains_key(&key) {
                continue;
            }
            state.bytes += key.len() + size_of_value(&value) + 64;
            state.properties.insert(key, value);
        }
        true
    }
}

/// About how many bytes a value takes in memory. Its depth is bounded where it is parsed.
fn size_of_value(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::String(text) => own + text.len(),
        Value::Array(elements) => own + elements.iter().map(size_of_value).sum::<usize>(),
        Value::Object(bag) => {
            own + bag.iter().map(|(key, value)| key.len() + 64 + size_of_value(value)).sum::<usize>()
        }
        _ => own,
    }
}

impl Fold for Bags {
    type State = Bag;

    fn name(&self) -> &'static str {
        "make_bag"
    }

    fn update(
        &self,
        states: &mut [Bag],
        columns: &[ArrayRef],
        place: &dyn Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let bags = columns[0].as_string_view();
        for row in (0..bags.len()).filter(|row| bags.is_valid(*row)) {
            if let Some(group) = place(row) {
                // What is no bag does not count.
                self.add(&mut states[group], bags.value(row));
            }
        }
        Ok(())
    }

    fn save(&self, state: &Bag) -> Vec<u8> {
        serde_json::to_vec(&state.properties).unwrap_or_default()
    }

    fn merge(&self, state: &mut Bag, saved: &[u8]) -> Result<()> {
        let is_bag = std::str::from_utf8(saved).is_ok_and(|json| self.add(state, json));
        match is_bag {
            true => Ok(()),
            false => Err(DataFusionError::Internal("a bag cannot be read again".to_owned())),
        }
    }

    fn finish(&self, state: Bag) -> Option<String> {
        Some(Value::Object(state.properties).to_string())
    }

    fn heap_bytes(&self, state: &Bag) -> usize {
        state.bytes
    }
}
