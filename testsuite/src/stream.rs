//! Connections between hosts.

use std::net::SocketAddr;

use sipsimple_core::id::ConnId;
use sipsimple_core::time::Instant;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// The host.
    pub host: usize,
    /// Its name for the connection.
    pub conn: ConnId,
}

/// What one end knows of the other.
#[derive(Clone, Debug)]
pub struct Pipe {
    /// The other end; `None` when it is closed.
    pub peer: Option<End>,
    /// The address of this end.
    pub local: SocketAddr,
    /// The address of the other.
    pub remote: SocketAddr,
    /// When the last piece that this end wrote arrives: the next arrives later.
    pub last: Instant,
}
