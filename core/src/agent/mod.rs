//! The composed client.

mod config;
mod effect;
mod event;
mod input;
mod intent;

pub use config::{Config, Listen, RtpConfig};
pub use effect::{Deadline, Effect, Question, TimeoutReason};
pub use event::{AccountEvent, Event, EventKind, Stats, TransportEvent};
pub use input::{Answer, Input, NetworkChange, SocketEvent, StreamEvent as ConnectionEvent};
pub use intent::{
    AccountError, AccountSpec, ConnectError, Intent, IntentError, ListenError, Outcome, SessionError, StreamError,
};

use crate::id::{AccountId, ConnId, SessionId, StreamId};
use crate::random::Seed;
use crate::session::SessionState;
use crate::stream::StreamSpec;
use crate::time::{Instant, Utc};
use crate::transport::Route;
use std::time::Duration;

/// The composed client: sans-IO, deterministic.
#[derive(Debug)]
pub struct Agent {}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A limit is too small to work with.
    #[error("the limit {0} is too small")]
    Limit(&'static str),
}

impl Agent {
    /// A new agent.
    ///
    /// # Errors
    /// When the configuration contradicts itself.
    pub fn new(_config: Config, _seed: Seed, _now: Instant, _utc: Utc) -> Result<Self, ConfigError> {
        Ok(Self {})
    }

    /// The same, writing a trace: see [`Agent::poll_trace`].
    ///
    /// # Errors
    /// When the configuration contradicts itself.
    pub fn new_traced(_config: Config, _seed: Seed, _now: Instant, _utc: Utc) -> Result<Self, ConfigError> {
        Ok(Self {})
    }

    /// The one way in from the world. Cannot fail, cannot panic.
    pub fn handle(&mut self, _now: Instant, _input: Input) {}

    /// The one way in from the application, as data.
    ///
    /// # Errors
    /// Wrong in this state: nothing changed.
    pub fn intend(&mut self, _now: Instant, _intent: Intent) -> Result<Outcome, IntentError> {
        Ok(Outcome::Done)
    }

    /// Work for the driver, oldest first.
    #[must_use]
    pub fn poll_effect(&mut self) -> Option<Effect> {
        None
    }

    /// News for the application, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// The next line of the trace (JSON without a line break), oldest first; always `None` for an agent that is not traced.
    #[must_use]
    pub fn poll_trace(&mut self) -> Option<String> {
        None
    }

    /// When `Input::Tick` is next wanted, and why; `None` when nothing is pending.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        None
    }

    /// How many more bytes this connection may be fed now; 0: stop reading the socket.
    #[must_use]
    pub fn read_budget(&self, _conn: ConnId) -> usize {
        0
    }

    /// True when nothing is owed to anyone: the leak oracle.
    #[must_use]
    pub fn is_quiescent(&self) -> bool {
        true
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// The handle of an account.
    pub fn account(&mut self, _now: Instant, _id: AccountId) -> Option<AccountMut<'_>> {
        None
    }

    /// The handle of a session; `None` when it has ended.
    pub fn session(&mut self, _now: Instant, _id: SessionId) -> Option<SessionMut<'_>> {
        None
    }
}

/// The handle of an account: a veneer over [`Agent::intend`].
#[derive(Debug)]
pub struct AccountMut<'a> {
    agent: &'a mut Agent,
    now: Instant,
    id: AccountId,
}

impl AccountMut<'_> {
    /// Starts an outgoing session.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(&mut self, to: &str, routes: &[Route], streams: &[StreamSpec]) -> Result<SessionId, ConnectError> {
        let _ = (&mut self.agent, self.now, self.id, routes, streams);
        Err(ConnectError::BadUri(to.into()))
    }
}

/// The handle of a session: a veneer over [`Agent::intend`].
#[derive(Debug)]
pub struct SessionMut<'a> {
    agent: &'a mut Agent,
    now: Instant,
    id: SessionId,
}

impl SessionMut<'_> {
    /// Sends 180 Ringing.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn send_ring_indication(&mut self) -> Result<(), SessionError> {
        let _ = (&mut self.agent, self.now, self.id);
        Ok(())
    }

    /// Accepts an incoming session with these of its proposed streams.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn accept(&mut self, _streams: &[StreamId]) -> Result<(), SessionError> {
        Ok(())
    }

    /// Rejects an incoming session; the seeds' default is 603 without a reason.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn reject(&mut self, _code: u16, _reason: Option<&str>) -> Result<(), SessionError> {
        Ok(())
    }

    /// Ends the session.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn end(&mut self) -> Result<(), SessionError> {
        Ok(())
    }

    /// Sends a DTMF digit on an audio stream.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub fn send_dtmf(&mut self, _stream: StreamId, _digit: char, _duration: Duration) -> Result<(), StreamError> {
        Ok(())
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> SessionState {
        SessionState::Null
    }
}
