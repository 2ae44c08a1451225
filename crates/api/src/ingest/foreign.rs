//! Bodies of other products' events to rows.

use std::ops::ControlFlow;

use adapters::{Format, Input, Mapped, Refusal};
use model::{Cell, Row};

use super::lines::Decoded;
use super::mappers::SharedMapper;
use super::{Reserved, lock};
use crate::error::{ApiError, code};

/// The device of records that name none, unless the request does.
pub(crate) const DEVICE: &str = "localhost";

/// What a body of events is, and what it is read with.
pub(crate) struct Foreign {
    pub format: &'static Format,
    pub mapper: SharedMapper,
    pub device: String,
}

/// Reads the records of a body.
pub(super) fn decode(
    body: &[u8],
    foreign: &Foreign,
    reserved: &mut Reserved,
    rows_bytes_max: usize,
) -> Result<Decoded, ApiError> {
    let mut mapper = lock(&foreign.mapper);
    let mut decoded = Decoded::default();
    let mut rows_bytes = 0;
    let mut failure = None;
    let input = Input { body, device: &foreign.device };
    foreign.format.read(&mut mapper, &input, &mut |number, mapped| {
        let taken = take(&mut decoded, number, mapped, &mut rows_bytes, rows_bytes_max, reserved);
        match taken {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    failure.map_or(Ok(decoded), Err)
}

/// Counts one record; keeps its row while there is memory for it.
fn take(
    decoded: &mut Decoded,
    number: u64,
    mapped: Result<Mapped, Refusal>,
    rows_bytes: &mut usize,
    rows_bytes_max: usize,
    reserved: &mut Reserved,
) -> Result<(), ApiError> {
    match mapped {
        Ok(Mapped::Row(row)) => {
            let bytes = bytes_of(&row);
            *rows_bytes += bytes;
            if *rows_bytes > rows_bytes_max {
                let message = format!(
                    "The rows of the body take more than {rows_bytes_max} bytes of memory. Send fewer at once."
                );
                return Err(ApiError::new(code::BODY_TOO_LARGE, message));
            }
            reserved.grow(bytes)?;
            decoded.rows.push((number, *row));
        }
        Ok(Mapped::Unmapped { kind }) => decoded.report.unmapped(&kind),
        Ok(Mapped::Merged) => decoded.report.merged += 1,
        Err(refusal) => decoded.report.refuse(number, refusal.code(), &refusal.to_string()),
    }
    Ok(())
}

fn bytes_of(row: &Row) -> usize {
    let texts = row.cells.iter().map(|cell| match cell {
        Cell::Text(text) => text.capacity(),
        _ => 0,
    });
    row.cells.len() * size_of::<Cell>() + texts.sum::<usize>()
}
