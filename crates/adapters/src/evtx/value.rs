//! Values of binary XML as the text that Windows shows.

use std::fmt::Write;

use super::bytes::{push_utf16, u16_at, u32_at, u64_at};

/// Types of values; those that only differ in width are read by their width.
const NULL: u8 = 0x00;
const STRING: u8 = 0x01;
const ANSI_STRING: u8 = 0x02;
const FLOAT_32: u8 = 0x0b;
const FLOAT_64: u8 = 0x0c;
const BOOL: u8 = 0x0d;
const GUID: u8 = 0x0f;
const SIZE: u8 = 0x10;
const FILE_TIME: u8 = 0x11;
const SYSTEM_TIME: u8 = 0x12;
const SID: u8 = 0x13;
const HEX_32: u8 = 0x14;
const HEX_64: u8 = 0x15;
/// A fragment of binary XML.
pub(super) const XML: u8 = 0x21;
/// Set for a list of the type below it.
const LIST: u8 = 0x80;

/// A value where it lies in the chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'c> {
    pub kind: u8,
    pub bytes: &'c [u8],
    /// Of the bytes in the chunk, for fragments.
    pub start: usize,
}

impl<'c> Value<'c> {
    pub fn is_none(&self) -> bool {
        self.kind == NULL || self.bytes.is_empty()
    }

    pub fn is_list(&self) -> bool {
        self.kind & LIST != 0
    }

    /// The elements of a list.
    pub fn items(&self) -> Vec<String> {
        let kind = self.kind & !LIST;
        let text = |bytes: &[u8]| {
            let mut out = String::new();
            push_text(&mut out, Value { kind, bytes, start: 0 });
            out
        };
        match width(kind) {
            Some(width) => self.bytes.chunks_exact(width).map(text).collect(),
            // Texts end with a zero each, the last one at times without.
            None if kind == STRING => {
                let units: Vec<&[u8]> = self.bytes.chunks_exact(2).collect();
                let texts = units.split(|unit| *unit == [0, 0]).map(|units| text(&units.concat()));
                let mut texts: Vec<String> = texts.collect();
                if texts.last().is_some_and(String::is_empty) {
                    texts.pop();
                }
                texts
            }
            None => vec![text(self.bytes)],
        }
    }
}

/// The bytes of one value, for types of which they are fixed.
fn width(kind: u8) -> Option<usize> {
    Some(match kind {
        0x03 | 0x04 => 1,
        0x05 | 0x06 => 2,
        0x07 | 0x08 | FLOAT_32 | BOOL | HEX_32 => 4,
        0x09 | 0x0a | FLOAT_64 | FILE_TIME | HEX_64 => 8,
        GUID | SYSTEM_TIME => 16,
        _ => return None,
    })
}

/// Adds the text of a value that is no list; one that is too short for its type adds nothing.
pub(super) fn push_text(out: &mut String, value: Value<'_>) {
    let _ = write_text(out, value);
}

fn write_text(out: &mut String, Value { kind, bytes, .. }: Value<'_>) -> Option<()> {
    let written = match kind {
        STRING => {
            push_utf16(out, bytes);
            out.truncate(out.trim_end_matches('\0').len());
            return Some(());
        }
        ANSI_STRING => {
            match str::from_utf8(bytes) {
                Ok(text) => out.push_str(text.trim_end_matches('\0')),
                Err(_) => out.extend(bytes.iter().map(|byte| char::from(*byte)).filter(|c| *c != '\0')),
            }
            return Some(());
        }
        0x03 => write!(out, "{}", (*bytes.first()?).cast_signed()),
        0x04 => write!(out, "{}", bytes.first()?),
        0x05 => write!(out, "{}", u16_at(bytes, 0)?.cast_signed()),
        0x06 => write!(out, "{}", u16_at(bytes, 0)?),
        0x07 => write!(out, "{}", u32_at(bytes, 0)?.cast_signed()),
        0x08 => write!(out, "{}", u32_at(bytes, 0)?),
        0x09 => write!(out, "{}", u64_at(bytes, 0)?.cast_signed()),
        0x0a => write!(out, "{}", u64_at(bytes, 0)?),
        FLOAT_32 => write!(out, "{}", f32::from_bits(u32_at(bytes, 0)?)),
        FLOAT_64 => write!(out, "{}", f64::from_bits(u64_at(bytes, 0)?)),
        BOOL => write!(out, "{}", u32_at(bytes, 0)? != 0),
        HEX_32 => write!(out, "{:#x}", u32_at(bytes, 0)?),
        HEX_64 => write!(out, "{:#x}", u64_at(bytes, 0)?),
        SIZE if bytes.len() == 4 => write!(out, "{:#x}", u32_at(bytes, 0)?),
        SIZE => write!(out, "{:#x}", u64_at(bytes, 0)?),
        GUID => return write_guid(out, bytes),
        FILE_TIME => write!(out, "{}", file_time(u64_at(bytes, 0)?)?),
        SYSTEM_TIME => return write_system_time(out, bytes),
        SID => return write_sid(out, bytes),
        // Binary data, and types that no event was seen with.
        _ => bytes.iter().try_for_each(|byte| write!(out, "{byte:02X}")),
    };
    written.ok()
}

