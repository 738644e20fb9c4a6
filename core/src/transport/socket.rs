//! The table of bound sockets, and which local address a route sees (RFC 3261 section 18.1.1).
//!
//! ```text
//!   bind ──► Binding ──bound──► Bound ──unbind──► Closing ──closed──► (gone)
//!               └──────failed──────┴──────────────────────────────────►
//! ```
//!
//! A socket is of one version of IP: one that is bound to `::` neither takes nor carries IPv4.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::{Route, Transport};
use crate::id::SocketId;

/// The address and port that the Via, the Contact and the session description toward a route carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// This one. The port is the one where our socket of that transport listens.
    Known(SocketAddr),
    /// Several would do: the operating system has to be asked which one it would take, and [`learn_local`](super::Transports::learn_local) told.
    Ask {
        /// The remote address to ask for.
        toward: SocketAddr,
    },
    /// No socket of that transport and of that version of IP is bound.
    NoSocket,
    /// The operating system was asked, and knows no way there.
    NoRoute,
}

/// Why there is no local address toward a route: the cases of [`Local`] that are not [`Local::Known`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoLocal {
    Ask,
    NoSocket,
    NoRoute,
}

/// How far a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SocketState {
    /// The driver was asked to bind it.
    Binding,
    /// It is bound, to this address.
    Bound(SocketAddr),
    /// The driver was asked to close it.
    Closing,
}

/// One socket: of datagrams, or listening.
#[derive(Clone, Copy, Debug)]
pub(super) struct Socket {
    pub(super) transport: Transport,
    pub(super) state: SocketState,
}

impl Socket {
    /// The local address, while the socket works.
    pub(super) const fn bound(&self) -> Option<SocketAddr> {
        match self.state {
            SocketState::Bound(local) => Some(local),
            SocketState::Binding | SocketState::Closing => None,
        }
    }
}

/// All sockets, and what the operating system said of the way to each remote address.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    table: BTreeMap<SocketId, Socket>,
    learned: BTreeMap<IpAddr, Option<IpAddr>>,
}

impl Sockets {
    pub(super) fn insert(&mut self, id: SocketId, transport: Transport) {
        self.table.insert(id, Socket { transport, state: SocketState::Binding });
    }

    pub(super) fn get(&self, id: SocketId) -> Option<&Socket> {
        self.table.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.table.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: SocketId) -> Option<Socket> {
        self.table.remove(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SocketId, &Socket)> {
        self.table.iter().map(|(id, socket)| (*id, socket))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SocketId, &mut Socket)> {
        self.table.iter_mut().map(|(id, socket)| (*id, socket))
    }

    /// Remembers which local address packets to `toward` carry. When `limit` are remembered, they are forgotten: they can be asked for again.
    pub(super) fn learn(&mut self, toward: IpAddr, local: Option<IpAddr>, limit: usize) {
        if self.learned.len() >= limit {
            self.learned.clear();
        }
        self.learned.insert(toward, local);
    }

    /// Forgets every answer of the operating system.
    pub(super) fn forget(&mut self) {
        self.learned.clear();
    }

    /// Whether a socket of this transport is bound to this very address.
    pub(super) fn is_bound_to(&self, transport: Transport, local: SocketAddr) -> bool {
        self.table.values().any(|socket| socket.transport == transport && socket.bound() == Some(local))
    }

    /// The socket for this route, and the local address that the peer there sees; `seen` is the address alone, where it is known.
    ///
    /// A socket that is bound to one address has that address, if it is the only socket of its kind. Where there is a choice of
    /// sockets, or of addresses because a socket is bound to all, the operating system's answer decides: the socket bound to that very
    /// address, else one bound to all, else the first that does not keep to the own machine when the answer does not, or the other way round.
    pub(super) fn local(&self, route: Route, seen: Option<IpAddr>) -> Result<(SocketId, SocketAddr), NoLocal> {
        let fits = || {
            let same = self.table.iter().filter(|(_, socket)| socket.transport == route.transport);
            let bound = same.filter_map(|(id, socket)| Some((*id, socket.bound()?)));
            bound.filter(|(_, local)| local.is_ipv4() == route.address.is_ipv4())
        };
        let first = fits().next().ok_or(NoLocal::NoSocket)?;
        if fits().nth(1).is_none() && !first.1.ip().is_unspecified() {
            return Ok(first);
        }
        let seen = seen.map_or_else(|| self.seen(route), Ok)?;
        let exact = fits().find(|(_, local)| local.ip() == seen);
        let wildcard = || {
            let (id, local) = fits().find(|(_, local)| local.ip().is_unspecified())?;
            Some((id, SocketAddr::new(seen, local.port())))
        };
        let as_near = || fits().find(|(_, local)| local.ip().is_loopback() == seen.is_loopback());
        Ok(exact.or_else(wildcard).or_else(as_near).unwrap_or(first))
    }

    /// The same for one socket.
    pub(super) fn local_of(&self, id: SocketId, route: Route) -> Result<(SocketId, SocketAddr), NoLocal> {
        let bound = self.get(id).and_then(Socket::bound).ok_or(NoLocal::NoSocket)?;
        let ip = if bound.ip().is_unspecified() { self.seen(route)? } else { bound.ip() };
        Ok((id, SocketAddr::new(ip, bound.port())))
    }

    /// What the operating system said.
    fn seen(&self, route: Route) -> Result<IpAddr, NoLocal> {
        self.learned.get(&route.address).ok_or(NoLocal::Ask)?.ok_or(NoLocal::NoRoute)
    }
}
