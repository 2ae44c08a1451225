//! Numbers of few bits, one behind the other; the lowest bit comes first.

/// The most bits that one number may have.
pub(super) const NUMBER_BITS_MAX: u32 = 32;

#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    pending_bits: u32,
}

impl BitWriter {
    /// `value` has at most `bits` bits, and these are at most [`NUMBER_BITS_MAX`].
    pub fn write(&mut self, value: u32, bits: u32) {
        self.pending |= u64::from(value) << self.pending_bits;
        self.pending_bits += bits;
        if self.pending_bits >= 32 {
            self.bytes.extend_from_slice(&(self.pending as u32).to_le_bytes());
            self.pending >>= 32;
            self.pending_bits -= 32;
        }
    }

    /// That many zeros, and a one.
    pub fn write_unary(&mut self, mut zeros: u32) {
        while zeros >= NUMBER_BITS_MAX {
            self.write(0, NUMBER_BITS_MAX);
            zeros -= NUMBER_BITS_MAX;
        }
        self.write(1 << zeros, zeros + 1);
    }

    /// What was written, filled up to whole bytes with zeros.
    pub fn finish(mut self) -> Vec<u8> {
        let rest = self.pending_bits.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.pending.to_le_bytes()[..rest]);
        self.bytes
    }
}

/// Reads what a [`BitWriter`] wrote; none behind its end.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> BitReader<'a> {
        BitReader { bytes, at: 0 }
    }

    pub fn read(&mut self, bits: u32) -> Option<u32> {
        debug_assert!(bits <= NUMBER_BITS_MAX);
        let end = self.at + bits as usize;
        if end > self.bytes.len() * 8 {
            return None;
        }
        let value = self.window() & ((1u64 << bits) - 1);
        self.at = end;
        Some(value as u32)
    }

    pub fn read_unary(&mut self) -> Option<u32> {
        let mut zeros = 0;
        loop {
            let left = (self.bytes.len() * 8).checked_sub(self.at).filter(|left| *left > 0)?;
            let run = self.window().trailing_zeros().min(WINDOW_BITS);
            if run < WINDOW_BITS {
                self.at += run as usize + 1;
                return Some(zeros + run);
            }
            let skipped = left.min(WINDOW_BITS as usize);
            self.at += skipped;
            zeros += skipped as u32;
        }
    }

    /// The next bits, at least [`WINDOW_BITS`] of them, zeros behind the end.
    fn window(&self) -> u64 {
        let from = self.at / 8;
        let word = match self.bytes.get(from..from + 8) {
            Some(eight) => u64::from_le_bytes(eight.try_into().unwrap_or_default()),
            None => {
                let rest = self.bytes.get(from..).unwrap_or_default();
                rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
            }
        };
        word >> (self.at % 8)
    }
}

/// A window begins inside a byte.
const WINDOW_BITS: u32 = 64 - 7;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers in proptest::collection::vec((any::<u32>(), 0u32..=32, any::<bool>()), 0..100)) {
            let mut writer = BitWriter::default();
            let cut = |(value, bits, unary): (u32, u32, bool)| {
                let value = (u64::from(value) & ((1 << bits) - 1)) as u32;
                (if unary { value % 300 } else { value }, bits, unary)
            };
            let numbers: Vec<_> = numbers.into_iter().map(cut).collect();
            for (value, bits, unary) in &numbers {
                if *unary { writer.write_unary(*value) } else { writer.write(*value, *bits) }
            }
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            for (value, bits, unary) in numbers {
                let read = if unary { reader.read_unary() } else { reader.read(bits) };
                prop_assert_eq!(read, Some(value));
            }
            prop_assert!(reader.read(8).is_none());
        }

        #[test]
        fn nothing_is_read_behind_the_end(bytes in proptest::collection::vec(0u8..2, 0..40), bits in 1u32..=32) {
            let mut reader = BitReader::new(&bytes);
            while reader.read(bits).is_some() {}
            let mut reader = BitReader::new(&bytes);
            let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
            prop_assert_eq!((0..).take_while(|_| reader.read_unary().is_some()).count(), ones as usize);
        }
    }
}
