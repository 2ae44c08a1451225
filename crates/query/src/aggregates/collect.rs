//! Gathering values into an array: `make_list`, `make_set`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewBuilder};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, Signature, Volatility,
};
use foldhash::fast::RandomState;
use model::Kind;

use super::Lowered;
use crate::repeats::Repeats;
use crate::typed::{Typed, absent};
use crate::{convert, json};

pub(super) fn list(args: Vec<Typed>, maximum: i64) -> std::result::Result<Lowered, String> {
    gather(args, maximum, false)
}

pub(super) fn set(args: Vec<Typed>, maximum: i64) -> std::result::Result<Lowered, String> {
    gather(args, maximum, true)
}

/// Null has to be text to be kept: an element `null`.
pub(super) fn list_with_nulls(args: Vec<Typed>, maximum: i64) -> std::result::Result<Lowered, String> {
    let kept = args.into_iter().map(|value| {
        let value = convert::to_dynamic(value);
        let null = Expr::Literal(ScalarValue::Utf8View(Some("null".to_owned())), None);
        Typed::new(datafusion::functions::core::expr_fn::coalesce(vec![value.expr, null]), Kind::Dynamic)
    });
    gather(kept.collect(), maximum, false)
}

fn gather(args: Vec<Typed>, maximum: i64, distinct: bool) -> std::result::Result<Lowered, String> {
    let mut args = args.into_iter();
    let value = args.next().ok_or("an argument is missing")?;
    let maximum = match args.next() {
        None => maximum,
        Some(given) => given.literal_long().ok_or("the maximum must be a constant")?,
    };
    let maximum = usize::try_from(maximum).map_err(|_| "the maximum must not be negative")?;
    let udaf = Gather { distinct, maximum, signature: Signature::any(1, Volatility::Immutable) };
    let udaf = Arc::new(AggregateUDF::new_from_impl(udaf));
    let value = convert::to_dynamic(value);
    let expr = Expr::AggregateFunction(AggregateFunction::new_udf(
        udaf,
        vec![value.expr],
        false,
        None,
        Vec::new(),
        None,
    ));
    Ok(Lowered { expr, kind: Kind::Dynamic, finish: Box::new(empty_if_null) })
}

