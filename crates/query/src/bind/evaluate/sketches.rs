//! `dcount_intersect(hll, ...)`: how many values the first, the first two, the first three... summaries share.

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use kql::Span;
use kql::ast;
use model::Kind;

use super::super::expr::Input;
use super::super::{Bind, Binder, error};
use crate::kernel::{Args, call, long_rows};
use crate::relation::Relation;
use crate::sketch::Sketch;

/// Summaries of one call: the number of unions that are looked at doubles with each.
const SKETCHES_MAX: usize = 8;

impl Binder<'_> {
    pub(super) fn dcount_intersect(
        &mut self,
        input: Relation,
        evaluate: &ast::Evaluate,
        span: Span,
    ) -> Bind<Relation> {
        let args = &evaluate.call.args;
        if args.len() < 2 || args.len() > SKETCHES_MAX {
            return error(span, format!("dcount_intersect() takes 2 to {SKETCHES_MAX} columns of hll()"));
        }
        let mut sketches = Vec::with_capacity(args.len());
        for arg in args {
            let typed = self.expr_of("evaluate", &arg.value, &mut Input::of(&input))?;
            if typed.kind != Kind::Dynamic {
                return error(arg.value.span, "dcount_intersect() takes columns of hll()");
            }
            sketches.push(typed);
        }
        let mut columns = input.columns();
        for count in 1..=sketches.len() {
            let shared = call("dcount_intersect", Kind::Long, shared, sketches[..count].to_vec());
            columns.push((format!("s{}", count - 1), shared));
        }
        Ok(input.project(&mut self.names, columns)?)
    }
}

fn shared(args: &Args) -> Result<ArrayRef> {
    let texts = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(long_rows(args.rows, |row| {
        let sketches = texts.iter().map(|texts| Sketch::parse(texts.get(row)?));
        Some(intersection(&sketches.collect::<Option<Vec<_>>>()?))
    }))
}

/// By the sizes of all unions: those of odd numbers of sets count, those of even ones are taken off.
fn intersection(sketches: &[Sketch]) -> i64 {
    let mut count = 0;
    for members in 1u32..1 << sketches.len() {
        let mut union = Sketch::default();
        let of = sketches.iter().enumerate().filter(|(at, _)| members & 1 << at != 0);
        of.for_each(|(_, sketch)| union.merge(sketch));
        let size = i64::try_from(union.count()).unwrap_or(i64::MAX);
        count += if members.count_ones() % 2 == 1 { size } else { -size };
    }
    count.max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sets_share_is_counted() {
        let set = |values: std::ops::Range<u64>| {
            let mut sketch = Sketch::with_precision(14);
            values.for_each(|value| sketch.add(value));
            sketch
        };
        assert_eq!(intersection(&[set(0..10)]), 10);
        assert_eq!(intersection(&[set(0..10), set(5..20)]), 5);
        assert_eq!(intersection(&[set(0..10), set(5..20), set(9..30)]), 1);
        assert_eq!(intersection(&[set(0..3), set(5..8)]), 0);
    }
}
