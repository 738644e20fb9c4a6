//! One call of the demo, step by step.
//!
//! ```text
//!   connecting ──both started──► listening ──1.6 s──► pressing keys ──all heard──► holding ──held──► resuming ──┐
//!        over ◄──both ended── hanging up ◄──removed── removing ◄──added── adding a stream ◄──taken off hold──┘
//! ```

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sipsimple_audio::engine::Recorded;
use sipsimple_core::agent::{EventKind as AgentEvent, Intent};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::session::{SessionEvent, StreamAction};
use sipsimple_core::stream::{AudioSpec, Originator, StreamEvent, StreamSpec};
use sipsimple_core::transport::Transport;
use sipsimple_drivers::{Event, EventKind};

use super::party::{Party, next};
use crate::failure::Failure;
use crate::output::Output;
use crate::words;

/// How long each side listens to the other's tone.
const LISTEN: Duration = Duration::from_millis(1600);

/// How long a key is pressed, and the time from one to the next.
const KEY: Duration = Duration::from_millis(100);
const KEY_TO_KEY: Duration = Duration::from_millis(200);

/// How long keys may be on their way.
const KEYS_LATE: Duration = Duration::from_secs(3);

/// How long a call may take altogether.
const PATIENCE: Duration = Duration::from_secs(20);

/// What one side heard.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) recording: PathBuf,
    pub(super) keys: String,
}

/// The call from the first party to the second.
pub(super) struct Conversation<'a> {
    parties: [&'a Party; 2],
    transport: Transport,
    out: Output,
    sides: [Side; 2],
    step: Step,
}

/// One side of the call.
#[derive(Debug, Default)]
struct Side {
    session: Option<SessionId>,
    stream: Option<StreamId>,
    started: bool,
    ended: bool,
    /// Whether the call is on hold, as this side has heard.
    held: bool,
    /// What was added to the streams of the beginning.
    added: Vec<StreamId>,
    heard: Heard,
}

