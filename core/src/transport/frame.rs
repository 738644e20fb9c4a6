//! Messages out of a stream of bytes (RFC 3261 sections 7.5 and 18.3, RFC 5626 section 4.4.1).
//!
//! ```text
//!            CRLF: Frame::LineBreak
//!            CRLF right after it: Frame::Ping
//!            ┌──────┐
//!            ▼      │   first byte of a start line            CRLFCRLF found
//!          between ─┴──────────────────────────────► in head ───────────────► in body
//!            ▲                                          │                        │
//!            │                                          │ Content-Length read    │ so many bytes came
//!            └──────────────────────────────────────────┴────────────────────────┘ Frame::Message
//!
//!          anything else, anywhere: FrameError, and nothing more is read
//! ```
//!
//! The frames do not depend on how the bytes were cut into pieces.

use bytes::{Buf, Bytes, BytesMut};

use crate::limits::Limits;
use crate::sip::{Fault, frame};

/// What a stream brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The bytes of one message: its head, and as many bytes of body as its Content-Length says.
    Message(Bytes),
    /// A line break between messages: the pong to a ping of ours, or the first half of a ping of the peer's.
    LineBreak,
    /// A second line break right after the first: the peer's keep-alive, to be answered with one.
    Ping,
}

/// Why a stream cannot be cut into messages any further. There is no way to find the next message: the connection closes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// The bytes between messages are neither a line break nor the beginning of a start line.
    #[error("no SIP message begins with the byte {0:#04x}")]
    NotSip(u8),
    /// The head has no end within the limit.
    #[error("the head of the message is larger than {0} bytes")]
    HeadTooLarge(usize),
    /// The head has no Content-Length, which every message on a stream must have.
    #[error("the message has no Content-Length")]
    NoContentLength,
    /// The Content-Length cannot be read, or there are two that differ.
    #[error("{0}")]
    ContentLength(Fault),
    /// The body is larger than the limit.
    #[error("a body of {claimed} bytes is larger than {limit}")]
    BodyTooLarge {
        /// What the Content-Length says.
        claimed: usize,
        /// The limit.
        limit: usize,
    },
}

impl FrameFault {
    /// The status code that a request is answered with before the connection closes.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match self {
            Self::NotSip(_) | Self::NoContentLength | Self::ContentLength(_) => 400,
            Self::HeadTooLarge(_) => 513,
            Self::BodyTooLarge { .. } => 413,
        }
    }
}

/// What ended the framing of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// What is wrong.
    pub fault: FrameFault,
    /// The head of the message, or as much of it as the limit allows, so that it can be answered.
    pub head: Bytes,
}

/// Cuts a stream into messages and keep-alives.
///
/// What is fed is never copied when it holds whole messages: they are split off it. Only the beginning of a message is copied, once, to wait for the rest.
#[derive(Debug, Default)]
pub struct Framer {
    /// What was fed and not yet looked at, while `partial` is empty.
    chunk: Bytes,
    /// The beginning of a message and what came after it.
    partial: BytesMut,
    /// How many bytes of the head hold no end of it.
    scanned: usize,
    /// Bytes of head and body, once the head is complete.
    total: Option<usize>,
    /// Whether the last frame was a line break.
    after_line_break: bool,
    /// Whether an error ended it all.
    failed: bool,
}

impl Framer {
    /// A framer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream. [`next`](Self::next) is called until it has nothing more to give.
    pub fn feed(&mut self, data: Bytes) {
        if self.failed {
            return;
        }
        if self.partial.is_empty() && self.chunk.is_empty() {
            self.chunk = data;
        } else {
            self.keep();
            self.partial.extend_from_slice(&data);
        }
    }

    /// The next frame; `None` when more bytes are wanted.
    ///
    /// # Errors
    /// Once, when the stream cannot be cut any further; `None` from then on.
    pub fn next(&mut self, limits: &Limits) -> Option<Result<Frame, FrameError>> {
        if self.failed {
            return None;
        }
        let frame = self.step(limits);
        match &frame {
            Some(Ok(_)) => {}
            Some(Err(_)) => *self = Self { failed: true, ..Self::default() },
            None => self.keep(),
        }
        frame
    }

    /// Whether a message has begun that is not complete.
    #[must_use]
    pub fn in_message(&self) -> bool {
        let data = self.data();
        !data.is_empty() && data != b"\r"
    }

    fn step(&mut self, limits: &Limits) -> Option<Result<Frame, FrameError>> {
        if self.total.is_none() && self.scanned == 0 {
            match self.data() {
                [] | [b'\r'] => return None,
                [b'\r', b'\n', ..] => {
                    self.take(2);
                    self.after_line_break = !self.after_line_break;
                    return Some(Ok(if self.after_line_break { Frame::LineBreak } else { Frame::Ping }));
                }
                [first, ..] if begins_message(*first) => self.after_line_break = false,
                [first, ..] => return Some(Err(self.error(FrameFault::NotSip(*first), 0))),
            }
        }
        let total = match self.total {
            Some(total) => total,
            None => match self.head(limits)? {
                Ok(total) => total,
                Err(error) => return Some(Err(error)),
            },
        };
        if self.data().len() < total {
            return None;
        }
        let message = self.take(total);
        (self.scanned, self.total) = (0, None);
        Some(Ok(Frame::Message(message)))
    }

