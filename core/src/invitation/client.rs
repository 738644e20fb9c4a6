//! An INVITE that we sent, initial or not: where it went, what came back, and which 2xx were acknowledged (RFC 3261 section 13.2).

use bytes::Bytes;

use crate::dialog::DialogId;
use crate::sip::digest::Attempt;
use crate::sip::{Headers, Request, Response};

use super::output::{Description, Ticket};

/// An INVITE that we sent.
#[derive(Debug)]
pub(super) struct ClientInvite {
    pub(super) ticket: Ticket,
    /// The request without a Via: to be sent again to the next route, and to make dialogs of.
    pub(super) request: Request,
    /// Its CSeq number.
    pub(super) cseq: u32,
    /// The challenges that it was sent again for.
    pub(super) attempt: Attempt,
    /// Whether any response has come from the present hop.
    pub(super) heard: bool,
    /// Whether a response from 101 to 199 has come from the present hop.
    pub(super) provisional: bool,
    /// Whether we asked for its cancellation.
    pub(super) cancelled: bool,
    /// The dialogs whose 2xx was acknowledged: a retransmission of it is acknowledged again.
    pub(super) acknowledged: Vec<DialogId>,
    /// Whether a final response came.
    pub(super) answered: bool,
    /// Whether it was a 2xx.
    pub(super) accepted: bool,
    /// The offer that the 2xx carried, until it is answered.
    pub(super) offer_to_us: Option<Bytes>,
}

impl ClientInvite {
    pub(super) const fn new(ticket: Ticket, request: Request, cseq: u32) -> Self {
        Self {
            ticket,
            request,
            cseq,
            attempt: Attempt::new(),
            heard: false,
            provisional: false,
            cancelled: false,
            acknowledged: Vec::new(),
            answered: false,
            accepted: false,
            offer_to_us: None,
        }
    }

    /// Whether nothing is owed in either direction: it was refused, or its 2xx is acknowledged.
    pub(super) fn is_settled(&self) -> bool {
        self.answered && (!self.accepted || !self.acknowledged.is_empty())
    }

    /// Whether it carries our offer.
    pub(super) fn offers(&self) -> bool {
        session_description(&self.request).is_some()
    }

    /// What the body of this response is (RFC 6337 table 1): after an offer of ours an answer, or a preview of it; after none an offer, in a 2xx only.
    pub(super) fn description(&self, response: &Response) -> Option<Description> {
        let body = session_description(response)?;
        match (self.offers(), response.code()) {
            (true, 200..=299) => Some(Description::Answer(body)),
            (true, 101..=199) => Some(Description::Preview(body)),
            (false, 200..=299) => Some(Description::Offer(body)),
            _ => None,
        }
    }
}

/// The body, if it is a session description.
pub(super) fn session_description(message: &Headers) -> Option<Bytes> {
    let body = message.body();
    if body.is_empty() {
        return None;
    }
    let content_type = message.content_type().ok().flatten()?;
    content_type.is("application/sdp").then_some(body)
}