/// How far the call has come.
#[derive(Clone, Copy, Debug)]
enum Step {
    Connecting,
    Listening { until: Instant },
    Pressing { next: usize, at: Instant },
    Hearing { until: Instant },
    Holding,
    Resuming,
    Adding,
    Removing,
    HangingUp,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(parties: [&'a Party; 2], transport: Transport, dir: &Path, out: Output) -> Self {
        let side = |party: &Party| Side {
            heard: Heard { recording: dir.join(format!("{transport}-{}-heard.wav", party.name)), ..Heard::default() },
            ..Side::default()
        };
        Self { parties, transport, out, sides: [side(parties[0]), side(parties[1])], step: Step::Connecting }
    }

    /// Holds the conversation. What each side heard, the caller first.
    pub(super) fn run(mut self) -> Result<[Heard; 2], Failure> {
        let [caller, callee] = self.parties;
        let address = callee.address(self.transport);
        let (to, route) = address.ok_or_else(|| Failure::new("the callee has no socket"))?;
        let streams = [StreamSpec::Audio(AudioSpec::default())];
        self.sides[0].session = Some(caller.application.connect(caller.account, &to, &[route], &streams)?);
        let give_up = Instant::now() + PATIENCE;
        while !self.sides.iter().all(|side| side.ended) {
            let due = match self.step {
                Step::Connecting | Step::Holding | Step::Resuming | Step::Adding | Step::Removing | Step::HangingUp => {
                    give_up
                }
                Step::Listening { until: at } | Step::Pressing { at, .. } | Step::Hearing { until: at } => at,
            };
            match next(&self.parties, due.min(give_up), self.out)? {
                Some((number, event)) => self.event(number, &event)?,
                None if Instant::now() >= give_up => return Err(Failure::new("the call did not end in time")),
                None => {}
            }
            while let Some(step) = self.next_step()? {
                self.step = step;
            }
        }
        Ok(self.sides.map(|side| side.heard))
    }

    fn event(&mut self, number: usize, event: &Event) -> Result<(), Failure> {
        let (side, party) = (&mut self.sides[number], self.parties[number]);
        match &event.kind {
            EventKind::Agent(AgentEvent::Session { id, event }) => match event {
                SessionEvent::NewIncoming { streams, .. } => {
                    side.session = Some(*id);
                    party.application.send_ring_indication(*id)?;
                    party.application.accept(*id, streams)?;
                }
                SessionEvent::DidStart { .. } => side.started = true,
                SessionEvent::DidFail { originator, code, reason, failure_reason, .. } => {
                    let words = words::ending(*originator, *code, reason, failure_reason);
                    return Err(Failure::new(format!(
                        "the call over {} failed at {}: {words}",
                        self.transport, party.name
                    )));
                }
                SessionEvent::DidChangeHoldState { on_hold, .. } => side.held = *on_hold,
                SessionEvent::GotProposal { originator: Originator::Remote, streams, .. } => {
                    let (session, streams) = (*id, streams.clone());
                    party.application.intend(Intent::AcceptProposal { session, streams })?;
                }
                SessionEvent::DidRenegotiateStreams { action: StreamAction::Add, streams, .. } => {
                    side.added.clone_from(streams);
                }
                SessionEvent::DidRenegotiateStreams { action: StreamAction::Remove, .. } => side.added.clear(),
                SessionEvent::DidEnd { .. } => side.ended = true,
                _ => {}
            },
            EventKind::Agent(AgentEvent::Stream { id, event, .. }) => match event {
                StreamEvent::DidStart { .. } if side.stream.is_none() => {
                    side.stream = Some(*id);
                    party.application.start_recording(*id, &side.heard.recording, Recorded::Received)?;
                    party.application.play_wave(*id, &party.wave)?;
                }
                StreamEvent::GotDtmf { digit } => side.heard.keys.push(*digit),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    /// The step after this one, when its time has come.
    fn next_step(&self) -> Result<Option<Step>, Failure> {
        let now = Instant::now();
        Ok(Some(match self.step {
            Step::Connecting if self.sides.iter().all(|side| side.started && side.stream.is_some()) => {
                Step::Listening { until: now + LISTEN }
            }
            Step::Listening { until } if now >= until => {
                for (party, stream) in self.streams() {
                    party.application.stop_recording(stream)?;
                }
                Step::Pressing { next: 0, at: now }
            }
            Step::Pressing { next, at } if now >= at => {
                let mut more = false;
                for (party, stream) in self.streams() {
                    if let Some(key) = party.keys.chars().nth(next) {
                        party.application.send_dtmf(stream, key, KEY)?;
                        more = true;
                    }
                }
                if more {
                    Step::Pressing { next: next + 1, at: at + KEY_TO_KEY }
                } else {
                    Step::Hearing { until: now + KEYS_LATE }
                }
            }
            Step::Hearing { until } if now >= until || self.all_keys_heard() => {
                self.intend(|session| Intent::Hold { session })?;
                Step::Holding
            }
            Step::Holding if self.sides.iter().all(|side| side.held) => {
                self.intend(|session| Intent::Unhold { session })?;
                Step::Resuming
            }
            Step::Resuming if self.sides.iter().all(|side| !side.held) => {
                let streams = vec![StreamSpec::Audio(AudioSpec::default())];
                self.intend(|session| Intent::AddStreams { session, streams })?;
                Step::Adding
            }
            Step::Adding if self.sides.iter().all(|side| !side.added.is_empty()) => {
                let streams = self.sides[0].added.clone();
                self.intend(|session| Intent::RemoveStreams { session, streams })?;
                Step::Removing
            }
            Step::Removing if self.sides.iter().all(|side| side.added.is_empty()) => {
                self.intend(|session| Intent::End { session })?;
                Step::HangingUp
            }
            _ => return Ok(None),
        }))
    }

    /// What the caller wants of the call.
    fn intend(&self, intent: impl FnOnce(SessionId) -> Intent) -> Result<(), Failure> {
        if let Some(session) = self.sides[0].session {
            self.parties[0].application.intend(intent(session))?;
        }
        Ok(())
    }

    fn streams(&self) -> impl Iterator<Item = (&'a Party, StreamId)> {
        self.parties.into_iter().zip(&self.sides).filter_map(|(party, side)| Some((party, side.stream?)))
    }

    fn all_keys_heard(&self) -> bool {
        let [caller, callee] = &self.sides;
        caller.heard.keys.len() >= self.parties[1].keys.len() && callee.heard.keys.len() >= self.parties[0].keys.len()
    }
}
