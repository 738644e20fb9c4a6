//! Which body of a message is the session description, what comes or goes with it, and which bodies are refused (RFC 3261 sections 8.2.3 and
//! 13.2.1, RFC 5621, RFC 2387).

use bytes::Bytes;

use crate::payload::mime::Entity;
use crate::payload::multipart::Multipart;
use crate::sip::{Builder, HeaderName, Headers, Part, Request};

/// Session descriptions.
const SDP: &str = "application/sdp";

/// The session description that a message carries, alone or as a part of its body. A part that is for something else, such as an early session of its own (RFC 3959), is none.
pub(super) fn session_description(message: &Headers) -> Option<Bytes> {
    if message.body.is_empty() {
        return None;
    }
    if is_plain(message) {
        return Some(message.body());
    }
    message.parts().into_iter().find(is_session_description).map(|part| part.body).filter(|body| !body.is_empty())
}

/// What a message carries beside its session description: the parts that have a name, by which a description can refer to them.
#[must_use]
pub fn attachments(message: &Headers) -> Vec<Part> {
    if message.body.is_empty() || is_plain(message) {
        return Vec::new();
    }
    message.parts().into_iter().filter(|part| part.content_id.is_some() && !is_session_description(part)).collect()
}

/// Puts an offer into a request: alone, or as the root of what is attached to it (RFC 2387).
pub(super) fn with_offer(builder: Builder<Request>, offer: &[u8], attached: &[Entity]) -> Builder<Request> {
    if attached.is_empty() {
        return builder.body(SDP, offer);
    }
    let mut parts = vec![Entity::new(SDP, Bytes::copy_from_slice(offer))];
    parts.extend_from_slice(attached);
    let (body, boundary) = Multipart { parts }.write(1);
    builder.body(&format!("multipart/related;type=\"{SDP}\";boundary=\"{boundary}\""), &body)
}

/// The same request with the session description alone, for a peer that understands nothing else; none if it carries nothing else (RFC 5547 section
/// 8.8).
pub(super) fn without_attachments(request: &Request) -> Option<Builder<Request>> {
    let offer = session_description(request).filter(|_| !is_plain(request))?;
    let builder = Request::build(request.method().clone(), &request.uri().ok()?);
    Some(builder.copy_but(request, &[HeaderName::CSeq]).body(SDP, &offer))
}

/// What of a body keeps its request from being understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// A part that must be understood is not of a type that is.
    Type,
    /// A part that must be understood is encoded.
    Encoding,
}

/// Judges the body of a request that carries offers and answers: what must be understood must be a session description, as it is.
///
/// # Errors
/// When the request is to be refused with 415 (RFC 3261 section 8.2.3).
pub fn judge_body(message: &Headers) -> Result<(), BodyFault> {
    if message.body.is_empty() || is_plain(message) {
        return Ok(());
    }
    let parts = message.parts();
    // Of alternatives it is enough to understand one (RFC 5621 section 4).
    let alternative = parts.iter().any(|part| part.alternative && is_session_description(part));
    for part in &parts {
        let optional = part.disposition.as_ref().is_some_and(crate::sip::ContentDisposition::is_optional);
        // What a root refers to is its own affair (RFC 2387 section 3.4), and a picture of something may be left unlooked at.
        let is_icon = part.disposition.as_ref().is_some_and(|own| own.value.eq_ignore_ascii_case("icon"));
        if optional || part.related || is_icon || (part.alternative && alternative) {
            continue;
        }
        if part.encoded {
            return Err(BodyFault::Encoding);
        }
        if !part.content_type.as_ref().is_some_and(|own| own.is(SDP)) {
            return Err(BodyFault::Type);
        }
    }
    Ok(())
}

/// Whether the body is a session description and nothing else, as it usually is.
fn is_plain(message: &Headers) -> bool {
    !message.has(HeaderName::ContentDisposition)
        && !message.has(HeaderName::ContentEncoding)
        && message.content_type().ok().flatten().is_some_and(|own| own.is(SDP))
}

fn is_session_description(part: &Part) -> bool {
    let purpose = part.disposition.as_ref().is_none_or(|own| own.value.eq_ignore_ascii_case("session"));
    purpose && !part.related && !part.encoded && part.content_type.as_ref().is_some_and(|own| own.is(SDP))
}
