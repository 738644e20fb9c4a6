//! NATs: what they do to the addresses of datagrams and connections (RFC 4787, RFC 5382).
//!
//! ```text
//!   inside                     NAT                          outside
//!   10.0.0.1:5060 ──► 198.51.100.1:p  (mapping) ──► peer     `outbound`
//!   10.0.0.1:5060 ◄── 198.51.100.1:p  (filter)  ◄── peer     `inbound`
//! ```
//!
//! A mapping begins when something leaves, is refreshed by what uses it, and is forgotten when its lifetime has passed, or when the NAT
//! starts anew. What no mapping or filter lets in is dropped without a word.

mod kind;
#[cfg(test)]
mod tests;

pub use kind::{Dependence, Kind};

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use sipsimple_core::time::Instant;

/// As much of a peer's address as something depends on.
type Key = (Option<IpAddr>, Option<u16>);

const fn key(peer: SocketAddr, dependence: Dependence) -> Key {
    match dependence {
        Dependence::Endpoint => (None, None),
        Dependence::Address => (Some(peer.ip()), None),
        Dependence::AddressAndPort => (Some(peer.ip()), Some(peer.port())),
    }
}

#[derive(Debug)]
struct Mapping {
    inside: SocketAddr,
    toward: Key,
    until: Instant,
    /// Who was sent to, as far as the filter looks.
    permitted: BTreeSet<Key>,
}

/// The lowest port that a NAT gives.
const FIRST_PORT: u16 = 20_000;

/// A NAT with one outside address.
#[derive(Debug)]
pub struct Nat {
    outside: IpAddr,
    kind: Kind,
    /// By outside port.
    mappings: BTreeMap<u16, Mapping>,
    next_port: u16,
}

impl Nat {
    /// One without mappings.
    #[must_use]
    pub const fn new(outside: IpAddr, kind: Kind) -> Self {
        Self { outside, kind, mappings: BTreeMap::new(), next_port: FIRST_PORT }
    }

    /// Its address outside.
    #[must_use]
    pub const fn outside(&self) -> IpAddr {
        self.outside
    }

    /// Its behaviour.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Forgets every mapping, as when it starts anew.
    pub fn forget(&mut self) {
        self.mappings.clear();
    }

    /// How many mappings live.
    #[must_use]
    pub fn mappings(&self, now: Instant) -> usize {
        self.mappings.values().filter(|mapping| mapping.until > now).count()
    }

    /// Something leaves from `inside` to `to`: the address that `to` sees. `None` when there is no port left.
    pub fn outbound(&mut self, now: Instant, inside: SocketAddr, to: SocketAddr) -> Option<SocketAddr> {
        self.mappings.retain(|_, mapping| mapping.until > now);
        let toward = key(to, self.kind.mapping);
        let fits = |mapping: &Mapping| mapping.inside == inside && mapping.toward == toward;
        let known = self.mappings.iter().find(|(_, mapping)| fits(mapping)).map(|(port, _)| *port);
        let port = match known {
            Some(port) => port,
            None => self.free_port(inside.port())?,
        };
        let until = now + self.kind.lifetime;
        let permit = key(to, self.kind.filtering);
        let mapping =
            self.mappings.entry(port).or_insert_with(|| Mapping { inside, toward, until, permitted: BTreeSet::new() });
        mapping.until = until;
        mapping.permitted.insert(permit);
        Some(SocketAddr::new(self.outside, port))
    }

    /// Something comes from `from` to the outside port `port`: the inside address that gets it, if any does.
    pub fn inbound(&mut self, now: Instant, from: SocketAddr, port: u16) -> Option<SocketAddr> {
        let mapping = self.mappings.get_mut(&port).filter(|mapping| mapping.until > now)?;
        if !mapping.permitted.contains(&key(from, self.kind.filtering)) {
            return None;
        }
        if self.kind.refreshed_from_outside {
            mapping.until = now + self.kind.lifetime;
        }
        Some(mapping.inside)
    }

    fn free_port(&mut self, wanted: u16) -> Option<u16> {
        if self.kind.preserves_port && !self.mappings.contains_key(&wanted) {
            return Some(wanted);
        }
        for _ in FIRST_PORT..=u16::MAX {
            let port = self.next_port;
            self.next_port = if port == u16::MAX { FIRST_PORT } else { port + 1 };
            if !self.mappings.contains_key(&port) {
                return Some(port);
            }
        }
        None
    }
}
