//! What both sides of every call say of it, and whether they agree.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use sipsimple_core::cause::By;
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::media::Parameters;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{Rtp, StreamEvent};

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it failed before it had started.
    pub failed: bool,
    /// The status code, 0 where there was none.
    pub code: u16,
    /// Who ended it.
    pub by: By,
}

/// What one side of a call says of it.
#[derive(Clone, Debug)]
pub struct Side {
    /// Where.
    pub host: usize,
    /// The session.
    pub session: SessionId,
    /// Whether it started.
    pub started: bool,
    /// What its stream agreed on, and where it listens.
    pub media: Option<(Parameters, SocketAddr)>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    sent: String,
    got: String,
}

/// What is known of all calls.
#[derive(Debug)]
pub struct Notes {
    calls: Vec<(Option<Side>, Vec<Side>)>,
    running: BTreeMap<(usize, StreamId), (usize, SessionId)>,
    /// Intents that were refused, as they should be.
    pub refused: usize,
}

impl Side {
    fn new(host: usize, session: SessionId) -> Self {
        Self { host, session, started: false, media: None, outcome: None, sent: String::new(), got: String::new() }
    }
}

impl Notes {
    pub(super) fn new(calls: usize) -> Self {
        let calls = std::iter::repeat_with(|| (None, Vec::new())).take(calls).collect();
        Self { calls, running: BTreeMap::new(), refused: 0 }
    }

    /// A call was started.
    pub(super) fn connected(&mut self, call: usize, host: usize, session: SessionId) {
        self.calls[call].0 = Some(Side::new(host, session));
    }

    /// A call came; which one it is says the name of its From.
    pub(super) fn incoming(&mut self, identity: &str, host: usize, session: SessionId) -> Option<usize> {
        let number = identity.split("call ").nth(1)?.split([' ', '"']).next()?.parse::<usize>().ok()?;
        self.calls.get_mut(number)?.1.push(Side::new(host, session));
        Some(number)
    }

    fn side(&mut self, call: Option<usize>, host: usize, session: SessionId) -> Option<&mut Side> {
        let (caller, callees) = self.calls.get_mut(call?)?;
        caller.iter_mut().chain(callees).find(|side| side.host == host && side.session == session)
    }

    /// A session told something.
    pub(super) fn told(&mut self, call: Option<usize>, host: usize, session: SessionId, event: &SessionEvent) {
        let Some(side) = self.side(call, host, session) else { return };
        match event {
            SessionEvent::DidStart { .. } => side.started = true,
            SessionEvent::DidFail { code, cause, .. } => {
                side.outcome = Some(Outcome { failed: true, code: *code, by: cause.by });
            }
            SessionEvent::DidEnd { cause, .. } => {
                side.outcome = Some(Outcome { failed: false, code: cause.code.unwrap_or(0), by: cause.by });
            }
            _ => {}
        }
    }

    /// A stream told something.
    pub(super) fn stream(
        &mut self,
        call: Option<usize>,
        host: usize,
        (session, stream): (SessionId, StreamId),
        event: &StreamEvent,
    ) {
        match event {
            StreamEvent::DidStart { rtp: Some(Rtp { parameters, local }) } => {
                if let Some(call) = call {
                    self.running.insert((host, stream), (call, session));
                }
                if let Some(side) = self.side(call, host, session) {
                    side.media = Some((parameters.clone(), *local));
                }
            }
            StreamEvent::GotDtmf { digit } => {
                if let Some(side) = self.side(call, host, session) {
                    side.got.push(*digit);
                }
            }
            _ => {
                self.running.remove(&(host, stream));
            }
        }
    }

    /// Whether a stream has started and not ended, as far as was told.
    pub(super) fn is_running(&self, host: usize, stream: StreamId) -> bool {
        self.running.contains_key(&(host, stream))
    }

    /// A digit was sent.
    pub(super) fn sent_digit(&mut self, host: usize, stream: StreamId, digit: char) {
        if let Some((call, session)) = self.running.get(&(host, stream)).copied()
            && let Some(side) = self.side(Some(call), host, session)
        {
            side.sent.push(digit);
        }
    }

    /// Whether the two sides of every call agree; how many calls were established on both, and how many on none.
    ///
    /// # Panics
    /// When they do not.
    #[must_use]
    pub fn agree(&self) -> (usize, usize) {
        let (mut established, mut failed) = (0, 0);
        for (number, (caller, callees)) in self.calls.iter().enumerate() {
            let Some(caller) = caller else {
                assert!(callees.is_empty(), "call {number} came and was never made");
                continue;
            };
            for side in callees.iter().chain([caller]) {
                assert!(side.outcome.is_some(), "GEN-7: call {number} has not ended: {side:?}");
            }
            let started: Vec<&Side> = callees.iter().filter(|callee| callee.started).collect();
            assert!(started.len() <= 1, "call {number} was established twice: {callees:?}");
            if caller.started {
                assert!(!callees.is_empty(), "call {number} was answered by nobody: {caller:?}");
            }
            match (caller.started, started.first()) {
                (true, Some(callee)) => {
                    established += 1;
                    same_media(number, caller, callee);
                }
                (false, Some(callee)) => {
                    // The callee saw an ACK: then the caller had accepted its 2xx, or had it ended at once.
                    let outcome = caller.outcome.expect("it was looked at");
                    let refused = outcome.failed && outcome.code >= 300 && outcome.by == By::Remote;
                    let silent = outcome.by == By::Timeout || outcome.by == By::Network;
                    assert!(!refused && !silent, "call {number}: {caller:?}\n{callee:?}");
                }
                (true, None) => {}
                (false, None) => failed += 1,
            }
        }
        (established, failed)
    }
}

/// Both sides send where the other listens, in a codec that the other knows, in directions that fit.
fn same_media(number: usize, caller: &Side, callee: &Side) {
    let (Some((ours, here)), Some((theirs, there))) = (&caller.media, &callee.media) else {
        panic!("call {number} was established without media: {caller:?}\n{callee:?}");
    };
    let text = format!("call {number}: {ours:?} at {here}\n{theirs:?} at {there}");
    assert_eq!((ours.remote_rtp, theirs.remote_rtp), (Some(*there), Some(*here)), "OA-14: {text}");
    let codec = |parameters: &Parameters| {
        parameters.formats.first().map(|format| (format.encoding.to_ascii_uppercase(), format.clock_rate))
    };
    assert_eq!(codec(ours), codec(theirs), "OA-14: {text}");
    assert_eq!(ours.telephone_event.is_some(), theirs.telephone_event.is_some(), "OA-14: {text}");
    let fits =
        ours.direction.sends() == theirs.direction.receives() && ours.direction.receives() == theirs.direction.sends();
    assert!(fits, "OA-14: {text}");
    for (sent, got) in [(&caller.sent, &callee.got), (&callee.sent, &caller.got)] {
        let mut left = sent.chars();
        let once = got.chars().all(|digit| left.any(|other| other == digit));
        assert!(once, "DTM-1: call {number}: {got} was heard of {sent}");
    }
}
