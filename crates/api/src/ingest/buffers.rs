//! Room for bodies, used again: memory that is new has to be cleared by the system first.

use std::sync::{Arc, Mutex};

use super::lock;

const KEPT_MAX: usize = 2;
/// Larger ones are given back to the system.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// Empty buffers.
#[derive(Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// An empty one with room for so many bytes.
    pub fn take(&self, bytes: usize) -> Vec<u8> {
        let mut buffer = lock(&self.0).pop().unwrap_or_default();
        buffer.reserve_exact(bytes);
        buffer
    }

    /// Takes one back.
    pub fn keep(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut kept = lock(&self.0);
        if kept.len() < KEPT_MAX && (1..=KEPT_BYTES_MAX).contains(&buffer.capacity()) {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take(100);
        buffer.extend_from_slice(b"of another tenant");
        let room = buffer.capacity();
        buffers.keep(buffer);
        let again = buffers.take(10);
        assert_eq!((again.len(), again.capacity()), (0, room));
        buffers.keep(Vec::with_capacity(KEPT_BYTES_MAX + 1));
        assert_eq!(buffers.take(0).capacity(), 0);
    }
}
