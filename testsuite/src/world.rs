//! Hosts, the network between them, and virtual time.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::agent::{Agent, Answer, Config, ConnectionEvent, Effect, Input, Question, SocketEvent};
use sipsimple_core::id::{ConnId, SocketId, StreamId};
use sipsimple_core::media;
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::time::{Instant, Utc};
use sipsimple_core::transport::{CloseCause, CloseHow, Port, SocketKind, Transport};

use crate::application::{Alarms, Application};
use crate::host::Host;
use crate::link::Faults;
use crate::stream::{End, Pipe};
use crate::wire::{Fate, Packet};

/// Something that watches a world, and says what is wrong with it.
pub trait Property {
    /// A message was sent, arrived, or was lost.
    fn packet(&mut self, packet: &Packet, fate: Fate);

    /// What was wrong so far.
    fn violations(&self) -> Vec<String>;
}

/// A world.
pub struct World {
    seed: u64,
    now: Instant,
    random: Random,
    hosts: Vec<Host>,
    faults: Faults,
    queue: BTreeMap<(Instant, u64), Happening>,
    count: u64,
    steps: u64,
    properties: Vec<Box<dyn Property>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("seed", &self.seed).field("now", &self.now).finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Happening {
    Datagram(Packet),
    Input(usize, Box<Input>),
    /// A connection reaches the host it was opened to.
    Connect {
        from: End,
        local: SocketAddr,
        to: SocketAddr,
    },
    Stream {
        to: End,
        event: ConnectionEvent,
        from: Option<End>,
    },
    Wake(usize),
    Alarm(usize, u64),
}

/// 2010-12-08T10:18:00Z: when every world begins.
const BEGINNING: Utc = Utc { unix_millis: 1_291_803_480_000 };

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self {
            seed,
            now: Instant::ZERO,
            random: Random::new(&Seed::from_u64(seed)),
            hosts: Vec::new(),
            faults,
            queue: BTreeMap::new(),
            count: 0,
            steps: 0,
            properties: Vec::new(),
        }
    }

    /// The seed: with it the world runs again.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Everything random of the world that is not the agents'.
    pub const fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// How many things have happened.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Adds something that watches.
    pub fn watch(&mut self, property: Box<dyn Property>) {
        self.properties.push(property);
    }

    /// What was wrong so far.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.properties.iter().flat_map(|property| property.violations()).collect()
    }

    /// Adds a host with an agent that listens on UDP and TCP port 5060 of its own address, and tells its number. Its trace is kept.
    ///
    /// # Panics
    /// When the configuration is refused.
    pub fn add(&mut self, mut config: Config, application: Box<dyn Application>) -> usize {
        let number = self.hosts.len();
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, u8::try_from(number + 1).unwrap_or(255)));
        for transport in [Transport::Udp, Transport::Tcp] {
            config.listen.push(sipsimple_core::agent::Listen { transport, address, port: Port::Fixed(5060) });
        }
        let seed = self.random.seed();
        let agent = Agent::new_traced(config, seed, self.now, BEGINNING).expect("the configuration is sound");
        self.hosts.push(Host::new(address, agent, application));
        self.drain(number);
        number
    }

    /// A host.
    #[must_use]
    pub fn host(&self, number: usize) -> &Host {
        &self.hosts[number]
    }

    /// All hosts.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The address of a host's SIP port.
    #[must_use]
    pub fn address(&self, number: usize) -> SocketAddr {
        SocketAddr::new(self.hosts[number].address, 5060)
    }

    /// Does something with a host's agent.
    pub fn with<T>(&mut self, number: usize, act: impl FnOnce(&mut Agent, Instant) -> T) -> T {
        let result = act(&mut self.hosts[number].agent, self.now);
        self.drain(number);
        result
    }

    /// From now on the network is without faults.
    pub fn heal(&mut self) {
        self.faults = Faults::none();
    }

    /// From now on the network has these faults.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((&(at, _), _)) = self.queue.first_key_value()
            && at <= until
        {
            self.step();
        }
        self.now = until;
    }

    /// Lets things happen until nothing more does, or so much time has passed; whether all hosts are quiescent then.
    pub fn run_until_quiescent(&mut self, limit: Duration) -> bool {
        let until = self.now + limit;
        while let Some((&(at, _), _)) = self.queue.first_key_value()
            && at <= until
        {
            self.step();
        }
        self.hosts.iter().all(Host::is_quiescent)
    }

    /// The next thing happens. False when there is none.
    ///
    /// # Panics
    /// When an agent wants to be woken again and again without making progress (GEN-5).
    pub fn step(&mut self) -> bool {
        let Some(((at, _), happening)) = self.queue.pop_first() else { return false };
        self.now = self.now.max(at);
        self.steps += 1;
        match happening {
            Happening::Datagram(packet) => self.arrive(packet),
            Happening::Input(host, input) => self.input(host, *input),
            Happening::Connect { from, local, to } => self.connect(from, local, to),
            Happening::Stream { to, event, from } => self.stream(to, event, from),
            Happening::Wake(host) => {
                if self.hosts[host].wake.is_some_and(|wake| wake <= self.now) {
                    self.hosts[host].wake = None;
                    self.input(host, Input::Tick { utc: None });
                    let again = self.hosts[host].agent.poll_timeout();
                    assert!(
                        again.is_none_or(|deadline| deadline.at > self.now),
                        "seed {}: host {host} is not done with {again:?} at {}",
                        self.seed,
                        self.now
                    );
                }
            }
            Happening::Alarm(host, number) => {
                let mut alarms = Alarms::default();
                let Host { application, agent, .. } = &mut self.hosts[host];
                application.alarm(self.now, number, agent, &mut alarms);
                self.set_alarms(host, alarms);
                self.drain(host);
            }
        }
        true
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        self.count += 1;
        self.queue.insert((self.now + after, self.count), happening);
    }

    fn set_alarms(&mut self, host: usize, alarms: Alarms) {
        for (after, number) in alarms.set {
            self.schedule(after, Happening::Alarm(host, number));
        }
    }

    fn input(&mut self, host: usize, input: Input) {
        let now = self.now;
        self.hosts[host].agent.handle(now, input);
        self.drain(host);
    }

    /// Does all that an agent asks for, tells its user all that it tells, and sees to its being woken.
    fn drain(&mut self, host: usize) {
        loop {
            if let Some(effect) = self.hosts[host].agent.poll_effect() {
                self.effect(host, effect);
            } else if let Some(event) = self.hosts[host].agent.poll_event() {
                let mut alarms = Alarms::default();
                let Host { application, agent, events, .. } = &mut self.hosts[host];
                application.event(self.now, &event, agent, &mut alarms);
                events.push((self.now, event));
                self.set_alarms(host, alarms);
            } else {
                break;
            }
        }
        let Host { agent, trace, .. } = &mut self.hosts[host];
        while let Some(line) = agent.poll_trace() {
            trace.push(line);
        }
        if let Some(deadline) = self.hosts[host].agent.poll_timeout() {
            let at = deadline.at.max(self.now);
            if self.hosts[host].wake.is_none_or(|wake| at < wake) {
                self.hosts[host].wake = Some(at);
                self.schedule(at - self.now, Happening::Wake(host));
            }
        }
    }

    fn effect(&mut self, host: usize, effect: Effect) {
        match effect {
            Effect::Bind { socket, kind, addr, port } => self.bind(host, socket, &kind, addr, port),
            Effect::Unbind { socket } => {
                self.hosts[host].udp.remove(&socket);
                self.hosts[host].listening.remove(&socket);
                self.later(host, Input::Socket { socket, event: SocketEvent::Closed });
            }
            Effect::Send { on, to, data } => {
                let Some(from) = self.hosts[host].udp.get(&on).copied() else { return };
                self.send(Packet { at: self.now, transport: Transport::Udp, from, to, data });
            }
            Effect::Open { conn, to, .. } => {
                let local = SocketAddr::new(self.hosts[host].address, self.hosts[host].free_port());
                let after = self.faults.transit(&mut self.random);
                self.schedule(after, Happening::Connect { from: End { host, conn }, local, to });
            }
            Effect::Write { conn, data } => self.write(host, conn, &data),
            Effect::Close { conn, how } => self.close(host, conn, how),
            Effect::Ask { ask, question } => {
                let Question::LocalAddress { .. } = question else { return };
                let answer = Answer::LocalAddress(Some(self.hosts[host].address));
                self.later(host, Input::Answer { ask, answer });
            }
            Effect::Media { stream, command } => self.media(host, stream, command),
            _ => {}
        }
    }

    /// An answer of the driver: it comes by itself, not inside the call that asked for it.
    fn later(&mut self, host: usize, input: Input) {
        self.schedule(Duration::ZERO, Happening::Input(host, Box::new(input)));
    }

    fn bind(&mut self, host: usize, socket: SocketId, kind: &SocketKind, addr: IpAddr, port: Port) {
        let address = if addr.is_unspecified() { addr } else { self.hosts[host].address };
        let port = match port {
            Port::Fixed(port) | Port::Range(port, _) if port != 0 => port,
            _ => self.hosts[host].free_port(),
        };
        let local = SocketAddr::new(address, port);
        match kind {
            SocketKind::Listen(_) => self.hosts[host].listening.insert(socket, local),
            _ => self.hosts[host].udp.insert(socket, local),
        };
        self.later(host, Input::Socket { socket, event: SocketEvent::Bound { local } });
    }

    fn media(&mut self, host: usize, stream: StreamId, command: media::Command) {
        let address = self.hosts[host].address;
        for event in self.hosts[host].media.command(address, stream, command) {
            self.later(host, Input::Media { stream, event });
        }
    }

    fn watched(&mut self, packet: &Packet, fate: Fate) {
        for property in &mut self.properties {
            property.packet(packet, fate);
        }
    }

    fn send(&mut self, packet: Packet) {
        self.watched(&packet, Fate::Sent);
        let deliveries = self.faults.deliveries(&mut self.random);
        if deliveries.is_empty() {
            self.watched(&packet, Fate::Lost);
        }
        for after in deliveries {
            self.schedule(after, Happening::Datagram(packet.clone()));
        }
    }

    /// Sends a datagram from anywhere to anywhere, as a scripted peer or an attacker does.
    pub fn inject(&mut self, from: SocketAddr, to: SocketAddr, data: Bytes) {
        self.send(Packet { at: self.now, transport: Transport::Udp, from, to, data });
    }

    fn arrive(&mut self, mut packet: Packet) {
        packet.at = self.now;
        let found = self.hosts.iter().enumerate().find_map(|(number, host)| {
            let fits = |local: &SocketAddr| {
                local.port() == packet.to.port()
                    && (local.ip() == packet.to.ip() || local.ip().is_unspecified())
                    && host.address == packet.to.ip()
            };
            host.udp.iter().find(|(_, local)| fits(local)).map(|(socket, _)| (number, *socket))
        });
        let Some((host, socket)) = found else {
            self.watched(&packet, Fate::Lost);
            return;
        };
        self.watched(&packet, Fate::Arrived);
        let Packet { from, data, .. } = packet;
        self.input(host, Input::Datagram { socket, from, to: None, interface: None, ttl: None, data });
    }

    fn connect(&mut self, from: End, local: SocketAddr, to: SocketAddr) {
        let found = self.hosts.iter().enumerate().find_map(|(number, host)| {
            let fits = |listening: &SocketAddr| listening.port() == to.port() && host.address == to.ip();
            host.listening.iter().find(|(_, listening)| fits(listening)).map(|(socket, _)| (number, *socket))
        });
        let Some((host, on)) = found else {
            self.hosts[from.host].pipes.remove(&from.conn);
            self.input(
                from.host,
                Input::Stream { conn: from.conn, event: ConnectionEvent::Closed(CloseCause::Refused) },
            );
            return;
        };
        let conn = ConnId::accepted(self.hosts[host].accepted);
        self.hosts[host].accepted += 1;
        let end = End { host, conn };
        let last = self.now;
        self.hosts[host].pipes.insert(conn, Pipe { peer: Some(from), local: to, remote: local, last });
        self.hosts[from.host].pipes.insert(from.conn, Pipe { peer: Some(end), local, remote: to, last });
        self.input(host, Input::Accepted { conn, on, peer: local });
        let open = ConnectionEvent::Open { local: to, peer: local, tls: None };
        self.input(host, Input::Stream { conn, event: open });
        let open = ConnectionEvent::Open { local, peer: to, tls: None };
        self.input(from.host, Input::Stream { conn: from.conn, event: open });
    }

    fn write(&mut self, host: usize, conn: ConnId, data: &Bytes) {
        let Some(pipe) = self.hosts[host].pipes.get(&conn).cloned() else { return };
        let Some(peer) = pipe.peer else { return };
        let packet =
            Packet { at: self.now, transport: Transport::Tcp, from: pipe.local, to: pipe.remote, data: data.clone() };
        self.watched(&packet, Fate::Sent);
        if self.random.one_in_million(self.faults.reset) {
            self.reset(End { host, conn });
            return;
        }
        let mut rest = data.clone();
        let mut last = pipe.last;
        while !rest.is_empty() {
            let most = if self.faults.segment == 0 { rest.len() } else { self.faults.segment };
            let most = u64::try_from(most.min(rest.len())).unwrap_or(1);
            let size = if self.faults.segment == 0 { most } else { self.random.between(1, most) };
            let piece = rest.split_to(usize::try_from(size).unwrap_or(1));
            last = last.max(self.now + self.faults.transit(&mut self.random));
            let from = Some(End { host, conn });
            self.schedule(last - self.now, Happening::Stream { to: peer, event: ConnectionEvent::Data(piece), from });
        }
        if let Some(pipe) = self.hosts[host].pipes.get_mut(&conn) {
            pipe.last = last;
        }
    }

    fn close(&mut self, host: usize, conn: ConnId, how: CloseHow) {
        if let Some(pipe) = self.hosts[host].pipes.remove(&conn)
            && let Some(peer) = pipe.peer
        {
            let (cause, at) = match how {
                CloseHow::Flush => (CloseCause::Peer, pipe.last.max(self.now)),
                CloseHow::Abort => (CloseCause::Reset, self.now),
            };
            let after = (at - self.now) + self.faults.delay;
            self.schedule(after, Happening::Stream { to: peer, event: ConnectionEvent::Closed(cause), from: None });
        }
        self.later(host, Input::Stream { conn, event: ConnectionEvent::Closed(CloseCause::Local) });
    }

    /// Cuts a connection, for both of its ends.
    fn reset(&mut self, end: End) {
        let Some(pipe) = self.hosts[end.host].pipes.remove(&end.conn) else { return };
        let ends = [Some(end), pipe.peer];
        for to in ends.into_iter().flatten() {
            let event = ConnectionEvent::Closed(CloseCause::Reset);
            self.schedule(self.faults.delay, Happening::Stream { to, event, from: None });
        }
    }

    fn stream(&mut self, to: End, event: ConnectionEvent, from: Option<End>) {
        match &event {
            ConnectionEvent::Closed(_) => {
                self.hosts[to.host].pipes.remove(&to.conn);
            }
            ConnectionEvent::Data(data) => {
                let Some(pipe) = self.hosts[to.host].pipes.get(&to.conn) else { return };
                let packet = Packet {
                    at: self.now,
                    transport: Transport::Tcp,
                    from: pipe.remote,
                    to: pipe.local,
                    data: data.clone(),
                };
                let drained = ConnectionEvent::Drained(data.len());
                self.watched(&packet, Fate::Arrived);
                if let Some(from) = from
                    && self.hosts[from.host].pipes.contains_key(&from.conn)
                {
                    self.input(from.host, Input::Stream { conn: from.conn, event: drained });
                }
            }
            _ => {}
        }
        self.input(to.host, Input::Stream { conn: to.conn, event });
    }
}
