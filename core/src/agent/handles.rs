//! Handles that borrow the agent: a veneer over its intents, with errors of their own.

use std::time::Duration;

use crate::id::{AccountId, SessionId, StreamId};
use crate::session::{SessionError, SessionState};
use crate::sip::Text;
use crate::stream::{StreamError, StreamSpec};
use crate::time::Instant;
use crate::transport::Route;

use super::Agent;
use super::intent::{ConnectError, Intent, IntentError, Outcome};

impl Agent {
    /// The handle of an account; `None` when there is no such account.
    pub fn account(&mut self, now: Instant, id: AccountId) -> Option<AccountMut<'_>> {
        self.accounts.get(id)?;
        Some(AccountMut { agent: self, now, id })
    }

    /// The handle of a session; `None` when there is no such session, or it has ended.
    pub fn session(&mut self, now: Instant, id: SessionId) -> Option<SessionMut<'_>> {
        self.is_live(id).then_some(SessionMut { agent: self, now, id })
    }
}

/// The handle of an account (seed class Account).
#[derive(Debug)]
pub struct AccountMut<'a> {
    agent: &'a mut Agent,
    now: Instant,
    id: AccountId,
}

impl AccountMut<'_> {
    /// Starts an outgoing session (`Session.connect` of the seeds): see [`Intent::Connect`].
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(&mut self, to: &str, routes: &[Route], streams: &[StreamSpec]) -> Result<SessionId, ConnectError> {
        let intent = Intent::Connect {
            account: self.id,
            to: Text::from(to),
            routes: routes.to_vec(),
            streams: streams.to_vec(),
        };
        match self.agent.intend(self.now, intent) {
            Ok(Outcome::Session(session)) => Ok(session),
            Err(IntentError::Connect(error)) => Err(error),
            // No other answer is given to this intent.
            Ok(_) | Err(_) => Err(ConnectError::UnknownAccount(self.id)),
        }
    }
}

/// The handle of a session (seed class Session).
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
        self.intend(Intent::SendRingIndication { session: self.id })
    }

    /// Accepts an incoming session with these of its proposed streams; the others are refused.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn accept(&mut self, streams: &[StreamId]) -> Result<(), SessionError> {
        self.intend(Intent::Accept { session: self.id, streams: streams.to_vec() })
    }

    /// Rejects an incoming session with a status code, 300 to 699; the seeds' default is 603. `None` is the code's own reason phrase.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn reject(&mut self, code: u16, reason: Option<&str>) -> Result<(), SessionError> {
        self.intend(Intent::Reject { session: self.id, code, reason: reason.map(Text::from) })
    }

    /// Ends the session, in any state.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub fn end(&mut self) -> Result<(), SessionError> {
        self.intend(Intent::End { session: self.id })
    }

    /// Sends a DTMF digit on an audio stream that has started.
    ///
    /// # Errors
    /// See [`StreamError`].
    pub fn send_dtmf(&mut self, stream: StreamId, digit: char, duration: Duration) -> Result<(), StreamError> {
        match self.agent.intend(self.now, Intent::SendDtmf { stream, digit, duration }) {
            Ok(_) => Ok(()),
            Err(IntentError::Stream(error)) => Err(error),
            // No other error is given to this intent.
            Err(_) => Err(StreamError::Unknown(stream)),
        }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.agent.calls.get(self.id).map_or(SessionState::Terminated, |call| call.session.state())
    }

    /// The streams: those proposed, and once the session is established those that are active.
    #[must_use]
    pub fn streams(&self) -> Vec<StreamId> {
        let streams = self.agent.calls.get(self.id).map(|call| call.session.streams());
        streams.unwrap_or_default().iter().map(crate::stream::AudioStream::id).collect()
    }

    fn intend(&mut self, intent: Intent) -> Result<(), SessionError> {
        match self.agent.intend(self.now, intent) {
            Ok(_) => Ok(()),
            Err(IntentError::Session(error)) => Err(error),
            // No other error is given to these intents.
            Err(_) => Err(SessionError::Unknown(self.id)),
        }
    }
}
