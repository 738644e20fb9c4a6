//! Building messages. What would end a line, or would not be read back as it was given, is refused.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use memchr::memchr3;
use thiserror::Error;

use super::grammar::{self, TOKEN};
use super::headers::Field;
use super::line;
use super::print::Sink;
use super::{Header, HeaderName, Headers, Method, Occurs, Request, Response, Text, Uri, reason_phrase};

/// A message in the making: fields in the order in which they are added, `Content-Length` last.
///
/// The first thing that is refused is what [`finish`](Self::finish) tells.
///
/// ```
/// use sipsimple_core::sip::{CSeq, HeaderName, Method, Request, Uri};
///
/// let uri: Uri = "sip:bob@biloxi.com".parse()?;
/// let request = Request::build(Method::Options, &uri)
///     .header(&CSeq::new(1, Method::Options))
///     .field(HeaderName::Subject, "lunch?")
///     .finish()?;
/// assert_eq!(&request.bytes()[..], b"OPTIONS sip:bob@biloxi.com SIP/2.0\r\nCSeq: 1 OPTIONS\r\nSubject: lunch?\r\nContent-Length: 0\r\n\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct Builder<M: Kind> {
    line: M::Line,
    bytes: Vec<u8>,
    fields: Vec<Field>,
    body: Option<Vec<u8>>,
    fault: Option<BuildError>,
}

/// What can be built: a [`Request`] or a [`Response`].
pub trait Kind: sealed::Assemble {}

impl Kind for Request {}
impl Kind for Response {}

pub(crate) mod sealed {
    use crate::sip::Headers;

    /// A message is assembled from its start line and its header fields.
    pub trait Assemble: Sized {
        /// The start line taken apart.
        type Line;

        /// The message.
        fn assemble(line: Self::Line, headers: Headers) -> Self;
    }
}

/// The parts of a request line.
#[derive(Debug)]
pub struct RequestLine {
    method: Method,
    uri: Range<usize>,
    version: usize,
}

/// The parts of a status line.
#[derive(Debug)]
pub struct StatusLine {
    code: u16,
    reason: Range<usize>,
}

impl sealed::Assemble for Request {
    type Line = RequestLine;

    fn assemble(RequestLine { method, uri, version }: RequestLine, headers: Headers) -> Self {
        Self { headers, method, uri, version, supported: true }
    }
}

impl sealed::Assemble for Response {
    type Line = StatusLine;

    fn assemble(StatusLine { code, reason }: StatusLine, headers: Headers) -> Self {
        Self { headers, code, reason }
    }
}

/// What a message could not be built of.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field}: {fault}")]
pub struct BuildError {
    /// The name of the field; `method`, `Request-URI`, `status code` or `reason phrase` for the parts of the start line.
    pub field: Text,
    /// What is wrong with it.
    pub fault: BuildFault,
}

/// What is wrong with a part of a message that was to be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BuildFault {
    /// It holds a CR, LF or NUL.
    #[error("holds a line end or NUL")]
    LineBreak,
    /// It would be read back as something else.
    #[error("would not be read back as it was given")]
    Unsound,
    /// A field that occurs once was given before.
    #[error("was given before")]
    Repeated,
    /// The builder writes this field itself.
    #[error("is written by the builder")]
    Reserved,
    /// The message is larger than 4 GiB.
    #[error("is too large")]
    TooLarge,
}

/// Room for a message of usual size, so that it is written without moving.
const USUAL_HEAD: usize = 896;
/// Room for its fields.
const USUAL_FIELDS: usize = 20;

impl Request {
    /// A request. What a Request-URI must not have (headers, the parameter `method`: RFC 3261 section 19.1.1) is left out.
    pub fn build(method: Method, uri: &Uri) -> Builder<Self> {
        let mut bytes = Vec::with_capacity(USUAL_HEAD);
        let mut fault = None;
        let wrong =
            |field: &'static str| Some(BuildError { field: Text::from_static(field), fault: BuildFault::Unsound });
        if !method.is_sound() {
            fault = wrong("method");
        } else if !uri.is_sound() {
            fault = wrong("Request-URI");
        }
        bytes.extend_from_slice(method.as_str().as_bytes());
        bytes.push(b' ');
        let start = bytes.len();
        match uri {
            Uri::Sip(uri) if !uri.headers.is_empty() || uri.params.has("method") => {
                write_to(&mut bytes, &uri.as_request_uri());
            }
            Uri::Sip(_) | Uri::Tel(_) | Uri::Other { .. } => write_to(&mut bytes, uri),
        }
        let uri = start..bytes.len();
        bytes.push(b' ');
        let version = bytes.len();
        bytes.extend_from_slice(b"SIP/2.0\r\n");
        Builder::new(RequestLine { method, uri, version }, bytes, fault)
    }

