//! Whole calls: two agents back to back in memory, and the same in the simulator.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::agent::{
    AccountSpec, Agent, Answer, Config, Effect, Event, EventKind, Input, Intent, Listen, Outcome, SocketEvent,
};
use sipsimple_core::id::{AccountId, SessionId, SocketId, StreamId};
use sipsimple_core::media::{Candidate, Command, Component, Event as MediaEvent};
use sipsimple_core::random::Seed;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::sip::Text;
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::time::{Instant, Utc};
use sipsimple_core::transport::{Port, Route, Transport};

use super::{Round, Work, bar};
use crate::application::{Answering, Idle};
use crate::call::PLAIN_CODECS;
use crate::link::Faults;
use crate::world::World;

/// The pieces of work of this file.
pub const WORKS: &[Work] = &[
    Work { name: "call", unit: "call, both ends", units: 1, target: bar(220_000, 150), prepare: call },
    Work { name: "simulated_call", unit: "call, both ends", units: 1, target: None, prepare: simulated_call },
];

/// 64·T1, and more than any other timer of RFC 3261 but those of an INVITE.
pub const LONG: Duration = Duration::from_secs(33);

/// Longer than the 200 ms after which an INVITE that nobody has answered gets a 100.
const TRYING: Duration = Duration::from_millis(250);

/// Which end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The one that calls.
    Caller,
    /// The one that is called.
    Callee,
}

impl End {
    const fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// Something that looks on while one of the two ends works.
pub trait Onlooker {
    /// Lets one end do a piece of its work: what is allocated inside is that end's, and no other's.
    fn look<T>(&mut self, end: End, work: impl FnOnce() -> T) -> T;
}

/// Nobody looks on: what one end sends is what the other receives, bytes and all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Onlooker for Nobody {
    fn look<T>(&mut self, _: End, work: impl FnOnce() -> T) -> T {
        work()
    }
}

/// One agent and its sockets.
#[derive(Debug)]
struct Side {
    agent: Agent,
    address: SocketAddr,
    socket: SocketId,
    ports: u16,
    /// Messages that it sent.
    sent: u64,
}

/// Two agents, and between them a network that takes no time.
#[derive(Debug)]
pub struct Pair {
    now: Instant,
    caller: Side,
    callee: Side,
    /// Sessions that were announced to the called end, with their streams.
    incoming: Vec<(SessionId, Vec<StreamId>)>,
    /// Sessions that are established, at both ends.
    started: u64,
    /// Sessions that have ended, at both ends.
    ended: u64,
    route: Route,
    to: Text,
    /// Whether each end has its own copy of what it receives, as from a socket.
    copies: bool,
}

impl Side {
    fn new(number: u64, address: &str) -> Self {
        let address: SocketAddr = address.parse().expect("an address");
        let mut config = Config::default();
        config.listen = vec![Listen { transport: Transport::Udp, address: address.ip(), port: Port::Fixed(5060) }];
        // Descriptions of the length that the bar is for.
        config.rtp.audio_codecs = PLAIN_CODECS.map(Text::from_static).to_vec();
        let utc = Utc { unix_millis: 1_291_803_480_000 };
        let mut agent =
            Agent::new(config, Seed::from_u64(number), Instant::ZERO, utc).expect("the configuration is sound");
        let mut socket = SocketId::from_u64(0);
        while let Some(effect) = agent.poll_effect() {
            if let Effect::Bind { socket: bound, .. } = effect {
                socket = bound;
                agent.handle(Instant::ZERO, Input::Socket { socket, event: SocketEvent::Bound { local: address } });
            }
        }
        let uri = Text::from(format!("sip:user@{}", address.ip()));
        let account = AccountSpec { any_user: true, ..AccountSpec::new(uri) };
        agent.intend(Instant::ZERO, Intent::AddAccount(account)).expect("it can be added");
        while agent.poll_event().is_some() {}
        Self { agent, address, socket, ports: 0, sent: 0 }
    }

    /// What a path on the next ports is ready with.
    fn candidates(&mut self) -> Vec<Candidate> {
        self.ports = (self.ports + 1) % 5_000;
        let port = 50_000 + 2 * self.ports;
        [(Component::Rtp, port), (Component::Rtcp, port + 1)]
            .map(|(component, port)| Candidate { component, address: SocketAddr::new(self.address.ip(), port) })
            .to_vec()
    }
}