fn write_guid(out: &mut String, bytes: &[u8]) -> Option<()> {
    let (a, b, c) = (u32_at(bytes, 0)?, u16_at(bytes, 4)?, u16_at(bytes, 6)?);
    let rest = bytes.get(8..16)?;
    write!(out, "{{{a:08X}-{b:04X}-{c:04X}-{:02X}{:02X}-", rest[0], rest[1]).ok()?;
    rest[2..].iter().try_for_each(|byte| write!(out, "{byte:02X}")).ok()?;
    out.push('}');
    Some(())
}

/// Ticks of 100 ns since 1601.
fn file_time(ticks: u64) -> Option<model::Ticks> {
    let days_from_year_1 = 584_388;
    let start = days_from_year_1 * 86_400 * model::time::TICKS_PER_SECOND;
    i64::try_from(ticks).ok()?.checked_add(start).map(model::Ticks)
}

/// Year, month, weekday, day, hour, minute, second and millisecond.
fn write_system_time(out: &mut String, bytes: &[u8]) -> Option<()> {
    let part = |index: usize| u16_at(bytes, index * 2);
    let (year, month, day) = (part(0)?, part(1)?, part(3)?);
    let (hour, minute, second, millisecond) = (part(4)?, part(5)?, part(6)?, part(7)?);
    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z").ok()
}

fn write_sid(out: &mut String, bytes: &[u8]) -> Option<()> {
    let (revision, count) = (bytes.first()?, usize::from(*bytes.get(1)?));
    let authority = bytes.get(2..8)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    write!(out, "S-{revision}-{authority}").ok()?;
    (0..count).try_for_each(|index| write!(out, "-{}", u32_at(bytes, 8 + index * 4)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: u8, bytes: &[u8], expected: &str) {
        let mut out = String::new();
        push_text(&mut out, Value { kind, bytes, start: 0 });
        assert_eq!(out, expected);
    }

    #[test]
    fn values_are_written_as_windows_shows_them() {
        check(STRING, b"a\0\xe4\0\0\0", "aä");
        check(ANSI_STRING, b"caf\xe9\0", "café");
        check(0x03, &[0xff], "-1");
        check(0x06, &[0x10, 0x12], "4624");
        check(0x0a, &u64::MAX.to_le_bytes(), "18446744073709551615");
        check(BOOL, &[1, 0, 0, 0], "true");
        check(HEX_64, &999u64.to_le_bytes(), "0x3e7");
        check(SIZE, &[16, 0, 0, 0], "0x10");
        check(FILE_TIME, &132_223_104_001_234_567u64.to_le_bytes(), "2020-01-01T00:00:00.1234567Z");
        check(
            SYSTEM_TIME,
            &[0xe8, 7, 5, 0, 1, 0, 6, 0, 7, 0, 8, 0, 9, 0, 123, 0],
            "2024-05-06T07:08:09.123Z",
        );
        check(SID, b"\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x20\x02\0\0", "S-1-5-32-544");
        check(GUID, &(0..16).collect::<Vec<u8>>(), "{03020100-0504-0706-0809-0A0B0C0D0E0F}");
        check(0x0e, &[0xab, 0x01], "AB01");
        check(FILE_TIME, &[1, 2], "");
    }

    #[test]
    fn lists_have_elements() {
        let items = |kind, bytes| Value { kind: LIST | kind, bytes, start: 0 }.items();
        assert_eq!(items(STRING, b"a\0\0\0\0\0b\0\0\0"), ["a", "", "b"]);
        assert_eq!(items(STRING, b"a\0\0\0b\0"), ["a", "b"]);
        assert_eq!(items(0x06, &[1, 0, 2, 0, 3]), ["1", "2"]);
        assert!(items(STRING, b"").is_empty());
    }
}
