//! What stands around an agent: the host's sockets, the servers that tell and lend addresses, and media on the pair that was found.
//!
//! ```text
//!  new ──gather──► Gathering ──every server answered, or 3 s──► Gathered ──negotiate──► (the agent's states)
//!
//!  socket ──► server's? ──► Binding, TURN ──data of a peer──┐
//!     └───────────────────────────────────────────────────┴──► STUN? ──► agent
//!                                                               └──► media of a peer whose pair is valid
//! ```

mod gather;
mod relay;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Agent, Arrival, Config, Credentials, Description, Event, Local, Role, Selected, State, Transmit};
use crate::random::Random;
use crate::stun::{Message, is_stun};
use crate::time::{Instant, earliest};
use crate::turn;
use gather::{Asking, Queued};
use relay::Relay;

/// How long servers are waited for.
const GATHER: Duration = Duration::from_secs(3);

/// How long relayed addresses that were not chosen are kept (RFC 8445 section 8.3).
const LINGER: Duration = Duration::from_secs(3);

/// Datagrams that wait to be sent; what is beyond is shed.
const MAX_QUEUE: usize = 64;

/// Servers of each kind that are asked.
const MAX_SERVERS: usize = 4;

/// The servers that tell and lend addresses. All are asked at the same time, as a call waits for them; of each kind the first four.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Servers {
    /// STUN servers.
    pub stun: Vec<SocketAddr>,
    /// TURN servers.
    pub turn: Vec<turn::Server>,
}

/// What came of a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// It was ICE's own, or nobody's.
    Consumed,
    /// It is media.
    Media {
        /// Who sent it: behind a relay that is not who the datagram came from.
        from: SocketAddr,
        /// Its bytes.
        data: Bytes,
    },
}

/// How far gathering is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Gathering { until: Instant },
    Gathered,
    Released,
}

