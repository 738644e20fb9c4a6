//! Printing into a buffer of the caller (RFC 3261 section 7.3.1).

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::line;
use super::{HeaderName, Headers, Request, Response};

impl Request {
    /// Appends the request in its normal form: long names in their usual case, one space after the colon, folding undone. Fields,
    /// values, parameters and their order stay. Allocates only when the buffer must grow.
    pub fn print(&self, out: &mut BytesMut) {
        out.reserve(self.bytes.len() + ROOM);
        out.put_slice(self.method.as_str().as_bytes());
        out.put_slice(b" ");
        out.put_slice(self.part(self.uri.clone()));
        if self.supported {
            out.put_slice(b" SIP/2.0\r\n");
        } else {
            let version = self.part(self.version..self.start_line_end());
            out.put_slice(b" ");
            out.put_slice(version);
            out.put_slice(b"\r\n");
        }
        self.headers.print(out);
    }

    /// Appends the request as it was received or built.
    pub fn print_verbatim(&self, out: &mut BytesMut) {
        out.put_slice(&self.bytes);
    }
}

impl Response {
    /// Appends the response in its normal form, as [`Request::print`] does.
    pub fn print(&self, out: &mut BytesMut) {
        out.reserve(self.bytes.len() + ROOM);
        out.put_slice(b"SIP/2.0 ");
        let digit = |place: u16| b'0' + u8::try_from(self.code / place % 10).unwrap_or_default();
        out.put_slice(&[digit(100), digit(10), digit(1), b' ']);
        out.put_slice(self.part(self.reason.clone()));
        out.put_slice(b"\r\n");
        self.headers.print(out);
    }

    /// Appends the response as it was received or built.
    pub fn print_verbatim(&self, out: &mut BytesMut) {
        out.put_slice(&self.bytes);
    }
}

/// How much the long forms of a few names add.
const ROOM: usize = 64;

impl Headers {
    fn print(&self, out: &mut BytesMut) {
        for field in &self.fields {
            if field.name == HeaderName::Other {
                out.put_slice(self.part(field.name_range()));
            } else {
                out.put_slice(field.name.as_str().as_bytes());
            }
            out.put_slice(b": ");
            let value = self.part(field.value_range());
            if field.folded {
                line::unfold(value, |part| out.put_slice(part));
            } else {
                out.put_slice(value);
            }
            out.put_slice(b"\r\n");
        }
        out.put_slice(b"\r\n");
        out.put_slice(self.part(self.body.clone()));
    }

    /// Where the start line ends.
    pub(crate) fn start_line_end(&self) -> usize {
        let next = self.fields.first().map_or_else(|| self.head_end(), |field| field.name_range().start);
        next.saturating_sub(2)
    }
}

/// Bytes that text can be formatted into.
pub(crate) struct Sink<'a>(pub(crate) &'a mut Vec<u8>);

impl fmt::Write for Sink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
