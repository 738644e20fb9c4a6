//! The reference model of Session: its states, what may be called in each, and what must be told, in which order.
//!
//! - SES-1: a method is refused in the states that it is not for, and in no other; a refusal changes nothing.
//! - SES-2: what is told comes in the seeds' order.
//! - SES-3: what was asked for comes to something, once.
//! - SES-4: what a session says of itself is what it has told.

use std::collections::{BTreeMap, BTreeSet};

use sipsimple_core::agent::{Agent, IntentError, Outcome, SessionMut};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::session::{Direction, Originator, SessionError, SessionEvent, SessionState, StreamAction};
use sipsimple_core::stream::{StreamError, StreamEvent};
use sipsimple_core::time::Instant;

use super::act::{Act, Answer, Subject};
use super::traffic::{Fault, Traffic};

/// What was told of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// None is under way.
    None,
    /// It was asked for.
    Asked,
    /// It was agreed to.
    Started,
}

/// What is known of a session, from what was called and what it told.
#[derive(Clone, Debug)]
pub struct Known {
    /// Which side began it.
    pub direction: Direction,
    /// The state that it has told last.
    pub state: SessionState,
    /// Its streams.
    pub streams: Vec<StreamId>,
    /// Whether it has started.
    pub started: bool,
    /// The name that both sides know it by.
    pub call_id: Option<String>,
    /// The streams that this side adds.
    ours: Option<Vec<StreamId>>,
    /// The streams that this side removes.
    leaving: Option<Vec<StreamId>>,
    /// The streams that the peer adds.
    theirs: Option<Vec<StreamId>>,
    /// What this side was told to hold last.
    wanted: bool,
    /// What was told last of what each side holds: this side, and the peer.
    held: [bool; 2],
    /// Our transfer, and the peer's.
    pub transfers: [Transfer; 2],
    transferred: bool,
    /// The transactions that it has told of.
    reported: Vec<(Originator, String, u16)>,
    /// What it has told last.
    last: Option<SessionEvent>,
    /// The code that it was rejected with, and whether it was ended by this side.
    rejected: Option<u16>,
    /// How it came out.
    pub outcome: Option<SessionEvent>,
}

/// What is known of all sessions of all hosts.
#[derive(Debug, Default)]
pub struct Reference {
    /// By host, in the order in which they began.
    order: BTreeMap<usize, Vec<SessionId>>,
    sessions: BTreeMap<(usize, SessionId), Known>,
    /// What goes over the streams.
    pub traffic: Traffic,
    /// The hosts that got a BYE, each with the name of the call.
    pub byes: BTreeSet<(usize, String)>,
    /// What is wrong.
    pub broken: Vec<(&'static str, usize, Instant, String)>,
}

const OURS: usize = 0;
const THEIRS: usize = 1;

const fn side(originator: Originator) -> usize {
    match originator {
        Originator::Local => OURS,
        Originator::Remote => THEIRS,
    }
}

impl Known {
    fn new(direction: Direction, streams: &[StreamId]) -> Self {
        Self {
            direction,
            state: SessionState::Null,
            streams: streams.to_vec(),
            started: false,
            call_id: None,
            ours: None,
            leaving: None,
            theirs: None,
            wanted: false,
            held: [false, false],
            transfers: [Transfer::None, Transfer::None],
            transferred: false,
            reported: Vec::new(),
            last: None,
            rejected: None,
            outcome: None,
        }
    }

    /// Whether nothing more is to come of what was asked for.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let open = self.ours.is_some() || self.leaving.is_some() || self.theirs.is_some();
        let transfers = self.transfers.iter().any(|transfer| *transfer != Transfer::None);
        let resting = matches!(self.state, SessionState::Connected | SessionState::Terminated);
        resting && !open && !transfers
    }

