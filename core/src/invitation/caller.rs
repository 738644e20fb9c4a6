//! The initial INVITE that we sent (RFC 3261 section 13.2).

use std::net::{IpAddr, Ipv4Addr};

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::{Dialog, DialogId, Role};
use crate::negotiation::{Negotiator, Origin};
use crate::outbox::Outbox;
use crate::package::AllowEvents;
use crate::payload::mime::Entity;
use crate::sip::digest::Attempt;
use crate::sip::{
    Builder, CSeq, Contact, Essentials, From, HeaderName, Method, NameAddr, Request, Response, Route, Text, To, Uri,
    reason_phrase,
};
use crate::transaction::End;

use super::body::{session_description, with_offer, without_attachments};
use super::client::ClientInvite;
use super::incoming::{RELIABLE, supported_value};
use super::leg::{Carrier, Exchange, Leg};
use super::output::{Description, Event, Output};
use super::prack::{Delivery, delivery};
use super::state::State;
use super::timer::longer;
use super::{ALLOWED, Invitation, InvitationError, Invite, Target, cause_of, reason_text};

impl Invitation {
    /// Sends an INVITE to the first of its targets.
    ///
    /// # Errors
    /// When the names, URIs or the offer cannot be written into a message, or there is no target.
    pub fn invite(cx: &mut Context<'_>, invite: Invite, out: &mut Outbox<Output>) -> Result<Self, InvitationError> {
        let mut targets: std::collections::VecDeque<Target> = invite.targets.into();
        let first = targets
            .pop_front()
            .ok_or(InvitationError::IllegalState { what: "invite without a target", state: State::Outgoing })?;
        let local_tag: Text = cx.random.token(13).into();
        let cseq = CSeq { number: u32::from(cx.random.u16()) + 1, method: Method::Invite };
        let call_id = cx.random.token(22);
        // What an application may write into a URI, but a request line or a To header must not hold, is left out (RFC 3261 section 19.1.1).
        let uri = invite.to.uri.as_sip().map_or_else(|| invite.to.uri.clone(), |uri| Uri::Sip(uri.as_request_uri()));
        let builder = Request::build(Method::Invite, &uri)
            .headers(&invite.routes.into_iter().map(|route| Route(route.0)).collect::<Vec<_>>())
            .field(HeaderName::MaxForwards, 70)
            .header(&From(invite.from.with_tag(&local_tag)))
            .header(&To(NameAddr { display_name: invite.to.display_name, ..NameAddr::new(uri) }))
            .field(HeaderName::CallId, &call_id)
            .header(&cseq);
        // Whoever is called need not ring for longer than we wait (RFC 3261 section 13.2.1).
        let builder = match cx.config.invite_timeout {
            Some(time) => builder.field(HeaderName::Expires, time.as_secs().max(1)),
            None => builder,
        };
        let builder = invite.headers.iter().fold(builder, |builder, (name, value)| builder.field(*name, value));
        let offer = invite.offer.as_deref().map(|offer| (offer, &*invite.attached));
        let request = finish_invite(cx, super::timer::ask(cx.config, builder), &first.contact, offer)?;
        let mut usage = Self {
            role: Role::Caller,
            state: State::Outgoing,
            local_tag,
            contact: first.contact,
            targets,
            hop: Some(first.hop.clone()),
            invite: None,
            reinvites: Vec::new(),
            received: Vec::new(),
            legs: Vec::new(),
            update: None,
            asked: None,
            late: Vec::new(),
            pracks: Vec::new(),
            others: Vec::new(),
            bye: None,
            cause: None,
            past: None,
            fork_byes: Vec::new(),
            tickets: 0,
            authenticator: None,
        };
        let ticket = usage.ticket();
        usage.invite = Some(ClientInvite::new(ticket, request.clone(), cseq.number));
        out.push(Output::Request { ticket, request, hop: first.hop });
        Ok(usage)
    }

    /// Sends the ACK of a 2xx that carried an offer, with the answer.
    ///
    /// # Errors
    /// When no 2xx waits for it, or the answer cannot be written.
    pub fn acknowledge(
        &mut self,
        cx: &Context<'_>,
        answer: &[u8],
        out: &mut Outbox<Output>,
    ) -> Result<(), InvitationError> {
        let state = self.state;
        let refused = InvitationError::IllegalState { what: "acknowledge", state };
        let initial = state == State::Connecting && self.role == Role::Caller;
        let waits = |invite: &&mut ClientInvite| invite.accepted && invite.acknowledged.is_empty();
        let invite = if initial { self.invite.as_mut().filter(waits) } else { self.reinvites.iter_mut().find(waits) };
        let (Some(invite), Some(leg)) = (invite, self.legs.first_mut()) else { return Err(refused) };
        send_ack(cx, invite, &leg.dialog, Some(answer), out)?;
        leg.exchange = Exchange::Settled;
        if initial {
            self.state = State::Connected;
        }
        Ok(())
    }

