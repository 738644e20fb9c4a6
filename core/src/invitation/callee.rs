//! The initial INVITE that came (RFC 3261 section 13.3).

use crate::config::Context;
use crate::dialog::{Dialog, DialogError, DialogId, Role};
use crate::id::TransactionId;
use crate::outbox::Outbox;
use crate::package::AllowEvents;
use crate::sip::{Builder, Contact, HeaderName, NameAddr, Request, Response, Text, Uri};

use super::body::session_description;
use super::incoming::Incoming;
use super::incoming::{RELIABLE, supported_value};
use super::leg::{Exchange, Leg};
use super::output::{Description, Event, Output};
use super::reliable::Provisional;
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
        let exchange = if offer.is_some() { Exchange::RemoteOffer } else { Exchange::Open };
        let leg = Leg::new(dialog, exchange, &incoming.request);
        let usage = Self {
            role: Role::Callee,
            state: State::Incoming,
            local_tag,
            contact,
            targets: std::collections::VecDeque::new(),
            hop: None,
            invite: None,
            reinvites: Vec::new(),
            received: vec![ServerInvite::new(cx.now, incoming)],
            legs: vec![leg],
            update: None,
            asked: None,
            late: Vec::new(),
            bye: None,
            cause: None,
            pracks: Vec::new(),
            others: Vec::new(),
            past: None,
            fork_byes: Vec::new(),
            tickets: 0,
            authenticator: None,
        };
        Ok((usage, offer.map(Description::Offer)))
    }

    /// Sends a provisional response, 101 to 199, reliably (RFC 3262 section 3) where the INVITE requires that, and where it supports it and the response
    /// has a description, or the configuration wants it for all. A description is then the answer, or the offer if the INVITE had none; in an unreliable
    /// response it is a preview of the answer (RFC 6337 section 3.1). An unreliable response is repeated each minute.
    ///
    /// A reliable response to an INVITE without an offer must carry one: without a description it is sent unreliably, or, where that is not
    /// allowed, not at all.
    ///
    /// # Errors
    /// When no INVITE waits for an answer, or the response cannot be written.
    pub fn provisional(
        &mut self,
        cx: &mut Context<'_>,
        code: u16,
        description: Option<&[u8]>,
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        let what = "send a provisional response";
        let exchange = self.legs.first().map(|leg| leg.exchange);
        let offerless = exchange == Some(Exchange::Open) && description.is_none();
        let settled = exchange == Some(Exchange::Settled);
        let description = description.filter(|_| !settled);
        let invite = self.waiting(what)?;
        let required = invite.incoming().request.requires().flatten().any(|option| option.is(RELIABLE));
        let supported = required || invite.incoming().request.supports(RELIABLE);
        let reliable = required || (supported && (description.is_some() || cx.config.reliable_provisionals));
        if offerless && required {
            return Ok(());
        }
        if !reliable || offerless {
            let response = self.answer(cx, what, code, None, description)?.finish()?;
            if let Some(invite) = self.received.iter_mut().find(|invite| invite.is_unanswered()) {
                invite.provisional(cx.now, response, out);
            }
        } else {
            let builder = self.answer(cx, what, code, None, description)?;
            let Some(invite) = self.received.iter_mut().find(|invite| invite.is_unanswered()) else { return Ok(()) };
            let rseq = invite.next_rseq(cx.random);
            let response = builder.field(HeaderName::Require, RELIABLE).field(HeaderName::RSeq, rseq).finish()?;
            let provisional = Provisional { rseq, response, describes: description.is_some() };
            invite.provisional_reliably(cx.now, &cx.config.timers, provisional, out);
            if let (Some(leg), Some(_)) = (self.legs.first_mut(), description) {
                leg.exchange.give();
            }
        }
        if self.state == State::Incoming {
            self.state = State::Early;
        }
        Ok(())
    }

    /// Accepts the INVITE that waits, initial or not, with 200: the description is the answer, or the offer if the INVITE had none. What a
    /// reliable provisional response has said is not said again, and must be acknowledged before the 200 goes out (RFC 3262 section 5).
    ///
    /// # Errors
    /// When no INVITE waits for an answer, a description is due and none is given, or the response cannot be written.
    pub fn accept(
        &mut self,
        cx: &Context<'_>,
        description: Option<&[u8]>,
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        let due = self.legs.first().is_none_or(|leg| matches!(leg.exchange, Exchange::Open | Exchange::RemoteOffer));
        if (due && description.is_none()) || self.received.iter().any(ServerInvite::is_held) {
            return Err(InvitationError::IllegalState { what: "accept", state: self.state });
        }
        let mut builder = self.answer(cx, "accept", 200, None, description.filter(|_| due))?;
        let Some(invite) = self.received.iter_mut().find(|invite| invite.is_unanswered()) else { return Ok(()) };
        if let Some(leg) = self.legs.first_mut() {
            builder = leg.grant(cx, &invite.incoming().request, builder);
        }
        let response = builder.finish()?;
        if let Some(leg) = self.legs.first_mut() {
            invite.offers = leg.exchange == Exchange::Open;
            leg.exchange.give();
            leg.dialog.refresh_target(&invite.incoming().request);
        }
        if invite.accept(cx.now, &cx.config.timers, response, out) {
            self.accepted_now();
        }
        Ok(())
    }

    /// The 2xx is out.
    pub(super) fn accepted_now(&mut self) {
        for invite in &mut self.received {
            let cseq = invite.cseq();
            self.late.extend(invite.late().map(|rseq| (cseq, rseq)));
        }
        if let Some(leg) = self.legs.first_mut() {
            leg.dialog.confirm_locally();
        }
        if matches!(self.state, State::Incoming | State::Early) {
            self.state = State::Connecting;
        }
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
        self.refused_now();
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
            (self.received.iter().position(waits), self.legs.iter().any(|leg| leg.dialog.id() == dialog))
        else {
            return;
        };
        let awaited = self.received.remove(index).offers;
        let description = if awaited { session_description(ack).map(Description::Answer) } else { None };
        if let Some(leg) = self.legs.first_mut().filter(|_| awaited) {
            leg.exchange = Exchange::Settled;
        }
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

    /// The Expires header of the INVITE says that it is no longer wanted (RFC 3261 section 13.3.1).
    pub(super) fn expired(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        self.refuse_pending(cx, out);
        if matches!(self.state, State::Incoming | State::Early) {
            self.disconnected(out);
            out.push(Output::Event(Event::Cancelled { reason: Some(Text::from_static("expired")) }));
        } else {
            out.push(Output::Event(Event::ProposalCancelled));
        }
    }

    /// Answers what waits with 487.
    pub(super) fn refuse_pending(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        for invite in self.received.iter_mut().filter(|invite| invite.is_unanswered()) {
            if let Ok(response) = invite.incoming().plain(487, None, &self.local_tag, &cx.config.user_agent) {
                invite.refuse(response, out);
            }
        }
        self.refused_now();
    }

    /// An INVITE has its refusal: the offers in it, and in the responses to it, came to nothing.
    fn refused_now(&mut self) {
        for invite in &mut self.received {
            let cseq = invite.cseq();
            self.late.extend(invite.late().map(|rseq| (cseq, rseq)));
        }
        if let Some(leg) = self.legs.first_mut() {
            leg.exchange = Exchange::Settled;
        }
    }

    /// The INVITE that waits for an answer.
    fn waiting(&mut self, what: &'static str) -> Result<&mut ServerInvite, InvitationError> {
        let state = self.state;
        self.received
            .iter_mut()
            .find(|invite| invite.is_unanswered())
            .filter(|_| matches!(state, State::Incoming | State::Early | State::Connecting | State::Connected))
            .ok_or(InvitationError::IllegalState { what, state })
    }

    /// A response to the INVITE that waits, with Contact and body.
    fn answer(
        &mut self,
        cx: &Context<'_>,
        what: &'static str,
        code: u16,
        reason: Option<&str>,
        body: Option<&[u8]>,
    ) -> Result<Builder<Response>, InvitationError> {
        let contact = Contact::Address(NameAddr::new(self.contact.clone()));
        let (invite, builder) = self.reply(cx, what, code, reason)?;
        let mut builder = builder
            .copy(&invite.incoming().request, HeaderName::RecordRoute)
            .header(&contact)
            .field(HeaderName::Allow, ALLOWED)
            .field(HeaderName::Supported, supported_value(cx.config));
        builder = AllowEvents(&cx.config.packages).on(builder);
        if let Some(body) = body {
            builder = builder.body("application/sdp", body);
        }
        Ok(builder)
    }

    fn reply(
        &mut self,
        cx: &Context<'_>,
        what: &'static str,
        code: u16,
        reason: Option<&str>,
    ) -> Result<(&mut ServerInvite, Builder<Response>), InvitationError> {
        let tag = self.local_tag.clone();
        let invite = self.waiting(what)?;
        let builder = invite.incoming().reply(code, reason, &tag, &cx.config.user_agent);
        Ok((invite, builder))
    }
}
