//! A second reader of SIP messages, for the watchers of the wire: small, and independent of the core's, so that the two do not share a mistake.
//!
//! It reads what well-behaved programs and the scripts of the tests write: names in full or compact, lists, quotes and angle
//! brackets, folded lines. What it cannot read it does not guess.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

/// A SIP message.
#[derive(Clone, PartialEq, Eq)]
pub struct Sip {
    data: Bytes,
    start: Start,
    fields: Vec<(String, String)>,
    body: Bytes,
}

/// What a message begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// A request.
    Request {
        /// Its method.
        method: String,
        /// Its Request-URI.
        uri: String,
    },
    /// A response.
    Response {
        /// Its status code.
        code: u16,
        /// Its reason phrase.
        reason: String,
    },
}

/// The top Via of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP` and so on.
    pub transport: &'a str,
    /// Host and port as they stand there.
    pub sent_by: &'a str,
    /// The whole value.
    pub value: &'a str,
}

/// The compact forms of RFC 3261 section 7.3.3.
const COMPACT: [(&str, &str); 10] = [
    ("v", "via"),
    ("f", "from"),
    ("t", "to"),
    ("i", "call-id"),
    ("m", "contact"),
    ("l", "content-length"),
    ("c", "content-type"),
    ("e", "content-encoding"),
    ("k", "supported"),
    ("s", "subject"),
];

impl Sip {
    /// Reads one message: all of a datagram, or what a [`Splitter`] cut off a stream. `None` when it is not one.
    #[must_use]
    pub fn read(data: &Bytes) -> Option<Self> {
        let breaks = data.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let data = &data.slice(breaks..);
        let end = find(data, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(data.get(..end)?).into_owned();
        let mut lines = head.split("\r\n");
        let start = Start::read(lines.next()?)?;
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '\t']) {
                let (_, value) = fields.last_mut()?;
                value.push(' ');
                value.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':')?;
            let name = name.trim().to_ascii_lowercase();
            let full = COMPACT.iter().find(|(short, _)| *short == name).map_or(name.as_str(), |(_, full)| full);
            fields.push((full.to_owned(), value.trim().to_owned()));
        }
        let body = data.slice(end + 4..);
        Some(Self { data: data.clone(), start, fields, body })
    }

    /// The bytes.
    #[must_use]
    pub const fn data(&self) -> &Bytes {
        &self.data
    }

    /// The start line.
    #[must_use]
    pub const fn start(&self) -> &Start {
        &self.start
    }

    /// The method of a request; empty for a response.
    #[must_use]
    pub fn request(&self) -> &str {
        match &self.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } => "",
        }
    }

    /// The Request-URI; empty for a response.
    #[must_use]
    pub fn uri(&self) -> &str {
        match &self.start {
            Start::Request { uri, .. } => uri,
            Start::Response { .. } => "",
        }
    }

    /// The status code; 0 for a request.
    #[must_use]
    pub const fn code(&self) -> u16 {
        match &self.start {
            Start::Request { .. } => 0,
            Start::Response { code, .. } => *code,
        }
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as text, if it is a session description.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        let sdp = self.header("content-type")?.eq_ignore_ascii_case("application/sdp");
        if sdp && !self.body.is_empty() { std::str::from_utf8(&self.body).ok() } else { None }
    }

    /// All header fields in order, with their full names in small letters.
    #[must_use]
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// The first value of a header field, by its name in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// How many fields of this name there are.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.fields.iter().filter(|(known, _)| known == name).count()
    }

    /// The members of all header fields of this name, cut at commas outside of quotes and angle brackets.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(known, _)| known == name).flat_map(|(_, value)| members(value)).collect()
    }

    /// The top Via.
    #[must_use]
    pub fn via(&self) -> Option<Via<'_>> {
        let value = *self.list("via").first()?;
        let (protocol, rest) = value.split_once([' ', '\t'])?;
        let transport = protocol.rsplit('/').next()?;
        let sent_by = rest.trim().split(';').next()?.trim();
        Some(Via { transport, sent_by, value })
    }

    /// The branch of the top Via; empty when there is none.
    #[must_use]
    pub fn branch(&self) -> &str {
        self.via().and_then(|via| param(via.value, "branch")).flatten().unwrap_or_default()
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.header("call-id").unwrap_or_default()
    }

    /// Number and method of CSeq.
    #[must_use]
    pub fn cseq(&self) -> (u32, &str) {
        let read = |value: &'_ str| {
            let (number, method) = value.split_once([' ', '\t'])?;
            Some((number.parse().ok()?, method.len()))
        };
        let value = self.header("cseq").unwrap_or_default();
        match read(value) {
            Some((number, length)) => (number, value[value.len() - length..].trim()),
            None => (0, ""),
        }
    }

    /// The tag of From.
    #[must_use]
    pub fn from_tag(&self) -> &str {
        self.tag("from")
    }

    /// The tag of To; empty when there is none.
    #[must_use]
    pub fn to_tag(&self) -> &str {
        self.tag("to")
    }

    fn tag(&self, name: &str) -> &str {
        self.header(name).and_then(|value| param(value, "tag")).flatten().unwrap_or_default()
    }

    /// The URI of the first Contact; empty when there is none.
    #[must_use]
    pub fn contact(&self) -> &str {
        self.list("contact").first().map(|value| uri_of(value)).unwrap_or_default()
    }

    /// Whether it came whole: with as many bytes of body as it says, if it says so.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let claimed = self.header("content-length").map(str::parse::<usize>);
        claimed.is_none_or(|claimed| claimed.is_ok_and(|claimed| claimed <= self.body.len()))
    }

    /// What is wrong with the form of a message that a host of ours sends: it has to have each of the fields that every message has once, and as many bytes of body as it says.
    #[must_use]
    pub fn faults(&self) -> Option<String> {
        let once = ["from", "to", "call-id", "cseq", "content-length"];
        if let Some(name) = once.iter().find(|name| self.count(name) != 1) {
            return Some(format!("{} fields {name}", self.count(name)));
        }
        if self.count("via") == 0 {
            return Some("no Via".to_owned());
        }
        if self.code() == 0 && self.header("max-forwards").is_none() {
            return Some("no Max-Forwards".to_owned());
        }
        let claimed = self.header("content-length").and_then(|length| length.parse::<usize>().ok());
        if claimed != Some(self.body.len()) {
            return Some(format!("Content-Length says {claimed:?} of {} bytes", self.body.len()));
        }
        let (_, method) = self.cseq();
        if self.code() == 0 && method != self.request() {
            return Some(format!("CSeq says {method} of a {}", self.request()));
        }
        None
    }
}

