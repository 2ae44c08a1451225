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
    ],
    lower: |context, args| {
        let choices = match args.first().and_then(Typed::literal_long) {
            None if args.is_empty() => None,
            Some(choices) if choices > 0 => Some(choices),
            _ => return Err("argument 'number' must be a positive constant".to_owned()),
        };
        let numbers = Numbers::of(context);
        Ok(call_each_row(
            "rand",
            Kind::Real,
            Arc::new(move |args: &Args| {
                let mut numbers = numbers.next();
                let array: Float64Array = (0..args.rows)
                    .map(|_| match choices {
                        None => numbers.random::<f64>(),
                        Some(choices) => numbers.random_range(0..choices) as f64,
                    })
                    .collect();
                Ok(Arc::new(array) as ArrayRef)
            }),
            Vec::new(),
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
