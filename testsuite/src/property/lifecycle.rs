//! GEN-7: whatever starts ends, once; and what is told in between is told in the seeds' order.

use std::collections::{BTreeMap, BTreeSet};

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::session::{Originator, SessionEvent, SessionState, StreamAction};
use sipsimple_core::stream::StreamEvent;
use sipsimple_core::time::Instant;

use super::{Memory, Property, Violations};

/// Watches sessions and streams.
#[derive(Debug, Default)]
pub struct Lifecycle {
    sessions: BTreeMap<(usize, SessionId), Session>,
    streams: BTreeMap<(usize, StreamId), Stream>,
    /// Those that have ended.
    gone: Memory<(usize, StreamId), ()>,
    /// How far the ids of a host have come: what is over is forgotten, and must not come back.
    newest: BTreeMap<usize, SessionId>,
    shut_down: BTreeSet<usize>,
}

#[derive(Debug)]
struct Session {
    state: SessionState,
    new: bool,
    will_start: bool,
    started: bool,
    will_end: bool,
    /// The proposals that are told of and not settled.
    proposals: Vec<Originator>,
    active: BTreeSet<StreamId>,
}

#[derive(Debug, Default)]
struct Stream {
    started: bool,
    will_end: bool,
}

impl Property for Lifecycle {
    fn told(&mut self, host: usize, at: Instant, event: &Event, broken: &mut Violations) {
        let mut wrong = |why: &str| broken.add("GEN-7", host, at, format!("{why}: {:?}", event.kind));
        if self.shut_down.contains(&host) {
            wrong("told after the shutdown");
        }
        match &event.kind {
            EventKind::Session { id, event } => self.session(host, *id, event, &mut wrong),
            EventKind::Stream { id, event, .. } => self.stream(host, *id, at, event, &mut wrong),
            EventKind::ShutDown => {
                self.shut_down.insert(host);
                if self.sessions.keys().any(|(known, _)| *known == host) {
                    wrong("a session has not ended");
                }
            }
            _ => {}
        }
    }

    fn finished(&mut self, now: Instant, broken: &mut Violations) {
        for ((host, id), session) in &self.sessions {
            broken.add("GEN-7", *host, now, format!("{id} has never ended: {session:?}"));
        }
        for ((host, id), stream) in &self.streams {
            broken.add("GEN-7", *host, now, format!("{id} has never ended: {stream:?}"));
        }
    }
}

impl Lifecycle {
    fn session(&mut self, host: usize, id: SessionId, event: &SessionEvent, wrong: &mut impl FnMut(&str)) {
        if self.newest.get(&host).is_none_or(|newest| id > *newest) {
            self.newest.insert(host, id);
            let new = Session {
                state: SessionState::Null,
                new: false,
                will_start: false,
                started: false,
                will_end: false,
                proposals: Vec::new(),
                active: BTreeSet::new(),
            };
            self.sessions.insert((host, id), new);
        }
        let Some(session) = self.sessions.get_mut(&(host, id)) else {
            wrong("told after its end");
            return;
        };
        if !session.new && !matches!(event, SessionEvent::ChangedState { .. }) {
            match event {
                SessionEvent::NewIncoming { .. } | SessionEvent::NewOutgoing { .. } => session.new = true,
                _ => wrong("told before it is new"),
            }
            return;
        }
        match event {
            SessionEvent::ChangedState { prev_state, state } => {
                if *prev_state != session.state || !follows(*prev_state, *state) {
                    wrong("no such change of state");
                }
                session.state = *state;
            }
            SessionEvent::NewIncoming { .. } | SessionEvent::NewOutgoing { .. } => wrong("it is not new"),
            SessionEvent::WillStart if std::mem::replace(&mut session.will_start, true) => {
                wrong("it will start twice");
            }
            SessionEvent::DidStart { streams } => {
                session.active.extend(streams);
                if !session.will_start || session.will_end || session.state != SessionState::Connected {
                    wrong("it cannot start now");
                }
                if std::mem::replace(&mut session.started, true) {
                    wrong("it starts twice");
                }
            }
            SessionEvent::WillEnd { .. } if std::mem::replace(&mut session.will_end, true) => {
                wrong("it will end twice");
            }
            SessionEvent::DidFail { .. } => {
                if session.started || session.will_end || session.state != SessionState::Terminated {
                    wrong("it cannot fail now");
                }
                self.sessions.remove(&(host, id));
            }
            SessionEvent::DidEnd { .. } => {
                if !session.will_end || session.state != SessionState::Terminated {
                    wrong("it cannot end now");
                }
                if !session.proposals.is_empty() {
                    wrong("a proposal was never settled");
                }
                self.sessions.remove(&(host, id));
            }
            SessionEvent::GotProposal { originator, .. } => {
                if !session.started || session.proposals.contains(originator) {
                    wrong("it cannot be proposed now");
                }
                session.proposals.push(*originator);
            }
            // What we wanted to propose may fail before the peer has heard of it.
            SessionEvent::GotRejectProposal { originator, .. }
            | SessionEvent::HadProposalFailure { originator, .. } => {
                if *originator == Originator::Remote && !session.proposals.contains(originator) {
                    wrong("nothing was proposed");
                }
                session.proposals.retain(|open| open != originator);
            }
            SessionEvent::GotAcceptProposal { originator, streams, proposed_streams } => {
                if !session.proposals.contains(originator) || !streams.iter().all(|it| proposed_streams.contains(it)) {
                    wrong("it was not proposed");
                }
                session.proposals.retain(|open| open != originator);
            }
            SessionEvent::DidRenegotiateStreams { action: StreamAction::Add, streams, .. }
                if !streams.iter().all(|stream| session.active.insert(*stream)) =>
            {
                wrong("it was added twice");
            }
            SessionEvent::DidRenegotiateStreams { action: StreamAction::Remove, streams, .. }
                if !streams.iter().all(|stream| session.active.remove(stream)) =>
            {
                wrong("it was not there");
            }
            SessionEvent::DidChangeHoldState { on_hold, partial, .. }
                if !session.started || session.will_end || (*partial && !*on_hold) =>
            {
                wrong("it cannot be held so now");
            }
            _ => {}
        }
    }

