//! A client transaction over datagrams (RFC 8489 section 6.2.1).
//!
//! ```text
//!  start ──► Waiting ──response──► (done)
//!             │   ▲
//!             └───┘ again after RTO, 2·RTO, 4·RTO …, 7 times in all
//!             └── 16·RTO after the last ──► (failed)
//! ```

use std::time::Duration;

use bytes::Bytes;

use super::{Class, Message, TransactionId};
use crate::time::Instant;

/// The time to the first repetition, where nothing better is known.
pub const RTO: Duration = Duration::from_millis(500);

/// How often a request is sent in all (Rc).
const REQUESTS: u32 = 7;

/// How long the answer to the last one is waited for, in RTO (Rm).
const LAST: u32 = 16;

/// A request that waits for its response.
#[derive(Clone, Debug)]
pub struct Transaction {
    id: TransactionId,
    request: Bytes,
    rto: Duration,
    sent: u32,
    due: Instant,
}

/// What a deadline brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It has not come yet.
    Wait,
    /// Send the request again.
    Send(Bytes),
    /// Nobody answers.
    Failed,
}

impl Transaction {
    /// Starts one; the request is to be sent now.
    #[must_use]
    pub fn start(now: Instant, id: TransactionId, request: Bytes, rto: Duration) -> Self {
        Self { id, request, rto, sent: 1, due: now + rto }
    }

    /// Its identifier.
    #[must_use]
    pub const fn id(&self) -> TransactionId {
        self.id
    }

    /// Whether the first request was not answered in time.
    #[must_use]
    pub const fn is_repeated(&self) -> bool {
        self.sent > 1
    }

    /// When [`timeout`](Self::timeout) is next due.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.due
    }

    /// Sends nothing again, but still waits for as long as it would have (RFC 8445 section 7.3.1.4).
    pub fn cancel(&mut self) {
        if self.sent < REQUESTS {
            self.due += self.rto * ((1 << (REQUESTS - 1)) - (1 << self.sent) + LAST);
            self.sent = REQUESTS;
        }
    }

    /// Time has passed.
    pub fn timeout(&mut self, now: Instant) -> Step {
        if now < self.due {
            return Step::Wait;
        }
        if self.sent >= REQUESTS {
            return Step::Failed;
        }
        let factor = if self.sent + 1 == REQUESTS { LAST } else { 1 << self.sent };
        self.sent += 1;
        self.due = now + self.rto * factor;
        Step::Send(self.request.clone())
    }

    /// Whether this is the response, whatever it says and whoever vouches for it.
    #[must_use]
    pub fn is_answered_by(&self, message: &Message) -> bool {
        message.transaction() == self.id && matches!(message.class(), Class::Success | Class::Error)
    }
}
