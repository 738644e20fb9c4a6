//! The INVITE server transaction (RFC 3261 section 17.2.1, as RFC 6026 section 8.6 draws it).
//!
//! ```text
//!                       INVITE: goes up
//!                             │
//!   INVITE: last 1xx   ┌──────▼─────┐ 1xx from above: sent
//!              ┌───────┤ Proceeding ├───────┐
//!              └──────►│            │◄──────┘ after 200 ms without: 100 sent
//!                      └──┬──────┬──┘
//!       300-699: sent     │      │     2xx: sent
//!              ┌──────────┘      └─────────────┐
//!        ┌─────▼─────┐ G, INVITE: sent   ┌─────▼────┐ INVITE: –
//!        │ Completed ├───┐               │ Accepted ├───┐ ACK: goes up
//!        └─┬─────┬─▲─┘   │               └─┬──────▲─┘   │ 2xx from above: sent
//!          │ H   │ └─────┘                 │ L    └─────┘
//!          │     │ ACK                     │
//!          │ ┌───▼───────┐ ACK, INVITE: –  │
//!          │ │ Confirmed │                 │
//!          │ └───┬───────┘                 │
//!          │     │ I        ┌────────────┐ │
//!          └─────┴─────────►│ Terminated │◄┘
//!                           └────────────┘
//! ```
//!
//! Over a reliable transport timer G does not run, and Confirmed is left at once. A response that cannot be sent ends nothing. A 2xx is
//! sent again by the transaction user, through [`respond`](InviteServer::respond).

use std::mem;
use std::time::Duration;

use bytes::Bytes;

use super::retransmission::Retransmission;
use super::state::Class;
use super::trying::Trying;
use super::{Action, End, RespondError, State, Timer, Timers};
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::transport::CloseCause;

/// How long the transaction user may take for its first response before the transaction answers with 100 (RFC 3261 section 17.2.1).
const PATIENCE: Duration = Duration::from_millis(200);

/// The INVITE server transaction.
#[derive(Debug)]
pub struct InviteServer {
    timers: Timers,
    reliable: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Proceeding { answer: Answer },
    Completed { last: Bytes, again: Option<Retransmission>, until: Instant },
    Confirmed { until: Instant },
    Accepted { until: Instant },
    Terminated,
}

/// What was answered so far, not finally.
#[derive(Debug)]
enum Answer {
    /// Nothing; this is what a 100 is made from, and when.
    Pending { trying: Trying, at: Instant },
    /// This was sent last.
    Sent(Bytes),
    /// Nothing, and a 100 cannot be made.
    Nothing,
}

impl InviteServer {
    /// An INVITE arrived that matches no transaction, from which the 100 can be made.
    #[must_use]
    pub fn start(now: Instant, trying: Trying, reliable: bool, timers: Timers) -> Self {
        let answer = Answer::Pending { trying, at: now + PATIENCE };
        Self { timers, reliable, stage: Stage::Proceeding { answer } }
    }

    /// The INVITE arrived again.
    pub fn retransmitted(&self, out: &mut Outbox<Action>) {
        match &self.stage {
            Stage::Proceeding { answer: Answer::Sent(last) } | Stage::Completed { last, .. } => {
                out.push(Action::Send(last.clone()));
            }
            Stage::Proceeding { .. } | Stage::Confirmed { .. } | Stage::Accepted { .. } | Stage::Terminated => {}
        }
    }

    /// An ACK arrived that matches this transaction: one for a refusal, or from a client that sends that for a 2xx with the same branch.
    pub fn acknowledged(&mut self, now: Instant, out: &mut Outbox<Action>) {
        match self.stage {
            Stage::Completed { .. } => {
                out.push(Action::Confirmed);
                self.stage =
                    if self.reliable { end(End::Done, out) } else { Stage::Confirmed { until: now + self.timers.t4 } };
            }
            Stage::Accepted { .. } => out.push(Action::Deliver),
            Stage::Proceeding { .. } | Stage::Confirmed { .. } | Stage::Terminated => {}
        }
    }

