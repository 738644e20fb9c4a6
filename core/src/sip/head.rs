//! The head of a message: its start line and header fields, found in one pass (RFC 3261 sections 7.1 to 7.3).

use std::ops::Range;

use memchr::{memchr, memrchr};

use super::cursor;
use super::grammar::{self, DIGIT, SPACE, TOKEN};
use super::headers::Field;
use super::line::{self, Line, NoLine};
use super::{Fault, HeaderName};
use crate::limits::Limits;

/// Room for the fields of most messages, so that their index is one allocation.
const USUAL_FIELDS: usize = 32;

/// What was found. After the first fault the rest is still read, so that the request can be answered; fields at fault are left out.
pub(crate) struct Head {
    /// None when there is no start line to speak of.
    pub(crate) start: Option<Start>,
    pub(crate) fields: Vec<Field>,
    /// Where the body begins.
    pub(crate) end: usize,
    /// The Content-Length and where it stands.
    pub(crate) content_length: Option<(usize, usize)>,
    /// The first fault and where it stands.
    pub(crate) fault: Option<(usize, Fault)>,
}

/// The start line, as offsets.
pub(crate) enum Start {
    Request { method: Range<usize>, uri: Range<usize>, version: usize, supported: bool },
    Response { code: u16, reason: Range<usize> },
}

impl Head {
    /// Reads the head of `data`, which does not begin with an empty line.
    pub(crate) fn parse(data: &[u8], limits: &Limits) -> Self {
        let mut head = Self { start: None, fields: Vec::new(), end: data.len(), content_length: None, fault: None };
        if data.is_empty() {
            head.refuse(0, Fault::Empty);
            return head;
        }
        // Nothing beyond the limit is looked at.
        let window = data.get(..limits.head_bytes.min(u32::MAX as usize)).unwrap_or(data);
        if head.read(window, limits).is_none() {
            let fault = if window.len() < data.len() { Fault::HeadTooLarge } else { Fault::NoEnd };
            head.refuse(window.len(), fault);
        }
        head
    }

    /// Notes a fault, unless there is one already.
    pub(crate) fn refuse(&mut self, at: usize, fault: Fault) {
        self.fault.get_or_insert((at, fault));
    }

    /// Reads to the empty line; none when it does not come.
    fn read(&mut self, data: &[u8], limits: &Limits) -> Option<()> {
        let (first, _) = self.line(data, 0)?;
        self.start_line(data, first, limits);
        self.fields.reserve_exact(USUAL_FIELDS.min(limits.header_fields));
        let mut at = first.next();
        loop {
            let (line, mut sound) = self.line(data, at)?;
            at = line.next();
            if line.end == line.start {
                self.end = at;
                return Some(());
            }
            let (mut end, mut folded) = (line.end, false);
            while line::folds(data, at) {
                let (more, more_sound) = self.line(data, at)?;
                (end, at, folded) = (more.end, more.next(), true);
                sound &= more_sound;
            }
            if self.fields.len() >= limits.header_fields {
                self.refuse(line.start, Fault::TooManyFields);
                self.end = at;
                return Some(());
            }
            if sound {
                self.field(data, line.start..end, folded);
            }
        }
    }

    /// The line at `start`, and whether no CR or LF stands alone in it.
    fn line(&mut self, data: &[u8], start: usize) -> Option<(Line, bool)> {
        let mut from = start;
        loop {
            match line::line(data, from) {
                Ok(line) => return Some((Line { start, ..line }, from == start)),
                Err(NoLine::Unfinished) => return None,
                Err(NoLine::Bare(at)) => {
                    self.refuse(at, Fault::BareLineBreak);
                    from = at + 1;
                }
            }
        }
    }

    /// Adds the field at `range`.
    fn field(&mut self, data: &[u8], range: Range<usize>, folded: bool) {
        let Raw { name, name_len, value } = match Raw::read(data, range.clone()) {
            Ok(raw) => raw,
            Err(at) => return self.refuse(at, Fault::HeaderField),
        };
        if name == HeaderName::ContentLength {
            match (self.content_length, length(data.get(value.clone()).unwrap_or_default())) {
                (Some(_), _) => self.refuse(range.start, Fault::ContentLengthRepeated),
                (None, None) => self.refuse(value.start, Fault::ContentLength),
                (None, Some(length)) => self.content_length = Some((length, value.start)),
            }
        }
        // A window of at most u32::MAX bytes was cut out before.
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let Ok(name_len) = u16::try_from(name_len) else { return self.refuse(range.start, Fault::HeadTooLarge) };
        self.fields.push(Field {
            start: offset(range.start),
            value_start: offset(value.start),
            value_end: offset(value.end),
            name_len,
            name,
            folded,
        });
    }

