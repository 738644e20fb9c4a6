//! The table of connections, with what waits to be written on each and when each is due.
//!
//! ```text
//!   opened by us ──► Opening ──open, and the peer is who it should be──► Open ──idle, fault, shut down──► Closing ──closed──► (gone)
//!   accepted ──────►    │                                                 │                                  ▲
//!                       ├──refused, too long, not who it should be────────┼──────────────────────────────────┘
//!                       └──closed by the driver───────────────────────────┴──────────────────────────────────────────► (gone)
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use super::frame::Framer;
use super::{CloseHow, Identities, Route, TlsPolicy, Transport};
use crate::id::{ConnId, SocketId};
use crate::limits::Limits;
use crate::sip::{Host, Request, Text};
use crate::time::{Instant, earliest};

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The driver opens it, or prepares one that a peer opened.
    Opening,
    /// Messages flow.
    Open,
    /// The driver was asked to close it.
    Closing,
}

/// The way back to UDP of a request that only its size took to TCP (RFC 3261 section 18.1.1).
#[derive(Debug)]
pub(super) struct Fallback {
    pub(super) route: Route,
    /// The socket it would leave from, and the address that its Via carries.
    pub(super) source: (SocketId, SocketAddr),
    /// With the Via for UDP.
    pub(super) request: Request,
    pub(super) branch: Text,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) state: State,
    pub(super) transport: Transport,
    pub(super) peer: SocketAddr,
    /// Known once it is open.
    pub(super) local: Option<SocketAddr>,
    /// Whether we opened it.
    pub(super) ours: bool,
    /// The domain that we opened it for.
    pub(super) server: Option<Host>,
    /// What is asked of the certificate there, where we opened it over TLS.
    pub(super) policy: TlsPolicy,
    /// For whom its peer may speak, once that is judged.
    pub(super) identities: Identities,
    pub(super) framer: Framer,
    /// What waits for it to open.
    pub(super) queue: Vec<Bytes>,
    /// What else becomes of it if nobody listens there.
    pub(super) fallbacks: Vec<Fallback>,
    /// Bytes in the queue and bytes handed over that the system has not taken yet.
    pub(super) backlog: usize,
    /// How many ask for it to be kept.
    pub(super) holds: u32,
    /// Whether the peer is not read because it does not read what it is sent.
    pub(super) paused: bool,
    /// Whether a message of the peer's came that could be read.
    pub(super) carried: bool,
    /// When it last began to open, carried something, or was asked to close.
    pub(super) used: Instant,
    /// When the message began that is not complete.
    pub(super) message_since: Option<Instant>,
    /// Whether it was asked to close at once, and there is nothing left to ask.
    pub(super) aborted: bool,
    due: Option<Instant>,
}

impl Connection {
    pub(super) fn new(now: Instant, transport: Transport, peer: SocketAddr) -> Self {
        Self {
            state: State::Opening,
            transport,
            peer,
            local: None,
            ours: false,
            server: None,
            policy: TlsPolicy::Chain,
            identities: Identities::default(),
            framer: Framer::new(),
            queue: Vec::new(),
            fallbacks: Vec::new(),
            backlog: 0,
            holds: 0,
            paused: false,
            carried: false,
            used: now,
            message_since: None,
            aborted: false,
            due: None,
        }
    }

    /// Whether something can be sent on it, now or once it is open.
    pub(super) fn is_usable(&self) -> bool {
        self.state != State::Closing
    }

    /// Whether nobody would miss it.
    pub(super) fn is_idle(&self) -> bool {
        self.state == State::Open && self.holds == 0 && self.backlog == 0 && self.message_since.is_none()
    }

    /// When the message that has begun must be complete.
    pub(super) fn message_due(&self, limits: &Limits) -> Option<Instant> {
        self.message_since.map(|since| since + limits.message_time)
    }

    /// How long it may be idle: not for long before the peer that opened it has said anything.
    fn idle_time(&self, limits: &Limits) -> Duration {
        if !self.ours && !self.carried {
            limits.connection_idle.min(limits.connection_silent)
        } else {
            limits.connection_idle
        }
    }

    fn next_due(&self, limits: &Limits) -> Option<Instant> {
        match self.state {
            State::Opening => Some(self.used + limits.connection_open),
            State::Open => {
                let idle = (self.holds == 0).then(|| self.used + self.idle_time(limits));
                earliest(self.message_due(limits), idle)
            }
            State::Closing => (!self.aborted).then(|| self.used + limits.message_time),
        }
    }
}

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Connections {
    table: BTreeMap<ConnId, Connection>,
    /// The connections that requests to an address may take (RFC 3261 section 18).
    index: BTreeMap<(Transport, SocketAddr), Vec<ConnId>>,
    due: BTreeSet<(Instant, ConnId)>,
    /// How many are opening or open.
    usable: usize,
}

impl Connections {
    pub(super) fn get(&self, id: ConnId) -> Option<&Connection> {
        self.table.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        self.table.get_mut(&id)
    }

