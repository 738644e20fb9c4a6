//! Frames out of a stream of bytes (RFC 4975 sections 5.1, 7.1 and 9).
//!
//! ```text
//!            ┌─ line ─┐
//!            ▼        │                          bytes: Frame::Body
//!         in head ────┴─ empty line: Frame::Head ─► in body ─┐
//!            ▲  │                                     │  ▲   │
//!            │  │ end line: Frame::Head, Frame::End   │  └───┘
//!            └──┴─────────────────────────────────────┘ CRLF end line: Frame::End
//!
//!         a start line that is none, a head without end: FrameFault, and nothing more is read
//! ```
//!
//! An end line is seven dashes, the transaction identifier of the very frame, a flag, and a line end: anything else is data. What comes
//! does not depend on how the bytes were cut into pieces, but for where bodies are cut. Bodies are slices of what was fed; only a head or
//! an end line that came in pieces is copied.

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memmem};

use super::{Continuation, Head};
use crate::limits::Limits;
use crate::sip::Text;
use crate::sip::line::{NoLine, line_end};

/// What a stream brought.
#[derive(Clone, Debug)]
pub enum Frame {
    /// A frame begins.
    Head(Head),
    /// The next bytes of its body.
    Body(Bytes),
    /// It ends.
    End(Continuation),
}

/// Why a stream cannot be cut into frames any further: the connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// A start line is expected, and this is none.
    #[error("what comes is not MSRP")]
    NotMsrp,
    /// The head has no end within the limit.
    #[error("the head of the frame is larger than {0} bytes")]
    HeadTooLarge(usize),
    /// A CR or LF stands alone in a head.
    #[error("a line of the head has half an end")]
    BareLineEnd,
}

#[derive(Debug, Default)]
enum State {
    /// Before or in a head.
    #[default]
    Head,
    /// The head was given, and the frame ends with it.
    Ended(Continuation),
    /// In a body.
    Body(End),
    /// Nothing more is read.
    Failed,
}

/// What ends a body.
#[derive(Debug)]
struct End {
    /// A line end, seven dashes and the transaction identifier.
    needle: Vec<u8>,
    /// Whether nothing of the body has come, so that its end line may stand without a line end before it.
    at_start: bool,
}

/// What bytes say of the end of a body.
enum Found {
    /// The body ends before this offset, and the next frame begins at the second one.
    End(usize, usize, Continuation),
    /// There is no end line up to this offset; from there on one may stand.
    Until(usize),
}

/// Cuts a stream into frames.
#[derive(Debug, Default)]
pub struct Framer {
    state: State,
    /// What was fed and not yet looked at.
    chunk: Bytes,
    /// The beginning of a head, or of what may be an end line, that came before `chunk`.
    partial: BytesMut,
    /// Bytes of the head that hold whole lines.
    lines: usize,
    /// Bytes of the head that hold no further line end.
    scanned: usize,
    /// The transaction identifier, once the start line has come.
    transaction: Option<Text>,
}

impl Framer {
    /// A framer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream. [`next`](Self::next) is called until it has nothing more to give.
    pub fn feed(&mut self, data: Bytes) {
        if self.chunk.is_empty() {
            self.chunk = data;
        } else {
            let mut whole = BytesMut::from(std::mem::take(&mut self.chunk));
            whole.extend_from_slice(&data);
            self.chunk = whole.freeze();
        }
    }

    /// Whether a frame has begun that has not ended.
    #[must_use]
    pub fn in_frame(&self) -> bool {
        match self.state {
            State::Head => !self.partial.is_empty() || !self.chunk.is_empty(),
            State::Ended(_) | State::Body(_) => true,
            State::Failed => false,
        }
    }

