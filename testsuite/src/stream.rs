//! Connections between the nodes of a world.

use std::net::SocketAddr;

use sipsimple_core::id::ConnId;
use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::msrp::Cutter;
use crate::sip::Splitter;

/// Who may be at an end of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// A host with an agent.
    Host(usize),
    /// A mailbox of the test's own.
    Post(usize),
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// Whose.
    pub node: Node,
    /// Its name for the connection.
    pub conn: ConnId,
}

/// What one end knows of the other.
#[derive(Debug)]
pub struct Pipe {
    /// The other end.
    pub peer: End,
    /// The address of this end.
    pub local: SocketAddr,
    /// The address of the other.
    pub remote: SocketAddr,
    /// TCP, or TLS where it is protected.
    pub transport: Transport,
    /// Whether it carries SIP: those of media streams and of MSRP do not.
    pub sip: bool,
    /// When the last piece that this end wrote arrives: the next arrives later.
    pub last: Instant,
    /// What this end has written, message by message.
    pub written: Splitter,
    /// What has arrived at this end, message by message.
    pub read: Splitter,
    /// The same frame by frame, if it is MSRP.
    pub frames: [Cutter; 2],
}

impl Pipe {
    pub(crate) fn new(
        now: Instant,
        peer: End,
        local: SocketAddr,
        remote: SocketAddr,
        (transport, sip): (Transport, bool),
    ) -> Self {
        let (written, read) = (Splitter::default(), Splitter::default());
        Self { peer, local, remote, transport, sip, last: now, written, read, frames: Default::default() }
    }
}
