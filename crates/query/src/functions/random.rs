//! `rand([number])`, `new_guid()`

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{ArrayRef, Float64Array};
use model::Kind;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::functions::{Accepts, Context, Example, Function, Naming, Param};
use crate::kernel::{Args, call_each_row, text_rows};
use crate::typed::Typed;

pub(super) static RAND: Function = Function {
    name: "rand",
    summary: "A random number of each row: a real from 0 up to 1, or an integer from 0 up to the given number, \
              as a real.",
    params: &[Param::optional("number", Accepts::Integer)],
    returns: "real",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print rand() < 1", result: "true" },
        Example {
            query: "range x from 1 to 1000 step 1 | extend r = rand(3) | summarize dcount(r)",
            result: "3",
        },
        Example { query: "print rand(1)", result: "0.0" },
        Example {
            query: "range x from 0 to 1 step 1 | extend r = rand(x) | summarize countif(isnull(r))",
            result: "1",
        },
    ],
    lower: |context, args| {
        let choices = match args.first().and_then(Typed::literal_long) {
            Some(choices) if choices <= 0 => return Err("argument 'number' must be positive".to_owned()),
            choices => choices,
        };
        let of_rows = !args.is_empty() && choices.is_none();
        let numbers = Numbers::of(context);
        Ok(call_each_row(
            "rand",
            Kind::Real,
            Arc::new(move |args: &Args| {
                let mut numbers = numbers.next();
                let mut below = |choices: i64| numbers.random_range(0..choices) as f64;
                let array: Float64Array = if of_rows {
                    let choices = args.longs(0)?;
                    let row = |row| choices.get(row).filter(|choices| *choices > 0).map(&mut below);
                    (0..args.rows).map(row).collect()
                } else if let Some(choices) = choices {
                    (0..args.rows).map(|_| Some(below(choices))).collect()
                } else {
                    (0..args.rows).map(|_| Some(numbers.random::<f64>())).collect()
                };
                Ok(Arc::new(array) as ArrayRef)
            }),
            if of_rows { args } else { Vec::new() },
        ))
    },
};

pub(super) static NEW_GUID: Function = Function {
    name: "new_guid",
    summary: "A new random GUID of each row.",
    params: &[],
    returns: "guid",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print strlen(tostring(new_guid()))", result: "36" },
        Example {
            query: "range x from 1 to 9 step 1 | extend g = new_guid() | summarize dcount(g)",
            result: "9",
        },
    ],
    lower: |context, _| {
        let numbers = Numbers::of(context);
        Ok(call_each_row(
            "new_guid",
            Kind::Guid,
            Arc::new(move |args: &Args| {
                let mut numbers = numbers.next();
                let guids: Vec<u128> = (0..args.rows).map(|_| numbers.random()).collect();
                let guid =
                    |row: usize| uuid::Builder::from_random_bytes(guids[row].to_ne_bytes()).into_uuid();
                Ok(text_rows(args.rows, |row| Some(guid(row).to_string())))
            }),
            Vec::new(),
        ))
    },
};

/// Random numbers of one call in a query, other ones for each of its batches.
struct Numbers {
    seed: u64,
    batches: AtomicU64,
}

impl Numbers {
    fn of(context: &Context) -> Numbers {
        Numbers { seed: context.next_seed(), batches: AtomicU64::new(0) }
    }

    fn next(&self) -> SmallRng {
        let batch = self.batches.fetch_add(1, Ordering::Relaxed);
        SmallRng::seed_from_u64(self.seed ^ batch.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}
