//! Challenges to the requests of the usage (RFC 3261 section 22): each is sent once more with credentials, under the next CSeq number.

use crate::config::Context;
use crate::dialog::DialogId;
use crate::outbox::Outbox;
use crate::sip::digest::{Attempt, Authenticator, Credentials};
use crate::sip::{Request, Response};

use super::client::ClientInvite;
use super::output::{Output, Ticket};
use super::state::State;
use super::{Invitation, is_challenge};

/// A request inside a dialog that is not over, and the challenges that it was sent again for.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) ticket: Ticket,
    pub(super) dialog: DialogId,
    request: Request,
    attempt: Attempt,
    /// What it was sent as before its last challenge.
    before: Option<Ticket>,
}

impl Sent {
    pub(super) const fn new(ticket: Ticket, dialog: DialogId, request: Request) -> Self {
        Self { ticket, dialog, request, attempt: Attempt::new(), before: None }
    }
}

impl Invitation {
    /// Answers challenges with these credentials.
    pub fn set_credentials(&mut self, credentials: Option<Credentials>) {
        self.authenticator = credentials.map(|credentials| Box::new(Authenticator::new(Some(credentials))));
    }

    /// The request with credentials for the challenges that were answered before.
    pub(super) fn authorize(&mut self, request: Request) -> Request {
        match &mut self.authenticator {
            // What the request and an earlier challenge hold can be written: both were before.
            Some(known) if known.is_challenged() => known.authorize(&request, None).unwrap_or(request),
            Some(_) | None => request,
        }
    }

    /// The request with credentials for the challenge that came, under this CSeq number; `None` when it is not to be sent again.
    pub(super) fn answer_challenge(
        &mut self,
        cx: &mut Context<'_>,
        attempt: &mut Attempt,
        request: &Request,
        challenge: &Response,
        number: u32,
    ) -> Option<Request> {
        let authenticator = self.authenticator.as_mut()?;
        authenticator.challenged(attempt, request, challenge, cx.random).ok()?;
        authenticator.authorize(request, Some(number)).ok()
    }

    /// Sends the initial INVITE again if this is a challenge that can be answered.
    pub(super) fn invite_challenged(
        &mut self,
        cx: &mut Context<'_>,
        response: &Response,
        out: &mut Outbox<Output>,
    ) -> bool {
        if !is_challenge(response.code()) || !matches!(self.state, State::Outgoing | State::Early) {
            return false;
        }
        let (Some(mut invite), Some(hop)) = (self.invite.take(), self.hop.clone()) else { return false };
        let number = invite.cseq.saturating_add(1);
        let Some(request) = self.answer_challenge(cx, &mut invite.attempt, &invite.request, response, number) else {
            self.invite = Some(invite);
            return false;
        };
        for early in self.legs.drain(..) {
            out.push(Output::DialogEnded(early.dialog.id().clone()));
        }
        self.state = State::Outgoing;
        let ticket = self.ticket();
        let (attempt, refusals) = (invite.attempt, invite.refusals);
        self.invite = Some(ClientInvite { attempt, refusals, ..ClientInvite::new(ticket, request.clone(), number) });
        out.push(Output::Request { ticket, request, hop });
        true
    }

    /// Sends a re-INVITE again if this is a challenge that can be answered.
    pub(super) fn reinvite_challenged(
        &mut self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        response: &Response,
        out: &mut Outbox<Output>,
    ) -> bool {
        let open = |invite: &ClientInvite| invite.ticket == ticket && !invite.answered && !invite.cancelled;
        if !is_challenge(response.code()) || self.state == State::Disconnected {
            return false;
        }
        let Some(index) = self.reinvites.iter().position(open) else { return false };
        let Some((number, hop)) = self.next_in_dialog() else { return false };
        let mut invite = self.reinvites.remove(index);
        let Some(request) = self.answer_challenge(cx, &mut invite.attempt, &invite.request, response, number) else {
            self.reinvites.insert(index, invite);
            return false;
        };
        self.number_taken();
        let ticket = self.ticket();
        self.reinvites
            .push(ClientInvite { attempt: invite.attempt, ..ClientInvite::new(ticket, request.clone(), number) });
        out.push(Output::Request { ticket, request, hop });
        true
    }

    /// Sends our BYE again if this is a challenge that can be answered.
    pub(super) fn bye_challenged(
        &mut self,
        cx: &mut Context<'_>,
        response: &Response,
        out: &mut Outbox<Output>,
    ) -> bool {
        if !is_challenge(response.code()) {
            return false;
        }
        let Some((number, hop)) = self.next_in_dialog() else { return false };
        let Some(mut bye) = self.bye.take() else { return false };
        let request = bye
            .request
            .take()
            .and_then(|request| self.answer_challenge(cx, &mut bye.attempt, &request, response, number));
        let Some(request) = request else {
            self.bye = Some(bye);
            return false;
        };
        self.number_taken();
        let ticket = self.ticket();
        bye.ticket = Some(ticket);
        bye.request = Some(request.clone());
        self.bye = Some(bye);
        out.push(Output::Request { ticket, request, hop });
        true
    }

    /// Sends a PRACK, an UPDATE or a request of another usage again if this is a challenge that can be answered.
    pub(super) fn within_challenged(
        &mut self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        response: &Response,
        out: &mut Outbox<Output>,
    ) -> bool {
        let live = matches!(self.state, State::Incoming | State::Early | State::Connecting | State::Connected);
        if !is_challenge(response.code()) || !live {
            return false;
        }
        let Some(sent) = self.sent_within().find(|sent| sent.ticket == ticket) else { return false };
        let (dialog, old, mut attempt) = (sent.dialog.clone(), sent.request.clone(), std::mem::take(&mut sent.attempt));
        let Some(leg) = self.leg_mut(&dialog) else { return false };
        let (number, hop) = (leg.dialog.following_cseq(), Self::next_hop(&leg.dialog));
        let Some(request) = self.answer_challenge(cx, &mut attempt, &old, response, number) else { return false };
        if let Some(leg) = self.leg_mut(&dialog) {
            leg.dialog.next_cseq();
        }
        let again = self.ticket();
        if let Some(sent) = self.sent_within().find(|sent| sent.ticket == ticket) {
            *sent = Sent { ticket: again, dialog, request: request.clone(), attempt, before: Some(ticket) };
        }
        out.push(Output::Request { ticket: again, request, hop });
        true
    }

    /// What a request of another usage was sent again as, with credentials, and its CSeq number.
    #[must_use]
    pub fn sent_again(&self, ticket: Ticket) -> Option<(Ticket, u32)> {
        let sent = self.others.iter().find(|sent| sent.before == Some(ticket))?;
        Some((sent.ticket, sent.request.cseq().ok()?.number))
    }

    fn sent_within(&mut self) -> impl Iterator<Item = &mut Sent> {
        let update = self.update.as_mut().map(|update| &mut update.sent);
        self.pracks.iter_mut().chain(update).chain(&mut self.others)
    }

    /// What the next CSeq number of the dialog will be, and where its requests go.
    fn next_in_dialog(&self) -> Option<(u32, super::Hop)> {
        let dialog = &self.legs.first()?.dialog;
        Some((dialog.following_cseq(), Self::next_hop(dialog)))
    }

    /// That number is taken.
    fn number_taken(&mut self) {
        if let Some(leg) = self.legs.first_mut() {
            leg.dialog.next_cseq();
        }
    }
}
