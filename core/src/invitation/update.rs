//! UPDATE, both ways (RFC 3311), and the answers to the offers that UPDATE and PRACK bring.

use bytes::Bytes;

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::DialogId;
use crate::outbox::Outbox;
use crate::sip::{Contact, HeaderName, Method, NameAddr, Request, Response, Text, reason_phrase};
use crate::transaction::End;

use super::authentication::Sent;
use super::body::session_description;
use super::caller::refusal;
use super::incoming::{Incoming, supported_value};
use super::leg::Exchange;
use super::output::{Description, Event, Output, Ticket};
use super::state::State;
use super::{ALLOWED, Invitation, InvitationError, ends_usage};

/// An UPDATE of ours that has no answer.
#[derive(Debug)]
pub(super) struct ClientUpdate {
    pub(super) sent: Sent,
    offers: bool,
}

impl Invitation {
    /// Sends an UPDATE in the confirmed dialog or the first early one, with an offer or to refresh what the peer knows of us.
    ///
    /// # Errors
    /// When there is no dialog, the usage is ending, one of ours or an offer of either side waits for its answer (RFC 3311 section 5.1), the
    /// peer does not understand it, or the offer cannot be written.
    pub fn update(
        &mut self,
        cx: &Context<'_>,
        offer: Option<&[u8]>,
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        let refused = InvitationError::IllegalState { what: "send UPDATE", state: self.state };
        let live = matches!(self.state, State::Incoming | State::Early | State::Connecting | State::Connected);
        let Some(leg) = self.legs.first_mut().filter(|leg| live && leg.updates) else { return Err(refused) };
        if self.update.is_some() || (offer.is_some() && leg.exchange != Exchange::Settled) {
            return Err(InvitationError::ProposalPending);
        }
        let builder = leg.dialog.request(Method::Update);
        let contact = Contact::Address(NameAddr::new(self.contact.clone()));
        let mut builder = builder
            .header(&contact)
            .field(HeaderName::Allow, ALLOWED)
            .field(HeaderName::Supported, supported_value(cx.config))
            .field(HeaderName::UserAgent, &cx.config.user_agent);
        builder = leg.refresh(builder);
        if let Some(offer) = offer {
            builder = builder.body("application/sdp", offer);
        }
        let request: Request = builder.finish()?;
        if offer.is_some() {
            leg.exchange = Exchange::LocalOffer;
        }
        let (dialog, hop) = (leg.dialog.id().clone(), Self::next_hop(&leg.dialog));
        let request = self.authorize(request);
        let ticket = self.ticket();
        self.update = Some(ClientUpdate { sent: Sent::new(ticket, dialog, request.clone()), offers: offer.is_some() });
        out.push(Output::Request { ticket, request, hop });
        Ok(())
    }

    /// Whether our UPDATE has this name.
    pub(super) fn is_update(&self, ticket: Ticket) -> bool {
        self.update.as_ref().is_some_and(|update| update.sent.ticket == ticket)
    }

    /// The final response to our UPDATE.
    pub(super) fn update_answered(&mut self, cx: &mut Context<'_>, response: &Response, out: &mut Outbox<Output>) {
        let code = response.code();
        if code < 200 {
            return;
        }
        let Some(update) = self.update.take() else { return };
        self.refreshed(cx, response);
        let mut description = None;
        if let Some(leg) = self.leg_mut(&update.sent.dialog) {
            if code < 300 {
                leg.dialog.refresh_target(response);
                leg.learn(response);
            }
            if update.offers {
                leg.exchange = Exchange::Settled;
                description = session_description(response).filter(|_| code < 300).map(Description::Answer);
            }
        }
        let reason = response.reason();
        out.push(Output::Event(Event::UpdateAnswered { code, reason: reason.clone(), description }));
        if ends_usage(code) {
            self.end_for(cx, Cause::status(By::Remote, code, reason), out);
        }
    }

    /// The transaction of our UPDATE is over.
    pub(super) fn update_ended(&mut self, cx: &Context<'_>, end: &End, out: &mut Outbox<Output>) {
        let Some(update) = self.update.take() else { return };
        if update.offers
            && let Some(leg) = self.leg_mut(&update.sent.dialog)
        {
            leg.exchange = Exchange::Settled;
        }
        if self.state == State::Disconnected {
            return;
        }
        let code = if matches!(end, End::TransportFailed(_)) { 503 } else { 408 };
        let reason = Text::from(reason_phrase(code));
        out.push(Output::Event(Event::UpdateAnswered { code, reason: reason.clone(), description: None }));
        if code == 408 {
            self.end_for(cx, Cause::status(By::Timeout, 408, reason), out);
        }
    }

