//! NATs on the way to registrars: their flows are kept alive (RFC 5626 section 4.4), and the address that they see us at, told by the Via of
//! their answers (RFC 3581) and by STUN, is the one that Contacts carry.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::registration::Registration;
use crate::sip::{FlowTimer, Response};
use crate::time::Instant;
use crate::transport::{Flow, KeepAlive, Local, Route, Transport, seen_address};

use super::owner::Owner;
use super::{Agent, Shutdown};

/// A NAT that gives every packet another port is not followed: so long an address must have held for the next to be registered at once.
const STEADY: Duration = Duration::from_secs(30);

/// The addresses that peers see us at, where that is not our own, and since when.
#[derive(Debug, Default)]
pub(super) struct PublicAddresses(BTreeMap<Route, (SocketAddr, Instant)>);

impl PublicAddresses {
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

impl Agent {
    /// The address that Contacts toward a route carry, where `local` is our own.
    pub(super) fn contact_address(&self, route: Route, local: SocketAddr) -> SocketAddr {
        self.public.0.get(&route).map_or(local, |(public, _)| *public)
    }

    /// A registrar has accepted a REGISTER: its flow is kept alive, and it may tell where it sees us.
    pub(super) fn registered(&mut self, owner: Owner, response: &Response) {
        let Some(flow) = self.usages.flow(owner) else { return };
        let answered = self
            .usages
            .get(owner)
            .and_then(super::machine::Machine::as_registration)
            .is_some_and(Registration::is_outbound);
        let flow_timer = response.get::<FlowTimer>().ok().flatten();
        let flow_timer = flow_timer.map(|FlowTimer(seconds)| Duration::from_secs(u64::from(seconds)));
        let seed = self.random.seed();
        self.transports.keep_alive(self.now, flow, KeepAlive { answered, flow_timer }, &seed);
        if let Some(seen) = response.via().ok().as_ref().and_then(seen_address) {
            self.seen_at(flow, seen);
        }
    }

    /// A peer sees us at this address: if Contacts carry another one, its registrations are made anew.
    pub(super) fn seen_at(&mut self, flow: Flow, seen: SocketAddr) {
        let Flow::Datagram { peer, .. } = flow else { return };
        let route = Route::new(Transport::Udp, peer);
        let Local::Known(local) = self.transports.local(route) else { return };
        let known = self.public.0.get(&route).copied();
        let used = known.map_or(local, |(public, _)| public);
        if used == seen || seen.is_ipv4() != local.is_ipv4() || seen.port() == 0 {
            return;
        }
        if self.public.0.len() >= self.config.limits.local_addresses {
            self.public.0.clear();
        }
        self.public.0.insert(route, (seen, self.now));
        if known.is_none_or(|(_, since)| self.now >= since + STEADY) {
            self.renew_on(flow);
        }
    }

    /// A flow has failed: what was registered over it does not reach us any more.
    pub(super) fn flow_lost(&mut self, flow: Flow) {
        if let Flow::Datagram { peer, .. } = flow {
            self.public.0.remove(&Route::new(Transport::Udp, peer));
        }
        if self.shutdown == Shutdown::No {
            self.renew_on(flow);
        }
    }

    /// Makes the registrations anew that were accepted over this flow.
    fn renew_on(&mut self, flow: Flow) {
        for owner in self.usages.owners() {
            let is_registered = self.usages.get(owner).is_some_and(super::machine::Machine::is_registered);
            if is_registered && self.usages.flow(owner) == Some(flow) {
                self.usage(owner, |machine, cx, out| machine.renew(cx, out));
            }
        }
    }

    /// A usage is over: its flow need not be kept alive, unless another one needs it.
    pub(super) fn usage_left(&mut self, flow: Flow) {
        if !self.usages.sendings().any(|sending| sending.flow.is_some_and(|(known, _)| known == flow)) {
            self.transports.let_die(flow);
        }
    }
}
