//! The transfer of the demo: alice calls bob, who lets her talk to carol instead.
//!
//! ```text
//!   alice ── calls ──► bob ── asks her to call carol ──► alice ── calls ──► carol ── answers ──► the first call ends ──► alice hangs up
//! ```

use std::time::{Duration, Instant};

use sipsimple_core::agent::{EventKind as AgentEvent, Intent, Outcome};
use sipsimple_core::id::SessionId;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::transport::Transport;
use sipsimple_drivers::EventKind;

use super::party::{Party, next};
use crate::failure::Failure;
use crate::output::Output;
use crate::words;

/// How long it may take altogether.
const PATIENCE: Duration = Duration::from_secs(20);

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

/// The two calls.
pub(super) struct Transfer<'a> {
    parties: &'a [Party; 3],
    transport: Transport,
    out: Output,
    /// Alice's call to bob, and the one to carol.
    first: Option<SessionId>,
    second: Option<SessionId>,
    /// Whether carol talks to alice, and whether bob is told that she does.
    answered: bool,
    transferred: bool,
    over: bool,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(parties: &'a [Party; 3], transport: Transport, out: Output) -> Self {
        let (first, second, answered, transferred, over) = (None, None, false, false, false);
        Self { parties, transport, out, first, second, answered, transferred, over }
    }

    /// Does it.
    ///
    /// # Errors
    /// When a call or the transfer fails.
    pub(super) fn run(mut self) -> Result<(), Failure> {
        self.first = Some(self.call(ALICE, BOB)?);
        let give_up = Instant::now() + PATIENCE;
        while !self.over {
            let next = next(&self.parties.each_ref(), give_up, self.out)?;
            let (number, event) = next.ok_or_else(|| Failure::new("the transfer did not come to its end in time"))?;
            match &event.kind {
                EventKind::Agent(AgentEvent::Session { id, event }) => self.session(number, *id, event)?,
                _ => continue,
            }
            if self.answered
                && self.transferred
                && self.first.is_none()
                && let Some(second) = self.second.take()
            {
                self.parties[ALICE].application.end(second)?;
            }
        }
        Ok(())
    }

    fn streams() -> Vec<StreamSpec> {
        vec![StreamSpec::Audio(AudioSpec::default())]
    }

    fn uri(&self, of: usize) -> Result<String, Failure> {
        let address = self.parties[of].address(self.transport);
        Ok(address.ok_or_else(|| Failure::new("somebody has no socket"))?.0)
    }

    fn call(&self, from: usize, to: usize) -> Result<SessionId, Failure> {
        let Party { application, account, .. } = &self.parties[from];
        Ok(application.connect(*account, &self.uri(to)?, &[], &Self::streams())?)
    }

    fn session(&mut self, number: usize, id: SessionId, news: &SessionEvent) -> Result<(), Failure> {
        let application = &self.parties[number].application;
        match news {
            SessionEvent::NewIncoming { streams, .. } => application.accept(id, streams)?,
            SessionEvent::DidStart { .. } if number == BOB => {
                let target = self.uri(CAROL)?.as_str().into();
                application.intend(Intent::Transfer { session: id, target, replaced: None })?;
            }
            SessionEvent::DidStart { .. } if number == CAROL => self.answered = true,
            SessionEvent::TransferNewIncoming { .. } => {
                let accept = Intent::AcceptTransfer { session: id, routes: Vec::new(), streams: Self::streams() };
                if let Outcome::Session(second) = application.intend(accept)? {
                    self.second = Some(second);
                }
            }
            SessionEvent::TransferDidEnd if number == BOB => self.transferred = true,
            SessionEvent::TransferDidFail { reason, .. } => {
                return Err(Failure::new(format!("the transfer failed: {}", words::printable(reason))));
            }
            SessionEvent::DidFail { originator, code, reason, failure_reason, .. } => {
                let words = words::ending(*originator, *code, reason, failure_reason);
                return Err(Failure::new(format!("a call failed at {}: {words}", self.parties[number].name)));
            }
            SessionEvent::DidEnd { .. } if number == ALICE && self.first == Some(id) => self.first = None,
            SessionEvent::DidEnd { .. } if number == CAROL => self.over = true,
            _ => {}
        }
        Ok(())
    }
}
