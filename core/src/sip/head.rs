//! The head of a message: its start line and header fields, found in one pass (RFC 3261 sections 7.1 to 7.3).

use std::ops::Range;

use memchr::{memchr, memrchr};

use super::cursor;
use super::grammar::{self, DIGIT, SPACE, TOKEN};
use super::headers::Field;
use super::line::{self, NoLine};
use super::{Fault, HeaderName, scan};
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
    /// Whether a CR or LF stands alone in the line that is being read.
    unsound: bool,
}

/// The start line, as offsets.
pub(crate) enum Start {
    Request { method: Range<usize>, uri: Range<usize>, version: usize, supported: bool },
    Response { code: u16, reason: Range<usize> },
}

impl Head {
    /// Reads the head of `data`, which does not begin with an empty line.
    pub(crate) fn parse(data: &[u8], limits: &Limits) -> Self {
        let mut head = Self {
            start: None,
            fields: Vec::new(),
            end: data.len(),
            content_length: None,
            fault: None,
            unsound: false,
        };
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
        let first = self.line_end(data, 0)?;
        self.start_line(data.get(..first).unwrap_or_default(), limits);
        self.fields = Vec::with_capacity(USUAL_FIELDS.min(limits.header_fields));
        let mut at = first + 2;
        loop {
            let start = at;
            let mut end = self.line_end(data, start)?;
            at = end + 2;
            if end == start {
                self.end = at;
                return Some(());
            }
            let mut folded = false;
            while line::folds(data, at) {
                end = self.line_end(data, at)?;
                at = end + 2;
                folded = true;
            }
            if self.fields.len() >= limits.header_fields {
                self.refuse(start, Fault::TooManyFields);
                self.end = at;
                return Some(());
            }
            if !std::mem::take(&mut self.unsound) {
                self.field(data, start..end, folded);
            }
        }
    }

    /// Where the line that begins at `start` ends.
    #[inline(always)]
    fn line_end(&mut self, data: &[u8], start: usize) -> Option<usize> {
        match line::line_end(data, start) {
            Ok(end) => Some(end),
            Err(NoLine::Unfinished) => None,
            Err(NoLine::Bare(at)) => self.behind_bare(data, at),
        }
    }

    /// The same behind a CR or LF that stands alone at `at`.
    #[cold]
    fn behind_bare(&mut self, data: &[u8], mut at: usize) -> Option<usize> {
        self.unsound = true;
        self.refuse(at, Fault::BareLineBreak);
        loop {
            match line::line_end(data, at + 1) {
                Ok(end) => return Some(end),
                Err(NoLine::Unfinished) => return None,
                Err(NoLine::Bare(next)) => at = next,
            }
        }
    }

    /// Adds the field at `range`.
    #[inline]
    fn field(&mut self, data: &[u8], range: Range<usize>, folded: bool) {
        let (name, name_len, value) = match field(data, range.clone()) {
            Ok(found) => found,
            Err(at) => return self.refuse(at, Fault::HeaderField),
        };
        if name == HeaderName::ContentLength {
            self.content_length(data, &range, &value);
        }
        #[expect(clippy::cast_possible_truncation, reason = "a window of at most u32::MAX bytes was cut out before")]
        let offset = |at: usize| at as u32;
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

    fn content_length(&mut self, data: &[u8], line: &Range<usize>, value: &Range<usize>) {
        match (self.content_length, length(data.get(value.clone()).unwrap_or_default())) {
            (Some(_), _) => self.refuse(line.start, Fault::ContentLengthRepeated),
            (None, None) => self.refuse(value.start, Fault::ContentLength),
            (None, Some(length)) => self.content_length = Some((length, value.start)),
        }
    }

    fn start_line(&mut self, bytes: &[u8], limits: &Limits) {
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
        let version_end = line::trim(bytes, 0..bytes.len()).end;
        let version = memrchr(b' ', part(0..version_end)).map_or(0, |space| space + 1);
        if method_end == 0 || version <= method_end {
            return Err(method_end);
        }
        let supported = supports(part(version..version_end)).ok_or(version)?;
        let uri = line::trim(bytes, method_end..version);
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
    if bytes == b"SIP/2.0" || bytes.eq_ignore_ascii_case(b"SIP/2.0") {
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

/// Takes apart the field in the line at `range`: which it is, the length of its name, where its value stands. The offset of what is no
/// field.
#[inline(always)]
fn field(data: &[u8], range: Range<usize>) -> Result<(HeaderName, usize, Range<usize>), usize> {
    let bytes = data.get(range.clone()).unwrap_or_default();
    let colon = scan::byte(bytes, b':').ok_or(range.start)?;
    let mut name = bytes.get(..colon).unwrap_or_default();
    while let [shorter @ .., b' ' | b'\t'] = name {
        name = shorter;
    }
    let known = HeaderName::of(name);
    if known == HeaderName::Other && !grammar::all(name, TOKEN) {
        return Err(range.start + name.iter().position(|byte| !grammar::is(*byte, TOKEN)).unwrap_or(0));
    }
    Ok((known, name.len(), line::trim(data, range.start + colon + 1..range.end)))
}

/// The Content-Length that the head in `data` has.
pub(crate) fn content_length(data: &[u8]) -> Result<Option<usize>, (usize, Fault)> {
    let mut found = None;
    let mut at = 0;
    while let Ok(mut end) = line::line_end(data, at) {
        let start = at;
        at = end + 2;
        while line::folds(data, at) {
            let Ok(more) = line::line_end(data, at) else { break };
            (end, at) = (more, more + 2);
        }
        // Only `Content-Length` and `l` matter, in any case.
        if !matches!(data.get(start), Some(b'c' | b'C' | b'l' | b'L')) {
            continue;
        }
        if let Ok((HeaderName::ContentLength, _, value)) = field(data, start..end) {
            if found.is_some() {
                return Err((start, Fault::ContentLengthRepeated));
            }
            found =
                Some(length(data.get(value.clone()).unwrap_or_default()).ok_or((value.start, Fault::ContentLength))?);
        }
    }
    Ok(found)
}
