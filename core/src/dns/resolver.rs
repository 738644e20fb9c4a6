//! The resolver: lookups, the name servers that they ask, and the client that asks them, as one machine.
//!
//! What the driver tells comes in by methods that take a [`Context`] and an out-queue; the [`Output`]s map one to one to the agent's effects
//! and events.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::client::{Client, QuestionId};
use super::lookup::{Lookup, Request, Servers};
use super::manager::{Manager, Verdict};
use super::{Context, DnsConfig, LookupError, LookupEvent, LookupId, Output, ResolverEvent};
use crate::id::{ConnId, Counter, SocketId};
use crate::outbox::Outbox;
use crate::time::{Instant, earliest};

/// The resolver of an agent.
#[derive(Debug)]
pub struct Resolver {
    config: DnsConfig,
    client: Client,
    ids: Counter,
    lookups: BTreeMap<LookupId, Lookup>,
    /// Whose a question is; the others are the manager's.
    askers: BTreeMap<QuestionId, LookupId>,
    manager: Manager,
    /// The name servers in use.
    nameservers: Vec<SocketAddr>,
    initialized: bool,
}

impl Resolver {
    /// A resolver with the system's name servers.
    #[must_use]
    pub fn new(config: DnsConfig, out: &mut Outbox<Output>) -> Self {
        let mut resolver = Self {
            client: Client::default(),
            ids: Counter::default(),
            lookups: BTreeMap::new(),
            askers: BTreeMap::new(),
            manager: Manager::new(),
            nameservers: Vec::new(),
            initialized: false,
            config,
        };
        resolver.take_servers(resolver.config.nameservers.clone(), out);
        resolver
    }

    /// Whether the resolver gave this name to a socket.
    #[must_use]
    pub const fn owns_socket(socket: SocketId) -> bool {
        Client::owns_socket(socket)
    }

    /// Whether the resolver gave this name to a connection.
    #[must_use]
    pub const fn owns_connection(conn: ConnId) -> bool {
        Client::owns_connection(conn)
    }

    /// Starts a lookup. Its news may come at once, behind the return of its name.
    pub fn lookup(
        &mut self,
        cx: &mut Context<'_>,
        request: &Request,
        timeout: Duration,
        lifetime: Duration,
        out: &mut Outbox<Output>,
    ) -> LookupId {
        let id = LookupId::from_u64(self.ids.take());
        let lookup = Lookup::new(id, request, timeout, cx.now + lifetime);
        self.advance(cx, id, lookup, out);
        id
    }

    /// Ends a lookup that nobody wants any more; nothing more is told of it.
    pub fn cancel(&mut self, id: LookupId, out: &mut Outbox<Output>) {
        if let Some(lookup) = self.lookups.remove(&id) {
            self.end(&lookup, out);
        }
    }

    /// How many lookups are under way.
    #[must_use]
    pub fn lookups(&self) -> usize {
        self.lookups.len()
    }

    /// The name servers in use, best first.
    #[must_use]
    pub fn nameservers(&self) -> &[SocketAddr] {
        &self.nameservers
    }

    /// Begins to probe the name servers (`DNSManager.start` of the seeds).
    pub fn start_manager(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let verdict = self.manager.start(cx, &self.config, &mut self.client, out);
        self.follow(verdict, out);
    }

    /// Probes no more (`DNSManager.stop`).
    pub fn stop_manager(&mut self, out: &mut Outbox<Output>) {
        self.manager.stop(&mut self.client, out);
    }

    /// Goes on with another configuration. The name servers of the system are those that were told last.
    pub fn configure(&mut self, config: DnsConfig) {
        let nameservers = std::mem::take(&mut self.config.nameservers);
        self.config = DnsConfig { nameservers, ..config };
    }

    /// The system has other name servers.
    pub fn set_nameservers(&mut self, cx: &mut Context<'_>, nameservers: Vec<SocketAddr>, out: &mut Outbox<Output>) {
        self.config.nameservers = nameservers;
        // While the manager runs, they are used once they have shown that they work.
        if !self.manager.is_running() || !self.initialized {
            self.take_servers(self.config.nameservers.clone(), out);
        }
        self.network_changed(cx, out);
    }

    /// The network changed: what was known of it may hold no longer.
    pub fn network_changed(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.client.clear_cache();
        let verdict = self.manager.changed(cx, &self.config, &mut self.client, out);
        self.follow(verdict, out);
    }

    /// The driver bound a socket.
    pub fn socket_bound(&mut self, cx: &mut Context<'_>, socket: SocketId, out: &mut Outbox<Output>) {
        self.client.socket_bound(cx, socket, out);
        self.settle(cx, out);
    }

    /// The driver could not bind a socket, or it broke, or it is closed.
    pub fn socket_gone(&mut self, cx: &mut Context<'_>, socket: SocketId, out: &mut Outbox<Output>) {
        self.client.socket_gone(cx, socket, out);
        self.settle(cx, out);
    }

    /// A datagram came.
    pub fn datagram(
        &mut self,
        cx: &mut Context<'_>,
        socket: SocketId,
        from: SocketAddr,
        data: &[u8],
        out: &mut Outbox<Output>,
    ) {
        self.client.datagram(cx, socket, from, data, out);
        self.settle(cx, out);
    }

