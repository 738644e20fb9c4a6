//! Re-INVITEs, both ways (RFC 3261 section 14, RFC 6141).

use bytes::Bytes;

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::Role;
use crate::outbox::Outbox;
use crate::payload::mime::Entity;
use crate::sip::{CSeq, HeaderName, Method, Response, reason_phrase};
use crate::transaction::End;
use crate::usage::retry_after;

use super::body::{session_description, without_attachments};
use super::caller::{finish_invite, refusal, send_ack};
use super::client::ClientInvite;
use super::incoming::Incoming;
use super::leg::{Carrier, Exchange};
use super::output::{Description, Event, Output, Ticket};
use super::prack::{Delivery, delivery};
use super::server::ServerInvite;
use super::state::State;
use super::{Invitation, InvitationError, SubState, ends_usage};

impl Invitation {
    /// Whether it is connected, no INVITE or UPDATE is under way in either direction, and no offer is outstanding: then a re-INVITE may be sent.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let waits = self.reinvites.iter().any(|invite| !invite.is_settled());
        self.state == State::Connected
            && self.sub_state() == SubState::Normal
            && self.received.is_empty()
            && !waits
            && self.update.is_none()
            && self.legs.first().is_some_and(|leg| leg.exchange == Exchange::Settled)
    }

    /// Sends a re-INVITE with this offer, and what it refers to, or without one to ask the peer for its.
    ///
    /// # Errors
    /// When the usage is not connected, an INVITE is under way in either direction (RFC 3261 section 14.1), or the offer cannot be written.
    pub fn propose(
        &mut self,
        cx: &Context<'_>,
        offer: Option<(&[u8], &[Entity])>,
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        if self.state != State::Connected {
            return Err(InvitationError::IllegalState { what: "propose", state: self.state });
        }
        if !self.is_idle() {
            return Err(InvitationError::ProposalPending);
        }
        let Some(leg) = self.legs.first_mut() else {
            return Err(InvitationError::IllegalState { what: "propose", state: self.state });
        };
        let hop = Self::next_hop(&leg.dialog);
        let builder = leg.dialog.request(Method::Invite);
        let request = finish_invite(cx, leg.refresh(builder), &self.contact, offer)?;
        leg.exchange = Exchange::begun(offer.is_some());
        let cseq = leg.dialog.local_cseq();
        let request = self.authorize(request);
        let ticket = self.ticket();
        self.reinvites.push(ClientInvite::new(ticket, request.clone(), cseq));
        out.push(Output::Request { ticket, request, hop });
        Ok(())
    }

    /// Cancels our re-INVITE.
    ///
    /// # Errors
    /// When none is unanswered.
    pub fn cancel_proposal(&mut self, out: &mut Outbox<Output>) -> Result<(), InvitationError> {
        let state = self.state;
        let invite = self
            .reinvites
            .iter_mut()
            .find(|invite| !invite.answered && !invite.cancelled)
            .ok_or(InvitationError::IllegalState { what: "cancel a proposal", state })?;
        invite.cancelled = true;
        out.push(Output::Cancel { ticket: invite.ticket, reason: None });
        Ok(())
    }

    /// A re-INVITE came, in order.
    pub(super) fn reinvited(&mut self, cx: &mut Context<'_>, incoming: Incoming, out: &mut Outbox<Output>) {
        if self.received.iter().any(ServerInvite::is_unanswered) {
            self.refuse_for_now(cx, &incoming, out);
            return;
        }
        let exchange = self.legs.first().map_or(Exchange::Settled, |leg| leg.exchange);
        let offer_outstanding = self.reinvites.iter().any(|invite| !invite.is_settled())
            || matches!(exchange, Exchange::LocalOffer | Exchange::Open)
            || (self.state == State::Connecting && self.role == Role::Caller);
        match self.state {
            State::Connecting | State::Connected if offer_outstanding => {
                self.respond(cx, &incoming, 491, None, out);
            }
            State::Connecting | State::Connected if exchange == Exchange::RemoteOffer => {
                self.refuse_for_now(cx, &incoming, out);
            }
            State::Connecting | State::Connected => {
                let offer = session_description(&incoming.request);
                if let Some(leg) = self.legs.first_mut() {
                    leg.exchange = if offer.is_some() { Exchange::RemoteOffer } else { Exchange::Open };
                    leg.learn(&incoming.request);
                }
                self.received.push(ServerInvite::new(cx.now, incoming));
                out.push(Output::Event(Event::Proposal { offer }));
            }
            State::Outgoing | State::Incoming | State::Early => self.refuse_for_now(cx, &incoming, out),
            State::Disconnecting | State::Disconnected => self.respond(cx, &incoming, 481, None, out),
        }
    }

    /// An INVITE, or an offer in an UPDATE, came while an earlier one of the peer is unanswered (RFC 3261 section 14.2, RFC 3311 section 5.2).
    #[expect(clippy::needless_pass_by_ref_mut, reason = "chance is drawn through it")]
    pub(super) fn refuse_for_now(&mut self, cx: &mut Context<'_>, incoming: &Incoming, out: &mut Outbox<Output>) {
        let wait = cx.random.between(0, 10);
        let response = incoming
            .reply(500, None, &self.local_tag, &cx.config.user_agent)
            .field(HeaderName::RetryAfter, wait)
            .finish();
        if let Ok(response) = response {
            out.push(Output::Respond { transaction: incoming.transaction, response });
        }
    }

    /// A response to a re-INVITE of ours.
    pub(super) fn reinvite_answered(
        &mut self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        response: &Response,
        out: &mut Outbox<Output>,
    ) {
        if self.reinvite_challenged(cx, ticket, response, out)
            || (response.code() == 415 && self.propose_alone(ticket, out))
        {
            return;
        }
        let code = response.code();
        let Some(invite) = self.reinvites.iter_mut().find(|invite| invite.ticket == ticket) else { return };
        if let (200..=299, Some(dialog)) = (code, invite.acknowledged.first().cloned()) {
            // Also when the usage has ended since.
            out.push(Output::AckAgain { ticket, dialog });
            return;
        }
        let Some(leg) = self.legs.first_mut() else {
            if let (200..=299, Some(dialog)) = (code, &mut self.past) {
                dialog.refresh_target(response);
                (invite.answered, invite.accepted) = (true, true);
                // Nothing is wanted any more of what it offers. What is in an ACK was read before: it can be written.
                let offer = if invite.offers() { None } else { session_description(response) };
                let refusal = offer.and_then(|offer| refusal(cx, &offer));
                let _ = send_ack(cx, invite, dialog, refusal.as_deref(), out);
            }
            return;
        };
        let code = response.code();
        let reason = response.reason();
        let id = leg.dialog.id().clone();
        match code {
            ..=100 => {}
            _ if invite.answered && !(200..=299).contains(&code) => {}
            101..=199 => {
                let carrier = match delivery(response) {
                    Delivery::Unreliable => Carrier::Unreliable,
                    Delivery::Broken => return,
                    Delivery::Reliable(rseq) if !invite.in_order(&id, rseq, cx.config.limits.forks) => return,
                    Delivery::Reliable(rseq) => {
                        leg.dialog.refresh_target(response);
                        invite.await_acknowledgement(&id, rseq);
                        Carrier::Reliable
                    }
                };
                let description = leg.exchange.take(carrier, session_description(response));
                if carrier == Carrier::Reliable {
                    self.acknowledge_unless_offered(cx, ticket, &id, description.as_ref(), out);
                }
                out.push(Output::Event(Event::Provisional { dialog: Some(id), code, reason, description }));
            }
            200..=299 if invite.acknowledged.contains(&id) => {
                out.push(Output::AckAgain { ticket, dialog: id });
            }
            _ if invite.answered => {}
            200..=299 => {
                invite.answered = true;
                invite.accepted = true;
                leg.dialog.refresh_target(response);
                leg.learn(response);
                leg.granted(cx, response);
                let description = leg.exchange.take(Carrier::Reliable, session_description(response));
                if !matches!(description, Some(Description::Offer(_))) {
                    leg.exchange = Exchange::Settled;
                    // What is in an ACK without a body was read before: it can be written.
                    let _ = send_ack(cx, invite, &leg.dialog, None, out);
                }
                out.push(Output::Event(Event::ProposalAnswered { code, reason, retry_after: None, description }));
            }
            _ => {
                invite.answered = true;
                leg.exchange = Exchange::Settled;
                self.refreshed(cx, response);
                let retry_after = retry_after(response);
                let event = Event::ProposalAnswered { code, reason: reason.clone(), retry_after, description: None };
                out.push(Output::Event(event));
                if ends_usage(code) {
                    self.end_by_bye(cx, None, Some(Cause::status(By::Remote, code, reason)), out);
                }
            }
        }
    }

    /// Sends a re-INVITE again without what was attached to its offer, which the peer does not understand. False when nothing was.
    fn propose_alone(&mut self, ticket: Ticket, out: &mut Outbox<Output>) -> bool {
        let open = |invite: &ClientInvite| invite.ticket == ticket && !invite.answered && !invite.cancelled;
        let Some(index) = self.reinvites.iter().position(open) else { return false };
        let Some(leg) = self.legs.first_mut().filter(|_| self.state == State::Connected) else { return false };
        let alone = self.reinvites.get(index).and_then(|invite| without_attachments(&invite.request));
        let Some(builder) = alone else { return false };
        let number = leg.dialog.following_cseq();
        let Ok(request) = builder.header(&CSeq { number, method: Method::Invite }).finish() else { return false };
        let hop = Self::next_hop(&leg.dialog);
        leg.dialog.next_cseq();
        let attempt = self.reinvites.remove(index).attempt;
        let ticket = self.ticket();
        self.reinvites.push(ClientInvite { attempt, ..ClientInvite::new(ticket, request.clone(), number) });
        out.push(Output::Request { ticket, request, hop });
        true
    }

    /// The transaction of a re-INVITE of ours is over.
    pub(super) fn reinvite_ended(&mut self, cx: &Context<'_>, ticket: Ticket, end: &End, out: &mut Outbox<Output>) {
        let Some(index) = self.reinvites.iter().position(|invite| invite.ticket == ticket) else { return };
        let invite = self.reinvites.remove(index);
        if invite.answered || self.state == State::Disconnected {
            return;
        }
        if let Some(leg) = self.legs.first_mut() {
            leg.exchange = Exchange::Settled;
        }
        let code = match end {
            // A transport failure counts as 503, anything else as 408 (RFC 3261 section 8.1.3.1).
            End::TransportFailed(_) => 503,
            End::Cancelled => 487,
            End::Timeout | End::NoAck | End::Done | End::Unanswered => 408,
        };
        let reason = reason_phrase(code);
        let (retry_after, description) = (None, None);
        let event = Event::ProposalAnswered { code, reason: reason.into(), retry_after, description };
        out.push(Output::Event(event));
        if code == 408 {
            self.end_by_bye(cx, None, Some(Cause::status(By::Timeout, 408, reason)), out);
        }
    }

    /// Nobody is interested any more in re-INVITEs of ours that have no final response: they are cancelled, and so end.
    pub fn give_up(&mut self, out: &mut Outbox<Output>) {
        for invite in self.reinvites.iter_mut().filter(|invite| !invite.answered && !invite.cancelled) {
            invite.cancelled = true;
            out.push(Output::Cancel { ticket: invite.ticket, reason: None });
        }
    }

    /// The offer in a re-INVITE of ours that no final response has answered yet.
    #[must_use]
    pub fn proposed(&self) -> Option<Bytes> {
        let pending = self.reinvites.iter().find(|invite| !invite.answered);
        pending.and_then(|invite| session_description(&invite.request))
    }
}
