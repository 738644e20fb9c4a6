//! Sending for a session: hops and flows, ACKs, and what the session's outputs ask for.

use std::net::IpAddr;

use crate::config::Context;
use crate::dialog::DialogId;
use crate::id::{SessionId, TransactionId};
use crate::invitation::{self, Hop, Ticket};
use crate::outbox::Outbox;
use crate::session::{self, Session};
use crate::sip::{Method, Request, Response, Uri};
use crate::transaction::End;
use crate::transport::{CloseCause, Flow, Local, Route, SendError, Sent, Target, Transport};

use super::calls::{Ack, Call, Unsent};
use super::requests::contact_uri;
use super::{Agent, Effect, EventKind};

impl Agent {
    /// Calls a session, and does what it asks.
    pub(super) fn call<T>(
        &mut self,
        id: SessionId,
        act: impl FnOnce(&mut Session, &mut Context<'_>, &mut Outbox<session::Output>) -> T,
    ) -> Option<T> {
        let mut call = self.calls.take(id)?;
        let mut out = Outbox::new();
        let mut cx =
            Context { now: self.now, utc: self.clock.utc(self.now), random: &mut self.random, config: &self.config };
        let result = act(&mut call.session, &mut cx, &mut out);
        self.finish_call(call, out);
        Some(result)
    }

    /// Does what a session asks, and puts it back unless it is over.
    pub(super) fn finish_call(&mut self, mut call: Call, mut out: Outbox<session::Output>) {
        let id = call.session.id();
        while let Some(output) = out.pop() {
            match output {
                session::Output::Usage(output) => self.usage_output(&mut call, output, &mut out),
                session::Output::Media { stream, command } => {
                    self.effects.push_back(Effect::Media { stream, command });
                }
                session::Output::Event(event) => self.tell(EventKind::Session { id, event }),
                session::Output::Stream { stream, event } => {
                    self.tell(EventKind::Stream { id: stream, session: id, event });
                }
            }
        }
        if call.session.is_done() {
            if let Some((flow, _)) = call.flow {
                self.transports.release(self.now, flow);
            }
        } else {
            self.calls.put(call);
        }
    }

    fn usage_output(&mut self, call: &mut Call, output: invitation::Output, out: &mut Outbox<session::Output>) {
        use invitation::Output;
        let id = call.session.id();
        match output {
            Output::Request { ticket, request, hop } => self.send_request(call, ticket, request, hop, true, out),
            Output::Ack { ticket, dialog, request, hop } => {
                call.acks.push(Ack { ticket, dialog: dialog.clone(), request, hop, sent: None });
                self.send_ack(call, ticket, dialog, true);
            }
            Output::AckAgain { ticket, dialog } => self.send_ack(call, ticket, dialog, true),
            Output::Cancel { ticket, reason } => {
                let waits =
                    |unsent: &Unsent| matches!(unsent, Unsent::Request { ticket: waits, .. } if *waits == ticket);
                if let Some(index) = call.waiting.iter().position(waits) {
                    call.waiting.remove(index);
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
                self.calls.dialogs.insert(dialog, id);
            }
            Output::DialogEnded(dialog) => {
                self.calls.dialogs.remove(&dialog);
            }
            Output::Event(_) => {}
        }
    }

    /// Sends a request in a transaction of its own, or lets it wait for the local address toward its hop if that `may_ask`.
    fn send_request(
        &mut self,
        call: &mut Call,
        ticket: Ticket,
        request: Request,
        hop: Hop,
        may_ask: bool,
        out: &mut Outbox<session::Output>,
    ) {
        let is_invite = *request.method() == Method::Invite;
        let started = match self.prepare(call, &request, &hop, may_ask) {
            Ok(sent) => {
                let reliable = sent.is_reliable();
                let started = self.table.request(self.now, sent.request, sent.flow, reliable, &mut self.table_out);
                started.map_err(|error| CloseCause::Other(error.to_string().into()))
            }
            Err(NotSent::Asking) => {
                call.waiting.push(Unsent::Request { ticket, request, hop });
                return;
            }
            Err(NotSent::Failed(cause)) => Err(cause),
        };
        match started {
            Ok(transaction) => {
                self.calls.clients.insert(transaction, (call.session.id(), ticket));
                if is_invite {
                    call.invite = Some((ticket, transaction));
                }
            }
            Err(cause) => self.never_sent(call, ticket, &End::TransportFailed(cause), out),
        }
    }

    /// Tells a session that one of its requests has ended without a transaction.
    fn never_sent(&mut self, call: &mut Call, ticket: Ticket, end: &End, out: &mut Outbox<session::Output>) {
        let mut cx =
            Context { now: self.now, utc: self.clock.utc(self.now), random: &mut self.random, config: &self.config };
        call.session.client_ended(&mut cx, ticket, end, out);
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
        match self.prepare(call, &request, &hop, may_ask) {
            Ok(Sent { flow, request, .. }) => {
                let data = request.bytes().clone();
                // What cannot be sent now is sent when the 2xx comes again, if there is a way then.
                let _ = self.transports.send_on(self.now, flow, data.clone(), &mut self.transport_out);
                if let Some(ack) = call.acks.get_mut(index) {
                    ack.sent = Some((flow, data));
                }
            }
            Err(NotSent::Asking) => {
                let waits = |unsent: &Unsent| matches!(unsent, Unsent::Ack { ticket: t, dialog: d } if *t == ticket && *d == dialog);
                if !call.waiting.iter().any(waits) {
                    call.waiting.push(Unsent::Ack { ticket, dialog });
                }
            }
            Err(NotSent::Failed(_)) => {}
        }
    }

    /// Puts a Via on top of a request, chooses its flow, and remembers that for the session. Asks for the local address where it is not known, or, if that `may_ask`, where there was none before.
    fn prepare(&mut self, call: &mut Call, request: &Request, hop: &Hop, may_ask: bool) -> Result<Sent, NotSent> {
        let branch = format!("z9hG4bK{}", self.random.token(20));
        let mut failed = NotSent::Failed(CloseCause::Unreachable);
        for (target, peer) in targets(call.flow, hop).into_iter().flatten() {
            match self.transports.prepare_request(self.now, target, request, &branch, &mut self.transport_out) {
                Ok(sent) => {
                    self.use_flow(call, sent.flow, peer);
                    return Ok(sent);
                }
                Err(SendError::LocalUnknown(toward)) => {
                    self.ask_local(toward);
                    return Err(NotSent::Asking);
                }
                Err(SendError::NoRoute(toward)) if may_ask => {
                    self.ask_local(toward);
                    return Err(NotSent::Asking);
                }
                Err(SendError::NoRoute(_) | SendError::NoAddress) => {}
                Err(
                    error @ (SendError::NoSocket(..)
                    | SendError::Gone
                    | SendError::Full
                    | SendError::TooManyConnections
                    | SendError::ShuttingDown),
                ) => failed = NotSent::Failed(CloseCause::Other(error.to_string().into())),
            }
        }
        Err(failed)
    }

    /// The session's messages take this flow now: its connection is kept.
    pub(super) fn use_flow(&mut self, call: &mut Call, flow: Flow, peer: IpAddr) {
        if call.flow == Some((flow, peer)) {
            return;
        }
        self.transports.hold(flow);
        if let Some((old, _)) = call.flow.replace((flow, peer)) {
            self.transports.release(self.now, old);
        }
    }

    /// A request that was too large for UDP, and found nobody listening for TCP, goes over UDP.
    pub(super) fn moved(&mut self, failed: Flow, flow: Flow) {
        for id in self.calls.ids() {
            if let Some(call) = self.calls.get_mut(id)
                && let Some((known, _)) = &mut call.flow
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

    /// A local address is known now, or is known not to be: sends what waited for it.
    pub(super) fn send_waiting(&mut self, id: SessionId) {
        let Some(mut call) = self.calls.take(id) else { return };
        let mut out = Outbox::new();
        for unsent in std::mem::take(&mut call.waiting) {
            match unsent {
                Unsent::Request { ticket, request, hop } => {
                    self.send_request(&mut call, ticket, request, hop, false, &mut out);
                }
                Unsent::Ack { ticket, dialog } => self.send_ack(&mut call, ticket, dialog, false),
            }
        }
        self.finish_call(call, out);
    }

    /// Finds the local addresses toward the routes of a new outgoing session; when all are known, the session goes on.
    pub(super) fn route(&mut self, id: SessionId) {
        let Some(call) = self.calls.get_mut(id).filter(|call| !call.routes.is_empty()) else { return };
        // Where there was no way for an earlier call there may be one now.
        let asked = std::mem::replace(&mut call.asked, true);
        let locals: Vec<(Route, Local)> =
            call.routes.iter().map(|route| (*route, self.transports.local(*route))).collect();
        let mut asking = false;
        for (route, local) in &locals {
            if matches!(local, Local::Ask { .. }) || (!asked && *local == Local::NoRoute) {
                self.ask_local(route.socket_addr());
                asking = true;
            }
        }
        if asking {
            return;
        }
        let user = call_user(self.calls.get(id), &self.accounts);
        let known: Vec<_> = locals
            .into_iter()
            .filter_map(|(route, local)| match local {
                Local::Known(local) => Some((route, local)),
                Local::Ask { .. } | Local::NoSocket | Local::NoRoute => None,
            })
            .collect();
        let first = known.first().map(|(_, local)| local.ip());
        let targets: Vec<invitation::Target> = known
            .into_iter()
            .map(|(route, local)| invitation::Target {
                hop: Hop::Route(route),
                contact: contact_uri(user.as_deref(), local, route.transport),
            })
            .collect();
        if let Some(mut call) = self.calls.take(id) {
            call.routes.clear();
            self.calls.put(call);
        }
        self.call(id, |session, cx, out| match first {
            Some(local) => session.routed(cx, targets, local, out),
            None => session.unroutable(cx, out),
        });
    }
}

fn call_user(call: Option<&Call>, accounts: &super::accounts::Accounts) -> Option<crate::sip::Text> {
    accounts.get(call?.session.account()).map(|account| account.contact_user.clone())
}

/// Why a message was not sent.
enum NotSent {
    /// The local address toward its hop was asked for.
    Asking,
    /// There is no way.
    Failed(CloseCause),
}

/// How a request reaches its hop, best way first, and the host that each way leads to: by the route that the application chose; on the connection that the dialog uses already, if it leads to the same host and is still there; else to the address in the URI. A URI that names a host is not looked up: it goes the way that the dialog's last message took.
fn targets(flow: Option<(Flow, IpAddr)>, hop: &Hop) -> [Option<(Target, IpAddr)>; 2] {
    let route = match hop {
        Hop::Route(route) => return [Some((Target::Route(*route), route.address)), None],
        Hop::Uri(uri) => route_of(uri).map(|route| (Target::Route(route), route.address)),
    };
    let known = flow.map(|(flow, peer)| (Target::Flow(flow), peer));
    match (flow, route) {
        (Some((Flow::Stream(_), peer)), Some((_, there))) if peer == there => [known, route],
        (_, Some(_)) => [route, None],
        (_, None) => [known, None],
    }
}

/// The address in a URI, where it holds one (RFC 3261 section 19.1.2, RFC 3263 section 4: a numeric host needs no lookup).
pub(super) fn route_of(uri: &Uri) -> Option<Route> {
    let uri = uri.as_sip()?;
    let address = uri.maddr().and_then(|host| host.ip()).or_else(|| uri.host.ip())?;
    let named = match uri.transport() {
        Some(name) => Some(name.parse().ok()?),
        None => None,
    };
    let transport = match (uri.secure, named) {
        (true, Some(Transport::Udp)) => return None,
        (true, _) => Transport::Tls,
        (false, named) => named.unwrap_or(Transport::Udp),
    };
    Some(Route { address, port: uri.port.unwrap_or_else(|| transport.default_port()), transport })
}