    /// Whether an act is allowed now: if not, whether the error is the one that is due.
    fn allows(&self, act: &Act, subject: &Subject) -> Result<(), fn(&SessionError) -> bool> {
        use SessionState::{Connected, Incoming, ReceivedProposal, SendingProposal};
        let fits = |states: &[SessionState]| states.contains(&self.state);
        let illegal: fn(&SessionError) -> bool = |error| matches!(error, SessionError::IllegalState { .. });
        let nothing: fn(&SessionError) -> bool = |error| *error == SessionError::NoStreams;
        let chosen = |choice: super::act::Choice, of: &[StreamId]| {
            if choice.of(of).is_empty() { Err(nothing) } else { Ok(()) }
        };
        match act {
            Act::Ring if !fits(&[Incoming, ReceivedProposal]) => Err(illegal),
            Act::Accept(_) | Act::Reject(_) if !fits(&[Incoming]) => Err(illegal),
            Act::AcceptProposal(_) | Act::RejectProposal(_) if !fits(&[ReceivedProposal]) => Err(illegal),
            Act::Add(_) | Act::Remove(_) | Act::Transfer { .. } if !fits(&[Connected]) => Err(illegal),
            Act::CancelProposal if !fits(&[SendingProposal]) => Err(illegal),
            Act::CancelProposal if self.ours.is_none() => Err(|error| *error == SessionError::NoProposal),
            Act::Transfer { .. } if self.transfers != [Transfer::None; 2] => {
                Err(|error| *error == SessionError::TransferPending)
            }
            Act::AcceptTransfer | Act::RejectTransfer(_)
                if self.transfers[THEIRS] != Transfer::Asked || !self.state.is_established() =>
            {
                Err(|error| matches!(error, SessionError::NoTransfer))
            }
            Act::Add(kinds) if kinds.is_empty() => Err(nothing),
            Act::Accept(choice) | Act::Remove(choice) => chosen(*choice, &subject.streams),
            Act::AcceptProposal(choice) => chosen(*choice, &subject.proposed),
            _ => Ok(()),
        }
    }
}

impl Reference {
    /// The sessions of a host that have not ended, each with its number.
    pub fn live(&self, host: usize) -> impl Iterator<Item = (usize, &Known)> {
        let order = self.order.get(&host).map(Vec::as_slice).unwrap_or_default();
        let known = move |(number, id): (usize, &SessionId)| Some((number, self.sessions.get(&(host, *id))?));
        order.iter().enumerate().filter_map(known).filter(|(_, known)| known.outcome.is_none())
    }

    /// How many sessions a host has had.
    #[must_use]
    pub fn count(&self, host: usize) -> usize {
        self.order.get(&host).map_or(0, Vec::len)
    }

    /// The session of a host with this number.
    #[must_use]
    pub fn id(&self, host: usize, number: usize) -> Option<SessionId> {
        self.order.get(&host)?.get(number).copied()
    }

    /// All sessions.
    pub fn all(&self) -> impl Iterator<Item = (usize, SessionId, &Known)> {
        self.sessions.iter().map(|((host, id), known)| (*host, *id, known))
    }

    fn wrong(&mut self, property: &'static str, host: usize, at: Instant, text: String) {
        self.broken.push((property, host, at, text));
    }

    /// An act is about to be done: what is known of its session before.
    #[must_use]
    pub fn before(&self, host: usize, subject: &Subject) -> Option<Known> {
        self.sessions.get(&(host, subject.session?)).cloned()
    }