    /// The next part of a frame; `None` when more bytes are wanted.
    ///
    /// # Errors
    /// Once, when the stream cannot be cut any further; `None` from then on.
    pub fn next(&mut self, limits: &Limits) -> Option<Result<Frame, FrameFault>> {
        match std::mem::take(&mut self.state) {
            State::Head => match self.head(limits) {
                Ok(head) => head.map(Frame::Head).map(Ok),
                Err(fault) => {
                    *self = Self { state: State::Failed, ..Self::default() };
                    Some(Err(fault))
                }
            },
            State::Ended(flag) => Some(Ok(Frame::End(flag))),
            State::Body(end) => self.body(end).map(Ok),
            State::Failed => {
                *self = Self { state: State::Failed, ..Self::default() };
                None
            }
        }
    }

    /// Goes on with a head, line by line.
    fn head(&mut self, limits: &Limits) -> Result<Option<Head>, FrameFault> {
        loop {
            if self.partial.is_empty() && self.lines == 0 {
                while self.chunk.starts_with(b"\r\n") {
                    self.chunk = self.chunk.slice(2..);
                }
            }
            let data: &[u8] = if self.partial.is_empty() { &self.chunk } else { &self.partial };
            if self.lines == 0 && !could_begin(data) {
                return Err(FrameFault::NotMsrp);
            }
            match line_end(data, self.lines.max(self.scanned)) {
                Ok(end) if end > limits.head_bytes => return Err(FrameFault::HeadTooLarge(limits.head_bytes)),
                Ok(end) => {
                    let line = data.get(self.lines..end).unwrap_or_default();
                    if self.lines == 0 {
                        let (range, _) = Head::start(line).ok_or(FrameFault::NotMsrp)?;
                        let transaction =
                            line.get(range).map(|bytes| Text::from_utf8_lossy(Bytes::copy_from_slice(bytes)));
                        self.transaction = transaction;
                    } else if line.is_empty() {
                        return self.begin(end + 2, None, limits).map(Some);
                    } else if let Some(flag) = self.ends(line) {
                        return self.begin(end + 2, Some(flag), limits).map(Some);
                    }
                    self.lines = end + 2;
                }
                Err(NoLine::Bare(_)) => return Err(FrameFault::BareLineEnd),
                Err(NoLine::Unfinished) => {
                    if data.len() > limits.head_bytes {
                        return Err(FrameFault::HeadTooLarge(limits.head_bytes));
                    }
                    // The last byte may be half a line end.
                    self.scanned = data.len().saturating_sub(1);
                    if !self.more() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Moves the next line of what was fed to the beginning that waits for it. False when there is nothing more.
    fn more(&mut self) -> bool {
        if self.chunk.is_empty() {
            return false;
        }
        let len = if self.partial.is_empty() {
            self.chunk.len()
        } else {
            memchr(b'\n', &self.chunk).map_or(self.chunk.len(), |at| at + 1)
        };
        let part = self.chunk.split_to(len);
        self.partial.extend_from_slice(&part);
        true
    }

    /// The flag of an end line of this frame, without its line end.
    fn ends(&self, line: &[u8]) -> Option<Continuation> {
        let rest = line.strip_prefix(b"-------")?.strip_prefix(self.transaction.as_ref()?.as_bytes().as_ref())?;
        match rest {
            [flag] => Continuation::of(*flag),
            _ => None,
        }
    }

    /// The head is complete: `len` bytes with the empty line, or the end line whose flag is given.
    fn begin(&mut self, len: usize, flag: Option<Continuation>, limits: &Limits) -> Result<Head, FrameFault> {
        let mut whole = if self.partial.is_empty() {
            self.chunk.split_to(len)
        } else {
            // Nothing was moved there beyond the line that ends it.
            self.partial.split().freeze()
        };
        whole.truncate(self.lines);
        let transaction = self.transaction.take().unwrap_or_default();
        (self.lines, self.scanned) = (0, 0);
        let head = Head::index(whole, flag.is_none(), limits.header_fields).ok_or(FrameFault::NotMsrp)?;
        self.state = match flag {
            Some(flag) => State::Ended(flag),
            None => State::Body(End { needle: format!("\r\n-------{transaction}").into_bytes(), at_start: true }),
        };
        Ok(head)
    }

    /// Goes on with a body.
    fn body(&mut self, mut end: End) -> Option<Frame> {
        loop {
            if !self.partial.is_empty() {
                // What may be an end line is completed, a byte of it after the other being rare enough.
                let longest = end.needle.len() + 3;
                let wanted = longest.saturating_sub(self.partial.len()).min(self.chunk.len());
                let joined = [&self.partial, self.chunk.get(..wanted).unwrap_or_default()].concat();
                match end.look(&joined) {
                    Found::End(0, next, flag) => {
                        self.chunk = self.chunk.slice(next.saturating_sub(self.partial.len()).min(self.chunk.len())..);
                        self.partial.clear();
                        return Some(Frame::End(flag));
                    }
                    // It goes on as one might, and there is no more yet.
                    Found::Until(0) => {
                        let rest = self.chunk.split_to(wanted);
                        self.partial.extend_from_slice(&rest);
                        self.state = State::Body(end);
                        return None;
                    }
                    Found::End(len, ..) | Found::Until(len) => {
                        end.at_start = false;
                        let data = self.partial.split_to(len.min(self.partial.len())).freeze();
                        self.state = State::Body(end);
                        return Some(Frame::Body(data));
                    }
                }
            }
            if self.chunk.is_empty() {
                self.state = State::Body(end);
                return None;
            }
            match end.look(&self.chunk) {
                Found::End(0, next, flag) => {
                    self.chunk = self.chunk.slice(next..);
                    return Some(Frame::End(flag));
                }
                Found::Until(0) => {
                    let rest = std::mem::take(&mut self.chunk);
                    self.partial.extend_from_slice(&rest);
                }
                Found::End(len, ..) | Found::Until(len) => {
                    end.at_start = false;
                    let data = self.chunk.split_to(len);
                    self.state = State::Body(end);
                    return Some(Frame::Body(data));
                }
            }
            if self.chunk.is_empty() {
                self.state = State::Body(end);
                return None;
            }
        }
    }
}

impl End {
    /// Looks for the end line.
    fn look(&self, data: &[u8]) -> Found {
        let needle = &self.needle;
        if self.at_start {
            // The line end that should stand before it is the empty line's.
            let needle = needle.get(2..).unwrap_or_default();
            match data.strip_prefix(needle) {
                Some(rest) => match flag(rest) {
                    Ok(Some(flag)) => return Found::End(0, needle.len() + 3, flag),
                    Ok(None) => return Found::Until(0),
                    Err(()) => {}
                },
                None if needle.starts_with(data) => return Found::Until(0),
                None => {}
            }
        }
        let mut from = 0;
        while let Some(at) = data.get(from..).and_then(|rest| memmem::find(rest, needle)).map(|at| from + at) {
            let behind = at + needle.len();
            match flag(data.get(behind..).unwrap_or_default()) {
                Ok(Some(flag)) => return Found::End(at, behind + 3, flag),
                Ok(None) => return Found::Until(at),
                Err(()) => from = at + 2,
            }
        }
        // An end line that has begun at the end of the data.
        let tail = data.len().saturating_sub(needle.len() - 1).max(from);
        let begun = data.get(tail..).unwrap_or_default();
        let at = (0..begun.len()).find(|at| begun.get(*at..).is_some_and(|part| needle.starts_with(part)));
        Found::Until(at.map_or(data.len(), |at| tail + at))
    }
}

/// The flag and line end that these bytes begin with; none when they may yet become one.
fn flag(bytes: &[u8]) -> Result<Option<Continuation>, ()> {
    match bytes {
        [] => Ok(None),
        [flag, rest @ ..] => {
            let flag = Continuation::of(*flag).ok_or(())?;
            match rest {
                [b'\r', b'\n', ..] => Ok(Some(flag)),
                [] | [b'\r'] => Ok(None),
                _ => Err(()),
            }
        }
    }
}

/// Whether a start line may begin like this.
fn could_begin(data: &[u8]) -> bool {
    let begins = b"MSRP ";
    data.iter().zip(begins).all(|(own, wanted)| own == wanted) || data == b"\r"
}