impl Start {
    fn read(line: &str) -> Option<Self> {
        if let Some(status) = line.strip_prefix("SIP/2.0 ") {
            let (code, reason) = status.split_once(' ').unwrap_or((status, ""));
            return Some(Self::Response { code: code.parse().ok()?, reason: reason.to_owned() });
        }
        let (method, rest) = line.split_once(' ')?;
        let (uri, version) = rest.rsplit_once(' ')?;
        version.starts_with("SIP/").then(|| Self::Request { method: method.to_owned(), uri: uri.to_owned() })
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { method, uri } => write!(f, "{method} {uri}"),
            Self::Response { code, reason } => write!(f, "{code} {reason}"),
        }
    }
}

impl fmt::Display for Sip {
    /// `INVITE`, `ACK`, `180 INVITE`, `200 BYE`: as short as tests name messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.start {
            Start::Request { method, .. } => f.write_str(method),
            Start::Response { code, .. } => write!(f, "{code} {}", self.cseq().1),
        }
    }
}

impl fmt::Debug for Sip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.data))
    }
}

impl Via<'_> {
    /// Host and port of the sent-by, with the default port filled in. `None` for a name.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        let default = if self.transport.eq_ignore_ascii_case("TLS") { 5061 } else { 5060 };
        address(self.sent_by, default)
    }

    /// The port of the sent-by, with the default port filled in.
    #[must_use]
    pub fn port(&self) -> u16 {
        let default = if self.transport.eq_ignore_ascii_case("TLS") { 5061 } else { 5060 };
        let port = self.sent_by.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        port.and_then(|(_, port)| port.trim().parse().ok()).unwrap_or(default)
    }

    /// A parameter: `None` when it is not there, `Some(None)` when it has no value.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Option<&str>> {
        param(self.value, name)
    }
}

/// A parameter of a header value, outside of angle brackets: `None` when it is not there, `Some(None)` when it has no value.
#[must_use]
pub fn param<'a>(value: &'a str, name: &str) -> Option<Option<&'a str>> {
    // What is quoted separates nothing.
    let outside_quotes = |wanted: char| {
        let mut quoted = false;
        move |character: char| {
            quoted ^= character == '"';
            !quoted && character == wanted
        }
    };
    let outside =
        match value.find(outside_quotes('<')).and_then(|begin| value[begin..].find('>').map(|end| begin + end)) {
            Some(end) => &value[end..],
            None => value,
        };
    outside.split(outside_quotes(';')).skip(1).find_map(|param| {
        let (key, value) = match param.split_once('=') {
            Some((key, value)) => (key, Some(value.trim())),
            None => (param, None),
        };
        key.trim().eq_ignore_ascii_case(name).then_some(value)
    })
}

