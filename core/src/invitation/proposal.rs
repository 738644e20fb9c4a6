//! Re-INVITEs, both ways (RFC 3261 section 14, RFC 6141).

use bytes::Bytes;

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::Role;
use crate::outbox::Outbox;
use crate::sip::{HeaderName, Method, Response, reason_phrase};
use crate::transaction::End;

use super::caller::{finish_invite, send_ack};
use super::client::{ClientInvite, session_description};
use super::incoming::Incoming;
use super::output::{Description, Event, Output, Ticket};
use super::server::ServerInvite;
use super::state::State;
use super::{Invitation, InvitationError, SubState};

impl Invitation {
    /// Sends a re-INVITE with this offer, or without one to ask the peer for its.
    ///
    /// # Errors
    /// When the usage is not connected, an INVITE is under way in either direction (RFC 3261 section 14.1), or the offer cannot be written.
    pub fn propose(
        &mut self,
        cx: &Context<'_>,
        offer: Option<&[u8]>,
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        if self.state != State::Connected {
            return Err(InvitationError::IllegalState { what: "propose", state: self.state });
        }
        let waits = self.reinvites.iter().any(|invite| !invite.is_settled());
        if self.sub_state() != SubState::Normal || !self.received.is_empty() || waits {
            return Err(InvitationError::ProposalPending);
        }
        let Some(dialog) = self.dialogs.first_mut() else {
            return Err(InvitationError::IllegalState { what: "propose", state: self.state });
        };
        let hop = Self::next_hop(dialog);
        let request = finish_invite(cx, dialog.request(Method::Invite), &self.contact, offer)?;
        let cseq = dialog.local_cseq();
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
        let offer_outstanding = self.reinvites.iter().any(|invite| !invite.is_settled())
            || self.received.iter().any(|invite| !invite.offered())
            || (self.state == State::Connecting && self.role == Role::Caller);
        match self.state {
            State::Connecting | State::Connected if offer_outstanding => {
                self.respond(cx, &incoming, 491, None, out);
            }
            State::Connecting | State::Connected => {
                let offer = session_description(&incoming.request);
                self.received.push(ServerInvite::new(incoming, offer.is_some()));
                out.push(Output::Event(Event::Proposal { offer }));
            }
            State::Outgoing | State::Incoming | State::Early => self.refuse_for_now(cx, &incoming, out),
            State::Disconnecting | State::Disconnected => self.respond(cx, &incoming, 481, None, out),
        }
    }

    /// An INVITE came while an earlier one of the peer is unanswered (RFC 3261 section 14.2).
    #[expect(clippy::needless_pass_by_ref_mut, reason = "chance is drawn through it")]
    fn refuse_for_now(&mut self, cx: &mut Context<'_>, incoming: &Incoming, out: &mut Outbox<Output>) {
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
        if self.reinvite_challenged(cx, ticket, response, out) {
            return;
        }
        let (Some(invite), Some(dialog)) =
            (self.reinvites.iter_mut().find(|invite| invite.ticket == ticket), self.dialogs.first_mut())
        else {
            return;
        };
        let code = response.code();
        let reason = response.reason();
        let description = invite.description(response);
        match code {
            ..=100 => {}
            101..=199 => out.push(Output::Event(Event::Provisional { code, reason, description })),
            200..=299 if invite.acknowledged.contains(dialog.id()) => {
                out.push(Output::AckAgain { ticket, dialog: dialog.id().clone() });
            }
            _ if invite.answered => {}
            200..=299 => {
                invite.answered = true;
                invite.accepted = true;
                dialog.refresh_target(response);
                if !matches!(description, Some(Description::Offer(_))) {
                    // What is in an ACK without a body was read before: it can be written.
                    let _ = send_ack(cx, invite, dialog, None, out);
                }
                out.push(Output::Event(Event::ProposalAnswered { code, reason, description }));
            }
            _ => {
                invite.answered = true;
                out.push(Output::Event(Event::ProposalAnswered { code, reason: reason.clone(), description }));
                if ends_usage(code) {
                    self.end_by_bye(cx, None, Some(Cause::status(By::Remote, code, reason)), out);
                }
            }
        }
    }

    /// The transaction of a re-INVITE of ours is over.
    pub(super) fn reinvite_ended(&mut self, cx: &Context<'_>, ticket: Ticket, end: &End, out: &mut Outbox<Output>) {
        let Some(index) = self.reinvites.iter().position(|invite| invite.ticket == ticket) else { return };
        let invite = self.reinvites.remove(index);
        if invite.answered || self.state == State::Disconnected {
            return;
        }
        let code = match end {
            // A transport failure counts as 503, anything else as 408 (RFC 3261 section 8.1.3.1).
            End::TransportFailed(_) => 503,
            End::Cancelled => 487,
            End::Timeout | End::NoAck | End::Done | End::Unanswered => 408,
        };
        let reason = reason_phrase(code);
        out.push(Output::Event(Event::ProposalAnswered { code, reason: reason.into(), description: None }));
        if code == 408 {
            self.end_by_bye(cx, None, Some(Cause::status(By::Timeout, 408, reason)), out);
        }
    }

    /// The offer in a re-INVITE of ours that no final response has answered yet.
    #[must_use]
    pub fn proposed(&self) -> Option<Bytes> {
        let pending = self.reinvites.iter().find(|invite| !invite.answered);
        pending.and_then(|invite| session_description(&invite.request))
    }
}

/// Whether this answer to a request inside the dialog ends the INVITE usage (RFC 5057 section 5.1).
const fn ends_usage(code: u16) -> bool {
    matches!(code, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 502 | 604)
}