impl Pair {
    /// Two agents that know each other's address.
    #[must_use]
    pub fn new() -> Self {
        let (caller, callee) = (Side::new(1, "192.0.2.1:5060"), Side::new(2, "192.0.2.2:5060"));
        let route = Route::new(Transport::Udp, callee.address);
        let to = Text::from(format!("sip:user@{}", callee.address));
        let (incoming, started, ended) = (Vec::new(), 0, 0);
        Self { now: Instant::ZERO, caller, callee, incoming, started, ended, route, to, copies: false }
    }

    /// The same, but what is received is a copy of what was sent.
    #[must_use]
    pub fn with_copies(mut self) -> Self {
        self.copies = true;
        self
    }

    fn side(&mut self, end: End) -> &mut Side {
        match end {
            End::Caller => &mut self.caller,
            End::Callee => &mut self.callee,
        }
    }

    /// Messages that went over the wire so far.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.caller.sent + self.callee.sent
    }

    /// Starts a call and lets it ring; answers it; gives the names that both ends have for it.
    ///
    /// # Panics
    /// When it is not established.
    pub fn establish(&mut self, onlooker: &mut impl Onlooker) -> (SessionId, SessionId) {
        let started = self.started;
        let (now, to, route) = (self.now, self.to.clone(), self.route);
        let agent = &mut self.caller.agent;
        let outcome = onlooker.look(End::Caller, || {
            let account = AccountId::from_u64(0);
            let streams = vec![StreamSpec::Audio(AudioSpec::default())];
            agent.intend(now, Intent::Connect { account, to, routes: vec![route], streams, late_offer: false })
        });
        let Ok(Outcome::Session(calling)) = outcome else { unreachable!("it may call: {outcome:?}") };
        self.run(onlooker);
        self.pass(TRYING, onlooker);
        let (called, streams) = self.incoming.pop().expect("it rings at the other end");
        self.intend(End::Callee, Intent::SendRingIndication { session: called }, onlooker);
        self.intend(End::Callee, Intent::Accept { session: called, streams, relay_password: None }, onlooker);
        assert_eq!(self.started, started + 2, "both ends have started");
        (calling, called)
    }

    /// The caller ends a call.
    ///
    /// # Panics
    /// When it does not end at both ends.
    pub fn end(&mut self, calling: SessionId, onlooker: &mut impl Onlooker) {
        let ended = self.ended;
        self.intend(End::Caller, Intent::End { session: calling }, onlooker);
        assert_eq!(self.ended, ended + 2, "both ends have ended");
    }

    /// Lets time pass, and wakes both ends when they want it.
    pub fn pass(&mut self, time: Duration, onlooker: &mut impl Onlooker) {
        let until = self.now + time;
        loop {
            let due = [End::Caller, End::Callee]
                .into_iter()
                .filter_map(|end| Some((self.side(end).agent.poll_timeout()?.at, end)))
                .min_by_key(|(at, _)| *at);
            let Some((at, end)) = due.filter(|(at, _)| *at <= until) else { break };
            self.now = self.now.max(at);
            self.handle(end, Input::Tick { utc: None }, onlooker);
            self.run(onlooker);
        }
        self.now = until;
    }

    /// Whether neither end owes anything.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        self.caller.agent.is_quiescent() && self.callee.agent.is_quiescent()
    }

    fn intend(&mut self, end: End, intent: Intent, onlooker: &mut impl Onlooker) {
        let now = self.now;
        let agent = &mut self.side(end).agent;
        onlooker.look(end, || agent.intend(now, intent).expect("it may be wanted"));
        self.run(onlooker);
    }

    fn handle(&mut self, end: End, input: Input, onlooker: &mut impl Onlooker) {
        let now = self.now;
        let agent = &mut self.side(end).agent;
        onlooker.look(end, || agent.handle(now, input));
    }

    /// Does what both ends ask for until they ask for nothing.
    fn run(&mut self, onlooker: &mut impl Onlooker) {
        loop {
            let before = self.messages();
            self.run_end(End::Caller, onlooker);
            self.run_end(End::Callee, onlooker);
            if self.messages() == before {
                break;
            }
        }
    }

    fn run_end(&mut self, end: End, onlooker: &mut impl Onlooker) {
        let now = self.now;
        loop {
            let side = self.side(end);
            if let Some(effect) = side.agent.poll_effect() {
                match effect {
                    Effect::Send { data, .. } => {
                        side.sent += 1;
                        self.deliver(end, data, onlooker);
                    }
                    Effect::Ask { ask, .. } => {
                        let answer = Answer::LocalAddress(Some(side.address.ip()));
                        onlooker.look(end, || side.agent.handle(now, Input::Answer { ask, answer }));
                    }
                    Effect::Media { stream, command } => onlooker.look(end, || {
                        let event = match command {
                            Command::Prepare(_) => MediaEvent::Ready { candidates: side.candidates() },
                            Command::Start(_) => MediaEvent::Started,
                            _ => return,
                        };
                        side.agent.handle(now, Input::Media { stream, event });
                    }),
                    other => unreachable!("two agents on UDP do not ask for {other:?}"),
                }
            } else if let Some(event) = side.agent.poll_event() {
                self.told(end, event, onlooker);
            } else {
                break;
            }
        }
    }

    fn deliver(&mut self, from: End, data: Bytes, onlooker: &mut impl Onlooker) {
        let now = self.now;
        let copies = self.copies;
        let source = self.side(from).address;
        let side = self.side(from.other());
        let received = if copies { None } else { Some(data.clone()) };
        onlooker.look(from.other(), || {
            let data = received.unwrap_or_else(|| Bytes::copy_from_slice(&data));
            let socket = side.socket;
            let input = Input::Datagram { socket, from: source, to: None, interface: None, ttl: None, data };
            side.agent.handle(now, input);
        });
        onlooker.look(from, || drop(data));
    }

    fn told(&mut self, end: End, event: Event, onlooker: &mut impl Onlooker) {
        if let EventKind::Session { id, event } = &event.kind {
            match event {
                SessionEvent::NewIncoming { streams, .. } => self.incoming.push((*id, streams.clone())),
                SessionEvent::DidStart { .. } => self.started += 1,
                SessionEvent::DidEnd { .. } => self.ended += 1,
                _ => {}
            }
        }
        onlooker.look(end, || drop(black_box(event)));
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

/// INVITE, 100, 180, 200, ACK, BYE, 200 between two agents, with audio, until every timer has run out.
fn call() -> Round {
    let mut pair = Pair::new();
    Box::new(move || {
        let messages = pair.messages();
        let (calling, _) = pair.establish(&mut Nobody);
        pair.pass(LONG, &mut Nobody);
        pair.end(calling, &mut Nobody);
        pair.pass(LONG, &mut Nobody);
        assert_eq!(pair.messages() - messages, 7, "INVITE, 100, 180, 200, ACK, BYE, 200");
        assert!(pair.is_quiescent(), "nothing is owed");
    })
}

/// A call in a world of its own: hosts, links, virtual time, and a trace of each agent.
fn simulated_call() -> Round {
    Box::new(|| {
        let mut world = World::new(1, Faults::none());
        let caller = world.add(Config::default(), Box::new(Idle));
        let mut answering = Answering::after(Duration::from_secs(2));
        answering.end = Some(Duration::from_secs(5));
        let callee = world.add(Config::default(), Box::new(answering));
        for host in [caller, callee] {
            let uri = Text::from(format!("sip:user@{}", world.address(host).ip()));
            let account = AccountSpec::new(uri);
            world.with(host, |agent, now| agent.intend(now, Intent::AddAccount(account))).expect("it can be added");
        }
        world.run_for(Duration::from_millis(1));
        let route = Route::new(Transport::Udp, world.address(callee));
        let to = Text::from(format!("sip:user@{}", route.address));
        let streams = vec![StreamSpec::Audio(AudioSpec::default())];
        let connect =
            Intent::Connect { account: AccountId::from_u64(0), to, routes: vec![route], streams, late_offer: false };
        world.with(caller, |agent, now| agent.intend(now, connect)).expect("it may call");
        assert!(world.run_until_quiescent(Duration::from_secs(120)), "the call is over");
        black_box(world);
    })
}
