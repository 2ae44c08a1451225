//! `rows_near(condition, before, after)`: the rows around those that fit; `preview(count)`: the first rows.

use datafusion::arrow::array::{Array, AsArray, BooleanArray};
use datafusion::arrow::compute::filter;
use kql::Span;
use kql::ast;
use model::Kind;

use super::super::expr::Input;
use super::super::{Bind, Binder, error};
use crate::relation::Relation;
use crate::typed::Typed;

impl Binder<'_> {
    pub(super) fn rows_near(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        span: Span,
    ) -> Bind<Relation> {
        let (condition, counts) = match evaluate.call.args.as_slice() {
            [condition, counts @ ..] if (1..=2).contains(&counts.len()) => (condition, counts),
            _ => return error(span, "rows_near() takes a condition and numbers of rows before and behind"),
        };
        let holds = self.predicate(&condition.value, &mut Input::of(&input))?;
        let mut around = Vec::with_capacity(2);
        for count in counts {
            around.push(self.constant_count(&count.value, "rows_near")?);
        }
        let (before, after) = (around[0], *around.last().unwrap_or(&around[0]));
        let mut columns = vec![("\u{0}holds".to_owned(), Typed::new(holds, Kind::Bool))];
        columns.extend(input.columns());
        let named = input.fields.iter().map(|field| (field.name.clone(), field.kind)).collect();
        let rows = Relation { hidden: Vec::new(), ..input }.project(&mut self.names, columns)?;
        let fields = self.fields_of(named);
        self.over_rows(rows, fields, format!("rows_near {before} {after}"), move |rows| {
            let holds = rows.column(0).as_boolean();
            let mut keep = vec![false; rows.num_rows()];
            for row in (0..rows.num_rows()).filter(|row| holds.is_valid(*row) && holds.value(*row)) {
                let end = row.saturating_add(after).saturating_add(1).min(rows.num_rows());
                keep[row.saturating_sub(before)..end].fill(true);
            }
            let keep = BooleanArray::from(keep);
            let kept = rows.columns()[1..].iter().map(|column| Ok(filter(column, &keep)?));
            kept.collect()
        })
    }

    /// An answer has one table: that of the first rows. How many there are is what `count` tells.
    pub(super) fn preview(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        span: Span,
    ) -> Bind<Relation> {
        let [count] = evaluate.call.args.as_slice() else {
            return error(span, "preview() takes a number of rows");
        };
        let count = self.constant_count(&count.value, "preview")?;
        self.first_rows(input, Vec::new(), count)
    }
}