    /// Adds a connection. [`settle`](Self::settle) starts its clock.
    pub(super) fn insert(&mut self, id: ConnId, connection: Connection) {
        self.usable += 1;
        self.table.insert(id, connection);
    }

    pub(super) fn remove(&mut self, id: ConnId) -> Option<Connection> {
        let connection = self.table.remove(&id)?;
        if connection.is_usable() {
            self.usable -= 1;
            self.withdraw(id, (connection.transport, connection.peer));
        }
        if let Some(due) = connection.due {
            self.due.remove(&(due, id));
        }
        Some(connection)
    }

    /// Lets requests to the peer's address take this connection.
    pub(super) fn offer(&mut self, id: ConnId) {
        if let Some(connection) = self.table.get(&id) {
            let offered = self.index.entry((connection.transport, connection.peer)).or_default();
            if !offered.contains(&id) {
                offered.push(id);
            }
        }
    }

    /// The connection that a request to this address takes: the one offered first of those that serve it.
    pub(super) fn toward(
        &self,
        transport: Transport,
        peer: SocketAddr,
        serves: impl Fn(&Connection) -> bool,
    ) -> Option<ConnId> {
        let offered = self.index.get(&(transport, peer))?;
        offered.iter().copied().find(|id| self.table.get(id).is_some_and(&serves))
    }

    /// Requests take none of the connections of this transport any more.
    pub(super) fn withdraw_all(&mut self, transport: Transport) {
        self.index.retain(|(of, _), _| *of != transport);
    }

    fn withdraw(&mut self, id: ConnId, key: (Transport, SocketAddr)) {
        if let Some(offered) = self.index.get_mut(&key) {
            offered.retain(|offered| *offered != id);
            if offered.is_empty() {
                self.index.remove(&key);
            }
        }
    }

    /// Nothing more is sent or read on this connection: it is `Closing` from now on. Tells the state it was in.
    pub(super) fn begin_close(&mut self, id: ConnId, now: Instant, how: CloseHow) -> Option<State> {
        let connection = self.table.get_mut(&id)?;
        let before = std::mem::replace(&mut connection.state, State::Closing);
        if before == State::Closing {
            return Some(before);
        }
        connection.framer = Framer::new();
        (connection.queue, connection.fallbacks) = (Vec::new(), Vec::new());
        connection.message_since = None;
        connection.used = now;
        connection.aborted = how == CloseHow::Abort;
        let key = (connection.transport, connection.peer);
        self.usable -= 1;
        self.withdraw(id, key);
        Some(before)
    }

    /// Sets the clock of a connection anew after something about it changed.
    pub(super) fn settle(&mut self, id: ConnId, limits: &Limits) {
        let Some(connection) = self.table.get_mut(&id) else { return };
        let next = connection.next_due(limits);
        if next == connection.due {
            return;
        }
        if let Some(before) = std::mem::replace(&mut connection.due, next) {
            self.due.remove(&(before, id));
        }
        if let Some(next) = next {
            self.due.insert((next, id));
        }
    }

    /// When the next connection is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// A connection that is due.
    pub(super) fn due(&self, now: Instant) -> Option<ConnId> {
        self.due.first().filter(|(due, _)| *due <= now).map(|(_, id)| *id)
    }

    /// How many are opening or open.
    pub(super) const fn usable(&self) -> usize {
        self.usable
    }

    /// The connection that nobody has missed for the longest time.
    pub(super) fn idlest(&self) -> Option<ConnId> {
        let idle = self.table.iter().filter(|(_, connection)| connection.is_idle());
        idle.min_by_key(|(id, connection)| (connection.used, **id)).map(|(id, _)| *id)
    }

    /// Of the connections that peers opened, the one that nobody has missed for the longest time, those first that have never carried a
    /// message; where `source` is given, only of those from there.
    pub(super) fn idlest_accepted(&self, source: Option<IpAddr>) -> Option<ConnId> {
        let idle = self.table.iter().filter(|(id, connection)| {
            let fits = source.is_none_or(|source| source_of(connection.peer.ip()) == source);
            id.is_accepted() && connection.is_idle() && fits
        });
        idle.min_by_key(|(id, connection)| (connection.carried, connection.used, **id)).map(|(id, _)| *id)
    }

    /// How many connections this source has opened and uses, and how many that any peer opened are not ready yet.
    pub(super) fn crowd(&self, source: IpAddr) -> (usize, usize) {
        let accepted = self.table.iter().filter(|(id, connection)| id.is_accepted() && connection.is_usable());
        accepted.fold((0, 0), |(from_there, opening), (_, connection)| {
            let is_from_there = source_of(connection.peer.ip()) == source;
            let is_opening = connection.state == State::Opening;
            (from_there + usize::from(is_from_there), opening + usize::from(is_opening))
        })
    }

    pub(super) fn ids(&self) -> Vec<ConnId> {
        self.table.keys().copied().collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.table.values()
    }
}

/// What counts as one source: an IPv4 address, or the /64 that one subscriber has of IPv6.
pub(crate) fn source_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}
