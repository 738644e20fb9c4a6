//! The client transaction of every request but INVITE and ACK (RFC 3261 section 17.1.2).
//!
//! ```text
//!                request: sent
//!                     │
//!      E: sent    ┌───▼────┐  F, transport failed
//!         ┌───────┤ Trying ├──────────────────────────┐
//!         └──────►└─┬───┬──┘                          │
//!   200-699: up     │   │ 1xx: up                     │
//!         ┌─────────┘   │                             │
//!         │  E: sent ┌──▼─────────┐ F, tr. failed     │
//!         │     ┌────┤ Proceeding ├───────────────────┤
//!         │     └───►└──┬───────┬▲┘                   │
//!         │ 200-699: up │       └┘ 1xx: up            │
//!         │        ┌────▼──────┐    K          ┌──────▼─────┐
//!         └───────►│ Completed ├──────────────►│ Terminated │
//!                  └───────────┘               └────────────┘
//! ```
//!
//! Over a reliable transport timer E does not run, and Completed is left at once.

use std::mem;

use bytes::Bytes;

use super::retransmission::Retransmission;
use super::state::Class;
use super::{Action, End, State, Timer, Timers};
use crate::outbox::Outbox;
use crate::time::Instant;
use crate::transport::CloseCause;

/// The non-INVITE client transaction.
#[derive(Debug)]
pub struct NonInviteClient {
    timers: Timers,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Trying { again: Option<Again>, timeout: Instant },
    Proceeding { again: Option<Again>, timeout: Instant },
    Completed { until: Instant },
    Terminated,
}

/// What is sent again, and when. Nothing is over a reliable transport.
#[derive(Debug)]
struct Again {
    request: Bytes,
    when: Retransmission,
}

impl Again {
    fn new(now: Instant, request: Bytes, reliable: bool, timers: &Timers) -> Option<Self> {
        (!reliable).then(|| Self { request, when: Retransmission::start(now, timers.t1, timers.cap()) })
    }
}

impl NonInviteClient {
    /// Sends the request.
    pub fn start(now: Instant, request: Bytes, reliable: bool, timers: Timers, out: &mut Outbox<Action>) -> Self {
        out.push(Action::Send(request.clone()));
        let again = Again::new(now, request, reliable, &timers);
        Self { timers, stage: Stage::Trying { again, timeout: now + timers.timeout() } }
    }

    /// The request went another way before anything answered it, and was sent there. False when something did.
    pub fn moved(&mut self, now: Instant, request: Bytes, reliable: bool) -> bool {
        match &mut self.stage {
            Stage::Trying { again, .. } => {
                *again = Again::new(now, request, reliable, &self.timers);
                true
            }
            Stage::Proceeding { .. } | Stage::Completed { .. } | Stage::Terminated => false,
        }
    }

    /// A response arrived that matches this transaction.
    pub fn receive(&mut self, now: Instant, code: u16, out: &mut Outbox<Action>) {
        let Some(class) = Class::of(code) else { return };
        self.stage = match (mem::replace(&mut self.stage, Stage::Terminated), class) {
            (Stage::Trying { mut again, timeout }, Class::Provisional) => {
                if let Some(again) = &mut again {
                    again.when.slow_down();
                }
                out.push(Action::Deliver);
                Stage::Proceeding { again, timeout }
            }
            (stage @ Stage::Proceeding { .. }, Class::Provisional) => {
                out.push(Action::Deliver);
                stage
            }
            (Stage::Trying { again, .. } | Stage::Proceeding { again, .. }, Class::Success | Class::Refusal) => {
                out.push(Action::Deliver);
                if again.is_some() { Stage::Completed { until: now + self.timers.t4 } } else { end(End::Done, out) }
            }
            (stage @ (Stage::Completed { .. } | Stage::Terminated), _) => stage,
        };
    }

    /// The request could not be sent, or the connection on which its response was awaited is gone.
    pub fn transport_failed(&mut self, cause: CloseCause, out: &mut Outbox<Action>) {
        match self.stage {
            Stage::Trying { .. } | Stage::Proceeding { .. } => self.stage = end(End::TransportFailed(cause), out),
            Stage::Completed { .. } | Stage::Terminated => {}
        }
    }

    /// Does what is due. Calling it early or twice does nothing.
    pub fn timeout(&mut self, now: Instant, out: &mut Outbox<Action>) {
        match &mut self.stage {
            Stage::Trying { timeout, .. } | Stage::Proceeding { timeout, .. } if now >= *timeout => {
                self.stage = end(End::Timeout, out);
            }
            Stage::Trying { again: Some(again), .. } | Stage::Proceeding { again: Some(again), .. } => {
                if again.when.take(now) {
                    out.push(Action::Send(again.request.clone()));
                }
            }
            Stage::Completed { until } if now >= *until => self.stage = end(End::Done, out),
            Stage::Trying { .. } | Stage::Proceeding { .. } | Stage::Completed { .. } | Stage::Terminated => {}
        }
    }

    /// When [`timeout`](Self::timeout) is next due, and which timer that is.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        match &self.stage {
            Stage::Trying { again, timeout } | Stage::Proceeding { again, timeout } => Some(match again {
                Some(again) if again.when.at() < *timeout => (again.when.at(), Timer::E),
                Some(_) | None => (*timeout, Timer::F),
            }),
            Stage::Completed { until } => Some((*until, Timer::K)),
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
