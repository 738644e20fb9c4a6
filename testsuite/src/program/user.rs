//! A user who does anything at any time, and knows what must come of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Agent, ConnectError, Event, EventKind, Intent, IntentError, Outcome};
use sipsimple_core::id::{AccountId, SessionId, StreamId};
use sipsimple_core::random::Random;
use sipsimple_core::sdp::Direction;
use sipsimple_core::session::{SessionError, SessionEvent, SessionState};
use sipsimple_core::stream::{AudioSpec, Command, StreamError, StreamEvent, StreamSpec};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::{Route, Transport};

use crate::application::{Alarms, Application};
use crate::world::SIP_PORT;

use super::Notes;

/// The alarm at which a user hangs up everything, and takes no more calls.
pub(super) const FINISH: u64 = u64::MAX;

/// How the users know each other.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) uri: String,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) transports: Vec<Transport>,
}

/// What a user means to do.
#[derive(Clone, Debug)]
enum Action {
    Ring(SessionId),
    Accept(SessionId),
    Reject(SessionId, u16),
    End(SessionId),
    Dtmf(StreamId, char),
    /// Anything, on anything.
    Meddle,
}

/// A session that a user knows of.
#[derive(Clone, Debug)]
struct Known {
    call: Option<usize>,
    streams: Vec<StreamId>,
    account: Option<AccountId>,
}

/// A user.
pub(super) struct User {
    host: usize,
    people: Rc<[Person]>,
    random: Random,
    notes: Rc<RefCell<Notes>>,
    sessions: BTreeMap<SessionId, Known>,
    actions: BTreeMap<u64, Action>,
    next_alarm: u64,
    calls: u64,
    finishing: bool,
}

const REJECTIONS: [u16; 8] = [302, 404, 480, 486, 488, 500, 600, 603];
const DIGITS: [char; 8] = ['0', '5', '9', '*', '#', 'A', 'd', 'x'];

impl User {
    pub(super) fn new(
        host: usize,
        calls: u64,
        people: Rc<[Person]>,
        random: Random,
        notes: Rc<RefCell<Notes>>,
    ) -> Self {
        let (sessions, actions) = (BTreeMap::new(), BTreeMap::new());
        Self { host, people, random, notes, sessions, actions, next_alarm: calls, calls, finishing: false }
    }

    fn plan(&mut self, alarms: &mut Alarms, most: Duration, action: Action) {
        // Now and then at once, often soon, sometimes late.
        let after = match self.random.below(4) {
            0 => Duration::ZERO,
            1 => self.random.duration(Duration::ZERO, most / 10),
            _ => self.random.duration(Duration::ZERO, most),
        };
        self.actions.insert(self.next_alarm, action);
        alarms.set.push((after, self.next_alarm));
        self.next_alarm += 1;
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let index = usize::try_from(self.random.below(from.len() as u64)).unwrap_or(0);
        from[index].clone()
    }

    /// Starts a call.
    fn start(&mut self, now: Instant, call: usize, agent: &mut Agent) {
        let people = Rc::clone(&self.people);
        let other = usize::try_from(self.random.below(people.len() as u64)).unwrap_or(0);
        let (own, other) = (&people[self.host], &people[other]);
        let long = self.chance(5);
        let name = if long { format!("call {call} {}", "x".repeat(1200)) } else { format!("call {call}") };
        let spec = AccountSpec { display_name: Some(name.as_str().into()), ..AccountSpec::new(own.uri.as_str()) };
        let account = match agent.intend(now, Intent::AddAccount(spec)) {
            Ok(Outcome::Account(account)) => account,
            other => panic!("host {}: an account: {other:?}", self.host),
        };
        let routes = self.routes(own, other);
        let codecs = match self.random.below(6) {
            0 => vec!["PCMA".into()],
            1 => vec!["speex".into(), "PCMA".into(), "pcmu".into()],
            2 => vec!["speex".into()],
            _ => Vec::new(),
        };
        let direction = match self.random.below(8) {
            0 => Direction::SendOnly,
            1 => Direction::RecvOnly,
            2 => Direction::Inactive,
            _ => Direction::SendRecv,
        };
        let unknown_codec = codecs.len() == 1 && codecs[0] == "speex";
        let streams = vec![StreamSpec::Audio(AudioSpec { codecs, direction })];
        let family = own.addresses.iter().any(|local| local.is_ipv4() == routes[0].address.is_ipv4());
        let no_socket = !family || !own.transports.contains(&routes[0].transport);
        let intent = Intent::Connect { account, to: other.uri.as_str().into(), routes, streams, late_offer: false };
        match agent.intend(now, intent) {
            Ok(Outcome::Session(id)) => {
                assert!(!unknown_codec && !no_socket, "host {}: connect was not refused", self.host);
                self.notes.borrow_mut().connected(call, self.host, id);
                self.sessions.insert(id, Known { call: Some(call), streams: Vec::new(), account: Some(account) });
            }
            Err(IntentError::Connect(error)) => {
                let expected = match &error {
                    ConnectError::BadStream { index: 0, .. } => unknown_codec,
                    ConnectError::NoSocket(_) => no_socket,
                    _ => false,
                };
                assert!(expected, "host {}: {error}", self.host);
                self.notes.borrow_mut().refused += 1;
                agent.intend(now, Intent::RemoveAccount(account)).expect("the account is there");
            }
            other => panic!("host {}: connect: {other:?}", self.host),
        }
    }

