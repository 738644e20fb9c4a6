//! Reading a session description (RFC 8866 section 9, and RFC 4566 where peers still follow that).
//!
//! The body is walked once, line by line; lines with fields are checked, nothing is copied before all are read. One line that does not read
//! makes the whole body an error: a description is never applied in part. What is let pass, because peers do it: lines that
//! end with LF alone, a last line that does not end, empty lines at the end, `s=` or `t=` that is empty or missing, lines of
//! one section in another order, spaces between and after fields. Attributes are not judged here, but when they are asked for.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::limits::Limits;

use super::line::{BadField, Bandwidth, Connection, MediaLine, Origin, Time, trim};
use super::session::{Line, Session};

/// Why a body is not a session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("byte {at}: {fault}")]
pub struct ParseError {
    /// The byte of the body at which it does not read.
    pub at: usize,
    /// What is wrong there.
    pub fault: Fault,
}

impl ParseError {
    /// The response to a request with such a body: 413 when a limit is exceeded, 400 when it does not read, 488 for another protocol version.
    #[must_use]
    pub const fn response(&self) -> u16 {
        match self.fault {
            Fault::TooLong | Fault::TooManyMedia | Fault::TooManyAttributes => 413,
            Fault::Version => 488,
            Fault::NotALine
            | Fault::LineEnd
            | Fault::UnknownType(_)
            | Fault::Misplaced(_)
            | Fault::Repeated(_)
            | Fault::Missing(_)
            | Fault::Field(_) => 400,
        }
    }
}

/// What can be wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// More bytes than [`Limits::sdp_bytes`].
    #[error("the description is too long")]
    TooLong,
    /// More media lines than [`Limits::sdp_media`].
    #[error("too many media lines")]
    TooManyMedia,
    /// More attributes in one section than [`Limits::sdp_attributes`].
    #[error("too many attributes")]
    TooManyAttributes,
    /// A line that is not `<type>=<value>`.
    #[error("not a <type>=<value> line")]
    NotALine,
    /// A CR that no LF follows.
    #[error("a CR without LF")]
    LineEnd,
    /// A type letter that RFC 8866 does not know: such a description must not be used (section 5).
    #[error("unknown type letter '{0}'")]
    UnknownType(char),
    /// A line that cannot stand in this section.
    #[error("'{0}=' cannot stand here")]
    Misplaced(char),
    /// A second line of a type that comes once.
    #[error("a second '{0}='")]
    Repeated(char),
    /// A line that must be there is not.
    #[error("no '{0}='")]
    Missing(char),
    /// Another version of the protocol than 0.
    #[error("unknown version of SDP")]
    Version,
    /// A field of this line is missing or does not read.
    #[error("a field of '{0}=' does not read")]
    Field(char),
}

/// The body as text. Bytes that are not UTF-8 become `?`, one for one, so that offsets stay.
fn text_of(body: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(body) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(body.len());
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    Cow::Owned(text)
}

/// The first CR that is not followed by LF or the end.
fn stray_cr(body: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\r', body).find(|at| !matches!(body.get(at + 1), None | Some(b'\n')))
}

/// Reads a body, and gives the index of its lines.
pub(super) fn parse(body: &[u8], limits: &Limits) -> Result<Session, ParseError> {
    if body.len() > limits.sdp_bytes || u32::try_from(body.len()).is_err() {
        return Err(ParseError { at: limits.sdp_bytes, fault: Fault::TooLong });
    }
    let text = text_of(body);
    let whole: &str = &text;
    let mut reader = Reader {
        limits,
        seen: Seen::default(),
        media: 0,
        attributes: 0,
        lines: Vec::with_capacity(whole.len() / 24 + 8),
    };
    let mut at = 0;
    let mut line_ends = 0;
    while let Some(rest) = whole.get(at..).filter(|rest| !rest.is_empty()) {
        let end = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or_default();
        // The last line may be cut between CR and LF.
        let line = line.strip_suffix('\r').inspect(|_| line_ends += 1).unwrap_or(line);
        if line.is_empty() {
            if let Some(more) = rest.bytes().position(|b| b != b'\r' && b != b'\n') {
                return Err(ParseError { at: at + more, fault: Fault::NotALine });
            }
            break;
        }
        reader.line(line, at)?;
        at += end + 1;
    }
    // Counting is cheaper than looking for CR in each line.
    if memchr::memchr_iter(b'\r', whole.as_bytes()).count() != line_ends
        && let Some(at) = stray_cr(whole.as_bytes())
    {
        return Err(ParseError { at, fault: Fault::LineEnd });
    }
    reader.finish(whole)
}

/// The lines that come at most once, and whether they have come.
#[derive(Default)]
struct Seen {
    version: bool,
    origin: bool,
    name: bool,
}

struct Reader<'a> {
    limits: &'a Limits,
    seen: Seen,
    media: usize,
    attributes: usize,
    lines: Vec<Line>,
}

impl Reader<'_> {
    /// Takes the line that begins at `at`.
    fn line(&mut self, line: &str, at: usize) -> Result<(), ParseError> {
        let fail = |fault| Err(ParseError { at, fault });
        let (Some(&kind), Some(b'='), Some(value)) = (line.as_bytes().first(), line.as_bytes().get(1), line.get(2..))
        else {
            return fail(Fault::NotALine);
        };
        let letter = char::from(kind);
        if kind != b'v' && !self.seen.version {
            return fail(Fault::Missing('v'));
        }
        let in_media = self.media > 0;
        let read = match kind {
            b'a' => {
                self.attributes += 1;
                if self.attributes > self.limits.sdp_attributes {
                    return fail(Fault::TooManyAttributes);
                }
                Ok(())
            }
            b'm' => {
                self.media += 1;
                self.attributes = 0;
                if self.media > self.limits.sdp_media {
                    return fail(Fault::TooManyMedia);
                }
                MediaLine::read(value).map(drop)
            }
            b'c' => Connection::read(value).map(drop),
            b'b' => Bandwidth::read(value).map(drop),
            b'i' | b'k' => Ok(()),
            b'v' | b'o' | b's' | b't' | b'u' | b'e' | b'p' | b'r' | b'z' if in_media => {
                return fail(Fault::Misplaced(letter));
            }
            b'v' | b'o' | b's' => {
                let seen = match kind {
                    b'v' => &mut self.seen.version,
                    b'o' => &mut self.seen.origin,
                    _ => &mut self.seen.name,
                };
                if std::mem::replace(seen, true) {
                    return fail(Fault::Repeated(letter));
                }
                match kind {
                    b'v' if trim(value) != "0" => return fail(Fault::Version),
                    b'o' => Origin::read(value).map(drop),
                    _ => Ok(()),
                }
            }
            b't' if value.is_empty() => Ok(()),
            b't' => Time::read(value).map(drop),
            b'u' | b'e' | b'p' | b'r' | b'z' => Ok(()),
            _ => return fail(Fault::UnknownType(letter)),
        };
        read.map_err(|BadField { at: field }| ParseError { at: at + 2 + field, fault: Fault::Field(letter) })?;
        self.lines.push(Line::new(kind, at + 2, value.len()));
        Ok(())
    }

    fn finish(self, text: &str) -> Result<Session, ParseError> {
        for (seen, letter) in [(self.seen.version, 'v'), (self.seen.origin, 'o')] {
            if !seen {
                return Err(ParseError { at: text.len(), fault: Fault::Missing(letter) });
            }
        }
        Ok(Session::new(text, &self.lines))
    }
}