    fn start_line(&mut self, data: &[u8], line: Line, limits: &Limits) {
        let bytes = data.get(line.start..line.end).unwrap_or_default();
        if bytes.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case(b"SIP/")) {
            match status_line(bytes) {
                Ok(start) => self.start = Some(start),
                Err((at, fault)) => self.refuse(at, fault),
            }
        } else {
            match self.request_line(bytes, limits) {
                Ok(start) => self.start = Some(start),
                Err(at) => self.refuse(at, Fault::StartLine),
            }
        }
    }

    /// `Method SP Request-URI SP SIP-Version`. White space beyond that is a fault, but the parts are found all the same.
    fn request_line(&mut self, bytes: &[u8], limits: &Limits) -> Result<Start, usize> {
        let part = |range: Range<usize>| bytes.get(range).unwrap_or_default();
        let method_end = memchr(b' ', bytes).unwrap_or(bytes.len());
        if let Some(bad) = bytes.iter().take(method_end).position(|byte| !grammar::is(*byte, TOKEN)) {
            return Err(bad);
        }
        let version_end = line::trim(bytes).end;
        let version = memrchr(b' ', part(0..version_end)).map_or(0, |space| space + 1);
        if method_end == 0 || version <= method_end {
            return Err(method_end);
        }
        let supported = supports(part(version..version_end)).ok_or(version)?;
        let between = line::trim(part(method_end..version));
        let uri = method_end + between.start..method_end + between.end;
        if uri.is_empty() {
            self.refuse(method_end, Fault::StartLine);
        } else if uri.start > method_end + 1 {
            self.refuse(method_end + 1, Fault::Spaces);
        } else if let Some(space) = part(uri.clone()).iter().position(|byte| grammar::is(*byte, SPACE)) {
            self.refuse(uri.start + space, Fault::Spaces);
        } else if uri.end + 1 < version {
            self.refuse(uri.end + 1, Fault::Spaces);
        } else if version_end < bytes.len() {
            self.refuse(version_end, Fault::Spaces);
        } else if uri.len() > limits.uri_bytes {
            self.refuse(uri.start + limits.uri_bytes, Fault::UriTooLong);
        }
        Ok(Start::Request { method: 0..method_end, uri, version, supported })
    }
}

/// `SIP-Version SP Status-Code SP Reason-Phrase`. A missing space before a missing phrase is forgiven.
fn status_line(bytes: &[u8]) -> Result<Start, (usize, Fault)> {
    let version_end = memchr(b' ', bytes).unwrap_or(bytes.len());
    match supports(bytes.get(..version_end).unwrap_or_default()) {
        Some(true) => {}
        Some(false) => return Err((0, Fault::Version)),
        None => return Err((0, Fault::StartLine)),
    }
    let at = version_end + 1;
    let digits = bytes.get(at..).unwrap_or_default();
    let len = digits.iter().take_while(|byte| grammar::is(**byte, DIGIT)).count();
    let code = cursor::number(digits.get(..len).unwrap_or_default(), 699).and_then(|code| u16::try_from(code).ok());
    match (code, digits.get(len)) {
        (Some(code), None | Some(b' ')) if len == 3 && code >= 100 => {
            Ok(Start::Response { code, reason: (at + len + 1).min(bytes.len())..bytes.len() })
        }
        _ => Err((at, Fault::StatusCode)),
    }
}

/// Whether `bytes` is the version SIP/2.0; none when it is no SIP version at all.
fn supports(bytes: &[u8]) -> Option<bool> {
    if bytes.eq_ignore_ascii_case(b"SIP/2.0") {
        return Some(true);
    }
    let (name, number) = bytes.split_at_checked(4)?;
    let dot = memchr(b'.', number)?;
    let (major, minor) = number.split_at_checked(dot)?;
    let is_version = name.eq_ignore_ascii_case(b"SIP/")
        && grammar::all(major, DIGIT)
        && grammar::all(minor.get(1..).unwrap_or_default(), DIGIT);
    is_version.then_some(false)
}

/// The number that a Content-Length is; none when it is not one, or larger than any message.
fn length(value: &[u8]) -> Option<usize> {
    if !grammar::all(value, DIGIT) {
        return None;
    }
    cursor::number(value, u64::from(u32::MAX)).and_then(|length| usize::try_from(length).ok())
}

/// A field line taken apart.
struct Raw {
    name: HeaderName,
    name_len: usize,
    value: Range<usize>,
}

impl Raw {
    /// Takes apart the line at `range`; the offset of what is no field.
    fn read(data: &[u8], range: Range<usize>) -> Result<Self, usize> {
        let bytes = data.get(range.clone()).unwrap_or_default();
        let colon = memchr(b':', bytes).ok_or(range.start)?;
        let (before, after) = bytes.split_at_checked(colon).unwrap_or_default();
        let name = match before.last() {
            Some(last) if grammar::is(*last, SPACE) => before.get(..line::trim(before).end).unwrap_or_default(),
            Some(_) | None => before,
        };
        let known = HeaderName::of(name);
        if known == HeaderName::Other && !grammar::all(name, TOKEN) {
            let bad = name.iter().position(|byte| !grammar::is(*byte, TOKEN)).unwrap_or(0);
            return Err(range.start + bad);
        }
        let value_start = range.start + colon + 1;
        let value = line::trim(after.get(1..).unwrap_or_default());
        Ok(Self { name: known, name_len: name.len(), value: value_start + value.start..value_start + value.end })
    }
}

/// The Content-Length that the head in `data` has.
pub(crate) fn content_length(data: &[u8]) -> Result<Option<usize>, (usize, Fault)> {
    let mut found = None;
    let mut at = 0;
    while let Ok(line) = line::line(data, at) {
        at = line.next();
        let mut end = line.end;
        while line::folds(data, at) {
            let Ok(more) = line::line(data, at) else { break };
            (end, at) = (more.end, more.next());
        }
        // Only `Content-Length` and `l` matter, in any case.
        if !matches!(data.get(line.start), Some(b'c' | b'C' | b'l' | b'L')) {
            continue;
        }
        if let Ok(Raw { name: HeaderName::ContentLength, value, .. }) = Raw::read(data, line.start..end) {
            if found.is_some() {
                return Err((line.start, Fault::ContentLengthRepeated));
            }
            found =
                Some(length(data.get(value.clone()).unwrap_or_default()).ok_or((value.start, Fault::ContentLength))?);
        }
    }
    Ok(found)
}
