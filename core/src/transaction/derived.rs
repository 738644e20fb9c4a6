//! The requests that a client transaction derives from its INVITE: the ACK for a refusal (RFC 3261 section 17.1.1.3) and the CANCEL (section 9.1).

use bytes::Bytes;

use crate::sip::{Builder, CSeq, HeaderName, Method, Request, Response, Text};

/// The ACK for a 300–699 to `invite`: its Request-URI, its top Via alone, its Route, From, Call-ID, CSeq number, Max-Forwards and credentials
/// (section 22.1), and the To of `response`.
pub(super) fn ack(invite: &Request, response: &Response) -> Option<Bytes> {
    let ack = begin(invite, Method::Ack)?
        .copy(response, HeaderName::To)
        .copy(invite, HeaderName::Authorization)
        .copy(invite, HeaderName::ProxyAuthorization)
        .finish()
        .ok()?;
    Some(ack.bytes().clone())
}

/// The CANCEL of `invite`: its Request-URI, its top Via alone, its Route, From, To, Call-ID, CSeq number and Max-Forwards. `reason` becomes a
/// Reason header (RFC 3326), left out when it cannot be one.
pub(super) fn cancel(invite: &Request, reason: Option<Text>) -> Option<Request> {
    let plain = || Some(begin(invite, Method::Cancel)?.copy(invite, HeaderName::To));
    let reasoned = reason.and_then(|reason| plain()?.field(HeaderName::Reason, reason).finish().ok());
    reasoned.or_else(|| plain()?.finish().ok())
}

/// What both have in common.
fn begin(invite: &Request, method: Method) -> Option<Builder<Request>> {
    let uri = invite.uri().ok()?;
    let via = invite.values(HeaderName::Via).next()?.ok()?;
    let cseq = CSeq { number: invite.cseq().ok()?.number, method: method.clone() };
    Some(
        Request::build(method, &uri)
            .field(HeaderName::Via, via)
            .copy(invite, HeaderName::Route)
            .copy(invite, HeaderName::MaxForwards)
            .copy(invite, HeaderName::From)
            .copy(invite, HeaderName::CallId)
            .header(&cseq),
    )
}
