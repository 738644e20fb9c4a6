//! Responses to requests (RFC 3261 section 8.2.6), and the Via that a request gets on its way out (section 8.1.1.7).

use std::net::SocketAddr;

use bytes::Bytes;

use super::build::Builder;
use super::headers::Field;
use super::list::Members;
use super::print::Sink;
use super::{Header, HeaderName, Headers, Request, Response, Via};

/// Where a request came from, for the top Via of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The address it came from.
    pub from: SocketAddr,
}

impl Response {
    /// The response to `request`: its Vias, From, To, Call-ID and CSeq are copied as received; To gets `to_tag` when it has no tag; the
    /// top Via gets `received` and `rport` as [`Via::with_received`] says. A 100 also gets the request's Timestamp. What in the request is
    /// malformed is copied as it is.
    pub fn reply(
        request: &Request,
        code: u16,
        reason: Option<&str>,
        to_tag: Option<&str>,
        received: Option<&Received>,
    ) -> Builder<Self> {
        let mut builder = Self::build(code, reason);
        let mut vias = request.fields.iter().filter(|field| field.name == HeaderName::Via);
        if let Some(top) = vias.next() {
            builder = match received.and_then(|received| noted(request, top, received)) {
                Some(value) => builder.received(HeaderName::Via, &value, false),
                None => builder.copy_one(request, top),
            };
        }
        for via in vias {
            builder = builder.copy_one(request, via);
        }
        builder = builder.copy_first(request, HeaderName::From);
        builder = match to_tag.and_then(|tag| untagged(request).map(|to| (to, tag))) {
            Some((to, tag)) => builder.tagged(request, to, tag),
            None => builder.copy_first(request, HeaderName::To),
        };
        builder = builder.copy_first(request, HeaderName::CallId).copy_first(request, HeaderName::CSeq);
        if code == 100 { builder.copy_first(request, HeaderName::Timestamp) } else { builder }
    }
}

/// The field of the top Via with where the request came from noted in its first member; none when nothing changes.
fn noted(headers: &Headers, field: &Field, received: &Received) -> Option<Vec<u8>> {
    let value = headers.text_of(field).ok()?;
    let first = Members::new(value.as_bytes()).next()?;
    let via = Via::parse(&value.sub(first.clone())).ok()?;
    let noted = Via { params: via.noting(received.from)?, ..via };
    let rest = value.as_bytes().get(first.end..).unwrap_or_default();
    let mut text = Vec::with_capacity(noted.params.as_str().len() + rest.len() + 64);
    // A vector takes everything.
    let _ = std::fmt::Write::write_fmt(&mut Sink(&mut text), format_args!("{noted}"));
    text.extend_from_slice(rest);
    Some(text)
}

/// To, when it can be read and has no tag.
fn untagged(headers: &Headers) -> Option<&Field> {
    let to = headers.to().ok()?;
    if to.params.has("tag") { None } else { headers.find(HeaderName::To) }
}

impl Request {
    /// A copy of the request with this Via on top. The rest of its bytes is unchanged.
    ///
    /// A Via that would not be read back as itself is left out: no answer can then find its way, and none can be led astray.
    #[must_use]
    pub fn with_via(&self, via: &Via) -> Self {
        if !via.is_sound() {
            return self.clone();
        }
        let at = self.start_line_end() + 2;
        let mut bytes = Vec::with_capacity(self.bytes.len() + 128);
        bytes.extend_from_slice(self.part(0..at));
        bytes.extend_from_slice(b"Via: ");
        // A vector takes everything.
        let _ = std::fmt::Write::write_fmt(&mut Sink(&mut bytes), format_args!("{via}"));
        let value_end = bytes.len();
        bytes.extend_from_slice(b"\r\n");
        let added = bytes.len() - at;
        bytes.extend_from_slice(self.part(at..self.bytes.len()));
        // Messages are smaller than 4 GiB.
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let mut fields = Vec::with_capacity(self.fields.len() + 1);
        fields.push(Field {
            start: offset(at),
            value_start: offset(at + 5),
            value_end: offset(value_end),
            name_len: 3,
            name: HeaderName::Via,
            folded: false,
        });
        fields.extend(self.fields.iter().map(|field| field.shifted(offset(added))));
        let headers = Headers {
            bytes: Bytes::from(bytes.into_boxed_slice()),
            fields,
            body: self.body.start + added..self.body.end + added,
        };
        Self {
            headers,
            method: self.method.clone(),
            uri: self.uri.clone(),
            version: self.version,
            supported: self.supported,
        }
    }
}
