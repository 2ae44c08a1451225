//! Bodies of lines. Blank ones count for nothing but the number of the line.

use std::ops::ControlFlow;

use memchr::memchr_iter;

use crate::{Give, Mapped, Refusal};

/// Longer lines are refused.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// The lines that are not blank, with their numbers from 1, without line ends and blanks around them.
pub(crate) fn split(body: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut start = 0;
    let ends = memchr_iter(b'\n', body).chain([body.len()]);
    let lines = ends.map(move |end| {
        let line = &body[start..end];
        start = end + 1;
        line.trim_ascii()
    });
    (1..).zip(lines).filter(|(_, line)| !line.is_empty())
}

pub(crate) fn count(body: &[u8]) -> u64 {
    split(body).count() as u64
}

/// Reads each line by itself.
pub(crate) fn read(
    body: &[u8],
    mut map: impl FnMut(&[u8]) -> Result<Mapped, Refusal>,
    give: &mut Give<'_>,
) -> ControlFlow<()> {
    split(body).try_for_each(|(number, line)| give(number, map(line)))
}

pub(crate) fn check_length(line: &[u8]) -> Result<(), Refusal> {
    let bytes = line.len();
    if bytes > LINE_BYTES_MAX { Err(Refusal::TooLong { bytes, max: LINE_BYTES_MAX }) } else { Ok(()) }
}