    /// One way to the other, and sometimes ways that lead nowhere before it.
    fn routes(&mut self, own: &Person, other: &Person) -> Vec<Route> {
        let common: Vec<Transport> =
            own.transports.iter().copied().filter(|transport| other.transports.contains(transport)).collect();
        let transport = if common.is_empty() || self.chance(3) {
            self.pick(&[Transport::Udp, Transport::Tcp])
        } else {
            self.pick(&common)
        };
        let fits = |address: &&IpAddr| own.addresses.iter().any(|local| local.is_ipv4() == address.is_ipv4());
        let address = other.addresses.iter().find(fits).unwrap_or(&other.addresses[0]);
        let mut routes = vec![Route::new(transport, SocketAddr::new(*address, SIP_PORT))];
        if self.chance(10) {
            let nowhere = if self.chance(50) { "10.255.0.1:5060" } else { "10.0.0.1:9" };
            let nowhere = nowhere.parse().expect("an address");
            let first =
                if own.transports.contains(&Transport::Udp) && self.chance(50) { Transport::Udp } else { transport };
            routes.insert(0, Route::new(first, nowhere));
        }
        routes
    }

    fn act(&mut self, now: Instant, action: &Action, agent: &mut Agent) {
        match action {
            Action::Ring(id) => {
                self.answer(now, *id, agent, "send_ring_indication", Intent::SendRingIndication { session: *id })
            }
            Action::Accept(id) => {
                let streams = agent.session(now, *id).map(|session| session.streams()).unwrap_or_default();
                self.answer(now, *id, agent, "accept", Intent::Accept { session: *id, streams, relay_password: None });
            }
            Action::Reject(id, code) => {
                let intent = Intent::Reject { session: *id, code: *code, reason: None };
                self.answer(now, *id, agent, "reject", intent);
            }
            Action::End(id) => {
                let live = agent.session(now, *id).is_some();
                match agent.intend(now, Intent::End { session: *id }) {
                    Ok(Outcome::Done) => assert!(live, "host {}: {id} is ended, and there is none", self.host),
                    Err(IntentError::Session(SessionError::Unknown(unknown))) if unknown == *id && !live => {
                        self.notes.borrow_mut().refused += 1;
                    }
                    other => panic!("host {}: end of {id}: {other:?}", self.host),
                }
            }
            Action::Dtmf(stream, digit) => self.dtmf(now, *stream, *digit, agent),
            Action::Meddle => self.meddle(now, agent),
        }
    }

    /// Does what is legal in the state `Incoming` and in no other.
    fn answer(&self, now: Instant, id: SessionId, agent: &mut Agent, method: &str, intent: Intent) {
        let before = agent.session(now, id).map(|session| session.state());
        let result = agent.intend(now, intent.clone());
        let (host, text) = (self.host, format!("{intent:?} in {before:?}: {result:?}"));
        match (before, result) {
            (Some(SessionState::Incoming), Ok(Outcome::Done)) => {}
            (Some(state), Err(IntentError::Session(error))) => {
                let expected = match &error {
                    SessionError::IllegalState { method: named, state: told } => {
                        state != SessionState::Incoming && named.as_str() == method && *told == state
                    }
                    SessionError::NoStreams | SessionError::UnknownStream(_) => state == SessionState::Incoming,
                    _ => false,
                };
                assert!(expected, "host {host}: {text}");
                let after = agent.session(now, id).map(|session| session.state());
                assert_eq!(after, before, "host {host}: a refused intent changed the state: {text}");
                self.notes.borrow_mut().refused += 1;
            }
            (None, Err(IntentError::Session(SessionError::Unknown(unknown)))) if unknown == id => {
                self.notes.borrow_mut().refused += 1;
            }
            _ => panic!("host {host}: {text}"),
        }
    }

    fn dtmf(&self, now: Instant, stream: StreamId, digit: char, agent: &mut Agent) {
        let sound = digit != 'x';
        let started = self.notes.borrow().is_running(self.host, stream);
        let intent =
            Intent::Stream { stream, command: Command::SendDtmf { digit, duration: Duration::from_millis(100) } };
        match agent.intend(now, intent) {
            Ok(Outcome::Done) => {
                assert!(sound, "host {}: {digit} was sent", self.host);
                self.notes.borrow_mut().sent_digit(self.host, stream, digit.to_ascii_uppercase());
            }
            Err(IntentError::Stream(error)) => {
                let expected = match &error {
                    StreamError::BadDigit(_) => !sound,
                    StreamError::NotStarted(_) | StreamError::Unknown(_) => !started,
                    _ => false,
                };
                assert!(expected, "host {}: {error}", self.host);
                self.notes.borrow_mut().refused += 1;
            }
            other => panic!("host {}: DTMF: {other:?}", self.host),
        }
    }

