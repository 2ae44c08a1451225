//! Picking a row: `arg_max`, `arg_min`, `take_any`.
//!
//! Only keys are compared as rows arrive. The rows that are best so far are remembered by their place in
//! batches that are kept for them; now and then the kept batches are cut down to just those rows.

use std::cmp::Ordering;
use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StructArray, new_null_array};
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::{
    DataType, Decimal256Type, Field, FieldRef, Fields, Float64Type, Int64Type, i256,
};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature, Volatility,
};
use model::Kind;

use super::{fill, state_type};
use crate::typed::Typed;

/// Kept batches are cut down when they are more than this.
const BATCHES_MAX: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Choice {
    Greatest,
    Least,
    /// Some row whose first value is not null, if there is one.
    Any,
}

/// The call; the first argument is the key. Its result is a struct with one part for each argument.
pub(super) fn choose(args: Vec<Expr>, kinds: &[Kind], choice: Choice) -> Expr {
    let parts =
        kinds.iter().enumerate().map(|(at, kind)| Field::new(format!("p{at}"), state_type(*kind), true));
    let udaf = ChooseRow {
        choice,
        parts: parts.collect(),
        signature: Signature::variadic_any(Volatility::Immutable),
    };
    let udaf = Arc::new(AggregateUDF::new_from_impl(udaf));
    Expr::AggregateFunction(AggregateFunction::new_udf(udaf, args, false, None, Vec::new(), None))
}

/// One part of the struct in `field`.
pub(crate) fn part_of_choice(field: &str, at: usize, kind: Kind) -> Typed {
    let whole = Typed::column(field, kind).expr;
    let part = datafusion::functions::core::expr_fn::get_field(whole, format!("p{at}"));
    fill(Typed::new(part, kind))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ChooseRow {
    choice: Choice,
    parts: Fields,
    signature: Signature,
}

impl AggregateUDFImpl for ChooseRow {
    fn name(&self) -> &str {
        match self.choice {
            Choice::Greatest => "arg_max",
            Choice::Least => "arg_min",
            Choice::Any => "take_any",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(self.parts.clone()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let named = |part: &FieldRef| {
            Arc::new(part.as_ref().clone().with_name(format!("{}_{}", args.name, part.name())))
        };
        Ok(self.parts.iter().map(named).collect())
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup(ChooseGroups::new(self.choice, self.parts.clone()))))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(ChooseGroups::new(self.choice, self.parts.clone())))
    }
}

/// Where a row is: kept batch, row.
type Place = (usize, usize);

