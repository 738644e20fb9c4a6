//! Parts of SIP messages (RFC 3420): `message/sipfrag`. What a REFER has come to is told by one, usually a status line alone (RFC 3515).

use bytes::{Bytes, BytesMut};

use crate::limits::Limits;
use crate::sip::{Fault, Headers, Message, ParseError, Text};

/// Stands in for a start line that is not there.
const STAND_IN: &[u8] = b"SIP/2.0 100 Trying\r\n";

/// A part of a SIP message: a start line, header fields and a body, each of which may be missing.
#[derive(Clone, Debug)]
pub struct Fragment {
    message: Message,
    has_start: bool,
}

impl Fragment {
    /// The content type of such a body.
    pub const CONTENT_TYPE: &'static str = "message/sipfrag";

    /// Reads a body.
    ///
    /// # Errors
    /// When it is empty or cannot be read as a part of a message; the offset is one into the body.
    pub fn parse(body: &Bytes, limits: &Limits) -> Result<Self, ParseError> {
        let fail = |at, fault| ParseError { at, fault, request: None };
        let first_line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if first_line.trim_ascii().is_empty() {
            return Err(fail(0, Fault::Empty));
        }
        let has_start = is_start_line(first_line);
        let mut whole = BytesMut::new();
        if !has_start {
            whole.extend_from_slice(STAND_IN);
        }
        whole.extend_from_slice(body);
        // The line ends that a fragment may lack.
        if memchr::memmem::find(&whole, b"\r\n\r\n").is_none() {
            whole.extend_from_slice(if whole.ends_with(b"\r\n") { b"\r\n" } else { b"\r\n\r\n" });
        }
        let skipped = if has_start { 0 } else { STAND_IN.len() };
        let message = Message::parse(whole.freeze(), limits)
            .map_err(|error| fail(error.at.saturating_sub(skipped).min(body.len()), error.fault))?;
        Ok(Self { message, has_start })
    }

    /// The code and the reason phrase, if it has a status line.
    #[must_use]
    pub fn status(&self) -> Option<(u16, Text)> {
        let response = self.message.as_response().filter(|_| self.has_start)?;
        Some((response.code(), response.reason()))
    }

    /// The message, if there is a start line. It may lack any header field.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        self.has_start.then_some(&self.message)
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        self.message.headers()
    }

    /// A fragment that is a status line alone: `SIP/2.0 200 OK`.
    #[must_use]
    pub fn status_line(code: u16, reason: &str) -> String {
        let reason: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("SIP/2.0 {code} {reason}\r\n")
    }
}

/// Whether a line is a status line or a request line, and no header field.
fn is_start_line(line: &[u8]) -> bool {
    let words: Vec<_> = line.trim_ascii_end().splitn(4, |byte| *byte == b' ').collect();
    match words[..] {
        [b"SIP/2.0", ..] => true,
        [method, _, version] => !method.ends_with(b":") && version.starts_with(b"SIP/"),
        [..] => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sip::{HeaderName, Method};

    fn parse(text: &str) -> Result<Fragment, ParseError> {
        Fragment::parse(&Bytes::copy_from_slice(text.as_bytes()), &Limits::default())
    }

    #[test]
    fn a_status_line_alone_is_read() {
        for text in ["SIP/2.0 603 Declined\r\n", "SIP/2.0 603 Declined", "SIP/2.0 603 Declined\r\n\r\n"] {
            let (code, reason) = parse(text).unwrap().status().unwrap();
            assert_eq!((code, reason.as_str()), (603, "Declined"), "{text:?}");
        }
        let written = Fragment::status_line(100, "Trying\r\nX: y");
        assert_eq!(parse(&written).unwrap().status().map(|(code, _)| code), Some(100));
        assert!(!parse(&written).unwrap().headers().has(HeaderName::Via));
    }

    #[test]
    fn header_fields_may_stand_alone() {
        // From the examples of RFC 3420 section 2.1.
        let fragment = parse("From: Alice <sip:alice@atlanta.com>\r\nTo: Bob <sip:bob@biloxi.com>\r\nContact: <sip:alice@pc33.atlanta.com>\r\n").unwrap();
        assert!(fragment.status().is_none() && fragment.message().is_none());
        assert!(fragment.headers().has(HeaderName::From) && fragment.headers().has(HeaderName::Contact));
    }

    #[test]
    fn a_request_with_a_body_is_read() {
        let fragment =
            parse("INVITE sip:alice@atlanta.com SIP/2.0\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nHi")
                .unwrap();
        let request = fragment.message().and_then(Message::as_request).unwrap();
        assert_eq!((request.method(), &request.body()[..]), (&Method::Invite, &b"Hi"[..]));
        assert!(fragment.status().is_none());
    }

    #[test]
    fn what_is_no_part_of_a_message_is_refused() {
        for (text, fault) in [
            ("", Fault::Empty),
            ("\r\n", Fault::Empty),
            ("nonsense", Fault::HeaderField),
            ("SIP/2.0 99 Low\r\n", Fault::StatusCode),
            ("From: a\r\nnonsense\r\n", Fault::HeaderField),
        ] {
            assert_eq!(parse(text).expect_err(text).fault, fault, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "(SIP/2.0 |INVITE |[0-9]{1,4}| |:|\r\n|\n|From|[a-z]){0,20}") {
            let _ = parse(&text);
        }
    }
}
