//! The agent of one data stream, sans-IO: candidates and what arrives go in, checks and news come out.
//!
//! ```text
//!  datagram ──request──► answer ──► role conflict? ──► learn ──► triggered check ─┐
//!     └──────response──► learn ──► valid ──► nominate ──► selected                │
//!  every Ta: a triggered check, or the best that waits ◄──────────────────────────┘
//! ```

mod answer;
mod check;
mod consent;
mod nominate;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::checklist::CheckList;
use super::{
    Candidate, CheckResult, Credentials, Description, Event, Failure, Kind, Local, Outcome, Role, Selected, State,
};
use crate::random::Random;
use crate::sip::Text;
use crate::stun::{Key, Message};
use crate::time::{Instant, earliest};
use answer::Early;
use consent::Kept;

/// Datagrams that wait to be sent, and events that wait to be read. What is beyond is shed: checks are repeated.
const MAX_QUEUE: usize = 64;

/// Candidates of ours, with those that checks bring to light.
const MAX_LOCALS: usize = 32;

/// Candidates of the peer's, with those that checks bring to light.
const MAX_REMOTES: usize = 64;

/// How an agent works.
#[derive(Clone, Debug)]
pub struct Config {
    /// The role to begin with: who makes the offer controls.
    pub role: Role,
    /// Ta: the time between two checks (RFC 8445 section 14.2).
    pub pace: Duration,
    /// How long negotiation may take. Requests alone would be repeated for 39.5 s.
    pub time: Duration,
    /// Whether the consent of the peer is asked for (RFC 7675). It keeps the pair's way open as well.
    pub consent: bool,
}

impl Config {
    /// The usual: a check each 50 ms, for 10 s, and consent.
    #[must_use]
    pub const fn new(role: Role) -> Self {
        Self { role, pace: Duration::from_millis(50), time: Duration::from_secs(10), consent: true }
    }
}

/// Where a datagram came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The component of the socket.
    pub component: u8,
    /// Which of our bases it came to: the socket's address, or the relayed one.
    pub base: SocketAddr,
    /// Whom it came from.
    pub from: SocketAddr,
}

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The component that it belongs to.
    pub component: u8,
    /// Which of our bases it leaves from.
    pub base: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// Its bytes.
    pub data: Bytes,
}

/// Who the peer is to its STUN.
#[derive(Clone, Debug)]
struct Peer {
    ufrag: Text,
    password: crate::sip::digest::Secret,
    /// The USERNAME of requests to it.
    username: String,
    /// What vouches for requests to it, and for its answers.
    key: Key,
}

/// A pair that works: its local candidate is what the peer sees.
#[derive(Clone, Debug)]
struct Valid {
    local: usize,
    remote: usize,
    component: u8,
    priority: u64,
    /// The pair whose check found it.
    pair: usize,
}

