//! Who is behind which NAT, and the ways between the realms: inside hosts reach the outside and one another; the outside, and what is
//! behind another NAT, reaches them only through mappings, or by what a TURN server relays.

use std::net::{IpAddr, SocketAddr};

use sipsimple_core::transport::Transport;

use crate::nat::{Kind, Nat};
use crate::turn::{Sent, Server};
use crate::wire::Packet;

use super::World;

impl World {
    /// Adds a NAT with this address outside, and tells its number.
    ///
    /// # Panics
    /// When the address is taken.
    pub fn add_nat(&mut self, outside: IpAddr, kind: Kind) -> usize {
        let taken = self.by_address.contains_key(&outside) || self.nats.iter().any(|nat| nat.outside() == outside);
        assert!(!taken, "{outside} is taken");
        self.nats.push(Nat::new(outside, kind));
        self.nats.len() - 1
    }

    /// From now on this address is behind a NAT.
    ///
    /// # Panics
    /// When there is no such NAT.
    pub fn put_behind(&mut self, address: IpAddr, nat: usize) {
        assert!(nat < self.nats.len(), "there is no NAT {nat}");
        self.behind.insert(address, nat);
    }

    /// Adds a TURN server, which has its address for itself.
    ///
    /// # Panics
    /// When the address is taken.
    pub fn add_relay(&mut self, server: Server) -> usize {
        let ip = server.address().ip();
        assert!(!self.by_address.contains_key(&ip), "{ip} is taken");
        self.relays.push(server);
        self.relays.len() - 1
    }

    /// A TURN server.
    pub fn relay(&mut self, number: usize) -> &mut Server {
        &mut self.relays[number]
    }

    /// A datagram may be for a TURN server: then it does what it does.
    pub(super) fn arrive_at_relay(&mut self, packet: &Packet) -> bool {
        let is_its = |server: &&mut Server| server.address().ip() == packet.to.ip();
        let Some(server) = self.relays.iter_mut().find(is_its) else { return false };
        for Sent { from, to, data } in server.datagram(self.now, packet.from, packet.to, &packet.data) {
            self.send_media(Packet { transport: Transport::Udp, from, to, data });
        }
        true
    }

    /// A NAT.
    pub fn nat(&mut self, number: usize) -> &mut Nat {
        &mut self.nats[number]
    }

    /// Something is sent: the address that the receiver will see. `None` when no way leads there.
    pub(super) fn leave(&mut self, from: SocketAddr, to: SocketAddr) -> Option<SocketAddr> {
        let realm = |address: SocketAddr| self.behind.get(&address.ip()).copied();
        match (realm(from), realm(to)) {
            (one, other) if one == other => Some(from),
            // An inside address means nothing to those who are elsewhere.
            (_, Some(_)) => None,
            (Some(nat), None) => self.nats[nat].outbound(self.now, from, to),
            (None, None) => Some(from),
        }
    }

    /// Something arrives: the address of the node that gets it. `None` when a NAT drops it.
    pub(super) fn enter(&mut self, from: SocketAddr, to: SocketAddr) -> Option<SocketAddr> {
        let now = self.now;
        let Some(nat) = self.nats.iter_mut().find(|nat| nat.outside() == to.ip()) else { return Some(to) };
        if from.ip() == nat.outside() && !nat.kind().hairpins {
            return None;
        }
        nat.inbound(now, from, to.port())
    }
}