    /// This request once more, without the fields named: others can be added. Request line and body stay.
    pub fn amend(&self, left_out: &[HeaderName]) -> Builder<Self> {
        let mut bytes = Vec::with_capacity(USUAL_HEAD);
        bytes.extend_from_slice(self.headers.part(0..self.version));
        bytes.extend_from_slice(b"SIP/2.0\r\n");
        let line = RequestLine { method: self.method.clone(), uri: self.uri.clone(), version: self.version };
        let mut builder = Builder::new(line, bytes, None).copy_but(self, left_out);
        let body = self.body();
        if !body.is_empty() {
            builder = builder.copy(self, HeaderName::ContentType);
            builder.body = Some(body.to_vec());
        }
        builder
    }
}

impl Response {
    /// A response; without a reason its usual phrase is written.
    pub fn build(code: u16, reason: Option<&str>) -> Builder<Self> {
        let mut bytes = Vec::with_capacity(USUAL_HEAD);
        let mut fault = None;
        let wrong = |field: &'static str, fault| Some(BuildError { field: Text::from_static(field), fault });
        if !(100..700).contains(&code) {
            fault = wrong("status code", BuildFault::Unsound);
        }
        write_to(&mut bytes, &format_args!("SIP/2.0 {code:03} "));
        let start = bytes.len();
        bytes.extend_from_slice(reason.unwrap_or_else(|| reason_phrase(code)).as_bytes());
        if breaks(bytes.get(start..).unwrap_or_default()) {
            fault = fault.or_else(|| wrong("reason phrase", BuildFault::LineBreak));
        }
        let reason = start..bytes.len();
        bytes.extend_from_slice(b"\r\n");
        Builder::new(StatusLine { code, reason }, bytes, fault)
    }
}

impl<M: Kind> Builder<M> {
    fn new(line: M::Line, bytes: Vec<u8>, fault: Option<BuildError>) -> Self {
        Self { line, bytes, fields: Vec::with_capacity(USUAL_FIELDS), body: None, fault }
    }

    /// Adds a typed field.
    pub fn header<H: Header>(mut self, header: &H) -> Self {
        if !header.is_sound() {
            self.refuse(H::NAME.as_str(), BuildFault::Unsound);
        }
        self.add(H::NAME, "", |bytes| write_to(bytes, header));
        self
    }

    /// Adds a typed field for each value.
    pub fn headers<'h, H: Header + 'h>(mut self, headers: impl IntoIterator<Item = &'h H>) -> Self {
        for header in headers {
            self = self.header(header);
        }
        self
    }

    /// Adds one field that lists all values, separated by commas; none when there are no values.
    pub fn list<'h, H: Header + 'h>(mut self, members: impl IntoIterator<Item = &'h H>) -> Self {
        let mut members = members.into_iter().peekable();
        if members.peek().is_none() {
            return self;
        }
        let mut sound = H::NAME.occurs() == Occurs::List;
        self.add(H::NAME, "", |bytes| {
            for (at, member) in members.enumerate() {
                sound &= member.is_sound();
                if at > 0 {
                    bytes.extend_from_slice(b", ");
                }
                write_to(bytes, member);
            }
        });
        if !sound {
            self.refuse(H::NAME.as_str(), BuildFault::Unsound);
        }
        self
    }

    /// Adds a field with any value; white space around it is cut off. It may not hold a line end or NUL.
    pub fn field(mut self, name: HeaderName, value: impl fmt::Display) -> Self {
        if name == HeaderName::Other {
            self.refuse("", BuildFault::Unsound);
        }
        self.add(name, "", |bytes| write_to(bytes, &value));
        self
    }

    /// Adds a field by its name, which must be a token; white space around the value is cut off.
    pub fn other(mut self, name: &str, value: &str) -> Self {
        if !grammar::all(name.as_bytes(), TOKEN) {
            self.refuse(name, BuildFault::Unsound);
        }
        self.add(HeaderName::of(name.as_bytes()), name, |bytes| bytes.extend_from_slice(value.as_bytes()));
        self
    }

    /// Adds every field of this name that `from` has, with their values as received.
    pub fn copy(mut self, from: &Headers, name: HeaderName) -> Self {
        for field in from.fields.iter().filter(|field| field.name == name) {
            self.copy_field(from, field);
        }
        self
    }

    /// Adds every field that `from` has, but those named and those that describe the body.
    pub fn copy_but(mut self, from: &Headers, left_out: &[HeaderName]) -> Self {
        for field in &from.fields {
            let of_body = matches!(field.name, HeaderName::ContentLength | HeaderName::ContentType);
            if !of_body && !left_out.contains(&field.name) {
                self.copy_field(from, field);
            }
        }
        self
    }

    /// Sets the body and adds its Content-Type.
    pub fn body(mut self, content_type: &str, body: &[u8]) -> Self {
        self.add(HeaderName::ContentType, "", |bytes| bytes.extend_from_slice(content_type.as_bytes()));
        self.body = Some(body.to_vec());
        self
    }

