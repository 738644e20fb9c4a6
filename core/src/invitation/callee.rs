//! The initial INVITE that came (RFC 3261 section 13.3).

use crate::config::Context;
use crate::dialog::{Dialog, DialogError, DialogId, Role};
use crate::id::TransactionId;
use crate::outbox::Outbox;
use crate::sip::{Builder, Contact, HeaderName, NameAddr, Request, Response, Text, Uri};

use super::client::session_description;
use super::incoming::Incoming;
use super::output::{Description, Event, Output};
use super::server::ServerInvite;
use super::state::State;
use super::{ALLOWED, Invitation, InvitationError, reason_text};

impl Invitation {
    /// Takes an INVITE that came outside of any dialog; our requests and responses will carry `contact`. The offer that it carries, if any, comes with the usage.
    ///
    /// # Errors
    /// When no dialog can be made of it: it is to be answered with 400.
    pub fn incoming(
        cx: &mut Context<'_>,
        incoming: Incoming,
        contact: Uri,
        out: &mut Outbox<Output>,
    ) -> Result<(Self, Option<Description>), DialogError> {
        let local_tag: Text = cx.random.token(13).into();
        let dialog = Dialog::from_request(&incoming.request, &incoming.essentials, &local_tag)?;
        let offer = session_description(&incoming.request);
        out.push(Output::DialogBegan(dialog.id().clone()));
        let usage = Self {
            role: Role::Callee,
            state: State::Incoming,
            local_tag,
            contact,
            targets: std::collections::VecDeque::new(),
            hop: None,
            invite: None,
            reinvites: Vec::new(),
            received: vec![ServerInvite::new(incoming, offer.is_some())],
            dialogs: vec![dialog],
            bye: None,
            fork_byes: Vec::new(),
            tickets: 0,
            authenticator: None,
        };
        Ok((usage, offer.map(Description::Offer)))
    }

    /// Sends a provisional response, 101 to 199; while nothing final follows it is repeated each minute. A description in it is a preview of the answer (RFC 6337 section 3.1).
    ///
    /// # Errors
    /// When no INVITE waits for an answer, or the response cannot be written.
    pub fn provisional(
        &mut self,
        cx: &Context<'_>,
        code: u16,
        preview: Option<&[u8]>,
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        let response = self.answer(cx, "send a provisional response", code, None, preview)?;
        if let Some(invite) = self.received.iter_mut().find(|invite| invite.is_unanswered()) {
            invite.provisional(cx.now, response, out);
        }
        if self.state == State::Incoming {
            self.state = State::Early;
        }
        Ok(())
    }

    /// Accepts the INVITE that waits, initial or not, with 200: the description is the answer, or the offer if the INVITE had none.
    ///
    /// # Errors
    /// When no INVITE waits for an answer, or the response cannot be written.
    pub fn accept(
        &mut self,
        cx: &Context<'_>,
        description: &[u8],
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        let response = self.answer(cx, "accept", 200, None, Some(description))?;
        let Some(invite) = self.received.iter_mut().find(|invite| invite.is_unanswered()) else { return Ok(()) };
        if let Some(dialog) = self.dialogs.first_mut() {
            dialog.confirm_locally();
            dialog.refresh_target(&invite.incoming().request);
        }
        invite.accept(cx.now, &cx.config.timers, response, out);
        if matches!(self.state, State::Incoming | State::Early) {
            self.state = State::Connecting;
        }
        Ok(())
    }

    /// Refuses the INVITE that waits, initial or not, with 300 to 699.
    ///
    /// # Errors
    /// When no INVITE waits for an answer, or the response cannot be written.
    pub fn reject(
        &mut self,
        cx: &Context<'_>,
        code: u16,
        reason: Option<&str>,
        headers: &[(HeaderName, Text)],
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        let (invite, mut builder) = self.reply(cx, "reject", code, reason)?;
        for (name, value) in headers {
            builder = builder.field(*name, value);
        }
        let response = builder.finish()?;
        invite.refuse(response, out);
        if matches!(self.state, State::Incoming | State::Early) {
            self.state = State::Disconnecting;
        }
        Ok(())
    }

