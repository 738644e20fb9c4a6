//! Who is composing a message (RFC 3994): a [`Composer`] tells the other side, [`Watched`] knows what the other side told.
//!
//! ```text
//!  sender:    Idle ── composing / "active" ──► Active ──┐ refresh: "active" again, 60 s at least
//!              ▲                                │  ▲────┘
//!              ├── message sent / nothing ──────┤
//!              └── 15 s without composing / "idle" ┘
//!
//!  receiver:  Idle ── "active" ──► Active ── "idle", a message, or refresh (120 s without one) ──► Idle
//! ```

use std::time::Duration;

use crate::payload::composing::{IsComposing, State};
use crate::time::{Instant, earliest};

/// How long somebody who does not compose still counts as composing (section 3.2).
const IDLE: Duration = Duration::from_secs(15);
/// How long a receiver believes "active" that names no refresh (section 3.3).
const BELIEVED: Duration = Duration::from_secs(120);
/// The shortest refresh interval (section 3.2).
const SHORTEST_REFRESH: u32 = 60;

/// The side that composes.
#[derive(Debug)]
pub struct Composer {
    refresh: u32,
    /// While active: when it is said again, and when it is not true any more.
    active: Option<(Instant, Instant)>,
    /// Whether the other side does not want to know: it answered a status message with 415 (section 4).
    unwanted: bool,
}

impl Composer {
    /// One that says "active" again every so many seconds, 60 at least.
    #[must_use]
    pub fn new(refresh: u32) -> Self {
        Self { refresh: refresh.max(SHORTEST_REFRESH), active: None, unwanted: false }
    }

    /// Whether the user counts as composing.
    #[must_use]
    pub const fn state(&self) -> State {
        if self.active.is_some() { State::Active } else { State::Idle }
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.active.and_then(|(again, idle)| earliest(Some(again), Some(idle)))
    }

    /// The user composes: a key was pressed. Says what to send, if anything.
    pub fn composing(&mut self, now: Instant) -> Option<IsComposing> {
        if self.unwanted {
            return None;
        }
        let idle = now + IDLE;
        if let Some((_, until)) = &mut self.active {
            *until = idle;
            return None;
        }
        Some(self.activate(now, idle))
    }

    /// The user sent the message: no word of "idle" is needed (section 3.2).
    pub const fn sent(&mut self) {
        self.active = None;
    }

    /// The other side does not understand status messages: none is sent any more.
    pub const fn refused(&mut self) {
        self.active = None;
        self.unwanted = true;
    }

    /// Works off the deadline that has come; says what to send.
    pub fn timeout(&mut self, now: Instant) -> Option<IsComposing> {
        let (again, idle) = self.active?;
        if idle <= now {
            self.active = None;
            return Some(IsComposing { state: State::Idle, ..IsComposing::default() });
        }
        if again <= now { Some(self.activate(now, idle)) } else { None }
    }

    fn activate(&mut self, now: Instant, idle: Instant) -> IsComposing {
        let again = now + Duration::from_secs(self.refresh.into());
        self.active = Some((again, idle));
        IsComposing { state: State::Active, refresh: Some(self.refresh), ..IsComposing::default() }
    }
}

/// What the other side told.
#[derive(Debug, Default)]
pub struct Watched {
    /// Until when it counts as composing.
    until: Option<Instant>,
}

impl Watched {
    /// Whether it composes.
    #[must_use]
    pub const fn state(&self) -> State {
        if self.until.is_some() { State::Active } else { State::Idle }
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// A status message came; an unknown state counts as idle (section 3.5). True when the state has changed.
    pub fn told(&mut self, now: Instant, said: &IsComposing) -> bool {
        let before = self.state();
        self.until = match said.state {
            State::Idle => None,
            State::Active => Some(now + said.refresh.map_or(BELIEVED, |seconds| Duration::from_secs(seconds.into()))),
        };
        self.state() != before
    }

    /// A message came: it is not being composed any more. True when the state has changed.
    pub fn message(&mut self) -> bool {
        self.until.take().is_some()
    }

    /// Works off the deadline that has come. True when the state has changed.
    pub fn timeout(&mut self, now: Instant) -> bool {
        let over = self.until.is_some_and(|until| until <= now);
        if over {
            self.until = None;
        }
        over
    }
}
