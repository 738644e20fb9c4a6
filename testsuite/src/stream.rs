//! Connections between the nodes of a world.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;

use sipsimple_core::id::ConnId;
use sipsimple_core::time::Instant;
use sipsimple_core::transport::{CloseCause, Transport};

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

/// What one end was sent and has not read.
#[derive(Debug, Default)]
pub struct Inbound {
    /// Bytes that are on their way here or have come: no more than the window of the link.
    pub taken: usize,
    /// What the other end has written and there was no room for.
    pub waiting: VecDeque<Bytes>,
    /// Whether the other end will learn that there is room.
    pub(crate) reopens: bool,
    /// What has come and its agent does not want to read yet.
    pub unread: VecDeque<Bytes>,
    /// How the connection ended behind that.
    pub(crate) closed: Option<CloseCause>,
}

impl Inbound {
    /// How much of this many bytes there is room for. That much is on its way then.
    pub(crate) fn admit(&mut self, len: usize, window: usize) -> usize {
        let room = window.saturating_sub(self.taken).min(len);
        self.taken += room;
        room
    }

    /// Bytes that wait where they were written.
    #[must_use]
    pub fn waits(&self) -> usize {
        self.waiting.iter().map(Bytes::len).sum()
    }
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
    /// How many bytes this end has written, and how many it has read.
    pub traffic: [u64; 2],
    /// What it has not read.
    pub inbound: Inbound,
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
        let (traffic, inbound, frames) = ([0; 2], Inbound::default(), Default::default());
        Self { peer, local, remote, transport, sip, last: now, traffic, inbound, written, read, frames }
    }
}
