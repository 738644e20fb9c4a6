//! Who is behind which NAT, and the ways between the realms: inside hosts reach the outside and one another; the outside, and what is
//! behind another NAT, reaches them only through mappings.

use std::net::{IpAddr, SocketAddr};

use crate::nat::{Kind, Nat};

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
