//! A mailbox in the world that belongs to the test: what is sent to its address waits there until the test reads it. A
//! [script](crate::script) may answer it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;

use sipsimple_core::id::ConnId;
use sipsimple_core::time::Instant;
use sipsimple_core::transport::{TlsInfo, Transport};

use crate::sip::Sip;
use crate::stream::Pipe;

/// A message that came to a mailbox.
#[derive(Clone)]
pub struct Letter {
    /// When.
    pub at: Instant,
    /// The transport.
    pub transport: Transport,
    /// From where.
    pub from: SocketAddr,
    /// The connection it came on.
    pub conn: Option<ConnId>,
    /// The message.
    pub sip: Sip,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} from {} over {}", self.at, self.sip, self.from, self.transport)
    }
}

/// A mailbox.
#[derive(Debug)]
pub struct Post {
    /// Its address.
    pub address: SocketAddr,
    /// Whether connections to it are accepted; otherwise they are refused.
    pub listens: bool,
    /// What it shows where TLS asks for it; without it its connections are plain.
    pub shows: Option<TlsInfo>,
    /// What came and was not read yet.
    pub letters: VecDeque<Letter>,
    /// Bytes of keep-alives that came on connections: what stands between messages.
    pub other: Vec<u8>,
    /// How many connections of it were closed by the other side.
    pub closed: usize,
    pub(crate) pipes: BTreeMap<ConnId, Pipe>,
    pub(crate) opened: u64,
    pub(crate) ports: u16,
}

impl Post {
    pub(crate) fn new(address: SocketAddr, listens: bool) -> Self {
        let (letters, other) = (VecDeque::new(), Vec::new());
        Self { address, listens, shows: None, letters, other, closed: 0, pipes: BTreeMap::new(), opened: 0, ports: 0 }
    }

    /// The connection to or from this address, if there is one.
    #[must_use]
    pub fn connection(&self, remote: SocketAddr) -> Option<ConnId> {
        self.pipes.iter().find(|(_, pipe)| pipe.remote == remote).map(|(conn, _)| *conn)
    }
}
