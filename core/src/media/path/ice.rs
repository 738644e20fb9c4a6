//! ICE before everything else on the path: it takes its own datagrams out, finds the addresses, and carries what is sent to them.
//!
//! ```text
//!  idle ──start, the peer does ICE──► connecting ──succeeded, or failed──► running
//!    └────start, it does not──────────────────────────────────────────────────▲ └─ update with other credentials: sought again, meanwhile as before
//! ```

use std::net::SocketAddr;

use bytes::Bytes;

use super::{MAX_QUEUE, Path, State, Transmit};
use crate::ice::{self, Endpoint, Incoming, RTCP, RTP};
use crate::media::{Candidate, Component, Event, Ice, Parameters};
use crate::random::{Random, Seed};
use crate::time::Instant;

/// The ICE of a path.
#[derive(Debug)]
pub(super) struct Connectivity {
    pub(super) endpoint: Endpoint,
    /// The sockets, until candidates are gathered from them.
    sockets: Vec<Candidate>,
    /// What the two sides agreed on, while the way is sought.
    parked: Option<Parameters>,
}

const fn number(component: Component) -> u8 {
    match component {
        Component::Rtp => RTP,
        Component::Rtcp => RTCP,
    }
}

impl Connectivity {
    pub(super) fn new(setup: &Ice, seed: &Seed) -> Self {
        let endpoint = Endpoint::new(setup.role, setup.servers.clone(), Random::new(seed));
        Self { endpoint, sockets: Vec::new(), parked: None }
    }

    /// Where the pairs lead that were found, in place of where the description says.
    pub(super) fn redirect(&self, parameters: &mut Parameters) {
        let agent = self.endpoint.agent();
        let Some(rtp) = agent.selected(RTP) else { return };
        let rtp = rtp.remote.address;
        // What ICE found is not for a latch to change (design decision 15).
        parameters.symmetric = false;
        if parameters.remote_rtp.is_some() {
            parameters.remote_rtp = Some(rtp);
            parameters.remote_rtcp = Some(agent.selected(RTCP).map_or(rtp, |rtcp| rtcp.remote.address));
        }
    }
}

impl Path {
    /// The sockets are bound to these addresses. Tells [`Event::Ready`]: at once, or when candidates are gathered where ICE is to be tried.
    pub fn bound(&mut self, now: Instant, sockets: Vec<Candidate>) {
        match &mut self.connectivity {
            Some(connectivity) => {
                let hosts: Vec<_> = sockets.iter().map(|socket| (number(socket.component), socket.address)).collect();
                connectivity.sockets = sockets;
                connectivity.endpoint.gather(now, &hosts);
                self.connect(now);
            }
            None => self.event(Event::Ready { candidates: sockets }),
        }
    }

    /// Begins to seek a way, if the peer does ICE. Whether it has to be waited for.
    pub(super) fn seek(&mut self, now: Instant, parameters: &Parameters) -> bool {
        let Some(connectivity) = &mut self.connectivity else { return false };
        let Some(exchange) = &parameters.ice else {
            let addresses = [parameters.remote_rtp, parameters.remote_rtcp];
            connectivity.endpoint.do_without(now, addresses.into_iter().flatten());
            return false;
        };
        connectivity.parked = Some(parameters.clone());
        if connectivity.endpoint.description().credentials() != exchange.ours {
            connectivity.endpoint.restart(exchange.ours.clone());
        }
        connectivity.endpoint.negotiate(now, &exchange.theirs);
        true
    }

    /// Whether these parameters begin ICE anew; until another way is found, media takes the one that it has (RFC 8445 section 9).
    pub(super) fn restarts(&self, parameters: &Parameters) -> bool {
        let before = self.agreed.ice.as_deref();
        parameters.ice.as_deref().is_some_and(|ice| before.is_none_or(|before| ice.is_restart_of(before)))
    }

    /// Takes a datagram that is ICE's. What is the peer's is given back, with the peer.
    pub(super) fn sift(
        &mut self,
        now: Instant,
        component: Component,
        from: SocketAddr,
        data: Bytes,
    ) -> Option<(SocketAddr, Bytes)> {
        let Some(connectivity) = &mut self.connectivity else { return Some((from, data)) };
        let incoming = connectivity.endpoint.datagram(now, number(component), from, data);
        self.connect(now);
        match incoming {
            Incoming::Media { from, data } => Some((from, data)),
            Incoming::Consumed => None,
        }
    }

    /// Sends on the way that was found; without ICE, to where the description says. Whether it may be sent.
    pub(super) fn carry(&mut self, now: Instant, component: Component, to: SocketAddr, data: Bytes) -> bool {
        let Some(connectivity) = &mut self.connectivity else {
            self.transmits.push_back(Transmit { component, to, data });
            return true;
        };
        let sent = connectivity.endpoint.send(now, number(component), Some(to), data);
        self.connect(now);
        sent
    }

    /// Takes over what ICE has to send and to tell, and goes on when it has ended.
    pub(super) fn connect(&mut self, now: Instant) {
        let mut ended = None;
        let Some(connectivity) = &mut self.connectivity else { return };
        while let Some(ice::Transmit { component, to, data, .. }) = connectivity.endpoint.poll_transmit() {
            let component = if component == RTP { Component::Rtp } else { Component::Rtcp };
            self.transmits.push_back(Transmit { component, to, data });
        }
        while let Some(event) = connectivity.endpoint.poll_event() {
            let ready = match &event {
                ice::Event::Gathered { .. } => Some(std::mem::take(&mut connectivity.sockets)),
                ice::Event::Succeeded(_) | ice::Event::Moved { .. } | ice::Event::Failed(_) => {
                    ended = Some(connectivity.parked.take());
                    None
                }
                ice::Event::Started => None,
            };
            if self.events.len() < MAX_QUEUE {
                self.events.push_back(Event::Ice(Box::new(event)));
                self.events.extend(ready.map(|candidates| Event::Ready { candidates }));
            }
        }
        match ended {
            Some(Some(parameters)) if self.state == State::Connecting => self.run(now, parameters),
            // Another pair than before.
            Some(_) if self.state == State::Running => self.apply(now, self.agreed.clone()),
            Some(_) | None => {}
        }
    }
}