    /// The transaction user answers.
    ///
    /// # Errors
    /// When a final response was given before; a further 2xx after a 2xx is sent. Nothing is sent then, and nothing changes.
    pub fn respond(
        &mut self,
        now: Instant,
        code: u16,
        response: Bytes,
        out: &mut Outbox<Action>,
    ) -> Result<(), RespondError> {
        let class = Class::of(code).ok_or(RespondError::Forbidden(code))?;
        let mut result = Ok(());
        self.stage = match (mem::replace(&mut self.stage, Stage::Terminated), class) {
            (Stage::Proceeding { .. }, Class::Provisional) => {
                out.push(Action::Send(response.clone()));
                Stage::Proceeding { answer: Answer::Sent(response) }
            }
            (Stage::Proceeding { .. }, Class::Success) => {
                out.push(Action::Send(response));
                Stage::Accepted { until: now + self.timers.timeout() }
            }
            (Stage::Proceeding { .. }, Class::Refusal) => {
                out.push(Action::Send(response.clone()));
                let again = (!self.reliable).then(|| Retransmission::start(now, self.timers.t1, self.timers.cap()));
                Stage::Completed { last: response, again, until: now + self.timers.timeout() }
            }
            (stage @ Stage::Accepted { .. }, Class::Success) => {
                out.push(Action::Send(response));
                stage
            }
            (
                stage
                @ (Stage::Completed { .. } | Stage::Confirmed { .. } | Stage::Accepted { .. } | Stage::Terminated),
                _,
            ) => {
                result = Err(RespondError::Answered);
                stage
            }
        };
        result
    }

    /// A response could not be sent.
    pub fn transport_failed(&self, cause: CloseCause, out: &mut Outbox<Action>) {
        match self.stage {
            Stage::Proceeding { .. } | Stage::Completed { .. } | Stage::Accepted { .. } => {
                out.push(Action::SendFailed(cause))
            }
            Stage::Confirmed { .. } | Stage::Terminated => {}
        }
    }

    /// Does what is due. Calling it early or twice does nothing.
    pub fn timeout(&mut self, now: Instant, out: &mut Outbox<Action>) {
        match &mut self.stage {
            Stage::Proceeding { answer } => {
                if let Answer::Pending { trying, at } = answer
                    && now >= *at
                {
                    *answer = match trying.response(now) {
                        Some(response) => {
                            out.push(Action::Send(response.clone()));
                            Answer::Sent(response)
                        }
                        None => Answer::Nothing,
                    };
                }
            }
            Stage::Completed { until, .. } if now >= *until => self.stage = end(End::NoAck, out),
            Stage::Completed { last, again: Some(again), .. } => {
                if again.take(now) {
                    out.push(Action::Send(last.clone()));
                }
            }
            Stage::Confirmed { until } | Stage::Accepted { until } if now >= *until => self.stage = end(End::Done, out),
            Stage::Completed { .. } | Stage::Confirmed { .. } | Stage::Accepted { .. } | Stage::Terminated => {}
        }
    }

    /// When [`timeout`](Self::timeout) is next due, and which timer that is.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        match &self.stage {
            Stage::Proceeding { answer: Answer::Pending { at, .. } } => Some((*at, Timer::Trying)),
            Stage::Completed { again: Some(again), until, .. } if again.at() < *until => Some((again.at(), Timer::G)),
            Stage::Completed { until, .. } => Some((*until, Timer::H)),
            Stage::Confirmed { until } => Some((*until, Timer::I)),
            Stage::Accepted { until } => Some((*until, Timer::L)),
            Stage::Proceeding { answer: Answer::Sent(_) | Answer::Nothing } | Stage::Terminated => None,
        }
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.stage {
            Stage::Proceeding { .. } => State::Proceeding,
            Stage::Completed { .. } => State::Completed,
            Stage::Confirmed { .. } => State::Confirmed,
            Stage::Accepted { .. } => State::Accepted,
            Stage::Terminated => State::Terminated,
        }
    }
}

fn end(end: End, out: &mut Outbox<Action>) -> Stage {
    out.push(Action::End(end));
    Stage::Terminated
}
