//! The provisional responses of one INVITE that are sent reliably (RFC 3262 section 3).
//!
//! ```text
//!             again at T1, 2·T1, 4·T1 …
//!                 ┌──┐
//!                 ▼  │
//!  18x ────► Unacknowledged ── PRACK ──► (the next that waits, or the 2xx)
//!                 │
//!                 └── 64·T1 without one ──► the INVITE is refused
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::id::TransactionId;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::sip::Response;
use crate::time::{Instant, earliest};
use crate::transaction::Timers;

use super::output::Output;
use super::server::Due;

/// How often a ringing call says so again, so that proxies on the way do not give up.
const REFRESH: Duration = Duration::from_secs(150);

/// How many may wait for the one before to be acknowledged; later ones say nothing new.
const WAITING: usize = 8;

/// The provisional responses of one INVITE that are sent reliably.
#[derive(Debug)]
pub(super) struct Reliable {
    /// The number of the last one made.
    last: u32,
    unacknowledged: Option<Unacknowledged>,
    waiting: VecDeque<Provisional>,
    /// The code that was acknowledged last, and when it is to be said again.
    refresh: Option<(u16, Instant)>,
}

/// A response, numbered.
#[derive(Debug)]
pub(super) struct Provisional {
    pub(super) rseq: u32,
    pub(super) response: Response,
    /// Whether it carries a session description.
    pub(super) describes: bool,
}

#[derive(Debug)]
struct Unacknowledged {
    rseq: u32,
    code: u16,
    data: Bytes,
    describes: bool,
    again: Instant,
    interval: Duration,
    until: Instant,
}

impl Reliable {
    /// None so far; the first number is drawn from the range that RFC 3262 section 3 gives.
    pub(super) fn new(random: &mut Random) -> Self {
        // Below the 31st bit, so that the first number is at most 2^31 - 1.
        let last = (random.u32() >> 1).min(0x7fff_fffe);
        Self { last, unacknowledged: None, waiting: VecDeque::new(), refresh: None }
    }

    /// The number of the next response.
    pub(super) const fn next(&mut self) -> u32 {
        self.last = self.last.saturating_add(1);
        self.last
    }

    /// Sends a response, or lets it wait for the acknowledgement of the one before.
    pub(super) fn send(
        &mut self,
        now: Instant,
        timers: &Timers,
        transaction: TransactionId,
        provisional: Provisional,
        out: &mut Outbox<Output>,
    ) {
        if self.unacknowledged.is_some() {
            if self.waiting.len() < WAITING {
                self.waiting.push_back(provisional);
            } else {
                self.last -= 1;
            }
            return;
        }
        let Provisional { rseq, response, describes } = provisional;
        self.refresh = None;
        self.unacknowledged = Some(Unacknowledged {
            rseq,
            code: response.code(),
            data: response.bytes().clone(),
            describes,
            again: now + timers.t1,
            interval: timers.t1,
            until: now + timers.timeout(),
        });
        out.push(Output::Respond { transaction, response });
    }

    /// A PRACK came: whether it is for the response that waits for one.
    pub(super) fn acknowledge(&mut self, now: Instant, rseq: u32) -> bool {
        match &self.unacknowledged {
            Some(sent) if sent.rseq == rseq => {
                self.refresh = Some((sent.code, now + REFRESH));
                self.unacknowledged = None;
                true
            }
            _ => false,
        }
    }

    /// The next response that waits.
    pub(super) fn pop(&mut self) -> Option<Provisional> {
        if self.unacknowledged.is_some() { None } else { self.waiting.pop_front() }
    }

    /// Whether a session description is not acknowledged yet, so that no 2xx may go out.
    pub(super) fn holds(&self) -> bool {
        self.unacknowledged.as_ref().is_some_and(|sent| sent.describes)
            || self.waiting.iter().any(|next| next.describes)
    }

    /// The final response goes out: nothing is repeated, and nothing new is sent. The number that a late PRACK may still name.
    pub(super) fn stop(self) -> Option<u32> {
        self.unacknowledged.map(|sent| sent.rseq)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let sent = self.unacknowledged.as_ref().map(|sent| sent.again.min(sent.until));
        earliest(sent, self.refresh.map(|(_, at)| at))
    }

    pub(super) fn timeout(&mut self, now: Instant, transaction: TransactionId, out: &mut Outbox<Output>) -> Due {
        if let Some(sent) = &mut self.unacknowledged {
            if sent.until <= now {
                self.unacknowledged = None;
                return Due::NoPrack;
            }
            if sent.again <= now {
                out.push(Output::RespondAgain { transaction, code: sent.code, data: sent.data.clone() });
                // There is no cap (RFC 3262 section 3).
                sent.interval = sent.interval.saturating_mul(2);
                sent.again = now + sent.interval;
            }
        }
        match self.refresh {
            Some((code, at)) if at <= now => {
                self.refresh = None;
                Due::Refresh(code)
            }
            _ => Due::Nothing,
        }
    }
}
