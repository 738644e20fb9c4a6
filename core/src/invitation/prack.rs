//! PRACK, both ways (RFC 3262).

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::DialogId;
use crate::id::TransactionId;
use crate::outbox::Outbox;
use crate::sip::{HeaderName, Method, RAck, RSeq, Response};
use crate::transaction::End;

use super::authentication::Sent;
use super::body::session_description;
use super::caller::refusal;
use super::client::ClientInvite;
use super::incoming::{Incoming, RELIABLE, supported_value};
use super::leg::{Exchange, Leg};
use super::output::{Description, Event, Output, Ticket};
use super::server::ServerInvite;
use super::state::State;
use super::{Invitation, InvitationError, cause_of, ends_usage};

/// What a provisional response is to the one who gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Nobody acknowledges it.
    Unreliable,
    /// It is to be acknowledged, under this number.
    Reliable(u32),
    /// It is to be acknowledged, and does not say how.
    Broken,
}

/// How a provisional response above 100 is delivered (RFC 3262 section 4).
pub(super) fn delivery(response: &Response) -> Delivery {
    if !response.requires().flatten().any(|option| option.is(RELIABLE)) {
        return Delivery::Unreliable;
    }
    let tagged = response.to().is_ok_and(|to| to.tag().is_some_and(|tag| !tag.is_empty()));
    match response.get::<RSeq>() {
        Ok(Some(rseq)) if tagged && rseq.0 > 0 => Delivery::Reliable(rseq.0),
        _ => Delivery::Broken,
    }
}

impl Invitation {
    /// Answers the offer that a reliable provisional response to our INVITE carried in this dialog, by PRACK.
    ///
    /// # Errors
    /// When no such offer waits, or the answer cannot be written.
    pub fn acknowledge_provisional(
        &mut self,
        cx: &Context<'_>,
        dialog: &DialogId,
        answer: &[u8],
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        self.acknowledge_offer(cx, dialog, Some(answer), out)
    }

    /// Refuses every stream of that offer: the PRACK cannot be left out, and must carry an answer (RFC 6337 section 5.2.4). One that cannot be
    /// read is acknowledged without.
    ///
    /// # Errors
    /// When no such offer waits.
    pub fn refuse_provisional(
        &mut self,
        cx: &Context<'_>,
        dialog: &DialogId,
        offer: &[u8],
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        self.acknowledge_offer(cx, dialog, refusal(cx, offer).as_deref(), out)
    }

    fn acknowledge_offer(
        &mut self,
        cx: &Context<'_>,
        dialog: &DialogId,
        answer: Option<&[u8]>,
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        let refused = InvitationError::IllegalState { what: "acknowledge a provisional response", state: self.state };
        let mut invites = self.invite.iter_mut().chain(&mut self.reinvites);
        let rack = invites.find_map(|invite| invite.acknowledge(dialog)).ok_or(refused)?;
        self.prack(cx, dialog, rack, answer, out)?;
        if let Some(leg) = self.leg_mut(dialog) {
            leg.exchange.give();
        }
        Ok(())
    }

    /// Sends the PRACK that a reliable provisional response to this INVITE waits for in this dialog; one with an offer waits on, for the answer.
    pub(super) fn acknowledge_unless_offered(
        &mut self,
        cx: &Context<'_>,
        ticket: Ticket,
        dialog: &DialogId,
        description: Option<&Description>,
        out: &mut Outbox<Output>,
    ) {
        // After our BYE nothing is sent in the dialog: what overtakes it makes it come too late (RFC 3261 section 12.2.2).
        if matches!(description, Some(Description::Offer(_))) || self.bye.is_some() {
            return;
        }
        let mut invites = self.invite.iter_mut().chain(&mut self.reinvites);
        let invite = invites.find(|invite| invite.ticket == ticket);
        if let Some(rack) = invite.and_then(|invite| invite.acknowledge(dialog))
            && self.pracks.len() < cx.config.limits.forks
        {
            // What is in it was read before: it can be written.
            let _ = self.prack(cx, dialog, rack, None, out);
        }
    }

