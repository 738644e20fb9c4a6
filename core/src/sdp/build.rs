//! Building a session description line by line.

use std::net::IpAddr;

use crate::sip::Text;
use crate::sip::decimal::Address;

use super::Direction;
use super::line::{Origin, is_protocol, is_token, trim};
use super::session::{Line, Session};

/// Why a description cannot be built: a text would not read back as what it was, or would begin another line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} cannot stand in a '{line}=' line")]
pub struct BuildError {
    /// The type of the line.
    pub line: char,
    /// The offending text.
    pub value: Text,
}

/// Writes a description, one line after the other in the order of the calls; a fault is told at the end.
///
/// Values with CR, LF or NUL are refused, and so are fields that are not what the grammar wants there (RFC 8866 section 9).
///
/// ```
/// use sipsimple_core::sdp::{Direction, Origin, Session};
///
/// let address = "2001:db8::1".parse().unwrap();
/// let origin = Origin { username: "-", session_id: "1", version: "1", network_type: "IN", address_type: "IP6", address: "2001:db8::1" };
/// let mut builder = Session::builder(&origin);
/// builder.name("-").connection(address).time(0, 0);
/// builder.rtp_media("audio", 5004, "RTP/AVP", [0]).rtpmap(0, "PCMU", 8000, 1).direction(Direction::SendRecv);
/// let session = builder.finish().unwrap();
/// assert_eq!(session.media_count(), 1);
///
/// let mut builder = Session::builder(&origin);
/// builder.name("a\r\na=evil");
/// assert!(builder.finish().is_err());
/// ```
#[derive(Debug)]
pub struct Builder {
    text: String,
    lines: Vec<Line>,
    fault: Option<BuildError>,
}

impl Builder {
    pub(super) fn new(origin: &Origin<'_>) -> Self {
        let mut builder = Self { text: String::with_capacity(512), lines: Vec::with_capacity(32), fault: None };
        builder.line('v', &["0"]);
        let Origin { username, session_id, version, network_type, address_type, address } = *origin;
        let fields = [username, session_id, version, network_type, address_type, address];
        for field in fields {
            builder.check('o', field, !field.is_empty() && !field.bytes().any(|b| b == b' ' || b == b'\t'));
        }
        builder
            .line('o', &[username, " ", session_id, " ", version, " ", network_type, " ", address_type, " ", address]);
        builder
    }