/// Keys that compare: their column, read once for a batch.
enum Keys<'a> {
    Long(&'a datafusion::arrow::array::Int64Array),
    Real(&'a datafusion::arrow::array::Float64Array),
    Decimal(&'a datafusion::arrow::array::Decimal256Array),
    Text(&'a datafusion::arrow::array::StringViewArray),
    /// Any other type, and when keys are not compared.
    None(&'a ArrayRef),
}

#[derive(Clone, Debug, PartialEq)]
enum Key {
    Null,
    Long(i64),
    Real(f64),
    Decimal(i256),
    Text(String),
    Present,
}

struct ChooseGroups {
    choice: Choice,
    parts: Fields,
    batches: Vec<Vec<ArrayRef>>,
    best: Vec<Option<(Place, Key)>>,
    bytes: usize,
}

impl ChooseGroups {
    fn new(choice: Choice, parts: Fields) -> ChooseGroups {
        ChooseGroups { choice, parts, batches: Vec::new(), best: Vec::new(), bytes: 0 }
    }

    fn better(&self, new: &Key, old: &Key) -> bool {
        let order = match (new, old) {
            (Key::Null, _) => return false,
            (_, Key::Null) => return true,
            (Key::Long(new), Key::Long(old)) => new.cmp(old),
            (Key::Real(new), Key::Real(old)) => new.total_cmp(old),
            (Key::Decimal(new), Key::Decimal(old)) => new.cmp(old),
            (Key::Text(new), Key::Text(old)) => new.cmp(old),
            _ => return false,
        };
        match self.choice {
            Choice::Greatest => order == Ordering::Greater,
            Choice::Least => order == Ordering::Less,
            Choice::Any => false,
        }
    }

    fn update(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.best.resize(total.max(self.best.len()), None);
        let small = match values[0].data_type() {
            DataType::Boolean | DataType::Int32 => {
                Some(datafusion::arrow::compute::cast(&values[0], &DataType::Int64)?)
            }
            _ => None,
        };
        let keys = self.keys(small.as_ref().unwrap_or(&values[0]));
        let batch = self.batches.len();
        let mut kept = false;
        for (row, group) in groups.iter().enumerate() {
            if filter.is_some_and(|filter| !(filter.is_valid(row) && filter.value(row))) {
                continue;
            }
            let key = keys.at(row, self.best[*group].as_ref().map(|(_, key)| key), self.choice);
            let Some(key) = key else { continue };
            let improves = self.best[*group].as_ref().is_none_or(|(_, old)| self.better(&key, old));
            if improves {
                self.best[*group] = Some(((batch, row), key));
                kept = true;
            }
        }
        if kept {
            self.bytes += values.iter().map(|array| array.get_array_memory_size()).sum::<usize>();
            self.batches.push(values.to_vec());
            if self.batches.len() > BATCHES_MAX {
                self.cut_down()?;
            }
        }
        Ok(())
    }

    fn keys<'a>(&self, array: &'a ArrayRef) -> Keys<'a> {
        match (self.choice, array.data_type()) {
            (Choice::Any, _) => Keys::None(array),
            (_, DataType::Int64) => Keys::Long(array.as_primitive::<Int64Type>()),
            (_, DataType::Float64) => Keys::Real(array.as_primitive::<Float64Type>()),
            (_, DataType::Decimal256(_, _)) => Keys::Decimal(array.as_primitive::<Decimal256Type>()),
            (_, DataType::Utf8View) => Keys::Text(array.as_string_view()),
            _ => Keys::None(array),
        }
    }

    /// Copies the best rows into one batch and lets the others go.
    fn cut_down(&mut self) -> Result<()> {
        let rows = self.rows(self.best.len())?;
        for (row, best) in self.best.iter_mut().enumerate() {
            if let Some((place, _)) = best {
                *place = (0, row);
            }
        }
        self.bytes = rows.iter().map(|array| array.get_array_memory_size()).sum();
        self.batches = vec![rows];
        Ok(())
    }

    /// The best rows of the first `count` groups, null where a group has none.
    fn rows(&self, count: usize) -> Result<Vec<ArrayRef>> {
        let nulls = self.batches.len();
        let places: Vec<Place> = self.best[..count]
            .iter()
            .map(|best| best.as_ref().map_or((nulls, 0), |(place, _)| *place))
            .collect();
        let columns = self.parts.iter().enumerate().map(|(at, part)| {
            let null = new_null_array(part.data_type(), 1);
            let mut arrays: Vec<&dyn Array> = self.batches.iter().map(|batch| batch[at].as_ref()).collect();
            arrays.push(null.as_ref());
            if places.is_empty() {
                return Ok(new_null_array(part.data_type(), 0));
            }
            interleave(&arrays, &places).map_err(DataFusionError::from)
        });
        columns.collect()
    }

    fn emit(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let count = match emit_to {
            EmitTo::All => self.best.len(),
            EmitTo::First(count) => count.min(self.best.len()),
        };
        let rows = self.rows(count)?;
        self.best.drain(..count);
        if self.best.is_empty() {
            self.batches.clear();
            self.bytes = 0;
        }
        Ok(rows)
    }

    fn structs(&self, columns: Vec<ArrayRef>) -> Result<ArrayRef> {
        Ok(Arc::new(StructArray::try_new(self.parts.clone(), columns, None)?))
    }
}

impl Keys<'_> {
    /// The key of a row; `None` when it cannot replace `old`, so that text need not be copied to find out.
    fn at(&self, row: usize, old: Option<&Key>, choice: Choice) -> Option<Key> {
        let is_null = match self {
            Keys::Long(keys) => keys.is_null(row),
            Keys::Real(keys) => keys.is_null(row),
            Keys::Decimal(keys) => keys.is_null(row),
            Keys::Text(keys) => keys.is_null(row),
            Keys::None(keys) => keys.is_null(row),
        };
        if is_null {
            return old.is_none().then_some(Key::Null);
        }
        match self {
            Keys::Long(keys) => Some(Key::Long(keys.value(row))),
            Keys::Real(keys) => Some(Key::Real(keys.value(row))),
            Keys::Decimal(keys) => Some(Key::Decimal(keys.value(row))),
            Keys::Text(keys) => {
                let text = keys.value(row);
                if let Some(Key::Text(old)) = old {
                    let order = text.cmp(old.as_str());
                    let wanted = if choice == Choice::Greatest { Ordering::Greater } else { Ordering::Less };
                    if order != wanted {
                        return None;
                    }
                }
                Some(Key::Text(text.to_owned()))
            }
            Keys::None(_) => Some(Key::Present),
        }
    }
}

impl GroupsAccumulator for ChooseGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.update(values, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let columns = self.emit(emit_to)?;
        self.structs(columns)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.emit(emit_to)
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.update(values, group_indices, None, total_num_groups)
    }

    /// Each row as a state of its own, for when grouping before the exchange does not pay.
    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        values.iter().map(|column| only_passing(column, opt_filter)).collect()
    }

    fn size(&self) -> usize {
        self.bytes + self.best.capacity() * size_of::<Option<(Place, Key)>>()
    }
}

/// The column with nulls where the filter does not pass.
fn only_passing(column: &ArrayRef, filter: Option<&BooleanArray>) -> Result<ArrayRef> {
    let Some(filter) = filter else { return Ok(column.clone()) };
    let dropped: BooleanArray = filter.iter().map(|passes| Some(passes != Some(true))).collect();
    Ok(datafusion::arrow::compute::nullif(column, &dropped)?)
}

/// The same without `by`.
struct OneGroup(ChooseGroups);

impl std::fmt::Debug for OneGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneGroup")
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update(values, &vec![0; values[0].len()], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.best.resize(1, None);
        let columns = self.0.rows(1)?;
        ScalarValue::try_from_array(&self.0.structs(columns)?, 0)
    }

    fn size(&self) -> usize {
        self.0.bytes
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.best.resize(1, None);
        self.0.rows(1)?.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}