    /// Sends a PRACK.
    fn prack(
        &mut self,
        cx: &Context<'_>,
        dialog: &DialogId,
        rack: RAck,
        answer: Option<&[u8]>,
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        let ticket = self.ticket();
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.dialog.id() == dialog) else { return Ok(()) };
        let mut builder = leg
            .dialog
            .request(Method::Prack)
            .header(&rack)
            .field(HeaderName::Supported, supported_value(cx.config))
            .field(HeaderName::UserAgent, &cx.config.user_agent);
        if let Some(answer) = answer {
            builder = builder.body("application/sdp", answer);
        }
        let request = builder.finish()?;
        let hop = Self::next_hop(&leg.dialog);
        let request = self.authorize(request);
        self.pracks.push(Sent::new(ticket, dialog.clone(), request.clone()));
        out.push(Output::Request { ticket, request, hop });
        Ok(())
    }

    /// Whether a PRACK of ours has this name.
    pub(super) fn is_prack(&self, ticket: Ticket) -> bool {
        self.pracks.iter().any(|prack| prack.ticket == ticket)
    }

    /// The final response to a PRACK of ours.
    pub(super) fn prack_answered(
        &mut self,
        cx: &Context<'_>,
        ticket: Ticket,
        response: &Response,
        out: &mut Outbox<Output>,
    ) {
        let code = response.code();
        if code >= 300 && ends_usage(code) {
            self.prack_failed(cx, ticket, Cause::status(By::Remote, code, response.reason()), out);
        }
    }

    /// The transaction of a PRACK of ours is over.
    pub(super) fn prack_ended(&mut self, cx: &Context<'_>, ticket: Ticket, end: &End, out: &mut Outbox<Output>) {
        match end {
            End::Timeout | End::TransportFailed(_) => self.prack_failed(cx, ticket, cause_of(end), out),
            End::Done | End::NoAck | End::Cancelled | End::Unanswered => {}
        }
        self.pracks.retain(|prack| prack.ticket != ticket);
    }

    /// The early dialog of a PRACK is gone at the peer. The INVITE is cancelled if there was no other; one that is accepted by now has no need of the PRACK.
    fn prack_failed(&mut self, cx: &Context<'_>, ticket: Ticket, cause: Cause, out: &mut Outbox<Output>) {
        let Some(prack) = self.pracks.iter().find(|prack| prack.ticket == ticket) else { return };
        if self.state != State::Early {
            return;
        }
        let dialog = prack.dialog.clone();
        if self.legs.len() > 1 {
            self.end_early(&dialog, out);
        } else {
            self.cause = Some(cause);
            self.end(cx, None, out);
        }
    }

    /// A PRACK came, in order.
    pub(super) fn pracked(
        &mut self,
        cx: &Context<'_>,
        dialog: &DialogId,
        incoming: Incoming,
        out: &mut Outbox<Output>,
    ) {
        let Ok(Some(rack)) = incoming.request.get::<RAck>() else {
            self.respond(cx, &incoming, 400, Some("Missing or bad RAck"), out);
            return;
        };
        let is_invite = rack.method == Method::Invite;
        let acknowledge =
            |invite: &mut ServerInvite| (is_invite && invite.acknowledge(cx.now, &rack)).then(|| invite.transaction());
        let matched = self.received.iter_mut().find_map(acknowledge);
        let late = self.late.iter().position(|(cseq, rseq)| is_invite && (*cseq, *rseq) == (rack.cseq, rack.rseq));
        let (Some(transaction), _) = (matched, late) else {
            match late {
                Some(index) => {
                    self.late.remove(index);
                    self.respond(cx, &incoming, 200, None, out);
                }
                None => self.respond(cx, &incoming, 481, None, out),
            }
            return;
        };
        let body = session_description(&incoming.request);
        let exchange = self.leg_mut(dialog).map(|leg| &mut leg.exchange);
        match (exchange, body) {
            (Some(exchange @ Exchange::Settled), Some(offer)) => {
                *exchange = Exchange::RemoteOffer;
                self.asked = Some(incoming);
                out.push(Output::Event(Event::Offered { dialog: dialog.clone(), offer }));
            }
            (Some(exchange @ Exchange::LocalOffer), body) => {
                *exchange = Exchange::Settled;
                self.respond(cx, &incoming, 200, None, out);
                out.push(Output::Event(Event::ProvisionalAnswered { description: body.map(Description::Answer) }));
            }
            (Some(Exchange::Open | Exchange::RemoteOffer | Exchange::Settled) | None, _) => {
                self.respond(cx, &incoming, 200, None, out);
            }
        }
        self.go_on(cx, transaction, out);
    }

    /// A PRACK came after a later request: it is refused for its number (RFC 3261 section 12.2.2), but what it acknowledges has come.
    pub(super) fn pracked_late(&mut self, cx: &Context<'_>, incoming: &Incoming, out: &mut Outbox<Output>) {
        let Ok(Some(rack)) = incoming.request.get::<RAck>() else { return };
        if rack.method != Method::Invite {
            return;
        }
        let acknowledge = |invite: &mut ServerInvite| invite.acknowledge(cx.now, &rack).then(|| invite.transaction());
        if let Some(transaction) = self.received.iter_mut().find_map(acknowledge) {
            self.go_on(cx, transaction, out);
        }
    }

    /// A reliable provisional response to this INVITE is acknowledged: the next one leaves, or the answer.
    fn go_on(&mut self, cx: &Context<'_>, transaction: TransactionId, out: &mut Outbox<Output>) {
        // Whoever was told may have ended it meanwhile.
        let Some(invite) = self.received.iter_mut().find(|invite| invite.transaction() == transaction) else { return };
        if invite.is_unanswered() && invite.go_on(cx.now, &cx.config.timers, out) {
            self.accepted_now();
        }
    }

    /// 64·T1 have gone since a reliable provisional response without a PRACK: the INVITE is refused (RFC 3262 section 3).
    pub(super) fn not_pracked(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        if self.reject(cx, 504, None, &[], out).is_ok() {
            out.push(Output::Event(Event::ProvisionalNotAcknowledged { code: 504 }));
        }
    }

    /// A ringing call says so again, by a reliable provisional response of its own.
    pub(super) fn ring_again(&mut self, cx: &mut Context<'_>, code: u16, out: &mut Outbox<Output>) {
        if self.received.iter().any(ServerInvite::is_unanswered) {
            // It could be written before.
            let _ = self.provisional(cx, code, None, out);
        }
    }

    pub(super) fn leg_mut(&mut self, dialog: &DialogId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.dialog.id() == dialog)
    }
}

