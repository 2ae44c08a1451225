//! `buildschema`: the least schema that dynamic values of all rows fit.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fold::{self, Fold};
use crate::typed::Typed;

/// Parts that the schema of a group tells apart; further ones are left out.
const PARTS_MAX: usize = 10_000;
/// About how much one of them takes.
const PART_BYTES: usize = 200;

pub(super) fn of_values(value: Typed) -> Expr {
    fold::call(Schemas, vec![value])
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Schemas;

/// What values may be at one place.
#[derive(Default, Serialize, Deserialize)]
struct Schema {
    /// Names of kinds, in the order they were met.
    scalars: Vec<String>,
    /// The properties of bags, in the order they were met, and where they are found by name.
    properties: Option<Vec<(String, Schema)>>,
    places: HashMap<String, usize>,
    /// The elements of arrays.
    elements: Option<Box<Schema>>,
}

#[derive(Default, Serialize, Deserialize)]
struct Counted {
    schema: Schema,
    parts: usize,
}

impl Schema {
    fn add(&mut self, value: &Value, parts: &mut usize) {
        let scalar = match value {
            Value::Null => return,
            Value::Object(bag) => {
                self.properties.get_or_insert_default();
                for (name, value) in bag {
                    if let Some(property) = self.property(name, parts) {
                        property.add(value, parts);
                    }
                }
                return;
            }
            Value::Array(elements) => {
                let schema = self.elements.get_or_insert_default();
                elements.iter().for_each(|element| schema.add(element, parts));
                return;
            }
            Value::Bool(_) => "bool",
            Value::Number(number) if number.is_f64() => "double",
            Value::Number(_) => "long",
            Value::String(_) => "string",
        };
        self.scalar(scalar);
    }

    fn scalar(&mut self, name: &str) {
        if !self.scalars.iter().any(|known| known == name) {
            self.scalars.push(name.to_owned());
        }
    }

    /// The schema of a property; none when there are too many already.
    fn property(&mut self, name: &str, parts: &mut usize) -> Option<&mut Schema> {
        let properties = self.properties.get_or_insert_default();
        let at = match self.places.get(name) {
            Some(at) => *at,
            None if *parts >= PARTS_MAX => return None,
            None => {
                *parts += 1;
                self.places.insert(name.to_owned(), properties.len());
                properties.push((name.to_owned(), Schema::default()));
                properties.len() - 1
            }
        };
        properties.get_mut(at).map(|(_, schema)| schema)
    }

    fn merge(&mut self, other: Schema, parts: &mut usize) {
        other.scalars.iter().for_each(|name| self.scalar(name));
        if let Some(properties) = other.properties {
            self.properties.get_or_insert_default();
            for (name, schema) in properties {
                if let Some(property) = self.property(&name, parts) {
                    property.merge(schema, parts);
                }
            }
        }
        if let Some(elements) = other.elements {
            self.elements.get_or_insert_default().merge(*elements, parts);
        }
    }

    /// One alternative bare, several as an array.
    fn into_json(self) -> Value {
        let mut alternatives: Vec<Value> = self.scalars.into_iter().map(Value::String).collect();
        if let Some(properties) = self.properties {
            let bag = properties.into_iter().map(|(name, schema)| (name, schema.into_json()));
            alternatives.push(Value::Object(bag.collect()));
        }
        if let Some(elements) = self.elements {
            let indexer = ("`indexer`".to_owned(), elements.into_json());
            alternatives.push(Value::Object(Map::from_iter([indexer])));
        }
        match alternatives.len() {
            1 => alternatives.remove(0),
            _ => Value::Array(alternatives),
        }
    }
}

impl Fold for Schemas {
    type State = Counted;

    fn name(&self) -> &'static str {
        "buildschema"
    }

    fn update(
        &self,
        states: &mut [Counted],
        columns: &[ArrayRef],
        place: &dyn Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let values = columns[0].as_string_view();
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            let Some(group) = place(row) else { continue };
            if let Ok(value) = serde_json::from_str(values.value(row)) {
                let Counted { schema, parts } = &mut states[group];
                schema.add(&value, parts);
            }
        }
        Ok(())
    }

    fn save(&self, state: &Counted) -> Vec<u8> {
        postcard::to_allocvec(state).unwrap_or_default()
    }

    fn merge(&self, state: &mut Counted, saved: &[u8]) -> Result<()> {
        let other: Counted = postcard::from_bytes(saved)
            .map_err(|error| DataFusionError::Internal(format!("a schema cannot be read again: {error}")))?;
        state.schema.merge(other.schema, &mut state.parts);
        Ok(())
    }

    fn finish(&self, state: Counted) -> Option<String> {
        match state.schema.into_json() {
            Value::Array(alternatives) if alternatives.is_empty() => None,
            schema => Some(schema.to_string()),
        }
    }

    fn heap_bytes(&self, state: &Counted) -> usize {
        state.parts * PART_BYTES
    }
}
