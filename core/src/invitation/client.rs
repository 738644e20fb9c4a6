//! An INVITE that we sent, initial or not: where it went, what came back, and which 2xx were acknowledged (RFC 3261 section 13.2).

use bytes::Bytes;

use crate::dialog::{Dialog, DialogId};
use crate::sip::digest::Attempt;
use crate::sip::{RAck, Request};
use crate::time::Instant;

use super::body::session_description;
use super::output::Ticket;

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
    /// The early dialogs that have ended, and the last CSeq number in each that used one: a 2xx that comes late takes it up again.
    pub(super) numbers: Vec<(DialogId, u32)>,
    /// When a 2xx of a further dialog was declined last, once there were more than the limits allow.
    pub(super) declined: Option<Instant>,
    /// The number of the last reliable provisional response of each dialog.
    pub(super) rseqs: Vec<(DialogId, u32)>,
    /// The reliable provisional responses that have no PRACK yet, at most one of each dialog: they wait for the answer to their offer.
    pub(super) unacknowledged: Vec<(DialogId, RAck)>,
    /// How often it was refused for its session interval.
    pub(super) refusals: u8,
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
            numbers: Vec::new(),
            declined: None,
            rseqs: Vec::new(),
            unacknowledged: Vec::new(),
            refusals: 0,
            answered: false,
            accepted: false,
            offer_to_us: None,
        }
    }

    /// Whether nothing is owed in either direction: it was refused, or its 2xx is acknowledged.
    pub(super) fn is_settled(&self) -> bool {
        self.answered && (!self.accepted || !self.acknowledged.is_empty())
    }

    /// An early dialog has ended: its numbers go on if its 2xx comes late.
    pub(super) fn remember(&mut self, early: &Dialog) {
        if early.local_cseq() > self.cseq {
            self.numbers.retain(|(known, _)| known != early.id());
            self.numbers.push((early.id().clone(), early.local_cseq()));
        }
    }

    /// A dialog has begun, perhaps once more: its numbers go on.
    pub(super) fn resume(&self, dialog: &mut Dialog) {
        if let Some((_, number)) = self.numbers.iter().find(|(known, _)| known == dialog.id()) {
            dialog.continue_from(*number);
        }
    }

    /// Whether it carries our offer.
    pub(super) fn offers(&self) -> bool {
        session_description(&self.request).is_some()
    }
}
