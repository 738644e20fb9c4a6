//! ICE endpoints in virtual time: behind NATs of any kind, on links that lose, repeat and reorder, with a STUN and TURN server between them.
//!
//! ```text
//!  10.0.N.1 ── NAT 198.51.100.N ──┐
//!  10.0.M.1 ── NAT 198.51.100.M ──┼── 203.0.113.1, the server
//!                    192.0.2.K ───┘
//! ```

mod watch;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::ice::{Endpoint, Event, Incoming, Role, Servers, State};
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::time::{Instant, earliest};
use sipsimple_core::turn as client;

use crate::link::Faults;
use crate::nat::{Kind, Nat};
use crate::turn::{Sent, Server};
use watch::Watch;

/// The server's address.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)), 3478);

/// The name and the password of the server's user.
const USER: (&str, &str) = ("alice", "secret");

/// One side.
#[derive(Debug)]
pub struct Side {
    /// Its endpoint.
    pub endpoint: Endpoint,
    /// What it told.
    pub events: Vec<Event>,
    /// The media that it got, and from where.
    pub media: Vec<(SocketAddr, Bytes)>,
    host: IpAddr,
    nat: Option<Nat>,
    watch: Watch,
}

/// What servers a side knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// None.
    Nothing,
    /// The STUN server.
    Stun,
    /// The TURN server.
    Turn,
}

#[derive(Debug)]
struct Flight {
    from: SocketAddr,
    to: SocketAddr,
    data: Bytes,
}

/// Two sides and the server.
#[derive(Debug)]
pub struct Lab {
    /// Now.
    pub now: Instant,
    /// The sides; the first makes the offer.
    pub sides: [Side; 2],
    /// The server.
    pub server: Server,
    faults: Faults,
    random: Random,
    flights: BTreeMap<(Instant, u64), Flight>,
    sent: u64,
}

/// The port of this component's socket.
fn port(component: u8) -> u16 {
    3999 + u16::from(component)
}