fn empty_if_null(typed: Typed) -> Typed {
    let empty = Expr::Literal(ScalarValue::Utf8View(Some("[]".to_owned())), None);
    debug_assert_eq!(absent(Kind::Dynamic), Expr::Literal(ScalarValue::Utf8View(None), None));
    Typed::new(datafusion::functions::core::expr_fn::coalesce(vec![typed.expr, empty]), Kind::Dynamic)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Gather {
    distinct: bool,
    maximum: usize,
    signature: Signature,
}

impl AggregateUDFImpl for Gather {
    fn name(&self) -> &str {
        if self.distinct { "make_set" } else { "make_list" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    /// The state is the array so far.
    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}_elements", args.name), DataType::Utf8View, true))])
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

impl Gather {
    fn groups(&self) -> GatherGroups {
        GatherGroups {
            distinct: self.distinct,
            maximum: self.maximum,
            groups: Vec::new(),
            values: HashMap::default(),
            bytes: 0,
        }
    }
}

#[derive(Default)]
struct Elements {
    /// JSON texts, joined by commas.
    text: String,
    count: usize,
    seen: Seen,
}

/// Which of the accumulator's values a group has: a bit each for the first ones, as most sets are of few values.
#[derive(Default)]
struct Seen {
    first: Vec<u64>,
    others: HashSet<u32, RandomState>,
}

impl Seen {
    const FIRST: u32 = 1 << 10;

    /// Whether it is new. `bytes` grows by what is kept.
    fn insert(&mut self, value: u32, bytes: &mut usize) -> bool {
        if value >= Seen::FIRST {
            let is_new = self.others.insert(value);
            *bytes += if is_new { 12 } else { 0 };
            return is_new;
        }
        let (word, bit) = (value as usize / 64, 1 << (value % 64));
        if self.first.len() <= word {
            *bytes += (word + 1 - self.first.len()) * size_of::<u64>();
            self.first.resize(word + 1, 0);
        }
        let is_new = self.first[word] & bit == 0;
        self.first[word] |= bit;
        is_new
    }
}

/// The elements of an array that are not null; `None` of everything else.
fn flattened(value: &str) -> Option<Vec<&str>> {
    if !value.starts_with('[') {
        return None;
    }
    let mut elements = json::elements(value)?;
    elements.retain(|element| *element != "null");
    Some(elements)
}

struct GatherGroups {
    distinct: bool,
    maximum: usize,
    groups: Vec<Elements>,
    /// The values of sets, numbered.
    values: HashMap<Box<str>, u32, RandomState>,
    bytes: usize,
}

impl GatherGroups {
    fn number(&mut self, element: &str) -> u32 {
        if let Some(number) = self.values.get(element) {
            return *number;
        }
        // More than that do not fit into memory.
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.insert(element.into(), number);
        self.bytes += element.len() + 40;
        number
    }

    fn add(&mut self, group: usize, element: &str) {
        if self.groups[group].count >= self.maximum {
            return;
        }
        let number = if self.distinct { self.number(element) } else { 0 };
        self.add_numbered(group, element, number);
    }

    fn add_numbered(&mut self, group: usize, element: &str, number: u32) {
        let elements = &mut self.groups[group];
        if elements.count >= self.maximum || self.distinct && !elements.seen.insert(number, &mut self.bytes) {
            return;
        }
        let known = elements.text.capacity();
        if elements.count > 0 {
            elements.text.push(',');
        }
        elements.text.push_str(element);
        elements.count += 1;
        self.bytes += elements.text.capacity() - known;
    }

    /// An array stands for its elements, nulls left out.
    fn add_value(&mut self, group: usize, _: usize, value: &str) {
        match flattened(value) {
            None => self.add(group, value),
            Some(elements) => elements.into_iter().for_each(|element| self.add(group, element)),
        }
    }

    fn each(
        &mut self,
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
        mut add: impl FnMut(&mut Self, usize, usize, &str),
    ) {
        self.groups.resize_with(total.max(self.groups.len()), Elements::default);
        let values = values.as_string_view();
        for (row, group) in groups.iter().enumerate() {
            let passes = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            if passes && values.is_valid(row) {
                add(self, *group, row, values.value(row));
            }
        }
    }

    fn emit(&mut self, emit_to: EmitTo) -> ArrayRef {
        let count = match emit_to {
            EmitTo::All => self.groups.len(),
            EmitTo::First(count) => count.min(self.groups.len()),
        };
        let mut builder = StringViewBuilder::with_capacity(count);
        for elements in self.groups.drain(..count) {
            builder.append_value(format!("[{}]", elements.text));
        }
        Arc::new(builder.finish())
    }

    fn merge(&mut self, states: &ArrayRef, groups: &[usize], total: usize) {
        self.each(states, groups, None, total, |this, group, _, state| {
            for element in json::elements(state).unwrap_or_default() {
                this.add(group, element);
            }
        });
    }
}

impl GroupsAccumulator for GatherGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let known = self.distinct.then(|| Repeats::find(values[0].as_string_view())).flatten();
        let Some(repeats) = known else {
            self.each(&values[0], group_indices, opt_filter, total_num_groups, Self::add_value);
            return Ok(());
        };
        // A value is numbered once; arrays are several.
        let mut numbers = vec![None; repeats.count()];
        self.each(&values[0], group_indices, opt_filter, total_num_groups, |this, group, at, value| {
            match &mut numbers[repeats.of(at)] {
                _ if value.starts_with('[') => this.add_value(group, at, value),
                Some(number) => this.add_numbered(group, value, *number),
                unknown => {
                    let number = this.number(value);
                    *unknown = Some(number);
                    this.add_numbered(group, value, number);
                }
            }
        });
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.emit(emit_to))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.emit(emit_to)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.merge(&values[0], group_indices, total_num_groups);
        Ok(())
    }

    /// Each row as an array of one element, for when grouping before the exchange does not pay.
    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let elements = values[0].as_string_view();
        let mut builder = StringViewBuilder::with_capacity(elements.len());
        for row in 0..elements.len() {
            let passes = opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
            match passes && elements.is_valid(row) && self.maximum > 0 {
                true => match flattened(elements.value(row)) {
                    None => builder.append_value(format!("[{}]", elements.value(row))),
                    Some(parts) => builder.append_value(format!("[{}]", parts.join(","))),
                },
                false => builder.append_null(),
            }
        }
        Ok(vec![Arc::new(builder.finish())])
    }

    fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<Elements>()
    }
}

/// The same without `by`.
struct OneGroup(GatherGroups);

impl std::fmt::Debug for OneGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneGroup")
    }
}

impl OneGroup {
    fn text(&mut self) -> ScalarValue {
        self.0.groups.resize_with(1, Elements::default);
        ScalarValue::Utf8View(Some(format!("[{}]", self.0.groups[0].text)))
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values, &vec![0; values[0].len()], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.text())
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.text()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge(&states[0], &vec![0; states[0].len()], 1);
        Ok(())
    }
}
