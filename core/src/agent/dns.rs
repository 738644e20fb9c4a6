//! Location by DNS: the application's lookups, and where the requests of sessions and other usages go (RFC 3263).
//!
//! The resolver binds a socket for each question and opens connections of its own: what the driver tells of those goes to it, what it tells
//! of others to the transports.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::dns::{self, LookupError, LookupEvent, LookupId, LookupResult, Request, Resolver, Service};
use crate::id::{AccountId, ConnId, SocketId, StreamId};
use crate::outbox::Outbox;
use crate::sip::{SipUri, Text, Uri};
use crate::stream::Input;
use crate::transport::{CloseHow, Port, Route, Security, SocketKind, Transport};

use super::accounts::DomainStun;
use super::input::{SocketEvent, StreamEvent};
use super::intent::LookupStartError;
use super::owner::Owner;
use super::{Agent, Effect, EventKind, Shutdown};

/// On whose behalf something is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    /// A usage, for the places that its requests go to: one lookup at most.
    Usage(Owner),
    /// An account, for its STUN servers.
    Account(AccountId),
    /// A stream, for the place that it wants to connect to.
    Stream(StreamId),
}

/// The lookups on behalf of others than the application.
#[derive(Debug, Default)]
pub(super) struct Locations {
    askers: BTreeMap<LookupId, Asker>,
    lookups: BTreeMap<Owner, LookupId>,
}

/// How long a stream waits for name servers: its session waits for it no longer than for the driver.
const STREAM_LIFETIME: Duration = Duration::from_secs(3);

impl Locations {
    fn insert(&mut self, id: LookupId, asker: Asker) {
        self.askers.insert(id, asker);
        if let Asker::Usage(owner) = asker {
            self.lookups.insert(owner, id);
        }
    }

    fn take(&mut self, id: LookupId) -> Option<Asker> {
        let asker = self.askers.remove(&id)?;
        if let Asker::Usage(owner) = asker {
            self.lookups.remove(&owner);
        }
        Some(asker)
    }

    fn take_of(&mut self, owner: Owner) -> Option<LookupId> {
        let id = self.lookups.remove(&owner)?;
        self.askers.remove(&id);
        Some(id)
    }

    /// The lookups of a stream that has ended.
    pub(super) fn take_of_stream(&mut self, stream: StreamId) -> Vec<LookupId> {
        self.take_all(Asker::Stream(stream))
    }

    fn take_all(&mut self, of: Asker) -> Vec<LookupId> {
        self.askers.extract_if(.., |_, asker| *asker == of).map(|(id, _)| id).collect()
    }
}

