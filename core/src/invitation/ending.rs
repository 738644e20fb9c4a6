//! How an INVITE usage ends (RFC 3261 sections 9 and 15, RFC 5407).

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::Role;
use crate::outbox::Outbox;
use crate::sip::digest::Attempt;
use crate::sip::{HeaderName, Method, Request, Response, Text};
use crate::transaction::End;

use super::incoming::{Incoming, supported_value};
use super::output::{Event, Output, Ticket};
use super::server::ServerInvite;
use super::state::State;
use super::{Invitation, reason_text};

/// Our BYE.
#[derive(Debug)]
pub(super) struct Bye {
    /// Its name once it is sent; before that it waits for the ACK of our 2xx.
    pub(super) ticket: Option<Ticket>,
    /// As it was sent last, and the challenges that it was sent again for.
    pub(super) request: Option<Request>,
    pub(super) attempt: Attempt,
    reason: Option<Text>,
    /// Why the usage ends, if it is not the application's wish.
    cause: Option<Cause>,
}

impl Bye {
    /// Why the usage ends, if it is not the application's wish.
    pub(super) const fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }
}

impl Invitation {
    /// Ends the usage, in whatever state it is: CANCEL, BYE, or 603 to an INVITE that nobody answered. `reason` is the value of a Reason header (RFC 3326).
    pub fn end(&mut self, cx: &Context<'_>, reason: Option<&str>, out: &mut Outbox<Output>) {
        match self.state {
            State::Outgoing | State::Early if self.role == Role::Caller => self.cancel(reason, out),
            State::Outgoing | State::Incoming | State::Early => {
                // A usage in these states has an INVITE that waits, and 603 can always be written.
                let _ = self.reject(cx, 603, None, &[], out);
            }
            State::Connecting | State::Connected => self.send_bye(cx, reason, out),
            State::Disconnecting | State::Disconnected => {}
        }
    }

    /// Cancels the INVITE that we sent: at once if a provisional response has come, else when one comes; not at all if a final one comes first (RFC 3261 section 9.1).
    fn cancel(&mut self, reason: Option<&str>, out: &mut Outbox<Output>) {
        self.state = State::Disconnecting;
        self.targets.clear();
        if let Some(invite) = &mut self.invite {
            invite.cancelled = true;
            out.push(Output::Cancel { ticket: invite.ticket, reason: reason.map(Text::from) });
        }
    }

    /// Ends the dialog by BYE. The callee waits for the ACK of its 2xx first (RFC 3261 section 15).
    pub(super) fn send_bye(&mut self, cx: &Context<'_>, reason: Option<&str>, out: &mut Outbox<Output>) {
        self.end_by_bye(cx, reason, None, out);
    }

    /// The same, for a cause that is not the application's wish.
    pub(super) fn end_by_bye(
        &mut self,
        cx: &Context<'_>,
        reason: Option<&str>,
        cause: Option<Cause>,
        out: &mut Outbox<Output>,
    ) {
        if self.state == State::Disconnected || self.bye.is_some() {
            return;
        }
        self.refuse_pending(cx, out);
        let unacknowledged = self.state == State::Connecting
            && self.role == Role::Callee
            && self.received.iter().any(ServerInvite::is_accepted);
        if self.state == State::Connecting && self.role == Role::Caller {
            self.acknowledge_for_bye(cx, out);
        }
        self.state = State::Disconnecting;
        self.bye =
            Some(Bye { ticket: None, request: None, attempt: Attempt::new(), reason: reason.map(Text::from), cause });
        if !unacknowledged {
            self.bye_now(cx, out);
        }
    }

    /// The ACK that our BYE waited for came, or is not waited for any longer.
    pub(super) fn bye_after_ack(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        if self.bye.as_ref().is_some_and(|bye| bye.ticket.is_none()) {
            self.bye_now(cx, out);
        }
    }

