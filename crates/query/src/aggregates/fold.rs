//! Aggregates that keep a state of our own for each group: what is common to them for the engine.

use std::fmt::Debug;
use std::hash::Hash;
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, StringViewBuilder};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature, Volatility,
};

use crate::typed::Typed;

/// How rows become a state, states become one, and a state becomes a dynamic value.
pub(super) trait Fold: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    type State: Default + Send + Sync + 'static;

    fn name(&self) -> &'static str;

    /// Takes rows in. `place(row)` is the position of the row's state, or none when the row does not count.
    fn update(
        &self,
        states: &mut [Self::State],
        columns: &[ArrayRef],
        place: &dyn Fn(usize) -> Option<usize>,
    ) -> Result<()>;

    /// The state as bytes that `merge` reads.
    fn save(&self, state: &Self::State) -> Vec<u8>;

    fn merge(&self, state: &mut Self::State, saved: &[u8]) -> Result<()>;

    /// The result as JSON, or null.
    fn finish(&self, state: Self::State) -> Option<String>;

    /// Bytes on the heap; asked for often.
    fn heap_bytes(&self, state: &Self::State) -> usize;
}

/// The call of an aggregate.
pub(super) fn call<F: Fold>(fold: F, args: Vec<Typed>) -> Expr {
    let udaf = Folded { fold, signature: Signature::variadic_any(Volatility::Immutable) };
    let udaf = Arc::new(AggregateUDF::new_from_impl(udaf));
    let args = args.into_iter().map(|arg| arg.expr).collect();
    Expr::AggregateFunction(AggregateFunction::new_udf(udaf, args, false, None, Vec::new(), None))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Folded<F> {
    fold: F,
    signature: Signature,
}

impl<F: Fold> AggregateUDFImpl for Folded<F> {
    fn name(&self) -> &str {
        self.fold.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}_state", args.name), DataType::Binary, true))])
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(self.groups())))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(self.groups()))
    }
}

impl<F: Fold> Folded<F> {
    fn groups(&self) -> Groups<F> {
        Groups { fold: self.fold.clone(), states: Vec::new(), heap: 0 }
    }
}

struct Groups<F: Fold> {
    fold: F,
    states: Vec<F::State>,
    /// Bytes that the states have on the heap.
    heap: usize,
}

impl<F: Fold> Groups<F> {
    fn grow(&mut self, total: usize) {
        self.states.resize_with(total.max(self.states.len()), F::State::default);
    }

    /// Counts the memory of the groups that a batch touches anew.
    fn counted(&mut self, groups: &[usize], work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let mut touched = groups.to_vec();
        touched.sort_unstable();
        touched.dedup();
        let bytes = |this: &Self| -> usize {
            touched.iter().map(|group| this.fold.heap_bytes(&this.states[*group])).sum()
        };
        let before = bytes(self);
        work(self)?;
        self.heap = (self.heap + bytes(self)).saturating_sub(before);
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<F::State> {
        let count = match emit_to {
            EmitTo::All => self.states.len(),
            EmitTo::First(count) => count.min(self.states.len()),
        };
        let taken: Vec<F::State> = self.states.drain(..count).collect();
        self.heap -= taken.iter().map(|state| self.fold.heap_bytes(state)).sum::<usize>().min(self.heap);
        taken
    }
}

impl<F: Fold> GroupsAccumulator for Groups<F> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let place = |row: usize| {
            let passes = opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            passes.then(|| group_indices[row])
        };
        self.counted(group_indices, |this| this.fold.update(&mut this.states, values, &place))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = self.take(emit_to);
        let mut builder = StringViewBuilder::with_capacity(states.len());
        for state in states {
            builder.append_option(self.fold.finish(state));
        }
        Ok(Arc::new(builder.finish()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let mut builder = BinaryBuilder::new();
        for state in self.take(emit_to) {
            builder.append_value(self.fold.save(&state));
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
        self.counted(group_indices, |this| {
            for (row, group) in group_indices.iter().enumerate().filter(|(row, _)| saved.is_valid(*row)) {
                this.fold.merge(&mut this.states[*group], saved.value(row))?;
            }
            Ok(())
        })
    }

    /// Each row as a state of its own, for when grouping before the exchange does not pay.
    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |column| column.len());
        let mut states: Vec<F::State> = Vec::new();
        states.resize_with(rows, F::State::default);
        let place = |row: usize| {
            opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row)).then_some(row)
        };
        self.fold.update(&mut states, values, &place)?;
        let mut builder = BinaryBuilder::new();
        states.iter().for_each(|state| builder.append_value(self.fold.save(state)));
        Ok(vec![Arc::new(builder.finish())])
    }

    fn size(&self) -> usize {
        self.heap + self.states.capacity() * size_of::<F::State>()
    }
}

/// The same without `by`.
struct OneGroup<F: Fold>(Groups<F>);

impl<F: Fold> Debug for OneGroup<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneGroup")
    }
}

impl<F: Fold> Accumulator for OneGroup<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |column| column.len());
        self.0.update_batch(values, &vec![0; rows], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.grow(1);
        // The engine may ask again, as over a window.
        let saved = self.0.fold.save(&self.0.states[0]);
        let mut state = F::State::default();
        self.0.fold.merge(&mut state, &saved)?;
        Ok(ScalarValue::Utf8View(self.0.fold.finish(state)))
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.grow(1);
        Ok(vec![ScalarValue::Binary(Some(self.0.fold.save(&self.0.states[0])))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |column| column.len());
        self.0.merge_batch(states, &vec![0; rows], 1)
    }
}
