//! The server transaction of every request but INVITE and ACK (RFC 3261 section 17.2.2, RFC 4320).
//!
//! ```text
//!            request: goes up
//!                  │
//!  request: –  ┌───▼────┐            200-699: sent
//!       ┌──────┤ Trying ├─────────────────────────────────────┐
//!       └─────►└───┬────┘                                     │
//!                  │ 100 from above or in time (4320): sent   │
//!             ┌────▼───────┐         200-699: sent      ┌─────▼─────┐
//!             │ Proceeding ├───────────────────────────►│ Completed │
//!             └──┬───┬─▲───┘                            └──┬─▲───┬──┘
//!                │   └─┘ request, 100 again: sent          └─┘   │ J
//!                │                               request: sent   │
//!                │ 64·T1 without an answer (from Trying too)     │
//!                │                                        ┌──────▼─────┐
//!                └───────────────────────────────────────►│ Terminated │
//!                                                         └────────────┘
//! ```
//!
//! RFC 4320 forbids every provisional response but 100, and over an unreliable transport a 100 before the client's timer E has reached T2; when
//! there is no other response by then, it demands one. It forbids 408. What was not answered when the client's timer F must have fired will
//! not be answered any more. Over a reliable transport Completed is left at once. A response that cannot be sent ends nothing (RFC 6026
//! section 8.8).

use std::mem;

use bytes::Bytes;

use super::state::Class;
use super::trying::Trying;
use super::{Action, End, RespondError, State, Timer, Timers};
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::transport::CloseCause;

/// The non-INVITE server transaction.
#[derive(Debug)]
pub struct NonInviteServer {
    timers: Timers,
    reliable: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Trying { trying: Trying, at: Instant, until: Instant },
    Proceeding { last: Bytes, until: Instant },
    Completed { last: Bytes, until: Instant },
    Terminated,
}

impl NonInviteServer {
    /// A request arrived that matches no transaction, from which the 100 can be made.
    #[must_use]
    pub fn start(now: Instant, trying: Trying, reliable: bool, timers: Timers) -> Self {
        let stage = Stage::Trying { trying, at: now + timers.slowed(), until: now + timers.timeout() };
        Self { timers, reliable, stage }
    }

    /// The request arrived again.
    pub fn retransmitted(&self, out: &mut Outbox<Action>) {
        match &self.stage {
            Stage::Proceeding { last, .. } | Stage::Completed { last, .. } => out.push(Action::Send(last.clone())),
            Stage::Trying { .. } | Stage::Terminated => {}
        }
    }

    /// The transaction user answers.
    ///
    /// # Errors
    /// When the final response was given before, or the response is one that RFC 4320 forbids. Nothing is sent then, and nothing changes.
    pub fn respond(
        &mut self,
        now: Instant,
        code: u16,
        response: Bytes,
        out: &mut Outbox<Action>,
    ) -> Result<(), RespondError> {
        let class = self.allowed(now, code)?;
        let mut result = Ok(());
        self.stage = match (mem::replace(&mut self.stage, Stage::Terminated), class) {
            (Stage::Trying { until, .. } | Stage::Proceeding { until, .. }, Class::Provisional) => {
                out.push(Action::Send(response.clone()));
                Stage::Proceeding { last: response, until }
            }
            (Stage::Trying { .. } | Stage::Proceeding { .. }, Class::Success | Class::Refusal) => {
                out.push(Action::Send(response.clone()));
                if self.reliable {
                    end(End::Done, out)
                } else {
                    Stage::Completed { last: response, until: now + self.timers.timeout() }
                }
            }
            (stage @ (Stage::Completed { .. } | Stage::Terminated), _) => {
                result = Err(RespondError::Answered);
                stage
            }
        };
        result
    }

    /// RFC 4320 section 4.
    fn allowed(&self, now: Instant, code: u16) -> Result<Class, RespondError> {
        let early = match self.stage {
            Stage::Trying { at, .. } => !self.reliable && now < at,
            Stage::Proceeding { .. } | Stage::Completed { .. } | Stage::Terminated => false,
        };
        match (Class::of(code), code) {
            (Some(class), 100) if !early => Ok(class),
            (Some(class @ (Class::Success | Class::Refusal)), _) if code != 408 => Ok(class),
            (Some(Class::Provisional | Class::Success | Class::Refusal) | None, _) => {
                Err(RespondError::Forbidden(code))
            }
        }
    }

    /// A response could not be sent.
    pub fn transport_failed(&self, cause: CloseCause, out: &mut Outbox<Action>) {
        match self.stage {
            Stage::Trying { .. } | Stage::Proceeding { .. } | Stage::Completed { .. } => {
                out.push(Action::SendFailed(cause))
            }
            Stage::Terminated => {}
        }
    }

    /// Does what is due. Calling it early or twice does nothing.
    pub fn timeout(&mut self, now: Instant, out: &mut Outbox<Action>) {
        match &mut self.stage {
            Stage::Trying { until, .. } | Stage::Proceeding { until, .. } if now >= *until => {
                self.stage = end(End::Unanswered, out);
            }
            Stage::Trying { trying, at, until } if now >= *at => {
                if let Some(response) = trying.response(now) {
                    out.push(Action::Send(response.clone()));
                    self.stage = Stage::Proceeding { last: response, until: *until };
                } else {
                    *at = *until;
                }
            }
            Stage::Completed { until, .. } if now >= *until => self.stage = end(End::Done, out),
            Stage::Trying { .. } | Stage::Proceeding { .. } | Stage::Completed { .. } | Stage::Terminated => {}
        }
    }

    /// When [`timeout`](Self::timeout) is next due, and which timer that is.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        match &self.stage {
            Stage::Trying { at, until, .. } if at < until => Some((*at, Timer::Trying)),
            Stage::Trying { until, .. } | Stage::Proceeding { until, .. } | Stage::Completed { until, .. } => {
                Some((*until, Timer::J))
            }
            Stage::Terminated => None,
        }
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.stage {
            Stage::Trying { .. } => State::Trying,
            Stage::Proceeding { .. } => State::Proceeding,
            Stage::Completed { .. } => State::Completed,
            Stage::Terminated => State::Terminated,
        }
    }
}

fn end(end: End, out: &mut Outbox<Action>) -> Stage {
    out.push(Action::End(end));
    Stage::Terminated
}