    /// A response to the initial INVITE.
    pub(super) fn invite_answered(&mut self, cx: &mut Context<'_>, response: &Response, out: &mut Outbox<Output>) {
        // The transaction has read these already.
        let Ok(essentials) = response.validate() else { return };
        match response.code() {
            100 => {
                if let Some(invite) = &mut self.invite {
                    invite.heard = true;
                }
            }
            101..=199 => self.invite_provisional(cx, response, &essentials, out),
            200..=299 => self.invite_accepted(cx, response, &essentials, out),
            code => self.invite_refused(cx, code, response, out),
        }
    }

    fn invite_provisional(
        &mut self,
        cx: &Context<'_>,
        response: &Response,
        essentials: &Essentials,
        out: &mut Outbox<Output>,
    ) {
        let Some(invite) = &mut self.invite else { return };
        invite.heard = true;
        invite.provisional = true;
        if !matches!(self.state, State::Outgoing | State::Early) {
            return;
        }
        let delivery = delivery(response);
        if delivery == Delivery::Broken {
            return;
        }
        let tag = essentials.to.tag().filter(|tag| !tag.is_empty());
        let id = tag.map(|tag| DialogId::new(&essentials.call_id, &self.local_tag, tag));
        if let Some(id) = &id
            && !self.legs.iter().any(|leg| leg.dialog.id() == id)
            && self.legs.len() < cx.config.limits.forks
            && let Ok(mut dialog) = Dialog::from_response(&invite.request, response, essentials)
        {
            invite.resume(&mut dialog);
            out.push(Output::DialogBegan(id.clone()));
            self.legs.push(Leg::new(dialog, Exchange::begun(invite.offers()), response));
        }
        let leg = self.legs.iter_mut().find(|leg| Some(leg.dialog.id()) == id.as_ref());
        let carrier = match (delivery, &leg, &id) {
            (Delivery::Reliable(rseq), Some(_), Some(id)) => {
                if !invite.in_order(id, rseq, cx.config.limits.forks) {
                    return;
                }
                invite.await_acknowledgement(id, rseq);
                Carrier::Reliable
            }
            (Delivery::Unreliable, ..) => Carrier::Unreliable,
            // A fork too many: it cannot be acknowledged.
            (Delivery::Reliable(_) | Delivery::Broken, ..) => return,
        };
        let body = session_description(response);
        let description = match leg {
            Some(leg) => {
                leg.learn(response);
                leg.exchange.take(carrier, body)
            }
            None => Exchange::begun(invite.offers()).take(carrier, body),
        };
        let ticket = invite.ticket;
        self.state = State::Early;
        if let (Carrier::Reliable, Some(id)) = (carrier, &id) {
            self.acknowledge_unless_offered(cx, ticket, id, description.as_ref(), out);
        }
        let (code, reason) = (response.code(), response.reason());
        out.push(Output::Event(Event::Provisional { dialog: id, code, reason, description }));
    }