impl Agent {
    /// Calls the resolver.
    pub(super) fn resolve<T>(
        &mut self,
        act: impl FnOnce(&mut Resolver, &mut dns::Context<'_>, &mut Outbox<dns::Output>) -> T,
    ) -> T {
        let limits = &self.config.limits;
        let mut cx = dns::Context { now: self.now, random: &mut self.random, limits };
        act(&mut self.resolver, &mut cx, &mut self.resolver_out)
    }

    /// News of a socket of the resolver.
    pub(super) fn resolver_socket(&mut self, socket: SocketId, event: &SocketEvent) {
        self.resolve(|resolver, cx, out| match event {
            SocketEvent::Bound { .. } => resolver.socket_bound(cx, socket, out),
            SocketEvent::Failed(_) | SocketEvent::Closed => resolver.socket_gone(cx, socket, out),
        });
    }

    /// News of a connection of the resolver.
    pub(super) fn resolver_connection(&mut self, conn: ConnId, event: &StreamEvent) {
        self.resolve(|resolver, cx, out| match event {
            StreamEvent::Open { .. } => resolver.opened(cx, conn, out),
            StreamEvent::Data(data) => resolver.data(cx, conn, data, out),
            StreamEvent::Drained(_) => {}
            StreamEvent::Closed(_) => resolver.closed(cx, conn, out),
        });
    }

    pub(super) fn resolver_output(&mut self, output: dns::Output) {
        use dns::Output;
        match output {
            Output::Bind { socket, addr } => {
                let (kind, port) = (SocketKind::Udp, Port::Random);
                self.effects.push_back(Effect::Bind { socket, kind, addr, port });
            }
            Output::Unbind { socket } => self.effects.push_back(Effect::Unbind { socket }),
            Output::Send { on, to, data } => self.effects.push_back(Effect::Send { on, to, data }),
            Output::Open { conn, to } => {
                self.effects.push_back(Effect::Open { conn, to, security: Security::Plain, from: None });
            }
            Output::Write { conn, data } => self.effects.push_back(Effect::Write { conn, data }),
            Output::Close { conn } => self.effects.push_back(Effect::Close { conn, how: CloseHow::Abort }),
            Output::Resolver(event) => self.tell(EventKind::Resolver { event }),
            Output::Lookup { id, event } => {
                let located = match &event {
                    LookupEvent::DidSucceed { result } => Some(Ok(result.clone())),
                    LookupEvent::DidFail { error } => Some(Err(error.clone())),
                    LookupEvent::Trace(_) => None,
                };
                self.tell(EventKind::Lookup { id, event });
                let Some(located) = located else { return };
                match self.locations.take(id) {
                    Some(Asker::Usage(owner)) => self.located(owner, located),
                    Some(Asker::Account(account)) => self.stun_located(account, located),
                    Some(Asker::Stream(stream)) => {
                        let found = located.map_err(|error| Text::from(error.to_string())).map(|found| match found {
                            LookupResult::Servers(servers) => servers,
                            LookupResult::Routes(_) | LookupResult::Uris(_) => Vec::new(),
                        });
                        self.stream_input(stream, Input::Located(found));
                    }
                    None => {}
                }
            }
        }
    }

    /// Starts a lookup for the application.
    pub(super) fn look_up(
        &mut self,
        uri: &Text,
        request: impl FnOnce(SipUri) -> Request,
        timeout: Option<Duration>,
        lifetime: Option<Duration>,
    ) -> Result<LookupId, LookupStartError> {
        if self.shutdown != Shutdown::No {
            return Err(LookupStartError::ShuttingDown);
        }
        let parsed = Uri::parse(uri).ok().and_then(|uri| uri.as_sip().map(SipUri::detached));
        let parsed = parsed.ok_or_else(|| LookupStartError::BadUri(uri.clone()))?;
        if self.resolver.lookups() >= self.config.limits.dns_lookups {
            return Err(LookupStartError::TooManyLookups);
        }
        Ok(self.start_lookup(&request(parsed), timeout, lifetime))
    }

    fn start_lookup(&mut self, request: &Request, timeout: Option<Duration>, lifetime: Option<Duration>) -> LookupId {
        let timeout = timeout.unwrap_or(self.config.dns.timeout);
        let lifetime = lifetime.unwrap_or(self.config.dns.lifetime);
        self.resolve(|resolver, cx, out| resolver.lookup(cx, request, timeout, lifetime, out))
    }

    /// Looks up where the requests of a usage to this URI go. Its session is told by [`route`](Self::route), any other usage by `located`; an
    /// earlier lookup of the same owner is given up.
    pub(super) fn locate_uri(&mut self, owner: Owner, uri: &SipUri, reliable: bool) {
        self.forget_location(owner);
        let fits =
            |transport: &&Transport| self.transports.listens(**transport) && (transport.is_reliable() || !reliable);
        let transports = self.config.dns.transports.iter().filter(fits).copied().collect();
        let request = Request::SipProxy { uri: uri.detached(), transports };
        let id = self.start_lookup(&request, None, None);
        self.locations.insert(id, Asker::Usage(owner));
    }

    /// Looks up the STUN servers of an account's domain, if it uses ICE and its settings name none (behaviour 3.1): once for each domain.
    pub(super) fn locate_stun(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get(id) else { return };
        let uri = account.uri().filter(|uri| uri.host.ip().is_none()).map(SipUri::detached);
        let Some(uri) = uri.filter(|_| account.spec.use_ice && account.spec.stun_servers.is_empty()) else {
            return self.forget_stun(id);
        };
        if account.stun.as_ref().is_some_and(|stun| stun.domain == uri.host) {
            return;
        }
        self.forget_stun(id);
        if self.resolver.lookups() < self.config.limits.dns_lookups {
            let stun = DomainStun { domain: uri.host.clone(), servers: Vec::new() };
            let lookup = self.start_lookup(&Request::Service { uri, service: Service::Stun }, None, None);
            self.locations.insert(lookup, Asker::Account(id));
            if let Some(account) = self.accounts.get_mut(id) {
                account.stun = Some(stun);
            }
        }
    }

    /// The STUN servers of an account's domain are not wanted, or are to be looked up anew when they are next.
    pub(super) fn forget_stun(&mut self, id: AccountId) {
        if let Some(account) = self.accounts.get_mut(id) {
            account.stun = None;
        }
        for lookup in self.locations.take_all(Asker::Account(id)) {
            self.resolve(|resolver, _, out| resolver.cancel(lookup, out));
        }
    }

    /// Without an answer ICE does without them, and they are looked up again when the account changes.
    fn stun_located(&mut self, id: AccountId, located: Result<LookupResult, LookupError>) {
        let Some(account) = self.accounts.get_mut(id) else { return };
        match (located, &mut account.stun) {
            (Ok(LookupResult::Servers(servers)), Some(stun)) => stun.servers = servers,
            _ => account.stun = None,
        }
    }

    /// Looks up where something is that a stream wants to connect to.
    pub(super) fn locate_for_stream(&mut self, stream: StreamId, request: &Request) {
        let id = self.start_lookup(request, None, Some(STREAM_LIFETIME));
        self.locations.insert(id, Asker::Stream(stream));
    }

    /// The owner is over, or goes elsewhere.
    pub(super) fn forget_location(&mut self, owner: Owner) {
        if let Some(id) = self.locations.take_of(owner) {
            self.resolve(|resolver, _, out| resolver.cancel(id, out));
        }
    }

    fn located(&mut self, owner: Owner, result: Result<LookupResult, LookupError>) {
        let routes: Result<Vec<Route>, Text> = match result {
            Ok(LookupResult::Routes(routes)) => Ok(routes),
            Ok(LookupResult::Servers(_) | LookupResult::Uris(_)) => Ok(Vec::new()),
            Err(error) => Err(error.to_string().into()),
        };
        match (owner.session(), routes) {
            (Some(id), Ok(routes)) => {
                if let Some(mut call) = self.calls.take(id) {
                    call.sending.locate(routes);
                    self.calls.put(call);
                    self.route(id);
                }
            }
            (Some(id), Err(reason)) => {
                self.call(id, |session, cx, out| session.unroutable(cx, &reason, out));
            }
            (None, routes) => self.usage_located(owner, routes),
        }
    }

    /// The system's name servers are others now.
    pub(super) fn set_nameservers(&mut self, nameservers: Vec<SocketAddr>) {
        self.resolve(|resolver, cx, out| resolver.set_nameservers(cx, nameservers, out));
    }
}
