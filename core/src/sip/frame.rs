//! Where a message ends on a stream (RFC 3261 section 18.3): what a transport needs to cut exact frames.
//!
//! Empty lines between messages are keep-alives (RFC 5626) and are taken off before.

use memchr::memmem;

use super::{ParseError, head};

/// The length of the head with the empty line that ends it; none when it has not come yet.
#[must_use]
pub fn head_len(data: &[u8]) -> Option<usize> {
    memmem::find(data, b"\r\n\r\n").map(|at| at + 4)
}

/// The same when the first `searched` bytes were already searched in vain, so that a head that comes byte by byte costs no more than one
/// that comes at once.
#[must_use]
pub fn head_len_from(data: &[u8], searched: usize) -> Option<usize> {
    // The line ends may have come in two pieces.
    let from = searched.saturating_sub(3);
    head_len(data.get(from..)?).map(|len| from + len)
}

/// The Content-Length in the head, which [`Message::parse`](super::Message::parse) understands in the same way. None when there is none:
/// then there is no telling where the message ends.
///
/// # Errors
/// When it is no number or is repeated: the stream cannot be cut any further. The error does not hold the request.
pub fn content_length(head: &[u8]) -> Result<Option<usize>, ParseError> {
    head::content_length(head).map_err(|(at, fault)| ParseError::new(at, fault))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Fault;

    #[test]
    fn a_head_ends_with_an_empty_line_in_any_pieces() {
        let data = b"OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\nbody";
        assert_eq!(head_len(data), Some(31));
        for cut in 0..31 {
            assert_eq!(head_len(&data[..cut]), None);
            assert_eq!(head_len_from(data, cut), Some(31), "{cut}");
        }
        assert_eq!(head_len(b"\r\n\r\n"), Some(4));
    }

    #[test]
    fn the_length_is_found_in_every_spelling() {
        for head in [
            "A b SIP/2.0\r\nContent-Length: 12\r\n\r\n",
            "A b SIP/2.0\r\nl:12\r\n\r\n",
            "A b SIP/2.0\r\nTo: x\r\nCONTENT-LENGTH \t:  \r\n 00012 \r\n\r\n",
        ] {
            assert_eq!(content_length(head.as_bytes()).unwrap(), Some(12), "{head}");
        }
        assert_eq!(content_length(b"A b SIP/2.0\r\nContent-Type: 12\r\n\r\n").unwrap(), None);
        assert_eq!(content_length(b"A b SIP/2.0\r\nX: y\r\n l: 5\r\n\r\n").unwrap(), None);
    }

    #[test]
    fn a_length_that_is_none_or_two_is_refused() {
        for (head, at, fault) in [
            ("A b SIP/2.0\r\nl: -1\r\n\r\n", 16, Fault::ContentLength),
            ("A b SIP/2.0\r\nl: \r\n\r\n", 16, Fault::ContentLength),
            ("A b SIP/2.0\r\nl: 1 2\r\n\r\n", 16, Fault::ContentLength),
            ("A b SIP/2.0\r\nl: 0x1\r\n\r\n", 16, Fault::ContentLength),
            ("A b SIP/2.0\r\nl: 99999999999999999999999\r\n\r\n", 16, Fault::ContentLength),
            ("A b SIP/2.0\r\nl: 18446744073709551617\r\n\r\n", 16, Fault::ContentLength),
            ("A b SIP/2.0\r\nl: 1\r\nContent-Length: 1\r\n\r\n", 19, Fault::ContentLengthRepeated),
        ] {
            let error = content_length(head.as_bytes()).unwrap_err();
            assert_eq!((error.at, error.fault), (at, fault), "{head}");
        }
    }
}