    /// The message: one buffer of exactly its size.
    ///
    /// # Errors
    /// The first thing that was refused.
    pub fn finish(mut self) -> Result<M, BuildError> {
        let body = self.body.take().unwrap_or_default();
        self.write_field(HeaderName::ContentLength, "", |bytes| write_to(bytes, &body.len()));
        self.bytes.extend_from_slice(b"\r\n");
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&body);
        if u32::try_from(self.bytes.len()).is_err() {
            self.refuse("", BuildFault::TooLarge);
        }
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let end = self.bytes.len();
        let bytes = Bytes::from(self.bytes.into_boxed_slice());
        Ok(M::assemble(self.line, Headers { bytes, fields: self.fields, body: start..end }))
    }

    /// Adds the first field of this name as received.
    pub(crate) fn copy_first(mut self, from: &Headers, name: HeaderName) -> Self {
        if let Some(field) = from.find(name) {
            self.copy_field(from, field);
        }
        self
    }

    /// Adds this field as received.
    pub(crate) fn copy_one(mut self, from: &Headers, field: &Field) -> Self {
        self.copy_field(from, field);
        self
    }

    /// Adds a field whose value is these bytes, which were part of a message.
    pub(crate) fn received(mut self, name: HeaderName, value: &[u8], folded: bool) -> Self {
        self.write_field(name, "", |bytes| bytes.extend_from_slice(value));
        if let Some(copy) = self.fields.last_mut() {
            copy.folded = folded;
        }
        self
    }

    /// Adds this field as received, with a tag behind it.
    pub(crate) fn tagged(mut self, from: &Headers, field: &Field, tag: &str) -> Self {
        if !grammar::all(tag.as_bytes(), TOKEN) {
            self.refuse("tag", BuildFault::Unsound);
        }
        let value = [from.part(field.value_range()), b";tag=", tag.as_bytes()].concat();
        self.received(field.name, &value, field.folded)
    }

    fn copy_field(&mut self, from: &Headers, field: &Field) {
        self.refuse_repeated(field.name);
        let name = std::str::from_utf8(from.part(field.name_range())).unwrap_or_default();
        self.write_field(field.name, name, |bytes| bytes.extend_from_slice(from.part(field.value_range())));
        if let Some(copy) = self.fields.last_mut() {
            copy.folded = field.folded;
        }
    }

    fn add(&mut self, name: HeaderName, text: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if name == HeaderName::ContentLength {
            self.refuse(name.as_str(), BuildFault::Reserved);
        }
        self.refuse_repeated(name);
        let value = self.write_field(name, text, write);
        if breaks(self.bytes.get(value).unwrap_or_default()) {
            self.refuse(if text.is_empty() { name.as_str() } else { text }, BuildFault::LineBreak);
        }
    }

    /// Writes a line, and notes it in the index; gives the range of the value.
    fn write_field(&mut self, name: HeaderName, text: &str, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.bytes.len();
        let text = if name == HeaderName::Other { text } else { name.as_str() };
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.extend_from_slice(b": ");
        let value_start = self.bytes.len();
        write(&mut self.bytes);
        let value = line::trim(&self.bytes, value_start..self.bytes.len());
        self.bytes.drain(value_start..value.start);
        let value = value_start..value_start + value.len();
        self.bytes.truncate(value.end);
        self.bytes.extend_from_slice(b"\r\n");
        // A message beyond these sizes is refused at the end.
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let Ok(name_len) = u16::try_from(text.len()) else {
            self.refuse(text, BuildFault::TooLarge);
            return value;
        };
        self.fields.push(Field {
            start: offset(start),
            value_start: offset(value.start),
            value_end: offset(value.end),
            name_len,
            name,
            folded: false,
        });
        value
    }

    fn refuse_repeated(&mut self, name: HeaderName) {
        if name.occurs() == Occurs::Once && self.fields.iter().any(|field| field.name == name) {
            self.refuse(name.as_str(), BuildFault::Repeated);
        }
    }

    fn refuse(&mut self, field: &str, fault: BuildFault) {
        self.fault.get_or_insert_with(|| BuildError { field: Text::from(field), fault });
    }
}

impl<M: Kind> fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("head", &String::from_utf8_lossy(&self.bytes))
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

/// Whether a value holds what would end it.
fn breaks(value: &[u8]) -> bool {
    memchr3(b'\r', b'\n', 0, value).is_some()
}

/// Appends what `value` prints.
fn write_to(bytes: &mut Vec<u8>, value: &impl fmt::Display) {
    // A sink takes everything; a value that fails to print leaves less than it should.
    let _ = fmt::Write::write_fmt(&mut Sink(bytes), format_args!("{value}"));
}