    fn invite_accepted(
        &mut self,
        cx: &Context<'_>,
        response: &Response,
        essentials: &Essentials,
        out: &mut Outbox<Output>,
    ) {
        let Some(invite) = &mut self.invite else { return };
        let id = DialogId::new(&essentials.call_id, &self.local_tag, essentials.to.tag().unwrap_or_default());
        if invite.acknowledged.contains(&id) {
            out.push(Output::AckAgain { ticket: invite.ticket, dialog: id });
            return;
        }
        let first = !invite.answered;
        if !first && self.legs.first().is_some_and(|leg| *leg.dialog.id() == id) {
            // The first 2xx again, whose offer the session is still answering.
            return;
        }
        let position = self.legs.iter().position(|leg| *leg.dialog.id() == id);
        let leg = match position.map(|index| self.legs.remove(index)) {
            Some(mut leg) => match leg.dialog.confirm(response) {
                Ok(()) => Ok(leg),
                Err(error) => {
                    out.push(Output::DialogEnded(id.clone()));
                    Err(error)
                }
            },
            None => Dialog::from_response(&invite.request, response, essentials).map(|mut dialog| {
                invite.resume(&mut dialog);
                Leg::new(dialog, Exchange::begun(invite.offers()), response)
            }),
        };
        let mut leg = match leg {
            Ok(leg) => leg,
            Err(error) => {
                // A 2xx without a usable Contact cannot even be acknowledged. The INVITE has failed if it was the first.
                if first {
                    invite.answered = true;
                    self.disconnected(out);
                    let cause = Cause::status(By::Remote, response.code(), error.to_string());
                    out.push(Output::Event(Event::Refused { cause, text: None, answered: true, contacts: Vec::new() }));
                }
                return;
            }
        };
        leg.learn(response);
        leg.granted(cx, response);
        let description = leg.exchange.take(Carrier::Reliable, session_description(response));
        if let Some(Description::Offer(offer)) = &description {
            invite.offer_to_us = Some(offer.clone());
        }
        let wanted = first && matches!(self.state, State::Outgoing | State::Early);
        invite.answered = true;
        invite.accepted = true;
        if !wanted {
            // Another fork, or a 2xx that crossed our CANCEL: acknowledge and end it (RFC 3261 section 13.2.2.4).
            self.decline_fork(cx, leg, description.as_ref(), first, out);
            return;
        }
        for early in std::mem::take(&mut self.legs) {
            out.push(Output::DialogEnded(early.dialog.id().clone()));
            invite.remember(&early.dialog);
        }
        if position.is_none() {
            out.push(Output::DialogBegan(leg.dialog.id().clone()));
        }
        self.state = State::Connecting;
        if !matches!(description, Some(Description::Offer(_))) {
            leg.exchange = Exchange::Settled;
            if send_ack(cx, invite, &leg.dialog, None, out).is_ok() {
                self.state = State::Connected;
            }
        }
        self.legs = vec![leg];
        let (code, reason) = (response.code(), response.reason());
        out.push(Output::Event(Event::Accepted { dialog: id, code, reason, description }));
    }

    /// Acknowledges a 2xx that nobody wants, and ends its dialog at once.
    fn decline_fork(
        &mut self,
        cx: &Context<'_>,
        mut leg: Leg,
        description: Option<&Description>,
        first: bool,
        out: &mut Outbox<Output>,
    ) {
        let Some(invite) = &mut self.invite else { return };
        if invite.acknowledged.len() >= cx.config.limits.forks {
            // Beyond the limit one at a time: what is left out now comes again.
            if invite.declined.is_some_and(|last| cx.now < last + cx.config.timers.t1) {
                return;
            }
            invite.declined = Some(cx.now);
        }
        let refusal = match description {
            Some(Description::Offer(offer)) => refusal(cx, offer),
            _ => None,
        };
        if send_ack(cx, invite, &leg.dialog, refusal.as_deref(), out).is_err() {
            return;
        }
        if first {
            // The CANCEL came too late: the BYE ends the usage (RFC 5407 section 3.1.2).
            out.push(Output::DialogBegan(leg.dialog.id().clone()));
            self.legs.insert(0, leg);
            self.send_bye(cx, None, out);
            return;
        }
        let request = leg.dialog.request(Method::Bye).field(HeaderName::UserAgent, &cx.config.user_agent).finish();
        if let Ok(request) = request {
            let request = self.authorize(request);
            let ticket = self.ticket();
            self.fork_byes.push(ticket);
            out.push(Output::Request { ticket, request, hop: Self::next_hop(&leg.dialog) });
        }
    }

    fn invite_refused(&mut self, cx: &mut Context<'_>, code: u16, response: &Response, out: &mut Outbox<Output>) {
        let Some(invite) = &mut self.invite else { return };
        if invite.answered {
            return;
        }
        invite.heard = true;
        if (code == 503 && self.try_next(out))
            || (code == 415 && self.offer_alone(out))
            || (code == 422 && self.ask_longer(cx, response, out))
            || self.invite_challenged(cx, response, out)
        {
            return;
        }
        if let Some(invite) = &mut self.invite {
            invite.answered = true;
        }
        let contacts = if (300..400).contains(&code) {
            let limit = cx.config.limits.list_members;
            response.contacts().filter_map(Result::ok).take(limit).filter_map(|c| contact_text(&c)).collect()
        } else {
            Vec::new()
        };
        let cancelled = self.state == State::Disconnecting;
        self.disconnected(out);
        let by = if cancelled { By::Local } else { By::Remote };
        let cause = self.cause.take().unwrap_or_else(|| Cause::status(by, code, response.reason()));
        let text = reason_text(response);
        out.push(Output::Event(Event::Refused { cause, text, answered: true, contacts }));
    }

