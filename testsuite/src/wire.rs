//! What goes over the wire of a world, for the properties to watch.

use std::net::SocketAddr;

use bytes::Bytes;

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

/// A message that a host sent or got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When.
    pub at: Instant,
    /// The transport.
    pub transport: Transport,
    /// From where.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
    /// Its bytes.
    pub data: Bytes,
}

/// What happened to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A host sent it.
    Sent,
    /// It arrived.
    Arrived,
    /// It was lost, or nobody was there.
    Lost,
}