    /// Anything, on anything: mostly what is wrong now.
    fn meddle(&mut self, now: Instant, agent: &mut Agent) {
        let known: Vec<SessionId> = self.sessions.keys().copied().collect();
        let id = if known.is_empty() || self.chance(20) {
            SessionId::from_u64(self.random.below(1000))
        } else {
            self.pick(&known)
        };
        let streams = self.sessions.get(&id).map(|known| known.streams.clone()).unwrap_or_default();
        let stream = streams.first().copied().unwrap_or_else(|| StreamId::from_u64(self.random.below(100)));
        let code = self.pick(&REJECTIONS);
        let digit = self.pick(&DIGITS);
        let action = match self.random.below(6) {
            0 => Action::Ring(id),
            1 => Action::Accept(id),
            2 => Action::Reject(id, code),
            3 => Action::Dtmf(stream, digit),
            4 => {
                // With a stream that is of another session.
                let streams = vec![StreamId::from_u64(u64::MAX)];
                self.answer(now, id, agent, "accept", Intent::Accept { session: id, streams, relay_password: None });
                return;
            }
            _ => Action::End(id),
        };
        self.act(now, &action, agent);
    }

    fn told(&mut self, now: Instant, id: SessionId, event: &SessionEvent, agent: &mut Agent, alarms: &mut Alarms) {
        match event {
            SessionEvent::NewIncoming { remote_identity, streams, .. } => {
                let call = self.notes.borrow_mut().incoming(remote_identity, self.host, id);
                self.sessions.insert(id, Known { call, streams: streams.clone(), account: None });
                self.plan_answer(id, alarms);
            }
            SessionEvent::NewOutgoing { streams, .. } => {
                if let Some(known) = self.sessions.get_mut(&id) {
                    known.streams.clone_from(streams);
                }
                if self.chance(20) {
                    self.plan(alarms, Duration::from_secs(12), Action::End(id));
                }
            }
            SessionEvent::DidStart { streams } => {
                for _ in 0..self.random.below(4) {
                    let digit = self.pick(&DIGITS);
                    if let Some(stream) = streams.first() {
                        self.plan(alarms, Duration::from_secs(10), Action::Dtmf(*stream, digit));
                    }
                }
                if self.chance(60) {
                    self.plan(alarms, Duration::from_secs(20), Action::End(id));
                }
            }
            SessionEvent::DidFail { .. } | SessionEvent::DidEnd { .. } => {
                if let Some(account) = self.sessions.remove(&id).and_then(|known| known.account) {
                    agent.intend(now, Intent::RemoveAccount(account)).expect("the account is there");
                }
            }
            _ => {}
        }
        if self.chance(8) && !self.finishing {
            self.plan(alarms, Duration::from_secs(5), Action::Meddle);
        }
    }

    fn plan_answer(&mut self, id: SessionId, alarms: &mut Alarms) {
        if self.finishing {
            self.plan(alarms, Duration::from_millis(100), Action::End(id));
            return;
        }
        if self.chance(80) {
            self.plan(alarms, Duration::from_secs(2), Action::Ring(id));
        }
        match self.random.below(100) {
            0..70 => self.plan(alarms, Duration::from_secs(8), Action::Accept(id)),
            70..85 => {
                let code = self.pick(&REJECTIONS);
                self.plan(alarms, Duration::from_secs(5), Action::Reject(id, code));
            }
            85..93 => self.plan(alarms, Duration::from_secs(5), Action::End(id)),
            // Nobody is there.
            _ => {}
        }
    }
}

impl Application for User {
    fn event(&mut self, now: Instant, event: &Event, agent: &mut Agent, alarms: &mut Alarms) {
        match &event.kind {
            EventKind::Session { id, event } => {
                let call = self.sessions.get(id).and_then(|known| known.call);
                self.notes.borrow_mut().told(call, self.host, *id, event);
                self.told(now, *id, event, agent, alarms);
            }
            EventKind::Stream { id, session, event, .. } => {
                let call = self.sessions.get(session).and_then(|known| known.call);
                let own = matches!(event, StreamEvent::DidStart { .. } | StreamEvent::GotDtmf { .. });
                if own || matches!(event, StreamEvent::DidEnd | StreamEvent::DidFail { .. }) {
                    self.notes.borrow_mut().stream(call, self.host, (*session, *id), event);
                }
            }
            _ => {}
        }
    }

    fn alarm(&mut self, now: Instant, number: u64, agent: &mut Agent, alarms: &mut Alarms) {
        if number == FINISH {
            self.finishing = true;
            for id in self.sessions.keys().copied().collect::<Vec<_>>() {
                self.plan(alarms, Duration::from_secs(3), Action::End(id));
            }
        } else if number < self.calls {
            self.start(now, usize::try_from(number).unwrap_or(0), agent);
        } else if let Some(action) = self.actions.remove(&number) {
            self.act(now, &action, agent);
        }
    }
}
