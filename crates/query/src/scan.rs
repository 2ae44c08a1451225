//! Matching sequences of rows, step by step: the machine behind the operator `scan`.
//!
//! Each step holds the match that came as far as it, if there is one: for every step so far the row that was
//! matched last. A row is tried at the last step first. At a step it may take over the match of the step before,
//! or go on with that of the step itself; at the first step it may begin a new one.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array,
};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::PhysicalExpr;
use kql::ast::ScanOutput;

pub(crate) struct Scan {
    /// What the input's columns, the declared ones, and both again for each step are without a row.
    pub absent: Vec<ScalarValue>,
    pub input_columns: usize,
    pub declared_columns: usize,
    pub steps: Vec<Step>,
    /// The columns of the result: the input's, the declared ones, and the number of the match if asked for.
    pub result: SchemaRef,
    pub shows_match: bool,
}

pub(crate) struct Step {
    /// A sequence may go on without it.
    pub is_optional: bool,
    /// Asked of a row alone: looked at for all rows at once.
    pub of_row: Option<Reading>,
    /// Asked of a row and of those before it in the sequence.
    pub of_sequence: Option<Reading>,
    /// Declared columns by position, and their values.
    pub assignments: Vec<(usize, Reading)>,
    pub output: ScanOutput,
}

/// An expression over some of the columns that a step sees.
pub(crate) struct Reading {
    pub places: Vec<usize>,
    pub schema: SchemaRef,
    pub expr: Arc<dyn PhysicalExpr>,
}

impl Reading {
    fn of(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<ArrayRef> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        self.expr.evaluate(&batch)?.into_array(rows)
    }
}

/// A row as a step matched it.
#[derive(Clone)]
struct Matched {
    row: usize,
    declared: Vec<ScalarValue>,
}

/// A sequence that came as far as some step.
#[derive(Clone)]
struct Sequence {
    number: i64,
    rows: Vec<Option<Matched>>,
    /// The last row of a step whose rows are shown when it is left.
    held: Option<Matched>,
}

#[derive(Default)]
struct Shown {
    rows: Vec<(Matched, i64)>,
}

/// How far the rows so far have come.
struct Progress {
    /// The sequence that waits behind each step.
    states: Vec<Option<Sequence>>,
    next_number: i64,
    shown: Shown,
    /// For each step, whether each row fits it by itself.
    fits: Vec<Option<BooleanArray>>,
}