/// The URI in a header value: what stands in angle brackets, or before the parameters.
#[must_use]
pub fn uri_of(value: &str) -> &str {
    match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or_default(),
        None => value.split(';').next().unwrap_or_default().trim(),
    }
}

/// The address that a SIP URI names, if it names one by number.
#[must_use]
pub fn address_of(uri: &str) -> Option<SocketAddr> {
    let rest = uri.split_once(':')?.1;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    address(rest.split([';', '?']).next()?, 5060)
}

fn address(text: &str, default: u16) -> Option<SocketAddr> {
    let ip = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    text.parse().ok().or_else(|| Some(SocketAddr::new(ip(text)?, default)))
}

/// The members of a comma-separated list.
fn members(value: &str) -> Vec<&str> {
    let (mut quoted, mut escaped, mut inside, mut start) = (false, false, false, 0);
    let mut found = Vec::new();
    for (at, character) in value.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => inside = true,
            '>' if !quoted => inside = false,
            ',' if !quoted && !inside => {
                found.push(value[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(value[start..].trim());
    found
}

fn find(data: &[u8], wanted: &[u8]) -> Option<usize> {
    data.windows(wanted.len()).position(|window| window == wanted)
}

/// Cuts a stream into messages (RFC 3261 section 18.3).
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: Vec<u8>,
}

impl Splitter {
    /// Takes the next bytes of the stream, and gives the messages that are complete now. Line breaks between messages are dropped.
    pub fn feed(&mut self, data: &[u8]) -> Vec<Bytes> {
        self.buffer.extend_from_slice(data);
        let mut messages = Vec::new();
        loop {
            let breaks = self.buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.buffer.drain(..breaks);
            let Some(head) = find(&self.buffer, b"\r\n\r\n") else { return messages };
            let text = Bytes::copy_from_slice(&self.buffer[..head + 4]);
            let length = Sip::read(&text).and_then(|sip| sip.header("content-length")?.parse::<usize>().ok());
            let end = head + 4 + length.unwrap_or(0);
            if self.buffer.len() < end {
                return messages;
            }
            messages.push(self.buffer.drain(..end).collect::<Vec<_>>().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "INVITE sip:bob@[2001:db8::9]:5070;transport=tcp SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;rport\r\n\
        Via: SIP/2.0/TCP p.example:99 ;branch=z9hG4bKb, SIP/2.0/UDP c\r\nFrom: \"a, <b\" <sip:a@b;tag=no>;tag=1\r\n\
        To: <sip:bob@c>\r\nCall-ID: x\r\nCSeq: 7   INVITE\r\nContact: <sip:a@10.0.0.1>, <sip:b@c,d>\r\nSubject: one\r\n two\r\n\
        l: 3\r\n\r\nabc";

    fn sip() -> Sip {
        Sip::read(&Bytes::from_static(TEXT.as_bytes())).unwrap()
    }

    #[test]
    fn a_message_is_read() {
        let sip = sip();
        assert_eq!((sip.request(), sip.code(), sip.cseq()), ("INVITE", 0, (7, "INVITE")));
        assert_eq!((sip.from_tag(), sip.to_tag(), sip.branch()), ("1", "", "z9hG4bKa"));
        assert_eq!(sip.via().unwrap().address(), Some("10.0.0.1:5060".parse().unwrap()));
        assert_eq!((sip.via().unwrap().param("rport"), sip.via().unwrap().port()), (Some(None), 5060));
        assert_eq!((sip.list("via").len(), sip.list("contact").len(), sip.contact()), (3, 2, "sip:a@10.0.0.1"));
        assert_eq!((sip.header("subject"), sip.body().as_ref()), (Some("one two"), b"abc".as_slice()));
        assert_eq!(address_of(sip.uri()), Some("[2001:db8::9]:5070".parse().unwrap()));
        assert_eq!((sip.to_string(), sip.faults()), ("INVITE".to_owned(), Some("no Max-Forwards".to_owned())));
        assert!(Sip::read(&Bytes::from_static(b"hello\r\n\r\n")).is_none());
    }

    #[test]
    fn a_stream_is_cut_wherever_it_is_cut() {
        let stream = format!("\r\n\r\n{TEXT}{TEXT}\r\n");
        for size in [1, 2, 7, 100, 10_000] {
            let mut splitter = Splitter::default();
            let messages: Vec<_> = stream.as_bytes().chunks(size).flat_map(|chunk| splitter.feed(chunk)).collect();
            assert_eq!(messages, [TEXT.as_bytes(), TEXT.as_bytes()], "{size}");
        }
    }
}
