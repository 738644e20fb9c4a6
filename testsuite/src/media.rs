//! The media paths of a host.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use sipsimple_core::id::StreamId;
use sipsimple_core::media::{Candidate, Command, Component, Event};

/// The ports and states of a host's media paths.
#[derive(Debug, Default)]
pub struct Media {
    next_port: u16,
    paths: BTreeMap<StreamId, SocketAddr>,
}

impl Media {
    /// Does what the agent commands; tells what follows from it.
    pub fn command(&mut self, local: IpAddr, stream: StreamId, command: Command) -> Vec<Event> {
        match command {
            Command::Prepare(_) => {
                let port = 50_000 + self.next_port * 2;
                self.next_port = (self.next_port + 1) % 5_000;
                let rtp = SocketAddr::new(local, port);
                self.paths.insert(stream, rtp);
                let candidates = vec![
                    Candidate { component: Component::Rtp, address: rtp },
                    Candidate { component: Component::Rtcp, address: SocketAddr::new(local, port + 1) },
                ];
                vec![Event::Ready { candidates }]
            }
            Command::Start(_) => vec![Event::Started],
            Command::Stop => {
                self.paths.remove(&stream);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Whether every path was stopped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}