    /// Looks for the end of the head and reads the Content-Length: how long the whole message is.
    fn head(&mut self, limits: &Limits) -> Option<Result<usize, FrameError>> {
        let data = self.data();
        let found = frame::head_len_from(data, self.scanned);
        let Some(head_len) = found.filter(|len| *len <= limits.head_bytes) else {
            if data.len() > limits.head_bytes {
                return Some(Err(self.error(FrameFault::HeadTooLarge(limits.head_bytes), limits.head_bytes)));
            }
            self.scanned = data.len();
            return None;
        };
        let fault = match data.get(..head_len).map(frame::content_length) {
            Some(Ok(Some(body))) if body <= limits.body_bytes => {
                let total = head_len + body;
                self.total = Some(total);
                return Some(Ok(total));
            }
            Some(Ok(Some(claimed))) => FrameFault::BodyTooLarge { claimed, limit: limits.body_bytes },
            Some(Ok(None)) | None => FrameFault::NoContentLength,
            Some(Err(error)) => FrameFault::ContentLength(error.fault),
        };
        Some(Err(self.error(fault, head_len)))
    }

    fn error(&self, fault: FrameFault, head_len: usize) -> FrameError {
        let data = self.data();
        FrameError { fault, head: Bytes::copy_from_slice(data.get(..head_len).unwrap_or(data)) }
    }

    fn data(&self) -> &[u8] {
        if self.partial.is_empty() { &self.chunk } else { &self.partial }
    }

    /// Splits `len` bytes off the front.
    fn take(&mut self, len: usize) -> Bytes {
        if self.partial.is_empty() {
            return self.chunk.split_to(len.min(self.chunk.len()));
        }
        let taken = self.partial.split_to(len.min(self.partial.len())).freeze();
        if self.partial.is_empty() {
            // An idle connection holds no buffer.
            self.partial = BytesMut::new();
        }
        taken
    }

    /// Copies what is left, so that a few bytes do not keep the driver's whole read buffer alive.
    fn keep(&mut self) {
        if self.chunk.has_remaining() {
            self.partial.extend_from_slice(&self.chunk);
            self.chunk = Bytes::new();
        }
    }
}

