//! Sending for any owner: the flow that it uses, what waits for a local address, and how a hop is reached.

use std::net::{IpAddr, SocketAddr};

use crate::id::AccountId;
use crate::sip::{NameAddr, Request, SipUri, Text, Uri};
use crate::transport::{CloseCause, Flow, Local, Route, SendError, Sent, Target, TlsPolicy, Transport};
use crate::uac::{Hop, Ticket};

use super::owner::Owner;
use super::{Agent, Effect, Question};

/// What is kept for an owner that sends requests.
#[derive(Debug)]
pub(super) struct Sending {
    /// Whose requests they are.
    account: AccountId,
    /// The flow that its last message took, and whom it leads to: a connection is kept open for it, and used again.
    pub(super) flow: Option<(Flow, IpAddr)>,
    /// The requests that wait for the local address toward their hops, oldest first.
    pub(super) waiting: Vec<Unsent>,
    /// The routes whose local addresses are not all known yet.
    pub(super) routes: Vec<Route>,
    /// Whether the local addresses toward the routes were asked for.
    asked: bool,
}

/// A request that waits for the local address toward its hop.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) ticket: Ticket,
    pub(super) request: Request,
    pub(super) hop: Hop,
}

impl Sending {
    pub(super) const fn of(account: AccountId) -> Self {
        Self { account, flow: None, waiting: Vec::new(), routes: Vec::new(), asked: false }
    }

    /// Whether something waits for a local address.
    pub(super) const fn is_waiting(&self) -> bool {
        !self.routes.is_empty() || !self.waiting.is_empty()
    }

    /// Finds the local addresses toward these routes next: see [`Agent::local_addresses`].
    pub(super) fn locate(&mut self, routes: Vec<Route>) {
        self.routes = routes;
        self.asked = false;
    }

    /// Takes out a request that still waits; false when it has left already.
    pub(super) fn withdraw(&mut self, ticket: Ticket) -> bool {
        let Some(index) = self.waiting.iter().position(|unsent| unsent.ticket == ticket) else { return false };
        self.waiting.remove(index);
        true
    }
}

/// What became of a request that was to be sent.
pub(super) enum Start {
    /// It is under way, in this transaction.
    Sent(crate::id::TransactionId),
    /// It waits for the local address toward its hop.
    Waits,
}

/// Why a message was not sent.
pub(super) enum NotSent {
    /// The local address toward its hop was asked for.
    Asking,
    /// There is no way.
    Failed(CloseCause),
}

impl Agent {
    /// Sends a request in a transaction of its own, or lets it wait for the local address toward its hop if that `may_ask`.
    ///
    /// # Errors
    /// When there is no way: there is no transaction, and none of its endings will come.
    pub(super) fn send_request(
        &mut self,
        owner: Owner,
        sending: &mut Sending,
        unsent: Unsent,
        may_ask: bool,
    ) -> Result<Start, CloseCause> {
        match self.prepare(sending, &unsent.request, &unsent.hop, may_ask) {
            Ok(sent) => {
                let reliable = sent.is_reliable();
                let started = self.table.request(self.now, sent.request, sent.flow, reliable, &mut self.table_out);
                let transaction = started.map_err(|error| CloseCause::Other(error.to_string().into()))?;
                self.owners.clients.insert(transaction, (owner, unsent.ticket));
                Ok(Start::Sent(transaction))
            }
            Err(NotSent::Asking) => {
                sending.waiting.push(unsent);
                Ok(Start::Waits)
            }
            Err(NotSent::Failed(cause)) => Err(cause),
        }
    }

