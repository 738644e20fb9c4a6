//! Sending for a session: hops and flows, ACKs, and what the session's outputs ask for.

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

use super::calls::{Ack, Call, Unsent, Way};
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
            if let Some(way) = call.way {
                self.transports.release(self.now, way.flow);
            }
        } else {
            self.calls.put(call);
        }
    }

    fn usage_output(&mut self, call: &mut Call, output: invitation::Output, out: &mut Outbox<session::Output>) {
        use invitation::Output;
        let id = call.session.id();
        match output {
            Output::Request { ticket, request, hop } => self.request_or_wait(call, ticket, request, hop, out),
            Output::Ack { ticket, dialog, request, hop } => self.send_ack(call, ticket, dialog, request, hop),
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

    /// Sends a request, now or when the local address toward its hop is known; or says that it cannot be sent.
    fn request_or_wait(
        &mut self,
        call: &mut Call,
        ticket: Ticket,
        request: Request,
        hop: Hop,
        out: &mut Outbox<session::Output>,
    ) {
        let cause = match self.send_request(call, ticket, &request, &hop) {
            Ok(()) => return,
            Err(Unready::Asking) => {
                call.unsent.push(Unsent::Request { ticket, request, hop });
                return;
            }
            Err(Unready::Failed(cause)) => cause,
        };
        let mut cx =
            Context { now: self.now, utc: self.clock.utc(self.now), random: &mut self.random, config: &self.config };
        call.session.client_ended(&mut cx, ticket, &End::TransportFailed(cause), out);
    }

    fn send_request(&mut self, call: &mut Call, ticket: Ticket, request: &Request, hop: &Hop) -> Result<(), Unready> {
        let sent = self.prepare(call, request, hop)?;
        let reliable = sent.is_reliable();
        let (flow, now) = (sent.flow, self.now);
        let transaction = self
            .table
            .request(now, sent.request, flow, reliable, &mut self.table_out)
            .map_err(|error| Unready::Failed(CloseCause::Other(error.to_string().into())))?;
        self.calls.clients.insert(transaction, (call.session.id(), ticket));
        Ok(())
    }

    fn send_ack(&mut self, call: &mut Call, ticket: Ticket, dialog: DialogId, request: Request, hop: Hop) {
        match self.prepare(call, &request, &hop) {
            Ok(sent) => {
                let data: Bytes = sent.request.bytes().clone();
                let _ = self.transports.send_on(self.now, sent.flow, data.clone(), &mut self.transport_out);
                call.acks.push(Ack { ticket, dialog, flow: sent.flow, data });
            }
            Err(Unready::Asking) => call.unsent.push(Unsent::Ack { ticket, dialog, request, hop }),
            // There is no way to the peer: its 2xx will time out, and so will our BYE.
            Err(Unready::Failed(_)) => {}
        }
    }

    /// A local address was learned: sends what may have waited for it.
    pub(super) fn send_waiting(&mut self, id: SessionId) {
        let Some(mut call) = self.calls.take(id) else { return };
        let mut out = Outbox::new();
        for unsent in std::mem::take(&mut call.unsent) {
            match unsent {
                Unsent::Request { ticket, request, hop } => {
                    self.request_or_wait(&mut call, ticket, request, hop, &mut out);
                }
                Unsent::Ack { ticket, dialog, request, hop } => self.send_ack(&mut call, ticket, dialog, request, hop),
            }
        }
        self.finish_call(call, out);
    }

    /// Puts a Via on top of a request, chooses its flow, and remembers that for the session.
    fn prepare(&mut self, call: &mut Call, request: &Request, hop: &Hop) -> Result<Sent, Unready> {
        let branch = format!("z9hG4bK{}", self.random.token(20));
        let target = target(call.way, hop).ok_or(Unready::Failed(CloseCause::Unreachable))?;
        let peer = match (target, call.way) {
            (Target::Route(route), _) => route.address,
            (Target::Flow(_), Some(way)) => way.peer,
            (Target::Flow(_), None) => return Err(Unready::Failed(CloseCause::Unreachable)),
        };
        let sent = self.transports.prepare_request(self.now, target, request, &branch, &mut self.transport_out);
        let sent = match sent {
            Ok(sent) => sent,
            Err(SendError::LocalUnknown(toward)) => {
                self.ask_local(toward);
                return Err(Unready::Asking);
            }
            Err(SendError::NoRoute(_) | SendError::NoAddress) => {
                return Err(Unready::Failed(CloseCause::Unreachable));
            }
            Err(
                error @ (SendError::NoSocket(..)
                | SendError::Gone
                | SendError::Full
                | SendError::TooManyConnections
                | SendError::ShuttingDown),
            ) => return Err(Unready::Failed(CloseCause::Other(error.to_string().into()))),
        };
        let by_size = matches!(target, Target::Route(route) if !route.transport.is_reliable()) && sent.is_reliable();
        self.take_way(call, Way { flow: sent.flow, peer, by_size });
        Ok(sent)
    }

    /// The session's messages take this way now: its connection is kept.
    pub(super) fn take_way(&mut self, call: &mut Call, way: Way) {
        if call.way.is_none_or(|old| old.flow != way.flow) {
            self.transports.hold(way.flow);
            if let Some(old) = call.way {
                self.transports.release(self.now, old.flow);
            }
        }
        call.way = Some(way);
    }

    /// A request that was too large for UDP, and found nobody listening for TCP, goes over UDP.
    pub(super) fn moved(&mut self, failed: Flow, flow: Flow) {
        for id in self.calls.ids() {
            if let Some(call) = self.calls.get_mut(id)
                && let Some(way) = &mut call.way
                && way.flow == failed
            {
                *way = Way { flow, by_size: false, ..*way };
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

/// Why a request is not sent now.
#[derive(Debug)]
enum Unready {
    /// The local address toward its hop was asked for.
    Asking,
    /// It cannot be sent.
    Failed(CloseCause),
}

fn call_user(call: Option<&Call>, accounts: &super::accounts::Accounts) -> Option<crate::sip::Text> {
    accounts.get(call?.session.account()).map(|account| account.contact_user.clone())
}

/// How a request reaches its hop: by the route that the application chose; on the connection that the dialog uses already, if it leads to
/// the same host and is not there for the size of another request alone; else to the address in the URI. A URI that names a host is not
/// looked up yet: the way of the dialog must do.
fn target(way: Option<Way>, hop: &Hop) -> Option<Target> {
    let uri = match hop {
        Hop::Route(route) => return Some(Target::Route(*route)),
        Hop::Uri(uri) => uri,
    };
    match (way, route_of(uri)) {
        (Some(Way { flow: flow @ Flow::Stream(_), peer, by_size: false }), Some(route)) if peer == route.address => {
            Some(Target::Flow(flow))
        }
        (_, Some(route)) => Some(Target::Route(route)),
        (way, None) => way.map(|way| Target::Flow(way.flow)),
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
