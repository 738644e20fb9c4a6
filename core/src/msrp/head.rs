//! The head of a frame: its start line and header fields, as an index over the bytes that were read. Values are typed when asked for.

use std::ops::Range;

use bytes::Bytes;

use super::range::ByteRange;
use super::status::digits;
use super::{Fault, Field, Method, Path, Status};
use crate::sip::Text;
use crate::sip::line::{line_end, trim};

/// The longest transaction identifier or Message-ID (RFC 4975 section 9).
const LONGEST_IDENT: usize = 32;
/// The longest one that is taken from peers that do not count.
const LONGEST_TAKEN: usize = 128;

/// What a frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// A request.
    Request(Method),
    /// A response, with its code and comment.
    Response(u16, Text),
}

/// Whether failures are reported (RFC 4975 section 7.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailureReport {
    /// Every request is answered; what is meant where nothing is said.
    #[default]
    Yes,
    /// Only failures are.
    Partial,
    /// Nothing is.
    No,
}

impl FailureReport {
    /// The value as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partial => "partial",
            Self::No => "no",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Line {
    field: Field,
    /// Where its name ends, its value begins and ends.
    at: [u32; 4],
}

/// The head of a frame.
#[derive(Clone, Debug)]
pub struct Head {
    bytes: Bytes,
    transaction: Text,
    start: Start,
    lines: Vec<Line>,
    has_body: bool,
    fault: Option<Fault>,
}

impl Head {
    /// Takes apart the start line: what a framer needs to find the end of the frame. None when it is none.
    pub(super) fn start(line: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
        let rest = line.strip_prefix(b"MSRP ")?;
        let len = memchr::memchr(b' ', rest)?;
        let what = 5 + len + 1..line.len();
        let identifier =
            rest.get(..len).filter(|bytes| (1..=LONGEST_TAKEN).contains(&len) && bytes.iter().all(is_ident_byte));
        (identifier.is_some() && !what.is_empty()).then_some((5..5 + len, what))
    }

    /// Indexes a head, which ends with a line end, without the empty line. None when its start line is none.
    pub(super) fn index(bytes: Bytes, has_body: bool, most: usize) -> Option<Self> {
        let first = line_end(&bytes, 0).ok()?;
        let (transaction, what) = Self::start(bytes.get(..first)?)?;
        let start = start(&bytes, what)?;
        let transaction = text(&bytes, transaction)?;
        let mut fault = (!is_ident(&transaction)).then_some(Fault::TransactionId);
        let (mut lines, mut seen, mut at) = (Vec::with_capacity(8), 0, first + 2);
        while let Ok(end) = line_end(&bytes, at) {
            match line(&bytes, at..end) {
                Some(_) if lines.len() >= most => fault = fault.or(Some(Fault::TooManyFields)),
                Some(line) => {
                    let bit = line.field.bit();
                    if seen & bit != 0 {
                        fault = fault.or(Some(Fault::Repeated(line.field)));
                    }
                    seen |= bit;
                    lines.push(line);
                }
                None => fault = fault.or(Some(Fault::Line)),
            }
            at = end + 2;
        }
        let mut head = Self { bytes, transaction, start, lines, has_body, fault };
        head.fault = head.fault.or_else(|| head.misses());
        Some(head)
    }

    /// What every frame has and this one does not.
    fn misses(&self) -> Option<Fault> {
        let is = |at: usize, field| self.lines.get(at).is_some_and(|line| line.field == field);
        if !is(0, Field::ToPath) || !is(1, Field::FromPath) {
            return Some(Fault::NoPaths);
        }
        match &self.start {
            Start::Response(..) => self.has_body.then_some(Fault::ResponseBody),
            Start::Request(Method::Send | Method::Report) if self.value(Field::MessageId).is_none() => {
                Some(Fault::Missing(Field::MessageId))
            }
            Start::Request(Method::Report) if self.value(Field::Status).is_none() => {
                Some(Fault::Missing(Field::Status))
            }
            Start::Request(Method::Send) if self.has_body && self.value(Field::ContentType).is_none() => {
                Some(Fault::NoContentType)
            }
            Start::Request(_) => None,
        }
    }

    /// What is wrong with the head as a whole; the values of single fields are looked at when they are asked for.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// What it is.
    #[must_use]
    pub const fn what(&self) -> &Start {
        &self.start
    }

    /// The method of a request.
    #[must_use]
    pub const fn method(&self) -> Option<&Method> {
        match &self.start {
            Start::Request(method) => Some(method),
            Start::Response(..) => None,
        }
    }

    /// The transaction identifier.
    #[must_use]
    pub const fn transaction(&self) -> &Text {
        &self.transaction
    }

    /// Whether a body follows, be it an empty one.
    #[must_use]
    pub const fn has_body(&self) -> bool {
        self.has_body
    }

    /// The bytes of the start line and the header fields.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The value of a field, if it is there.
    #[must_use]
    pub fn value(&self, field: Field) -> Option<Text> {
        let [_, _, start, end] = self.lines.iter().find(|line| line.field == field)?.at;
        text(&self.bytes, start as usize..end as usize)
    }

    /// The value of a field that is not known here.
    #[must_use]
    pub fn other(&self, name: &str) -> Option<Text> {
        let is_it = |line: &&Line| {
            let [start, end, ..] = line.at;
            let own = self.bytes.get(start as usize..end as usize);
            own.is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
        };
        let [_, _, start, end] = self.lines.iter().find(is_it)?.at;
        text(&self.bytes, start as usize..end as usize)
    }

    /// The value of To-Path.
    ///
    /// # Errors
    /// When it is missing or does not read.
    pub fn to_path(&self) -> Result<Path, Fault> {
        self.path(Field::ToPath)
    }

