//! A flow: the way a message came, and the way its answer goes back (RFC 5626 section 2, RFC 3261 section 18).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::id::{ConnId, SocketId};

/// One way between us and a peer. A transaction sticks to its flow: retransmissions, the CANCEL and the ACK of a failure go where the request went.
///
/// A flow is a name, not a handle: it may outlive the socket or the connection, and sending on it then fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Datagrams between one of our sockets and an address.
    Datagram {
        /// Our socket.
        socket: SocketId,
        /// The peer's address and port, with the scope of a link-local one.
        peer: SocketAddr,
    },
    /// A connection, whoever opened it. Numbers of connections are never used again.
    Stream(ConnId),
}

impl Flow {
    /// The connection, if the flow is one.
    #[must_use]
    pub const fn conn(self) -> Option<ConnId> {
        match self {
            Self::Datagram { .. } => None,
            Self::Stream(conn) => Some(conn),
        }
    }

    /// Whether the flow lies on this socket, so that it ends with it.
    #[must_use]
    pub fn is_on(self, wanted: SocketId) -> bool {
        match self {
            Self::Datagram { socket, .. } => socket == wanted,
            Self::Stream(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_knows_what_it_lies_on() {
        let socket = SocketId::from_u64(3);
        let datagram = Flow::Datagram { socket, peer: "[fe80::1%2]:5060".parse().unwrap() };
        let stream = Flow::Stream(ConnId::accepted(3));
        assert!(datagram.is_on(socket) && !datagram.is_on(SocketId::from_u64(4)) && !stream.is_on(socket));
        assert_eq!((datagram.conn(), stream.conn()), (None, Some(ConnId::accepted(3))));
    }
}