    fn stream(&mut self, host: usize, id: StreamId, at: Instant, event: &StreamEvent, wrong: &mut impl FnMut(&str)) {
        if matches!(event, StreamEvent::DidFail { .. } | StreamEvent::DidEnd) {
            self.gone.put(at, (host, id), ());
        }
        match event {
            StreamEvent::DidInitialize => {
                if self.streams.insert((host, id), Stream::default()).is_some() {
                    wrong("it is initialised twice");
                }
            }
            // A stream that ends while its sockets are bound was never initialised.
            StreamEvent::WillEnd => self.streams.entry((host, id)).or_default().will_end = true,
            StreamEvent::DidFail { .. } => {
                let over = self.streams.remove(&(host, id));
                if over.is_some_and(|stream| stream.will_end) {
                    wrong("it ends and fails");
                }
            }
            StreamEvent::DidEnd => {
                if !self.streams.remove(&(host, id)).is_some_and(|stream| stream.will_end) {
                    wrong("it cannot end now");
                }
            }
            // ICE begins before there is a line to describe.
            event if event.is_of_start() && !self.streams.get(&(host, id)).is_some_and(|stream| stream.will_end) => {}
            event => match self.streams.get_mut(&(host, id)) {
                Some(stream) if matches!(event, StreamEvent::DidStart { .. }) => {
                    if std::mem::replace(&mut stream.started, true) {
                        wrong("it starts twice");
                    }
                }
                Some(stream) => {
                    if (!stream.started || stream.will_end) && !event.is_of_fate() {
                        wrong("told while it does not run");
                    }
                }
                // What was given to a stream that never was initialised has its fate nevertheless.
                None if event.is_of_fate() && self.gone.get(&(host, id)).is_none() => {}
                None => wrong("told of no stream"),
            },
        }
    }
}

/// The changes of state that there are (see the diagram at `SessionState`).
const fn follows(before: SessionState, after: SessionState) -> bool {
    use SessionState::{
        Accepting, AcceptingProposal, CancellingProposal, Connected, Incoming, Null, Outgoing, ReceivedProposal,
        ReceivedProposalRequest, RejectingProposal, SendingProposal, Terminated, Terminating,
    };
    if before.is_established() && matches!(after, Terminating | Terminated) {
        return true;
    }
    matches!(
        (before, after),
        (Null, Outgoing | Incoming)
            | (Outgoing, Connected | Terminating | Terminated)
            | (Incoming, Accepting | Terminating | Terminated)
            | (Accepting, Connected | Terminating | Terminated)
            | (Connected, SendingProposal | ReceivedProposal | ReceivedProposalRequest)
            | (SendingProposal, Connected | CancellingProposal | ReceivedProposal)
            | (CancellingProposal, Connected)
            | (ReceivedProposal, AcceptingProposal | RejectingProposal | Connected | SendingProposal)
            | (AcceptingProposal | RejectingProposal | ReceivedProposalRequest, Connected | SendingProposal)
            | (Terminating, Terminated)
    )
}
