//! What the resolver asks of the driver, and what it tells.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::{LookupEvent, LookupId, ResolverEvent};
use crate::id::{ConnId, SocketId};
use crate::limits::Limits;
use crate::random::Random;
use crate::time::Instant;

/// Work for the driver, or news for the layer above.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Output {
    /// Bind a UDP socket to a random port: each question has one of its own (RFC 5452 section 9.2).
    Bind {
        /// Its name.
        socket: SocketId,
        /// The local address: unspecified, of the name server's version of IP.
        addr: IpAddr,
    },
    /// Close a socket.
    Unbind {
        /// The socket.
        socket: SocketId,
    },
    /// Send a query.
    Send {
        /// The socket to send it from.
        on: SocketId,
        /// The name server.
        to: SocketAddr,
        /// Its bytes.
        data: Bytes,
    },
    /// Open a TCP connection to a name server.
    Open {
        /// Its name.
        conn: ConnId,
        /// The name server.
        to: SocketAddr,
    },
    /// Write a query, with its length in front.
    Write {
        /// The connection.
        conn: ConnId,
        /// The bytes.
        data: Bytes,
    },
    /// Close a connection at once.
    Close {
        /// The connection.
        conn: ConnId,
    },
    /// News of a lookup. After [`LookupEvent::DidSucceed`] or [`LookupEvent::DidFail`] no more comes.
    Lookup {
        /// The lookup.
        id: LookupId,
        /// The news.
        event: LookupEvent,
    },
    /// News of the name servers.
    Resolver(ResolverEvent),
}

/// What comes with every call: the time, chance and the limits.
#[derive(Debug)]
pub struct Context<'a> {
    /// Now.
    pub now: Instant,
    /// Chance: ids of queries and the choice among servers of one priority.
    pub random: &'a mut Random,
    /// The limits.
    pub limits: &'a Limits,
}
