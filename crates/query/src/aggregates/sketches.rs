//! `hll`, `hll_merge`.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use model::Kind;
use twox_hash::XxHash64;

use super::fold::{self, Fold};
use crate::convert;
use crate::sketch::{self, Sketch};
use crate::typed::Typed;

/// The sketch of a value's different ones.
pub(super) fn of_values(value: Typed, accuracy: Option<&Typed>) -> std::result::Result<Expr, String> {
    let accuracy = match accuracy {
        None => sketch::ACCURACY,
        Some(given) => given.literal_long().ok_or("the accuracy must be a constant")?,
    };
    let precision = sketch::precision(accuracy).ok_or("the accuracy is a number from 0 to 4")?;
    // Equal values of all kinds of numbers are one.
    let value = match value.kind {
        Kind::Int | Kind::Long | Kind::Bool => convert::to_long(value),
        Kind::DateTime | Kind::TimeSpan => Typed::new(value.expr, Kind::Long),
        Kind::String | Kind::Guid | Kind::Dynamic => value,
        Kind::Real | Kind::Decimal => convert::to_dynamic(value),
    };
    Ok(fold::call(Values { precision }, vec![value]))
}

/// The sketch of all values that sketches summarize.
pub(super) fn of_sketches(sketch: Typed) -> Expr {
    fold::call(Sketches, vec![sketch])
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Values {
    precision: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sketches;

fn merge(state: &mut Sketch, saved: &[u8]) -> Result<()> {
    let other = std::str::from_utf8(saved).ok().and_then(Sketch::parse);
    let other = other.ok_or_else(|| DataFusionError::Internal("a sketch cannot be read again".to_owned()))?;
    state.merge(&other);
    Ok(())
}

impl Fold for Values {
    type State = Sketch;

    fn name(&self) -> &'static str {
        match self.precision {
            12 => "hll_12",
            14 => "hll_14",
            16 => "hll_16",
            17 => "hll_17",
            _ => "hll_18",
        }
    }

    fn update(
        &self,
        states: &mut [Sketch],
        columns: &[ArrayRef],
        place: &dyn Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let values = &columns[0];
        let rows = (0..values.len()).filter(|row| values.is_valid(*row));
        let rows = rows.filter_map(|row| Some((row, place(row)?)));
        let mut add = |group: usize, bytes: &[u8]| {
            let state = &mut states[group];
            if state.is_new() {
                *state = Sketch::with_precision(self.precision);
            }
            state.add(XxHash64::oneshot(0, bytes));
        };
        match values.data_type() {
            DataType::Utf8View => {
                let values = values.as_string_view();
                rows.for_each(|(row, group)| add(group, values.value(row).as_bytes()));
            }
            _ => {
                let values = cast(values, &DataType::Int64)?;
                let values = values.as_primitive::<Int64Type>();
                rows.for_each(|(row, group)| add(group, &values.value(row).to_le_bytes()));
            }
        }
        Ok(())
    }

    fn save(&self, state: &Sketch) -> Vec<u8> {
        state.to_json().into_bytes()
    }

    fn merge(&self, state: &mut Sketch, saved: &[u8]) -> Result<()> {
        merge(state, saved)
    }

    fn finish(&self, state: Sketch) -> Option<String> {
        Some(state.to_json())
    }

    fn heap_bytes(&self, state: &Sketch) -> usize {
        state.heap_bytes()
    }
}

impl Fold for Sketches {
    type State = Sketch;

    fn name(&self) -> &'static str {
        "hll_merge"
    }

    fn update(
        &self,
        states: &mut [Sketch],
        columns: &[ArrayRef],
        place: &dyn Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let sketches = columns[0].as_string_view();
        for row in (0..sketches.len()).filter(|row| sketches.is_valid(*row)) {
            let Some(group) = place(row) else { continue };
            // What is no sketch does not count.
            if let Some(other) = Sketch::parse(sketches.value(row)) {
                states[group].merge(&other);
            }
        }
        Ok(())
    }

    fn save(&self, state: &Sketch) -> Vec<u8> {
        state.to_json().into_bytes()
    }

    fn merge(&self, state: &mut Sketch, saved: &[u8]) -> Result<()> {
        merge(state, saved)
    }

    fn finish(&self, state: Sketch) -> Option<String> {
        Some(state.to_json())
    }

    fn heap_bytes(&self, state: &Sketch) -> usize {
        state.heap_bytes()
    }
}
