//! `dcount`: how many different values there are. Exactly while they are few, by HyperLogLog beyond that, so that a
//! group takes no more than a few kilobytes.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::common::hash_utils::{HLL_RANDOM_STATE, create_hashes_with_hasher};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature, Volatility,
};

use crate::sketch;
use crate::typed::Typed;

/// Hashes that are kept one by one.
const KEPT_MAX: usize = 1_024;
/// Of these a look through all is the fastest way to find one.
const LISTED_MAX: usize = 16;

/// The aggregate over values, as accurate as asked.
pub(super) fn call(value: Typed, accuracy: i64) -> std::result::Result<Expr, String> {
    let precision = sketch::precision(accuracy).ok_or("the accuracy is a number from 0 to 4")?;
    let udaf = AggregateUDF::new_from_impl(Distinct {
        precision,
        signature: Signature::any(1, Volatility::Immutable),
    });
    let function =
        AggregateFunction::new_udf(Arc::new(udaf), vec![value.expr], false, None, Vec::new(), None);
    Ok(Expr::AggregateFunction(function))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Distinct {
    precision: u8,
    signature: Signature,
}

impl AggregateUDFImpl for Distinct {
    fn name(&self) -> &str {
        match self.precision {
            12 => "dcount_12",
            14 => "dcount_14",
            16 => "dcount_16",
            17 => "dcount_17",
            _ => "dcount_18",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}_state", args.name), DataType::Binary, true))])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(Groups::new(self.precision))))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups::new(self.precision)))
    }
}

/// Hashes are spread already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0 << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// What was seen of one group.
#[derive(Clone)]
enum Seen {
    Listed(Vec<u64>),
    Kept(HashSet<u64, BuildHasherDefault<AsIs>>),
    Registers(Box<[u8]>),
}

impl Seen {
    /// Takes a hash in; the bytes that this took more.
    fn add(&mut self, hash: u64, precision: u8) -> usize {
        match self {
            Seen::Registers(registers) => {
                sketch::register(registers, precision, hash);
                0
            }
            Seen::Listed(hashes) => {
                if hashes.contains(&hash) {
                    return 0;
                }
                if hashes.len() < LISTED_MAX {
                    hashes.push(hash);
                    return size_of::<u64>();
                }
                let mut kept: HashSet<_, _> = hashes.drain(..).collect();
                kept.insert(hash);
                *self = Seen::Kept(kept);
                LISTED_MAX * size_of::<u64>()
            }
            Seen::Kept(hashes) => {
                if !hashes.insert(hash) {
                    return 0;
                }
                if hashes.len() <= KEPT_MAX {
                    return 2 * size_of::<u64>();
                }
                let mut registers = vec![0; 1 << precision].into_boxed_slice();
                hashes.iter().for_each(|hash| sketch::register(&mut registers, precision, *hash));
                let more = registers.len();
                *self = Seen::Registers(registers);
                more
            }
        }
    }

    fn count(&self) -> i64 {
        let count = match self {
            Seen::Listed(hashes) => hashes.len() as u64,
            Seen::Kept(hashes) => hashes.len() as u64,
            Seen::Registers(registers) => sketch::estimate(registers),
        };
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    /// The hashes one after the other behind a 0, or the registers behind a 1.
    fn save(&self, out: &mut Vec<u8>) {
        out.clear();
        let mut hash = |hash: &u64| out.extend_from_slice(&hash.to_le_bytes());
        match self {
            Seen::Listed(hashes) => hashes.iter().for_each(&mut hash),
            Seen::Kept(hashes) => hashes.iter().for_each(&mut hash),
            Seen::Registers(registers) => out.extend_from_slice(registers),
        }
        out.push(u8::from(matches!(self, Seen::Registers(_))));
    }
}

struct Groups {
    precision: u8,
    seen: Vec<Seen>,
    hashes: Vec<u64>,
    heap: usize,
}

impl Groups {
    fn new(precision: u8) -> Groups {
        Groups { precision, seen: Vec::new(), hashes: Vec::new(), heap: 0 }
    }

    fn grow(&mut self, total: usize) {
        self.seen.resize_with(total.max(self.seen.len()), || Seen::Listed(Vec::new()));
    }

    fn hash(&mut self, values: &ArrayRef) -> Result<()> {
        self.hashes.clear();
        self.hashes.resize(values.len(), 0);
        create_hashes_with_hasher([values], &HLL_RANDOM_STATE, &mut self.hashes)?;
        Ok(())
    }

    fn merge(&mut self, group: usize, saved: &[u8]) -> Result<()> {
        let wrong =
            || DataFusionError::Internal("a count of different values cannot be read again".to_owned());
        let (is_registers, saved) = saved.split_last().ok_or_else(wrong)?;
        if *is_registers == 0 {
            let (hashes, _) = saved.as_chunks();
            for hash in hashes {
                self.heap += self.seen[group].add(u64::from_le_bytes(*hash), self.precision);
            }
            return Ok(());
        }
        if saved.len() != 1 << self.precision {
            return Err(wrong());
        }
        let mut other = Seen::Registers(saved.into());
        let own = &mut self.seen[group];
        if let (Seen::Registers(own), Seen::Registers(other)) = (&mut *own, &other) {
            own.iter_mut().zip(other).for_each(|(own, other)| *own = (*own).max(*other));
            return Ok(());
        }
        let precision = self.precision;
        self.heap += saved.len();
        let mut take = |hash: &u64| self.heap += other.add(*hash, precision);
        match &*own {
            Seen::Listed(hashes) => hashes.iter().for_each(&mut take),
            Seen::Kept(hashes) => hashes.iter().for_each(&mut take),
            Seen::Registers(_) => {}
        }
        *own = other;
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<Seen> {
        let count = match emit_to {
            EmitTo::All => self.seen.len(),
            EmitTo::First(count) => count.min(self.seen.len()),
        };
        let taken: Vec<Seen> = self.seen.drain(..count).collect();
        self.heap = if self.seen.is_empty() { 0 } else { self.heap };
        taken
    }
}

fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let values = &values[0];
        self.hash(values)?;
        let nulls = values.logical_nulls();
        for (row, group) in group_indices.iter().enumerate() {
            if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) && passes(opt_filter, row) {
                self.heap += self.seen[*group].add(self.hashes[row], self.precision);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(self.take(emit_to).iter().map(Seen::count).collect::<Int64Array>()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (mut builder, mut saved) = (BinaryBuilder::new(), Vec::new());
        for seen in self.take(emit_to) {
            seen.save(&mut saved);
            builder.append_value(&saved);
        }
        Ok(vec![Arc::new(builder.finish())])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let saved = values[0].as_binary::<i32>();
        for (row, group) in group_indices.iter().enumerate().filter(|(row, _)| saved.is_valid(*row)) {
            self.merge(*group, saved.value(row))?;
        }
        Ok(())
    }

    /// Each row as a state of its own, for when grouping before the exchange does not pay.
    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = &values[0];
        let mut hashes = vec![0; values.len()];
        create_hashes_with_hasher([values], &HLL_RANDOM_STATE, &mut hashes)?;
        let nulls = values.logical_nulls();
        let (mut builder, mut saved) = (BinaryBuilder::new(), Vec::new());
        for (row, hash) in hashes.into_iter().enumerate() {
            let counts = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) && passes(opt_filter, row);
            Seen::Listed(if counts { vec![hash] } else { Vec::new() }).save(&mut saved);
            builder.append_value(&saved);
        }
        Ok(vec![Arc::new(builder.finish())])
    }

    fn size(&self) -> usize {
        self.heap + self.seen.capacity() * size_of::<Seen>() + self.hashes.capacity() * size_of::<u64>()
    }
}

/// The same without `by`.
struct OneGroup(Groups);

impl std::fmt::Debug for OneGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneGroup")
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values, &vec![0; values[0].len()], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.grow(1);
        Ok(ScalarValue::Int64(Some(self.0.seen[0].count())))
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.grow(1);
        let mut saved = Vec::new();
        self.0.seen[0].save(&mut saved);
        Ok(vec![ScalarValue::Binary(Some(saved))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |column| column.len());
        self.0.merge_batch(states, &vec![0; rows], 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(parts: &[std::ops::Range<i64>]) -> (i64, i64) {
        let groups: Vec<Groups> = parts
            .iter()
            .map(|part| {
                let values: ArrayRef = Arc::new(part.clone().collect::<Int64Array>());
                let mut groups = Groups::new(14);
                groups.update_batch(std::slice::from_ref(&values), &vec![0; values.len()], None, 1).unwrap();
                groups
            })
            .collect();
        let first = groups[0].seen[0].count();
        let mut merged = Groups::new(14);
        for mut groups in groups {
            let state = groups.state(EmitTo::All).unwrap();
            merged.merge_batch(&state, &[0], 1).unwrap();
        }
        (first, merged.seen[0].count())
    }

    #[test]
    fn few_values_are_counted_exactly_and_many_closely() {
        assert_eq!(counted(&[0..5, 3..8]), (5, 8));
        assert_eq!(counted(&[0..600, 300..1_000]), (600, 1_000));
        for parts in
            [[0..100_000, 50_000..150_000], [0..100_000, 99_999..150_000], [0..140_000, 149_990..150_000]]
        {
            let (first, all) = counted(&parts);
            let error = |found: i64, count: i64| (found - count).abs() as f64 / count as f64;
            assert!(error(first, parts[0].end) < 0.03, "{first} {parts:?}");
            let whole = parts[0].end.max(parts[1].end) - (parts[1].start - parts[0].end).max(0);
            assert!(error(all, whole) < 0.03, "{all} {parts:?}");
        }
    }

    #[test]
    fn each_row_may_be_a_state_of_its_own() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(2), Some(1)]));
        let passing = BooleanArray::from(vec![true, true, false, true]);
        let states = Groups::new(14).convert_to_state(&[values], Some(&passing)).unwrap();
        let mut merged = Groups::new(14);
        merged.merge_batch(&states, &[0, 0, 0, 0], 1).unwrap();
        assert_eq!(merged.seen[0].count(), 1);
    }
}