    /// The value of From-Path.
    ///
    /// # Errors
    /// When it is missing or does not read.
    pub fn from_path(&self) -> Result<Path, Fault> {
        self.path(Field::FromPath)
    }

    /// The value of Use-Path (RFC 4976).
    ///
    /// # Errors
    /// When it is missing or does not read.
    pub fn use_path(&self) -> Result<Path, Fault> {
        self.path(Field::UsePath)
    }

    fn path(&self, field: Field) -> Result<Path, Fault> {
        let value = self.value(field).ok_or(Fault::Missing(field))?;
        Path::parse(&value).map_err(|fault| Fault::Uri(field, fault))
    }

    /// The value of Message-ID.
    ///
    /// # Errors
    /// When it is missing or too long, or has characters that may not stand there.
    pub fn message_id(&self) -> Result<Text, Fault> {
        let id = self.value(Field::MessageId).ok_or(Fault::Missing(Field::MessageId))?;
        let fits = (1..=LONGEST_TAKEN).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(id) } else { Err(Fault::Value(Field::MessageId)) }
    }

    /// The value of Byte-Range; without one a request holds its message whole.
    ///
    /// # Errors
    /// When it does not read, or contradicts itself.
    pub fn byte_range(&self) -> Result<ByteRange, Fault> {
        match self.value(Field::ByteRange) {
            Some(value) => Ok(ByteRange::parse(&value)?),
            None => Ok(ByteRange::WHOLE),
        }
    }

    /// Whether success is to be reported.
    ///
    /// # Errors
    /// When the value does not read.
    pub fn success_report(&self) -> Result<bool, Fault> {
        match self.value(Field::SuccessReport).as_deref() {
            Some(value) if value.eq_ignore_ascii_case("yes") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("no") => Ok(false),
            Some(_) => Err(Fault::Value(Field::SuccessReport)),
            None => Ok(false),
        }
    }

    /// Whether failure is to be reported.
    ///
    /// # Errors
    /// When the value does not read.
    pub fn failure_report(&self) -> Result<FailureReport, Fault> {
        let Some(value) = self.value(Field::FailureReport) else { return Ok(FailureReport::Yes) };
        [FailureReport::Yes, FailureReport::Partial, FailureReport::No]
            .into_iter()
            .find(|known| value.eq_ignore_ascii_case(known.as_str()))
            .ok_or(Fault::Value(Field::FailureReport))
    }

    /// The value of Status.
    ///
    /// # Errors
    /// When it is missing or does not read.
    pub fn status(&self) -> Result<Status, Fault> {
        let value = self.value(Field::Status).ok_or(Fault::Missing(Field::Status))?;
        Status::parse(&value).ok_or(Fault::Value(Field::Status))
    }

    /// A number of seconds: Expires, Min-Expires, Max-Expires.
    ///
    /// # Errors
    /// When the value does not read.
    pub fn seconds(&self, field: Field) -> Result<Option<u32>, Fault> {
        let Some(value) = self.value(field) else { return Ok(None) };
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Fault::Value(field));
        }
        // What does not fit is longer than any limit.
        Ok(Some(value.parse().unwrap_or(u32::MAX)))
    }

    /// The nickname that a NICKNAME asks for; empty to have none any longer (RFC 7701 section 7.1).
    ///
    /// # Errors
    /// When it is missing or is no quoted string.
    pub fn nickname(&self) -> Result<Text, Fault> {
        let value = self.value(Field::UseNickname).ok_or(Fault::Missing(Field::UseNickname))?;
        let is_quoted = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
        if is_quoted { Ok(crate::sip::unquoted(&value)) } else { Err(Fault::Value(Field::UseNickname)) }
    }
}

const fn is_ident_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'%' | b'=')
}

/// Whether this may stand as a transaction identifier or Message-ID (RFC 4975 section 9).
pub(super) fn is_ident(text: &str) -> bool {
    (4..=LONGEST_IDENT).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| is_ident_byte(&byte))
}

fn start(bytes: &Bytes, what: Range<usize>) -> Option<Start> {
    let whole = bytes.get(what.clone())?;
    if whole.first()?.is_ascii_digit() {
        let (code, comment) = (what.start..what.start + 3, what.start + 3..what.end);
        let code = digits(std::str::from_utf8(bytes.get(code)?).ok()?)?;
        if !matches!(bytes.get(comment.start), None | Some(b' ' | b'\r')) {
            return None;
        }
        return Some(Start::Response(code, text(bytes, trim(bytes, comment))?));
    }
    let is_method = whole.iter().all(u8::is_ascii_uppercase);
    is_method.then(|| text(bytes, what)).flatten().map(|method| Start::Request(Method::of(&method)))
}

/// The header field on a line: a name of visible characters, a colon, a value without control characters.
fn line(bytes: &Bytes, range: Range<usize>) -> Option<Line> {
    let whole = bytes.get(range.clone())?;
    let colon = memchr::memchr(b':', whole)?;
    let name = whole.get(..colon)?;
    let begins = name.first().is_some_and(u8::is_ascii_alphabetic);
    if !begins || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let value = trim(bytes, range.start + colon + 1..range.end);
    let content = bytes.get(value.clone())?;
    if content.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') || std::str::from_utf8(content).is_err() {
        return None;
    }
    let place = |at: usize| u32::try_from(at).ok();
    let at = [place(range.start)?, place(range.start + colon)?, place(value.start)?, place(value.end)?];
    Some(Line { field: Field::named(name), at })
}

fn text(bytes: &Bytes, range: Range<usize>) -> Option<Text> {
    bytes.get(range.clone())?;
    Text::from_utf8(bytes.slice(range)).ok()
}
