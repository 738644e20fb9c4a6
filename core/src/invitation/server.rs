//! An INVITE that came, initial or not: provisional responses, the 2xx and its retransmissions (RFC 3261 section 13.3.1).
//!
//! ```text
//!               1xx (again each minute, or as `reliable` says)
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
use crate::random::Random;
use crate::sip::{RAck, Response};
use crate::time::{Instant, earliest};
use crate::transaction::Timers;

use super::incoming::Incoming;
use super::output::Output;
use super::reliable::{Provisional, Reliable};

/// How often a ringing call says so again, so that proxies on the way do not give up (RFC 3261 section 13.3.1.1).
const REFRESH: Duration = Duration::from_secs(60);

/// An INVITE that came.
#[derive(Debug)]
pub(super) struct ServerInvite {
    incoming: Incoming,
    phase: Phase,
    reliable: Option<Box<Reliable>>,
    /// The 2xx that waits until what a provisional response said is acknowledged.
    held: Option<Response>,
    /// Whether the 2xx carries an offer, so that the ACK carries the answer.
    pub(super) offers: bool,
    /// When it is no longer wanted (RFC 3261 section 13.3.1).
    expires: Option<Instant>,
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
    /// No PRACK came for 64·T1.
    NoPrack,
    /// The provisional response with this code is to be said again, as a new one.
    Refresh(u16),
    /// Its Expires header says that it is no longer wanted.
    Expired,
}

impl ServerInvite {
    pub(super) fn new(now: Instant, incoming: Incoming) -> Self {
        let expires = incoming.request.expires().ok().flatten();
        let expires = expires.map(|expires| now + Duration::from_secs(u64::from(expires)));
        Self {
            incoming,
            phase: Phase::Unanswered { provisional: None },
            reliable: None,
            held: None,
            offers: false,
            expires,
        }
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

    pub(super) const fn is_unanswered(&self) -> bool {
        matches!(self.phase, Phase::Unanswered { .. })
    }

    /// Whether a 2xx waits for a PRACK.
    pub(super) const fn is_held(&self) -> bool {
        self.held.is_some()
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

    /// The number of the next reliable provisional response.
    pub(super) fn next_rseq(&mut self, random: &mut Random) -> u32 {
        self.reliable.get_or_insert_with(|| Box::new(Reliable::new(random))).next()
    }

    /// Sends a reliable provisional response, or lets it wait for its turn.
    pub(super) fn provisional_reliably(
        &mut self,
        now: Instant,
        timers: &Timers,
        provisional: Provisional,
        out: &mut Outbox<Output>,
    ) {
        let transaction = self.transaction();
        // What was said unreliably is not repeated any more.
        self.phase = Phase::Unanswered { provisional: None };
        if let Some(reliable) = &mut self.reliable {
            reliable.send(now, timers, transaction, provisional, out);
        }
    }

    /// Whether a PRACK acknowledges the provisional response that waits for one.
    pub(super) fn acknowledge(&mut self, now: Instant, rack: &RAck) -> bool {
        rack.cseq == self.cseq() && self.reliable.as_mut().is_some_and(|own| own.acknowledge(now, rack.rseq))
    }

    /// What waited for a PRACK goes out. True when it was the 2xx.
    pub(super) fn go_on(&mut self, now: Instant, timers: &Timers, out: &mut Outbox<Output>) -> bool {
        let transaction = self.transaction();
        if let Some(reliable) = &mut self.reliable
            && let Some(next) = reliable.pop()
        {
            reliable.send(now, timers, transaction, next, out);
        }
        if self.reliable.as_ref().is_some_and(|reliable| reliable.holds()) {
            return false;
        }
        let Some(response) = self.held.take() else { return false };
        self.accept_now(now, timers, response, out);
        true
    }

    /// Accepts it, at once or when its provisional responses allow it: then true.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        timers: &Timers,
        response: Response,
        out: &mut Outbox<Output>,
    ) -> bool {
        if self.reliable.as_ref().is_some_and(|reliable| reliable.holds()) {
            self.held = Some(response);
            return false;
        }
        self.accept_now(now, timers, response, out);
        true
    }

    fn accept_now(&mut self, now: Instant, timers: &Timers, response: Response, out: &mut Outbox<Output>) {
        let data = response.bytes().clone();
        let until = now + timers.timeout();
        self.phase = Phase::Accepted { data, again: now + timers.t1, interval: timers.t1, until };
        out.push(Output::Respond { transaction: self.transaction(), response });
    }

    pub(super) fn refuse(&mut self, response: Response, out: &mut Outbox<Output>) {
        self.phase = Phase::Refused;
        self.held = None;
        out.push(Output::Respond { transaction: self.transaction(), response });
    }

    /// After the final response: the number that a late PRACK may still name.
    pub(super) fn late(&mut self) -> Option<u32> {
        if self.is_unanswered() { None } else { self.reliable.take()?.stop() }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Unanswered { provisional } => {
                let again = provisional.as_ref().map(|(_, _, again)| *again);
                let reliable = self.reliable.as_ref().and_then(|reliable| reliable.deadline());
                earliest(earliest(again, reliable), self.expires)
            }
            Phase::Accepted { again, until, .. } => Some(*again.min(until)),
            Phase::Refused => None,
        }
    }

    pub(super) fn timeout(&mut self, now: Instant, timers: &Timers, out: &mut Outbox<Output>) -> Due {
        let transaction = self.transaction();
        match &mut self.phase {
            Phase::Unanswered { .. } if self.expires.is_some_and(|at| at <= now) => return Due::Expired,
            Phase::Unanswered { provisional } => {
                if let Some((code, data, again)) = provisional
                    && *again <= now
                {
                    out.push(Output::RespondAgain { transaction, code: *code, data: data.clone() });
                    *again = now + REFRESH;
                }
                if let Some(reliable) = &mut self.reliable {
                    return reliable.timeout(now, transaction, out);
                }
            }
            Phase::Accepted { until, .. } if *until <= now => return Due::NoAck,
            Phase::Accepted { data, again, interval, .. } if *again <= now => {
                out.push(Output::RespondAgain { transaction, code: 200, data: data.clone() });
                *interval = interval.saturating_mul(2).min(timers.t2);
                *again = now + *interval;
            }
            Phase::Accepted { .. } | Phase::Refused => {}
        }
        Due::Nothing
    }
}
