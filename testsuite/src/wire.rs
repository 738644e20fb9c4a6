//! What goes over the wire of a world, for the properties to watch.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

use sipsimple_core::id::ConnId;
use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::msrp::Frame;
use crate::sip::Sip;

/// Bytes that one end sent to another: a datagram, or a piece of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The transport.
    pub transport: Transport,
    /// From where.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
    /// Its bytes.
    pub data: Bytes,
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A host sent it.
    Sent,
    /// It arrived at a host.
    Arrived,
}

/// A SIP message that a host sent or got, whole.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// When.
    pub at: Instant,
    /// Whether it was sent or got.
    pub fate: Fate,
    /// The host that sent it or got it.
    pub host: usize,
    /// The transport.
    pub transport: Transport,
    /// From where.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
    /// The message.
    pub sip: &'a Sip,
}

impl fmt::Debug for Sight<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} host {} {:?} {} {} → {}", self.at, self.host, self.fate, self.sip, self.from, self.to)
    }
}

/// A frame of MSRP that a host wrote or got, whole.
#[derive(Clone, Copy, Debug)]
pub struct MsrpSight<'a> {
    /// When.
    pub at: Instant,
    /// Whether it was written or got.
    pub fate: Fate,
    /// The host that wrote it or got it.
    pub host: usize,
    /// The connection, as the host names it.
    pub conn: ConnId,
    /// Whether the host opened the connection.
    pub opened: bool,
    /// How many bytes of bodies the host has written to the connection.
    pub bodies: u64,
    /// The frame.
    pub frame: &'a Frame,
}
