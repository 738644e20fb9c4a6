//! What was read from a socket, handed on as [`Bytes`].

use bytes::Bytes;

/// Bytes that one read may bring: more than the longest datagram.
const CAPACITY: usize = 64 * 1024;

/// Up to this many bytes are copied out. That costs less than a fresh buffer, and a short message that somebody keeps
/// does not keep a long buffer.
const COPIED: usize = 4 * 1024;

/// A buffer to read into, again and again.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    space: Vec<u8>,
}

impl ReadBuffer {
    pub(crate) fn new() -> Self {
        Self { space: vec![0; CAPACITY] }
    }

    /// The space to read into, at most `limit` bytes of it.
    pub(crate) fn space(&mut self, limit: usize) -> &mut [u8] {
        let len = self.space.len().min(limit);
        &mut self.space[..len]
    }

    /// The first `len` bytes of the space, which a read has filled.
    pub(crate) fn take(&mut self, len: usize) -> Bytes {
        if len <= COPIED {
            return Bytes::copy_from_slice(&self.space[..len]);
        }
        Bytes::from(std::mem::replace(&mut self.space, vec![0; CAPACITY])).slice(..len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_does_not_change_with_the_next_read() {
        let mut buffer = ReadBuffer::new();
        for len in [1, COPIED, COPIED + 1, CAPACITY] {
            buffer.space(len).fill(1);
            let taken = buffer.take(len);
            buffer.space(usize::MAX).fill(2);
            assert_eq!(taken.len(), len);
            assert!(taken.iter().all(|byte| *byte == 1), "{len}");
        }
        assert_eq!(buffer.space(10).len(), 10);
        assert_eq!(buffer.space(usize::MAX).len(), CAPACITY);
    }
}