    /// The transaction of the initial INVITE is over.
    pub(super) fn invite_ended(&mut self, end: &End, out: &mut Outbox<Output>) {
        let Some(invite) = &self.invite else { return };
        let (answered, heard, provisional) = (invite.answered, invite.heard, invite.provisional);
        if answered {
            self.invite = None;
            return;
        }
        let silent = match end {
            End::TransportFailed(_) => !provisional,
            End::Timeout => !heard,
            End::Done | End::NoAck | End::Cancelled | End::Unanswered => false,
        };
        if silent && self.try_next(out) {
            return;
        }
        let cancelled = self.state == State::Disconnecting;
        self.invite = None;
        // No answer to the CANCEL for 64·T1: the INVITE counts as cancelled (RFC 3261 section 9.1).
        let cause = if cancelled { Cause::status(By::Local, 487, reason_phrase(487)) } else { cause_of(end) };
        let cause = self.cause.take().unwrap_or(cause);
        self.disconnected(out);
        out.push(Output::Event(Event::Refused { cause, text: None, answered: false, contacts: Vec::new() }));
    }

    /// Sends the INVITE again with the interval that a 422 asks for (RFC 4028 section 7.4), under the next CSeq number. False when that is no longer than what was refused, was
    /// done often enough, or nobody wants it any more.
    fn ask_longer(&mut self, cx: &Context<'_>, response: &Response, out: &mut Outbox<Output>) -> bool {
        let (Some(invite), Some(hop)) = (&self.invite, self.hop.clone()) else { return false };
        let wanted = matches!(self.state, State::Outgoing | State::Early);
        let Some((request, cseq)) = longer(cx.config, invite, response).filter(|_| wanted) else { return false };
        let (attempt, refusals) = (invite.attempt.clone(), invite.refusals + 1);
        self.invite_again(request, cseq, hop, (attempt, refusals), out);
        true
    }

    /// Sends the INVITE again without what was attached to its offer, which the peer does not understand (RFC 5547 section 8.8). False when nothing was.
    fn offer_alone(&mut self, out: &mut Outbox<Output>) -> bool {
        let (Some(invite), Some(hop)) = (&self.invite, self.hop.clone()) else { return false };
        let wanted = matches!(self.state, State::Outgoing | State::Early);
        let Some(builder) = without_attachments(&invite.request).filter(|_| wanted) else { return false };
        let number = invite.cseq.saturating_add(1);
        let Ok(request) = builder.header(&CSeq { number, method: Method::Invite }).finish() else { return false };
        let (attempt, refusals) = (invite.attempt.clone(), invite.refusals);
        self.invite_again(request, number, hop, (attempt, refusals), out);
        true
    }

    /// Sends the INVITE in another wording, under the next CSeq number.
    fn invite_again(
        &mut self,
        request: Request,
        cseq: u32,
        hop: super::Hop,
        (attempt, refusals): (Attempt, u8),
        out: &mut Outbox<Output>,
    ) {
        for early in self.legs.drain(..) {
            out.push(Output::DialogEnded(early.dialog.id().clone()));
        }
        self.state = State::Outgoing;
        let ticket = self.ticket();
        self.invite = Some(ClientInvite { attempt, refusals, ..ClientInvite::new(ticket, request.clone(), cseq) });
        out.push(Output::Request { ticket, request, hop });
    }

    /// Sends the INVITE to the next target (RFC 3263 section 4.3): the same but for the branch, and the Contact toward there. False when there is none left, or nobody wants it any more.
    fn try_next(&mut self, out: &mut Outbox<Output>) -> bool {
        if !matches!(self.state, State::Outgoing | State::Early) {
            return false;
        }
        let (Some(target), Some(old)) = (self.targets.pop_front(), self.invite.take()) else { return false };
        let contact = Contact::Address(NameAddr::new(target.contact.clone()));
        let request = if target.contact == self.contact {
            old.request.clone()
        } else if let Ok(request) = old.request.amend(&[HeaderName::Contact]).header(&contact).finish() {
            request
        } else {
            self.invite = Some(old);
            return false;
        };
        for early in self.legs.drain(..) {
            out.push(Output::DialogEnded(early.dialog.id().clone()));
        }
        let request = self.authorize(request);
        self.state = State::Outgoing;
        self.contact = target.contact;
        self.hop = Some(target.hop.clone());
        let ticket = self.ticket();
        self.invite = Some(ClientInvite {
            attempt: old.attempt,
            refusals: old.refusals,
            ..ClientInvite::new(ticket, request.clone(), old.cseq)
        });
        out.push(Output::Request { ticket, request, hop: target.hop });
        true
    }
}

