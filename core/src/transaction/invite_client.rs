//! The INVITE client transaction (RFC 3261 section 17.1.1, as RFC 6026 section 8.4 draws it), and when its CANCEL goes out (RFC 3261 section 9.1).
//!
//! ```text
//!                        INVITE: sent
//!                             │
//!               A: sent  ┌────▼────┐  B, transport failed
//!                  ┌─────┤ Calling ├─────────────────────────────┐
//!                  └────►└┬───┬───┬┘                             │
//!       300-699: ACK, up  │   │   │  2xx: up                     │
//!          ┌──────────────┘   │   └───────────────┐              │
//!          │                  │ 1xx: up           │              │
//!          │           ┌──────▼─────┐ 64·T1 after the CANCEL,    │
//!          │  1xx: up  │            │ transport failed           │
//!          │      ┌────┤ Proceeding ├──────────────┼─────────────┤
//!          │      └───►└─┬────────┬─┘             │              │
//!          │             │        │ 2xx: up       │              │
//!          │  300-699:   │        └────────────┐  │              │
//!          │  ACK, up    │                     │  │              │
//!         ┌▼─────────────▼┐                 ┌──▼──▼────┐ 2xx: up │
//!         │   Completed   ├──┐              │ Accepted ├───┐     │
//!         └──────┬─────▲──┘  │              └────┬──▲──┘   │     │
//!                │     └─────┘                   │  └──────┘     │
//!                │     300-699: ACK              │ M             │
//!                │ D, transport failed           │        ┌──────▼─────┐
//!                └───────────────────────────────┴───────►│ Terminated │
//!                                                         └────────────┘
//! ```
//!
//! Over a reliable transport timer A does not run, and Completed is left at once. A CANCEL that is wanted while Calling leaves with the first
//! 1xx, and not at all when a final response is the first. The ACK for a 2xx is the transaction user's.

use std::mem;

use bytes::Bytes;

use super::derived;
use super::retransmission::Retransmission;
use super::state::Class;
use super::{Action, End, State, Timer, Timers};
use crate::outbox::Outbox;
use crate::sip::{Request, Response, Text};
use crate::time::Instant;
use crate::transport::CloseCause;

/// The INVITE client transaction.
#[derive(Debug)]
pub struct InviteClient {
    timers: Timers,
    reliable: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Calling { invite: Request, again: Option<Retransmission>, timeout: Instant, cancel: Option<Cancel> },
    Proceeding { invite: Request, cancelled: Option<Instant> },
    Completed { ack: Option<Bytes>, until: Instant },
    Accepted { until: Instant },
    Terminated,
}

/// A CANCEL that waits for the first provisional response, with the value of its Reason header (RFC 3326).
#[derive(Debug)]
struct Cancel {
    reason: Option<Text>,
}

impl InviteClient {
    /// Sends the INVITE.
    pub fn start(now: Instant, invite: Request, reliable: bool, timers: Timers, out: &mut Outbox<Action>) -> Self {
        out.push(Action::Send(invite.bytes().clone()));
        let again = (!reliable).then(|| Retransmission::start(now, timers.t1, timers.timeout()));
        Self {
            timers,
            reliable,
            stage: Stage::Calling { invite, again, timeout: now + timers.timeout(), cancel: None },
        }
    }

    /// The INVITE went another way before anything answered it, and was sent there. False when something did.
    pub fn moved(&mut self, now: Instant, request: Request, reliable: bool) -> bool {
        match &mut self.stage {
            Stage::Calling { invite, again, .. } => {
                *invite = request;
                *again = (!reliable).then(|| Retransmission::start(now, self.timers.t1, self.timers.timeout()));
                self.reliable = reliable;
                true
            }
            Stage::Proceeding { .. } | Stage::Completed { .. } | Stage::Accepted { .. } | Stage::Terminated => false,
        }
    }

    /// A response arrived that matches this transaction.
    pub fn receive(&mut self, now: Instant, response: &Response, out: &mut Outbox<Action>) {
        let Some(class) = Class::of(response.code()) else { return };
        self.stage = match (mem::replace(&mut self.stage, Stage::Terminated), class) {
            (Stage::Calling { invite, cancel, .. }, Class::Provisional) => {
                out.push(Action::Deliver);
                match cancel {
                    Some(cancel) => self.send_cancel(now, invite, cancel, out),
                    None => Stage::Proceeding { invite, cancelled: None },
                }
            }
            (stage @ Stage::Proceeding { .. }, Class::Provisional) => {
                out.push(Action::Deliver);
                stage
            }
            (Stage::Calling { .. } | Stage::Proceeding { .. }, Class::Success) => {
                out.push(Action::Deliver);
                Stage::Accepted { until: now + self.timers.timeout() }
            }
            (Stage::Calling { invite, .. } | Stage::Proceeding { invite, .. }, Class::Refusal) => {
                let ack = derived::ack(&invite, response);
                if let Some(ack) = &ack {
                    out.push(Action::Send(ack.clone()));
                }
                out.push(Action::Deliver);
                if self.reliable { end(End::Done, out) } else { Stage::Completed { ack, until: now + self.timers.d() } }
            }
            (Stage::Completed { ack, until }, Class::Refusal) => {
                if let Some(ack) = &ack {
                    out.push(Action::Send(ack.clone()));
                }
                Stage::Completed { ack, until }
            }
            (stage @ Stage::Accepted { .. }, Class::Success) => {
                out.push(Action::Deliver);
                stage
            }
            (stage @ (Stage::Completed { .. } | Stage::Accepted { .. } | Stage::Terminated), _) => stage,
        };
    }

