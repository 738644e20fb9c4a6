//! Requests and responses (RFC 3261 section 7): the bytes they came in, and an index of their header fields.

use std::ops::{Deref, Range};

use bytes::{Buf, Bytes, BytesMut};

use super::head::{Head, Start};
use super::{Cursor, Fault, Headers, Method, ParseError, Text, Uri, UriError};
use crate::limits::Limits;

/// A request or a response.
#[derive(Clone, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// Reads one message from a datagram, or from the exact part of a stream that [`frame`](super::frame) found. The body is what follows
    /// the head, cut to Content-Length; what follows the body is ignored, and so are empty lines in front.
    ///
    /// One allocation; nothing of a value is looked at but that of Content-Length.
    ///
    /// # Errors
    /// When the data cannot be read as a message. A header field that is not of its grammar is no such error.
    pub fn parse(mut data: Bytes, limits: &Limits) -> Result<Self, ParseError> {
        let mut skipped = 0;
        while data.starts_with(b"\r\n") {
            data.advance(2);
            skipped += 2;
        }
        let mut head = Head::parse(&data, limits);
        let rest = data.len().saturating_sub(head.end);
        let body = match head.content_length {
            Some((claimed, _)) if claimed <= rest => claimed,
            Some((_, at)) => {
                head.refuse(at, Fault::Truncated);
                0
            }
            None => rest,
        };
        if body > limits.body_bytes {
            head.refuse(head.end, Fault::BodyTooLarge);
        }
        if let Some((at, fault)) = head.fault {
            return Err(Self::unreadable(data, head, ParseError { at: skipped + at, fault, request: None }));
        }
        data.truncate(head.end + body);
        Self::assemble(data, head).ok_or(ParseError { at: skipped, fault: Fault::StartLine, request: None })
    }

    /// The message of which `data` is all; none when there is no start line.
    fn assemble(data: Bytes, head: Head) -> Option<Self> {
        let end = data.len();
        let headers = Headers { bytes: data, fields: head.fields, body: head.end.min(end)..end };
        Some(match head.start? {
            Start::Request { method, uri, version, supported } => {
                let method = Method::in_message(&headers.bytes, method);
                Self::Request(Request { headers, method, uri, version, supported })
            }
            Start::Response { code, reason } => Self::Response(Response { headers, code, reason }),
        })
    }

    /// The error with the request that is to be answered, if there is one.
    #[cold]
    fn unreadable(mut data: Bytes, head: Head, error: ParseError) -> ParseError {
        data.truncate(head.end);
        let request = match Self::assemble(data, head) {
            Some(Self::Request(request)) if request.is_answerable() => Some(Box::new(request)),
            Some(Self::Request(_) | Self::Response(_)) | None => None,
        };
        ParseError { request, ..error }
    }

    /// The header fields and the body.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// The whole message.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.headers().bytes
    }

    /// The request, if it is one.
    #[must_use]
    pub const fn as_request(&self) -> Option<&Request> {
        match self {
            Self::Request(request) => Some(request),
            Self::Response(_) => None,
        }
    }

    /// The response, if it is one.
    #[must_use]
    pub const fn as_response(&self) -> Option<&Response> {
        match self {
            Self::Response(response) => Some(response),
            Self::Request(_) => None,
        }
    }

    /// Appends the message as [`Request::print`] does.
    pub fn print(&self, out: &mut BytesMut) {
        match self {
            Self::Request(request) => request.print(out),
            Self::Response(response) => response.print(out),
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// A request. Its header fields are those of [`Headers`].
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) headers: Headers,
    pub(crate) method: Method,
    pub(crate) uri: Range<usize>,
    /// Where the version stands.
    pub(crate) version: usize,
    /// Whether the version is SIP/2.0.
    pub(crate) supported: bool,
}

impl Request {
    /// The method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI as received.
    #[must_use]
    pub fn uri_text(&self) -> Text {
        Text::from_utf8_lossy(self.headers.bytes.slice(self.uri.clone()))
    }

    /// The Request-URI.
    ///
    /// # Errors
    /// When it is malformed; the offset is one into the message.
    pub fn uri(&self) -> Result<Uri, UriError> {
        Uri::all(Cursor::within(&self.headers.bytes, self.uri.clone()))
    }

    /// Whether the request is of SIP/2.0; [`validate`](Self::validate) rejects others with 505.
    #[must_use]
    pub const fn is_supported_version(&self) -> bool {
        self.supported
    }

    /// Whether a response could be sent at all: an ACK gets none, and without a Via there is no way back.
    pub(crate) fn is_answerable(&self) -> bool {
        self.method != Method::Ack && self.headers.has(super::HeaderName::Via)
    }
}

impl Deref for Request {
    type Target = Headers;

    fn deref(&self) -> &Headers {
        &self.headers
    }
}

/// A response. Its header fields are those of [`Headers`].
#[derive(Clone, Debug)]
pub struct Response {
    pub(crate) headers: Headers,
    pub(crate) code: u16,
    pub(crate) reason: Range<usize>,
}

impl Response {
    /// The status code, from 100 to 699.
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// The reason phrase; what of it is not UTF-8 is replaced.
    #[must_use]
    pub fn reason(&self) -> Text {
        Text::from_utf8_lossy(self.headers.bytes.slice(self.reason.clone()))
    }

    /// Whether it is provisional: 1xx.
    #[must_use]
    pub const fn is_provisional(&self) -> bool {
        self.code < 200
    }

    /// Whether it is a success: 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.code >= 200 && self.code < 300
    }
}

impl Deref for Response {
    type Target = Headers;

    fn deref(&self) -> &Headers {
        &self.headers
    }
}