    /// Adds `s=`; `-` for an empty name, which the grammar does not have.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.line('s', &[if name.is_empty() { "-" } else { name }])
    }

    /// Adds `i=`.
    pub fn title(&mut self, title: &str) -> &mut Self {
        self.line('i', &[title])
    }

    /// Adds `c=`.
    pub fn connection(&mut self, address: IpAddr) -> &mut Self {
        let start = self.begin('c');
        for part in ["IN ", address_type(address), " ", Address::of(address).as_str()] {
            self.text.push_str(part);
        }
        self.end('c', start)
    }

    /// Adds `b=`, in the unit of its kind.
    pub fn bandwidth(&mut self, kind: &str, value: u64) -> &mut Self {
        self.check('b', kind, is_token(kind));
        let start = self.begin('b');
        self.text.push_str(kind);
        self.text.push(':');
        push_number(&mut self.text, value);
        self.end('b', start)
    }

    /// Adds `t=`, in NTP seconds; `0 0` for an offer and its answer.
    pub fn time(&mut self, start: u64, stop: u64) -> &mut Self {
        let line = self.begin('t');
        push_number(&mut self.text, start);
        self.text.push(' ');
        push_number(&mut self.text, stop);
        self.end('t', line)
    }

    /// Begins a media section. At least one format must be given.
    pub fn media<F: AsRef<str>>(
        &mut self,
        media: &str,
        port: u16,
        protocol: &str,
        formats: impl IntoIterator<Item = F>,
    ) -> &mut Self {
        let start = self.begin_media(media, port, protocol);
        let fields = self.text.len();
        for format in formats {
            let format = format.as_ref();
            self.check('m', format, is_token(format));
            self.text.push(' ');
            self.text.push_str(format);
        }
        self.check('m', "", self.text.len() > fields);
        self.end('m', start)
    }

    /// Begins a media section whose formats are payload types. At least one must be given.
    pub fn rtp_media(
        &mut self,
        media: &str,
        port: u16,
        protocol: &str,
        payloads: impl IntoIterator<Item = u8>,
    ) -> &mut Self {
        let start = self.begin_media(media, port, protocol);
        let fields = self.text.len();
        for payload in payloads {
            self.text.push(' ');
            push_number(&mut self.text, u64::from(payload));
        }
        self.check('m', "", self.text.len() > fields);
        self.end('m', start)
    }

    fn begin_media(&mut self, media: &str, port: u16, protocol: &str) -> usize {
        self.check('m', media, is_token(media));
        self.check('m', protocol, is_protocol(protocol));
        let start = self.begin('m');
        self.text.push_str(media);
        self.text.push(' ');
        push_number(&mut self.text, u64::from(port));
        self.text.push(' ');
        self.text.push_str(protocol);
        start
    }

    /// Adds `a=name` or `a=name:value`.
    pub fn attribute(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        self.check('a', name, is_token(name));
        match value {
            Some(value) => self.line('a', &[name, ":", value]),
            None => self.line('a', &[name]),
        }
    }

    /// Adds `a=rtpmap`; the channels are left out when there is one.
    pub fn rtpmap(&mut self, payload: u8, encoding: &str, clock_rate: u32, channels: u8) -> &mut Self {
        self.check('a', encoding, is_token(encoding));
        let start = self.begin('a');
        self.text.push_str("rtpmap:");
        push_number(&mut self.text, u64::from(payload));
        self.text.push(' ');
        self.text.push_str(encoding);
        self.text.push('/');
        push_number(&mut self.text, u64::from(clock_rate));
        if channels > 1 {
            self.text.push('/');
            push_number(&mut self.text, u64::from(channels));
        }
        self.end('a', start)
    }

    /// Adds `a=fmtp`.
    pub fn fmtp(&mut self, payload: u8, parameters: &str) -> &mut Self {
        self.check('a', parameters, !trim(parameters).is_empty());
        let start = self.begin('a');
        self.text.push_str("fmtp:");
        push_number(&mut self.text, u64::from(payload));
        self.text.push(' ');
        self.text.push_str(parameters);
        self.end('a', start)
    }

    /// Adds an attribute whose value is a number.
    pub fn number(&mut self, name: &str, value: u32) -> &mut Self {
        self.check('a', name, is_token(name));
        let start = self.begin('a');
        self.text.push_str(name);
        self.text.push(':');
        push_number(&mut self.text, u64::from(value));
        self.end('a', start)
    }

    /// Adds the direction.
    pub fn direction(&mut self, direction: Direction) -> &mut Self {
        self.line('a', &[direction.as_str()])
    }

    /// The description.
    ///
    /// # Errors
    /// Names the first text that would not have read back.
    pub fn finish(self) -> Result<Session, BuildError> {
        match self.fault {
            None => Ok(Session::new(&self.text, &self.lines)),
            Some(fault) => Err(fault),
        }
    }

    fn line(&mut self, kind: char, parts: &[&str]) -> &mut Self {
        let start = self.begin(kind);
        for part in parts {
            self.text.push_str(part);
        }
        self.end(kind, start)
    }

    /// Begins a line, and gives the offset of its value.
    fn begin(&mut self, kind: char) -> usize {
        self.text.push(kind);
        self.text.push('=');
        self.text.len()
    }

    fn end(&mut self, kind: char, start: usize) -> &mut Self {
        let value = self.text.get(start..).unwrap_or_default();
        if memchr::memchr3(b'\r', b'\n', b'\0', value.as_bytes()).is_some() {
            let value = value.to_owned();
            self.check(kind, &value, false);
        }
        self.lines.push(Line::new(u8::try_from(kind).unwrap_or(b'?'), start, self.text.len() - start));
        self.text.push_str("\r\n");
        self
    }

    /// Remembers the first text that is not fit for its line.
    fn check(&mut self, line: char, value: &str, fit: bool) {
        if !fit && self.fault.is_none() {
            self.fault = Some(BuildError { line, value: value.into() });
        }
    }
}

/// `IP4` or `IP6`.
pub(crate) const fn address_type(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    }
}

/// Writes a number in decimal, without the machinery of formatting, which costs more than the rest of a line.
pub(crate) fn push_number(text: &mut String, number: u64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from(b'0' + u8::try_from(number % 10).unwrap_or_default()));
}
