//! What a host's user does.

use std::time::Duration;

use sipsimple_core::agent::{Agent, Event, EventKind};
use sipsimple_core::id::SessionId;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::time::Instant;

/// What a user may ask of the world.
#[derive(Debug, Default)]
pub struct Alarms {
    /// Wake the user so long from now, with this number.
    pub set: Vec<(Duration, u64)>,
}

/// The user of a host: gets the events of its agent, and may do what it likes with the agent at any time.
pub trait Application {
    /// An event came.
    fn event(&mut self, now: Instant, event: &Event, agent: &mut Agent, alarms: &mut Alarms);

    /// An alarm that was set has come.
    fn alarm(&mut self, _now: Instant, _number: u64, _agent: &mut Agent, _alarms: &mut Alarms) {}
}

/// A user who does nothing.
#[derive(Debug, Default)]
pub struct Idle;

impl Application for Idle {
    fn event(&mut self, _: Instant, _: &Event, _: &mut Agent, _: &mut Alarms) {}
}

/// A user who answers every call in the same way.
#[derive(Clone, Debug)]
pub struct Answering {
    /// Send 180 after so long.
    pub ring: Option<Duration>,
    /// Accept after so long.
    pub accept: Option<Duration>,
    /// Reject with this code after so long.
    pub reject: Option<(Duration, u16)>,
    /// End an established call after so long.
    pub end: Option<Duration>,
}

impl Answering {
    /// Rings at once, and accepts after so long.
    #[must_use]
    pub const fn after(accept: Duration) -> Self {
        Self { ring: Some(Duration::ZERO), accept: Some(accept), reject: None, end: None }
    }
}

const RING: u64 = 0;
const ACCEPT: u64 = 1;
const REJECT: u64 = 2;
const END: u64 = 3;
const ACTIONS: u64 = 4;

impl Application for Answering {
    fn event(&mut self, _: Instant, event: &Event, _: &mut Agent, alarms: &mut Alarms) {
        let EventKind::Session { id, event } = &event.kind else { return };
        let mut set = |after: Option<Duration>, action| {
            if let Some(after) = after {
                alarms.set.push((after, id.as_u64() * ACTIONS + action));
            }
        };
        match event {
            SessionEvent::NewIncoming { .. } => {
                set(self.ring, RING);
                set(self.accept, ACCEPT);
                set(self.reject.map(|(after, _)| after), REJECT);
            }
            SessionEvent::DidStart { .. } => set(self.end, END),
            _ => {}
        }
    }

    fn alarm(&mut self, now: Instant, number: u64, agent: &mut Agent, _: &mut Alarms) {
        let Some(mut session) = agent.session(now, SessionId::from_u64(number / ACTIONS)) else { return };
        // A call that has moved on by then refuses these, and that is all right.
        let _ = match number % ACTIONS {
            RING => session.send_ring_indication(),
            ACCEPT => {
                let streams = session.streams();
                session.accept(&streams)
            }
            REJECT => session.reject(self.reject.map_or(486, |(_, code)| code), None),
            _ => session.end(),
        };
    }
}