    /// An act was done, and the events that it caused are not told yet.
    pub fn done(&mut self, host: usize, at: Instant, act: &Act, subject: &Subject, answer: &Answer) {
        let Some(session) = subject.session.filter(|_| !matches!(act, Act::Connect { .. })) else {
            if !matches!(answer, Ok(Outcome::Session(_))) {
                self.wrong("SES-1", host, at, format!("{act:?}: {answer:?}"));
            }
            return;
        };
        // What is to be replaced must have a dialog.
        let other = subject
            .other
            .filter(|other| self.sessions.get(&(host, *other)).is_none_or(|other| !other.state.is_established()));
        let Some(known) = self.sessions.get_mut(&(host, session)) else { return };
        let over = known.outcome.is_some();
        let allowed = known.allows(act, subject);
        let state = known.state;
        let fits = match (answer, allowed) {
            (Err(IntentError::Stream(error)), _) => match act {
                Act::Dtmf(_) => {
                    matches!(error, StreamError::Unknown(_) | StreamError::NotStarted(_) | StreamError::Unsupported(_))
                }
                // Its connection may be lost, which is not told yet; or too much waits in it.
                Act::Say { .. } => {
                    matches!(error, StreamError::Unknown(_) | StreamError::NotStarted(_) | StreamError::Full(_))
                }
                Act::GiveUp => matches!(error, StreamError::Unknown(_) | StreamError::NotStarted(_)),
                _ => false,
            },
            (Err(IntentError::Session(SessionError::Unknown(_))), _) if over => true,
            (Err(IntentError::Session(SessionError::Unknown(id))), _) if other == Some(*id) => true,
            (_, _) if over => false,
            (Err(IntentError::Session(error)), Err(due)) => {
                let named = match error {
                    SessionError::IllegalState { method, state: told } => method == act.method() && *told == state,
                    _ => true,
                };
                named && due(error)
            }
            (Ok(_), Ok(())) => true,
            // What was said of the last transfer may not be acknowledged yet.
            (Err(IntentError::Session(SessionError::TransferPending)), Ok(())) => known.transferred,
            _ => false,
        };
        if fits && answer.is_ok() {
            known.did(act, subject, answer);
            if let (Act::Say { length, .. }, Some(stream)) = (act, act.chat(subject)) {
                self.traffic.said(host, session, stream, *length);
            }
        }
        if !fits {
            let known = known.clone();
            self.wrong("SES-1", host, at, format!("{act:?} in {state}: {answer:?}\n{known:?}"));
        }
    }

    /// A session told something.
    pub fn told(&mut self, host: usize, at: Instant, id: SessionId, event: &SessionEvent) {
        let known = self.sessions.entry((host, id)).or_insert_with(|| {
            self.order.entry(host).or_default().push(id);
            let direction = match event {
                SessionEvent::ChangedState { state: SessionState::Incoming, .. } => Direction::Incoming,
                _ => Direction::Outgoing,
            };
            Known::new(direction, &[])
        });
        let fault = known.hear(event).err();
        let before = known.last.replace(event.clone());
        if let Some(fault) = fault {
            let text = format!("{fault}: {event:?} after {before:?}\n{known:?}");
            self.wrong("SES-2", host, at, text);
        }
    }

    /// A stream told something.
    pub fn streamed(
        &mut self,
        host: usize,
        at: Instant,
        (session, stream): (SessionId, StreamId),
        kind: &str,
        event: &StreamEvent,
    ) {
        // A stream that fails beside others is removed as if this side had asked for it; while something else is under way it is gone at once.
        if let (StreamEvent::DidFail { .. }, Some(known)) = (event, self.sessions.get_mut(&(host, session)))
            && known.state == SessionState::Connected
            && known.leaving.is_none()
            && known.streams.len() > 1
            && known.streams.contains(&stream)
        {
            known.streams.retain(|other| *other != stream);
            known.leaving = Some(vec![stream]);
        }
        let result = self.traffic.told(host, session, stream, kind, event);
        self.judge(host, at, result);
    }

    /// Something is wrong with what goes over a stream, or not.
    pub(super) fn judge(&mut self, host: usize, at: Instant, result: Result<(), Fault>) {
        if let Err((property, text)) = result {
            self.wrong(property, host, at, text);
        }
    }

    /// Messages have come out of the session that they went into.
    ///
    /// # Errors
    /// When one has not.
    pub fn matched(&self) -> Result<(), String> {
        for (from, to) in self.traffic.came() {
            let call = |of| self.sessions.get(&of).and_then(|known| known.call_id.as_ref());
            if let (Some(one), Some(other)) = (call(from), call(to))
                && one != other
            {
                return Err(format!("SES-6: a message of {one} came out of {other}"));
            }
        }
        Ok(())
    }

