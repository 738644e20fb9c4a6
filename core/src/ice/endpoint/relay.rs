//! Addresses that TURN servers lend.

use std::net::SocketAddr;

use super::gather::{Asking, Queued};
use super::{Endpoint, Local, Selected, Transmit};
use crate::random::Random;
use crate::time::Instant;
use crate::turn;

/// An allocation for one socket.
#[derive(Debug)]
pub(super) struct Relay {
    component: u8,
    pub(super) host: SocketAddr,
    pub(super) client: turn::Client,
    /// Whether it is not known yet what came of it.
    pending: bool,
}

impl Relay {
    pub(super) fn new(now: Instant, queued: &Queued, random: Random) -> Self {
        let client = turn::Client::new(now, &queued.server, random);
        Self { component: queued.component, host: queued.host, client, pending: true }
    }

    pub(super) const fn is_pending(&self) -> bool {
        self.pending
    }
}

impl Endpoint {
    /// What has come of the allocations: a relayed candidate each, and what the server saw as a reflexive one.
    pub(super) fn hear_relays(&mut self, now: Instant) {
        for relay in &mut self.relays {
            while let Some(event) = relay.client.poll_event() {
                relay.pending = false;
                if let turn::Event::Allocated { relayed, mapped } = event {
                    let (component, server) = (relay.component, relay.client.server().ip());
                    self.agent.add_local(Local::reflexive(component, relay.host, mapped, server, u16::MAX));
                    self.agent.add_local(Local::relayed(component, relayed, mapped, server, u16::MAX));
                    let keeping = Asking::answered(now, component, relay.host, relay.client.server(), &mut self.random);
                    self.asking.push(keeping);
                }
            }
        }
    }

    /// What the allocations have to send leaves by their sockets.
    pub(super) fn drain_relays(&mut self) {
        let mut sent = Vec::new();
        for relay in &mut self.relays {
            let (component, base, to) = (relay.component, relay.host, relay.client.server());
            while let Some(data) = relay.client.poll_transmit() {
                sent.push(Transmit { component, base, to, data });
            }
        }
        sent.into_iter().for_each(|transmit| self.transmit(transmit));
    }

    /// Opens channels for the pairs that are relayed.
    pub(super) fn open_channels(&mut self, now: Instant) {
        for relay in &mut self.relays {
            let chosen =
                self.agent.selected(relay.component).filter(|chosen| relay.client.relayed() == Some(chosen.base));
            if let Some(Selected { remote, .. }) = chosen {
                relay.client.bind(now, remote.address);
            }
        }
    }
}
