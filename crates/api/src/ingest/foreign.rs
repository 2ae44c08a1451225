//! Bodies of other products' events to rows.

use std::ops::ControlFlow;

use adapters::{Format, Give, Input, Mapped};
use model::{Cell, Row};

use super::lines::{Decoded, Memory, Tables};
use super::mappers::SharedMapper;
use super::{Report, lock};
use crate::error::ApiError;

/// The device of records that name none, unless the request does.
pub(crate) const DEVICE: &str = "localhost";

/// What a body of events is, and what it is read with.
pub(crate) struct Foreign {
    pub format: &'static Format,
    pub mapper: SharedMapper,
    pub device: String,
}

/// Reads the records of a body.
pub(super) fn decode(body: &[u8], foreign: &Foreign, memory: &mut Memory) -> Result<Decoded, ApiError> {
    let mut mapper = lock(&foreign.mapper);
    let input = Input { body, device: &foreign.device };
    collect(memory, |give| {
        foreign.format.read(&mut mapper, &input, give);
        Ok(())
    })
}

/// Sorts the outcomes that `read` gives into rows and a report, until the memory is used up.
pub(super) fn collect(
    memory: &mut Memory,
    read: impl FnOnce(&mut Give<'_>) -> Result<(), ApiError>,
) -> Result<Decoded, ApiError> {
    let (mut tables, mut report) = (Tables::default(), Report::default());
    let mut failure = None;
    read(&mut |number, mapped| {
        match mapped {
            Ok(Mapped::Row(row)) => match memory.take(text_bytes(&row)) {
                Ok(()) => tables.push(&row, number),
                Err(error) => {
                    failure = Some(error);
                    return ControlFlow::Break(());
                }
            },
            Ok(Mapped::Unmapped { kind }) => report.unmapped(&kind),
            Ok(Mapped::Merged) => report.merged += 1,
            Err(refusal) => report.refuse(number, refusal.code(), &refusal.to_string()),
        }
        ControlFlow::Continue(())
    })?;
    match failure {
        Some(error) => Err(error),
        None => Ok(Decoded { parts: tables.into_parts()?, report }),
    }
}

fn text_bytes(row: &Row) -> usize {
    let texts = row.cells.iter().map(|cell| match cell {
        Cell::Text(text) => text.len(),
        _ => 0,
    });
    texts.sum()
}