/// An agent with its sockets and servers.
#[derive(Debug)]
pub struct Endpoint {
    agent: Agent,
    random: Random,
    servers: Servers,
    phase: Phase,
    /// The sockets: component and address.
    hosts: Vec<(u8, SocketAddr)>,
    asking: Vec<Asking>,
    /// TURN servers that are yet to be asked.
    to_lend: VecDeque<Queued>,
    relays: Vec<Relay>,
    next_start: Instant,
    /// When relayed addresses that were not chosen are given back.
    tidy: Option<Instant>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

impl Endpoint {
    /// One without sockets.
    #[must_use]
    pub fn new(role: Role, servers: Servers, mut random: Random) -> Self {
        let agent = Agent::new(Config::new(role), Random::new(&random.seed()));
        Self {
            agent,
            random,
            servers,
            phase: Phase::New,
            hosts: Vec::new(),
            asking: Vec::new(),
            to_lend: VecDeque::new(),
            relays: Vec::new(),
            next_start: Instant::ZERO,
            tidy: None,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// The agent that makes the checks.
    #[must_use]
    pub const fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Gathers candidates from these sockets, a component and an address each; [`Event::Gathered`] tells the end.
    pub fn gather(&mut self, now: Instant, hosts: &[(u8, SocketAddr)]) {
        if self.phase != Phase::New {
            return;
        }
        self.hosts = hosts.to_vec();
        for (component, address) in hosts {
            self.agent.add_local(Local::host(*component, *address, u16::MAX));
        }
        self.queue_servers();
        (self.phase, self.next_start) = (Phase::Gathering { until: now + GATHER }, now);
        self.timeout(now);
    }

    /// What the peer is to be told.
    #[must_use]
    pub fn description(&self) -> Description {
        self.agent.description()
    }

    /// Takes this role, before negotiation.
    pub fn set_role(&mut self, role: Role) {
        self.agent.set_role(role);
    }

    /// The peer's description has come.
    pub fn negotiate(&mut self, now: Instant, remote: &Description) {
        self.agent.negotiate(now, remote);
        self.settle(now);
    }

    /// The peer does not do ICE: media goes to these addresses of its description. Servers let it through where our description names theirs; what
    /// else they lend is given back.
    pub fn do_without(&mut self, now: Instant, remote: impl Iterator<Item = SocketAddr>) {
        let remote: Vec<SocketAddr> = remote.collect();
        let defaults: Vec<_> = self.hosts.iter().filter_map(|(component, _)| self.default_base(*component)).collect();
        for relay in &mut self.relays {
            if relay.client.relayed().is_some_and(|relayed| defaults.contains(&relayed)) {
                remote.iter().for_each(|peer| relay.client.permit(now, *peer));
            } else {
                relay.client.release(now);
            }
        }
        self.settle(now);
    }

    /// Begins anew: see [`Agent::restart`].
    pub fn restart(&mut self, ours: Credentials) {
        self.agent.restart(ours);
    }

    /// Gives back what servers lend.
    pub fn release(&mut self, now: Instant) {
        self.phase = Phase::Released;
        self.asking.clear();
        self.relays.iter_mut().for_each(|relay| relay.client.release(now));
        self.settle(now);
    }

    /// Whether nothing more will be sent.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.phase == Phase::Released
            && self.transmits.is_empty()
            && self.relays.iter().all(|relay| relay.client.is_finished())
    }

    /// Something came on the socket of this component.
    pub fn datagram(&mut self, now: Instant, component: u8, from: SocketAddr, data: Bytes) -> Incoming {
        let Some(host) = self.hosts.iter().find(|(known, _)| *known == component).map(|(_, host)| *host) else {
            return Incoming::Consumed;
        };
        let relay = self.relays.iter_mut().find(|relay| relay.host == host && relay.client.server() == from);
        let incoming = match relay.map(|relay| (relay.client.relayed(), relay.client.datagram(now, data.clone()))) {
            Some((Some(base), Some((peer, data)))) => self.heard(now, Arrival { component, base, from: peer }, data),
            Some(_) => {
                self.told(now, host, from, data);
                Incoming::Consumed
            }
            None => self.heard(now, Arrival { component, base: host, from }, data),
        };
        self.settle(now);
        incoming
    }

    fn heard(&mut self, now: Instant, arrival: Arrival, data: Bytes) -> Incoming {
        if !is_stun(&data) {
            let from = arrival.from;
            return if self.agent.is_source(arrival) { Incoming::Media { from, data } } else { Incoming::Consumed };
        }
        if !self.told(now, arrival.base, arrival.from, data.clone())
            && let Ok(message) = Message::parse(data)
        {
            self.agent.datagram(now, arrival, &message);
        }
        Incoming::Consumed
    }

    /// Sends media of this component on its pair; without one, to where the description says, from the address that ours says. False when nothing may be sent.
    pub fn send(&mut self, now: Instant, component: u8, described: Option<SocketAddr>, data: Bytes) -> bool {
        let way = match self.agent.selected(component) {
            Some(Selected { base, remote, .. }) => Some((*base, remote.address)),
            None if self.agent.is_active() || self.agent.is_lost() => None,
            None => described.zip(self.default_base(component)).map(|(to, base)| (base, to)),
        };
        let Some((base, to)) = way else { return false };
        self.agent.sent(now, component);
        self.route(now, Transmit { component, base, to, data });
        self.drain_relays();
        true
    }

    /// Where media leaves from while no pair is chosen: the base of the candidate that the description names as the default.
    fn default_base(&self, component: u8) -> Option<SocketAddr> {
        let default = self.agent.description().default_address(component)?;
        let relayed = self.relays.iter().find_map(|relay| relay.client.relayed().filter(|relayed| *relayed == default));
        relayed.or_else(|| self.hosts.iter().find(|(known, _)| *known == component).map(|(_, host)| *host))
    }

    /// Does what is due at `now`.
    pub fn timeout(&mut self, now: Instant) {
        self.gather_on(now);
        self.agent.timeout(now);
        self.relays.iter_mut().for_each(|relay| relay.client.timeout(now));
        if self.tidy.is_some_and(|tidy| now >= tidy) {
            self.tidy = None;
            let chosen: Vec<SocketAddr> =
                self.hosts.iter().filter_map(|(component, _)| Some(self.agent.selected(*component)?.base)).collect();
            let unused = |relay: &&mut Relay| relay.client.relayed().is_some_and(|relayed| !chosen.contains(&relayed));
            self.relays.iter_mut().filter(unused).for_each(|relay| relay.client.release(now));
        }
        self.settle(now);
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let relays = self.relays.iter().filter_map(|relay| relay.client.deadline()).min();
        if self.phase == Phase::Released {
            return relays;
        }
        earliest(earliest(self.agent.deadline(), relays), earliest(self.gather_deadline(), self.tidy))
    }

    /// The next datagram to send from a socket, oldest first. Its base is the socket's address.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Takes out what the parts have to say, and acts on it.
    fn settle(&mut self, now: Instant) {
        self.hear_relays(now);
        while let Some(transmit) = self.agent.poll_transmit() {
            if self.phase != Phase::Released {
                self.route(now, transmit);
            }
        }
        while let Some(event) = self.agent.poll_event() {
            if matches!(event, Event::Succeeded(_) | Event::Moved { .. }) {
                self.tidy = Some(now + LINGER);
                self.open_channels(now);
            }
            self.events.push_back(event);
        }
        self.drain_relays();
        self.end_gathering(now);
    }

    /// A datagram leaves from its base: a socket, or through the server that lends it.
    fn route(&mut self, now: Instant, transmit: Transmit) {
        let Transmit { base, to, data, .. } = transmit;
        match self.relays.iter_mut().find(|relay| relay.client.relayed() == Some(base)) {
            Some(relay) => relay.client.send(now, to, data),
            None if self.hosts.iter().any(|(_, host)| *host == base) => self.transmit(Transmit { data, ..transmit }),
            // A server has taken its address back.
            None => {}
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        if self.transmits.len() < MAX_QUEUE {
            self.transmits.push_back(transmit);
        }
    }
}
