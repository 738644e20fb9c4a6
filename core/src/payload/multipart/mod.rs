//! Bodies of several parts (RFC 2046 section 5.1, RFC 2387): `multipart/mixed`, `multipart/alternative`, `multipart/related`.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use memchr::memmem;

use super::mime::Entity;
use super::{Error, Fault};
use crate::limits::Limits;
use crate::sip::MediaType;

/// The parts of a body. A part that is a multipart body itself is not taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Multipart {
    /// The parts, in their order. Of an alternative the last one that is understood counts.
    pub parts: Vec<Entity>,
}

impl Multipart {
    /// Takes a body apart whose `Content-Type` is this. The parts share the bytes. What stands before the first and behind the last boundary is
    /// skipped.
    ///
    /// # Errors
    /// When there is no boundary, the last one is missing, a part does not read, or a limit is exceeded.
    pub fn parse(content_type: &MediaType, body: &Bytes, limits: &Limits) -> Result<Self, Error> {
        let no_boundary = |at| Error::new(at, Fault::Boundary);
        if body.len() > limits.payload_bytes {
            return Err(Error::new(limits.payload_bytes, Fault::TooLong));
        }
        let boundary = content_type.params.get("boundary").flatten().unwrap_or_default();
        if !content_type.kind.eq_ignore_ascii_case("multipart") || !is_boundary(&boundary) {
            return Err(no_boundary(0));
        }
        let delimiters = Delimiters::new(body, &boundary);
        let mut parts = Vec::new();
        let mut begin: Option<usize> = None;
        for delimiter in delimiters {
            if let Some(begin) = begin {
                if parts.len() >= limits.parts {
                    return Err(Error::new(begin, Fault::TooManyParts));
                }
                let part = body.slice(begin..delimiter.start.max(begin));
                let entity = Entity::read(&part, 0, limits);
                parts.push(entity.map_err(|error| Error { at: error.at + begin, ..error })?);
            }
            if delimiter.is_last {
                return Ok(Self { parts });
            }
            begin = Some(delimiter.end);
        }
        Err(no_boundary(body.len()))
    }

    /// The part with this Content-ID, without angle brackets.
    #[must_use]
    pub fn part(&self, content_id: &str) -> Option<&Entity> {
        self.parts.iter().find(|part| part.content_id() == Some(content_id))
    }

    /// The root of a related body (RFC 2387 section 3.2): the part that `start` names, or the first one.
    #[must_use]
    pub fn root(&self, content_type: &MediaType) -> Option<&Entity> {
        match content_type.params.get("start").flatten() {
            Some(start) => self.part(start.trim_start_matches('<').trim_end_matches('>')),
            None => self.parts.first(),
        }
    }

    /// Writes the body, and the boundary that it is written with: the Content-Type must name it. The boundary is made of `seed`, and is lengthened
    /// until it occurs in no part.
    #[must_use]
    pub fn write(&self, seed: u64) -> (Bytes, String) {
        let mut boundary = format!("b-{seed:016x}");
        let mut serial: u64 = 0;
        while self.parts.iter().any(|part| memmem::find(&part.body, boundary.as_bytes()).is_some()) {
            serial += 1;
            boundary = format!("b-{seed:016x}-{serial}");
        }
        let mut out = Vec::new();
        for part in &self.parts {
            out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            part.write(&mut out);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        (Bytes::from(out), boundary)
    }
}

/// Whether it can be a boundary (RFC 2046 section 5.1.1).
fn is_boundary(boundary: &str) -> bool {
    (1..=70).contains(&boundary.len())
        && boundary.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte))
        && !boundary.ends_with(' ')
}

/// Where a boundary stands.
struct Delimiter {
    /// Where the part before it ends.
    start: usize,
    /// Where the part behind it begins.
    end: usize,
    is_last: bool,
}

/// The lines that are boundaries.
struct Delimiters<'a> {
    body: &'a [u8],
    delimiter: Vec<u8>,
    at: usize,
}

impl<'a> Delimiters<'a> {
    fn new(body: &'a [u8], boundary: &str) -> Self {
        Self { body, delimiter: [b"--", boundary.as_bytes()].concat(), at: 0 }
    }
}

impl Iterator for Delimiters<'_> {
    type Item = Delimiter;

    fn next(&mut self) -> Option<Delimiter> {
        loop {
            let rest = self.body.get(self.at..)?;
            let found = self.at + memmem::find(rest, &self.delimiter)?;
            self.at = found + self.delimiter.len();
            let before = self.body.get(..found).unwrap_or_default();
            let after = self.body.get(self.at..).unwrap_or_default();
            // The line break before a boundary belongs to it.
            let start = match before {
                [.., b'\r', b'\n'] => found - 2,
                [.., b'\n'] => found - 1,
                [] => found,
                [..] => continue,
            };
            let (is_last, line) = after.strip_prefix(b"--").map_or((false, after), |line| (true, line));
            let padding = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let line_end = match line.get(padding..).unwrap_or_default() {
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                // Behind the last boundary nothing needs to come.
                [] if is_last => 0,
                [..] => continue,
            };
            let end = self.body.len() - line.len() + padding + line_end;
            self.at = end;
            return Some(Delimiter { start, end, is_last });
        }
    }
}