    /// The peer cancelled an INVITE of its own (RFC 3261 section 9.2): the CANCEL is answered with 200, and the INVITE, if it still waits, with 487.
    pub fn cancelled(
        &mut self,
        cx: &Context<'_>,
        invite: Option<TransactionId>,
        cancel: &Incoming,
        out: &mut Outbox<Output>,
    ) {
        self.respond(cx, cancel, 200, None, out);
        let waits = |received: &ServerInvite| received.is_unanswered() && Some(received.transaction()) == invite;
        if !self.received.iter().any(waits) {
            return;
        }
        self.refuse_pending(cx, out);
        if matches!(self.state, State::Incoming | State::Early) {
            self.disconnected(out);
            out.push(Output::Event(Event::Cancelled { reason: reason_text(&cancel.request) }));
        } else {
            out.push(Output::Event(Event::ProposalCancelled));
        }
    }

    /// An ACK came inside of a dialog of ours.
    pub fn acknowledged(&mut self, cx: &Context<'_>, dialog: &DialogId, ack: &Request, out: &mut Outbox<Output>) {
        let Ok(cseq) = ack.cseq() else { return };
        let waits = |invite: &ServerInvite| invite.is_accepted() && invite.cseq() == cseq.number;
        let (Some(index), true) =
            (self.received.iter().position(waits), self.dialogs.iter().any(|known| known.id() == dialog))
        else {
            return;
        };
        let invite = self.received.remove(index);
        let awaited = !invite.offered();
        let description = if awaited { session_description(ack).map(Description::Answer) } else { None };
        match self.state {
            State::Connecting | State::Connected => {
                self.state = State::Connected;
                out.push(Output::Event(Event::Acknowledged { awaited, description }));
            }
            State::Disconnecting => self.bye_after_ack(cx, out),
            State::Outgoing | State::Incoming | State::Early | State::Disconnected => {}
        }
    }

    /// 64·T1 have gone since our 2xx without an ACK: the dialog counts as confirmed and is ended by a BYE (RFC 3261 section 13.3.1.4).
    pub(super) fn not_acknowledged(&mut self, cx: &Context<'_>, transaction: TransactionId, out: &mut Outbox<Output>) {
        self.received.retain(|invite| invite.transaction() != transaction);
        match self.state {
            State::Connecting | State::Connected => {
                out.push(Output::Event(Event::NotAcknowledged));
                self.send_bye(cx, Some(r#"SIP;cause=500;text="Missing ACK""#), out);
            }
            State::Disconnecting => self.bye_after_ack(cx, out),
            State::Outgoing | State::Incoming | State::Early | State::Disconnected => {}
        }
    }

    /// Answers what waits with 487.
    pub(super) fn refuse_pending(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        for invite in self.received.iter_mut().filter(|invite| invite.is_unanswered()) {
            if let Ok(response) = invite.incoming().plain(487, None, &self.local_tag, &cx.config.user_agent) {
                invite.refuse(response, out);
            }
        }
    }

    /// A response to the INVITE that waits, with Contact and body.
    fn answer(
        &mut self,
        cx: &Context<'_>,
        what: &'static str,
        code: u16,
        reason: Option<&str>,
        body: Option<&[u8]>,
    ) -> Result<Response, InvitationError> {
        let contact = Contact::Address(NameAddr::new(self.contact.clone()));
        let (invite, builder) = self.reply(cx, what, code, reason)?;
        let mut builder = builder
            .copy(&invite.incoming().request, HeaderName::RecordRoute)
            .header(&contact)
            .field(HeaderName::Allow, ALLOWED);
        if let Some(body) = body {
            builder = builder.body("application/sdp", body);
        }
        Ok(builder.finish()?)
    }

    fn reply(
        &mut self,
        cx: &Context<'_>,
        what: &'static str,
        code: u16,
        reason: Option<&str>,
    ) -> Result<(&mut ServerInvite, Builder<Response>), InvitationError> {
        let state = self.state;
        let tag = self.local_tag.clone();
        let invite = self
            .received
            .iter_mut()
            .find(|invite| invite.is_unanswered())
            .filter(|_| matches!(state, State::Incoming | State::Early | State::Connecting | State::Connected))
            .ok_or(InvitationError::IllegalState { what, state })?;
        let builder = invite.incoming().reply(code, reason, &tag, &cx.config.user_agent);
        Ok((invite, builder))
    }
}
