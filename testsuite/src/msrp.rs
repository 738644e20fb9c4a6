//! A second reader and writer of MSRP, for the watchers and for scripted peers: frames out of what goes one way on a connection.

/// What a frame begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// A request with this method.
    Request(String),
    /// A response with this code.
    Response(u16),
}

/// A frame, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The transaction identifier.
    pub transaction: String,
    /// What it is.
    pub start: Start,
    /// The header fields, in order.
    pub fields: Vec<(String, String)>,
    /// The body, if it has one.
    pub body: Option<Vec<u8>>,
    /// `$`, `+` or `#`.
    pub flag: char,
}

/// The value of Byte-Range; `None` where a star stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first byte, counted from 1.
    pub start: u64,
    /// The last.
    pub end: Option<u64>,
    /// How long the message is.
    pub total: Option<u64>,
}

impl Frame {
    /// A frame of these fields, without a body.
    #[must_use]
    pub fn new(transaction: impl Into<String>, start: Start, fields: &[(&str, String)]) -> Self {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self { transaction: transaction.into(), start, fields, body: None, flag: '$' }
    }

    /// How it stands on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let what = match &self.start {
            Start::Request(method) => method.clone(),
            Start::Response(code) => format!("{code:03}"),
        };
        let mut bytes = format!("MSRP {} {what}\r\n", self.transaction).into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        if let Some(body) = &self.body {
            bytes.extend_from_slice(&[b"\r\n", body.as_slice(), b"\r\n"].concat());
        }
        bytes.extend_from_slice(format!("-------{}{}\r\n", self.transaction, self.flag).as_bytes());
        bytes
    }

    /// Puts another value in the place of a field's.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        if let Some((_, own)) = self.fields.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            *own = value.into();
        }
    }

    /// Whether it is a request with this method.
    #[must_use]
    pub fn is(&self, method: &str) -> bool {
        matches!(&self.start, Start::Request(own) if own == method)
    }

    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The URIs of a path.
    #[must_use]
    pub fn path(&self, name: &str) -> Vec<&str> {
        self.field(name).unwrap_or_default().split(' ').filter(|uri| !uri.is_empty()).collect()
    }

    /// The URI at the far end of a path.
    #[must_use]
    pub fn last(&self, name: &str) -> String {
        self.path(name).last().copied().unwrap_or_default().to_owned()
    }

    /// The value of Message-ID.
    #[must_use]
    pub fn message(&self) -> String {
        self.field("Message-ID").unwrap_or_default().to_owned()
    }

    /// The value of Failure-Report, `yes` where there is none.
    #[must_use]
    pub fn failure(&self) -> &str {
        self.field("Failure-Report").unwrap_or("yes")
    }

    /// Whether success is to be reported.
    #[must_use]
    pub fn success(&self) -> bool {
        self.field("Success-Report") == Some("yes")
    }

    /// The value of Byte-Range, if it reads.
    #[must_use]
    pub fn range(&self) -> Option<Range> {
        let (part, total) = self.field("Byte-Range")?.split_once('/')?;
        let (start, end) = part.split_once('-')?;
        let number = |text: &str| if text == "*" { Some(None) } else { text.parse().ok().map(Some) };
        Some(Range { start: start.parse().ok()?, end: number(end)?, total: number(total)? })
    }

    /// How long its body is.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.body.as_ref().map_or(0, Vec::len) as u64
    }

    /// Whether it carries no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Cuts what goes one way on a connection into frames. What does not begin like MSRP is left alone.
#[derive(Debug, Default)]
pub struct Cutter {
    buffer: Vec<u8>,
    begun: bool,
    over: bool,
    /// Where the body begins of the frame that comes, and how far its end was looked for.
    body: Option<(usize, usize)>,
    /// Bytes of the bodies of frames that have ended.
    bodies: u64,
}

const START: &[u8] = b"MSRP ";

fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    haystack.get(from..)?.windows(needle.len()).position(|window| window == needle).map(|at| from + at)
}

impl Cutter {
    /// Bytes of bodies so far, those of a frame that has not ended included.
    #[must_use]
    pub fn bodies(&self) -> u64 {
        self.bodies + self.body.map_or(0, |(begins, _)| self.buffer.len() - begins) as u64
    }

    /// The frames that end with these bytes; an error ends the reading.
    pub fn feed(&mut self, data: &[u8]) -> Vec<Result<Frame, String>> {
        let mut frames = Vec::new();
        if self.over {
            return frames;
        }
        self.buffer.extend_from_slice(data);
        while !self.buffer.is_empty() {
            let len = START.len().min(self.buffer.len());
            if self.buffer[..len] != START[..len] {
                self.over = true;
                if self.begun {
                    frames.push(Err(format!("no frame begins here: {}", self.buffer[..len].escape_ascii())));
                }
                break;
            }
            match self.cut() {
                None => break,
                Some(Err(why)) => {
                    self.over = true;
                    frames.push(Err(why));
                    break;
                }
                Some(Ok((frame, end))) => {
                    self.begun = true;
                    self.bodies += frame.len();
                    self.buffer.drain(..end);
                    self.body = None;
                    frames.push(Ok(frame));
                }
            }
        }
        frames
    }

    fn cut(&mut self) -> Option<Result<(Frame, usize), String>> {
        let first = find(&self.buffer, b"\r\n", 0)?;
        let line = String::from_utf8_lossy(&self.buffer[..first]).into_owned();
        let Some((transaction, what)) = line.strip_prefix("MSRP ").and_then(|rest| rest.split_once(' ')) else {
            return Some(Err(format!("no start line: {line}")));
        };
        let needle = format!("-------{transaction}");
        let start = match what.get(..3).and_then(|code| code.parse().ok()) {
            Some(code) => Start::Response(code),
            None => Start::Request(what.to_owned()),
        };
        let mut frame = Frame { transaction: transaction.to_owned(), start, fields: Vec::new(), body: None, flag: '$' };
        let mut at = first + 2;
        let begins = loop {
            let end = find(&self.buffer, b"\r\n", at)?;
            let line = String::from_utf8_lossy(&self.buffer[at..end]).into_owned();
            at = end + 2;
            if line.is_empty() {
                break at;
            }
            if let Some(flag) = line.strip_prefix(needle.as_str()).filter(|flag| flag.len() == 1) {
                frame.flag = flag.chars().next()?;
                return Some(Ok((frame, at)));
            }
            match line.split_once(':') {
                Some((name, value)) => frame.fields.push((name.to_owned(), value.trim().to_owned())),
                None => return Some(Err(format!("no header field: {line}"))),
            }
        };
        let (_, mut from) = *self.body.get_or_insert((begins, begins - 2));
        let needle = format!("\r\n{needle}").into_bytes();
        while let Some(found) = find(&self.buffer, &needle, from) {
            let rest = self.buffer.get(found + needle.len()..found + needle.len() + 3)?;
            if matches!(rest, [b'$' | b'+' | b'#', b'\r', b'\n']) {
                frame.flag = char::from(rest[0]);
                frame.body = Some(self.buffer.get(begins..found).unwrap_or_default().to_vec());
                return Some(Ok((frame, found + needle.len() + 3)));
            }
            from = found + 1;
        }
        self.body = Some((begins, from.max(self.buffer.len().saturating_sub(needle.len() + 3))));
        None
    }
}
