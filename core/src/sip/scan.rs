//! Finding a byte in text so short that a call of `memchr` would cost more than it saves: the colon after a name, a comma in a value.

/// Where the first `wanted` stands.
#[inline]
pub(crate) fn byte(bytes: &[u8], wanted: u8) -> Option<usize> {
    let each = |byte: u8| u64::from_ne_bytes([byte; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        // The highest bit of each byte that was `wanted` and is zero now; it may be wrong in those behind the first.
        let zeroed = u64::from_le_bytes(*word) ^ each(wanted);
        let found = zeroed.wrapping_sub(each(1)) & !zeroed & each(0x80);
        if found != 0 {
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|byte| *byte == wanted).map(|at| words.len() * 8 + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_at_every_place() {
        for len in 0..40 {
            for at in 0..len {
                for wanted in [0, 1, b':', 0x7f, 0x80, 0xff] {
                    let mut bytes = vec![b'x'; len];
                    bytes[at] = wanted;
                    assert_eq!(byte(&bytes, wanted), Some(at), "{len} {at} {wanted}");
                    bytes[len - 1] = wanted;
                    assert_eq!(byte(&bytes, wanted), Some(at), "{len} {at} {wanted}");
                }
            }
            assert_eq!(byte(&vec![b'y'; len], b'x'), None);
        }
    }

    #[test]
    fn neighbours_of_what_is_wanted_are_not_found() {
        assert_eq!(byte(&[b':' - 1, b':' + 1, b':' ^ 0x80, b':', b':' + 1, 0, 0, 0, 0], b':'), Some(3));
    }
}
