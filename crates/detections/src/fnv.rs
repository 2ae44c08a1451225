//! FNV-1a: a hash that never changes, for ids that must be the same on every run.

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The hash of the parts, each closed by a byte that is not in text, so that `ab, c` differs from `a, bc`.
pub(crate) fn hash(parts: &[&[u8]]) -> u64 {
    let mut state = OFFSET;
    for part in parts {
        for byte in part.iter().chain(&[0xff]) {
            state = (state ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    }
    state
}