impl Scan {
    pub fn run(&self, input: &RecordBatch) -> Result<RecordBatch> {
        let absent = self.absent.iter().map(|value| value.to_array_of_size(1)).collect::<Result<Vec<_>>>()?;
        let states = vec![None; self.steps.len()];
        let mut fits = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let of_row = step.of_row.as_ref().map(|reading| {
                let columns = reading.places.iter().map(|place| input.column(*place).clone()).collect();
                reading.of(columns, input.num_rows())
            });
            fits.push(of_row.transpose()?.map(|fits| fits.as_boolean().clone()));
        }
        let mut progress = Progress { states, next_number: 0, shown: Shown::default(), fits };
        for row in 0..input.num_rows() {
            for at in (0..self.steps.len()).rev() {
                self.try_step(input, row, at, &absent, &mut progress)?;
            }
        }
        let Progress { states, mut shown, .. } = progress;
        for state in states.into_iter().flatten() {
            shown.flush(state);
        }
        self.gathered(input, shown)
    }

    fn try_step(
        &self,
        input: &RecordBatch,
        row: usize,
        at: usize,
        absent: &[ArrayRef],
        progress: &mut Progress,
    ) -> Result<()> {
        let Progress { states, next_number, shown, fits } = progress;
        if fits[at].as_ref().is_some_and(|fits| !(fits.is_valid(row) && fits.value(row))) {
            return Ok(());
        }
        // From the step before, or one before optional steps.
        let mut from = at;
        while from > 0 && (from == at || self.steps[from].is_optional) {
            from -= 1;
            if let Some(before) = states[from].clone()
                && let Some(matched) = self.matched(input, row, at, &before, absent)?
            {
                states[from] = None;
                shown.hold(before.held.clone(), before.number);
                shown.flush_option(states[at].take());
                let next = Sequence { held: None, ..before };
                states[at] = Some(self.advanced(next, at, matched, shown));
                return Ok(());
            }
        }
        // From the step itself.
        if let Some(own) = states[at].clone()
            && let Some(matched) = self.matched(input, row, at, &own, absent)?
        {
            states[at] = Some(self.advanced(own, at, matched, shown));
            return Ok(());
        }
        if self.steps[..at].iter().all(|step| step.is_optional) {
            let fresh = Sequence { number: *next_number, rows: vec![None; self.steps.len()], held: None };
            if let Some(matched) = self.matched(input, row, at, &fresh, absent)? {
                *next_number += 1;
                shown.flush_option(states[at].take());
                states[at] = Some(self.advanced(fresh, at, matched, shown));
            }
        }
        Ok(())
    }

    /// The sequence with its new row, which is shown as the step says.
    fn advanced(&self, mut sequence: Sequence, at: usize, matched: Matched, shown: &mut Shown) -> Sequence {
        match self.steps[at].output {
            ScanOutput::All => shown.rows.push((matched.clone(), sequence.number)),
            ScanOutput::Last => sequence.held = Some(matched.clone()),
            ScanOutput::None => {}
        }
        sequence.rows[at] = Some(matched);
        sequence
    }

    /// The row with its assigned columns, if it fits the step of the sequence.
    fn matched(
        &self,
        input: &RecordBatch,
        row: usize,
        at: usize,
        sequence: &Sequence,
        absent: &[ArrayRef],
    ) -> Result<Option<Matched>> {
        let step = &self.steps[at];
        if let Some(reading) = &step.of_sequence {
            let fits = reading.of(self.seen(&reading.places, input, row, sequence, absent)?, 1)?;
            let fits = fits.as_boolean();
            if !fits.is_valid(0) || !fits.value(0) {
                return Ok(None);
            }
        }
        let mut declared =
            self.absent[self.input_columns..self.input_columns + self.declared_columns].to_vec();
        for (column, reading) in &step.assignments {
            let value = reading.of(self.seen(&reading.places, input, row, sequence, absent)?, 1)?;
            declared[*column] = ScalarValue::try_from_array(&value, 0)?;
        }
        Ok(Some(Matched { row, declared }))
    }

    /// What conditions and assignments see at some places: the row, and the rows of the sequence so far.
    fn seen(
        &self,
        places: &[usize],
        input: &RecordBatch,
        row: usize,
        sequence: &Sequence,
        absent: &[ArrayRef],
    ) -> Result<Vec<ArrayRef>> {
        let width = self.input_columns + self.declared_columns;
        let mut columns = Vec::with_capacity(places.len());
        for place in places {
            let (part, column) = (place / width, place % width);
            let matched = part.checked_sub(1).and_then(|step| sequence.rows[step].as_ref());
            let from = if part == 0 { Some(row) } else { matched.map(|matched| matched.row) };
            columns.push(match (from, column.checked_sub(self.input_columns)) {
                (Some(from), None) => input.column(column).slice(from, 1),
                (_, Some(declared)) if matched.is_some() => {
                    let value = matched.and_then(|matched| matched.declared.get(declared));
                    value.map_or_else(|| Ok(absent[*place].clone()), |value| value.to_array_of_size(1))?
                }
                _ => absent[*place].clone(),
            });
        }
        Ok(columns)
    }

    fn gathered(&self, input: &RecordBatch, shown: Shown) -> Result<RecordBatch> {
        let too_many = |_| DataFusionError::Internal("more rows than a batch can have".to_owned());
        let rows = shown.rows.iter().map(|(matched, _)| u32::try_from(matched.row).map_err(too_many));
        let rows = UInt32Array::from(rows.collect::<Result<Vec<_>>>()?);
        let mut columns = Vec::with_capacity(self.result.fields().len());
        for column in input.columns() {
            columns.push(take(column, &rows, None)?);
        }
        for at in 0..self.declared_columns {
            let values: Vec<ScalarValue> =
                shown.rows.iter().map(|(matched, _)| matched.declared[at].clone()).collect();
            columns.push(match values.is_empty() {
                true => self.absent[self.input_columns + at].to_array_of_size(0)?,
                false => ScalarValue::iter_to_array(values)?,
            });
        }
        if self.shows_match {
            columns.push(Arc::new(shown.rows.iter().map(|(_, number)| *number).collect::<Int64Array>()));
        }
        Ok(RecordBatch::try_new(self.result.clone(), columns)?)
    }
}

impl Shown {
    /// Shows the row that a left step held.
    fn flush(&mut self, sequence: Sequence) {
        self.hold(sequence.held, sequence.number);
    }

    fn flush_option(&mut self, sequence: Option<Sequence>) {
        if let Some(sequence) = sequence {
            self.flush(sequence);
        }
    }

    fn hold(&mut self, held: Option<Matched>, number: i64) {
        self.rows.extend(held.map(|held| (held, number)));
    }
}
