//! What is wrong with a message, at which byte, and which response says so.
//!
//! Framing and fields are judged apart: a [`ParseError`] means that the message as such cannot be read, a [`HeaderError`] that one
//! field of a readable message is not of its grammar.

use thiserror::Error;

use super::{HeaderName, Request, Text};

/// A message that cannot be read.
#[derive(Clone, Debug, Error)]
#[error("byte {at}: {fault}")]
pub struct ParseError {
    /// The offset of the offending byte in the data that was parsed.
    pub at: usize,
    /// What is wrong.
    pub fault: Fault,
    /// The request as far as it was readable, without its body; what the answer is made of. None for a response, and for what is no
    /// request at all: nobody can be answered then.
    pub request: Option<Box<Request>>,
}

impl ParseError {
    pub(crate) const fn new(at: usize, fault: Fault) -> Self {
        Self { at, fault, request: None }
    }

    /// The code of the response that is due: 400, 413, 414 or 513; none when it cannot be answered.
    #[must_use]
    pub fn response(&self) -> Option<u16> {
        self.request.as_ref().map(|_| self.fault.code())
    }
}

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Nothing but line ends.
    #[error("an empty message")]
    Empty,
    /// A first line that is neither a request line nor a status line.
    #[error("neither a request line nor a status line")]
    StartLine,
    /// A request line whose parts are not separated by one space each.
    #[error("request line with white space beyond one space between its parts")]
    Spaces,
    /// A status line whose version is not SIP/2.0.
    #[error("response of another version of SIP")]
    Version,
    /// A status code that is not three digits from 100 to 699.
    #[error("status code out of range")]
    StatusCode,
    /// A carriage return or line feed that does not end a line.
    #[error("a CR or LF alone")]
    BareLineBreak,
    /// A line without a colon, or whose name is not a token.
    #[error("not a header field")]
    HeaderField,
    /// The head does not end with an empty line.
    #[error("no empty line after the header fields")]
    NoEnd,
    /// A Content-Length that is not a number.
    #[error("bad Content-Length")]
    ContentLength,
    /// More than one Content-Length.
    #[error("Content-Length repeated")]
    ContentLengthRepeated,
    /// A body shorter than its Content-Length.
    #[error("body shorter than Content-Length")]
    Truncated,
    /// A start line and header fields of more than `Limits::head_bytes`.
    #[error("header fields too large")]
    HeadTooLarge,
    /// More fields than `Limits::header_fields`.
    #[error("too many header fields")]
    TooManyFields,
    /// A Request-URI of more than `Limits::uri_bytes`.
    #[error("Request-URI too long")]
    UriTooLong,
    /// A body of more than `Limits::body_bytes`.
    #[error("body too large")]
    BodyTooLarge,
}

impl Fault {
    /// The code of the response that says so.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::UriTooLong => 414,
            Self::BodyTooLarge => 413,
            Self::HeadTooLarge | Self::TooManyFields => 513,
            Self::Empty
            | Self::StartLine
            | Self::Spaces
            | Self::Version
            | Self::StatusCode
            | Self::BareLineBreak
            | Self::HeaderField
            | Self::NoEnd
            | Self::ContentLength
            | Self::ContentLengthRepeated
            | Self::Truncated => 400,
        }
    }
}

/// One header field that is not of its grammar, is missing or is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name} at byte {at}: {fault}")]
pub struct HeaderError {
    /// The field; [`HeaderName::Other`] when a value was read that belongs to none.
    pub name: HeaderName,
    /// The offset of the offending byte: in the message when it came from a message, in the value when a value was parsed alone.
    pub at: usize,
    /// What is wrong.
    pub fault: HeaderFault,
}

impl HeaderError {
    /// `fault` at `at` in a value of a field that is not told yet.
    pub(crate) const fn at(at: usize, fault: HeaderFault) -> Self {
        Self { name: HeaderName::Other, at, fault }
    }

    /// `what` should stand at `at`.
    pub(crate) const fn expected(at: usize, what: &'static str) -> Self {
        Self::at(at, HeaderFault::Expected(what))
    }
}

impl From<UriError> for HeaderError {
    fn from(error: UriError) -> Self {
        Self::at(error.at, HeaderFault::Uri(error.fault))
    }
}

/// What is wrong with a header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HeaderFault {
    /// The message has no such field.
    #[error("missing")]
    Missing,
    /// The message has more than one such field.
    #[error("repeated")]
    Repeated,
    /// The value is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// Something else should stand here.
    #[error("{0} expected")]
    Expected(&'static str),
    /// A number is larger than its field allows.
    #[error("number out of range")]
    OutOfRange,
    /// A parameter stands twice.
    #[error("parameter repeated")]
    ParameterRepeated,
    /// The URI in the value is malformed.
    #[error("{0}")]
    Uri(UriFault),
}

/// A malformed URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("byte {at}: {fault}")]
pub struct UriError {
    /// The offset of the offending byte in the text that was parsed.
    pub at: usize,
    /// What is wrong.
    pub fault: UriFault,
}

/// What is wrong with a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UriFault {
    /// No scheme and colon.
    #[error("URI without a scheme")]
    Scheme,
    /// Nothing after the scheme.
    #[error("URI with nothing after its scheme")]
    Empty,
    /// A character that stands in no URI.
    #[error("character not allowed in a URI")]
    Character,
    /// An empty user, or a character that must be escaped in one.
    #[error("bad user of a URI")]
    User,
    /// A character that must be escaped in a password.
    #[error("bad password of a URI")]
    Password,
    /// No host name and no IP address.
    #[error("bad host of a URI")]
    Host,
    /// Not a port.
    #[error("bad port of a URI")]
    Port,
    /// Not a parameter.
    #[error("bad parameter of a URI")]
    Parameter,
    /// Not `name=value` after the question mark.
    #[error("bad header of a URI")]
    Header,
    /// Not a telephone number.
    #[error("bad telephone number")]
    Number,
}

/// A message that is readable and must not be processed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{code} {reason}, at byte {at}")]
pub struct Rejection {
    /// The code of the response that a request gets; 0 when there is none: a response is dropped, and so is an ACK.
    pub code: u16,
    /// What is wrong, as a reason phrase.
    pub reason: Text,
    /// The offset of the offending byte in the message; the end of the header fields when one is missing.
    pub at: usize,
}