impl Lab {
    /// Two sides with these roles, behind these NATs if any, that know these servers.
    #[must_use]
    pub fn new(seed: u64, faults: Faults, roles: [Role; 2], nats: [Option<Kind>; 2], knows: [Knows; 2]) -> Self {
        let mut random = Random::new(&Seed::from_u64(seed));
        let mut side = |number: u8| {
            let index = usize::from(number) - 1;
            let user = client::Server { address: SERVER, username: USER.0.into(), password: USER.1.into() };
            let servers = match knows[index] {
                Knows::Nothing => Servers::default(),
                Knows::Stun => Servers { stun: vec![SERVER], ..Servers::default() },
                Knows::Turn => Servers { turn: vec![user], ..Servers::default() },
            };
            let outside = IpAddr::from([198, 51, 100, number]);
            let host = if nats[index].is_some() { [10, 0, number, 1] } else { [192, 0, 2, number] };
            Side {
                endpoint: Endpoint::new(roles[index], servers, Random::new(&random.seed())),
                events: Vec::new(),
                media: Vec::new(),
                host: host.into(),
                nat: nats[index].map(|kind| Nat::new(outside, kind)),
                watch: Watch::default(),
            }
        };
        let sides = [side(1), side(2)];
        Self {
            now: Instant::from_millis(1000),
            sides,
            server: Server::new(SERVER, USER.0, USER.1),
            faults,
            random,
            flights: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Both gather; then the second learns of the first, and the first of the second `later`.
    pub fn negotiate(&mut self, components: &[u8], later: Duration) {
        self.gather(components);
        self.connect(later);
    }

    /// Both gather.
    pub fn gather(&mut self, components: &[u8]) {
        let now = self.now;
        for side in &mut self.sides {
            let hosts: Vec<_> = components.iter().map(|one| (*one, SocketAddr::new(side.host, port(*one)))).collect();
            side.endpoint.gather(now, &hosts);
        }
        self.run(Duration::from_secs(4));
    }

    /// The second learns of the first, and the first of the second `later`.
    pub fn connect(&mut self, later: Duration) {
        let descriptions = self.sides.each_ref().map(|side| side.endpoint.description());
        for side in [1, 0] {
            let remote = &descriptions[1 - side];
            self.sides[side].watch.described(remote);
            self.sides[side].endpoint.negotiate(self.now, remote);
            self.run(if side == 1 { later } else { Duration::ZERO });
        }
    }

    /// No datagram is lost, repeated or held back any more.
    pub fn heal(&mut self) {
        self.faults = Faults::none();
    }

    /// From now on the network is like this.
    pub fn degrade(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Side `index` sends media.
    pub fn send(&mut self, index: usize, component: u8, data: &'static [u8]) -> bool {
        let sent = self.sides[index].endpoint.send(self.now, component, None, Bytes::from_static(data));
        self.drain();
        sent
    }

    /// Lets this time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.drain();
        loop {
            let deadline = self.sides.iter().filter_map(|side| side.endpoint.deadline()).min();
            let arrival = self.flights.keys().next().map(|(at, _)| *at);
            let Some(next) = earliest(deadline, arrival).filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            let now = self.now;
            while let Some(key) = self.flights.keys().next().copied().filter(|(at, _)| *at <= now) {
                if let Some(flight) = self.flights.remove(&key) {
                    self.arrive(flight);
                    self.drain();
                }
            }
            for side in &mut self.sides {
                side.endpoint.timeout(now);
                let rests = side.endpoint.deadline().is_none_or(|deadline| deadline > now);
                assert!(rests, "an endpoint that does not rest");
            }
            self.drain();
        }
        self.now = end;
    }

    /// Puts on the way what the sides have to send.
    fn drain(&mut self) {
        for index in 0..2 {
            loop {
                let side = &mut self.sides[index];
                let Some(transmit) = side.endpoint.poll_transmit() else { break };
                let checking = side.endpoint.agent().state() == State::Running;
                side.watch.sent(self.now, transmit.to, &transmit.data, checking);
                let from = match &mut side.nat {
                    Some(nat) => nat.outbound(self.now, transmit.base, transmit.to),
                    None => Some(transmit.base),
                };
                if let Some(from) = from {
                    self.launch(Sent { from, to: transmit.to, data: transmit.data });
                }
            }
            let side = &mut self.sides[index];
            side.events.extend(std::iter::from_fn(|| side.endpoint.poll_event()));
        }
    }

    fn launch(&mut self, sent: Sent) {
        for way in self.faults.deliveries(&mut self.random) {
            self.sent += 1;
            let Sent { from, to, data } = sent.clone();
            self.flights.insert((self.now + way, self.sent), Flight { from, to, data });
        }
    }

    fn arrive(&mut self, Flight { from, to, data }: Flight) {
        if to.ip() == SERVER.ip() {
            for sent in self.server.datagram(self.now, from, to, &data) {
                self.launch(sent);
            }
            return;
        }
        for side in &mut self.sides {
            let inside = match &mut side.nat {
                Some(nat) if nat.outside() == to.ip() => nat.inbound(self.now, from, to.port()),
                None if side.host == to.ip() => Some(to),
                Some(_) | None => None,
            };
            let Some(inside) = inside else { continue };
            let component = u8::try_from(inside.port() - 3999).unwrap_or(0);
            if let Incoming::Media { from, data } = side.endpoint.datagram(self.now, component, from, data.clone()) {
                side.media.push((from, data));
            }
        }
    }

    /// The states of both.
    #[must_use]
    pub fn states(&self) -> [State; 2] {
        self.sides.each_ref().map(|side| side.endpoint.agent().state())
    }

    /// ICE-1: both have the same pairs, seen from either side, and one of each role.
    ///
    /// # Panics
    /// When they have not.
    pub fn assert_agreed(&self, components: &[u8]) {
        assert_eq!(self.states(), [State::Completed; 2], "{:?}", self.sides.each_ref().map(|side| &side.events));
        let [one, other] = self.sides.each_ref().map(|side| side.endpoint.agent());
        assert_eq!(one.role(), other.role().other());
        for component in components {
            let (Some(a), Some(b)) = (one.selected(*component), other.selected(*component)) else {
                panic!("component {component} has no pair")
            };
            assert_eq!((a.local.address, a.remote.address), (b.remote.address, b.local.address));
        }
    }
}
