//! A host of the world: an agent, its sockets, and its user.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use sipsimple_core::agent::{Agent, Event};
use sipsimple_core::id::{ConnId, SocketId};
use sipsimple_core::time::Instant;

use crate::application::Application;
use crate::media::Media;
use crate::stream::Pipe;

/// A host.
pub struct Host {
    /// Its address.
    pub address: IpAddr,
    /// Its agent.
    pub agent: Agent,
    /// Its user.
    pub application: Box<dyn Application>,
    /// Everything that its agent told, in order.
    pub events: Vec<(Instant, Event)>,
    /// The trace of its agent, if it writes one.
    pub trace: Vec<String>,
    pub(crate) media: Media,
    pub(crate) udp: BTreeMap<SocketId, SocketAddr>,
    pub(crate) listening: BTreeMap<SocketId, SocketAddr>,
    pub(crate) pipes: BTreeMap<ConnId, Pipe>,
    pub(crate) accepted: u64,
    pub(crate) next_port: u16,
    pub(crate) wake: Option<Instant>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Host {
    pub(crate) fn new(address: IpAddr, agent: Agent, application: Box<dyn Application>) -> Self {
        Self {
            address,
            agent,
            application,
            events: Vec::new(),
            trace: Vec::new(),
            media: Media::default(),
            udp: BTreeMap::new(),
            listening: BTreeMap::new(),
            pipes: BTreeMap::new(),
            accepted: 0,
            next_port: 0,
            wake: None,
        }
    }

    /// The names of all events so far, in the seeds' words.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.events.iter().filter_map(|(_, event)| event.names().first().copied()).collect()
    }

    /// Whether its agent owes nothing, and none of its media paths goes on.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        self.agent.is_quiescent() && self.media.is_empty()
    }

    pub(crate) fn free_port(&mut self) -> u16 {
        self.next_port += 1;
        40_000 + self.next_port
    }
}