    /// What a session says of itself is what was told.
    pub fn look(&mut self, host: usize, at: Instant, agent: &mut Agent) {
        let live: Vec<SessionId> = self.order.get(&host).cloned().unwrap_or_default();
        for id in live {
            let Some(known) = self.sessions.get_mut(&(host, id)) else { continue };
            let session = agent.session(at, id);
            let fault = match (&session, known.outcome.is_some()) {
                (None, true) => None,
                (Some(session), false) => known.compare(session).err(),
                (Some(session), true) => Some(format!("it has ended, and is {}", session.state())),
                (None, false) => Some("it is gone and has not ended".to_owned()),
            };
            if let Some(fault) = fault {
                let text = format!("{id}: {fault}\n{known:?}");
                self.wrong("SES-4", host, at, text);
            }
        }
    }
}

impl Known {
    /// An act was done on it.
    fn did(&mut self, act: &Act, subject: &Subject, answer: &Answer) {
        match (act, answer) {
            (Act::Accept(choice), _) => self.streams = choice.of(&subject.streams),
            (Act::Reject(code), _) => self.rejected = Some(*code),
            (Act::Add(_), Ok(Outcome::Streams(streams))) => self.ours = Some(streams.clone()),
            (Act::Remove(choice), _) => {
                let leaving = choice.of(&subject.streams);
                self.streams.retain(|stream| !leaving.contains(stream));
                self.leaving = Some(leaving);
            }
            (Act::Hold, _) if self.state != SessionState::Terminating => self.wanted = true,
            (Act::Unhold, _) if self.state != SessionState::Terminating => self.wanted = false,
            _ => {}
        }
    }

    fn has_reported(&self, originator: Originator, method: &str, fits: impl Fn(u16) -> bool) -> bool {
        self.reported.iter().any(|(by, of, code)| *by == originator && of == method && fits(*code))
    }

