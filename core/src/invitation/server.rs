//! An INVITE that came, initial or not: provisional responses, the 2xx and its retransmissions (RFC 3261 section 13.3.1).
//!
//! ```text
//!               1xx (again each minute)
//!              ┌──┐
//!              ▼  │
//!  INVITE ──► Unanswered ── 300–699 ──► Refused ── ACK or timer H ──► (gone)
//!                 │
//!                 │ 2xx, again at T1, 2·T1 … T2
//!                 ▼
//!             Accepted ── ACK, or 64·T1 without one ──► (gone)
//! ```

use std::time::Duration;

use bytes::Bytes;

use crate::id::TransactionId;
use crate::outbox::Outbox;
use crate::sip::Response;
use crate::time::Instant;
use crate::transaction::Timers;

use super::incoming::Incoming;
use super::output::Output;

/// How often a ringing call says so again, so that proxies on the way do not give up (RFC 3261 section 13.3.1.1).
const REFRESH: Duration = Duration::from_secs(60);

/// An INVITE that came.
#[derive(Debug)]
pub(super) struct ServerInvite {
    incoming: Incoming,
    offered: bool,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Unanswered { provisional: Option<(u16, Bytes, Instant)> },
    Accepted { data: Bytes, again: Instant, interval: Duration, until: Instant },
    Refused,
}

/// What a deadline brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A retransmission, or nothing.
    Nothing,
    /// No ACK came for 64·T1.
    NoAck,
}

impl ServerInvite {
    pub(super) const fn new(incoming: Incoming, offered: bool) -> Self {
        Self { incoming, offered, phase: Phase::Unanswered { provisional: None } }
    }

    pub(super) const fn incoming(&self) -> &Incoming {
        &self.incoming
    }

    pub(super) const fn transaction(&self) -> TransactionId {
        self.incoming.transaction
    }

    pub(super) const fn cseq(&self) -> u32 {
        self.incoming.essentials.cseq.number
    }

    /// Whether it carried an offer, so that the 2xx carries the answer.
    pub(super) const fn offered(&self) -> bool {
        self.offered
    }

    pub(super) const fn is_unanswered(&self) -> bool {
        matches!(self.phase, Phase::Unanswered { .. })
    }

    pub(super) const fn is_accepted(&self) -> bool {
        matches!(self.phase, Phase::Accepted { .. })
    }

    pub(super) fn provisional(&mut self, now: Instant, response: Response, out: &mut Outbox<Output>) {
        if self.is_unanswered() {
            self.phase =
                Phase::Unanswered { provisional: Some((response.code(), response.bytes().clone(), now + REFRESH)) };
            out.push(Output::Respond { transaction: self.transaction(), response });
        }
    }

    pub(super) fn accept(&mut self, now: Instant, timers: &Timers, response: Response, out: &mut Outbox<Output>) {
        let data = response.bytes().clone();
        let until = now + timers.timeout();
        self.phase = Phase::Accepted { data, again: now + timers.t1, interval: timers.t1, until };
        out.push(Output::Respond { transaction: self.transaction(), response });
    }

    pub(super) fn refuse(&mut self, response: Response, out: &mut Outbox<Output>) {
        self.phase = Phase::Refused;
        out.push(Output::Respond { transaction: self.transaction(), response });
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Unanswered { provisional } => provisional.as_ref().map(|(_, _, again)| *again),
            Phase::Accepted { again, until, .. } => Some(*again.min(until)),
            Phase::Refused => None,
        }
    }

    pub(super) fn timeout(&mut self, now: Instant, timers: &Timers, out: &mut Outbox<Output>) -> Due {
        let transaction = self.transaction();
        match &mut self.phase {
            Phase::Unanswered { provisional: Some((code, data, again)) } if *again <= now => {
                out.push(Output::RespondAgain { transaction, code: *code, data: data.clone() });
                *again = now + REFRESH;
            }
            Phase::Accepted { until, .. } if *until <= now => return Due::NoAck,
            Phase::Accepted { data, again, interval, .. } if *again <= now => {
                out.push(Output::RespondAgain { transaction, code: 200, data: data.clone() });
                *interval = interval.saturating_mul(2).min(timers.t2);
                *again = now + *interval;
            }
            Phase::Unanswered { .. } | Phase::Accepted { .. } | Phase::Refused => {}
        }
        Due::Nothing
    }
}