    fn bye_now(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        let ticket = self.ticket();
        let (Some(bye), Some(leg)) = (&mut self.bye, self.legs.first_mut()) else { return };
        let dialog = &mut leg.dialog;
        let hop = Self::next_hop(dialog);
        let build = |reason: Option<&Text>, dialog: &mut crate::dialog::Dialog| {
            let mut builder = dialog
                .request(Method::Bye)
                .field(HeaderName::Supported, supported_value(cx.config))
                .field(HeaderName::UserAgent, &cx.config.user_agent);
            if let Some(reason) = reason {
                builder = builder.field(HeaderName::Reason, reason);
            }
            builder.finish()
        };
        // A Reason that cannot be written does not keep the BYE from being sent.
        match build(bye.reason.as_ref(), dialog).or_else(|_| build(None, dialog)) {
            Ok(request) => {
                let request = self.authorize(request);
                let Some(bye) = &mut self.bye else { return };
                bye.ticket = Some(ticket);
                bye.request = self.authenticator.is_some().then(|| request.clone());
                out.push(Output::Request { ticket, request, hop });
            }
            Err(_) => self.ended(false, 500, "BYE could not be written".into(), out),
        }
    }

    /// A response to our BYE: any final one ends the usage (RFC 3261 section 15.1.1), but a challenge that can be answered.
    pub(super) fn bye_answered(&mut self, cx: &mut Context<'_>, response: &Response, out: &mut Outbox<Output>) {
        if response.code() >= 200 && !self.bye_challenged(cx, response, out) {
            self.ended(false, response.code(), response.reason(), out);
        }
    }

    /// The transaction of our BYE is over.
    pub(super) fn bye_ended(&mut self, end: &End, out: &mut Outbox<Output>) {
        match end {
            End::TransportFailed(cause) => self.ended(false, 503, cause.to_string().into(), out),
            End::Timeout | End::NoAck | End::Done | End::Cancelled | End::Unanswered => {
                self.ended(false, 408, "Request Timeout".into(), out)
            }
        }
        self.bye = None;
    }

    /// A BYE came: the session is over at once, and what waits is answered with 487 (RFC 3261 section 15.1.2).
    pub(super) fn bye_received(&mut self, cx: &Context<'_>, incoming: &Incoming, out: &mut Outbox<Output>) {
        // With the refusal of its INVITE an early dialog was over (RFC 3261 section 12.3).
        let refused = self.role == Role::Callee && self.state == State::Disconnecting && self.bye.is_none();
        self.respond(cx, incoming, if refused { 481 } else { 200 }, None, out);
        let reason = reason_text(&incoming.request);
        match self.state {
            State::Outgoing | State::Early if self.role == Role::Caller => {
                // Not allowed to a callee; only that early dialog is gone.
                self.end_early(&incoming.dialog(), out);
            }
            State::Outgoing | State::Incoming | State::Early => {
                self.refuse_pending(cx, out);
                self.disconnected(out);
                out.push(Output::Event(Event::Cancelled { reason }));
            }
            State::Disconnecting if self.bye.is_some() => {
                // The BYEs have crossed: both sides answer 200, and the usage has ended (RFC 5407 section 3.2).
                self.ended(true, 200, "OK".into(), out);
                self.received.retain(|invite| !invite.is_accepted());
                self.bye.take_if(|bye| bye.ticket.is_none());
            }
            State::Connecting | State::Connected => {
                if self.role == Role::Caller {
                    // A 2xx whose offer has no answer yet is acknowledged all the same.
                    self.acknowledge_for_bye(cx, out);
                }
                self.refuse_pending(cx, out);
                self.received.retain(|invite| !invite.is_accepted());
                self.disconnected(out);
                let cause = Cause { by: By::Remote, code: None, reason };
                out.push(Output::Event(Event::Ended { cause, by_peer: true, code: 200, reason: "OK".into() }));
            }
            State::Disconnecting | State::Disconnected => {}
        }
    }

    fn ended(&mut self, by_peer: bool, code: u16, reason: Text, out: &mut Outbox<Output>) {
        if self.state == State::Disconnected {
            return;
        }
        self.disconnected(out);
        let cause = self.bye.as_ref().and_then(|bye| bye.cause.clone());
        let cause = cause.unwrap_or_else(|| Cause { by: By::Local, code: None, reason: None });
        out.push(Output::Event(Event::Ended { cause, by_peer, code, reason }));
    }
}