    /// What it tells; an error when it is not the time for that.
    fn hear(&mut self, event: &SessionEvent) -> Result<(), &'static str> {
        use SessionEvent as E;
        use SessionState as S;
        let last = self.last.clone();
        let entered = |wanted: S| matches!(&last, Some(E::ChangedState { state, .. }) if *state == wanted);
        let resumed = entered(S::Connected) || entered(S::SendingProposal);
        let must = |holds: bool, why: &'static str| if holds { Ok(()) } else { Err(why) };
        // What some news is always followed by.
        match &last {
            Some(E::ChangedState { prev_state: S::Outgoing | S::Accepting, state: S::Connected }) => {
                must(matches!(event, E::DidStart { .. }), "it must say first that it has started")?;
            }
            Some(E::ChangedState { state: S::Terminated, .. }) => {
                must(matches!(event, E::DidEnd { .. } | E::DidFail { .. }), "it must say first how it came out")?;
            }
            Some(E::ChangedState { state: S::ReceivedProposal, .. }) => {
                let due = matches!(event, E::GotProposal { originator: Originator::Remote, .. });
                must(due, "it must say first what is proposed")?;
            }
            Some(E::GotRingIndication) => {
                must(matches!(event, E::GotProvisionalResponse { code: 180, .. }), "the response is missing")?;
            }
            Some(E::GotAcceptProposal { originator, streams, .. }) => {
                let due = E::DidRenegotiateStreams {
                    originator: *originator,
                    action: StreamAction::Add,
                    streams: streams.clone(),
                };
                must(*event == due, "it must say first that the streams were added")?;
            }
            Some(E::DidEnd { .. } | E::DidFail { .. }) => return Err("it has ended"),
            _ => {}
        }
        match event {
            E::ChangedState { prev_state, state } => {
                must(*prev_state == self.state, "that was not its state")?;
                self.state = *state;
            }
            E::NewIncoming { streams, .. } => {
                must(entered(S::Incoming), "it is not incoming")?;
                self.streams.clone_from(streams);
            }
            E::NewOutgoing { streams, .. } => {
                must(entered(S::Outgoing), "it is not outgoing")?;
                self.streams.clone_from(streams);
            }
            E::GotRingIndication => {
                must(
                    matches!(self.state, S::Outgoing | S::SendingProposal | S::CancellingProposal),
                    "nobody rings now",
                )?;
            }
            E::GotProvisionalResponse { code, .. } => {
                must(*code != 180 || last == Some(E::GotRingIndication), "it rings, and that was not told")?;
                let open = matches!(self.state, S::Outgoing | S::SendingProposal | S::CancellingProposal);
                must(open && (101..200).contains(code), "there is nothing to respond to")?;
            }
            E::WillStart => must(matches!(self.state, S::Outgoing | S::Accepting), "it cannot start")?,
            E::DidStart { streams } => {
                must(entered(S::Connected), "it is not connected")?;
                let reported = match self.direction {
                    Direction::Outgoing => {
                        self.has_reported(Originator::Local, "INVITE", |code| (200..300).contains(&code))
                    }
                    Direction::Incoming => self.has_reported(Originator::Remote, "INVITE", |code| code == 200),
                };
                must(reported, "its INVITE was not told")?;
                let known = streams.iter().all(|stream| self.streams.contains(stream));
                must(known && !streams.is_empty(), "these are not its streams")?;
                self.streams.clone_from(streams);
                self.started = true;
            }
            E::WillEnd { .. } => must(self.state == S::Terminating, "it is not ending")?,
            E::DidEnd { .. } => {
                must(entered(S::Terminated), "it is not over")?;
                let bye = |code| code > 0;
                let told = self.has_reported(Originator::Local, "BYE", bye)
                    || self.has_reported(Originator::Remote, "BYE", bye);
                must(told || !self.started, "its BYE was not told")?;
                must(self.ours.is_none() && self.theirs.is_none(), "a proposal was not settled")?;
                must(self.transfers == [Transfer::None; 2], "a transfer was not settled")?;
                self.outcome = Some(event.clone());
            }
            E::DidFail { originator, code, .. } => {
                must(entered(S::Terminated), "it is not over")?;
                must(!self.started, "it has started")?;
                if *originator == Originator::Remote && self.direction == Direction::Outgoing {
                    must(
                        self.has_reported(Originator::Local, "INVITE", |told| told == *code),
                        "no INVITE was told of",
                    )?;
                }
                if let Some(rejected) = self.rejected.filter(|_| *originator == Originator::Local) {
                    must(rejected == *code, "it was rejected with another code")?;
                }
                self.outcome = Some(event.clone());
            }
            E::DidChangeHoldState { originator, on_hold, partial } => {
                must(self.started && self.state.is_established(), "it is not established")?;
                must(*on_hold || !*partial, "it is not held at all")?;
                self.held[side(*originator)] = *on_hold;
            }
            E::GotProposal { originator: Originator::Local, streams, .. } => {
                must(self.state == S::SendingProposal, "nothing is sent")?;
                must(self.ours.as_ref() == Some(streams), "these are not added")?;
            }
            E::GotProposal { originator: Originator::Remote, streams, .. } => {
                must(entered(S::ReceivedProposal), "nothing was received")?;
                must(self.theirs.is_none(), "another is not settled")?;
                self.theirs = Some(streams.clone());
            }
            E::GotAcceptProposal { originator, streams, proposed_streams } => {
                must(resumed, "it goes on with something else")?;
                let open = if *originator == Originator::Local { &mut self.ours } else { &mut self.theirs };
                must(open.take().as_ref() == Some(proposed_streams), "these were not proposed")?;
                must(streams.iter().all(|it| proposed_streams.contains(it)), "these were not proposed")?;
                must(!streams.is_empty(), "nothing was accepted")?;
            }
            E::GotRejectProposal { originator, streams, .. } | E::HadProposalFailure { originator, streams, .. } => {
                let open = if *originator == Originator::Local { &mut self.ours } else { &mut self.theirs };
                must(open.take().as_ref() == Some(streams), "these were not proposed")?;
            }
            E::DidRenegotiateStreams { action: StreamAction::Add, streams, .. } => {
                must(matches!(last, Some(E::GotAcceptProposal { .. })), "they were not accepted")?;
                self.streams.extend(streams);
            }
            E::DidRenegotiateStreams { originator, action: StreamAction::Remove, streams } => {
                if *originator == Originator::Local && self.leaving.as_ref() == Some(streams) {
                    self.leaving = None;
                } else {
                    must(streams.iter().all(|it| self.streams.contains(it)), "they are not there")?;
                    self.streams.retain(|stream| !streams.contains(stream));
                }
            }
            E::TransferNewIncoming { .. } => {
                must(self.state.is_established(), "it is not established")?;
                must(self.transfers[THEIRS] == Transfer::None, "another is under way")?;
                self.transfers[THEIRS] = Transfer::Asked;
                self.transferred = true;
            }
            E::TransferNewOutgoing { .. } => {
                must(self.transfers[OURS] == Transfer::None, "another is under way")?;
                self.transfers[OURS] = Transfer::Asked;
                self.transferred = true;
            }
            E::TransferDidStart | E::TransferGotProgress { .. } | E::TransferDidEnd | E::TransferDidFail { .. } => {
                self.transfer(event)?;
            }
            E::DidProcessTransaction { originator, method, code, .. } => {
                self.reported.push((*originator, method.to_string(), *code));
            }
            _ => {}
        }
        Ok(())
    }

    /// News of a transfer: which side's it is they do not say, so it is the one that they fit.
    fn transfer(&mut self, event: &SessionEvent) -> Result<(), &'static str> {
        let (needs, next): (&[Transfer], Transfer) = match event {
            SessionEvent::TransferDidStart => (&[Transfer::Asked], Transfer::Started),
            SessionEvent::TransferGotProgress { .. } => (&[Transfer::Started], Transfer::Started),
            SessionEvent::TransferDidEnd => (&[Transfer::Started], Transfer::None),
            _ => (&[Transfer::Asked, Transfer::Started], Transfer::None),
        };
        match self.transfers.iter_mut().find(|transfer| needs.contains(transfer)) {
            Some(transfer) => {
                *transfer = next;
                Ok(())
            }
            None => Err("no transfer is so far"),
        }
    }

    /// What it says of itself is what it has told.
    fn compare(&mut self, session: &SessionMut<'_>) -> Result<(), String> {
        if session.state() != self.state {
            return Err(format!("it is {}", session.state()));
        }
        self.call_id = session.call_id().map(|name| name.to_string());
        if !self.state.is_established() {
            return Ok(());
        }
        if session.streams() != self.streams {
            return Err(format!("its streams are {:?}", session.streams()));
        }
        let held = |host: fn(&dyn sipsimple_core::stream::MediaStream) -> bool| {
            self.streams.iter().filter_map(|stream| session.stream(*stream)).any(host)
        };
        let remote = held(|stream| stream.on_hold_by_remote());
        // Of streams that are on their way out it is told when they are gone.
        if self.leaving.is_none() && remote != self.held[THEIRS] {
            return Err(format!("the peer holds it: {remote}"));
        }
        let proposed = session.proposed_streams();
        let told = self.theirs.clone().or_else(|| self.ours.clone());
        if proposed != told {
            return Err(format!("proposed is {proposed:?}"));
        }
        Ok(())
    }

    /// What is still not right when everything has settled.
    pub fn unsettled(&self, session: &SessionMut<'_>) -> Option<String> {
        let able = |stream: &&dyn sipsimple_core::stream::MediaStream| stream.hold_supported();
        let streams = || self.streams.iter().filter_map(|stream| session.stream(*stream)).filter(able);
        let held = streams().any(|stream| stream.on_hold_by_local());
        if streams().next().is_some() && held != self.held[OURS] {
            return Some(format!("this side holds it: {held}"));
        }
        if held && !self.wanted {
            return Some("it is held, and nobody wants that".to_owned());
        }
        None
    }
}
