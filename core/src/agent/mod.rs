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

/// The composed client: sans-IO, deterministic. To come.
#[derive(Debug)]
pub struct Agent {}

impl Agent {
    /// One way in from the world.
    pub fn handle(&mut self, _now: crate::time::Instant, _input: Input) {}

    /// One way in from the application.
    ///
    /// # Errors
    /// Wrong in this state.
    pub fn intend(&mut self, _now: crate::time::Instant, _intent: Intent) -> Result<Outcome, IntentError> {
        Ok(Outcome::Done)
    }

    /// How many more bytes this connection may be fed now; 0: stop reading the socket.
    #[must_use]
    pub fn read_budget(&self, _conn: crate::id::ConnId) -> usize {
        0
    }
}