    /// A connection is open.
    pub fn opened(&mut self, cx: &mut Context<'_>, conn: ConnId, out: &mut Outbox<Output>) {
        self.client.opened(cx, conn, out);
        self.settle(cx, out);
    }

    /// Bytes came on a connection.
    pub fn data(&mut self, cx: &mut Context<'_>, conn: ConnId, data: &[u8], out: &mut Outbox<Output>) {
        self.client.data(cx, conn, data, out);
        self.settle(cx, out);
    }

    /// A connection is closed, or could not be opened.
    pub fn closed(&mut self, cx: &mut Context<'_>, conn: ConnId, out: &mut Outbox<Output>) {
        self.client.closed(cx, conn, out);
        self.settle(cx, out);
    }

    /// How many more bytes this connection may be fed now.
    #[must_use]
    pub fn read_budget(&self, conn: ConnId) -> usize {
        self.client.read_budget(conn)
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let lookups = self.lookups.values().map(Lookup::deadline).fold(None, earliest);
        earliest(earliest(self.client.deadline(), self.manager.deadline()), lookups)
    }

    /// Time has passed.
    pub fn timeout(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.client.timeout(cx, out);
        self.settle(cx, out);
        let due = |lookup: &Lookup| lookup.deadline().is_some_and(|at| at <= cx.now);
        let due: Vec<LookupId> = self.lookups.iter().filter(|(_, lookup)| due(lookup)).map(|(id, _)| *id).collect();
        for id in due {
            let Some(mut lookup) = self.lookups.remove(&id) else { continue };
            lookup.timeout(cx.now, &mut self.client, out);
            self.advance(cx, id, lookup, out);
        }
        let verdict = self.manager.timeout(cx, &self.config, &mut self.client, out);
        self.follow(verdict, out);
    }

    /// Ends every lookup, and closes every socket and connection.
    pub fn shut_down(&mut self, out: &mut Outbox<Output>) {
        self.manager.stop(&mut self.client, out);
        for (id, lookup) in std::mem::take(&mut self.lookups) {
            self.end(&lookup, out);
            out.push(Output::Lookup { id, event: LookupEvent::DidFail { error: LookupError::Cancelled } });
        }
        self.client.shut_down(out);
    }

    /// Whether no lookup and no question is under way. The manager may be resting.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        self.lookups.is_empty() && self.client.is_quiescent() && self.client.is_closed()
    }

    /// How many responses answered nothing that was asked.
    #[must_use]
    pub const fn stray(&self) -> u64 {
        self.client.stray()
    }

    /// Hands the answers that have come to those who asked.
    fn settle(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        while let Some(finished) = self.client.pop() {
            match self.askers.remove(&finished.id) {
                Some(id) => {
                    let Some(mut lookup) = self.lookups.remove(&id) else { continue };
                    lookup.finished(finished, out);
                    self.advance(cx, id, lookup, out);
                }
                None => {
                    let (config, client) = (&self.config, &mut self.client);
                    let verdict = self.manager.answered(cx, finished.id, &finished.answer, config, client, out);
                    self.follow(verdict, out);
                }
            }
        }
    }

    /// Lets a lookup go on, and keeps it unless it is over.
    fn advance(&mut self, cx: &mut Context<'_>, id: LookupId, mut lookup: Lookup, out: &mut Outbox<Output>) {
        let servers = Servers { configured: &self.nameservers, authoritative_first: self.config.authoritative_first };
        match lookup.advance(cx, &mut self.client, servers, out) {
            Some(result) => {
                self.end(&lookup, out);
                let event = match result {
                    Ok(result) => LookupEvent::DidSucceed { result },
                    Err(error) => LookupEvent::DidFail { error },
                };
                out.push(Output::Lookup { id, event });
            }
            None => {
                self.askers.extend(lookup.pending().map(|question| (question, id)));
                self.lookups.insert(id, lookup);
            }
        }
    }

    /// What a lookup has still asked is of no interest any more.
    fn end(&mut self, lookup: &Lookup, out: &mut Outbox<Output>) {
        for question in lookup.pending() {
            self.askers.remove(&question);
            self.client.cancel(question, out);
        }
    }

    fn follow(&mut self, verdict: Option<Verdict>, out: &mut Outbox<Output>) {
        match verdict {
            Some(Verdict::System) => self.take_servers(self.config.nameservers.clone(), out),
            Some(Verdict::Fallback) => self.take_servers(self.config.fallback_nameservers.clone(), out),
            None => {}
        }
    }

    fn take_servers(&mut self, nameservers: Vec<SocketAddr>, out: &mut Outbox<Output>) {
        if nameservers == self.nameservers {
            return;
        }
        self.nameservers.clone_from(&nameservers);
        self.client.clear_cache();
        let first = !std::mem::replace(&mut self.initialized, true);
        out.push(Output::Resolver(if first {
            ResolverEvent::DidInitialize { nameservers }
        } else {
            ResolverEvent::NameserversDidChange { nameservers }
        }));
    }
}
