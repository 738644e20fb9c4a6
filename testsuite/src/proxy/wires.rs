//! The ways over which a scripted proxy sends: datagrams, and connections that it opens when it has none.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

use sipsimple_core::id::ConnId;
use sipsimple_core::transport::{CloseHow, Transport};

use crate::script::{Turn, Way};

/// Where a message goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// To this address, over this transport.
    To(Transport, SocketAddr),
    /// Over the flow that a client has opened, and no other (RFC 5626 section 5.3).
    Flow(Way),
}

impl Hop {
    /// The transport.
    pub(super) const fn transport(self) -> Transport {
        match self {
            Self::To(transport, _) => transport,
            Self::Flow(Way::Datagram(_)) => Transport::Udp,
            Self::Flow(Way::Stream(_)) => Transport::Tcp,
        }
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(transport, address) => write!(f, "{transport}:{address}"),
            Self::Flow(way) => write!(f, "{way:?}"),
        }
    }
}

/// The connections of a proxy.
#[derive(Debug, Default)]
pub(super) struct Wires {
    open: BTreeMap<ConnId, SocketAddr>,
    opening: BTreeMap<ConnId, (SocketAddr, Vec<Bytes>)>,
}

impl Wires {
    /// Sends a message; false when the flow that it should take is gone.
    pub(super) fn send(&mut self, turn: &mut Turn, hop: Hop, data: Bytes) -> bool {
        let way = match hop {
            Hop::Flow(way) => way,
            Hop::To(Transport::Udp, address) => Way::Datagram(address),
            Hop::To(_, address) => {
                if let Some((conn, _)) = self.open.iter().find(|(_, remote)| **remote == address) {
                    Way::Stream(*conn)
                } else {
                    let conn = self.opening.iter().find(|(_, (remote, _))| *remote == address).map(|(conn, _)| *conn);
                    let conn = conn.unwrap_or_else(|| turn.open(address));
                    self.opening.entry(conn).or_insert_with(|| (address, Vec::new())).1.push(data);
                    return true;
                }
            }
        };
        if let Way::Stream(conn) = way
            && !self.open.contains_key(&conn)
        {
            return false;
        }
        turn.send(way, data);
        true
    }

    pub(super) fn opened(&mut self, conn: ConnId, remote: SocketAddr, turn: &mut Turn) {
        self.open.insert(conn, remote);
        for data in self.opening.remove(&conn).map(|(_, waiting)| waiting).unwrap_or_default() {
            turn.send(Way::Stream(conn), data);
        }
    }

    pub(super) fn closed(&mut self, conn: ConnId) {
        self.open.remove(&conn);
        self.opening.remove(&conn);
    }

    /// Resets every connection.
    pub(super) fn reset(&mut self, turn: &mut Turn) {
        for conn in std::mem::take(&mut self.open).into_keys() {
            turn.close(conn, CloseHow::Abort);
        }
    }
}
