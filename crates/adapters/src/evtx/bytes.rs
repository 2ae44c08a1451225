//! Reading little-endian values at places that may not be there.

pub(super) const CUT_OFF: &str = "its binary XML breaks off";

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// A place in a chunk that moves on as it is read.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'c> {
    /// The chunk up to where reading has to end.
    bytes: &'c [u8],
    pub at: usize,
}

impl<'c> Cursor<'c> {
    pub fn new(chunk: &'c [u8], at: usize, end: usize) -> Cursor<'c> {
        Cursor { bytes: &chunk[..end.min(chunk.len())], at }
    }

    pub fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub fn take(&mut self, count: usize) -> Result<&'c [u8], &'static str> {
        let end = self.at.checked_add(count).ok_or(CUT_OFF)?;
        let taken = self.bytes.get(self.at..end).ok_or(CUT_OFF)?;
        self.at = end;
        Ok(taken)
    }

    pub fn u8(&mut self) -> Result<u8, &'static str> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub fn u16(&mut self) -> Result<u16, &'static str> {
        self.take(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    pub fn u32(&mut self) -> Result<u32, &'static str> {
        self.take(4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// Text behind a count of its UTF-16 units.
    pub fn counted_utf16(&mut self) -> Result<&'c [u8], &'static str> {
        let units = self.u16()?;
        self.take(usize::from(units) * 2)
    }
}

/// Adds UTF-16 text; what is no text becomes replacement characters.
pub(super) fn push_utf16(out: &mut String, bytes: &[u8]) {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    out.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
}