/// Whether a start line can begin with this byte: a method and `SIP/2.0` are tokens (RFC 3261 section 25.1).
const fn begins_message(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits() -> Limits {
        let mut limits = Limits::default();
        (limits.head_bytes, limits.body_bytes) = (60, 30);
        limits
    }

    /// The frames that come out when the stream comes in these pieces; the fault last, if there is one.
    fn frames(pieces: impl IntoIterator<Item = Bytes>) -> (Vec<Frame>, Option<FrameError>) {
        let mut framer = Framer::new();
        let (mut frames, mut error) = (Vec::new(), None);
        for piece in pieces {
            framer.feed(piece);
            while let Some(frame) = framer.next(&limits()) {
                match frame {
                    Ok(frame) => frames.push(frame),
                    Err(fault) => assert!(error.replace(fault).is_none(), "an error comes once"),
                }
            }
            assert!(framer.chunk.is_empty(), "the driver's buffer is not kept");
            assert!(framer.partial.len() <= 100, "no more than one message waits");
        }
        (frames, error)
    }

    fn whole(stream: &str) -> (Vec<Frame>, Option<FrameError>) {
        frames([Bytes::copy_from_slice(stream.as_bytes())])
    }

    fn message(text: &'static str) -> Frame {
        Frame::Message(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_stream_is_cut_where_the_content_length_says() {
        let stream = "A b c\r\nl: 3\r\n\r\nxyzB\r\nContent-Length : 0\r\n\r\nC\r\nL:2\r\n\r\n\r\n";
        let expected = [
            message("A b c\r\nl: 3\r\n\r\nxyz"),
            message("B\r\nContent-Length : 0\r\n\r\n"),
            message("C\r\nL:2\r\n\r\n\r\n"),
        ];
        assert_eq!(whole(stream), (expected.to_vec(), None));
    }

    #[test]
    fn line_breaks_pair_up_to_pings_between_messages_only() {
        use Frame::{LineBreak, Ping};
        let a = || message("A\r\nl:0\r\n\r\n");
        let cases: [(&str, &[Frame]); 6] = [
            ("\r\n", &[LineBreak]),
            ("\r\n\r\n", &[LineBreak, Ping]),
            ("\r\n\r\n\r\n", &[LineBreak, Ping, LineBreak]),
            ("\r\nA\r\nl:0\r\n\r\n\r\n", &[LineBreak, a(), LineBreak]),
            ("\r\n\r\nA\r\nl:0\r\n\r\n\r\n\r\n", &[LineBreak, Ping, a(), LineBreak, Ping]),
            ("\r", &[]),
        ];
        for (stream, expected) in cases {
            assert_eq!(whole(stream), (expected.to_vec(), None), "{stream:?}");
        }
    }

    #[test]
    fn each_fault_ends_the_stream() {
        let long = "A".repeat(61);
        let late = format!("{}\r\n\r\n", "A".repeat(57));
        let cases = [
            ("\rA", FrameFault::NotSip(b'\r'), 400, ""),
            ("\n", FrameFault::NotSip(b'\n'), 400, ""),
            ("\r\n A", FrameFault::NotSip(b' '), 400, ""),
            ("\u{16}\u{3}\u{1}", FrameFault::NotSip(0x16), 400, ""),
            (&long, FrameFault::HeadTooLarge(60), 513, &long[..60]),
            (&late, FrameFault::HeadTooLarge(60), 513, &late[..60]),
            ("A\r\n\r\nxyz", FrameFault::NoContentLength, 400, "A\r\n\r\n"),
            ("A\r\nl: -1\r\n\r\n", FrameFault::ContentLength(Fault::ContentLength), 400, "A\r\nl: -1\r\n\r\n"),
            (
                "A\r\nl: 1\r\nl: 2\r\n\r\n",
                FrameFault::ContentLength(Fault::ContentLengthRepeated),
                400,
                "A\r\nl: 1\r\nl: 2\r\n\r\n",
            ),
            ("A\r\nl: 31\r\n\r\n", FrameFault::BodyTooLarge { claimed: 31, limit: 30 }, 413, "A\r\nl: 31\r\n\r\n"),
        ];
        for (stream, fault, code, head) in cases {
            let error = FrameError { fault, head: Bytes::copy_from_slice(head.as_bytes()) };
            assert_eq!(error.fault.code(), code);
            // What follows is not read.
            let pieces = [stream, "A\r\nl:0\r\n\r\n"].map(|piece| Bytes::copy_from_slice(piece.as_bytes()));
            let (frames, found) = frames(pieces);
            assert_eq!(found, Some(error), "{stream:?}");
            assert!(frames.iter().all(|frame| matches!(frame, Frame::LineBreak)), "{stream:?}");
        }
    }

    #[test]
    fn a_whole_message_is_a_slice_of_what_was_fed() {
        let data = Bytes::from_static(b"\r\nA\r\nl:0\r\n\r\nB\r\nl:0\r\n\r\nC");
        let mut framer = Framer::new();
        framer.feed(data.clone());
        assert_eq!(framer.next(&limits()), Some(Ok(Frame::LineBreak)));
        for at in [2, 12] {
            let Some(Ok(Frame::Message(message))) = framer.next(&limits()) else { panic!("no message") };
            assert_eq!(message.as_ptr(), data[at..].as_ptr());
        }
        assert_eq!((framer.next(&limits()), framer.in_message()), (None, true));
    }

    #[test]
    fn nothing_is_kept_between_messages() {
        let mut framer = Framer::new();
        for byte in b"A\r\nl:0\r\n\r\n" {
            assert_eq!(framer.next(&limits()), None);
            framer.feed(Bytes::copy_from_slice(&[*byte]));
        }
        assert!(framer.in_message());
        assert_eq!(framer.next(&limits()), Some(Ok(message("A\r\nl:0\r\n\r\n"))));
        assert!(!framer.in_message());
        assert_eq!(framer.partial.capacity(), 0);
        // What was fed twice before it was looked at is in order.
        framer.feed(Bytes::from_static(b"B\r\nl:"));
        framer.feed(Bytes::from_static(b"1\r\n\r\n"));
        framer.feed(Bytes::from_static(b"x\r"));
        assert_eq!(framer.next(&limits()), Some(Ok(message("B\r\nl:1\r\n\r\nx"))));
        assert_eq!((framer.next(&limits()), framer.in_message()), (None, false));
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("\r\n".to_owned()),
            Just("\r\n\r\n".to_owned()),
            "[A-Z]{1,4}".prop_map(|method| format!("{method} b\r\nl: 0\r\n\r\n")),
            "[\r\na-z]{0,35}".prop_map(|body| format!("M b\r\nContent-Length: {}\r\n\r\n{body}", body.len())),
            "[A\r\n:l0 ]{0,70}",
        ]
    }

    proptest! {
        #[test]
        fn the_cut_does_not_depend_on_the_pieces(
            parts in proptest::collection::vec(part(), 0..8),
            cuts in proptest::collection::vec(0_usize..400, 0..12),
        ) {
            let stream = parts.concat();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|cut| Bytes::copy_from_slice(&stream.as_bytes()[cut[0]..cut[1]]));
            let expected = whole(&stream);
            prop_assert_eq!(&frames(pieces), &expected);
            let bytes = stream.bytes().map(|byte| Bytes::copy_from_slice(&[byte]));
            prop_assert_eq!(&frames(bytes), &expected);
        }
    }
}