impl ClientInvite {
    /// The reliable provisional response with this number waits for its PRACK.
    pub(super) fn await_acknowledgement(&mut self, dialog: &DialogId, rseq: u32) {
        let rack = RAck { rseq, cseq: self.cseq, method: Method::Invite };
        self.unacknowledged.retain(|(known, _)| known != dialog);
        self.unacknowledged.push((dialog.clone(), rack));
    }

    /// What the PRACK in this dialog says that one waits for, once.
    fn acknowledge(&mut self, dialog: &DialogId) -> Option<RAck> {
        let index = self.unacknowledged.iter().position(|(known, _)| known == dialog)?;
        Some(self.unacknowledged.remove(index).1)
    }

    /// Whether a reliable provisional response of this dialog is the next one; then it is remembered (RFC 3262 section 4). So many dialogs are, also of those that have ended.
    pub(super) fn in_order(&mut self, dialog: &DialogId, rseq: u32, forks: usize) -> bool {
        let known = self.rseqs.len();
        match self.rseqs.iter_mut().find(|(known, _)| known == dialog) {
            None if known >= forks => false,
            None => {
                self.rseqs.push((dialog.clone(), rseq));
                true
            }
            Some((_, last)) if last.checked_add(1) == Some(rseq) => {
                *last = rseq;
                true
            }
            Some(_) => false,
        }
    }
}