    /// An UPDATE came, in order (RFC 3311 section 5.2).
    pub(super) fn updated(
        &mut self,
        cx: &mut Context<'_>,
        dialog: &DialogId,
        incoming: Incoming,
        out: &mut Outbox<Output>,
    ) {
        if matches!(self.state, State::Disconnecting | State::Disconnected) {
            self.respond(cx, &incoming, 481, None, out);
            return;
        }
        if self.asked.is_some() {
            self.refuse_for_now(cx, &incoming, out);
            return;
        }
        let Some(leg) = self.leg_mut(dialog) else { return };
        leg.learn(&incoming.request);
        let Some(offer) = session_description(&incoming.request) else {
            self.asked = Some(incoming);
            self.answer_asked(cx, None, out);
            return;
        };
        match leg.exchange {
            Exchange::Settled => {
                leg.exchange = Exchange::RemoteOffer;
                self.asked = Some(incoming);
                out.push(Output::Event(Event::Offered { dialog: dialog.clone(), offer }));
            }
            Exchange::RemoteOffer => self.refuse_for_now(cx, &incoming, out),
            Exchange::LocalOffer | Exchange::Open => self.respond(cx, &incoming, 491, None, out),
        }
    }

    /// Answers the offer that an UPDATE or a PRACK brought.
    ///
    /// # Errors
    /// When none waits, or the answer cannot be written.
    pub fn accept_offer(
        &mut self,
        cx: &Context<'_>,
        answer: &[u8],
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        if self.asked.is_none() {
            return Err(InvitationError::IllegalState { what: "answer an offer", state: self.state });
        }
        self.answer_asked(cx, Some(answer), out);
        Ok(())
    }

    /// Refuses the offer that an UPDATE or a PRACK brought. An UPDATE is refused with this code; a PRACK cannot be, so that its answer refuses every stream
    /// (RFC 6337 section 2.3).
    ///
    /// # Errors
    /// When none waits.
    pub fn refuse_offer(
        &mut self,
        cx: &Context<'_>,
        code: u16,
        headers: &[(HeaderName, Text)],
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        let Some(asked) = &self.asked else {
            return Err(InvitationError::IllegalState { what: "refuse an offer", state: self.state });
        };
        if *asked.request.method() == Method::Prack {
            let answer: Option<Bytes> = session_description(&asked.request).and_then(|offer| refusal(cx, &offer));
            self.answer_asked(cx, answer.as_deref(), out);
            return Ok(());
        }
        let mut builder = asked.reply(code, None, &self.local_tag, &cx.config.user_agent);
        for (name, value) in headers {
            builder = builder.field(*name, value);
        }
        let response = builder.finish()?;
        let (transaction, dialog) = (asked.transaction, asked.dialog());
        self.asked = None;
        if let Some(leg) = self.leg_mut(&dialog) {
            leg.exchange = Exchange::Settled;
        }
        out.push(Output::Respond { transaction, response });
        Ok(())
    }

    /// The 2xx to the UPDATE or PRACK that waits.
    fn answer_asked(&mut self, cx: &Context<'_>, answer: Option<&[u8]>, out: &mut Outbox<Output>) {
        let Some(asked) = self.asked.take() else { return };
        let dialog = asked.dialog();
        let mut builder = asked.reply(200, None, &self.local_tag, &cx.config.user_agent);
        if *asked.request.method() == Method::Update {
            builder = builder
                .header(&Contact::Address(NameAddr::new(self.contact.clone())))
                .field(HeaderName::Allow, ALLOWED)
                .field(HeaderName::Supported, supported_value(cx.config));
            if let Some(leg) = self.legs.iter_mut().find(|leg| *leg.dialog.id() == dialog) {
                builder = leg.grant(cx, &asked.request, builder);
            }
        }
        if let Some(answer) = answer {
            builder = builder.body("application/sdp", answer);
        }
        if let Some(leg) = self.leg_mut(&dialog) {
            if *asked.request.method() == Method::Update {
                leg.dialog.refresh_target(&asked.request);
            }
            if answer.is_some() {
                leg.exchange = Exchange::Settled;
            }
        }
        // What the request itself brought can be written, and the answer is ours.
        if let Ok(response) = builder.finish() {
            out.push(Output::Respond { transaction: asked.transaction, response });
        }
    }

    /// Ends the usage by CANCEL or BYE, for a cause that is not the application's wish.
    pub(super) fn end_for(&mut self, cx: &Context<'_>, cause: Cause, out: &mut Outbox<Output>) {
        match self.state {
            State::Connecting | State::Connected => self.end_by_bye(cx, None, Some(cause), out),
            State::Outgoing | State::Incoming | State::Early => {
                self.cause = Some(cause);
                self.end(cx, None, out);
            }
            State::Disconnecting | State::Disconnected => {}
        }
    }
}