impl Invitation {
    /// One early dialog has ended.
    pub(super) fn end_early(&mut self, id: &DialogId, out: &mut Outbox<Output>) {
        for leg in self.legs.extract_if(.., |leg| leg.dialog.id() == id) {
            out.push(Output::DialogEnded(id.clone()));
            if let Some(invite) = &mut self.invite {
                invite.remember(&leg.dialog);
            }
        }
    }

    /// The ACK that a 2xx with an offer must have before a BYE may follow: it refuses every stream.
    pub(super) fn acknowledge_for_bye(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        if let (Some(invite), Some(leg)) = (&mut self.invite, self.legs.first_mut())
            && invite.accepted
            && invite.acknowledged.is_empty()
        {
            let refusal = invite.offer_to_us.take().and_then(|offer| refusal(cx, &offer));
            // What is in an ACK without a body was read before: it can be written.
            let _ = send_ack(cx, invite, &leg.dialog, refusal.as_deref(), out);
            leg.exchange = Exchange::Settled;
        }
    }
}

/// The answer that refuses every stream of an offer: an ACK must carry one even when nothing is wanted (RFC 6337 section 3.3).
pub(super) fn refusal(cx: &Context<'_>, offer: &[u8]) -> Option<bytes::Bytes> {
    let offer = crate::sdp::Session::parse(offer, &cx.config.limits).ok()?;
    let origin = Origin {
        username: Text::from_static("-"),
        session_id: cx.utc.ntp_seconds(),
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let mut negotiator = Negotiator::new(origin, cx.config.user_agent.clone());
    negotiator.remote_offer(&offer).ok()?;
    let refusal = negotiator.refuse().ok()?;
    Some(bytes::Bytes::copy_from_slice(refusal.as_bytes()))
}

/// Builds and sends the ACK of a 2xx to this INVITE in this dialog, and remembers that it was.
pub(super) fn send_ack(
    cx: &Context<'_>,
    invite: &mut ClientInvite,
    dialog: &Dialog,
    answer: Option<&[u8]>,
    out: &mut Outbox<Output>,
) -> Result<(), InvitationError> {
    // The ACK carries the credentials of its INVITE (RFC 3261 section 22.1).
    let mut builder = dialog
        .ack(invite.cseq)
        .copy(&invite.request, HeaderName::Authorization)
        .copy(&invite.request, HeaderName::ProxyAuthorization)
        .field(HeaderName::UserAgent, &cx.config.user_agent);
    if let Some(answer) = answer {
        builder = builder.body("application/sdp", answer);
    }
    let request = builder.finish()?;
    invite.acknowledged.push(dialog.id().clone());
    let hop = Invitation::next_hop(dialog);
    out.push(Output::Ack { ticket: invite.ticket, dialog: dialog.id().clone(), request, hop });
    Ok(())
}

/// Adds what every INVITE of ours says.
pub(super) fn finish_invite(
    cx: &Context<'_>,
    builder: Builder<Request>,
    contact: &Uri,
    offer: Option<(&[u8], &[Entity])>,
) -> Result<Request, InvitationError> {
    let mut builder = builder
        .header(&Contact::Address(NameAddr::new(contact.clone())))
        .field(HeaderName::Allow, ALLOWED)
        .field(HeaderName::Supported, supported_value(cx.config))
        .field(HeaderName::UserAgent, &cx.config.user_agent);
    builder = AllowEvents(&cx.config.packages).on(builder);
    if cx.config.reliable_provisionals {
        builder = builder.field(HeaderName::Require, RELIABLE);
    }
    if let Some((offer, attached)) = offer {
        builder = with_offer(builder, offer, attached);
    }
    Ok(builder.finish()?)
}

fn contact_text(contact: &Contact) -> Option<Text> {
    contact.address().map(|address| address.to_string().into())
}