    /// Puts a Via on top of a request, chooses its flow, and remembers that for its owner. Asks for the local address where it is not known, or, if that `may_ask`, where there was none before.
    pub(super) fn prepare(
        &mut self,
        sending: &mut Sending,
        request: &Request,
        hop: &Hop,
        may_ask: bool,
    ) -> Result<Sent, NotSent> {
        let branch = format!("z9hG4bK{}", self.random.token(20));
        let mut failed = NotSent::Failed(CloseCause::Unreachable);
        let policy = self.policy_of(sending.account);
        for (target, peer) in targets(sending.flow, hop).into_iter().flatten() {
            let target = match target {
                Target::Route(route) => policy.map_or(target, |policy| Target::Judged(route, policy)),
                Target::Judged(..) | Target::Flow(_) => target,
            };
            match self.transports.prepare_request(self.now, target, request, &branch, &mut self.transport_out) {
                Ok(sent) => {
                    self.use_flow(&mut sending.flow, sent.flow, peer);
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
                    | SendError::Insecure(_)
                    | SendError::Gone
                    | SendError::Full
                    | SendError::TooManyConnections
                    | SendError::ShuttingDown),
                ) => failed = NotSent::Failed(CloseCause::Other(error.to_string().into())),
            }
        }
        Err(failed)
    }

    /// What an account asks of the certificates of servers, where it says so (setting `tls.verify_server`).
    fn policy_of(&self, account: AccountId) -> Option<TlsPolicy> {
        let verifies = self.accounts.get(account)?.spec.verify_server?;
        Some(if verifies { TlsPolicy::Chain } else { TlsPolicy::None })
    }

    /// The owner's messages take this flow now: its connection is kept.
    pub(super) fn use_flow(&mut self, held: &mut Option<(Flow, IpAddr)>, flow: Flow, peer: IpAddr) {
        if *held == Some((flow, peer)) {
            return;
        }
        self.transports.hold(flow);
        if let Some((old, _)) = held.replace((flow, peer)) {
            self.transports.release(self.now, old);
        }
    }

    /// The owner is gone: its connection need not be kept for it.
    pub(super) fn release(&mut self, sending: &Sending) {
        if let Some((flow, _)) = sending.flow {
            self.transports.release(self.now, flow);
        }
    }

    /// The local addresses toward the routes of an owner, once all are known; those that cannot be reached are left out. `None` while there is nothing to find, or one is asked for.
    pub(super) fn local_addresses(&mut self, sending: &mut Sending) -> Option<Vec<(Route, SocketAddr)>> {
        if sending.routes.is_empty() {
            return None;
        }
        // Where there was no way for an earlier request there may be one now.
        let asked = std::mem::replace(&mut sending.asked, true);
        let locals: Vec<(Route, Local)> =
            sending.routes.iter().map(|route| (*route, self.transports.local(*route))).collect();
        let mut asking = false;
        for (route, local) in &locals {
            if matches!(local, Local::Ask { .. }) || (!asked && *local == Local::NoRoute) {
                self.ask_local(route.socket_addr());
                asking = true;
            }
        }
        if asking {
            return None;
        }
        sending.routes.clear();
        let known = locals.into_iter().filter_map(|(route, local)| match local {
            Local::Known(local) => Some((route, local)),
            Local::Ask { .. } | Local::NoSocket | Local::NoRoute => None,
        });
        Some(known.collect())
    }

    pub(super) fn ask_local(&mut self, toward: SocketAddr) {
        if let Some(ask) = self.asks.local_address(self.now, toward, self.config.limits.ask_time) {
            self.effects.push_back(Effect::Ask { ask, question: Question::LocalAddress { toward } });
        }
    }
}

/// How a request reaches its hop, best way first, and the host that each way leads to: by the route that was chosen; on the connection that its owner uses already, if it leads to the same host and is still there; else to the address in the URI. A URI that names a host is not looked up: it goes the way that the owner's last message took.
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

/// Whether a URI names a host, which is to be looked up.
pub(super) fn is_named(uri: &SipUri) -> bool {
    uri.maddr().map_or_else(|| uri.host.ip(), |host| host.ip()).is_none()
}

/// Whom the application means: a URI, whose parameters are its own, or a name with a URI in angle brackets.
pub(super) fn party(text: &Text) -> Option<NameAddr> {
    let alone = Uri::parse(text).ok().map(NameAddr::new);
    alone.or_else(|| NameAddr::parse(text).ok()).filter(|to| to.uri.as_sip().is_some())
}

/// The address in a URI, where it holds one (RFC 3261 section 19.1.2, RFC 3263 section 4: a numeric host needs no lookup).
pub(super) fn route_of(uri: &Uri) -> Option<Route> {
    let uri = uri.as_sip()?;
    let address = uri.maddr().map_or_else(|| uri.host.ip(), |host| host.ip())?;
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