/// The ICE agent of one data stream.
///
/// The driver hands in the STUN that arrives, calls [`Agent::timeout`] when [`Agent::deadline`] has come, and drains
/// [`Agent::poll_transmit`] and [`Agent::poll_event`] after each call.
#[derive(Debug)]
pub struct Agent {
    config: Config,
    random: Random,
    state: State,
    is_lost: bool,
    role: Role,
    tie_breaker: u64,
    /// Our credentials. Its candidates are made of `locals`.
    ours: Description,
    our_key: Key,
    /// Our credentials before the restart that is under way: whoever uses them is answered.
    former: Option<(Text, Key)>,
    peer: Option<Peer>,
    locals: Vec<Local>,
    remotes: Vec<Candidate>,
    /// Candidates of the peer that checks brought to light, so far.
    learned: usize,
    /// The components that both sides have.
    components: Vec<u8>,
    list: CheckList,
    valid: Vec<Valid>,
    selected: BTreeMap<u8, Kept>,
    started: Instant,
    next_check: Instant,
    /// Since when every component has had a valid pair.
    all_valid: Option<Instant>,
    /// Checks that came before the peer's description did.
    early: Vec<Early>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

impl Agent {
    /// An agent with fresh credentials and no candidates.
    #[must_use]
    pub fn new(config: Config, mut random: Random) -> Self {
        let tie_breaker = random.u64();
        let ours = Description::new(Credentials::new(&mut random), Vec::new());
        Self {
            role: config.role,
            config,
            state: State::New,
            is_lost: false,
            tie_breaker,
            our_key: Key::short_term(&ours.password),
            ours,
            former: None,
            random,
            peer: None,
            locals: Vec::new(),
            remotes: Vec::new(),
            learned: 0,
            components: Vec::new(),
            list: CheckList::default(),
            valid: Vec::new(),
            selected: BTreeMap::new(),
            started: Instant::ZERO,
            next_check: Instant::ZERO,
            all_valid: None,
            early: Vec::new(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Adds a candidate of ours, before the peer's are known. One with the address and base of another is redundant (RFC 8445 section 5.1.3).
    pub fn add_local(&mut self, local: Local) {
        let is_same = |known: &Local| {
            known.candidate.component == local.candidate.component
                && known.candidate.address == local.candidate.address
                && known.base == local.base
        };
        if self.locals.len() < MAX_LOCALS && !self.locals.iter().any(is_same) {
            self.locals.push(local);
        }
    }

    /// What the peer is to be told of us.
    #[must_use]
    pub fn description(&self) -> Description {
        let told = self.locals.iter().filter(|local| local.candidate.kind != Kind::PeerReflexive);
        let mut candidates: Vec<Candidate> = told.map(|local| local.candidate.clone()).collect();
        candidates.sort_by_key(|candidate| (candidate.component, std::cmp::Reverse(candidate.priority)));
        Description { candidates, ..self.ours.clone() }
    }

    /// How far it is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Its role now.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Takes another role than the configured one, before negotiation: the one who answers learns only from the offer that it does.
    pub fn set_role(&mut self, role: Role) {
        if self.state == State::New {
            self.role = role;
        }
    }

    /// The pair that this component uses.
    #[must_use]
    pub fn selected(&self, component: u8) -> Option<&Selected> {
        self.selected.get(&component).map(|kept| &kept.selected)
    }

    /// The peer's description has come: checks begin. The same description again changes nothing; another one, without a restart of ours, is the peer's restart.
    pub fn negotiate(&mut self, now: Instant, remote: &Description) {
        let is_same = |peer: &Peer| peer.ufrag == remote.ufrag && peer.password == remote.password;
        if self.state != State::New && self.peer.as_ref().is_some_and(is_same) {
            return;
        }
        if remote.lite {
            self.role = Role::Controlling;
        }
        self.peer = Some(Peer {
            ufrag: remote.ufrag.clone(),
            password: remote.password.clone(),
            username: format!("{}:{}", remote.ufrag, self.ours.ufrag),
            key: Key::short_term(&remote.password),
        });
        self.remotes.clear();
        for candidate in &remote.candidates {
            let known =
                |known: &Candidate| known.component == candidate.component && known.address == candidate.address;
            if self.remotes.len() < MAX_REMOTES && self.may_check(candidate) && !self.remotes.iter().any(known) {
                self.remotes.push(candidate.clone());
            }
        }
        let has = |component: u8| remote.candidates.iter().any(|candidate| candidate.component == component);
        let mut components: Vec<u8> = self.locals.iter().map(|local| local.candidate.component).collect();
        components.sort_unstable();
        components.dedup();
        components.retain(|component| has(*component));
        self.components = components;
        self.list = CheckList::form(self.role, &self.locals, &self.remotes);
        self.valid.clear();
        self.all_valid = None;
        self.is_lost = false;
        (self.state, self.started, self.next_check) = (State::Running, now, now);
        self.event(Event::Started);
        for early in std::mem::take(&mut self.early) {
            self.checked(now, early);
        }
        if self.components.is_empty() || self.list.pairs.is_empty() {
            self.fail(Failure::NoPairs);
            return;
        }
        self.timeout(now);
    }

    /// Whether its pairs, or those that are being found, are where media goes.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == State::Running || !self.selected.is_empty()
    }

    /// Whether the peer has not consented for too long: nothing more may be sent to it.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Whether media that arrives so is the peer's: its pair is valid. Where ICE is not done, that is not for ICE to say.
    #[must_use]
    pub fn is_source(&self, arrival: Arrival) -> bool {
        let Arrival { component, base, from } = arrival;
        let is_valid = |valid: &Valid| {
            valid.component == component
                && self.locals.get(valid.local).is_some_and(|local| local.base == base)
                && self.remotes.get(valid.remote).is_some_and(|remote| remote.address == from)
        };
        let in_use = |kept: &Kept| kept.base == base && kept.selected.remote.address == from;
        !self.is_lost
            && (!self.is_active()
                || self.selected.get(&component).is_some_and(in_use)
                || self.valid.iter().any(is_valid))
    }

    /// Whether checks may be sent to this address of the peer's: no group, no nobody, not ourselves, and this host only where we are on it (RFC 8445 section 5.1.1.1).
    fn may_check(&self, candidate: &Candidate) -> bool {
        let at = candidate.address;
        let is_broadcast = matches!(at.ip(), std::net::IpAddr::V4(ip) if ip.is_broadcast());
        let is_own = self.locals.iter().any(|local| local.base == at);
        let on_loopback = || self.locals.iter().any(|local| local.base.ip().is_loopback());
        let ip = at.ip().to_canonical();
        at.port() != 0
            && !ip.is_unspecified()
            && !ip.is_multicast()
            && !is_broadcast
            && !is_own
            && (!ip.is_loopback() || on_loopback())
    }

    /// Begins anew with these credentials and, from the next [`negotiate`](Self::negotiate) on, other pairs. Until those are found the pairs in use stay (RFC 8445 section 9).
    pub fn restart(&mut self, ours: Credentials) {
        self.former = Some((self.ours.ufrag.clone(), self.our_key.clone()));
        self.ours = Description::new(ours, Vec::new());
        self.our_key = Key::short_term(&self.ours.password);
        self.peer = None;
        self.state = State::New;
        self.list = CheckList::default();
        self.valid.clear();
        self.early.clear();
        self.locals.retain(|local| local.candidate.kind != Kind::PeerReflexive);
    }

    /// STUN has arrived.
    pub fn datagram(&mut self, now: Instant, arrival: Arrival, message: &Message) {
        if !message.is_binding() {
            return;
        }
        match message.class() {
            crate::stun::Class::Request => self.answer(now, arrival, message),
            crate::stun::Class::Success | crate::stun::Class::Error => self.answered(now, arrival, message),
            crate::stun::Class::Indication => {}
        }
        self.timeout(now);
    }

    /// Does what is due at `now`.
    pub fn timeout(&mut self, now: Instant) {
        if self.state == State::Running {
            self.time_checks(now);
            self.nominate(now);
            self.check_next(now);
            if self.state == State::Running && now >= self.started + self.config.time {
                self.fail(Failure::TimedOut);
            }
        } else if self.state == State::Completed {
            // The controlled side may yet be told of a better pair.
            self.time_checks(now);
            self.check_next(now);
        }
        self.keep(now);
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let mut deadline = self.keep_deadline();
        if matches!(self.state, State::Running | State::Completed) {
            let check = self.list.has_work(&self.locals, &self.remotes).then_some(self.next_check);
            let answers = self.list.pairs.iter().flat_map(|pair| &pair.checks);
            deadline = earliest(deadline, check);
            deadline = earliest(deadline, answers.map(|check| check.transaction.deadline()).min());
        }
        if self.state == State::Running {
            deadline = earliest(deadline, Some(self.started + self.config.time));
            deadline = earliest(deadline, self.nomination_deadline());
        }
        deadline
    }

    /// The next datagram to send, oldest first.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What has become of each pair so far.
    pub fn checks(&self) -> impl Iterator<Item = CheckResult> + '_ {
        self.list.pairs.iter().filter_map(|pair| {
            let (local, remote) = (self.locals.get(pair.local)?, self.remotes.get(pair.remote)?);
            let nominated = self
                .selected
                .get(&pair.component)
                .is_some_and(|kept| kept.base == local.base && kept.selected.remote.address == remote.address);
            Some(CheckResult { local: local.candidate.clone(), remote: remote.clone(), state: pair.state, nominated })
        })
    }

    fn outcome(&self, now: Instant) -> Outcome {
        Outcome {
            selected: self.selected.values().map(|kept| kept.selected.clone()).collect(),
            duration: now - self.started,
            local_candidates: self.locals.iter().map(|local| local.candidate.clone()).collect(),
            remote_candidates: self.remotes.clone(),
            checks: self.checks().collect(),
        }
    }

    fn fail(&mut self, why: Failure) {
        self.state = State::Failed;
        self.is_lost = why == Failure::ConsentLost;
        self.list = CheckList::default();
        self.valid.clear();
        self.selected.clear();
        self.former = None;
        self.event(Event::Failed(why));
    }

    fn event(&mut self, event: Event) {
        if self.events.len() < MAX_QUEUE {
            self.events.push_back(event);
        }
    }

    fn transmit(&mut self, component: u8, base: SocketAddr, to: SocketAddr, data: Bytes) {
        if self.transmits.len() < MAX_QUEUE {
            self.transmits.push_back(Transmit { component, base, to, data });
        }
    }
}
