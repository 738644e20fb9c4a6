//! Sending for a session: hops and flows, ACKs, and what the session's outputs ask for.

use std::net::IpAddr;

use bytes::Bytes;

use crate::config::Context;
use crate::dialog::DialogId;
use crate::id::{SessionId, TransactionId};
use crate::invitation::{self, Hop, Ticket};
use crate::outbox::Outbox;
use crate::session::{self, Session};
use crate::sip::{Request, Response, Uri};
use crate::transaction::End;
use crate::transport::{CloseCause, Flow, Local, Route, SendError, Sent, Target, Transport};

use super::calls::{Ack, Call};
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
        for stream in call.session.streams() {
            self.calls.streams.insert(stream.id(), id);
        }
        if call.session.is_done() {
            self.calls.forget(&call);
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
            Output::Request { ticket, request, hop } => {
                if let Err(cause) = self.send_request(call, ticket, &request, &hop) {
                    let mut cx = Context {
                        now: self.now,
                        utc: self.clock.utc(self.now),
                        random: &mut self.random,
                        config: &self.config,
                    };
                    call.session.client_ended(&mut cx, ticket, &End::TransportFailed(cause), out);
                }
            }
            Output::Ack { ticket, dialog, request, hop } => self.send_ack(call, ticket, dialog, &request, &hop),
            Output::AckAgain { ticket, dialog } => {
                let again = call.acks.iter().find(|ack| ack.ticket == ticket && ack.dialog == dialog);
                if let Some(Ack { flow, data, .. }) = again {
                    // A connection that is gone took the 2xx's way back with it: the next 2xx finds another.
                    let _ = self.transports.send_on(self.now, *flow, data.clone(), &mut self.transport_out);
                }
            }
            Output::Cancel { ticket, reason } => {
                let owner = (id, ticket);
                let transaction = self.calls.clients.iter().find(|(_, known)| **known == owner).map(|(id, _)| *id);
                if let Some(transaction) = transaction {
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

    fn send_request(
        &mut self,
        call: &mut Call,
        ticket: Ticket,
        request: &Request,
        hop: &Hop,
    ) -> Result<(), CloseCause> {
        let sent = self.prepare(call, request, hop)?;
        let reliable = sent.is_reliable();
        let (flow, now) = (sent.flow, self.now);
        let transaction = self
            .table
            .request(now, sent.request, flow, reliable, &mut self.table_out)
            .map_err(|error| CloseCause::Other(error.to_string().into()))?;
        self.calls.clients.insert(transaction, (call.session.id(), ticket));
        Ok(())
    }

    fn send_ack(&mut self, call: &mut Call, ticket: Ticket, dialog: DialogId, request: &Request, hop: &Hop) {
        // An ACK that cannot be sent now is sent when the 2xx comes again, if there is a way then.
        if let Ok(sent) = self.prepare(call, request, hop) {
            let data: Bytes = sent.request.bytes().clone();
            let _ = self.transports.send_on(self.now, sent.flow, data.clone(), &mut self.transport_out);
            call.acks.push(Ack { ticket, dialog, flow: sent.flow, data });
        }
    }

    /// Puts a Via on top of a request, chooses its flow, and remembers that for the session.
    fn prepare(&mut self, call: &mut Call, request: &Request, hop: &Hop) -> Result<Sent, CloseCause> {
        let branch = format!("z9hG4bK{}", self.random.token(20));
        let target = target(call.flow, hop).ok_or(CloseCause::Unreachable)?;
        let peer = match (target, call.flow) {
            (Target::Route(route), _) => route.address,
            (Target::Flow(_), Some((_, peer))) => peer,
            (Target::Flow(_), None) => return Err(CloseCause::Unreachable),
        };
        let sent = self.transports.prepare_request(self.now, target, request, &branch, &mut self.transport_out);
        let sent = sent.map_err(|error| match error {
            SendError::NoRoute(_) | SendError::LocalUnknown(_) | SendError::NoAddress => CloseCause::Unreachable,
            SendError::NoSocket(..)
            | SendError::Gone
            | SendError::Full
            | SendError::TooManyConnections
            | SendError::ShuttingDown => CloseCause::Other(error.to_string().into()),
        })?;
        self.use_flow(call, sent.flow, peer);
        Ok(sent)
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

    /// Finds the local addresses toward the routes of a new outgoing session; when all are known, the session goes on.
    pub(super) fn route(&mut self, id: SessionId) {
        let Some(call) = self.calls.get(id) else { return };
        let locals: Vec<(Route, Local)> =
            call.routes.iter().map(|route| (*route, self.transports.local(*route))).collect();
        let mut asking = false;
        for (_, local) in &locals {
            if let Local::Ask { toward } = local {
                self.ask_local(*toward);
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
        if let Some(call) = self.calls.get_mut(id) {
            call.routes.clear();
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

/// How a request reaches its hop: by the route that the application chose; on the connection that the dialog uses already, if it leads to the same host; else to the address in the URI. A URI that names a host is not looked up: it goes the way that the dialog's last message took.
fn target(flow: Option<(Flow, IpAddr)>, hop: &Hop) -> Option<Target> {
    let uri = match hop {
        Hop::Route(route) => return Some(Target::Route(*route)),
        Hop::Uri(uri) => uri,
    };
    match (flow, route_of(uri)) {
        (Some((flow @ Flow::Stream(_), peer)), Some(route)) if peer == route.address => Some(Target::Flow(flow)),
        (_, Some(route)) => Some(Target::Route(route)),
        (flow, None) => flow.map(|(flow, _)| Target::Flow(flow)),
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
