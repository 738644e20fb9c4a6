//! Which body of a message is the session description, and which bodies are refused (RFC 3261 sections 8.2.3 and 13.2.1, RFC 5621).

use bytes::Bytes;

use crate::sip::{HeaderName, Headers, Part};

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
        if optional || (part.alternative && alternative) {
            continue;
        }
        if part.encoded {
            return Err(BodyFault::Encoding);
        }
        if !part.content_type.as_ref().is_some_and(|own| own.is("application/sdp")) {
            return Err(BodyFault::Type);
        }
    }
    Ok(())
}

/// Whether the body is a session description and nothing else, as it usually is.
fn is_plain(message: &Headers) -> bool {
    !message.has(HeaderName::ContentDisposition)
        && !message.has(HeaderName::ContentEncoding)
        && message.content_type().ok().flatten().is_some_and(|own| own.is("application/sdp"))
}

fn is_session_description(part: &Part) -> bool {
    let purpose = part.disposition.as_ref().is_none_or(|own| own.value.eq_ignore_ascii_case("session"));
    purpose && !part.encoded && part.content_type.as_ref().is_some_and(|own| own.is("application/sdp"))
}
