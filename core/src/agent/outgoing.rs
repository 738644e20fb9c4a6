//! What sessions ask for: requests, ACKs, responses, and where an INVITE goes.

use crate::config::Context;
use crate::dialog::DialogId;
use crate::id::{SessionId, TransactionId};
use crate::invitation;
use crate::outbox::Outbox;
use crate::session::{self, Session};
use crate::sip::{Method, Response};
use crate::transaction::End;
use crate::transport::{Flow, Sent};
use crate::uac::{Hop, Ticket};

use super::calls::{Ack, Call};
use super::owner::Owner;
use super::sending::{NotSent, Start, Unsent};
use super::transfers::told;
use super::{Agent, EventKind};

impl Agent {
    /// Calls a session, and does what it asks.
    pub(super) fn call<T>(
        &mut self,
        id: SessionId,
        act: impl FnOnce(&mut Session, &mut Context<'_>, &mut Outbox<session::Output>) -> T,
    ) -> Option<T> {
        let mut call = self.calls.take(id)?;
        let mut out = std::mem::take(&mut self.session_out);
        let result = act(&mut call.session, &mut self.context(), &mut out);
        self.finish_call(call, out);
        Some(result)
    }

    /// Does what a session asks, and puts it back unless it is over.
    pub(super) fn finish_call(&mut self, mut call: Box<Call>, mut out: Outbox<session::Output>) {
        let id = call.session.id();
        let follows = call.follows;
        let mut news = Vec::new();
        while let Some(output) = out.pop() {
            match output {
                session::Output::Usage(output) => self.usage_output(&mut call, output, &mut out),
                session::Output::Stream { stream, output } => self.stream_output(stream, output),
                session::Output::News { stream, kind, event } => {
                    self.tell(EventKind::Stream { id: stream, session: id, kind, event });
                }
                session::Output::Event(event) => {
                    if follows.is_some() {
                        news.extend(told(&event));
                    }
                    self.tell(EventKind::Session { id, event });
                }
            }
        }
        for stream in call.ended_streams() {
            self.close_wires(stream);
        }
        if call.session.is_done() {
            self.release(&call.sending);
            self.forget_location(Owner::Session(id));
            self.calls.forget(&mut call);
        } else {
            self.calls.put(call);
        }
        self.session_out = out;
        self.follow(follows, news);
    }

    fn usage_output(&mut self, call: &mut Call, output: invitation::Output, out: &mut Outbox<session::Output>) {
        use invitation::Output;
        let id = call.session.id();
        match output {
            Output::Request { ticket, request, hop } => {
                self.send_for(call, Unsent { ticket, request, hop }, true, out);
            }
            Output::Ack { ticket, dialog, request, hop } => {
                call.acks.push(Ack { ticket, dialog: dialog.clone(), request, hop, sent: None, waits: false });
                self.send_ack(call, ticket, dialog, true);
            }
            Output::AckAgain { ticket, dialog } => self.send_ack(call, ticket, dialog, true),
            Output::Cancel { ticket, reason } => {
                if call.sending.withdraw(ticket) {
                    self.never_sent(call, ticket, &End::Cancelled, out);
                    return;
                }
                if let Some((_, transaction)) = call.invite.filter(|(invite, _)| *invite == ticket) {
                    self.table.cancel(self.now, transaction, reason, &mut self.table_out);
                }
            }
            Output::Respond { transaction, response } => self.respond(transaction, &response),
            Output::RespondAgain { transaction, code, data } => {
                // An answer that is not wanted any more is not repeated.
                let _ = self.table.respond_again(self.now, transaction, code, data, &mut self.table_out);
            }
            Output::DialogBegan(dialog) => {
                self.owners.dialogs.insert(dialog, Owner::Session(id));
            }
            Output::DialogEnded(dialog) => {
                self.owners.dialogs.remove(&dialog);
            }
            Output::Event(_) => {}
        }
    }

    /// Sends a request of a session.
    fn send_for(&mut self, call: &mut Call, unsent: Unsent, may_ask: bool, out: &mut Outbox<session::Output>) {
        let is_invite = *unsent.request.method() == Method::Invite;
        let ticket = unsent.ticket;
        let owner = Owner::Session(call.session.id());
        match self.send_request(owner, &mut call.sending, unsent, may_ask) {
            Ok(Start::Sent(transaction)) if is_invite => call.invite = Some((ticket, transaction)),
            Ok(Start::Sent(_) | Start::Waits) => {}
            Err(cause) => self.never_sent(call, ticket, &End::TransportFailed(cause), out),
        }
    }

    /// Tells a session that one of its requests has ended without a transaction.
    fn never_sent(&mut self, call: &mut Call, ticket: Ticket, end: &End, out: &mut Outbox<session::Output>) {
        call.session.client_ended(&mut self.context(), ticket, end, out);
    }

    /// Sends an ACK that the call keeps, the first time or again: as it was on the flow that it took, or anew if that is gone.
    fn send_ack(&mut self, call: &mut Call, ticket: Ticket, dialog: DialogId, may_ask: bool) {
        let known = |ack: &Ack| ack.ticket == ticket && ack.dialog == dialog;
        let Some(index) = call.acks.iter().position(known) else { return };
        let Some(Ack { request, hop, sent, .. }) = call.acks.get(index) else { return };
        if let Some((flow, data)) = sent
            && self.transports.send_on(self.now, *flow, data.clone(), &mut self.transport_out).is_ok()
        {
            return;
        }
        let (request, hop) = (request.clone(), hop.clone());
        let prepared = self.prepare(&mut call.sending, &request, &hop, may_ask);
        let Some(ack) = call.acks.get_mut(index) else { return };
        ack.waits = matches!(prepared, Err(NotSent::Asking));
        // What cannot be sent now is sent when the 2xx comes again, if there is a way then.
        if let Ok(Sent { flow, request, .. }) = prepared {
            let data = request.bytes().clone();
            let _ = self.transports.send_on(self.now, flow, data.clone(), &mut self.transport_out);
            ack.sent = Some((flow, data));
        }
    }

    /// A request that was too large for UDP, and found nobody listening for TCP, goes over UDP.
    pub(super) fn moved(&mut self, failed: Flow, flow: Flow) {
        for sending in self.calls.sendings().chain(self.usages.sendings()) {
            if let Some((known, _)) = &mut sending.flow
                && *known == failed
            {
                *known = flow;
            }
        }
    }

    pub(super) fn respond(&mut self, transaction: TransactionId, response: &Response) {
        // A response that must not be sent any more, because its transaction is over, is not owed any more.
        let _ = self.table.respond(self.now, transaction, response, &mut self.table_out);
    }

    /// A local address is known now, or is known not to be: sends what waited for it, ACKs first.
    pub(super) fn send_waiting(&mut self, id: SessionId) {
        let Some(mut call) = self.calls.take(id) else { return };
        let mut out = std::mem::take(&mut self.session_out);
        let waiting: Vec<_> =
            call.acks.iter().filter(|ack| ack.waits).map(|ack| (ack.ticket, ack.dialog.clone())).collect();
        for (ticket, dialog) in waiting {
            self.send_ack(&mut call, ticket, dialog, false);
        }
        for unsent in std::mem::take(&mut call.sending.waiting) {
            self.send_for(&mut call, unsent, false, &mut out);
        }
        self.finish_call(call, out);
    }

    /// Finds the local addresses toward the routes of a new outgoing session; when all are known, the session goes on.
    pub(super) fn route(&mut self, id: SessionId) {
        let Some(mut call) = self.calls.take(id) else { return };
        let known = self.local_addresses(&mut call.sending);
        let account = call.session.account();
        self.calls.put(call);
        let Some(known) = known else { return };
        let user = self.accounts.get(account).map(|account| account.contact_user.clone());
        let first = known.first().map(|(_, local)| local.ip());
        let targets: Vec<invitation::Target> = known
            .into_iter()
            .map(|(route, local)| invitation::Target {
                hop: Hop::Route(route),
                contact: self.dialog_contact(
                    account,
                    user.as_deref(),
                    self.contact_address(route, local),
                    route.transport,
                ),
            })
            .collect();
        self.call(id, |session, cx, out| match first {
            Some(local) => session.routed(cx, targets, local, out),
            None => session.unroutable(cx, "no route to the remote party", out),
        });
    }
}