    /// Cancels the INVITE: at once when a provisional response was received, else as soon as one is.
    ///
    /// False when there is nothing to cancel any more, or it was cancelled before. `reason` is the value of the Reason header (RFC 3326).
    pub fn cancel(&mut self, now: Instant, reason: Option<Text>, out: &mut Outbox<Action>) -> bool {
        match mem::replace(&mut self.stage, Stage::Terminated) {
            Stage::Calling { invite, again, timeout, cancel: None } => {
                self.stage = Stage::Calling { invite, again, timeout, cancel: Some(Cancel { reason }) };
                true
            }
            Stage::Proceeding { invite, cancelled: None } => {
                self.stage = self.send_cancel(now, invite, Cancel { reason }, out);
                true
            }
            stage @ (Stage::Calling { .. }
            | Stage::Proceeding { .. }
            | Stage::Completed { .. }
            | Stage::Accepted { .. }
            | Stage::Terminated) => {
                self.stage = stage;
                false
            }
        }
    }

    fn send_cancel(&self, now: Instant, invite: Request, cancel: Cancel, out: &mut Outbox<Action>) -> Stage {
        if let Some(cancel) = derived::cancel(&invite, cancel.reason) {
            out.push(Action::Cancel(cancel));
        }
        Stage::Proceeding { invite, cancelled: Some(now + self.timers.timeout()) }
    }

    /// The INVITE or the ACK could not be sent, or the connection on which responses were awaited is gone.
    pub fn transport_failed(&mut self, cause: CloseCause, out: &mut Outbox<Action>) {
        match self.stage {
            Stage::Calling { .. } | Stage::Proceeding { .. } | Stage::Completed { .. } => {
                self.stage = end(End::TransportFailed(cause), out);
            }
            Stage::Accepted { .. } | Stage::Terminated => {}
        }
    }

    /// Does what is due. Calling it early or twice does nothing.
    pub fn timeout(&mut self, now: Instant, out: &mut Outbox<Action>) {
        match &mut self.stage {
            Stage::Calling { timeout, .. } if now >= *timeout => self.stage = end(End::Timeout, out),
            Stage::Calling { invite, again: Some(again), .. } => {
                if again.take(now) {
                    out.push(Action::Send(invite.bytes().clone()));
                }
            }
            Stage::Proceeding { cancelled: Some(until), .. } if now >= *until => self.stage = end(End::Cancelled, out),
            Stage::Completed { until, .. } | Stage::Accepted { until } if now >= *until => {
                self.stage = end(End::Done, out)
            }
            Stage::Calling { .. }
            | Stage::Proceeding { .. }
            | Stage::Completed { .. }
            | Stage::Accepted { .. }
            | Stage::Terminated => {}
        }
    }

    /// When [`timeout`](Self::timeout) is next due, and which timer that is. While Proceeding nothing is due: how long it rings is for the
    /// transaction user to decide.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        match &self.stage {
            Stage::Calling { again: Some(again), timeout, .. } if again.at() < *timeout => Some((again.at(), Timer::A)),
            Stage::Calling { timeout, .. } => Some((*timeout, Timer::B)),
            Stage::Proceeding { cancelled, .. } => cancelled.map(|until| (until, Timer::Cancel)),
            Stage::Completed { until, .. } => Some((*until, Timer::D)),
            Stage::Accepted { until } => Some((*until, Timer::M)),
            Stage::Terminated => None,
        }
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.stage {
            Stage::Calling { .. } => State::Calling,
            Stage::Proceeding { .. } => State::Proceeding,
            Stage::Completed { .. } => State::Completed,
            Stage::Accepted { .. } => State::Accepted,
            Stage::Terminated => State::Terminated,
        }
    }
}

fn end(end: End, out: &mut Outbox<Action>) -> Stage {
    out.push(Action::End(end));
    Stage::Terminated
}
