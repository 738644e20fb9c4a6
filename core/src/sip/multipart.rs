//! The parts of a body (RFC 5621, RFC 2046 section 5.1, RFC 2387).

use bytes::Bytes;
use memchr::memmem;

use super::{ContentDisposition, Header, Headers, MediaType, Text};

/// How deep a multipart body may hold others; what is deeper is one part.
const DEPTH: usize = 4;

/// How many parts are looked at.
const PARTS: usize = 64;

/// One part of a body, or a whole body that has none.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its type; none where it is missing or malformed.
    pub content_type: Option<MediaType>,
    /// What it is for.
    pub disposition: Option<ContentDisposition>,
    /// Whether it is encoded, so that its bytes are not its content.
    pub encoded: bool,
    /// Whether another part of the same `multipart/alternative` may stand for it.
    pub alternative: bool,
    /// Whether it is part of a `multipart/related` without being its root: what it is for, the root says.
    pub related: bool,
    /// Its Content-ID without the angle brackets (RFC 2392).
    pub content_id: Option<Text>,
    /// Its bytes, slices of the message.
    pub body: Bytes,
}

impl Headers {
    /// The parts of the body, those of multipart bodies within it one by one; a body that is not multipart is the only part. Malformed boundaries
    /// make fewer parts. Linear in the body: nesting and number are bounded.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let body = self.body();
        let mut parts = Vec::new();
        if !body.is_empty() {
            let encoded = self
                .values(super::HeaderName::ContentEncoding)
                .any(|encoding| !encoding.is_ok_and(|encoding| encoding.eq_ignore_ascii_case("identity")));
            let whole = Part {
                content_type: self.content_type().ok().flatten(),
                disposition: self.get().ok().flatten(),
                encoded,
                alternative: false,
                related: false,
                content_id: None,
                body,
            };
            open(whole, DEPTH, &mut parts);
        }
        parts
    }
}

/// Takes a part apart if it is multipart.
fn open(part: Part, depth: usize, parts: &mut Vec<Part>) {
    let boundary = part
        .content_type
        .as_ref()
        .filter(|own| own.kind.eq_ignore_ascii_case("multipart") && depth > 0 && !part.encoded)
        .and_then(|own| own.params.get("boundary").flatten());
    let Some(boundary) = boundary.filter(|boundary| !boundary.is_empty()) else {
        if parts.len() < PARTS {
            parts.push(part);
        }
        return;
    };
    let is = |subtype| part.content_type.as_ref().is_some_and(|own| own.subtype.eq_ignore_ascii_case(subtype));
    let alternative = is("alternative") || part.alternative;
    let mut children = divide(&part, &boundary, PARTS.saturating_sub(parts.len()));
    if is("related") {
        // The root is the first one where `start` names none that is there (RFC 2387 section 3.2).
        let start = part.content_type.as_ref().and_then(|own| own.params.get("start").flatten());
        let start = start.as_deref().map(bare);
        let named = children.iter().position(|child| start.is_some() && child.content_id.as_deref() == start);
        for (number, child) in children.iter_mut().enumerate() {
            child.related = number != named.unwrap_or(0);
        }
    }
    for child in children {
        let child = Part { alternative, related: child.related || part.related, ..child };
        open(child, depth - 1, parts);
    }
}

/// The parts between these boundaries.
fn divide(part: &Part, boundary: &str, most: usize) -> Vec<Part> {
    let delimiter = format!("--{boundary}");
    let mut children = Vec::new();
    let mut begun: Option<usize> = None;
    let mut rest = 0;
    while let Some(found) = part.body.get(rest..).and_then(|rest| memmem::find(rest, delimiter.as_bytes())) {
        let at = rest + found;
        let end = at + delimiter.len();
        rest = end;
        let opens = at == 0 || part.body.get(..at).is_some_and(|before| before.ends_with(b"\n"));
        let after = part.body.get(end..).unwrap_or_default();
        let last = after.starts_with(b"--");
        // A longer boundary begins with this one.
        if !opens
            || !(last
                || after.is_empty()
                || after.starts_with(b"\r")
                || after.starts_with(b"\n")
                || after.starts_with(b" "))
        {
            continue;
        }
        if let Some(start) = begun {
            let text = part.body.get(start..at).unwrap_or_default();
            let text = text.strip_suffix(b"\r\n").or_else(|| text.strip_suffix(b"\n")).unwrap_or(text);
            let content = part.body.slice(start..start + text.len());
            children.push(read(content, part.encoded));
        }
        if last || children.len() >= most {
            break;
        }
        let line = memchr::memchr(b'\n', after).map_or(after.len(), |at| at + 1);
        begun = Some(end + line);
    }
    children
}

/// A Content-ID without its angle brackets.
fn bare(id: &str) -> &str {
    id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id)
}

/// The header fields and the content of one part.
fn read(text: Bytes, encoded: bool) -> Part {
    let mut part = Part {
        content_type: None,
        disposition: None,
        encoded,
        alternative: false,
        related: false,
        content_id: None,
        body: Bytes::new(),
    };
    let mut at = 0;
    while let Some(length) = text.get(at..).and_then(|rest| memchr::memchr(b'\n', rest)) {
        let line = text.slice(at..at + length);
        at += length + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if line.is_empty() {
            part.body = text.slice(at..);
            return part;
        }
        let Some((name, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else {
            continue;
        };
        let value = Text::from(value.trim());
        match name.trim().to_ascii_lowercase().as_str() {
            "content-type" | "c" => part.content_type = MediaType::parse(&value).ok(),
            "content-disposition" => {
                part.disposition = ContentDisposition::read(&mut super::Cursor::new(&value)).ok();
            }
            "content-id" => part.content_id = Some(bare(&value).into()),
            "content-encoding" | "e" => part.encoded |= !value.eq_ignore_ascii_case("identity"),
            "content-transfer-encoding" => {
                part.encoded |= !["7bit", "8bit", "binary"].iter().any(|plain| value.eq_ignore_ascii_case(plain));
            }
            _ => {}
        }
    }
    // No empty line: all of it is header fields.
    part
}
