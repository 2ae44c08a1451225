//! `tdigest`, `tdigest_merge`, and the percentiles, which are read from a digest.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use model::Kind;

use super::fold::{self, Fold};
use crate::convert;
use crate::digest::Digest;
use crate::typed::Typed;

/// The digest of a value, which each row may count several times for.
pub(super) fn of_values(value: Typed, weight: Option<Typed>) -> std::result::Result<Expr, String> {
    let value = match value.kind {
        Kind::Int => value.cast_number(Kind::Long),
        Kind::Bool => convert::to_long(value),
        Kind::Dynamic | Kind::Decimal => convert::to_real(value),
        Kind::Long | Kind::Real | Kind::DateTime | Kind::TimeSpan => value,
        kind => return Err(format!("takes a number, a datetime or a timespan, not a {}", kind.name())),
    };
    let kind = value.kind;
    let args = std::iter::once(value).chain(weight.map(convert::to_long)).collect();
    Ok(fold::call(Values { kind }, args))
}

/// The digest of all values that digests summarize.
pub(super) fn of_digests(digest: Typed) -> Expr {
    fold::call(Digests, vec![digest])
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Values {
    kind: Kind,
}

fn save(state: &Option<Digest>) -> Vec<u8> {
    state.as_ref().and_then(Digest::to_json).unwrap_or_default().into_bytes()
}

fn merge(state: &mut Option<Digest>, saved: &[u8]) -> Result<()> {
    if saved.is_empty() {
        return Ok(());
    }
    let other = std::str::from_utf8(saved).ok().and_then(Digest::parse);
    let other = other.ok_or_else(|| DataFusionError::Internal("a digest cannot be read again".to_owned()))?;
    match state {
        Some(digest) => {
            digest.merge(&other);
        }
        None => *state = Some(other),
    }
    Ok(())
}

fn finish(state: Option<Digest>) -> Option<String> {
    let mut digest = state?;
    digest.tidy();
    digest.to_json()
}

impl Fold for Values {
    type State = Option<Digest>;

    fn name(&self) -> &'static str {
        match self.kind {
            Kind::DateTime => "tdigest_datetime",
            Kind::TimeSpan => "tdigest_timespan",
            Kind::Long => "tdigest_long",
            _ => "tdigest_real",
        }
    }

    fn update(
        &self,
        states: &mut [Option<Digest>],
        columns: &[ArrayRef],
        place: &dyn Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let weights = columns.get(1).map(|weights| cast(weights, &DataType::Int64)).transpose()?;
        let weights = weights.as_ref().map(|weights| weights.as_primitive::<Int64Type>());
        let weight = |row: usize| match weights {
            None => 1,
            Some(weights) if weights.is_valid(row) => u64::try_from(weights.value(row)).unwrap_or(0),
            Some(_) => 0,
        };
        let values = &columns[0];
        let rows = (0..values.len()).filter(|row| values.is_valid(*row));
        let rows = rows.filter_map(|row| Some((row, place(row)?)));
        match values.data_type() {
            DataType::Float64 => {
                let values = values.as_primitive::<Float64Type>();
                for (row, group) in rows.filter(|(row, _)| !values.value(*row).is_nan()) {
                    if let Digest::Real(points) = states[group].get_or_insert_with(|| Digest::of(self.kind)) {
                        points.add(values.value(row), weight(row));
                    }
                }
            }
            _ => {
                let values = cast(values, &DataType::Int64)?;
                let values = values.as_primitive::<Int64Type>();
                for (row, group) in rows {
                    let digest = states[group].get_or_insert_with(|| Digest::of(self.kind));
                    if let Digest::Long(points) | Digest::DateTime(points) | Digest::TimeSpan(points) = digest
                    {
                        points.add(values.value(row), weight(row));
                    }
                }
            }
        }
        Ok(())
    }

    fn save(&self, state: &Option<Digest>) -> Vec<u8> {
        save(state)
    }

    fn merge(&self, state: &mut Option<Digest>, saved: &[u8]) -> Result<()> {
        merge(state, saved)
    }

    fn finish(&self, state: Option<Digest>) -> Option<String> {
        finish(state)
    }

    fn heap_bytes(&self, state: &Option<Digest>) -> usize {
        state.as_ref().map_or(0, Digest::heap_bytes)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Digests;

impl Fold for Digests {
    type State = Option<Digest>;

    fn name(&self) -> &'static str {
        "tdigest_merge"
    }

    fn update(
        &self,
        states: &mut [Option<Digest>],
        columns: &[ArrayRef],
        place: &dyn Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let digests = columns[0].as_string_view();
        for row in (0..digests.len()).filter(|row| digests.is_valid(*row)) {
            let Some(group) = place(row) else { continue };
            // What is no digest does not count.
            let Some(other) = Digest::parse(digests.value(row)) else { continue };
            match &mut states[group] {
                Some(digest) => {
                    digest.merge(&other);
                }
                empty => *empty = Some(other),
            }
        }
        Ok(())
    }

    fn save(&self, state: &Option<Digest>) -> Vec<u8> {
        save(state)
    }

    fn merge(&self, state: &mut Option<Digest>, saved: &[u8]) -> Result<()> {
        merge(state, saved)
    }

    fn finish(&self, state: Option<Digest>) -> Option<String> {
        finish(state)
    }

    fn heap_bytes(&self, state: &Option<Digest>) -> usize {
        state.as_ref().map_or(0, Digest::heap_bytes)
    }
}
